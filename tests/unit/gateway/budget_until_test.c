/* budget_until_test.c - up to when a budget is raised: so many seconds, minutes, hours, days and weeks from now. */
#include "story.h"

#include "dialect/date.h"

static const char until_config[] =
    "| state_dir: '%D'\n| listen: 127.0.0.1:0\n| workers: 1\n"
    "| providers: {a: {type: openai, api_key: sk-nobodys-own, base_url: '%U', models: [m]}}\n"
    "| budgets: {pot: {usd: 50, window: lifetime}}\n"
    "| clients: [{name: app, key_hash: 2924a27d7fc715372a952b03583ae5f1221556bcdabbf2a57ff5de577efe11c1, "
    "budgets: [pot]}]\n";

/* The moment that the answer tells, in seconds; whole minutes. */
static int64_t until_told(const char *until) {
    static char answer[story_body_max];
    char body[96];
    int64_t ms = 0;
    snprintf(body, sizeof body, "{\"budget\":\"pot\",\"usd\":1,\"until\":\"%s\"}", until);
    story_ask(STR("admin POST /admin/v1/budgets/raise"), str_from(body), answer);
    const char *at = strstr(answer, "\"raised_until\":\"");
    if (!at) fail_msg("%s: %s", until, answer);
    at += strlen("\"raised_until\":\"");
    struct str moment = str_make(at, strcspn(at, "\""));
    char whole[32];
    if (moment.len == 17) snprintf(whole, sizeof whole, "%.16s:00Z", moment.at);
    if (!date_read_rfc3339(moment.len == 17 ? str_from(whole) : moment, &ms)) fail_msg("%.*s", STR_ARG(moment));
    return ms / 1000;
}

static void a_time_from_now_is_counted_in_its_unit(void **state) {
    static const struct {
        const char *until;
        int64_t seconds;
    } rows[] = {{"7200s", 7200},   {"1m", 60},         {"5m", 300},          {"90m", 5400},
                {"1h", 3600},      {"36h", 36 * 3600}, {"1d", 86400},        {"7d", 7 * 86400},
                {"1w", 7 * 86400}, {"9w", 63 * 86400}, {"100000m", 6000000}, {"1000h", 3600000}};
    (void)state;
    story_open(until_config);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const int64_t before = time(NULL), until = until_told(rows[i].until), after = time(NULL);
        if (until <= before + rows[i].seconds - 60 || until > after + rows[i].seconds)
            fail_msg("%s: %lld s from now", rows[i].until, (long long)(until - before));
    }
    story_close();
    free(story_place.log);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_time_from_now_is_counted_in_its_unit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
