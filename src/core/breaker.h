/* breaker.h - a circuit breaker in words: closed, open, half-open (M. Nygard, Release It!).
 *
 *   all, own: 63..62 state | 61..46 round | 45..38 calls out | 37..30 successes | 29..0 deadline, 10 ms ticks
 *   row:      the failures in a row, and whose they are (blame.h)
 *   failed:   the window's failures, and whose; its tag is the window's number
 *   calls:    63..48 the window's number | 31..0 its calls
 *
 * Failures open it for all as far as several clients met them (blame.h). Those of one client alone open it for that
 * one: `own` is a breaker for the client that `owner` names, and the others go on past it. Where there is one client,
 * that is all there is: its own breaker opens, is tried and closes by the same rules. One client at a time has one; a
 * later one takes its place.
 *
 * Each opening is a round of its own. An admission hands out a ticket of its round, and the caller owes exactly one
 * report or release with it; one of another round, or of another state than it was let out in, changes nothing. Pure
 * but for the words: reads no clock, never allocates. Any thread. */
#ifndef WEIR_CORE_BREAKER_H
#define WEIR_CORE_BREAKER_H

#include "core/blame.h"
#include "core/cell.h"

struct breaker_rules {
    uint16_t failure_threshold;   /* failures in a row that open it; 1 and more */
    uint16_t half_open_max_calls; /* 1 to 255: calls out at once while half-open */
    uint16_t success_threshold;   /* 1 to 255: good probes that close it */
    uint16_t failure_share;       /* percent of the window's calls that open it; 0: not looked at */
    uint16_t window_calls_min;    /* below so many calls a window says nothing */
    uint64_t window_ns;
    uint64_t open_ns; /* how long it stays open; a probe's place expires after it too */
    uint64_t ramp_ns; /* after closing again, traffic comes back over this time; 0: at once */
};

enum breaker_state { breaker_closed, breaker_open, breaker_half_open };

struct breaker {
    struct cell all, own; /* all zero: closed, never opened */
    struct cell owner;    /* the hash of the client that `own` is about */
    struct cell row, failed, calls;
};

/* In which round, and as what, one of the two let it out. */
struct breaker_pass {
    uint16_t round;
    bool probe;
};

struct breaker_ticket {
    uint64_t client;
    struct breaker_pass all, own;
    bool told; /* set once good was reported with it: what is reported after that has no place to give back */
};

enum breaker_change { breaker_unchanged, breaker_opened, breaker_opened_for_one, breaker_closed_again };

struct breaker_view {
    enum breaker_state state; /* open past its deadline is shown as half-open */
    uint16_t round;
    unsigned calls_out, successes, failures_in_row;
    uint64_t until_ns; /* open: when it may be tried; else 0 */
};

/* Would a call of this client's be let out now? A look; nothing is taken. A client is any hash, callers without a key
 * are one; blame_nobody: failures are no caller's doing and count for all. */
bool breaker_would_admit(const struct breaker *breaker, const struct breaker_rules *rules, uint64_t client,
                         uint64_t now_ns);
/* Takes: an open breaker past its deadline becomes half-open, and half-open lets out half_open_max_calls at once. */
bool breaker_admit(struct breaker *breaker, const struct breaker_rules *rules, uint64_t client, uint64_t now_ns,
                   struct breaker_ticket *ticket) __attribute__((warn_unused_result));
/* The call's verdict. A failure of a probe opens it again: for its client, and for all once a second one's fails. It
 * stays open until now + open_ns or `not_before_ns` (a provider's Retry-After; 0: none), whichever is later; a deadline
 * never moves earlier. */
enum breaker_change breaker_report(struct breaker *breaker, const struct breaker_rules *rules, uint64_t now_ns,
                                   struct breaker_ticket ticket, bool good, uint64_t not_before_ns);
/* No verdict: the caller hung up, or the failure was nobody's. Gives a probe's place back. */
void breaker_release(struct breaker *breaker, struct breaker_ticket ticket);
/* Opens or closes by hand, for all. Tickets that are out no longer count. */
void breaker_force(struct breaker *breaker, const struct breaker_rules *rules, uint64_t now_ns, bool open);
/* As this client meets it; blame_nobody: as it is for all. */
struct breaker_view breaker_view(const struct breaker *breaker, const struct breaker_rules *rules, uint64_t client,
                                 uint64_t now_ns);
/* The client that has a breaker of its own, or had it last: what it meets may differ from what all others do. */
uint64_t breaker_owner(const struct breaker *breaker);
/* 0 to 1: how much of its traffic a breaker that has closed again should get now; 1 when it never opened. */
double breaker_ramp(const struct breaker *breaker, const struct breaker_rules *rules, uint64_t client, uint64_t now_ns);

#endif
