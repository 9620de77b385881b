/* The index of vectors: the nearest of a group are found and no others, who is full makes room, and one client cannot
 * push out all others'. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <pthread.h>
#include <string.h>

#include "snapshot/semantic.h"

static struct sha256 named(unsigned number) {
    struct sha256 hash;
    memset(&hash, 0, sizeof hash);
    memcpy(hash.bytes, &number, sizeof number);
    hash.bytes[20] = (unsigned char)number;
    return hash;
}

/* Near to {127, 0} by its second number; in the index, and held by that alone. */
static struct semantic_entry *put(struct semantic_index *index, unsigned group, uint64_t client, int8_t aside) {
    const struct sha256 in = named(group), key = named(1000u + (unsigned)aside);
    const int8_t vector[2] = {127, aside};
    struct semantic_entry *entry = semantic_entry_new(&in, &key, client, STR("words"), vector, 2, 1.0f / 127);
    assert_non_null(entry);
    semantic_add(index, entry);
    semantic_release(entry);
    return entry;
}

static size_t find(struct semantic_index *index, unsigned group, double threshold, struct semantic_near *near) {
    const struct sha256 in = named(group);
    const int8_t vector[2] = {127, 0};
    return semantic_find(index, &in, vector, 2, 1.0f / 127, threshold, near);
}

static void forget(struct semantic_near *near, size_t count) {
    for (size_t i = 0; i < count; i++) semantic_release(near[i].entry);
}

static void the_nearest_of_its_group_are_found(void **state) {
    struct semantic_index index;
    struct semantic_near near[semantic_nearest_most];
    (void)state;
    assert_true(semantic_init(&index) && semantic_resize(&index, 100));
    assert_int_equal(find(&index, 1, 0, near), 0);
    for (int i = 0; i < 20; i++) put(&index, 1, 1, (int8_t)(i * 7 % 20));
    put(&index, 2, 1, 0);
    const struct sha256 in = named(1);
    assert_int_equal(semantic_find(&index, &in, (const int8_t[]){127, 0, 0}, 3, 1, 0, near), 0); /* another length */
    size_t count = find(&index, 1, 0.5, near);
    assert_int_equal(count, semantic_nearest_most);
    for (size_t i = 0; i < count; i++) { /* all are as near, by their first number: any four of the group */
        assert_memory_equal(near[i].entry->group.bytes, named(1).bytes, sizeof named(1).bytes);
        assert_true(i == 0 || near[i - 1].alike >= near[i].alike);
    }
    forget(near, count);
    assert_int_equal(find(&index, 1, 1.01, near), 0);
    semantic_free(&index);
}

static void they_come_in_their_order(void **state) {
    struct semantic_index index;
    struct semantic_near near[semantic_nearest_most];
    (void)state;
    assert_true(semantic_init(&index) && semantic_resize(&index, 100));
    const struct sha256 in = named(1), key = named(2);
    for (int i = 0; i < 30; i++) {
        const int8_t vector[2] = {(int8_t)(1 + i * 37 % 101), 0};
        struct semantic_entry *entry = semantic_entry_new(&in, &key, 1, STR(""), vector, 2, 1.0f / 127);
        semantic_add(&index, entry);
        semantic_release(entry);
    }
    size_t count = find(&index, 1, 0, near);
    assert_int_equal(count, semantic_nearest_most);
    for (size_t i = 1; i < count; i++) assert_true(near[i].alike < near[i - 1].alike);
    for (size_t i = 0; i < count; i++) assert_true(near[i].entry->vector[0] >= 60);
    forget(near, count);
    semantic_free(&index);
}

static void a_full_one_makes_room(void **state) {
    struct semantic_index index;
    struct semantic_near near[semantic_nearest_most];
    (void)state;
    assert_true(semantic_init(&index) && semantic_resize(&index, 10));
    put(&index, 7, 1, 0); /* found again and again: it stays */
    for (unsigned i = 0; i < 100; i++) {
        put(&index, 100 + i, i, 0);
        size_t count = find(&index, 7, 0, near);
        assert_int_equal(count, 1);
        forget(near, count);
        assert_true(semantic_count(&index) <= 10);
    }
    assert_int_equal(semantic_count(&index), 10);
    semantic_free(&index);
}

static void one_client_pushes_out_its_own(void **state) {
    struct semantic_index index;
    struct semantic_near near[semantic_nearest_most];
    (void)state;
    assert_true(semantic_init(&index) && semantic_resize(&index, 10));
    for (unsigned i = 0; i < 3; i++) put(&index, 7, 1, 0);
    for (unsigned i = 0; i < 100; i++) put(&index, 100 + i, 2, 0);
    size_t count = find(&index, 7, 0, near);
    assert_int_equal(count, 3);
    forget(near, count);
    semantic_free(&index);
}

static void one_that_is_removed_is_gone_and_may_be_removed_again(void **state) {
    struct semantic_index index;
    struct semantic_near near[semantic_nearest_most];
    (void)state;
    assert_true(semantic_init(&index) && semantic_resize(&index, 10));
    put(&index, 7, 1, 0);
    assert_int_equal(find(&index, 7, 0, near), 1);
    semantic_remove(&index, near[0].entry);
    semantic_remove(&index, near[0].entry);
    assert_int_equal(semantic_count(&index), 0);
    forget(near, 1);
    assert_int_equal(find(&index, 7, 0, near), 0);
    put(&index, 7, 1, 0);
    assert_true(semantic_resize(&index, 0)); /* off: all are gone, and none is taken */
    put(&index, 7, 1, 0);
    assert_int_equal(semantic_count(&index), 0);
    semantic_free(&index);
}

static void *hammer(void *context) {
    struct semantic_index *index = context;
    for (unsigned i = 0; i < 3000; i++) {
        struct semantic_near near[semantic_nearest_most];
        put(index, i % 5, i, (int8_t)(i % 100));
        size_t count = find(index, i % 5, 0, near);
        if (count && i % 3 == 0) semantic_remove(index, near[0].entry);
        forget(near, count);
    }
    return NULL;
}

static void threads_share_one(void **state) {
    struct semantic_index index;
    pthread_t threads[4];
    (void)state;
    assert_true(semantic_init(&index) && semantic_resize(&index, 64));
    for (size_t i = 0; i < 4; i++) assert_int_equal(pthread_create(&threads[i], NULL, hammer, &index), 0);
    for (size_t i = 0; i < 4; i++) pthread_join(threads[i], NULL);
    assert_true(semantic_count(&index) <= 64);
    semantic_free(&index);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_nearest_of_its_group_are_found),
        cmocka_unit_test(they_come_in_their_order),
        cmocka_unit_test(a_full_one_makes_room),
        cmocka_unit_test(one_client_pushes_out_its_own),
        cmocka_unit_test(one_that_is_removed_is_gone_and_may_be_removed_again),
        cmocka_unit_test(threads_share_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
