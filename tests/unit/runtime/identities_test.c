/* identities_test.c - those who show tokens: who they are, how many are kept, who makes room for whom, and up to when a
 * token that was verified is known. The clock is this test's; the keys are those of a file. */
#include "runtime/identities.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "runtime/weir_internal.h"
#include "tokens.h"

static char folder[64];
static struct weir *weir;
static struct snapshot *snapshot;
static struct known_tokens *tokens;
static struct arena arena;
static struct now now; /* the wall's is ten minutes before the tokens end */

static struct weir *opened(const char *more) {
    char config[2048];
    struct weir_error error;
    snprintf(config, sizeof config,
             "state_dir: ''\nworkers: 1\nresponses: {store: false}\nlisten: 127.0.0.1:0\n"
             "providers: {a: {type: openai, api_key: k, models: [m]}}\n"
             "clients: [{name: x, key_hash: '%064d'}, {name: y, key_hash: '%064d'}]\n"
             "templates: {own: {budgets: [{usd: 1, window: day, name: daily}], rate_limit_rpm: 60}}\n"
             "identity: [{issuer: 'https://issuer.test', jwks: %s/keys, audience: weir-tests, unknown: own, "
             "roles: {boss: admin}, max_identities: 2%s}]\n",
             1, 2, folder, more);
    struct weir_host host = weir_host_default;
    host.serves = true;
    const struct weir_options options = {.size = sizeof options, .config_text = config};
    struct weir *made = library_open_in(&options, &host, &error);
    if (!made) fail_msg("%s", error.message);
    return made;
}

static void keys_await(void) {
    snapshot = weir->deployment->snapshot;
    while (issuer_state(snapshot->issuers[0].keys, clock_read()) == issuer_awaited) usleep(1000);
}

static int begin(void **state) {
    (void)state;
    char path[128];
    str_copy(folder, sizeof folder, STR("/tmp/weir-identities-XXXXXX"));
    if (!hash_start() || !mkdtemp(folder)) return -1;
    snprintf(path, sizeof path, "%s/keys", folder);
    FILE *file = fopen(path, "w");
    if (!file || fputs("{\"keys\":[" TOKEN_KEY_1 "," TOKEN_KEY_2 "]}", file) < 0 || fclose(file) != 0) return -1;
    weir = opened("");
    keys_await();
    tokens = known_tokens_new();
    arena_init(&arena, 16 * 1024, 1024 * 1024);
    now = (struct now){.mono_ns = clock_read().mono_ns, .wall_ns = (token_ends_s - 600) * (int64_t)NS_PER_S};
    return 0;
}

static int end(void **state) {
    char command[160];
    (void)state;
    known_tokens_free(tokens);
    arena_free(&arena);
    weir_close(weir, 0);
    snprintf(command, sizeof command, "rm -r '%s'", folder);
    return system(command);
}

static enum jwt_answer asked(const char *token, struct identity_bound **bound) {
    return identity_ask(weir->identities, tokens, snapshot, str_from(token), now, &arena, bound);
}

/* Whoever is asked for and released at once. */
static void comes(const char *token, enum jwt_answer wanted) {
    struct identity_bound *bound;
    const enum jwt_answer is = asked(token, &bound);
    if (is != wanted) fail_msg("%.*s", STR_ARG(jwt_answer_name(is)));
    assert_int_equal(bound != NULL, is == jwt_good);
    if (bound) identity_release(bound);
}

static bool is_known(const char *token) {
    struct identity_bound *bound = known_tokens_find(tokens, snapshot, str_from(token), now);
    if (bound) identity_release(bound);
    return bound != NULL;
}

static void a_token_says_who_it_is_and_what_that_may_do(void **state) {
    struct identity_bound *ann, *boss, *again, *next;
    (void)state;
    assert_int_equal(asked(token_ann, &ann), jwt_good);
    const struct client *client = identity_client(ann);
    assert_true(str_eq(client->name, STR("https://issuer.test#ann")));
    assert_int_equal(client->role, role_user);
    assert_int_equal(client->money.count, 1);
    assert_int_equal(identities_count(weir->identities), 1);
    assert_int_equal(asked(token_ann_boss, &boss), jwt_good); /* the same subject, with another role */
    assert_int_equal(identity_client(boss)->role, role_admin);
    assert_ptr_equal(identity_client(boss)->money.list[0]->spend, client->money.list[0]->spend);
    assert_int_equal(asked(token_ann, &again), jwt_good);
    assert_ptr_equal(again, ann);
    assert_int_equal(asked(token_ann_next, &next), jwt_good); /* by another key */
    assert_ptr_equal(next, ann);
    assert_int_equal(identities_count(weir->identities), 1);
    identity_release(ann);
    identity_release(boss);
    identity_release(again);
    identity_release(next);
    comes(token_other, jwt_issuer);
    comes("eyJ.e.e", jwt_malformed);
}

static void a_token_is_known_until_it_has_expired_and_under_its_configuration_alone(void **state) {
    char cut[512];
    (void)state;
    assert_false(is_known(token_ann));
    comes(token_ann, jwt_good);
    assert_true(is_known(token_ann));
    assert_false(is_known(token_bob) || is_known(token_ann_boss));
    str_copy(cut, sizeof cut, str_slice(str_from(token_ann), 0, strlen(token_ann) - 1));
    assert_false(is_known(cut));
    const struct now begun = now;
    now.wall_ns = (token_ends_s + 60) * (int64_t)NS_PER_S - 1; /* some clocks are a minute off */
    assert_true(is_known(token_ann));
    comes(token_ann, jwt_good);
    now.wall_ns++;
    assert_false(is_known(token_ann));
    comes(token_ann, jwt_expired);
    now = begun;
    now.mono_ns = begun.mono_ns + 86401 * NS_PER_S; /* the keys serve no longer */
    assert_false(is_known(token_ann));
    comes(token_ann, jwt_keys_gone);
    now = begun;
    assert_true(is_known(token_ann));
    snapshot->generation++;
    assert_false(is_known(token_ann));
    comes(token_ann, jwt_good);
    assert_true(is_known(token_ann));
    snapshot->generation--;
    assert_false(is_known(token_ann));
    assert_null(known_tokens_find(NULL, snapshot, str_from(token_ann), now));
}

static void those_at_rest_make_room_and_those_that_are_used_do_not(void **state) {
    struct identity_bound *ann, *bob;
    (void)state;
    assert_int_equal(asked(token_ann, &ann), jwt_good);
    assert_int_equal(asked(token_bob, &bob), jwt_good);
    comes(token_cid, jwt_too_many);
    assert_int_equal(identities_count(weir->identities), 2);
    identity_release(ann);
    comes(token_cid, jwt_good); /* in ann's place */
    assert_int_equal(identities_count(weir->identities), 2);
    assert_true(is_known(token_bob) && is_known(token_cid) && !is_known(token_ann));
    comes(token_ann, jwt_good); /* in cid's */
    assert_false(is_known(token_cid));
    identity_release(bob);
}

/* The table grows with its second and its third. */
static void each_is_found_where_there_are_many(void **state) {
    static const char *const shown[] = {token_ann, token_bob, token_cid};
    struct identity_bound *bounds[3], *again;
    (void)state;
    weir_close(weir, 0);
    weir = opened("0");
    keys_await();
    for (size_t i = 0; i < 3; i++) assert_int_equal(asked(shown[i], &bounds[i]), jwt_good);
    assert_int_equal(identities_count(weir->identities), 3);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(asked(shown[i], &again), jwt_good);
        assert_ptr_equal(again, bounds[i]);
        identity_release(again);
        identity_release(bounds[i]);
    }
    assert_int_equal(identities_count(weir->identities), 3);
}

/* Who was given something, or of whose rate or memory something is taken. */
static void whoever_is_not_at_rest_keeps_its_place(void **state) {
    struct identity_bound *ann, *bob;
    (void)state;
    assert_int_equal(asked(token_bob, &bob), jwt_good);
    assert_int_equal(asked(token_ann, &ann), jwt_good);
    const struct client *client = identity_client(ann);
    const struct money_budget *budget = client->money.list[0];
    identity_release(ann);
    cell_store(&budget->extras[0].until_s, (uint64_t)(now.wall_ns / (int64_t)NS_PER_S) + 1);
    comes(token_cid, jwt_too_many);
    cell_store(&budget->extras[0].until_s, 0);
    struct cell *const rates[] = {&client->cells->requests_minute, &client->cells->requests_hour,
                                  &client->cells->tokens_minute};
    for (size_t i = 0; i < sizeof rates / sizeof *rates; i++) {
        cell_store(rates[i], now.mono_ns + 1);
        comes(token_cid, jwt_too_many);
        cell_store(rates[i], i ? now.mono_ns : 0);
    }
    atomic_store(&client->cells->memory.taken, 1);
    comes(token_cid, jwt_too_many);
    atomic_store(&client->cells->memory.taken, 0);
    comes(token_cid, jwt_good);
    identity_release(bob);
}

/* Of a day: it is over 26 hours after it began, wherever one is. */
static void whoever_has_spent_keeps_its_place_while_the_window_may_be_open(void **state) {
    static const struct {
        int64_t ago_s, spent;
        enum jwt_answer answer;
    } rows[] = {{36 * 3600, 1, jwt_good}, {0, 1, jwt_too_many}};
    struct identity_bound *ann, *bob;
    (void)state;
    assert_int_equal(asked(token_bob, &bob), jwt_good);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const int64_t then = now.wall_ns - rows[i].ago_s * (int64_t)NS_PER_S;
        assert_int_equal(asked(token_ann, &ann), jwt_good);
        const struct money_budget *budget = identity_client(ann)->money.list[0];
        const uint64_t window = money_budget_enter(budget, then);
        money_budget_settle(budget, window, 0, rows[i].spent);
        identity_release(ann);
        comes(token_cid, rows[i].answer);
    }
    identity_release(bob);
}

static void name_put(void *context, const struct client *client) {
    text_printf(context, "%.*s ", STR_ARG(str_slice(client->name, 20, client->name.len)));
}

static bool each_is(size_t most, size_t wanted) {
    char room[256] = "";
    struct text text = text_in_buffer(room, sizeof room - 1);
    const size_t told = identities_each(weir->identities, snapshot, most, name_put, &text);
    size_t names = 0;
    for (size_t i = 0; i < text.len; i++) names += room[i] == ' ';
    if (wanted == 2 && (!strstr(room, "ann ") || !strstr(room, "bob "))) return false;
    return told == wanted && names == wanted;
}

static void those_that_are_kept_are_told_up_to_so_many_and_leave_nothing_held(void **state) {
    (void)state;
    assert_true(each_is(10, 0));
    comes(token_ann, jwt_good);
    comes(token_bob, jwt_good);
    assert_true(each_is(10, 2) && each_is(2, 2) && each_is(1, 1) && each_is(0, 0));
    snapshot->generation++; /* they have not come since: what they may do now is made */
    assert_true(each_is(10, 2));
    snapshot->generation--;
    comes(token_cid, jwt_good); /* none of them is in use */
}

#define IDENTITIES_X "{\"name\":\"x\",\"from\":\"file\",\"role\":\"user\",\"state\":\"active\",\"edited\":false}"
#define IDENTITIES_Y "{\"name\":\"y\",\"from\":\"file\",\"role\":\"user\",\"state\":\"active\",\"edited\":false}"
#define IDENTITIES_ANN                                                                              \
    "{\"name\":\"https://issuer.test#ann\",\"from\":\"token\",\"identity\":true,\"role\":\"user\"," \
    "\"state\":\"active\"}"

/* They stand behind the last of those with keys, on the last page alone. */
static void those_with_tokens_are_listed_behind_all_others(void **state) {
    static const struct {
        const char *after;
        size_t most;
        const char *told;
    } rows[] = {
        {"", 1, "{\"clients\":[" IDENTITIES_X "],\"identities\":1,\"next\":\"x\",\"total\":2}"},
        {"", 2, "{\"clients\":[" IDENTITIES_X "," IDENTITIES_Y "," IDENTITIES_ANN "],\"identities\":1,\"total\":2}"},
        {"", 3, "{\"clients\":[" IDENTITIES_X "," IDENTITIES_Y "," IDENTITIES_ANN "],\"identities\":1,\"total\":2}"},
        {"x", 1, "{\"clients\":[" IDENTITIES_Y "," IDENTITIES_ANN "],\"identities\":1,\"total\":2}"},
        {"y", 1, "{\"clients\":[" IDENTITIES_ANN "],\"identities\":1,\"total\":2}"},
        {"y", 0, "{\"clients\":[" IDENTITIES_ANN "],\"identities\":1,\"total\":2}"},
        {"", 0, "{\"clients\":[],\"identities\":1,\"next\":\"\",\"total\":2}"},
    };
    struct weir_error error;
    (void)state;
    comes(token_ann, jwt_good);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char *told = library_clients(weir, str_from(rows[i].after), rows[i].most, &error);
        if (!told || strcmp(told, rows[i].told) != 0) fail_msg("row %zu: %s", i, told);
        weir_free(told);
    }
    assert_null(library_clients(weir, STR("z"), 1, &error));
    assert_string_equal(error.code, "unknown_client");
}

/* What a ledger tells late counts for whoever is there, beside what it has spent since, and once. */
static void what_was_spent_before_counts_when_it_is_known(void **state) {
    struct identity_bound *held;
    (void)state;
    comes(token_ann, jwt_good);
    const struct money_budget *budget =
        identities_budget(weir->identities, snapshot, STR("client https://issuer.test#ann"), STR("daily"), &held);
    assert_non_null(budget);
    const int64_t wall_ns = clock_read().wall_ns;
    const uint64_t window = money_budget_enter(budget, wall_ns);
    money_budget_settle(budget, window, 0, 300);
    struct ledger_value rows[3] = {{.of = {budget->identity + 2, (int64_t)window}, .nano_usd = 7},
                                   {.of = {budget->identity + 1, (int64_t)window}, .nano_usd = 70},
                                   {.of = {budget->identity, (int64_t)window}, .nano_usd = 1000}};
    library_clients_spent_late(weir, rows, 3);
    library_clients_spent_late(weir, rows, 0);
    if (money_budget_window(budget, clock_read().wall_ns).start_s == (int64_t)window) /* the day has not ended */
        assert_int_equal(money_budget_look(budget, wall_ns).spent, 1300);
    identity_release(held);
}

static void the_budget_of_one_is_found_by_its_names(void **state) {
    static const char *const rows[][2] = {{"client https://issuer.test#bob", "daily"},
                                          {"client https://issuer.test#ann", "daily2"},
                                          {"client https://issuer.test#an", "daily"},
                                          {"clients https://issuer.test#ann", "daily"},
                                          {"", "daily"}};
    struct identity_bound *held;
    (void)state;
    comes(token_ann, jwt_good);
    const struct money_budget *budget =
        identities_budget(weir->identities, snapshot, STR("client https://issuer.test#ann"), STR("daily"), &held);
    assert_true(budget && held && str_eq(budget->name, STR("daily")));
    assert_int_equal(money_budget_limit(budget, now.wall_ns), 1000000000);
    identity_release(held);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_null(identities_budget(weir->identities, snapshot, str_from(rows[i][0]), str_from(rows[i][1]), &held));
        assert_null(held);
    }
    assert_null(identities_budget(NULL, snapshot, STR("client x"), STR("daily"), &held));
}

/* More than are kept for one subject: the newest four of what it may do. */
static void what_it_may_do_is_kept_for_the_newest_configurations(void **state) {
    struct identity_bound *bounds[6], *again;
    (void)state;
    for (size_t i = 0; i < 6; i++) {
        assert_int_equal(asked(token_ann, &bounds[i]), jwt_good);
        snapshot->generation++;
    }
    for (size_t i = 6; i-- > 0;) {
        snapshot->generation--;
        if (i < 2) continue;
        assert_int_equal(asked(token_ann, &again), jwt_good);
        assert_ptr_equal(again, bounds[i]);
        identity_release(again);
    }
    snapshot->generation++; /* of the second one: it is made anew */
    assert_int_equal(asked(token_ann, &again), jwt_good);
    assert_ptr_not_equal(again, bounds[1]);
    identity_release(again);
    snapshot->generation--;
    for (size_t i = 0; i < 6; i++) identity_release(bounds[i]);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_token_says_who_it_is_and_what_that_may_do, begin, end),
        cmocka_unit_test_setup_teardown(a_token_is_known_until_it_has_expired_and_under_its_configuration_alone, begin,
                                        end),
        cmocka_unit_test_setup_teardown(those_at_rest_make_room_and_those_that_are_used_do_not, begin, end),
        cmocka_unit_test_setup_teardown(each_is_found_where_there_are_many, begin, end),
        cmocka_unit_test_setup_teardown(whoever_is_not_at_rest_keeps_its_place, begin, end),
        cmocka_unit_test_setup_teardown(whoever_has_spent_keeps_its_place_while_the_window_may_be_open, begin, end),
        cmocka_unit_test_setup_teardown(those_that_are_kept_are_told_up_to_so_many_and_leave_nothing_held, begin, end),
        cmocka_unit_test_setup_teardown(those_with_tokens_are_listed_behind_all_others, begin, end),
        cmocka_unit_test_setup_teardown(what_was_spent_before_counts_when_it_is_known, begin, end),
        cmocka_unit_test_setup_teardown(the_budget_of_one_is_found_by_its_names, begin, end),
        cmocka_unit_test_setup_teardown(what_it_may_do_is_kept_for_the_newest_configurations, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
