/* fields.c - the code behind the tables. */
#include "dialect/fields.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "dialect/skim.h"

static const struct field *fields_find_one(const struct field *fields, size_t count, struct str name) {
    for (size_t i = 0; i < count; i++)
        if (str_eq(fields[i].name, name)) return &fields[i];
    return NULL;
}

enum field_taken field_take(const struct field *fields, size_t count, struct str name, const struct json_value *value,
                            void *into, struct arena *arena) {
    const struct field *field = fields_find_one(fields, count, name);
    enum json_kind kind = json_kind(value);
    if (!field) return field_unknown;
    if (kind == json_null) return field_took;
    void *at = (char *)into + field->at;
    switch (field->kind) {
    case field_double:
        if (kind != json_number) return field_wrong;
        *(double *)at = json_double(value, NAN);
        return field_took;
    case field_int:
        if (!json_is_whole(value)) return field_wrong;
        *(int64_t *)at = json_i64(value, MESSAGE_NO_INT);
        return field_took;
    case field_str:
        if (kind != json_string) return field_wrong;
        *(struct str *)at = json_str(value, STR_NONE);
        return field_took;
    case field_raw: *(struct str *)at = json_raw(value, arena); return field_took;
    case field_flag:
        if (kind != json_true && kind != json_false) return field_wrong;
        *(enum message_flag *)at = kind == json_true ? flag_true : flag_false;
        return field_took;
    }
    return field_unknown;
}

const char *field_wants(const struct field *fields, size_t count, struct str name) {
    static const char *const wants[] = {[field_double] = "a number",
                                        [field_int] = "a whole number",
                                        [field_str] = "a string",
                                        [field_raw] = "JSON",
                                        [field_flag] = "true or false"};
    const struct field *field = fields_find_one(fields, count, name);
    return field ? wants[field->kind] : "something else";
}

void text_json_double(struct text *text, struct str name, double value) {
    char digits[32];
    for (int precision = 15; precision <= 17; precision++) {
        snprintf(digits, sizeof digits, "%.*g", precision, value);
        if (strtod(digits, NULL) == value) break;
    }
    text_json_key(text, name);
    text_put(text, str_from(digits));
}

void text_json_raw(struct text *text, struct str name, struct str raw) {
    if (!raw.at) return;
    text_json_key(text, name);
    text_put(text, raw);
}

void text_json_str_if(struct text *text, struct str name, struct str value) {
    if (value.at) text_json_str(text, name, value);
}

void fields_put(struct text *text, const struct field *fields, size_t count, const void *from) {
    for (size_t i = 0; i < count; i++) {
        const void *at = (const char *)from + fields[i].at;
        switch (fields[i].kind) {
        case field_double:
            if (isfinite(*(const double *)at)) text_json_double(text, fields[i].name, *(const double *)at);
            break;
        case field_int:
            if (*(const int64_t *)at != MESSAGE_NO_INT) text_json_i64(text, fields[i].name, *(const int64_t *)at);
            break;
        case field_str: text_json_str_if(text, fields[i].name, *(const struct str *)at); break;
        case field_raw: text_json_raw(text, fields[i].name, *(const struct str *)at); break;
        case field_flag:
            if (*(const enum message_flag *)at)
                text_json_bool(text, fields[i].name, *(const enum message_flag *)at == flag_true);
            break;
        }
    }
}

struct str json_member_str(const struct json_value *object, const char *key) {
    return json_str(json_member(object, key), STR_NONE);
}

/* JSON on one line: line ends, which stand between its tokens only, would end a stream's frame. */
static void fields_line_put(struct text *text, struct str json) {
    for (size_t from = 0, at = 0; at <= json.len; at++) {
        if (at < json.len && json.at[at] != '\n' && json.at[at] != '\r') continue;
        text_put(text, str_slice(json, from, at));
        from = at + 1;
    }
}

void text_put_object(struct text *text, struct str json, const char *key) {
    struct skim skim;
    struct str trimmed = str_trim(json);
    if (trimmed.len == 0) {
        text_put(text, STR("{}"));
        return;
    }
    skim_begin(&skim, trimmed, 0);
    struct skim_token token = skim_next(&skim);
    bool object = token.kind == skim_object;
    while (token.kind != skim_end && token.kind != skim_error) token = skim_next(&skim);
    if (object && token.kind == skim_end) {
        fields_line_put(text, trimmed);
        return;
    }
    text_put_byte(text, '{');
    text_json_str(text, str_from(key), json);
    text_put_byte(text, '}');
}

bool codec_parse(struct str body, struct arena *arena, const struct json_value **root, struct error *error) {
    const char *problem = NULL;
    size_t at = 0;
    *root = json_parse_in(arena, body, &problem, &at);
    if (!*root)
        return error_set(error, error_invalid_request, "The body is not valid JSON at byte %zu: %s.", at,
                         problem ? problem : "out of memory");
    if (json_kind(*root) != json_object)
        return error_set(error, error_invalid_request, "The body must be a JSON object.");
    return true;
}

bool extra_add(struct message_request *request, size_t most, struct str name, const struct json_value *value,
               struct arena *arena) {
    if (!request->extras) request->extras = arena_take_zeroed(arena, most * sizeof *request->extras);
    if (!request->extras) return false;
    request->extras[request->extra_count++] = (struct message_extra){name, json_raw(value, arena)};
    return true;
}

bool strings_read(const struct json_value *value, struct arena *arena, struct str **list, size_t *count) {
    size_t place = 0, most = json_kind(value) == json_array ? json_count(value) : json_kind(value) == json_string;
    *count = 0;
    *list = most ? arena_take(arena, most * sizeof **list) : NULL;
    if (!*list) return most == 0;
    if (json_kind(value) == json_string) (*list)[(*count)++] = json_str(value, STR(""));
    for (const struct json_value *at; json_kind(value) == json_array && (at = json_each(value, &place, NULL));)
        if (json_kind(at) == json_string) (*list)[(*count)++] = json_str(at, STR(""));
    return true;
}

void strings_put(struct text *text, const struct str *list, size_t count) {
    text_put_byte(text, '[');
    for (size_t i = 0; i < count; i++) {
        text_json_comma(text);
        text_put_json(text, list[i]);
    }
    text_put_byte(text, ']');
}

bool embed_texts_read(struct str body, const char *member, struct str path_model, struct arena *arena,
                      struct embed_request *request, struct error *error, struct str *param) {
    const struct json_value *root;
    *request = (struct embed_request){.model = path_model, .dimensions = MESSAGE_NO_INT};
    *param = STR_NONE;
    if (!codec_parse(body, arena, &root, error)) return false;
    const struct json_value *texts = json_member(root, member);
    request->single = json_kind(texts) == json_string;
    if (!strings_read(texts, arena, &request->inputs, &request->input_count))
        return error_set(error, error_out_of_memory, "%s", "");
    if (request->input_count && (request->single || request->input_count == json_count(texts))) return true;
    *param = str_from(member);
    return error_set(error, error_invalid_request, "`%s` must be a string or a list of strings.", member);
}

void embed_texts_put(const struct embed_request *request, struct str member, struct text *body) {
    text_put_byte(body, '{');
    text_json_key_any(body, member);
    strings_put(body, request->inputs, request->input_count);
    text_put_byte(body, '}');
}

struct str finish_name_of(const struct finish_name *names, size_t count, enum message_finish finish, struct str other) {
    for (size_t i = 0; i < count; i++)
        if (names[i].finish == finish) return names[i].name;
    return other;
}

enum message_finish finish_of_name(const struct finish_name *names, size_t count, struct str name) {
    for (size_t i = 0; i < count; i++)
        if (str_eq(name, names[i].name)) return names[i].finish;
    return finish_stop;
}

int64_t json_tokens(const struct json_value *object, const char *key) {
    const int64_t most = 1000000000000;
    int64_t count = json_i64(json_member(object, key), -1);
    return count < 0 || count > most ? -1 : count;
}

bool codec_wrong(struct error *error, struct str *param, struct str name, const char *wants) {
    *param = name;
    return error_set(error, error_invalid_request, "`%.*s` must be %s.", STR_ARG(name), wants);
}

bool plain_take(const struct field *fields, size_t count, size_t most, struct str name, const struct json_value *value,
                struct message_request *request, struct arena *arena, struct error *error, struct str *param) {
    enum field_taken taken = field_take(fields, count, name, value, request, arena);
    if (taken == field_wrong) return codec_wrong(error, param, name, field_wants(fields, count, name));
    if (taken == field_took || json_kind(value) == json_null) return true;
    return extra_add(request, most, name, value, arena) || error_set(error, error_out_of_memory, "%s", "");
}

bool plain_read(const struct json_value *root, const struct field *fields, size_t count, const char *const *special,
                struct message_request *request, struct arena *arena, struct error *error, struct str *param) {
    size_t place = 0, most = json_count(root);
    struct str name;
    for (const struct json_value *value; (value = json_each(root, &place, &name));) {
        const char *const *own = special;
        while (*own && !str_eq(name, str_from(*own))) own++;
        if (!*own && !plain_take(fields, count, most, name, value, request, arena, error, param)) return false;
    }
    return true;
}
