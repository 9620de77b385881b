/* What an attempt may cost at most is reserved before it is sent, and settles to what it took, on whatever way it ends.
 */
#include <stdio.h>

#include "flight_world.h"

#define H "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
/* A dollar a thousand tokens in, ten out; 700 tokens of prompt are what a short one may be. */
#define PRICES "prices: {m: {input: 1000, output: 10000}}"
#define FILE_OF(provider, client)                                                                                \
    "providers: {a: {type: openai, base_url: 'http://127.0.0.1:9/v1', api_key: k, models: [m], " provider "}}\n" \
    "owners: [{name: top, kind: organization, budgets: [{usd: 50, window: month}]},\n"                           \
    "         {name: team, in: top, budgets: [{usd: 40, window: lifetime, mode: warn}]}]\n"                      \
    "clients: [{name: app, in: team, key_hash: '" H "', " client "}]\n"

static struct spend_view spent(const struct flight_world *world, size_t i) {
    return money_budget_look(world->config.snapshot->clients[0].money.list[i], world->now.wall_ns);
}

static int64_t reserved(const struct flight_world *world, size_t i) {
    struct spend_view view = spent(world, i);
    return view.committed - view.spent;
}

static struct flight *ask(struct flight_world *world, enum endpoint endpoint, const char *body) {
    return flight_world_ask_of(
        world, (struct flight_request){.endpoint = endpoint, .client = &world->config.snapshot->clients[0]}, body);
}

#define BODY(more) "{\"model\":\"m\"," more "\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]}"

static bool sent_holds(const struct flight_world *world, const char *words) {
    const struct action *call = flight_world_action(world, action_call);
    char text[2048];
    size_t len = 0;
    for (size_t i = 0; i < call->call.body_count; i++) {
        assert_true(len + call->call.body[i].len < sizeof text);
        memcpy(text + len, call->call.body[i].at, call->call.body[i].len);
        len += call->call.body[i].len;
    }
    return str_find(str_make(text, len), str_from(words)) != SIZE_MAX;
}

static void what_it_may_cost_is_reserved_of_all_and_settles_to_what_it_took(void **state) {
    (void)state;
    struct flight_world world;
    flight_world_begin(&world, FILE_OF(PRICES, "daily_budget: 20"));
    struct flight *flight = ask(&world, endpoint_chat, BODY("\"max_tokens\":100,"));
    int64_t worst = reserved(&world, 0);
    assert_true(worst >= 100 * 10000000 + 65 * 1000000 && worst < INT64_C(2000000000));
    assert_int_equal(reserved(&world, 2), worst); /* the organization's; the team's warns and reserves nothing */
    assert_int_equal(reserved(&world, 1), 0);
    flight_world_head(&world, flight, 0, 200, "application/json");
    flight_world_body(&world, flight, 0, FLIGHT_WHOLE);
    flight_world_tell(&world, flight, (struct event){.kind = event_reply_end, .attempt = 0});
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(spent(&world, i).spent, 7 * 1000000 + 2 * 10000000);
        assert_int_equal(reserved(&world, i), 0);
    }
    struct attempt_charge charges[limit_path];
    assert_int_equal(attempt_charges(flight, 0, charges, limit_path), 3);
    for (size_t i = 0; i < 3; i++) {
        const struct money_budget *budget = world.config.snapshot->clients[0].money.list[i];
        assert_int_equal(charges[i].budget, budget->identity);
        assert_int_equal(charges[i].window_s, money_budget_window(budget, world.now.wall_ns).start_s);
    }
    assert_int_equal(attempt_facts(flight, 0).cost_nano_usd, 7 * 1000000 + 2 * 10000000);
    flight_world_drop(&world, flight);
    flight_world_end(&world);
}

static void who_hangs_up_is_charged_for_what_was_sent(void **state) {
    (void)state;
    struct flight_world world;
    flight_world_begin(&world, FILE_OF(PRICES, "daily_budget: 20"));
    struct flight *flight = ask(&world, endpoint_chat, BODY("\"max_tokens\":100,"));
    flight_world_drop(&world, flight); /* before anything was sent */
    assert_int_equal(spent(&world, 0).committed, 0);
    flight = ask(&world, endpoint_chat, BODY("\"max_tokens\":100,"));
    int64_t worst = reserved(&world, 0);
    flight_world_tell(&world, flight, (struct event){.kind = event_sent, .attempt = 0});
    flight_world_drop(&world, flight); /* its provider may be at work: as much as it may answer */
    assert_int_equal(reserved(&world, 0), 0);
    assert_true(spent(&world, 0).spent >= 100 * 10000000 && spent(&world, 0).spent <= worst);
    flight_world_end(&world);
}

static void what_was_refused_costs_nothing(void **state) {
    (void)state;
    struct flight_world world;
    flight_world_begin(&world, FILE_OF(PRICES, "daily_budget: 20"));
    struct flight *flight = ask(&world, endpoint_chat, BODY("\"max_tokens\":100,"));
    flight_world_head(&world, flight, 0, 400, "application/json");
    flight_world_body(&world, flight, 0, "{\"error\":{\"message\":\"no\",\"type\":\"invalid_request_error\"}}");
    flight_world_tell(&world, flight, (struct event){.kind = event_reply_end, .attempt = 0});
    assert_int_equal(spent(&world, 0).committed, 0);
    flight_world_drop(&world, flight);
    flight_world_end(&world);
}

static void a_request_without_a_cap_goes_up_with_one_that_is_reserved(void **state) {
    (void)state;
    static const struct {
        enum endpoint endpoint;
        const char *body, *cap;
    } cases[] = {
        {endpoint_chat, BODY(""), "\"max_completion_tokens\":50"},
        {endpoint_chat, BODY("\"max_completion_tokens\":null,"), "\"max_completion_tokens\":50"},
        {endpoint_chat, BODY("\"max_tokens\":null,"), "\"max_completion_tokens\":50"},
        {endpoint_completions, "{\"model\":\"m\",\"prompt\":\"hi\"}", "\"max_tokens\":50"},
        {endpoint_messages, BODY("\"max_tokens\":33,"), "\"max_completion_tokens\":33"}, /* the caller's own */
        {endpoint_generate, "{\"contents\":[{\"parts\":[{\"text\":\"hi\"}]}]}", "\"max_completion_tokens\":50"},
        {endpoint_responses, "{\"model\":\"m\",\"input\":\"hi\",\"store\":false}", "\"max_output_tokens\":50"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct flight_world world;
        flight_world_begin(&world, "reserve_output_tokens: 50\n" FILE_OF(PRICES, "daily_budget: 20"));
        struct flight *flight = flight_world_ask_of(&world,
                                                    (struct flight_request){.endpoint = cases[i].endpoint,
                                                                            .path_model = STR("m"),
                                                                            .client = world.config.snapshot->clients},
                                                    cases[i].body);
        if (!sent_holds(&world, cases[i].cap)) fail_msg("%zu: %s", i, cases[i].body);
        assert_true(reserved(&world, 0) >= 33 * 10000000);
        flight_world_drop(&world, flight);
        flight_world_end(&world);
    }
}

static void a_cap_is_as_long_as_what_is_left(void **state) {
    (void)state;
    struct flight_world world;
    flight_world_begin(&world, "reserve_output_tokens: 4096\n" FILE_OF(PRICES, "daily_budget: 10"));
    struct flight *flight = ask(&world, endpoint_chat, BODY(""));
    assert_true(sent_holds(&world, "\"max_completion_tokens\":512"));
    assert_true(spent(&world, 0).committed <= INT64_C(10000000000));
    flight_world_drop(&world, flight);
    flight_world_end(&world);
}

/* To the nano-dollar, by what a request may be answered with and by what it says. */
static void what_is_reserved_is_every_answer_and_every_byte(void **state) {
    (void)state;
#define ANSWERS "prices: {m: {input: 0, output: 10000}}"
#define PROMPT "prices: {m: {input: 1000, output: 0}}"
#define TOOL "\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"f\"}}],"
    static const struct {
        const char *prices, *body;
        enum endpoint endpoint;
        int64_t tokens; /* reserved at the one price; -1: the body's length and what providers write around it */
        int64_t more;
    } cases[] = {
        {ANSWERS, BODY("\"max_tokens\":10,"), endpoint_chat, 10, 0},
        {ANSWERS, BODY("\"max_tokens\":10,\"n\":3,"), endpoint_chat, 30, 0},
        {ANSWERS, BODY("\"max_tokens\":0,\"n\":3,"), endpoint_chat, 0, 0},
        {ANSWERS, "{\"model\":\"m\",\"max_tokens\":10,\"prompt\":\"hi\"}", endpoint_completions, 10, 0},
        {ANSWERS, "{\"model\":\"m\",\"max_tokens\":10,\"n\":3,\"prompt\":\"hi\"}", endpoint_completions, 30, 0},
        {ANSWERS, "{\"model\":\"m\",\"max_tokens\":10,\"n\":2,\"best_of\":5,\"prompt\":\"hi\"}", endpoint_completions,
         50, 0},
        {ANSWERS, "{\"model\":\"m\",\"max_tokens\":10,\"best_of\":5,\"stop\":[\"a\",\"b\",\"c\"],\"prompt\":\"hi\"}",
         endpoint_completions, 50, 0},
        {ANSWERS, "{\"model\":\"m\",\"max_tokens\":10,\"prompt\":[\"a\",\"b\",\"c\"],\"stop\":[\"a\",\"b\"]}",
         endpoint_completions, 30, 0},
        {ANSWERS, "{\"model\":\"m\",\"max_tokens\":10,\"stop\":[\"a\",\"b\"],\"prompt\":[\"a\"]}", endpoint_completions,
         10, 0},
        {ANSWERS, "{\"model\":\"m\",\"max_tokens\":10,\"n\":2,\"prompt\":[\"a\",\"b\"]}", endpoint_completions, 40, 0},
        {ANSWERS, "{\"model\":\"m\",\"max_tokens\":10,\"prompt\":[[1,2,3],[4]]}", endpoint_completions, 20, 0},
        {ANSWERS, "{\"model\":\"m\",\"max_tokens\":10,\"prompt\":[1,2,3]}", endpoint_completions, 10, 0},
        {ANSWERS, "{\"model\":\"m\",\"max_tokens\":10,\"prompt\":[]}", endpoint_completions, 10, 0},
        {PROMPT, BODY("\"max_tokens\":10,"), endpoint_chat, -1, 512},
        {PROMPT, BODY(""), endpoint_chat, -1, 512},
        {PROMPT, BODY(TOOL), endpoint_chat, -1, 512 + 2048},
        {PROMPT, "{\"model\":\"m\",\"input\":\"hello\"}", endpoint_embeddings, -1, 512},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct flight_world world;
        char yaml[2048];
        struct text text = text_in_buffer(yaml, sizeof yaml - 1);
        text_printf(&text, FILE_OF("%s", "daily_budget: 30"), cases[i].prices);
        yaml[text.len] = 0;
        flight_world_begin(&world, yaml);
        struct flight *flight = ask(&world, cases[i].endpoint, cases[i].body);
        int64_t tokens = cases[i].tokens >= 0 ? cases[i].tokens : (int64_t)strlen(cases[i].body) + cases[i].more,
                wanted = tokens * (strcmp(cases[i].prices, ANSWERS) == 0 ? 10000000 : 1000000);
        if (reserved(&world, 0) != wanted)
            fail_msg("%s: %lld and not %lld", cases[i].body, (long long)reserved(&world, 0), (long long)wanted);
        flight_world_drop(&world, flight);
        flight_world_end(&world);
    }
}

/* A hard budget takes what has a price for all that it may cost. */
static void what_has_no_price_for_its_answer_is_refused(void **state) {
    (void)state;
    static const struct {
        const char *prices;
        bool chat, embeds;
    } cases[] = {
        {"prices: {m: {input: 1, output: 1}}", true, true},
        {"prices: {m: {input: 0, output: 0}}", true, true},
        {"prices: {m: {input: 1}}", false, true},
        {"prices: {m: {output: 1}}", false, false},
        {"cost_per_request: 0.001", true, true},
        {"cost_per_token: 0.000001", true, true},
        {"max_retries: 0", false, false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        for (int embeds = 0; embeds < 2; embeds++) {
            struct flight_world world;
            char yaml[2048];
            struct text text = text_in_buffer(yaml, sizeof yaml - 1);
            text_printf(&text, FILE_OF("%s", "daily_budget: 30"), cases[i].prices);
            yaml[text.len] = 0;
            flight_world_begin(&world, yaml);
            struct flight *flight = ask(&world, embeds ? endpoint_embeddings : endpoint_chat,
                                        embeds ? "{\"model\":\"m\",\"input\":\"hello\"}" : BODY("\"max_tokens\":9,"));
            if ((flight_world_asked(&world, action_call) == 1) != (embeds ? cases[i].embeds : cases[i].chat))
                fail_msg("%s, %d", cases[i].prices, embeds);
            flight_world_drop(&world, flight);
            flight_world_end(&world);
        }
}

/* Which budget it is, how it stands, and what helps. */
static void who_is_refused_is_told_which_budget_and_until_when(void **state) {
    (void)state;
    static const struct {
        const char *client;
        int64_t spent, in_flight;
        const char *told, *retry_after; /* now is 1700000000: 22:13:20 */
    } cases[] = {
        {"daily_budget: 1", 1000000000, 0,
         "The budget `day` of client app is spent: 1.000000000 of 1.000000000 USD. It begins anew at "
         "2023-11-15T00:00:00Z.",
         "6400"},
        {"daily_budget: 1", 999999999, 0,
         "The budget `day` of client app has too little left: 0.999999999 of 1.000000000 USD are spent, and this "
         "request may cost "
         "0.100000000. It begins anew at 2023-11-15T00:00:00Z.",
         "6400"},
        {"daily_budget: 1", 900000000, 1, /* there is room but for what is in flight */
         "The budget `day` of client app has too little left: 0.900000000 of 1.000000000 USD are spent, and this "
         "request may cost "
         "0.100000000. Requests in flight hold what is left: try again shortly.",
         "1"},
        {"budgets: [{usd: 1, window: lifetime, name: pot}]", 1000000000, 0,
         "The budget `pot` of client app is spent: 1.000000000 of 1.000000000 USD. Ask the operator to raise it.",
         NULL},
        {"budgets: [{usd: 1, window: 1h, rolling: true}]", 999999999, 0,
         "The budget `1h` of client app has too little left: 0.999999999 of 1.000000000 USD in the last 1h are spent, "
         "and this request may cost 0.100000000. What is older than that counts no more.",
         NULL},
        {"budgets: [{usd: 1, window: 1h, rolling: true}]", 1000000000, 0,
         "The budget `1h` of client app is spent: 1.000000000 of 1.000000000 USD in the last 1h. What is older than "
         "that counts no more.",
         NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct flight_world world;
        char yaml[2048];
        uint64_t window_s;
        struct text text = text_in_buffer(yaml, sizeof yaml - 1);
        text_printf(&text, FILE_OF(ANSWERS, "%s"), cases[i].client);
        yaml[text.len] = 0;
        flight_world_begin(&world, yaml);
        const struct money_budget *budget = world.config.snapshot->clients[0].money.list[0];
        money_budget_settle(budget, money_budget_enter(budget, world.now.wall_ns), 0, cases[i].spent);
        if (cases[i].in_flight)
            assert_true(money_purse_reserve(
                &(struct money_purse){budget, budget->spend, budget->rolling, budget->limit_nano_usd},
                world.now.wall_ns, cases[i].in_flight, &window_s));
        struct flight *flight = ask(&world, endpoint_chat, BODY("\"max_tokens\":10,"));
        assert_int_equal(flight_world_action(&world, action_respond)->respond.status, 429);
        if (!flight_world_wrote(&world, cases[i].told))
            fail_msg("%.*s\n%s", STR_ARG(flight_world_written(&world)), cases[i].told);
        struct str retry_after = flight_world_said(&world, "retry-after");
        if (cases[i].retry_after)
            assert_str_equal(retry_after, cases[i].retry_after);
        else
            assert_int_equal(retry_after.len, 0);
        assert_str_equal(flight_world_said(&world, "x-should-retry"), cases[i].in_flight ? "" : "false");
        flight_world_drop(&world, flight);
        flight_world_end(&world);
    }
}

/* The refusal says whose is spent: of several the first on the way, its client's before its provider's. */
static void whose_budget_is_spent_is_told_apart(void **state) {
    static const struct {
        const char *provider, *client;
        bool spends_client, spends_provider;
        enum refusal refusal;
    } rows[] = {
        {ANSWERS ", budgets: [{usd: 1, window: lifetime}]", "daily_budget: 1", true, false, refusal_budget},
        {ANSWERS ", budgets: [{usd: 1, window: lifetime}]", "daily_budget: 1", true, true, refusal_budget},
        {ANSWERS ", budgets: [{usd: 1, window: lifetime}]", "daily_budget: 1", false, true, refusal_provider_budget},
        {ANSWERS ", budgets: [{usd: 1, window: lifetime}]", "role: user", false, true, refusal_provider_budget},
        {ANSWERS ", budgets: [{usd: 9, window: lifetime}, {usd: 1, window: day}]", "role: user", false, true,
         refusal_budget_room},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct flight_world world;
        char yaml[2048];
        struct text text = text_in_buffer(yaml, sizeof yaml - 1);
        text_printf(&text, FILE_OF("%s", "%s"), rows[i].provider, rows[i].client);
        yaml[text.len] = 0;
        flight_world_begin(&world, yaml);
        const struct client *client = &world.config.snapshot->clients[0];
        const struct provider *provider = &world.config.snapshot->providers[0];
        const struct money_budget *of_provider = provider->money.list[provider->money.count - 1],
                                  *of_client = client->money.list[0];
        const int64_t cent = 10000000, dollar = 1000000000, of = i + 1 == sizeof rows / sizeof *rows ? cent : 0;
        if (rows[i].spends_client)
            money_budget_settle(of_client, money_budget_enter(of_client, world.now.wall_ns), 0, dollar);
        if (rows[i].spends_provider)
            money_budget_settle(of_provider, money_budget_enter(of_provider, world.now.wall_ns), 0, dollar - of);
        struct flight *flight = ask(&world, endpoint_chat, BODY("\"max_tokens\":10,"));
        assert_int_equal(flight->attempt_count, 0);
        if (flight->choice.candidates[0].refusal != rows[i].refusal)
            fail_msg("row %zu: %d", i, (int)flight->choice.candidates[0].refusal);
        flight_world_drop(&world, flight);
        flight_world_end(&world);
    }
}

/* What nobody counted is estimated by what came, and said to be so. */
static void an_answer_that_was_not_counted_is_estimated_by_its_length(void **state) {
    (void)state;
    static const char silent[] =
        "{\"id\":\"i\",\"object\":\"chat.completion\",\"created\":1,\"model\":\"m\",\"choices\":[{\"index\":0,"
        "\"message\":{\"role\":\"assistant\",\"content\":\"hi\"},\"finish_reason\":\"stop\"}]}";
    for (int counted = 0; counted < 2; counted++) {
        struct flight_world world;
        flight_world_begin(&world, FILE_OF(ANSWERS, "daily_budget: 20"));
        struct flight *flight = ask(&world, endpoint_chat, BODY("\"max_tokens\":100,"));
        flight_world_head(&world, flight, 0, 200, "application/json");
        flight_world_body(&world, flight, 0, counted ? FLIGHT_WHOLE : silent);
        flight_world_tell(&world, flight, (struct event){.kind = event_reply_end, .attempt = 0});
        struct attempt_facts facts = attempt_facts(flight, 0);
        int64_t tokens = counted ? 2 : (int64_t)(sizeof silent - 1) / 4;
        assert_true(facts.estimated == !counted);
        assert_int_equal(facts.usage.output_tokens, tokens);
        assert_int_equal(spent(&world, 0).spent, tokens * 10000000);
        flight_world_drop(&world, flight);
        flight_world_end(&world);
    }
}

static struct str answer_of(struct flight_world *world, struct flight *flight, int status) {
    assert_int_equal(flight_world_asked(world, action_call), 0);
    assert_int_equal(flight_world_action(world, action_respond)->respond.status, status);
    (void)flight;
    return flight_world_written(world);
}

static void what_cannot_be_held_is_not_sent(void **state) {
    (void)state;
    static const struct {
        const char *provider, *client, *body;
        enum endpoint endpoint;
        int status;
        const char *said;
    } cases[] = {
        {PRICES, "daily_budget: 0.1", BODY("\"max_tokens\":100,"), endpoint_chat, 429, "`day` of client app"},
        {PRICES, "daily_budget: 0", BODY("\"max_tokens\":100,"), endpoint_chat, 429, "budget_exhausted"},
        {PRICES ", daily_budget: 0.1", "role: user", BODY("\"max_tokens\":9,"), endpoint_chat, 429, "model's provider"},
        {"max_retries: 0", "daily_budget: 5", BODY("\"max_tokens\":100,"), endpoint_chat, 403, "price of `a/m`"},
        {"prices: {m: {input: 1}}", "daily_budget: 5", BODY("\"max_tokens\":1,"), endpoint_chat, 403, "unpriced"},
        {PRICES, "daily_budget: 5", BODY("\"tools\":[{\"type\":\"web_search\",\"model\":\"x\"}],\"max_tokens\":9,"),
         endpoint_chat, 403, "unbounded"},
        {PRICES, "daily_budget: 5", BODY("\"web_search_options\":{},\"max_tokens\":9,"), endpoint_chat, 403,
         "unbounded"},
        {PRICES, "daily_budget: 5", BODY("\"models\":[\"dear\"],\"max_tokens\":9,"), endpoint_chat, 403, "unbounded"},
        {PRICES, "daily_budget: 5",
         "{\"model\":\"m\",\"max_tokens\":9,\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"image_url\","
         "\"image_url\":{\"url\":\"https://h/x.png\"}}]}]}",
         endpoint_chat, 403, "unbounded"},
        {PRICES, "daily_budget: 5", "{\"model\":\"m\",\"prompt\":\"a cat\"}", endpoint_images_generations, 403,
         "unbounded"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct flight_world world;
        char yaml[2048];
        struct text text = text_in_buffer(yaml, sizeof yaml - 1);
        text_printf(&text,
                    "providers: {a: {type: openai, base_url: 'http://127.0.0.1:9/v1', api_key: k, models: [m], %s}}\n"
                    "clients: [{name: app, key_hash: '" H "', raw: true, %s}]\n",
                    cases[i].provider, cases[i].client);
        yaml[text.len] = 0;
        flight_world_begin(&world, yaml);
        struct flight *flight = ask(&world, cases[i].endpoint, cases[i].body);
        struct str answer = answer_of(&world, flight, cases[i].status);
        if (str_find(answer, str_from(cases[i].said)) == SIZE_MAX) fail_msg("%zu: %.*s", i, STR_ARG(answer));
        for (size_t b = 0; b < world.config.snapshot->budget_count; b++)
            assert_int_equal(money_budget_look(world.config.snapshot->budgets[b], world.now.wall_ns).committed, 0);
        flight_world_drop(&world, flight);
        flight_world_end(&world);
    }
}

static void other_modes_refuse_later_or_not_at_all(void **state) {
    (void)state;
    static const struct {
        const char *client;
        int64_t spent;
        bool refused;
    } cases[] = {{"budgets: [{usd: 1, window: day, mode: soft}]", 999999999, false},
                 {"budgets: [{usd: 1, window: day, mode: soft}]", 1000000000, true},
                 {"budgets: [{usd: 1, window: day, mode: warn}]", 9000000000, false},
                 {"budgets: [{usd: 1, window: day, models: [other]}]", 9000000000, false},
                 {"budgets: [{usd: 1, window: day, routes: [other]}]", 9000000000, false},
                 {"budgets: [{usd: 1, window: day, over: free}]", 9000000000, true}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct flight_world world;
        char yaml[2048];
        struct text text = text_in_buffer(yaml, sizeof yaml - 1);
        text_printf(&text,
                    "providers: {a: {type: openai, base_url: 'http://127.0.0.1:9/v1', api_key: k, models: [m], " PRICES
                    "}}\nclients: [{name: app, key_hash: '" H "', %s}]\n",
                    cases[i].client);
        yaml[text.len] = 0;
        flight_world_begin(&world, yaml);
        const struct money_budget *budget = world.config.snapshot->budgets[0];
        uint64_t start = (uint64_t)money_budget_window(budget, world.now.wall_ns).start_s;
        spend_settle(budget->spend, spend_enter(budget->spend, start), 0, cases[i].spent);
        struct flight *flight = ask(&world, endpoint_chat, BODY("\"max_tokens\":10,"));
        if ((flight_world_asked(&world, action_call) == 0) != cases[i].refused) fail_msg("%zu", i);
        flight_world_drop(&world, flight);
        flight_world_end(&world);
    }
}

static void when_it_is_spent_what_is_free_goes_on(void **state) {
    (void)state;
    struct flight_world world;
    flight_world_begin(
        &world,
        "providers:\n"
        "  a: {type: openai, base_url: 'http://127.0.0.1:9/v1', api_key: k, models: [m], priority: 1, " PRICES "}\n"
        "  b: {type: openai, base_url: 'http://127.0.0.1:8/v1', api_key: k, models: [m], priority: 2,\n"
        "      prices: {m: {input: 0, output: 0}}}\n"
        "clients: [{name: app, key_hash: '" H "', budgets: [{usd: 1, window: day, over: free}]}]\n");
    const struct money_budget *budget = world.config.snapshot->budgets[0];
    uint64_t start = (uint64_t)money_budget_window(budget, world.now.wall_ns).start_s;
    spend_settle(budget->spend, spend_enter(budget->spend, start), 0, 2000000000);
    struct flight *flight = ask(&world, endpoint_chat, BODY("\"max_tokens\":10,"));
    assert_str_equal(flight->live->target->provider->name, "b");
    flight_world_drop(&world, flight);
    flight_world_end(&world);
}

#define DOWN(at)                                                                                                 \
    "providers:\n"                                                                                               \
    "  a: {type: openai, base_url: 'http://127.0.0.1:9/v1', api_key: k, models: [m], priority: 1, " PRICES "}\n" \
    "  b: {type: openai, base_url: 'http://127.0.0.1:8/v1', api_key: k, models: [small], priority: 2,\n"         \
    "      prices: {small: {input: 100, output: 1000}}}\n"                                                       \
    "clients: [{name: app, key_hash: '" H "', budgets: [{usd: 10, window: day, over: downgrade, at: " at         \
    ", to: [b/small]}]}]\n"

static void when_it_is_nearly_spent_others_serve_and_that_is_said(void **state) {
    (void)state;
    static const struct {
        int64_t spent;
        const char *at, *body, *served;
    } cases[] = {{0, "0.5", BODY("\"max_tokens\":10,"), "a"},
                 {4999999999, "0.5", BODY("\"max_tokens\":10,"), "a"},
                 {5000000000, "0.5", BODY("\"max_tokens\":10,"), "b"},
                 {0, "0.5", BODY("\"max_tokens\":2000,"), "b"}, /* the route's would be too dear for what is left */
                 {9990000000, "0.5", BODY("\"max_tokens\":100,"), ""}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct flight_world world;
        flight_world_begin(&world, DOWN("0.5"));
        const struct money_budget *budget = world.config.snapshot->budgets[0];
        uint64_t start = (uint64_t)money_budget_window(budget, world.now.wall_ns).start_s;
        spend_settle(budget->spend, spend_enter(budget->spend, start), 0, cases[i].spent);
        struct flight *flight = ask(&world, endpoint_chat, cases[i].body);
        if (!*cases[i].served) {
            assert_int_equal(flight_world_action(&world, action_respond)->respond.status, 429);
        } else {
            assert_str_equal(flight->live->target->provider->name, cases[i].served);
            flight_world_head(&world, flight, 0, 200, "application/json");
            flight_world_body(&world, flight, 0, FLIGHT_WHOLE);
            flight_world_tell(&world, flight, (struct event){.kind = event_reply_end, .attempt = 0});
            struct str said = flight_world_said(&world, "x-weir-downgraded");
            if (*cases[i].served == 'b')
                assert_str_equal(said, "m->b/small");
            else
                assert_int_equal(said.len, 0);
        }
        flight_world_drop(&world, flight);
        flight_world_end(&world);
    }
}

static void it_is_looked_at_again_at_each_attempt(void **state) {
    (void)state;
    struct flight_world world;
    flight_world_begin(&world, DOWN("0.5"));
    struct flight *flight = ask(&world, endpoint_chat, BODY("\"max_tokens\":10,"));
    assert_str_equal(flight->live->target->provider->name, "a");
    const struct money_budget *budget = world.config.snapshot->budgets[0];
    uint64_t start = (uint64_t)money_budget_window(budget, world.now.wall_ns).start_s;
    spend_settle(budget->spend, spend_enter(budget->spend, start), 0, 6000000000); /* others, meanwhile */
    flight_world_head(&world, flight, 0, 503, "application/json");
    flight_world_tell(&world, flight, (struct event){.kind = event_reply_end, .attempt = 0});
    assert_str_equal(flight->live->target->provider->name, "b");
    flight_world_drop(&world, flight);
    flight = ask(&world, endpoint_chat, "{\"model\":\"nothing\",\"messages\":[]}"); /* what nobody serves stays so */
    assert_int_equal(flight_world_action(&world, action_respond)->respond.status, 404);
    flight_world_drop(&world, flight);
    flight_world_end(&world);
}

#define CHEAPEST(at, to)                                                                                         \
    "providers:\n"                                                                                               \
    "  a: {type: openai, base_url: 'http://127.0.0.1:9/v1', api_key: k, models: [m], priority: 1, " PRICES "}\n" \
    "  b: {type: openai, base_url: 'http://127.0.0.1:8/v1', api_key: k, models: [small, dear, unpriced],\n"      \
    "      prices: {small: {input: 100, output: 1000}, dear: {input: 10000, output: 10000}}}\n"                  \
    "  c: {type: openai, base_url: 'http://127.0.0.1:7/v1', api_key: k, models: [tiny], priority: 3,\n"          \
    "      prices: {tiny: {input: 10, output: 100}}, facts: {tiny: {cannot: [tools]}}}\n"                        \
    "clients: [{name: app, key_hash: '" H "', budgets: [{usd: 10, window: day, over: downgrade, at: " at to "}]}]\n"

static void without_names_the_cheapest_that_can_serves(void **state) {
    (void)state;
    static const struct {
        const char *to, *more, *served, *next; /* and when that one fails */
        int64_t spent;
    } cases[] = {{"", "\"max_tokens\":10,", "a", "c", 4000000000},
                 {"", "\"max_tokens\":10,", "c", "b", 5000000000},
                 {", to: cheapest", "\"max_tokens\":10,", "c", "b", 5000000000},
                 {"",
                  "\"max_tokens\":10,"
                  "\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"f\"}}],",
                  "b", "a", 5000000000}, /* a dearer one than the route's own is none of them */
                 {"", "\"max_tokens\":2000,", "c", "b", 0}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct flight_world world;
        char yaml[2048], body[512], told[32];
        snprintf(yaml, sizeof yaml, CHEAPEST("0.5", "%s"), cases[i].to);
        snprintf(body, sizeof body, BODY("%s"), cases[i].more);
        flight_world_begin(&world, yaml);
        const struct money_budget *budget = world.config.snapshot->budgets[0];
        money_budget_settle(budget, money_budget_enter(budget, world.now.wall_ns), 0, cases[i].spent);
        struct flight *flight = ask(&world, endpoint_chat, body);
        assert_str_equal(flight->live->target->provider->name, cases[i].served);
        if (*cases[i].served == 'a') /* looked at again at each attempt: others have spent meanwhile */
            money_budget_settle(budget, money_budget_enter(budget, world.now.wall_ns), 0, 2000000000);
        flight_world_head(&world, flight, 0, 503, "application/json");
        flight_world_tell(&world, flight, (struct event){.kind = event_reply_end, .attempt = 0});
        assert_str_equal(flight->live->target->provider->name, cases[i].next);
        flight_world_head(&world, flight, 1, 200, "application/json");
        flight_world_body(&world, flight, 1, FLIGHT_WHOLE);
        flight_world_tell(&world, flight, (struct event){.kind = event_reply_end, .attempt = 1});
        snprintf(told, sizeof told, "m->%s", *cases[i].next == 'b' ? "b/small" : "c/tiny");
        struct str said = flight_world_said(&world, "x-weir-downgraded");
        assert_true(*cases[i].next == 'a' ? said.len == 0 : str_eq(said, str_from(told)));
        flight_world_drop(&world, flight);
        flight_world_end(&world);
    }
}

/* Where they are the route's own, the cheapest of these serves; what spends nothing does so from the start. */
static void the_cheapest_may_be_one_of_the_routes(void **state) {
    (void)state;
    static const char yaml[] =
        "providers:\n"
        "  a: {type: openai, base_url: 'http://127.0.0.1:9/v1', api_key: k, models: [m], priority: 1, " PRICES "}\n"
        "  b: {type: openai, base_url: 'http://127.0.0.1:8/v1', api_key: k, models: [m], priority: 2,\n"
        "      prices: {m: {input: 100, output: 1000}}}\n"
        "clients: [{name: app, key_hash: '" H "', budgets: [{usd: 10, window: day, over: downgrade, at: 0.5}]}]\n";
    for (int spent = 0; spent < 2; spent++) {
        struct flight_world world;
        flight_world_begin(&world, yaml);
        const struct money_budget *budget = world.config.snapshot->budgets[0];
        money_budget_settle(budget, money_budget_enter(budget, world.now.wall_ns), 0, spent * INT64_C(5000000000));
        struct flight *flight = ask(&world, endpoint_chat, BODY("\"max_tokens\":10,"));
        assert_str_equal(flight->live->target->provider->name, spent ? "b" : "a");
        flight_world_head(&world, flight, 0, 200, "application/json");
        flight_world_body(&world, flight, 0, FLIGHT_WHOLE);
        flight_world_tell(&world, flight, (struct event){.kind = event_reply_end, .attempt = 0});
        struct str said = flight_world_said(&world, "x-weir-downgraded");
        assert_true(spent ? str_eq(said, STR("m->b/m")) : said.len == 0);
        flight_world_drop(&world, flight);
        flight_world_end(&world);
    }
}

/* It takes no turns while the budget has room: what spends nothing would else be asked by any strategy. */
static void what_is_not_billed_serves_instead_only_when_it_is_nearly_spent(void **state) {
    (void)state;
    static const char yaml[] =
        "providers:\n"
        "  a: {type: openai, base_url: 'http://127.0.0.1:9/v1', api_key: k, models: [m], priority: 2, " PRICES "}\n"
        "  b: {type: openai, base_url: 'http://127.0.0.1:8/v1', api_key: k, models: [own], priority: 1, bill: false,\n"
        "      prices: {own: {input: 0, output: 0}}}\n"
        "clients: [{name: app, key_hash: '" H "', budgets: [{usd: 10, window: day, over: downgrade, at: 0.5,\n"
        "  to: [b/own]}]}]\n";
    for (int spent = 0; spent < 2; spent++) {
        struct flight_world world;
        flight_world_begin(&world, yaml);
        const struct money_budget *budget = world.config.snapshot->budgets[0];
        money_budget_settle(budget, money_budget_enter(budget, world.now.wall_ns), 0, spent * INT64_C(5000000000));
        struct flight *flight = ask(&world, endpoint_chat, BODY("\"max_tokens\":10,"));
        assert_str_equal(flight->live->target->provider->name, spent ? "b" : "a");
        flight_world_drop(&world, flight);
        flight_world_end(&world);
    }
}

static void what_is_not_billed_spends_nothing(void **state) {
    (void)state;
    struct flight_world world;
    flight_world_begin(&world, FILE_OF("bill: false", "daily_budget: 0"));
    struct flight *flight = ask(&world, endpoint_chat, BODY(""));
    assert_int_equal(flight_world_asked(&world, action_call), 1);
    assert_int_equal(flight->live->holds.money.count, 0);
    assert_false(sent_holds(&world, "max_"));
    flight_world_drop(&world, flight);
    flight_world_end(&world);
}

static void a_window_may_end_now(void **state) {
    (void)state;
    struct flight_world world;
    flight_world_begin(&world, FILE_OF(PRICES, "budgets: [{usd: 3, window: 1h, rolling: true}]"));
    struct flight *flight = ask(&world, endpoint_chat, BODY("\"max_tokens\":100,"));
    assert_true(reserved(&world, 0) >= 100 * 10000000);
    flight_world_tell(&world, flight, (struct event){.kind = event_sent, .attempt = 0});
    flight_world_drop(&world, flight);
    assert_true(spent(&world, 0).spent > 0 && reserved(&world, 0) == 0);
    flight = ask(&world, endpoint_chat, BODY("\"max_tokens\":250,"));
    assert_true(flight_world_wrote(&world, "in the last 1h"));
    flight_world_drop(&world, flight);
    world.now.wall_ns += INT64_C(3800) * (int64_t)NS_PER_S;
    flight = ask(&world, endpoint_chat, BODY("\"max_tokens\":200,"));
    assert_int_equal(flight_world_asked(&world, action_call), 1);
    flight_world_drop(&world, flight);
    flight_world_end(&world);
}

static void a_failover_reserves_its_own_and_gives_the_first_back(void **state) {
    (void)state;
    struct flight_world world;
    flight_world_begin(
        &world,
        "providers:\n"
        "  a: {type: openai, base_url: 'http://127.0.0.1:9/v1', api_key: k, models: [m], priority: 1, " PRICES "}\n"
        "  b: {type: openai, base_url: 'http://127.0.0.1:8/v1', api_key: k, models: [m], priority: 2,\n"
        "      prices: {m: {input: 2000, output: 20000}}, daily_budget: 100}\n"
        "clients: [{name: app, key_hash: '" H "', daily_budget: 100}]\n");
    struct flight *flight = ask(&world, endpoint_chat, BODY("\"max_tokens\":100,"));
    int64_t first = reserved(&world, 0);
    flight_world_head(&world, flight, 0, 503, "application/json");
    flight_world_tell(&world, flight, (struct event){.kind = event_reply_end, .attempt = 0});
    assert_int_equal(flight->attempt_count, 2);
    assert_int_equal(reserved(&world, 0), 2 * first);
    assert_int_equal(flight->attempts[1]->holds.money.count, 2); /* its provider's too */
    flight_world_drop(&world, flight);
    assert_int_equal(reserved(&world, 0), 0);
    flight_world_end(&world);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_it_may_cost_is_reserved_of_all_and_settles_to_what_it_took),
        cmocka_unit_test(who_hangs_up_is_charged_for_what_was_sent),
        cmocka_unit_test(what_was_refused_costs_nothing),
        cmocka_unit_test(a_request_without_a_cap_goes_up_with_one_that_is_reserved),
        cmocka_unit_test(a_cap_is_as_long_as_what_is_left),
        cmocka_unit_test(what_is_reserved_is_every_answer_and_every_byte),
        cmocka_unit_test(what_has_no_price_for_its_answer_is_refused),
        cmocka_unit_test(who_is_refused_is_told_which_budget_and_until_when),
        cmocka_unit_test(whose_budget_is_spent_is_told_apart),
        cmocka_unit_test(an_answer_that_was_not_counted_is_estimated_by_its_length),
        cmocka_unit_test(what_cannot_be_held_is_not_sent),
        cmocka_unit_test(other_modes_refuse_later_or_not_at_all),
        cmocka_unit_test(when_it_is_spent_what_is_free_goes_on),
        cmocka_unit_test(when_it_is_nearly_spent_others_serve_and_that_is_said),
        cmocka_unit_test(it_is_looked_at_again_at_each_attempt),
        cmocka_unit_test(without_names_the_cheapest_that_can_serves),
        cmocka_unit_test(the_cheapest_may_be_one_of_the_routes),
        cmocka_unit_test(what_is_not_billed_serves_instead_only_when_it_is_nearly_spent),
        cmocka_unit_test(what_is_not_billed_spends_nothing),
        cmocka_unit_test(a_window_may_end_now),
        cmocka_unit_test(a_failover_reserves_its_own_and_gives_the_first_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
