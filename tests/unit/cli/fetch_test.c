/* fetch_test.c - where a command finds the running gateway, and the key that it shows there. */
#include "cli/cli.h"

#include <stdlib.h>

#include "said.h"

static char folder[64], key_path[96];

static int begin(void **state) {
    (void)state;
    snprintf(folder, sizeof folder, "/tmp/weir-test-XXXXXX");
    unsetenv("WEIR_URL");
    unsetenv("WEIR_ADMIN_KEY");
    if (!mkdtemp(folder)) return 1;
    snprintf(key_path, sizeof key_path, "%s/admin.key", folder);
    return setenv("WEIR_STATE_DIR", folder, 1);
}

static int end(void **state) {
    (void)state;
    unsetenv("WEIR_URL");
    unsetenv("WEIR_ADMIN_KEY");
    unsetenv("WEIR_STATE_DIR");
    unlink(key_path);
    return rmdir(folder);
}

static struct cli_place found(const struct cli_gateway *gateway) {
    struct cli_place place;
    assert_true(cli_place_find(gateway, &place));
    return place;
}

static void the_url_is_the_options_or_the_environments(void **state) {
    const struct cli_gateway none = {.key = "k"}, given = {.url = "http://[::1]:9000", .key = "k"};
    (void)state;
    setenv("WEIR_URL", "https://weir.example", 1);
    assert_string_equal(found(&none).url, "https://weir.example");
    assert_string_equal(found(&none).from, "WEIR_URL");
    assert_string_equal(found(&given).url, "http://[::1]:9000");
    assert_string_equal(found(&given).from, "--url");
}

static void the_key_is_the_options_the_environments_or_the_state_folders(void **state) {
    static const struct {
        const char *content, *key;
    } rows[] = {{"", ""},   {"a-key", "a-key"}, {"a-key\n", "a-key"}, {"a-key \n\n", "a-key"},
                {"\n", ""}, {"a b\n", "a b"}};
    const struct cli_gateway here = {.url = "http://127.0.0.1:9000"}, given = {.url = here.url, .key = "given"};
    (void)state;
    assert_string_equal(found(&here).key_text, ""); /* there is no such file */
    assert_non_null(strstr(found(&here).key_from, "admin.key: "));
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        FILE *file = fopen(key_path, "w");
        assert_true(file && fputs(rows[i].content, file) >= 0);
        fclose(file);
        assert_string_equal(found(&here).key_text, rows[i].key);
    }
    const struct cli_gateway elsewhere = {.url = "https://weir.example"};
    assert_string_equal(found(&elsewhere).key_text, ""); /* another machine is not told it */
    setenv("WEIR_ADMIN_KEY", "another", 1);
    assert_string_equal(found(&elsewhere).key_text, "another");
    assert_string_equal(found(&here).key_text, "another");
    assert_string_equal(found(&given).key_text, "given");
    assert_string_equal(found(&given).key_from, "--admin-key");
}

static void a_url_that_is_none_and_a_gateway_that_is_away_are_said(void **state) {
    const struct cli_gateway odd = {.url = "ftp://here"}, away = {.url = "unix:/nowhere/weir.sock"};
    struct said said;
    int status = 0;
    (void)state;
    said_begin(&said, stderr);
    assert_null(cli_send("GET", &odd, "/x", STR(""), &status));
    assert_non_null(strstr(said_end(&said), "ftp://here"));
    said_begin(&said, stderr);
    assert_null(cli_send("GET", &away, "/x", STR(""), &status));
    assert_non_null(strstr(said_end(&said), "unix:/nowhere/weir.sock"));
    assert_non_null(strstr(said.text, "Is `weir serve` running?"));
    assert_int_equal(status, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_url_is_the_options_or_the_environments, begin, end),
        cmocka_unit_test_setup_teardown(the_key_is_the_options_the_environments_or_the_state_folders, begin, end),
        cmocka_unit_test_setup_teardown(a_url_that_is_none_and_a_gateway_that_is_away_are_said, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
