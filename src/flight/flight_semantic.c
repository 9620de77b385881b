/* flight_semantic.c - a prompt that nobody has asked in these words, but perhaps in others: its last message is
 * embedded, by a request of its own, and the nearest of those that are the same in all else (flight_cache_key.c) may
 * give its answer. That two are near says that they are of one thing, and not that they say the same of it: what
 * differs in numbers, names, negation or content (core/alike.h) is another.
 *
 *   find --- no --> words are embedded --> near, and alike --> given
 *                     | fails, late             | no     \-- a share of them: asked all the same, and compared
 *                     \------------------------ asked
 *
 * Must never: end a request that would be served without it; hold one up for longer than its route says; give what
 * differs in anything but those words. */
#include "base/check.h"
#include "core/alike.h"
#include "core/false_share.h"
#include "core/vector.h"
#include "dialect/json.h"
#include "dialect/openai/openai.h"
#include "flight/flight_internal.h"

enum step semantic_ask(struct flight *flight, struct now now, struct actions *out) {
    const struct semantic_rules *rules = flight->cache.rules.semantic;
    const struct route *route = flight->choice.route;
    if (!flight->semantic) return step_on;
    if (route->cells && false_share_read(&route->cells->semantic).off) {
        flight->cache.why = "too many answers to other words were false: that is off until a reload or a purge";
        return step_on;
    }
    CHECK(rules && flight->cache.looks && !flight->live);
    uint64_t until_ns = now.mono_ns + rules->timeout_ns;
    if (until_ns > flight->times.deadline_ns) until_ns = flight->times.deadline_ns;
    wait_for_embedding(flight, until_ns, now, out);
    return step_waits;
}

/* -- the vector -- */

/* Numbers of a list, in scratch; NULL: it is none. */
static const double *vector_numbers(struct flight *flight, struct str raw, size_t *count) {
    const char *problem;
    size_t at, place = 0;
    const struct json_value *list = json_parse_in(flight->host->scratch, raw, &problem, &at);
    *count = 0;
    if (json_kind(list) != json_array || json_count(list) == 0 || json_count(list) > vector_dimensions_max) return NULL;
    double *numbers = arena_take(flight->host->scratch, json_count(list) * sizeof *numbers);
    for (const struct json_value *value; numbers && (value = json_each(list, &place, NULL));) {
        if (json_kind(value) != json_number) return NULL;
        numbers[(*count)++] = json_double(value, 0);
    }
    return numbers;
}

/* false: the reply is none to one text. */
static bool vector_take(struct flight *flight, struct str body) {
    struct flight_semantic *semantic = flight->semantic;
    struct embed_reply reply;
    bool error_inside = false;
    size_t count;
    if (!body.at || !codec_openai.read_embed_reply(body, flight->host->scratch, &reply, &error_inside) ||
        error_inside || reply.vector_count != 1)
        return false;
    const double *numbers = vector_numbers(flight, reply.vectors[0], &count);
    int8_t *vector = numbers ? arena_take(&flight->arena, count) : NULL;
    if (!vector || !vector_pack(numbers, count, vector, &semantic->step)) return false;
    semantic->vector = vector;
    semantic->dimensions = count;
    return true;
}

/* -- what is near -- */

/* It differs from what it is near to, and in what. */
static void semantic_note_other(struct flight *flight, enum alike differs, double alike) {
    static const char *const why[] = {
#define X(name, sentence) "the nearest prompt differs in " sentence,
        ALIKE_TABLE(X)
#undef X
    };
    if (flight->semantic->outcome == semantic_differs) return; /* one that is nearer */
    flight->semantic->outcome = semantic_differs;
    flight->semantic->alike = alike;
    flight->cache.why = why[differs];
}

/* A share of them is asked all the same. */
static bool semantic_is_checked(struct flight *flight) {
    const double shadow = flight->cache.rules.semantic->shadow;
    return flight->choice.route->cells && shadow > 0 && prng_unit(flight->host->prng) < shadow;
}

/* Its answer is given, or will be compared. Waits: the answer is gone, and another may be there. */
static enum step near_take(struct flight *flight, const struct semantic_near *near, struct now now,
                           struct actions *out) {
    struct flight_semantic *semantic = flight->semantic;
    struct cache_answer *answer = cache_find(flight->host->cache, &near->entry->key, now.wall_ns / (int64_t)NS_PER_S);
    if (!answer) return step_waits;
    semantic->alike = near->alike;
    if (semantic_is_checked(flight)) {
        semantic->outcome = semantic_checks;
        semantic->other = answer;
        flight->cache.why = "it would be a hit by other words, and is asked to compare";
        return step_on;
    }
    semantic->outcome = semantic_hit;
    if (given_answer(flight, answer, cached_hit, now, out)) return step_over;
    semantic->outcome = semantic_gone;
    return step_waits;
}

static enum step semantic_look(struct flight *flight, struct now now, struct actions *out) {
    struct flight_semantic *semantic = flight->semantic;
    struct semantic_near near[semantic_nearest_most];
    enum step step = step_waits;
    size_t count = semantic_find(&flight->host->cache->semantic, &semantic->group, semantic->vector,
                                 semantic->dimensions, semantic->step, flight->cache.rules.semantic->threshold, near);
    semantic->outcome = semantic_far;
    for (size_t i = 0; i < count; i++) {
        enum alike alike = step == step_waits ? alike_judge(semantic->words, near[i].entry->words) : alike_same;
        if (alike != alike_same)
            semantic_note_other(flight, alike, near[i].alike);
        else if (step == step_waits)
            step = near_take(flight, &near[i], now, out);
        semantic_release(near[i].entry);
    }
    return step == step_waits ? step_on : step;
}

enum step semantic_embedded(struct flight *flight, const struct event *event, struct now now, struct actions *out) {
    struct flight_semantic *semantic = flight->semantic;
    CHECK(semantic && flight->waiting.why == waiting_embedding);
    if (!event) {
        wait_give_up(flight, now, out);
        semantic->outcome = semantic_failed;
        flight->cache.why = "its words were not embedded in time, to find others that mean the same";
        return step_on;
    }
    wait_over(flight, now);
    if (vector_take(flight, event->bytes)) return semantic_look(flight, now, out);
    semantic->outcome = semantic_failed;
    flight->cache.why = "its words could not be embedded, to find others that mean the same";
    return step_on;
}
