/* flight_fold.h - all that flights perform and tell, folded into one number: their actions with every byte, and when
 * they are over their story, their facts and those of their attempts; and the words that their decisions were made on.
 * Who compares such numbers with written ones sees that a change which means to change nothing does not. */
#ifndef WEIR_TESTS_FLIGHT_FOLD_H
#define WEIR_TESTS_FLIGHT_FOLD_H

#include <string.h>

#include "../fold.h"
#include "flight/flight_internal.h"
#include "observe/explain.h"

static inline void fold_str(uint64_t *fold, struct str text) {
    fold_bytes(fold, text);
    fold_number(fold, 0x100 + (text.at != NULL));
}

static inline void fold_all(uint64_t *fold, const int64_t *values, size_t count) {
    for (size_t i = 0; i < count; i++) fold_number(fold, (uint64_t)values[i]);
}

/* -- what is told of an attempt, and of a flight -- */

static inline void fold_charges(uint64_t *fold, const struct flight *flight, unsigned number) {
    struct attempt_charge charges[limit_path];
    unsigned count = attempt_charges(flight, number, charges, limit_path);
    for (unsigned i = 0; i < count; i++) {
        const int64_t charge[] = {(int64_t)charges[i].budget, charges[i].window_s, charges[i].units};
        fold_all(fold, charge, sizeof charge / sizeof *charge);
    }
}

static inline void fold_meter(uint64_t *fold, const struct meter *meter) {
    const int64_t values[] = {meter->tier, meter->speed, meter->region,       meter->batch,
                              meter->said, meter->miss,  meter->missed_tokens};
    for (unsigned i = 0; i < meter_counts; i++) fold_number(fold, meter->count[i]);
    fold_all(fold, values, sizeof values / sizeof *values);
}

static inline void fold_attempt(uint64_t *fold, const struct flight *flight, unsigned number) {
    const struct attempt_facts facts = attempt_facts(flight, number);
    const struct attempt_lost lost = attempt_if_lost(flight, number);
    const struct usage *usage = &facts.usage;
    const int64_t values[] = {facts.failure,
                              facts.status,
                              facts.failover,
                              (int64_t)facts.duration_us,
                              (int64_t)facts.first_token_us,
                              (int64_t)facts.token_us,
                              usage->input_tokens,
                              usage->output_tokens,
                              usage->cached_input_tokens,
                              usage->cache_write_tokens,
                              usage->reasoning_tokens,
                              usage->cost_nano_usd,
                              facts.cost_nano_usd,
                              facts.other_nano_usd,
                              facts.other_written_1h,
                              facts.other_tokens.input,
                              facts.other_tokens.output,
                              facts.other_tokens.cached_input,
                              facts.other_tokens.cache_write,
                              facts.started_wall_ns,
                              facts.output_cap,
                              facts.hedge,
                              facts.estimated,
                              facts.events,
                              facts.events_dropped,
                              facts.cut,
                              facts.rests,
                              facts.key,
                              facts.missed_tokens,
                              facts.miss,
                              lost.input_tokens,
                              lost.output_tokens,
                              lost.cost_nano_usd,
                              lost.token_nano_usd,
                              attempt_delivered_tokens(flight, number)};
    fold_all(fold, values, sizeof values / sizeof *values);
    fold_all(fold, facts.cost_shares, price_shares);
    fold_all(fold, lost.cost_shares, price_shares);
    fold_charges(fold, flight, number);
    fold_meter(fold, facts.meter);
    fold_str(fold, facts.target->model);
    fold_str(fold, facts.said);
    fold_str(fold, facts.code);
}

static inline void fold_facts(uint64_t *fold, const struct flight *flight) {
    const struct flight_facts facts = flight_facts(flight);
    const int64_t values[] = {facts.endpoint,
                              facts.stream,
                              facts.status,
                              facts.error,
                              facts.caller_gone,
                              facts.attempts,
                              facts.input_tokens,
                              facts.output_tokens,
                              facts.cached_tokens,
                              (int64_t)facts.answer_bytes,
                              facts.cost_nano_usd,
                              (int64_t)facts.arrived_ns,
                              (int64_t)facts.headed_us,
                              facts.arrived_wall_ns,
                              facts.has_images,
                              facts.has_tools,
                              facts.wants_json,
                              facts.prompt_tokens,
                              (int64_t)facts.generation,
                              (int64_t)facts.loop_calls,
                              facts.cache,
                              facts.saved_nano_usd,
                              facts.semantic,
                              facts.compared,
                              facts.is_fallback,
                              facts.is_sampled,
                              facts.session_shared,
                              flight_making(flight) != NULL,
                              flight_is_streaming(flight),
                              flight_is_handed_over(flight),
                              flight_streams_a_list(flight)};
    const struct str words[] = {facts.request_id, facts.own_id,
                                facts.model,      facts.said,
                                facts.served,     facts.route,
                                facts.rule,       facts.session,
                                facts.tags,       facts.lock_why ? str_from(facts.lock_why) : STR_NONE,
                                facts.lock_route, facts.lock_from,
                                facts.lock_to,    facts.loop_tool};
    fold_all(fold, values, sizeof values / sizeof *values);
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) fold_str(fold, words[i]);
    fold_str(fold, facts.provider ? facts.provider->name : STR_NONE);
}

/* Its story as JSON, until the next call. */
static inline struct str fold_story(uint64_t *fold, const struct flight *flight) {
    static char record[explain_record_bytes], said[4 * explain_record_bytes];
    struct text story = text_in_buffer(record, sizeof record), json = text_in_buffer(said, sizeof said);
    flight_story(flight, &story);
    story_explain(text_str(&story), NULL, &json);
    fold_str(fold, text_str(&json));
    return text_str(&json);
}

static inline struct str fold_flight(uint64_t *fold, const struct flight *flight) {
    fold_facts(fold, flight);
    for (unsigned i = 0; i < flight_attempt_count(flight); i++) fold_attempt(fold, flight, i);
    return fold_story(fold, flight);
}

/* -- what is performed -- */

static inline void fold_headers(uint64_t *fold, const struct http_header *headers, size_t count) {
    for (size_t i = 0; i < count; i++) {
        fold_str(fold, headers[i].name);
        fold_str(fold, headers[i].value);
    }
}

static inline void fold_texts(uint64_t *fold, const struct str *texts, size_t count) {
    for (size_t i = 0; i < count; i++) fold_str(fold, texts[i]);
}

static inline void fold_action(uint64_t *fold, const struct flight *flight, const struct action *action) {
    fold_number(fold, (uint64_t)action->kind << 32 | action->attempt);
    switch (action->kind) {
    case action_call:
        fold_str(fold, action->call.provider->name);
        fold_number(fold, action->call.method);
        fold_str(fold, action->call.path);
        fold_headers(fold, action->call.headers, action->call.header_count);
        for (size_t i = 0; i < action->call.body_count; i++) fold_bytes(fold, action->call.body[i]);
        break;
    case action_respond:
        fold_number(fold, (uint64_t)action->respond.status);
        fold_headers(fold, action->respond.headers, action->respond.header_count);
        fold_number(fold, (uint64_t)action->respond.content_length);
        break;
    case action_write:
        for (size_t i = 0; i < action->write.count; i++) fold_bytes(fold, action->write.ranges[i]);
        break;
    case action_recall: fold_texts(fold, (const struct str[]){action->recall.client, action->recall.id}, 2); break;
    case action_keep:
        fold_texts(fold,
                   (const struct str[]){action->keep.client, action->keep.id, action->keep.previous, action->keep.input,
                                        action->keep.output, action->keep.response},
                   6);
        break;
    case action_embed:
        fold_texts(fold, (const struct str[]){action->embed.model, action->embed.words}, 2);
        fold_number(fold, action->embed.timeout_ns);
        fold_number(fold, action->embed.scope);
        break;
    case action_call_read: fold_number(fold, action->wanted); break;
    case action_fetch: fold_str(fold, action->url); break;
    case action_timer: fold_number(fold, action->deadline_ns); break;
    case action_settled: fold_attempt(fold, flight, action->attempt); break;
    case action_cache:
        fold_str(fold, action->answer->body);
        fold_number(fold, (uint64_t)action->answer->facts.expires_s);
        break;
    case action_tell: fold_number(fold, action->made.loops); break;
    case action_wait:
    case action_unwait:
    case action_handover: fold_str(fold, action->provider->name); break;
    default: break;
    }
}

/* -- the words -- */

static inline void fold_words(uint64_t *fold, const struct cell *const *words, size_t count) {
    for (size_t i = 0; i < count; i++) fold_number(fold, cell_load(words[i]));
}

static inline void fold_breaker(uint64_t *fold, const struct breaker *breaker) {
    const struct cell *const words[] = {&breaker->all, &breaker->own,    &breaker->owner,
                                        &breaker->row, &breaker->failed, &breaker->calls};
    fold_words(fold, words, sizeof words / sizeof *words);
}

static inline void fold_share(uint64_t *fold, const struct share *share) {
    fold_number(fold, cell_load(&share->now));
    fold_number(fold, cell_load(&share->before));
}

static inline void fold_provider(uint64_t *fold, const struct provider *provider) {
    const struct provider_cells *cells = provider->cells;
    const struct cell *const words[] = {
        &cells->failed,        &cells->next_key,      &cells->probes,          &cells->gate,
        &cells->requests_hour, &cells->tokens_minute, &cells->requests_minute, &cells->differed_day,
        &cells->estimated_day, &cells->unpriced_day,  &cells->served};
    fold_breaker(fold, &cells->breaker);
    fold_words(fold, words, sizeof words / sizeof *words);
    for (size_t i = 0; i < provider->key_count; i++) {
        const struct key_cells *key = provider->key_cells[i];
        const struct cell *const of_key[] = {&key->cooldown, &key->rest, &key->suspicion, &key->limited, &key->uses};
        fold_words(fold, of_key, sizeof of_key / sizeof *of_key);
    }
}

static inline void fold_route(uint64_t *fold, const struct route *route) {
    const struct route_cells *cells = route->cells;
    if (cells) {
        const struct cell *const words[] = {&cells->lock, &cells->healthy_since_ns, &cells->row, &cells->semantic};
        fold_words(fold, words, sizeof words / sizeof *words);
        fold_share(fold, &cells->retries);
        fold_share(fold, &cells->hedges);
        fold_share(fold, &cells->failovers);
    }
    for (size_t i = 0; route->places && i < route->target_count; i++) {
        const struct place_cells *place = route->places[i].cells;
        if (!place) continue;
        const struct cell *const words[] = {&place->pass, &place->gate, &place->requests_minute, &place->tokens_minute};
        fold_words(fold, words, sizeof words / sizeof *words);
    }
}

static inline void fold_client(uint64_t *fold, const struct client *client) {
    const struct client_cells *cells = client->cells;
    if (!cells) return;
    const struct cell *const words[] = {&cells->gate,          &cells->requests_minute, &cells->requests_hour,
                                        &cells->tokens_minute, &cells->taken,           &cells->cached};
    fold_words(fold, words, sizeof words / sizeof *words);
    for (unsigned i = 0; i < extras; i++) fold_share(fold, &cells->extra[i]);
}

/* All that a configuration's requests have left behind, but what is worked out in fractions. */
static inline void fold_snapshot(uint64_t *fold, const struct snapshot *snapshot) {
    for (size_t i = 0; i < snapshot->provider_count; i++)
        if (snapshot->providers[i].cells) fold_provider(fold, &snapshot->providers[i]);
    for (size_t i = 0; i < snapshot->target_count; i++) {
        const struct target_cells *cells = snapshot->targets[i].cells;
        if (!cells) continue;
        const struct cell *const words[] = {&cells->failures, &cells->cached, &cells->taken, &cells->in_flight};
        fold_breaker(fold, &cells->breaker);
        fold_words(fold, words, sizeof words / sizeof *words);
    }
    for (size_t i = 0; i < snapshot->route_count; i++) fold_route(fold, &snapshot->routes[i]);
    for (size_t i = 0; i < snapshot->rule_count; i++) fold_route(fold, &snapshot->rule_routes[i]);
    for (size_t i = 0; i < snapshot->client_count; i++) fold_client(fold, &snapshot->clients[i]);
}

#endif
