/* timers.c - joining and cutting. Invariant: nobody is due before his parent; `before` of a first child is its parent,
 * of another the sibling before it, of the root NULL. Loops only: a heap may be a list as long as it has timers. */
#include "net/timers.h"

#include "base/check.h"

/* Two heaps become one; who is due later becomes the other's first child. */
static struct timer *joined(struct timer *a, struct timer *b) {
    struct timer *near = a->deadline_ns <= b->deadline_ns ? a : b, *far = near == a ? b : a;
    CHECK(a != b && !a->before && !b->before && !a->next && !b->next);
    far->next = near->child;
    far->before = near;
    if (near->child) near->child->before = far;
    near->child = far;
    return near;
}

/* A list of siblings becomes one heap: in pairs from the front, then those from the back. */
static struct timer *paired(struct timer *first) {
    struct timer *pairs = NULL, *whole = NULL;
    while (first) {
        struct timer *one = first, *other = one->next;
        first = other ? other->next : NULL;
        one->next = one->before = NULL;
        if (other) {
            other->next = other->before = NULL;
            one = joined(one, other);
        }
        one->next = pairs;
        pairs = one;
    }
    while (pairs) {
        struct timer *one = pairs;
        pairs = one->next;
        one->next = NULL;
        whole = whole ? joined(whole, one) : one;
    }
    return whole;
}

/* Out of its siblings, with all that is below it. */
static void cut(struct timer *timer) {
    if (timer->before->child == timer)
        timer->before->child = timer->next;
    else
        timer->before->next = timer->next;
    if (timer->next) timer->next->before = timer->before;
    timer->next = timer->before = NULL;
}

void timers_set(struct timers *timers, struct timer *timer, uint64_t deadline_ns) {
    timers_cancel(timers, timer);
    timer->deadline_ns = deadline_ns;
    timer->set = true;
    timers->count++;
    timers->root = timers->root ? joined(timers->root, timer) : timer;
}

void timers_cancel(struct timers *timers, struct timer *timer) {
    if (!timer->set) return;
    CHECKF(timers->count > 0 && (timer->before != NULL) != (timer == timers->root), "count=%zu", timers->count);
    struct timer *below = paired(timer->child);
    timer->child = NULL;
    timer->set = false;
    timers->count--;
    if (timer == timers->root) {
        timers->root = below;
    } else {
        cut(timer);
        if (below) timers->root = joined(timers->root, below);
    }
    CHECKF((timers->root != NULL) == (timers->count > 0), "count=%zu", timers->count);
}

uint64_t timers_next(const struct timers *timers) { return timers->root ? timers->root->deadline_ns : UINT64_MAX; }

struct timer *timers_due(struct timers *timers, uint64_t now_ns) {
    struct timer *timer = timers->root;
    if (timers_next(timers) > now_ns) return NULL;
    timers_cancel(timers, timer);
    CHECKF(timer->deadline_ns <= timers_next(timers), "deadline=%llu", (unsigned long long)timer->deadline_ns);
    return timer;
}
