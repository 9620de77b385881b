/* place_test.c - where a running gateway is, and its admin key: as given, by variables, else as the configuration says.
 */
#include "cli/cli.h"

#include <stdlib.h>
#include <sys/stat.h>

#include "said.h"

static char folder[64], path[128];

static void file_write(const char *name, const char *text) {
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
    assert_int_equal(chmod(path, 0600), 0);
}

static int begin(void **state) {
    (void)state;
    static const char *const names[] = {"WEIR_URL", "WEIR_ADMIN_KEY", "WEIR_STATE_DIR", "WEIR_CONFIG", "WEIR_LISTEN"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) unsetenv(names[i]);
    snprintf(folder, sizeof folder, "/tmp/weir-place-XXXXXX");
    return mkdtemp(folder) ? 0 : 1;
}

static int end(void **state) {
    (void)state;
    static const char *const names[] = {"weir.yaml", "admin.key"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        snprintf(path, sizeof path, "%s/%s", folder, names[i]);
        unlink(path);
    }
    return rmdir(folder);
}

static void configure(const char *more) {
    char text[512];
    snprintf(text, sizeof text, "state_dir: %s\nproviders: {a: {type: openai, api_key: k}}\n%s\n", folder, more);
    file_write("weir.yaml", text);
}

/* true: it was found, and nothing was said. */
static bool find(const struct cli_gateway *gateway, struct cli_place *place, struct said *said) {
    said_begin(said, stderr);
    bool found = cli_place_find(gateway, place);
    said_end(said);
    if (found) assert_string_equal(said->text, "");
    return found;
}

static void who_listens_everywhere_is_reached_over_loopback(void **state) {
    static const struct {
        const char *listen, *url;
    } rows[] = {
        {"listen: '127.0.0.1:8080'", "http://127.0.0.1:8080"}, {"listen: '0.0.0.0:8080'", "http://127.0.0.1:8080"},
        {"listen: '[::]:8080'", "http://[::1]:8080"},          {"listen: '[::0]:8080'", "http://[::1]:8080"},
        {"listen: '10.0.0.1:8080'", "http://10.0.0.1:8080"},   {"listen: 'unix:/run/weir.sock'", "unix:/run/weir.sock"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct cli_place place;
        struct said said;
        configure(rows[i].listen);
        if (!find(&(struct cli_gateway){.config = path}, &place, &said)) fail_msg("%s", said.text);
        assert_string_equal(place.url, rows[i].url);
        assert_false(place.unverified);
        assert_non_null(strstr(place.from, "weir.yaml:3:"));
    }
}

static void a_port_that_changes_at_each_start_is_no_place(void **state) {
    struct cli_place place;
    struct said said;
    (void)state;
    configure("listen: '127.0.0.1:0'");
    assert_false(find(&(struct cli_gateway){.config = path}, &place, &said));
    assert_non_null(strstr(said.text, "weir: where the gateway is cannot be told: "));
    assert_non_null(
        strstr(said.text, ": `127.0.0.1:0` is another port at each start. Give it by --url or WEIR_URL.\n"));
}

static void the_key_is_that_of_the_state_folder_without_its_blanks(void **state) {
    struct cli_place place;
    struct said said;
    char config[128], key_path[128];
    (void)state;
    configure("listen: '127.0.0.1:8080'");
    memcpy(config, path, sizeof config);
    const struct cli_gateway gateway = {.config = config};
    snprintf(key_path, sizeof key_path, "%s/admin.key", folder);
    assert_true(find(&gateway, &place, &said));
    assert_string_equal(place.key_text, "");
    assert_memory_equal(place.key_from, key_path, strlen(key_path));
    assert_non_null(strstr(place.key_from, "admin.key: "));
    assert_null(strstr(place.key_from, "empty"));
    file_write("admin.key", " \n");
    assert_true(find(&gateway, &place, &said));
    assert_string_equal(place.key_text, "");
    assert_non_null(strstr(place.key_from, "admin.key: empty"));
    file_write("admin.key", " wr-admin-1\n");
    assert_true(find(&gateway, &place, &said));
    assert_string_equal(place.key_text, "wr-admin-1");
    assert_string_equal(place.key_from, key_path);
}

/* A gateway elsewhere has another key, and this one's is nothing for it. */
static void a_key_goes_to_its_own_gateway(void **state) {
    static const struct {
        const char *url;
        bool config, state, key;
    } rows[] = {
        {"http://127.0.0.1:8080", true, false, true},   {"http://localhost:8080", true, false, true},
        {"http://gateway.example", true, false, true}, /* both were named */
        {"http://127.0.0.1:8080", false, true, true},   {"http://[::1]:8080", false, true, true},
        {"http://gateway.example", false, true, false}, {"unix:/run/weir.sock", false, true, true},
        {"http://127.0.0.1:8080", false, false, false},
    };
    (void)state;
    configure("listen: '127.0.0.1:8080'");
    file_write("admin.key", "wr-admin-1\n");
    char config[160];
    snprintf(config, sizeof config, "%s/weir.yaml", folder);
    setenv("XDG_CONFIG_HOME", "/nonexistent", 1);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct cli_place place;
        struct said said;
        if (rows[i].state) setenv("WEIR_STATE_DIR", folder, 1);
        if (!rows[i].config && !rows[i].state) setenv("WEIR_STATE_DIR", "/nonexistent", 1);
        const struct cli_gateway gateway = {.url = rows[i].url, .config = rows[i].config ? config : NULL};
        assert_true(find(&gateway, &place, &said));
        assert_string_equal(place.url, rows[i].url);
        assert_string_equal(place.from, "--url");
        if ((strcmp(place.key_text, "wr-admin-1") == 0) != rows[i].key) fail_msg("row %zu: %s", i, place.key_from);
        if (!rows[i].key && rows[i].state) assert_string_equal(place.key_from, "none");
        unsetenv("WEIR_STATE_DIR");
    }
}

static void options_are_before_variables(void **state) {
    struct cli_place place;
    struct said said;
    (void)state;
    setenv("WEIR_URL", "http://a.example", 1);
    setenv("WEIR_ADMIN_KEY", "wr-a", 1);
    assert_true(find(&(struct cli_gateway){.url = NULL}, &place, &said));
    assert_string_equal(place.url, "http://a.example");
    assert_string_equal(place.from, "WEIR_URL");
    assert_string_equal(place.key_text, "wr-a");
    assert_string_equal(place.key_from, "WEIR_ADMIN_KEY");
    assert_true(find(&(struct cli_gateway){.url = "http://b.example", .key = "wr-b"}, &place, &said));
    assert_string_equal(place.url, "http://b.example");
    assert_string_equal(place.from, "--url");
    assert_string_equal(place.key_text, "wr-b");
    assert_string_equal(place.key_from, "--admin-key");
    setenv("WEIR_URL", "", 1); /* empty is not there */
    configure("listen: '127.0.0.1:8081'");
    assert_true(find(&(struct cli_gateway){.config = path}, &place, &said));
    assert_string_equal(place.url, "http://127.0.0.1:8081");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(who_listens_everywhere_is_reached_over_loopback, begin, end),
        cmocka_unit_test_setup_teardown(a_port_that_changes_at_each_start_is_no_place, begin, end),
        cmocka_unit_test_setup_teardown(the_key_is_that_of_the_state_folder_without_its_blanks, begin, end),
        cmocka_unit_test_setup_teardown(a_key_goes_to_its_own_gateway, begin, end),
        cmocka_unit_test_setup_teardown(options_are_before_variables, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
