/* in_force.c - see in_force.h. */
#include "runtime/in_force.h"

enum { block_bytes = 64 * 1024, taken_max = 1024 * 1024 * 1024 };

void in_force_begin(struct in_force *texts) {
    *texts = (struct in_force){.first = NULL};
    arena_init_secret(&texts->arena, block_bytes, taken_max);
}

bool in_force_keep(struct in_force *texts, struct str path, struct str text) {
    struct in_force_text *kept = arena_take_zeroed(&texts->arena, sizeof *kept);
    if (!kept) return false;
    kept->path = arena_copy(&texts->arena, path);
    kept->text = arena_copy(&texts->arena, text);
    if (!kept->path.at || !kept->text.at) return false;
    *(texts->last ? &texts->last->next : &texts->first) = kept;
    texts->last = kept;
    return true;
}

const struct in_force_text *in_force_find(struct in_force *texts, struct str path) {
    const struct in_force_text *next = texts->found ? texts->found->next : texts->first;
    if (!next || !str_eq(next->path, path))
        for (next = texts->first; next && !str_eq(next->path, path);) next = next->next;
    if (next) texts->found = next;
    return next;
}

void in_force_free(struct in_force *texts) {
    arena_free(&texts->arena);
    *texts = (struct in_force){.first = NULL};
}
