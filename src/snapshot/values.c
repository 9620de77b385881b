/* values.c - places in blocks that never move, found by chains. With each place one chain is divided into two (linear
 * hashing: Litwin, 1980), so that nothing is ever looked through as a whole.
 *
 * Invariant: what is held keeps its tag and its words. */
#include "snapshot/values.h"

#include <sched.h>
#include <string.h>

#include "base/check.h"
#include "base/memory.h"

enum { first_places = 8, looked_at = 32 };

const struct hash_tag value_other = {{UINT64_MAX, 1}}, value_none = {{UINT64_MAX, 2}};

static size_t value_size(enum values_of of) {
    static const size_t words[] = {[values_of_spend] = sizeof(struct spend),
                                   [values_of_rolling] = sizeof(struct rolling),
                                   [values_of_limit] = sizeof(struct limit_words)};
    return sizeof(struct money_value) + words[of];
}
_Static_assert(sizeof(struct money_value) % 8 == 0 && sizeof(struct values) % 8 == 0, "words stand aligned");

size_t values_size(enum values_of of) { return sizeof(struct values) + 2 * value_size(of); }
struct spend *value_spend(struct money_value *value) {
    return (struct spend *)(void *)(value + 1);
}
struct rolling *value_rolling(struct money_value *value) {
    return (struct rolling *)(void *)(value + 1);
}
struct limit_words *value_limit(struct money_value *value) {
    return (struct limit_words *)(void *)(value + 1);
}

/* A rate whose word lies in the past has given everything back. */
bool limit_words_rest(const struct limit_words *words, uint64_t mono_ns) {
    return gate_in_use(&words->gate) == 0 && cell_load(&words->requests_minute) <= mono_ns &&
           cell_load(&words->requests_hour) <= mono_ns && cell_load(&words->tokens_minute) <= mono_ns;
}

static void busy_take(struct values *values) {
    while (atomic_flag_test_and_set_explicit(&values->busy, memory_order_acquire)) sched_yield();
}
static void busy_give(struct values *values) { atomic_flag_clear_explicit(&values->busy, memory_order_release); }

/* -- places -- */

static unsigned block_of(uint32_t place) {
    return place < first_places ? 0 : 32 - (unsigned)__builtin_clz(place / first_places);
}
static uint32_t block_first(unsigned block) { return block ? (uint32_t)first_places << (block - 1) : 0; }
static uint32_t block_places(unsigned block) { return block ? block_first(block) : first_places; }

/* A block: a chain's head (a place, + 1) for each of its places, and the places. */
static uint32_t *values_chain(const struct values *values, uint32_t place) {
    unsigned block = block_of(place);
    return (uint32_t *)values->blocks[block] + (place - block_first(block));
}

static struct money_value *value_at(const struct values *values, enum values_of of, uint32_t place) {
    unsigned block = block_of(place);
    char *places = (char *)values->blocks[block] + block_places(block) * sizeof(uint32_t);
    return (struct money_value *)(void *)(places + (place - block_first(block)) * value_size(of));
}

static struct money_value *value_fixed(struct values *values, enum values_of of, const struct hash_tag *tag) {
    bool none = tag_is(tag, &value_none);
    struct money_value *value = (struct money_value *)(void *)((char *)(values + 1) + none * value_size(of));
    if (value->said[0]) return value; /* who holds it reads it without the flag */
    str_copy(value->said, sizeof value->said, none ? STR("(none)") : STR("(other)"));
    value->tag = none ? value_none : value_other;
    return value;
}

/* -- chains -- */

/* Of as many chains as there are places. */
static uint32_t *values_head(const struct values *values, const struct hash_tag *tag, uint32_t chains) {
    uint32_t whole = chains <= first_places ? first_places : 1u << (31 - __builtin_clz(chains));
    uint32_t at = (uint32_t)tag->words[0] & (2 * whole - 1);
    return values_chain(values, at < chains ? at : at & (whole - 1));
}
static uint32_t chains_of(uint32_t used) { return used > first_places ? used : first_places; }

static struct money_value *value_find(const struct values *values, enum values_of of, const struct hash_tag *tag) {
    for (uint32_t at = values->used ? *values_head(values, tag, chains_of(values->used)) : 0; at;) {
        struct money_value *value = value_at(values, of, at - 1);
        if (tag_is(&value->tag, tag)) return value;
        at = value->next;
    }
    return NULL;
}

static void value_link(struct values *values, struct money_value *value, uint32_t place) {
    uint32_t *head = values_head(values, &value->tag, chains_of(values->used));
    value->next = *head;
    *head = place + 1;
}

static void value_unlink(struct values *values, enum values_of of, struct money_value *value, uint32_t place) {
    uint32_t *at = values_head(values, &value->tag, chains_of(values->used));
    while (*at != place + 1) {
        CHECKF(*at, "place=%u", place);
        at = &value_at(values, of, *at - 1)->next;
    }
    *at = value->next;
}

/* One place more, and one chain: what belongs there now goes over from the one that it was a part of. */
static uint32_t values_place_add(struct values *values, enum values_of of) {
    uint32_t place = values->used++;
    if (place < first_places) return place;
    uint32_t whole = 1u << (31 - __builtin_clz(place)), *from = values_chain(values, place - whole),
             *to = values_chain(values, place), rest = *from;
    *from = *to = 0;
    while (rest) {
        struct money_value *value = value_at(values, of, rest - 1);
        uint32_t *head = values_head(values, &value->tag, values->used), next = value->next;
        CHECK(head == from || head == to);
        value->next = *head;
        *head = rest;
        rest = next;
    }
    return place;
}

/* -- whose place may be taken -- */

static bool value_is_idle(struct money_value *value, const struct values_window *window) {
    if (value->held) return false;
    switch (window->of) {
    case values_of_limit: return limit_words_rest(value_limit(value), window->mono_ns);
    case values_of_rolling: return rolling_look(value_rolling(value), window->bucket_s, window->now_s).committed == 0;
    case values_of_spend: break;
    }
    return spend_look(value_spend(value), window->start_s).committed == 0;
}

/* The next that nobody holds and that has spent nothing now; after so many looks there is none. */
static struct money_value *values_place_take(struct values *values, const struct values_window *window,
                                             uint32_t *place) {
    for (unsigned i = 0; i < looked_at && values->used; i++) {
        if (values->hand >= values->used) values->hand = 0;
        *place = values->hand++;
        struct money_value *value = value_at(values, window->of, *place);
        if (!value_is_idle(value, window)) continue;
        value_unlink(values, window->of, value, *place);
        memset(value, 0, value_size(window->of));
        return value;
    }
    return NULL;
}

static void values_said_put(struct money_value *value, struct str said) {
    if (!value->said[0] && said.len) str_copy(value->said, sizeof value->said, said);
}

/* NULL: there is none, or with *wants: of that block, for which memory is wanted first. */
static struct money_value *value_add(struct values *values, const struct hash_tag *tag,
                                     const struct values_window *window, int *wants) {
    struct money_value *value = NULL;
    uint32_t place = values->used;
    if (values->used < window->most) {
        unsigned block = block_of(place);
        if (block < values_blocks && !values->blocks[block]) *wants = (int)block;
        if (block >= values_blocks || *wants >= 0) return NULL;
        place = values_place_add(values, window->of);
        value = value_at(values, window->of, place);
    } else {
        value = values_place_take(values, window, &place);
    }
    if (!value) return NULL;
    value->tag = *tag;
    value_link(values, value, place);
    return value;
}

/* Its memory, with the flag given back meanwhile: somebody else may have brought it, and others come. */
static bool block_bring(struct values *values, enum values_of of, unsigned block) {
    busy_give(values);
    void *memory = memory_take_zeroed(block_places(block) * (sizeof(uint32_t) + value_size(of)));
    busy_take(values);
    if (!memory) return false;
    if (values->blocks[block])
        memory_give(memory);
    else
        values->blocks[block] = memory;
    return true;
}

static struct money_value *value_find_or_add(struct values *values, const struct hash_tag *tag,
                                             const struct values_window *window, bool adds) {
    for (;;) {
        int wants = -1;
        struct money_value *value = value_find(values, window->of, tag);
        if (value || !adds) return value;
        value = value_add(values, tag, window, &wants);
        if (value || wants < 0 || !block_bring(values, window->of, (unsigned)wants)) return value;
    }
}

struct money_value *values_hold(struct values *values, const struct hash_tag *tag, struct str said,
                                const struct values_window *window, bool adds) {
    bool is_fixed = tag_is(tag, &value_other) || tag_is(tag, &value_none);
    busy_take(values);
    struct money_value *value =
        is_fixed ? value_fixed(values, window->of, tag) : value_find_or_add(values, tag, window, adds);
    if (value) values_said_put(value, said);
    if (!value && adds) {
        value = value_fixed(values, window->of, &value_other);
        values->crowded_s = window->of == values_of_spend ? window->start_s : window->now_s;
        values->crowded = true;
    }
    if (value) value->held++;
    busy_give(values);
    return value;
}

void values_release(struct values *values, struct money_value *value) {
    busy_take(values);
    CHECKF(value->held > 0, "held=%u", value->held);
    value->held--;
    busy_give(values);
}

void values_each(struct values *values, enum values_of of, void (*tell)(void *context, struct money_value *value),
                 void *context) {
    for (uint32_t at = 0;; at++) {
        busy_take(values);
        struct money_value *value = at < 2                  ? value_fixed(values, of, at ? &value_none : &value_other)
                                    : at - 2 < values->used ? value_at(values, of, at - 2)
                                                            : NULL;
        if (value) value->held++;
        busy_give(values);
        if (!value) return;
        tell(context, value);
        values_release(values, value);
    }
}

bool values_are_crowded(struct values *values, uint64_t since_s) {
    busy_take(values);
    bool crowded = values->crowded && values->crowded_s >= since_s;
    busy_give(values);
    return crowded;
}

void values_end(void *table) {
    struct values *values = table;
    for (unsigned i = 0; i < values_blocks; i++) memory_give(values->blocks[i]);
}
