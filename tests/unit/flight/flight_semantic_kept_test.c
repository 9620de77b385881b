/* Hits that are asked of a provider all the same: compared by what they say, and off by themselves. */
#include "flight_semantic_world.h"

static void answered(struct cache_world *of, struct flight *flight, const char *text) {
    char body[512];
    snprintf(body, sizeof body,
             "{\"id\":\"c\",\"object\":\"chat.completion\",\"created\":1,\"model\":\"m\",\"choices\":[{\"index\":0,"
             "\"message\":{\"role\":\"assistant\",\"content\":\"%s\"},\"finish_reason\":\"stop\"}],\"usage\":"
             "{\"prompt_tokens\":1,\"completion_tokens\":1,\"total_tokens\":2}}",
             text);
    cache_world_head(of, flight, 200, "application/json");
    cache_world_body(of, flight, body);
    cache_world_ended(of, flight);
}

/* The same, in words that no answer was kept for. */
static struct flight *checked(struct cache_world *of, unsigned number) {
    static const char *const ways[] = {"How can I reset my password?", "How to reset a password",
                                       "Tell me how to reset my password", "How do we reset the password?"};
    struct flight *flight = semantic_world_ask(of, ways[number % 4]);
    semantic_world_embed(of, flight, "[1,0,0]");
    assert_true(flight->state == flight_trying && flight->semantic->outcome == semantic_checks);
    return flight;
}

static void another_answer_is_a_false_hit(void **state) {
    struct cache_world of;
    (void)state;
    semantic_world_begin(&of, SEMANTIC_YAML("shadow: 1"));
    struct flight *first = semantic_world_ask(&of, "How do I reset my password?");
    semantic_world_embed(&of, first, "[1,0,0]");
    answered(&of, first, "Open settings and choose reset.");
    cache_world_drop(&of, first);
    struct flight *same = checked(&of, 0);
    answered(&of, same, "In settings, open and choose reset.");
    assert_int_equal(same->semantic->compared, compared_same);
    assert_int_equal(false_share_read(semantic_world_cell(&of)).compared, 1);
    assert_int_equal(false_share_read(semantic_world_cell(&of)).wrong, 0);
    cache_world_drop(&of, same);
    struct flight *other = checked(&of, 1);
    answered(&of, other, "Our shops close at nine on Sundays.");
    assert_int_equal(other->semantic->compared, compared_false);
    assert_int_equal(false_share_read(semantic_world_cell(&of)).wrong, 1);
    cache_world_drop(&of, other);
    struct flight *broken = checked(&of, 2); /* what is no whole answer says nothing */
    cache_world_drop(&of, broken);
    assert_int_equal(false_share_read(semantic_world_cell(&of)).compared, 2);
    cache_world_end(&of);
}

static void none_is_looked_for_where_it_is_off(void **state) {
    struct cache_world of;
    (void)state;
    semantic_world_begin(&of, SEMANTIC_YAML("shadow: 0"));
    semantic_world_seed(&of, "How do I reset my password?", "[1,0,0]");
    for (unsigned i = 0; i < 20; i++) false_share_note(semantic_world_cell(&of), true, 0.5);
    struct flight *flight = semantic_world_ask(&of, "How can I reset my password?");
    assert_int_equal(flight_world_asked(&of.world, action_embed), 0);
    assert_true(flight->state == flight_trying && flight->cache.why);
    cache_world_drop(&of, flight);
    cache_world_end(&of);
}

static void the_share_is_drawn(void **state) {
    struct cache_world of;
    unsigned asked = 0;
    (void)state;
    semantic_world_begin(&of, SEMANTIC_YAML("shadow: 0.25"));
    semantic_world_seed(&of, "How do I reset my password?", "[1,0,0]");
    for (unsigned i = 0; i < 400; i++) {
        struct flight *flight = semantic_world_ask(&of, "How can I reset my password?");
        semantic_world_embed(&of, flight, "[1,0,0]");
        asked += flight->semantic->outcome == semantic_checks;
        cache_world_drop(&of, flight);
    }
    assert_in_range(asked, 60, 140); /* 100 of 400, and its draws are always the same */
    cache_world_end(&of);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(another_answer_is_a_false_hit),
        cmocka_unit_test(none_is_looked_for_where_it_is_off),
        cmocka_unit_test(the_share_is_drawn),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
