/* attempt_records.c - an attempt's facts as a record, into the journal. */
#include "runtime/attempt_records.h"

#include "base/check.h"
#include "base/limits.h"
#include "store/metered.h"

_Static_assert(2 * (int)limit_path <= (int)record_charges_max, "a record has room for all charges");

_Static_assert((int)limit_owner_path <= (int)record_text_most, "a record has room for those who own a client");

/* The client's tags and, where they are trusted, the caller's own; in the buffer, where there are both or the client's.
 */
static struct str tags_join(const struct flight_facts *facts, char buffer[record_word_most]) {
    struct text text = text_in_buffer(buffer, record_word_most);
    const struct client *client = facts->client;
    if (!client || !client->tag_count) return facts->tags;
    for (size_t i = 0; i < client->tag_count; i++) {
        const struct rule_tag *tag = &client->tags[i];
        if (text.len + tag->key.len + tag->value.len + 2 > record_word_most) break;
        if (i) text_put_byte(&text, ',');
        text_put(&text, tag->key);
        if (tag->value.len) text_put_byte(&text, '=');
        text_put(&text, tag->value);
    }
    if (facts->tags.len && text.len + 1 + facts->tags.len <= record_word_most) {
        if (text.len) text_put_byte(&text, ',');
        text_put(&text, facts->tags);
    }
    return text_str(&text);
}

/* What a record borrows. */
struct record_room {
    struct record_charge charges[record_charges_max];
    char tags[record_word_most], metered[metered_bytes_max];
};

/* Of one that has been sent, `sent`, the words' tags are known. */
static void record_words_fill(const struct journal *journal, const struct flight_facts *facts,
                              const struct journal_sent *sent, struct record_room *room, struct record *record) {
    const struct str words[record_words] = {
        [record_asked] = facts->model, [record_session] = facts->session, [record_tags] = tags_join(facts, room->tags)};
    for (size_t i = 0; i < record_words; i++)
        record->words[i] = sent ? (struct record_said){.text = words[i]} : journal_word(journal, words[i]);
    if (sent) journal_words_again(sent, record->words);
}

static int64_t record_flags_of(const struct flight_facts *facts, const struct attempt_facts *of) {
    const struct {
        bool holds;
        enum record_flag flag;
    } flags[] = {{facts->stream, record_stream},
                 {of->hedge, record_hedge},
                 {of->failover, record_failover},
                 {of->estimated, record_estimated},
                 {of->failure == failure_none, record_succeeded},
                 {of->failure == failure_caller_gone || of->failure == failure_outpaced, record_cancelled},
                 {facts->has_images, record_images},
                 {facts->has_tools, record_tools},
                 {facts->wants_json, record_json}};
    int64_t bits = 0;
    for (size_t i = 0; i < sizeof flags / sizeof *flags; i++) bits |= flags[i].holds ? flags[i].flag : 0;
    return bits;
}

/* Where each part of a cost stands in a record. */
static const enum record_number record_shares[price_shares] = {
    [price_share_input] = record_input_nano_usd,   [price_share_output] = record_output_nano_usd,
    [price_share_cached] = record_cached_nano_usd, [price_share_cache_writes] = record_cache_write_nano_usd,
    [price_share_tools] = record_tools_nano_usd,   [price_share_fees] = record_fees_nano_usd};

static void record_cost_fill(struct record *record, int64_t nano_usd, const int64_t shares[price_shares]) {
    record->numbers[record_cost_nano_usd] = nano_usd;
    for (unsigned i = 0; i < price_shares; i++) record->numbers[record_shares[i]] = nano_usd < 0 ? -1 : shares[i];
}

static struct str metered_of(const struct attempt_facts *of, char bytes[metered_bytes_max]) {
    const struct metered_others others = {.input = of->other_tokens.input,
                                          .output = of->other_tokens.output,
                                          .cached_input = of->other_tokens.cached_input,
                                          .cache_write = of->other_tokens.cache_write,
                                          .cache_write_1h = of->other_written_1h,
                                          .nano_usd = of->other_nano_usd};
    return metered_put(of->meter, others.nano_usd ? &others : NULL, bytes);
}

static void record_fill(const struct journal *journal, struct record *record, struct record_room *room,
                        const struct journal_sent *sent, const struct flight *flight, unsigned attempt) {
    struct flight_facts facts = flight_facts(flight);
    struct attempt_facts of = attempt_facts(flight, attempt);
    const bool has_own_id = facts.request_id.at != facts.own_id.at && !str_eq(facts.request_id, facts.own_id);
    *record = (struct record){
        .numbers = {[record_time_ms] = of.started_wall_ns / (int64_t)NS_PER_MS,
                    [record_attempt] = attempt,
                    [record_status] = of.status,
                    [record_flags] = record_flags_of(&facts, &of),
                    [record_duration_us] = (int64_t)of.duration_us,
                    [record_first_token_us] = (int64_t)of.first_token_us,
                    [record_input_tokens] = of.usage.input_tokens,
                    [record_output_tokens] = of.usage.output_tokens,
                    [record_cached_tokens] = of.usage.cached_input_tokens,
                    [record_cache_write_tokens] = of.usage.cache_write_tokens,
                    [record_reasoning_tokens] = of.usage.reasoning_tokens,
                    [record_provider_nano_usd] = of.usage.cost_nano_usd,
                    [record_prompt_tokens] = facts.prompt_tokens,
                    [record_output_cap] = of.output_cap,
                    [record_generation] = (int64_t)facts.generation,
                    [record_cache_miss] = of.miss,
                    [record_cache_missed_tokens] = of.missed_tokens},
        .texts = {[record_request_id] = facts.own_id,
                  [record_endpoint] = endpoint_facts(facts.endpoint)->name,
                  [record_outcome] = of.failure == failure_none ? STR("ok") : failure_facts(of.failure)->name,
                  [record_provider] = of.target->provider->name,
                  [record_model] = of.target->model,
                  [record_client] = facts.client ? facts.client->name : STR(""),
                  [record_route] = facts.route,
                  [record_owner] = facts.client && facts.client->in ? facts.client->in->path : STR(""),
                  [record_rule] = facts.rule,
                  [record_caller_id] = has_own_id ? facts.request_id : STR(""),
                  [record_metered] = metered_of(&of, room->metered)},
        .charges = room->charges};
    record_cost_fill(record, of.cost_nano_usd, of.cost_shares);
    record_words_fill(journal, &facts, sent, room, record);
    struct attempt_charge to[limit_path];
    const size_t count = attempt_charges(flight, attempt, to, limit_path);
    for (size_t i = 0; i < count; i++)
        record->charge_count += record_charge_put(&room->charges[record->charge_count], to[i].budget, &to[i].value,
                                                  to[i].window_s, to[i].units);
}

bool attempt_record_sent(struct journal *journal, unsigned worker, struct flight *flight, unsigned attempt) {
    struct record record;
    struct record_room room;
    void **kept = attempt_kept(flight, attempt);
    struct attempt_lost lost = attempt_if_lost(flight, attempt);
    CHECKF(!*kept, "attempt=%u", attempt);
    record_fill(journal, &record, &room, NULL, flight, attempt);
    record.numbers[record_flags] &= ~(int64_t)record_succeeded;
    record.numbers[record_input_tokens] = lost.input_tokens;
    record.numbers[record_output_tokens] = lost.output_tokens;
    record_cost_fill(&record, lost.cost_nano_usd, lost.cost_shares);
    *kept = journal_send(journal, worker, &record, lost.token_nano_usd);
    return *kept;
}

void attempt_record_delivered(struct flight *flight, unsigned attempt) {
    struct journal_sent *sent = *attempt_kept(flight, attempt);
    if (sent) journal_delivered(sent, attempt_delivered_tokens(flight, attempt));
}

bool attempt_record_settled(struct journal *journal, unsigned worker, struct flight *flight, unsigned attempt) {
    struct record record;
    struct record_room room;
    void **kept = attempt_kept(flight, attempt);
    struct journal_sent *sent = *kept;
    record_fill(journal, &record, &room, sent, flight, attempt);
    if (sent) record.sequence = journal_sequence(sent);
    bool added = journal_add(journal, worker, &record);
    if (sent) journal_settled(journal, worker, sent);
    *kept = NULL;
    return added;
}

/* What it counts as. */
static void given_fill(const struct flight_facts *facts, int64_t given[record_givens]) {
    static const enum record_given counts[] = {[cached_hit] = record_given_cache_hits,
                                               [cached_shared] = record_given_cache_shared,
                                               [cached_stale] = record_given_cache_stale};
    const bool whole = facts->cache == cached_hit || facts->cache == cached_shared || facts->cache == cached_stale;
    if (facts->is_fallback)
        given[record_given_fallbacks] = 1;
    else if (whole)
        given[counts[facts->cache]] = 1;
    if (!facts->is_fallback && facts->saved_nano_usd > 0) given[record_given_saved_nano_usd] = facts->saved_nano_usd;
}

bool given_record_add(struct journal *journal, unsigned worker, const struct flight *flight, struct now now) {
    const struct flight_facts facts = flight_facts(flight);
    const int64_t minute_ms = 60000, now_ms = now.wall_ns / (int64_t)NS_PER_MS;
    const bool has_maker = facts.provider && !facts.is_fallback;
    struct record record = {
        .kind = record_of_given,
        .texts = {[record_provider] = has_maker ? facts.provider->name : STR(""),
                  [record_model] = has_maker ? facts.served : STR(""),
                  [record_client] = facts.client ? facts.client->name : STR(""),
                  [record_route] = facts.route,
                  [record_owner] = facts.client && facts.client->in ? facts.client->in->path : STR(""),
                  [record_rule] = facts.rule}};
    char tags[record_word_most];
    for (size_t i = 0; i < record_numbers; i++) record.numbers[i] = -1;
    record.numbers[record_time_ms] = now_ms - now_ms % minute_ms;
    record.words[record_asked] = journal_word(journal, facts.model);
    record.words[record_tags] = journal_word(journal, tags_join(&facts, tags));
    given_fill(&facts, record.given);
    return journal_give(journal, worker, &record);
}
