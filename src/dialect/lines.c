/* lines.c - lines out of bytes. A line that came whole is told where it stands; one that was cut is gathered. */
#include "dialect/lines.h"

#include <string.h>

#include "base/budget.h"
#include "base/check.h"
#include "base/limits.h"

void lines_init(struct lines *lines) { *lines = (struct lines){.held = NULL}; }

void lines_hold_within(struct lines *lines, struct budget *budget) { lines->budget = budget; }

void lines_free(struct lines *lines) {
    budget_free(lines->budget, lines->held, lines->held_size);
    lines->held = NULL;
    lines->held_len = lines->held_size = 0;
}

void lines_feed(struct lines *lines, struct str bytes) { lines->fed = bytes; }

static enum sse_result lines_hold(struct lines *lines, struct str bytes) {
    CHECKF(lines->held_len <= limit_sse_event && lines->held_len <= lines->held_size, "held=%zu", lines->held_len);
    if (bytes.len == 0) return sse_more;
    if (bytes.len > limit_sse_event - lines->held_len) return sse_too_large;
    size_t len = lines->held_len + bytes.len;
    if (len > lines->held_size) {
        size_t size = len < 1024 ? 1024 : len * 2;
        char *bigger = budget_resize(lines->budget, lines->held, lines->held_size, size);
        if (!bigger) return sse_no_memory;
        lines->held = bigger;
        lines->held_size = size;
    }
    memcpy(lines->held + lines->held_len, bytes.at, bytes.len);
    lines->held_len = len;
    return sse_more;
}

static struct sse_event event_of(struct str raw, bool borrowed) {
    struct str data = str_trim(raw);
    return (struct sse_event){
        .raw = raw, .event = STR(""), .data = data, .comment_only = data.len == 0, .borrowed = borrowed};
}

enum sse_result lines_next(struct lines *lines, struct sse_event *event) {
    size_t end = str_find_byte(lines->fed, '\n');
    if (end == SIZE_MAX) {
        enum sse_result result = lines_hold(lines, lines->fed);
        lines->fed = STR("");
        return result;
    }
    struct str line = str_slice(lines->fed, 0, end + 1);
    lines->fed = str_slice(lines->fed, end + 1, lines->fed.len);
    if (lines->held_len == 0) {
        if (line.len > limit_sse_event) return sse_too_large;
        *event = event_of(line, true);
        return sse_got_event;
    }
    enum sse_result result = lines_hold(lines, line);
    if (result != sse_more) return result;
    *event = event_of(str_make(lines->held, lines->held_len), false);
    lines->held_len = 0; /* its bytes stay until the next is held */
    return sse_got_event;
}

bool lines_last(struct lines *lines, struct sse_event *event) {
    if (lines->held_len == 0) return false;
    *event = event_of(str_make(lines->held, lines->held_len), false);
    lines->held_len = 0;
    return !event->comment_only;
}
