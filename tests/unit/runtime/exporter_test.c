/* exporter_test.c - what a collector is posted of a gateway's requests, whole: spans of requests and of their attempts,
 * and metrics. */
#include "../gateway/story.h"

#include "receiver.h"
#include "weir.h"

static struct receiver receiver;
static pthread_t receiving;

static void opened(const char *more) {
    char story[4096];
    memset(&receiver, 0, sizeof receiver);
    receiver.listener = net_bench_listen(&receiver.net.port);
    snprintf(story, sizeof story,
             "| state_dir: '%%D'\n| listen: 127.0.0.1:0\n| workers: 1\n| retry: {max_retries: 1}\n"
             "| providers:\n"
             "|   a: {type: openai, api_key: k, base_url: '%%U', models: [m], prices: {m: {input: 1000, output: "
             "10000}}, health_check_interval: 0}\n"
             "|   c: {type: openai, api_key: k, base_url: 'http://127.0.0.1:9/v1', models: [m, far], "
             "health_check_interval: 0}\n"
             "| routes: [{model: both, strategy: priority, targets: [c/m, a/m]}]\n"
             "| traces: {endpoint: 'http://127.0.0.1:%u/in', service_name: tested, headers: {x-team: blue}, %s}\n",
             receiver.net.port, more);
    story_open(story);
}

static void closed(void) {
    story_close();
    free(story_place.log);
    close(receiver.listener);
}

static void asks(const char *body) {
    const struct weir_request request = {
        .size = sizeof request, .body = body, .body_len = strlen(body), .request_id = "call-1"};
    struct weir_reply reply;
    struct weir_error error;
    (void)weir_call(story_place.weir, &request, &reply, &error);
    weir_reply_free(&reply);
}

/* Numbers of 19 digits, whole, are moments; what is measured, and the receiver's own port, are N. */
static const char *plain(const char *request) {
    static const char *const measured[] = {
        "Host: 127.0.0.1:", "Content-Length: ", "\"weir.overhead_us\",\"value\":{\"intValue\":\"",
        "\"gen_ai.response.time_to_first_chunk\",\"value\":{\"doubleValue\":"};
    static char whole[32 * 1024], room[32 * 1024];
    struct text text = text_in_buffer(whole, sizeof whole - 1), into = text_in_buffer(room, sizeof room - 1);
    for (struct str rest = str_from(request); rest.len;) {
        size_t len = story_digits(rest);
        bool is_measured = false;
        for (size_t i = 0; i < sizeof measured / sizeof *measured && !is_measured; i++) {
            is_measured = str_starts(rest, str_from(measured[i]));
            if (is_measured) len = strlen(measured[i]);
        }
        text_put(&text, !is_measured && len == 19 && rest.len > len && rest.at[len] == '"'
                            ? STR("WHEN")
                            : str_slice(rest, 0, len ? len : 1));
        if (is_measured) {
            while (len < rest.len && strchr("0123456789.e-", rest.at[len])) len++;
            text_put_byte(&text, 'N');
        }
        rest = str_slice(rest, len ? len : 1, rest.len);
    }
    story_body(text_str(&text), &into);
    assert_false(text.failed || into.failed);
    room[into.len] = 0;
    return room;
}

static void is_posted(size_t i, const char *name) {
    char path[4096];
    char file[64];
    snprintf(file, sizeof file, "../../runtime/stories/%s", name);
    char *wanted = story_read(file, path, sizeof path);
    const char *is = plain(receiver.requests[i]);
    if (getenv("WEIR_UPDATE_DOCS")) {
        FILE *out = fopen(path, "w");
        assert_true(out && fputs(is, out) >= 0 && fclose(out) == 0);
    } else if (strcmp(is, wanted) != 0) {
        story_differs(name, is, wanted);
    }
    free(wanted);
}

static void receive(void) { assert_int_equal(pthread_create(&receiving, NULL, receiver_main, &receiver), 0); }

static void each_request_is_a_span_with_one_of_each_attempt_below_it(void **state) {
    static const char *const bodies[] = {
        "{\"model\":\"both\",\"max_tokens\":9,\"messages\":[{\"role\":\"user\",\"content\":\"Hello\"}]}",
        "{\"model\":\"far\",\"stream\":true,\"messages\":[{\"role\":\"user\",\"content\":\"Hello\"}]}",
        "{\"model\":\"none\",\"messages\":[{\"role\":\"user\",\"content\":\"Hello\"}]}",
    };
    static const char *const stories[] = {"span_both", "span_far", "span_none"};
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        opened("metrics: false, content: true");
        receiver.answers[0] = RECEIVER_STATUS("200");
        receive();
        asks(bodies[i]);
        pthread_join(receiving, NULL);
        closed();
        assert_int_equal(receiver.heard, 1);
        is_posted(0, stories[i]);
    }
}

/* The lines of it, without their times. */
static const char *log_of_posts(void) {
    static char room[4096];
    struct text into = text_in_buffer(room, sizeof room - 1);
    struct str rest = str_make(story_place.log, story_place.log_len), line;
    while (rest.len && str_split_next(&rest, '\n', &line)) {
        const size_t level = str_find(line, STR("\"level\":"));
        if (!str_starts(line, STR("{\"event\":\"otlp_")) && !str_starts(line, STR("{\"event\":\"traces_"))) continue;
        text_printf(&into, "%.*s\n", STR_ARG(str_slice(line, level, line.len)));
    }
    room[into.len] = 0;
    return room;
}

static void a_collector_that_refuses_is_told_once_until_it_takes_them(void **state) {
    static const struct {
        const char *answers[3], *log;
    } rows[] = {
        {{RECEIVER_STATUS("200")}, ""},
        {{RECEIVER_STATUS("400")},
         "\"level\":\"warn\",\"signal\":\"traces\",\"why\":\"it answered with status 400\",\"count\":1}\n"},
        {{RECEIVER_STATUS("503"), RECEIVER_STATUS("502"), RECEIVER_STATUS("200")},
         "\"level\":\"warn\",\"signal\":\"traces\",\"why\":\"it answered with status 503\",\"next\":\"it is tried "
         "again; "
         "what finds no room meanwhile is dropped, and counted\"}\n"
         "\"level\":\"info\",\"signal\":\"traces\"}\n"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        opened("metrics: false");
        for (size_t k = 0; k < 3; k++) receiver.answers[k] = rows[i].answers[k];
        receive();
        asks("{\"model\":\"none\",\"messages\":[]}");
        pthread_join(receiving, NULL);
        story_close();
        assert_string_equal(log_of_posts(), rows[i].log);
        free(story_place.log);
        close(receiver.listener);
    }
}

/* At the interval, and once more at the end. */
static void metrics_are_posted_as_they_are_shown(void **state) {
    (void)state;
    opened("metrics: true, sample: 0");
    receiver.answers[0] = receiver.answers[1] = RECEIVER_STATUS("200");
    receive();
    const uint64_t begun_ns = clock_read().mono_ns;
    while (receiver.heard == 0 && clock_read().mono_ns - begun_ns < 20 * NS_PER_S) usleep(1000);
    story_close();
    pthread_join(receiving, NULL);
    free(story_place.log);
    close(receiver.listener);
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(strncmp(receiver.requests[i], "POST /in/v1/metrics HTTP/1.1\r\n", 30), 0);
        assert_non_null(
            strstr(receiver.requests[i],
                   "{\"resourceMetrics\":[{\"resource\":{\"attributes\":[{\"key\":\"service.name\",\"value\":{"
                   "\"stringValue\":\"tested\"}}"));
    }
}

/* It is not waited for longer than two seconds. */
static void a_collector_that_is_silent_keeps_nobody_from_its_end(void **state) {
    (void)state;
    opened("metrics: false");
    receiver.answers[0] = RECEIVER_SILENT;
    receive();
    asks("{\"model\":\"none\",\"messages\":[]}");
    const uint64_t begun_ns = clock_read().mono_ns;
    while (receiver.heard == 0 && clock_read().mono_ns - begun_ns < 20 * NS_PER_S) usleep(1000);
    const uint64_t closing_ns = clock_read().mono_ns;
    story_close();
    assert_in_range(clock_read().mono_ns - closing_ns, 2000 * NS_PER_MS, 6000 * NS_PER_MS);
    pthread_join(receiving, NULL);
    assert_string_equal(log_of_posts(), "");
    free(story_place.log);
    close(receiver.listener);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_request_is_a_span_with_one_of_each_attempt_below_it),
        cmocka_unit_test(a_collector_that_refuses_is_told_once_until_it_takes_them),
        cmocka_unit_test(metrics_are_posted_as_they_are_shown),
        cmocka_unit_test(a_collector_that_is_silent_keeps_nobody_from_its_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
