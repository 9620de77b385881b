/* weir_config_test.c - a configuration from its file or text: what is wrong with it is said in the room there is. */
#include "runtime/weir_internal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

enum { room = 640 };

/* What is said of this file, or of this text, in a room of this size full of something else. */
static bool check(const char *path, const char *text, char *problems, size_t size) {
    struct config config;
    struct weir_host host = weir_host_default;
    memset(problems, 'x', size);
    bool good = library_config_check(path, text, &host, &config, problems, size);
    config_free(&config);
    return good;
}

static void a_file_that_cannot_be_read_is_named(void **state) {
    char problems[room];
    (void)state;
    assert_false(check("/nowhere/weir.yaml", NULL, problems, sizeof problems));
    assert_string_equal(problems, "/nowhere/weir.yaml: cannot be read: No such file or directory");
    assert_false(check("/", NULL, problems, sizeof problems));
    assert_memory_equal(problems, "/: cannot be read: ", 19);
}

static void a_name_longer_than_the_room_is_cut_and_not_left_out(void **state) {
    char path[2 * room], problems[room];
    (void)state;
    memset(path, 'n', sizeof path);
    path[0] = '/';
    path[sizeof path - 1] = 0;
    for (size_t size = 0; size <= room; size += 64) {
        assert_false(check(path, NULL, problems, size));
        if (size == 0) continue;
        assert_int_equal(strnlen(problems, size), size - 1);
        assert_memory_equal(problems, path, size - 1);
    }
}

static void a_text_is_good_or_its_line_is_told(void **state) {
    assert_true(hash_start());
    char problems[room];
    (void)state;
    assert_true(check(NULL, "state_dir: \"\"\nproviders: {p: {type: openai, api_key: k, models: [m]}}\n", problems,
                      sizeof problems));
    assert_false(check(NULL, "state_dir: \"\"\nproviders: {p: {type: openal, api_key: k, models: [m]}}\n", problems,
                       sizeof problems));
    assert_non_null(strstr(problems, "text:2:"));
    assert_non_null(strstr(problems, "openal"));
}

static void what_is_wrong_is_told_in_any_room(void **state) {
    static const char text[] = "state_dir: \"\"\nproviders: {p: {type: openal, api_key: k, models: [m]}}\nunheard: 1\n";
    char all[room], problems[room];
    (void)state;
    assert_false(check(NULL, text, all, sizeof all));
    assert_memory_equal(all, "text:2:", 7); /* of two lines */
    assert_memory_equal(strchr(all, '\n'), "\ntext:3:", 8);
    for (size_t size = 2; size <= strlen(all) + 1; size++) {
        assert_false(check(NULL, text, problems, size));
        size_t len = strnlen(problems, size);
        assert_in_range(len, 1, size - 1);
        /* Whole lines; where not even the first fits, what it says without its place, cut. */
        bool whole = strncmp(all, problems, len) == 0 && (all[len] == '\n' || all[len] == 0);
        if (!whole && !strstr(all, problems)) fail_msg("%zu: %s", size, problems);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_that_cannot_be_read_is_named),
        cmocka_unit_test(a_name_longer_than_the_room_is_cut_and_not_left_out),
        cmocka_unit_test(a_text_is_good_or_its_line_is_told),
        cmocka_unit_test(what_is_wrong_is_told_in_any_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
