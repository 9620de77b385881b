/* in_force.h - the texts that a configuration was made of: its file's and those of the files that it names, as they
 * were read. A change at run time is made to what is in force, so it needs them, and not what stands on the disk by
 * then: that may be half written, or not meant yet. They hold credentials: kept in memory as secret.h says. Not
 * thread-safe. */
#ifndef WEIR_RUNTIME_IN_FORCE_H
#define WEIR_RUNTIME_IN_FORCE_H

#include "base/arena.h"

struct in_force_text {
    struct in_force_text *next;
    struct str path, text;
};

/* All zero: none. */
struct in_force {
    struct arena arena;
    struct in_force_text *first, *last; /* in the order in which they were read; the configuration's own first */
    const struct in_force_text *found;  /* the last one: what is asked for next mostly comes next */
};

void in_force_begin(struct in_force *texts);
/* Copied. false: out of memory. */
bool in_force_keep(struct in_force *texts, struct str path, struct str text);
/* NULL: it was not read. */
const struct in_force_text *in_force_find(struct in_force *texts, struct str path);
/* Wiped; all zero again. */
void in_force_free(struct in_force *texts);

#endif
