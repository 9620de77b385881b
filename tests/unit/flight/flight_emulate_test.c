/* flight_emulate_test.c - who is asked by other means than were asked for, and when. */
#include "flight_world.h"

#define SCHEMA                                                                                                         \
    ",\"response_format\":{\"type\":\"json_schema\",\"json_schema\":{\"name\":\"a\",\"schema\":{\"type\":\"object\"}}" \
    "}"
#define TOOL ",\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"f\"}}]"
#define CHAT(model, more) "{\"model\":\"" model "\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]" more "}"

static const char yaml[] = "state_dir: ./state\n"
                           "providers:\n"
                           "  o: {type: openai, api_key: sk-secret-secret-secret, models: [gpt-4o, gpt-4-turbo], "
                           "priority: 2}\n"
                           "  l: {type: ollama, models: [qwen]}\n"
                           "  d: {type: deepseek, api_key: sk-secret-secret-secret, models: [deepseek-chat]}\n"
                           "  c: {type: anthropic, api_key: sk-secret-secret-secret, models: "
                           "[claude-3-haiku-20240307], priority: 1}\n"
                           "routes:\n"
                           "  - {model: r, targets: [c/claude-3-haiku-20240307, o/gpt-4o], strategy: priority}\n"
                           "  - {model: alone, targets: [c/claude-3-haiku-20240307]}\n";

static void asked(const char *body, const char *target, const char *way, const char *changed) {
    struct flight_world world;
    flight_world_begin(&world, yaml);
    struct flight *flight = flight_world_ask_of(&world, (struct flight_request){.endpoint = endpoint_chat}, body);
    if (!flight->live) fail_msg("%s is not asked", body);
    struct str name = flight->live->target->name, told = flight->live->dialect.changed;
    if (!str_eq(name, str_from(target)) || !str_eq(str_from(flight->live->way->name), str_from(way)) ||
        !str_eq(told, str_from(changed)))
        fail_msg("%s goes to %.*s by %s: %.*s", body, STR_ARG(name), flight->live->way->name, STR_ARG(told));
    if (flight->live->target->provider->dialect == dialect_openai) /* others are translated anyway */
        assert_int_equal(emulation_wanted(flight, flight->live->target), changed[0] != 0);
    flight_world_drop(&world, flight);
    flight_world_end(&world);
}

static void what_is_taken_passes_as_it_came(void **state) {
    (void)state;
    asked(CHAT("gpt-4o", SCHEMA), "o/gpt-4o", "splice", "");
    asked(CHAT("gpt-4o", TOOL ",\"tool_choice\":\"required\""), "o/gpt-4o", "splice", "");
    asked(CHAT("gpt-4-turbo", ""), "o/gpt-4-turbo", "splice", "");
    asked(CHAT("qwen", SCHEMA), "l/qwen", "splice", "");
    asked(CHAT("qwen", TOOL ",\"tool_choice\":\"auto\""), "l/qwen", "splice", "");
    asked(CHAT("deepseek-chat", ",\"response_format\":{\"type\":\"json_object\"}"), "d/deepseek-chat", "splice", "");
}

static void what_is_not_is_asked_by_other_means_and_named(void **state) {
    (void)state;
    asked(CHAT("gpt-4-turbo", SCHEMA), "o/gpt-4-turbo", "translate", "json_schema=tool");
    asked(CHAT("qwen", TOOL ",\"tool_choice\":\"required\""), "l/qwen", "translate", "tool_choice=json_schema");
    asked(CHAT("qwen", TOOL ",\"tool_choice\":{\"type\":\"function\",\"function\":{\"name\":\"f\"}}"), "l/qwen",
          "translate", "tool_choice=json_schema");
    asked(CHAT("deepseek-chat", SCHEMA), "d/deepseek-chat", "translate", "json_schema");
    asked(CHAT("alone", SCHEMA), "c/claude-3-haiku-20240307", "translate", "json_schema=tool");
}

static void who_takes_it_as_it_is_goes_before(void **state) {
    (void)state;
    asked(CHAT("r", SCHEMA), "o/gpt-4o", "splice", "");
}

/* Each is told of one answer, and so is each call. */
static void several_answers_are_a_call_each_and_emulated_in_each(void **state) {
    (void)state;
    asked(CHAT("gpt-4-turbo", SCHEMA ",\"n\":2"), "o/gpt-4-turbo", "translate", "n=calls, json_schema=tool");
    asked(CHAT("alone", ",\"n\":2"), "c/claude-3-haiku-20240307", "translate", "n=calls");
    asked(CHAT("qwen", ",\"n\":2"), "l/qwen", "translate", "n=calls");
    asked(CHAT("gpt-4o", SCHEMA ",\"n\":2"), "o/gpt-4o", "splice", "");
    asked(CHAT("r", ",\"n\":2"), "o/gpt-4o", "splice", "");
}

/* -- what comes of it -- */

#define CHUNK(delta, finish)                                                                                          \
    "data: {\"id\":\"i\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"m\",\"choices\":[{\"index\":" \
    "0,\"delta\":{" delta "},\"finish_reason\":" finish "}]}\n\n"
#define CALLED(more) "\"tool_calls\":[{\"index\":0," more "}]"

/* A call of the tool that stands for the schema is told as text, and text that stands for a call as a call, piece by
 * piece. */
static void what_was_asked_by_other_means_is_told_as_it_was_asked_for(void **state) {
    static const struct {
        const char *body, *pieces[4], *told[4], *never;
    } rows[] = {
        {CHAT("gpt-4-turbo", SCHEMA ",\"stream\":true"),
         {CHUNK(CALLED("\"id\":\"c\",\"type\":\"function\",\"function\":{\"name\":\"a\",\"arguments\":\"\"}"), "null"),
          CHUNK(CALLED("\"function\":{\"arguments\":\"{\\\"x\\\"\"}"), "null"),
          CHUNK(CALLED("\"function\":{\"arguments\":\":1}\"}"), "null"),
          CHUNK("", "\"tool_calls\"") "data: [DONE]\n\n"},
         {"", "\"content\":\"{\\\"x\\\"\"", "\"content\":\":1}\"", "\"finish_reason\":\"stop\""},
         "tool_calls"},
        {CHAT("gpt-4-turbo", ",\"stream\":true"),
         {CHUNK("\"content\":\"a\"", "null"), CHUNK("\"content\":\"b\"", "null"), CHUNK("\"content\":\"c\"", "null"),
          CHUNK("", "\"stop\"") "data: [DONE]\n\n"},
         {"\"content\":\"a\"", "\"content\":\"b\"", "\"content\":\"c\"", "\"finish_reason\":\"stop\""},
         "tool_calls"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct flight_world world;
        flight_world_begin(&world, yaml);
        struct flight *flight = flight_world_ask(&world, rows[i].body);
        assert_non_null(flight->live);
        flight_world_head(&world, flight, 0, 200, "text/event-stream");
        for (unsigned p = 0; p < 4; p++) {
            flight_world_body(&world, flight, 0, rows[i].pieces[p]);
            struct str written = flight_world_written(&world);
            if (str_find(written, str_from(rows[i].told[p])) == SIZE_MAX ||
                str_find(written, str_from(rows[i].never)) != SIZE_MAX)
                fail_msg("row %zu, piece %u: %.*s", i, p, STR_ARG(written));
        }
        assert_int_equal(flight->attempts[0]->failure, failure_none);
        assert_int_equal(flight->answer.error, error_none);
        flight_world_drop(&world, flight);
        flight_world_end(&world);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_taken_passes_as_it_came),
        cmocka_unit_test(what_is_not_is_asked_by_other_means_and_named),
        cmocka_unit_test(what_was_asked_by_other_means_is_told_as_it_was_asked_for),
        cmocka_unit_test(who_takes_it_as_it_is_goes_before),
        cmocka_unit_test(several_answers_are_a_call_each_and_emulated_in_each),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
