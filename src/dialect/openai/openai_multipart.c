/* openai_multipart.c - the model's name and place in a multipart/form-data body (RFC 7578 over RFC 2046): audio and
 * image uploads. The file parts are passed over by searching for the boundary; nothing is copied. What two readers
 * could understand in two ways (a folded header, a name given twice, another case) is refused: the provider may read it
 * the other way. */
#include <stdio.h>
#include <string.h>

#include "base/limits.h"
#include "dialect/openai/openai.h"

enum { headers_max = 16 * 1024, boundary_max = 70 };

static bool openai_multipart_refuse(struct error *error, const char *sentence) {
    return error_set(error, error_invalid_request, "%s", sentence);
}

/* Where the parameter at the front ends: at the next ';' outside quotes. */
static size_t parameter_end(struct str text) {
    bool quoted = false;
    for (size_t i = 0; i < text.len; i++) {
        if (quoted && text.at[i] == '\\')
            i++;
        else if (text.at[i] == '"')
            quoted = !quoted;
        else if (text.at[i] == ';' && !quoted)
            return i;
    }
    return text.len;
}

/* How often a parameter stands in a header's value, and its last value without quotes: name="model", boundary=x. */
static unsigned parameter_find(struct str header, struct str name, struct str *value) {
    unsigned found = 0;
    while (header.len) {
        size_t end = parameter_end(header);
        struct str piece = str_trim(str_slice(header, 0, end));
        header = str_slice(header, end + 1, header.len);
        size_t equals = str_find_byte(piece, '=');
        if (equals == SIZE_MAX || !str_eq_nocase(str_trim(str_slice(piece, 0, equals)), name)) continue;
        *value = str_trim(str_slice(piece, equals + 1, piece.len));
        if (value->len >= 2 && value->at[0] == '"' && value->at[value->len - 1] == '"')
            *value = str_slice(*value, 1, value->len - 1);
        found++;
    }
    return found;
}

/* Is the parameter given as RFC 2231 has it, name*=utf-8''model or in pieces? Many readers prefer that. */
static bool parameter_is_extended(struct str header, struct str name) {
    while (header.len) {
        size_t end = parameter_end(header);
        struct str piece = str_trim(str_slice(header, 0, end));
        header = str_slice(header, end + 1, header.len);
        struct str found = str_trim(str_slice(piece, 0, str_find_byte(piece, '=')));
        bool extended = str_starts_nocase(found, name) && found.len > name.len;
        if (extended && str_starts(str_trim(str_slice(found, name.len, found.len)), STR("*"))) return true;
    }
    return false;
}

/* The part's name from its header lines; false: they could be read in two ways. */
static bool part_name(struct str headers, struct str *name) {
    struct str rest = headers, line;
    unsigned names = 0;
    *name = STR("");
    while (str_split_next(&rest, '\n', &line)) {
        if (rest.at && (line.len == 0 || line.at[line.len - 1] != '\r')) return false; /* a bare LF */
        if (line.len && line.at[line.len - 1] == '\r') line.len--;
        if (str_find_byte(line, '\r') != SIZE_MAX || str_find_byte(line, 0) != SIZE_MAX) return false;
        if (line.len && (line.at[0] == ' ' || line.at[0] == '\t')) return false; /* folded */
        size_t colon = str_find_byte(line, ':');
        if (colon == SIZE_MAX || !str_eq_nocase(str_trim(str_slice(line, 0, colon)), STR("content-disposition")))
            continue;
        struct str said = str_slice(line, colon + 1, line.len);
        if (parameter_is_extended(said, STR("name"))) return false;
        names += parameter_find(said, STR("name"), name);
    }
    return names <= 1;
}

/* Is it, of a field's name in lower case, what a provider may take for the model or another one? */
static bool leads_to_model(struct str plain) {
    static const struct str words[] = {STR("model"), STR("fallback"), STR("preset")};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (str_find(plain, words[i]) != SIZE_MAX) return true;
    return false;
}

/* model, stream or neither; false: something that a provider may take for one of them (with escapes of a header's or of
 * an URL's, in another case, as one of a list). */
static bool openai_field_find(struct str name, bool *model, bool *stream) {
    char plain[128], decoded[128];
    size_t len = 0;
    *model = str_eq(name, STR("model"));
    *stream = str_eq(name, STR("stream"));
    if (*model || *stream) return true;
    if (name.len > sizeof plain) return false;
    for (size_t i = 0; i < name.len; i++)
        if (name.at[i] != '\\') plain[len++] = name.at[i];
    struct str unescaped = str_percent_decode(str_make(plain, len), decoded, sizeof decoded);
    for (size_t i = 0; i < unescaped.len; i++)
        plain[i] = unescaped.at[i] >= 'A' && unescaped.at[i] <= 'Z' ? (char)(unescaped.at[i] | 0x20) : unescaped.at[i];
    unescaped = str_trim(str_make(plain, unescaped.len));
    return !leads_to_model(unescaped) && !str_eq(unescaped, STR("stream")) && !str_starts(unescaped, STR("stream["));
}

static bool field_take(struct str body, struct str name, struct str value, struct openai_request *request,
                       bool *stream_seen, struct error *error, struct str *param) {
    bool model, stream;
    if (!openai_field_find(name, &model, &stream))
        return openai_multipart_refuse(error,
                                       "A field's name is spelt almost like `model` or `stream`: spell it exactly.");
    if (!model && !stream) return true;
    if (param) *param = model ? STR("model") : STR("stream");
    if (stream) {
        if (*stream_seen) return openai_multipart_refuse(error, "The field `stream` stands twice.");
        *stream_seen = true;
        request->stream = str_eq_nocase(value, STR("true")) || str_eq(value, STR("1"));
        if (!request->stream && !str_eq_nocase(value, STR("false")) && !str_eq(value, STR("0")) && value.len)
            return openai_multipart_refuse(error, "The field `stream` must be true or false.");
    } else {
        if (request->model_from != request->model_to)
            return openai_multipart_refuse(error, "The field `model` stands twice.");
        if (value.len == 0 || value.len > limit_model || !str_is_utf8(value) || str_find_byte(value, 0) != SIZE_MAX)
            return openai_multipart_refuse(error, "The field `model` must have 1 to 256 bytes of UTF-8.");
        request->model = value;
        request->model_from = (size_t)(value.at - body.at);
        request->model_to = request->model_from + value.len;
    }
    if (param) *param = STR_NONE;
    return true;
}

/* Behind a boundary: blanks may follow it (RFC 2046, 5.1.1), then the line ends. */
static bool boundary_line_end(struct str rest, size_t *at) {
    for (*at = 0; *at < rest.len && (rest.at[*at] == ' ' || rest.at[*at] == '\t');) ++*at;
    if (!str_starts(str_slice(rest, *at, rest.len), STR("\r\n"))) return false;
    *at += 2;
    return true;
}

static bool openai_multipart_parts_read(struct str body, size_t at, struct str between, struct openai_request *request,
                                        struct error *error, struct str *param) {
    bool stream_seen = false;
    for (;;) {
        struct str rest = str_slice(body, at, body.len), name, headers = STR("");
        size_t line, content_at;
        if (str_starts(rest, STR("--"))) return true; /* the closing boundary */
        if (!boundary_line_end(rest, &line))
            return openai_multipart_refuse(error,
                                           "A multipart boundary is followed by something else than a new line.");
        rest = str_slice(rest, line, rest.len);
        if (str_starts(rest, STR("\r\n"))) {
            content_at = 2; /* a part without headers */
        } else {
            size_t end = str_find(str_slice(rest, 0, headers_max), STR("\r\n\r\n"));
            if (end == SIZE_MAX) return openai_multipart_refuse(error, "A multipart part has no end of its headers.");
            headers = str_slice(rest, 0, end);
            content_at = end + 4;
        }
        if (!part_name(headers, &name))
            return openai_multipart_refuse(error, "A multipart part's headers can be read in two ways.");
        struct str content = str_slice(rest, content_at, rest.len);
        size_t end = str_find(content, between);
        if (end == SIZE_MAX)
            return openai_multipart_refuse(error, "The multipart body ends without its closing boundary.");
        if (!field_take(body, name, str_slice(content, 0, end), request, &stream_seen, error, param)) return false;
        at = (size_t)(content.at - body.at) + end + between.len;
    }
}

bool openai_skim_multipart(struct str body, struct str content_type, struct arena *arena,
                           struct openai_request *request, struct error *error, struct str *param) {
    *request = (struct openai_request){.max_tokens = -1, .n = 1};
    if (param) *param = STR_NONE;
    struct str type = str_trim(str_slice(content_type, 0, parameter_end(content_type))), boundary = STR("");
    if (!str_eq_nocase(type, STR("multipart/form-data")) ||
        parameter_is_extended(str_slice(content_type, type.len, content_type.len), STR("boundary")) ||
        parameter_find(str_slice(content_type, type.len, content_type.len), STR("boundary"), &boundary) != 1)
        return openai_multipart_refuse(error, "This path takes multipart/form-data with a boundary.");
    if (boundary.len == 0 || boundary.len > boundary_max || str_find_byte(boundary, '\\') != SIZE_MAX)
        return openai_multipart_refuse(error, "The multipart boundary must have 1 to 70 plain bytes.");
    struct str between = arena_printf(arena, "\r\n--%.*s", STR_ARG(boundary));
    if (!between.at) return error_set(error, error_out_of_memory, "%s", "There is no memory for this request.");
    struct str first = str_slice(between, 2, between.len);
    request->boundary = str_slice(between, 4, between.len);
    size_t at = 0;
    if (!str_starts(body, first)) { /* a preamble, which says nothing, may stand before the first boundary */
        at = str_find(body, between);
        if (at == SIZE_MAX) return openai_multipart_refuse(error, "The multipart body holds no boundary.");
        at += 2;
    }
    request->members_at = at;
    return openai_multipart_parts_read(body, at + first.len, between, request, error, param);
}
