/* fetch_test.c - one file from the web: what is got, and each sentence on why there is nothing. */
#include "net/fetch.h"

#include <stdio.h>

#include "net_bench.h"

enum { answers_max = 6 };

struct story {
    struct net_bench net;
    struct http_client *client;
    struct fetch *fetch;
    struct fetch_rules rules;
    struct network loopback;
    struct loop_deferred begin;
    int listener, dones;
    char url[9000], failure[160], bytes[256], content_type[64];
    size_t len;
    const char *answers[answers_max]; /* connection after connection; NULL: no more */
    bool inside;
};

static void on_done(void *owner, struct str failure, struct str bytes, struct str content_type) {
    struct story *story = owner;
    assert_false(story->inside);
    story->dones++;
    story->len = bytes.len;
    str_copy(story->failure, sizeof story->failure, failure);
    str_copy(story->bytes, sizeof story->bytes, bytes);
    str_copy(story->content_type, sizeof story->content_type, content_type);
    net_bench_stop(&story->net);
}

static void begin_run(void *context) {
    struct story *story = context;
    story->inside = true;
    story->fetch =
        fetch_start(story->net.loop, story->client, NULL, &story->rules, str_from(story->url), on_done, story);
    story->inside = false;
    assert_non_null(story->fetch);
}

static void *server(void *context) {
    struct story *story = context;
    for (size_t i = 0; i < answers_max && story->answers[i]; i++) {
        int descriptor = accept(story->listener, NULL, NULL);
        struct timeval limit = {.tv_sec = 10};
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
        char head[16384];
        size_t len = 0;
        while (len < sizeof head && (len < 4 || memcmp(head + len - 4, "\r\n\r\n", 4) != 0) &&
               recv(descriptor, head + len, 1, 0) == 1)
            len++;
        memcpy(story->net.heard + story->net.heard_len, head, len);
        story->net.heard_len += len;
        net_bench_say(descriptor, story->answers[i]);
        close(descriptor);
    }
    return NULL;
}

static void story_open(struct story *story, const char *path) {
    memset(story, 0, sizeof *story);
    net_bench_open(&story->net);
    story->client = http_client_new(story->net.loop);
    story->listener = net_bench_listen(&story->net.port);
    assert_true(network_parse(STR("127.0.0.0/8"), &story->loopback));
    story->rules = (struct fetch_rules){
        .bytes_max = 100, .timeout_ns = 10 * NS_PER_S, .allowed = &story->loopback, .allowed_count = 1, .caller = 7};
    snprintf(story->url, sizeof story->url, "http://127.0.0.1:%u%s", story->net.port, path);
    story->begin = (struct loop_deferred){.run = begin_run, .context = story};
    loop_defer(story->net.loop, &story->begin);
}

static void story_run(struct story *story) {
    net_bench_run(&story->net, story->answers[0] ? server : NULL, story);
    http_client_free(story->client);
    loop_free(story->net.loop);
    close(story->listener);
    assert_int_equal(story->dones, 1);
}

static void is_got(struct story *story, const char *bytes) {
    story_run(story);
    if (story->failure[0]) fail_msg("%s", story->failure);
    assert_string_equal(story->bytes, bytes);
}

static void is_not_got(struct story *story, const char *why) {
    story_run(story);
    assert_int_equal(story->len, 0);
    if (!strstr(story->failure, why)) fail_msg("%s, not %s", story->failure, why);
}

#define PNG "HTTP/1.1 200 OK\r\nContent-Type: image/png\r\nContent-Length: 4\r\n\r\nbits"

static void a_file_is_got_with_its_type_and_without_its_fragment(void **state) {
    struct story story;
    (void)state;
    story_open(&story, "/a/b.png?x=1#there");
    story.answers[0] = PNG;
    is_got(&story, "bits");
    assert_string_equal(story.content_type, "image/png");
    assert_non_null(strstr(story.net.heard, "GET /a/b.png?x=1 HTTP/1.1\r\n"));
    assert_non_null(strstr(story.net.heard, "Accept-Encoding: identity\r\n"));
}

static void a_place_on_the_same_host_is_gone_to(void **state) {
    struct story story;
    (void)state;
    story_open(&story, "");
    story.answers[0] = "HTTP/1.1 302 Found\r\nLocation: /elsewhere\r\nContent-Length: 3\r\n\r\nno!";
    story.answers[1] = "HTTP/1.1 308 Go\r\nLocation: /again\r\nContent-Length: 0\r\n\r\n";
    story.answers[2] = PNG;
    is_got(&story, "bits");
    assert_non_null(strstr(story.net.heard, "GET / HTTP/1.1\r\n"));
    assert_non_null(strstr(story.net.heard, "GET /elsewhere HTTP/1.1\r\n"));
    assert_non_null(strstr(story.net.heard, "GET /again HTTP/1.1\r\n"));
}

static void it_is_not_followed_for_ever(void **state) {
    struct story story;
    (void)state;
    story_open(&story, "/");
    for (int i = 0; i < 4; i++) story.answers[i] = "HTTP/1.1 301 Moved\r\nLocation: /\r\nContent-Length: 0\r\n\r\n";
    is_not_got(&story, "moved too often");
}

/* 8 KB with what is put before and behind it. */
static void it_may_be_moved_to_a_long_place_and_to_no_longer_one(void **state) {
    static char answer[9000];
    (void)state;
    for (size_t over = 0; over < 2; over++) {
        struct story story;
        story_open(&story, "");
        size_t path = 8190 + over - strlen(story.url),
               at = (size_t)sprintf(answer, "HTTP/1.1 301 Moved\r\nLocation: /");
        memset(answer + at, 'x', path - 1);
        strcpy(answer + at + path - 1, "\r\nContent-Length: 0\r\n\r\n");
        story.answers[0] = answer;
        story.answers[1] = over ? NULL : PNG;
        if (over)
            is_not_got(&story, "moved to a URL longer than 8 KB");
        else
            is_got(&story, "bits");
    }
}

static void each_place_it_is_moved_to_is_looked_at_like_the_first(void **state) {
    static const struct {
        const char *answer, *why;
    } rows[] = {
        {"HTTP/1.1 301 M\r\nLocation: http://10.1.2.3/\r\nContent-Length: 0\r\n\r\n", "no public address"},
        {"HTTP/1.1 301 M\r\nLocation: b.png\r\nContent-Length: 0\r\n\r\n", "not said in full"},
        {"HTTP/1.1 301 M\r\nLocation: file:///etc/passwd\r\nContent-Length: 0\r\n\r\n", "http"},
        {"HTTP/1.1 301 M\r\nLocation: https://127.0.0.1/\r\nContent-Length: 0\r\n\r\n", "no TLS for it"},
    };
    struct story story;
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        story_open(&story, "/");
        story.answers[0] = rows[i].answer;
        is_not_got(&story, rows[i].why);
    }
}

static void what_is_no_file_is_said(void **state) {
    static const struct {
        const char *answer, *why;
    } rows[] = {
        {"HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n", "answered with status 404"},
        {"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", "it is empty"},
        {"HTTP/1.1 200 OK\r\nContent-Length: 101\r\n\r\n", "it is too large"},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n40\r\n0123456789abcdef0123456789abcdef0123456789abcdef"
         "0123456789abcdef\r\n40\r\n0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\r\n0\r\n\r\n",
         "it is too large"},
        {"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nbi", "cut: "},
        {"nonsense", "malformed: "},
    };
    struct story story;
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        story_open(&story, "/");
        story.answers[0] = rows[i].answer;
        is_not_got(&story, rows[i].why);
    }
}

static void a_url_that_is_none_is_refused_before_anybody_is_asked(void **state) {
    static const struct {
        const char *url, *why;
    } rows[] = {
        {"unix:/run/docker.sock", "http://"},       {"ftp://a/b", "http://"},
        {"http://a/b c", "a blank or a character"}, {"http://a/\xc3\xa4", "a blank or a character"},
        {"https://a.example/", "no TLS for it"},    {"http://192.168.0.1/", "no public address"},
    };
    struct story story;
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        story_open(&story, "/");
        snprintf(story.url, sizeof story.url, "%s", rows[i].url);
        is_not_got(&story, rows[i].why);
    }
    story_open(&story, "/");
    memset(story.url + strlen(story.url), 'a', 8500);
    is_not_got(&story, "longer than 8 KB");
}

static void a_url_may_be_8191_bytes_long_and_no_longer(void **state) {
    (void)state;
    for (size_t len = 8190; len <= 8193; len++) {
        struct story story;
        story_open(&story, "/");
        size_t before = strlen(story.url);
        memset(story.url + before, 'a', len - before);
        if (len < 8192) story.answers[0] = PNG;
        if (len < 8192)
            is_got(&story, "bits");
        else
            is_not_got(&story, "its URL is longer than 8 KB");
    }
}

static void one_that_takes_too_long_is_given_up(void **state) {
    struct story story;
    (void)state;
    story_open(&story, "/"); /* the kernel accepts, and nobody answers */
    story.rules.timeout_ns = 30 * NS_PER_MS;
    is_not_got(&story, "it took too long");
}

static void cancel_run(void *context) {
    struct story *story = context;
    begin_run(story);
    fetch_cancel(story->fetch);
    story->dones = 1; /* on_done would make it two */
    net_bench_stop(&story->net);
}

static void one_that_is_cancelled_is_told_of_no_more(void **state) {
    struct story story;
    (void)state;
    story_open(&story, "/");
    story.begin.run = cancel_run;
    story_run(&story);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_is_got_with_its_type_and_without_its_fragment),
        cmocka_unit_test(a_place_on_the_same_host_is_gone_to),
        cmocka_unit_test(it_is_not_followed_for_ever),
        cmocka_unit_test(it_may_be_moved_to_a_long_place_and_to_no_longer_one),
        cmocka_unit_test(each_place_it_is_moved_to_is_looked_at_like_the_first),
        cmocka_unit_test(what_is_no_file_is_said),
        cmocka_unit_test(a_url_that_is_none_is_refused_before_anybody_is_asked),
        cmocka_unit_test(a_url_may_be_8191_bytes_long_and_no_longer),
        cmocka_unit_test(one_that_takes_too_long_is_given_up),
        cmocka_unit_test(one_that_is_cancelled_is_told_of_no_more),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
