/* list.h - an intrusive doubly linked ring. A node that is in no list links to itself or is zeroed. Not thread-safe. */
#ifndef WEIR_BASE_LIST_H
#define WEIR_BASE_LIST_H

#include <stdbool.h>
#include <stddef.h>

struct list {
    struct list *next, *prev;
};

#define LIST_OWNER(node, type, member) ((type *)(void *)((char *)(node)-offsetof(type, member)))
#define LIST_EACH(at, head) for (struct list *at = (head)->next; at != (head); at = at->next)
/* Safe against removing `at`. */
#define LIST_EACH_SAFE(at, following, head) \
    for (struct list *at = (head)->next, *following = at->next; at != (head); at = following, following = at->next)

static inline void list_init(struct list *head) { head->next = head->prev = head; }
static inline bool list_empty(const struct list *head) { return head->next == head; }
static inline bool list_linked(const struct list *node) { return node->next && node->next != node; }
/* A walk. */
static inline size_t list_length(const struct list *head) {
    size_t length = 0;
    for (const struct list *at = head->next; at != head; at = at->next) length++;
    return length;
}
static inline void list_add_before(struct list *place, struct list *node) {
    node->next = place;
    node->prev = place->prev;
    place->prev->next = node;
    place->prev = node;
}
static inline void list_add_last(struct list *head, struct list *node) { list_add_before(head, node); }
static inline void list_add_first(struct list *head, struct list *node) { list_add_before(head->next, node); }
/* Fine on a node that is in no list. */
static inline void list_remove(struct list *node) {
    if (!node->next) return;
    node->next->prev = node->prev;
    node->prev->next = node->next;
    list_init(node);
}

#endif
