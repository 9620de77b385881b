/* log.c - rings, and the thread that empties them. Must never make a writer wait, nor split a line between two writers.
 *
 *   ring: [ ....tail======head.... ]   head: bytes put so far, moved by the writer after a whole entry;
 *                                      tail: bytes read, moved by whoever holds `drain`     head - tail <=
 * log_ring_bytes
 *
 *   out:  [ line\nline\nline\n..... ]   the lines made of them, of all writers; written many at a time, and a half that
 *                                      is left is written before anything else
 */
#include "observe/log.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/check.h"
#include "base/limits.h"
#include "base/memory.h"
#include "observe/log_line.h"

enum {
    writers_max = limit_loops + 8,
    sites_max = 128,         /* power of two; sites past it are not limited */
    pipe_write_bytes = 4096, /* PIPE_BUF: what a pipe that polls as writable takes without blocking */
    file_write_bytes = 128 * 1024,
    out_bytes = 64 * 1024,
    close_patience_ms = 1000,
    crash_patience_ms = 200,
};

struct site_count {
    const struct log_site *site;
    uint64_t second;
    uint32_t put, suppressed;
};

struct log_writer {
    struct log *log;
    bool shared;           /* behind `mutex`; else one thread's */
    pthread_mutex_t mutex; /* guards all of the writer's own fields */
    char *ring;
    size_t tail_seen; /* the writer's last look at tail */
    uint64_t untold;  /* lines dropped since the last log_dropped line */
    struct now last;
    bool any_suppressed;
    struct site_count sites[sites_max];
    char apart[64]; /* keeps what two threads write on lines of their own */
    _Atomic size_t head;
    _Atomic uint64_t dropped;
    char apart_too[64];
    _Atomic size_t tail;
};

struct log {
    struct log_options options;
    struct log_style style;
    size_t write_bytes_max, string_most;
    _Atomic int level;
    _Atomic bool closing, woken;
    _Atomic(struct log_writer *) writers[writers_max];
    _Atomic size_t writer_count;
    pthread_mutex_t drain; /* held by whoever moves tails, makes lines and writes: the four below are its */
    struct log_second second;
    char *out;
    size_t out_gone, out_len;
    pthread_mutex_t opening;
    struct log_writer *shared;
    int wake[2];
    pthread_t thread;
};

/* -- names -- */

static const struct str level_names[log_levels] = {{"debug", 5}, {"info", 4}, {"warn", 4}, {"error", 5}, {"off", 3}};

struct str log_level_name(enum log_level level) {
    CHECKF((unsigned)level < log_levels, "level=%d", (int)level);
    return level_names[level];
}

bool log_level_parse(struct str name, enum log_level *level) {
    if (str_eq(name, STR("warning"))) name = STR("warn");
    for (int i = 0; i < log_levels; i++) {
        if (!str_eq(name, level_names[i])) continue;
        *level = (enum log_level)i;
        return true;
    }
    return false;
}

void log_options_for(struct log_options *options, int fd, bool no_color) {
    bool terminal = isatty(fd) == 1;
    options->fd = fd;
    options->format = terminal ? log_format_readable : log_format_json;
    options->colour = terminal && !no_color;
}

/* -- the writer's side -- */

static void wake(struct log *log) {
    if (atomic_exchange_explicit(&log->woken, true, memory_order_relaxed)) return;
    ssize_t written = write(log->wake[1], "", 1);
    (void)written; /* a full pipe wakes as well */
}

/* Where an entry of so many bytes goes: as one piece, so that the rest of the ring may be a gap in front of it. NULL:
 * it is full. */
static char *ring_room(struct log_writer *writer, size_t bytes, size_t *head) {
    size_t left = log_ring_bytes - *head % log_ring_bytes, gap = left < bytes ? left : 0;
    if (*head + gap + bytes - writer->tail_seen > log_ring_bytes)
        writer->tail_seen = atomic_load_explicit(&writer->tail, memory_order_acquire);
    CHECKF(*head - writer->tail_seen <= log_ring_bytes, "head=%zu tail=%zu", *head, writer->tail_seen);
    if (*head + gap + bytes - writer->tail_seen > log_ring_bytes) return NULL;
    if (gap) {
        const struct log_entry rest = {.bytes = (uint32_t)gap, .gap = true};
        memcpy(writer->ring + *head % log_ring_bytes, &rest, gap < sizeof rest ? gap : sizeof rest);
        *head += gap;
    }
    return writer->ring + *head % log_ring_bytes;
}

/* Also where it has been woken before: what is looked at then may have changed since. */
static void wake_surely(struct log *log) {
    ssize_t written = write(log->wake[1], "", 1);
    (void)written;
}

static bool log_line_put(struct log_writer *writer, const struct log_site *site, const struct log_field *fields,
                         size_t count) {
    size_t most = writer->log->string_most, head = atomic_load_explicit(&writer->head, memory_order_relaxed);
    struct log_entry entry = log_entry_for(site, writer->last.wall_ns, fields, count, most);
    char *at = ring_room(writer, entry.bytes, &head);
    if (!at) return false;
    log_entry_write(at, &entry, fields, most);
    head += entry.bytes;
    atomic_store_explicit(&writer->head, head, memory_order_release);
    if (head - writer->tail_seen > log_ring_bytes / 2) {
        writer->tail_seen = atomic_load_explicit(&writer->tail, memory_order_acquire);
        if (head - writer->tail_seen > log_ring_bytes / 2) wake(writer->log);
    }
    return true;
}

static void drop(struct log_writer *writer) {
    writer->untold++;
    uint64_t dropped = atomic_load_explicit(&writer->dropped, memory_order_relaxed);
    atomic_store_explicit(&writer->dropped, dropped + 1, memory_order_relaxed);
}

/* Says what was dropped, once there is room again. */
static bool tell_dropped(struct log_writer *writer) {
    static const struct log_site site = {"log_dropped", log_level_warn};
    if (writer->untold == 0) return true;
    struct log_field lines = f_u64("lines", writer->untold);
    if (!log_line_put(writer, &site, &lines, 1)) return false;
    writer->untold = 0;
    return true;
}

static void tell_suppressed(struct log_writer *writer) {
    writer->any_suppressed = false;
    for (size_t i = 0; i < sites_max; i++) {
        struct site_count *count = &writer->sites[i];
        if (count->suppressed == 0) continue;
        struct log_site site = {"log_suppressed", count->site->level};
        const struct log_field fields[] = {f_text("of", count->site->event), f_u64("lines", count->suppressed)};
        count->suppressed = 0;
        if (!log_line_put(writer, &site, fields, 2)) drop(writer);
    }
}

/* false: this site has said enough in this second. */
static bool site_admits(struct log_writer *writer, const struct log_site *site, uint64_t second) {
    size_t start = (size_t)(((uintptr_t)site * 0x9e3779b97f4a7c15ull) >> 32);
    for (size_t i = 0; i < sites_max; i++) {
        struct site_count *count = &writer->sites[(start + i) & (sites_max - 1)];
        if (count->site && count->site != site) continue;
        if (!count->site || count->second != second) {
            uint32_t suppressed = count->site ? count->suppressed : 0;
            *count = (struct site_count){site, second, 0, suppressed};
        }
        if (count->put < log_site_rate) {
            count->put++;
            return true;
        }
        count->suppressed++;
        writer->any_suppressed = true;
        return false;
    }
    return true;
}

bool log_wants(const struct log_writer *writer, enum log_level level) {
    return writer && (int)level >= atomic_load_explicit(&writer->log->level, memory_order_relaxed);
}

void log_put(struct log_writer *writer, const struct log_site *site, struct now now, const struct log_field *fields,
             size_t count) {
    CHECK(site->level < log_level_off);
    if (!log_wants(writer, site->level)) return;
    if (writer->shared) pthread_mutex_lock(&writer->mutex);
    uint64_t second = now.mono_ns / NS_PER_S;
    bool new_second = second != writer->last.mono_ns / NS_PER_S;
    writer->last = now;
    if (new_second && writer->any_suppressed) tell_suppressed(writer);
    if (site->level < log_level_warn || site_admits(writer, site, second))
        if (!tell_dropped(writer) || !log_line_put(writer, site, fields, count)) drop(writer);
    if (writer->shared) pthread_mutex_unlock(&writer->mutex);
}

void log_headers(struct log_writer *writer, struct now now, struct str request_id, struct str direction,
                 const struct http_header *headers, size_t count) {
    char bytes[2048];
    struct text text = text_in_buffer(bytes, sizeof bytes);
    if (!log_wants(writer, log_level_debug)) return;
    for (size_t i = 0; i < count; i++) {
        size_t whole = text.len;
        if (i) text_put(&text, STR("; "));
        text_put(&text, headers[i].name);
        text_put(&text, STR(": "));
        if (redact_header_name(headers[i].name))
            text_put(&text, STR("***"));
        else
            redact_put(&text, headers[i].value);
        if (!text.failed) continue;
        text.failed = false;
        text.len = whole;
        break;
    }
    log_debug(writer, now, "headers", f_str("request_id", request_id), f_str("direction", direction),
              f_u64("count", count), f_str("headers", text_str(&text)));
}

/* -- the draining side -- */

/* true: the descriptor takes more. Gives up after `patience_ms`; below 0: not before the log closes. */
static bool fd_waits(struct log *log, int *waited_ms, int patience_ms) {
    for (;;) {
        struct pollfd out = {.fd = log->options.fd, .events = POLLOUT};
        if (poll(&out, 1, 100) > 0) return true;
        *waited_ms += 100;
        int patience = patience_ms >= 0 ? patience_ms : atomic_load(&log->closing) ? close_patience_ms : -1;
        if (patience < 0)
            *waited_ms = 0;
        else if (*waited_ms >= patience)
            return false;
    }
}

/* How many of these bytes went out: all, unless the patience is over. Bytes that the descriptor refuses for good count
 * as gone.
 */
static size_t fd_write(struct log *log, struct str bytes, int *waited_ms, int patience_ms) {
    size_t gone = 0;
    while (gone < bytes.len) {
        if (!fd_waits(log, waited_ms, patience_ms)) return gone;
        size_t more = bytes.len - gone < log->write_bytes_max ? bytes.len - gone : log->write_bytes_max;
        ssize_t written = write(log->options.fd, bytes.at + gone, more);
        if (written >= 0)
            gone += (size_t)written;
        else if (errno != EAGAIN && errno != EINTR)
            return bytes.len;
    }
    return gone;
}

/* false: patience is over, in the middle of a line perhaps; the next drain goes on there. */
static bool out_write(struct log *log, int *waited_ms, int patience_ms) {
    size_t left = log->out_len - log->out_gone;
    if (left) log->out_gone += fd_write(log, str_make(log->out + log->out_gone, left), waited_ms, patience_ms);
    if (log->out_gone < log->out_len) return false;
    log->out_gone = log->out_len = 0;
    return true;
}

static void entry_tell(struct log *log, const struct log_entry *entry) {
    struct log_field fields[log_fields_max];
    struct text members = text_in_buffer(log->out, log_members_bytes);
    log_members(&members, log->style, entry, fields, log_entry_read((const char *)entry, fields));
    log->options.tell(log->options.owner, entry->event, entry->wall_ns, text_str(&members));
}

/* The writer's next entry becomes a line at the end of `out`, where there is room for one; or is told. */
static struct str line_make(struct log *log, struct log_writer *writer) {
    struct log_field fields[log_fields_max];
    struct text line = text_in_buffer(log->out + log->out_len, log_line_bytes);
    size_t tail = atomic_load_explicit(&writer->tail, memory_order_relaxed);
    const struct log_entry *entry = (const struct log_entry *)(writer->ring + tail % log_ring_bytes);
    size_t bytes = entry->bytes;
    CHECKF(bytes > 0 && bytes <= log_ring_bytes && bytes % 8 == 0, "bytes=%zu", bytes);
    if (!entry->gap && log->options.tell)
        entry_tell(log, entry);
    else if (!entry->gap)
        log_line(&line, log->style, &log->second, entry, fields, log_entry_read((const char *)entry, fields));
    atomic_store_explicit(&writer->tail, tail + bytes, memory_order_release);
    return text_str(&line);
}

/* false: patience is over. */
static bool writer_drain(struct log *log, struct log_writer *writer, int *waited_ms, int patience_ms) {
    size_t head = atomic_load_explicit(&writer->head, memory_order_acquire);
    while (atomic_load_explicit(&writer->tail, memory_order_relaxed) != head) {
        struct str line = line_make(log, writer);
        if (!log->options.write)
            log->out_len += line.len;
        else if (line.len)
            log->options.write(log->options.owner, str_slice(line, 0, line.len - 1));
        if (log->out_len > out_bytes - log_line_bytes && !out_write(log, waited_ms, patience_ms)) return false;
    }
    return true;
}

/* With `drain` held. */
static void log_drain(struct log *log, int patience_ms) {
    int waited_ms = 0;
    size_t count = atomic_load_explicit(&log->writer_count, memory_order_acquire);
    bool gone = out_write(log, &waited_ms, patience_ms);
    for (size_t i = 0; i < count && gone; i++)
        gone = writer_drain(log, atomic_load_explicit(&log->writers[i], memory_order_acquire), &waited_ms, patience_ms);
    if (gone) (void)out_write(log, &waited_ms, patience_ms);
}

static bool log_is_off(const struct log *log) {
    return atomic_load_explicit(&log->level, memory_order_relaxed) == (int)log_level_off;
}

/* The thread's rounds are log_drain_ms apart, so that lines go out many at a time. */
static void *drain_thread(void *argument) {
    struct log *log = argument;
    while (!atomic_load(&log->closing)) {
        struct pollfd in = {.fd = log->wake[0], .events = POLLIN};
        if (poll(&in, 1, log_is_off(log) ? -1 : log_drain_ms) > 0) {
            char bytes[64];
            ssize_t taken = read(log->wake[0], bytes, sizeof bytes);
            (void)taken; /* how many does not matter */
            atomic_store(&log->woken, false);
        }
        pthread_mutex_lock(&log->drain);
        log_drain(log, -1);
        pthread_mutex_unlock(&log->drain);
    }
    return NULL;
}

static void drain_within(struct log *log, int patience_ms) {
    for (int waited_ms = 0; pthread_mutex_trylock(&log->drain) != 0; waited_ms++) {
        if (waited_ms >= patience_ms) return;
        poll(NULL, 0, 1);
    }
    log_drain(log, patience_ms);
    pthread_mutex_unlock(&log->drain);
}

void log_flush(struct log *log) { drain_within(log, close_patience_ms); }
void log_flush_crash(struct log *log) { drain_within(log, crash_patience_ms); }

/* -- opening and closing -- */

static struct log_writer *writer_new(struct log *log, bool shared) {
    struct log_writer *writer = NULL;
    pthread_mutex_lock(&log->opening);
    size_t count = atomic_load(&log->writer_count);
    if (count < writers_max) writer = memory_take_zeroed(sizeof *writer);
    if (writer) writer->ring = memory_take(log_ring_bytes);
    if (writer && writer->ring) {
        writer->log = log;
        writer->shared = shared;
        pthread_mutex_init(&writer->mutex, NULL);
        atomic_store_explicit(&log->writers[count], writer, memory_order_release);
        atomic_store_explicit(&log->writer_count, count + 1, memory_order_release);
    } else {
        memory_give(writer);
        writer = NULL;
    }
    pthread_mutex_unlock(&log->opening);
    return writer;
}

struct log_writer *log_writer_open(struct log *log) {
    return writer_new(log, false);
}
struct log_writer *log_shared(struct log *log) {
    return log->shared;
}

static void level_store(struct log *log, enum log_level level) {
    bool nowhere = !log->options.write && !log->options.tell && log->options.fd < 0;
    atomic_store_explicit(&log->level, nowhere ? log_level_off : (int)level, memory_order_relaxed);
}

void log_set_level(struct log *log, enum log_level level) {
    level_store(log, level);
    wake_surely(log);
}

uint64_t log_dropped(const struct log *log) {
    uint64_t dropped = 0;
    size_t count = atomic_load_explicit(&log->writer_count, memory_order_acquire);
    for (size_t i = 0; i < count; i++)
        dropped += atomic_load_explicit(&atomic_load_explicit(&log->writers[i], memory_order_acquire)->dropped,
                                        memory_order_relaxed);
    return dropped;
}

static bool wake_open(struct log *log) {
    if (pipe(log->wake) != 0) return false;
    for (int i = 0; i < 2; i++) {
        fcntl(log->wake[i], F_SETFD, FD_CLOEXEC);
        fcntl(log->wake[i], F_SETFL, O_NONBLOCK);
    }
    return true;
}

/* The log thread takes no signal: they are the host's. */
static bool thread_start(struct log *log) {
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    bool started = pthread_create(&log->thread, NULL, drain_thread, log) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return started;
}

static void writers_free(struct log *log) {
    for (size_t i = 0; i < atomic_load(&log->writer_count); i++) {
        struct log_writer *writer = atomic_load(&log->writers[i]);
        pthread_mutex_destroy(&writer->mutex);
        memory_give(writer->ring);
        memory_give(writer);
    }
}

static void log_free(struct log *log) {
    writers_free(log);
    if (log->wake[0] >= 0) close(log->wake[0]);
    if (log->wake[1] >= 0) close(log->wake[1]);
    pthread_mutex_destroy(&log->drain);
    pthread_mutex_destroy(&log->opening);
    memory_give(log->out);
    memory_give(log);
}

struct log *log_open(const struct log_options *options) {
    struct stat status;
    struct log *log = memory_take_zeroed(sizeof *log);
    if (!log) return NULL;
    log->options = *options;
    log->style =
        (struct log_style){options->format, options->colour, options->own, options->tell ? log_members_value : 0};
    bool file = options->fd >= 0 && fstat(options->fd, &status) == 0 && S_ISREG(status.st_mode);
    log->write_bytes_max = file ? file_write_bytes : pipe_write_bytes;
    log->wake[0] = log->wake[1] = -1;
    pthread_mutex_init(&log->drain, NULL);
    pthread_mutex_init(&log->opening, NULL);
    level_store(log, options->level);
    log->string_most = options->own ? redact_looked_most + 8 : log_string_bytes;
    log->out = memory_take(out_bytes);
    log->shared = writer_new(log, true);
    if (!log->out || !log->shared || !wake_open(log) || !thread_start(log)) {
        log_free(log);
        return NULL;
    }
    return log;
}

void log_close(struct log *log) {
    if (!log) return;
    atomic_store(&log->closing, true);
    wake_surely(log);
    pthread_join(log->thread, NULL);
    drain_within(log, close_patience_ms);
    for (size_t i = 0; i < atomic_load(&log->writer_count); i++) {
        struct log_writer *writer = atomic_load(&log->writers[i]);
        tell_suppressed(writer);
        (void)tell_dropped(writer);
    }
    drain_within(log, close_patience_ms);
    log_free(log);
}
