/* mock_record.c - see mock_record.h. Must never hold more than kept_max requests, nor more than body_kept_max of a
 * body. */
#include "mock/mock_record.h"

#include <string.h>

#include "base/memory.h"

enum { kept_max = 256, body_kept_max = 64 * 1024, paths_max = 32, arena_block = 1024, record_bytes_max = 512 * 1024 };

struct record {
    uint64_t number; /* 0: empty */
    struct arena arena;
    struct str method, target, path, headers /* JSON */, body, fault;
    size_t body_len;
    enum mock_outcome outcome;
    uint64_t events;
};

struct mock_records {
    uint64_t count, open, done, aborted, broken;
    struct {
        char path[128];
        uint64_t count;
    } paths[paths_max];
    struct record kept[kept_max];
};

static const struct str outcome_names[] = {STR("open"), STR("done"), STR("aborted"), STR("broken")};

struct mock_records *mock_records_new(void) {
    struct mock_records *records = memory_take_zeroed(sizeof *records);
    if (!records) return NULL;
    for (size_t i = 0; i < kept_max; i++) arena_init(&records->kept[i].arena, arena_block, record_bytes_max);
    return records;
}

void mock_records_free(struct mock_records *records) {
    if (!records) return;
    for (size_t i = 0; i < kept_max; i++) arena_free(&records->kept[i].arena);
    memory_give(records);
}

/* Requests that are open still stay counted as such: their end comes later. */
void mock_records_reset(struct mock_records *records) {
    for (size_t i = 0; i < kept_max; i++) {
        arena_free(&records->kept[i].arena);
        records->kept[i].number = 0;
    }
    memset(records->paths, 0, sizeof records->paths);
    records->done = records->aborted = records->broken = 0;
}

static void path_count(struct mock_records *records, struct str path) {
    for (size_t i = 0; i < paths_max; i++) {
        if (records->paths[i].count == 0)
            str_copy(records->paths[i].path, sizeof records->paths[i].path, path);
        else if (!str_eq(str_from(records->paths[i].path), path))
            continue;
        records->paths[i].count++;
        return;
    }
}

static struct record *record_find(struct mock_records *records, uint64_t number) {
    struct record *record = &records->kept[number % kept_max];
    return record->number == number ? record : NULL;
}

void mock_headers_write(struct text *text, const struct http_header *headers, size_t count) {
    text_put_byte(text, '{');
    for (size_t i = 0; i < count; i++) {
        bool seen = false;
        char name[128];
        for (size_t j = 0; j < i; j++) seen = seen || str_eq_nocase(headers[j].name, headers[i].name);
        if (seen) continue;
        str_copy(name, sizeof name, headers[i].name);
        for (char *at = name; *at; at++)
            if (*at >= 'A' && *at <= 'Z') *at = (char)(*at + 32);
        struct text value = text_in_buffer((char[4096]){0}, 4096);
        for (size_t j = i; j < count; j++) {
            if (!str_eq_nocase(headers[j].name, headers[i].name)) continue;
            if (j > i) text_put(&value, STR(", "));
            text_put(&value, headers[j].value);
        }
        text_json_str(text, str_from(name), text_str(&value));
    }
    text_put_byte(text, '}');
}

uint64_t mock_record_begin(struct mock_records *records, const struct http_request *request) {
    uint64_t number = ++records->count;
    struct record *record = &records->kept[number % kept_max];
    records->open++;
    path_count(records, request->path);
    arena_reset(&record->arena);
    struct text headers = text_in_arena(&record->arena, 512);
    mock_headers_write(&headers, request->headers, request->header_count);
    record->number = number;
    record->method = http_method_name(request->method);
    record->target = arena_copy(&record->arena, request->target);
    record->path = arena_copy(&record->arena, request->path);
    record->headers = headers.failed ? STR("{}") : text_str(&headers);
    record->body = record->fault = STR("");
    record->body_len = 0;
    record->outcome = mock_outcome_open;
    record->events = 0;
    return number;
}

void mock_record_body(struct mock_records *records, uint64_t number, struct str body, struct str fault) {
    struct record *record = record_find(records, number);
    if (!record) return;
    record->body = arena_copy(&record->arena, str_slice(body, 0, body_kept_max));
    record->body_len = body.len;
    record->fault = fault;
}

void mock_record_end(struct mock_records *records, uint64_t number, enum mock_outcome outcome, uint64_t events) {
    struct record *record = record_find(records, number);
    records->open--;
    if (outcome == mock_outcome_done) records->done++;
    if (outcome == mock_outcome_aborted) records->aborted++;
    if (outcome == mock_outcome_broken) records->broken++;
    if (!record) return;
    record->outcome = outcome;
    record->events = events;
}

static void record_write(const struct record *record, struct text *text) {
    text_json_comma(text);
    text_put_byte(text, '{');
    text_json_u64(text, STR("number"), record->number);
    text_json_str(text, STR("method"), record->method);
    text_json_str(text, STR("target"), record->target);
    text_json_str(text, STR("path"), record->path);
    text_json_key(text, STR("headers"));
    text_put(text, record->headers);
    text_json_str(text, STR("body"), record->body);
    text_json_u64(text, STR("body_bytes"), record->body_len);
    text_json_str(text, STR("fault"), record->fault);
    text_json_str(text, STR("outcome"), outcome_names[record->outcome]);
    text_json_u64(text, STR("events"), record->events);
    text_put_byte(text, '}');
}

void mock_records_write(const struct mock_records *records, struct text *text) {
    uint64_t first = records->count > kept_max ? records->count - kept_max + 1 : 1;
    text_put_byte(text, '{');
    text_json_u64(text, STR("count"), records->count);
    text_json_u64(text, STR("open"), records->open);
    text_json_u64(text, STR("done"), records->done);
    text_json_u64(text, STR("aborted"), records->aborted);
    text_json_u64(text, STR("broken"), records->broken);
    text_put(text, STR(",\"paths\":{"));
    for (size_t i = 0; i < paths_max && records->paths[i].count; i++)
        text_json_u64(text, str_from(records->paths[i].path), records->paths[i].count);
    text_put(text, STR("},\"requests\":["));
    for (uint64_t number = first; number <= records->count; number++) {
        const struct record *record = &records->kept[number % kept_max];
        if (record->number == number) record_write(record, text);
    }
    text_put(text, STR("]}"));
}
