/* webhook_test.c - what is posted is signed, comes in its order, whole, and again until it is taken; what is too much
 * is told. */
#include "runtime/webhook.h"

#include "base/hash.h"
#include "receiver.h"

static void a_signature_holds_the_time_and_the_digest_of_time_and_body(void **state) {
    (void)state;
    char buffer[128];
    struct text text = text_in_buffer(buffer, sizeof buffer);
    webhook_sign(STR("key"), 1700000000, STR("{\"a\":1}"), &text);
    /* printf %s '1700000000.{"a":1}' | openssl dgst -sha256 -hmac key */
    assert_true(str_eq(text_str(&text),
                       STR("t=1700000000,v1=a438e398bfafc57e4396bb7fc2304422f0f768e965d073ca313cb52e22e6ad03")));
}

/* What is posted where, and what was told of it: `ID[ ended] outcome[: why]` each. */
struct post_story {
    struct receiver receiver;
    struct webhook *webhook;
    const char *path, *secret;
    uint64_t timeout_ms;
    size_t posts, over;           /* how many are posted; delivered or dropped */
    uint64_t failed_ns, heard_ns; /* when the newest one failed; and was delivered */
    void (*then)(struct post_story *story);
    char url[256], room[4096];
    struct text told;
};

static struct alert_hook hook_of(struct post_story *story) {
    snprintf(story->url, sizeof story->url, "http://127.0.0.1:%u%s", story->receiver.net.port, story->path);
    return (struct alert_hook){
        .url = str_from(story->url), .secret = str_from(story->secret), .timeout_ns = story->timeout_ms * NS_PER_MS};
}

static void on_told(void *context, struct webhook_post of, enum webhook_outcome outcome, struct str why) {
    static const char *const outcomes[] = {"delivered", "failed", "dropped"};
    struct post_story *story = context;
    const uint64_t now_ns = clock_read().mono_ns;
    text_printf(&story->told, "%llu%s %s%s%.*s\n", (unsigned long long)of.id, of.ended ? " ended" : "",
                outcomes[outcome], why.len ? ": " : "", STR_ARG(why));
    *(outcome == webhook_failed ? &story->failed_ns : &story->heard_ns) = now_ns;
    if (outcome != webhook_failed && ++story->over == story->posts && story->posts)
        net_bench_stop(&story->receiver.net);
}

static void begin(void *context) {
    struct post_story *story = context;
    struct error error;
    const struct alert_hook hook = hook_of(story);
    story->webhook = webhook_new(story->receiver.net.loop, on_told, story);
    assert_non_null(story->webhook);
    assert_false(webhook_is_set(story->webhook));
    webhook_post(story->webhook, (struct webhook_post){99, false}, STR("{}")); /* nowhere */
    assert_int_equal(webhook_waiting(story->webhook), 0);
    assert_true(webhook_set(story->webhook, &hook, &error));
    assert_true(webhook_is_set(story->webhook));
    for (size_t i = 0; i < story->posts; i++) {
        char body[32];
        snprintf(body, sizeof body, "{\"n\":%zu}", i + 1);
        webhook_post(story->webhook, (struct webhook_post){i + 1, i % 2 == 1}, str_from(body));
        assert_int_equal(webhook_waiting(story->webhook), i + 1);
    }
    if (story->then) story->then(story);
}

static void story_open(struct post_story *story, const char *path, const char *secret) {
    memset(story, 0, sizeof *story);
    story->path = path;
    story->secret = secret;
    story->timeout_ms = 5000;
    story->posts = 1;
    story->told = text_in_buffer(story->room, sizeof story->room - 1);
    receiver_open(&story->receiver, begin, story);
}

static void story_ends(struct post_story *story, const char *told) {
    net_bench_run(&story->receiver.net, story->receiver.answers[0] ? receiver_main : NULL, &story->receiver);
    assert_int_equal(webhook_waiting(story->webhook), 0);
    webhook_free(story->webhook);
    loop_free(story->receiver.net.loop);
    close(story->receiver.listener);
    assert_false(story->told.failed);
    if (strcmp(story->room, told) != 0) fail_msg("%s", story->room);
}

/* The signature is worked out of the time that it says. */
static void is_heard(const struct post_story *story, size_t i, const char *target, unsigned id, const char *body) {
    char wanted[2048], signature[160] = "";
    const char *is = story->receiver.requests[i], *t = strstr(is, "weir-signature: t=");
    if (story->secret[0]) {
        struct text text = text_in_buffer(signature, sizeof signature - 3);
        assert_non_null(t);
        const int64_t at_s = strtoll(t + 18, NULL, 10), now_s = clock_read().wall_ns / (int64_t)NS_PER_S;
        assert_in_range(now_s - at_s, 0, 60);
        text_put(&text, STR("weir-signature: "));
        webhook_sign(str_from(story->secret), at_s, str_from(body), &text);
        snprintf(signature + text.len, 3, "\r\n");
    }
    snprintf(wanted, sizeof wanted,
             "POST %s HTTP/1.1\r\nHost: 127.0.0.1:%u\r\nContent-Type: application/json\r\n"
             "User-Agent: weir/" WEIR_VERSION "\r\nweir-alert-id: %u\r\n%sContent-Length: %zu\r\n\r\n%s",
             target, story->receiver.net.port, id, signature, strlen(body), body);
    assert_string_equal(is, wanted);
}

static void posts_come_whole_in_their_order_to_what_the_url_says(void **state) {
    static const struct {
        const char *path, *target, *secret;
    } rows[] = {{"", "/", ""}, {"/in/here?x=1", "/in/here?x=1", "key"}, {"?x=/1", "/?x=/1", ""}};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct post_story story;
        story_open(&story, rows[i].path, rows[i].secret);
        story.posts = 3;
        story.receiver.answers[0] = RECEIVER_STATUS("200");
        story.receiver.answers[2] = RECEIVER_STATUS("299");
        story.receiver.answers[1] = "HTTP/1.1 204 None\r\n\r\n";
        story_ends(&story, "1 delivered\n2 ended delivered\n3 delivered\n");
        is_heard(&story, 0, rows[i].target, 1, "{\"n\":1}");
        is_heard(&story, 1, rows[i].target, 2, "{\"n\":2}");
        is_heard(&story, 2, rows[i].target, 3, "{\"n\":3}");
    }
}

/* After a half to a whole second, then after one to two. */
static void what_was_not_taken_is_posted_again_after_a_growing_pause(void **state) {
    static const struct {
        const char *answers[3], *told;
        uint64_t least_ms, most_ms;
    } rows[] = {{{RECEIVER_STATUS("300")}, "1 failed: it answered with status 300\n1 delivered\n", 500, 1000},
                {{RECEIVER_STATUS("500"), RECEIVER_SHUTS},
                 "1 failed: it answered with status 500\n1 failed: reset: the connection was closed without a reply\n1 "
                 "delivered\n",
                 1000,
                 2000}};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct post_story story;
        size_t failures = 0;
        story_open(&story, "/", "");
        for (; rows[i].answers[failures]; failures++) story.receiver.answers[failures] = rows[i].answers[failures];
        story.receiver.answers[failures] = RECEIVER_STATUS("200");
        story_ends(&story, rows[i].told);
        assert_in_range(story.heard_ns - story.failed_ns, rows[i].least_ms * NS_PER_MS,
                        (rows[i].most_ms + 800) * NS_PER_MS); /* on a machine that is busy */
        is_heard(&story, failures, "/", 1, "{\"n\":1}");
    }
}

/* A head says enough: what comes behind it is not waited for. */
static void one_that_does_not_answer_in_time_is_asked_again_and_one_that_has_is_not(void **state) {
    struct post_story story;
    (void)state;
    story_open(&story, "/", "");
    story.timeout_ms = 100;
    story.receiver.answers[0] = RECEIVER_SILENT;
    story.receiver.answers[1] = RECEIVER_STATUS("200");
    story_ends(&story, "1 failed: it did not answer in time\n1 delivered\n");
    story_open(&story, "/", "");
    story.timeout_ms = 100;
    story.receiver.answers[0] = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n{}";
    story_ends(&story, "1 delivered\n");
}

static char large[8193];

static void fill(struct post_story *story) {
    const struct str most = str_make(large, sizeof large - 1), more = str_make(large, sizeof large);
    story->posts = 0;
    webhook_post(story->webhook, (struct webhook_post){2, false}, more);
    assert_string_equal(story->room, "2 dropped: too many posts wait\n");
    webhook_post(story->webhook, (struct webhook_post){3, false}, most);
    for (unsigned i = 4; webhook_waiting(story->webhook) < 256; i++)
        webhook_post(story->webhook, (struct webhook_post){i, false}, STR("{}"));
    assert_string_equal(story->room, "2 dropped: too many posts wait\n");
    webhook_post(story->webhook, (struct webhook_post){999, true}, STR("{}"));
    assert_int_equal(webhook_waiting(story->webhook), 256);
    struct error error;
    assert_true(webhook_set(story->webhook, NULL, &error));
    assert_false(webhook_is_set(story->webhook));
    assert_int_equal(webhook_waiting(story->webhook), 0);
    net_bench_stop(&story->receiver.net);
}

static void so_many_wait_and_no_more_and_what_goes_nowhere_is_forgotten(void **state) {
    struct post_story story;
    (void)state;
    memset(large, 'x', sizeof large);
    story_open(&story, "/", "");
    story.then = fill;
    story_ends(&story, "2 dropped: too many posts wait\n999 ended dropped: too many posts wait\n");
}

/* While one is under way: set to the same, nothing happens; to something else, it is posted anew. */
static void set_again(struct post_story *story, const char *secret, uint64_t timeout_ms) {
    struct error error;
    story->secret = secret;
    story->timeout_ms = timeout_ms;
    const struct alert_hook hook = hook_of(story);
    assert_true(webhook_set(story->webhook, &hook, &error));
}

static void set_when_heard(void *context) {
    struct post_story *story = context;
    static struct timer timer;
    static size_t turn;
    if (story->receiver.heard == 0) turn = 0;
    if (story->receiver.heard == 1 && turn == 0) turn = 1, set_again(story, "", 5000), set_again(story, "s", 5000);
    if (story->receiver.heard == 2 && turn == 1) turn = 2, set_again(story, "s", 4000);
    if (turn < 2)
        timer_set(story->receiver.net.loop, &timer, loop_now(story->receiver.net.loop).mono_ns + NS_PER_MS,
                  set_when_heard, story);
}

static void watch(struct post_story *story) { set_when_heard(story); }

static void another_place_secret_or_time_posts_anew_and_the_same_does_not(void **state) {
    struct post_story story;
    (void)state;
    story_open(&story, "/", "");
    story.receiver.answers[0] = story.receiver.answers[1] = RECEIVER_SILENT;
    story.receiver.answers[2] = RECEIVER_STATUS("200");
    story.then = watch;
    story_ends(&story, "1 delivered\n");
    is_heard(&story, 1, "/", 1, "{\"n\":1}");
    is_heard(&story, 2, "/", 1, "{\"n\":1}");
    assert_null(strstr(story.receiver.requests[0], "weir-signature"));
}

static void leave(struct post_story *story) {
    webhook_free(story->webhook);
    story->webhook = NULL;
    net_bench_stop(&story->receiver.net);
}

static void what_is_under_way_ends_with_it(void **state) {
    struct post_story story;
    (void)state;
    story_open(&story, "/", "");
    story.then = leave;
    net_bench_run(&story.receiver.net, NULL, NULL);
    loop_free(story.receiver.net.loop); /* which nothing may be left on */
    close(story.receiver.listener);
    assert_string_equal(story.room, "");
}

static int setup(void **state) {
    (void)state;
    return hash_start() ? 0 : -1;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_signature_holds_the_time_and_the_digest_of_time_and_body),
        cmocka_unit_test(posts_come_whole_in_their_order_to_what_the_url_says),
        cmocka_unit_test(what_was_not_taken_is_posted_again_after_a_growing_pause),
        cmocka_unit_test(one_that_does_not_answer_in_time_is_asked_again_and_one_that_has_is_not),
        cmocka_unit_test(so_many_wait_and_no_more_and_what_goes_nowhere_is_forgotten),
        cmocka_unit_test(what_is_under_way_ends_with_it),
        cmocka_unit_test(another_place_secret_or_time_posts_anew_and_the_same_does_not),
    };
    return cmocka_run_group_tests(tests, setup, NULL);
}
