/* log_line.h - how one fact becomes one line. Between the log's own files. Pure but for the cache it is given. */
#ifndef WEIR_OBSERVE_LOG_LINE_H
#define WEIR_OBSERVE_LOG_LINE_H

#include "observe/log_entry.h"

/* The date and second of the last line, so that a busy second is formatted once. Zeroed at first. */
struct log_second {
    int64_t second;
    char text[24]; /* 2026-11-20T23:55:02 */
    size_t len;
};

struct log_style {
    enum log_format format;
    bool colour;
    const struct pattern *own; /* hidden in all strings; NULL: nothing */
    size_t value_most;         /* bytes of a string that are shown; 0: as many as a line does */
};

/* One line with its newline. Fields that do not fit are left out from the first such on, and the line says so; so it
 * does where some were left out of the entry. `text` is empty and has a fixed buffer of log_line_bytes. */
void log_line(struct text *text, struct log_style style, struct log_second *cache, const struct log_entry *entry,
              const struct log_field *fields, size_t count);
/* The fields alone, as members of a JSON object without its braces. `text` is empty and has a fixed buffer. */
void log_members(struct text *text, struct log_style style, const struct log_entry *entry,
                 const struct log_field *fields, size_t count);

#endif
