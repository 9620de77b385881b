/* json.c - the only place that knows yyjson. */
#include "dialect/json.h"

#include <yyjson.h>

struct json *json_parse(struct str text, const char **problem, size_t *at) {
    yyjson_read_err error;
    yyjson_doc *document = yyjson_read_opts((char *)(uintptr_t)text.at, text.len, 0, NULL, &error);
    if (!document) {
        *problem = error.msg;
        *at = error.pos;
    }
    return (struct json *)document;
}

void json_free(struct json *json) { yyjson_doc_free((yyjson_doc *)json); }

static yyjson_val *inside(const struct json_value *value) { return (yyjson_val *)(uintptr_t)value; }

const struct json_value *json_root(const struct json *json) {
    return (const struct json_value *)yyjson_doc_get_root((yyjson_doc *)(uintptr_t)json);
}

const struct json_value *json_member(const struct json_value *value, const char *key) {
    return (const struct json_value *)yyjson_obj_get(inside(value), key);
}

const struct json_value *json_each(const struct json_value *value, size_t *place, struct str *key) {
    yyjson_val *container = inside(value);
    yyjson_obj_iter members;
    yyjson_val *found = NULL;
    if (yyjson_is_arr(container)) {
        found = yyjson_arr_get(container, (*place)++);
    } else if (yyjson_obj_iter_init(container, &members) && *place < yyjson_obj_size(container)) {
        yyjson_val *name = NULL;
        for (size_t i = 0; i <= *place; i++) name = yyjson_obj_iter_next(&members);
        ++*place;
        if (key) *key = str_make(yyjson_get_str(name), yyjson_get_len(name));
        found = yyjson_obj_iter_get_val(name);
    }
    return (const struct json_value *)found;
}

size_t json_count(const struct json_value *value) {
    return yyjson_is_arr(inside(value)) ? yyjson_arr_size(inside(value)) : yyjson_obj_size(inside(value));
}

struct str json_str(const struct json_value *value, struct str fallback) {
    return yyjson_is_str(inside(value)) ? str_make(yyjson_get_str(inside(value)), yyjson_get_len(inside(value)))
                                        : fallback;
}

int64_t json_i64(const struct json_value *value, int64_t fallback) {
    if (yyjson_is_real(inside(value))) return (int64_t)yyjson_get_real(inside(value));
    return yyjson_is_int(inside(value)) ? yyjson_get_sint(inside(value)) : fallback;
}

double json_double(const struct json_value *value, double fallback) {
    return yyjson_is_num(inside(value)) ? yyjson_get_num(inside(value)) : fallback;
}

bool json_bool(const struct json_value *value, bool fallback) {
    return yyjson_is_bool(inside(value)) ? yyjson_get_bool(inside(value)) : fallback;
}
