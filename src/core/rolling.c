/* rolling.c - buckets in a ring, by turns as spend.c has them; the total beside them.
 *
 * Invariant: total >= the sum of the buckets that count; equal where nobody is between its two words. */
#include "core/rolling.h"

#include "base/check.h"

enum { rolling_turns = 16, rolling_turn_bits = 4, rolling_money_bits = 60 };

static unsigned rolling_turn(uint64_t number) { return number % rolling_turns; }
static uint64_t rolling_start(uint64_t number) { return number >> rolling_turn_bits; }

static uint64_t rolling_word(unsigned turn, int64_t money) {
    CHECKF(money >= 0 && money <= spend_most, "money=%lld", (long long)money);
    return (uint64_t)turn << rolling_money_bits | (uint64_t)money;
}

/* Of this turn. false: a newer one stands there. */
static bool rolling_money(uint64_t word, unsigned turn, int64_t *money) {
    unsigned ahead = ((unsigned)(word >> rolling_money_bits) - turn) % rolling_turns;
    *money = ahead ? 0 : (int64_t)(word & (uint64_t)spend_most);
    return ahead == 0 || ahead >= rolling_turns / 2;
}

static int64_t rolling_part(int64_t nano_usd) {
    return nano_usd < 0 ? 0 : nano_usd > spend_most ? spend_most : nano_usd;
}

static void total_add(struct cell *total, int64_t more) {
    uint64_t seen = cell_load(total), next;
    do next = (uint64_t)rolling_part((int64_t)seen > spend_most - more ? spend_most : (int64_t)seen + more);
    while (!cell_swap(total, &seen, next));
}

static void total_take(struct cell *total, int64_t less) {
    uint64_t seen = cell_load(total);
    do CHECKF((int64_t)seen >= less, "total=%lld less=%lld", (long long)seen, (long long)less);
    while (less && !cell_swap(total, &seen, seen - (uint64_t)less));
}

/* What stands in the word of that turn is over: 0 of the next one. Answers what whoever made that swap took away. */
static int64_t word_end(struct cell *cell, unsigned turn) {
    uint64_t seen = cell_load(cell);
    int64_t money;
    while (rolling_money(seen, turn, &money))
        if (cell_swap(cell, &seen, rolling_word((turn + 1) % rolling_turns, 0))) return money;
    return 0;
}

static void bucket_end(struct rolling *rolling, struct spend_window *bucket, uint64_t number) {
    int64_t money = word_end(&bucket->committed, rolling_turn(number));
    word_end(&bucket->spent, rolling_turn(number));
    if (money) total_take(&rolling->total, money);
}

/* When the first bucket that counts began; clocks that were set back change nothing. */
static uint64_t first_start(uint64_t bucket_s, uint64_t current) {
    return current > rolling_parts * bucket_s ? current - rolling_parts * bucket_s : 0;
}

/* Those that count no more. */
static void sweep(struct rolling *rolling, uint64_t bucket_s, uint64_t current) {
    uint64_t seen = cell_load(&rolling->swept);
    if (seen >= current) return;
    for (unsigned i = 0; i < rolling_buckets; i++) {
        uint64_t number = cell_load(&rolling->buckets[i].number);
        if (number && rolling_start(number) < first_start(bucket_s, current))
            bucket_end(rolling, &rolling->buckets[i], number);
    }
    while (seen < current && !cell_swap(&rolling->swept, &seen, current)) continue;
}

/* The bucket of now, begun if it has not; a later one, where a clock was set back. */
static struct spend_window *bucket_enter(struct rolling *rolling, uint64_t bucket_s, uint64_t now_s, uint64_t *number) {
    uint64_t current = now_s / bucket_s * bucket_s, swept = cell_load(&rolling->swept);
    if (current < swept) current = swept;
    sweep(rolling, bucket_s, current);
    struct spend_window *bucket = &rolling->buckets[current / bucket_s % rolling_buckets];
    *number = cell_load(&bucket->number);
    while (rolling_start(*number) < current || *number == 0) {
        bucket_end(rolling, bucket, *number);
        uint64_t next = current << rolling_turn_bits | (rolling_turn(*number) + 1) % rolling_turns;
        if (cell_swap(&bucket->number, number, next)) *number = next;
    }
    return bucket;
}

struct spend_view rolling_look(const struct rolling *rolling, uint64_t bucket_s, uint64_t now_s) {
    uint64_t current = now_s / bucket_s * bucket_s, swept = cell_load(&rolling->swept);
    if (current < swept) current = swept;
    struct spend_view view = {.start_s = first_start(bucket_s, current)};
    int64_t over = 0;
    for (unsigned i = 0; i < rolling_buckets; i++) {
        const struct spend_window *bucket = &rolling->buckets[i];
        uint64_t number = cell_load(&bucket->number);
        int64_t spent, committed;
        if (!number) continue;
        bool there = rolling_money(cell_load(&bucket->spent), rolling_turn(number), &spent);
        if (there && rolling_start(number) >= view.start_s) view.spent += spent;
        there = rolling_money(cell_load(&bucket->committed), rolling_turn(number), &committed);
        if (there && rolling_start(number) < view.start_s) over += committed; /* nobody has swept it yet */
    }
    view.committed = (int64_t)cell_load(&rolling->total) - over;
    if (view.committed < view.spent) view.committed = view.spent;
    return view;
}

/* false: its bucket is gone. */
static bool bucket_change(struct cell *cell, unsigned turn, int64_t less, int64_t more) {
    uint64_t seen = cell_load(cell);
    for (int64_t money; rolling_money(seen, turn, &money);) {
        int64_t left = money > less ? money - less : 0;
        if (cell_swap(cell, &seen, rolling_word(turn, more > spend_most - left ? spend_most : left + more)))
            return true;
    }
    return false;
}

bool rolling_reserve(struct rolling *rolling, uint64_t bucket_s, uint64_t now_s, int64_t nano_usd, int64_t limit,
                     uint64_t *start_s) {
    uint64_t number;
    nano_usd = rolling_part(nano_usd);
    limit = rolling_part(limit);
    bucket_enter(rolling, bucket_s, now_s, &number);
    uint64_t seen = cell_load(&rolling->total);
    do
        if ((int64_t)seen >= limit || nano_usd > limit - (int64_t)seen) return false;
    while (!cell_swap(&rolling->total, &seen, seen + (uint64_t)nano_usd));
    for (;;) { /* who slept over a bucket's whole time puts it into the one of now */
        struct spend_window *bucket = bucket_enter(rolling, bucket_s, now_s, &number);
        if (bucket_change(&bucket->committed, rolling_turn(number), 0, nano_usd)) break;
    }
    *start_s = rolling_start(number);
    return true;
}

bool rolling_reserve_more(struct rolling *rolling, uint64_t bucket_s, uint64_t now_s, uint64_t start_s,
                          int64_t nano_usd, int64_t limit) {
    uint64_t number;
    nano_usd = rolling_part(nano_usd);
    limit = rolling_part(limit);
    bucket_enter(rolling, bucket_s, now_s, &number); /* what counts no more is off the total */
    struct spend_window *bucket = &rolling->buckets[start_s / bucket_s % rolling_buckets];
    number = cell_load(&bucket->number);
    int64_t money;
    bool there = number && rolling_start(number) == start_s &&
                 rolling_money(cell_load(&bucket->committed), rolling_turn(number), &money);
    if (!there) return true;
    uint64_t seen = cell_load(&rolling->total);
    do
        if (nano_usd > limit - (int64_t)seen) return false;
    while (!cell_swap(&rolling->total, &seen, seen + (uint64_t)nano_usd));
    if (!bucket_change(&bucket->committed, rolling_turn(number), 0, nano_usd)) total_take(&rolling->total, nano_usd);
    return true;
}

uint64_t rolling_enter(struct rolling *rolling, uint64_t bucket_s, uint64_t now_s) {
    uint64_t number;
    bucket_enter(rolling, bucket_s, now_s, &number);
    return rolling_start(number);
}

void rolling_settle(struct rolling *rolling, uint64_t start_s, int64_t reserved, int64_t spent) {
    reserved = rolling_part(reserved);
    spent = rolling_part(spent);
    for (unsigned i = 0; i < rolling_buckets; i++) {
        struct spend_window *bucket = &rolling->buckets[i];
        uint64_t number = cell_load(&bucket->number);
        if (!number || rolling_start(number) != start_s) continue;
        if (spent > reserved) total_add(&rolling->total, spent - reserved);
        bool there = bucket_change(&bucket->committed, rolling_turn(number), reserved, spent);
        if (there && spent) bucket_change(&bucket->spent, rolling_turn(number), 0, spent);
        if (there && reserved > spent) total_take(&rolling->total, reserved - spent);
        if (!there && spent > reserved) total_take(&rolling->total, spent - reserved);
        return;
    }
}

void rolling_forget(struct rolling *rolling, uint64_t start_s, int64_t spent) {
    spent = rolling_part(spent);
    for (unsigned i = 0; i < rolling_buckets; i++) {
        struct spend_window *bucket = &rolling->buckets[i];
        uint64_t number = cell_load(&bucket->number);
        if (!number || rolling_start(number) != start_s) continue;
        if (!bucket_change(&bucket->committed, rolling_turn(number), spent, 0)) return; /* it counts no more */
        bucket_change(&bucket->spent, rolling_turn(number), spent, 0);
        total_take(&rolling->total, spent);
        return;
    }
}

void rolling_restore(struct rolling *rolling, uint64_t bucket_s, uint64_t start_s, int64_t spent) {
    uint64_t begins = start_s / bucket_s * bucket_s, number;
    if (begins + rolling_parts * bucket_s < cell_load(&rolling->swept)) return;
    struct spend_window *bucket = &rolling->buckets[begins / bucket_s % rolling_buckets];
    number = cell_load(&bucket->number);
    if (number && rolling_start(number) >= begins) return; /* what is older than what stands there */
    bucket_end(rolling, bucket, number);
    number = begins << rolling_turn_bits | (rolling_turn(number) + 1) % rolling_turns;
    cell_store(&bucket->number, number);
    cell_store(&bucket->committed, rolling_word(rolling_turn(number), rolling_part(spent)));
    cell_store(&bucket->spent, rolling_word(rolling_turn(number), rolling_part(spent)));
    total_add(&rolling->total, rolling_part(spent));
}

void rolling_restore_late(struct rolling *rolling, uint64_t bucket_s, uint64_t start_s, int64_t spent) {
    const uint64_t begins = start_s / bucket_s * bucket_s;
    if (begins < first_start(bucket_s, cell_load(&rolling->swept))) return; /* it counts no more */
    struct spend_window *bucket = &rolling->buckets[begins / bucket_s % rolling_buckets];
    uint64_t number = cell_load(&bucket->number);
    while (number == 0 || rolling_start(number) < begins) { /* nobody has used it since */
        bucket_end(rolling, bucket, number);
        uint64_t next = begins << rolling_turn_bits | (rolling_turn(number) + 1) % rolling_turns;
        if (cell_swap(&bucket->number, &number, next)) number = next;
    }
    rolling_settle(rolling, begins, 0, spent);
}

bool rolling_bucket(const struct rolling *rolling, unsigned place, uint64_t *start_s, int64_t *spent) {
    CHECKF(place < rolling_buckets, "place=%u", place);
    uint64_t number = cell_load(&rolling->buckets[place].number);
    *start_s = rolling_start(number);
    return number && rolling_money(cell_load(&rolling->buckets[place].spent), rolling_turn(number), spent) && *spent;
}
