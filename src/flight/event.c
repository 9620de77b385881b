/* event.c - a step's actions, and the ranges of its writes. */
#include "flight/event.h"

#include "base/check.h"

void actions_begin(struct actions *actions, struct arena *scratch) {
    actions->scratch = scratch;
    actions->list = actions->first;
    actions->count = 0;
    actions->room = actions_first;
    actions->gather = (struct text){.at = NULL};
    actions->starved = false;
}

struct action *actions_add(struct actions *actions, enum action_kind kind) {
    if (actions->count == actions->room) {
        struct action *bigger = arena_take_to_end(actions->scratch, 2 * actions->room * sizeof *bigger);
        /* Each kind but writes comes a few times an attempt at most, and writes only between others: this is a few
         * kilobytes in a step that has used up all of its scratch, and no budget refuses them. */
        CHECKF(bigger, "count=%zu kind=%d", actions->count, (int)kind);
        memcpy(bigger, actions->list, actions->count * sizeof *bigger);
        actions->list = bigger;
        actions->room *= 2;
    }
    struct action *action = &actions->list[actions->count++];
    *action = (struct action){.kind = kind};
    return action;
}

enum { ranges_first = 8, ranges_as_they_are = 4, gather_first = 4 * 1024, gather_max = 64 * 1024 };

/* Many small ranges go as one: a copy costs less than the kernel's walk through them, or than a write for each part of
 * a long list. Answers where the bytes stand now; as it was where there is no memory. */
static struct str gathered(struct actions *actions, struct str bytes) {
    struct text *gather = &actions->gather;
    CHECKF(bytes.len <= gather_first, "len=%zu", bytes.len); /* so that each fits into a fresh one */
    if (!gather->at || bytes.len > gather->size - gather->len) {
        size_t size = gather->size ? 2 * gather->size : gather_first;
        struct text fresh = text_in_arena(actions->scratch, size < gather_max ? size : gather_max);
        if (fresh.failed) return bytes;
        *gather = fresh;
    }
    text_put(gather, bytes);
    return str_make(gather->at + gather->len - bytes.len, bytes.len);
}

static bool event_range_add(struct actions *actions, struct action *write, struct str bytes) {
    if (write->write.count == write->write.room) {
        size_t room = write->write.room ? 2 * write->write.room : ranges_first;
        struct str *ranges = arena_take(actions->scratch, room * sizeof *ranges);
        if (!ranges) return false;
        if (write->write.count) memcpy(ranges, write->write.ranges, write->write.count * sizeof *ranges);
        write->write.ranges = ranges;
        write->write.room = room;
    }
    write->write.ranges[write->write.count++] = bytes;
    return true;
}

void actions_write(struct actions *actions, struct str bytes) {
    if (bytes.len == 0) return;
    struct action *last = actions->count ? &actions->list[actions->count - 1] : NULL;
    if (!last || last->kind != action_write) {
        last = actions_add(actions, action_write);
        actions->gather = (struct text){.at = NULL};
    }
    struct str *range = last->write.count ? &last->write.ranges[last->write.count - 1] : NULL;
    if (last->write.count >= ranges_as_they_are && bytes.len <= gather_first) bytes = gathered(actions, bytes);
    if (range && range->at + range->len == bytes.at)
        range->len += bytes.len;
    else if (!event_range_add(actions, last, bytes))
        actions->starved = true;
}
