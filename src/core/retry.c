/* retry.c - backoff with full jitter, and extra work kept to a share of the work. Each half-window is a word; the one
 * before counts whole, so the window is between 5 and 10 s long and never lets through more than one of 10 s would. */
#include "core/retry.h"

#include "base/check.h"

enum { field = 0xfffff };
#define HALF_NS (share_window_ns / 2)

uint64_t retry_backoff_ms(unsigned tries, uint64_t base_ms, uint64_t max_ms, uint64_t random) {
    uint64_t top = tries < 32 ? base_ms << tries : max_ms;
    if (top > max_ms || (tries && top < base_ms)) top = max_ms;
    CHECKF(top <= max_ms, "top=%llu tries=%u", (unsigned long long)top, tries);
    return top == UINT64_MAX ? random : random % (top + 1);
}

static uint32_t number_of(uint64_t now_ns) { return (uint32_t)(now_ns / HALF_NS) & 0xffffff; }
static uint32_t word_number(uint64_t word) { return (uint32_t)(word >> 40); }
static uint32_t word_requests(uint64_t word) { return (uint32_t)(word >> 20) & field; }
static uint32_t word_taken(uint64_t word) { return (uint32_t)word & field; }
static uint64_t retry_word_of(uint32_t number, uint32_t requests, uint32_t taken) {
    CHECKF(number <= 0xffffff && requests <= field && taken <= field, "number=%u requests=%u taken=%u", number,
           requests, taken);
    return (uint64_t)number << 40 | (uint64_t)requests << 20 | taken;
}

/* The half that ended moves to `before`; two that do so at once write the same. */
static uint64_t half_now(struct share *share, uint64_t now_ns) {
    uint32_t number = number_of(now_ns);
    uint64_t seen = cell_load(&share->now);
    while (word_number(seen) != number) {
        if (((number - word_number(seen)) & 0xffffff) > 0x7fffff) return seen; /* this thread's clock is behind */
        uint64_t ended = seen;
        if (cell_swap(&share->now, &seen, retry_word_of(number, 0, 0))) {
            cell_store(&share->before, ended);
            return retry_word_of(number, 0, 0);
        }
    }
    return seen;
}

void share_count(struct share *share, uint64_t now_ns) {
    uint64_t seen = half_now(share, now_ns);
    while (word_requests(seen) < field && !cell_swap(&share->now, &seen, seen + (1ull << 20))) continue;
}

/* The two halves of the window that ends now, whoever has written them last. */
struct halves {
    uint64_t now, before;
};

static struct halves halves_at(const struct share *share, uint64_t now_ns) {
    struct halves halves = {cell_load(&share->now), cell_load(&share->before)};
    uint32_t number = number_of(now_ns);
    if (word_number(halves.now) == number) return halves;
    return (struct halves){.now = retry_word_of(number, 0, 0), .before = halves.now};
}

static bool is_next_to(struct halves halves) {
    return word_number(halves.before) == ((word_number(halves.now) - 1) & 0xffffff);
}

static uint64_t requests_of(struct halves halves) {
    return (uint64_t)word_requests(halves.now) + (is_next_to(halves) ? word_requests(halves.before) : 0);
}

static bool retry_fits(struct halves halves, uint64_t requests, unsigned permille, unsigned floor) {
    uint64_t taken = (uint64_t)word_taken(halves.now) + (is_next_to(halves) ? word_taken(halves.before) : 0);
    uint64_t most = requests * permille / 1000;
    CHECKF(word_taken(halves.now) <= taken, "taken=%llu", (unsigned long long)taken);
    return taken < (most > floor ? most : floor) && word_taken(halves.now) < field;
}

bool share_take_of(struct share *share, const struct share *counted, unsigned permille, unsigned floor,
                   uint64_t now_ns) {
    struct halves halves = {.now = half_now(share, now_ns)};
    do {
        halves.before = cell_load(&share->before);
        uint64_t requests = requests_of(share == counted ? halves : halves_at(counted, now_ns));
        if (!retry_fits(halves, requests, permille, floor)) return false;
    } while (!cell_swap(&share->now, &halves.now, halves.now + 1));
    return true;
}

bool share_take(struct share *share, unsigned permille, unsigned floor, uint64_t now_ns) {
    return share_take_of(share, share, permille, floor, now_ns);
}

bool share_would_take_of(const struct share *share, const struct share *counted, unsigned permille, unsigned floor,
                         uint64_t now_ns) {
    return retry_fits(halves_at(share, now_ns), requests_of(halves_at(counted, now_ns)), permille, floor);
}

bool share_would_take(const struct share *share, unsigned permille, unsigned floor, uint64_t now_ns) {
    return share_would_take_of(share, share, permille, floor, now_ns);
}
