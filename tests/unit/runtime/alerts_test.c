/* alerts_test.c - an alert's whole way: raised and ended once each, posted to each webhook in its own shape, shown,
 * logged, and owed over a restart. */
#include "../gateway/story.h"

#include "receiver.h"
#include "weir.h"

static struct receiver receiver;
static pthread_t receiving;

static void opened(const char *hooks) {
    static char story[4096];
    char placed[1024];
    struct text text = text_in_buffer(placed, sizeof placed - 1);
    memset(&receiver, 0, sizeof receiver);
    memset(placed, 0, sizeof placed);
    receiver.listener = net_bench_listen(&receiver.net.port);
    for (const char *at = hooks; *at; at++)
        if (*at == '@')
            text_printf(&text, "http://127.0.0.1:%u", receiver.net.port);
        else
            text_put_byte(&text, *at);
    snprintf(story, sizeof story,
             "| state_dir: '%%D'\n| listen: 127.0.0.1:0\n| workers: 1\n| providers:\n"
             "|   a: {type: openai, api_key: k, base_url: '%%U', models: [m], health_check_interval: 0}\n"
             "|   b: {type: openai, api_key: k, base_url: '%%U', models: [m], health_check_interval: 0}\n"
             "| alerts: {%s}\n",
             placed);
    story_open(story);
}

static void closed(void) {
    story_close();
    free(story_place.log);
    close(receiver.listener);
}

static void receive(void) { assert_int_equal(pthread_create(&receiving, NULL, receiver_main, &receiver), 0); }

/* Until so many lines of the log have this in them. */
static void come_to(const char *part, size_t wanted) {
    const uint64_t begun_ns = clock_read().mono_ns;
    for (; story_log_count(part) < wanted; usleep(1000)) assert_true(clock_read().mono_ns - begun_ns < 20 * NS_PER_S);
}

static void heard(size_t wanted) {
    const uint64_t begun_ns = clock_read().mono_ns;
    while (receiver.heard < wanted && clock_read().mono_ns - begun_ns < 20 * NS_PER_S) usleep(1000);
    assert_int_equal(receiver.heard, wanted);
}

/* With moments as such. */
static void is_plain(const char *said, const char *wanted) {
    static char room[16 * 1024];
    struct text into = text_in_buffer(room, sizeof room - 1);
    story_plain(str_from(said), &into);
    room[into.len] = 0;
    if (strcmp(room, wanted) != 0) fail_msg("%s", room);
}

static const char *body_of(size_t i) {
    const char *body = strstr(receiver.requests[i], "\r\n\r\n");
    assert_non_null(body);
    return body + 4;
}

/* Soon: what waits is counted at the next look. */
static void shown(bool active_only, const char *wanted) {
    static char plain[16 * 1024];
    const uint64_t begun_ns = clock_read().mono_ns;
    for (;;) {
        char room[4096] = "";
        struct text text = text_in_buffer(room, sizeof room - 1), into = text_in_buffer(plain, sizeof plain - 1);
        alerts_write(story_place.weir->alerts, active_only, &text);
        story_plain(text_str(&text), &into);
        plain[into.len] = 0;
        if (strcmp(plain, wanted) == 0) return;
        if (clock_read().mono_ns - begun_ns > 10 * NS_PER_S) fail_msg("%s", plain);
        usleep(1000);
    }
}

static void drain(const char *name) {
    struct weir_error error;
    assert_int_equal(weir_provider_drain(story_place.weir, name, &error), 0);
}

static void resume(const char *name) {
    struct weir_error error;
    assert_int_equal(weir_provider_resume(story_place.weir, name, &error), 0);
}

static void an_alert_is_raised_and_ended_once_and_posted_as_json(void **state) {
    (void)state;
    opened("webhook: '@/in'");
    receiver.answers[0] = receiver.answers[1] = receiver.answers[2] = RECEIVER_STATUS("200");
    receive();
    shown(false,
          "{\"alerts\":[],\"dropped\":0,\"webhook\":{\"delivered\":0,\"failed\":0,\"dropped\":0,\"waiting\":0}}");
    drain("a");
    heard(1);
    is_plain(body_of(0), "{\"event\":\"raised\",\"id\":1,\"kind\":\"provider_out\",\"level\":\"warn\",\"subject\":"
                         "\"provider a\",\"message\":\"it is drained and gets no new requests: weir provider "
                         "resume\",\"raised_at\":\"TIME\",\"active\":true}");
    shown(true, "{\"alerts\":[{\"id\":1,\"kind\":\"provider_out\",\"level\":\"warn\",\"subject\":\"provider "
                "a\",\"message\":\"it is drained and gets no new requests: weir provider "
                "resume\",\"raised_at\":\"TIME\",\"active\":true}],\"dropped\":0,\"webhook\":{\"delivered\":1,"
                "\"failed\":0,\"dropped\":0,\"waiting\":0}}");
    resume("a");
    heard(2);
    is_plain(body_of(1), "{\"event\":\"ended\",\"id\":1,\"kind\":\"provider_out\",\"level\":\"warn\",\"subject\":"
                         "\"provider a\",\"message\":\"it is drained and gets no new requests: weir provider "
                         "resume\",\"raised_at\":\"TIME\",\"ended_at\":\"TIME\",\"active\":false}");
    shown(true, "{\"alerts\":[],\"dropped\":0,\"webhook\":{\"delivered\":2,\"failed\":0,\"dropped\":0,\"waiting\":0}}");
    shown(false, "{\"alerts\":[{\"id\":1,\"kind\":\"provider_out\",\"level\":\"warn\",\"subject\":\"provider "
                 "a\",\"message\":\"it is drained and gets no new requests: weir provider "
                 "resume\",\"raised_at\":\"TIME\",\"ended_at\":\"TIME\",\"active\":false}],\"dropped\":0,\"webhook\":{"
                 "\"delivered\":2,\"failed\":0,\"dropped\":0,\"waiting\":0}}");
    drain("b");
    heard(3);
    is_plain(body_of(2), "{\"event\":\"raised\",\"id\":2,\"kind\":\"provider_out\",\"level\":\"warn\",\"subject\":"
                         "\"provider b\",\"message\":\"it is drained and gets no new requests: weir provider "
                         "resume\",\"raised_at\":\"TIME\",\"active\":true}");
    pthread_join(receiving, NULL);
    come_to("\"event\":\"alert\"", 2);
    come_to("\"event\":\"alert_ended\"", 1);
    closed();
}

/* In the order of the configuration: one in Slack's shape, one that wants another kind, one that wants errors alone. */
static void each_webhook_gets_what_it_wants_in_its_shape(void **state) {
    (void)state;
    opened("webhooks: [{url: '@/slack', format: slack}, {url: '@/none', kinds: [budget*]}, {url: '@/errors', level: "
           "error}, {url: '@/teams', format: teams, kinds: [provider_*]}]");
    receiver.answers[0] = receiver.answers[1] = RECEIVER_STATUS("200");
    receive();
    drain("a");
    heard(2);
    pthread_join(receiving, NULL);
    const size_t slack = strncmp(receiver.requests[0], "POST /slack ", 12) == 0 ? 0 : 1;
    assert_int_equal(strncmp(receiver.requests[slack], "POST /slack ", 12), 0);
    assert_int_equal(strncmp(receiver.requests[1 - slack], "POST /teams ", 12), 0);
    is_plain(body_of(slack), "{\"text\":\"Alert: provider_out, provider "
                             "a\",\"mrkdwn\":false,\"blocks\":[{\"type\":\"section\",\"text\":{\"type\":\"plain_text\","
                             "\"emoji\":false,\"text\":\"Alert: provider_out, provider "
                             "a\"}},{\"type\":\"section\",\"text\":{\"type\":\"plain_text\",\"emoji\":false,\"text\":"
                             "\"it is drained and gets no new requests: weir provider "
                             "resume\"}},{\"type\":\"section\",\"text\":{\"type\":\"plain_text\",\"emoji\":false,"
                             "\"text\":\"warn, since TIME, weir alert 1\"}}]}");
    is_plain(
        body_of(1 - slack),
        "{\"type\":\"message\",\"attachments\":[{\"contentType\":\"application/"
        "vnd.microsoft.card.adaptive\",\"contentUrl\":null,\"content\":{\"$schema\":\"http://adaptivecards.io/schemas/"
        "adaptive-card.json\",\"type\":\"AdaptiveCard\",\"version\":\"1.4\",\"body\":[{\"type\":\"RichTextBlock\","
        "\"inlines\":[{\"type\":\"TextRun\",\"text\":\"Alert: provider_out, provider "
        "a\",\"weight\":\"Bolder\",\"color\":\"Warning\"}]},{\"type\":\"RichTextBlock\",\"inlines\":[{\"type\":"
        "\"TextRun\",\"text\":\"it is drained and gets no new requests: weir provider "
        "resume\"}]},{\"type\":\"RichTextBlock\",\"inlines\":[{\"type\":\"TextRun\",\"text\":\"warn, since TIME, weir "
        "alert 1\",\"isSubtle\":true}]}]}}]}");
    closed();
}

/* What was not taken is posted by the next process; what was taken is not. */
static void what_is_owed_is_posted_after_a_restart(void **state) {
    struct weir_error error;
    (void)state;
    opened("webhook: '@/in'");
    receiver.answers[0] = RECEIVER_STATUS("500");
    receiver.answers[1] = RECEIVER_STATUS("200");
    receive();
    drain("a");
    heard(1);
    come_to("\"event\":\"alert_not_posted\"", 1);
    story_weir_close();
    assert_true(story_weir_open(&error));
    heard(2);
    assert_string_equal(body_of(0), body_of(1));
    pthread_join(receiving, NULL);
    story_weir_close();
    assert_true(story_weir_open(&error));
    drain("b");
    come_to("\"event\":\"alert\"", 2);
    shown(false,
          "{\"alerts\":[{\"id\":2,\"kind\":\"provider_out\",\"level\":\"warn\",\"subject\":\"provider "
          "b\",\"message\":\"it is drained and gets no new requests: weir provider "
          "resume\",\"raised_at\":\"TIME\",\"active\":true},{\"id\":1,\"kind\":\"provider_out\",\"level\":\"warn\","
          "\"subject\":\"provider a\",\"message\":\"it is drained and gets no new requests: weir provider "
          "resume\",\"raised_at\":\"TIME\",\"active\":true}],\"dropped\":0,\"webhook\":{\"delivered\":0,\"failed\":0,"
          "\"dropped\":0,\"waiting\":1}}");
    closed();
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_alert_is_raised_and_ended_once_and_posted_as_json),
        cmocka_unit_test(each_webhook_gets_what_it_wants_in_its_shape),
        cmocka_unit_test(what_is_owed_is_posted_after_a_restart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
