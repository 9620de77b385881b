/* health_log.c - see health_log.h. Invariant: ids only grow, and what is not in the ledger yet is the newest end of the
 * ring; what the ring has no room for any more is lost to the ledger alone. */
#include "runtime/health_log.h"

#include <string.h>

#include "base/check.h"
#include "base/memory.h"
#include "net/loop.h"

/* -- the file's lines -- */

/* Time in milliseconds, provider, state, score and success in thousandths, latency in microseconds, probe + 1 (0: it is
 * none), with tabs between them. */
static void health_record_put(const struct health_record *record, struct text *text) {
    text_printf(text, "%llu\t%s\t%u\t%u\t%u\t%u\t%d", (unsigned long long)record->wall_ms, record->subject,
                (unsigned)record->state, record->score_permille, record->success_permille, record->latency_us,
                record->event == health_event_probe ? record->good + 1 : 0);
}

bool health_record_read(struct str line, struct health_record *record) {
    struct str rest = line, word, name = STR("");
    uint64_t numbers[7] = {0};
    static const uint64_t most[7] = {INT64_MAX, 0, health_states - 1, 1000, 1000, UINT32_MAX, 2};
    for (size_t i = 0; i < 7; i++) {
        if (!str_split_next(&rest, '\t', &word)) return false;
        if (i == 1)
            name = word;
        else if (!str_to_u64(word, &numbers[i]) || numbers[i] > most[i])
            return false;
    }
    if (rest.len || !name.len || name.len > limit_name || str_find_byte(name, 0) != SIZE_MAX) return false;
    *record = (struct health_record){.wall_ms = (int64_t)numbers[0],
                                     .event = numbers[6] ? health_event_probe : health_event_sample,
                                     .state = (enum health_state)numbers[2],
                                     .score_permille = (uint16_t)numbers[3],
                                     .success_permille = (uint16_t)numbers[4],
                                     .latency_us = (uint32_t)numbers[5],
                                     .good = numbers[6] == 2};
    str_copy(record->subject, sizeof record->subject, name);
    return true;
}

/* -- the ring -- */

bool health_log_init(struct health_log *log, int64_t wall_ns) {
    enum { a_second = 20 }; /* a million records fit before the id of the next second */
    *log = (struct health_log){.records = memory_take_zeroed(health_records_max * sizeof *log->records)};
    if (!log->records) return false;
    pthread_mutex_init(&log->mutex, NULL);
    log->base = log->last = log->kept = (uint64_t)(wall_ns > 0 ? wall_ns / (int64_t)NS_PER_S : 0) << a_second;
    return true;
}

void health_log_free(struct health_log *log) {
    if (!log->records) return;
    line_file_close(log->file);
    memory_give(log->records);
    pthread_mutex_destroy(&log->mutex);
    *log = (struct health_log){.records = NULL};
}

/* Under the mutex, or before any other thread. */
static void record_keep(struct health_log *log, const struct health_record *record) {
    CHECKF(log->next < health_records_max && log->count <= health_records_max, "next=%zu count=%zu", log->next,
           log->count);
    log->records[log->next] = *record;
    log->records[log->next].id = ++log->last;
    log->next = (log->next + 1) % health_records_max;
    if (log->count < health_records_max) log->count++;
}

static void record_restore(void *context, struct str line) {
    struct health_log *log = context;
    struct health_record record;
    if (!health_record_read(line, &record)) return;
    record_keep(log, &record);
    log->restored++;
}

void health_log_open(struct health_log *log, struct str state_dir, struct log_writer *writer) {
    enum { history_bytes_most = 256 * 1024 };
    char path[512];
    size_t damaged = 0;
    struct text text = TEXT_IN_STRING(path);
    text_printf(&text, "%.*s/health", STR_ARG(state_dir));
    path[text.len] = 0;
    if (text.failed || !state_dir.len) return;
    log->file = line_file_open(path, history_bytes_most, record_restore, log, &damaged);
    if (damaged)
        log_warn(writer, clock_read(), "health_history_damaged", f_text("path", path), f_int("lines", (int64_t)damaged),
                 f_str("kept", STR("what could be read; the file is beside it as health.bad")));
}

void health_log_add(struct health_log *log, const struct health_record *record) {
    char line[line_file_line_max];
    struct text text = text_in_buffer(line, sizeof line);
    pthread_mutex_lock(&log->mutex);
    record_keep(log, record);
    pthread_mutex_unlock(&log->mutex);
    if (!log->file || record->event > health_event_probe) return;
    health_record_put(record, &text);
    line_file_add(log->file, text_str(&text));
}

/* Once; it goes on trying. */
void health_log_look(struct health_log *log, struct log_writer *writer, struct now now) {
    int number = log->file ? line_file_failed(log->file) : 0;
    if (number && !log->file_fails)
        log_error(writer, now, "health_history_not_saved", f_text("why", strerror(number)),
                  f_str("mend", STR("free the disk or mend the rights of state_dir")));
    log->file_fails = log->file_fails || number;
}

/* -- reading -- */

static struct ledger_health health_row(const struct health_record *record) {
    return (struct ledger_health){.id = (int64_t)record->id,
                                  .time_ms = record->wall_ms,
                                  .event = record->event,
                                  .subject = str_from(record->subject),
                                  .from = str_from(record->from),
                                  .to = str_from(record->to),
                                  .said = str_from(record->said),
                                  .state = health_event_is_provider(record->event) ? health_state_name(record->state)
                                                                                   : STR(""),
                                  .score_permille = record->score_permille,
                                  .success_permille = record->success_permille,
                                  .latency_us = record->latency_us,
                                  .good = record->good,
                                  .status = record->status,
                                  .took_us = (int64_t)record->took_us};
}

static const struct health_record *health_record_at(const struct health_log *log, size_t place) {
    return &log->records[(log->next + health_records_max - log->count + place) % health_records_max];
}

size_t health_log_put(struct health_log *log, struct str subject, struct text *text) {
    size_t told = 0;
    text_put_byte(text, '[');
    pthread_mutex_lock(&log->mutex);
    for (size_t i = 0; i < log->count; i++) {
        const struct health_record *record = health_record_at(log, i);
        if (subject.len && !str_eq(subject, str_from(record->subject))) continue;
        const struct ledger_health row = health_row(record);
        told++;
        ledger_health_put(&row, text);
    }
    pthread_mutex_unlock(&log->mutex);
    text_put_byte(text, ']');
    return told;
}

size_t health_log_pending(struct health_log *log, struct health_record *copies, struct ledger_health *rows,
                          size_t most) {
    size_t count = 0;
    pthread_mutex_lock(&log->mutex);
    for (size_t i = 0; i < log->count && count < most; i++) {
        const struct health_record *record = health_record_at(log, i);
        if (record->id <= log->kept) continue;
        copies[count] = *record;
        rows[count] = health_row(&copies[count]);
        count++;
    }
    pthread_mutex_unlock(&log->mutex);
    return count;
}

void health_log_kept(struct health_log *log, uint64_t id) {
    pthread_mutex_lock(&log->mutex);
    if (id > log->kept) log->kept = id;
    pthread_mutex_unlock(&log->mutex);
}

void health_log_restored_is_kept(struct health_log *log) { health_log_kept(log, log->base + log->restored); }
