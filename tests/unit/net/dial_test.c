/* dial_test.c - the ways to an origin: address after address, through a proxy, within one deadline; and why not. */
#include "net/dial.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/un.h>

#include "base/text.h"
#include "net/tls.h"
#include "net_bench.h"

struct story {
    struct net_bench net;
    struct resolver *resolver;
    struct origin origin;
    struct dial *dial;
    uint64_t within_ns;
    int listener, dones;
    bool up, inside, cancels, hangs_up;
    enum call_failure failure;
    char text[160];
    const char *proxy_says;
    struct loop_deferred begin;
};

static void on_done(void *owner, struct stream *stream, enum call_failure failure, struct str text) {
    struct story *story = owner;
    assert_false(story->inside);
    story->dones++;
    story->up = stream != NULL;
    story->failure = failure;
    str_copy(story->text, sizeof story->text, text);
    if (stream) stream_close(stream, false);
    resolver_free(story->resolver);
    net_bench_stop(&story->net);
}

static void cancel_run(void *context) {
    struct story *story = context;
    dial_cancel(story->dial);
    resolver_free(story->resolver);
    net_bench_stop(&story->net);
}

static void begin_run(void *context) {
    struct story *story = context;
    story->inside = true;
    story->dial = dial_start(story->net.loop, story->resolver, &story->origin,
                             loop_now(story->net.loop).mono_ns + story->within_ns, on_done, story);
    story->inside = false;
    assert_non_null(story->dial);
    if (story->cancels) cancel_run(story);
}

static const struct resolver_times times = {
    .good_ns = NS_PER_S, .bad_ns = NS_PER_S, .stale_ns = NS_PER_S, .outage_ns = NS_PER_S};

/* Two addresses for every name: nobody listens at the first. */
static void two_addresses(const char *host, struct addresses *addresses) {
    (void)host;
    for (addresses->count = 0; addresses->count < 2; addresses->count++)
        *(struct sockaddr_in *)&addresses->list[addresses->count] = (struct sockaddr_in){
            .sin_family = AF_INET, .sin_addr.s_addr = htonl(addresses->count ? INADDR_LOOPBACK : 0x7f010203)};
}

/* As many as there may be: somebody listens at the last. */
static void many_addresses(const char *host, struct addresses *addresses) {
    (void)host;
    for (addresses->count = 0; addresses->count < resolver_addresses_max; addresses->count++)
        *(struct sockaddr_in *)&addresses->list[addresses->count] =
            (struct sockaddr_in){.sin_family = AF_INET,
                                 .sin_addr.s_addr = htonl(addresses->count + 1 == resolver_addresses_max
                                                              ? INADDR_LOOPBACK
                                                              : 0x7f010203 + (uint32_t)addresses->count)};
}

static void no_address(const char *host, struct addresses *addresses) {
    str_copy(addresses->failure, sizeof addresses->failure, str_from(host));
}

static void story_open(struct story *story, resolver_lookup *lookup) {
    memset(story, 0, sizeof *story);
    net_bench_open(&story->net);
    story->resolver = lookup ? resolver_new_with(story->net.loop, lookup, &times) : resolver_new(story->net.loop);
    story->listener = net_bench_listen(&story->net.port);
    story->origin = (struct origin){.host = STR("127.0.0.1"), .port = story->net.port, .id = 1};
    story->within_ns = 10 * NS_PER_S;
    story->begin = (struct loop_deferred){.run = begin_run, .context = story};
    loop_defer(story->net.loop, &story->begin);
}

/* What a proxy, or a server that talks first, says to the one who comes. */
static void *peer(void *context) {
    struct story *story = context;
    int descriptor = accept(story->listener, NULL, NULL);
    if (story->proxy_says) net_bench_hear(&story->net, descriptor, "\r\n\r\n");
    if (story->proxy_says) net_bench_say(descriptor, story->proxy_says);
    if (story->hangs_up) shutdown(descriptor, SHUT_WR);
    char byte;
    while (recv(descriptor, &byte, 1, 0) > 0) continue;
    close(descriptor);
    return NULL;
}

static void story_run(struct story *story, void *(*beside)(void *context)) {
    net_bench_run(&story->net, beside, story);
    loop_free(story->net.loop);
    close(story->listener);
    assert_true(story->dones == !story->cancels);
}

static void is_refused(struct story *story, enum call_failure failure, const char *words) {
    story_run(story, NULL);
    if (story->up || story->failure != failure || !strstr(story->text, words))
        fail_msg("%.*s: %s", STR_ARG(call_failure_name(story->failure)), story->text);
}

static void a_literal_address_is_reached(void **state) {
    struct story story;
    (void)state;
    story_open(&story, NULL);
    story_run(&story, NULL);
    assert_true(story.up && story.failure == call_failure_none);
}

static void the_next_address_is_tried_where_nobody_listens_at_the_first(void **state) {
    struct story story;
    (void)state;
    story_open(&story, two_addresses);
    story.origin.host = STR("two.example");
    story_run(&story, NULL);
    assert_true(story.up);
}

/* Else seven of them would take longer than there is. */
static void an_address_that_refuses_is_not_waited_for(void **state) {
    struct story story;
    (void)state;
    story_open(&story, many_addresses);
    story.origin.host = STR("many.example");
    story.within_ns = NS_PER_S + NS_PER_S / 2;
    story_run(&story, NULL);
    assert_true(story.up);
}

static void nobody_listens_anywhere(void **state) {
    struct story story;
    (void)state;
    story_open(&story, two_addresses);
    story.origin.host = STR("two.example");
    close(story.listener);
    story.listener = -1;
    is_refused(&story, call_failure_connect, "connection refused");
}

static void a_name_that_does_not_resolve_says_why(void **state) {
    struct story story;
    (void)state;
    story_open(&story, no_address);
    story.origin.host = STR("none.example");
    is_refused(&story, call_failure_dns, "none.example");
}

static void an_address_that_is_not_public_is_not_called_unless_it_is_allowed(void **state) {
    struct network loopback;
    struct story story;
    (void)state;
    story_open(&story, NULL);
    story.origin.public_only = true;
    is_refused(&story, call_failure_not_public, "not a public one");
    assert_true(network_parse(STR("127.0.0.0/8"), &loopback));
    story_open(&story, NULL);
    story.origin.public_only = true;
    story.origin.allowed = &loopback;
    story.origin.allowed_count = 1;
    story_run(&story, NULL);
    assert_true(story.up);
}

static void a_unix_socket_is_reached_and_one_whose_path_is_too_long_is_not(void **state) {
    char folder[] = "/tmp/weir-dial-XXXXXX", longest[200];
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    struct story story;
    (void)state;
    assert_non_null(mkdtemp(folder));
    snprintf(address.sun_path, sizeof address.sun_path, "%s/s", folder);
    int listener = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_int_equal(bind(listener, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(listener, 1), 0);
    story_open(&story, NULL);
    story.origin.unix_path = str_from(address.sun_path);
    story_run(&story, NULL);
    assert_true(story.up);
    close(listener);
    unlink(address.sun_path);
    rmdir(folder);
    memset(longest, 'a', sizeof longest);
    story_open(&story, NULL);
    story.origin.unix_path = str_make(longest, sizeof longest);
    is_refused(&story, call_failure_connect, "too long");
}

static void one_that_is_cancelled_is_told_of_no_more(void **state) {
    struct story story;
    (void)state;
    story_open(&story, two_addresses);
    story.origin.host = STR("two.example");
    story.cancels = true; /* while its name is looked up */
    story_run(&story, NULL);
    story_open(&story, NULL);
    story.cancels = true; /* while it connects */
    story_run(&story, NULL);
}

/* -- proxies: TLS is wanted behind them, so that they are asked to CONNECT -- */

static struct tls_context *tls;

static void through_a_proxy(struct story *story, char url[64], const char *says, bool hangs_up) {
    story_open(story, NULL);
    snprintf(url, 64, "http://user:pa%%20ss@127.0.0.1:%u", story->net.port);
    story->origin.host = STR("api.example");
    story->origin.port = 443;
    story->origin.proxy = str_from(url);
    story->origin.tls = tls;
    story->proxy_says = says;
    story->hangs_up = hangs_up;
    story_run(story, peer);
    assert_non_null(strstr(story->net.heard, "CONNECT api.example:443 HTTP/1.1\r\nHost: api.example:443\r\n"));
    assert_non_null(strstr(story->net.heard, "Proxy-Authorization: Basic dXNlcjpwYSBzcw==\r\n"));
}

static void what_a_proxy_answers_is_told(void **state) {
    static const struct {
        const char *says, *words;
        bool hangs_up;
    } rows[] = {
        {"HTTP/1.1 407 Who\r\nContent-Length: 0\r\n\r\n", "answered CONNECT with 407"},
        {"HTTP/1.1 503 Full\r\n\r\n", "answered CONNECT with 503"},
        {"SSH-2.0-OpenSSH\r\n", "is not HTTP"},
        {"HTTP/1.1 200 OK\r\n\r\nand more", "bytes behind its answer"},
        {"", "closed the connection without an answer", true},
        {"HTTP/1.1 200 OK\r\n", "closed the connection without an answer", true},
        {"HTTP/1.1 199 Odd\r\n\r\nHTTP/1.1 300 Many\r\n\r\n", "answered CONNECT with 300"},
    };
    struct story story;
    char url[64];
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        through_a_proxy(&story, url, rows[i].says, rows[i].hangs_up);
        if (story.failure != call_failure_proxy || !strstr(story.text, rows[i].words))
            fail_msg("%zu: %.*s: %s", i, STR_ARG(call_failure_name(story.failure)), story.text);
    }
}

static void a_proxy_that_is_no_proxy_is_refused_before_anybody_is_asked(void **state) {
    static const char *const urls[] = {"socks5://127.0.0.1:1", "http://",        "http://[::1",
                                       "http://h:0",           "http://h:70000", "https://127.0.0.1:1"};
    struct story story;
    (void)state;
    for (size_t i = 0; i < sizeof urls / sizeof *urls; i++) {
        story_open(&story, NULL);
        story.origin.proxy = str_from(urls[i]);
        is_refused(&story, call_failure_proxy, "the proxy's URL is not http://");
    }
}

static void a_proxy_that_says_nothing_runs_into_the_deadline(void **state) {
    struct story story;
    char url[64];
    (void)state;
    story_open(&story, NULL);
    snprintf(url, sizeof url, "http://127.0.0.1:%u", story.net.port);
    story.origin.proxy = str_from(url);
    story.origin.tls = tls;
    story.within_ns = 30 * NS_PER_MS;
    is_refused(&story, call_failure_connect_timeout, "took too long"); /* the kernel accepts, and nobody answers */
}

static void a_credential_is_written_where_the_url_holds_one(void **state) {
    char buffer[256];
    struct text text = text_in_buffer(buffer, sizeof buffer);
    (void)state;
    dial_proxy_credential_put(&text, STR("http://127.0.0.1:1"));
    assert_int_equal(text.len, 0);
    dial_proxy_credential_put(&text, STR("http://a@b:c@127.0.0.1:1/")); /* the last @ is the host's */
    assert_true(str_eq(text_str(&text), STR("Proxy-Authorization: Basic YUBiOmM=\r\n")));
}

/* Told by the credential: it is written where the URL is one of a proxy. */
static void which_urls_are_a_proxys(void **state) {
    static const struct {
        const char *url;
        bool is_one;
    } rows[] = {
        {"http://u@h", true},       {"HTTP://u@h", true},        {"u@h", true},           {"u@h:1/path:99", true},
        {"http://u@h:65535", true}, {"http://u@h:65536", false}, {"http://u@h:0", false}, {"http://u@h:", false},
        {"http://u@h:1x", false},   {"http://u@:80", false},     {"http://u@", false},    {"https://u@h:1", false},
        {"socks5://u@h:1", false},  {"http://u@[::1]", true},    {"u@[::1]:80", true},    {"u@[::1]:0", false},
        {"http://u@[::1", false},   {"u@[::1]80", false},        {"u@[::1].", false},     {"u@[]:80", false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char buffer[64];
        struct text text = text_in_buffer(buffer, sizeof buffer);
        dial_proxy_credential_put(&text, str_from(rows[i].url));
        if (str_eq(text_str(&text), STR("Proxy-Authorization: Basic dQ==\r\n")) != rows[i].is_one ||
            (text.len == 0) == rows[i].is_one)
            fail_msg("%s: %.*s", rows[i].url, STR_ARG(text_str(&text)));
    }
    for (size_t len = 254; len <= 257; len++) { /* a host of 255 bytes at most */
        char url[300] = "http://u@", buffer[64];
        struct text text = text_in_buffer(buffer, sizeof buffer);
        memset(url + 9, 'h', len);
        dial_proxy_credential_put(&text, str_make(url, 9 + len));
        assert_int_equal(text.len > 0, len <= 255);
    }
}

static void an_address_of_ipv6_stands_in_brackets_for_the_proxy(void **state) {
    struct story story;
    char url[64];
    (void)state;
    story_open(&story, NULL);
    snprintf(url, sizeof url, "http://127.0.0.1:%u", story.net.port);
    story.origin.host = STR("2001:db8::1");
    story.origin.port = 8443;
    story.origin.proxy = str_from(url);
    story.origin.tls = tls;
    story.proxy_says = "HTTP/1.1 502 No\r\nContent-Length: 0\r\n\r\n";
    story_run(&story, peer);
    static const char asked[] = "CONNECT [2001:db8::1]:8443 HTTP/1.1\r\nHost: [2001:db8::1]:8443\r\n\r\n";
    assert_memory_equal(story.net.heard, asked, sizeof asked - 1);
}

static int tls_open(void **state) {
    struct error error;
    (void)state;
    tls = tls_client_context(STR_NONE, true, tls_for_providers, &error);
    return tls ? 0 : 1;
}
static int tls_close(void **state) {
    (void)state;
    tls_context_release(tls);
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_literal_address_is_reached),
        cmocka_unit_test(the_next_address_is_tried_where_nobody_listens_at_the_first),
        cmocka_unit_test(an_address_that_refuses_is_not_waited_for),
        cmocka_unit_test(nobody_listens_anywhere),
        cmocka_unit_test(a_name_that_does_not_resolve_says_why),
        cmocka_unit_test(an_address_that_is_not_public_is_not_called_unless_it_is_allowed),
        cmocka_unit_test(a_unix_socket_is_reached_and_one_whose_path_is_too_long_is_not),
        cmocka_unit_test(one_that_is_cancelled_is_told_of_no_more),
        cmocka_unit_test(what_a_proxy_answers_is_told),
        cmocka_unit_test(a_proxy_that_is_no_proxy_is_refused_before_anybody_is_asked),
        cmocka_unit_test(a_proxy_that_says_nothing_runs_into_the_deadline),
        cmocka_unit_test(a_credential_is_written_where_the_url_holds_one),
        cmocka_unit_test(which_urls_are_a_proxys),
        cmocka_unit_test(an_address_of_ipv6_stands_in_brackets_for_the_proxy),
    };
    return cmocka_run_group_tests(tests, tls_open, tls_close);
}
