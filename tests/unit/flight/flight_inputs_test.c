/* flight_inputs_test.c - what of a batch is asked for, what is kept of it, and what its caller gets. */
#include <string.h>

#include "flight_cache_world.h"

#define BATCH(inputs) "{\"model\":\"r\",\"input\":" inputs "}"
#define VECTOR(i, v) "{\"object\":\"embedding\",\"index\":" i ",\"embedding\":[" v "]}"
#define MADE(list, tokens)                                                                          \
    "{\"object\":\"list\",\"data\":[" list "],\"model\":\"m\",\"usage\":{\"prompt_tokens\":" tokens \
    ",\"total_tokens\":" tokens "}}"
static const struct flight_request embeds = {.endpoint = endpoint_embeddings};

static void answer_with(struct cache_world *of, struct flight *flight, const char *body) {
    cache_world_head(of, flight, 200, "application/json");
    cache_world_body(of, flight, body);
    cache_world_ended(of, flight);
}

/* What the last attempt is asked, as it goes up. */
static bool asks_for(const struct flight *flight, const char *inputs) {
    const struct openai_splice *body = &flight->attempts[flight->attempt_count - 1]->request.body;
    char whole[1024];
    struct text text = text_in_buffer(whole, sizeof whole);
    for (size_t i = 0; i < body->count; i++) text_put(&text, body->ranges[i]);
    return str_find(text_str(&text), str_from(inputs)) != SIZE_MAX;
}

static struct flight *first_two(struct cache_world *of) {
    cache_world_begin(of, CACHE_YAML);
    struct flight *first = cache_world_ask(of, embeds, BATCH("[\"a\",\"b\"]"));
    answer_with(of, first, MADE(VECTOR("0", "1") "," VECTOR("1", "2"), "10"));
    assert_int_equal(cache_look(&of->cache).kept, 2); /* and not the whole beside them */
    return first;
}

static void a_batch_is_put_together(void **state) {
    struct cache_world of;
    (void)state;
    struct flight *first = first_two(&of), *second = cache_world_ask(&of, embeds, BATCH("[\"c\",\"b\",\"a\"]"));
    assert_true(asks_for(second, "\"input\":[\"c\"]"));
    answer_with(&of, second, MADE(VECTOR("0", "3"), "4"));
    assert_str_equal(flight_world_written(&of.world),
                     MADE(VECTOR("0", "3") "," VECTOR("1", "2") "," VECTOR("2", "1"), "14"));
    assert_str_equal(flight_world_said(&of.world, "x-weir-cache-inputs"), "2/3");
    assert_int_equal(flight_facts(second).input_tokens, 4);
    struct flight *third = cache_world_ask(&of, embeds, BATCH("\"c\""));
    assert_int_equal(third->attempt_count, 0);
    assert_str_equal(flight_world_written(&of.world), MADE(VECTOR("0", "3"), "4"));
    flight_free(first);
    flight_free(second);
    flight_free(third);
    cache_world_end(&of);
}

/* By what it says of their places, not by how they stand. */
static void what_comes_in_another_order_is_put_in_its_places(void **state) {
    struct cache_world of;
    (void)state;
    struct flight *first = first_two(&of), *second = cache_world_ask(&of, embeds, BATCH("[\"c\",\"b\",\"d\"]"));
    answer_with(&of, second, MADE(VECTOR("1", "4") "," VECTOR("0", "3"), "4"));
    assert_str_equal(flight_world_written(&of.world),
                     MADE(VECTOR("0", "3") "," VECTOR("1", "2") "," VECTOR("2", "4"), "9"));
    struct flight *third = cache_world_ask(&of, embeds, BATCH("[\"d\",\"c\"]"));
    assert_int_equal(third->attempt_count, 0);
    assert_str_equal(flight_world_written(&of.world), MADE(VECTOR("0", "4") "," VECTOR("1", "3"), "4"));
    flight_free(first);
    flight_free(second);
    flight_free(third);
    cache_world_end(&of);
}

/* One that says fewer or more than was asked for, or another place, is not understood: nothing of it is given or kept.
 */
static void what_is_not_what_was_asked_for_is_no_answer(void **state) {
    static const char *const made[] = {MADE("", "4"),
                                       MADE(VECTOR("0", "3"), "4"),
                                       MADE(VECTOR("1", "3") "," VECTOR("1", "4"), "4"),
                                       MADE(VECTOR("0", "3") "," VECTOR("2", "4"), "4"),
                                       MADE(VECTOR("-1", "3") "," VECTOR("0", "4"), "4"),
                                       MADE(VECTOR("0", "3") "," VECTOR("1", "4") "," VECTOR("2", "5"), "4")};
    (void)state;
    for (size_t i = 0; i < sizeof made / sizeof *made; i++) {
        struct cache_world of;
        struct flight *first = first_two(&of), *second = cache_world_ask(&of, embeds, BATCH("[\"c\",\"b\",\"d\"]"));
        answer_with(&of, second, made[i]);
        assert_int_equal(flight_facts(second).status, 502);
        assert_int_equal(cache_look(&of.cache).kept, 2);
        struct flight *third = cache_world_ask(&of, embeds, BATCH("[\"c\",\"d\"]")); /* all of it: it passes, unkept */
        answer_with(&of, third, made[i]);
        assert_int_equal(flight_facts(third).status, 200);
        assert_int_equal(cache_look(&of.cache).kept, 2);
        flight_free(first);
        flight_free(second);
        flight_free(third);
        cache_world_end(&of);
    }
}

static void shares_of_tokens_add_up(void **state) {
    struct cache_world of;
    (void)state;
    cache_world_begin(&of, CACHE_YAML);
    struct flight *first = cache_world_ask(&of, embeds, BATCH("[\"a\",\"a longer one\",\"b\"]"));
    answer_with(&of, first, MADE(VECTOR("0", "1") "," VECTOR("1", "2") "," VECTOR("2", "3"), "101"));
    struct flight *second = cache_world_ask(&of, embeds, BATCH("[\"b\",\"a\",\"a longer one\"]"));
    assert_int_equal(second->attempt_count, 0);
    assert_int_equal(flight_facts(second).input_tokens, 101);
    assert_str_equal(flight_world_said(&of.world, "x-weir-estimated"), "true");
    flight_free(first);
    flight_free(second);
    cache_world_end(&of);
}

/* A caller that wants none so old: one second less than its limit is given, at the limit it is asked for anew. */
static void what_is_older_than_is_wanted_is_asked_for(void **state) {
    static const struct {
        int64_t after_s;
        unsigned attempts;
    } rows[] = {{0, 0}, {9, 0}, {10, 1}, {11, 1}};
    struct http_header limit = {STR("x-weir-cache-ttl"), STR("10")};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct cache_world of;
        struct flight *first = first_two(&of);
        of.world.now.wall_ns += rows[i].after_s * (int64_t)NS_PER_S;
        struct flight_request asked = embeds;
        asked.headers = &limit;
        asked.header_count = 1;
        struct flight *second = cache_world_ask(&of, asked, BATCH("\"a\""));
        assert_int_equal(second->attempt_count, rows[i].attempts);
        if (rows[i].attempts) answer_with(&of, second, MADE(VECTOR("0", "3"), "4"));
        flight_free(first);
        flight_free(second);
        cache_world_end(&of);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_batch_is_put_together),
        cmocka_unit_test(what_comes_in_another_order_is_put_in_its_places),
        cmocka_unit_test(what_is_not_what_was_asked_for_is_no_answer),
        cmocka_unit_test(shares_of_tokens_add_up),
        cmocka_unit_test(what_is_older_than_is_wanted_is_asked_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
