/* sim.h - a deterministic run of the engine: the production flights against callers and providers that are drawn from a
 * seed.
 *
 * One seed draws everything: the configuration, the callers, the providers' replies and faults, how bytes are cut and
 * when. One generator a concern, so that a change in one leaves the others alone. The clock is virtual; there are no
 * threads and no sockets. */
#ifndef WEIR_SIM_H
#define WEIR_SIM_H

#include "base/prng.h"
#include "base/turns.h"
#include "config/config.h"
#include "flight/flight_internal.h"

enum { sim_arrivals_usual = 48, sim_arrivals_max = 200, sim_flights_max = sim_arrivals_max + 16, sim_pieces_max = 512 };

/* Bugs planted between the engine and the world, each of which the rules must catch. */
enum sim_mutant {
    mutant_none,
    mutant_settle_lost,
    mutant_end_twice,
    mutant_cancel_lost,
    mutant_byte_changed,
    mutant_timer_lost,
    mutant_probe_kept,       /* a hang-up keeps its probe's place */
    mutant_threshold_off,    /* the breaker opens one failure late */
    mutant_epoch_kept,       /* the lock moves within an epoch */
    mutant_place_lost,       /* a place that is given up is never handed on */
    mutant_rate_doubled,     /* the limiter lets twice as much through */
    mutant_share_ignored,    /* every request may be hedged */
    mutant_cells_forgotten,  /* a reload forgets breakers, limits and the lock */
    mutant_ranges_cut,       /* a write has a table of ranges, and drops what is past it */
    mutant_call_twice,       /* what performs a call sends it again by itself */
    mutant_late_taken,       /* bytes of a dead attempt reach the caller */
    mutant_reader_ignored,   /* a provider is read on while its caller reads nothing */
    mutant_body_over,        /* a body may be a byte longer than its limit */
    mutant_clients_share,    /* two clients have one client's limits */
    mutant_words_decide,     /* a key rests for words that a refusal quotes */
    mutant_one_caller,       /* a key rests for what one caller was forbidden */
    mutant_echo_passed,      /* what a provider echoes is not looked through */
    mutant_one_opens,        /* one client's failures count for all */
    mutant_line_in_order,    /* who came first is served first, whoever has been served */
    mutant_failovers_count,  /* an attempt at another target is a retry too */
    mutant_outage_grows,     /* failovers beyond the second have no budget */
    mutant_probes_ignored,   /* whose probes fail is asked like all others */
    mutant_limits_forgotten, /* a model's rate limit at a key is not remembered */
    mutant_limit_for_all,    /* one model's rate limit rests the key */
    mutant_limit_of_one,     /* one client's rate limit holds the others */
    mutant_answer_missing,   /* of several answers the last ones are not made */
    mutant_money_kept,       /* a hang-up gives nothing back of what was reserved */
    mutant_limit_doubled,    /* budgets let twice as much through */
    mutant_extent_unpaid,    /* a stream goes on without reserving what it goes on for */
    mutant_quota_doubled,    /* quotas do */
    mutant_quota_kept,       /* who hangs up keeps what it holds of one */
    mutant_kept_late,        /* an attempt is kept when its provider answers */
    mutant_settled_late,     /* what is settled is kept behind what it answers */
    mutant_values_doubled,   /* each value of a limit may have twice as much */
    mutant_value_kept,       /* who hangs up leaves a place in a limit taken */
    mutant_prefix_forgotten, /* where a prompt was answered is not remembered */
    mutant_prefix_for_ever,  /* it is remembered past its lifetime */
    mutants
};

/* What a provider will do with one call: its reply's bytes, cut at places, each piece at a time; then how it ends. */
struct sim_call {
    bool alive;
    unsigned number; /* raised at each call, so that steps of an old one are known */
    unsigned attempt;
    int status;
    const char *content_type;
    bool until_close;
    char *bytes; /* the body; owned */
    size_t len;
    size_t cuts[sim_pieces_max];
    size_t piece_count, piece_next;
    enum failure ending; /* failure_none: a good end */
    bool never_ends, never_begins, late_events, said_all;
    bool reading;       /* back-pressure */
    bool waits;         /* a piece is due, but is not read */
    char key[40];       /* that it was sent */
    bool quotes;        /* its refusal quotes words of its caller's */
    enum failure means; /* what its refusal's status and code say; failure_none: its status alone */
    char *wanted;       /* what a caller that gets this whole reply must have got; owned */
    size_t wanted_len;
    bool sound;            /* nothing goes wrong with it */
    bool stream, complete; /* it carries everything that a good answer has */
    unsigned answers;      /* that it was asked for */
};

/* What a naive reader of the rules would keep of a breaker: plain numbers, no words. */
struct sim_circuit {
    unsigned probes, epoch, successes;
    enum breaker_state state;
    uint64_t until_ns;
};
/* For all, and for one client alone. Of the failures in a row two of different clients strike each other out; those
 * that are left are one client's. */
struct sim_breaker {
    struct sim_circuit all, own;
    bool has_owner;
    unsigned owner, left_of, left, struck;
};
struct sim_ticket {
    struct {
        unsigned epoch;
        bool probe;
    } all, own;
    bool told; /* that it is good: its place is given back */
};

/* What a naive reader would know of a key: how long it may rest, and who was forbidden something lately. */
enum { sim_keys_max = 3, sim_suspects_max = 64 };
enum { sim_providers_max = 6, sim_targets_max = 32, sim_calls_max = 4096 };
struct sim_met {
    struct {
        uint64_t at_ns;
        unsigned client; /* 0: clients are not told apart */
        uint32_t target;
    } by[sim_suspects_max];
    unsigned count;
};
struct sim_key {
    uint64_t rests_until_ns;
    struct sim_met refused, limited; /* with no answer since */
    struct {
        uint64_t until_ns, all_until_ns; /* for the one who met it; for all */
        unsigned client;
    } limits[sim_targets_max]; /* for each model alone */
};

enum { sim_reloads_max = 12 };

struct sim_provider {
    unsigned failing; /* percent of its calls, for now */
    unsigned live;    /* attempts that hold a place */
    unsigned places_on_the_way;
    struct breaker_rules breaker; /* as written */
    struct limiter_rules minute;
    uint64_t sent_ns[sim_calls_max]; /* when requests went out that counted */
    unsigned sent_count;
    struct sim_key keys[sim_keys_max];
    const struct provider *latest; /* of the newest configuration that has it */
    char written[1280];            /* in the configuration */
    bool absent, drained;          /* by the operator */
    unsigned probes_bad;           /* in a row, with no answer since */
};

enum { sim_clients_max = 3 };

/* What a naive reader of its limits would keep of a client. */
struct sim_client {
    unsigned live, max_concurrent;
    struct limiter_rules minute;      /* as written */
    uint64_t taken_ns[sim_calls_max]; /* when requests were admitted */
    unsigned taken_count;
};

/* What a naive reader would keep of budgets: sums of each window. */
enum { sim_sums_max = 1024, sim_limits_max = 64 };
struct sim_sum {
    uint64_t budget, window_s;
    const struct money_value *value; /* of a split budget */
    struct hash_tag tag;             /* which it is: its place may become another's */
    int64_t reserved, spent;
};
struct sim_money {
    struct prng draw;
    bool on, extends;
    unsigned named, sum_count, limit_count;
    struct sim_sum sums[sim_sums_max];
    struct {
        uint64_t budget;
        int64_t nano_usd;
    } limits[sim_limits_max]; /* as written */
};

/* And of providers' quotas: what each window has counted and holds; the limits as they are written. */
enum { sim_quotas_max = 2 }; /* of a provider */
struct sim_quota_held {
    uint64_t quota, window_s;
    int64_t units;
};
struct sim_quota {
    bool on;
    struct prng draw;
    unsigned sum_count, limit_count;
    struct sim_sum sums[sim_sums_max];
    struct {
        uint64_t quota;
        int64_t units;
    } limits[sim_limits_max];
};

/* And of limits by value: what each has in flight, and when requests were taken that counted. */
enum { sim_rate_limits_max = 8, sim_limit_words_max = 160, sim_limit_taken_max = 512, sim_limit_uses_max = 16 };
struct sim_limit_words {
    const struct limit_words *words;
    const struct limit_rules *rules; /* as written */
    unsigned live, taken_count, uncalled;
    uint64_t taken_ns[sim_limit_taken_max];
};
/* Where a prompt was answered last. */
struct sim_prompt {
    uint64_t key;
    const struct target_cells *at;
    uint64_t until_s;
};
enum { sim_prompts_max = 512 };
struct sim_prefix {
    struct prng draw;
    bool on;
    struct sim_prompt prompts[sim_prompts_max];
    unsigned count;
    struct prefix_memory memory;
};

struct sim_limits {
    bool on;
    struct prng draw;
    unsigned rule_count, word_count;
    struct {
        uint64_t identity;
        struct limit_rules rules;
    } rules[sim_rate_limits_max];
    struct sim_limit_words words[sim_limit_words_max];
};
struct sim_limit_use { /* of one caller */
    const struct limit_words *words;
    unsigned under;
    uint64_t taken_ns; /* 0: not yet */
    bool counted;
};

enum { sim_lanes = 2 };         /* calls of a flight at once */
enum { sim_attempts_max = 64 }; /* of a flight, by what is drawn for it */

struct sim_caller {
    unsigned generation; /* a place is used again when its flight has closed */
    unsigned serial;     /* of all that came */
    struct flight *flight;
    struct sim_call lanes[sim_lanes];
    unsigned call_number; /* of the newest call */
    char *body;           /* the request's; owned */
    size_t body_len, body_sent;
    bool body_done, gone, closed, responded, ended, aborted;
    bool full;
    unsigned reader;      /* percent of the pieces that are too much for it at once; 100: it hardly reads */
    uint64_t room_ns_max; /* how long it may take to have room again */
    bool asks_stream, asks_usage;
    unsigned answers_wanted, answers; /* asked for; made, each by a call of its own */
    const struct target *answered_by; /* the last of them */
    char *said;                       /* what they say; owned */
    size_t said_len;
    int status;
    int64_t content_length;
    char *got; /* owned */
    size_t got_len, got_size;
    int source;               /* the attempt whose bytes it got; -1: weir's own */
    uint64_t settled, called; /* bit per attempt */
    unsigned calls;
    uint64_t timer_ns, started_ns, hang_up_ns; /* 0: none */
    unsigned timer_number;
    const struct client *client;
    unsigned client_index;
    bool client_counted; /* its request is one of the client's that are in flight */
    unsigned forbidden;  /* bit per provider that was gone or drained when it came */
    bool in_line;
    struct turns_place place;
    uint64_t joined; /* the line: when, in the order of all that happens there */
    uint64_t began;  /* bit per attempt: its place and its breaker are counted */
    struct sim_ticket tickets[sim_attempts_max], provider_tickets[sim_attempts_max]; /* of the naive breakers */
    bool told[sim_attempts_max];
    int64_t reserved[sim_attempts_max]; /* by each attempt, of each of its budgets */
    size_t text_seen;                   /* of what it got; in which so much text stood: */
    int64_t text_bytes;
    struct sim_quota_held quota_held[sim_attempts_max][sim_quotas_max];
    uint64_t quota_sent; /* bit per attempt: its bytes went out, or something came back */
    unsigned failovers;
    struct sim_limit_use limit_uses[sim_limit_uses_max];
    unsigned limit_use_count;
};

struct sim_step {
    uint64_t at_ns, order;
    enum { step_body, step_gone, step_reply, step_timer, step_room, step_place, step_mood, step_reload } kind;
    unsigned caller, number, generation;
};

typedef unsigned __int128 sim_marks;
struct sim {
    uint64_t seed, step_count, hash;
    enum sim_mutant mutant;
    bool trace, tampered;
    struct prng arrivals, providers, faults, cuts, policy, poison, several;
    struct config config;
    struct config old[sim_reloads_max]; /* flights that began with them may go on */
    unsigned old_count, provider_total;
    struct cells cells;
    char head[512], fast[256], lock_route[128], clients[4096]; /* the parts of the configuration beside the providers */
    struct config_ids ids;
    struct budget bodies;
    struct arena scratch;
    struct flight_host host;
    struct now now;
    struct sim_caller callers[sim_flights_max];
    unsigned caller_count, open_count;  /* places used so far; flights that are open */
    unsigned long long arrived, wanted; /* flights in all; wanted 0: drawn */
    bool one_route;                     /* everybody wants the same */
    struct sim_step *heap;
    size_t heap_count, heap_size;
    uint64_t order;
    struct sim_provider world[sim_providers_max];
    struct sim_client client_world[sim_clients_max];
    unsigned client_total;
    struct sim_money money;
    struct sim_quota quota;
    struct sim_limits limits;
    struct sim_prefix prefix;
    struct sim_crash *crash; /* NULL: nobody looks */
    struct prng crashes;
    unsigned poisoned; /* bit per client, from 1; 0: who has no key: most of its calls fail, wherever they go */
    size_t body_max;   /* as written */
    uint32_t target_ids[sim_targets_max]; /* whose breakers these are; durable, from 1 */
    struct sim_breaker target_breakers[sim_targets_max], provider_breakers[sim_providers_max];
    unsigned line[sim_flights_max]; /* callers that wait for a place, in order */
    unsigned line_count;
    struct list turns;                                                    /* the same ones, as clients take turns */
    uint64_t line_order, turn_of[sim_providers_max][sim_clients_max + 1]; /* each client's last turn */
    struct lock_view lock;
    uint64_t hedged_ns[sim_calls_max], hedgeable_ns[sim_calls_max]; /* hedges and requests of the route that hedges */
    unsigned hedged_count, hedgeable_count, hedge_permille;         /* the share as written */
    unsigned retries_max, attempts_max, failover_permille;          /* as written; attempts_max 0: none */
    struct {
        uint64_t at_ns;
        const struct route_cells *route;
    } far[sim_calls_max]; /* failovers beyond a request's second one */
    unsigned far_count;
    uint64_t came_ns[sim_calls_max]; /* when requests were admitted */
    unsigned came_count;
    unsigned mood_count;
    bool healed;      /* every fault has ended: all must serve again */
    sim_marks marks;  /* bit per named mark */
    char broken[256]; /* the first rule that did not hold; empty: all do */
};

/* sim_rules.c: false once a rule is broken (also from before). */
bool sim_rule(struct sim *sim, bool holds, const char *rule, unsigned caller);
void sim_check_action(struct sim *sim, unsigned caller, const struct action *action);
void sim_check_closed(struct sim *sim, unsigned caller);

/* Rare situations that the seeds must come upon. */
#define SIM_MARKS(X)          \
    X(breaker_opened)         \
    X(breaker_opened_for_one) \
    X(probe_spoiled_by_one)   \
    X(breaker_probed)         \
    X(breaker_closed_again)   \
    X(probe_released)         \
    X(place_handed_over)      \
    X(waiter_timed_out)       \
    X(clients_took_turns)     \
    X(line_share_refused)     \
    X(everybody_asked)        \
    X(demoted_passed_over)    \
    X(limited_for_a_model)    \
    X(limited_as_key)         \
    X(demoted_asked)          \
    X(failover_budget_spent)  \
    X(place_without_waiter)   \
    X(lock_moved)             \
    X(lock_guest)             \
    X(lock_inside)            \
    X(lock_all_failed)        \
    X(rate_refused)           \
    X(retried_same_target)    \
    X(key_rotated)            \
    X(nobody_available)       \
    X(client_refused)         \
    X(answered_after_line)    \
    X(stream_resumed)         \
    X(resume_given_up)        \
    X(hedge_won)              \
    X(hedge_lost)             \
    X(hedge_failed)           \
    X(body_refused)           \
    X(body_at_limit)          \
    X(many_frames)            \
    X(reader_stalled)         \
    X(late_event)             \
    X(key_echoed)             \
    X(key_suspected)          \
    X(words_quoted)           \
    X(several_gathered)       \
    X(several_streamed)       \
    X(several_broken)         \
    X(answer_made_elsewhere)  \
    X(params_after_failover)  \
    X(money_reserved)         \
    X(money_refused)          \
    X(money_late)             \
    X(money_split)            \
    X(money_crowded)          \
    X(money_forgotten)        \
    X(limit_refused)          \
    X(limit_split)            \
    X(limit_crowded)          \
    X(limit_given_back)       \
    X(money_extended)         \
    X(money_cut)              \
    X(quota_taken)            \
    X(quota_used_up)          \
    X(quota_late)             \
    X(quota_given_back)       \
    X(crash_lost)             \
    X(crash_lost_money)       \
    X(crash_settled)          \
    X(prefix_kept)            \
    X(prefix_over)            \
    X(held_to_the_limit) X(provider_removed) X(provider_back) X(provider_drained) X(removed_in_flight) X(clock_jumped)
enum sim_mark {
#define X(name) mark_##name,
    SIM_MARKS(X)
#undef X
        marks_all
};
_Static_assert(marks_all <= 128, "each has a bit");
void sim_reached(struct sim *sim, enum sim_mark mark);

/* sim_decisions.c: what decisions must keep, against plain counts. */
void sim_decisions_call(struct sim *sim, unsigned caller, const struct attempt *attempt);
/* Its place among the targets that the run has seen. */
unsigned sim_target_index(struct sim *sim, const struct target *target);
void sim_decisions_settled(struct sim *sim, unsigned caller, const struct attempt *attempt);
/* It begins to stand in line; a place is its. */
void sim_decisions_wait(struct sim *sim, unsigned caller);
void sim_decisions_turn(struct sim *sim, unsigned caller);
/* Another loop's requests have had all the failovers that the route of all targets may have for now. */
void sim_decisions_outage(struct sim *sim);
/* Some health checks of a provider. */
void sim_decisions_probes(struct sim *sim, unsigned provider);
/* The request is complete. */
void sim_decisions_admitted(struct sim *sim, const struct flight *flight);
void sim_decisions_step(struct sim *sim, unsigned caller);
void sim_decisions_rest(struct sim *sim);

/* sim_clients.c: what each client may, and that nobody else's requests count for it. */
void sim_clients_draw(struct sim *sim, struct text *yaml);
/* After a step that may have admitted a request, or refused it. */
void sim_clients_step(struct sim *sim, unsigned caller);
void sim_clients_closed(struct sim *sim, unsigned caller);

/* sim_calls.c: several answers by a call each. */
void sim_calls_settled(struct sim *sim, unsigned caller, const struct attempt *attempt);
/* Of a caller who got such an answer. */
void sim_calls_closed(struct sim *sim, unsigned caller);
/* sim_money.c: what may be spent. Parts of the configuration; what of it the rules go by. */
void sim_money_draw(struct sim *sim);
void sim_money_owners(struct sim *sim, struct text *yaml);
void sim_money_client(struct sim *sim, struct text *yaml);
void sim_money_provider(struct sim *sim, struct text *yaml);
/* Do streams of the next provider that is drawn reserve as they go? */
bool sim_money_extends(struct sim *sim);
void sim_money_config(struct sim *sim);
void sim_money_call(struct sim *sim, unsigned caller, const struct attempt *attempt, const struct action *action);
void sim_money_settled(struct sim *sim, unsigned caller, const struct attempt *attempt);
/* After a step: the engine's words say what the plain sums say. */
void sim_money_step(struct sim *sim, unsigned caller);
/* Was it refused for its budgets? */
bool sim_money_refused(struct sim *sim, const struct flight *flight);
void sim_money_rest(struct sim *sim);

/* sim_quota.c: what may be asked of providers in a time, against plain counts. */
void sim_quota_draw(struct sim *sim);
void sim_quota_provider(struct sim *sim, struct text *yaml);
void sim_quota_config(struct sim *sim);
void sim_quota_call(struct sim *sim, unsigned caller, const struct attempt *attempt);
void sim_quota_event(struct sim *sim, unsigned caller, const struct event *event);
void sim_quota_settled(struct sim *sim, unsigned caller, const struct attempt *attempt);
void sim_quota_step(struct sim *sim, unsigned caller);
void sim_quota_closed(struct sim *sim, const struct flight *flight);
void sim_quota_rest(struct sim *sim);

/* sim_limits.c: limits by model and end user, against plain counts. */
/* sim_prefix.c: prompts that stay where they were answered. */
void sim_prefix_draw(struct sim *sim);
/* What it adds to a route's settings; the session of a new request, if it has one. */
void sim_prefix_route(const struct sim *sim, char *into, size_t size);
bool sim_prefix_session(struct sim *sim, char *into, size_t size);
void sim_prefix_call(struct sim *sim, unsigned caller, const struct attempt *attempt);
void sim_prefix_settled(struct sim *sim, unsigned caller, const struct attempt *attempt);

void sim_limits_draw(struct sim *sim);
void sim_limits_client(struct sim *sim, struct text *yaml);
/* What a body says of its end user: a member with its comma, or nothing. */
void sim_limits_user(struct sim *sim, char *into, size_t size);
void sim_limits_config(struct sim *sim);
void sim_limits_call(struct sim *sim, unsigned caller, const struct attempt *attempt);
void sim_limits_settled(struct sim *sim, unsigned caller, const struct attempt *attempt);
void sim_limits_step(struct sim *sim, unsigned caller);
void sim_limits_closed(struct sim *sim, unsigned caller);
/* Was it one of these that refused it? */
bool sim_limits_refused(const struct flight *flight);
void sim_limits_rest(struct sim *sim);

/* sim_crash.c: what is on the disk should the process die, between any two actions. */
void sim_crash_begin(struct sim *sim, struct prng *draw);
void sim_crash_end(struct sim *sim);
/* An attempt is about to go out. */
void sim_crash_call(struct sim *sim, unsigned caller, unsigned attempt);
/* A step has been made, and nothing of it performed. */
void sim_crash_step(struct sim *sim, unsigned caller, const struct actions *actions);
void sim_crash_delivered(struct sim *sim, unsigned caller, unsigned attempt);
/* How far its attempts are; before its flight is freed too. */
void sim_crash_note(struct sim *sim, unsigned caller);
/* Now and then: as if the process died here. */
void sim_crash_look(struct sim *sim);

/* sim_keys.c: credentials: no key rests without cause, and none comes back to a caller. */
/* No call goes out with a key that rests for its model. */
void sim_keys_call(struct sim *sim, unsigned caller, const struct attempt *attempt);
void sim_keys_settled(struct sim *sim, unsigned caller, const struct attempt *attempt);
void sim_keys_check_bytes(struct sim *sim, unsigned caller, struct str bytes);

/* sim_provider.c: draws what this call will meet. */
void sim_call_begin(struct sim *sim, unsigned caller, const struct action *action);
void sim_call_free(struct sim_call *call);
/* The call of this attempt, over or not; NULL: another has taken its place. */
struct sim_call *sim_call_of(struct sim_caller *caller, unsigned attempt);
/* One more event of the call, into *event; false: it says nothing more. */
bool sim_call_event(struct sim *sim, struct sim_call *call, struct event *event);

/* sim_world.c: by its name, as configurations come and go. */
unsigned sim_index(const struct provider *provider);
void sim_schedule(struct sim *sim, uint64_t in_ns, int kind, unsigned caller, unsigned number);
/* sim_told.c: folds it into the run's number: an action; all that is told of a flight; what a preview says of a request
 * that is whole; the words at rest. */
void sim_told(struct sim *sim, uint64_t value);
void sim_told_action(struct sim *sim, unsigned caller, const struct action *action);
void sim_told_flight(struct sim *sim, const struct flight *flight);
void sim_told_preview(struct sim *sim, const struct sim_caller *caller);
void sim_told_rest(struct sim *sim);
/* A file of runs, compared or written. */
int sim_runs(const char *path, bool writes);

/* Runs a seed to its end, with so many flights (0: as many as it draws). false: a rule was broken. */
bool sim_run(struct sim *sim, uint64_t seed, unsigned long long flights, enum sim_mutant mutant, bool trace);
uint64_t sim_between(struct prng *prng, uint64_t low, uint64_t high);
bool sim_chance(struct prng *prng, unsigned percent);

#endif
