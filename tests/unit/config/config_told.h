/* config_told.h - what each configuration of a test program came to, all of it, as a number in
 * tests/unit/told/configs.txt. A test asserts what it is about; this sees the rest. */
#ifndef WEIR_TESTS_CONFIG_TOLD_H
#define WEIR_TESTS_CONFIG_TOLD_H

#include "../told_numbers.h"

#include "config_tell.h"

/* Of what hangs on how memory is laid out nothing is told. */
static bool config_told_aside;

static inline bool config_load_told(const struct config_input *input, struct config *config) {
    static char bytes[1 << 20];
    struct text text = text_in_buffer(bytes, sizeof bytes);
    uint64_t fold = 0xcbf29ce484222325ull;
    bool good = config_load(input, config);
    if (config_told_aside) return good;
    tell_config(&text, input, config);
    if (numbers_shown()) printf("%.*s\n", STR_ARG(text_str(&text)));
    fold_bytes(&fold, text_str(&text));
    numbers_add(fold);
    return good;
}
#define config_load(input, config) config_load_told(input, config)

#undef cmocka_run_group_tests
#define cmocka_run_group_tests(tests, begin, end) cmocka_run_told_tests("configs", tests, begin, end)

#endif
