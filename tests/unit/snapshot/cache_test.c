/* cache_test.c - what is kept, found, given up and taken out; held answers outlive all of that. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "base/prng.h"
#include "snapshot/cache.h"

static struct cache cache;

static int begin(void **state) {
    (void)state;
    assert_true(hash_start() && cache_init(&cache));
    return cache_resize(&cache, 16 * 64 * 1024) ? 0 : 1;
}

static int end(void **state) { return (void)state, cache_free(&cache), 0; }

static struct sha256 key_of(unsigned number) {
    char text[16];
    snprintf(text, sizeof text, "%u", number);
    return hash_sha256(str_from(text));
}

static void keep_for(unsigned number, struct cache_facts facts, size_t len, int64_t expires_s) {
    struct sha256 key = key_of(number);
    for (unsigned i = 0; i < cache_texts; i++)
        if (!facts.texts[i].at) facts.texts[i] = STR("");
    facts.expires_s = expires_s;
    struct cache_answer *answer = cache_answer_new(&key, &facts, len);
    assert_non_null(answer);
    memset((char *)(uintptr_t)answer->body.at, (int)(number & 0xff), len);
    cache_keep(&cache, answer);
    cache_release(answer);
}

static void keep(unsigned number, size_t len) { keep_for(number, (struct cache_facts){.made_s = 0}, len, 1000); }

static bool has(unsigned number, int64_t now_s) {
    struct sha256 key = key_of(number);
    struct cache_answer *answer = cache_find(&cache, &key, now_s);
    for (size_t i = 0; answer && i < answer->body.len; i++)
        assert_int_equal((unsigned char)answer->body.at[i], number & 0xff);
    cache_release(answer);
    return answer != NULL;
}

static void what_is_kept_is_found_until_it_expires(void **state) {
    (void)state;
    assert_false(has(1, 0));
    keep(1, 100);
    assert_true(has(1, 999));
    assert_false(has(2, 999));
    assert_false(has(1, 1000));
    assert_false(has(1, 0)); /* it is gone then */
    assert_int_equal(cache_look(&cache).answers, 0);
    assert_int_equal(cache_look(&cache).bytes, 0);
}

/* Who looks again when it has missed is counted once, by what came of it. */
static void each_look_is_counted_once(void **state) {
    const struct sha256 key = key_of(1);
    (void)state;
    assert_null(cache_find(&cache, &key, 0));
    assert_null(cache_find_again(&cache, &key, 0));
    assert_true(cache_look(&cache).missed == 1 && cache_look(&cache).found == 0);
    keep(1, 10);
    struct cache_answer *answer = cache_find_again(&cache, &key, 0);
    assert_non_null(answer);
    cache_release(answer);
    assert_true(cache_look(&cache).missed == 0 && cache_look(&cache).found == 1);
    assert_true(has(1, 0) && !has(2, 0));
    assert_true(cache_look(&cache).missed == 1 && cache_look(&cache).found == 2);
    assert_int_equal(cache_look(&cache).stale, 0);
}

static void a_later_answer_takes_the_place_of_an_earlier_one(void **state) {
    (void)state;
    keep(1, 100);
    keep(1, 50);
    struct cache_stats stats = cache_look(&cache);
    assert_int_equal(stats.answers, 1);
    assert_true(has(1, 0));
}

static void one_that_is_too_long_is_not_kept_and_puts_nothing_out(void **state) {
    (void)state;
    keep(1, 100);
    for (unsigned i = 2; i < 40; i++) keep(i, 64 * 1024);
    assert_true(has(1, 0));
    assert_int_equal(cache_look(&cache).answers, 1);
}

static void what_happens_in_each_shard_is_in_the_sums(void **state) {
    enum { many = 300 };
    size_t found = 0;
    (void)state;
    for (unsigned i = 0; i < many; i++) keep(i, 100);
    struct cache_stats stats = cache_look(&cache);
    assert_true(stats.kept == many && stats.answers + stats.evicted == many && stats.answers > many / 2);
    assert_true(stats.bytes >= stats.answers * 100 && stats.bytes <= stats.bytes_max);
    const size_t answers = stats.answers;
    for (unsigned i = 0; i < 2 * many; i++) found += has(i, 999);
    assert_int_equal(found, answers);
    stats = cache_look(&cache);
    assert_true(stats.found == answers && stats.missed == 2 * many - answers && stats.expired == 0);
    for (unsigned i = 0; i < many; i++) assert_false(has(i, 1000));
    stats = cache_look(&cache);
    assert_true(stats.expired == answers && stats.found == answers && stats.missed == 3 * many - answers);
    assert_true(stats.answers == 0 && stats.bytes == 0 && stats.kept == many && stats.purged == 0);
}

/* Wherever they lie: in a shard and a chain each. */
static void a_purge_of_all_leaves_none(void **state) {
    (void)state;
    for (unsigned i = 0; i < 2000; i++) keep(i, 1);
    const size_t answers = cache_look(&cache).answers;
    assert_true(answers > 500);
    assert_int_equal(cache_purge(&cache, &(struct cache_choice){.by = cache_texts}), answers);
    assert_int_equal(cache_look(&cache).answers, 0);
    assert_int_equal(cache_look(&cache).bytes, 0);
    assert_int_equal(cache_look(&cache).purged, answers);
    for (unsigned i = 0; i < 2000; i++) assert_false(has(i, 0));
}

static void what_is_held_outlives_its_place(void **state) {
    (void)state;
    keep(1, 1000);
    struct sha256 key = key_of(1);
    struct cache_answer *answer = cache_find(&cache, &key, 0);
    assert_int_equal(cache_purge(&cache, &(struct cache_choice){.by = cache_texts}), 1);
    assert_false(has(1, 0));
    assert_true(cache_resize(&cache, 0));
    for (size_t i = 0; i < answer->body.len; i++) assert_int_equal(answer->body.at[i], 1);
    cache_release(answer);
}

static void its_bytes_hold_whatever_is_kept(void **state) {
    struct prng prng;
    (void)state;
    prng_seed(&prng, 1);
    for (unsigned i = 0; i < 20000; i++) {
        keep((unsigned)prng_below(&prng, 5000), prng_below(&prng, 4000));
        has((unsigned)prng_below(&prng, 5000), 0);
        if (i % 1000 == 0) assert_true(cache_look(&cache).bytes <= 16 * 64 * 1024);
    }
    assert_true(cache_look(&cache).evicted > 0);
    assert_true(cache_resize(&cache, 16 * 1024));
    assert_true(cache_look(&cache).bytes <= 16 * 1024);
    assert_true(cache_resize(&cache, 0));
    assert_int_equal(cache_look(&cache).answers, 0);
    keep(1, 10);
    assert_false(has(1, 0));
}

static void each_is_purged_by_what_is_known_of_it(void **state) {
    struct cache_facts facts = {.made_s = 0};
    char hex[65];
    struct sha256 key = key_of(1);
    (void)state;
    facts.texts[cache_text_client] = STR("app");
    facts.texts[cache_text_route] = STR("chat");
    facts.texts[cache_text_model] = STR("gpt");
    facts.texts[cache_text_target] = STR("openai/gpt-4o");
    facts.texts[cache_text_tags] = STR("team=a, env=prod");
    facts.texts[cache_text_key] = STR("mine");
    hash_to_hex(key.bytes, sizeof key.bytes, hex);
    hex[64] = 0;
    const struct cache_choice hits[] = {{cache_texts, STR("")},
                                        {cache_text_client, STR("app")},
                                        {cache_text_route, STR("chat")},
                                        {cache_text_model, STR("gpt")},
                                        {cache_text_target, STR("openai/gpt-4o")},
                                        {cache_text_target, STR("openai")},
                                        {cache_text_tags, STR("env=prod")},
                                        {cache_text_key, STR("mine")},
                                        {cache_text_key, str_from(hex)}};
    const struct cache_choice misses[] = {{cache_text_client, STR("ap")},      {cache_text_client, STR("")},
                                          {cache_text_target, STR("open")},    {cache_text_tags, STR("env=pro")},
                                          {cache_text_tags, STR("team=a, e")}, {cache_text_key, STR("")}};
    for (size_t i = 0; i < sizeof hits / sizeof *hits; i++) {
        keep_for(1, facts, 10, 1000);
        if (cache_purge(&cache, &hits[i]) != 1 || has(1, 0)) fail_msg("choice %zu", i);
    }
    keep_for(1, facts, 10, 1000);
    for (size_t i = 0; i < sizeof misses / sizeof *misses; i++)
        if (cache_purge(&cache, &misses[i]) != 0) fail_msg("no choice %zu", i);
    assert_true(has(1, 0));
}

static bool has_stale(unsigned number, int64_t now_s, int64_t stale_s) {
    struct sha256 key = key_of(number);
    struct cache_answer *answer = cache_find_stale(&cache, &key, now_s, stale_s);
    cache_release(answer);
    return answer != NULL;
}

static void what_has_expired_is_kept_for_an_outage_as_long_as_it_may(void **state) {
    (void)state;
    keep_for(1, (struct cache_facts){.stale_s = 100}, 10, 1000);
    assert_true(has(1, 999) && has_stale(1, 999, 0));
    assert_false(has(1, 1000));
    assert_false(has_stale(1, 1000, 0));
    assert_false(has_stale(1, 1060, 60));
    assert_true(has_stale(1, 1059, 60) && has_stale(1, 1099, 1000));
    assert_int_equal(cache_look(&cache).answers, 1);
    assert_int_equal(cache_look(&cache).stale, 3);
    assert_false(has_stale(1, 1100, 1000));
    assert_int_equal(cache_look(&cache).answers, 0);
    keep_for(2, (struct cache_facts){.stale_s = 100}, 10, 1000);
    assert_int_equal(cache_purge(&cache, &(struct cache_choice){.by = cache_texts}), 1);
    assert_false(has_stale(2, 1000, 100));
}

static void what_was_begun_before_a_purge_is_not_kept_after_it(void **state) {
    struct cache_facts facts = {.expires_s = 1000};
    struct sha256 key = key_of(1);
    (void)state;
    for (unsigned i = 0; i < cache_texts; i++) facts.texts[i] = STR("");
    for (unsigned before = 0; before < 2; before++) {
        struct cache_answer *answer = cache_answer_new(&key, &facts, 0);
        answer->round = atomic_load(&cache.round);
        if (before) cache_purge(&cache, &(struct cache_choice){.by = cache_text_client, .value = STR("another")});
        assert_int_equal(cache_is_of_now(&cache, answer), !before);
        cache_keep(&cache, answer);
        cache_release(answer);
        assert_int_equal(has(1, 0), !before);
        cache_purge(&cache, &(struct cache_choice){.by = cache_texts});
    }
}

/* One asks for ever new things; the others' answers are asked for no more, and yet stay. */
static void no_client_pushes_out_all_of_the_others(void **state) {
    struct cache_facts quiet = {.made_s = 0}, loud = {.made_s = 0};
    unsigned left = 0;
    (void)state;
    quiet.texts[cache_text_client] = STR("quiet");
    loud.texts[cache_text_client] = STR("loud");
    for (unsigned i = 0; i < 100; i++) keep_for(i, quiet, 2000, 1000);
    for (unsigned i = 1000; i < 20000; i++) keep_for(i, loud, 2000, 1000);
    for (unsigned i = 0; i < 100; i++) left += has(i, 0);
    assert_int_equal(left, 100);
    assert_true(cache_look(&cache).bytes <= 16 * 64 * 1024);
    for (unsigned i = 0; i < 2000; i++) keep_for(30000 + i, quiet, 2000, 1000); /* and nobody keeps what is more */
    for (unsigned i = 30000, *count = &left; i < 32000; i++) *count += has(i, 0);
    assert_true(left > 200);
}

static void *hammer(void *seed) {
    struct prng prng;
    prng_seed(&prng, (uint64_t)(uintptr_t)seed);
    for (unsigned i = 0; i < 20000; i++) {
        unsigned number = (unsigned)prng_below(&prng, 300);
        if (prng_below(&prng, 3) == 0) keep(number, prng_below(&prng, 8000));
        has(number, (int64_t)prng_below(&prng, 1001));
        if (prng_below(&prng, 2000) == 0) cache_purge(&cache, &(struct cache_choice){.by = cache_texts});
    }
    return NULL;
}

static void threads_share_it(void **state) {
    pthread_t threads[4];
    (void)state;
    for (uintptr_t i = 0; i < 4; i++) assert_int_equal(pthread_create(&threads[i], NULL, hammer, (void *)(i + 1)), 0);
    for (size_t i = 0; i < 4; i++) pthread_join(threads[i], NULL);
    assert_true(cache_look(&cache).bytes <= 16 * 64 * 1024);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_is_kept_is_found_until_it_expires, begin, end),
        cmocka_unit_test_setup_teardown(each_look_is_counted_once, begin, end),
        cmocka_unit_test_setup_teardown(a_later_answer_takes_the_place_of_an_earlier_one, begin, end),
        cmocka_unit_test_setup_teardown(one_that_is_too_long_is_not_kept_and_puts_nothing_out, begin, end),
        cmocka_unit_test_setup_teardown(what_happens_in_each_shard_is_in_the_sums, begin, end),
        cmocka_unit_test_setup_teardown(a_purge_of_all_leaves_none, begin, end),
        cmocka_unit_test_setup_teardown(what_is_held_outlives_its_place, begin, end),
        cmocka_unit_test_setup_teardown(its_bytes_hold_whatever_is_kept, begin, end),
        cmocka_unit_test_setup_teardown(what_has_expired_is_kept_for_an_outage_as_long_as_it_may, begin, end),
        cmocka_unit_test_setup_teardown(what_was_begun_before_a_purge_is_not_kept_after_it, begin, end),
        cmocka_unit_test_setup_teardown(no_client_pushes_out_all_of_the_others, begin, end),
        cmocka_unit_test_setup_teardown(each_is_purged_by_what_is_known_of_it, begin, end),
        cmocka_unit_test_setup_teardown(threads_share_it, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
