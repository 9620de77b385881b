/* http1_test.c - requests as the parser reads them, good and broken, whole and byte by byte: what is told must not
 * depend on how the bytes were cut. Replies: http1_reply_test.c. */
#include "net/http1.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/budget.h"
#include "base/text.h"

struct told {
    int heads, ends;
    enum http_method method;
    char target[256], host[128], body[256], first_name[64], first_value[64];
    size_t header_count, body_len;
    int64_t content_length;
    bool chunked, has_body, keep_alive, expects_continue;
};

static void on_head(void *owner, const struct http1_head *head) {
    struct told *told = owner;
    told->heads++;
    told->method = head->method;
    str_copy(told->target, sizeof told->target, head->target);
    str_copy(told->host, sizeof told->host, head->host);
    told->header_count = head->header_count;
    if (head->header_count) {
        str_copy(told->first_name, sizeof told->first_name, head->headers[0].name);
        str_copy(told->first_value, sizeof told->first_value, head->headers[0].value);
    }
    told->content_length = head->content_length;
    told->chunked = head->chunked;
    told->has_body = head->has_body;
    told->keep_alive = head->keep_alive;
    told->expects_continue = head->expects_continue;
}
static void on_body(void *owner, struct str piece) {
    struct told *told = owner;
    assert_true(told->heads == 1 && told->ends == 0 && piece.len > 0);
    assert_true(told->body_len + piece.len < sizeof told->body);
    memcpy(told->body + told->body_len, piece.at, piece.len);
    told->body_len += piece.len;
}
static void on_end(void *owner) { ((struct told *)owner)->ends++; }
static const struct http1_handler handler = {on_head, on_body, on_end};

/* Feeds until the end of the message, a refusal or the end of the bytes; answers what is left over. */
static size_t feed(struct http1 *parser, struct str bytes, size_t step) {
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
    return bytes.len - at;
}

static struct told read_with(const char *bytes, size_t step, struct http1_refusal *refusal) {
    struct told told = {.heads = 0};
    struct http1 *parser = http1_new_request(&handler, &told);
    assert_non_null(parser);
    feed(parser, str_from(bytes), step);
    *refusal = http1_refused(parser) ? *http1_refused(parser) : (struct http1_refusal){error_none, 0, NULL};
    if (refusal->sentence) assert_int_equal(http1_feed(parser, STR("GET / HTTP/1.1\r\n")), SIZE_MAX);
    http1_free(parser);
    return told;
}

static void a_request_is_told_however_its_bytes_are_cut(void **state) {
    static const char bytes[] = "POST /v1/chat?x=1 HTTP/1.1\r\nHost:  a.example:8080 \r\nX-Empty:\r\n"
                                "Content-Length: 5\r\n\r\nhello";
    struct http1_refusal refusal;
    (void)state;
    for (size_t step = 1; step <= sizeof bytes; step++) {
        struct told told = read_with(bytes, step, &refusal);
        assert_null(refusal.sentence);
        assert_true(told.heads == 1 && told.ends == 1 && told.method == http_post);
        assert_string_equal(told.target, "/v1/chat?x=1");
        assert_string_equal(told.host, "a.example:8080");
        assert_string_equal(told.first_name, "Host");
        assert_string_equal(told.first_value, "a.example:8080"); /* blanks around it are not its own */
        assert_int_equal(told.header_count, 3);
        assert_true(told.content_length == 5 && told.has_body && told.keep_alive && !told.chunked);
        assert_true(str_eq(str_make(told.body, told.body_len), STR("hello")));
    }
}

static void chunks_are_told_as_their_bytes_and_trailers_not_at_all(void **state) {
    static const char bytes[] = "PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
                                "3;note=x\r\nabc\r\n2\r\nde\r\n0\r\nX-Trailer: y\r\n\r\n";
    struct http1_refusal refusal;
    (void)state;
    for (size_t step = 1; step <= sizeof bytes; step++) {
        struct told told = read_with(bytes, step, &refusal);
        assert_null(refusal.sentence);
        assert_true(told.heads == 1 && told.ends == 1 && told.chunked && told.content_length == -1);
        assert_int_equal(told.header_count, 2);
        assert_true(str_eq(str_make(told.body, told.body_len), STR("abcde")));
    }
}

static void body_count(void *owner, struct str piece) { ((struct told *)owner)->body_len += piece.len; }
static const struct http1_handler counting = {on_head, body_count, on_end};

/* Each up to 1 KB, all of them up to 16 KB more than what they stand at. */
static void what_stands_beside_the_sizes_of_chunks_has_its_limits(void **state) {
    static const struct {
        unsigned chunks;
        int extension, carried;
        bool good;
    } rows[] = {
        {1, 1024, 1, true},   {1, 1025, 1, false},   {1, 1025, 2000, false}, {16, 1024, 1, true},
        {17, 1024, 1, false}, {17, 1024, 63, false}, {17, 1024, 64, true},   {40, 1000, 1000, true},
    };
    static char zeros[1100], bytes[100 * 1024];
    (void)state;
    memset(zeros, '0', sizeof zeros - 1);
    for (size_t i = 0; i < 3 * sizeof rows / sizeof *rows; i++) {
        const typeof(*rows) *row = &rows[i / 3];
        static const size_t steps[] = {7, 1000, sizeof bytes};
        struct text text = text_in_buffer(bytes, sizeof bytes);
        struct told told = {.heads = 0};
        struct http1 *parser = http1_new_request(&counting, &told);
        assert_non_null(parser);
        text_put(&text, STR("PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"));
        for (unsigned n = 0; n < row->chunks; n++)
            text_printf(&text, "%x;%.*s\r\n%0*d\r\n", row->carried, row->extension, zeros, row->carried, 0);
        text_put(&text, STR("0\r\n\r\n"));
        assert_false(text.failed);
        feed(parser, text_str(&text), steps[i % 3]);
        if ((told.ends == 1) != row->good || (http1_refused(parser) == NULL) != row->good)
            fail_msg("%u chunks, each of %d, with %d beside", row->chunks, row->carried, row->extension);
        if (row->good) assert_int_equal(told.body_len, row->chunks * (size_t)row->carried);
        http1_free(parser);
    }
}

static void what_is_pipelined_waits_for_next(void **state) {
    static const char bytes[] = "GET /1 HTTP/1.1\r\nHost: a\r\n\r\nGET /2 HTTP/1.1\r\nHost: b\r\n\r\n";
    struct told told = {.heads = 0};
    struct http1 *parser = http1_new_request(&handler, &told);
    (void)state;
    size_t left = feed(parser, str_from(bytes), sizeof bytes);
    assert_string_equal(told.target, "/1");
    assert_true(http1_ended(parser) && http1_begun(parser));
    struct str rest = str_make(bytes + sizeof bytes - 1 - left, left);
    assert_int_equal(http1_feed(parser, rest), 0); /* nothing more is read before http1_next */
    assert_int_equal(told.heads, 1);
    http1_next(parser, false);
    assert_false(http1_begun(parser) || http1_ended(parser));
    assert_int_equal(feed(parser, rest, 3), 0);
    assert_true(told.heads == 2 && told.ends == 2);
    assert_string_equal(told.target, "/2");
    assert_string_equal(told.host, "b");
    http1_free(parser);
}

static void whom_an_absolute_target_names_counts_and_not_the_host_header(void **state) {
    struct http1_refusal refusal;
    struct told told = read_with("GET http://b.example?q HTTP/1.1\r\nHost: a\r\n\r\n", 1, &refusal);
    (void)state;
    assert_string_equal(told.host, "b.example");
    assert_string_equal(told.target, "/?q");
}

static void a_connection_is_kept_as_its_version_and_its_header_say(void **state) {
    static const struct {
        const char *bytes;
        bool kept;
    } rows[] = {
        {"GET / HTTP/1.1\r\nHost: a\r\n\r\n", true},
        {"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", false},
        {"GET / HTTP/1.1\r\nHost: a\r\nConnection: keep-alive, close\r\n\r\n", false},
        {"GET / HTTP/1.1\r\nHost: a\r\nConnection: keep-alive\r\nConnection: close\r\n\r\n", false},
        {"GET / HTTP/1.0\r\n\r\n", false},
        {"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", true},
    };
    struct http1_refusal refusal;
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        for (size_t step = 1; step < 100; step += 98) /* by bytes, and whole */
            assert_int_equal(read_with(rows[i].bytes, step, &refusal).keep_alive, rows[i].kept);
}

static void only_a_caller_of_today_may_expect_a_go_on(void **state) {
    struct http1_refusal refusal;
    (void)state;
    for (size_t step = 1; step < 100; step += 98)
        assert_true(read_with("POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\nx", step,
                              &refusal)
                        .expects_continue);
    assert_false(read_with("POST / HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\nx", 1, &refusal)
                     .expects_continue);
    assert_null(refusal.sentence);
}

/* What a smuggler, a scanner or a careless client sends. */
static void what_is_refused_is_refused_however_it_is_cut(void **state) {
    static const struct {
        const char *bytes;
        enum error_code error;
        int status;
    } rows[] = {
        {"GET / HTTP/1.1\r\n\r\n", error_invalid_request, 0}, /* no Host */
        {"GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", error_invalid_request, 0},
        {"GET / HTTP/1.1\r\nHost: [::1].evil\r\n\r\n", error_invalid_request, 0},
        {"GET  / HTTP/1.1\r\nHost: a\r\n\r\n", error_invalid_request, 0},
        {"GET / HTTP/1.1 \r\nHost: a\r\n\r\n", error_invalid_request, 505},
        {"\r\n\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", error_invalid_request, 0},
        {"GET nowhere HTTP/1.1\r\nHost: a\r\n\r\n", error_invalid_request, 0},
        {"GET /a#b HTTP/1.1\r\nHost: a\r\n\r\n", error_invalid_request, 0},
        {"GET / HTTP/2.0\r\nHost: a\r\n\r\n", error_invalid_request, 505},
        {"TRACE / HTTP/1.1\r\nHost: a\r\n\r\n", error_method_not_allowed, 501},
        {"GET / HTTP/1.1\r\nHost: a\r\nExpect: a-miracle\r\n\r\n", error_expectation_failed, 0},
        {"GET / HTTP/1.1\r\nHost: a\r\nX: a\x01"
         "b\r\n\r\n",
         error_invalid_request, 0},
        {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\nx", error_invalid_request, 0},
        {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
         error_invalid_request, 0},
        {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", error_invalid_request, 0},
        {"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", error_invalid_request, 0},
        {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1x\r\n\r\n", error_invalid_request, 0},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        for (size_t step = 1; step < 40 * 13; step *= 13) { /* whole too */
            struct http1_refusal refusal;
            struct told told = read_with(rows[i].bytes, step, &refusal);
            if (!refusal.sentence) fail_msg("row %zu is taken", i);
            assert_int_equal(refusal.error, rows[i].error);
            assert_int_equal(refusal.status, rows[i].status);
            assert_int_equal(told.heads, 0);
        }
}

/* What refuses a request with so much in it, in many pieces. */
static enum error_code refused_with(const char *before, const char *filler, size_t times, const char *behind) {
    static char bytes[2 * limit_header_bytes + limit_target_bytes];
    struct http1_refusal refusal;
    struct text text = text_in_buffer(bytes, sizeof bytes);
    text_put(&text, str_from(before));
    for (size_t i = 0; i < times; i++) text_put(&text, str_from(filler));
    text_put(&text, str_from(behind));
    text_put_byte(&text, 0);
    assert_false(text.failed);
    struct told told = read_with(bytes, 1000, &refusal);
    assert_int_equal(told.heads, refusal.error == error_none);
    return refusal.error;
}

/* To the byte and to the line: all that is text of it counts, names, values and target. */
static void a_head_has_its_limits(void **state) {
    enum { around = 1 + 4 + 1 + 1 }; /* "/", "Host", "a", "X" */
    (void)state;
    for (size_t over = 0; over < 2; over++) {
        assert_int_equal(refused_with("GET /", "a", limit_target_bytes - 1 + over, " HTTP/1.1\r\nHost: a\r\n\r\n"),
                         over ? error_target_too_long : error_none);
        assert_int_equal(refused_with("GET / HTTP/1.1\r\nHost: a\r\n", "x: y\r\n", limit_headers - 1 + over, "\r\n"),
                         over ? error_headers_too_large : error_none);
        assert_int_equal(
            refused_with("GET / HTTP/1.1\r\nHost: a\r\nX: ", "a", limit_header_bytes - around + over, "\r\n\r\n"),
            over ? error_headers_too_large : error_none);
    }
}

static void a_head_is_counted_and_given_back(void **state) {
    struct budget memory = {.limit = 64 * 1024}, small = {.limit = 16};
    struct told told = {.heads = 0};
    (void)state;
    struct http1 *parser = http1_new_request(&handler, &told);
    http1_hold_within(parser, &memory, NULL);
    feed(parser, STR("GET /x HTTP/1.1\r\nHost: h\r\nX-Long: "), 7);
    size_t begun = memory.taken;
    assert_in_range(begun, 1, 64 * 1024);
    feed(parser, STR("value\r\n\r\n"), 7);
    assert_int_equal(told.ends, 1);
    http1_next(parser, false);
    assert_int_equal(memory.taken, 0);
    feed(parser, STR("GET /x HTTP/1.1\r\nHost"), 7);
    http1_free(parser);
    assert_int_equal(memory.taken, 0);
    parser = http1_new_request(&handler, &told);
    http1_hold_within(parser, &small, NULL);
    assert_int_equal(http1_feed(parser, STR("GET /x HTTP/1.1\r\nHost: h\r\n\r\n")), SIZE_MAX);
    assert_non_null(http1_refused(parser));
    http1_free(parser);
    assert_int_equal(small.taken, 0);
}

/* The memory of a head that came whole is given back when nobody reads it, before its body has come. */
static void a_head_that_came_whole_is_forgotten_too(void **state) {
    struct budget memory = {.limit = 64 * 1024};
    struct told told = {.heads = 0};
    (void)state;
    struct http1 *parser = http1_new_request(&handler, &told);
    http1_hold_within(parser, &memory, NULL);
    struct str head = STR("POST /x HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\n");
    assert_int_equal(http1_feed(parser, head), head.len);
    assert_true(told.heads == 1 && told.ends == 0 && http1_begun(parser) && !http1_ended(parser));
    assert_true(memory.taken > 0);
    http1_forget_head(parser);
    assert_int_equal(memory.taken, 0);
    assert_false(http1_finish(parser));
    assert_int_equal(http1_feed(parser, STR("bo")), 2);
    assert_int_equal(http1_feed(parser, STR("dyGET")), 2);
    assert_true(told.ends == 1 && str_eq(str_make(told.body, told.body_len), STR("body")));
    assert_true(http1_finish(parser));
    http1_free(parser);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_stands_beside_the_sizes_of_chunks_has_its_limits),
        cmocka_unit_test(a_request_is_told_however_its_bytes_are_cut),
        cmocka_unit_test(chunks_are_told_as_their_bytes_and_trailers_not_at_all),
        cmocka_unit_test(what_is_pipelined_waits_for_next),
        cmocka_unit_test(a_head_is_counted_and_given_back),
        cmocka_unit_test(whom_an_absolute_target_names_counts_and_not_the_host_header),
        cmocka_unit_test(a_connection_is_kept_as_its_version_and_its_header_say),
        cmocka_unit_test(only_a_caller_of_today_may_expect_a_go_on),
        cmocka_unit_test(what_is_refused_is_refused_however_it_is_cut),
        cmocka_unit_test(a_head_has_its_limits),
        cmocka_unit_test(a_head_that_came_whole_is_forgotten_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
