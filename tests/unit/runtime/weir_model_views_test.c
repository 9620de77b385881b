/* weir_model_views_test.c - what is told of models: what is known of them and nothing else, and of a route what its
 * targets can do together. */
#include "runtime/weir_internal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

static const struct catalog_model nothing = {.context_tokens = -1,
                                             .output_tokens_max = -1,
                                             .first_token_ms = -1,
                                             .cache_tokens_min = -1,
                                             .takes = {.thinking_least = -1, .thinking_most = -1}};

static void assert_written(const struct text *text, const char *wanted) {
    assert_false(text->failed);
    if (!str_eq(text_str(text), str_from(wanted))) fail_msg("%.*s\ninstead of\n%s", STR_ARG(text_str(text)), wanted);
}

static void assert_facts(const struct catalog_model *facts, const char *wanted) {
    char buffer[512];
    struct text text = text_in_buffer(buffer, sizeof buffer);
    library_facts_write(facts, &text);
    assert_written(&text, wanted);
}

static void each_fact_is_told_where_it_is_known_and_not_elsewhere(void **state) {
    struct catalog_model facts = nothing;
    (void)state;
    assert_facts(NULL, "");
    assert_facts(&facts, "\"embeddings\":false,\"time_series\":false");
    facts.context_tokens = facts.output_tokens_max = 0;
    facts.speed = speed_slow;
    assert_facts(&facts, "\"embeddings\":false,\"time_series\":false,\"speed\":\"slow\",\"first_token_ms\":2500");
    facts.context_tokens = 1;
    facts.output_tokens_max = 2;
    facts.speed = speed_unknown;
    assert_facts(&facts, "\"context_tokens\":1,\"output_tokens_max\":2,\"embeddings\":false,\"time_series\":false");
}

/* 0 tokens are no fact, one is. */
static void what_a_model_takes_is_told_from_one_token_on(void **state) {
    struct catalog_model facts = nothing;
    (void)state;
    facts.takes.thinking_least = facts.takes.thinking_most = facts.cache_tokens_min = 0;
    assert_facts(&facts, "\"embeddings\":false,\"time_series\":false");
    facts.takes.thinking_least = 1;
    facts.takes.thinking_most = 2;
    assert_facts(&facts, "\"embeddings\":false,\"time_series\":false,\"thinking_least\":1,\"thinking_most\":2");
    facts.takes.thinking_least = facts.takes.thinking_most = -1;
    facts.cache_tokens_min = 1;
    assert_facts(&facts, "\"embeddings\":false,\"time_series\":false,\"cache_least\":1");
}

/* Told in both ways where it is known; a model that goes says when. */
static void what_it_bills_and_how_long_it_lives_is_told_where_it_is_known(void **state) {
    struct catalog_model facts = nothing;
    (void)state;
    facts.bills_hidden = flag_true;
    assert_facts(&facts, "\"embeddings\":false,\"time_series\":false,\"bills_hidden\":true");
    facts.bills_hidden = flag_false;
    facts.released = STR("2025-01");
    facts.deprecated = STR("2026-01");
    facts.retires = STR("2027-01");
    assert_facts(&facts, "\"embeddings\":false,\"time_series\":false,\"bills_hidden\":false,"
                         "\"released\":\"2025-01\",\"deprecated\":\"2026-01\",\"retires\":\"2027-01\"");
}

/* From the first of the table to the last. */
static void an_ability_may_be_there_be_missing_or_not_be_known(void **state) {
    struct catalog_model facts = nothing;
    (void)state;
    for (unsigned i = 0; i < catalog_abilities; i++) {
        char wanted[128];
        struct text text = text_in_buffer(wanted, sizeof wanted);
        facts.can = i % 2 ? 0 : 1u << i;
        facts.cannot = i % 2 ? 1u << i : 0;
        text_json_bool(&text, catalog_ability_name((enum catalog_ability)i), i % 2 == 0);
        text_put(&text, STR(",\"embeddings\":false,\"time_series\":false"));
        text_put_byte(&text, 0);
        assert_facts(&facts, wanted);
    }
}

static void each_use_is_told_by_its_name(void **state) {
    struct catalog_model facts = nothing;
    (void)state;
    facts.uses = 1u << use_chat | 1u << use_embeddings | 1u << use_time_series;
    assert_facts(&facts, "\"embeddings\":true,\"time_series\":true,\"use\":[\"chat\",\"embeddings\",\"time_series\"]");
    facts.uses = 1u << use_code;
    assert_facts(&facts, "\"embeddings\":false,\"time_series\":false,\"use\":[\"code\"]");
}

/* -- of a route -- */

static const struct provider provider_a = {.name = STR("a"), .index = 0};

/* One model of this name, with a target for each of these facts. */
static void assert_model(const struct catalog_model *const *facts, size_t count, enum dialect dialect,
                         const char *wanted) {
    struct target targets[10];
    const struct target *list[10];
    char buffer[1024];
    struct text text = text_in_buffer(buffer, sizeof buffer);
    for (size_t i = 0; i < count; i++) {
        targets[i] = (struct target){.provider = &provider_a, .name = STR("a/m"), .facts = facts[i]};
        list[i] = &targets[i];
    }
    struct route route = {.model = STR("m"), .targets = list, .target_count = count};
    struct snapshot snapshot = {.routes = &route, .route_count = 1};
    struct arena arena;
    arena_init(&arena, 1024, 4096);
    assert_true(map_init(&snapshot.exact_routes, &arena, 1) && map_add(&snapshot.exact_routes, route.model, &route));
    library_models_write(&snapshot, NULL, dialect, &text);
    assert_written(&text, wanted);
    arena_free(&arena);
}

static void a_route_can_do_what_one_of_its_targets_can_and_lacks_what_all_lack(void **state) {
    struct catalog_model seeing = nothing, calling = nothing;
    seeing.context_tokens = 100;
    seeing.output_tokens_max = 20;
    seeing.can = 1u << ability_vision;
    seeing.cannot = 1u << ability_audio | 1u << ability_tools;
    seeing.speed = speed_fast;
    calling.context_tokens = 200;
    calling.output_tokens_max = 10;
    calling.can = 1u << ability_tools;
    calling.cannot = 1u << ability_audio | 1u << ability_vision;
    calling.speed = speed_slow;
    const struct catalog_model *both[] = {&seeing, &calling}, *with_a_stranger[] = {&seeing, NULL};
    (void)state;
    assert_model(both, 2, dialect_openai,
                 "{\"object\":\"list\",\"data\":[{\"id\":\"m\",\"object\":\"model\",\"created\":0,\"owned_by\":\"a\","
                 "\"weir\":{\"targets\":[\"a/m\",\"a/m\"],\"context_tokens\":200,\"output_tokens_max\":20,\"vision\":"
                 "true,\"audio\":false,\"tools\":true,\"embeddings\":false,\"time_series\":false,\"speed\":\"fast\","
                 "\"first_token_ms\":400}}]}");
    assert_model(with_a_stranger, 2, dialect_openai, /* which may do what the other lacks */
                 "{\"object\":\"list\",\"data\":[{\"id\":\"m\",\"object\":\"model\",\"created\":0,\"owned_by\":\"a\","
                 "\"weir\":{\"targets\":[\"a/m\",\"a/m\"],\"context_tokens\":100,\"output_tokens_max\":20,\"vision\":"
                 "true,\"embeddings\":false,\"time_series\":false,\"speed\":\"fast\",\"first_token_ms\":400}}]}");
}

/* Eight are named; what all of them can is told. */
static void of_many_targets_the_first_are_named(void **state) {
    const struct catalog_model *unknown[10] = {NULL};
    char wanted[512];
    (void)state;
    for (size_t count = 1; count <= 10; count++) {
        struct text text = text_in_buffer(wanted, sizeof wanted);
        text_printf(&text, "{\"object\":\"list\",\"data\":[{\"id\":\"m\",\"object\":\"model\",\"created\":0,"
                           "\"owned_by\":\"a\",\"weir\":{\"targets\":[");
        for (size_t i = 0; i < count && i < 8; i++) text_printf(&text, "%s\"a/m\"", i ? "," : "");
        text_put(&text, STR("]}}]}"));
        text_put_byte(&text, 0);
        assert_model(unknown, count, dialect_openai, wanted);
    }
}

static void each_dialect_lists_them_in_its_own_shape(void **state) {
    const struct catalog_model facts = {.context_tokens = 100, .output_tokens_max = 20, .uses = 1u << use_code},
                               vectors = {.context_tokens = 1, .output_tokens_max = 1, .uses = 1u << use_embeddings};
    const struct catalog_model *known[] = {&facts}, *embeds[] = {&vectors}, *unknown[] = {NULL};
    (void)state;
    assert_model(known, 1, dialect_anthropic,
                 "{\"data\":[{\"type\":\"model\",\"id\":\"m\",\"display_name\":\"m\",\"created_at\":"
                 "\"1970-01-01T00:00:00Z\",\"max_input_tokens\":100,\"max_tokens\":20}],\"has_more\":false,"
                 "\"first_id\":null,\"last_id\":null}");
    assert_model(unknown, 1, dialect_anthropic,
                 "{\"data\":[{\"type\":\"model\",\"id\":\"m\",\"display_name\":\"m\",\"created_at\":"
                 "\"1970-01-01T00:00:00Z\"}],\"has_more\":false,\"first_id\":null,\"last_id\":null}");
    assert_model(known, 1, dialect_gemini,
                 "{\"models\":[{\"name\":\"models/m\",\"displayName\":\"m\",\"inputTokenLimit\":100,"
                 "\"outputTokenLimit\":20,\"supportedGenerationMethods\":[\"generateContent\"]}]}");
    assert_model(embeds, 1, dialect_gemini,
                 "{\"models\":[{\"name\":\"models/m\",\"displayName\":\"m\",\"inputTokenLimit\":1,"
                 "\"outputTokenLimit\":1,\"supportedGenerationMethods\":[\"embedContent\"]}]}");
    assert_model(unknown, 1, dialect_gemini, /* most can chat */
                 "{\"models\":[{\"name\":\"models/m\",\"displayName\":\"m\",\"supportedGenerationMethods\":["
                 "\"generateContent\"]}]}");
}

/* Of each name only where it is found, whose answers it may have, and the ways that this client may take. */
static void a_client_sees_what_it_may_ask_for_and_no_other_targets(void **state) {
    static const struct provider provider_b = {.name = STR("b"), .index = 1};
    const struct target targets[] = {{.provider = &provider_a, .name = STR("a/m")},
                                     {.provider = &provider_b, .name = STR("b/m")}};
    const struct target *both[] = {&targets[0], &targets[1]}, *one[] = {&targets[0]};
    struct route routes[] = {{.model = STR("m1"), .targets = both, .target_count = 2},
                             {.model = STR("m2"), .targets = one, .target_count = 1},
                             {.model = STR("m3")},
                             {.model = STR("n1"), .targets = both, .target_count = 2},
                             {.model = STR("m?"), .is_glob = true, .targets = both, .target_count = 2}};
    struct str some[] = {STR("m*")}, seconds[] = {STR("b")};
    struct client client = {.models = some, .model_count = 1, .providers = seconds, .provider_count = 1};
    struct snapshot snapshot = {.routes = routes, .route_count = 5};
    char buffer[512];
    struct text text = text_in_buffer(buffer, sizeof buffer);
    struct arena arena;
    (void)state;
    arena_init(&arena, 1024, 4096);
    assert_true(map_init(&snapshot.exact_routes, &arena, 4));
    for (size_t i = 0; i < 4; i++) assert_true(map_add(&snapshot.exact_routes, routes[i].model, &routes[i]));
    library_models_write(&snapshot, &client, dialect_openai, &text);
    assert_written(&text, "{\"object\":\"list\",\"data\":[{\"id\":\"m1\",\"object\":\"model\",\"created\":0,"
                          "\"owned_by\":\"b\",\"weir\":{\"targets\":[\"b/m\"]}}]}");
    assert_false(library_model_write(&snapshot, &client, dialect_openai, STR("m2"), &text));
    assert_false(library_model_write(&snapshot, NULL, dialect_openai, STR("m3"), &text)); /* nobody serves it */
    assert_true(library_model_write(&snapshot, &client, dialect_gemini, STR("m9"), &text));
    arena_free(&arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_fact_is_told_where_it_is_known_and_not_elsewhere),
        cmocka_unit_test(what_a_model_takes_is_told_from_one_token_on),
        cmocka_unit_test(what_it_bills_and_how_long_it_lives_is_told_where_it_is_known),
        cmocka_unit_test(an_ability_may_be_there_be_missing_or_not_be_known),
        cmocka_unit_test(each_use_is_told_by_its_name),
        cmocka_unit_test(a_route_can_do_what_one_of_its_targets_can_and_lacks_what_all_lack),
        cmocka_unit_test(of_many_targets_the_first_are_named),
        cmocka_unit_test(each_dialect_lists_them_in_its_own_shape),
        cmocka_unit_test(a_client_sees_what_it_may_ask_for_and_no_other_targets),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
