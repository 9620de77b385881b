/* recost.c - weir usage recost: what past attempts cost by the prices of a configuration and its catalogue, kept beside
 * what they did cost. They are read and priced here; what differs goes to the gateway that owns the ledger, in small
 * pieces, or into the ledger itself where none serves with it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "cli/past.h"
#include "dialect/json.h"
#include "store/ledger_recost.h"
#include "weir.h"

struct recost_run {
    struct past_view view;
    struct cli_gateway gateway;
    bool dry, json, failed;
    int64_t attempts, priced, newly, changed, written;
    int64_t cost_nano_usd, new_nano_usd; /* of those that have another cost */
    struct recosted rows[past_piece];
    size_t count;
};

static int64_t recost_sum(int64_t a, int64_t b) {
    int64_t sum;
    return __builtin_add_overflow(a, b, &sum) ? INT64_MAX : sum;
}

/* -- keeping -- */

static bool recost_send(struct recost_run *run, struct str body) {
    int status;
    char *answer = cli_send("POST", &run->gateway, "/admin/v1/usage/recost", body, &status);
    bool good = answer && status == 200;
    if (answer && !good) (void)cli_print_failure(&run->gateway, status, answer);
    weir_free(answer);
    return good;
}

/* Rows come with the price of each, named once. */
static bool recost_give(struct recost_run *run, const struct recosted *given, size_t count) {
    struct arena arena;
    struct str named = STR_NONE;
    size_t names = 0;
    arena_init(&arena, 64 * 1024, 4 * 1024 * 1024);
    struct text prices = text_in_arena(&arena, 4096), rows = text_in_arena(&arena, 64 * 1024);
    text_put(&prices, STR("{\"prices\":["));
    for (size_t i = 0; i < count; i++) {
        const struct recosted *row = &given[i];
        if (!named.at || !str_eq(named, row->price)) {
            text_printf(&prices, "%s\"%.*s\"", names ? "," : "", STR_ARG(row->price));
            named = row->price;
            names++;
        }
        text_printf(&rows, "%s[%lld,%lld,%zu]", i ? "," : "", (long long)row->attempt, (long long)row->nano_usd,
                    names - 1);
    }
    text_put(&prices, STR("],\"rows\":["));
    text_put(&prices, text_str(&rows));
    text_put(&prices, STR("]}"));
    bool good = !prices.failed && !rows.failed && recost_send(run, text_str(&prices));
    arena_free(&arena);
    return good;
}

/* By their prices: each is named once in a piece. */
static int recost_by_price(const void *a, const void *b) {
    return str_compare(((const struct recosted *)a)->price, ((const struct recosted *)b)->price);
}

static bool recost_flush(void *context) {
    struct recost_run *run = context;
    size_t changed;
    bool good = true;
    qsort(run->rows, run->count, sizeof *run->rows, recost_by_price);
    for (size_t at = 0, most; at < run->count && good && !run->dry; at += most) {
        most = run->count - at < recosted_rows_max ? run->count - at : recosted_rows_max;
        good = run->view.owned ? recost_give(run, run->rows + at, most)
                               : ledger_recost(run->view.ledger, run->rows + at, most, &changed);
    }
    run->failed = !good && run->view.owned; /* which was said */
    run->written += good ? (int64_t)run->count : 0;
    run->count = 0;
    return good;
}

/* -- pricing -- */

static void recost_count(struct recost_run *run, struct past_target *target, int64_t cost, int64_t nano_usd) {
    const int64_t was = cost < 0 ? 0 : cost;
    run->priced++;
    target->new_nano_usd = recost_sum(target->new_nano_usd, nano_usd);
    if (cost == nano_usd) return;
    run->changed++;
    run->newly += cost < 0;
    target->changed++;
    run->cost_nano_usd = recost_sum(run->cost_nano_usd, was);
    run->new_nano_usd = recost_sum(run->new_nano_usd, nano_usd);
}

static bool recost_take(void *context, const struct past_attempt *attempt) {
    struct recost_run *run = context;
    const int64_t cost = attempt->numbers[record_cost_nano_usd], kept = attempt->recosted_nano_usd;
    int64_t nano_usd = -1;
    struct past_target *target =
        past_prices_of(&run->view.prices, attempt->texts[record_provider], attempt->texts[record_model]);
    if (!target) {
        fprintf(stderr, "weir: there are more models in that time than can be looked at: take a shorter one\n");
        run->failed = true;
        return false;
    }
    enum past_why why = past_price(target, attempt, false, &nano_usd);
    run->attempts++;
    target->attempts++;
    target->why[why]++;
    if (cost > 0) target->cost_nano_usd = recost_sum(target->cost_nano_usd, cost);
    if (why != past_priced) return true;
    recost_count(run, target, cost, nano_usd);
    if (nano_usd == (kept >= 0 ? kept : cost)) return true;
    CHECKF(run->count < past_piece, "rows=%zu", run->count);
    run->rows[run->count++] =
        (struct recosted){.attempt = attempt->id, .nano_usd = nano_usd, .price = str_from(target->price)};
    return true;
}

/* -- telling -- */

static void recost_target_json(const struct past_target *target, struct text *text) {
    text_json_comma(text);
    text_put_byte(text, '{');
    text_json_str(text, STR("provider"), target->provider);
    text_json_str(text, STR("model"), target->model);
    text_json_i64(text, STR("attempts"), target->attempts);
    text_json_i64(text, STR("changed"), target->changed);
    text_json_money(text, STR("cost_usd"), target->cost_nano_usd);
    text_json_money(text, STR("recosted_usd"), target->new_nano_usd);
    text_json_str(text, STR("price"), str_from(target->price));
    for (int why = past_uncounted; why < past_whys; why++)
        if (target->why[why]) text_json_i64(text, past_why_name((enum past_why)why), target->why[why]);
    text_put_byte(text, '}');
}

static void recost_json(const struct recost_run *run, struct text *text) {
    const struct past_prices *prices = &run->view.prices;
    text_put_byte(text, '{');
    text_json_i64(text, STR("since_ms"), run->view.question.since_ms);
    text_json_i64(text, STR("until_ms"), run->view.question.until_ms);
    text_json_str(text, STR("catalog"), str_from(prices->day));
    text_json_i64(text, STR("attempts"), run->attempts);
    text_json_i64(text, STR("priced"), run->priced);
    text_json_i64(text, STR("changed"), run->changed);
    text_json_i64(text, STR("newly_priced"), run->newly);
    text_json_i64(text, STR("written"), run->dry ? 0 : run->written);
    text_json_money(text, STR("changed_cost_usd"), run->cost_nano_usd);
    text_json_money(text, STR("changed_recosted_usd"), run->new_nano_usd);
    text_json_key(text, STR("models"));
    text_put_byte(text, '[');
    for (size_t i = 0; i < prices->count; i++) recost_target_json(prices->list[i], text);
    text_put(text, STR("]}\n"));
}

static void recost_dollars_print(int64_t nano_usd, int width) {
    char buffer[48];
    struct text text = text_in_buffer(buffer, sizeof buffer);
    text_put_money(&text, nano_usd);
    printf(" %*.*s", width, STR_ARG(text_str(&text)));
}

static void recost_print(const struct recost_run *run) {
    const struct past_prices *prices = &run->view.prices;
    bool none = true;
    if (run->changed)
        printf("%-20s %-36s %10s %10s %16s %16s  %s\n", "provider", "model", "attempts", "changed", "USD",
               "recosted USD", "price");
    for (size_t i = 0; i < prices->count; i++) {
        const struct past_target *target = prices->list[i];
        if (!target->changed) continue;
        printf("%-20.*s %-36.*s %10lld %10lld", STR_ARG(target->provider), STR_ARG(target->model),
               (long long)target->attempts, (long long)target->changed);
        recost_dollars_print(target->cost_nano_usd, 16);
        recost_dollars_print(target->new_nano_usd, 16);
        printf("  %s\n", target->price);
    }
    printf("%lld attempt%s: %lld priced, %lld of them otherwise than then", (long long)run->attempts,
           str_plural((uint64_t)run->attempts), (long long)run->priced, (long long)run->changed);
    if (run->changed) {
        printf(" (these:");
        recost_dollars_print(run->cost_nano_usd, 0);
        printf(" USD then,");
        recost_dollars_print(run->new_nano_usd, 0);
        printf(" now)");
    }
    printf(", %lld for the first time; %lld %s\n", (long long)run->newly, (long long)run->written,
           run->dry ? "would be written" : "written");
    for (size_t i = 0; i < prices->count; i++)
        for (int why = past_no_provider; why < past_whys; why++) {
            const struct past_target *target = prices->list[i];
            if (!target->why[why]) continue;
            if (none) printf("not priced:\n");
            none = false;
            printf("  %.*s/%.*s, %lld attempt%s: %.*s\n", STR_ARG(target->provider), STR_ARG(target->model),
                   (long long)target->why[why], str_plural((uint64_t)target->why[why]),
                   STR_ARG(past_why_sentence((enum past_why)why)));
        }
}

static void recost_tell(const struct recost_run *run) {
    struct arena arena;
    if (!run->json) {
        recost_print(run);
        return;
    }
    arena_init(&arena, 64 * 1024, 64 * 1024 * 1024);
    struct text text = text_in_arena(&arena, 64 * 1024);
    recost_json(run, &text);
    (void)fwrite(text.at, 1, text.len, stdout);
    arena_free(&arena);
}

/* Before anything is written: where a gateway owns the ledger it writes its own row for each piece. */
static bool recost_audit(struct recost_run *run) {
    char actor[cli_actor_max];
    struct error error = {.code = error_none};
    const struct audit_entry entry = {.action = audit_usage_recost,
                                      .who = {cli_actor(actor), STR("cli"), STR_NONE},
                                      .subject = str_from(run->view.prices.day)};
    bool good = run->dry || run->view.owned || library_audit_alone(run->view.place, &entry, &error);
    if (!good) fprintf(stderr, "weir: %s\n", error.message);
    return good;
}

int cli_recost(int argc, char **argv) {
    static struct recost_run run; /* too large for a stack */
    struct past_said said = {NULL, NULL, NULL, NULL};
    int rest_count;
    memset(&run, 0, sizeof run);
    const struct cli_option options[] = {
        CLI_GATEWAY(run.gateway),
        {"--since", NULL, &said.since, NULL, "TIME", "90m, 24h, 7d, 4w back from now, or a day: 2026-11-01"},
        {"--until", NULL, &said.until, NULL, "TIME", "the same; up to now, as usual"},
        {"--state-dir", NULL, &said.state_dir, NULL, "DIR", "this state folder, whatever the configuration says"},
        {"--dry-run", NULL, NULL, &run.dry, NULL, "tells what would be another, and writes nothing"},
        CLI_JSON(&run.json)};
    enum { count = sizeof options / sizeof *options };
    int status = cli_options(argc, argv, options, count, NULL, 0, &rest_count);
    if (status >= 0) return status;
    if (!said.since) return cli_usage(stderr, argv[0], options, count);
    said.config = run.gateway.config;
    bool begun = past_view_begin(&run.view, &said);
    bool good = begun && recost_audit(&run) &&
                ledger_past(run.view.ledger, &run.view.question, recost_take, recost_flush, &run);
    if (begun && !good && !run.failed) fprintf(stderr, "weir: %s\n", ledger_problem(run.view.ledger));
    if (good) recost_tell(&run);
    past_view_end(&run.view);
    return good ? 0 : begun ? 1 : 2;
}
