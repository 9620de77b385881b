/* flight_version_test.c - versions of Anthropic's API: whose counts, and what passes with it. */
#include "flight_world.h"

#include <stdio.h>

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

/* What a request in a strict version may not say, it may not say to another dialect's provider either. */
static void what_the_callers_own_version_refuses_is_refused_towards_others(void **state) {
    static const struct {
        const char *version, *member, *param; /* NULL: it is asked */
    } rows[] = {
        {"2026-10-21", "\"temperature\":1", "temperature"},
        {"2026-10-21", "\"top_p\":1", "top_p"},
        {"2026-10-21", "\"top_k\":1", "top_k"},
        {"2026-10-21", "\"stop_sequences\":[\"x\"]", NULL},
        {"2023-06-01", "\"temperature\":1", NULL},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct flight_world world;
        char body[256], param[64];
        flight_world_begin(&world, "state_dir: ./state\n"
                                   "providers: {o: {type: openai, api_key: sk-secret-secret-secret, models: [n]}}\n");
        struct http_header header = {STR("anthropic-version"), str_from(rows[i].version)};
        snprintf(body, sizeof body,
                 "{\"model\":\"n\",\"max_tokens\":9,%s,\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]}",
                 rows[i].member);
        struct flight *flight = flight_world_ask_of(
            &world, (struct flight_request){.endpoint = endpoint_messages, .headers = &header, .header_count = 1},
            body);
        assert_int_equal(flight->live != NULL, rows[i].param == NULL);
        snprintf(param, sizeof param, "`%s` is not taken", rows[i].param ? rows[i].param : "");
        if (rows[i].param && !flight_world_wrote(&world, param))
            fail_msg("row %zu: %.*s", i, STR_ARG(flight_world_written(&world)));
        flight_world_drop(&world, flight);
        flight_world_end(&world);
    }
}

/* Its bytes were written for an older one, and there is nothing that could be left out. */
static void a_document_of_the_assistants_goes_to_no_strict_provider(void **state) {
    static const char body[] = "{\"model\":\"n\",\"max_tokens\":9,\"messages\":[{\"role\":\"user\",\"content\":\"hi\"},"
                               "{\"role\":\"assistant\","
                               "\"content\":[{\"type\":\"document\",\"source\":{\"type\":\"text\",\"media_type\":"
                               "\"text/plain\",\"data\":\"x\"}}"
                               "]},{\"role\":\"user\",\"content\":\"so?\"}]}";
    (void)state;
    for (int strict = 0; strict < 2; strict++) {
        struct flight_world world;
        flight_world_begin(&world, strict ? pinned : yaml);
        struct http_header header = {STR("anthropic-version"), STR("2023-06-01")};
        struct flight *flight = flight_world_ask_of(
            &world, (struct flight_request){.endpoint = endpoint_messages, .headers = &header, .header_count = 1},
            body);
        assert_int_equal(flight->live != NULL, !strict);
        if (strict) assert_true(flight_world_wrote(&world, "takes no documents in the assistant's messages"));
        flight_world_drop(&world, flight);
        flight_world_end(&world);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_pass_with_the_version_that_they_were_written_for),
        cmocka_unit_test(the_configurations_version_counts_and_takes_what_it_refuses_away),
        cmocka_unit_test(what_the_callers_own_version_refuses_is_refused_towards_others),
        cmocka_unit_test(a_document_of_the_assistants_goes_to_no_strict_provider),
        cmocka_unit_test(a_version_that_is_no_date_is_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
