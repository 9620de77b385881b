/* flight_stored_items_test.c - which items of an input say something themselves, and which only name what lies at a
 * provider, where a client may not. */
#include "flight_world.h"

#include <stdio.h>

static const char yaml[] =
    "providers:\n"
    "  a: {type: openai, api_key: sk-secret-secret-secret, models: [n]}\n"
    "clients:\n"
    "  - {name: one, key_hash: 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef}\n";

/* `input` is a list of these items. What goes up for it; NULL: it is refused as a provider's own. Until the next. */
static const char *sent(const char *input) {
    static char body[2048];
    struct flight_world world;
    snprintf(body, sizeof body, "{\"model\":\"n\",\"store\":false,%s}", input);
    flight_world_begin(&world, yaml);
    struct flight *flight = flight_world_ask_of(
        &world, (struct flight_request){.endpoint = endpoint_responses, .client = &world.config.snapshot->clients[0]},
        body);
    struct flight_facts facts = flight_facts(flight);
    bool refused =
        facts.error == error_not_allowed && str_find(facts.said, STR("may not name a provider's items")) != SIZE_MAX;
    str_copy(body, sizeof body, flight->body.whole);
    flight_world_drop(&world, flight);
    flight_world_end(&world);
    return refused ? NULL : body;
}

static void a_reference_is_refused_and_what_holds_something_is_not(void **state) {
    static const struct {
        const char *item;
        bool refused;
    } rows[] = {
        {"{\"role\":\"user\",\"content\":\"hi\"}", false},
        {"{\"id\":\"m_1\"}", true},
        {"{\"Id\":\"m_1\"}", true},
        {"{\"id\":null}", false}, /* it names nothing */
        {"{\"id\":\"m_1\",\"type\":\"item_reference\"}", true},
        {"{\"type\":\"item_reference\"}", true},
        {"{\"TYPE\":\"item_reference\",\"content\":\"hi\"}", true},
        {"{\"id\":\"m_1\",\"type\":\"message\"}", true},
        {"{\"id\":\"m_1\",\"type\":\"message\",\"role\":\"user\",\"content\":\"hi\"}", false},
        {"{\"id\":\"m_1\",\"type\":\"message\",\"role\":\"user\",\"content\":\"\"}", true},
        {"{\"id\":\"m_1\",\"type\":\"message\",\"role\":\"user\",\"content\":[]}", true},
        {"{\"id\":\"m_1\",\"type\":\"message\",\"role\":\"user\",\"content\":[\"a\"]}", false},
        {"{\"id\":\"m_1\",\"type\":\"message\",\"role\":\"user\",\"content\":{}}", true},
        {"{\"id\":\"m_1\",\"type\":\"message\",\"role\":\"user\",\"content\":7}", true},
        {"{\"id\":null,\"type\":\"message\",\"role\":\"user\",\"content\":\"\"}", false},
        {"{\"id\":\"m_1\",\"role\":\"user\",\"content\":\"hi\"}", false},
        {"{\"id\":\"m_1\",\"content\":\"hi\"}", true}, /* neither type nor role: who knows what it is read as */
        {"{\"id\":\"m_1\",\"type\":null,\"content\":\"hi\"}", true},
        {"{\"id\":\"m_1\",\"type\":null,\"role\":\"user\",\"content\":\"hi\"}", false},
        {"{\"type\":\"message\",\"Type\":\"item_reference\",\"role\":\"user\",\"content\":\"hi\"}", true},
        {"{\"type\":\"message\",\"type\":\"message\",\"role\":\"user\",\"content\":\"hi\"}", true},
        {"{\"type\":\"message\",\"Type\":null,\"role\":\"user\",\"content\":\"hi\"}", false},
        {"{\"id\":\"f_1\",\"type\":\"function_call\",\"call_id\":\"c\",\"name\":\"f\",\"arguments\":\"{}\"}", false},
        {"{\"id\":\"f_1\",\"type\":\"function_call\",\"call_id\":\"c\",\"name\":\"f\",\"arguments\":\"\"}", true},
        {"{\"id\":\"f_1\",\"type\":\"function_call_output\",\"call_id\":\"c\",\"output\":\"21\"}", false},
        {"{\"id\":\"r_1\",\"type\":\"reasoning\",\"summary\":[{}]}", false},
        {"{\"id\":\"r_1\",\"type\":\"reasoning\",\"summary\":[],\"encrypted_content\":\"e\"}", false},
        {"{\"id\":\"r_1\",\"type\":\"reasoning\",\"Type\":\"reasoning\",\"summary\":[]}", true},
        {"{\"id\":\"w_1\",\"type\":\"web_search_call\",\"action\":{\"query\":\"q\"}}", false},
        {"{\"id\":\"i_1\",\"type\":\"image_generation_call\",\"result\":\"AA==\"}", false},
        {"{\"id\":\"s_1\",\"type\":\"file_search_call\",\"results\":[{}]}", false},
        {"{\"id\":\"p_1\",\"type\":\"apply_patch_call\",\"operation\":{\"path\":\"p\"}}", false},
        {"{\"id\":\"t_1\",\"type\":\"mcp_list_tools\",\"tools\":[{}]}", false},
        {"{\"id\":\"c_1\",\"type\":\"custom_tool_call\",\"input\":\"x\"}", false},
    };
    char input[512];
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        snprintf(input, sizeof input, "\"input\":[{\"role\":\"user\",\"content\":\"first\"},%s]", rows[i].item);
        if ((sent(input) == NULL) != rows[i].refused) fail_msg("row %zu", i);
        snprintf(input, sizeof input, "\"Input\":[%s]", rows[i].item); /* a provider may read this one */
        if ((sent(input) == NULL) != rows[i].refused) fail_msg("row %zu, Input", i);
    }
}

/* Nobody can read anything in reasoning that is named by its id alone: in a list it is left out, alone it is refused.
 */
static void bare_reasoning_is_left_out_of_a_list(void **state) {
    (void)state;
    const char *body =
        sent("\"input\":[{\"id\":\"r_1\",\"type\":\"reasoning\",\"summary\":[]},{\"id\":\"m_1\",\"role\":"
             "\"user\",\"content\":\"hi\"}]");
    assert_non_null(body);
    assert_null(strstr(body, "r_1"));
    assert_null(strstr(body, "reasoning"));
    assert_null(strstr(body, "m_1"));
    assert_non_null(strstr(body, "[{\"role\":\"user\",\"content\":\"hi\"}]"));
    assert_null(sent("\"input\":{\"id\":\"r_1\",\"type\":\"reasoning\",\"summary\":[]}"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_reference_is_refused_and_what_holds_something_is_not),
        cmocka_unit_test(bare_reasoning_is_left_out_of_a_list),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
