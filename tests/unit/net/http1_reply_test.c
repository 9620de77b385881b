/* http1_reply_test.c - replies of providers, good and broken, whole and byte by byte: what a caller of the parser is
 * told must not depend on how the bytes were cut. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "net/http1.h"

struct told {
    int heads, ends, status;
    bool keep_alive, until_close;
    int64_t content_length;
    char body[256];
    size_t body_len;
};

static void on_head(void *owner, const struct http1_head *head) {
    struct told *told = owner;
    told->heads++;
    told->status = head->status;
    told->keep_alive = head->keep_alive;
    told->until_close = head->until_close;
    told->content_length = head->content_length;
}
static void on_body(void *owner, struct str piece) {
    struct told *told = owner;
    assert_true(told->heads == 1 && told->ends == 0);
    assert_true(told->body_len + piece.len < sizeof told->body);
    memcpy(told->body + told->body_len, piece.at, piece.len);
    told->body_len += piece.len;
}
static void on_end(void *owner) { ((struct told *)owner)->ends++; }
static const struct http1_handler handler = {on_head, on_body, on_end};

enum fate { whole, at_close /* whole once the connection has ended */, cut, refused };

/* Answers what became of the bytes; `rest` what was left over behind the reply. */
static enum fate feed(struct str bytes, size_t step, bool to_head, struct told *told, size_t *rest) {
    struct http1 *parser = http1_new_reply(&handler, told);
    assert_non_null(parser);
    http1_next(parser, to_head);
    enum fate fate = whole;
    size_t at = 0;
    while (at < bytes.len && !http1_ended(parser) && !http1_refused(parser)) {
        struct str piece = str_slice(bytes, at, at + step < bytes.len ? at + step : bytes.len);
        char *copy = malloc(piece.len); /* its own memory, so that a read past it is seen */
        assert_non_null(copy);
        memcpy(copy, piece.at, piece.len);
        size_t read = http1_feed(parser, str_make(copy, piece.len));
        free(copy);
        if (read != SIZE_MAX) at += read;
    }
    *rest = bytes.len - at;
    if (http1_refused(parser)) {
        fate = refused;
        assert_non_null(http1_refused(parser)->sentence);
    } else if (!http1_ended(parser)) {
        fate = told->heads && http1_finish(parser) && http1_ended(parser) ? at_close : cut;
    }
    http1_free(parser);
    return fate;
}

static const struct row {
    const char *bytes;
    enum fate fate;
    int status;
    const char *body;
    bool keep_alive;
} rows[] = {
    {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", whole, 200, "hello", true},
    {"HTTP/1.1 200 \r\nContent-Length: 0\r\n\r\n", whole, 200, "", true},
    {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello", whole, 200, "hello", false},
    {"HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nhello", whole, 200, "hello", false},
    {"HTTP/1.0 200 OK\r\nContent-Length: 2\r\nConnection: keep-alive\r\n\r\nhi", whole, 200, "hi", true},
    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\n\r\n", whole, 200, "abcde",
     true},
    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\nA\r\n0123456789\r\n0\r\nTrailer: t\r\n\r\n", whole, 200,
     "0123456789", true},
    {"HTTP/1.1 200 OK\r\n\r\nuntil the end", at_close, 200, "until the end", false},
    {"HTTP/1.1 204 No Content\r\n\r\n", whole, 204, "", true},
    {"HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n", whole, 304, "", true},
    {"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx", whole, 200, "x", true},
    {"HTTP/1.1 103 Early Hints\r\nLink: <a>\r\n\r\nHTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 429 Slow\r\n"
     "Content-Length: 1\r\n\r\nx",
     whole, 429, "x", true},
    {"HTTP/1.1 200 OK\r\nUpgrade: h2c\r\nConnection: Upgrade\r\nContent-Length: 2\r\n\r\nok", whole, 200, "ok", true},
    {"HTTP/1.1 599 Odd\r\nContent-Length: 0\r\n\r\n", whole, 599, "", true},
    {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel", cut, 200, "hel", true},
    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n", cut, 200, "abc", true},
    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n", cut, 200, "abc", true},
    {"HTTP/1.1 200 OK\r\nContent-Le", cut, 0, "", false},
    {"HTTP/1.1 100 Continue\r\n\r\n", cut, 0, "", false},
    {"", cut, 0, "", false},
    /* what no provider may send */
    {"SSH-2.0-OpenSSH_9.2\r\n", refused, 0, "", false},
    {"HTTP/2.0 200 OK\r\nContent-Length: 0\r\n\r\n", refused, 0, "", false},
    {"HTTP/0.9 200 OK\r\nContent-Length: 0\r\n\r\n", refused, 0, "", false},
    {"HTTP/1.1 abc OK\r\n\r\n", refused, 0, "", false},
    {"HTTP/1.1 20 OK\r\n\r\n", refused, 0, "", false},
    {"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n", refused, 0, "", false},
    {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", refused, 0, "", false},
    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n", refused, 0, "", false},
    {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello", refused, 0, "", false},
    {"HTTP/1.1 200 OK\r\nContent-Length: 5, 6\r\n\r\nhello", refused, 0, "", false},
    {"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", refused, 0, "", false},
    {"HTTP/1.1 200 OK\r\nContent-Length: 0x5\r\n\r\nhello", refused, 0, "", false},
    {"HTTP/1.1 200 OK\r\nContent-Length: \r\n\r\n", refused, 0, "", false},
    {"HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\n", refused, 0, "", false},
    {"HTTP/1.1 200 OK\r\nContent-Length: 5 5\r\n\r\n", refused, 0, "", false},
    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", refused, 0, "", false},
    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: identity\r\n\r\n", refused, 0, "", false},
    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", refused, 0, "",
     false},
    {"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", refused, 0, "", false},
    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n", refused, 200, "", true},
    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-3\r\nabc\r\n", refused, 200, "", true},
    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\r\nabc", refused, 200, "", true},
    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n", refused, 200, "", true},
    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabcd\r\n0\r\n\r\n", refused, 200, "abc", true},
    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3 \r\nabc\r\n0\r\n\r\n", refused, 200, "", true},
    {"HTTP/1.1 200 OK\r\nA: b\r\n folded\r\nContent-Length: 0\r\n\r\n", refused, 0, "", false},
    {"HTTP/1.1 200 OK\r\nA : b\r\nContent-Length: 0\r\n\r\n", refused, 0, "", false},
    {"HTTP/1.1 200 OK\r\nA: b\x01\r\nContent-Length: 0\r\n\r\n", refused, 0, "", false},
    {"HTTP/1.1 200 OK\r\n: b\r\nContent-Length: 0\r\n\r\n", refused, 0, "", false},
    {"HTTP/1.1 200 OK\r\nA\r\nContent-Length: 0\r\n\r\n", refused, 0, "", false},
    {"HTTP/1.1 200 OK\nContent-Length: 0\n\n", refused, 0, "", false},
};

static void each_reply_has_one_fate_however_it_is_cut(void **state) {
    (void)state;
    static const size_t steps[] = {SIZE_MAX / 2, 1, 2, 7};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        for (size_t s = 0; s < sizeof steps / sizeof *steps; s++) {
            struct told told = {.heads = 0};
            size_t rest;
            enum fate fate = feed(str_from(rows[i].bytes), steps[s], false, &told, &rest);
            if (fate != rows[i].fate || told.status != rows[i].status)
                fail_msg("row %zu, step %zu: fate %d, status %d\n%s", i, s, (int)fate, told.status, rows[i].bytes);
            if (fate == refused) continue;
            assert_string_equal(told.body, rows[i].body);
            assert_int_equal(told.heads, rows[i].status != 0);
            if (fate == whole || fate == at_close) {
                assert_int_equal(told.ends, 1);
                assert_int_equal(rest, 0);
                assert_int_equal(told.keep_alive, rows[i].keep_alive);
            }
            assert_int_equal(told.until_close, fate == at_close);
        }
}

static void a_reply_to_head_has_a_length_but_no_body(void **state) {
    (void)state;
    struct told told = {.heads = 0};
    size_t rest;
    assert_int_equal(feed(STR("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nHTTP/"), SIZE_MAX / 2, true, &told, &rest),
                     whole);
    assert_true(told.content_length == 5 && told.body_len == 0 && told.keep_alive);
    assert_int_equal(rest, 5);
}

static void bytes_behind_a_reply_are_left_unread(void **state) {
    (void)state;
    struct told told = {.heads = 0};
    size_t rest;
    assert_int_equal(feed(STR("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokmore"), SIZE_MAX / 2, false, &told, &rest),
                     whole);
    assert_int_equal(rest, 4);
    assert_int_equal(told.ends, 1);
}

static void heads_without_bound_are_refused(void **state) {
    (void)state;
    enum { size = limit_header_bytes + 4096 };
    char *bytes = malloc(size);
    struct told told = {.heads = 0};
    size_t rest, len = (size_t)snprintf(bytes, size, "HTTP/1.1 200 OK\r\nA: ");
    memset(bytes + len, 'a', size - len);
    assert_int_equal(feed(str_make(bytes, size), 1000, false, &told, &rest), refused);
    len = (size_t)snprintf(bytes, size, "HTTP/1.1 200 OK\r\n"); /* too many lines */
    for (int i = 0; i <= limit_headers; i++) len += (size_t)snprintf(bytes + len, size - len, "H%d: v\r\n", i);
    assert_int_equal(feed(str_make(bytes, len), 1000, false, &told, &rest), refused);
    len = 0; /* interim replies without end */
    for (int i = 0; i < 40; i++) len += (size_t)snprintf(bytes + len, size - len, "HTTP/1.1 103 Hints\r\n\r\n");
    assert_int_equal(feed(str_make(bytes, len), 1000, false, &told, &rest), refused);
    assert_int_equal(told.heads, 0);
    free(bytes);
}

static void one_parser_reads_reply_after_reply(void **state) {
    (void)state;
    struct told told = {.heads = 0};
    struct http1 *parser = http1_new_reply(&handler, &told);
    struct str bytes = STR("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    for (int i = 0; i < 3; i++) {
        told = (struct told){.heads = 0};
        http1_next(parser, i == 1);
        size_t read = http1_feed(parser, bytes);
        assert_int_equal(read, i == 1 ? bytes.len - 2 : bytes.len);
        assert_true(http1_ended(parser) && told.heads == 1 && told.ends == 1);
        assert_int_equal(http1_feed(parser, bytes), 0); /* paused until http1_next */
    }
    http1_free(parser);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_reply_has_one_fate_however_it_is_cut),
        cmocka_unit_test(a_reply_to_head_has_a_length_but_no_body),
        cmocka_unit_test(bytes_behind_a_reply_are_left_unread),
        cmocka_unit_test(heads_without_bound_are_refused),
        cmocka_unit_test(one_parser_reads_reply_after_reply),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
