/* otlp_post_test.c - what is posted to a collector, which refusals may pass, and how long the next try waits. */
#include "runtime/otlp_post.h"

#include "base/hash.h"
#include "receiver.h"

struct post_story {
    struct receiver receiver;
    struct http_client *client;
    struct otlp_place place;
    struct otlp_post post;
    struct loop_deferred look;
    unsigned tries;    /* that were made before */
    uint64_t pause_ms; /* after the first failure */
    char room[1024];
    struct text told;
};

static void look(void *context) { /* what it waits for; then it waits no longer */
    struct post_story *story = context;
    const uint64_t now_ns = loop_now(story->receiver.net.loop).mono_ns;
    assert_true(story->post.busy && !story->post.call && story->post.timer.set);
    if (!story->pause_ms) story->pause_ms = (story->post.timer.deadline_ns - now_ns) / NS_PER_MS;
    timer_set(story->receiver.net.loop, &story->post.timer, now_ns, story->post.timer.run, &story->post);
}

static void on_told(void *context, enum metrics_signal signal, enum metrics_post outcome, size_t count,
                    struct str why) {
    static const char *const outcomes[] = {"delivered", "failed", "dropped"};
    struct post_story *story = context;
    text_printf(&story->told, "%s %s %zu%s%.*s\n", signal == metrics_signal_traces ? "traces" : "metrics",
                outcomes[outcome], count, why.len ? ": " : "", STR_ARG(why));
    assert_true(story->post.busy == (outcome == metrics_post_failed));
    if (outcome == metrics_post_failed)
        loop_defer(story->receiver.net.loop, &story->look);
    else
        net_bench_stop(&story->receiver.net);
}

static void begin(void *context) {
    struct post_story *story = context;
    text_put(otlp_post_body(&story->post), STR("{\"a\":1}"));
    otlp_post_send(&story->post, 3);
    assert_true(story->post.busy && story->post.tries == 1);
    story->post.tries += story->tries;
}

static void story_open(struct post_story *story, enum metrics_signal signal, const char *path) {
    static const struct http_header headers[] = {{STR("x-team"), STR("blue")}, {STR("api-key"), STR("k")}};
    memset(story, 0, sizeof *story);
    receiver_open(&story->receiver, begin, story);
    story->client = http_client_new(story->receiver.net.loop);
    story->told = text_in_buffer(story->room, sizeof story->room - 1);
    story->look = (struct loop_deferred){.run = look, .context = story};
    story->place = (struct otlp_place){.origin = {.host = STR("127.0.0.1"),
                                                  .port = story->receiver.net.port,
                                                  .connect_timeout_ns = NS_PER_S,
                                                  .connections_max = 1,
                                                  .id = 7},
                                       .path = str_from(path),
                                       .headers = headers,
                                       .header_count = 2,
                                       .timeout_ns = 5 * NS_PER_S};
    otlp_post_init(&story->post, story->receiver.net.loop, story->client, &story->place, signal, on_told, story);
}

static void story_ends(struct post_story *story, const char *told) {
    net_bench_run(&story->receiver.net, story->receiver.answers[0] ? receiver_main : NULL, &story->receiver);
    otlp_post_free(&story->post);
    http_client_free(story->client);
    loop_free(story->receiver.net.loop);
    close(story->receiver.listener);
    if (strcmp(story->room, told) != 0) fail_msg("%s", story->room);
}

static void a_body_goes_whole_to_the_path_of_its_signal(void **state) {
    static const struct {
        enum metrics_signal signal;
        const char *path, *target, *answer, *told;
    } rows[] = {
        {metrics_signal_traces, "", "/v1/traces", RECEIVER_STATUS("200"), "traces delivered 3\n"},
        {metrics_signal_metrics, "/otlp", "/otlp/v1/metrics", RECEIVER_STATUS("299"), "metrics delivered 3\n"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct post_story story;
        char wanted[1024];
        story_open(&story, rows[i].signal, rows[i].path);
        story.receiver.answers[0] = rows[i].answer;
        story_ends(&story, rows[i].told);
        snprintf(wanted, sizeof wanted,
                 "POST %s HTTP/1.1\r\nHost: 127.0.0.1:%u\r\nContent-Type: application/json\r\nUser-Agent: "
                 "weir/" WEIR_VERSION "\r\nx-team: blue\r\napi-key: k\r\nContent-Length: 7\r\n\r\n{\"a\":1}",
                 rows[i].target, story.receiver.net.port);
        assert_string_equal(story.receiver.requests[0], wanted);
    }
}

/* Half to a whole second, doubled with each try; as long as the collector asks for, and half a minute at most. */
static void what_may_pass_is_tried_again_after_its_pause_and_nothing_else_is(void **state) {
    static const struct {
        const char *answer;
        unsigned tries;
        const char *why; /* of the first failure; NULL: it is dropped at once */
        uint64_t least_ms, most_ms;
    } rows[] = {
        {RECEIVER_STATUS("300"), 0, NULL, 0, 0},
        {RECEIVER_STATUS("400"), 0, NULL, 0, 0},
        {RECEIVER_STATUS("500"), 0, NULL, 0, 0},
        {RECEIVER_STATUS("505"), 0, NULL, 0, 0},
        {RECEIVER_STATUS("429"), 0, "it answered with status 429", 249, 500},
        {RECEIVER_STATUS("502"), 0, "it answered with status 502", 249, 500},
        {RECEIVER_STATUS("503"), 1, "it answered with status 503", 499, 1000},
        {RECEIVER_STATUS("504"), 4, "it answered with status 504", 3999, 8000},
        {RECEIVER_STATUS("503"), 5, NULL, 0, 0},
        {RECEIVER_SHUTS, 0, "reset: the connection was closed without a reply", 249, 500},
        {"HTTP/1.1 503 No\r\nRetry-After: 7\r\nContent-Length: 0\r\n\r\n", 0, "it answered with status 503", 6999,
         7000},
        {"HTTP/1.1 503 No\r\nRetry-After: 31\r\nContent-Length: 0\r\n\r\n", 0, "it answered with status 503", 29999,
         30000},
        {"HTTP/1.1 503 No\r\nRetry-After: 30000\r\nContent-Length: 0\r\n\r\n", 0, "it answered with status 503", 249,
         500},
        {"HTTP/1.1 503 No\r\nRetry-After: soon\r\nContent-Length: 0\r\n\r\n", 0, "it answered with status 503", 249,
         500},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct post_story story;
        char wanted[256];
        story_open(&story, metrics_signal_traces, "");
        story.receiver.answers[0] = rows[i].answer;
        if (rows[i].why) story.receiver.answers[1] = RECEIVER_STATUS("200");
        story.tries = rows[i].tries;
        if (!rows[i].why)
            snprintf(wanted, sizeof wanted, "traces dropped 3: it answered with status %.3s\n", rows[i].answer + 9);
        else
            snprintf(wanted, sizeof wanted, "traces failed 3: %s\ntraces delivered 3\n", rows[i].why);
        story_ends(&story, wanted);
        if (rows[i].why) assert_string_equal(story.receiver.requests[1], story.receiver.requests[0]);
        if (story.pause_ms < rows[i].least_ms || story.pause_ms > rows[i].most_ms)
            fail_msg("row %zu: %llu ms", i, (unsigned long long)story.pause_ms);
    }
}

static void one_that_does_not_answer_in_time_is_asked_again(void **state) {
    struct post_story story;
    (void)state;
    story_open(&story, metrics_signal_metrics, "");
    story.place.timeout_ns = 100 * NS_PER_MS;
    story.receiver.answers[0] = RECEIVER_SILENT;
    story.receiver.answers[1] = RECEIVER_STATUS("200");
    story_ends(&story, "metrics failed 3: it did not answer in time\nmetrics delivered 3\n");
}

/* Where its place changes while it waits. */
static void move(struct post_story *story, bool there) {
    otlp_post_break(&story->post);
    assert_true(story->post.busy && !story->post.call && !story->post.timer.set);
    otlp_post_again(&story->post, there);
}

static void moved_look(void *context) {
    struct post_story *story = context;
    move(story, true);
    assert_true(story->post.call && story->post.tries == 1);
}

static void gone_look(void *context) { move(context, false); }

static void a_place_that_changes_begins_anew_and_one_that_is_gone_drops(void **state) {
    struct post_story story;
    (void)state;
    story_open(&story, metrics_signal_traces, "");
    story.look.run = moved_look;
    story.receiver.answers[0] = RECEIVER_STATUS("503");
    story.receiver.answers[1] = RECEIVER_STATUS("200");
    story_ends(&story, "traces failed 3: it answered with status 503\ntraces delivered 3\n");
    story_open(&story, metrics_signal_traces, "");
    story.look.run = gone_look;
    story.receiver.answers[0] = RECEIVER_STATUS("503");
    story_ends(&story, "traces failed 3: it answered with status 503\ntraces dropped 3: nothing is sent any more\n");
}

static void begin_failed(void *context) {
    struct post_story *story = context;
    otlp_post_body(&story->post)->failed = true;
    otlp_post_send(&story->post, 2);
}

static void a_body_that_is_not_whole_is_given_up_at_once(void **state) {
    struct post_story story;
    (void)state;
    story_open(&story, metrics_signal_traces, "");
    story.receiver.begin.run = begin_failed;
    story_ends(&story, "traces dropped 2: there is no memory for it\n");
    assert_int_equal(story.receiver.heard, 0);
}

static void begin_after_others(void *context) {
    enum { first = 32 * 1024, kept = 2 * 1024 * 1024 };
    struct post_story *story = context;
    struct text *body = otlp_post_body(&story->post);
    assert_int_equal(body->size, first);
    while (body->len < (size_t)5 * first) text_put(body, STR("what is not posted "));
    const struct text grown = *body;
    body = otlp_post_body(&story->post);
    assert_true(body->at == grown.at && body->size == grown.size && body->len == 0);
    body->failed = true;
    body = otlp_post_body(&story->post);
    assert_true(!body->failed && body->size == first && body->len == 0);
    while (body->size <= kept) text_put(body, STR("what is not posted either "));
    assert_int_equal(otlp_post_body(&story->post)->size, first);
    begin(context);
}

static void the_room_of_a_body_stays_for_the_next_unless_it_is_large(void **state) {
    struct post_story story;
    (void)state;
    story_open(&story, metrics_signal_traces, "");
    story.receiver.begin.run = begin_after_others;
    story.receiver.answers[0] = RECEIVER_STATUS("200");
    story_ends(&story, "traces delivered 3\n");
    assert_non_null(strstr(story.receiver.requests[0], "\r\nContent-Length: 7\r\n\r\n{\"a\":1}"));
}

static int setup(void **state) {
    (void)state;
    return hash_start() ? 0 : -1;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_body_goes_whole_to_the_path_of_its_signal),
        cmocka_unit_test(what_may_pass_is_tried_again_after_its_pause_and_nothing_else_is),
        cmocka_unit_test(one_that_does_not_answer_in_time_is_asked_again),
        cmocka_unit_test(a_place_that_changes_begins_anew_and_one_that_is_gone_drops),
        cmocka_unit_test(a_body_that_is_not_whole_is_given_up_at_once),
        cmocka_unit_test(the_room_of_a_body_stays_for_the_next_unless_it_is_large),
    };
    return cmocka_run_group_tests(tests, setup, NULL);
}
