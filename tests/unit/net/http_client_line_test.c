/* http_client_line_test.c - calls that wait for one of a provider's connections: so many and no more, and who finds the
 * line full is told so, once, and not from inside of call_start. */
#include "http_client_bench.h"

enum { wait_most = limit_pool_line, crowd_most = wait_most + 2 }; /* one has the connection, one finds no place */

struct crowd {
    struct loop *loop;
    struct http_client *client;
    struct origin origin;
    struct call_request request;
    struct call *calls[crowd_most];
    struct timer guard;
    struct loop_deferred begin;
    size_t failed;
    enum call_failure failure;
    bool inside;
};

/* A call that is under way: which one an event is about. */
static struct member {
    struct crowd *crowd;
    size_t number;
} members[crowd_most];

static void crowd_silent(void *owner) { (void)owner; }
static void crowd_head(void *owner, const struct http_reply *reply) { (void)owner, (void)reply; }
static void crowd_body(void *owner, struct str piece) { (void)owner, (void)piece; }

static void crowd_failed(void *owner, enum call_failure failure, struct str text) {
    struct member *member = owner;
    struct crowd *crowd = member->crowd;
    (void)text;
    assert_false(crowd->inside);
    assert_int_equal(member->number, crowd_most - 1);
    crowd->calls[member->number] = NULL;
    crowd->failed++;
    crowd->failure = failure;
    for (size_t i = 0; i < crowd_most - 1; i++) call_cancel(crowd->calls[i]);
    http_client_free(crowd->client);
    timer_cancel(crowd->loop, &crowd->guard);
    loop_stop(crowd->loop);
}

static const struct call_handler crowd_handler = {crowd_silent, crowd_head, crowd_body, crowd_silent, crowd_failed};

static void crowd_begin(void *context) {
    struct crowd *crowd = context;
    crowd->inside = true;
    for (size_t i = 0; i < crowd_most; i++) {
        members[i] = (struct member){crowd, i};
        crowd->calls[i] = call_start(crowd->client, &crowd->origin, &crowd->request, &crowd_handler, &members[i]);
        assert_non_null(crowd->calls[i]);
    }
    crowd->inside = false;
}

static void crowd_too_long(void *context) {
    (void)context;
    fail_msg("nobody is told that the line is full");
}

static void who_finds_the_line_full_is_told(void **state) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof address;
    struct crowd crowd = {.loop = loop_new()};
    int listener = socket(AF_INET, SOCK_STREAM, 0); /* which nobody serves */
    (void)state;
    assert_int_equal(bind(listener, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(listener, 8), 0);
    assert_int_equal(getsockname(listener, (struct sockaddr *)&address, &len), 0);
    crowd.origin = (struct origin){.host = STR("127.0.0.1"),
                                   .port = ntohs(address.sin_port),
                                   .connect_timeout_ns = 60 * NS_PER_S,
                                   .idle_timeout_ns = 60 * NS_PER_S,
                                   .rested_ns = 60 * NS_PER_S,
                                   .connections_idle_max = 8,
                                   .connections_max = 1,
                                   .id = 1};
    crowd.request = (struct call_request){.method = http_get, .target = STR("/v1/x")};
    crowd.client = http_client_new(crowd.loop);
    crowd.begin = (struct loop_deferred){.run = crowd_begin, .context = &crowd};
    timer_set(crowd.loop, &crowd.guard, loop_now(crowd.loop).mono_ns + 20 * NS_PER_S, crowd_too_long, NULL);
    loop_defer(crowd.loop, &crowd.begin);
    loop_run(crowd.loop);
    assert_int_equal(crowd.failed, 1);
    assert_int_equal(crowd.failure, call_failure_no_connection);
    loop_free(crowd.loop);
    close(listener);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_finds_the_line_full_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
