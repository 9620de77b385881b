/* values_test.c - values keep their places while they are held or have spent, find them again among many, and share one
 * where there is none. */
#include "snapshot/values.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "base/memory.h"

enum { many = 3000 };

static struct hash_tag tag_of(uint64_t n) {
    uint64_t mixed = (n + 1) * UINT64_C(0x9e3779b97f4a7c15);
    return (struct hash_tag){{mixed ^ mixed >> 29, n}};
}

static struct values *values_new(bool rolls) {
    struct values *values = memory_take_zeroed(values_size((enum values_of)rolls));
    assert_non_null(values);
    return values;
}

static void values_give(struct values *values) {
    values_end(values);
    memory_give(values);
}

static struct money_value *hold(struct values *values, uint64_t n, const struct values_window *window) {
    struct hash_tag tag = tag_of(n);
    char said[24];
    snprintf(said, sizeof said, "v%llu", (unsigned long long)n);
    return values_hold(values, &tag, str_from(said), window, true);
}

static void spend(struct money_value *value, const struct values_window *window, int64_t nano_usd) {
    if (window->of)
        rolling_settle(value_rolling(value), rolling_enter(value_rolling(value), window->bucket_s, window->now_s), 0,
                       nano_usd);
    else
        spend_settle(value_spend(value), spend_enter(value_spend(value), window->start_s), 0, nano_usd);
}

static int64_t spent(struct money_value *value, const struct values_window *window) {
    return window->of ? rolling_look(value_rolling(value), window->bucket_s, window->now_s).spent
                      : spend_look(value_spend(value), window->start_s).spent;
}

static void each_of_many_has_words_of_its_own(void **state) {
    (void)state;
    for (int rolls = 0; rolls < 2; rolls++) {
        const struct values_window window = {
            .most = many, .of = (enum values_of)rolls, .start_s = 3600, .bucket_s = 60, .now_s = 7200};
        struct values *values = values_new(rolls);
        for (uint64_t i = 0; i < many; i++) {
            struct money_value *value = hold(values, i, &window);
            spend(value, &window, 1000 + (int64_t)i);
            values_release(values, value);
        }
        for (uint64_t i = many; i-- > 0;) {
            struct hash_tag tag = tag_of(i);
            struct money_value *value = values_hold(values, &tag, STR(""), &window, false);
            assert_non_null(value);
            assert_int_equal(spent(value, &window), 1000 + i);
            values_release(values, value);
        }
        struct hash_tag other = tag_of(many);
        assert_null(values_hold(values, &other, STR(""), &window, false)); /* nobody has said it */
        struct money_value *crowd = hold(values, many, &window);
        assert_true(tag_is(&crowd->tag, &value_other));
        assert_string_equal(crowd->said, "(other)");
        assert_true(values_are_crowded(values, window.start_s));
        assert_false(values_are_crowded(values, 7201));
        values_release(values, crowd);
        values_give(values);
    }
}

static void who_has_spent_nothing_gives_its_place(void **state) {
    (void)state;
    struct values *values = values_new(false);
    const struct values_window window = {.most = 4, .start_s = 3600}, next = {.most = 4, .start_s = 7200};
    struct money_value *kept[3];
    for (uint64_t i = 0; i < 3; i++) kept[i] = hold(values, i, &window);
    spend(kept[0], &window, 5);
    values_release(values, kept[0]); /* has spent; the other two are held */
    for (uint64_t i = 10; i < 60; i++) {
        struct money_value *value = hold(values, i, &window);
        assert_int_equal(value->tag.words[1], i); /* the fourth place is one after the other's */
        assert_int_equal(spent(value, &window), 0);
        values_release(values, value);
    }
    struct money_value *last = hold(values, 100, &window);
    spend(last, &window, 7);
    values_release(values, last);
    struct money_value *crowd = hold(values, 101, &window);
    assert_true(tag_is(&crowd->tag, &value_other));
    values_release(values, crowd);
    assert_ptr_equal(hold(values, 0, &window), kept[0]);
    values_release(values, kept[0]);
    /* in the next window they begin anew, but for those that are held */
    for (uint64_t i = 200; i < 202; i++) {
        struct money_value *value = hold(values, i, &next);
        assert_int_equal(value->tag.words[1], i);
        spend(value, &next, 1);
        values_release(values, value);
    }
    crowd = hold(values, 203, &next);
    assert_true(tag_is(&crowd->tag, &value_other));
    values_release(values, crowd);
    for (size_t i = 1; i < 3; i++) values_release(values, kept[i]);
    values_give(values);
}

static void none_is_always_there(void **state) {
    (void)state;
    struct values *values = values_new(false);
    const struct values_window window = {.most = 1, .start_s = 3600};
    struct money_value *one = hold(values, 1, &window),
                       *none = values_hold(values, &value_none, STR(""), &window, false);
    assert_true(tag_is(&none->tag, &value_none));
    assert_string_equal(none->said, "(none)");
    spend(none, &window, 3);
    values_release(values, none);
    values_release(values, one);
    assert_false(values_are_crowded(values, 0));
    values_give(values);
}

static void without_memory_they_share(void **state) {
    (void)state;
    struct values *values = values_new(false);
    const struct values_window window = {.most = 100, .start_s = 3600};
    memory_fail_at(1);
    struct money_value *value = hold(values, 1, &window);
    assert_true(tag_is(&value->tag, &value_other));
    values_release(values, value);
    value = hold(values, 1, &window);
    assert_int_equal(value->tag.words[1], 1);
    values_release(values, value);
    memory_fail_at(0);
    values_give(values);
}

struct crowd {
    struct values *values;
    unsigned seed;
};
enum { threads = 8, turns = 20000, places = 50, callers = 70 };
static const int64_t limit = 100000;

static void *crowd_spend(void *context) {
    struct crowd *crowd = context;
    const struct values_window window = {.most = places, .start_s = 3600};
    for (unsigned i = 0; i < turns; i++) {
        struct money_value *value = hold(crowd->values, (uint64_t)rand_r(&crowd->seed) % callers, &window);
        uint64_t window_s;
        if (spend_reserve(value_spend(value), window.start_s, 900, limit, &window_s))
            spend_settle(value_spend(value), window_s, 900, i % 3 ? 700 : 0);
        values_release(crowd->values, value);
    }
    return NULL;
}

static void value_is_within(void *context, struct money_value *value) {
    int64_t *sum = context;
    struct spend_view view = spend_look(value_spend(value), 3600);
    assert_true(view.spent <= limit);
    assert_int_equal(view.spent, view.committed);
    assert_int_equal(value->held, 1);
    *sum += view.spent > 0;
}

static void eight_threads_keep_each_within_its_sum(void **state) {
    (void)state;
    pthread_t thread[threads];
    struct crowd crowds[threads];
    struct values *values = values_new(false);
    for (unsigned i = 0; i < threads; i++) {
        crowds[i] = (struct crowd){values, i + 1};
        assert_int_equal(pthread_create(&thread[i], NULL, crowd_spend, &crowds[i]), 0);
    }
    for (unsigned i = 0; i < threads; i++) pthread_join(thread[i], NULL);
    int64_t spenders = 0;
    values_each(values, values_of_spend, value_is_within, &spenders);
    assert_int_equal(spenders, places + 1);
    values_give(values);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_of_many_has_words_of_its_own),
        cmocka_unit_test(who_has_spent_nothing_gives_its_place),
        cmocka_unit_test(none_is_always_there),
        cmocka_unit_test(without_memory_they_share),
        cmocka_unit_test(eight_threads_keep_each_within_its_sum),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
