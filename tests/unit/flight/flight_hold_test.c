/* flight_hold_test.c - what an attempt takes of the words that all share comes back, however it ends. */
#include "flight_world.h"

#include <stdio.h>

static const char yaml[] = "state_dir: ./state\n"
                           "providers:\n"
                           "  o: {type: openai, api_key: sk-secret-secret-secret, models: [m], max_concurrent: 4,\n"
                           "      requests_per_minute: 2, tokens_per_minute: 100000}\n";

static const struct provider *provider_of(const struct flight *flight) {
    return flight->choice.candidates[0].target->provider;
}

static uint64_t requests_left(const struct flight_world *world, const struct provider *provider) {
    return limiter_left(&provider->cells->requests_minute, &provider->rates.requests_minute, world->now.mono_ns);
}

static void what_was_taken_and_never_used_comes_back_whole(void **state) {
    struct flight_world world;
    struct holds holds;
    (void)state;
    flight_world_begin(&world, yaml);
    struct flight *flight = flight_world_ask(&world, FLIGHT_CHAT("m", "false"));
    const struct provider *provider = provider_of(flight);
    struct candidate *candidate = &flight->choice.candidates[0];
    assert_int_equal(gate_in_use(&provider->cells->gate), 1);
    assert_int_equal(requests_left(&world, provider), 1);
    actions_begin(&world.out, &world.scratch);
    assert_int_equal(hold_take(flight, candidate, false, world.now, &holds, &world.out), refusal_none);
    assert_true(holds.gate && holds.in_flight && holds.breaker && holds.provider_breaker);
    assert_int_equal(gate_in_use(&provider->cells->gate), 2);
    assert_int_equal(requests_left(&world, provider), 0);
    hold_give_back(flight, candidate, &holds, world.now, &world.out);
    assert_int_equal(gate_in_use(&provider->cells->gate), 1);
    assert_int_equal(gate_in_use(&candidate->target->cells->in_flight), 1);
    assert_int_equal(requests_left(&world, provider), 1);
    flight_world_drop(&world, flight);
    flight_world_end(&world);
}

static void a_refusal_takes_nothing(void **state) {
    struct flight_world world;
    struct holds holds;
    (void)state;
    flight_world_begin(&world, yaml);
    struct flight *flight = flight_world_ask(&world, FLIGHT_CHAT("m", "false")),
                  *other = flight_world_ask(&world, FLIGHT_CHAT("m", "false"));
    struct candidate *candidate = &flight->choice.candidates[0];
    actions_begin(&world.out, &world.scratch);
    assert_int_equal(hold_take(flight, candidate, false, world.now, &holds, &world.out), refusal_rate_limited);
    assert_false(holds.gate || holds.breaker || holds.provider_breaker || holds.in_flight);
    assert_int_equal(gate_in_use(&provider_of(flight)->cells->gate), 2);
    flight_world_drop(&world, other);
    flight_world_drop(&world, flight);
    flight_world_end(&world);
}

static void a_request_that_reached_nobody_is_not_counted_against_the_rate(void **state) {
    struct flight_world world;
    (void)state;
    flight_world_begin(&world, yaml);
    struct flight *flight = flight_world_ask(&world, FLIGHT_CHAT("m", "false"));
    const struct provider *provider = provider_of(flight);
    flight_world_tell(&world, flight, (struct event){.kind = event_caller_gone});
    assert_int_equal(gate_in_use(&provider->cells->gate), 0);
    assert_int_equal(requests_left(&world, provider), 2);
    flight_free(flight);
    flight_world_end(&world);
}

static void one_that_was_sent_is(void **state) {
    struct flight_world world;
    (void)state;
    flight_world_begin(&world, yaml);
    struct flight *flight = flight_world_ask(&world, FLIGHT_CHAT("m", "false"));
    const struct provider *provider = provider_of(flight);
    flight_world_tell(&world, flight, (struct event){.kind = event_sent});
    flight_world_tell(&world, flight, (struct event){.kind = event_caller_gone});
    assert_int_equal(gate_in_use(&provider->cells->gate), 0);
    assert_int_equal(requests_left(&world, provider), 1);
    flight_free(flight);
    flight_world_end(&world);
}

static uint64_t tokens_left(const struct flight_world *world, const struct provider *provider) {
    return limiter_left(&provider->cells->tokens_minute, &provider->rates.tokens_minute, world->now.mono_ns);
}

/* What was reserved is replaced by what was used: in and out. */
static void the_tokens_that_it_used_are_counted_and_no_others(void **state) {
    struct flight_world world;
    (void)state;
    flight_world_begin(&world, yaml);
    struct flight *flight = flight_world_ask(&world, FLIGHT_CHAT("m", "false"));
    const struct provider *provider = provider_of(flight);
    flight_world_head(&world, flight, 0, 200, "application/json");
    flight_world_body(&world, flight, 0, FLIGHT_WHOLE);
    flight_world_tell(&world, flight, (struct event){.kind = event_reply_end});
    assert_int_equal(tokens_left(&world, provider), 100000 - 7 - 2);
    flight_free(flight);
    flight = flight_world_ask(&world, FLIGHT_CHAT("m", "false"));
    assert_true(tokens_left(&world, provider) < 100000 - 9); /* reserved */
    flight_world_head(&world, flight, 0, 400, "application/json");
    flight_world_body(&world, flight, 0, "{\"error\":{\"message\":\"no\",\"type\":\"invalid_request_error\"}}");
    flight_world_tell(&world, flight, (struct event){.kind = event_reply_end});
    assert_int_equal(tokens_left(&world, provider), 100000 - 9); /* a refusal used none */
    flight_free(flight);
    flight_world_end(&world);
}

static void what_came_too_late_is_not_begun(void **state) {
    struct flight_world world;
    struct holds holds;
    (void)state;
    flight_world_begin(&world, yaml);
    struct flight *flight = flight_world_ask(&world, FLIGHT_CHAT("m", "false"));
    actions_begin(&world.out, &world.scratch);
    world.now.mono_ns = flight->times.deadline_ns;
    assert_int_equal(hold_take(flight, &flight->choice.candidates[0], false, world.now, &holds, &world.out),
                     refusal_too_late);
    assert_int_equal(gate_in_use(&provider_of(flight)->cells->gate), 1);
    flight_world_drop(&world, flight);
    flight_world_end(&world);
}

/* Most vendors limit a key for each model, some for all; the catalogue says which. */
static void what_a_head_says_is_left_holds_for_the_model_or_for_the_key(void **state) {
    static const struct {
        const char *type, *requests, *tokens;
        bool for_all;
    } rows[] = {
        {"openrouter", "0", NULL, true}, {"openrouter", NULL, "0", true}, {"openrouter", "0", "0", true},
        {"openai", "0", NULL, false},    {"openai", NULL, "0", false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct flight_world world;
        char limited[256];
        struct http_header headers[5] = {{STR("content-type"), STR("application/json")}};
        size_t count = 1;
        if (rows[i].requests) {
            headers[count++] = (struct http_header){STR("x-ratelimit-remaining-requests"), str_from(rows[i].requests)};
            headers[count++] = (struct http_header){STR("x-ratelimit-reset-requests"), STR("30s")};
        }
        if (rows[i].tokens) {
            headers[count++] = (struct http_header){STR("x-ratelimit-remaining-tokens"), str_from(rows[i].tokens)};
            headers[count++] = (struct http_header){STR("x-ratelimit-reset-tokens"), STR("30s")};
        }
        snprintf(limited, sizeof limited,
                 "state_dir: ./state\nproviders: {o: {type: %s, api_key: sk-secret-secret-secret, models: [m, n]}}\n",
                 rows[i].type);
        flight_world_begin(&world, limited);
        struct flight *flight = flight_world_ask(&world, FLIGHT_CHAT("o/m", "false"));
        flight_world_tell(&world, flight, (struct event){.kind = event_sent});
        flight_world_tell(&world, flight,
                          (struct event){.kind = event_reply_head,
                                         .status = 200,
                                         .headers = headers,
                                         .header_count = count,
                                         .content_length = -1,
                                         .body_sent = true});
        flight_world_body(&world, flight, 0, FLIGHT_WHOLE);
        flight_world_tell(&world, flight, (struct event){.kind = event_reply_end});
        flight_world_drop(&world, flight);
        flight = flight_world_ask(&world, FLIGHT_CHAT("o/n", "false"));
        if ((flight->live == NULL) != rows[i].for_all) fail_msg("row %zu: another model", i);
        flight_world_drop(&world, flight);
        flight = flight_world_ask(&world, FLIGHT_CHAT("o/m", "false"));
        if (flight->live) fail_msg("row %zu: the same model", i);
        flight_world_drop(&world, flight);
        flight_world_end(&world);
    }
}

static void failures_in_a_row_are_counted_until_one_is_served(void **state) {
    static const char plain[] = "state_dir: ./state\nretry: {max_retries: 0}\n"
                                "providers: {o: {type: openai, api_key: sk-secret-secret-secret, models: [m]}}\n";
    struct flight_world world;
    const struct cell *row = NULL;
    (void)state;
    flight_world_begin(&world, plain);
    for (unsigned i = 0; i < 4; i++) {
        struct flight *flight = flight_world_ask(&world, FLIGHT_CHAT("m", "false"));
        row = &flight->choice.candidates[0].target->cells->failures;
        if (i < 3) {
            flight_world_tell(&world, flight, (struct event){.kind = event_call_failed, .failure = failure_connect});
        } else {
            flight_world_head(&world, flight, 0, 200, "application/json");
            flight_world_body(&world, flight, 0, FLIGHT_WHOLE);
            flight_world_tell(&world, flight, (struct event){.kind = event_reply_end});
        }
        assert_int_equal(cell_load(row), i < 3 ? i + 1 : 0);
        flight_world_drop(&world, flight);
    }
    flight_world_end(&world);
}

/* What no caller can bring about is nobody's: it counts in full. */
static void only_what_the_network_does_is_nobodys(void **state) {
    static const struct {
        enum failure failure;
        bool nobodys;
    } rows[] = {
        {failure_connect, true},       {failure_connect_timeout, true}, {failure_dns, true},
        {failure_server_error, false}, {failure_rate_limited, false},   {failure_bad_request, false},
        {failure_none, false},         {failure_caller_gone, false},    {failure_invalid_json, false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (hold_is_nobodys(rows[i].failure) != rows[i].nobodys) fail_msg("row %zu", i);
}

static void an_attempts_tokens_are_what_is_said_or_what_was_delivered(void **state) {
    static const struct {
        int64_t input, output;
        enum reply_mode mode;
        int64_t tokens; /* beside the prompt's where those are an estimate */
        bool estimated;
    } rows[] = {{7, 2, reply_whole, 9, false},    {7, -1, reply_whole, 7, false},  {-1, 2, reply_events, 2, false},
                {-1, -1, reply_whole, -1, false}, {-1, -1, reply_events, 3, true}, {0, 0, reply_events, 0, false}};
    struct flight_world world;
    (void)state;
    flight_world_begin(&world, yaml);
    struct flight *flight = flight_world_ask(&world, FLIGHT_CHAT("m", "true"));
    assert_true(flight->prompt_tokens > 0);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct attempt attempt = {.dialect.said_bytes = 12, .reply.mode = rows[i].mode, .usage = USAGE_NONE};
        attempt.usage.input_tokens = rows[i].input;
        attempt.usage.output_tokens = rows[i].output;
        int64_t wanted = rows[i].tokens + (rows[i].estimated ? flight->prompt_tokens : 0);
        if (attempt_tokens(flight, &attempt) != wanted) fail_msg("row %zu", i);
    }
    flight_world_drop(&world, flight);
    flight_world_end(&world);
}

/* All of its attempts', and no more: the rest of what was reserved is there for the next. */
static void a_clients_tokens_are_those_of_all_attempts(void **state) {
    static const char limited[] =
        "state_dir: ./state\nretry: {max_retries: 0}\n"
        "providers:\n"
        "  o: {type: openai, api_key: sk-secret-secret-secret, models: [m]}\n"
        "  p: {type: openai, api_key: sk-other-other-other, models: [m]}\n"
        "routes: [{model: both, targets: [o/m, p/m], strategy: priority}]\n"
        "clients: [{name: one, key_hash: a123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef, "
        "rate_limit_tpm: 60000, rate_limit_rpm: 1}]\n";
    struct flight_world world;
    (void)state;
    flight_world_begin(&world, limited);
    const struct client *client = &world.config.snapshot->clients[0];
    const struct flight_request asked = {.endpoint = endpoint_chat, .client = client};
    struct flight *flight = flight_world_ask_of(&world, asked, FLIGHT_CHAT("both", "false"));
    flight_world_head(&world, flight, 0, 500, "application/json");
    flight_world_body(&world, flight, 0,
                      "{\"error\":{\"message\":\"no\"},\"usage\":{\"prompt_tokens\":5,\"completion_tokens\":1}}");
    flight_world_tell(&world, flight, (struct event){.kind = event_reply_end});
    flight_world_head(&world, flight, 1, 200, "application/json");
    flight_world_body(&world, flight, 1, FLIGHT_WHOLE);
    flight_world_tell(&world, flight, (struct event){.kind = event_reply_end, .attempt = 1});
    assert_int_equal(flight->attempt_count, 2);
    int64_t used = attempt_tokens(flight, flight->attempts[0]) + attempt_tokens(flight, flight->attempts[1]);
    assert_true(used >= 9 && used < 100);
    flight_world_drop(&world, flight);
    int64_t left =
        (int64_t)limiter_left(&client->cells->tokens_minute, &client->rates.tokens_minute, world.now.mono_ns);
    assert_in_range(left, 60000 - used - 1, 60000 - used);
    flight = flight_world_ask_of(&world, asked, FLIGHT_CHAT("both", "false")); /* of requests there is one a minute */
    assert_int_equal(flight->answer.error, error_rate_limited);
    assert_str_equal(flight_world_said(&world, "retry-after"), "60");
    flight_world_drop(&world, flight);
    flight_world_end(&world);
}

/* Of what was read a token each four bytes; of what was passed on one an event, or more where events are so long. */
static void what_was_delivered_is_counted_by_events_and_by_bytes(void **state) {
    static const struct {
        uint64_t count, bytes, least, said;
        int64_t tokens;
    } rows[] = {
        {0, 0, 0, 0, 0},        {0, 0, 0, 1, 1},        {0, 0, 0, 4, 1},          {0, 0, 0, 5, 2},
        {10, 1000, 100, 0, 10}, /* all alike */
        {10, 1160, 100, 0, 10}, /* 16 bytes more each are a word's */
        {10, 1200, 100, 0, 10}, {10, 1204, 100, 0, 11}, {10, 5160, 100, 0, 1000}, {1, 5116, 100, 8, 1252},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct attempt attempt = {.dialect.said_bytes = rows[i].said};
        attempt.stream.tokens.count = rows[i].count;
        attempt.stream.tokens.bytes = rows[i].bytes;
        attempt.stream.tokens.least = rows[i].least;
        if (attempt_delivered(&attempt) != rows[i].tokens)
            fail_msg("row %zu: %lld", i, (long long)attempt_delivered(&attempt));
    }
}

/* -- whoever says no, all that was taken before it is given back -- */

static const char limited[] =
    "state_dir: ./state\n"
    "providers:\n"
    "  a: {type: openai, api_key: k, models: [m]}\n"
    "  b: {type: openai, api_key: k, models: [m], max_concurrent: 2, requests_per_minute: 2,\n"
    "      rate_limit_rph: 20, tokens_per_minute: 100000, quota: {requests_per_day: 2, tokens_per_day: 100000},\n"
    "      prices: {m: {input: 1, output: 1}}, budgets: [{usd: 1, window: day}]}\n"
    "routes: [{model: r, targets: [a/m, {target: b/m, max_concurrent: 2, rpm: 2, tpm: 100000}], strategy: priority}]\n"
    "clients: [{name: one, key_hash: 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef}]\n";

enum { part_breaker = 10, parts_held = 12 };

/* All that is there to be taken of the provider b, its target and its place in the route. */
static void parts_look(const struct candidate *candidate, struct now now, int64_t parts[parts_held]) {
    const struct provider *provider = candidate->target->provider;
    const struct rate_rules *rates = &provider->rates;
    struct provider_cells *cells = provider->cells;
    const struct target_limits *limits = candidate->limits;
    const int64_t found[parts_held] = {
        gate_in_use(&cells->gate),
        (int64_t)limiter_left(&cells->requests_minute, &rates->requests_minute, now.mono_ns),
        (int64_t)limiter_left(&cells->requests_hour, &rates->requests_hour, now.mono_ns),
        (int64_t)limiter_left(&cells->tokens_minute, &rates->tokens_minute, now.mono_ns),
        gate_in_use(&limits->cells->gate),
        (int64_t)limiter_left(&limits->cells->requests_minute, &limits->requests_minute, now.mono_ns),
        (int64_t)limiter_left(&limits->cells->tokens_minute, &limits->tokens_minute, now.mono_ns),
        quota_look(&provider->quotas[0], now.wall_ns / (int64_t)NS_PER_S).reserved,
        quota_look(&provider->quotas[1], now.wall_ns / (int64_t)NS_PER_S).reserved,
        money_budget_look(provider->money.list[0], now.wall_ns).committed,
        breaker_view(&cells->breaker, &provider->breaker, blame_nobody, now.mono_ns).state,
        gate_in_use(&candidate->target->cells->in_flight),
    };
    memcpy(parts, found, sizeof found);
}

enum uses {
    by_nobody,
    used_gate,
    used_client,
    used_state,
    used_key,
    used_minute,
    used_hour,
    used_tokens,
    used_place,
    used_place_rate,
    used_place_tokens,
    used_quota,
    used_quota_tokens,
    used_money,
    used_breaker,
    used_target_breaker
};

/* Others have it. */
static void part_use(struct flight *flight, const struct candidate *candidate, enum uses part, struct now now) {
    struct provider *provider = (struct provider *)(uintptr_t)candidate->target->provider;
    const struct rate_rules *rates = &provider->rates;
    struct provider_cells *cells = provider->cells;
    const struct target_limits *limits = candidate->limits;
    struct limiter_ticket theirs;
    uint64_t window_s;
    bool had = true;
    for (unsigned i = 0; i < 2; i++) switch (part) {
        case by_nobody: break;
        case used_gate: had = gate_enter(&cells->gate, 2); break;
        case used_client: cell_store(&flight->client->cells->barred, 1); break;
        case used_state: provider->state = provider_draining; break;
        case used_key: cooldown_set(&provider->key_cells[0]->cooldown, now.mono_ns + NS_PER_S); break;
        case used_minute:
            had = limiter_take(&cells->requests_minute, &rates->requests_minute, 1, now.mono_ns, &theirs);
            break;
        case used_hour:
            had = limiter_take(&cells->requests_hour, &rates->requests_hour, 10, now.mono_ns, &theirs);
            break;
        case used_tokens:
            had = limiter_take(&cells->tokens_minute, &rates->tokens_minute, 50000, now.mono_ns, &theirs);
            break;
        case used_place: had = gate_enter(&limits->cells->gate, 2); break;
        case used_place_rate:
            had = limiter_take(&limits->cells->requests_minute, &limits->requests_minute, 1, now.mono_ns, &theirs);
            break;
        case used_place_tokens:
            had = limiter_take(&limits->cells->tokens_minute, &limits->tokens_minute, 50000, now.mono_ns, &theirs);
            break;
        case used_quota:
            had = quota_take(&provider->quotas[0], now.wall_ns / (int64_t)NS_PER_S, 1, &window_s) == 1;
            break;
        case used_quota_tokens:
            had = quota_take(&provider->quotas[1], now.wall_ns / (int64_t)NS_PER_S, 50000, &window_s) == 50000;
            break;
        case used_money: {
            const struct money_budget *budget = provider->money.list[0];
            uint64_t start = (uint64_t)money_budget_window(budget, now.wall_ns).start_s;
            spend_settle(budget->spend, spend_enter(budget->spend, start), 0, 500000000);
            break;
        }
        case used_breaker: breaker_force(&cells->breaker, &provider->breaker, now.mono_ns, true); break;
        case used_target_breaker:
            breaker_force(&candidate->target->cells->breaker, &provider->breaker, now.mono_ns, true);
            break;
        }
    assert_true(had);
}

static void what_was_taken_before_a_refusal_is_given_back(void **state) {
    static const struct {
        enum uses part;
        enum refusal refusal;
    } rows[] = {{by_nobody, refusal_none},
                {used_gate, refusal_too_many_in_flight},
                {used_client, refusal_client_barred},
                {used_state, refusal_draining},
                {used_key, refusal_cooling},
                {used_minute, refusal_rate_limited},
                {used_hour, refusal_rate_limited},
                {used_tokens, refusal_rate_limited},
                {used_place, refusal_target_full},
                {used_place_rate, refusal_target_rate_limited},
                {used_place_tokens, refusal_target_rate_limited},
                {used_quota, refusal_quota_room},
                {used_quota_tokens, refusal_quota_room},
                {used_money, refusal_budget_room},
                {used_breaker, refusal_breaker_open},
                {used_target_breaker, refusal_breaker_open}};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct flight_world world;
        struct holds holds;
        int64_t before[parts_held], after[parts_held];
        flight_world_begin(&world, limited);
        struct flight *flight = flight_world_ask_of(
            &world, (struct flight_request){.endpoint = endpoint_chat, .client = &world.config.snapshot->clients[0]},
            FLIGHT_CHAT("r", "false"));
        struct candidate *candidate = &flight->choice.candidates[1];
        assert_str_equal(candidate->target->name, "b/m");
        part_use(flight, candidate, rows[i].part, world.now);
        parts_look(candidate, world.now, before);
        actions_begin(&world.out, &world.scratch);
        enum refusal refusal = hold_take(flight, candidate, false, world.now, &holds, &world.out);
        if (refusal != rows[i].refusal) fail_msg("row %zu: %d", i, (int)refusal);
        parts_look(candidate, world.now, after);
        if (refusal == refusal_none) {
            for (unsigned p = 0; p < parts_held; p++)
                if ((after[p] == before[p]) != (p == part_breaker)) fail_msg("part %u: %lld", p, (long long)after[p]);
            hold_give_back(flight, candidate, &holds, world.now, &world.out);
            parts_look(candidate, world.now, after);
        }
        assert_int_equal(world.out.count, 0);
        for (unsigned p = 0; p < parts_held; p++)
            if (after[p] != before[p])
                fail_msg("row %zu, part %u: %lld, not %lld", i, p, (long long)after[p], (long long)before[p]);
        flight_world_drop(&world, flight);
        flight_world_end(&world);
    }
}

/* All keys rest: one whose limit is reached comes back by itself; else it is told what keeps them. */
static void why_all_keys_rest_is_told_by_who_comes_back_first(void **state) {
    static const struct {
        enum key_rest why[3];
        enum refusal refusal;
    } rows[] = {{{key_rest_rate, key_rest_rate, key_rest_rate}, refusal_cooling},
                {{key_rest_none, key_rest_none, key_rest_none}, refusal_cooling},
                {{key_rest_refused, key_rest_refused, key_rest_refused}, refusal_credential_refused},
                {{key_rest_quota, key_rest_quota, key_rest_quota}, refusal_quota_exhausted},
                {{key_rest_quota, key_rest_refused, key_rest_quota}, refusal_credential_refused},
                {{key_rest_refused, key_rest_quota, key_rest_quota}, refusal_credential_refused},
                {{key_rest_quota, key_rest_quota, key_rest_refused}, refusal_credential_refused},
                {{key_rest_rate, key_rest_refused, key_rest_quota}, refusal_cooling},
                {{key_rest_refused, key_rest_rate, key_rest_refused}, refusal_cooling},
                {{key_rest_quota, key_rest_quota, key_rest_rate}, refusal_cooling},
                {{key_rest_refused, key_rest_quota, key_rest_none}, refusal_cooling}};
    static const char keyed[] = "state_dir: ./state\n"
                                "providers:\n"
                                "  o: {type: openai, api_keys: [k1, k2, k3], models: [m]}\n";
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct flight_world world;
        uint64_t until_ns = 0;
        flight_world_begin(&world, keyed);
        struct flight *flight = flight_world_ask(&world, FLIGHT_CHAT("m", "false"));
        const struct candidate *candidate = &flight->choice.candidates[0];
        for (unsigned k = 0; k < 3; k++) {
            assert_int_equal(hold_look(flight, candidate, world.now, &until_ns), refusal_none);
            cooldown_set(&provider_of(flight)->key_cells[k]->cooldown, world.now.mono_ns + (k + 1) * NS_PER_S);
            cell_store(&provider_of(flight)->key_cells[k]->rest, rows[i].why[k]);
        }
        enum refusal refusal = hold_look(flight, candidate, world.now, &until_ns);
        if (refusal != rows[i].refusal) fail_msg("row %zu: %d", i, (int)refusal);
        assert_int_equal(until_ns, world.now.mono_ns + NS_PER_S);
        flight_world_drop(&world, flight);
        flight_world_end(&world);
    }
}

static void a_probe_of_the_provider_that_its_targets_breaker_stops_is_taken_back(void **state) {
    struct flight_world world;
    struct holds holds;
    (void)state;
    flight_world_begin(&world, yaml);
    struct flight *flight = flight_world_ask(&world, FLIGHT_CHAT("m", "false"));
    const struct candidate *candidate = &flight->choice.candidates[0];
    const struct breaker_rules *rules = &provider_of(flight)->breaker;
    struct breaker *breaker = &provider_of(flight)->cells->breaker;
    flight_world_tell(&world, flight, (struct event){.kind = event_call_failed, .failure = failure_connect});
    breaker_force(breaker, rules, world.now.mono_ns, true);
    world.now.mono_ns += rules->open_ns;
    breaker_force(&candidate->target->cells->breaker, rules, world.now.mono_ns, true);
    actions_begin(&world.out, &world.scratch);
    flight->times.deadline_ns = UINT64_MAX;
    for (unsigned i = 0; i <= rules->half_open_max_calls; i++) {
        assert_true(breaker_would_admit(breaker, rules, blame_nobody, world.now.mono_ns));
        assert_int_equal(hold_take(flight, candidate, false, world.now, &holds, &world.out), refusal_breaker_open);
    }
    assert_true(breaker_would_admit(breaker, rules, blame_nobody, world.now.mono_ns));
    flight_world_drop(&world, flight);
    flight_world_end(&world);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_taken_and_never_used_comes_back_whole),
        cmocka_unit_test(a_refusal_takes_nothing),
        cmocka_unit_test(a_request_that_reached_nobody_is_not_counted_against_the_rate),
        cmocka_unit_test(one_that_was_sent_is),
        cmocka_unit_test(the_tokens_that_it_used_are_counted_and_no_others),
        cmocka_unit_test(what_a_head_says_is_left_holds_for_the_model_or_for_the_key),
        cmocka_unit_test(failures_in_a_row_are_counted_until_one_is_served),
        cmocka_unit_test(only_what_the_network_does_is_nobodys),
        cmocka_unit_test(an_attempts_tokens_are_what_is_said_or_what_was_delivered),
        cmocka_unit_test(a_clients_tokens_are_those_of_all_attempts),
        cmocka_unit_test(what_was_delivered_is_counted_by_events_and_by_bytes),
        cmocka_unit_test(what_was_taken_before_a_refusal_is_given_back),
        cmocka_unit_test(why_all_keys_rest_is_told_by_who_comes_back_first),
        cmocka_unit_test(a_probe_of_the_provider_that_its_targets_breaker_stops_is_taken_back),
        cmocka_unit_test(what_came_too_late_is_not_begun),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
