/* The rings of spans: whole records in their order, whatever their sizes, under two threads; what finds no room is
 * dropped and counted. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "base/prng.h"
#include "observe/spans.h"

static char words[spans_text_most + 100];

/* The n-th record: all of it follows from n. */
static bool put(struct spans_ring *ring, uint64_t n) {
    struct span_attempt attempts[spans_attempts_most + 1];
    size_t count = n % 7 == 6 ? spans_attempts_most + 1 : n % 7;
    struct span_request request = {.trace = str_make(words, 32),
                                   .model = str_make(words, n % sizeof words),
                                   .cache = STR("hit"),
                                   .span = n,
                                   .duration_us = n * 3};
    for (size_t i = 0; i < count; i++)
        attempts[i] = (struct span_attempt){
            .provider = STR("one"), .model = str_make(words, (n + i) % 90), .span = n + i, .input_tokens = (int64_t)i};
    return spans_put(ring, &request, attempts, count);
}

static void look(const struct spans_record *record, uint64_t n) {
    size_t len = n % sizeof words, count = n % 7 == 6 ? spans_attempts_most : n % 7;
    assert_int_equal(record->request.span, n);
    assert_int_equal(record->request.duration_us, n * 3);
    assert_true(str_eq(record->request.trace, str_make(words, 32)));
    assert_true(str_eq(record->request.model, str_make(words, len < spans_text_most ? len : spans_text_most)));
    assert_true(str_eq(record->request.cache, STR("hit")) && !record->request.client.at);
    assert_int_equal(record->count, count);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(record->attempts[i].span, n + i);
        assert_int_equal(record->attempts[i].input_tokens, i);
        assert_true(str_eq(record->attempts[i].provider, STR("one")));
        assert_true(str_eq(record->attempts[i].model, str_make(words, (n + i) % 90)));
    }
}

static int begin(void **state) {
    struct prng prng;
    (void)state;
    prng_seed(&prng, 1);
    for (size_t i = 0; i < sizeof words; i++) words[i] = (char)('a' + prng_below(&prng, 26));
    return 0;
}

static void what_is_put_is_taken_in_its_order(void **state) {
    struct spans *spans = spans_new();
    struct spans_ring *ring = spans_ring_open(spans);
    struct spans_record record;
    (void)state;
    assert_false(spans_take(spans, &record));
    for (uint64_t n = 0, taken = 0; n < 5000; n++) { /* many times round */
        assert_true(put(ring, n));
        if (n % 11) continue;
        for (; taken <= n; taken++) {
            assert_true(spans_take(spans, &record));
            look(&record, taken);
            spans_taken(&record);
        }
        assert_false(spans_take(spans, &record));
    }
    assert_int_equal(spans_dropped(spans), 0);
    spans_free(spans);
}

static void what_finds_no_room_is_dropped_and_the_rest_is_whole(void **state) {
    struct spans *spans = spans_new();
    struct spans_ring *ring = spans_ring_open(spans);
    struct spans_record record;
    uint64_t put_count = 0, n = 0;
    (void)state;
    while (spans_dropped(spans) < 100) put_count += put(ring, n++) && spans_dropped(spans) == 0;
    assert_true(put_count > 100);
    for (uint64_t i = 0; i < put_count; i++) {
        assert_true(spans_take(spans, &record));
        look(&record, i);
        spans_taken(&record);
    }
    assert_int_equal(spans_dropped(spans), 100);
    spans_free(spans);
}

static void rings_take_turns(void **state) {
    struct spans *spans = spans_new();
    struct spans_ring *rings[2] = {spans_ring_open(spans), spans_ring_open(spans)};
    struct spans_record record;
    unsigned of[2] = {0};
    (void)state;
    for (uint64_t n = 0; n < 20; n++) assert_true(put(rings[0], n) && put(rings[1], n));
    for (int i = 0; i < 20; i++) {
        assert_true(spans_take(spans, &record));
        of[record.ring == rings[1]]++;
        spans_taken(&record);
    }
    assert_int_equal(of[0], 10);
    assert_int_equal(of[1], 10);
    spans_free(spans);
}

enum { of_thread = 20000 };

static void *putter(void *context) {
    for (uint64_t n = 0; n < of_thread;) n += put(context, n);
    return NULL;
}

static void one_thread_puts_while_another_takes(void **state) {
    struct spans *spans = spans_new();
    struct spans_record record;
    pthread_t thread;
    (void)state;
    assert_int_equal(pthread_create(&thread, NULL, putter, spans_ring_open(spans)), 0);
    for (uint64_t n = 0; n < of_thread;) {
        if (!spans_take(spans, &record)) continue;
        look(&record, n++);
        spans_taken(&record);
    }
    pthread_join(thread, NULL);
    spans_free(spans);
}

static void without_memory_there_is_none(void **state) {
    (void)state;
    memory_fail_at(1);
    assert_null(spans_new());
    memory_fail_at(0);
    struct spans *spans = spans_new();
    memory_fail_at(1);
    assert_null(spans_ring_open(spans));
    memory_fail_at(0);
    spans_free(spans);
    spans_free(NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_put_is_taken_in_its_order),
        cmocka_unit_test(what_finds_no_room_is_dropped_and_the_rest_is_whole),
        cmocka_unit_test(rings_take_turns),
        cmocka_unit_test(one_thread_puts_while_another_takes),
        cmocka_unit_test(without_memory_there_is_none),
    };
    return cmocka_run_group_tests(tests, begin, NULL);
}
