/* http1_plain.c - the first line, the header lines, what they say of the framing (RFC 9112, sections 2 to 6). */
#include "net/http1_plain.h"

#include <string.h>

#include "base/check.h"
#include "net/http.h"

/* No two are equally long. */
static const struct str mark_names[mark_count] = {
    [mark_host] = STR("host"),
    [mark_expect] = STR("expect"),
    [mark_content_length] = STR("content-length"),
    [mark_transfer_encoding] = STR("transfer-encoding"),
    [mark_connection] = STR("connection"),
    [mark_proxy_connection] = STR("proxy-connection"),
    [mark_upgrade] = STR("upgrade"),
};

enum { mark_longest = sizeof "transfer-encoding" - 1 };

static const uint8_t marks_by_len[mark_longest + 1] = {
    [sizeof "host" - 1] = 1 + mark_host,
    [sizeof "expect" - 1] = 1 + mark_expect,
    [sizeof "content-length" - 1] = 1 + mark_content_length,
    [sizeof "transfer-encoding" - 1] = 1 + mark_transfer_encoding,
    [sizeof "connection" - 1] = 1 + mark_connection,
    [sizeof "proxy-connection" - 1] = 1 + mark_proxy_connection,
    [sizeof "upgrade" - 1] = 1 + mark_upgrade,
};

void http1_marks_read(const struct http_header *headers, size_t count, struct http1_marks *marks) {
    memset(marks, 0, sizeof *marks);
    for (size_t i = 0; i < count; i++) {
        size_t len = headers[i].name.len;
        if (len > mark_longest || !marks_by_len[len]) continue;
        size_t mark = marks_by_len[len] - 1u;
        if (!str_eq_nocase(headers[i].name, mark_names[mark])) continue;
        marks->of[mark].count++;
        marks->of[mark].last = headers[i].value;
    }
}

bool http1_length_read(struct str value, int64_t *length) {
    uint64_t number;
    bool padded = value.len > 1 && value.at[0] == '0';
    if (padded || !str_to_u64(value, &number) || number > INT64_MAX) return false;
    *length = (int64_t)number;
    return true;
}

/* RFC 9110, section 5.6.2. */
static bool is_token_byte(unsigned char c) {
    static const uint64_t tokens[4] = {
        0x03ff6cfa00000000, /* ! # $ % & ' * + - . 0-9 */
        0x57ffffffc7fffffe, /* A-Z ^ _ ` a-z | ~ */
    };
    return tokens[c / 64] >> c % 64 & 1;
}

/* Where a value ends: at its line's CR LF. SIZE_MAX: it holds a control character, or its end has not come. */
static size_t plain_value_end(struct str bytes, size_t at) {
    for (;; at++) {
        at = str_plain_run(bytes, at);
        if (at + 1 >= bytes.len) return SIZE_MAX;
        unsigned char c = (unsigned char)bytes.at[at];
        if (c < 0x20 || c == 0x7f) return c == '\r' && bytes.at[at + 1] == '\n' ? at : SIZE_MAX;
    }
}

/* One header's line; answers where the next one begins. SIZE_MAX: it is not plain. */
static size_t plain_header(struct str bytes, size_t at, struct http_header *header) {
    size_t name = at;
    while (at < bytes.len && is_token_byte((unsigned char)bytes.at[at])) at++;
    if (at == name || at >= bytes.len || bytes.at[at] != ':') return SIZE_MAX;
    header->name = str_slice(bytes, name, at++);
    while (at < bytes.len && bytes.at[at] == ' ') at++;
    size_t end = plain_value_end(bytes, at), next = end + 2;
    if (end == SIZE_MAX) return SIZE_MAX;
    while (end > at && bytes.at[end - 1] == ' ') end--;
    header->value = str_slice(bytes, at, end);
    return next;
}

/* The lines from `at` on, up to the empty one, and what they say. */
static bool plain_headers(struct str bytes, size_t at, struct http1_plain *plain) {
    plain->header_count = 0;
    while (at + 1 < bytes.len && bytes.at[at] != '\r') {
        if (plain->header_count == limit_headers) return false;
        at = plain_header(bytes, at, &plain->headers[plain->header_count++]);
        if (at == SIZE_MAX) return false;
    }
    if (at + 1 >= bytes.len || bytes.at[at + 1] != '\n') return false;
    plain->len = at + 2;
    CHECKF(plain->len <= bytes.len, "len=%zu of %zu", plain->len, bytes.len);
    if (plain->len > limit_header_bytes) return false;
    http1_marks_read(plain->headers, plain->header_count, &plain->marks);
    const struct http1_said *said = plain->marks.of, *connection = &said[mark_connection];
    if (said[mark_transfer_encoding].count || said[mark_upgrade].count || said[mark_proxy_connection].count)
        return false;
    bool closes = connection->count == 1 && str_eq_nocase(connection->last, STR("close"));
    bool keeps = connection->count == 1 && str_eq_nocase(connection->last, STR("keep-alive"));
    if (connection->count && !closes && !keeps) return false;
    plain->keep_alive = !closes;
    plain->content_length = -1;
    if (said[mark_content_length].count == 0) return true;
    return said[mark_content_length].count == 1 &&
           http1_length_read(said[mark_content_length].last, &plain->content_length);
}

/* The method and one blank behind it; answers where the target begins. SIZE_MAX: none of ours. */
static size_t plain_method(struct str bytes, enum http_method *method) {
    static const enum http_method methods[] = {http_post,  http_get,  http_put,    http_delete,
                                               http_patch, http_head, http_options};
    for (size_t i = 0; i < sizeof methods / sizeof *methods; i++) {
        struct str name = http_method_name(methods[i]);
        if (bytes.len <= name.len || bytes.at[name.len] != ' ' || !str_starts(bytes, name)) continue;
        *method = methods[i];
        return name.len + 1;
    }
    return SIZE_MAX;
}

bool http1_plain_request(struct str bytes, struct http1_plain *plain) {
    const struct str version = STR(" HTTP/1.1\r\n");
    size_t target = plain_method(bytes, &plain->method), at = target;
    if (target == SIZE_MAX || target >= bytes.len || bytes.at[target] != '/') return false;
    while (at < bytes.len && bytes.at[at] > ' ' && bytes.at[at] < 0x7f && bytes.at[at] != '#') at++;
    if (at - target > limit_target_bytes || !str_starts(str_slice(bytes, at, bytes.len), version)) return false;
    plain->target = str_slice(bytes, target, at);
    return plain_headers(bytes, at + version.len, plain);
}

static bool is_status_digit(char c) { return c >= '0' && c <= '9'; }

bool http1_plain_reply(struct str bytes, struct http1_plain *plain) {
    const struct str version = STR("HTTP/1.1 ");
    const size_t status = version.len, reason = status + 4;
    if (bytes.len <= reason || !str_starts(bytes, version) || bytes.at[reason - 1] != ' ') return false;
    plain->status = 0;
    for (size_t i = status; i < status + 3; i++) {
        if (!is_status_digit(bytes.at[i])) return false;
        plain->status = plain->status * 10 + (bytes.at[i] - '0');
    }
    if (plain->status < 200 || plain->status == 204 || plain->status == 304) return false;
    size_t end = plain_value_end(bytes, reason);
    return end != SIZE_MAX && plain_headers(bytes, end + 2, plain) && plain->content_length >= 0;
}
