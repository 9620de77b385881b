/* The circuit breaker: its states, its tickets, its edges. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/prng.h"
#include "core/breaker.h"

#define S 1000000000ull
static const struct breaker_rules rules = {.failure_threshold = 5,
                                           .half_open_max_calls = 3,
                                           .success_threshold = 2,
                                           .window_ns = 60 * S,
                                           .open_ns = 60 * S,
                                           .ramp_ns = 10 * S};

static const uint64_t alice = 0x1234567812345678, bob = 0x9999, carol = 0xc0ffee;
/* Whose calls these are: one client's, or nobody's. What both must do alike is tried with each. */
static uint64_t one = 0x1234567812345678;

static struct breaker_ticket admit(struct breaker *breaker, uint64_t now) {
    struct breaker_ticket ticket = {0};
    assert_true(breaker_admit(breaker, &rules, one, now, &ticket));
    return ticket;
}

/* What an opening is called: for one client it opens for that one. */
static enum breaker_change opened(void) { return one == blame_nobody ? breaker_opened : breaker_opened_for_one; }

static void fail_times(struct breaker *breaker, unsigned times, uint64_t now) {
    for (unsigned i = 0; i < times; i++) breaker_report(breaker, &rules, now, admit(breaker, now), false, 0);
}

static void opens_after_five_failures_in_a_row(void **state) {
    struct breaker breaker = {0};
    (void)state;
    fail_times(&breaker, 4, S);
    breaker_report(&breaker, &rules, S, admit(&breaker, S), true, 0);
    fail_times(&breaker, 4, S);
    assert_int_equal(breaker_view(&breaker, &rules, one, S).state, breaker_closed);
    assert_int_equal(breaker_report(&breaker, &rules, S, admit(&breaker, S), false, 0), opened());
    assert_false(breaker_would_admit(&breaker, &rules, one, S));
    assert_int_equal(breaker_view(&breaker, &rules, one, S).until_ns / S, 61);
    assert_false(breaker_would_admit(&breaker, &rules, one, 60 * S));
    assert_true(breaker_would_admit(&breaker, &rules, one, 61 * S));
}

static void half_open_lets_out_its_calls_and_closes_after_its_successes(void **state) {
    struct breaker breaker = {0};
    struct breaker_ticket probes[3], more;
    (void)state;
    fail_times(&breaker, 5, S);
    for (int i = 0; i < 3; i++) probes[i] = admit(&breaker, 62 * S);
    assert_true(probes[0].all.probe || probes[0].own.probe);
    assert_false(breaker_admit(&breaker, &rules, one, 62 * S, &more));
    assert_int_equal(breaker_report(&breaker, &rules, 63 * S, probes[0], true, 0), breaker_unchanged);
    assert_int_equal(breaker_report(&breaker, &rules, 63 * S, probes[1], true, 0), breaker_closed_again);
    assert_int_equal(breaker_report(&breaker, &rules, 63 * S, probes[2], false, 0), breaker_unchanged); /* too late */
    assert_int_equal(breaker_view(&breaker, &rules, one, 63 * S).state, breaker_closed);
}

static void a_failing_probe_opens_it_again_for_the_whole_time(void **state) {
    struct breaker breaker = {0};
    (void)state;
    fail_times(&breaker, 5, S);
    assert_int_equal(breaker_report(&breaker, &rules, 70 * S, admit(&breaker, 62 * S), false, 0), opened());
    assert_false(breaker_would_admit(&breaker, &rules, one, 129 * S));
    assert_true(breaker_would_admit(&breaker, &rules, one, 131 * S));
}

static void what_the_provider_said_makes_it_later_never_sooner(void **state) {
    struct breaker breaker = {0};
    (void)state;
    fail_times(&breaker, 4, S);
    breaker_report(&breaker, &rules, S, admit(&breaker, S), false, 200 * S);
    assert_false(breaker_would_admit(&breaker, &rules, one, 199 * S));
    breaker = (struct breaker){0};
    fail_times(&breaker, 4, S);
    breaker_report(&breaker, &rules, S, admit(&breaker, S), false, 2 * S);
    assert_false(breaker_would_admit(&breaker, &rules, one, 60 * S));
}

static void a_ticket_of_another_round_changes_nothing(void **state) {
    struct breaker breaker = {0};
    (void)state;
    struct breaker_ticket old = admit(&breaker, S);
    fail_times(&breaker, 5, S);
    assert_int_equal(breaker_report(&breaker, &rules, 2 * S, old, false, 500 * S), breaker_unchanged);
    struct breaker_ticket probe = admit(&breaker, 62 * S);
    breaker_report(&breaker, &rules, 62 * S, old, true, 0);
    breaker_release(&breaker, old);
    assert_int_equal(breaker_view(&breaker, &rules, one, 62 * S).calls_out, 1);
    breaker_release(&breaker, probe);
    breaker_release(&breaker, probe);
    assert_int_equal(breaker_view(&breaker, &rules, one, 62 * S).calls_out, 0);
}

static void a_probe_that_never_reports_loses_its_place(void **state) {
    struct breaker breaker = {0};
    struct breaker_ticket more;
    (void)state;
    fail_times(&breaker, 5, S);
    struct breaker_ticket lost = admit(&breaker, 62 * S);
    admit(&breaker, 62 * S);
    admit(&breaker, 100 * S);
    assert_false(breaker_admit(&breaker, &rules, one, 159 * S, &more)); /* 60 s from the last one */
    assert_true(breaker_admit(&breaker, &rules, one, 161 * S, &more));
    assert_int_equal(breaker_report(&breaker, &rules, 161 * S, lost, false, 0), breaker_unchanged);
}

static void the_round_and_the_clock_come_round(void **state) {
    uint64_t now = (1ull << 30) * 10000000ull - 30 * S; /* the ticks pass their top while it is open */
    struct breaker breaker = {0};
    (void)state;
    cell_store(&breaker.all, 0xffffull << 46); /* and so does the round */
    cell_store(&breaker.own, 0xffffull << 46);
    fail_times(&breaker, 5, now);
    assert_int_equal(breaker_view(&breaker, &rules, one, now).round, 0);
    assert_false(breaker_would_admit(&breaker, &rules, one, now + 59 * S));
    assert_true(breaker_would_admit(&breaker, &rules, one, now + 61 * S));
}

static void counts_stop_at_their_top(void **state) {
    struct breaker_rules high = rules;
    struct breaker breaker = {0};
    (void)state;
    high.failure_threshold = UINT16_MAX;
    struct breaker_ticket ticket;
    for (int i = 0; i < 70000; i++) {
        if (!breaker_admit(&breaker, &high, one, S, &ticket)) break;
        breaker_report(&breaker, &high, S, ticket, i % 3 != 0, 0);
    }
    assert_int_equal(breaker_view(&breaker, &high, one, S).state, breaker_closed);
}

static void a_share_of_failures_opens_it_once_there_are_enough_calls(void **state) {
    struct breaker_rules share = rules;
    struct breaker breaker = {0};
    struct breaker_ticket ticket;
    unsigned calls = 0;
    (void)state;
    share.failure_share = 50;
    share.window_calls_min = 20;
    while (breaker_admit(&breaker, &share, one, S, &ticket))
        breaker_report(&breaker, &share, S, ticket, calls++ % 2 == 0, 0);
    assert_int_equal(calls, 20);
}

static void traffic_comes_back_slowly(void **state) {
    struct breaker breaker = {0};
    (void)state;
    assert_true(breaker_ramp(&breaker, &rules, one, S) == 1);
    fail_times(&breaker, 5, S);
    for (int i = 0; i < 2; i++) breaker_report(&breaker, &rules, 62 * S, admit(&breaker, 62 * S), true, 0);
    assert_true(breaker_ramp(&breaker, &rules, one, 62 * S) <= 0.11);
    assert_true(breaker_ramp(&breaker, &rules, one, 67 * S) > 0.45 &&
                breaker_ramp(&breaker, &rules, one, 67 * S) < 0.55);
    assert_true(breaker_ramp(&breaker, &rules, one, 73 * S) == 1);
}

static unsigned report_by(struct breaker *breaker, const struct breaker_rules *by, uint64_t now, bool good) {
    struct breaker_ticket ticket;
    return breaker_admit(breaker, by, one, now, &ticket) ? breaker_report(breaker, by, now, ticket, good, 0) : 99;
}

static void a_window_counts_its_own_calls_only(void **state) {
    const struct breaker_rules share = {.failure_threshold = 100,
                                        .half_open_max_calls = 1,
                                        .success_threshold = 1,
                                        .failure_share = 50,
                                        .window_calls_min = 4,
                                        .window_ns = 10 * S,
                                        .open_ns = 60 * S};
    struct breaker breaker = {0};
    (void)state;
    for (int i = 0; i < 3; i++) assert_int_equal(report_by(&breaker, &share, 19 * S, false), breaker_unchanged);
    for (int i = 0; i < 3; i++) assert_int_equal(report_by(&breaker, &share, 20 * S, false), breaker_unchanged);
    assert_int_equal(report_by(&breaker, &share, 29 * S, false), opened());
    breaker = (struct breaker){0};
    for (int i = 0; i < 5; i++) report_by(&breaker, &share, 20 * S, true);
    for (int i = 0; i < 4; i++) assert_int_equal(report_by(&breaker, &share, 20 * S, false), breaker_unchanged);
    assert_int_equal(report_by(&breaker, &share, 20 * S, true), breaker_unchanged);
    assert_int_equal(report_by(&breaker, &share, 20 * S, false), breaker_unchanged); /* 5 of 11 */
    assert_int_equal(report_by(&breaker, &share, 20 * S, false), opened());          /* 6 of 12 */
}

static void failures_in_a_row_are_counted_across_windows(void **state) {
    struct breaker breaker = {0};
    (void)state;
    fail_times(&breaker, 3, 59 * S);
    assert_int_equal(breaker_view(&breaker, &rules, one, 59 * S).failures_in_row, 3);
    fail_times(&breaker, 1, 61 * S);
    assert_int_equal(breaker_view(&breaker, &rules, one, 61 * S).failures_in_row, 4);
    assert_int_equal(breaker_report(&breaker, &rules, 190 * S, admit(&breaker, 190 * S), false, 0), opened());
    if (one == blame_nobody) assert_int_equal(breaker_view(&breaker, &rules, one, 190 * S).failures_in_row, 0);
}

static void an_answer_opens_nothing_however_many_failed_before(void **state) {
    const struct breaker_rules share = {.failure_threshold = 100,
                                        .half_open_max_calls = 1,
                                        .success_threshold = 1,
                                        .failure_share = 50,
                                        .window_calls_min = 4,
                                        .open_ns = 60 * S};
    struct breaker breaker = {0};
    (void)state;
    for (int i = 0; i < 3; i++) report_by(&breaker, &share, S, false);
    assert_int_equal(report_by(&breaker, &share, S, true), breaker_unchanged);
    assert_int_equal(report_by(&breaker, &share, S, false), opened());
}

static void by_hand_it_opens_and_closes_and_tickets_that_are_out_count_no_more(void **state) {
    struct breaker breaker = {0};
    (void)state;
    struct breaker_ticket out = admit(&breaker, S);
    fail_times(&breaker, 4, S);
    breaker_force(&breaker, &rules, 2 * S, true);
    assert_int_equal(breaker_view(&breaker, &rules, one, 2 * S).state, breaker_open);
    assert_int_equal(breaker_view(&breaker, &rules, one, 2 * S).until_ns, 62 * S);
    assert_false(breaker_would_admit(&breaker, &rules, one, 61 * S));
    breaker_force(&breaker, &rules, 3 * S, false);
    struct breaker_view view = breaker_view(&breaker, &rules, one, 3 * S);
    assert_true(view.state == breaker_closed && view.until_ns == 0 && view.failures_in_row == 0);
    assert_true(breaker_ramp(&breaker, &rules, one, 3 * S) == 1); /* an operator wants all of it at once */
    assert_int_equal(breaker_report(&breaker, &rules, 3 * S, out, false, 0), breaker_unchanged);
    assert_int_equal(breaker_view(&breaker, &rules, one, 3 * S).failures_in_row, 0);
    fail_times(&breaker, 4, 3 * S);
    assert_true(breaker_would_admit(&breaker, &rules, one, 3 * S));
}

static void closing_again_forgets_the_failures_of_before(void **state) {
    struct breaker breaker = {0};
    (void)state;
    fail_times(&breaker, 5, S);
    struct breaker_ticket straggler = {.all = {.round = 1}, .own = {.round = 1}}; /* not a probe, of the open round */
    breaker_report(&breaker, &rules, S, straggler, false, 0);
    for (int i = 0; i < 2; i++) breaker_report(&breaker, &rules, 62 * S, admit(&breaker, 62 * S), true, 0);
    fail_times(&breaker, 4, 63 * S);
    assert_true(breaker_would_admit(&breaker, &rules, one, 63 * S));
}

/* A tick is 10 ms: nothing is tried before its time, and not a whole tick after it. */
static void it_is_tried_at_the_first_tick_at_or_after_its_time(void **state) {
    struct breaker breaker = {0};
    (void)state;
    fail_times(&breaker, 5, S + 1);
    assert_false(breaker_would_admit(&breaker, &rules, one, 61 * S + 1));
    assert_true(breaker_would_admit(&breaker, &rules, one, 61 * S + S / 100));
    assert_int_equal(breaker_view(&breaker, &rules, one, 2 * S).until_ns, 61 * S + S / 100);
    breaker = (struct breaker){0};
    fail_times(&breaker, 5, S);
    assert_false(breaker_would_admit(&breaker, &rules, one, 61 * S - 1));
    assert_true(breaker_would_admit(&breaker, &rules, one, 61 * S));
    struct breaker_view view = breaker_view(&breaker, &rules, one, 61 * S);
    assert_true(view.state == breaker_half_open && view.until_ns == 0); /* as it would be tried */
}

static void a_probe_that_gives_no_verdict_gives_its_place_back(void **state) {
    struct breaker breaker = {0};
    (void)state;
    struct breaker_ticket plain = admit(&breaker, S);
    breaker_release(&breaker, plain);
    assert_int_equal(breaker_view(&breaker, &rules, one, S).calls_out, 0);
    fail_times(&breaker, 5, S);
    struct breaker_ticket probes[3];
    for (int i = 0; i < 3; i++) probes[i] = admit(&breaker, 62 * S);
    assert_int_equal(breaker_view(&breaker, &rules, one, 62 * S).calls_out, 3);
    breaker_release(&breaker, probes[0]);
    assert_int_equal(breaker_view(&breaker, &rules, one, 62 * S).calls_out, 2);
    assert_int_equal(breaker_view(&breaker, &rules, one, 62 * S).successes, 0);
    admit(&breaker, 62 * S);
    assert_int_equal(breaker_report(&breaker, &rules, 62 * S, probes[1], true, 0), breaker_unchanged);
    struct breaker_view view = breaker_view(&breaker, &rules, one, 62 * S);
    assert_true(view.calls_out == 2 && view.successes == 1);
}

static void the_ramp_rises_from_a_tenth_to_all(void **state) {
    const struct breaker_rules at_once = {.failure_threshold = 5, .success_threshold = 1, .half_open_max_calls = 1};
    struct breaker breaker = {0};
    (void)state;
    fail_times(&breaker, 5, S);
    assert_true(breaker_ramp(&breaker, &rules, one, S) == 1); /* open: it gets nothing anyway */
    for (int i = 0; i < 2; i++) breaker_report(&breaker, &rules, 62 * S, admit(&breaker, 62 * S), true, 0);
    double last = 0;
    for (uint64_t now = 62 * S; now < 72 * S; now += S / 100) {
        double ramp = breaker_ramp(&breaker, &rules, one, now), share = (double)(now - 62 * S) / 10e9;
        assert_true(ramp >= last && ramp >= 0.1 && ramp < 1);
        assert_true(share < 0.1 ? ramp == 0.1 : ramp > share - 0.001 && ramp < share + 0.001);
        last = ramp;
    }
    assert_true(breaker_ramp(&breaker, &rules, one, 72 * S) == 1);
    assert_true(breaker_ramp(&breaker, &rules, one, 62 * S - S / 100) ==
                0.1);                                                  /* another thread's clock is a tick behind */
    assert_true(breaker_ramp(&breaker, &rules, one, 62 * S - S / 50) == 1);
    assert_true(breaker_ramp(&breaker, &rules, one, 62 * S - S) == 1); /* the ticks have come round */
    assert_true(breaker_ramp(&breaker, &at_once, one, 62 * S) == 1);
}

/* Every sequence of eight events of three callers, against plain numbers. */
struct naive {
    enum breaker_state state;
    unsigned in_a_row, out, good, epoch;
    uint64_t until;
};

static void every_short_sequence_is_as_plain_numbers_say(void **state) {
    const struct breaker_rules small = {.failure_threshold = 2,
                                        .half_open_max_calls = 2,
                                        .success_threshold = 2,
                                        .window_ns = 1000 * S,
                                        .open_ns = 10 * S};
    enum { length = 8, kinds = 8 };
    (void)state;
    for (uint32_t sequence = 0; sequence < 1u << (3 * length); sequence++) {
        struct breaker breaker = {0};
        struct naive naive = {.state = breaker_closed};
        struct breaker_ticket tickets[2] = {{0}};
        bool held[2] = {false}, probe[2];
        unsigned epoch[2];
        uint64_t now = S;
        for (unsigned step = 0; step < length; step++) {
            unsigned kind = sequence >> (3 * step) & 7, who = kind & 1;
            if (kind >= 6) { /* time passes: a little, or as long as it stays open */
                now += kind == 6 ? S : 10 * S;
                continue;
            }
            if (kind < 2) { /* one wants to be let out */
                if (held[who]) break;
                bool admits = naive.state == breaker_closed || (naive.state == breaker_open && now >= naive.until) ||
                              (naive.state == breaker_half_open && (naive.out < 2 || now >= naive.until));
                if (breaker_admit(&breaker, &small, one, now, &tickets[who]) != admits)
                    fail_msg("sequence %x step %u", sequence, step);
                if (!admits) continue;
                if (naive.state == breaker_open) naive.state = breaker_half_open, naive.out = naive.good = 0;
                if (naive.state == breaker_half_open && naive.out == 2) naive.out = naive.good = 0, naive.epoch++;
                held[who] = true;
                probe[who] = naive.state == breaker_half_open;
                epoch[who] = naive.epoch;
                if (probe[who]) naive.out++, naive.until = now + 10 * S;
                continue;
            }
            if (!held[who]) break;
            held[who] = false;
            bool good = kind < 4;
            breaker_report(&breaker, &small, now, tickets[who], good, 0);
            if (epoch[who] != naive.epoch || probe[who] != (naive.state == breaker_half_open)) continue;
            if (naive.state == breaker_open) continue;
            if (good) naive.in_a_row = 0;
            if (probe[who] && good && --naive.out + 1 && ++naive.good == 2) naive.state = breaker_closed, naive.epoch++;
            if (!good && (probe[who] || ++naive.in_a_row == 2))
                naive.state = breaker_open, naive.until = now + 10 * S, naive.epoch++, naive.in_a_row = 0;
        }
        struct breaker_view view = breaker_view(&breaker, &small, one, now);
        if (naive.state == breaker_open && now >= naive.until) naive.state = breaker_half_open;
        if (view.state != naive.state) fail_msg("sequence %x: %d, not %d", sequence, (int)view.state, (int)naive.state);
    }
}

/* -- several clients -- */

static enum breaker_change call_at(struct breaker *breaker, const struct breaker_rules *by, uint64_t who, uint64_t now,
                                   bool good) {
    struct breaker_ticket ticket;
    assert_true(breaker_admit(breaker, by, who, now, &ticket));
    return breaker_report(breaker, by, now, ticket, good, 0);
}

static void one_clients_failures_open_it_for_that_client_alone(void **state) {
    struct breaker breaker = {0};
    (void)state;
    for (int i = 0; i < 4; i++) assert_int_equal(call_at(&breaker, &rules, alice, S, false), breaker_unchanged);
    assert_int_equal(call_at(&breaker, &rules, alice, S, false), breaker_opened_for_one);
    assert_true(breaker_owner(&breaker) == alice);
    assert_false(breaker_would_admit(&breaker, &rules, alice, S));
    assert_int_equal(breaker_view(&breaker, &rules, alice, S).state, breaker_open);
    assert_int_equal(breaker_view(&breaker, &rules, bob, S).state, breaker_closed);
    for (int i = 0; i < 100; i++) assert_int_equal(call_at(&breaker, &rules, bob, S, true), breaker_unchanged);
    assert_false(breaker_would_admit(&breaker, &rules, alice, 60 * S)); /* others' answers say nothing of its own */
    assert_true(breaker_would_admit(&breaker, &rules, alice, 62 * S));
    assert_int_equal(call_at(&breaker, &rules, alice, 62 * S, false), breaker_opened_for_one);
    assert_false(breaker_would_admit(&breaker, &rules, alice, 63 * S));
    for (int i = 0; i < 2; i++) call_at(&breaker, &rules, alice, 123 * S, true);
    assert_int_equal(breaker_view(&breaker, &rules, alice, 123 * S).state, breaker_closed);
    assert_true(breaker_ramp(&breaker, &rules, alice, 123 * S) < 1 &&
                breaker_ramp(&breaker, &rules, bob, 123 * S) == 1);
}

static void failures_of_two_clients_open_it_for_all(void **state) {
    (void)state;
    for (int first = 1; first <= 3; first++) { /* of alice's, then bob's */
        struct breaker breaker = {0};
        for (int i = 0; i < 4; i++)
            assert_int_equal(call_at(&breaker, &rules, i < first ? alice : bob, S, false), breaker_unchanged);
        enum breaker_change last = call_at(&breaker, &rules, first < 3 ? carol : bob, S, false);
        assert_int_equal(last, breaker_opened);
        assert_false(breaker_would_admit(&breaker, &rules, alice, S) || breaker_would_admit(&breaker, &rules, 5, S));
    }
    struct breaker breaker = {0}; /* one has its own already */
    for (int i = 0; i < 5; i++) call_at(&breaker, &rules, alice, S, false);
    assert_int_equal(call_at(&breaker, &rules, bob, S, false), breaker_unchanged);
    assert_int_equal(call_at(&breaker, &rules, bob, S, false), breaker_opened);
}

static void a_single_failure_of_anothers_does_not_complete_one_clients(void **state) {
    struct breaker breaker = {0};
    (void)state;
    for (int i = 0; i < 4; i++) call_at(&breaker, &rules, alice, S, false);
    assert_int_equal(call_at(&breaker, &rules, bob, S, false), breaker_unchanged);
    assert_int_equal(call_at(&breaker, &rules, bob, S, true), breaker_unchanged); /* well again, for all */
    for (int i = 0; i < 4; i++) assert_int_equal(call_at(&breaker, &rules, alice, S, false), breaker_unchanged);
}

static void a_share_of_failures_is_one_clients_or_everybodys(void **state) {
    struct breaker_rules share = rules;
    (void)state;
    share.failure_threshold = UINT16_MAX;
    share.failure_share = 50;
    share.window_calls_min = 20;
    for (int kinds = 0; kinds < 2; kinds++) {
        struct breaker breaker = {0};
        enum breaker_change change = breaker_unchanged;
        int calls = 0;
        for (; calls < 100 && change == breaker_unchanged; calls++) {
            bool bad = calls % 3 != 0;
            uint64_t who = !bad ? bob : kinds && calls % 3 == 1 ? carol : alice;
            change = call_at(&breaker, &share, who, S, !bad);
        }
        assert_in_range(calls, 20, 22);
        assert_int_equal(change, kinds ? breaker_opened : breaker_opened_for_one);
        assert_int_equal(breaker_would_admit(&breaker, &share, bob, S), !kinds);
        assert_false(breaker_would_admit(&breaker, &share, alice, S));
    }
}

static void a_probe_that_one_client_spoils_opens_it_for_that_client_alone(void **state) {
    struct breaker breaker = {0};
    (void)state;
    for (int i = 0; i < 5; i++) call_at(&breaker, &rules, i % 2 ? alice : bob, S, false);
    for (int i = 0; i < 3; i++) {
        struct breaker_ticket ticket;
        if (!breaker_admit(&breaker, &rules, alice, 62 * S, &ticket)) continue;
        assert_true(ticket.all.probe);
        assert_int_equal(breaker_report(&breaker, &rules, 62 * S, ticket, false, 0), breaker_opened_for_one);
    }
    assert_false(breaker_would_admit(&breaker, &rules, alice, 62 * S));
    assert_int_equal(breaker_view(&breaker, &rules, bob, 62 * S).calls_out, 0);
    assert_int_equal(call_at(&breaker, &rules, bob, 62 * S, true), breaker_unchanged);
    assert_int_equal(call_at(&breaker, &rules, bob, 62 * S, true), breaker_closed_again);
    for (int i = 0; i < 5; i++) call_at(&breaker, &rules, i % 2 ? carol : bob, 63 * S, false);
    assert_int_equal(call_at(&breaker, &rules, bob, 124 * S, false), breaker_opened_for_one);
    assert_int_equal(call_at(&breaker, &rules, carol, 124 * S, false), breaker_opened); /* a second one's fails */
}

static void a_probe_that_was_good_at_first_gives_its_place_back_once(void **state) {
    struct breaker breaker = {0};
    struct breaker_ticket alices, bobs;
    (void)state;
    for (int i = 0; i < 5; i++) call_at(&breaker, &rules, i % 2 ? alice : bob, S, false);
    assert_true(breaker_admit(&breaker, &rules, alice, 62 * S, &alices));
    assert_true(breaker_admit(&breaker, &rules, bob, 62 * S, &bobs));
    assert_int_equal(breaker_report(&breaker, &rules, 62 * S, alices, true, 0), breaker_unchanged);
    assert_int_equal(breaker_view(&breaker, &rules, blame_nobody, 62 * S).calls_out, 1);
    alices.told = true;
    assert_int_equal(breaker_report(&breaker, &rules, 63 * S, alices, false, 0), breaker_opened_for_one);
    assert_int_equal(breaker_view(&breaker, &rules, blame_nobody, 63 * S).calls_out, 1); /* bob's */
}

/* Its own breaker has opened since it was let out: of its verdict nothing counts, and its place among all's is free. */
static void a_probe_whose_client_was_shut_out_since_gives_its_place_back_once(void **state) {
    (void)state;
    for (int told = 0; told < 2; told++) {
        struct breaker breaker = {0};
        struct breaker_ticket first, second, bobs;
        for (int i = 0; i < 5; i++) call_at(&breaker, &rules, i % 2 ? alice : bob, S, false);
        assert_true(breaker_admit(&breaker, &rules, alice, 62 * S, &first));
        assert_true(breaker_admit(&breaker, &rules, alice, 62 * S, &second));
        if (told) assert_int_equal(breaker_report(&breaker, &rules, 62 * S, first, true, 0), breaker_unchanged);
        first.told = told;
        assert_int_equal(breaker_report(&breaker, &rules, 62 * S, second, false, 0), breaker_opened_for_one);
        assert_true(breaker_admit(&breaker, &rules, bob, 62 * S, &bobs));
        assert_int_equal(breaker_view(&breaker, &rules, blame_nobody, 62 * S).calls_out, told ? 1 : 2);
        assert_int_equal(breaker_report(&breaker, &rules, 62 * S, first, false, 0), breaker_unchanged);
        assert_int_equal(breaker_view(&breaker, &rules, blame_nobody, 62 * S).calls_out, 1); /* bob's */
    }
}

static void a_later_client_takes_the_place_of_one_that_has_its_own(void **state) {
    struct breaker breaker = {0};
    struct breaker_ticket late;
    (void)state;
    assert_true(breaker_admit(&breaker, &rules, alice, S, &late));
    for (int i = 0; i < 5; i++) call_at(&breaker, &rules, alice, S, false);
    call_at(&breaker, &rules, carol, S, true);
    for (int i = 0; i < 5; i++) call_at(&breaker, &rules, bob, S, false);
    assert_true(breaker_would_admit(&breaker, &rules, alice, S) && !breaker_would_admit(&breaker, &rules, bob, S));
    breaker_release(&breaker, late);
    assert_false(breaker_would_admit(&breaker, &rules, bob, S));
}

static void an_operator_closes_it_for_the_one_too(void **state) {
    struct breaker breaker = {0};
    (void)state;
    for (int i = 0; i < 5; i++) call_at(&breaker, &rules, alice, S, false);
    breaker_force(&breaker, &rules, S, false);
    assert_true(breaker_would_admit(&breaker, &rules, alice, S));
    for (int i = 0; i < 4; i++) assert_int_equal(call_at(&breaker, &rules, alice, S, false), breaker_unchanged);
}

/* Whoever fails, and in whatever order: when it opens for all, nobody's failures are more than those of all the others
 * together and one; and nobody is kept out by less than the threshold. */
static void no_client_opens_it_for_others_that_have_not_failed_as_often(void **state) {
    struct prng prng;
    unsigned openings = 0;
    (void)state;
    prng_seed(&prng, 1);
    for (int round = 0; round < 20000; round++) {
        struct breaker breaker = {0};
        unsigned failed[4] = {0}, sum = 0, good = (unsigned)prng_below(&prng, 40);
        uint64_t skew = 1 + prng_below(&prng, 60);
        for (int call = 0; call < 60; call++) {
            unsigned who = prng_below(&prng, 100) < skew ? 0 : 1 + (unsigned)prng_below(&prng, 3);
            bool well = prng_below(&prng, 100) < good;
            struct breaker_ticket ticket;
            if (!breaker_admit(&breaker, &rules, who, S, &ticket)) continue;
            enum breaker_change change = breaker_report(&breaker, &rules, S, ticket, well, 0);
            failed[who]++, sum++;
            if (well) failed[0] = failed[1] = failed[2] = failed[3] = sum = 0;
            if (change == breaker_opened_for_one) assert_true(failed[who] >= rules.failure_threshold);
            assert_true(change == breaker_opened || sum < 3u * rules.failure_threshold);
            if (change != breaker_opened) continue;
            openings++;
            for (int i = 0; i < 4; i++) assert_true(sum >= rules.failure_threshold && sum - failed[i] >= 2);
            break;
        }
    }
    assert_true(openings > 1000);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(opens_after_five_failures_in_a_row),
        cmocka_unit_test(half_open_lets_out_its_calls_and_closes_after_its_successes),
        cmocka_unit_test(a_failing_probe_opens_it_again_for_the_whole_time),
        cmocka_unit_test(what_the_provider_said_makes_it_later_never_sooner),
        cmocka_unit_test(a_ticket_of_another_round_changes_nothing),
        cmocka_unit_test(a_probe_that_never_reports_loses_its_place),
        cmocka_unit_test(the_round_and_the_clock_come_round),
        cmocka_unit_test(counts_stop_at_their_top),
        cmocka_unit_test(a_share_of_failures_opens_it_once_there_are_enough_calls),
        cmocka_unit_test(traffic_comes_back_slowly),
        cmocka_unit_test(a_window_counts_its_own_calls_only),
        cmocka_unit_test(failures_in_a_row_are_counted_across_windows),
        cmocka_unit_test(an_answer_opens_nothing_however_many_failed_before),
        cmocka_unit_test(by_hand_it_opens_and_closes_and_tickets_that_are_out_count_no_more),
        cmocka_unit_test(closing_again_forgets_the_failures_of_before),
        cmocka_unit_test(it_is_tried_at_the_first_tick_at_or_after_its_time),
        cmocka_unit_test(a_probe_that_gives_no_verdict_gives_its_place_back),
        cmocka_unit_test(the_ramp_rises_from_a_tenth_to_all),
        cmocka_unit_test(every_short_sequence_is_as_plain_numbers_say),
    };
    const struct CMUnitTest several[] = {
        cmocka_unit_test(one_clients_failures_open_it_for_that_client_alone),
        cmocka_unit_test(failures_of_two_clients_open_it_for_all),
        cmocka_unit_test(a_single_failure_of_anothers_does_not_complete_one_clients),
        cmocka_unit_test(a_share_of_failures_is_one_clients_or_everybodys),
        cmocka_unit_test(a_probe_that_one_client_spoils_opens_it_for_that_client_alone),
        cmocka_unit_test(a_probe_that_was_good_at_first_gives_its_place_back_once),
        cmocka_unit_test(a_probe_whose_client_was_shut_out_since_gives_its_place_back_once),
        cmocka_unit_test(a_later_client_takes_the_place_of_one_that_has_its_own),
        cmocka_unit_test(an_operator_closes_it_for_the_one_too),
        cmocka_unit_test(no_client_opens_it_for_others_that_have_not_failed_as_often),
    };
    int of_one = cmocka_run_group_tests_name("one client alone", tests, NULL, NULL);
    one = blame_nobody;
    int of_nobody = cmocka_run_group_tests_name("what no caller can cause", tests, NULL, NULL);
    return of_one + of_nobody + cmocka_run_group_tests_name("several clients", several, NULL, NULL);
}
