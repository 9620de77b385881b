/* Of a split budget a request counts in one value, which it holds from its admission to its end. */
#include "flight_world.h"

#define H "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define FILE_OF(more, budgets)                                                                                    \
    more "providers: {a: {type: openai, base_url: 'http://127.0.0.1:9/v1', api_key: k, models: [m], prices: {m: " \
         "{input: 1000, output: 10000}}}}\n"                                                                      \
         "owners: [{name: team, budgets: [{usd: 50, window: day, per: end_user, values: {app/eve: 9}}]}]\n"       \
         "clients: [{name: app, in: team, tags: {team: search}, key_hash: '" H "', budgets: [" budgets "]}]\n"
#define BODY(more) "{\"model\":\"m\"," more "\"max_tokens\":10,\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]}"

static struct flight *ask(struct flight_world *world, const char *body) {
    return flight_world_ask_of(
        world, (struct flight_request){.endpoint = endpoint_chat, .client = &world->config.snapshot->clients[0]}, body);
}

static void an_end_user_is_found_wherever_it_is_said(void **state) {
    static const struct {
        const char *body, *own, *teams;
        int64_t teams_usd;
    } cases[] = {
        {BODY("\"user\":\"bob\","), "bob", "app/bob", 50},
        {BODY("\"user\":\"\","), "(none)", "(none)", 50},
        {BODY("\"user\":7,"), "(none)", "(none)", 50},
        {BODY("\"user\":\"\\u0065ve\","), "eve", "app/eve", 9},
        {BODY("\"user\":\"bob\",\"safety_identifier\":\"eve\","), "eve", "app/eve", 9},
        {BODY("\"metadata\":{\"user_id\":\"eve\"},"), "eve", "app/eve", 9},
        {BODY("\"metadata\":{\"of\":{\"user_id\":\"eve\"}},"), "(none)", "(none)", 50},
        {BODY("\"user\":\"(other)\","), "(other)", "app/(other)", 50},
        {BODY(""), "(none)", "(none)", 50},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct flight_world world;
        flight_world_begin(&world, FILE_OF("", "{usd: 50, window: day, per: end_user, values: {(other): 1}}"));
        struct flight *flight = ask(&world, cases[i].body);
        const struct target *target = flight->choice.candidates[0].target;
        const struct money_budgets *way = &flight->client->money;
        struct money_value *value;
        assert_int_equal(way->count, 2);
        for (size_t k = 0; k < 2; k++) {
            struct str said = values_said(flight, target, way->list[k]);
            const char *wanted = way->list[k]->own ? cases[i].own : cases[i].teams;
            if (!str_eq(said, str_from(wanted))) fail_msg("%zu: %.*s", i, STR_ARG(said));
            struct money_purse purse = values_purse(flight, target, way->list[k], &value);
            assert_non_null(value);
            assert_int_equal(value->held, 1);
            assert_true(money_purse_look(&purse, world.now.wall_ns).committed > 0);
            assert_int_equal(purse.limit_nano_usd, (way->list[k]->own ? 50 : cases[i].teams_usd) * 1000000000);
        }
        struct attempt_charge charges[limit_path];
        assert_int_equal(attempt_charges(flight, 0, charges, limit_path), 2);
        assert_true(tag_is_some(&charges[0].value) && tag_is_some(&charges[1].value));
        flight_world_drop(&world, flight);
        for (size_t k = 0; k < 2; k++) {
            const struct money_budget *budget = world.config.snapshot->clients[0].money.list[k];
            struct spend_view view = money_budget_look(budget, world.now.wall_ns);
            assert_int_equal(view.committed, view.spent); /* nothing is reserved any more */
        }
        flight_world_end(&world);
    }
}

static void where_callers_are_trusted_their_words_count_for_all(void **state) {
    struct flight_world world;
    (void)state;
    flight_world_begin(&world, FILE_OF("trust_tags: true\n", "{usd: 50, window: day, per: 'tag:team'}"));
    struct flight *flight = ask(&world, BODY("\"user\":\"bob\","));
    const struct target *target = flight->choice.candidates[0].target;
    const struct money_budgets *way = &flight->client->money;
    for (size_t k = 0; k < 2; k++)
        assert_true(str_eq(values_said(flight, target, way->list[k]), way->list[k]->own ? STR("search") : STR("bob")));
    flight_world_drop(&world, flight);
    flight_world_end(&world);
}

/* What the first budget of this client's way splits by, where this is said. */
static void split_is(const char *budgets, bool trusted, const struct http_header *headers, size_t header_count,
                     const char *own, const char *name, const char *teams) {
    struct flight_world world;
    static char file[2000];
    struct text text = text_in_buffer(file, sizeof file);
    text_printf(&text, FILE_OF("%s", "%s"), trusted ? "trust_tags: true\n" : "end_user_header: X-User\n", budgets);
    text_put_byte(&text, 0);
    flight_world_begin(&world, file);
    struct client client = world.config.snapshot->clients[0];
    if (name) client.name = str_from(name);
    struct flight *flight = flight_world_ask_of(
        &world,
        (struct flight_request){
            .endpoint = endpoint_chat, .client = &client, .headers = headers, .header_count = header_count},
        BODY("\"user\":\"b/b\","));
    const struct target *target = flight->choice.candidates[0].target;
    for (size_t k = 0; k < client.money.count; k++) {
        struct str said = values_said(flight, target, client.money.list[k]);
        const char *wanted = client.money.list[k]->own ? own : teams;
        if (wanted && !str_eq(said, str_from(wanted))) fail_msg("%.*s is not %s", STR_ARG(said), wanted);
    }
    flight_world_drop(&world, flight);
    flight_world_end(&world);
}

static void each_way_to_split_has_its_word(void **state) {
    static const struct http_header tags = {STR("x-weir-tags"), STR("team=ads, run=7")},
                                    header = {STR("x-user"), STR("eve")};
    (void)state;
    split_is("{usd: 50, window: day, per: model}", false, NULL, 0, "m", NULL, NULL);
    split_is("{usd: 50, window: day, per: route}", false, NULL, 0, "m", NULL, NULL);
    split_is("{usd: 50, window: day, per: 'tag:team'}", false, &tags, 1, "search", NULL, NULL);
    split_is("{usd: 50, window: day, per: 'tag:team'}", true, &tags, 1, "search", NULL, NULL); /* its own come first */
    split_is("{usd: 50, window: day, per: 'tag:run'}", true, &tags, 1, "7", NULL, NULL);
    split_is("{usd: 50, window: day, per: 'tag:run'}", false, &tags, 1, "(none)", NULL, NULL); /* it is not trusted */
    split_is("{usd: 50, window: day, per: 'tag:other'}", true, &tags, 1, "(none)", NULL, NULL);
    split_is("{usd: 50, window: day}", false, NULL, 0, "", NULL, NULL);                           /* it is not split */
    split_is("{usd: 50, window: day, per: end_user}", false, &header, 1, "eve", NULL, "app/eve"); /* not the body's */
}

static void a_session_is_what_was_said_as_one(void **state) {
    static const struct {
        struct http_header headers[2];
        const char *own;
    } rows[] = {
        {{{STR("x-weir-session"), STR(" s1 ")}, {STR("session_id"), STR("agent")}}, "s1"},
        {{{STR("x-weir-session"), STR(" ")}, {STR("session_id"), STR(" agent")}}, "agent"},
        {{{STR("traceparent"), STR("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")}, {STR("x-a"), STR("b")}},
         "(none)"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        split_is("{usd: 50, window: day, per: session}", false, rows[i].headers, 2, rows[i].own, NULL, NULL);
}

/* The first `/` behind a client's name is where its callers' words begin: no subject of a token can move it. */
static void who_speaks_stands_in_front_and_cannot_be_forged(void **state) {
    static const struct {
        const char *name, *teams;
    } rows[] = {
        {"app", "app/b/b"},
        {"corp#50", "corp#50/b/b"},
        {"corp#a/b", "corp#a%2Fb/b/b"},
        {"corp#50%2F", "corp#50%252F/b/b"},
        {"te/am#s", "te%2Fam#s/b/b"},
        {"https://idp.example/x#a/b%", "https://idp.example/x#a%2Fb%25/b/b"},
        {"corp#a:b/c", "corp#a:b%2Fc/b/b"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        split_is("{usd: 50, window: day, per: model}", false, NULL, 0, "m", rows[i].name, rows[i].teams);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_end_user_is_found_wherever_it_is_said),
        cmocka_unit_test(where_callers_are_trusted_their_words_count_for_all),
        cmocka_unit_test(each_way_to_split_has_its_word),
        cmocka_unit_test(a_session_is_what_was_said_as_one),
        cmocka_unit_test(who_speaks_stands_in_front_and_cannot_be_forged),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
