/* sim_crash.c - a process may die between any two actions. What it has left on its disk by then is read as the next one
 * reads it: each attempt whose provider may know of it is there once, settled to what the budgets' words say or lost,
 * and what is lost takes no more than was reserved. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/check.h"
#include "runtime/attempt_records.h"
#include "sim.h"

enum { looks_max = 12, look_percent = 4, flights_max = 1024, sums_max = 1024 };
enum left { left_nothing, left_lost, left_settled };

struct sim_crash {
    struct journal *journal;
    char folder[64];
    unsigned looks;
    struct {
        unsigned char due, found;
        int64_t cost;
    } attempts[flights_max][sim_attempts_max];
    struct sim_sum sums[sums_max]; /* of a look: `reserved` is what is lost */
    unsigned sum_count;
};

void sim_crash_begin(struct sim *sim, struct prng *draw) {
    if (!sim_chance(draw, 10)) return;
    struct sim_crash *crash = sim->crash = calloc(1, sizeof *crash);
    char problem[300];
    snprintf(crash->folder, sizeof crash->folder, "%s/weir-sim-XXXXXX",
             access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    CHECK(mkdtemp(crash->folder));
    crash->journal = journal_open(crash->folder, 1, 64 << 20, problem, sizeof problem);
    CHECKF(crash->journal, "%s", problem);
}

void sim_crash_end(struct sim *sim) {
    struct sim_crash *crash = sim->crash;
    char path[128];
    if (!crash) return;
    journal_close(crash->journal);
    journal_replayed(crash->folder, NULL);
    snprintf(path, sizeof path, "%s/journal", crash->folder);
    CHECK(rmdir(path) == 0 && rmdir(crash->folder) == 0);
    free(crash);
    sim->crash = NULL;
}

static void room_make(struct sim_crash *crash) {
    char problem[300];
    CHECKF(journal_provide(crash->journal, problem, sizeof problem), "%s", problem);
}

void sim_crash_call(struct sim *sim, unsigned number, unsigned attempt) {
    if (!sim->crash) return;
    room_make(sim->crash);
    bool kept = attempt_record_sent(sim->crash->journal, 0, sim->callers[number].flight, attempt);
    sim_rule(sim, kept, "there is a place for what goes out", number);
}

void sim_crash_step(struct sim *sim, unsigned number, const struct actions *actions) {
    for (size_t i = 0; i < actions->count && sim->crash; i++) {
        if (actions->list[i].kind != action_settled) continue;
        room_make(sim->crash);
        bool kept =
            attempt_record_settled(sim->crash->journal, 0, sim->callers[number].flight, actions->list[i].attempt);
        sim_rule(sim, kept, "there is room for what is settled", number);
    }
}

void sim_crash_delivered(struct sim *sim, unsigned number, unsigned attempt) {
    if (sim->crash) attempt_record_delivered(sim->callers[number].flight, attempt);
}

void sim_crash_note(struct sim *sim, unsigned number) {
    const struct sim_caller *caller = &sim->callers[number];
    if (!sim->crash || !caller->flight) return;
    CHECKF(caller->serial < flights_max, "serial=%u", caller->serial);
    for (unsigned i = 0; i < caller->flight->attempt_count && i < sim_attempts_max; i++) {
        const struct attempt *attempt = caller->flight->attempts[i];
        if (!(caller->called >> i & 1)) continue;
        sim->crash->attempts[caller->serial][i].due = attempt->state == attempt_settled ? left_settled : left_lost;
        sim->crash->attempts[caller->serial][i].cost = attempt->cost_nano_usd;
    }
}

static struct sim_sum *sum_of(struct sim_crash *crash, const struct record_charge *charge) {
    const int64_t window_s = record_charge_window(charge);
    unsigned at = 0;
    while (at < crash->sum_count &&
           (crash->sums[at].budget != charge->budget || crash->sums[at].window_s != (uint64_t)window_s))
        at++;
    CHECKF(at < sums_max, "sums=%u", at);
    if (at == crash->sum_count)
        crash->sums[crash->sum_count++] = (struct sim_sum){.budget = charge->budget, .window_s = (uint64_t)window_s};
    return &crash->sums[at];
}

static bool record_look(void *context, struct journal_source source, const struct record *record) {
    struct sim *sim = context;
    struct sim_crash *crash = sim->crash;
    (void)source;
    if (record->kind != record_of_attempt) return true;
    const bool lost = record->numbers[record_flags] & record_lost;
    const int64_t cost = record->numbers[record_cost_nano_usd];
    struct str id = record->texts[record_request_id];
    size_t dash = str_find(id, STR("-"));
    unsigned serial = (unsigned)strtoul(id.at + dash + 1, NULL, 10);
    unsigned number = (unsigned)record->numbers[record_attempt];
    CHECKF(dash != SIZE_MAX && serial < flights_max && number < sim_attempts_max, "%.*s", STR_ARG(id));
    const unsigned char due = crash->attempts[serial][number].due;
    sim_rule(sim, !crash->attempts[serial][number].found, "an attempt is on the disk once", serial);
    sim_rule(sim, lost ? due == left_lost : due != left_lost, "what is settled is on the disk as that", serial);
    sim_rule(sim, due != left_settled || cost == crash->attempts[serial][number].cost, "the disk knows what it cost",
             serial);
    crash->attempts[serial][number].found = lost ? left_lost : left_settled;
    for (size_t i = 0; i < record->charge_count; i++) {
        if (record_charge_units(&record->charges[i]) || cost <= 0) continue;
        struct sim_sum *sum = sum_of(crash, &record->charges[i]);
        *(lost ? &sum->reserved : &sum->spent) += cost;
        if (lost) sim_reached(sim, mark_crash_lost_money);
    }
    return true;
}

static void sums_look(struct sim *sim) {
    const struct snapshot *snapshot = sim->config.snapshot;
    for (size_t i = 0; i < snapshot->budget_count && sim->money.on; i++) {
        const struct money_budget *budget = snapshot->budgets[i];
        struct spend_view view = money_budget_look(budget, sim->now.wall_ns);
        struct record_charge charge = record_charge_of(budget->identity, (int64_t)view.start_s, 0);
        const struct sim_sum *sum = sum_of(sim->crash, &charge);
        sim_rule(sim, sum->spent == view.spent, "the disk knows what each budget has spent", 0);
        if (budget->mode == money_hard)
            sim_rule(sim, sum->reserved <= view.committed - view.spent, "what is lost takes no more than was reserved",
                     0);
    }
}

void sim_crash_look(struct sim *sim) {
    struct sim_crash *crash = sim->crash;
    struct journal_rest rest;
    if (!crash || crash->looks == looks_max || !sim_chance(&sim->crashes, look_percent)) return;
    crash->looks++;
    crash->sum_count = 0;
    for (unsigned i = 0; i < sim->caller_count; i++) sim_crash_note(sim, i);
    for (unsigned f = 0; f < flights_max; f++)
        for (unsigned a = 0; a < sim_attempts_max; a++) crash->attempts[f][a].found = left_nothing;
    sim_rule(sim, journal_replay(crash->folder, NULL, record_look, sim, &rest) && !rest.damaged, "the disk can be read",
             0);
    for (unsigned f = 0; f < flights_max; f++)
        for (unsigned a = 0; a < sim_attempts_max; a++)
            sim_rule(sim, !crash->attempts[f][a].due || crash->attempts[f][a].found,
                     "what a provider may know of is on the disk", f);
    sums_look(sim);
    sim_reached(sim, rest.sent ? mark_crash_lost : mark_crash_settled);
}
