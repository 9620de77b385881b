/* event.c - a step's actions, and the ranges of its writes. */
#include "engine/event.h"

#include "base/check.h"

void actions_begin(struct actions *actions, struct arena *scratch) {
    actions->scratch = scratch;
    actions->list = actions->first;
    actions->count = 0;
    actions->room = actions_first;
    actions->gather = (struct text){.at = NULL};
    actions->starved = false;
}

/* A list in `scratch` of twice the size with the same beginning; NULL: no memory. */
static void *grown(struct arena *scratch, const void *list, size_t count, size_t room, size_t size) {
    char *bigger = arena_take(scratch, 2 * room * size);
    if (bigger && count) memcpy(bigger, list, count * size);
    return bigger;
}

struct action *actions_add(struct actions *actions, enum action_kind kind) {
    if (actions->count == actions->room) {
        struct action *bigger =
            grown(actions->scratch, actions->list, actions->count, actions->room, sizeof *actions->list);
        /* Each kind but writes comes a few times an attempt at most, and writes only between others: this is a few
         * kilobytes in a step that has used up all of its scratch. */
        CHECKF(bigger, "count=%zu kind=%d", actions->count, (int)kind);
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
    if (!gather->at || bytes.len > gather->size - gather->len) {
        size_t size = gather->size ? 2 * gather->size : gather_first;
        struct text fresh = text_in_arena(actions->scratch, size < gather_max ? size : gather_max);
        if (fresh.failed) return bytes;
        *gather = fresh;
    }
    text_put(gather, bytes);
    return str_make(gather->at + gather->len - bytes.len, bytes.len);
}

static bool range_add(struct actions *actions, struct action *write, struct str bytes) {
    if (write->write.count == write->write.room) {
        struct str *ranges = write->write.ranges;
        size_t room = write->write.room;
        ranges = room ? grown(actions->scratch, ranges, room, room, sizeof *ranges)
                      : arena_take(actions->scratch, ranges_first * sizeof *ranges);
        if (!ranges) return false;
        write->write.ranges = ranges;
        write->write.room = room ? 2 * room : ranges_first;
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
    else if (!range_add(actions, last, bytes))
        actions->starved = true;
}
