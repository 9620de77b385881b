/* s3fifo.c - the two queues as rings, the ghosts as sets of four, the oldest of which gives its place. */
#include "core/s3fifo.h"

#include "base/check.h"

enum { uses_most = 3, small_share = 10 };

void s3fifo_init(struct s3fifo *queues, size_t bytes_max, struct s3fifo_ghost *ghosts, size_t ghost_sets) {
    CHECKF(ghost_sets > 0 && (ghost_sets & (ghost_sets - 1)) == 0, "ghost_sets=%zu", ghost_sets);
    *queues = (struct s3fifo){.bytes_max = bytes_max, .ghosts = ghosts, .ghost_sets = ghost_sets};
    list_init(&queues->small);
    list_init(&queues->main);
}

static struct s3fifo_ghost *ghost_set(const struct s3fifo *queues, uint64_t hash) {
    return &queues->ghosts[(hash & (queues->ghost_sets - 1)) * s3fifo_ways];
}

static uint32_t ghost_name(uint64_t hash) { return (uint32_t)(hash >> 32) | 1; }

/* As many are remembered as the main queue has entries, and a few. */
static bool ghost_take(struct s3fifo *queues, uint64_t hash) {
    enum { remembered_least = 16 };
    struct s3fifo_ghost *set = ghost_set(queues, hash);
    size_t remembered = queues->main_count > remembered_least ? queues->main_count : remembered_least;
    for (unsigned i = 0; i < s3fifo_ways; i++) {
        if (set[i].name != ghost_name(hash)) continue;
        bool fresh = queues->left - set[i].stamp < remembered;
        set[i].name = 0;
        return fresh;
    }
    return false;
}

static void ghost_add(struct s3fifo *queues, uint64_t hash) {
    struct s3fifo_ghost *set = ghost_set(queues, hash), *oldest = set;
    for (unsigned i = 0; i < s3fifo_ways; i++) {
        if (set[i].name == 0 || set[i].name == ghost_name(hash)) {
            oldest = &set[i];
            break;
        }
        if (queues->left - set[i].stamp > queues->left - oldest->stamp) oldest = &set[i];
    }
    *oldest = (struct s3fifo_ghost){.name = ghost_name(hash), .stamp = queues->left++};
}

static void node_join(struct s3fifo *queues, struct s3fifo_node *node, bool in_main) {
    node->in_main = in_main;
    node->uses = 0;
    list_add_first(in_main ? &queues->main : &queues->small, &node->place);
    *(in_main ? &queues->main_bytes : &queues->small_bytes) += node->bytes;
    ++*(in_main ? &queues->main_count : &queues->small_count);
}

void s3fifo_remove(struct s3fifo *queues, struct s3fifo_node *node) {
    size_t *bytes = node->in_main ? &queues->main_bytes : &queues->small_bytes;
    size_t *count = node->in_main ? &queues->main_count : &queues->small_count;
    CHECKF(*bytes >= node->bytes && *count > 0, "bytes=%zu node=%zu count=%zu", *bytes, node->bytes, *count);
    *bytes -= node->bytes;
    --*count;
    list_remove(&node->place);
}

void s3fifo_add(struct s3fifo *queues, struct s3fifo_node *node, uint64_t hash, size_t bytes) {
    node->hash = hash;
    node->bytes = bytes;
    node_join(queues, node, ghost_take(queues, hash));
}

void s3fifo_use(struct s3fifo_node *node) {
    if (node->uses < uses_most) node->uses++;
}

/* The oldest of the small queue: out, or on into the main one (NULL). */
static struct s3fifo_node *small_turn(struct s3fifo *queues) {
    struct s3fifo_node *node = LIST_OWNER(queues->small.prev, struct s3fifo_node, place);
    bool used = node->uses > 1;
    s3fifo_remove(queues, node);
    if (used) {
        node_join(queues, node, true);
        return NULL;
    }
    ghost_add(queues, node->hash);
    return node;
}

/* The oldest of the main one: out, or once more (NULL). */
static struct s3fifo_node *main_turn(struct s3fifo *queues) {
    struct s3fifo_node *node = LIST_OWNER(queues->main.prev, struct s3fifo_node, place);
    if (node->uses == 0) {
        s3fifo_remove(queues, node);
        return node;
    }
    node->uses--;
    list_remove(&node->place);
    list_add_first(&queues->main, &node->place);
    return NULL;
}

struct s3fifo_node *s3fifo_victim(struct s3fifo *queues) {
    while (queues->small_bytes + queues->main_bytes > queues->bytes_max) {
        bool small = !list_empty(&queues->small) &&
                     (queues->small_bytes > queues->bytes_max / small_share || list_empty(&queues->main));
        struct s3fifo_node *node = small ? small_turn(queues) : main_turn(queues);
        if (node) return node;
    }
    return NULL;
}
