/* flight_cache_property_test.c - the response cache under drawn traffic: clients that ask for the same at once, streams
 * and whole replies, callers that hang up, providers that fail or break off, purges, a clock that jumps. Its rules hold
 * for every seed, and each planted bug breaks one of them within a few. */
#include <stdio.h>

#include "flight_cache_world.h"

enum { slots = 10, clients = 3, prompts = 3, steps = 400 };

enum planted {
    planted_none,
    planted_clients_are_one,  /* another client's answer */
    planted_cut_is_kept,      /* a stream that broke is kept as if it were whole */
    planted_purge_misses,     /* a purge takes nothing out */
    planted_round_is_ignored, /* what was under way is kept after a purge */
    planted_old_is_followed,  /* or followed by who comes after it */
    planted_twins_are_lost,   /* identical requests do not find each other */
    planted_bugs
};

struct slot {
    struct flight *flight;                                      /* NULL: free */
    unsigned client, prompt, arrived_round, called_round, told; /* pieces that its provider has sent */
    bool stream, made, ended;
    char got[4096];
    size_t len;
};

struct drawn {
    struct cache_world of;
    struct prng prng;
    struct slot slots[slots];
    unsigned round, hits, shared, stale, kept;
    enum planted bug;
    const char *broken; /* the rule that was; NULL: none */
};

static unsigned below(struct drawn *drawn, unsigned most) { return (unsigned)prng_below(&drawn->prng, most); }

/* -- rules -- */

static bool got(const struct slot *slot, const char *words) {
    return str_find(str_make(slot->got, slot->len), str_from(words)) != SIZE_MAX;
}

static void answer_check(struct drawn *drawn, const struct slot *slot) {
    const struct flight *flight = slot->flight;
    enum cached state = flight->cache.state;
    char own[64];
    if (!slot->ended || flight->answer.status != 200 || flight->answer.error != error_none) return;
    snprintf(own, sizeof own, "c%up%ur", slot->client, slot->prompt);
    if (!got(slot, own)) drawn->broken = "another's answer";
    if (!got(slot, "the-end") || (slot->stream && !got(slot, "[DONE]"))) drawn->broken = "an answer that is not whole";
    drawn->hits += state == cached_hit;
    drawn->shared += state == cached_shared;
    drawn->stale += state == cached_stale;
    for (unsigned round = 0; round < slot->arrived_round; round++) {
        snprintf(own, sizeof own, "c%up%ur%u.", slot->client, slot->prompt, round);
        if (got(slot, own)) drawn->broken = "an answer that was asked for before a purge";
    }
}

/* Whoever asks for the same while one is on its way follows that. */
static void call_check(struct drawn *drawn, const struct slot *slot) {
    for (unsigned i = 0; i < slots; i++) {
        const struct slot *other = &drawn->slots[i];
        if (other == slot || !other->flight || !other->flight->live || other->flight->state >= flight_answered)
            continue;
        if (other->client == slot->client && other->prompt == slot->prompt && other->stream == slot->stream &&
            other->called_round == drawn->round)
            drawn->broken = "twins that are both asked for";
    }
}

/* -- the host -- */

static void keep_the_cut(struct drawn *drawn, const struct slot *slot) {
    struct cache_facts facts = slot->flight->cache.making->facts;
    struct cache_answer *answer = cache_answer_new(&slot->flight->cache.key, &facts, slot->len);
    memcpy((char *)(uintptr_t)answer->body.at, slot->got, slot->len);
    answer->facts.made_s = drawn->of.world.now.wall_ns / (int64_t)NS_PER_S;
    answer->facts.expires_s = answer->facts.made_s + 300;
    cache_keep(&drawn->of.cache, answer);
    cache_release(answer);
}

static void perform(struct drawn *drawn, struct slot *slot) {
    struct flight_world *world = &drawn->of.world;
    struct str wrote = flight_world_written(world);
    assert_true(slot->len + wrote.len <= sizeof slot->got);
    memcpy(slot->got + slot->len, wrote.at, wrote.len);
    slot->len += wrote.len;
    for (size_t i = 0; i < world->out.count; i++) {
        const struct action *action = &world->out.list[i];
        if (action->kind == action_call) slot->called_round = drawn->round, slot->told = 0, call_check(drawn, slot);
        if (action->kind == action_end) slot->ended = true;
        if (action->kind == action_cache) drawn->kept++;
        if (action->kind == action_cache && drawn->bug == planted_round_is_ignored) action->answer->round = UINT64_MAX;
        for (unsigned k = 0; k < slots && action->kind == action_tell; k++)
            if (drawn->slots[k].flight && drawn->slots[k].flight->cache.making == action->made.making &&
                &drawn->slots[k] != slot)
                drawn->slots[k].made = true;
    }
    cache_world_perform(&drawn->of);
    if (drawn->bug == planted_twins_are_lost) makings_hide(&drawn->of.makings);
    if (slot->flight->state != flight_closed) return;
    answer_check(drawn, slot);
    flight_free(slot->flight);
    *slot = (struct slot){.flight = NULL};
}

static void tell(struct drawn *drawn, struct slot *slot, struct event event) {
    flight_world_tell(&drawn->of.world, slot->flight, event);
    perform(drawn, slot);
}

/* -- what is drawn -- */

static void arrive(struct drawn *drawn, struct slot *slot) {
    char body[256];
    *slot = (struct slot){.arrived_round = drawn->round};
    slot->client = below(drawn, clients);
    slot->prompt = below(drawn, prompts);
    slot->stream = below(drawn, 2);
    snprintf(body, sizeof body, "{\"model\":\"r\",\"stream\":%s,\"messages\":[{\"role\":\"user\",\"content\":\"%u\"}]}",
             slot->stream ? "true" : "false", slot->prompt);
    const struct flight_request asked = {.endpoint = endpoint_chat,
                                         .client = &drawn->of.world.config.snapshot->clients[slot->client]};
    slot->flight = flight_world_new_of(&drawn->of.world, asked);
    tell(drawn, slot, (struct event){.kind = event_body, .bytes = str_from(body)});
    tell(drawn, slot, (struct event){.kind = event_body_end});
}

/* Head, first piece, last piece, end; or it fails at any of them. */
static void provider_says(struct drawn *drawn, struct slot *slot) {
    char said[512];
    unsigned number = slot->flight->live->number, piece = slot->told++;
    struct http_header type = {STR("content-type"), slot->stream ? STR("text/event-stream") : STR("application/json")};
    if (piece > 0 && below(drawn, 10) == 0) {
        if (drawn->bug == planted_cut_is_kept && slot->flight->cache.making && !slot->flight->cache.follows &&
            slot->flight->cache.making->headed)
            keep_the_cut(drawn, slot);
        tell(drawn, slot, (struct event){.kind = event_call_failed, .attempt = number, .failure = failure_reset});
    } else if (piece == 0) {
        tell(drawn, slot,
             (struct event){.kind = event_reply_head,
                            .attempt = number,
                            .status = below(drawn, 12) ? 200 : 503,
                            .headers = &type,
                            .header_count = 1,
                            .content_length = -1,
                            .body_sent = true});
    } else if (piece < 3) {
        if (slot->stream)
            snprintf(said, sizeof said,
                     piece == 1 ? FLIGHT_EVENT("c%up%ur%u.", "null")
                                : FLIGHT_EVENT("the-end c%up%ur%u.", "\"stop\"") "data: [DONE]\n\n",
                     slot->client, slot->prompt, slot->called_round);
        else
            snprintf(said, sizeof said,
                     piece == 1
                         ? "{\"id\":\"i\",\"object\":\"chat.completion\",\"created\":1,\"model\":\"m\","
                           "\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":\"c%up%ur%u."
                         : " the-end\"},\"finish_reason\":\"stop\"}]}",
                     slot->client, slot->prompt, slot->called_round);
        tell(drawn, slot, (struct event){.kind = event_reply_body, .attempt = number, .bytes = str_from(said)});
    } else {
        tell(drawn, slot, (struct event){.kind = event_reply_end, .attempt = number});
    }
}

static void purge(struct drawn *drawn) {
    const struct cache_choice all = {.by = cache_texts};
    drawn->round++;
    if (drawn->bug != planted_purge_misses) cache_purge(&drawn->of.cache, &all);
    if (drawn->bug != planted_old_is_followed) makings_hide(&drawn->of.makings);
}

static void go_on(struct drawn *drawn, struct slot *slot) {
    if (!slot->flight) {
        arrive(drawn, slot);
    } else if (slot->made) {
        slot->made = false;
        tell(drawn, slot, (struct event){.kind = event_made});
    } else if (below(drawn, 25) == 0 && slot->flight->caller != caller_gone && !slot->flight->cache.orphan) {
        tell(drawn, slot, (struct event){.kind = event_caller_gone});
    } else if (slot->flight->live) {
        provider_says(drawn, slot);
    }
}

#define NAMED(name, digit) "  - {name: " name ", key_hash: \"" ZEROES digit "\"}\n"
#define ZEROES "000000000000000000000000000000000000000000000000000000000000000"
static const char yaml[] = "state_dir: ./state\n"
                           "cache: {mode: all}\n"
                           "providers:\n"
                           "  o: {type: openai, api_key: sk-secret-secret-secret, models: [m], max_retries: 0,\n"
                           "      circuit_breaker: {failure_threshold: 65535}}\n"
                           "routes: [{model: r, targets: [o/m]}]\n"
                           "clients:\n" NAMED("c0", "1") NAMED("c1", "2") NAMED("c2", "3");

static void draw(struct drawn *drawn, uint64_t seed, enum planted bug) {
    memset(drawn, 0, sizeof *drawn);
    cache_world_begin(&drawn->of, yaml);
    drawn->bug = bug;
    prng_seed(&drawn->prng, seed);
    if (bug == planted_clients_are_one)
        for (unsigned i = 0; i < clients; i++) drawn->of.world.config.snapshot->clients[i].name = STR("c0");
    for (unsigned step = 0; step < steps && !drawn->broken; step++) {
        unsigned what = below(drawn, 100);
        drawn->of.world.now.mono_ns += NS_PER_MS;
        drawn->of.world.now.wall_ns += (int64_t)NS_PER_MS;
        if (what == 0) purge(drawn);
        if (what == 1) drawn->of.world.now.wall_ns += 200 * (int64_t)NS_PER_S;
        go_on(drawn, &drawn->slots[below(drawn, slots)]);
    }
    for (unsigned i = 0; i < slots; i++) /* first those that are followed, or not: all end */
        if (drawn->slots[i].flight) tell(drawn, &drawn->slots[i], (struct event){.kind = event_shutdown});
    for (unsigned again = 0; again < slots; again++)
        for (unsigned i = 0; i < slots; i++)
            if (drawn->slots[i].flight) tell(drawn, &drawn->slots[i], (struct event){.kind = event_caller_gone});
    for (unsigned i = 0; i < slots; i++) assert_null(drawn->slots[i].flight);
    cache_world_end(&drawn->of);
}

static void its_rules_hold_under_any_traffic(void **state) {
    static struct drawn drawn;
    unsigned hits = 0, shared = 0, stale = 0, kept = 0;
    (void)state;
    for (uint64_t seed = 1; seed <= 150; seed++) {
        draw(&drawn, seed, planted_none);
        if (drawn.broken) fail_msg("seed %llu: %s", (unsigned long long)seed, drawn.broken);
        hits += drawn.hits, shared += drawn.shared, stale += drawn.stale, kept += drawn.kept;
    }
    print_message("%u kept, %u hits, %u shared, %u stale\n", kept, hits, shared, stale);
    assert_true(kept > 500 && hits > 500 && shared > 500 && stale > 10); /* else it was never tried */
}

static void each_planted_bug_is_found(void **state) {
    static struct drawn drawn;
    (void)state;
    for (int bug = planted_none + 1; bug < planted_bugs; bug++) {
        uint64_t seed = 1;
        while (seed <= 60 && (draw(&drawn, seed, (enum planted)bug), !drawn.broken)) seed++;
        if (!drawn.broken) fail_msg("planted bug %d is not found", bug);
        print_message("bug %d: seed %llu, %s\n", bug, (unsigned long long)seed, drawn.broken);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(its_rules_hold_under_any_traffic),
        cmocka_unit_test(each_planted_bug_is_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
