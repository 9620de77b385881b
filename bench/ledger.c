/* ledger.c - a ledger of many attempts, and how long questions to it take. ledger [--json] [ATTEMPTS [FILE]]
 * (1,000,000; a file that is removed at the end where none is named)
 *
 * Ninety days of 200 clients in 20 teams of 4 organizations, some far busier than others, 5 providers with 4 models
 * each, asked for by 12 names, with 30 sets of tags, in sessions of some 20 calls. Each question is asked three times,
 * and the slowest counts, by the time of the processor: other work on the machine adds nothing. Of what is done in
 * pieces the longest counts: so long who writes attempts waits at most. */
#include "store/ledger.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/prng.h"
#include "store/ledger_erase.h"
#include "store/ledger_forget.h"
#include "store/ledger_past.h"
#include "store/ledger_recost.h"

enum { batch = 8192, days = 90, session_calls = 20, sessions_open = 64 };
static const int64_t day_ms = 24 * 3600 * 1000, begin_ms = INT64_C(1790000000000) / 86400000 * 86400000;

static bool json;
static double slowest_question;

static void say(const char *name, double took, size_t bytes, bool question) {
    if (question && took > slowest_question) slowest_question = took;
    if (json) return;
    if (bytes)
        printf("%-34s %8.1f ms %9zu bytes\n", name, took * 1e3, bytes);
    else
        printf("%-34s %8.3f ms\n", name, took * 1e3);
}

static double seconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* The first few far more often than the last. */
static unsigned skewed(struct prng *prng, unsigned count) {
    uint64_t draw = prng_below(prng, 1000000), square = draw * draw / 1000000;
    return (unsigned)(square * count / 1000000);
}

static struct record_said word(uint64_t kind, uint64_t number) {
    return (struct record_said){.tag = {{(kind << 40 | (number + 1)) * 0x9e3779b97f4a7c15u, number + 1}}};
}

static bool word_tell(struct ledger *ledger, struct journal_source source, uint64_t kind, uint64_t number,
                      const char *text) {
    struct record record = {.kind = record_of_word, .words = {word(kind, number)}};
    record.words[0].text = str_from(text);
    return ledger_add(ledger, source, &record);
}

/* Its texts stand in `room`. */
static bool attempt_add(struct ledger *ledger, struct journal_source source, struct prng *prng, uint64_t number,
                        uint64_t attempts) {
    static struct open {
        uint64_t session;
        unsigned who, where, what;
    } open[sessions_open];
    static uint64_t next_session;
    char id[40], provider[16], model[32], client[16], owner[32], text[64];
    struct open *of = &open[prng_below(prng, sessions_open)];
    struct record record = {.sequence = number + 1};
    if (of->session == 0 || prng_below(prng, session_calls) == 0) {
        *of = (struct open){++next_session, skewed(prng, 200), skewed(prng, 5), skewed(prng, 4)};
        snprintf(text, sizeof text, "session-%llu", (unsigned long long)of->session);
        if (!word_tell(ledger, source, 1, of->session, text)) return false;
    }
    const unsigned who = of->who, where = of->where, what = of->what, asked = (where * 4 + what) % 12;
    snprintf(id, sizeof id, "req_%08x%016llx",
             (unsigned)((begin_ms + (int64_t)(number * (uint64_t)(days * day_ms) / attempts)) >> 4),
             (unsigned long long)prng_next(prng));
    snprintf(provider, sizeof provider, "provider-%u", where);
    snprintf(model, sizeof model, "model-%u-%u", where, what);
    snprintf(client, sizeof client, "client-%u", who);
    snprintf(owner, sizeof owner, "team-%u|org-%u", who % 20, who % 4);
    for (size_t i = 0; i < record_numbers; i++) record.numbers[i] = -1;
    int64_t *numbers = record.numbers, input = (int64_t)prng_below(prng, 4000), output = (int64_t)prng_below(prng, 900);
    numbers[record_time_ms] = begin_ms + (int64_t)(number * (uint64_t)(days * day_ms) / attempts);
    numbers[record_attempt] = 0;
    numbers[record_status] = 200;
    numbers[record_flags] = prng_below(prng, 50) ? record_succeeded : 0;
    numbers[record_duration_us] = 200000 + (int64_t)prng_below(prng, 3000000);
    numbers[record_first_token_us] = 100000 + (int64_t)prng_below(prng, 500000);
    numbers[record_input_tokens] = input;
    numbers[record_output_tokens] = output;
    numbers[record_input_nano_usd] = input * 1000;
    numbers[record_output_nano_usd] = output * 4000;
    numbers[record_cost_nano_usd] = input * 1000 + output * 4000;
    record.texts[record_request_id] = str_from(id);
    record.texts[record_endpoint] = STR("chat");
    record.texts[record_outcome] = STR("ok");
    record.texts[record_provider] = str_from(provider);
    record.texts[record_model] = str_from(model);
    record.texts[record_client] = str_from(client);
    record.texts[record_owner] = str_from(owner);
    record.texts[record_route] = STR("default");
    record.words[record_asked] = word(2, asked);
    record.words[record_session] = word(1, of->session);
    record.words[record_tags] = word(3, who % 30);
    return ledger_add(ledger, source, &record);
}

static bool words_tell(struct ledger *ledger, struct journal_source source) {
    char text[64];
    bool good = true;
    for (unsigned i = 0; i < 12 && good; i++) {
        snprintf(text, sizeof text, "asked-%u", i);
        good = word_tell(ledger, source, 2, i, text);
    }
    for (unsigned i = 0; i < 30 && good; i++) {
        snprintf(text, sizeof text, "env=%s,job=%u", i % 3 ? "prod" : "test", i % 10);
        good = word_tell(ledger, source, 3, i, text);
    }
    return good;
}

static double written; /* a second */

static bool fill(struct ledger *ledger, uint64_t attempts) {
    const struct journal_source source = {1, 0};
    struct prng prng;
    prng_seed(&prng, 20261122);
    double began = seconds();
    for (uint64_t at = 0; at < attempts;) {
        if (!ledger_begin(ledger) || (at == 0 && !words_tell(ledger, source))) return false;
        for (unsigned i = 0; i < batch && at < attempts; i++, at++)
            if (!attempt_add(ledger, source, &prng, at, attempts)) return false;
        if (!ledger_commit(ledger)) return false;
    }
    written = (double)attempts / (seconds() - began);
    if (!json) printf("%llu attempts written, %.0f a second\n", (unsigned long long)attempts, written);
    return true;
}

static bool ask(struct ledger *ledger, const char *name, const struct usage_question *question) {
    double slowest = 0;
    size_t len = 0;
    for (int i = 0; i < 3; i++) {
        struct arena arena;
        arena_init(&arena, 64 * 1024, 256 * 1024 * 1024);
        struct text text = text_in_arena(&arena, 64 * 1024);
        double began = seconds();
        bool good = ledger_usage(ledger, question, &text);
        double took = seconds() - began;
        len = text.len;
        arena_free(&arena);
        if (!good) return false;
        if (took > slowest) slowest = took;
    }
    say(name, slowest, len, true);
    return true;
}

static bool ask_all(struct ledger *ledger) {
    static const int64_t back[] = {1, 7, 30, days};
    static const struct {
        const char *name;
        struct usage_question question;
    } questions[] = {
        {"the sum", {.by_count = 0}},
        {"by provider", {.by_count = 1, .by = {usage_by_provider}}},
        {"by model, client", {.by_count = 2, .by = {usage_by_model, usage_by_client}}},
        {"by owner", {.by_count = 1, .by = {usage_by_owner}}},
        {"by tag", {.by_count = 1, .by = {usage_by_tag}}},
        {"by asked, day", {.by_count = 2, .by = {usage_by_asked, usage_by_day}}},
        {"by hour", {.by_count = 1, .by = {usage_by_hour}}},
        {"by session", {.by_count = 1, .by = {usage_by_session}}},
        {"of one owner, by session", {.by_count = 1, .by = {usage_by_session}, .only[usage_by_owner] = "team-3"}},
        {"providers compared", {.compares = true}},
    };
    bool good = true;
    for (size_t b = 0; b < sizeof back / sizeof *back && good; b++) {
        if (!json) printf("-- the last %d days\n", (int)back[b]);
        for (size_t i = 0; i < sizeof questions / sizeof *questions && good; i++) {
            struct usage_question question = questions[i].question;
            question.since_ms = begin_ms + (days - back[b]) * day_ms + 5 * 3600 * 1000;
            good = ask(ledger, questions[i].name, &question);
        }
    }
    return good;
}

/* -- one request, one client, what is changed -- */

enum { some = 1000 };
static struct {
    struct usage_request requests[some];
    int64_t ids[some];
    size_t count;
} found;

static bool find_take(void *context, const struct past_attempt *attempt) {
    (void)context;
    struct usage_request *request = &found.requests[found.count];
    str_copy(request->id, sizeof request->id, attempt->texts[record_request_id]);
    str_copy(request->client, sizeof request->client, attempt->texts[record_client]);
    found.ids[found.count++] = attempt->id;
    return found.count < some;
}

static bool look_up(struct ledger *ledger) {
    const struct past_question question = {.since_ms = begin_ms + 60 * day_ms, .whole = true};
    char bytes[16384];
    bool is_there = true;
    double slowest = 0;
    (void)ledger_past(ledger, &question, find_take, NULL, NULL);
    for (size_t i = 0; i < found.count && is_there; i++) {
        struct text text = text_in_buffer(bytes, sizeof bytes);
        double began = seconds();
        if (!ledger_request(ledger, &found.requests[i], &text, &is_there)) return false;
        double took = seconds() - began;
        if (took > slowest) slowest = took;
    }
    say("one request by its id", slowest, 0, true);
    return found.count > 0 && is_there;
}

static bool export_put(void *context, struct str line) {
    *(size_t *)context += line.len;
    return true;
}

/* Of one with many attempts, and of one with few. */
static bool purge(struct ledger *ledger, const char *client) {
    struct erased_told told;
    char problem[512], name[64];
    double began = seconds();
    if (!ledger_erase(ledger, str_from(client), INT64_MAX, &told, problem, sizeof problem)) return false;
    snprintf(name, sizeof name, "%s purged, %lld attempts", client, (long long)told.attempts);
    say(name, seconds() - began, 0, false);
    return true;
}

static bool change(struct ledger *ledger) {
    struct recosted rows[some];
    struct ledger_forgetting forgetting;
    size_t bytes = 0, changed;
    double began = seconds(), longest = 0;
    if (!ledger_export(ledger, STR("client-190"), export_put, &bytes)) return false;
    say("export of one client", seconds() - began, bytes, false);
    for (size_t i = 0; i < found.count; i++) rows[i] = (struct recosted){found.ids[i], 1, STR("2026-11-20 1f3a")};
    began = seconds();
    if (!ledger_recost(ledger, rows, found.count, &changed) || changed != found.count) return false;
    say("1,000 attempts priced anew", seconds() - began, 0, false);
    began = seconds();
    ledger_forget_begin(&forgetting, begin_ms + day_ms);
    for (double last = began; forgetting.what != forgets_nothing; last = seconds()) {
        if (!ledger_forget_some(ledger, &forgetting)) return false;
        if (seconds() - last > longest) longest = seconds() - last;
    }
    say("a day forgotten, all of it", seconds() - began, 0, false);
    say("a day forgotten, a piece", longest, 0, false);
    return purge(ledger, "client-3") && purge(ledger, "client-190");
}

int main(int argc, char **argv) {
    char folder[] = "/tmp/weir-ledger-XXXXXX", made[64], problem[512] = "";
    json = argc > 1 && strcmp(argv[1], "--json") == 0;
    argc -= json, argv += json;
    uint64_t attempts = argc > 1 ? strtoull(argv[1], NULL, 10) : 1000000;
    const char *path = argc > 2 ? argv[2] : made;
    if (argc <= 2 && !mkdtemp(folder)) return 1;
    snprintf(made, sizeof made, "%s/ledger.db", folder);
    struct ledger *ledger = hash_start() ? ledger_open(path, problem, sizeof problem) : NULL;
    bool good =
        ledger && (attempts == 0 || fill(ledger, attempts)) && ask_all(ledger) && look_up(ledger) && change(ledger);
    if (!good) fprintf(stderr, "%s: %s\n", path, ledger ? ledger_problem(ledger) : problem);
    ledger_close(ledger);
    if (good && json)
        printf("{\"attempts\": %llu, \"written_per_second\": %.0f, \"slowest_question_ms\": %.1f}\n",
               (unsigned long long)attempts, written, slowest_question * 1e3);
    if (argc > 2) return !good;
    unlink(made);
    rmdir(folder);
    return !good;
}
