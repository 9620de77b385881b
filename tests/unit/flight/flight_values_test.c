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

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_end_user_is_found_wherever_it_is_said),
        cmocka_unit_test(where_callers_are_trusted_their_words_count_for_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
