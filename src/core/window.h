/* window.h - when a calendar window begins and ends, in the clock time of a place. Pure.
 *
 * A day begins at the first moment at which its clocks show midnight or later: where they are put forward over midnight
 * that is the moment of the change, and where they are put back over it the day does not begin twice. Hours have 60
 * minutes all year. */
#ifndef WEIR_CORE_WINDOW_H
#define WEIR_CORE_WINDOW_H

#include <stdbool.h>
#include <stddef.h>

#include "base/text.h"
#include "core/cell.h"

enum window_kind { window_hour, window_day, window_week, window_month, window_lifetime, window_kinds };
/* Their words, by place; empty behind the last. */
struct str window_word(size_t kind);

/* From then on the clocks are so far ahead of UTC; before the first as by the first. */
struct zone_change {
    int64_t from_s; /* since 1970 */
    int32_t offset_s;
};
struct zone {
    const struct zone_change *changes; /* they rise */
    size_t count;                      /* 0: UTC */
};

struct window_span {
    int64_t start_s, end_s; /* since 1970; a lifetime: 0 and INT64_MAX */
};

/* The window that this moment is in. Weeks begin on Monday. */
struct window_span window_span(enum window_kind kind, const struct zone *zone, int64_t now_s);

/* One kind in one place, with the span that was found last beside it: who asks within it need not work it out. */
struct window {
    enum window_kind kind;
    const struct zone *zone; /* NULL: UTC */
    struct cell *found;      /* 63..32 its start, 31..0 its length in s; 0: none */
};
/* The same as window_span. Any thread. */
struct window_span window_now(const struct window *window, int64_t now_s);

/* What is counted by a window's end, if it goes on as it did since it began. */
struct window_forecast {
    int64_t total;     /* INT64_MAX: that, or more */
    int64_t reached_s; /* when it comes to the limit, not behind the window's end; INT64_MAX: it does not */
};
/* false: it has only begun, or has no end. What was counted and the limit: from 0. */
bool window_forecast(struct window_span span, int64_t now_s, int64_t counted, int64_t limit,
                     struct window_forecast *forecast);

/* "2026-11-22T00:00:00Z" */
void window_moment_put(struct text *text, int64_t moment_s);

#endif
