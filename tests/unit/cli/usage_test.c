/* usage_test.c - weir usage: the path that its options make, and each of its three tables, whole. */
#include "far.h"

#define ASKS(query) "GET /admin/v1/usage?by=" query

static void each_option_is_a_part_of_the_question(void **state) {
    static const struct far_row rows[] = {
        {.argv = {"usage"}, .asks = ASKS("provider"), .out = "{}\n"},
        {.argv = {"usage", "--by", "model,day"}, .asks = ASKS("model%2Cday"), .out = "{}\n"},
        {.argv = {"usage", "--since", "7d"}, .asks = ASKS("provider&since=7d"), .out = "{}\n"},
        {.argv = {"usage", "--until", "1d"}, .asks = ASKS("provider&until=1d"), .out = "{}\n"},
        {.argv = {"usage", "--limit", "3"}, .asks = ASKS("provider&limit=3"), .out = "{}\n"},
        {.argv = {"usage", "--provider", "a"}, .asks = ASKS("provider&provider=a"), .out = "{}\n"},
        {.argv = {"usage", "--model", "a"}, .asks = ASKS("provider&model=a"), .out = "{}\n"},
        {.argv = {"usage", "--client", "a"}, .asks = ASKS("provider&client=a"), .out = "{}\n"},
        {.argv = {"usage", "--route", "a"}, .asks = ASKS("provider&route=a"), .out = "{}\n"},
        {.argv = {"usage", "--owner", "a"}, .asks = ASKS("provider&owner=a"), .out = "{}\n"},
        {.argv = {"usage", "--rule", "a"}, .asks = ASKS("provider&rule=a"), .out = "{}\n"},
        {.argv = {"usage", "--asked", "a"}, .asks = ASKS("provider&asked=a"), .out = "{}\n"},
        {.argv = {"usage", "--tag", "k=v"}, .asks = ASKS("provider&tag=k%3Dv"), .out = "{}\n"},
        {.argv = {"usage", "--session", "s 1"}, .asks = ASKS("provider&session=s%201"), .out = "{}\n"},
        {.argv = {"usage", "--compare"}, .asks = ASKS("provider&compare=true"), .out = "{}\n"},
        {.argv = {"usage", "--recosted"}, .asks = ASKS("provider&recosted=true"), .out = "{}\n"},
        {.argv = {"usage", "--csv"}, .asks = ASKS("provider&format=csv"), .body = "a,b\n", .out = "a,b\n"},
        {.argv = {"usage", "--forecast", "--json"}, .asks = "GET /admin/v1/budgets", .terminal = true, .out = "{}\n"},
    };
    (void)state;
    far_rows_check(rows, sizeof rows / sizeof *rows, cli_usage_command);
}

#define ROW(keys, cost, more)       \
    "{" keys "\"cost_usd\":\"" cost \
    "\",\"requests\":12,\"errors\":3,\"input_tokens\":400,\"output_tokens\":50,\"latency_ms\":{\"p95\":67.6}" more "}"
#define TABLE(rows, total) "{\"rows\":[" rows "],\"total\":" total "}"

static void what_was_spent_is_a_table_whose_bars_are_shares_of_the_dearest(void **state) {
    static const struct far_row rows[] = {
        {.argv = {"usage"},
         .asks = ASKS("provider"),
         .terminal = true,
         .body = TABLE(ROW("\"provider\":\"one\",\"model\":\"m\",", "2.000000000", "") "," /**/
                       ROW("\"provider\":\"\",\"model\":\"n\",", "0.500000000", "") ","    /**/
                       ROW("\"provider\":\"three\",\"model\":\"o\",", "0.050000000", ""),
                       ROW("", "2.550000000", "")),
         .out =
             "provider                 model                     requests  errors    tokens in  cached   tokens out    "
             "     "
             "   USD          p95\n"
             "one                      m                               12       3          400    0.0%           50    "
             "2.000000000        68 ms  ####################\n"
             "-                        n                               12       3          400    0.0%           50    "
             "0.500000000        68 ms  #####...............\n"
             "three                    o                               12       3          400    0.0%           50    "
             "0.050000000        68 ms  #...................\n"
             "total                    total                           12       3          400    0.0%           50    "
             "2.550000000        68 ms  \n"},
        {.argv = {"usage"},
         .asks = ASKS("provider"),
         .terminal = true,
         .body = TABLE(ROW("\"day\":\"2026-11-22\",", "0", ",\"recosted_usd\":\"1.5\""),
                       ROW("", "0", ",\"recosted_usd\":\"1.5\"")),
         .out = "day                       requests  errors    tokens in  cached   tokens out            USD          "
                "p95    "
                "recosted USD\n"
                "2026-11-22                      12       3          400    0.0%           50              0        68 "
                "ms      "
                "       1.5  \n"
                "total                           12       3          400    0.0%           50              0        68 "
                "ms      "
                "       1.5  \n"},
        {.argv = {"usage"},
         .asks = ASKS("provider"),
         .terminal = true,
         .body = TABLE("", "{}"),
         .out = " requests  errors    tokens in  cached   tokens out            USD          p95\n"
                "        0       0            0    0.0%            0              0         0 ms  \n"},
    };
    (void)state;
    far_rows_check(rows, sizeof rows / sizeof *rows, cli_usage_command);
}

static void those_that_served_one_name_stand_below_each_other(void **state) {
    static const struct far_row rows[] = {
        {.argv = {"usage", "--compare"},
         .asks = ASKS("provider&compare=true"),
         .terminal = true,
         .body =
             TABLE("{\"asked\":\"fast\",\"provider\":\"one\",\"model\":\"m\",\"requests\":12,\"error_percent\":8.333,"
                   "\"usd_per_million_tokens\":\"2.500000000\",\"usd_per_attempt\":\"0.001000000\","
                   "\"tokens_per_second\":41.26,\"first_token_ms\":{\"p50\":120.4,\"p95\":1},"
                   "\"latency_ms\":{\"p50\":2,\"p95\":900.6}},{}",
                   "{}"),
         .out = "asked                    provider         model                         requests   errors   USD/M "
                "tokens    USD/attempt  tokens/s  first p50        p95\n"
                "fast                     one              m                                   12    8.33%    "
                "2.500000000    0.001000000      41.3     120 ms     901 ms\n"
                "-                        -                -                                    0    0.00%             "
                " -              -       0.0       0 ms       0 ms\n"},
        {.argv = {"usage", "--compare"},
         .asks = ASKS("provider&compare=true"),
         .terminal = true,
         .body = TABLE("", "{}"),
         .out = "asked                    provider         model                         requests   errors   USD/M "
                "tokens    USD/attempt  tokens/s  first p50        p95\n"
                "No name was served by more than one provider or model in that time.\n"},
    };
    (void)state;
    far_rows_check(rows, sizeof rows / sizeof *rows, cli_usage_command);
}

#define BUDGET(name, forecast, limit, more)                                                                      \
    "{\"owner\":\"client app\",\"name\":\"" name "\",\"spent_usd\":\"1.000000000\",\"forecast_usd\":\"" forecast \
    "\",\"limit_usd\":\"" limit "\",\"resets_at\":\"2026-12-01T00:00:00Z\"" more "}"

static void a_forecast_is_told_of_budgets_that_have_one_against_their_limit(void **state) {
    static const struct far_row rows[] = {
        {.argv = {"usage", "--forecast"},
         .asks = "GET /admin/v1/budgets",
         .terminal = true,
         .body = "{\"budgets\":[" BUDGET("half", "5.000000000", "10.000000000", "") "," BUDGET(
             "over", "20.000000000", "10.000000000",
             ",\"spent_at\":\"2026-11-25T00:00:00Z\"") "," BUDGET("none", "20.000000000", "0.000000000",
                                                                  "") ",{\"owner\":\"pot\",\"spent_usd\":\"1\"},{"
                                                                      "\"forecast_usd\":\"0\"}]}",
         .out = "owner                    budget                spent USD   forecast USD      limit USD  ends          "
                "        spent at            \n"
                "client app               half                1.000000000    5.000000000   10.000000000  "
                "2026-12-01T00:00:00Z  -                     ##########..........\n"
                "client app               over                1.000000000   20.000000000   10.000000000  "
                "2026-12-01T00:00:00Z  2026-11-25T00:00:00Z  ####################\n"
                "client app               none                1.000000000   20.000000000    0.000000000  "
                "2026-12-01T00:00:00Z  -                     ....................\n"
                "-                        -                             0              0              0  -             "
                "        -                     ....................\n"},
    };
    (void)state;
    far_rows_check(rows, sizeof rows / sizeof *rows, cli_usage_command);
}

static void what_is_asked_wrongly_or_refused_is_said(void **state) {
    static char long_name[4100];
    static struct far_row rows[] = {
        {.argv = {"usage"},
         .asks = ASKS("provider"),
         .status = "403 No",
         .body = "{\"error\":{\"message\":\"no\"}}",
         .ends = 1,
         .err = "weir: 403: no\n"},
        {.argv = {"usage"}, .asks = ASKS("provider"), .body = "{}\n", .out = "{}\n"}, /* one line's end, and not two */
        {.argv = {"usage", "--client", long_name}, .ends = 2, .err = "weir: a name is too long\n"},
    };
    (void)state;
    memset(long_name, 'a', sizeof long_name - 1);
    far_rows_check(rows, sizeof rows / sizeof *rows, cli_usage_command);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_option_is_a_part_of_the_question),
        cmocka_unit_test(what_was_spent_is_a_table_whose_bars_are_shares_of_the_dearest),
        cmocka_unit_test(those_that_served_one_name_stand_below_each_other),
        cmocka_unit_test(a_forecast_is_told_of_budgets_that_have_one_against_their_limit),
        cmocka_unit_test(what_is_asked_wrongly_or_refused_is_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
