/* key_uses_test.c - how often a key of the vault was sent: counted by all loops, gathered once, and there after a
 * start. */
#include "runtime/key_uses.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "base/clock.h"
#include "snapshot/keys.h"

static struct key_cells cells[2];
static struct key_cells *places[] = {&cells[0], &cells[1]};
static struct str entries[] = {STR("a/one"), STR("")};
static struct provider provider = {.key_count = 2, .key_cells = places, .key_entries = entries};
static const struct snapshot snapshot = {.providers = &provider, .provider_count = 1};

static void assert_tells(struct key_uses *uses, const char *id, const char *wanted) {
    char buffer[256];
    struct text text = text_in_buffer(buffer, sizeof buffer);
    text_put_byte(&text, '{');
    key_uses_write(uses, str_from(id), &text);
    if (!str_eq(text_str(&text), str_from(wanted))) fail_msg("%.*s", STR_ARG(text_str(&text)));
}

static void what_is_sent_is_counted_first_and_last_and_only_for_the_vault(void **state) {
    struct key_uses uses;
    (void)state;
    key_uses_init(&uses);
    for (int64_t s = 100; s < 110; s++) {
        key_used(&provider, 0, s * (int64_t)NS_PER_S);
        key_used(&provider, 1, s * (int64_t)NS_PER_S);
    }
    key_used(&provider, 7, 1); /* no key of it */
    assert_int_equal(cell_load(&cells[1].uses), 0);
    assert_tells(&uses, "a/one", "{\"uses\":0");
    key_uses_gather(&uses, &snapshot);
    key_uses_gather(&uses, &snapshot); /* each use once */
    assert_tells(&uses, "a/one", "{\"uses\":10,\"first_used\":100,\"last_used\":109");
    key_used(&provider, 0, 200 * (int64_t)NS_PER_S);
    key_uses_gather(&uses, &snapshot);
    assert_tells(&uses, "a/one", "{\"uses\":11,\"first_used\":100,\"last_used\":200");
    key_uses_free(&uses);
}

static void counts_are_written_when_they_change_and_read_again(void **state) {
    char buffer[256];
    struct key_uses uses, again;
    (void)state;
    key_uses_init(&uses);
    key_uses_init(&again);
    struct text text = text_in_buffer(buffer, sizeof buffer), more = text_in_buffer(buffer + 128, 128);
    assert_false(key_uses_save(&uses, &text));
    text.len = 0;
    key_used(&provider, 0, 5 * (int64_t)NS_PER_S);
    key_uses_gather(&uses, &snapshot);
    assert_true(key_uses_save(&uses, &text));
    assert_false(key_uses_save(&uses, &more));
    assert_true(str_eq(text_str(&text), STR("weir vault uses 1\na/one\t5\t5\t1\n")));
    assert_int_equal(key_uses_read(&again, text_str(&text)), 0);
    assert_tells(&again, "a/one", "{\"uses\":1,\"first_used\":5,\"last_used\":5");
    key_uses_free(&uses);
    key_uses_free(&again);
}

static void what_is_no_line_of_it_is_left_out(void **state) {
    struct key_uses uses;
    (void)state;
    key_uses_init(&uses);
    assert_int_equal(key_uses_read(&uses, STR("")), 0);
    assert_int_equal(key_uses_read(&uses, STR("something else\na\t1\t1\t1\n")), 1);
    assert_int_equal(
        key_uses_read(&uses, STR("weir vault uses 1\na\t1\t2\t3\nb\t1\t2\nc\t1\t2\tx\n\td\nd\t1\t2\t3\t4\n\n")), 4);
    assert_tells(&uses, "a", "{\"uses\":3,\"first_used\":1,\"last_used\":2");
    assert_int_equal(key_uses_read(&uses, STR("weir vault uses 1\n\0b\t1\t2\t3\nc\0d\t1\t2\t3\n")), 2);
    assert_int_equal(uses.count, 1);
    key_uses_free(&uses);
}

static void of_each_ones_age_is_warned_once_a_day(void **state) {
    enum { day = 86400 };
    struct key_uses uses;
    (void)state;
    key_uses_init(&uses);
    assert_true(key_uses_warn(&uses, STR("a"), 1000));
    assert_true(key_uses_warn(&uses, STR("b"), 1000));
    assert_false(key_uses_warn(&uses, STR("a"), 1000 + day - 1));
    assert_true(key_uses_warn(&uses, STR("a"), 1000 + day));
    assert_true(key_uses_warn(&uses, STR("a"), 10)); /* the clock was set back */
    key_uses_free(&uses);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_sent_is_counted_first_and_last_and_only_for_the_vault),
        cmocka_unit_test(counts_are_written_when_they_change_and_read_again),
        cmocka_unit_test(what_is_no_line_of_it_is_left_out),
        cmocka_unit_test(of_each_ones_age_is_warned_once_a_day),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
