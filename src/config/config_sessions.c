/* config_sessions.c - what each session of a client may have, and how often its agents may repeat themselves: by itself
 * or its template, and by all above it. */
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

static void loops_read(struct section section, struct str who, struct session_caps *caps) {
    uint64_t warn = read_is_written(section, "warn") ? read_whole(section, "warn") : 0,
             refuse = read_is_written(section, "refuse") ? read_whole(section, "refuse") : 0;
    caps->loop_warn = (struct session_cap){(int64_t)warn, who};
    caps->loop_refuse = (struct session_cap){(int64_t)refuse, who};
}

static void cap_lower(struct session_cap *cap, const struct session_cap *other) {
    if (other->most && (!cap->most || other->most < cap->most)) *cap = *other;
}

/* A map of its own, over its template's. */
static struct section caps_written(enum config_section of, const char *key, const struct config_node *node,
                                   const struct config_node *template) {
    const struct config_node *map = config_member(node, str_from(key)), *above = config_member(template, str_from(key));
    if (map && map->kind != config_map) map = NULL;
    if (above && above->kind != config_map) above = NULL;
    return (struct section){of, map, above};
}

/* What can never come to anything, as it is written. */
static void caps_doubt(struct config_reading *reading, struct section sessions, struct section loops,
                       const struct session_caps *caps) {
    if (sessions.map && !caps->nano_usd.most && !caps->calls.most && !caps->lasts.most)
        config_report(reading, sessions.map, config_warning,
                      "`sessions` caps nothing: write `usd`, `calls` or `minutes`");
    if (loops.map && !caps->loop_warn.most && !caps->loop_refuse.most)
        config_report(reading, loops.map, config_warning, "`loop_guard` does nothing: write `warn` or `refuse`");
    if (loops.map && caps->loop_refuse.most && caps->loop_warn.most >= caps->loop_refuse.most)
        config_report(reading, loops.map, config_warning,
                      "`loop_guard` refuses before it warns: `warn` must be below `refuse` to be seen");
}

/* Both maps of an owner's, or a client's: what is not written is no cap. */
static void both_read(struct config_reading *reading, struct arena *arena, struct str kind, struct str name,
                      const struct config_node *node, const struct config_node *template, struct session_caps *caps) {
    const struct section sessions = caps_written(section_sessions, "sessions", node, template),
                         loops = caps_written(section_loop_guard, "loop_guard", node, template);
    if (!sessions.map && !sessions.above && !loops.map && !loops.above) return; /* there may be a million of them */
    struct str who = arena_printf(arena, "%.*s %.*s", STR_ARG(kind), STR_ARG(name));
    if (sessions.map || sessions.above) *caps = caps_read(sessions, who);
    loops_read(loops, who, caps);
    caps_doubt(reading, sessions, loops, caps);
}

void sessions_of_owner(struct config_reading *reading, struct snapshot *snapshot, const struct config_node *node,
                       struct owner *owner) {
    both_read(reading, &snapshot->arena, owner->kind, owner->name, node, NULL, &owner->caps);
}

void sessions_of_client(struct config_reading *reading, struct snapshot *snapshot, const struct config_node *node,
                        struct client *client) {
    const struct config_node *in = config_member(node, STR("in"));
    struct session_caps *caps = &client->caps;
    both_read(reading, &snapshot->arena, STR("client"), client->name, node, template_of(snapshot, node), caps);
    const struct owner *owner = in && in->text.len ? map_find(&snapshot->owners_by_name, in->text) : NULL;
    for (; owner; owner = owner->in) {
        cap_lower(&caps->nano_usd, &owner->caps.nano_usd);
        cap_lower(&caps->calls, &owner->caps.calls);
        cap_lower(&caps->lasts, &owner->caps.lasts);
        cap_lower(&caps->loop_warn, &owner->caps.loop_warn);
        cap_lower(&caps->loop_refuse, &owner->caps.loop_refuse);
        if (owner->caps.idle_s > caps->idle_s) caps->idle_s = owner->caps.idle_s;
    }
    if (!session_caps_any(caps)) return;
    client->sessions =
        cells_find(reading->input->cells, &snapshot->arena, "sessions ", client->name, sizeof *client->sessions);
    if (!client->sessions) config_report(reading, node, config_error, "no memory for the sessions");
}
