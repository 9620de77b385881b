/* weir_test.c - opening where the system gives less than all: said, and nothing is left behind. */
#include "weir.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/memory.h"

extern bool gives_all_back;
bool gives_all_back = false; /* libuv keeps a descriptor for each loop that it has refused */

static const char config[] = "state_dir: \"\"\nworkers: 4\nresponses: {store: false}\nproviders:\n"
                             "  a: {type: openai, api_key: k, base_url: \"http://127.0.0.1:9/v1\", models: [m]}\n";

static struct weir *open_four(struct weir_error *error) {
    struct weir_options options = {.size = sizeof options, .config_text = config};
    *error = (struct weir_error){.status = 0};
    return weir_open(&options, error);
}

static unsigned descriptors_open(void) {
    unsigned count = 0;
    DIR *folder = opendir("/proc/self/fd");
    assert_non_null(folder);
    while (readdir(folder)) count++;
    closedir(folder);
    return count;
}

/* One worker after the other finds none left, at each of the places where it wants one. */
static void too_few_descriptors_are_said_whichever_is_the_first_that_is_missing(void **state) {
    struct rlimit before, few;
    struct weir_error error;
    struct weir *weir = open_four(&error); /* what a process opens once is open from now on */
    (void)state;
    if (!weir) fail_msg("%s: %s", error.code, error.message);
    weir_close(weir, 0);
    unsigned count = descriptors_open(), refused = 0;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    weir = NULL;
    for (unsigned room = 1; room < 200 && !weir; room++) {
        few = before;
        few.rlim_cur = room + refused; /* numbers from there on are not given out; libuv keeps one for each refusal */
        assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
        weir = open_four(&error);
        assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
        if (weir) break;
        refused++;
        assert_string_not_equal(error.message, "");
        assert_true(descriptors_open() <= count + refused);
    }
    assert_non_null(weir);
    assert_true(refused > 4);
    weir_close(weir, 0);
    assert_true(descriptors_open() <= count + refused);
}

/* Each allocation of it refused in turn: it opens all the same or says so, and what it had taken is back. */
static void memory_that_is_refused_anywhere_is_said(void **state) {
    struct weir_error error;
    unsigned refused = 0;
    bool ended = false;
    (void)state;
    for (uint64_t n = 1; n < 5000 && !ended; n++) {
        memory_fail_at(n);
        struct weir *weir = open_four(&error);
        ended = memory_calls() < n;
        memory_fail_at(0);
        refused += !weir;
        if (!weir && !*error.message) fail_msg("refused at %d, and nothing is said", (int)n);
        if (weir) weir_close(weir, 0);
    }
    assert_true(ended && refused > 10);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(too_few_descriptors_are_said_whichever_is_the_first_that_is_missing),
        cmocka_unit_test(memory_that_is_refused_anywhere_is_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
