/* flight_way_test.c - which door a request comes in by, and which way it goes to which provider. */
#include "flight_world.h"

static const char yaml[] = "state_dir: ./state\n"
                           "providers:\n"
                           "  o: {type: openai, api_key: sk-secret-secret-secret, models: [m]}\n"
                           "  a: {type: anthropic, api_key: sk-secret-secret-secret, models: [m]}\n"
                           "  g: {type: gemini, api_key: sk-secret-secret-secret, models: [m]}\n";

static struct flight *flight_at(struct flight_world *world, enum endpoint endpoint, bool wants_array) {
    return flight_world_new_of(world, (struct flight_request){.endpoint = endpoint,
                                                              .wants_array = wants_array,
                                                              .raw = {http_get, STR("o"), STR("/files"), STR("")}});
}

static void each_pair_of_dialects_has_its_way(void **state) {
    static const struct {
        enum endpoint endpoint;
        const char *provider;
        const struct way *way;
        bool wants_array;
    } rows[] = {
        {endpoint_chat, "o", &way_splice, false},
        {endpoint_chat, "a", &way_translate, false},
        {endpoint_chat, "g", &way_translate, false},
        {endpoint_embeddings, "o", &way_splice, false},
        {endpoint_audio_speech, "o", &way_opaque, false},
        {endpoint_audio_transcriptions, "o", &way_opaque, false},
        {endpoint_forecasts, "g", &way_translate, false},
        {endpoint_responses, "o", &way_alike, false},
        {endpoint_responses, "a", &way_translate, false},
        {endpoint_messages, "a", &way_alike, false},
        {endpoint_messages, "o", &way_translate, false},
        {endpoint_generate_stream, "g", &way_alike, false},
        {endpoint_generate_stream, "g", &way_translate, true}, /* events become an array */
        {endpoint_generate, "a", &way_translate, false},
        {endpoint_raw, "o", &way_raw, false},
    };
    struct flight_world world;
    (void)state;
    flight_world_begin(&world, yaml);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct flight *flight = flight_at(&world, rows[i].endpoint, rows[i].wants_array);
        const struct way *way = way_of(flight, flight_world_target(&world, rows[i].provider));
        if (way != rows[i].way) fail_msg("row %zu: %s instead of %s", i, way->name, rows[i].way->name);
        flight_world_drop(&world, flight);
    }
    flight_world_end(&world);
}

static void the_door_is_the_endpoints(void **state) {
    (void)state;
    assert_ptr_equal(door_of(endpoint_chat), &door_openai);
    assert_ptr_equal(door_of(endpoint_completions), &door_openai);
    assert_ptr_equal(door_of(endpoint_responses), &door_codec);
    assert_ptr_equal(door_of(endpoint_messages), &door_codec);
    assert_ptr_equal(door_of(endpoint_raw), &door_raw);
}

/* Whoever may be chosen can do all that an attempt of its kind comes to. */
static void every_way_can_do_what_it_may_be_asked_for(void **state) {
    static const struct way *const ways[] = {&way_splice,    &way_opaque, &way_alike, &way_anew,
                                             &way_translate, &way_rest,   &way_raw};
    (void)state;
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
        assert_true(ways[i]->fits || ways[i]->blind); /* a raw request is admitted for its one target */
        assert_true(ways[i]->request && ways[i]->passes_up && ways[i]->passes_back && ways[i]->mode);
        assert_true(ways[i]->event && ways[i]->whole && ways[i]->usage && ways[i]->error);
        assert_true(!ways[i]->writes_anew || ways[i]->finish);
        assert_true(!ways[i]->continues || ways[i]->keeps_type || ways[i]->writes_anew);
        assert_true(!ways[i]->goes_on || ways[i]->continues);
    }
}

static void an_attempt_has_its_way_from_its_beginning(void **state) {
    struct flight_world world;
    (void)state;
    flight_world_begin(&world, yaml);
    struct flight *flight = flight_world_ask(&world, FLIGHT_CHAT("a/m", "false"));
    assert_ptr_equal(flight->live->way, &way_translate);
    assert_true(str_eq(flight->live->request.path, STR("/v1/messages")));
    flight_world_drop(&world, flight);
    flight_world_end(&world);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_pair_of_dialects_has_its_way),
        cmocka_unit_test(the_door_is_the_endpoints),
        cmocka_unit_test(every_way_can_do_what_it_may_be_asked_for),
        cmocka_unit_test(an_attempt_has_its_way_from_its_beginning),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
