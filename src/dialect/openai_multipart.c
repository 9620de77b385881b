/* openai_multipart.c - the model's name and place in a multipart/form-data body (RFC 7578 over RFC 2046): audio and
 * image uploads. The file parts are passed over by searching for the boundary; nothing is copied. */
#include <stdio.h>

#include "base/limits.h"
#include "dialect/openai.h"

static bool refuse(struct error *error, const char *sentence) {
    return error_set(error, error_invalid_request, "%s", sentence);
}

/* The value of a parameter of a header, quoted or not: name="model", boundary=x. */
static bool parameter_find(struct str header, struct str name, struct str *value) {
    struct str rest = header, piece;
    while (str_split_next(&rest, ';', &piece)) {
        piece = str_trim(piece);
        if (!str_starts_nocase(piece, name) || piece.len <= name.len || piece.at[name.len] != '=') continue;
        *value = str_slice(piece, name.len + 1, piece.len);
        if (value->len >= 2 && value->at[0] == '"' && value->at[value->len - 1] == '"')
            *value = str_slice(*value, 1, value->len - 1);
        return true;
    }
    return false;
}

/* The part's name from its header lines. */
static struct str part_name(struct str headers) {
    struct str rest = headers, line, name = STR_NONE;
    while (str_split_next(&rest, '\n', &line)) {
        line = str_trim(line);
        if (str_starts_nocase(line, STR("content-disposition:")))
            parameter_find(str_slice(line, 20, line.len), STR("name"), &name);
    }
    return name;
}

static bool field_take(struct str body, struct str name, struct str value, struct openai_request *request,
                       struct error *error, struct str *param) {
    if (str_eq(name, STR("stream"))) request->stream = str_eq(str_trim(value), STR("true"));
    if (!str_eq(name, STR("model"))) return true;
    if (param) *param = STR("model");
    if (request->model_from != request->model_to) return refuse(error, "The field `model` stands twice.");
    if (value.len == 0 || value.len > limit_model || !str_is_utf8(value))
        return refuse(error, "The field `model` must have 1 to 256 bytes of UTF-8.");
    request->model = value;
    request->model_from = (size_t)(value.at - body.at);
    request->model_to = request->model_from + value.len;
    if (param) *param = STR_NONE;
    return true;
}

bool openai_multipart_read(struct str body, struct str content_type, struct arena *arena,
                           struct openai_request *request, struct error *error, struct str *param) {
    struct str boundary;
    char mark[80];
    (void)arena;
    *request = (struct openai_request){.max_tokens = -1};
    if (param) *param = STR_NONE;
    if (!str_starts_nocase(content_type, STR("multipart/form-data")) ||
        !parameter_find(content_type, STR("boundary"), &boundary))
        return refuse(error, "This path takes multipart/form-data with a boundary.");
    if (boundary.len == 0 || boundary.len > 70) return refuse(error, "The multipart boundary must have 1 to 70 bytes.");
    int mark_len = snprintf(mark, sizeof mark, "\r\n--%.*s", STR_ARG(boundary));
    struct str between = str_make(mark, (size_t)mark_len), first = str_slice(between, 2, between.len);
    if (!str_starts(body, first)) return refuse(error, "The multipart body does not begin with its boundary.");
    size_t at = first.len;
    for (;;) {
        struct str rest = str_slice(body, at, body.len);
        if (str_starts(rest, STR("--"))) return true; /* the closing boundary */
        if (!str_starts(rest, STR("\r\n")))
            return refuse(error, "A multipart boundary is followed by something else than a new line.");
        size_t headers_end = str_find(rest, STR("\r\n\r\n"));
        if (headers_end == SIZE_MAX || headers_end > 16 * 1024)
            return refuse(error, "A multipart part has no end of its headers.");
        struct str content = str_slice(rest, headers_end + 4, rest.len);
        size_t end = str_find(content, between);
        if (end == SIZE_MAX) return refuse(error, "The multipart body ends without its closing boundary.");
        if (!field_take(body, part_name(str_slice(rest, 0, headers_end)), str_slice(content, 0, end), request, error,
                        param))
            return false;
        at = (size_t)(content.at - body.at) + end + between.len;
    }
}
