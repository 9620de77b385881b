/* flight_version_test.c - versions of Anthropic's API: whose counts, and what passes with it. */
#include "flight_world.h"

#define MESSAGES \
    "{\"model\":\"n\",\"max_tokens\":9,\"temperature\":1,\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]}"

static const char yaml[] = "state_dir: ./state\n"
                           "providers:\n"
                           "  a: {type: anthropic, api_key: sk-secret-secret-secret, models: [n]}\n";
static const char pinned[] =
    "state_dir: ./state\n"
    "providers:\n"
    "  a:\n"
    "    {type: anthropic, api_key: sk-secret-secret-secret, models: [n], headers: {anthropic-version: 2026-10-21}}\n";

/* A request in the dialect of this version, and what of it goes up. */
static void asked(const char *config, const char *version, bool strict, bool keeps_temperature) {
    struct flight_world world;
    flight_world_begin(&world, config);
    struct http_header header = {STR("anthropic-version"), str_from(version)};
    struct flight *flight = flight_world_ask_of(
        &world, (struct flight_request){.endpoint = endpoint_messages, .headers = &header, .header_count = 1},
        MESSAGES);
    assert_non_null(flight->live);
    assert_int_equal(version_is_strict_towards(flight, flight->live->target->provider), strict);
    bool kept = false;
    const struct openai_splice *body = &flight->live->request.body;
    for (size_t i = 0; i < body->count; i++) kept |= str_find(body->ranges[i], STR("temperature")) != SIZE_MAX;
    assert_int_equal(kept, keeps_temperature);
    flight_world_drop(&world, flight);
    flight_world_end(&world);
}

static void bytes_pass_with_the_version_that_they_were_written_for(void **state) {
    (void)state;
    asked(yaml, "2023-06-01", false, true);
    asked(yaml, "2026-10-21", true, true); /* its vendor refuses it, in its own words */
    asked(pinned, "2026-10-21", true, true);
}

static void the_configurations_version_counts_and_takes_what_it_refuses_away(void **state) {
    (void)state;
    asked(pinned, "2023-06-01", true, false);
}

static void a_version_that_is_no_date_is_none(void **state) {
    (void)state;
    asked(yaml, "9", false, true);
    asked(yaml, "", false, true);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_pass_with_the_version_that_they_were_written_for),
        cmocka_unit_test(the_configurations_version_counts_and_takes_what_it_refuses_away),
        cmocka_unit_test(a_version_that_is_no_date_is_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
