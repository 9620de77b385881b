/* http1_reply_fuzz.c - any bytes as a provider's replies. The first byte chooses how they are cut. What is told must
 * come in order, and must be the same as when all bytes come at once. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "net/http1.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct told {
    unsigned heads, ends;
    size_t body_len;
    uint64_t sum; /* of the body and of the statuses */
};

static void demand(bool condition) {
    if (!condition) abort();
}
static void on_head(void *owner, const struct http1_head *head) {
    struct told *told = owner;
    demand(told->heads == told->ends && head->status >= 200 && head->header_count <= limit_headers);
    demand(!(head->chunked && head->content_length >= 0));
    for (size_t i = 0; i < head->header_count; i++)
        told->sum = told->sum * 31 + str_hash(head->headers[i].name) + str_hash(head->headers[i].value);
    told->heads++;
    const uint64_t words[] = {(uint64_t)head->status, head->header_count, (uint64_t)head->content_length,
                              head->chunked,          head->has_body,     head->keep_alive,
                              head->until_close,      head->version_1_0};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) told->sum = told->sum * 31 + words[i];
}
static void on_body(void *owner, struct str piece) {
    struct told *told = owner;
    demand(told->heads == told->ends + 1 && piece.len > 0);
    for (size_t i = 0; i < piece.len; i++) told->sum = told->sum * 31 + (unsigned char)piece.at[i];
    told->body_len += piece.len;
}
static void on_end(void *owner) {
    struct told *told = owner;
    demand(++told->ends == told->heads);
}
static const struct http1_handler handler = {on_head, on_body, on_end};

static bool feed(struct str bytes, size_t step, struct told *told) {
    struct http1 *parser = http1_new_reply(&handler, told);
    if (!parser) return false;
    size_t at = 0;
    bool refused = false;
    http1_next(parser, false);
    while (at < bytes.len && !refused) {
        size_t until = bytes.len - at < step ? bytes.len : at + step;
        size_t read = http1_feed(parser, str_slice(bytes, at, until));
        refused = read == SIZE_MAX;
        demand(refused == (http1_refused(parser) != NULL));
        if (refused) break;
        demand(read <= until - at && (read == until - at || http1_ended(parser)));
        at += read;
        if (http1_ended(parser)) http1_next(parser, told->ends % 4 == 3);
    }
    if (!refused) http1_finish(parser);
    http1_free(parser);
    return refused;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size < 1) return 0;
    struct told at_once = {.heads = 0}, in_steps = {.heads = 0};
    struct str bytes = str_make((const char *)data + 1, size - 1);
    bool refused = feed(bytes, SIZE_MAX, &at_once);
    demand(feed(bytes, 1u + data[0] % 32, &in_steps) == refused);
    demand(at_once.heads == in_steps.heads && at_once.ends == in_steps.ends);
    demand(refused || (at_once.body_len == in_steps.body_len && at_once.sum == in_steps.sum));
    return 0;
}
