/* event.c - adding to a step's actions. */
#include "engine/event.h"

#include "base/check.h"

struct action *actions_add(struct actions *actions, enum action_kind kind) {
    CHECKF(actions->count < actions_max, "count=%zu kind=%d", actions->count, (int)kind);
    struct action *action = &actions->list[actions->count++];
    *action = (struct action){.kind = kind};
    return action;
}
