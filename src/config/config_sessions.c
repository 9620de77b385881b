/* config_sessions.c - what each session of a client may have: by itself or its template, and by all above it. */
#include "config/config_decisions.h"

static struct session_caps caps_read(struct section section, struct str who) {
    double usd = read_is_written(section, "usd") ? read_number(section, "usd") : 0;
    uint64_t calls = read_is_written(section, "calls") ? read_whole(section, "calls") : 0,
             minutes = read_is_written(section, "minutes") ? read_whole(section, "minutes") : 0;
    return (struct session_caps){.nano_usd = {(int64_t)(usd * 1e9 + 0.5), who},
                                 .calls = {(int64_t)calls, who},
                                 .lasts = {(int64_t)minutes * 60, who},
                                 .idle_s = (int64_t)read_whole(section, "idle_minutes") * 60};
}

static void cap_lower(struct session_cap *cap, const struct session_cap *other) {
    if (other->most && (!cap->most || other->most < cap->most)) *cap = *other;
}

static struct section sessions_written(const struct config_node *node, const struct config_node *template) {
    const struct config_node *map = config_member(node, STR("sessions")),
                             *above = config_member(template, STR("sessions"));
    if (map && map->kind != config_map) map = NULL;
    if (above && above->kind != config_map) above = NULL;
    return (struct section){section_sessions, map, above};
}

void sessions_of_owner(struct snapshot *snapshot, const struct config_node *node, struct owner *owner) {
    const struct section section = sessions_written(node, NULL);
    if (!section.map) return;
    owner->caps =
        caps_read(section, arena_printf(&snapshot->arena, "%.*s %.*s", STR_ARG(owner->kind), STR_ARG(owner->name)));
}

void sessions_of_client(struct config_reading *reading, struct snapshot *snapshot, const struct config_node *node,
                        struct client *client) {
    const struct section section = sessions_written(node, template_of(snapshot, node));
    const struct config_node *in = config_member(node, STR("in"));
    struct session_caps *caps = &client->caps;
    if (section.map || section.above)
        *caps = caps_read(section, arena_printf(&snapshot->arena, "client %.*s", STR_ARG(client->name)));
    const struct owner *owner = in && in->text.len ? map_find(&snapshot->owners_by_name, in->text) : NULL;
    for (; owner; owner = owner->in) {
        cap_lower(&caps->nano_usd, &owner->caps.nano_usd);
        cap_lower(&caps->calls, &owner->caps.calls);
        cap_lower(&caps->lasts, &owner->caps.lasts);
        if (owner->caps.idle_s > caps->idle_s) caps->idle_s = owner->caps.idle_s;
    }
    if (!session_caps_any(caps)) return;
    client->sessions =
        cells_find(reading->input->cells, &snapshot->arena, "sessions ", client->name, sizeof *client->sessions);
    if (!client->sessions) config_report(reading, node, config_error, "no memory for the sessions");
}
