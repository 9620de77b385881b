/* cache_keeper_test.c - what was kept is there again with all that is known of it, the newest first and as much as the
 * cache holds; what was purged is not, and a file that cannot be written is said. */
#include "runtime/cache_keeper.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "net/loop.h"

enum { keeper_mib = 1024 * 1024, keeper_long = 40000, keeper_many = 60 };

static char folder[64], path[96];
static struct cache cache;
static struct cache_keeper *keeper;

static int keeper_begin(void **state) {
    (void)state;
    str_copy(folder, sizeof folder, STR("/tmp/weir-keeper-XXXXXX"));
    if (!hash_start() || !mkdtemp(folder)) return -1;
    snprintf(path, sizeof path, "%s/cache.db", folder);
    return 0;
}

static int keeper_end(void **state) {
    char command[96];
    (void)state;
    snprintf(command, sizeof command, "rm -r '%s'", folder);
    return system(command);
}

static void keeper_open(size_t bytes_max) {
    assert_true(cache_init(&cache) && cache_resize(&cache, bytes_max));
    keeper = cache_keeper_open(&cache, path, NULL);
    assert_non_null(keeper);
}

static void keeper_close(void) {
    cache_keeper_close(keeper);
    cache_free(&cache);
}

static struct sha256 keeper_key(unsigned number) {
    char text[16];
    snprintf(text, sizeof text, "%u", number);
    return hash_sha256(str_from(text));
}

/* Its size. It is in the file when this returns: what is purged behind it has waited for it. */
static size_t keeper_keep(unsigned number, struct cache_facts facts, size_t len) {
    const struct sha256 key = keeper_key(number);
    for (unsigned i = 0; i < cache_texts; i++)
        if (!facts.texts[i].at) facts.texts[i] = STR("");
    struct cache_answer *answer = cache_answer_new(&key, &facts, len);
    assert_non_null(answer);
    memset((char *)(uintptr_t)answer->body.at, (int)('a' + number % 26), len);
    const size_t size = answer->size;
    cache_keep(&cache, answer);
    cache_keeper_keep(keeper, answer);
    cache_release(answer);
    assert_true(cache_keeper_purge(keeper, &(struct cache_choice){.by = cache_text_client, .value = STR("nobody")}));
    return size;
}

static struct cache_answer *keeper_found(unsigned number) {
    const struct sha256 key = keeper_key(number);
    return cache_find(&cache, &key, clock_read().wall_ns / (int64_t)NS_PER_S);
}

static bool keeper_has(unsigned number) {
    struct cache_answer *answer = keeper_found(number);
    cache_release(answer);
    return answer != NULL;
}

/* The keeper has read when it has ended; the cache stays. */
static void keeper_reads(size_t bytes_max) {
    keeper_open(bytes_max);
    cache_keeper_close(keeper);
}

static void all_that_is_known_of_an_answer_is_kept(void **state) {
    const int64_t now_s = clock_read().wall_ns / (int64_t)NS_PER_S;
    (void)state;
    for (unsigned form = 0; form < 8; form++) {
        struct cache_facts facts = {.endpoint = endpoint_chat,
                                    .stream = form & 1,
                                    .include_usage = form & 2,
                                    .estimated = form & 4,
                                    .made_s = now_s - 10,
                                    .expires_s = now_s + 3600,
                                    .stale_s = 60,
                                    .input_tokens = 7,
                                    .output_tokens = 8,
                                    .cached_tokens = 5,
                                    .cost_nano_usd = 9};
        char texts[cache_texts][8];
        for (unsigned i = 0; i < cache_texts; i++) {
            snprintf(texts[i], sizeof texts[i], "text%u", i);
            facts.texts[i] = str_from(texts[i]);
        }
        keeper_open(keeper_mib);
        (void)keeper_keep(form, facts, form * 100);
        keeper_close();
        keeper_reads(keeper_mib);
        struct cache_answer *answer = keeper_found(form);
        assert_non_null(answer);
        assert_true(answer->facts.endpoint == endpoint_chat && answer->facts.stream == facts.stream &&
                    answer->facts.include_usage == facts.include_usage && answer->facts.estimated == facts.estimated);
        assert_true(answer->facts.made_s == now_s - 10 && answer->facts.expires_s == now_s + 3600 &&
                    answer->facts.stale_s == 60);
        assert_true(answer->facts.input_tokens == 7 && answer->facts.output_tokens == 8 &&
                    answer->facts.cached_tokens == 5 && answer->facts.cost_nano_usd == 9);
        for (unsigned i = 0; i < cache_texts; i++) assert_true(str_eq(answer->facts.texts[i], facts.texts[i]));
        assert_int_equal(answer->body.len, form * 100);
        for (size_t i = 0; i < answer->body.len; i++) assert_int_equal(answer->body.at[i], 'a' + form);
        cache_release(answer);
        assert_int_equal(cache_look(&cache).answers, form + 1);
        cache_free(&cache);
    }
}

static void the_newest_are_read_up_to_what_the_cache_holds(void **state) {
    const int64_t now_s = clock_read().wall_ns / (int64_t)NS_PER_S;
    size_t size = 0;
    (void)state;
    keeper_open(16 * keeper_mib);
    for (unsigned i = 0; i < keeper_many; i++)
        size = keeper_keep(i, (struct cache_facts){.made_s = now_s - keeper_many + i, .expires_s = now_s + 3600},
                           keeper_long);
    assert_int_equal(cache_look(&cache).kept, keeper_many);
    keeper_close();
    keeper_reads(keeper_mib);
    const struct cache_stats stats = cache_look(&cache);
    assert_int_equal(stats.kept, (keeper_mib + size - 1) / size);
    assert_true(stats.bytes <= keeper_mib);
    for (unsigned i = 0; i < keeper_many - stats.kept; i++) assert_false(keeper_has(i));
    cache_free(&cache);
}

static void what_was_purged_or_has_expired_is_not_read_again(void **state) {
    const int64_t now_s = clock_read().wall_ns / (int64_t)NS_PER_S;
    (void)state;
    keeper_open(keeper_mib);
    (void)keeper_keep(
        1, (struct cache_facts){.made_s = now_s, .expires_s = now_s + 3600, .texts[cache_text_client] = STR("app")}, 1);
    (void)keeper_keep(2, (struct cache_facts){.made_s = now_s, .expires_s = now_s + 3600}, 1);
    (void)keeper_keep(3, (struct cache_facts){.made_s = now_s - 7200, .expires_s = now_s - 3600}, 1);
    const struct cache_choice choice = {.by = cache_text_client, .value = STR("app")};
    assert_int_equal(cache_purge(&cache, &choice), 1);
    assert_true(cache_keeper_purge(keeper, &choice));
    keeper_close();
    keeper_reads(keeper_mib);
    assert_true(!keeper_has(1) && keeper_has(2) && !keeper_has(3));
    assert_int_equal(cache_look(&cache).kept, 1);
    cache_free(&cache);
}

static void a_file_that_is_none_is_said_to_who_purges(void **state) {
    const struct cache_choice all = {.by = cache_texts};
    (void)state;
    assert_int_equal(mkdir(path, 0700), 0);
    keeper_open(keeper_mib);
    assert_false(cache_keeper_purge(keeper, &all));
    keeper_close();
    assert_true(cache_keeper_purge(NULL, &all));
    cache_keeper_keep(NULL, NULL);
    cache_keeper_close(NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(all_that_is_known_of_an_answer_is_kept, keeper_begin, keeper_end),
        cmocka_unit_test_setup_teardown(the_newest_are_read_up_to_what_the_cache_holds, keeper_begin, keeper_end),
        cmocka_unit_test_setup_teardown(what_was_purged_or_has_expired_is_not_read_again, keeper_begin, keeper_end),
        cmocka_unit_test_setup_teardown(a_file_that_is_none_is_said_to_who_purges, keeper_begin, keeper_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
