/* json.c - the only place that knows yyjson. */
#include "dialect/json.h"

#include <yyjson.h>

#include "base/hash.h"
#include "base/limits.h"
#include "dialect/skim.h"

struct json *json_parse(struct str text, const char **problem, size_t *at) {
    yyjson_read_err error;
    yyjson_doc *document = yyjson_read_opts((char *)(uintptr_t)text.at, text.len, 0, NULL, &error);
    if (!document) {
        *problem = error.msg;
        *at = error.pos;
    }
    return (struct json *)document;
}

/* The strings may be credentials: of an admin's edit. */
void json_free(struct json *json) {
    yyjson_doc *document = (yyjson_doc *)json;
    if (document && document->str_pool) memory_wipe(document->str_pool, document->dat_read);
    yyjson_doc_free(document);
}

/* yyjson's memory from an arena: nothing is given back before the arena's end. */
static void *json_take(void *arena, size_t size) { return arena_take(arena, size); }

static void *retake(void *arena, void *old, size_t old_size, size_t size) {
    if (size <= old_size) return old;
    void *bigger = arena_take(arena, size);
    if (bigger) memcpy(bigger, old, old_size);
    return bigger;
}

static void give(void *arena, void *old) {
    (void)arena;
    (void)old;
}

const struct json_value *json_parse_in(struct arena *arena, struct str text, const char **problem, size_t *at) {
    struct skim skim;
    skim_begin(&skim, text, 0); /* yyjson knows no limit of depth */
    struct skim_token token;
    do token = skim_next(&skim);
    while (token.kind != skim_end && token.kind != skim_error);
    *at = skim.at;
    *problem = skim.problem;
    if (token.kind == skim_error) return NULL;
    yyjson_alc memory = {json_take, retake, give, arena};
    yyjson_read_err error;
    yyjson_doc *document =
        yyjson_read_opts((char *)(uintptr_t)text.at, text.len, YYJSON_READ_NUMBER_AS_RAW, &memory, &error);
    *problem = error.msg;
    *at = error.pos;
    return document ? (const struct json_value *)yyjson_doc_get_root(document) : NULL;
}

struct str json_raw(const struct json_value *value, struct arena *arena) {
    if (!value) return STR_NONE;
    yyjson_alc memory = {json_take, retake, give, arena};
    size_t len = 0;
    char *text = yyjson_val_write_opts((const yyjson_val *)(const void *)value, 0, &memory, &len, NULL);
    return str_make(text, text ? len : 0);
}

void json_put(struct text *text, const struct json_value *value) {
    if (!value) return;
    struct arena scrap; /* for one call; limited by the text's own */
    arena_init_beside(&scrap, 4096, text->arena);
    struct str raw = json_raw(value, text->arena ? text->arena : &scrap);
    if (raw.at)
        text_put(text, raw);
    else
        text->failed = true;
    arena_free(&scrap);
}

static yyjson_val *json_inside(const struct json_value *value) { return (yyjson_val *)(uintptr_t)value; }

enum json_kind json_kind(const struct json_value *value) {
    yyjson_val *val = json_inside(value);
    switch (yyjson_get_type(val)) {
    case YYJSON_TYPE_NULL: return json_null;
    case YYJSON_TYPE_BOOL: return yyjson_is_true(val) ? json_true : json_false;
    case YYJSON_TYPE_RAW:
    case YYJSON_TYPE_NUM: return json_number;
    case YYJSON_TYPE_STR: return json_string;
    case YYJSON_TYPE_ARR: return json_array;
    case YYJSON_TYPE_OBJ: return json_object;
    default: return json_none;
    }
}

/* A number of json_parse_in. */
static struct str raw_number(yyjson_val *value) { return str_make(yyjson_get_raw(value), yyjson_get_len(value)); }

/* 40 and 40.0, which is what a client of floats makes of it; not 40.5, and nothing with an exponent. */
static bool is_whole_raw(struct str raw) {
    size_t point = str_find_byte(raw, '.');
    int64_t whole;
    if (str_find_byte(raw, 'e') != SIZE_MAX || str_find_byte(raw, 'E') != SIZE_MAX) return false;
    for (size_t i = point == SIZE_MAX ? raw.len : point + 1; i < raw.len; i++)
        if (raw.at[i] != '0') return false;
    return skim_to_i64(raw, &whole);
}

bool json_is_whole(const struct json_value *value) {
    yyjson_val *number = json_inside(value);
    if (yyjson_is_raw(number)) return is_whole_raw(raw_number(number));
    return yyjson_is_sint(number) || (yyjson_is_uint(number) && yyjson_get_uint(number) <= INT64_MAX);
}

const struct json_value *json_root(const struct json *json) {
    return (const struct json_value *)yyjson_doc_get_root((yyjson_doc *)(uintptr_t)json);
}

const struct json_value *json_member(const struct json_value *value, const char *key) {
    return (const struct json_value *)yyjson_obj_get(json_inside(value), key);
}

/* *place is how many bytes of the container have been told: its values stand one behind the other, so that each step
 * costs the same however many there are. */
const struct json_value *json_each(const struct json_value *value, size_t *place, struct str *key) {
    yyjson_val *container = json_inside(value);
    if (!yyjson_is_ctn(container) || unsafe_yyjson_get_len(container) == 0) return NULL;
    yyjson_val *found =
        *place ? (yyjson_val *)(void *)((char *)container + *place) : unsafe_yyjson_get_first(container);
    if (found >= unsafe_yyjson_get_next(container)) return NULL;
    if (yyjson_is_obj(container)) {
        if (key) *key = str_make(yyjson_get_str(found), yyjson_get_len(found));
        found++;
    }
    *place = (size_t)((char *)unsafe_yyjson_get_next(found) - (char *)container);
    return (const struct json_value *)found;
}

size_t json_count(const struct json_value *value) {
    return yyjson_is_arr(json_inside(value)) ? yyjson_arr_size(json_inside(value))
                                             : yyjson_obj_size(json_inside(value));
}

struct str json_str(const struct json_value *value, struct str fallback) {
    return yyjson_is_str(json_inside(value))
               ? str_make(yyjson_get_str(json_inside(value)), yyjson_get_len(json_inside(value)))
               : fallback;
}

int64_t json_i64(const struct json_value *value, int64_t fallback) {
    yyjson_val *number = json_inside(value);
    int64_t whole;
    if (yyjson_is_raw(number)) return skim_to_i64(raw_number(number), &whole) ? whole : fallback;
    if (yyjson_is_uint(number))
        return yyjson_get_uint(number) <= INT64_MAX ? (int64_t)yyjson_get_uint(number) : fallback;
    if (yyjson_is_sint(number)) return yyjson_get_sint(number);
    double real = yyjson_get_real(number); /* 0 when it is none */
    return yyjson_is_real(number) && real > -9e18 && real < 9e18 ? (int64_t)real : fallback;
}

double json_double(const struct json_value *value, double fallback) {
    double real;
    if (yyjson_is_raw(json_inside(value)))
        return str_to_double(raw_number(json_inside(value)), &real) ? real : fallback;
    return yyjson_is_num(json_inside(value)) ? yyjson_get_num(json_inside(value)) : fallback;
}

bool json_bool(const struct json_value *value, bool fallback) {
    return yyjson_is_bool(json_inside(value)) ? yyjson_get_bool(json_inside(value)) : fallback;
}
