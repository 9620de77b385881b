/* alert_post.h - an alert in the shape of who gets it: weir's own JSON, Slack's incoming webhook, an Adaptive Card as
 * Teams' Workflows take it. Pure. What callers chose (a value of a split budget) is text there, and nothing else: no
 * link, no mention, no markup of Slack's control characters. */
#ifndef WEIR_OBSERVE_ALERT_POST_H
#define WEIR_OBSERVE_ALERT_POST_H

#include "observe/alert.h"

enum { alert_post_max = 8192 };

/* {"event":"raised","id":...}: raised or ended. */
void alert_post_json(const struct alert *alert, bool ended, struct text *text);
/* https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks: `text` and blocks. */
void alert_post_slack(const struct alert *alert, bool ended, struct text *text);
/* A message with one Adaptive Card, https://adaptivecards.io/schemas/adaptive-card.json, version 1.4; text runs, which
 * know no markup. */
void alert_post_teams(const struct alert *alert, bool ended, struct text *text);

#endif
