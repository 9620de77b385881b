/* cache_db_test.c - what is written is read back whole, within its bytes; what is purged stands nowhere. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "store/cache_db.h"

static char folder[64], path[96];
static struct cache_db *db;

static int begin(void **state) {
    char problem[200];
    (void)state;
    snprintf(folder, sizeof folder, "/tmp/cache_db_test.XXXXXX");
    if (!hash_start() || !mkdtemp(folder)) return 1;
    snprintf(path, sizeof path, "%s/cache.db", folder);
    db = cache_db_open(path, problem, sizeof problem);
    return db == NULL;
}

static int end(void **state) {
    static const char *const names[] = {"", "-wal", "-shm"};
    char name[128];
    (void)state;
    cache_db_close(db);
    for (size_t i = 0; i < 3; i++) {
        snprintf(name, sizeof name, "%s%s", path, names[i]);
        unlink(name);
    }
    return rmdir(folder);
}

static bool put(unsigned number, const char *client, int64_t made_s, size_t len, size_t bytes_max) {
    static char body[16 * 1024];
    char text[16];
    snprintf(text, sizeof text, "%u", number);
    memset(body, 'x', sizeof body);
    struct cache_row row = {.key = hash_sha256(str_from(text)),
                            .made_s = made_s,
                            .expires_s = made_s + 100,
                            .numbers = {1, -1, INT64_MAX},
                            .texts = {str_from(client), STR("a\0b")},
                            .body = str_make(body, len),
                            .bytes = len + 100};
    return cache_db_put(db, &row, bytes_max);
}

struct taken {
    size_t count;
    int64_t made_s[64];
};

static bool take(void *context, const struct cache_row *row) {
    struct taken *taken = context;
    taken->made_s[taken->count++] = row->made_s;
    assert_true(row->numbers[0] == 1 && row->numbers[1] == -1 && row->numbers[2] == INT64_MAX && row->numbers[7] == 0);
    assert_true(row->texts[0].len == 1 && str_eq(row->texts[1], STR("a\0b")) && row->texts[8].len == 0);
    for (size_t i = 0; i < row->body.len; i++) assert_int_equal(row->body.at[i], 'x');
    return true;
}

static struct taken all(int64_t now_s) {
    struct taken taken = {.count = 0};
    assert_true(cache_db_each(db, now_s, take, &taken));
    return taken;
}

static bool is_of(void *client, const struct cache_row *row) {
    return client == NULL || str_eq(row->texts[0], str_from(client));
}

static void what_is_fresh_comes_back_the_newest_first(void **state) {
    (void)state;
    assert_true(put(1, "a", 10, 100, SIZE_MAX) && put(2, "a", 30, 0, SIZE_MAX) && put(3, "a", 20, 5, SIZE_MAX));
    assert_true(put(1, "a", 40, 7, SIZE_MAX)); /* in the place of the first */
    struct taken taken = all(110);
    assert_int_equal(taken.count, 3);
    assert_true(taken.made_s[0] == 40 && taken.made_s[1] == 30 && taken.made_s[2] == 20);
    assert_int_equal(all(125).count, 2);
    assert_int_equal(all(110).count, 2); /* the others are deleted */
}

static void it_is_there_after_it_was_closed(void **state) {
    char problem[200];
    (void)state;
    assert_true(put(1, "a", 10, 100, SIZE_MAX));
    cache_db_close(db);
    db = cache_db_open(path, problem, sizeof problem);
    assert_non_null(db);
    assert_int_equal(all(20).count, 1);
}

static void the_oldest_go_when_there_is_no_room(void **state) {
    (void)state;
    for (unsigned i = 0; i < 60; i++) assert_true(put(i, "a", i, 10000, 400000));
    struct taken taken = all(60);
    assert_true(taken.count >= 20 && taken.count < 40);
    assert_int_equal(taken.made_s[0], 59);
    assert_int_equal(taken.made_s[taken.count - 1], 60 - (int64_t)taken.count);
}

static void what_is_chosen_is_deleted_and_no_other(void **state) {
    (void)state;
    for (unsigned i = 0; i < 20; i++) assert_true(put(i, i % 2 ? "a" : "b", 10, 10, SIZE_MAX));
    assert_true(cache_db_purge(db, is_of, "a", 20));
    assert_int_equal(all(20).count, 10);
    assert_true(cache_db_purge(db, is_of, NULL, 20));
    assert_int_equal(all(20).count, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_is_fresh_comes_back_the_newest_first, begin, end),
        cmocka_unit_test_setup_teardown(it_is_there_after_it_was_closed, begin, end),
        cmocka_unit_test_setup_teardown(the_oldest_go_when_there_is_no_room, begin, end),
        cmocka_unit_test_setup_teardown(what_is_chosen_is_deleted_and_no_other, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
