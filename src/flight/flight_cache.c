/* flight_cache.c - is there an answer already, or is one being made? Asked when a request has its candidates and its
 * client's leave, before any of them is tried. An answer that is kept is given at once, at no cost; one that another
 * flight makes is followed as it comes, from its beginning; else this flight makes it (flight_making.c).
 *
 *   find --- there is one ---> given
 *    | no                          ^ (came meanwhile)
 *   join --- nobody makes it --> find again ---> a provider is asked, and it is written down for others
 *    ^ \---- another does ----> waits: event_made -> head, bytes ... end
 *    \------ that cannot go on -----/
 *
 * Must never: give an answer to whom its target may not serve. */
#include "base/check.h"
#include "flight/flight_internal.h"

enum { key_bytes_max = 256, step_bytes = 128 * 1024, step_ranges = 16 };

static const struct str cache_words[] = {STR("no-cache"), STR("no-store"), STR("only")};
enum cache_word { word_no_cache, word_no_store, word_only, word_none };

static enum cache_word cache_word_of(const struct flight *flight) {
    enum cache_word word = word_no_cache;
    while (word < word_none && !str_eq_nocase(str_trim(flight->steering.cache), cache_words[word])) word++;
    return word;
}

static enum step not_cached(struct flight *flight, struct now now, struct actions *out) {
    flight->answer.is_final = flight->cache.state == cached_bypass || flight->cache.state == cached_off;
    struct str message = flight->cache.why
                             ? arena_printf(&flight->arena, "%.*s Why: %s.",
                                            STR_ARG(error_facts(error_not_cached)->sentence), flight->cache.why)
                             : STR_NONE;
    return answer_error(flight, error_not_cached, message, STR("x-weir-cache"), now, out);
}

enum step cache_admit_head(struct flight *flight, struct now now, struct actions *out) {
    const struct steering *asked = &flight->steering;
    uint64_t seconds;
    if (asked->cache.at || asked->cache_key.at || asked->cache_ttl.at) flight->cache.state = cached_bypass;
    if (asked->cache_ttl.at && !str_to_u64(asked->cache_ttl, &seconds))
        return answer_error(flight, error_invalid_request, STR("x-weir-cache-ttl must be a whole number of seconds."),
                            STR("x-weir-cache-ttl"), now, out);
    if (asked->cache_key.at && (!str_trim(asked->cache_key).len || str_trim(asked->cache_key).len > key_bytes_max))
        return answer_error(flight, error_invalid_request, STR("x-weir-cache-key must have 1 to 256 bytes."),
                            STR("x-weir-cache-key"), now, out);
    if (asked->cache.at && cache_word_of(flight) == word_none)
        return answer_error(flight, error_invalid_request, STR("x-weir-cache must be no-cache, no-store or only."),
                            STR("x-weir-cache"), now, out);
    return step_on;
}

typedef struct cache_answer *cache_finds(struct cache *cache, const struct sha256 *key, int64_t now_s);

/* On: there is none that may be given. */
static enum step find(struct flight *flight, cache_finds *finds, struct now now, struct actions *out) {
    struct cache_answer *answer = finds(flight->host->cache, &flight->cache.key, now.wall_ns / (int64_t)NS_PER_S);
    return answer && given_answer(flight, answer, cached_hit, now, out) ? step_over : step_on;
}

/* -- one that is being made -- */

/* How it is to be told, and who may make it: what others' targets come to says nothing of one's own. */
static unsigned form_of(const struct flight *flight) {
    unsigned may = 0;
    for (size_t i = 0; i < flight->choice.count; i++)
        if (!flight->choice.candidates[i].instead) may += (unsigned)str_hash(flight->choice.candidates[i].target->name);
    return (may << 3) | (flight->request.stream ? 1u : 0) | (flight->request.include_usage ? 2u : 0) |
           (flight->head.wants_array ? 4u : 0);
}

bool twins_follow(const struct flight *flight) {
    return flight->cache.making && flight->cache.follows && !flight->cache.left;
}

/* Nothing of it has been given. */
static void unfollow(struct flight *flight, struct now now, struct actions *out) {
    CHECKF(flight->caller == caller_waiting, "caller=%d", (int)flight->caller);
    if (flight->waiting.why == waiting_twin) wait_over(flight, now);
    making_give_up(flight, out);
    making_release(flight->cache.making);
    flight->cache.making = NULL;
    flight->cache.follows = flight->cache.left = false;
    flight->cache.cursor = (struct making_cursor){NULL, 0};
}

static enum step make_alone(struct flight *flight) {
    if (flight->cache.keeps)
        flight->cache.making = making_alone(&flight->cache.key, flight->host->loop, flight->budget);
    return step_on;
}

static enum step join(struct flight *flight, struct now now, struct actions *out) {
    struct flight_cache *cache = &flight->cache;
    if (!cache->rules.shares || !cache->looks) return make_alone(flight);
    cache->making = making_join(flight->host->makings, &cache->key, form_of(flight), flight->host->loop, flight->budget,
                                &cache->follows);
    if (!cache->making) return step_on;
    if (!cache->follows) { /* an answer may have come between the look and this */
        enum step step = find(flight, cache_find_again, now, out);
        if (step != step_on) making_give_up(flight, out);
        return step;
    }
    actions_add(out, action_follow)->made.making = cache->making;
    wait_for_twin(flight, now, out);
    return step_waits;
}

/* The maker came to nothing, which is so for all; or it cannot go on for reasons of its own, and the next one does. */
static enum step made_nothing(struct flight *flight, enum making_state state, struct now now, struct actions *out) {
    const struct making *making = flight->cache.making;
    if (state == making_failed) {
        wait_over(flight, now);
        flight->cache.outage = making->outage;
        if (making->outage && degraded_answer(flight, now, out)) return step_over;
        flight->cache.state = cached_shared;
        answer_error_status(flight, making->error ? making->error : error_provider_error,
                            making->status >= 400 ? making->status : 502, STR_NONE, STR_NONE, -1, NULL, now, out);
        return step_over;
    }
    const bool alone = making->alone; /* or each would wait for the one before it */
    unfollow(flight, now, out);
    enum step step = find(flight, cache_find_again, now, out);
    if (step != step_on) return step;
    return alone ? make_alone(flight) : join(flight, now, out);
}

/* On: it goes its own way. */
static enum step head_take(struct flight *flight, enum making_state state, struct now now, struct actions *out) {
    const struct making *making = flight->cache.making;
    bool headed = atomic_load_explicit(&making->headed, memory_order_acquire), stream = flight->request.stream;
    if (state == making_open && (!headed || !stream)) return step_waits;
    if (!headed || state == making_left || (!stream && state != making_whole))
        return made_nothing(flight, headed && !stream ? making_left : state, now, out);
    const struct target *target = cache_maker(flight, &making->facts);
    if (!target) {
        flight->cache.why = "the target that makes the same may not serve it";
        unfollow(flight, now, out);
        return make_alone(flight);
    }
    wait_over(flight, now);
    given_facts(flight, cached_shared, target, &making->facts);
    flight_enter(flight, flight_answering, now);
    answer_given_head(flight, stream ? -1 : (int64_t)making->len, now, out);
    return step_over;
}

/* All that stands in the making has been given: its end too, unless its maker left it. */
static void end_take(struct flight *flight, enum making_state state, struct now now, struct actions *out) {
    const struct making *making = flight->cache.making;
    if (state == making_left) { /* no end stands in it */
        answer_break(flight, failure_cut, now, out);
        return;
    }
    given_counts(flight, &making->facts);
    if (state != making_whole)
        flight->answer.error = making->error ? making->error : error_provider_error;
    else
        actions_add(out, action_given);
    answer_end(flight, now, out);
}

enum step twins_read(struct flight *flight, struct now now, struct actions *out) {
    struct making *making = flight->cache.making;
    struct str ranges[step_ranges];
    enum making_state state = (enum making_state)atomic_load_explicit(&making->state, memory_order_acquire);
    size_t room = step_bytes;
    CHECK(twins_follow(flight));
    if (flight->caller == caller_waiting) {
        enum step step = head_take(flight, state, now, out);
        if (step != step_over || flight->state == flight_answered) return step;
    }
    if (flight->caller_is_full) return step_waits;
    for (size_t count; room > 0;) {
        count = making_take_more(making, &flight->cache.cursor, room, ranges, step_ranges, &state);
        for (size_t i = 0; i < count; i++) {
            answer_bytes(flight, ranges[i], out);
            room -= ranges[i].len;
        }
        if (count) continue;
        if (state != making_open) end_take(flight, state, now, out);
        return step_waits;
    }
    struct action *more = actions_add(out, action_tell); /* in a step of its own, unless its caller is full */
    more->made.making = making;
    more->made.loops = UINT64_C(1) << flight->host->loop;
    return step_waits;
}

/* -- all of it -- */

static void lifetimes_set(struct flight *flight) {
    const struct cache_rules *rules = &flight->cache.rules;
    uint64_t seconds = 0;
    bool said = flight->steering.cache_ttl.at && str_to_u64(flight->steering.cache_ttl, &seconds);
    flight->cache.ttl_s = said ? (int64_t)seconds : rules->ttl_s;
    flight->cache.age_max_s = said ? (int64_t)seconds : -1;
}

static bool ttl_fits(const struct flight *flight) {
    uint64_t seconds;
    return !flight->steering.cache_ttl.at || !str_to_u64(flight->steering.cache_ttl, &seconds) ||
           seconds <= (uint64_t)flight->cache.rules.ttl_max_s;
}

/* Why it is not looked at for this request; NULL: it is. */
static const char *passed_by(struct flight *flight, enum cache_word word) {
    if (!flight->cache.rules.on || !flight->host->cache) return "there is no cache for it";
    if (word == word_no_store || flight->cache.ttl_s == 0) return "its caller wants none";
    return cache_key_make(flight);
}

/* What another flight asks for is asked for once, where nothing of it is kept too. */
static struct cache_rules rules_of(const struct flight *flight) {
    const struct cache_rules *rules = &flight->choice.route->cache;
    if (rules->on || !flight->inner.is) return *rules;
    return (struct cache_rules){
        .on = true, .all = true, .shares = true, .scope = flight->inner.scope, .ttl_s = 1, .ttl_max_s = 1};
}

enum step cache_admit(struct flight *flight, struct now now, struct actions *out) {
    struct flight_cache *cache = &flight->cache;
    const enum cache_word word = cache_word_of(flight);
    cache->rules = rules_of(flight);
    if (!cache->rules.on && cache->state == cached_off) return step_on;
    if (cache->rules.on && !ttl_fits(flight))
        return answer_error(
            flight, error_invalid_request,
            arena_printf(&flight->arena, "x-weir-cache-ttl is at most %lld here.", (long long)cache->rules.ttl_max_s),
            STR("x-weir-cache-ttl"), now, out);
    cache->named = flight->steering.cache_key.at ? str_trim(flight->steering.cache_key) : STR_NONE;
    lifetimes_set(flight);
    cache->why = passed_by(flight, word);
    if (cache->why) {
        cache->state = cached_bypass;
        return word == word_only ? not_cached(flight, now, out) : step_on;
    }
    cache->state = cached_miss;
    cache->round = atomic_load(&flight->host->cache->round);
    cache->looks = word != word_no_cache;
    cache->keeps = flight->choice.route->cache.on;
    enum step step = cache->looks ? find(flight, cache_find, now, out) : step_on;
    if (step != step_on) return step;
    if (cache->keeps) inputs_admit(flight);
    if (cache->looks && inputs_find(flight, cached_hit, 0, now, out)) return step_over;
    if (word == word_only) return not_cached(flight, now, out);
    if (cache->looks && semantic_ask(flight, now, out) == step_waits) return step_waits;
    return join(flight, now, out);
}

enum step cache_go_on(struct flight *flight, struct now now, struct actions *out) { return join(flight, now, out); }
