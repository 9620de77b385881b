/* flight_preview_property_test.c - what is told of a choice is what is then sent: over drawn configurations,
 * strategies, dialects and troubles. The preview and the real request draw the same random numbers. */
#include <stdio.h>

#include "core/pick.h"
#include "flight_world.h"

enum { rounds = 300, requests = 14, nested = 4 };

static unsigned drawn(struct prng *prng, unsigned below) { return (unsigned)(prng_next(prng) % below); }

/* -- a configuration -- */

static const char *const kinds[] = {
    "type: openai, api_key: sk-openai-key-000000",
    "type: anthropic, api_key: sk-ant-key-0000000000",
    "type: gemini, api_key: AIza-gemini-key-00000",
    "type: ollama-native, base_url: 'http://127.0.0.1:11434'",
    "type: cloudflare-native, account: acc, api_key: cf-0001",
    "type: groq, api_key: gsk-groq-key-00000000",
    "type: huggingface-native, api_key: hf_key000000",
};
enum { kind_count = sizeof kinds / sizeof *kinds };
static const char *const outs[] = {"",
                                   ", max_concurrent: 1",
                                   ", rate_limit_rpm: 2",
                                   ", queue: {max: 2}, max_concurrent: 1",
                                   ", state: maintenance",
                                   ", weight: 3"};

/* Routes of routes: n0 and up, each of a strategy, of those above, of those before it, and of targets. */
static void nested_draw(struct prng *prng, unsigned providers, struct text *text) {
    for (unsigned n = 0; n < nested; n++) {
        unsigned strategy = drawn(prng, strategies);
        if (strategy == strategy_exclusive) strategy = strategy_priority;
        unsigned first = drawn(prng, strategies), second = (first + 1 + drawn(prng, strategies - 1)) % strategies;
        text_printf(text, "  - {model: n%u, strategy: %.*s, targets: [{route: r%u, weight: %u}", n,
                    STR_ARG(strategy_name((enum strategy)strategy)), first, 1 + drawn(prng, 3));
        if (drawn(prng, 2)) text_printf(text, ", p%u/n", drawn(prng, providers));
        if (drawn(prng, 2)) text_printf(text, ", {route: r%u}", second);
        if (n && drawn(prng, 2)) text_printf(text, ", {route: n%u}", drawn(prng, n));
        if (drawn(prng, 2)) text_put(text, STR(", p0/m"));
        text_put(text, STR("]}\n"));
    }
}

static const char *const limits[] = {"rpm: 1", "rpm: 2, tpm: 9000", "max_concurrent: 1", "tpm: 5000, weight: 2",
                                     "timeout_seconds: 2"};

static const char *config_draw(struct prng *prng, char *yaml, size_t size) {
    struct text text = text_in_buffer(yaml, size);
    unsigned providers = 1 + drawn(prng, 5);
    text_put(&text, STR("state_dir: ./state\nproviders:\n"));
    for (unsigned i = 0; i < providers; i++) { /* one by one: arguments are worked out in any order */
        const char *out = drawn(prng, 2) ? outs[drawn(prng, 6)] : "", *kind = kinds[drawn(prng, kind_count)];
        unsigned priority = 1 + drawn(prng, 3);
        text_printf(&text, "  p%u: {%s, models: [m, n], priority: %u%s}\n", i, kind, priority, out);
    }
    text_put(&text, STR("clients:\n"
                        "  - {name: app, key_hash: 2bd806c97f0e00af1a1fc3328fa763a9269723c8db8fac4f93af71db186d6e90, "
                        "raw: true, may_steer: true, rate_limit_rpm: 30}\n"
                        "  - {name: kept, key_hash: 81b637d8fcd2c6da6359e6963113a1170de795e4b725b84d1e0b4cfd9ec58ce9, "
                        "providers: [p0, p1]}\n"));
    text_put(&text, STR("rules: [{name: tools, when: {has_tools: true}, targets: [p0/m]}]\nroutes:\n"));
    for (unsigned s = 0; s < strategies; s++) {
        text_printf(&text, "  - {model: r%u, strategy: %.*s, targets: [", s, STR_ARG(strategy_name((enum strategy)s)));
        for (unsigned i = 0; i < providers; i++)
            if (drawn(prng, 3))
                text_printf(&text, "%sp%u/m", i ? ", " : "", i);
            else
                text_printf(&text, "%s{target: p%u/m, %s}", i ? ", " : "", i,
                            limits[drawn(prng, sizeof limits / sizeof *limits)]);
        text_put(&text, STR("]}\n"));
    }
    nested_draw(prng, providers, &text);
    text_put_byte(&text, 0);
    assert_false(text.failed);
    return yaml;
}

/* -- a request -- */

struct drawn_request {
    struct flight_request asked;
    struct http_header headers[3];
    char model[64], body[512];
};

static void body_draw(struct prng *prng, struct drawn_request *request) {
    const char *tools = drawn(prng, 4) ? ""
                                       : ",\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"f\","
                                         "\"parameters\":{\"type\":\"object\"}}}]";
    const char *turn = "\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]";
    switch (request->asked.endpoint) {
    case endpoint_chat:
        snprintf(request->body, sizeof request->body, "{\"model\":\"%s\",\"stream\":%s,%s%s}", request->model,
                 drawn(prng, 2) ? "true" : "false", turn, tools);
        return;
    case endpoint_completions:
        snprintf(request->body, sizeof request->body, "{\"model\":\"%s\",\"prompt\":\"hi\"}", request->model);
        return;
    case endpoint_messages:
        snprintf(request->body, sizeof request->body, "{\"model\":\"%s\",\"max_tokens\":9,%s}", request->model, turn);
        return;
    case endpoint_embeddings:
    case endpoint_responses:
    case endpoint_moderations:
        snprintf(request->body, sizeof request->body, "{\"model\":\"%s\",\"input\":\"hi\"}", request->model);
        return;
    case endpoint_raw: snprintf(request->body, sizeof request->body, "{\"model\":\"m\",%s}", turn); return;
    default:
        snprintf(request->body, sizeof request->body,
                 "{\"contents\":[{\"role\":\"user\",\"parts\":[{\"text\":\"hi\"}]}]}");
    }
}

static void request_draw(struct prng *prng, const struct snapshot *snapshot, struct drawn_request *request) {
    static const enum endpoint endpoints_asked[] = {endpoint_chat,      endpoint_chat,       endpoint_completions,
                                                    endpoint_messages,  endpoint_generate,   endpoint_generate_stream,
                                                    endpoint_responses, endpoint_embeddings, endpoint_moderations,
                                                    endpoint_raw};
    static const char *const others[] = {"m", "n", "default", "p0/m", "p1/other", "unheard-of", ""};
    memset(request, 0, sizeof *request);
    unsigned which = drawn(prng, strategies + nested + 4);
    if (which < strategies)
        snprintf(request->model, sizeof request->model, "r%u", which);
    else if (which < strategies + nested)
        snprintf(request->model, sizeof request->model, "n%u", which - strategies);
    else
        snprintf(request->model, sizeof request->model, "%s", others[drawn(prng, 7)]);
    request->asked = (struct flight_request){.endpoint = endpoints_asked[drawn(prng, 10)],
                                             .request_id = STR("req_1"),
                                             .content_length = -1,
                                             .headers = request->headers};
    unsigned client = drawn(prng, 3);
    if (client < 2) request->asked.client = &snapshot->clients[client];
    if (request->asked.endpoint == endpoint_raw)
        request->asked.raw = (struct flight_raw){
            .method = http_post, .provider = STR("p0"), .path = STR("/chat/completions"), .query = STR("")};
    request->asked.path_model = str_from(request->model);
    request->headers[request->asked.header_count++] =
        (struct http_header){STR("content-type"), STR("application/json")};
    if (!drawn(prng, 4))
        request->headers[request->asked.header_count++] = (struct http_header){STR("x-weir-session"), STR("s1")};
    if (!drawn(prng, 6))
        request->headers[request->asked.header_count++] = (struct http_header){STR("x-weir-targets"), STR("p1/m,p0/m")};
    body_draw(prng, request);
}

/* -- what becomes of it -- */

static void trouble_draw(struct prng *prng, struct flight_world *world, struct flight *flight) {
    static const int statuses[] = {500, 429, 401, 503, 400, 500};
    for (unsigned i = 0; i < 3 && flight->live; i++) {
        unsigned number = flight->live->number;
        flight_world_head(world, flight, number, statuses[drawn(prng, 6)], "application/json");
        if (flight->state == flight_closed) return;
        flight_world_body(world, flight, number, "{\"error\":{\"message\":\"no\"}}");
        flight_world_tell(world, flight, (struct event){.kind = event_reply_end, .attempt = number});
        if (flight->state == flight_closed) return;
    }
}

static struct flight *really_sent(struct flight_world *world, struct drawn_request *request) {
    request->asked.arrived = world->now;
    struct flight *flight = flight_new(&world->host, world->config.snapshot, &request->asked);
    assert_non_null(flight);
    flight_world_tell(world, flight, (struct event){.kind = event_arrived});
    if (flight->state == flight_receiving)
        flight_world_tell(world, flight, (struct event){.kind = event_body, .bytes = str_from(request->body)});
    if (flight->state == flight_receiving) flight_world_tell(world, flight, (struct event){.kind = event_body_end});
    return flight;
}

static struct str member_of(struct str json, struct str name) {
    size_t at = str_find(json, name);
    if (at == SIZE_MAX) return STR("");
    struct str rest = str_slice(json, at + name.len, json.len);
    return str_slice(rest, 0, str_find_byte(rest, '"'));
}

/* The question, then the request: the same target or the same refusal. */
static struct flight *same_as_sent(struct flight_world *world, struct drawn_request *request, unsigned *sent) {
    static char json[64 * 1024];
    struct text text = text_in_buffer(json, sizeof json);
    struct error error = {.code = error_none};
    struct flight_question question = {.asked = request->asked, .body = str_from(request->body)};
    struct prng before = world->prng;
    if (world->scratch.newest) arena_reset(&world->scratch);
    bool found = flight_preview(&world->host, world->config.snapshot, &question, world->now, &text, &error);
    world->prng = before;
    struct flight *flight = really_sent(world, request);
    struct str chosen = member_of(text_str(&text), STR("\"chosen\":\""));
    struct str got = flight->live ? flight->live->target->name : STR("");
    bool same = str_eq(chosen, got) && (found || flight->answer.error == error.code);
    if (!same) {
        print_message("%s %s\n%.*s\nerror %d, sent to `%.*s`, answered %d: %s\n", request->model, request->body,
                      STR_ARG(text_str(&text)), (int)error.code, STR_ARG(got), flight->answer.status,
                      flight->answer.said.at);
        fail_msg("told `%.*s`", STR_ARG(chosen));
    }
    *sent += flight->live != NULL;
    return flight;
}

static void what_is_told_is_what_is_sent(void **state) {
    static char yaml[8192];
    unsigned sent = 0;
    struct prng prng;
    (void)state;
    for (unsigned round = 0; round < rounds; round++) {
        struct flight_world world;
        struct flight *open[requests] = {NULL};
        prng_seed(&prng, 7000 + round);
        flight_world_begin(&world, config_draw(&prng, yaml, sizeof yaml));
        for (unsigned i = 0; i < requests; i++) {
            struct drawn_request request;
            request_draw(&prng, world.config.snapshot, &request);
            open[i] = same_as_sent(&world, &request, &sent);
            unsigned then = drawn(&prng, 4);
            if (then >= 2 && open[i]->state != flight_closed) trouble_draw(&prng, &world, open[i]);
            if (then == 1 || then == 3) {
                flight_world_drop(&world, open[i]);
                open[i] = NULL;
            }
            uint64_t seconds = drawn(&prng, 20);
            world.now.mono_ns += seconds * NS_PER_S / (1 + drawn(&prng, 10));
        }
        for (unsigned i = 0; i < requests; i++)
            if (open[i]) flight_world_drop(&world, open[i]);
        flight_world_end(&world);
    }
    assert_true(sent > rounds * requests / 4); /* it is not refusals alone that agree */
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(what_is_told_is_what_is_sent)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
