/* flight_semantic_property_test.c - answers by other words under drawn traffic: clients that ask for the same and for
 * what is near to it, vectors that come, fail, or come too late, callers that hang up, providers that fail, purges, a
 * clock that jumps, hits that are checked. All vectors are near to each other: the words alone tell them apart. Its
 * rules hold for every seed, and each planted bug breaks one within a few. */
#include "flight_semantic_world.h"

enum { slots = 8, clients = 2, prompts = 4, steps = 400 };

enum planted {
    planted_none,
    planted_words_are_not_judged, /* near is taken for the same */
    planted_groups_are_one,       /* another client's answer */
    planted_purge_keeps_vectors,  /* and answers */
    planted_bugs
};

struct slot {
    struct flight *flight; /* NULL: free */
    unsigned client, prompt, arrived_round, called_round;
    char got[1024];
    size_t len;
};

struct drawn {
    struct cache_world of;
    struct prng prng;
    struct slot slots[slots];
    unsigned round, near_hits, checked, unembedded, differed;
    enum planted bug;
    const char *broken; /* the rule that was; NULL: none */
};

static unsigned below(struct drawn *drawn, unsigned most) { return (unsigned)prng_below(&drawn->prng, most); }

static bool got(const struct slot *slot, const char *words) {
    return str_find(str_make(slot->got, slot->len), str_from(words)) != SIZE_MAX;
}

static void answer_check(struct drawn *drawn, const struct slot *slot) {
    const struct flight *flight = slot->flight;
    char own[64];
    drawn->near_hits += flight->semantic && flight->semantic->outcome == semantic_hit;
    drawn->checked += flight->semantic && flight->semantic->outcome == semantic_checks;
    drawn->unembedded += flight->semantic && flight->semantic->outcome == semantic_failed;
    drawn->differed += flight->semantic && flight->semantic->outcome == semantic_differs;
    if (flight->caller == caller_waiting || flight->answer.status != 200 || !slot->len) return;
    snprintf(own, sizeof own, "c%up%ur", slot->client, slot->prompt);
    if (!got(slot, own)) drawn->broken = "another's answer";
    for (unsigned round = 0; round < slot->arrived_round; round++) {
        snprintf(own, sizeof own, "c%up%ur%u.", slot->client, slot->prompt, round);
        if (got(slot, own)) drawn->broken = "an answer of before a purge";
    }
}

static void perform(struct drawn *drawn, struct slot *slot) {
    struct flight_world *world = &drawn->of.world;
    struct str wrote = flight_world_written(world);
    assert_true(slot->len + wrote.len <= sizeof slot->got);
    memcpy(slot->got + slot->len, wrote.at, wrote.len);
    slot->len += wrote.len;
    if (flight_world_asked(world, action_call)) slot->called_round = drawn->round;
    cache_world_perform(&drawn->of);
    if (semantic_count(&drawn->of.cache.semantic) > cache_look(&drawn->of.cache).answers)
        drawn->broken = "a vector without its answer";
    if (slot->flight->state != flight_closed) return;
    answer_check(drawn, slot);
    flight_free(slot->flight);
    *slot = (struct slot){.flight = NULL};
}

static void tell(struct drawn *drawn, struct slot *slot, struct event event) {
    flight_world_tell(&drawn->of.world, slot->flight, event);
    perform(drawn, slot);
}

static void arrive(struct drawn *drawn, struct slot *slot) {
    char words[64], body[256];
    *slot = (struct slot){.arrived_round = drawn->round};
    slot->client = below(drawn, clients);
    slot->prompt = below(drawn, prompts);
    switch (below(drawn, 3)) {
    case 0: snprintf(words, sizeof words, "How do I open door %u?", slot->prompt); break;
    case 1: snprintf(words, sizeof words, "How can I open the door %u", slot->prompt); break;
    default: snprintf(words, sizeof words, "how to open door %u", slot->prompt);
    }
    snprintf(body, sizeof body, "{\"model\":\"r\",\"messages\":[{\"role\":\"user\",\"content\":\"%s\"}]}", words);
    const struct flight_request asked = {.endpoint = endpoint_chat,
                                         .client = &drawn->of.world.config.snapshot->clients[slot->client]};
    slot->flight = flight_world_new_of(&drawn->of.world, asked);
    tell(drawn, slot, (struct event){.kind = event_body, .bytes = str_from(body)});
    tell(drawn, slot, (struct event){.kind = event_body_end});
}

static void bug_plant(struct drawn *drawn, const struct slot *slot) {
    struct semantic_index *index = &drawn->of.cache.semantic;
    for (size_t i = 0; i < index->most && slot->flight->semantic; i++) {
        struct semantic_entry *entry = index->entries[i];
        const struct str words = slot->flight->semantic->words;
        if (!entry) continue;
        if (drawn->bug == planted_words_are_not_judged && words.len <= entry->words.len) {
            memcpy((char *)(uintptr_t)entry->words.at, words.at, words.len);
            entry->words.len = words.len;
        }
        if (drawn->bug != planted_groups_are_one) continue;
        entry->group = slot->flight->semantic->group;
        memcpy(&index->groups[i], entry->group.bytes, sizeof index->groups[i]);
    }
}

static void embedded(struct drawn *drawn, struct slot *slot) {
    static const char *const vectors[] = {"[1,0,0]", "[1,0.01,0]", "[1,0,0.02]", "[]"};
    char body[256];
    unsigned what = below(drawn, 10);
    bug_plant(drawn, slot);
    if (what == 0) {
        drawn->of.world.now.mono_ns += 1000 * NS_PER_MS;
        tell(drawn, slot, (struct event){.kind = event_timer});
        return;
    }
    snprintf(body, sizeof body,
             "{\"object\":\"list\",\"data\":[{\"object\":\"embedding\",\"index\":0,\"embedding\":%s}],\"model\":\"e\","
             "\"usage\":{\"prompt_tokens\":1,\"total_tokens\":1}}",
             vectors[below(drawn, 4)]);
    tell(drawn, slot, (struct event){.kind = event_embedded, .bytes = what == 1 ? STR_NONE : str_from(body)});
}

static void provider_says(struct drawn *drawn, struct slot *slot) {
    char said[512];
    unsigned number = slot->flight->live->number;
    struct http_header type = {STR("content-type"), STR("application/json")};
    if (below(drawn, 12) == 0) {
        tell(drawn, slot, (struct event){.kind = event_call_failed, .attempt = number, .failure = failure_reset});
        return;
    }
    snprintf(said, sizeof said,
             "{\"id\":\"i\",\"object\":\"chat.completion\",\"created\":1,\"model\":\"m\",\"choices\":[{\"index\":0,"
             "\"message\":{\"role\":\"assistant\",\"content\":\"c%up%ur%u.\"},\"finish_reason\":\"stop\"}]}",
             slot->client, slot->prompt, slot->called_round);
    tell(drawn, slot,
         (struct event){.kind = event_reply_head,
                        .attempt = number,
                        .status = 200,
                        .headers = &type,
                        .header_count = 1,
                        .content_length = -1,
                        .body_sent = true});
    tell(drawn, slot, (struct event){.kind = event_reply_body, .attempt = number, .bytes = str_from(said)});
    tell(drawn, slot, (struct event){.kind = event_reply_end, .attempt = number});
}

static void go_on(struct drawn *drawn, struct slot *slot) {
    if (!slot->flight)
        arrive(drawn, slot);
    else if (below(drawn, 20) == 0 && slot->flight->caller != caller_gone && !slot->flight->cache.orphan)
        tell(drawn, slot, (struct event){.kind = event_caller_gone});
    else if (slot->flight->waiting.why == waiting_embedding)
        embedded(drawn, slot);
    else if (slot->flight->live)
        provider_says(drawn, slot);
}

static void purge(struct drawn *drawn) {
    const struct cache_choice all = {.by = cache_texts};
    drawn->round++;
    if (drawn->bug != planted_purge_keeps_vectors) cache_purge(&drawn->of.cache, &all);
}

#define NAMED(name, digit) "  - {name: " name ", key_hash: \"" ZEROES digit "\"}\n"
#define ZEROES "000000000000000000000000000000000000000000000000000000000000000"
static const char yaml[] =
    "state_dir: ./state\n"
    "providers:\n"
    "  o: {type: openai, api_key: sk-secret-secret-secret, models: [m, e], max_retries: 0,\n"
    "      circuit_breaker: {failure_threshold: 65535}}\n"
    "routes:\n"
    "  - {model: r, targets: [o/m], cache: {mode: all, share_in_flight: false, semantic: {model: o/e,\n"
    "     threshold: 0.9, shadow: 0.1, max_false_share: 1}}}\n"
    "clients:\n" NAMED("c0", "1") NAMED("c1", "2");

static void draw(struct drawn *drawn, uint64_t seed, enum planted bug) {
    memset(drawn, 0, sizeof *drawn);
    semantic_world_begin(&drawn->of, yaml);
    drawn->bug = bug;
    prng_seed(&drawn->prng, seed);
    for (unsigned step = 0; step < steps && !drawn->broken; step++) {
        unsigned what = below(drawn, 100);
        drawn->of.world.now.mono_ns += NS_PER_MS;
        drawn->of.world.now.wall_ns += (int64_t)NS_PER_MS;
        if (what == 0) purge(drawn);
        if (what == 1) drawn->of.world.now.wall_ns += 200 * (int64_t)NS_PER_S;
        go_on(drawn, &drawn->slots[below(drawn, slots)]);
    }
    for (unsigned i = 0; i < slots; i++)
        if (drawn->slots[i].flight) tell(drawn, &drawn->slots[i], (struct event){.kind = event_shutdown});
    for (unsigned i = 0; i < slots; i++)
        if (drawn->slots[i].flight) tell(drawn, &drawn->slots[i], (struct event){.kind = event_caller_gone});
    for (unsigned i = 0; i < slots; i++) assert_null(drawn->slots[i].flight);
    cache_world_end(&drawn->of);
}

static void its_rules_hold_under_any_traffic(void **state) {
    static struct drawn drawn;
    unsigned near_hits = 0, checked = 0, unembedded = 0, differed = 0;
    (void)state;
    for (uint64_t seed = 1; seed <= 100; seed++) {
        draw(&drawn, seed, planted_none);
        if (drawn.broken) fail_msg("seed %llu: %s", (unsigned long long)seed, drawn.broken);
        near_hits += drawn.near_hits, checked += drawn.checked;
        unembedded += drawn.unembedded, differed += drawn.differed;
    }
    print_message("%u hits by other words, %u checked, %u not embedded, %u that differ\n", near_hits, checked,
                  unembedded, differed);
    assert_true(near_hits > 300 && checked > 30 && unembedded > 300 && differed > 300); /* else it was never tried */
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
