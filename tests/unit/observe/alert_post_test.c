/* alert_post_test.c - the shapes of posts, to the byte, and with the worst that a subject can hold. */
#include "observe/alert_post.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

static struct alert alert_of(void) {
    struct alert alert = {.id = 17,
                          .kind = alert_provider_errors,
                          .value_micro = 250000,
                          .threshold_micro = 200000,
                          .raised_ms = INT64_C(1795348800000),
                          .ended_ms = INT64_C(1795349400000)};
    strcpy(alert.subject, "provider <@here> & *co*");
    strcpy(alert.said, "a \"quoted\" <https://x.example|link>");
    return alert;
}

static void assert_is(const struct text *text, const char *wanted) {
    if (text->failed || !str_eq(text_str(text), str_from(wanted))) fail_msg("%.*s", STR_ARG(text_str(text)));
}

static void slack_gets_text_and_blocks_without_control_characters(void **state) {
    char room[alert_post_max];
    struct text text = text_in_buffer(room, sizeof room);
    const struct alert alert = alert_of();
    (void)state;
    alert_post_slack(&alert, false, &text);
    assert_is(&text,
              "{\"text\":\"Alert: provider_errors, provider &lt;@here&gt; &amp; *co*\",\"mrkdwn\":false,\"blocks\":["
              "{\"type\":\"section\",\"text\":{\"type\":\"plain_text\",\"emoji\":false,\"text\":\"Alert: "
              "provider_errors, provider &lt;@here&gt; &amp; *co*\"}},"
              "{\"type\":\"section\",\"text\":{\"type\":\"plain_text\",\"emoji\":false,\"text\":\"a \\\"quoted\\\" "
              "&lt;https://x.example|link&gt;\"}},"
              "{\"type\":\"section\",\"text\":{\"type\":\"plain_text\",\"emoji\":false,\"text\":\"error, 0.25 of 0.2 "
              "share, since 2026-11-22T12:00:00Z, weir alert 17\"}}]}");
}

static void teams_gets_a_card_of_text_runs(void **state) {
    char room[alert_post_max];
    struct text text = text_in_buffer(room, sizeof room);
    const struct alert alert = alert_of();
    (void)state;
    alert_post_teams(&alert, true, &text);
    assert_is(&text,
              "{\"type\":\"message\",\"attachments\":[{\"contentType\":\"application/vnd.microsoft.card.adaptive\","
              "\"contentUrl\":null,\"content\":{\"$schema\":\"http://adaptivecards.io/schemas/adaptive-card.json\","
              "\"type\":\"AdaptiveCard\",\"version\":\"1.4\",\"body\":["
              "{\"type\":\"RichTextBlock\",\"inlines\":[{\"type\":\"TextRun\",\"text\":\"Ended: provider_errors, "
              "provider <@here> & *co*\",\"weight\":\"Bolder\",\"color\":\"Good\"}]},"
              "{\"type\":\"RichTextBlock\",\"inlines\":[{\"type\":\"TextRun\",\"text\":\"a \\\"quoted\\\" "
              "<https://x.example|link>\"}]},"
              "{\"type\":\"RichTextBlock\",\"inlines\":[{\"type\":\"TextRun\",\"text\":\"error, 0.25 of 0.2 share, "
              "since 2026-11-22T12:00:00Z until 2026-11-22T12:10:00Z, weir alert 17\",\"isSubtle\":true}]}]}}]}");
}

/* Each byte of subject and words is escaped to six. */
static void the_longest_fits_each_shape(void **state) {
    static void (*const shapes[])(const struct alert *, bool, struct text *) = {alert_post_json, alert_post_slack,
                                                                                alert_post_teams};
    static const char bytes[] = {1, '&', '"', '<'};
    (void)state;
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
        for (size_t k = 0; k < sizeof bytes; k++)
            for (int kind = 0; kind < alert_kinds; kind++) {
                char room[alert_post_max];
                struct text text = text_in_buffer(room, sizeof room);
                struct alert alert = {.id = UINT64_MAX,
                                      .kind = (enum alert_kind)kind,
                                      .permille = 1000,
                                      .window_s = INT64_C(1795348800),
                                      .value_micro = INT64_MAX,
                                      .threshold_micro = INT64_MIN + 1,
                                      .raised_ms = INT64_MAX,
                                      .ended_ms = INT64_MAX};
                memset(alert.subject, bytes[k], sizeof alert.subject - 1);
                memset(alert.said, bytes[k], sizeof alert.said - 1);
                shapes[i](&alert, true, &text);
                assert_false(text.failed);
            }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(slack_gets_text_and_blocks_without_control_characters),
        cmocka_unit_test(teams_gets_a_card_of_text_runs),
        cmocka_unit_test(the_longest_fits_each_shape),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
