/* config_alerts.c - see config_alerts.h; every number has been checked for its range before. */
#include "config/config_alerts.h"

static void alert_thresholds(struct section alerting, struct alert_rules *alerts) {
    const double nano = 1e9;
    alerts->error_share = read_number(alerting, "error_share");
    alerts->latency_factor = read_number(alerting, "latency_factor");
    alerts->latency_ms = read_ns(alerting, "latency_ms") / NS_PER_MS;
    alerts->least_answers = read_whole(alerting, "least_answers");
    alerts->window_s = read_ns(alerting, "window_seconds") / NS_PER_S;
    alerts->burn_after_permille = (uint32_t)(read_number(alerting, "burn_after") * 1000 + 0.5);
    alerts->spend_factor = read_number(alerting, "spend_factor");
    alerts->spend_least_nano_usd = (int64_t)(read_number(alerting, "spend_least") * nano);
    alerts->retiring_days = (int64_t)read_whole(alerting, "retiring_days");
    alerts->certificate_days = (int64_t)read_whole(alerting, "certificate_days");
    alerts->provider_certificate_days = (int64_t)read_whole(alerting, "provider_certificate_days");
    alerts->ledger_behind_s = read_ns(alerting, "ledger_behind_seconds") / NS_PER_S;
}

enum { hook_url_most = 2000 };

static bool hook_url_is_good(struct str url) {
    struct url parts;
    struct str authority = str_slice(url, 0, str_find_byte(url, '?'));
    return url.len <= hook_url_most && str_find_byte(url, '#') == SIZE_MAX && str_control_at(url, 0) == url.len &&
           str_find_byte(url, ' ') == SIZE_MAX && !url_parse(authority, &parts) && !parts.unix_path.len;
}

/* Slack and Teams know who posts by the URL alone. */
static void hook_check(struct config_reading *reading, const struct config_node *at, const char *key,
                       const struct alert_hook *hook) {
    if (!hook_url_is_good(hook->url))
        config_report(reading, at, config_error,
                      "`%s` must be a URL such as https://alerts.example.com/weir, of at most %d bytes", key,
                      (int)hook_url_most);
    else if (!hook->secret.len && hook->format == alert_as_json)
        config_report(reading, at, config_warning,
                      "alerts are posted without a signature, so anybody could post them: write a `secret`");
}

static void hook_kinds_check(struct config_reading *reading, const struct config_node *node,
                             const struct alert_hook *hook) {
    for (size_t i = 0; i < hook->kind_count; i++)
        if (reading->input->alert_kind && !reading->input->alert_kind(hook->kinds[i]))
            config_report(reading, config_member(node, STR("kinds")), config_error,
                          "`%.*s` is no kind of alert: docs/alerts.md lists them", STR_ARG(hook->kinds[i]));
}

static struct alert_hook hook_of(struct section section, struct snapshot *snapshot) {
    struct alert_hook hook = {.url = arena_copy(&snapshot->secrets, read_str(section, "url")),
                              .secret = arena_copy(&snapshot->secrets, read_str(section, "secret")),
                              .format = (enum alert_format)read_choice(section, "format"),
                              .timeout_ns = read_ns(section, "timeout_seconds"),
                              .errors_only = read_is(section, "level", "error")};
    hook.kinds = read_strings(section, "kinds", &snapshot->arena, &hook.kind_count);
    return hook;
}

static void hooks_read(struct config_reading *reading, struct snapshot *snapshot, struct section alerting) {
    struct alert_rules *alerts = &snapshot->alerts;
    const struct config_node *list = config_member(alerting.map, STR("webhooks"));
    const struct alert_hook brief = {.url = arena_copy(&snapshot->secrets, read_str(alerting, "webhook")),
                                     .secret = arena_copy(&snapshot->secrets, read_str(alerting, "secret")),
                                     .format = (enum alert_format)read_choice(alerting, "format"),
                                     .timeout_ns = read_ns(alerting, "webhook_timeout_seconds")};
    alerts->hooks[0] = brief;
    if (brief.url.len) hook_check(reading, config_member(alerting.map, STR("webhook")), "webhook", &brief);
    alerts->hook_count = brief.url.len > 0;
    for (const struct config_node *node = list && list->kind == config_list ? list->first : NULL; node;
         node = node->next) {
        if (node->kind != config_map) continue;
        const struct alert_hook hook = hook_of((struct section){section_alert_hook, node}, snapshot);
        const struct config_node *url = config_member(node, STR("url"));
        hook_check(reading, url ? url : node, "url", &hook);
        hook_kinds_check(reading, node, &hook);
        if (alerts->hook_count == alert_hooks_max) {
            config_report(reading, node, config_error, "at most %d webhooks get alerts", (int)alert_hooks_max);
            return;
        }
        alerts->hooks[alerts->hook_count++] = hook;
    }
}

static size_t shares_read(struct config_reading *reading, struct section alerting, const char *key, uint32_t *list) {
    const struct config_node *node = alerting.map ? config_member(alerting.map, str_from(key)) : NULL;
    if (node && node->count > alert_shares_max)
        config_report(reading, node, config_error, "`%s` has at most %d shares", key, (int)alert_shares_max);
    return read_permilles(alerting, key, list, alert_shares_max);
}

void alerts_read(struct config_reading *reading, struct snapshot *snapshot, const struct config_node *root) {
    const struct section alerting = read_section((struct section){section_top, root}, "alerts");
    struct alert_rules *alerts = &snapshot->alerts;
    alert_thresholds(alerting, alerts);
    alerts->quota_count = shares_read(reading, alerting, "quota", alerts->quota_permille);
    alerts->budget_count = shares_read(reading, alerting, "budget", alerts->budget_permille);
    hooks_read(reading, snapshot, alerting);
}
