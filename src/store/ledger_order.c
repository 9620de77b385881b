/* ledger_order.c - see ledger_order.h. A group is so many numbers in a row, its measures and then its keys. */
#include "store/ledger_order.h"

#include <string.h>

#include "base/check.h"
#include "base/memory.h"
#include "store/key_places.h"
#include "store/ledger_internal.h"

enum { groups_begin = 256 };

struct usage_order {
    size_t key_count, count, room, left_out; /* left_out: rows of groups that found no place */
    bool timed;
    int64_t *groups;
    struct key_places places;
};

struct usage_order *usage_order_new(size_t key_count, bool timed) {
    CHECKF(key_count > 0 && key_count <= usage_keys, "keys=%zu", key_count);
    struct usage_order *order = memory_take_zeroed(sizeof *order);
    if (!order) return NULL;
    order->key_count = key_count;
    order->timed = timed;
    return order;
}

void usage_order_free(struct usage_order *order) {
    if (!order) return;
    memory_give(order->groups);
    key_places_free(&order->places);
    memory_give(order);
}

/* -- adding up -- */

static size_t group_size(const struct usage_order *order) { return order_measures + order->key_count; }
static int64_t *group_at(const struct usage_order *order, size_t i) { return order->groups + i * group_size(order); }

static struct keyed_rows order_rows(const struct usage_order *order) {
    return (struct keyed_rows){order->groups ? order->groups + order_measures : NULL,
                               group_size(order) * sizeof *order->groups, order->count, order->key_count};
}

static bool groups_grow(struct usage_order *order) {
    if (order->count < order->room) return true;
    const size_t room = order->room ? order->room * 2 : groups_begin;
    int64_t *groups = memory_resize(order->groups, room * group_size(order) * sizeof *groups);
    if (!groups) return false;
    order->groups = groups;
    order->room = room;
    return true;
}

bool usage_order_add(struct usage_order *order, const int64_t measures[order_measures], const int64_t *keys) {
    if (!key_places_fit(&order->places, order_rows(order))) return false;
    const size_t known = key_places_find(&order->places, order_rows(order), keys);
    if (known != SIZE_MAX) {
        int64_t *group = group_at(order, known);
        for (size_t i = 0; i < order_measures; i++) group[i] = ledger_sum(group[i], measures[i]);
        return true;
    }
    if (order->count == order_groups_most) {
        order->left_out++;
        return true;
    }
    if (!groups_grow(order)) return false;
    int64_t *group = group_at(order, order->count++);
    memcpy(group, measures, order_measures * sizeof *group);
    memcpy(group + order_measures, keys, order->key_count * sizeof *group);
    key_places_note(&order->places, order_rows(order));
    return true;
}

/* -- the order -- */

/* Below 0: `a` stands in front of `b`. */
static int groups_compare(const struct usage_order *order, const int64_t *a, const int64_t *b) {
    const int64_t *of_a = a + order_measures, *of_b = b + order_measures;
    if (order->timed && of_a[0] != of_b[0]) return of_a[0] < of_b[0] ? -1 : 1;
    for (size_t i = 0; i < order_measures; i++)
        if (a[i] != b[i]) return a[i] > b[i] ? -1 : 1;
    for (size_t i = 0; i < order->key_count; i++)
        if (of_a[i] != of_b[i]) return of_a[i] < of_b[i] ? -1 : 1;
    return 0;
}

/* The one to go first when there are too many: of times the first in their order, else the last. */
static bool goes_before(const struct usage_order *order, const int64_t *a, const int64_t *b) {
    const int compared = groups_compare(order, a, b);
    return order->timed ? compared < 0 : compared > 0;
}

/* A heap whose top goes first. */
static void order_sink(const struct usage_order *order, const int64_t **heap, size_t at, size_t count) {
    for (size_t child; (child = 2 * at + 1) < count; at = child) {
        if (child + 1 < count && goes_before(order, heap[child + 1], heap[child])) child++;
        if (!goes_before(order, heap[child], heap[at])) return;
        const int64_t *kept = heap[at];
        heap[at] = heap[child];
        heap[child] = kept;
    }
}

static void told_reverse(const int64_t **told, size_t count) {
    for (size_t i = 0; i < count / 2; i++) {
        const int64_t *kept = told[i];
        told[i] = told[count - 1 - i];
        told[count - 1 - i] = kept;
    }
}

size_t usage_order_tell(struct usage_order *order, const int64_t **told, size_t most, size_t *more) {
    const size_t count = order->count < most ? order->count : most;
    *more = order->count - count + order->left_out;
    for (size_t i = 0; i < count; i++) told[i] = group_at(order, i);
    for (size_t begin = count / 2; begin-- > 0;) order_sink(order, told, begin, count);
    for (size_t i = count; i < order->count && count; i++) {
        if (!goes_before(order, told[0], group_at(order, i))) continue;
        told[0] = group_at(order, i);
        order_sink(order, told, 0, count);
    }
    for (size_t left = count; left > 1; left--) { /* whoever goes next goes to the end of the rest */
        const int64_t *top = told[0];
        told[0] = told[left - 1];
        told[left - 1] = top;
        order_sink(order, told, 0, left - 1);
    }
    if (order->timed) told_reverse(told, count);
    for (size_t i = 0; i < count; i++) told[i] += order_measures;
    return count;
}
