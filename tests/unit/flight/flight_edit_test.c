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

/* A body in Anthropic's or Google's own words: of what its model refuses, that alone is taken out; how much it may
 * think is said as it can be. */
static void what_a_model_refuses_is_taken_out_of_the_vendors_own_words(void **state) {
#define T "\"temperature\":0.5,"
#define P "\"top_p\":0.5,"
#define K "\"top_k\":5,"
#define THINKS(how) "\"thinking\":{\"type\":" how "},"
#define BUDGET THINKS("\"enabled\",\"budget_tokens\":2000")
#define OFF THINKS("\"disabled\"")
#define GT "\"temperature\":0.5"
#define GP "\"topP\":0.5"
#define GK "\"topK\":5"
#define GR "\"thinkingConfig\":{\"thinkingBudget\":2000}"
    static const char facts[] = "{b: {thinking: [budget]}, t: {refuses: [temperature]}, p: {refuses: [top_p]}, "
                                "k: {refuses: [top_k]}, r: {refuses: [reasoning_effort]}, v: {thinking: [adaptive]}, "
                                "vb: {thinking: [adaptive, budget]}, w: {thinking: [always_on]}}";
    static const struct {
        const char *model, *said, *sent, *dropped, *changed;
    } cases[] = {
        {"a/b", T P K BUDGET, T P K BUDGET, "", ""},
        {"a/t", T P K BUDGET, P K BUDGET, "temperature", ""},
        {"a/p", T P K BUDGET, T K BUDGET, "top_p", ""},
        {"a/k", T P K BUDGET, T P BUDGET, "top_k", ""},
        {"a/r", T P K BUDGET, T P K, "reasoning_effort", ""},
        {"a/r", T P K, T P K, "", ""},
        {"a/v", T BUDGET, T THINKS("\"adaptive\""), "", "reasoning_effort"},
        {"a/v", T OFF, T OFF, "", ""},
        {"a/vb", T BUDGET, T BUDGET, "", ""},
        {"a/w", T OFF, T, "reasoning_effort", ""},
        {"a/w", T BUDGET, T BUDGET, "", ""},
        {"a/b", T OFF, T OFF, "", ""},
        {"g/b", GT "," GP "," GK "," GR, GT "," GP "," GK "," GR, "", ""},
        {"g/t", GT "," GP "," GK "," GR, GP "," GK "," GR, "temperature", ""},
        {"g/p", GT "," GP "," GK "," GR, GT "," GK "," GR, "top_p", ""},
        {"g/k", GT "," GP "," GK "," GR, GT "," GP "," GR, "top_k", ""},
        {"g/r", GT "," GP "," GK "," GR, GT "," GP "," GK, "reasoning_effort", ""},
    };
    char refusing[2048];
    (void)state;
    snprintf(refusing, sizeof refusing,
             "state_dir: ./state\nproviders:\n"
             "  a: {type: anthropic, api_key: k, models: [b, t, p, k, r, v, vb, w], facts: %s}\n"
             "  g: {type: gemini, api_key: k, models: [b, t, p, k, r, v, vb, w], facts: %s}\n",
             facts, facts);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct flight_world world;
        char body[512], want[512], buffer[1024];
        bool google = *cases[i].model == 'g';
        static const char anthropic[] = "{%s\"model\":\"%s\",\"max_tokens\":4000,\"messages\":[{\"role\":\"user\","
                                        "\"content\":\"hi\"}]}",
                          gemini[] = "{\"contents\":[{\"role\":\"user\",\"parts\":[{\"text\":\"hi\"}]}],"
                                     "\"generationConfig\":{%s}}";
        snprintf(body, sizeof body, google ? gemini : anthropic, cases[i].said, cases[i].model);
        snprintf(want, sizeof want, google ? gemini : anthropic, cases[i].sent, strchr(cases[i].model, '/') + 1);
        flight_world_begin(&world, refusing);
        struct flight *flight =
            flight_world_ask_of(&world,
                                (struct flight_request){.endpoint = google ? endpoint_generate : endpoint_messages,
                                                        .path_model = google ? str_from(cases[i].model) : STR_NONE},
                                body);
        assert_non_null(flight->live);
        struct str got = sent(flight, buffer);
        if (!str_eq(got, str_from(want))) fail_msg("%s at %s became %.*s", body, cases[i].model, STR_ARG(got));
        assert_str_equal(flight->live->dialect.dropped, cases[i].dropped);
        assert_str_equal(flight->live->dialect.changed, cases[i].changed);
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

/* The nearest that it takes, in its vendor's words. */
static void an_effort_is_one_that_the_model_takes(void **state) {
    static const char taking[] =
        "state_dir: ./state\n"
        "providers:\n"
        "  o: {type: openai, api_key: k, models: [m], facts: {m: {efforts: [low, high=much]}}}\n";
    static const struct {
        const char *said, *sent;
        bool changed;
    } rows[] = {{"low", "low", false},
                {"high", "much", false},
                {"minimal", "low", true},
                {"xhigh", "much", true},
                {"unheard", "unheard", false}};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct flight_world world;
        char body[256], want[256], buffer[512];
        static const char form[] =
            "{\"reasoning_effort\":\"%s\",\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]}";
        snprintf(body, sizeof body, form, rows[i].said);
        snprintf(want, sizeof want, form, rows[i].sent);
        flight_world_begin(&world, taking);
        struct flight *flight = flight_world_ask(&world, body);
        struct str got = sent(flight, buffer);
        if (!str_eq(got, str_from(want))) fail_msg("%s became %.*s", body, STR_ARG(got));
        assert_str_equal(flight->live->dialect.changed, rows[i].changed ? "reasoning_effort" : "");
        assert_int_equal(flight->live->dialect.dropped.len, 0);
        flight_world_drop(&world, flight);
        flight_world_end(&world);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(each_target_gets_what_it_takes),
                                       cmocka_unit_test(an_effort_is_one_that_the_model_takes),
                                       cmocka_unit_test(what_a_model_refuses_is_taken_out_of_the_vendors_own_words),
                                       cmocka_unit_test(a_developer_stays_one_but_where_none_is_known),
                                       cmocka_unit_test(a_body_without_any_of_it_is_not_walked_again)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
