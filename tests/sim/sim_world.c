/* sim_world.c - the heap of steps, the callers, and the performing of actions on the fakes. */
#include "sim.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"

uint64_t sim_between(struct prng *prng, uint64_t low, uint64_t high) { return low + prng_below(prng, high - low + 1); }
bool sim_chance(struct prng *prng, unsigned percent) { return prng_below(prng, 100) < percent; }

/* -- the heap ---------------------------------------------------------------------------------------------------------
 */

static bool before(const struct sim_step *a, const struct sim_step *b) {
    return a->at_ns < b->at_ns || (a->at_ns == b->at_ns && a->order < b->order);
}

void sim_schedule(struct sim *sim, uint64_t in_ns, int kind, unsigned caller, unsigned number) {
    if (sim->heap_count == sim->heap_size) {
        sim->heap_size = sim->heap_size ? sim->heap_size * 2 : 256;
        sim->heap = realloc(sim->heap, sim->heap_size * sizeof *sim->heap);
    }
    struct sim_step step = {
        .at_ns = sim->now.mono_ns + in_ns, .order = sim->order++, .caller = caller, .number = number};
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

/* -- performing -------------------------------------------------------------------------------------------------------
 */

static void fold(struct sim *sim, uint64_t value) { sim->hash = (sim->hash ^ value) * 0x100000001b3ull; }

static void perform(struct sim *sim, unsigned number, const struct action *action) {
    struct sim_caller *caller = &sim->callers[number];
    if (sim->trace)
        printf("%12.3f ms  flight %u  action %d attempt %u\n", (double)sim->now.mono_ns / 1e6, number, action->kind,
               action->attempt);
    fold(sim, (uint64_t)action->kind << 32 | number << 8 | action->attempt);
    sim_check_action(sim, number, action);
    switch (action->kind) {
    case action_call: sim_call_begin(sim, number, action); break;
    case action_cancel:
        if (sim->mutant == mutant_cancel_lost && !sim->tampered)
            sim->tampered = true;
        else
            caller->call.alive = false;
        break;
    case action_call_read:
        caller->call.reading = action->wanted;
        if (action->wanted && caller->call.waits) {
            caller->call.waits = false;
            sim_schedule(sim, 1, step_reply, number, caller->call.number);
        }
        break;
    case action_write:
        for (size_t i = 0; i < action->write.count; i++) fold(sim, str_hash(action->write.ranges[i]));
        break;
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
    case action_closed:
        sim_check_closed(sim, number);
        flight_free(caller->flight);
        caller->flight = NULL;
        sim->open_count--;
        break;
    default: break;
    }
}

static void deliver(struct sim *sim, unsigned number, const struct event *event) {
    struct sim_caller *caller = &sim->callers[number];
    struct actions actions;
    if (!caller->flight || sim->broken[0]) return;
    if (sim->trace)
        printf("%12.3f ms  flight %u  event %d attempt %u\n", (double)sim->now.mono_ns / 1e6, number, event->kind,
               event->attempt);
    sim->step_count++;
    flight_step(caller->flight, event, sim->now, &actions);
    for (size_t i = 0; i < actions.count; i++) {
        bool last = actions.list[i].kind != action_closed || i + 1 == actions.count;
        if (!sim_rule(sim, last, "the close is the last action", number)) return;
        perform(sim, number, &actions.list[i]);
    }
    arena_reset(&sim->scratch);
    if (!caller->flight || caller->gone) return;
    bool live = caller->flight->live && caller->flight->live->state != attempt_settled;
    sim_rule(sim, !live || caller->timer_ns || caller->full || sim->mutant == mutant_timer_lost,
             "a live attempt has a timer", number);
    if (event->kind == event_reply_body && !caller->full && caller->got_len && sim_chance(&sim->arrivals, 3)) {
        caller->full = true;
        deliver(sim, number, &(struct event){.kind = event_caller_full});
        sim_schedule(sim, sim_between(&sim->arrivals, 1, 40000) * NS_PER_MS, step_room, number, 0);
    }
}

/* -- callers ----------------------------------------------------------------------------------------------------------
 */

static char *body_draw(struct sim *sim, struct sim_caller *caller) {
    static const char *const models[] = {"m0", "m1", "m2", "fast", "gpt-x", "p0/any", "nothing", "default"};
    static const char *const options[] = {"",
                                          ",\"stream_options\":null",
                                          ",\"stream_options\":{}",
                                          ",\"stream_options\":{\"include_usage\":false}",
                                          ",\"stream_options\":{\"include_usage\":true}",
                                          ",\"stream_options\":{\"other\":1}"};
    const char *model = models[prng_below(&sim->arrivals, sim_chance(&sim->arrivals, 90) ? 4 : 8)];
    caller->asks_stream = sim_chance(&sim->arrivals, 60);
    unsigned option = caller->asks_stream ? (unsigned)prng_below(&sim->arrivals, 6) : 0;
    caller->asks_usage = option == 4;
    size_t pad = sim_chance(&sim->arrivals, 10) ? (size_t)sim_between(&sim->arrivals, 1000, 6000) : 3;
    char *body = malloc(pad + 512);
    int head = snprintf(body, 400, "{\"model\":\"%s\"%s%s,\"messages\":[{\"role\":\"user\",\"content\":\"", model,
                        caller->asks_stream ? ",\"stream\":true" : "", options[option]);
    memset(body + head, 'p', pad);
    strcpy(body + head + pad, "\"}]}");
    if (sim_chance(&sim->arrivals, 5)) {
        body[head / 2] = sim_chance(&sim->arrivals, 50) ? '}' : '\0';
        caller->asks_usage &= strstr(body, "\"include_usage\":true") != NULL; /* a spoilt key asks for nothing */
    }
    caller->body_len = (size_t)head + pad + 4;
    return body;
}

static void caller_begin(struct sim *sim, unsigned number) {
    struct sim_caller *caller = &sim->callers[number];
    const struct snapshot *snapshot = sim->config.snapshot;
    char id[16];
    *caller = (struct sim_caller){.source = -1};
    caller->body = body_draw(sim, caller);
    if (snapshot->client_count && sim_chance(&sim->arrivals, 50)) caller->client = &snapshot->clients[0];
    snprintf(id, sizeof id, "sim-%u", number);
    struct http_header headers[2] = {{STR("content-type"), STR("application/json")},
                                     {STR("x-weir-timeout-ms"), STR("700")}};
    struct flight_request asked = {.endpoint = endpoint_chat,
                                   .headers = headers,
                                   .header_count = sim_chance(&sim->arrivals, 10) ? 2 : 1,
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

static void on_body(struct sim *sim, unsigned number) {
    struct sim_caller *caller = &sim->callers[number];
    if (caller->body_sent == caller->body_len) {
        caller->body_done = true;
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
    struct sim_call *call = &caller->call;
    struct event event;
    if (call->number != call_number) return;
    bool late = !call->alive && sim_chance(&sim->faults, 20); /* an event of a dead attempt, on purpose */
    if (!call->alive && !late) return;
    if (!call->reading && call->alive) {
        call->waits = true;
        return;
    }
    bool was_alive = call->alive;
    if (!sim_call_event(sim, caller, &event)) return;
    bool more = call->alive;
    if (!was_alive) call->alive = false;
    deliver(sim, number, &event);
    if (more && call->number == call_number)
        sim_schedule(sim, sim_between(&sim->providers, 0, sim_chance(&sim->providers, 3) ? 3000 : 30) * NS_PER_MS,
                     step_reply, number, call_number);
}

static void on_step(struct sim *sim, const struct sim_step *step) {
    struct sim_caller *caller = &sim->callers[step->caller];
    if (!caller->flight) return;
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
    case step_room:
        if (!caller->full || caller->gone || caller->ended) return;
        caller->full = false;
        deliver(sim, step->caller, &(struct event){.kind = event_caller_writable});
        return;
    }
}

/* -- a run ------------------------------------------------------------------------------------------------------------
 */

static const char *environment(void *context, const char *name) {
    (void)context, (void)name;
    return NULL;
}

static bool config_draw(struct sim *sim) {
    static char yaml[8192];
    struct text text = text_in_buffer(yaml, sizeof yaml - 1);
    unsigned providers = (unsigned)sim_between(&sim->arrivals, 1, 6);
    text_printf(&text, "request_timeout_seconds: %llu\nmax_body_bytes: %llu\nretry: {max_retries: %llu}\nproviders:\n",
                (unsigned long long)sim_between(&sim->arrivals, 1, 60),
                (unsigned long long)sim_between(&sim->arrivals, 1024, 8192),
                (unsigned long long)sim_between(&sim->arrivals, 0, 5));
    for (unsigned i = 0; i < providers; i++)
        text_printf(&text,
                    "  p%u: {type: %s, api_key: k, base_url: \"http://p%u/v1\", models: [m0, m%u], priority: %llu, "
                    "timeout_seconds: %llu, "
                    "reply_timeout_seconds: %llu, stall_timeout_seconds: %llu}\n",
                    i, sim_chance(&sim->arrivals, 20) ? "mistral" : "openai", i, i % 3,
                    (unsigned long long)sim_between(&sim->arrivals, 1, 3),
                    (unsigned long long)sim_between(&sim->arrivals, 1, 30),
                    (unsigned long long)sim_between(&sim->arrivals, 1, 100),
                    (unsigned long long)sim_between(&sim->arrivals, 1, 20));
    text_printf(&text, "routes: [{model: fast, targets: [p0/x%s]}, {model: \"gpt-*\", targets: [p0/y]}]\n",
                providers > 1 ? ", p1/y" : "");
    text_printf(&text, "clients: [{name: c, key_hash: \"%064d\", providers: [p0], models: [\"m*\"]}]\n", 0);
    struct config_input input = {
        .path = STR("sim"), .text = text_str(&text), .environment = environment, .ids = &sim->ids};
    return !text.failed && config_load(&input, &sim->config);
}

static void end(struct sim *sim) {
    for (unsigned i = 0; i < sim->caller_count; i++) {
        struct sim_caller *caller = &sim->callers[i];
        if (caller->flight) { /* only after a broken rule */
            caller->flight->live = NULL;
            if (caller->flight->state != flight_closed) flight_enter(caller->flight, flight_closed);
            flight_free(caller->flight);
        }
        sim_call_free(&caller->call);
        free(caller->body);
        free(caller->got);
    }
    config_free(&sim->config);
    config_ids_free(&sim->ids);
    arena_free(&sim->scratch);
    free(sim->heap);
}

bool sim_run(struct sim *sim, uint64_t seed, enum sim_mutant mutant, bool trace) {
    memset(sim, 0, sizeof *sim);
    sim->seed = seed;
    sim->mutant = mutant;
    sim->trace = trace;
    prng_seed(&sim->arrivals, seed);
    prng_seed(&sim->providers, seed ^ 0x1111);
    prng_seed(&sim->faults, seed ^ 0x2222);
    prng_seed(&sim->cuts, seed ^ 0x3333);
    prng_seed(&sim->policy, seed ^ 0x4444);
    sim->now = (struct now){.mono_ns = NS_PER_S, .wall_ns = 1700000000000000000};
    sim->bodies.limit = 64 << 20;
    arena_init(&sim->scratch, 64 * 1024, 64 << 20);
    sim->host = (struct flight_host){.bodies = &sim->bodies, .scratch = &sim->scratch, .prng = &sim->policy};
    if (!sim_rule(sim, config_draw(sim), "a drawn configuration is valid", 0)) return end(sim), false;
    unsigned wanted = (unsigned)sim_between(&sim->arrivals, 8, sim_flights_max);
    while (!sim->broken[0] && (sim->caller_count < wanted || sim->heap_count)) {
        bool arrives = sim->caller_count < wanted && (sim->heap_count == 0 || sim_chance(&sim->arrivals, 20));
        if (arrives) {
            caller_begin(sim, sim->caller_count++);
            continue;
        }
        struct sim_step step = step_take(sim);
        sim->now.wall_ns += (int64_t)(step.at_ns - sim->now.mono_ns);
        sim->now.mono_ns = step.at_ns;
        on_step(sim, &step);
        sim_rule(sim, sim->step_count < 1000000, "a run comes to its end", step.caller);
    }
    sim_rule(sim, sim->open_count == 0, "every flight closes", 0);
    if (!sim->broken[0]) sim_rule(sim, atomic_load(&sim->bodies.taken) == 0, "every byte of a body is given back", 0);
    end(sim);
    return !sim->broken[0];
}
