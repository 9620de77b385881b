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

static void the_url_is_the_options_the_environments_or_the_usual_one(void **state) {
    (void)state;
    assert_string_equal(cli_url(NULL), "http://127.0.0.1:8080");
    assert_string_equal(cli_url(""), "http://127.0.0.1:8080");
    setenv("WEIR_URL", "https://weir.example", 1);
    assert_string_equal(cli_url(NULL), "https://weir.example");
    assert_string_equal(cli_url("http://[::1]:9000"), "http://[::1]:9000");
    setenv("WEIR_URL", "", 1);
    assert_string_equal(cli_url(NULL), "http://127.0.0.1:8080");
}

static void the_key_is_the_options_the_environments_or_the_state_folders(void **state) {
    static const struct {
        const char *content, *key;
    } rows[] = {{"", ""},
                {"a-key", "a-key"},
                {"a-key\n", "a-key"},
                {"a-key \n\n", "a-key"},
                {"\n", ""},
                {"a b\n", "a b"},
                {"0123456789abcde", "0123456789abcde"},
                {"0123456789abcdef", "0123456789abcde"}}; /* no more than there is room for */
    char buffer[16];
    (void)state;
    assert_string_equal(cli_admin_key(NULL, buffer, sizeof buffer), ""); /* there is no such file */
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        FILE *file = fopen(key_path, "w");
        assert_true(file && fputs(rows[i].content, file) >= 0);
        fclose(file);
        assert_string_equal(cli_admin_key(NULL, buffer, sizeof buffer), rows[i].key);
    }
    assert_string_equal(cli_admin_key("", buffer, sizeof buffer), "0123456789abcde");
    setenv("WEIR_ADMIN_KEY", "another", 1);
    assert_string_equal(cli_admin_key(NULL, buffer, sizeof buffer), "another");
    assert_string_equal(cli_admin_key("given", buffer, sizeof buffer), "given");
}

static void a_url_that_is_none_and_a_gateway_that_is_away_are_said(void **state) {
    struct said said;
    int status = 0;
    (void)state;
    said_begin(&said, stderr);
    assert_null(cli_fetch("GET", "ftp://here", "/x", "", &status));
    assert_non_null(strstr(said_end(&said), "weir: the URL ftp://here is not valid: "));
    said_begin(&said, stderr);
    assert_null(cli_fetch("GET", "unix:/nowhere/weir.sock", "/x", "", &status));
    assert_non_null(strstr(said_end(&said), "weir: no gateway answers at unix:/nowhere/weir.sock: "));
    assert_non_null(strstr(said.text, "Is `weir serve` running?"));
    assert_int_equal(status, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_url_is_the_options_the_environments_or_the_usual_one, begin, end),
        cmocka_unit_test_setup_teardown(the_key_is_the_options_the_environments_or_the_state_folders, begin, end),
        cmocka_unit_test_setup_teardown(a_url_that_is_none_and_a_gateway_that_is_away_are_said, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
