/* flight_edit_test.c - a body in OpenAI's own words at a vendor that does not take all of them: what its target touches
 * is changed, and a body that has nothing of it goes up as one that nobody looked into. */
#include <stdio.h>

#include "flight_world.h"

static const char yaml[] = "state_dir: ./state\n"
                           "providers:\n"
                           "  x: {type: mistral, api_key: sk-secret-secret-secret, models: [m]}\n"
                           "  o: {type: openai, api_key: sk-secret-secret-secret, models: [m, gpt-5, gpt-5.1, t],\n"
                           "      facts: {t: {thinking: [adaptive], refuses: [seed]}}}\n";

static struct str sent(const struct flight *flight, char *buffer) {
    const struct openai_splice *body = &flight->live->request.body;
    size_t len = 0;
    for (size_t i = 0; i < body->count; i++) {
        memcpy(buffer + len, body->ranges[i].at, body->ranges[i].len);
        len += body->ranges[i].len;
    }
    assert_int_equal(len, body->len);
    return str_make(buffer, len);
}

static void each_target_gets_what_it_takes(void **state) {
    (void)state;
    static const struct {
        const char *model, *said, *sent, *dropped;
    } cases[] = {
        {"x/m", "\"seed\":1,\"max_completion_tokens\":5,", "\"random_seed\":1,\"max_tokens\":5,", ""},
        {"x/m", "\"user\":\"u\",\"temperature\":1,", "\"temperature\":1,", "user"},
        {"x/m", "\"max_tokens\":9,\"max_completion_tokens\":5,", "\"max_tokens\":5,", ""},
        {"o/m", "\"seed\":1,\"max_tokens\":5,\"user\":\"u\",", "\"seed\":1,\"max_tokens\":5,\"user\":\"u\",", ""},
        {"o/gpt-5", "\"temperature\":0,\"max_tokens\":5,", "\"max_completion_tokens\":5,", "temperature"},
        {"o/gpt-5.1", "\"reasoning_effort\":\"low\",\"temperature\":0,", "\"reasoning_effort\":\"low\",",
         "temperature"},
        {"o/gpt-5.1", "\"reasoning_effort\":\"none\",\"temperature\":0,",
         "\"reasoning_effort\":\"none\",\"temperature\":0,", ""},
        {"o/t", "\"reasoning_effort\":\"low\",\"temperature\":0,", "\"reasoning_effort\":\"low\",\"temperature\":0,",
         ""},
        {"o/t", "\"seed\":1,\"temperature\":0,", "\"temperature\":0,", "seed"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct flight_world world;
        char body[512], want[512], buffer[1024];
        static const char form[] = "{%s\"model\":\"%s\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]}";
        snprintf(body, sizeof body, form, cases[i].said, cases[i].model);
        snprintf(want, sizeof want, form, cases[i].sent, strchr(cases[i].model, '/') + 1);
        flight_world_begin(&world, yaml);
        struct flight *flight = flight_world_ask(&world, body);
        struct str got = sent(flight, buffer);
        if (!str_eq(got, str_from(want))) fail_msg("%s became %.*s", body, STR_ARG(got));
        assert_true(str_eq(flight->live->dialect.dropped, str_from(cases[i].dropped)));
        flight_world_drop(&world, flight);
        flight_world_end(&world);
    }
}

static void a_body_without_any_of_it_is_not_walked_again(void **state) {
    (void)state;
    struct flight_world world;
    flight_world_begin(&world, yaml);
    struct flight *flight = flight_world_ask(&world, FLIGHT_CHAT("x/m", "false"));
    assert_int_equal(flight->request.members & flight->live->target->touches, 0);
    assert_true(flight->live->request.body.ranges[0].at == flight->body.whole.at); /* its own bytes */
    flight_world_drop(&world, flight);
    flight_world_end(&world);
}

/* Where a target changes something else. */
static void a_developer_stays_one_but_where_none_is_known(void **state) {
    static const struct {
        const char *model, *role;
    } cases[] = {{"x/m", "system"}, {"o/gpt-5", "developer"}, {"o/t", "developer"}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct flight_world world;
        char body[512], want[128], buffer[1024];
        snprintf(body, sizeof body,
                 "{\"model\":\"%s\",\"seed\":1,\"max_tokens\":5,\"messages\":[{\"role\":\"developer\","
                 "\"content\":\"hi\"}]}",
                 cases[i].model);
        snprintf(want, sizeof want, "\"messages\":[{\"role\":\"%s\",\"content\":\"hi\"}]}", cases[i].role);
        flight_world_begin(&world, yaml);
        struct flight *flight = flight_world_ask(&world, body);
        struct str got = sent(flight, buffer);
        if (str_find(got, str_from(want)) == SIZE_MAX) fail_msg("%s became %.*s", body, STR_ARG(got));
        assert_false(str_find(got, STR("\"seed\":1,\"max_tokens\"")) != SIZE_MAX); /* it was walked */
        flight_world_drop(&world, flight);
        flight_world_end(&world);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(each_target_gets_what_it_takes),
                                       cmocka_unit_test(a_developer_stays_one_but_where_none_is_known),
                                       cmocka_unit_test(a_body_without_any_of_it_is_not_walked_again)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
