/* exhaustive_test.c - gate, lock and limiter with three callers: everything that they can do, in every order, against
 * plain counts. Each operation is one change of one word, so orders of whole operations are all that there are. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "core/gate.h"
#include "core/limiter.h"
#include "core/lock.h"

enum { callers = 3 };

/* -- the gate: every state that can be reached, whatever the way -- */

enum place { outside, inside, waiting };

struct gate_world {
    enum place caller[callers];
    unsigned on_way; /* places handed over that have not arrived */
    uint32_t max, line_max;
    struct cell cell;
};

static bool gate_seen[3 * 3 * 3][4][4][8];
static size_t gate_states;

static unsigned count_of(const struct gate_world *world, enum place place) {
    unsigned count = 0;
    for (unsigned i = 0; i < callers; i++) count += world->caller[i] == place;
    return count;
}

static void gate_check(const struct gate_world *world) {
    unsigned in = count_of(world, inside), line = count_of(world, waiting);
    assert_int_equal(gate_in_use(&world->cell), in + world->on_way);
    assert_int_equal(gate_waiting(&world->cell), (int)line - (int)world->on_way);
    assert_true(in + world->on_way <= world->max);
    assert_true(line <= world->line_max + world->on_way);
    if (line > 0 && world->on_way == 0) assert_int_equal(in, world->max); /* nobody waits beside a free place */
}

static void gate_explore(struct gate_world world);

static void gate_come(struct gate_world world, unsigned c) {
    bool room = count_of(&world, inside) + world.on_way < world.max;
    bool free_line = (int)count_of(&world, waiting) - (int)world.on_way <= 0, entered = false;
    assert_int_equal(gate_would_enter(&world.cell, world.max), room && free_line);
    struct gate_world other = world;
    if (gate_enter(&world.cell, world.max)) {
        assert_true(room && free_line);
        world.caller[c] = inside;
        gate_explore(world);
        return;
    }
    assert_false(room && free_line);
    bool waits = gate_wait(&other.cell, other.max, other.line_max, &entered);
    assert_false(entered);
    if (!waits) return;
    other.caller[c] = waiting;
    gate_explore(other);
}

static void gate_arrive(struct gate_world world) {
    for (unsigned c = 0; c < callers; c++) { /* any of those who wait may be the next */
        if (world.caller[c] != waiting) continue;
        struct gate_world other = world;
        other.caller[c] = inside;
        other.on_way--;
        gate_explore(other);
    }
    if (count_of(&world, waiting)) return;
    bool handed_on = gate_unwanted(&world.cell);
    assert_int_equal(handed_on, false); /* nobody waits anywhere */
    world.on_way--;
    gate_explore(world);
}

static void gate_explore(struct gate_world world) {
    unsigned who = world.caller[0] + 3 * world.caller[1] + 9 * world.caller[2];
    bool *seen = &gate_seen[who][world.on_way][gate_in_use(&world.cell)][gate_waiting(&world.cell) + 4];
    gate_check(&world);
    if (*seen) return;
    *seen = true;
    gate_states++;
    if (world.on_way) gate_arrive(world);
    for (unsigned c = 0; c < callers; c++) {
        struct gate_world other = world;
        switch (world.caller[c]) {
        case outside: gate_come(world, c); break;
        case inside:
            other.caller[c] = outside;
            if (gate_leave(&other.cell, other.max)) other.on_way++;
            gate_explore(other);
            break;
        case waiting:
            other.caller[c] = outside;
            gate_stop_waiting(&other.cell);
            gate_explore(other);
        }
    }
}

static void every_state_of_a_gate_is_sound(void **state) {
    (void)state;
    for (uint32_t max = 1; max <= 2; max++)
        for (uint32_t line = 0; line <= 2; line++) {
            struct gate_world world = {.max = max, .line_max = line};
            memset(gate_seen, 0, sizeof gate_seen);
            gate_states = 0;
            gate_explore(world);
            assert_true(gate_states >= (line ? 10 : 4));
        }
}

/* -- the lock: every sequence of eleven things -- */

struct lock_world {
    uint32_t holder, epoch, began[callers]; /* the epoch a caller's attempt began in; 0: none runs */
    unsigned failures;
    struct cell cell;
};

enum { lock_depth = 11, failover_after = 2 };

static void lock_check(const struct lock_world *world) {
    struct lock_view view = lock_view(&world->cell);
    assert_int_equal(view.holder, world->holder);
    assert_int_equal(view.epoch, world->epoch);
    assert_int_equal(view.failures, world->failures);
}

static void lock_fail(struct lock_world *world, unsigned c, uint32_t next) {
    enum lock_change change = lock_failed(&world->cell, world->began[c], failover_after, next);
    if (world->began[c] != world->epoch) {
        assert_int_equal(change, lock_unchanged);
    } else if (world->failures + 1 >= failover_after && next && next != world->holder) {
        assert_int_equal(change, lock_moved);
        world->holder = next;
        world->failures = 0;
        world->epoch++;
    } else {
        assert_int_equal(change, lock_counted);
        if (world->failures < failover_after) world->failures++;
    }
    world->began[c] = 0;
}

static size_t lock_steps, bucket_steps;

static void lock_explore(struct lock_world world, unsigned depth) {
    lock_steps++;
    lock_check(&world);
    if (depth == 0) return;
    for (unsigned c = 0; c < callers; c++) {
        struct lock_world other = world;
        if (!world.began[c]) {
            struct lock_view view = lock_hold(&other.cell, 1 + c);
            if (world.holder == 0) {
                other.holder = 1 + c;
                other.epoch++;
            }
            assert_int_equal(view.holder, other.holder);
            other.began[c] = view.epoch;
            lock_explore(other, depth - 1);
            continue;
        }
        lock_succeeded(&other.cell, world.began[c]);
        if (world.began[c] == world.epoch) other.failures = 0;
        other.began[c] = 0;
        lock_explore(other, depth - 1);
        other = world;
        lock_fail(&other, c, world.holder % 3 + 1);
        lock_explore(other, depth - 1);
        other = world;
        lock_fail(&other, c, 0); /* nowhere to go */
        lock_explore(other, depth - 1);
    }
    struct lock_world other = world; /* an operator, who looked at some epoch */
    bool moved = lock_move(&other.cell, 2, 9);
    assert_int_equal(moved, world.epoch == 2);
    if (moved) {
        other.holder = 9;
        other.failures = 0;
        other.epoch++;
        lock_explore(other, depth - 1);
    }
}

static void every_sequence_of_a_lock_moves_it_once_an_epoch(void **state) {
    (void)state;
    lock_explore((struct lock_world){.holder = 0}, lock_depth);
    assert_true(lock_steps > 10000000);
}

/* -- the limiter: every sequence of nine things -- */

/* A bucket that fills with what is taken and drains with time: 1 unit in 1000 ns, 3 at once. */
struct bucket_world {
    uint64_t now, full_until; /* what is in it drains until then */
    struct limiter_ticket ticket[callers];
    uint64_t taken_until[callers], taken[callers];
    struct cell cell;
};

static const struct limiter_rules rules = {.limit = 4, .period_ns = 4000, .burst = 3};
enum { unit_ns = 1000, bucket_depth = 9 };

static uint64_t fill_of(const struct bucket_world *world) {
    return world->full_until > world->now ? world->full_until - world->now : 0;
}

static bool naive_take(struct bucket_world *world, uint64_t units) {
    uint64_t fill = fill_of(world), cost = units * unit_ns, most = rules.burst * unit_ns;
    bool alone = cost > most && fill == 0; /* one larger than the burst passes alone */
    if (fill + cost > most && !alone) return false;
    world->full_until = world->now + fill + cost;
    return true;
}

/* What of a taking has not drained yet goes back. */
static void naive_give(struct bucket_world *world, unsigned c, uint64_t units) {
    uint64_t left = world->taken_until[c] > world->now ? world->taken_until[c] - world->now : 0,
             back = units * unit_ns < left ? units * unit_ns : left;
    world->full_until -= back;
}

static void bucket_explore(struct bucket_world world, unsigned depth) {
    bucket_steps++;
    uint64_t word = cell_load(&world.cell), fill = word > world.now ? word - world.now : 0;
    assert_int_equal(fill, fill_of(&world));
    if (depth == 0) return;
    struct bucket_world other = world;
    other.now += 700;
    bucket_explore(other, depth - 1);
    for (unsigned c = 0; c < callers; c++) {
        for (uint64_t units = 1; units <= 4 && !world.taken[c]; units += units == 2 ? 2 : 1) {
            other = world;
            struct bucket_world naive = world;
            bool good = limiter_take(&other.cell, &rules, units, other.now, &other.ticket[c]);
            assert_int_equal(good, naive_take(&naive, units));
            assert_int_equal(good, limiter_wait_ns(&world.cell, &rules, units, world.now) == 0);
            if (!good) continue;
            other.full_until = other.taken_until[c] = naive.full_until;
            other.taken[c] = units;
            bucket_explore(other, depth - 1);
        }
        if (!world.taken[c]) continue;
        other = world;
        limiter_refund(&other.cell, &rules, other.ticket[c], other.now);
        naive_give(&other, c, other.taken[c]);
        other.taken[c] = 0;
        bucket_explore(other, depth - 1);
        other = world;
        limiter_settle(&other.cell, &rules, other.ticket[c], other.taken[c] + 2, other.now);
        other.full_until = other.now + fill_of(&other) + 2 * unit_ns;
        other.taken[c] = 0;
        bucket_explore(other, depth - 1);
    }
}

static void every_sequence_of_a_limiter_is_a_bucket(void **state) {
    (void)state;
    bucket_explore((struct bucket_world){.now = 1000000}, bucket_depth);
    assert_true(bucket_steps > 1000000);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_state_of_a_gate_is_sound),
        cmocka_unit_test(every_sequence_of_a_lock_moves_it_once_an_epoch),
        cmocka_unit_test(every_sequence_of_a_limiter_is_a_bucket),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
