/* sse.c - finding the blank line that ends an event, then its fields. Each byte is looked at once for the end
 * (`scanned`); an event that arrived whole is never copied. */
#include "dialect/sse.h"

#include <string.h>

#include "base/limits.h"
#include "base/memory.h"
#include "base/text.h"

void sse_init(struct sse *sse) { *sse = (struct sse){.held = NULL}; }

void sse_free(struct sse *sse) {
    memory_give(sse->held);
    sse_init(sse);
}

void sse_feed(struct sse *sse, struct str bytes) { sse->fed = bytes; }

size_t sse_pending(const struct sse *sse) {
    for (size_t i = 0; i < sse->held_len; i++)
        if (sse->held[i] != '\n' && sse->held[i] != '\r') return sse->held_len;
    return 0;
}

/* Where the event at the front ends (behind its blank line), or 0. A blank line is LF LF, CR CR, CR LF CR LF and their
 * mixtures; a CR at the very end may be half of CR LF, so it waits. Resumes at *scanned. */
static size_t event_end(struct str bytes, size_t *scanned) {
    size_t at = *scanned;
    while (at < bytes.len) {
        const char *line_end = memchr(bytes.at + at, '\n', bytes.len - at);
        const char *carriage =
            memchr(bytes.at + at, '\r', line_end ? (size_t)(line_end - bytes.at) - at : bytes.len - at);
        if (carriage) line_end = carriage;
        if (!line_end) {
            *scanned = bytes.len;
            return 0;
        }
        size_t end = (size_t)(line_end - bytes.at), next = end + 1;
        if (*line_end == '\r') {
            if (next == bytes.len) {
                *scanned = end;
                return 0;
            }
            if (bytes.at[next] == '\n') next++;
        }
        if (next == bytes.len) { /* the next line has not begun: look at this line end again */
            *scanned = end;
            return 0;
        }
        if (bytes.at[next] == '\n') return next + 1;
        if (bytes.at[next] == '\r') {
            if (next + 1 == bytes.len) {
                *scanned = end;
                return 0;
            }
            return next + (bytes.at[next + 1] == '\n' ? 2 : 1);
        }
        at = next;
    }
    *scanned = at;
    return 0;
}

static bool line_next(struct str *rest, struct str *line) {
    if (rest->len == 0) return false;
    size_t end = 0;
    while (end < rest->len && rest->at[end] != '\n' && rest->at[end] != '\r') end++;
    *line = str_slice(*rest, 0, end);
    size_t next = end + 1;
    if (end < rest->len && rest->at[end] == '\r' && next < rest->len && rest->at[next] == '\n') next++;
    *rest = str_slice(*rest, next, rest->len);
    return true;
}

static bool field_is(struct str line, struct str name, struct str *value) {
    if (!str_starts(line, name)) return false;
    *value = str_slice(line, name.len, line.len);
    if (value->len == 0) return true;
    if (value->at[0] != ':') return false;
    *value = str_slice(*value, value->len > 1 && value->at[1] == ' ' ? 2 : 1, value->len);
    return true;
}

static bool event_read(struct str raw, struct arena *scratch, struct sse_event *event) {
    struct str rest = raw, line, value;
    struct text joined = {.failed = false};
    size_t datas = 0;
    event->event = STR("");
    while (line_next(&rest, &line)) {
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

static bool hold(struct sse *sse, struct str bytes) {
    size_t need = sse->held_len + bytes.len;
    if (need > sse->held_size) {
        size_t size = need * 2 < 512 ? 512 : need * 2;
        char *bigger = memory_resize(sse->held, size);
        if (!bigger) return false;
        sse->held = bigger;
        sse->held_size = size;
    }
    memcpy(sse->held + sse->held_len, bytes.at, bytes.len);
    sse->held_len = need;
    return true;
}

/* The event that was begun in earlier reads: takes fed bytes until it ends. */
static enum sse_result held_next(struct sse *sse, struct arena *scratch, struct sse_event *event) {
    size_t before = sse->held_len;
    if (!hold(sse, sse->fed)) return sse_no_memory;
    size_t end = event_end(str_make(sse->held, sse->held_len), &sse->scanned);
    if (end == 0) {
        sse->fed = STR_NONE;
        return sse->held_len > limit_sse_event ? sse_too_large : sse_more;
    }
    sse->fed = str_slice(sse->fed, end > before ? end - before : 0, sse->fed.len);
    sse->held_len = 0; /* the bytes stay until the next call */
    sse->scanned = 0;
    event->raw = str_make(sse->held, end);
    event->borrowed = false;
    return event_read(event->raw, scratch, event) ? sse_got_event : sse_no_memory;
}

enum sse_result sse_next(struct sse *sse, struct arena *scratch, struct sse_event *event) {
    if (sse->held_len) {
        if (sse->fed.len == 0) return sse_more;
        return held_next(sse, scratch, event);
    }
    if (!sse->started && sse->fed.len) {
        sse->started = true;
        if (str_starts(sse->fed, STR("\xef\xbb\xbf"))) sse->fed = str_slice(sse->fed, 3, sse->fed.len);
    }
    if (sse->fed.len == 0) {
        if (sse->held_size > 4096) { /* one long event is no reason to keep its memory */
            memory_give(sse->held);
            sse->held = NULL;
            sse->held_size = 0;
        }
        return sse_more;
    }
    /* blank lines before an event belong to none; they end at once, as an event without data */
    size_t end = event_end(sse->fed, &sse->scanned);
    if (end == 0 && (sse->fed.at[0] == '\n' || (sse->fed.at[0] == '\r' && sse->fed.len > 1)))
        end = sse->fed.at[0] == '\r' && sse->fed.at[1] == '\n' ? 2 : 1;
    if (end == 0) {
        struct str rest = sse->fed;
        sse->fed = STR_NONE;
        if (rest.len > limit_sse_event) return sse_too_large;
        return hold(sse, rest) ? sse_more : sse_no_memory;
    }
    event->raw = str_slice(sse->fed, 0, end);
    event->borrowed = true;
    sse->fed = str_slice(sse->fed, end, sse->fed.len);
    sse->scanned = 0;
    return event_read(event->raw, scratch, event) ? sse_got_event : sse_no_memory;
}
