/* http1_request_fuzz.c - the HTTP request path: whole and cut at a place, the same requests must be read or refused. */
#include <string.h>

#include "base/check.h"
#include "base/url.h"
#include "net/http1.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

struct seen {
    size_t heads, ends, body;
    uint64_t hash;
};

static void on_head(void *owner, const struct http1_head *head) {
    struct seen *seen = owner;
    seen->heads++;
    CHECK(head->target.len > 0 && head->target.at[0] == '/');
    CHECK(!(head->chunked && head->content_length >= 0));
    struct str host;
    CHECK(head->host.len == 0 || host_split(head->host, &host));
    seen->hash = seen->hash * 31 + str_hash(head->host);
    for (size_t i = 0; i < head->header_count; i++) {
        CHECK(head->headers[i].name.len > 0);
        seen->hash = seen->hash * 31 + str_hash(head->headers[i].name) + str_hash(head->headers[i].value);
    }
    seen->hash = seen->hash * 31 + str_hash(head->target);
    const uint64_t words[] = {head->method,      head->header_count,    (uint64_t)head->content_length,
                              head->chunked,     head->has_body,        head->keep_alive,
                              head->version_1_0, head->expects_continue};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) seen->hash = seen->hash * 31 + words[i];
}

static void on_body(void *owner, struct str piece) {
    struct seen *seen = owner;
    for (size_t i = 0; i < piece.len; i++) seen->hash = seen->hash * 31 + (unsigned char)piece.at[i];
    seen->body += piece.len;
}

static void on_end(void *owner) { ((struct seen *)owner)->ends++; }

static const struct http1_handler handler = {on_head, on_body, on_end};

/* Feeds in pieces of `step` bytes; true: refused. */
static bool feed(const unsigned char *data, size_t size, size_t step, struct seen *seen) {
    struct http1 *parser = http1_new_request(&handler, seen);
    bool refused = false;
    for (size_t at = 0; at < size && !refused;) {
        size_t len = size - at < step ? size - at : step;
        size_t read = http1_feed(parser, str_make((const char *)data + at, len));
        refused = read == SIZE_MAX;
        if (refused) break;
        at += read;
        if (http1_ended(parser))
            http1_next(parser, false);
        else
            CHECK(read == len);
    }
    http1_free(parser);
    return refused;
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size) {
    struct seen whole = {0}, cut = {0};
    bool refused = feed(data, size, SIZE_MAX, &whole);
    bool refused_cut = feed(data, size, size ? data[0] % 7 + 1 : 1, &cut);
    CHECK(refused == refused_cut);
    if (!refused)
        CHECK(whole.heads == cut.heads && whole.ends == cut.ends && whole.body == cut.body && whole.hash == cut.hash);
    return 0;
}
