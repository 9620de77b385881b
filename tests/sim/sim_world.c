/* sim_world.c - the heap of steps, the callers, and the performing of actions on the fakes. */
#include "sim.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/hash.h"

uint64_t sim_between(struct prng *prng, uint64_t low, uint64_t high) { return low + prng_below(prng, high - low + 1); }
bool sim_chance(struct prng *prng, unsigned percent) { return prng_below(prng, 100) < percent; }

/* -- the heap -- */

static bool before(const struct sim_step *a, const struct sim_step *b) {
    return a->at_ns < b->at_ns || (a->at_ns == b->at_ns && a->order < b->order);
}

unsigned sim_index(const struct provider *provider) { return (unsigned)(provider->name.at[1] - '0'); }

void sim_schedule(struct sim *sim, uint64_t in_ns, int kind, unsigned caller, unsigned number) {
    if (sim->heap_count == sim->heap_size) {
        sim->heap_size = sim->heap_size ? sim->heap_size * 2 : 256;
        sim->heap = realloc(sim->heap, sim->heap_size * sizeof *sim->heap);
    }
    struct sim_step step = {.at_ns = sim->now.mono_ns + in_ns,
                            .order = sim->order++,
                            .caller = caller,
                            .number = number,
                            .generation = sim->callers[caller].generation};
    step.kind = kind;
    size_t at = sim->heap_count++;
    for (; at > 0 && before(&step, &sim->heap[(at - 1) / 2]); at = (at - 1) / 2)
        sim->heap[at] = sim->heap[(at - 1) / 2];
    sim->heap[at] = step;
}

static struct sim_step step_take(struct sim *sim) {
    struct sim_step first = sim->heap[0], last = sim->heap[--sim->heap_count];
    size_t at = 0;
    for (size_t child; (child = at * 2 + 1) < sim->heap_count; at = child) {
        if (child + 1 < sim->heap_count && before(&sim->heap[child + 1], &sim->heap[child])) child++;
        if (!before(&sim->heap[child], &last)) break;
        sim->heap[at] = sim->heap[child];
    }
    if (sim->heap_count) sim->heap[at] = last;
    return first;
}

/* -- performing -- */

static void line_leave(struct sim *sim, unsigned number) {
    unsigned at = 0;
    while (at < sim->line_count && sim->line[at] != number) at++;
    if (!sim_rule(sim, at < sim->line_count, "who leaves the line stood in it", number)) return;
    sim->line_count--;
    memmove(sim->line + at, sim->line + at + 1, (sim->line_count - at) * sizeof *sim->line);
    sim->callers[number].in_line = false;
    turns_leave(&sim->turns, &sim->callers[number].place);
}

static void perform(struct sim *sim, unsigned number, const struct action *action) {
    struct sim_caller *caller = &sim->callers[number];
    if (sim->trace)
        printf("%12.3f ms  flight %u  action %d attempt %u\n", (double)sim->now.mono_ns / 1e6, number, action->kind,
               action->attempt);
    sim_told_action(sim, number, action);
    sim_crash_look(sim);
    sim_check_action(sim, number, action);
    switch (action->kind) {
    case action_call:
        if (sim->mutant != mutant_kept_late) sim_crash_call(sim, number, action->attempt);
        sim_call_begin(sim, number, action);
        if (sim->mutant == mutant_call_twice && !sim->tampered && sim_chance(&sim->policy, 10)) {
            sim->tampered = true;
            sim_check_action(sim, number, action);
        }
        break;
    case action_cancel:
        if (sim->mutant == mutant_cancel_lost && !sim->tampered)
            sim->tampered = true;
        else if (sim_call_of(caller, action->attempt))
            sim_call_of(caller, action->attempt)->alive = false;
        break;
    case action_call_read: {
        struct sim_call *call = sim_call_of(caller, action->attempt);
        if (!sim_rule(sim, call, "only a call that runs is read", number)) break;
        call->reading = action->wanted || sim->mutant == mutant_reader_ignored;
        if (action->wanted && call->waits) {
            call->waits = false;
            sim_schedule(sim, 1, step_reply, number, call->number);
        }
        break;
    }
    case action_end:
        if (sim->mutant == mutant_end_twice && !sim->tampered) {
            sim->tampered = true;
            sim_check_action(sim, number, action);
        }
        break;
    case action_timer:
        if (sim->mutant == mutant_timer_lost) {
            sim->tampered = true;
            break;
        }
        caller->timer_ns = action->deadline_ns;
        sim_schedule(sim, action->deadline_ns > sim->now.mono_ns ? action->deadline_ns - sim->now.mono_ns : 0,
                     step_timer, number, ++caller->timer_number);
        break;
    case action_wait:
        sim_rule(sim, !caller->in_line, "nobody stands in line twice", number);
        sim_decisions_wait(sim, number);
        caller->in_line = true;
        sim->line[sim->line_count++] = number;
        turns_join(&sim->turns, &caller->place, action->provider->cells, caller->flight->client_hash);
        break;
    case action_unwait:
        if (caller->in_line) line_leave(sim, number);
        break;
    case action_handover:
        if (sim->mutant == mutant_place_lost) {
            sim->tampered = true;
            break;
        }
        sim->world[sim_index(action->provider)].places_on_the_way++;
        sim_schedule(sim, sim_between(&sim->arrivals, 0, 3) * NS_PER_MS, step_place, number,
                     sim_index(action->provider));
        sim_reached(sim, mark_place_handed_over);
        break;
    case action_closed:
        sim_check_closed(sim, number);
        sim_told_flight(sim, caller->flight);
        sim_crash_note(sim, number);
        flight_free(caller->flight);
        caller->flight = NULL;
        sim->open_count--;
        break;
    default: break;
    }
}

/* Planted bugs: a hang-up keeps its probe's place (the word is put back); the lock moves within an epoch; fewer answers
 * are made than were asked for. */
static struct target_cells *tamper_before(struct sim *sim, struct sim_caller *caller, const struct event *event) {
    const struct attempt *live = caller->flight->live;
    if (sim->mutant == mutant_answer_missing && live && live->one_of_several && live->choice)
        caller->flight->request.n = live->choice + 1;
    const struct route *route = map_find(&sim->config.snapshot->exact_routes, STR("lock"));
    if (sim->mutant == mutant_epoch_kept && route && route->target_count > 1 && lock_view(&route->cells->lock).epoch) {
        struct lock_view view = lock_view(&route->cells->lock);
        lock_restore(&route->cells->lock, route->targets[view.holder == route->targets[0]->id]->id, view.epoch);
    }
    bool probe = live && live->holds.breaker && (live->holds.ticket.all.probe || live->holds.ticket.own.probe) &&
                 live->target->cells;
    if (sim->mutant != mutant_probe_kept || event->kind != event_caller_gone || !probe || live->holds.reported)
        return NULL;
    return live->target->cells;
}

/* Two more stand in the configuration that the engine reads, beside the one that the rules go by. */
static void tamper_config(struct sim *sim) {
    sim_money_config(sim);
    sim_quota_config(sim);
    sim_limits_config(sim);
    for (size_t p = 0; p < sim->config.snapshot->provider_count; p++) {
        struct provider *provider = &sim->config.snapshot->providers[p];
        struct sim_provider *world = &sim->world[sim_index(provider)];
        world->latest = provider;
        world->breaker = provider->breaker;
        world->minute = provider->rates.requests_minute;
        if (sim->mutant == mutant_echo_passed) provider->credentials = (struct credentials){NULL, NULL};
        if (sim->mutant == mutant_threshold_off) provider->breaker.failure_threshold++;
        if (sim->mutant == mutant_share_ignored)
            for (size_t r = 0; r < sim->config.snapshot->route_count; r++)
                sim->config.snapshot->routes[r].hedge.share_permille = 1000;
        if (sim->mutant == mutant_rate_doubled) provider->rates.requests_minute.limit *= 2;
    }
    struct snapshot *snapshot = sim->config.snapshot;
    if (sim->mutant == mutant_body_over) snapshot->body_bytes_max++;
    for (size_t r = 0; r < snapshot->route_count; r++) {
        struct retry_rules *retry = &snapshot->routes[r].retry;
        if (sim->mutant == mutant_failovers_count) retry->max_attempts = 1 + retry->max_retries;
        if (sim->mutant == mutant_outage_grows) retry->failover_permille = 1000000;
    }
    for (size_t c = 1; c < snapshot->client_count && sim->mutant == mutant_clients_share; c++)
        snapshot->clients[c].cells = snapshot->clients[0].cells;
}

static void deliver(struct sim *sim, unsigned number, const struct event *event) {
    struct sim_caller *caller = &sim->callers[number];
    struct actions actions;
    if (!caller->flight || sim->broken[0]) return;
    if (sim->trace)
        printf("%12.3f ms  flight %u  event %d attempt %u\n", (double)sim->now.mono_ns / 1e6, number, event->kind,
               event->attempt);
    sim->step_count++;
    struct target_cells *probed = tamper_before(sim, caller, event);
    if (sim->mutant == mutant_kept_late && event->kind == event_reply_head) sim_crash_call(sim, number, event->attempt);
    if (sim->mutant == mutant_money_kept && event->kind == event_caller_gone && caller->flight->live)
        caller->flight->live->holds.money.nano_usd = 0;
    if (sim->mutant == mutant_quota_kept && event->kind == event_caller_gone && caller->flight->live)
        caller->flight->live->holds.quota.count = 0;
    if (sim->mutant == mutant_value_kept && event->kind == event_caller_gone && caller->flight->limits &&
        caller->flight->limits->under)
        (void)!gate_enter(&caller->flight->limits->words->gate, 0);
    sim_quota_event(sim, number, event);
    uint64_t word = probed ? cell_load(&probed->breaker.all) : 0, own = probed ? cell_load(&probed->breaker.own) : 0;
    flight_step(caller->flight, event, sim->now, &actions);
    if (probed) cell_store(&probed->breaker.all, word);
    if (probed) cell_store(&probed->breaker.own, own);
    if (event->kind == event_body_end) caller->answers_wanted = (unsigned)caller->flight->request.n;
    if (event->kind == event_body_end) sim_decisions_admitted(sim, caller->flight);
    if (event->kind == event_reply_body) sim_crash_delivered(sim, number, event->attempt);
    if (sim->mutant != mutant_settled_late) sim_crash_step(sim, number, &actions);
    for (size_t i = 0; i < actions.count; i++) {
        bool last = actions.list[i].kind != action_closed || i + 1 == actions.count;
        if (!sim_rule(sim, last, "the close is the last action", number)) return;
        if (sim->mutant == mutant_settled_late && i + 1 == actions.count) sim_crash_step(sim, number, &actions);
        perform(sim, number, &actions.list[i]);
    }
    arena_reset(&sim->scratch);
    sim_decisions_step(sim, number);
    sim_money_step(sim, number);
    sim_quota_step(sim, number);
    sim_limits_step(sim, number);
    if (!caller->flight || caller->gone) return;
    bool live = caller->flight->live && caller->flight->live->state != attempt_settled;
    sim_rule(sim, !live || caller->timer_ns || caller->full || sim->mutant == mutant_timer_lost,
             "a live attempt has a timer", number);
    sim_clients_step(sim, number);
    if (event->kind == event_reply_body && !caller->full && caller->got_len &&
        sim_chance(&sim->arrivals, caller->reader)) {
        caller->full = true;
        deliver(sim, number, &(struct event){.kind = event_caller_full});
        sim_schedule(sim, sim_between(&sim->arrivals, 1, caller->room_ns_max), step_room, number, 0);
    }
}

static void deliver_turn(struct sim *sim, unsigned number) {
    sim_reached(sim, mark_answered_after_line);
    deliver(sim, number, &(struct event){.kind = event_turn});
}

/* -- callers -- */

static char *body_draw(struct sim *sim, struct sim_caller *caller) {
    static const char *const models[] = {"m0", "mixed", "lock", "fast", "gpt-x", "p0/any", "nothing", "default", "m2"};
    static const char *const options[] = {"",
                                          ",\"stream_options\":null",
                                          ",\"stream_options\":{}",
                                          ",\"stream_options\":{\"include_usage\":false}",
                                          ",\"stream_options\":{\"include_usage\":true}",
                                          ",\"stream_options\":{\"other\":1}"};
    const char *model =
        sim->one_route ? "fast" : models[prng_below(&sim->arrivals, sim_chance(&sim->arrivals, 90) ? 4 : 9)];
    caller->asks_stream = sim_chance(&sim->arrivals, 60);
    unsigned option = caller->asks_stream ? (unsigned)prng_below(&sim->arrivals, 6) : 0;
    caller->asks_usage = option == 4;
    size_t pad = sim_chance(&sim->arrivals, 10) ? (size_t)sim_between(&sim->arrivals, 1000, 6000) : 3;
    bool at_limit = sim_chance(&sim->arrivals, 3);
    char *body = malloc(pad + sim->body_max + 512), several[16] = "", user[16];
    if (sim_chance(&sim->several, 12))
        snprintf(several, sizeof several, ",\"n\":%u", (unsigned)sim_between(&sim->several, 2, 4));
    sim_limits_user(sim, user, sizeof user);
    int head = snprintf(body, 400, "{\"model\":\"%s\"%s%s%s%s,\"messages\":[{\"role\":\"user\",\"content\":\"", model,
                        caller->asks_stream ? ",\"stream\":true" : "", options[option], several, user);
    if (at_limit) pad = sim->body_max - (size_t)head - 6 + (size_t)sim_between(&sim->arrivals, 0, 4);
    memset(body + head, 'p', pad);
    strcpy(body + head + pad, "\"}]}");
    if (sim_chance(&sim->arrivals, 5)) {
        body[head / 2] = sim_chance(&sim->arrivals, 50) ? '}' : '\0';
        caller->asks_usage &= strstr(body, "\"include_usage\":true") != NULL; /* a spoilt key asks for nothing */
    }
    caller->body_len = (size_t)head + pad + 4;
    return body;
}

/* A place for one more caller, empty; sim_flights_max: none is free. */
static unsigned place_find(struct sim *sim) {
    unsigned number = 0;
    while (number < sim->caller_count && sim->callers[number].flight) number++;
    if (number == sim_flights_max) return number;
    if (number == sim->caller_count) sim->caller_count++;
    struct sim_caller *caller = &sim->callers[number];
    unsigned generation = caller->generation + 1;
    for (unsigned i = 0; i < sim_lanes; i++) sim_call_free(&caller->lanes[i]);
    free(caller->body);
    free(caller->got);
    free(caller->said);
    *caller = (struct sim_caller){.source = -1, .generation = generation, .serial = (unsigned)sim->arrived};
    sim->arrived++;
    return number;
}

/* From one that takes all at once to one that hardly reads. */
static void reader_draw(struct sim *sim, struct sim_caller *caller) {
    static const unsigned shares[] = {0, 3, 3, 50, 100};
    static const uint64_t rooms_ms[] = {1, 40000, 3600000};
    caller->reader = shares[prng_below(&sim->cuts, sim_chance(&sim->cuts, 90) ? 3 : 5)];
    caller->room_ns_max = rooms_ms[prng_below(&sim->cuts, sim_chance(&sim->cuts, 90) ? 2 : 3)] * NS_PER_MS;
    if (caller->room_ns_max > 100 * NS_PER_S && caller->reader) sim_reached(sim, mark_reader_stalled);
}

static void caller_begin(struct sim *sim, unsigned number) {
    struct sim_caller *caller = &sim->callers[number];
    const struct snapshot *snapshot = sim->config.snapshot;
    char id[16];
    caller->body = body_draw(sim, caller);
    for (unsigned i = 0; i < sim->provider_total; i++)
        if (sim->world[i].absent || sim->world[i].drained) caller->forbidden |= 1u << i;
    if (snapshot->client_count && sim_chance(&sim->arrivals, 50)) {
        caller->client_index = (unsigned)prng_below(&sim->arrivals, snapshot->client_count);
        caller->client = &snapshot->clients[caller->client_index];
    }
    reader_draw(sim, caller);
    snprintf(id, sizeof id, "sim-%u", caller->serial);
    char session[8];
    struct http_header headers[3] = {{STR("content-type"), STR("application/json")}};
    size_t header_count = 1;
    if (sim_prefix_session(sim, session, sizeof session))
        headers[header_count++] = (struct http_header){STR("x-weir-session"), str_from(session)};
    if (sim_chance(&sim->arrivals, 10))
        headers[header_count++] = (struct http_header){STR("x-weir-timeout-ms"), STR("700")};
    struct flight_request asked = {.endpoint = endpoint_chat,
                                   .headers = headers,
                                   .header_count = header_count,
                                   .request_id = str_from(id),
                                   .client = caller->client,
                                   .content_length = sim_chance(&sim->arrivals, 50) ? (int64_t)caller->body_len : -1,
                                   .arrived = sim->now};
    caller->flight = flight_new(&sim->host, snapshot, &asked);
    caller->started_ns = sim->now.mono_ns;
    sim->open_count++;
    deliver(sim, number, &(struct event){.kind = event_arrived});
    sim_schedule(sim, 1, step_body, number, 0);
    if (sim_chance(&sim->arrivals, 15))
        sim_schedule(sim, sim_between(&sim->arrivals, 0, 400) * NS_PER_MS, step_gone, number, 0);
}

/* One that asks for this provider, or route, patiently. */
static void caller_begin_sound(struct sim *sim, unsigned number, struct str name) {
    struct sim_caller *caller = &sim->callers[number];
    bool route = map_find(&sim->config.snapshot->exact_routes, name) != NULL;
    char id[16];
    caller->body = malloc(256);
    caller->body_len = (size_t)snprintf(caller->body, 256, "{\"model\":\"%.*s%s\",\"max_tokens\":1,\"messages\":[]}",
                                        STR_ARG(name), route ? "" : "/m0");
    snprintf(id, sizeof id, "sound-%u", caller->serial);
    struct flight_request asked = {.endpoint = endpoint_chat,
                                   .request_id = str_from(id),
                                   .content_length = (int64_t)caller->body_len,
                                   .arrived = sim->now};
    caller->flight = flight_new(&sim->host, sim->config.snapshot, &asked);
    caller->started_ns = sim->now.mono_ns;
    sim->open_count++;
    deliver(sim, number, &(struct event){.kind = event_arrived});
    sim_schedule(sim, 1, step_body, number, 0);
}

static void on_body(struct sim *sim, unsigned number) {
    struct sim_caller *caller = &sim->callers[number];
    if (caller->body_sent == caller->body_len) {
        caller->body_done = true;
        sim_told_preview(sim, caller);
        deliver(sim, number, &(struct event){.kind = event_body_end});
        return;
    }
    size_t len = (size_t)sim_between(&sim->cuts, 1, caller->body_len - caller->body_sent);
    struct str piece = str_make(caller->body + caller->body_sent, len);
    caller->body_sent += len;
    deliver(sim, number, &(struct event){.kind = event_body, .bytes = piece});
    sim_schedule(sim, sim_between(&sim->arrivals, 0, 3) * NS_PER_MS, step_body, number, 0);
}

static void on_reply(struct sim *sim, unsigned number, unsigned call_number) {
    struct sim_caller *caller = &sim->callers[number];
    struct sim_call *call = caller->lanes[0].number == call_number ? &caller->lanes[0] : &caller->lanes[1];
    struct event event;
    if (call->number != call_number) return;
    bool late = !call->alive && sim_chance(&sim->faults, 20); /* an event of a dead attempt, on purpose */
    if (!call->alive && !late) return;
    if (!call->reading && call->alive) {
        call->waits = true;
        return;
    }
    bool was_alive = call->alive;
    const struct attempt *attempt = caller->flight->attempts[call->attempt];
    sim_rule(sim, late || !caller->full || attempt->state != attempt_delivering,
             "no provider is read while its caller has no room", number);
    if (!sim_call_event(sim, call, &event)) return;
    bool more = call->alive;
    if (!was_alive) call->alive = false;
    if (late) sim_reached(sim, mark_late_event);
    if (late && sim->mutant == mutant_late_taken && event.kind == event_reply_body && caller->responded &&
        !caller->ended) {
        struct actions actions;
        actions_begin(&actions, &sim->scratch);
        actions_write(&actions, event.bytes);
        perform(sim, number, &actions.list[0]);
    }
    deliver(sim, number, &event);
    if (more && call->number == call_number)
        sim_schedule(
            sim,
            sim->healed ? 1 : sim_between(&sim->providers, 0, sim_chance(&sim->providers, 3) ? 3000 : 30) * NS_PER_MS,
            step_reply, number, call_number);
}

/* A place that was left for the next in line arrives; who was meant may be gone. */
static void on_place(struct sim *sim, unsigned index) {
    const struct provider *provider = sim->world[index].latest;
    sim->world[index].places_on_the_way--;
    unsigned number = sim_flights_max;
    for (unsigned i = 0; i < sim->line_count && sim->mutant == mutant_line_in_order && number == sim_flights_max; i++)
        if (sim->callers[sim->line[i]].flight->waiting.candidate->target->provider->cells == provider->cells)
            number = sim->line[i];
    struct turns_place *next = sim->mutant == mutant_line_in_order ? NULL : turns_take(&sim->turns, provider->cells);
    if (next) number = (unsigned)(LIST_OWNER(next, struct sim_caller, place) - sim->callers);
    if (number < sim_flights_max) {
        sim_decisions_turn(sim, number);
        line_leave(sim, number);
        deliver_turn(sim, number);
        return;
    }
    sim_reached(sim, mark_place_without_waiter);
    if (!gate_unwanted(&provider->cells->gate)) return;
    sim->world[index].places_on_the_way++;
    sim_schedule(sim, NS_PER_MS, step_place, 0, index);
}

enum { moods_max = 4000 };

/* The wall clock is set, by minutes or hours, or the process was stopped for a while: nothing runs backwards but it. */
static void clock_jump(struct sim *sim) {
    if (sim_chance(&sim->faults, 50)) {
        sim->now.wall_ns += ((int64_t)sim_between(&sim->faults, 0, 20000) - 10000) * (int64_t)NS_PER_S;
    } else {
        uint64_t stopped_ns = sim_between(&sim->faults, 1, 20000) * NS_PER_MS;
        sim->now.mono_ns += stopped_ns;
        sim->now.wall_ns += (int64_t)stopped_ns;
    }
    sim_reached(sim, mark_clock_jumped);
}

static void on_mood(struct sim *sim, unsigned index) {
    if (!sim->healed && sim_chance(&sim->faults, 5)) clock_jump(sim);
    if (!sim->healed && sim_chance(&sim->poison, 10)) sim_decisions_outage(sim);
    if (!sim->healed && sim_chance(&sim->poison, 30)) sim_decisions_probes(sim, index);
    static const unsigned moods[] = {0, 0, 2, 30, 100};
    sim->world[index].failing = sim->healed ? 0 : moods[prng_below(&sim->faults, 5)];
    if (sim->open_count && !sim->healed && sim->mood_count++ < moods_max)
        sim_schedule(sim, sim_between(&sim->faults, 100, 30000) * NS_PER_MS, step_mood, 0, index);
}

static void on_reload(struct sim *sim);

static void on_step(struct sim *sim, const struct sim_step *step) {
    struct sim_caller *caller = &sim->callers[step->caller];
    if (step->kind == step_place) {
        on_place(sim, step->number);
        return;
    }
    if (step->kind == step_mood) {
        on_mood(sim, step->number);
        return;
    }
    if (step->kind == step_reload) {
        on_reload(sim);
        return;
    }
    if (!caller->flight || step->generation != caller->generation) return;
    switch (step->kind) {
    case step_body:
        if (!caller->gone) on_body(sim, step->caller);
        return;
    case step_gone:
        if (caller->gone || caller->ended || caller->aborted) return;
        caller->gone = true;
        deliver(sim, step->caller, &(struct event){.kind = event_caller_gone});
        return;
    case step_reply: on_reply(sim, step->caller, step->number); return;
    case step_timer:
        if (step->number != caller->timer_number) return;
        caller->timer_ns = 0;
        deliver(sim, step->caller, &(struct event){.kind = event_timer});
        return;
    case step_place:
    case step_reload:
    case step_mood: return;
    case step_room:
        if (!caller->full || caller->gone || caller->ended) return;
        caller->full = false;
        deliver(sim, step->caller, &(struct event){.kind = event_caller_writable});
        return;
    }
}

/* -- a run -- */

static const char *environment(void *context, const char *name) {
    (void)context, (void)name;
    return NULL;
}

static const char *const strategies_drawn[] = {"priority",         "round_robin",  "least_loaded",
                                               "fastest_response", "cost_optimal", "cost_optimized",
                                               "weighted",         "sticky",       "adaptive"};

static const char *strategy_draw(struct sim *sim) {
    return strategies_drawn[prng_below(&sim->arrivals, sizeof strategies_drawn / sizeof *strategies_drawn)];
}

/* One draw a statement: compilers differ in which argument comes first. */
static void provider_draw(struct sim *sim, unsigned i) {
    struct prng *draw = &sim->arrivals;
    const unsigned long long retries = sim_between(draw, 0, 4), stall = sim_between(draw, 1, 20),
                             reply = sim_between(draw, 1, 100), timeout = sim_between(draw, 1, 30),
                             priority = sim_between(draw, 1, 3);
    const bool has_keys = sim_chance(draw, 30), is_mistral = sim_chance(draw, 20);
    const unsigned long long ramp = sim_between(draw, 1, 5), successes = sim_between(draw, 1, 3),
                             probes = sim_between(draw, 1, 3), open = sim_between(draw, 1, 30),
                             failing = sim_between(draw, 1, 6);
    struct text whole = text_in_buffer(sim->world[i].written, sizeof sim->world[i].written - 1), *text = &whole;
    text_printf(text,
                "  p%u: {type: %s, api_keys: [sk-sim-%u-0-0123456789%s], base_url: \"http://p%u/v1\", models: [m0, "
                "m%u], priority: %llu, "
                "timeout_seconds: %llu, reply_timeout_seconds: %llu, stall_timeout_seconds: %llu, max_retries: %llu",
                i, is_mistral ? "mistral" : "openai", i,
                has_keys ? ", sk-sim-second-key-01234, sk-sim-third-key-0123456" : "", i, i % 3, priority, timeout,
                reply, stall, retries);
    text_printf(text,
                ", circuit_breaker: {failure_threshold: %llu, timeout_seconds: %llu, half_open_max_calls: %llu, "
                "success_threshold: %llu, ramp_seconds: %llu}",
                failing, open, probes, successes, ramp);
    if (sim_chance(draw, 50)) {
        text_printf(text, ", max_concurrent: %llu", (unsigned long long)sim_between(draw, 1, 4));
        if (sim_chance(draw, 60)) {
            const unsigned long long wait = sim_between(draw, 1, 5000), most = sim_between(draw, 1, 8);
            text_printf(text, ", queue: {max: %llu, wait_ms: %llu}", most, wait);
        }
    }
    if (sim_chance(draw, 40)) text_printf(text, ", rate_limit_rpm: %llu", (unsigned long long)sim_between(draw, 1, 60));
    if (sim_chance(draw, 30)) text_printf(text, ", burst_allowance: %llu", (unsigned long long)sim_between(draw, 1, 9));
    if (sim_chance(draw, 20))
        text_printf(text, ", rate_limit_tpm: %llu", (unsigned long long)sim_between(draw, 100, 20000));
    const bool one = sim_chance(&sim->several, 60), extends = sim_money_extends(sim); /* one answer at a time */
    const char *fact = one && extends ? "{refuses: n, bills_hidden: false}"
                       : one          ? "{refuses: n}"
                                      : "{bills_hidden: false}";
    if (one || extends) text_printf(text, ", facts: {m0: %s, m1: %s, x: %s, y: %s}", fact, fact, fact, fact);
    sim_money_provider(sim, text);
    sim_quota_provider(sim, text);
    CHECK(!text->failed);
    sim->world[i].written[text->len] = 0;
}

/* The parts of a configuration, drawn once; which providers there are changes in mid run. */
static void config_draw(struct sim *sim) {
    struct prng *draw = &sim->arrivals;
    sim_money_draw(sim);
    sim_quota_draw(sim);
    sim_limits_draw(sim);
    sim_prefix_draw(sim);
    sim->provider_total = (unsigned)sim_between(draw, 1, sim_providers_max);
    sim->body_max = (size_t)sim_between(draw, 1024, 8192);
    sim->failover_permille = (unsigned)sim_between(draw, 0, 4) * 250;
    const bool unlimited = sim_chance(draw, 50);
    const unsigned long long most_ms = sim_between(draw, 500, 5000), base_ms = sim_between(draw, 1, 500);
    sim->retries_max = (unsigned)sim_between(draw, 0, 5);
    const char *strategy = strategy_draw(sim);
    const unsigned long long timeout_s = sim_between(draw, 1, 60);
    snprintf(sim->head, sizeof sim->head,
             "request_timeout_seconds: %llu\nmax_body_bytes: %llu\nselection_strategy: %s\nretry: {max_retries: "
             "%u, base_ms: %llu, max_ms: %llu, budget: %s, failover_budget: %u.%03u",
             timeout_s, (unsigned long long)sim->body_max, strategy, sim->retries_max, base_ms, most_ms,
             unlimited ? "0" : "0.2", sim->failover_permille / 1000, sim->failover_permille % 1000);
    struct text rest = text_in_buffer(sim->head + strlen(sim->head), sizeof sim->head - strlen(sim->head) - 1);
    if (sim_chance(draw, 20)) sim->attempts_max = (unsigned)sim_between(draw, 1, 8);
    if (sim->attempts_max) text_printf(&rest, ", max_attempts: %u", sim->attempts_max);
    text_put(&rest, STR("}\nproviders:\n"));
    CHECK(!rest.failed);
    rest.at[rest.len] = 0;
    for (unsigned i = 0; i < sim->provider_total; i++) provider_draw(sim, i);
    strategy = strategy_draw(sim);
    const bool resumes = sim_chance(draw, 30);
    int len =
        snprintf(sim->fast, sizeof sim->fast, "strategy: %s, resume_streams: %s", strategy, resumes ? "true" : "false");
    if (sim_chance(draw, 50)) {
        sim->hedge_permille = (unsigned)sim_between(draw, 1, 10) * 50;
        len += snprintf(sim->fast + len, sizeof sim->fast - (size_t)len, ", hedge: {max_share: %u.%03u",
                        sim->hedge_permille / 1000, sim->hedge_permille % 1000);
        if (sim_chance(draw, 50))
            len += snprintf(sim->fast + len, sizeof sim->fast - (size_t)len, ", after: %llums",
                            (unsigned long long)sim_between(draw, 1, 2000));
        snprintf(sim->fast + len, sizeof sim->fast - (size_t)len, "}");
    }
    sim_prefix_route(sim, sim->fast, sizeof sim->fast);
    const unsigned long long back = sim_between(draw, 1, 20), after = sim_between(draw, 1, 4);
    snprintf(sim->lock_route, sizeof sim->lock_route, "failover_after: %llu, return_to_primary_seconds: %llu", after,
             back);
    struct text clients = text_in_buffer(sim->clients, sizeof sim->clients - 1);
    sim_clients_draw(sim, &clients);
    CHECK(!clients.failed);
    sim->clients[clients.len] = 0;
}

static void targets_put(const struct sim *sim, struct text *text, bool weights) {
    bool first = true;
    text_put(text, STR("targets: ["));
    for (unsigned i = 0; i < sim->provider_total; i++) {
        if (sim->world[i].absent) continue;
        if (!first) text_put(text, STR(", "));
        first = false;
        if (i == 0)
            text_put(text, STR("p0/x"));
        else if (weights)
            text_printf(text, "{target: p%u/y, weight: %u, params: {seed: %u}}", i, i, i);
        else
            text_printf(text, "p%u/y", i);
    }
    text_put(text, STR("]}\n"));
}

/* The configuration as the operator has it now. The one before is kept for the flights that began with it. */
static bool config_take(struct sim *sim) {
    static char yaml[24576];
    struct text text = text_in_buffer(yaml, sizeof yaml - 1);
    unsigned first = 0;
    while (sim->world[first].absent) first++;
    text_put(&text, str_from(sim->head));
    for (unsigned i = 0; i < sim->provider_total; i++) {
        if (sim->world[i].absent) continue;
        text_put(&text, str_from(sim->world[i].written));
        text_put(&text, sim->world[i].drained ? STR(", state: draining}\n") : STR("}\n"));
    }
    text_printf(&text, "routes:\n  - {model: \"gpt-*\", targets: [p%u/y]}\n  - {model: fast, %s, ", first, sim->fast);
    targets_put(sim, &text, true);
    text_printf(&text, "  - {model: lock, strategy: exclusive, %s, ", sim->lock_route);
    targets_put(sim, &text, false);
    text_put(&text, STR("  - {model: mixed, strategy: priority, targets: [{route: fast}, {route: lock}]}\n"));
    text_put(&text, str_from(sim->clients));
    struct config_input input = {.path = STR("sim"),
                                 .text = text_str(&text),
                                 .environment = environment,
                                 .ids = &sim->ids,
                                 .cells = &sim->cells};
    if (sim->mutant == mutant_cells_forgotten && sim->config.snapshot) input.cells = NULL;
    if (sim->config.snapshot) sim->old[sim->old_count++] = sim->config;
    memset(&sim->config, 0, sizeof sim->config);
    bool loaded = !text.failed && config_load(&input, &sim->config);
    for (const struct config_problem *at = sim->config.problems; at && !loaded; at = at->next)
        fprintf(stderr, "%u:%u: %.*s\n", at->line, at->column, STR_ARG(at->message));
    if (loaded) tamper_config(sim);
    return loaded;
}

/* An operator at work: a provider goes, comes back, is drained or resumed; flights that have begun go on. */
static void on_reload(struct sim *sim) {
    unsigned index = (unsigned)prng_below(&sim->faults, sim->provider_total), present = 0;
    struct sim_provider *world = &sim->world[index];
    if (sim->healed || sim->old_count + 2 >= sim_reloads_max) return; /* one is left for the healing */
    for (unsigned i = 0; i < sim->provider_total; i++) present += !sim->world[i].absent;
    if (world->absent) {
        world->absent = false;
        sim_reached(sim, mark_provider_back);
    } else if (sim_chance(&sim->faults, 50)) {
        world->drained = !world->drained;
        if (world->drained) sim_reached(sim, mark_provider_drained);
    } else if (present > 1) {
        world->absent = true;
        sim_reached(sim, mark_provider_removed);
    }
    sim_rule(sim, config_take(sim), "every configuration of the run loads", 0);
    sim_schedule(sim, sim_between(&sim->faults, 10, 20000) * NS_PER_MS, step_reload, 0, 0);
}

static void heap_step(struct sim *sim) {
    struct sim_step step = step_take(sim);
    if (step.at_ns > sim->now.mono_ns) { /* else the process was stopped when it was due */
        sim->now.wall_ns += (int64_t)(step.at_ns - sim->now.mono_ns);
        sim->now.mono_ns = step.at_ns;
    }
    on_step(sim, &step);
    sim_rule(sim, sim->step_count < 20000000, "a run comes to its end", step.caller);
}

static void heap_run(struct sim *sim) {
    while (!sim->broken[0] && sim->heap_count) heap_step(sim);
}

/* Every fault ends, every deadline passes: then each provider must serve again, and the lock's route too. */
static void heal(struct sim *sim) {
    const struct snapshot *snapshot = sim->config.snapshot;
    unsigned last = 0;
    sim->healed = true;
    sim->poisoned = 0;
    for (unsigned p = 0; p < sim_providers_max; p++)
        sim->world[p].failing = sim->world[p].absent = sim->world[p].drained = 0;
    if (!sim_rule(sim, config_take(sim), "every configuration of the run loads", 0)) return;
    snapshot = sim->config.snapshot;
    sim->now.mono_ns += 4000 * NS_PER_S;                /* beyond every cool-down and every bucket */
    sim->now.wall_ns += 30 * 86400 * (int64_t)NS_PER_S; /* and every day that a clock which was set has seen */
    for (size_t p = 0; p <= snapshot->provider_count && !sim->broken[0]; p++) {
        struct str name = p < snapshot->provider_count ? snapshot->providers[p].name : STR("lock");
        sim->now.mono_ns += 100 * NS_PER_S;
        sim->now.wall_ns += (sim->quota.on || sim->money.on ? 90000 : 100) * (int64_t)NS_PER_S; /* with the day */
        last = place_find(sim);
        caller_begin_sound(sim, last, name);
        heap_run(sim);
        sim_rule(sim, sim->callers[last].status == 200, "with every fault ended, all is served again", last);
    }
}

static void end(struct sim *sim) {
    for (unsigned i = 0; i < sim->caller_count; i++) {
        struct sim_caller *caller = &sim->callers[i];
        if (caller->flight) { /* only after a broken rule */
            caller->flight->live = caller->flight->rival = NULL;
            if (caller->flight->state != flight_closed) flight_enter(caller->flight, flight_closed, sim->now);
            flight_free(caller->flight);
        }
        for (unsigned lane = 0; lane < sim_lanes; lane++) sim_call_free(&caller->lanes[lane]);
        free(caller->body);
        free(caller->got);
        free(caller->said);
    }
    sim_crash_end(sim);
    prefix_memory_free(&sim->prefix.memory);
    config_free(&sim->config);
    for (unsigned i = 0; i < sim->old_count; i++) config_free(&sim->old[i]);
    cells_free(&sim->cells);
    config_ids_free(&sim->ids);
    arena_free(&sim->scratch);
    free(sim->heap);
}

bool sim_run(struct sim *sim, uint64_t seed, unsigned long long flights, enum sim_mutant mutant, bool trace) {
    memset(sim, 0, sizeof *sim);
    sim->seed = seed;
    sim->mutant = mutant;
    sim->trace = trace;
    prng_seed(&sim->arrivals, seed);
    prng_seed(&sim->providers, seed ^ 0x1111);
    prng_seed(&sim->faults, seed ^ 0x2222);
    prng_seed(&sim->cuts, seed ^ 0x3333);
    prng_seed(&sim->policy, seed ^ 0x4444);
    prng_seed(&sim->poison, seed ^ 0x5555);
    prng_seed(&sim->several, seed ^ 0x6666);
    prng_seed(&sim->money.draw, seed ^ 0x7777);
    prng_seed(&sim->quota.draw, seed ^ 0x8888);
    prng_seed(&sim->crashes, seed ^ 0x9999);
    prng_seed(&sim->limits.draw, seed ^ 0xaaaa);
    prng_seed(&sim->prefix.draw, seed ^ 0xbbbb);
    if (sim_chance(&sim->poison, 30)) sim->poisoned = 1u << sim_between(&sim->poison, 0, sim_clients_max);
    sim->now = (struct now){.mono_ns = NS_PER_S, .wall_ns = 1700000000000000000};
    sim->bodies.limit = 64 << 20;
    arena_init(&sim->scratch, 64 * 1024, 64 << 20);
    sim->host = (struct flight_host){.budget = &sim->bodies, .scratch = &sim->scratch, .prng = &sim->policy};
    if (sim->mutant != mutant_prefix_forgotten && prefix_memory_init(&sim->prefix.memory))
        sim->host.prefixes = &sim->prefix.memory;
    sim->prefix.memory.secret = (struct hash_secret){{0}}; /* the same in each run */
    list_init(&sim->turns);
    if (!flights) sim_crash_begin(sim, &sim->crashes);
    config_draw(sim);
    if (!sim_rule(sim, config_take(sim), "a drawn configuration is valid", 0)) return end(sim), false;
    bool many = sim_chance(&sim->arrivals, 20);
    unsigned long long wanted = sim_between(&sim->arrivals, 8, many ? sim_arrivals_max : sim_arrivals_usual);
    if (flights) wanted = flights;
    sim->one_route = many && sim_chance(&sim->arrivals, 70);
    uint64_t next_ns = 0;
    unsigned pauses = (unsigned)sim_between(&sim->arrivals, 0, 60);
    for (unsigned p = 0; p < sim_providers_max; p++) sim_schedule(sim, 0, step_mood, 0, p);
    if (sim_chance(&sim->faults, 40)) sim_schedule(sim, NS_PER_S, step_reload, 0, 0);
    while (!sim->broken[0] && (sim->arrived < wanted || sim->heap_count)) {
        bool due = sim->now.mono_ns >= next_ns || sim->heap_count == 0 || sim->heap[0].at_ns >= next_ns;
        bool room = sim->open_count < sim_arrivals_max;
        bool arrives = sim->arrived < wanted && room && due && (sim->heap_count == 0 || sim_chance(&sim->arrivals, 20));
        if (arrives) {
            if (sim->now.mono_ns < next_ns) {
                sim->now.wall_ns += (int64_t)(next_ns - sim->now.mono_ns);
                sim->now.mono_ns = next_ns;
            }
            caller_begin(sim, place_find(sim));
            bool pause = sim_chance(&sim->arrivals, pauses); /* herds, and a trickle */
            next_ns = sim->now.mono_ns + (pause ? sim_between(&sim->arrivals, 0, 20000) * NS_PER_MS : 0);
            continue;
        }
        heap_step(sim);
    }
    sim_rule(sim, sim->open_count == 0, "every flight closes", 0);
    if (!sim->broken[0]) sim_decisions_rest(sim);
    sim_told_rest(sim);
    if (!sim->broken[0]) heal(sim);
    if (!sim->broken[0]) sim_decisions_rest(sim);
    sim_told_rest(sim);
    if (!sim->broken[0]) sim_rule(sim, atomic_load(&sim->bodies.taken) == 0, "every byte of a body is given back", 0);
    end(sim);
    return !sim->broken[0];
}
