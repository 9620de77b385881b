/* log.h - structured logs: one event a line, as JSON or for reading. A line costs its writer no system call, makes no
 * text and never waits: what it says goes into the writer's own ring as it is (log_entry.h), and one log thread makes
 * the lines. What does not fit is dropped, counted and told later.
 *
 *   loop 1 -> [ ring ] \
 *   loop 2 -> [ ring ]  > log thread -> descriptor or callback         lines stay whole and, per writer, in order
 *   others -> [ shared ring, behind a mutex ] /
 *
 * Level: error, a person must act; warn, degraded but handled; info, lifecycle; debug, everything. A warn or error is
 * written at most log_site_rate times a second for each call site and writer; `log_suppressed` then says how many were
 * not. What others sent is escaped: control characters, terminal escapes, text that turns direction, bytes that are not
 * UTF-8. `f_said` and `log_headers` hide what looks like a credential (base/redact.h). */
#ifndef WEIR_OBSERVE_LOG_H
#define WEIR_OBSERVE_LOG_H

#include "base/clock.h"
#include "base/redact.h"
#include "base/header.h"
#include "base/text.h"

enum log_level { log_level_debug, log_level_info, log_level_warn, log_level_error, log_level_off, log_levels };
enum log_format { log_format_json, log_format_readable };

enum {
    log_ring_bytes = 256 * 1024, /* of each writer */
    log_line_bytes = 4096,       /* a longer line loses its last fields and says "cut":true */
    log_fields_max = 40,         /* of one line */
    log_site_rate = 20,          /* warn and error lines a second for each call site and writer */
    log_drain_ms = 50,           /* how late a line may reach the descriptor */
    log_members_bytes = 960,     /* of what `tell` is told */
    log_members_value = 160,     /* of a string in it */
};

struct log_options {
    enum log_level level;
    enum log_format format;
    const struct pattern *own; /* what is hidden of all strings, beside credentials; outlives the log; NULL: nothing */
    bool colour;               /* readable format only; the caller has looked at the terminal and NO_COLOR */
    int fd;                    /* used when write is NULL; -1: nothing is written. Stays the caller's */
    /* One line without its newline. From the log thread, or from whoever flushes; never two at once. */
    void (*write)(void *owner, struct str line);
    /* The same for who wants no line but its members as JSON without braces, `"a":1,"b":"x"`, at most log_members_bytes
     * of them: strings are cut at log_members_value, and what does not fit is left out from there on, and
     * `"cut":true` stands for it. NULL: lines are made. */
    void (*tell)(void *owner, const char *event, int64_t wall_ns, struct str members);
    void *owner;
};

struct log;
struct log_writer;

/* Starts the log thread. NULL: no memory or no thread. */
struct log *log_open(const struct log_options *options) __attribute__((warn_unused_result));
/* Writes what is left, ends the thread, frees log and writers. No thread may use them any more. NULL is fine. */
void log_close(struct log *log);
/* The writer of one thread, which alone may use it. Lives as long as the log. NULL: no memory, or too many. */
struct log_writer *log_writer_open(struct log *log) __attribute__((warn_unused_result));
/* The writer for threads without one; any thread, behind a mutex. Never NULL. */
struct log_writer *log_shared(struct log *log);
/* Any thread. While it is off, its thread sleeps. */
void log_set_level(struct log *log, enum log_level level);
uint64_t log_dropped(const struct log *log); /* lines dropped so far because a ring was full */
/* Waits until all that was put before is written, at most a second. Any thread but the callback. */
void log_flush(struct log *log);
/* For the report of a CHECK: writes what can be written without waiting for a lock that the dying thread may hold. */
void log_flush_crash(struct log *log);
/* false when it is none of debug, info, warn (warning), error, off. */
bool log_level_parse(struct str name, enum log_level *level);
struct str log_level_name(enum log_level level);
/* For log_options: readable and coloured on a terminal, else JSON. NO_COLOR is an argument because the environment is.
 */
void log_options_for(struct log_options *options, int fd, bool no_color);

enum log_kind {
    log_kind_none,
    log_kind_str,
    log_kind_said,
    log_kind_int,
    log_kind_u64,
    log_kind_bool,
    log_kind_us,
    log_kind_money
};

struct log_field {
    struct str name; /* a literal of a-z, 0-9 and _ */
    enum log_kind kind;
    union {
        struct str str;
        int64_t number;
        uint64_t count;
    };
};

/* A literal's length is known when it is compiled. */
static inline struct log_field f_none(void) { return (struct log_field){.name = STR(""), .kind = log_kind_none}; }
/* A range whose `at` is NULL leaves the field out. */
static inline struct log_field f_str(const char *name, struct str value) {
    return (struct log_field){
        .name = {name, strlen(name)}, .kind = value.at ? log_kind_str : log_kind_none, .str = value};
}
static inline struct log_field f_text(const char *name, const char *value) { return f_str(name, str_from(value)); }
/* Words of a provider or of a caller: as f_str, and what looks like a credential in them is hidden. */
static inline struct log_field f_said(const char *name, struct str value) {
    return (struct log_field){
        .name = {name, strlen(name)}, .kind = value.at ? log_kind_said : log_kind_none, .str = value};
}
static inline struct log_field f_int(const char *name, int64_t value) {
    return (struct log_field){.name = {name, strlen(name)}, .kind = log_kind_int, .number = value};
}
static inline struct log_field f_u64(const char *name, uint64_t value) {
    return (struct log_field){.name = {name, strlen(name)}, .kind = log_kind_u64, .count = value};
}
static inline struct log_field f_bool(const char *name, bool value) {
    return (struct log_field){.name = {name, strlen(name)}, .kind = log_kind_bool, .count = value};
}
/* A duration in microseconds: the name ends in _us. Readable lines show it as 1.250ms. */
static inline struct log_field f_us(const char *name, uint64_t value_us) {
    return (struct log_field){.name = {name, strlen(name)}, .kind = log_kind_us, .count = value_us};
}
/* "0.001250000"; below 0, not known: left out. */
static inline struct log_field f_money(const char *name, int64_t nano_usd) {
    return (struct log_field){
        .name = {name, strlen(name)}, .kind = nano_usd < 0 ? log_kind_none : log_kind_money, .number = nano_usd};
}

/* Where a line is written in the source; its address is the identity that the rate limit counts by. */
struct log_site {
    const char *event; /* a literal of a-z, 0-9 and _ */
    enum log_level level;
};

/* Is a line of this level wanted? A NULL writer wants none. */
bool log_wants(const struct log_writer *writer, enum log_level level);
void log_put(struct log_writer *writer, const struct log_site *site, struct now now, const struct log_field *fields,
             size_t count);

/* A macro because the site must be the caller's and unwanted fields must not be computed. */
#define LOG_AT(writer, now, level_, event_, ...)                                                              \
    do {                                                                                                      \
        static const struct log_site log_site_ = {event_, level_};                                            \
        struct log_writer *log_writer_ = (writer);                                                            \
        if (log_wants(log_writer_, level_)) {                                                                 \
            const struct log_field log_fields_[] = {f_none(), ##__VA_ARGS__};                                 \
            _Static_assert(sizeof log_fields_ <= log_fields_max * sizeof(struct log_field), event_);          \
            log_put(log_writer_, &log_site_, (now), log_fields_, sizeof log_fields_ / sizeof log_fields_[0]); \
        }                                                                                                     \
    } while (0)

/* log_warn(worker->log, now, "attempt_failed", f_str("request_id", id), f_str("provider", name), f_int("status", 503));
 */
#define log_debug(writer, now, event, ...) LOG_AT(writer, now, log_level_debug, event, ##__VA_ARGS__)
#define log_info(writer, now, event, ...) LOG_AT(writer, now, log_level_info, event, ##__VA_ARGS__)
#define log_warn(writer, now, event, ...) LOG_AT(writer, now, log_level_warn, event, ##__VA_ARGS__)
#define log_error(writer, now, event, ...) LOG_AT(writer, now, log_level_error, event, ##__VA_ARGS__)

/* Header lines at level debug, credentials hidden: by the header's name, and by the value's looks. */
void log_headers(struct log_writer *writer, struct now now, struct str request_id, struct str direction,
                 const struct http_header *headers, size_t count);

#endif
