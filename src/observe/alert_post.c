/* alert_post.c - see alert_post.h. */
#include "observe/alert_post.h"

#include "base/check.h"

enum { post_words_max = 2048 };

static struct str post_level(const struct alert *alert) {
    return alert_kind_facts(alert->kind)->level == alert_error ? STR("error") : STR("warn");
}

void alert_post_json(const struct alert *alert, bool ended, struct text *text) {
    text_put_byte(text, '{');
    text_json_str(text, STR("event"), ended ? STR("ended") : STR("raised"));
    alert_put(alert, text);
    text_put_byte(text, '}');
}

/* "Ended: budget, client app budget day" */
static void title_put(const struct alert *alert, bool ended, struct text *text) {
    text_printf(text, "%s: %.*s, %s", ended ? "Ended" : "Alert", STR_ARG(alert_kind_facts(alert->kind)->name),
                alert->subject);
}

static void facts_put(const struct alert *alert, bool ended, struct text *text) {
    const struct str unit = alert_unit(alert->kind);
    text_printf(text, "%.*s", STR_ARG(post_level(alert)));
    if (unit.len) {
        text_put(text, STR(", "));
        alert_micro_put(text, alert->value_micro);
        text_put(text, STR(" of "));
        alert_micro_put(text, alert->threshold_micro);
        text_printf(text, " %.*s", STR_ARG(unit));
    }
    text_put(text, STR(", since "));
    alert_moment_put(text, alert->raised_ms / 1000);
    if (ended) {
        text_put(text, STR(" until "));
        alert_moment_put(text, alert->ended_ms / 1000);
    }
    text_printf(text, ", weir alert %llu", (unsigned long long)alert->id);
}

/* What Slack takes for its own: & < > (https://docs.slack.dev/messaging/formatting-message-text). */
static void slack_put(struct text *into, struct str words) {
    for (size_t i = 0; i < words.len; i++) {
        const char byte = words.at[i];
        if (byte == '&')
            text_put(into, STR("&amp;"));
        else if (byte == '<')
            text_put(into, STR("&lt;"));
        else if (byte == '>')
            text_put(into, STR("&gt;"));
        else
            text_put_byte(into, byte);
    }
}

static void slack_block(struct text *text, struct str words) {
    text_put(text, STR("{\"type\":\"section\",\"text\":{\"type\":\"plain_text\",\"emoji\":false"));
    text_json_str(text, STR("text"), words);
    text_put(text, STR("}}"));
}

void alert_post_slack(const struct alert *alert, bool ended, struct text *text) {
    char title_room[post_words_max], said_room[post_words_max], plain_room[post_words_max];
    struct text title = text_in_buffer(title_room, sizeof title_room),
                said = text_in_buffer(said_room, sizeof said_room),
                plain = text_in_buffer(plain_room, sizeof plain_room);
    title_put(alert, ended, &plain);
    slack_put(&title, text_str(&plain));
    slack_put(&said, str_from(alert->said));
    plain = text_in_buffer(plain_room, sizeof plain_room);
    facts_put(alert, ended, &plain);
    CHECK(!title.failed && !said.failed && !plain.failed);
    text_put_byte(text, '{');
    text_json_str(text, STR("text"), text_str(&title));
    text_put(text, STR(",\"mrkdwn\":false,\"blocks\":["));
    slack_block(text, text_str(&title));
    text_put_byte(text, ',');
    slack_block(text, text_str(&said));
    text_put_byte(text, ',');
    slack_block(text, text_str(&plain));
    text_put(text, STR("]}"));
}

static void teams_block(struct text *text, struct str words, struct str more) {
    text_put(text, STR("{\"type\":\"RichTextBlock\",\"inlines\":[{\"type\":\"TextRun\""));
    text_json_str(text, STR("text"), words);
    text_put(text, more);
    text_put(text, STR("}]}"));
}

void alert_post_teams(const struct alert *alert, bool ended, struct text *text) {
    char room[post_words_max], facts_room[post_words_max];
    struct text title = text_in_buffer(room, sizeof room), facts = text_in_buffer(facts_room, sizeof facts_room);
    const bool is_error = alert_kind_facts(alert->kind)->level == alert_error;
    title_put(alert, ended, &title);
    facts_put(alert, ended, &facts);
    CHECK(!title.failed && !facts.failed);
    text_put(text, STR("{\"type\":\"message\",\"attachments\":[{\"contentType\":"
                       "\"application/vnd.microsoft.card.adaptive\",\"contentUrl\":null,\"content\":{\"$schema\":"
                       "\"http://adaptivecards.io/schemas/adaptive-card.json\",\"type\":\"AdaptiveCard\","
                       "\"version\":\"1.4\",\"body\":["));
    teams_block(text, text_str(&title),
                ended      ? STR(",\"weight\":\"Bolder\",\"color\":\"Good\"")
                : is_error ? STR(",\"weight\":\"Bolder\",\"color\":\"Attention\"")
                           : STR(",\"weight\":\"Bolder\",\"color\":\"Warning\""));
    text_put_byte(text, ',');
    teams_block(text, str_from(alert->said), STR(""));
    text_put_byte(text, ',');
    teams_block(text, text_str(&facts), STR(",\"isSubtle\":true"));
    text_put(text, STR("]}}]}"));
}
