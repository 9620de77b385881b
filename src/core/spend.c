/* spend.c - windows in two places, money in words that carry their window's turn.
 *
 * Invariant: a word of a turn says what was done in the window of that turn alone. */
#include "core/spend.h"

#include "base/check.h"

enum { turn_bits = 4, turns = 1 << turn_bits, money_bits = 60 };

static unsigned turn_of(uint64_t number) { return number % turns; }

static uint64_t start_of(uint64_t number) { return number >> turn_bits; }

static uint64_t word_of(unsigned turn, int64_t money) {
    CHECKF(turn < turns && money >= 0 && money <= spend_most, "turn=%u money=%lld", turn, (long long)money);
    return (uint64_t)turn << money_bits | (uint64_t)money;
}

/* What the word says of the window of this turn. false: a newer one has taken the place. */
static bool money_of(uint64_t word, unsigned turn, int64_t *money) {
    unsigned ahead = ((unsigned)(word >> money_bits) - turn) % turns;
    *money = ahead ? 0 : (int64_t)(word & (uint64_t)spend_most);
    return ahead == 0 || ahead >= turns / 2;
}

static int64_t sum_of(int64_t money, int64_t more) { return more > spend_most - money ? spend_most : money + more; }

static int64_t spend_part(int64_t nano_usd) { return nano_usd < 0 ? 0 : nano_usd > spend_most ? spend_most : nano_usd; }

/* The newest of the two; *number as it was seen. */
static unsigned newest_of(const struct spend *spend, uint64_t *number, uint64_t *other) {
    uint64_t first = cell_load(&spend->windows[0].number), second = cell_load(&spend->windows[1].number);
    bool newer = start_of(second) > start_of(first);
    *number = newer ? second : first;
    *other = newer ? first : second;
    return newer;
}

/* What stands there of an older turn is over. */
static void word_begin(struct cell *cell, unsigned turn) {
    uint64_t seen = cell_load(cell);
    int64_t money;
    while ((unsigned)(seen >> money_bits) != turn && money_of(seen, turn, &money) &&
           !cell_swap(cell, &seen, word_of(turn, 0)))
        continue;
}

/* The window that began then, or a newer one; it begins now if it has not. */
static struct spend_window *window_enter(struct spend *spend, uint64_t start_s, uint64_t *number) {
    for (;;) {
        uint64_t older;
        unsigned newest = newest_of(spend, number, &older);
        if (start_of(*number) >= start_s) return &spend->windows[newest];
        struct spend_window *window = &spend->windows[!newest];
        uint64_t next = start_s << turn_bits | turn_of(older + 1);
        if (!cell_swap(&window->number, &older, next)) continue;
        word_begin(&window->committed, turn_of(next));
        word_begin(&window->spent, turn_of(next));
        *number = next;
        return window;
    }
}

struct spend_view spend_look(const struct spend *spend, uint64_t start_s) {
    uint64_t number, older;
    const struct spend_window *window = &spend->windows[newest_of(spend, &number, &older)];
    struct spend_view view = {.start_s = start_s};
    if (start_of(number) < start_s) return view;
    view.start_s = start_of(number);
    money_of(cell_load(&window->spent), turn_of(number), &view.spent);
    money_of(cell_load(&window->committed), turn_of(number), &view.committed);
    if (view.committed < view.spent) view.committed = view.spent; /* the one was read before the other */
    return view;
}

static bool spend_fits(int64_t committed, int64_t nano_usd, int64_t limit) {
    return committed < limit && nano_usd <= limit - committed;
}

bool spend_would_reserve(const struct spend *spend, uint64_t start_s, int64_t nano_usd, int64_t limit) {
    return spend_fits(spend_look(spend, start_s).committed, spend_part(nano_usd), spend_part(limit));
}

/* So much of it as fits, `least` at least; -1: that does not. */
static int64_t spend_take(struct spend *spend, uint64_t start_s, int64_t least, int64_t most, int64_t limit,
                          uint64_t *window_s) {
    for (;;) {
        uint64_t number;
        struct spend_window *window = window_enter(spend, start_s, &number);
        uint64_t seen = cell_load(&window->committed);
        for (int64_t money; money_of(seen, turn_of(number), &money);) {
            if (!spend_fits(money, least, limit)) return -1;
            int64_t taken = most > limit - money ? limit - money : most;
            if (!cell_swap(&window->committed, &seen, word_of(turn_of(number), money + taken))) continue;
            *window_s = start_of(number);
            return taken;
        }
    }
}

bool spend_reserve(struct spend *spend, uint64_t start_s, int64_t nano_usd, int64_t limit, uint64_t *window_s) {
    nano_usd = spend_part(nano_usd);
    return spend_take(spend, start_s, nano_usd, nano_usd, spend_part(limit), window_s) >= 0;
}

int64_t spend_reserve_left(struct spend *spend, uint64_t start_s, int64_t most, int64_t limit, uint64_t *window_s) {
    return spend_take(spend, start_s, 0, spend_part(most), spend_part(limit), window_s);
}

bool spend_reserve_more(struct spend *spend, uint64_t window_s, int64_t nano_usd, int64_t limit) {
    nano_usd = spend_part(nano_usd);
    limit = spend_part(limit);
    for (unsigned i = 0; i < 2; i++) {
        struct spend_window *window = &spend->windows[i];
        uint64_t number = cell_load(&window->number), seen;
        if (start_of(number) != window_s) continue;
        seen = cell_load(&window->committed);
        for (int64_t money; money_of(seen, turn_of(number), &money);) {
            if (nano_usd > limit - money) return false;
            if (cell_swap(&window->committed, &seen, word_of(turn_of(number), money + nano_usd))) return true;
        }
        return true;
    }
    return true;
}

uint64_t spend_enter(struct spend *spend, uint64_t start_s) {
    uint64_t number;
    window_enter(spend, start_s, &number);
    return start_of(number);
}

/* false: its window is gone. */
static bool word_change(struct cell *cell, unsigned turn, int64_t less, int64_t more) {
    uint64_t seen = cell_load(cell);
    for (int64_t money; money_of(seen, turn, &money);) {
        CHECKF(money >= less || money == 0, "money=%lld less=%lld", (long long)money, (long long)less);
        int64_t left = money > less ? money - less : 0;
        if (cell_swap(cell, &seen, word_of(turn, sum_of(left, more)))) return true;
    }
    return false;
}

void spend_settle(struct spend *spend, uint64_t window_s, int64_t reserved, int64_t spent) {
    reserved = spend_part(reserved);
    spent = spend_part(spent);
    if (reserved == 0 && spent == 0) return;
    for (unsigned i = 0; i < 2; i++) {
        struct spend_window *window = &spend->windows[i];
        uint64_t number = cell_load(&window->number);
        if (start_of(number) != window_s) continue;
        if (!word_change(&window->committed, turn_of(number), reserved, spent)) return;
        if (spent) word_change(&window->spent, turn_of(number), 0, spent);
        return;
    }
}

void spend_forget(struct spend *spend, uint64_t window_s, int64_t spent) {
    spent = spend_part(spent);
    for (unsigned i = 0; i < 2; i++) {
        struct spend_window *window = &spend->windows[i];
        uint64_t number = cell_load(&window->number);
        if (start_of(number) != window_s) continue;
        if (word_change(&window->committed, turn_of(number), spent, 0))
            word_change(&window->spent, turn_of(number), spent, 0);
        return;
    }
}

void spend_restore(struct spend *spend, uint64_t start_s, int64_t spent) {
    uint64_t number;
    spent = spend_part(spent);
    struct spend_window *window = window_enter(spend, start_s, &number);
    if (start_of(number) != start_s) return;
    cell_store(&window->committed, word_of(turn_of(number), spent));
    cell_store(&window->spent, word_of(turn_of(number), spent));
}
