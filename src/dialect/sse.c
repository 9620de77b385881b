/* sse.c - finding the blank line that ends an event, then its fields. Each byte is looked at once for the end
 * (`scanned`); an event that arrived whole is never copied. */
#include "dialect/sse.h"

#include <string.h>

#include "base/budget.h"
#include "base/check.h"
#include "base/limits.h"
#include "base/text.h"

void sse_init(struct sse *sse) { *sse = (struct sse){.held = NULL}; }

void sse_hold_within(struct sse *sse, struct budget *budget) { sse->budget = budget; }

static void held_free(struct sse *sse) {
    budget_free(sse->budget, sse->held, sse->held_size);
    sse->held = NULL;
    sse->held_len = sse->held_size = 0;
}

void sse_free(struct sse *sse) {
    held_free(sse);
    sse_init(sse);
}

void sse_feed(struct sse *sse, struct str bytes) { sse->fed = bytes; }

size_t sse_pending(const struct sse *sse) {
    for (size_t i = 0; i < sse->held_len; i++)
        if (sse->held[i] != '\n' && sse->held[i] != '\r') return sse->held_len;
    return 0;
}

/* Where the line at `at` ends: its LF or CR, or the end of the bytes. A window at a time, as a stream of the one may
 * hold none of the other. */
static size_t sse_line_end(struct str bytes, size_t at) {
    for (size_t window = 512; at < bytes.len; at += window) {
        size_t left = bytes.len - at < window ? bytes.len - at : window;
        const char *feed = memchr(bytes.at + at, '\n', left);
        if (feed) left = (size_t)(feed - (bytes.at + at));
        const char *carriage = memchr(bytes.at + at, '\r', left);
        if (carriage || feed) return (size_t)((carriage ? carriage : feed) - bytes.at);
    }
    return bytes.len;
}

/* Behind the line end at `at` (LF, CR, CR LF); 0: a CR at the very end may be half of CR LF, so it waits. */
static size_t line_end_pass(struct str bytes, size_t at) {
    if (bytes.at[at] == '\n') return at + 1;
    if (at + 1 == bytes.len) return 0;
    return at + (bytes.at[at + 1] == '\n' ? 2 : 1);
}

/* Where the event at the front ends (behind its blank line), or 0. A blank line at the very front is an event of its
 * own, without fields. Resumes at *scanned, which is a line's beginning, or its end once that has been found. *first:
 * the end of the first line, where it was found in this call; else 0. */
static size_t event_end(struct str bytes, size_t *scanned, size_t *first) {
    bool front = *scanned == 0;
    CHECKF(*scanned <= bytes.len, "scanned=%zu len=%zu", *scanned, bytes.len);
    *first = 0;
    while (*scanned < bytes.len) {
        size_t end = sse_line_end(bytes, *scanned), next;
        if (end == bytes.len) break;
        next = line_end_pass(bytes, end);
        if (front && end == 0) return next;
        if (front) *first = end;
        front = false;
        *scanned = end;
        if (next == 0 || next == bytes.len) return 0; /* the next line has not begun: look at this line end again */
        if (bytes.at[next] == '\n' || bytes.at[next] == '\r') return line_end_pass(bytes, next);
        *scanned = next;
    }
    *scanned = bytes.len;
    return 0;
}

/* `end`: of this line, where it is known; else 0. */
static bool line_next(struct str *rest, size_t end, struct str *line) {
    if (rest->len == 0) return false;
    if (end == 0) end = sse_line_end(*rest, 0);
    *line = str_slice(*rest, 0, end);
    size_t next = end + 1;
    if (end < rest->len && rest->at[end] == '\r' && next < rest->len && rest->at[next] == '\n') next++;
    *rest = str_slice(*rest, next, rest->len);
    return true;
}

static inline bool field_is(struct str line, struct str name, struct str *value) {
    if (line.len < name.len || memcmp(line.at, name.at, name.len) != 0) return false;
    *value = str_slice(line, name.len, line.len);
    if (value->len == 0) return true;
    if (value->at[0] != ':') return false;
    *value = str_slice(*value, value->len > 1 && value->at[1] == ' ' ? 2 : 1, value->len);
    return true;
}

static bool sse_event_read(struct str raw, size_t first, struct arena *scratch, struct sse_event *event) {
    struct str rest = raw, line, value;
    struct text joined = {.failed = false};
    size_t datas = 0;
    event->event = STR("");
    for (; line_next(&rest, first, &line); first = 0) {
        if (field_is(line, STR("event"), &value)) event->event = value;
        if (!field_is(line, STR("data"), &value)) continue;
        if (datas++ == 0) {
            event->data = value;
            continue;
        }
        if (datas == 2) {
            joined = text_in_arena(scratch, raw.len + 1);
            text_put(&joined, event->data);
        }
        text_put_byte(&joined, '\n');
        text_put(&joined, value);
    }
    if (datas > 1) event->data = text_str(&joined);
    event->comment_only = datas == 0;
    if (datas == 0) event->data = STR("");
    return !joined.failed;
}

static bool sse_hold(struct sse *sse, struct str bytes) {
    if (bytes.len == 0) return true;
    size_t need = sse->held_len + bytes.len;
    if (need > sse->held_size) {
        size_t size = need * 2 < 512 ? 512 : need * 2;
        char *bigger = budget_resize(sse->budget, sse->held, sse->held_size, size);
        if (!bigger) return false;
        sse->held = bigger;
        sse->held_size = size;
    }
    CHECKF(need <= sse->held_size && need >= bytes.len, "need=%zu size=%zu", need, sse->held_size);
    memcpy(sse->held + sse->held_len, bytes.at, bytes.len);
    sse->held_len = need;
    return true;
}

/* The event that was begun in earlier reads: takes fed bytes until it ends, and only those, so that what follows is not
 * copied. The end is looked for a piece at a time; pieces double, so that each byte is moved about once. */
static enum sse_result held_next(struct sse *sse, struct arena *scratch, struct sse_event *event) {
    for (size_t piece = 512; sse->fed.len; piece *= 2) {
        size_t before = sse->held_len;
        if (!sse_hold(sse, str_slice(sse->fed, 0, piece))) return sse_no_memory;
        size_t first, taken = sse->held_len - before;
        size_t end = event_end(str_make(sse->held, sse->held_len), &sse->scanned, &first);
        if (end == 0) {
            sse->fed = str_slice(sse->fed, taken, sse->fed.len);
            if (sse->held_len > limit_sse_event) return sse_too_large;
            continue;
        }
        sse->held_len = 0; /* the bytes stay until the next call */
        sse->scanned = 0;
        event->raw = str_make(sse->held, end);
        event->borrowed = false;
        CHECKF(end >= before && end - before <= sse->fed.len, "end=%zu before=%zu fed=%zu", end, before,
               sse->fed.len); /* else it would have ended then */
        sse->fed = str_slice(sse->fed, end - before, sse->fed.len);
        return sse_event_read(event->raw, first, scratch, event) ? sse_got_event : sse_no_memory;
    }
    return sse_more;
}

/* A byte order mark at the stream's front is left out, in whatever pieces it comes. */
static bool mark_pass(struct sse *sse) {
    static const struct str mark = STR("\xef\xbb\xbf");
    while (!sse->started && sse->fed.len) {
        if (sse->fed.at[0] == mark.at[sse->mark_len]) {
            sse->fed = str_slice(sse->fed, 1, sse->fed.len);
            sse->started = ++sse->mark_len == mark.len;
        } else {
            sse->started = true;
            if (!sse_hold(sse, str_slice(mark, 0, sse->mark_len))) return false;
        }
    }
    return true;
}

enum sse_result sse_next(struct sse *sse, struct arena *scratch, struct sse_event *event) {
    if (!sse->started && !mark_pass(sse)) return sse_no_memory;
    if (sse->held_len) return held_next(sse, scratch, event);
    if (sse->fed.len == 0) {
        if (sse->held_size > 4096) held_free(sse); /* one long event is no reason to keep its memory */
        return sse_more;
    }
    size_t first, end = event_end(sse->fed, &sse->scanned, &first);
    if (end == 0) {
        struct str rest = sse->fed;
        sse->fed = STR_NONE;
        if (rest.len > limit_sse_event) return sse_too_large;
        return sse_hold(sse, rest) ? sse_more : sse_no_memory;
    }
    event->raw = str_slice(sse->fed, 0, end);
    event->borrowed = true;
    sse->fed = str_slice(sse->fed, end, sse->fed.len);
    sse->scanned = 0;
    return sse_event_read(event->raw, first, scratch, event) ? sse_got_event : sse_no_memory;
}
