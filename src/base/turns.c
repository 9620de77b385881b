/* turns.c - the rings of a shared line. Invariant: of each client that waits for a thing one place stands in the line,
 * all its others behind that one, in the order they came. */
#include "base/turns.h"

#include "base/check.h"

static struct turns_place *first_of(const struct list *line, const void *of, uint64_t client) {
    LIST_EACH (node, line) {
        struct turns_place *place = LIST_OWNER(node, struct turns_place, node);
        if (place->of == of && place->client == client) return place;
    }
    return NULL;
}

void turns_join(struct list *line, struct turns_place *place, const void *of, uint64_t client) {
    struct turns_place *first = first_of(line, of, client);
    CHECK(of && !place->of); /* it stands in one line at most */
    *place = (struct turns_place){.of = of, .client = client, .first = !first, .waiting = 1};
    list_init(&place->behind);
    list_add_last(first ? &first->behind : line, &place->node);
    if (first) first->waiting++;
}

/* Its client's next becomes the first, before `at` in the line. */
static void hand_on(struct turns_place *place, struct list *at) {
    CHECKF(place->first && list_empty(&place->behind) == (place->waiting == 1), "waiting=%zu", place->waiting);
    if (list_empty(&place->behind)) return;
    struct turns_place *next = LIST_OWNER(place->behind.next, struct turns_place, node);
    list_remove(&next->node);
    if (!list_empty(&place->behind)) { /* the others, in one piece */
        list_add_before(&place->behind, &next->behind);
        list_remove(&place->behind);
    }
    next->first = true;
    next->waiting = place->waiting - 1;
    list_add_before(at, &next->node);
}

static void take_out(struct turns_place *place) {
    list_remove(&place->node);
    place->of = NULL;
}

void turns_leave(struct list *line, struct turns_place *place) {
    if (!place->of) return;
    struct turns_place *first = first_of(line, place->of, place->client);
    CHECKF(first && place->first == (first == place) && first->waiting > !place->first, "first=%d", place->first);
    if (place->first)
        hand_on(place, &place->node);
    else
        first->waiting--;
    take_out(place);
}

struct turns_place *turns_next(const struct list *line, const void *of) {
    LIST_EACH (node, line) {
        struct turns_place *place = LIST_OWNER(node, struct turns_place, node);
        if (place->of == of) return place;
    }
    return NULL;
}

void turns_served(struct list *line, struct turns_place *place) {
    if (!place->of) return;
    if (!place->first) { /* out of its turn */
        turns_leave(line, place);
        return;
    }
    hand_on(place, line);
    take_out(place);
}

struct turns_place *turns_take(struct list *line, const void *of) {
    struct turns_place *next = turns_next(line, of);
    if (next) turns_served(line, next);
    return next;
}

size_t turns_waiting(const struct list *line, const void *of, uint64_t client) {
    const struct turns_place *first = first_of(line, of, client);
    return first ? first->waiting : 0;
}
