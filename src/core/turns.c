/* turns.c - the rings of a shared line. Invariant: of each client that waits for a thing one place stands in the line,
 * all its others behind that one, in the order they came. */
#include "core/turns.h"

static struct turns_place *first_of(struct list *line, const void *of, uint64_t client) {
    LIST_EACH (node, line) {
        struct turns_place *place = LIST_OWNER(node, struct turns_place, node);
        if (place->of == of && place->client == client) return place;
    }
    return NULL;
}

void turns_join(struct list *line, struct turns_place *place, const void *of, uint64_t client) {
    struct turns_place *first = first_of(line, of, client);
    *place = (struct turns_place){.of = of, .client = client, .first = !first};
    list_init(&place->behind);
    list_add_last(first ? &first->behind : line, &place->node);
}

/* Its client's next becomes the first, before `at` in the line. */
static void hand_on(struct turns_place *place, struct list *at) {
    if (list_empty(&place->behind)) return;
    struct turns_place *next = LIST_OWNER(place->behind.next, struct turns_place, node);
    list_remove(&next->node);
    if (!list_empty(&place->behind)) { /* the others, in one piece */
        list_add_before(&place->behind, &next->behind);
        list_remove(&place->behind);
    }
    next->first = true;
    list_add_before(at, &next->node);
}

void turns_leave(struct turns_place *place) {
    if (!place->of) return;
    if (place->first) hand_on(place, &place->node);
    list_remove(&place->node);
    place->of = NULL;
}

struct turns_place *turns_take(struct list *line, const void *of) {
    LIST_EACH (node, line) {
        struct turns_place *place = LIST_OWNER(node, struct turns_place, node);
        if (place->of != of) continue;
        hand_on(place, line);
        list_remove(&place->node);
        place->of = NULL;
        return place;
    }
    return NULL;
}
