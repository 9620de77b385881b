/* flight_making.c - what a flight is answered with, written down as it leaves: for the cache, and for others that asked
 * for the same while it was under way. Only a good answer, whole, is kept.
 *
 * Must never: hold up, change or end what its own caller gets; keep what is not whole. */
#include <string.h>

#include "base/check.h"
#include "flight/flight_internal.h"

static bool makes(const struct flight *flight) { return flight->cache.making && !flight->cache.follows; }

static bool making_is_headed(const struct flight *flight) {
    return atomic_load_explicit(&flight->cache.making->headed, memory_order_relaxed);
}

static void making_tell(struct flight *flight, uint64_t loops, struct actions *out) {
    if (!loops) return;
    struct action *action = actions_add(out, action_tell);
    action->made.making = flight->cache.making;
    action->made.loops = loops;
}

/* The last of a maker: those that follow see to themselves. */
static void making_finish(struct flight *flight, enum making_state state, struct actions *out) {
    struct making *making = flight->cache.making;
    uint64_t loops = making_followed(making);
    making->alone = !flight->cache.keeps;
    making->outage = flight->cache.outage;
    making_end(flight->host->makings, making, state, flight->answer.error, flight->answer.status);
    loops |= making_followed(making); /* who joined meanwhile reads the end itself: told twice is told */
    making_tell(flight, loops, out);
    struct action *action = actions_add(out, action_unmake);
    action->made.making = making;
    flight->cache.making = NULL;
}

void making_give_up(struct flight *flight, struct actions *out) {
    struct making *making = flight->cache.making;
    unsigned maker_loop;
    if (!making) return;
    if (makes(flight)) {
        making_finish(flight, making_left, out);
    } else if (!flight->cache.left) {
        flight->cache.left = true;
        if (making_leave(making, &maker_loop)) making_tell(flight, UINT64_C(1) << maker_loop, out);
    }
}

/* It cannot be written down: too long, or no memory for it. Its own caller notices nothing. */
static void making_drop(struct flight *flight, struct actions *out) {
    flight->cache.keeps = false;
    if (!making_unlist_unfollowed(flight->host->makings, flight->cache.making)) {
        flight->cache.why = "it is longer than what is held for others";
        making_finish(flight, making_left, out);
        return;
    }
    struct action *action = actions_add(out, action_unmake);
    action->made.making = flight->cache.making;
    flight->cache.making = NULL;
}

void making_part(struct flight *flight, struct actions *out) {
    if (makes(flight)) making_finish(flight, making_left, out);
}

static struct str making_tags(struct flight *flight) {
    struct text text = text_in_arena(flight->host->scratch, 128);
    const struct client *client = flight->client;
    for (size_t i = 0; client && i < client->tag_count; i++)
        text_printf(&text, "%s%.*s=%.*s", i ? "," : "", STR_ARG(client->tags[i].key), STR_ARG(client->tags[i].value));
    if (flight->snapshot->trust_tags && flight->steering.tags.len)
        text_printf(&text, "%s%.*s", text.len ? "," : "", STR_ARG(flight->steering.tags));
    return text.failed ? STR("") : text_str(&text);
}

static struct str or_empty(struct str s) { return s.at ? s : STR(""); }

struct cache_facts making_facts(struct flight *flight, const struct attempt *attempt) {
    struct cache_facts facts = {.endpoint = flight->endpoint,
                                .stream = flight->request.stream,
                                .include_usage = flight->request.include_usage,
                                .estimated = attempt->dialect.usage_told,
                                .input_tokens = -1,
                                .output_tokens = -1,
                                .cached_tokens = -1,
                                .cost_nano_usd = -1};
    facts.texts[cache_text_client] = flight->client ? flight->client->name : STR("");
    facts.texts[cache_text_route] = flight->choice.route->model;
    facts.texts[cache_text_model] = flight->choice.model;
    facts.texts[cache_text_target] = attempt->target->name;
    facts.texts[cache_text_tags] = making_tags(flight);
    facts.texts[cache_text_key] = or_empty(flight->cache.named);
    facts.texts[cache_text_type] = or_empty(attempt->reply.content_type);
    facts.texts[cache_text_dropped] = or_empty(attempt->dialect.dropped);
    facts.texts[cache_text_changed] = or_empty(attempt->dialect.changed);
    return facts;
}

void making_note_head(struct flight *flight, const struct attempt *attempt, int status, struct actions *out) {
    enum { ok = 200 };
    if (!makes(flight) || status != ok || making_is_headed(flight)) return;
    const bool told_otherwise = attempt->candidate->instead || attempt->candidate->stands_in;
    struct cache_facts facts = making_facts(flight, attempt);
    if (!told_otherwise && making_head(flight->cache.making, &facts)) return;
    flight->cache.keeps = false; /* a budget's choice is no answer for who has another; or there is no memory */
    making_part(flight, out);
}

void making_note(struct flight *flight, struct str bytes, struct actions *out) {
    if (!makes(flight) || !making_is_headed(flight)) return;
    struct making *making = flight->cache.making;
    uint64_t followed = making_followed(making);
    size_t most = followed ? limit_held_stored : cache_answer_max(flight->host->cache);
    if (bytes.len > most || making->len > most - bytes.len || !making_add(making, bytes))
        making_drop(flight, out);
    else
        making_tell(flight, followed, out);
}

/* What it took is known now. */
static void facts_complete(struct flight *flight, struct cache_facts *facts, struct now now) {
    const struct attempt *winner = flight->winner;
    struct usage usage = calls_usage(flight, winner);
    facts->input_tokens = usage.input_tokens;
    facts->output_tokens = usage.output_tokens;
    facts->cached_tokens = usage.cached_input_tokens;
    facts->cost_nano_usd = calls_cost(flight, winner);
    facts->made_s = now.wall_ns / (int64_t)NS_PER_S;
    facts->expires_s = facts->made_s + flight->cache.ttl_s;
    facts->stale_s = flight->cache.rules.stale_s;
}

static void answer_keep(struct flight *flight, struct actions *out) {
    const struct making *making = flight->cache.making;
    struct cache_answer *answer = cache_answer_new(&making->key, &making->facts, making->len);
    struct making_cursor cursor = {NULL, 0};
    enum { ranges_most = 16 };
    struct str ranges[ranges_most];
    enum making_state state;
    char *at = answer ? (char *)(uintptr_t)answer->body.at : NULL;
    if (!answer) return;
    for (size_t count; (count = making_take_more(making, &cursor, SIZE_MAX, ranges, ranges_most, &state)) > 0;)
        for (size_t i = 0; i < count; i++) {
            memcpy(at, ranges[i].at, ranges[i].len);
            at += ranges[i].len;
        }
    answer->round = flight->cache.round;
    semantic_keep(flight, answer);
    CHECKF(at == answer->body.at + answer->body.len, "len=%zu", making->len);
    actions_add(out, action_cache)->answer = answer;
}

/* Said in one piece by one target, to its end. */
static bool answer_is_whole(const struct flight *flight, const struct actions *out) {
    const struct attempt *winner = flight->winner;
    return winner && winner->state == attempt_settled && winner->failure == failure_none &&
           winner->reply.mode != reply_opaque && flight->answer.error == error_none && !resume_has(flight) &&
           !out->starved && flight->cache.ends == making_open;
}

void making_note_end(struct flight *flight, bool good, struct now now, struct actions *out) {
    if (!makes(flight)) return;
    if (!making_is_headed(flight)) {
        making_finish(flight, flight->cache.ends == making_failed ? making_failed : making_left, out);
        return;
    }
    bool over = good && flight->answer.error == error_none && !out->starved;
    if (over && flight->winner) facts_complete(flight, &flight->cache.making->facts, now);
    if (over && answer_is_whole(flight, out) && flight->cache.keeps && !flight->inputs.list) answer_keep(flight, out);
    making_finish(flight, over ? making_whole : making_broken, out);
}

bool making_goes_on(struct flight *flight) {
    if (!makes(flight) || flight->state >= flight_answered) return false;
    flight->cache.orphan = making_orphan(flight->host->makings, flight->cache.making);
    return flight->cache.orphan;
}

void making_shed(struct flight *flight) {
    if (flight->cache.making) making_release(flight->cache.making);
    cache_release(flight->cache.answer);
    semantic_shed(flight);
    flight->cache.making = NULL;
    flight->cache.answer = NULL;
}
