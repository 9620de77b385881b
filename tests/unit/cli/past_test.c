/* past_test.c - weir usage recost, replay, export and purge on a state folder with a few attempts: all that they show.
 */
#include "cli/cli.h"
#include "cli/past.h"

#include <stdlib.h>

#include "../told.h"
#include "runtime/past_price.h"
#include "../folder_remove.h"
#include "said.h"
#include "store/ledger.h"
#include "store/ledger_recost.h"

static char folder[64], config[96];

static void file_write(const char *text) {
    FILE *file = fopen(config, "w");
    assert_non_null(file);
    fprintf(file, "%s", text);
    fclose(file);
}

/* Ten days of November before its 22nd; costs: by the prices of then. */
static struct record attempt(uint64_t sequence, const char *provider, const char *client, int64_t cost) {
    struct record record = {.sequence = sequence,
                            .texts = {[record_request_id] = STR("req_1"),
                                      [record_endpoint] = STR("chat"),
                                      [record_outcome] = STR("ok"),
                                      [record_provider] = str_from(provider),
                                      [record_model] = STR("m"),
                                      [record_client] = str_from(client)}};
    for (size_t i = 0; i < record_numbers; i++) record.numbers[i] = -1;
    record.numbers[record_time_ms] = INT64_C(1794268800000); /* 2026-11-10 */
    record.numbers[record_attempt] = 0;
    record.numbers[record_flags] = record_succeeded;
    record.numbers[record_input_tokens] = 1000000;
    record.numbers[record_output_tokens] = 100000;
    record.numbers[record_duration_us] = 1000;
    record.numbers[record_cost_nano_usd] = cost;
    return record;
}

static int begin(void **state) {
    static const struct journal_source source = {0xfedcba9876543210u, 1};
    char place[128], problem[512] = "";
    (void)state;
    snprintf(folder, sizeof folder, "/tmp/weir-past-XXXXXX");
    if (!hash_start() || !mkdtemp(folder)) return -1;
    unsetenv("WEIR_STATE_DIR");
    snprintf(config, sizeof config, "%s/weir.yaml", folder);
    snprintf(place, sizeof place, "%s/ledger.db", folder);
    struct ledger *ledger = ledger_open(place, problem, sizeof problem);
    if (!ledger) fail_msg("%s", problem);
    /* By today's prices 3 USD each at `a`: the first cost so much, the second less, the third had no price. */
    const struct record records[] = {attempt(1, "a", "app", INT64_C(3000000000)), attempt(2, "a", "app", 1000000000),
                                     attempt(3, "a", "other", -1), attempt(4, "gone", "app", 500000000),
                                     attempt(5, "b", "app", INT64_C(70000000))};
    assert_true(ledger_begin(ledger));
    for (size_t i = 0; i < sizeof records / sizeof *records; i++) assert_true(ledger_add(ledger, source, &records[i]));
    assert_true(ledger_commit(ledger));
    ledger_close(ledger);
    file_write(
        "providers:\n"
        "  a: {type: openai, api_key: k, base_url: 'http://127.0.0.1:9/v1', models: [m],\n"
        "      prices: {m: {input: 2, output: 10}}}\n"
        "  b: {type: openai, api_key: k, base_url: 'http://127.0.0.1:9/v1', models: [n]}\n"
        "clients: [{name: app, key_hash: 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa'}]\n");
    return 0;
}

static int end(void **state) {
    (void)state;
    return folder_remove(folder);
}

static struct said out, err;

/* Runs it over the month, with these words more; answers its status. */
static int run(int (*command)(int argc, char **argv), const char *name, const char *const *more) {
    const char *argv[16] = {name, "--config", config, "--state-dir", folder};
    int argc = 5;
    while (*more) argv[argc++] = *more++;
    said_begin(&out, stdout);
    said_begin(&err, stderr);
    int status = command(argc, (char **)argv);
    said_end(&err);
    said_end(&out);
    return status;
}

#define MONTH "--since", "2026-11-01", "--until", "2026-11-20"
#define MORE(...) \
    (const char *const[]) { __VA_ARGS__, NULL }

/* The catalogue's day and the hash of prices, which are others at each catalogue: `*`. */
static void price_mask(char *text) {
    static const char *const members[] = {"\"catalog\":\"", "\"price\":\""};
    for (size_t i = 0; i < sizeof members / sizeof *members; i++)
        for (char *at = text; (at = strstr(at, members[i]));) {
            at += strlen(members[i]);
            char *quote = strchr(at, '"');
            assert_true(quote > at);
            *at = '*';
            memmove(at + 1, quote, strlen(quote) + 1);
        }
    char *at = strstr(text, "recosted USD  price\n"), *row = at ? strstr(at, "\na ") : NULL;
    char *line_end = row ? strchr(row + 1, '\n') : NULL, *price = line_end;
    if (!row) return;
    while (price[-1] != ' ' || price[-2] != ' ') price--;
    assert_true(line_end - price > 10);
    *price = '*';
    memmove(price + 1, line_end, strlen(line_end) + 1);
}

static void assert_shown(const char *wanted) {
    price_mask(out.text);
    if (strcmp(out.text, wanted) != 0) fail_msg("%s", out.text);
    assert_string_equal(err.text, "");
}

#define RECOST_TABLE(written)                                                                                        \
    "provider             model                                  attempts    changed              USD     recosted " \
    "USD"                                                                                                            \
    "  price\n"                                                                                                      \
    "a                    m                                             3          2      4.000000000      "         \
    "9.000000000"                                                                                                    \
    "  *\n"                                                                                                          \
    "5 attempts: 3 priced, 2 of them otherwise than then (these: 1.000000000 USD then, 6.000000000 now), 1 for the " \
    "first time; " written "\n"                                                                                      \
    "not priced:\n"                                                                                                  \
    "  gone/m, 1 attempt: the configuration has no such provider\n"                                                  \
    "  b/m, 1 attempt: neither the configuration nor the catalogue has a price of it\n"

static void attempts_are_priced_anew_and_kept_once(void **state) {
    (void)state;
    assert_int_equal(run(cli_recost, "usage recost", MORE(MONTH, "--dry-run")), 0);
    assert_shown(RECOST_TABLE("2 would be written"));
    assert_int_equal(run(cli_recost, "usage recost", MORE(MONTH, "--dry-run", "--json")), 0);
    assert_shown(
        "{\"since_ms\":1793491200000,\"until_ms\":1795132800000,\"catalog\":\"*\",\"attempts\":5,\"priced\":3,"
        "\"changed\":2,\"newly_priced\":1,\"written\":0,\"changed_cost_usd\":\"1.000000000\",\"changed_recosted_usd\":"
        "\"6.000000000\",\"models\":[{\"provider\":\"a\",\"model\":\"m\",\"attempts\":3,\"changed\":2,\"cost_usd\":\"4."
        "000000000\",\"recosted_usd\":\"9.000000000\",\"price\":\"*\"},{\"provider\":\"gone\",\"model\":\"m\","
        "\"attempts\":1,\"changed\":0,\"cost_usd\":\"0.500000000\",\"recosted_usd\":\"0.000000000\",\"price\":\"*\","
        "\"no_provider\":1},{\"provider\":\"b\",\"model\":\"m\",\"attempts\":1,\"changed\":0,\"cost_usd\":\"0."
        "070000000\",\"recosted_usd\":\"0.000000000\",\"price\":\"*\",\"no_price\":1}]}\n");
}

/* More than are looked at: it fails, and says so. */
static void too_many_models_are_a_failure(void **state) {
    static const struct journal_source source = {0xfedcba9876543210u, 2};
    char place[128], problem[512] = "", model[32];
    (void)state;
    snprintf(place, sizeof place, "%s/ledger.db", folder);
    struct ledger *ledger = ledger_open(place, problem, sizeof problem);
    assert_non_null(ledger);
    assert_true(ledger_begin(ledger));
    for (uint64_t i = 1; i <= past_targets_max; i++) {
        struct record record = attempt(i, "a", "app", 1);
        snprintf(model, sizeof model, "m%u", (unsigned)i);
        record.texts[record_model] = str_from(model);
        assert_true(ledger_add(ledger, source, &record));
    }
    assert_true(ledger_commit(ledger));
    ledger_close(ledger);
    assert_int_not_equal(run(cli_recost, "usage recost", MORE(MONTH)), 0);
    assert_string_equal(err.text,
                        "weir: there are more models in that time than can be looked at: take a shorter one\n");
    assert_string_equal(out.text, "");
    assert_int_equal(run(cli_replay, "usage replay", MORE(MONTH)), 1);
    assert_string_equal(err.text, "weir: there is no memory for so many names: take a shorter time\n");
    assert_string_equal(out.text, "");
}

static void what_was_kept_is_not_written_again(void **state) {
    (void)state;
    assert_int_equal(run(cli_recost, "usage recost", MORE(MONTH)), 0);
    assert_shown(RECOST_TABLE("2 written"));
    assert_int_equal(run(cli_recost, "usage recost", MORE(MONTH)), 0);
    assert_shown(RECOST_TABLE("0 written"));
    assert_int_equal(run(cli_recost, "usage recost", MORE("--since", "2026-11-11", "--until", "2026-11-20")), 0);
    assert_shown("0 attempts: 0 priced, 0 of them otherwise than then, 0 for the first time; 0 written\n");
}

static void requests_are_shown_as_another_configuration_would_have_had_them(void **state) {
    (void)state;
    assert_int_equal(run(cli_replay, "usage replay", MORE(MONTH)), 0);
    assert_shown(
        "provider                                       attempts                USD     replayed                USD\n"
        "a                                                     3        4.000000000            3        9.000000000\n"
        "gone                                                  1        0.500000000            1        0.000000000\n"
        "b                                                     1        0.070000000            1        0.000000000\n"
        "\n"
        "model                                          attempts                USD     replayed                USD\n"
        "a/m                                                   3        4.000000000            3        9.000000000\n"
        "gone/m                                                1        0.500000000            1        0.000000000\n"
        "b/m                                                   1        0.070000000            1        0.000000000\n"
        "\n"
        "client                                         attempts                USD     replayed                USD\n"
        "app                                                   4        4.570000000            4        6.000000000\n"
        "other                                                 1        0.000000000            1        3.000000000\n"
        "\n"
        "total                                                 5        4.570000000            5        9.000000000\n"
        "\n"
        "5 requests; 0 attempts would have gone to another model, 0 been refused\n"
        "without a price: 1 then, 2 replayed\n"
        "5 stay where they were: what they asked for is not known well enough\n"
        "Tokens, times and failures are as they were; limits and budgets as if nothing were spent.\n");
}

static void requests_are_told_as_json(void **state) {
    (void)state;
    assert_int_equal(run(cli_replay, "usage replay", MORE(MONTH, "--json")), 0);
    assert_shown(
        "{\"since_ms\":1793491200000,\"until_ms\":1795132800000,\"requests\":5,\"moved\":0,\"refused\":0,\"unrouted\":"
        "5,\"unknown_clients\":0,\"unpriced\":1,\"replayed_unpriced\":2,\"shown_as_priority\":\"\",\"provider\":[{"
        "\"name\":\"a\",\"attempts\":3,\"cost_usd\":\"4.000000000\",\"replayed_attempts\":3,\"replayed_usd\":\"9."
        "000000000\"},{\"name\":\"gone\",\"attempts\":1,\"cost_usd\":\"0.500000000\",\"replayed_attempts\":1,"
        "\"replayed_usd\":\"0.000000000\"},{\"name\":\"b\",\"attempts\":1,\"cost_usd\":\"0.070000000\",\"replayed_"
        "attempts\":1,\"replayed_usd\":\"0.000000000\"}],\"model\":[{\"name\":\"a/"
        "m\",\"attempts\":3,\"cost_usd\":\"4.000000000\",\"replayed_attempts\":3,\"replayed_usd\":\"9.000000000\"},{"
        "\"name\":\"gone/"
        "m\",\"attempts\":1,\"cost_usd\":\"0.500000000\",\"replayed_attempts\":1,\"replayed_usd\":\"0.000000000\"},{"
        "\"name\":\"b/"
        "m\",\"attempts\":1,\"cost_usd\":\"0.070000000\",\"replayed_attempts\":1,\"replayed_usd\":\"0.000000000\"}],"
        "\"client\":[{\"name\":\"app\",\"attempts\":4,\"cost_usd\":\"4.570000000\",\"replayed_attempts\":4,\"replayed_"
        "usd\":\"6.000000000\"},{\"name\":\"other\",\"attempts\":1,\"cost_usd\":\"0.000000000\",\"replayed_attempts\":"
        "1,\"replayed_usd\":\"3.000000000\"}],\"total\":{\"attempts\":5,\"cost_usd\":\"4.570000000\",\"replayed_"
        "attempts\":5,\"replayed_usd\":\"9.000000000\"}}\n");
}

/* What is known of it well enough goes where it would go now. */
static struct record past_asked(uint64_t sequence, const char *asked, const char *route, const char *client) {
    static char ids[16][16];
    struct record record = attempt(sequence, "a", client, INT64_C(3000000000));
    snprintf(ids[sequence % 16], sizeof ids[0], "req_%u", (unsigned)sequence);
    record.texts[record_request_id] = str_from(ids[sequence % 16]);
    record.texts[record_route] = str_from(route);
    record.words[record_asked].text = str_from(asked);
    record.numbers[record_prompt_tokens] = 1000000;
    record.numbers[record_output_cap] = 100000;
    return record;
}

static struct ledger *past_ledger(void) {
    char place[128], problem[512] = "";
    snprintf(place, sizeof place, "%s/ledger.db", folder);
    struct ledger *ledger = ledger_open(place, problem, sizeof problem);
    assert_non_null(ledger);
    return ledger;
}

static void what_is_routed_otherwise_now_is_shown_at_its_new_place(void **state) {
    static const struct journal_source source = {0xfedcba9876543210u, 3};
    struct ledger *ledger = past_ledger();
    (void)state;
    struct record again = past_asked(16, "r", "r", "app"), hedge = past_asked(16, "r", "r", "app");
    again.sequence = 26, again.numbers[record_attempt] = 1, again.numbers[record_flags] |= record_failover;
    hedge.sequence = 27, hedge.numbers[record_attempt] = 2;
    const struct record records[] = {past_asked(11, "m", "m", "app"),
                                     past_asked(12, "r", "r", "app"),
                                     past_asked(13, "none", "none", "app"),
                                     past_asked(14, "no", "no", "stranger"),
                                     past_asked(15, "(unknown)", "r", "app"),
                                     past_asked(16, "r", "r", "app"),
                                     again,
                                     hedge,
                                     past_asked(17, "", "", "")};
    assert_true(ledger_begin(ledger));
    for (size_t i = 0; i < sizeof records / sizeof *records; i++) assert_true(ledger_add(ledger, source, &records[i]));
    assert_true(ledger_commit(ledger));
    ledger_close(ledger);
    file_write(
        "providers:\n"
        "  a: {type: openai, api_key: k, base_url: 'http://127.0.0.1:9/v1', models: [m], priority: 1,\n"
        "      prices: {m: {input: 2, output: 10}}}\n"
        "  b: {type: openai, api_key: k, base_url: 'http://127.0.0.1:9/v1', models: [n], priority: 2,\n"
        "      prices: {n: {input: 1, output: 5}}}\n"
        "routes: [{model: r, strategy: priority, targets: [b/n, a/m]}]\n"
        "clients: [{name: app, key_hash: 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa'}]\n");
    assert_int_equal(run(cli_replay, "usage replay", MORE(MONTH)), 0);
    static struct text told;
    struct arena arena;
    arena_init(&arena, 16 * 1024, 1024 * 1024);
    told = text_in_arena(&arena, 8 * 1024);
    text_put(&told, str_from(out.text));
    assert_string_equal(err.text, "");
    assert_int_equal(run(cli_replay, "usage replay", MORE(MONTH, "--json")), 0);
    text_put(&told, str_from(out.text));
    told_compare("cli_replay", &told);
    arena_free(&arena);
}

/* More rows than go at once: all of them are written, each to its own. */
static void as_many_as_there_are_are_priced_anew(void **state) {
    static const struct journal_source source = {0xfedcba9876543210u, 4};
    struct ledger *ledger = past_ledger();
    (void)state;
    assert_true(ledger_begin(ledger));
    for (uint64_t i = 1; i <= 2 * (uint64_t)recosted_rows_max + 7; i++) {
        const struct record record = attempt(i, "a", "app", 1000000000);
        assert_true(ledger_add(ledger, source, &record));
    }
    assert_true(ledger_commit(ledger));
    ledger_close(ledger);
    assert_int_equal(run(cli_recost, "usage recost", MORE(MONTH)), 0);
    assert_non_null(strstr(out.text, "; 2009 written\n"));
    assert_int_equal(run(cli_recost, "usage recost", MORE(MONTH)), 0);
    assert_non_null(strstr(out.text, "; 0 written\n"));
}

static void a_folder_without_a_ledger_and_a_time_that_is_none_are_said(void **state) {
    char command[96];
    (void)state;
    assert_int_equal(run(cli_recost, "usage recost", MORE("--since", "soon")), 2);
    assert_memory_equal(err.text, "weir: ", 6);
    assert_non_null(strstr(err.text, "--since"));
    assert_int_equal(run(cli_recost, "usage recost", MORE("--until", "1d")), 2);
    assert_memory_equal(err.text, "usage: weir usage recost --since TIME", 37);
    snprintf(command, sizeof command, "rm '%s'/ledger.db*", folder);
    assert_int_equal(system(command), 0);
    assert_int_equal(run(cli_recost, "usage recost", MORE(MONTH)), 2);
    assert_non_null(strstr(err.text, "/ledger.db: there is no ledger: name its state folder by --state-dir\n"));
    assert_int_equal(run(cli_replay, "usage replay", MORE(MONTH)), 2);
    assert_non_null(strstr(err.text, "/ledger.db: there is no ledger: name its state folder by --state-dir\n"));
    assert_int_equal(run(cli_erase, "usage purge", MORE("--client", "app")), 1);
    assert_memory_equal(err.text, "weir usage purge: ", 18);
    assert_non_null(strstr(err.text, "/ledger.db: there is no ledger\n"));
}

static void a_purge_tells_what_it_has_taken_from_whom(void **state) {
    (void)state;
    assert_int_equal(run(cli_erase, "usage purge", MORE("--client", "app")), 0);
    char *name = strstr(out.text, "(erased "), *behind = name ? strchr(name, ')') : NULL;
    assert_true(behind && behind - name == 8 + 16); /* of its own */
    memmove(name + 8, behind, strlen(behind) + 1);
    assert_shown("purged: now of `(erased )`: 4 attempts and 3 sums of hours; gone: 0 stored responses and turns\n"
                 "not covered: backups, logs that were written, and what a running gateway still remembers for `weir "
                 "explain` and of cached answers (POST /admin/v1/purge takes that too)\n");
    assert_int_equal(run(cli_erase, "usage purge", MORE("--client", "nobody", "--json")), 0);
    assert_string_equal(err.text, "weir: nothing was kept of the client `nobody`: is the name written as the "
                                  "configuration has it?\n");
    assert_int_equal(run(cli_erase, "usage export", MORE("--client", "")), 2);
    assert_int_equal(run(cli_erase, "usage export", MORE("--client", "a", "--owner", "b")), 2);
}

static void an_export_is_a_line_for_each_thing(void **state) {
    size_t lines = 0;
    (void)state;
    assert_int_equal(run(cli_erase, "usage export", MORE("--client", "other")), 0);
    for (const char *at = out.text; (at = strchr(at, '\n')); at++) lines++;
    assert_true(lines >= 1);
    assert_non_null(strstr(out.text, "\"other\""));
    assert_null(strstr(out.text, "\"app\""));
    assert_string_equal(err.text, "");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(attempts_are_priced_anew_and_kept_once, begin, end),
        cmocka_unit_test_setup_teardown(too_many_models_are_a_failure, begin, end),
        cmocka_unit_test_setup_teardown(what_was_kept_is_not_written_again, begin, end),
        cmocka_unit_test_setup_teardown(requests_are_shown_as_another_configuration_would_have_had_them, begin, end),
        cmocka_unit_test_setup_teardown(requests_are_told_as_json, begin, end),
        cmocka_unit_test_setup_teardown(what_is_routed_otherwise_now_is_shown_at_its_new_place, begin, end),
        cmocka_unit_test_setup_teardown(as_many_as_there_are_are_priced_anew, begin, end),
        cmocka_unit_test_setup_teardown(a_folder_without_a_ledger_and_a_time_that_is_none_are_said, begin, end),
        cmocka_unit_test_setup_teardown(a_purge_tells_what_it_has_taken_from_whom, begin, end),
        cmocka_unit_test_setup_teardown(an_export_is_a_line_for_each_thing, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
