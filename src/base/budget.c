/* budget.c - two words are added to and looked at; what found no room is taken back. Between the two another thread may
 * be refused though there was just room: never the other way about. */
#include "base/budget.h"

#include "base/check.h"
#include "base/memory.h"

enum { times_to_begin = 7, times_to_go_on = 15 };

static struct budget *whole_of(struct budget *budget) {
    struct budget *within = atomic_load_explicit(&budget->within, memory_order_relaxed);
    return within ? within : budget;
}

static bool budget_fails_now(struct budget *whole) {
    uint64_t at = atomic_load_explicit(&whole->fail_at, memory_order_relaxed);
    return __builtin_expect(at != 0, 0) && atomic_fetch_add(&whole->calls, 1) + 1 == at;
}

/* `held` of the share and `taken` of the whole are what they would be. */
static bool budget_fits(const struct budget *whole, size_t taken, bool is_share, size_t held, unsigned times) {
    return taken <= whole->limit && (!is_share || held / times <= whole->limit - taken);
}

static bool budget_take_for(struct budget *budget, size_t size, unsigned times) {
    if (!budget) return true;
    struct budget *whole = whole_of(budget);
    bool is_share = whole != budget;
    if (size > whole->limit) return false;
    size_t taken = atomic_fetch_add_explicit(&whole->taken, size, memory_order_relaxed) + size;
    size_t held = is_share ? atomic_fetch_add_explicit(&budget->taken, size, memory_order_relaxed) + size : 0;
    if (budget_fits(whole, taken, is_share, held, times) && !budget_fails_now(whole)) return true;
    budget_give(budget, size);
    return false;
}

void budget_share(struct budget *share, struct budget *whole) {
    if (!atomic_load_explicit(&share->within, memory_order_relaxed))
        atomic_store_explicit(&share->within, whole, memory_order_relaxed);
}

bool budget_take(struct budget *budget, size_t size) { return budget_take_for(budget, size, times_to_go_on); }

bool budget_take_to_begin(struct budget *budget, size_t size) { return budget_take_for(budget, size, times_to_begin); }

bool budget_admits(struct budget *budget, size_t size) {
    if (!budget) return true;
    struct budget *whole = whole_of(budget);
    size_t taken = atomic_load_explicit(&whole->taken, memory_order_relaxed);
    size_t held = atomic_load_explicit(&budget->taken, memory_order_relaxed);
    if (size > whole->limit) return false;
    return budget_fits(whole, taken + size, whole != budget, held + size, times_to_begin) && !budget_fails_now(whole);
}

void budget_charge(struct budget *budget, size_t size) {
    if (!budget) return;
    struct budget *whole = whole_of(budget);
    atomic_fetch_add_explicit(&whole->taken, size, memory_order_relaxed);
    if (whole != budget) atomic_fetch_add_explicit(&budget->taken, size, memory_order_relaxed);
}

void budget_give(struct budget *budget, size_t size) {
    if (!budget || !size) return;
    struct budget *whole = whole_of(budget);
    size_t held = size; /* nothing is given back that was not taken, of a share nor of the whole */
    if (whole != budget) held = atomic_fetch_sub_explicit(&budget->taken, size, memory_order_relaxed);
    size_t taken = atomic_fetch_sub_explicit(&whole->taken, size, memory_order_relaxed);
    CHECKF(held >= size && taken >= size, "held=%zu taken=%zu size=%zu", held, taken, size);
}

/* Old and new stand side by side for a moment, and so they are counted. */
void *budget_resize(struct budget *budget, void *old, size_t old_size, size_t size) {
    if (!budget_take(budget, size)) return NULL;
    void *memory = memory_resize(old, size);
    budget_give(budget, memory ? old_size : size);
    return memory;
}

void budget_free(struct budget *budget, void *memory, size_t size) {
    memory_give(memory);
    budget_give(budget, size);
}

void budget_fail_at(struct budget *whole, uint64_t n) {
    atomic_store(&whole->calls, 0);
    atomic_store(&whole->fail_at, n);
}

uint64_t budget_calls(struct budget *whole) { return atomic_load(&whole->calls); }
