/* notices_watch.c - see notices_watch.h. Reads words; what moved and moved back between two looks is not seen, but for
 * a lock, whose epoch tells. */
#include "runtime/notices_watch.h"

#include "base/memory.h"

static int64_t watch_now_ms(struct now now) { return now.wall_ns / (int64_t)NS_PER_MS; }

/* Changes of health itself are the prober's to write, with all that it saw. */
static void change_record(struct notices_into *into, enum health_event event, struct str subject, struct str from,
                          struct str to, struct now now) {
    struct health_record record = {.event = event, .wall_ms = watch_now_ms(now)};
    str_copy(record.subject, sizeof record.subject, subject);
    str_copy(record.from, sizeof record.from, from);
    str_copy(record.to, sizeof record.to, to);
    health_log_add(into->health, &record);
}

static void provider_notice_put(struct notices_into *into, const struct provider *provider, struct str what,
                                struct str from, struct str to, struct now now) {
    char members[512];
    struct text text = text_in_buffer(members, sizeof members);
    if (str_eq(from, to)) return;
    text_json_str(&text, STR("provider"), provider->name);
    text_json_str(&text, STR("changed"), what);
    text_json_str(&text, STR("from"), from);
    text_json_str(&text, STR("to"), to);
    notices_put(into->notices, notice_provider, watch_now_ms(now), text_str(&text));
}

static void providers_look(struct notices_watch *watch, struct notices_into *into, const struct snapshot *snapshot,
                           struct now now) {
    struct watched_provider before[limit_providers];
    size_t count = watch->provider_count;
    memcpy(before, watch->providers, count * sizeof *before);
    watch->provider_count = 0;
    for (size_t i = 0; i < snapshot->provider_count && i < limit_providers; i++) {
        const struct provider *provider = &snapshot->providers[i];
        struct provider_health health = provider_health(snapshot, provider, now.mono_ns);
        struct watched_provider *is = &watch->providers[watch->provider_count++];
        const struct watched_provider *was = NULL;
        *is = (struct watched_provider){str_hash(provider->name), health.state, health.breaker, provider->state};
        for (size_t k = 0; k < count && !was; k++) {
            const struct watched_provider *at = &before[(i + k) % count]; /* mostly it is where it was */
            if (at->name == is->name) was = at;
        }
        if (!was) continue;
        provider_notice_put(into, provider, STR("health"), health_state_name(was->health),
                            health_state_name(is->health), now);
        provider_notice_put(into, provider, STR("breaker"), breaker_state_name(was->breaker),
                            breaker_state_name(is->breaker), now);
        provider_notice_put(into, provider, STR("state"), provider_state_name(was->state),
                            provider_state_name(is->state), now);
        if (was->breaker != is->breaker)
            change_record(into, health_event_breaker, provider->name, breaker_state_name(was->breaker),
                          breaker_state_name(is->breaker), now);
        if (was->state != is->state)
            change_record(into, health_event_state, provider->name, provider_state_name(was->state),
                          provider_state_name(is->state), now);
    }
}

static struct str target_named(const struct route *route, uint32_t id) {
    for (size_t i = 0; i < route->target_count; i++)
        if (route->targets[i]->id == id) return route->targets[i]->name;
    return STR("");
}

static void lock_look(struct notices_into *into, const struct route *route, struct watched_lock *watched,
                      struct now now) {
    char members[notice_bytes_max];
    struct text text = text_in_buffer(members, sizeof members);
    const struct watched_lock was = *watched;
    struct lock_view view = lock_view(&route->cells->lock);
    uint64_t name = str_hash(route->model);
    *watched = (struct watched_lock){name, view.holder, view.epoch};
    uint32_t first = route->targets[0]->id, from = was.holder ? was.holder : first, /* nobody yet: the first */
        to = view.holder ? view.holder : first;
    if (was.route != name || (from == to && (!was.holder || was.epoch == view.epoch))) return;
    text_json_str(&text, STR("route"), route->model);
    text_json_str(&text, STR("from"), target_named(route, from));
    text_json_str(&text, STR("to"), target_named(route, to));
    text_json_u64(&text, STR("epoch"), view.epoch);
    notices_put(into->notices, notice_lock, watch_now_ms(now), text_str(&text));
    change_record(into, health_event_lock, route->model, target_named(route, from), target_named(route, to), now);
}

/* Places in their order: where routes were put in between, those behind are only noted. */
static void locks_look(struct notices_watch *watch, struct notices_into *into, const struct snapshot *snapshot,
                       struct now now) {
    size_t count = 0, bytes;
    for (size_t i = 0; i < snapshot->route_count; i++) {
        const struct route *route = &snapshot->routes[i];
        if (route->strategy != strategy_exclusive || !route->target_count) continue;
        if (count == watch->lock_room) {
            size_t room = watch->lock_room ? watch->lock_room * 2 : 16;
            struct watched_lock *locks =
                size_mul(room, sizeof *locks, &bytes) ? memory_resize(watch->locks, bytes) : NULL;
            if (!locks) break;
            watch->locks = locks;
            watch->lock_room = room;
        }
        if (count >= watch->lock_count) watch->locks[count] = (struct watched_lock){.route = 0};
        lock_look(into, route, &watch->locks[count++], now);
    }
    watch->lock_count = count;
}

void notices_watch(struct notices_watch *watch, struct notices_into *into, const struct snapshot *snapshot,
                   struct now now) {
    providers_look(watch, into, snapshot, now);
    locks_look(watch, into, snapshot, now);
}

void notices_watch_free(struct notices_watch *watch) { memory_give(watch->locks); }
