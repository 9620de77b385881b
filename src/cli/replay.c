/* replay.c - weir usage replay: past requests under another configuration, beside what they did cost. Each attempt is
 * routed by the functions that route real ones and priced exactly; that it failed, what it took and when is as it was.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/prng.h"
#include "cli/past.h"

enum { replay_rows_max = 4096, replay_places = 65536, replay_name_most = 2 * record_text_most + 2 };

/* Told apart by one thing: what it did cost, and what it would. */
struct replay_row {
    struct str name;
    int64_t attempts, cost_nano_usd;        /* as it was */
    int64_t would_attempts, would_nano_usd; /* as it would have been */
};

/* X(name): by what they are told apart. */
#define REPLAY_BY(X) X(provider) X(model) X(client)
enum replay_by {
#define X(name) replay_by_##name,
    REPLAY_BY(X)
#undef X
        replay_bys
};
static const char *const replay_by_names[replay_bys] = {
#define X(name) #name,
    REPLAY_BY(X)
#undef X
};

struct replay_rows {
    struct map by_name;
    struct replay_row *list[replay_rows_max];
    size_t count;
};

/* Of a request that is told attempt by attempt: how many targets it has had. */
struct replay_place {
    uint64_t request;
    unsigned targets;
};

struct replay_run {
    struct past_view view;
    bool json, failed;
    struct arena arena, scratch;
    struct prng prng;
    struct replay_rows rows[replay_bys];
    struct replay_row total;
    struct replay_place places[replay_places];
    int64_t requests, moved, refused, unrouted, unpriced_was, unpriced_would, strangers;
    bool calm[strategies]; /* strategies that were shown as priority */
    char refused_why[256]; /* of the last one */
};

static int64_t replay_sum(int64_t a, int64_t b) {
    int64_t sum;
    return __builtin_add_overflow(a, b, &sum) ? INT64_MAX : sum;
}

/* -- rows -- */

/* Past replay_rows_max they are one. NULL: no memory. */
static struct replay_row *replay_row_of(struct replay_run *run, enum replay_by by, struct str name) {
    struct replay_rows *rows = &run->rows[by];
    if (rows->count + 1 >= replay_rows_max && !map_find(&rows->by_name, name)) name = STR("(other)");
    struct replay_row *row = map_find(&rows->by_name, name);
    if (row) return row;
    row = arena_take_zeroed(&run->arena, sizeof *row);
    if (!row) return NULL;
    row->name = arena_copy(&run->arena, name);
    rows->list[rows->count++] = row;
    return row->name.at && map_add(&rows->by_name, row->name, row) ? row : NULL;
}

struct replay_side {
    struct str provider, model;
    int64_t nano_usd; /* below 0: unpriced */
};

static struct str replay_name(enum replay_by by, const struct replay_side *side, struct str client, char *buffer) {
    struct text text = text_in_buffer(buffer, replay_name_most);
    if (by == replay_by_client) return client;
    text_put(&text, side->provider);
    if (by == replay_by_provider) return text_str(&text);
    text_put_byte(&text, '/');
    text_put(&text, side->model);
    return text_str(&text);
}

/* `would`: NULL where it would have been refused. */
static bool replay_count(struct replay_run *run, const struct replay_side *was, const struct replay_side *would,
                         struct str client) {
    char buffer[replay_name_most];
    const int64_t cost = was->nano_usd > 0 ? was->nano_usd : 0,
                  new_cost = would && would->nano_usd > 0 ? would->nano_usd : 0;
    run->total.attempts++;
    run->total.would_attempts += would != NULL;
    run->total.cost_nano_usd = replay_sum(run->total.cost_nano_usd, cost);
    run->total.would_nano_usd = replay_sum(run->total.would_nano_usd, new_cost);
    for (int by = 0; by < replay_bys; by++) {
        struct replay_row *row =
            replay_row_of(run, (enum replay_by)by, replay_name((enum replay_by)by, was, client, buffer));
        if (!row) return false;
        row->attempts++;
        row->cost_nano_usd = replay_sum(row->cost_nano_usd, cost);
        if (!would) continue;
        row = replay_row_of(run, (enum replay_by)by, replay_name((enum replay_by)by, would, client, buffer));
        if (!row) return false;
        row->would_attempts++;
        row->would_nano_usd = replay_sum(row->would_nano_usd, new_cost);
    }
    return true;
}

/* -- where it would have gone -- */

/* How many targets failed it before: those that this request has had so far, in the order in which they are told. */
static unsigned replay_failed(struct replay_run *run, const struct past_attempt *attempt) {
    const uint64_t request = str_hash(attempt->texts[record_request_id]);
    struct replay_place *place = &run->places[request % replay_places];
    const bool moves = attempt->numbers[record_flags] & (record_failover | record_hedge);
    if (attempt->numbers[record_attempt] <= 0 || !attempt->texts[record_request_id].len)
        *place = (struct replay_place){request, 0};
    else if (place->request != request)
        *place = (struct replay_place){request, moves ? 1 : 0};
    else
        place->targets += moves;
    return place->targets;
}

static bool replay_endpoint(struct str name, enum endpoint *endpoint) {
    for (int i = 0; i < endpoints; i++)
        if (str_eq(endpoint_facts((enum endpoint)i)->name, name)) {
            *endpoint = (enum endpoint)i;
            return flight_can_replay(*endpoint);
        }
    return false;
}

static const struct client *replay_client(struct replay_run *run, struct str name) {
    const struct client *client = name.len ? map_find(&run->view.config.snapshot->clients_by_name, name) : NULL;
    run->strangers += name.len && !client;
    return client;
}

/* By the name that was asked for; where that is not known (any more) by its route's. */
static struct str replay_model(const struct past_attempt *attempt) {
    struct str asked = attempt->words[record_asked];
    const bool known = asked.len && !str_eq(asked, STR("(unknown)")) && !str_starts(asked, STR("(erased"));
    return known ? asked : attempt->texts[record_route];
}

enum replay_ended { replay_routed, replay_refused, replay_stays };

static enum replay_ended replay_route(struct replay_run *run, const struct past_attempt *attempt,
                                      struct replay_side *would) {
    const int64_t *numbers = attempt->numbers, flags = numbers[record_flags];
    const struct http_header headers[] = {{STR("x-weir-session"), attempt->words[record_session]},
                                          {STR("x-weir-tags"), attempt->words[record_tags]}};
    const unsigned failed = replay_failed(run, attempt);
    struct flight_question question = {.model = replay_model(attempt)};
    struct flight_replayed replayed;
    struct error error = {.code = error_none};
    const struct flight_past past = {.prompt_tokens = numbers[record_prompt_tokens],
                                     .output_cap = numbers[record_output_cap],
                                     .stream = flags & record_stream,
                                     .has_images = flags & record_images,
                                     .has_tools = flags & record_tools,
                                     .wants_json = flags & record_json,
                                     .failed = failed};
    if (!replay_endpoint(attempt->texts[record_endpoint], &question.asked.endpoint) || !question.model.len)
        return replay_stays;
    question.asked.headers = headers;
    question.asked.header_count = sizeof headers / sizeof *headers;
    question.asked.request_id = attempt->texts[record_request_id].len ? attempt->texts[record_request_id] : STR("past");
    question.asked.client = replay_client(run, attempt->texts[record_client]);
    const struct now then = {.mono_ns = clock_read().mono_ns, .wall_ns = numbers[record_time_ms] * (int64_t)NS_PER_MS};
    const struct flight_host host = {.scratch = &run->scratch, .prng = &run->prng};
    prng_seed(&run->prng, str_hash(question.asked.request_id) + failed); /* the same draw each time */
    bool found = flight_replay(&host, run->view.config.snapshot, &question, &past, then, &replayed, &error);
    if (!found) str_copy(run->refused_why, sizeof run->refused_why, str_from(error.message));
    if (!found) return replay_refused;
    run->calm[replayed.strategy] |= replayed.as_priority;
    would->provider = replayed.provider;
    would->model = replayed.model;
    return replay_routed;
}

/* What it would have cost there; where nothing was counted: nothing, as then. */
static bool replay_price(struct replay_run *run, const struct past_attempt *attempt, const struct replay_side *was,
                         struct replay_side *would) {
    const bool elsewhere = !str_eq(would->provider, was->provider);
    struct past_target *target = past_prices_of(&run->view.prices, would->provider, would->model);
    would->nano_usd = -1;
    if (!target) return false;
    enum past_why why = past_price(target, attempt, elsewhere, &would->nano_usd);
    if (why == past_unmetered && !elsewhere) would->nano_usd = was->nano_usd;
    run->unpriced_would += why != past_uncounted && would->nano_usd < 0;
    run->unpriced_was += why != past_uncounted && was->nano_usd < 0;
    return true;
}

static bool replay_take(void *context, const struct past_attempt *attempt) {
    struct replay_run *run = context;
    const struct replay_side was = {attempt->texts[record_provider], attempt->texts[record_model],
                                    attempt->numbers[record_cost_nano_usd]};
    struct replay_side would = was;
    arena_reset(&run->scratch);
    const enum replay_ended ended = replay_route(run, attempt, &would);
    run->requests += attempt->numbers[record_attempt] == 0;
    run->unrouted += ended == replay_stays;
    run->refused += ended == replay_refused;
    run->moved += ended == replay_routed && (!str_eq(was.provider, would.provider) || !str_eq(was.model, would.model));
    bool good = ended == replay_refused || replay_price(run, attempt, &was, &would);
    good = good && replay_count(run, &was, ended == replay_refused ? NULL : &would, attempt->texts[record_client]);
    if (!good) fprintf(stderr, "weir: there is no memory for so many names: take a shorter time\n");
    run->failed = !good;
    return good;
}

/* -- telling -- */

static int replay_dearest(const void *a, const void *b) {
    const struct replay_row *one = *(const struct replay_row *const *)a, *other = *(const struct replay_row *const *)b;
    int64_t most = one->cost_nano_usd > one->would_nano_usd ? one->cost_nano_usd : one->would_nano_usd,
            others = other->cost_nano_usd > other->would_nano_usd ? other->cost_nano_usd : other->would_nano_usd;
    return most != others ? (most > others ? -1 : 1) : str_compare(one->name, other->name);
}

static void replay_row_json(const struct replay_row *row, const char *by, struct text *text) {
    text_json_comma(text);
    text_put_byte(text, '{');
    if (by) text_json_str(text, str_from(by), row->name);
    text_json_i64(text, STR("attempts"), row->attempts);
    text_json_money(text, STR("cost_usd"), row->cost_nano_usd);
    text_json_i64(text, STR("replayed_attempts"), row->would_attempts);
    text_json_money(text, STR("replayed_usd"), row->would_nano_usd);
    text_put_byte(text, '}');
}

/* "adaptive, fastest_response"; empty: none was. */
static struct str replay_calm_names(const struct replay_run *run, char *buffer, size_t size) {
    struct text text = text_in_buffer(buffer, size);
    for (int i = 0; i < strategies; i++) {
        if (!run->calm[i]) continue;
        if (text.len) text_put(&text, STR(", "));
        text_put(&text, strategy_name((enum strategy)i));
    }
    return text_str(&text);
}

static void replay_json(struct replay_run *run, struct text *text) {
    char names[256];
    text_put_byte(text, '{');
    text_json_i64(text, STR("since_ms"), run->view.question.since_ms);
    text_json_i64(text, STR("until_ms"), run->view.question.until_ms);
    text_json_i64(text, STR("requests"), run->requests);
    text_json_i64(text, STR("moved"), run->moved);
    text_json_i64(text, STR("refused"), run->refused);
    if (run->refused) text_json_str(text, STR("refused_why"), str_from(run->refused_why));
    text_json_i64(text, STR("unrouted"), run->unrouted);
    text_json_i64(text, STR("unknown_clients"), run->strangers);
    text_json_i64(text, STR("unpriced"), run->unpriced_was);
    text_json_i64(text, STR("replayed_unpriced"), run->unpriced_would);
    text_json_str(text, STR("shown_as_priority"), replay_calm_names(run, names, sizeof names));
    for (int by = 0; by < replay_bys; by++) {
        text_json_key(text, str_from(replay_by_names[by]));
        text_put_byte(text, '[');
        for (size_t i = 0; i < run->rows[by].count; i++) replay_row_json(run->rows[by].list[i], "name", text);
        text_put_byte(text, ']');
    }
    text_json_key(text, STR("total"));
    replay_row_json(&run->total, NULL, text);
    text_put(text, STR("}\n"));
}

static void replay_row_print(const struct replay_row *row, struct str name) {
    char was[48], would[48];
    struct text text = text_in_buffer(was, sizeof was), other = text_in_buffer(would, sizeof would);
    text_put_money(&text, row->cost_nano_usd);
    text_put_money(&other, row->would_nano_usd);
    printf("%-44.*s %10lld %18.*s   %10lld %18.*s\n", STR_ARG(name), (long long)row->attempts, STR_ARG(text_str(&text)),
           (long long)row->would_attempts, STR_ARG(text_str(&other)));
}

static void replay_print(const struct replay_run *run) {
    char names[256];
    const struct str calm = replay_calm_names(run, names, sizeof names);
    for (int by = 0; by < replay_bys; by++) {
        printf("%-44s %10s %18s   %10s %18s\n", replay_by_names[by], "attempts", "USD", "replayed", "USD");
        for (size_t i = 0; i < run->rows[by].count; i++)
            replay_row_print(run->rows[by].list[i],
                             run->rows[by].list[i]->name.len ? run->rows[by].list[i]->name : STR("-"));
        printf("\n");
    }
    replay_row_print(&run->total, STR("total"));
    printf("\n%lld request%s; %lld attempt%s would have gone to another model, %lld been refused%s%s\n",
           (long long)run->requests, str_plural((uint64_t)run->requests), (long long)run->moved,
           str_plural((uint64_t)run->moved), (long long)run->refused, run->refused ? ": " : "", run->refused_why);
    if (run->unpriced_was || run->unpriced_would)
        printf("without a price: %lld then, %lld replayed\n", (long long)run->unpriced_was,
               (long long)run->unpriced_would);
    if (run->unrouted)
        printf("%lld stay where they were: what they asked for is not known well enough\n", (long long)run->unrouted);
    if (run->strangers)
        printf("%lld are of clients that this configuration does not have\n", (long long)run->strangers);
    if (calm.len) printf("shown as priority, as they look at what was under way: %.*s\n", STR_ARG(calm));
    printf("Tokens, times and failures are as they were; limits and budgets as if nothing were spent.\n");
}

static void replay_tell(struct replay_run *run) {
    for (int by = 0; by < replay_bys; by++)
        qsort(run->rows[by].list, run->rows[by].count, sizeof run->rows[by].list[0], replay_dearest);
    if (!run->json) {
        replay_print(run);
        return;
    }
    struct text text = text_in_arena(&run->arena, 64 * 1024);
    replay_json(run, &text);
    (void)fwrite(text.at, 1, text.len, stdout);
}

int cli_replay(int argc, char **argv) {
    static struct replay_run run; /* too large for a stack */
    struct past_said said = {NULL, NULL, "7d", NULL};
    int rest_count;
    memset(&run, 0, sizeof run);
    const struct cli_option options[] = {
        CLI_CONFIG(&said.config),
        {"--since", NULL, &said.since, NULL, "TIME", "7d (as usual), 90m, 24h, 4w back from now, or a day: 2026-11-01"},
        {"--until", NULL, &said.until, NULL, "TIME", "the same; up to now, as usual"},
        {"--state-dir", NULL, &said.state_dir, NULL, "DIR", "whose ledger it is; as usual the configuration's"},
        CLI_JSON(&run.json)};
    enum { count = sizeof options / sizeof *options };
    int status = cli_options(argc, argv, options, count, NULL, 0, &rest_count);
    if (status >= 0) return status;
    if (!said.config) return cli_usage(stderr, argv[0], options, count);
    bool begun = past_view_begin(&run.view, &said), good = begun;
    run.view.question.whole = true;
    arena_init(&run.arena, 64 * 1024, 256 * 1024 * 1024);
    arena_init(&run.scratch, 64 * 1024, 16 * 1024 * 1024);
    for (int by = 0; by < replay_bys && good; by++) good = map_init(&run.rows[by].by_name, &run.arena, replay_rows_max);
    good = good && ledger_past(run.view.ledger, &run.view.question, replay_take, NULL, &run);
    if (begun && !good && !run.failed) fprintf(stderr, "weir: %s\n", ledger_problem(run.view.ledger));
    if (good) replay_tell(&run);
    arena_free(&run.scratch);
    arena_free(&run.arena);
    past_view_end(&run.view);
    return good ? 0 : begun ? 1 : 2;
}
