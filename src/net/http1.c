/* http1.c - heads, pieces and ends: of a plain message by its head (http1_plain.h) and its length, of any other by
 * llhttp's callbacks. Invariant: `head` is called once a message, before any `body`; after `end` the parser is paused.
 * What llhttp accepts and RFC 9112 or smuggling forbids is refused in framing_check, target_check and request_check. */
#include "net/http1.h"

#include <llhttp.h>
#include <string.h>

#include "base/check.h"
#include "base/memory.h"
#include "base/url.h"
#include "net/http1_plain.h"

enum { informational_max = 16, extension_bytes_max = 16 * 1024, one_extension_max = 1024, empty_lines_max = 2 };

/* Where a request line is: blanks stand alone in it, and few lines are empty before it. */
enum line_state { line_before, line_inside, line_blank, line_over };

/* Who reads this message. */
enum reader { reader_none, reader_plain, reader_llhttp };

struct place {
    uint32_t name, name_len, value, value_len;
};

struct http1 {
    llhttp_t llhttp;
    const struct http1_handler *handler;
    void *owner;
    struct arena arena;
    struct text_buffer {
        char *at;
        size_t len, size;
    } text;               /* the head's bytes, in the arena */
    struct place *places; /* in the arena; of header_count headers, with room for place_room */
    size_t header_count, place_room;
    uint32_t target_len; /* the target stands first in text */
    struct http1_refusal refusal;
    enum line_state line;
    unsigned empty_lines, line_parts;
    char version[10]; /* of a request line: as much as tells whether it is one */
    unsigned version_len;
    size_t body_len, extension_len; /* of chunks: what they carry, and what stands beside their sizes */
    size_t one_extension_len;       /* of this one */
    unsigned informational;
    enum reader reader;
    uint64_t left; /* of a plain message's body */
    bool is_request, begun, headed /* the handler has the head */, ended, reply_to_head, skipping /* a 1xx */, in_value;
    bool reading; /* inside llhttp, or a call of the handler's */
};

static int http1_refuse(struct http1 *parser, enum error_code error, int status, const char *sentence) {
    if (!parser->refusal.sentence) parser->refusal = (struct http1_refusal){error, status, sentence};
    return HPE_USER;
}

static int http1_text_add(struct http1 *parser, const char *at, size_t len) {
    if (parser->text.len + len > limit_header_bytes) {
        if (parser->is_request && parser->header_count == 0)
            return http1_refuse(parser, error_target_too_long, 0, "The request target is longer than allowed.");
        return http1_refuse(parser, error_headers_too_large, 0, "The headers are larger than allowed.");
    }
    if (parser->text.len + len > parser->text.size) {
        size_t size = parser->text.size ? parser->text.size * 2 : 1024;
        while (size < parser->text.len + len) size *= 2;
        char *bigger = arena_take(&parser->arena, size);
        if (!bigger)
            return http1_refuse(parser, error_overloaded, 0, "There is no memory for the headers now. Try again.");
        if (parser->text.len) memcpy(bigger, parser->text.at, parser->text.len);
        parser->text.at = bigger;
        parser->text.size = size;
    }
    CHECKF(parser->text.len + len <= parser->text.size, "len=%zu size=%zu", len, parser->text.size);
    memcpy(parser->text.at + parser->text.len, at, len);
    parser->text.len += len;
    return 0;
}

/* NULL: refused. */
static struct place *place_add(struct http1 *parser) {
    enum { room_at_first = 24 };
    if (parser->header_count == limit_headers) {
        http1_refuse(parser, error_headers_too_large, 0, "There are more header lines than allowed.");
        return NULL;
    }
    if (parser->header_count == parser->place_room) {
        size_t room = parser->place_room ? parser->place_room * 2 : room_at_first;
        struct place *bigger = arena_take(&parser->arena, room * sizeof *bigger);
        if (!bigger) {
            http1_refuse(parser, error_overloaded, 0, "There is no memory for the headers now. Try again.");
            return NULL;
        }
        if (parser->header_count) memcpy(bigger, parser->places, parser->header_count * sizeof *bigger);
        parser->places = bigger;
        parser->place_room = room;
    }
    struct place *place = &parser->places[parser->header_count++];
    *place = (struct place){.name = (uint32_t)parser->text.len};
    return place;
}

static int on_begin(llhttp_t *llhttp) {
    struct http1 *parser = llhttp->data;
    parser->begun = true;
    return 0;
}

static int on_target(llhttp_t *llhttp, const char *at, size_t len) {
    struct http1 *parser = llhttp->data;
    parser->target_len += (uint32_t)len;
    if (parser->target_len > limit_target_bytes)
        return http1_refuse(parser, error_target_too_long, 0, "The request target is longer than allowed.");
    return http1_text_add(parser, at, len);
}

static int on_name(llhttp_t *llhttp, const char *at, size_t len) {
    struct http1 *parser = llhttp->data;
    if (parser->header_count == 0 || parser->in_value) {
        if (!place_add(parser)) return HPE_USER;
        parser->in_value = false;
    }
    parser->places[parser->header_count - 1].name_len += (uint32_t)len;
    return http1_text_add(parser, at, len);
}

static int on_name_complete(llhttp_t *llhttp) {
    struct http1 *parser = llhttp->data;
    CHECKF(parser->header_count > 0 && parser->header_count <= limit_headers, "count=%zu", parser->header_count);
    struct place *place = &parser->places[parser->header_count - 1];
    place->value = (uint32_t)parser->text.len;
    parser->in_value = true;
    return 0;
}

static int on_value(llhttp_t *llhttp, const char *at, size_t len) {
    struct http1 *parser = llhttp->data;
    if (parser->ended || parser->header_count == 0) return 0;
    CHECK(parser->in_value);
    parser->places[parser->header_count - 1].value_len += (uint32_t)len;
    return http1_text_add(parser, at, len);
}

static const struct {
    uint8_t llhttp;
    enum http_method method;
} methods[] = {{HTTP_GET, http_get},       {HTTP_HEAD, http_head},   {HTTP_POST, http_post},      {HTTP_PUT, http_put},
               {HTTP_DELETE, http_delete}, {HTTP_PATCH, http_patch}, {HTTP_OPTIONS, http_options}};

static bool method_find(uint8_t number, enum http_method *method) {
    for (size_t i = 0; i < sizeof methods / sizeof *methods; i++)
        if (methods[i].llhttp == number) {
            *method = methods[i].method;
            return true;
        }
    return false;
}

enum { parts_before_version = 2 };

/* llhttp takes blanks in any number between the parts of a request line, and empty lines without end before it. */
static int line_scan(struct http1 *parser, struct str bytes) {
    for (size_t i = 0; i < bytes.len && parser->line != line_over; i++) {
        if (parser->line == line_inside && parser->line_parts < parts_before_version)
            while (i + 1 < bytes.len && bytes.at[i] > ' ') i++;
        char c = bytes.at[i];
        if (parser->line == line_before && (c == '\r' || c == '\n')) {
            if (c == '\n' && ++parser->empty_lines > empty_lines_max)
                return http1_refuse(parser, error_invalid_request, 0,
                                    "Empty lines stand where a request should begin.");
        } else if (c == '\n') {
            parser->line = line_over;
        } else if (c == ' ' && parser->line != line_inside) {
            return http1_refuse(parser, error_invalid_request, 0, "The parts of a request line stand one blank apart.");
        } else {
            parser->line = c == ' ' ? line_blank : line_inside;
            parser->line_parts += c == ' ';
            if (c != ' ' && c != '\r' && parser->line_parts == parts_before_version &&
                parser->version_len < sizeof parser->version)
                parser->version[parser->version_len++] = c;
        }
    }
    return 0;
}

/* "HTTP/", a digit, a point, a digit (RFC 9112, 2.3): a version, if not one that is spoken here. */
static bool version_is_one(const struct http1 *parser) {
    struct str said = str_make(parser->version, parser->version_len);
    return said.len == 8 && str_starts(said, STR("HTTP/")) &&
           str_find_byte(STR("0123456789"), said.at[5]) != SIZE_MAX && said.at[6] == '.' &&
           str_find_byte(STR("0123456789"), said.at[7]) != SIZE_MAX;
}

/* One that is not spoken here, or none: a request line without it (HTTP/0.9) too. */
static int version_status(const struct http1 *parser) { return version_is_one(parser) ? 505 : 0; }

/* The rules that both directions share: one coding, chunked, never beside a length, never on HTTP/1.0. */
static int framing_check(struct http1 *parser, struct http1_head *head, const struct http1_marks *marks) {
    size_t codings = marks->of[mark_transfer_encoding].count, lengths = marks->of[mark_content_length].count;
    head->chunked = codings == 1;
    if (codings > 1 || (codings == 1 && !str_eq_nocase(marks->of[mark_transfer_encoding].last, STR("chunked"))))
        return http1_refuse(parser, error_invalid_request, 0,
                            "Transfer-Encoding: only `chunked`, once, is understood.");
    if (codings && head->version_1_0)
        return http1_refuse(parser, error_invalid_request, 0, "Transfer-Encoding is not allowed on HTTP/1.0.");
    if (codings && lengths)
        return http1_refuse(parser, error_invalid_request, 0,
                            "Content-Length and Transfer-Encoding exclude each other.");
    if (lengths > 1) return http1_refuse(parser, error_invalid_request, 0, "Content-Length stands twice.");
    head->content_length = -1;
    if (lengths && !http1_length_read(marks->of[mark_content_length].last, &head->content_length))
        return http1_refuse(parser, error_invalid_request, 0, "Content-Length is not a number of bytes.");
    return 0;
}

static int target_check(struct http1 *parser, struct http1_head *head) {
    struct str target = head->target;
    if (str_starts_nocase(target, STR("http://")) || str_starts_nocase(target, STR("https://"))) { /* absolute-form */
        struct str rest = str_slice(target, str_find_byte(target, ':') + 3, target.len);
        size_t end = 0;
        while (end < rest.len && rest.at[end] != '/' && rest.at[end] != '?') end++;
        head->host = str_slice(rest, 0, end); /* it counts, not the Host header (RFC 9112, 3.2.2) */
        head->target = str_slice(rest, end, rest.len);
        if (head->target.len == 0) head->target = STR("/");
        if (head->target.at[0] == '?') head->target = arena_printf(&parser->arena, "/%.*s", STR_ARG(head->target));
        if (!head->target.at)
            return http1_refuse(parser, error_overloaded, 0, "There is no memory for the headers now. Try again.");
    } else if (head->method == http_options && str_eq(target, STR("*"))) { /* asterisk-form: the server itself */
        return 0;
    } else if (target.len == 0 || target.at[0] != '/') {
        return http1_refuse(parser, error_invalid_request, 0, "The request target must be a path.");
    }
    for (size_t i = 0; i < target.len; i++)
        if ((unsigned char)target.at[i] <= 0x20 || target.at[i] == 0x7f || target.at[i] == '#')
            return http1_refuse(parser, error_invalid_request, 0, "The request target holds a forbidden character.");
    return 0;
}

static int request_check(struct http1 *parser, struct http1_head *head, const struct http1_marks *marks) {
    const struct http1_said *expect = &marks->of[mark_expect];
    size_t hosts = marks->of[mark_host].count;
    if (hosts > 1 || (hosts == 0 && !head->version_1_0))
        return http1_refuse(parser, error_invalid_request, 0, "A request has exactly one Host header.");
    head->host = hosts ? marks->of[mark_host].last : STR("");
    if (expect->count) {
        if (!str_eq_nocase(expect->last, STR("100-continue")))
            return http1_refuse(parser, error_expectation_failed, 0, "Only Expect: 100-continue is understood.");
        head->expects_continue = !head->version_1_0;
    }
    head->has_body = head->chunked || head->content_length > 0;
    if (target_check(parser, head) != 0) return HPE_USER;
    struct str name;
    if (head->host.len && !host_split(head->host, &name))
        return http1_refuse(parser, error_invalid_request, 0, "The Host header is not a host.");
    return 0;
}

static struct http_header *http1_headers_make(struct http1 *parser) {
    struct http_header *headers = arena_take(&parser->arena, (parser->header_count + 1) * sizeof *headers);
    if (!headers) return NULL;
    for (size_t i = 0; i < parser->header_count; i++) {
        const struct place *place = &parser->places[i];
        CHECKF(place->name + place->name_len <= place->value && place->value + place->value_len <= parser->text.len,
               "header=%zu name=%u+%u value=%u+%u", i, place->name, place->name_len, place->value, place->value_len);
        headers[i].name = str_make(parser->text.at + place->name, place->name_len);
        headers[i].value = str_trim(str_make(parser->text.at + place->value, place->value_len));
    }
    return headers;
}

static bool values_are_clean(const struct http1_head *head) {
    for (size_t i = 0; i < head->header_count; i++)
        if (str_control_at(head->headers[i].value, 0) < head->headers[i].value.len) return false;
    return true;
}

static void head_forget(struct http1 *parser) {
    parser->text.at = NULL;
    parser->text.len = parser->text.size = 0;
    parser->places = NULL;
    parser->header_count = parser->place_room = 0;
    parser->target_len = 0;
    parser->in_value = false;
    arena_wipe(&parser->arena); /* heads hold credentials */
    arena_free(&parser->arena);
}

static int http1_on_head(llhttp_t *llhttp) {
    struct http1 *parser = llhttp->data;
    CHECK(!parser->headed && !parser->ended); /* one head a message */
    llhttp->upgrade = 0; /* an Upgrade is ignored (RFC 9110, 7.8), and the body is read as a body */
    struct http1_head head = {.headers = http1_headers_make(parser), .header_count = parser->header_count};
    if (!head.headers)
        return http1_refuse(parser, error_overloaded, 0, "There is no memory for the headers now. Try again.");
    head.version_1_0 = llhttp->http_major == 1 && llhttp->http_minor == 0;
    if (llhttp->http_major != 1 || llhttp->http_minor > 1)
        return http1_refuse(parser, error_invalid_request, version_status(parser),
                            "Only HTTP/1.1 and HTTP/1.0 are spoken here.");
    if (!values_are_clean(&head))
        return http1_refuse(parser, error_invalid_request, 0, "A header value holds a control character.");
    head.target = str_make(parser->text.at, parser->target_len);
    head.keep_alive = llhttp_should_keep_alive(llhttp) != 0;
    struct http1_marks marks;
    http1_marks_read(head.headers, head.header_count, &marks);
    if (framing_check(parser, &head, &marks) != 0) return HPE_USER;
    if (parser->is_request) {
        if (!method_find(llhttp->method, &head.method))
            return http1_refuse(parser, error_method_not_allowed, 501, "The method is not known here.");
        if (request_check(parser, &head, &marks) != 0) return HPE_USER;
        parser->headed = true;
        parser->handler->head(parser->owner, &head);
        return 0;
    }
    head.status = llhttp->status_code;
    if (head.status == 101)
        return http1_refuse(parser, error_provider_error, 0, "The provider switched protocols unasked.");
    if (head.status < 200) {
        if (++parser->informational > informational_max)
            return http1_refuse(parser, error_provider_error, 0, "The provider sends interim replies without end.");
        parser->skipping = true;
        return 1;
    }
    bool bodiless = parser->reply_to_head || head.status == 204 || head.status == 304;
    head.has_body = !bodiless && (head.chunked || head.content_length != 0);
    head.until_close = head.has_body && !head.chunked && head.content_length < 0;
    if (head.until_close) head.keep_alive = false;
    CHECKF(!head.chunked || head.content_length < 0, "content_length=%lld", (long long)head.content_length);
    parser->headed = true;
    parser->handler->head(parser->owner, &head);
    head_forget(parser);
    return bodiless ? 1 : 0;
}

static int http1_on_body(llhttp_t *llhttp, const char *at, size_t len) {
    struct http1 *parser = llhttp->data;
    CHECK(parser->headed && !parser->ended);
    parser->body_len += len;
    if (len) parser->handler->body(parser->owner, str_make(at, len));
    return 0;
}

/* Of no use to anybody here, and without end for llhttp. */
static int on_extension(llhttp_t *llhttp, const char *at, size_t len) {
    struct http1 *parser = llhttp->data;
    (void)at;
    parser->extension_len += len;
    parser->one_extension_len += len;
    if (parser->one_extension_len > one_extension_max)
        return http1_refuse(parser, error_invalid_request, 0, "The extension of a chunk is longer than 1 KB.");
    if (parser->extension_len <= extension_bytes_max + parser->body_len) return 0;
    return http1_refuse(parser, error_invalid_request, 0, "The extensions of chunks are longer than what they carry.");
}

static int on_chunk(llhttp_t *llhttp) {
    struct http1 *parser = llhttp->data;
    parser->one_extension_len = 0;
    return 0;
}

static int http1_on_end(llhttp_t *llhttp) {
    struct http1 *parser = llhttp->data;
    if (parser->skipping) { /* an interim reply: the real one follows */
        parser->skipping = false;
        head_forget(parser);
        return 0;
    }
    CHECK(parser->headed && !parser->ended);
    parser->ended = true;
    parser->handler->end(parser->owner);
    return HPE_PAUSED;
}

static const llhttp_settings_t settings = {
    .on_message_begin = on_begin,
    .on_url = on_target,
    .on_header_field = on_name,
    .on_header_field_complete = on_name_complete,
    .on_header_value = on_value,
    .on_headers_complete = http1_on_head,
    .on_body = http1_on_body,
    .on_chunk_header = on_chunk,
    .on_chunk_extension_name = on_extension,
    .on_chunk_extension_value = on_extension,
    .on_message_complete = http1_on_end,
};

enum { head_block = 2048 };

static struct http1 *parser_new(bool is_request, const struct http1_handler *handler, void *owner) {
    struct http1 *parser = memory_take_zeroed(sizeof *parser);
    if (!parser) return NULL;
    parser->is_request = is_request;
    parser->handler = handler;
    parser->owner = owner;
    arena_init(&parser->arena, head_block, 4 * limit_header_bytes);
    llhttp_init(&parser->llhttp, is_request ? HTTP_REQUEST : HTTP_RESPONSE, &settings);
    parser->llhttp.data = parser;
    return parser;
}

struct http1 *http1_new_request(const struct http1_handler *handler, void *owner) {
    return parser_new(true, handler, owner);
}
struct http1 *http1_new_reply(const struct http1_handler *handler, void *owner) {
    return parser_new(false, handler, owner);
}

void http1_hold_within(struct http1 *parser, struct budget *budget, struct spares *spares) {
    CHECK(!parser->begun);
    arena_init_spared(&parser->arena, head_block, 4 * limit_header_bytes, spares);
    arena_hold_within(&parser->arena, budget);
}

void http1_forget_head(struct http1 *parser) {
    CHECK(parser->headed);
    head_forget(parser);
}

void http1_free(struct http1 *parser) {
    if (!parser) return;
    CHECK(!parser->reading);
    arena_wipe(&parser->arena); /* heads hold credentials */
    arena_free(&parser->arena);
    memory_give(parser);
}

static const struct {
    llhttp_errno_t number;
    const char *sentence;
} sentences[] = {
    {HPE_INVALID_METHOD, "The request line does not begin with a method."},
    {HPE_INVALID_URL, "The request target holds a forbidden character."},
    {HPE_INVALID_CONSTANT, "The first line is not HTTP."},
    {HPE_INVALID_VERSION, "The HTTP version is not valid."},
    {HPE_INVALID_HEADER_TOKEN, "A header line is not valid."},
    {HPE_INVALID_CONTENT_LENGTH, "Content-Length is not a number of bytes."},
    {HPE_UNEXPECTED_CONTENT_LENGTH, "Content-Length is not allowed here, or stands twice."},
    {HPE_INVALID_CHUNK_SIZE, "A chunk size is not a hexadecimal number."},
    {HPE_INVALID_TRANSFER_ENCODING, "Transfer-Encoding: only `chunked`, once, is understood."},
    {HPE_INVALID_EOF_STATE, "The message ended too soon."},
    {HPE_CR_EXPECTED, "A line must end in CR LF."},
    {HPE_LF_EXPECTED, "A line must end in CR LF."},
    {HPE_STRICT, "The message breaks a rule of HTTP/1.1."},
};

static void refuse_of(struct http1 *parser, llhttp_errno_t number) {
    const char *sentence = "The message is not valid HTTP/1.1.";
    for (size_t i = 0; i < sizeof sentences / sizeof *sentences; i++)
        if (sentences[i].number == number) sentence = sentences[i].sentence;
    int status = number == HPE_INVALID_VERSION ? version_status(parser) : 0;
    http1_refuse(parser, error_invalid_request, parser->is_request ? status : 0, sentence);
}

/* -- plain messages -- */

/* As much of the body as there is; answers how much that was. */
static size_t plain_body(struct http1 *parser, struct str bytes) {
    struct str piece = str_slice(bytes, 0, parser->left < bytes.len ? (size_t)parser->left : bytes.len);
    CHECK(parser->headed && !parser->ended);
    parser->left -= piece.len;
    if (piece.len) parser->handler->body(parser->owner, piece);
    if (parser->left == 0) {
        parser->ended = true;
        parser->handler->end(parser->owner);
    }
    return piece.len;
}

static void plain_rebase(struct str *range, const char *from, const char *to) { range->at = to + (range->at - from); }

/* A request's head outlives the call: its headers and its text are copied into the parser's memory. NULL: there is
 * none.
 */
static struct http_header *plain_keep(struct http1 *parser, const char *from, struct http1_plain *plain) {
    const size_t size = plain->header_count * sizeof *plain->headers;
    struct http_header *kept = arena_take(&parser->arena, size + plain->len);
    if (!kept) return NULL;
    char *text = (char *)kept + size;
    memcpy(text, from, plain->len);
    memcpy(kept, plain->headers, size);
    for (size_t i = 0; i < plain->header_count; i++) {
        plain_rebase(&kept[i].name, from, text);
        plain_rebase(&kept[i].value, from, text);
    }
    plain_rebase(&plain->target, from, text);
    if (plain->marks.of[mark_host].count) plain_rebase(&plain->marks.of[mark_host].last, from, text);
    return kept;
}

static int plain_request_told(struct http1 *parser, struct str bytes, struct http1_plain *plain) {
    struct http1_head head = {.method = plain->method,
                              .headers = plain_keep(parser, bytes.at, plain),
                              .header_count = plain->header_count,
                              .keep_alive = plain->keep_alive,
                              .content_length = plain->content_length};
    if (!head.headers)
        return http1_refuse(parser, error_overloaded, 0, "There is no memory for the headers now. Try again.");
    head.target = plain->target;
    if (request_check(parser, &head, &plain->marks) != 0) return HPE_USER;
    parser->headed = true;
    parser->handler->head(parser->owner, &head);
    return 0;
}

static void plain_reply_told(struct http1 *parser, const struct http1_plain *plain) {
    struct http1_head head = {.status = plain->status,
                              .headers = plain->headers,
                              .header_count = plain->header_count,
                              .keep_alive = plain->keep_alive,
                              .content_length = plain->content_length,
                              .has_body = plain->content_length > 0};
    parser->headed = true;
    parser->handler->head(parser->owner, &head);
}

/* The beginning of a message, if its head is plain. 0: it is not. SIZE_MAX: refused. */
static size_t plain_begin(struct http1 *parser, struct str bytes) {
    struct http1_plain plain;
    if (parser->is_request ? !http1_plain_request(bytes, &plain) : !http1_plain_reply(bytes, &plain)) return 0;
    parser->reader = reader_plain;
    parser->begun = true;
    if (!parser->is_request)
        plain_reply_told(parser, &plain);
    else if (plain_request_told(parser, bytes, &plain) != 0)
        return SIZE_MAX;
    parser->left = plain.content_length > 0 ? (uint64_t)plain.content_length : 0;
    if (parser->left && plain.len == bytes.len) return plain.len;
    return plain.len + plain_body(parser, str_slice(bytes, plain.len, bytes.len));
}

static size_t plain_feed(struct http1 *parser, struct str bytes) {
    parser->reading = true;
    size_t read = parser->reader == reader_plain ? plain_body(parser, bytes) : plain_begin(parser, bytes);
    parser->reading = false;
    CHECKF(read <= bytes.len || read == SIZE_MAX, "read=%zu len=%zu", read, bytes.len);
    return read;
}

size_t http1_feed(struct http1 *parser, struct str bytes) {
    if (parser->refusal.sentence) return SIZE_MAX;
    if (parser->ended || bytes.len == 0) return 0;
    CHECK(!parser->reading);
    size_t read = parser->reader == reader_llhttp || parser->reply_to_head ? 0 : plain_feed(parser, bytes);
    if (read) return read;
    parser->reader = reader_llhttp;
    if (parser->is_request && parser->line != line_over && line_scan(parser, bytes) != 0) return SIZE_MAX;
    parser->reading = true;
    llhttp_errno_t result = llhttp_execute(&parser->llhttp, bytes.at, bytes.len);
    parser->reading = false;
    if (result == HPE_OK) return bytes.len;
    if (result == HPE_PAUSED && parser->ended) {
        read = (size_t)(llhttp_get_error_pos(&parser->llhttp) - bytes.at);
        CHECKF(read <= bytes.len, "read=%zu len=%zu", read, bytes.len);
        return read;
    }
    refuse_of(parser, result);
    return SIZE_MAX;
}

void http1_next(struct http1 *parser, bool reply_to_head) {
    CHECK(!parser->refusal.sentence && !parser->reading);
    CHECK(parser->begun == parser->ended); /* between two messages, never inside one */
    head_forget(parser);
    parser->begun = parser->headed = parser->ended = false;
    parser->informational = parser->empty_lines = parser->line_parts = parser->version_len = 0;
    parser->body_len = parser->extension_len = parser->one_extension_len = 0;
    parser->line = line_before;
    parser->reply_to_head = reply_to_head;
    if (parser->reader == reader_llhttp) llhttp_reset(&parser->llhttp);
    parser->reader = reader_none;
}

bool http1_finish(struct http1 *parser) {
    if (parser->refusal.sentence) return false;
    if (parser->ended || !parser->begun) return true;
    if (parser->reader == reader_plain) return false;
    CHECK(!parser->reading);
    llhttp_errno_t result = llhttp_finish(&parser->llhttp);
    return (result == HPE_OK || result == HPE_PAUSED) && parser->ended;
}

const struct http1_refusal *http1_refused(const struct http1 *parser) {
    return parser->refusal.sentence ? &parser->refusal : NULL;
}

bool http1_begun(const struct http1 *parser) { return parser->begun; }
bool http1_ended(const struct http1 *parser) { return parser->ended; }
