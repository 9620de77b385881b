/* drain.c - what it takes to bring a journal's records into a fresh ledger, by the time of the processor, without what
 * writes the journal. drain [--json] [RECORDS [BATCH [PLACE [SESSIONS]]]] (20,000, in transactions of 2,500; a file
 * that is removed at the end, or where the ledger lies: a file, `-` for that one, or a URL of PostgreSQL's; so many
 * sessions by turns, none)
 *
 * Each is a request of one client whose path is four deep, with eight budgets, as the governed row of bench/run has
 * them. `valgrind --tool=callgrind --toggle-collect=drain_all` counts its instructions. */
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/prng.h"
#include "store/ledger.h"

enum { charges = 8 };
static const int64_t begin_ms = INT64_C(1790000000000), records_per_ms = 5;

struct draining {
    struct ledger *ledger;
    struct journal *journal;
    uint64_t records, written, batch, told, sessions;
    struct prng prng;
    double took;
    char problem[512];
};

static double seconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static bool record_write(struct draining *draining, uint64_t number) {
    struct record_charge to[charges];
    char id[40], session[32];
    const int64_t time_ms = begin_ms + (int64_t)number / records_per_ms, input = 150 + (int64_t)(number % 50);
    snprintf(id, sizeof id, "req_%08x%016llx", (unsigned)(time_ms >> 4),
             (unsigned long long)prng_next(&draining->prng));
    for (unsigned i = 0; i < charges; i++)
        to[i] = record_charge_of(0x9e3779b97f4a7c15u * (i + 1), begin_ms / 1000 / 3600 * 3600, 0);
    struct record record = {.texts = {[record_request_id] = str_from(id),
                                      [record_endpoint] = STR("chat"),
                                      [record_outcome] = STR("ok"),
                                      [record_provider] = STR("upstream"),
                                      [record_model] = STR("gpt-4o-mini"),
                                      [record_client] = STR("bench"),
                                      [record_route] = STR(""),
                                      [record_owner] = STR("ada|search|acme"),
                                      [record_metered] = STR("")},
                            .words = {[record_asked] = journal_word(draining->journal, STR("gpt-4o-mini"))},
                            .charges = to,
                            .charge_count = charges};
    if (draining->sessions) {
        snprintf(session, sizeof session, "session-%llu", (unsigned long long)(number % draining->sessions));
        record.words[record_session] = journal_word(draining->journal, str_from(session));
    }
    int64_t *numbers = record.numbers;
    numbers[record_time_ms] = time_ms;
    numbers[record_status] = 200;
    numbers[record_flags] = record_succeeded;
    numbers[record_duration_us] = 400 + (int64_t)prng_below(&draining->prng, 900);
    numbers[record_first_token_us] = 0;
    numbers[record_input_tokens] = input;
    numbers[record_output_tokens] = 240;
    numbers[record_cost_nano_usd] = input * 150 + 240 * 600;
    numbers[record_input_nano_usd] = input * 150;
    numbers[record_output_nano_usd] = 240 * 600;
    numbers[record_provider_nano_usd] = -1;
    numbers[record_prompt_tokens] = input;
    numbers[record_output_cap] = 256;
    numbers[record_generation] = 1;
    return journal_add(draining->journal, 0, &record);
}

/* A transaction's. */
static bool batch_write(struct draining *draining) {
    for (uint64_t i = 0; i < draining->batch && draining->written < draining->records; i++, draining->written++)
        if (!journal_provide(draining->journal, draining->problem, sizeof draining->problem) ||
            !record_write(draining, draining->written))
            return false;
    return true;
}

static bool drain_take(void *context, struct journal_source source, const struct record *record) {
    struct draining *draining = context;
    return ledger_add(draining->ledger, source, record);
}

/* For the profiler it has a name of its own. */
__attribute__((noinline)) static bool drain_all(struct draining *draining) {
    if (!ledger_begin(draining->ledger)) return false;
    size_t told = journal_tell(draining->journal, draining->batch + 8, drain_take, draining);
    draining->told += told;
    return ledger_commit(draining->ledger);
}

static bool drain(struct draining *draining) {
    while (draining->written < draining->records) {
        if (!batch_write(draining)) return false;
        double began = seconds();
        if (!drain_all(draining)) return false;
        draining->took += seconds() - began;
        journal_keep(draining->journal);
    }
    return draining->told >= draining->records;
}

static int drop(const char *path, const struct stat *facts, int kind, struct FTW *place) {
    (void)facts, (void)kind, (void)place;
    return remove(path);
}

int main(int argc, char **argv) {
    char folder[] = "/tmp/weir-drain-XXXXXX", file[64];
    const bool json = argc > 1 && strcmp(argv[1], "--json") == 0;
    argc -= json, argv += json;
    struct draining draining = {.records = argc > 1 ? strtoull(argv[1], NULL, 10) : 20000,
                                .batch = argc > 2 ? strtoull(argv[2], NULL, 10) : 2500,
                                .sessions = argc > 4 ? strtoull(argv[4], NULL, 10) : 0};
    const bool named = argc > 3 && strcmp(argv[3], "-") != 0;
    if (!hash_start() || !mkdtemp(folder)) return 1;
    snprintf(file, sizeof file, "%s/ledger.db", folder);
    prng_seed(&draining.prng, 20261122);
    draining.ledger = ledger_open(named ? argv[3] : file, draining.problem, sizeof draining.problem);
    draining.journal =
        draining.ledger ? journal_open(folder, 1, 64u << 20, draining.problem, sizeof draining.problem) : NULL;
    bool good = draining.journal && drain(&draining);
    if (!good)
        fprintf(stderr, "%s %s\n", draining.problem, draining.ledger ? ledger_problem(draining.ledger) : "no ledger");
    const double us = draining.took * 1e6 / (double)draining.records;
    if (good && json)
        printf("{\"records\": %llu, \"us_per_record\": %.2f}\n", (unsigned long long)draining.records, us);
    if (good && !json)
        printf("%llu records in transactions of %llu: %.2f us each, %.0f a second\n",
               (unsigned long long)draining.records, (unsigned long long)draining.batch, us, 1e6 / us);
    journal_close(draining.journal);
    ledger_close(draining.ledger);
    nftw(folder, drop, 8, FTW_DEPTH | FTW_PHYS);
    return !good;
}
