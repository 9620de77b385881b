/* weir_config_test.c - a configuration from its file or text: what is wrong with it is said in the room there is. */
#include "runtime/weir_internal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/memory.h"

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

/* One byte less is read, and found to be no YAML. */
static void a_file_of_64_mib_is_too_large(void **state) {
    char path[] = "/tmp/weir-config-XXXXXX", problems[room], wanted[room];
    (void)state;
    assert_true(hash_start());
    const int descriptor = mkstemp(path);
    assert_true(descriptor >= 0);
    snprintf(wanted, sizeof wanted, "%s: cannot be read: the file is too large", path);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(ftruncate(descriptor, 64 * 1024 * 1024 - 1 + i), 0);
        assert_false(check(path, NULL, problems, sizeof problems));
        assert_int_equal(strcmp(problems, wanted) == 0, i == 1);
    }
    close(descriptor);
    unlink(path);
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

/* "/dev/fd/N" of a pipe that holds this text. */
static bool check_piped(const char *text, char *problems, size_t size) {
    char path[32];
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(write(ends[1], text, strlen(text)), (ssize_t)strlen(text));
    close(ends[1]);
    snprintf(path, sizeof path, "/dev/fd/%d", ends[0]);
    const bool good = check(path, NULL, problems, size);
    close(ends[0]);
    return good;
}

static const char one_provider[] = "state_dir: \"\"\nproviders: {p: {type: openai, api_key: k, models: [m]}}\n";

/* More than a pipe holds at once: it is read piece by piece, and what matters stands at both ends. */
static void a_long_text_from_a_pipe_is_read_whole(void **state) {
    char path[32], problems[room], *text = memory_take(300000);
    int ends[2];
    (void)state;
    assert_true(hash_start() && text && pipe(ends) == 0);
    memset(text, '#', 300000);
    memcpy(text, "unheard: 1\n", 11);
    memcpy(text + 300000 - 12, "\nheard_of: 2", 12);
    const pid_t writer = fork();
    assert_true(writer >= 0);
    if (writer == 0) {
        close(ends[0]); /* who reads no more ends it */
        for (size_t at = 0; at < 300000;) {
            const ssize_t put = write(ends[1], text + at, 300000 - at);
            if (put <= 0) _exit(1);
            at += (size_t)put;
        }
        _exit(0);
    }
    close(ends[1]);
    snprintf(path, sizeof path, "/dev/fd/%d", ends[0]);
    assert_false(check(path, NULL, problems, sizeof problems));
    close(ends[0]);
    memory_give(text);
    assert_int_equal(waitpid(writer, NULL, 0), writer);
    if (!strstr(problems, ":1:1: ") || !strstr(problems, ":3:1: ")) fail_msg("%s", problems);
}

static void an_empty_pipe_is_refused_and_an_empty_file_is_not(void **state) {
    char path[] = "/tmp/weir-config-XXXXXX", problems[room];
    (void)state;
    assert_true(hash_start());
    if (!check_piped(one_provider, problems, sizeof problems)) fail_msg("%s", problems);
    assert_false(check_piped("", problems, sizeof problems));
    assert_non_null(strstr(problems, ": it is a pipe, and empty: what is read more than once"));
    const int descriptor = mkstemp(path);
    assert_true(descriptor >= 0);
    close(descriptor);
    (void)check(path, NULL, problems, sizeof problems);
    if (strstr(problems, "pipe") || strstr(problems, "cannot be read")) fail_msg("%s", problems);
    unlink(path);
}

/* Each file that a pattern finds, in its order; where it finds none that is said. */
static void files_of_a_pattern_are_all_read(void **state) {
    static const char *const names[] = {"main.yaml", "1.part", "2.part", "3.other"};
    char folder[] = "/tmp/weir-config-XXXXXX", path[64], text[256], problems[room];
    (void)state;
    assert_true(hash_start() && mkdtemp(folder));
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        snprintf(path, sizeof path, "%s/%s", folder, names[i]);
        FILE *file = fopen(path, "w");
        assert_non_null(file);
        if (i == 0)
            fprintf(file, "include: ['%s/*.part']\nstate_dir: \"\"\n", folder);
        else
            fprintf(file, "providers: {p%zu: {type: opnai, api_key: k}}\n", i);
        fclose(file);
    }
    snprintf(path, sizeof path, "%s/main.yaml", folder);
    assert_false(check(path, NULL, problems, sizeof problems));
    const char *first = strstr(problems, "/1.part:1:"), *second = strstr(problems, "/2.part:1:");
    if (!first || !second || second < first || strstr(problems, "3.other")) fail_msg("%s", problems);
    for (size_t i = 1; i < 3; i++) {
        snprintf(text, sizeof text, "%s/%s", folder, names[i]);
        FILE *file = fopen(text, "w");
        assert_non_null(file);
        fprintf(file, "providers: {p%zu: {type: openai, api_key: k, models: [m]}}\n", i);
        fclose(file);
    }
    if (!check(path, NULL, problems, sizeof problems) || strstr(problems, "/*.part")) fail_msg("%s", problems);
    if (!strstr(problems, "`p1`") || !strstr(problems, "`p2`"))
        fail_msg("%s", problems); /* of whose `m` nothing is known */
    for (size_t i = 1; i < 3; i++) {
        snprintf(text, sizeof text, "%s/%s", folder, names[i]);
        assert_int_equal(unlink(text), 0);
    }
    (void)check(path, NULL, problems, sizeof problems);
    if (!strstr(problems, "/*.part")) fail_msg("%s", problems);
    snprintf(text, sizeof text, "rm -r '%s'", folder);
    assert_int_equal(system(text), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_that_cannot_be_read_is_named),
        cmocka_unit_test(a_file_of_64_mib_is_too_large),
        cmocka_unit_test(a_name_longer_than_the_room_is_cut_and_not_left_out),
        cmocka_unit_test(a_text_is_good_or_its_line_is_told),
        cmocka_unit_test(what_is_wrong_is_told_in_any_room),
        cmocka_unit_test(a_long_text_from_a_pipe_is_read_whole),
        cmocka_unit_test(an_empty_pipe_is_refused_and_an_empty_file_is_not),
        cmocka_unit_test(files_of_a_pattern_are_all_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
