/* flight_reasoning.c - sealed reasoning between the turns of a caller whose dialect has no place for it: kept by the
 * calls that it led to, and said again in front of them. What is gone is left out, and named. */
#include "flight/flight_internal.h"

static struct reasoning_key key_for(const struct flight *flight, const struct attempt *attempt, struct str call) {
    return (struct reasoning_key){
        .client = flight->client_hash, .origin = attempt->target->provider->origin_id, .call = call};
}

static bool is_ours(const struct flight *flight, const struct attempt *attempt) {
    return flight->host->reasoning && attempt->way->writes_anew && attempt->dialect.codec == &codec_responses &&
           flight->codec->dialect != dialect_responses;
}

static void sealed_add(struct flight *flight, struct attempt *attempt, struct str data) {
    struct text *sealed = &attempt->dialect.sealed;
    if (!sealed->size) *sealed = text_in_arena(&flight->arena, 256);
    if (sealed->len + data.len > reasoning_entry_max) return; /* it will be missed */
    if (sealed->len) text_put_byte(sealed, ',');
    text_put(sealed, STR("{\"type\":\"reasoning\",\"summary\":[],\"encrypted_content\":"));
    text_put_json(sealed, data);
    text_put_byte(sealed, '}');
}

static void call_keep(struct flight *flight, struct attempt *attempt, struct str call, struct now now) {
    struct reasoning_key key = key_for(flight, attempt, call);
    struct text *sealed = &attempt->dialect.sealed;
    if (!sealed->failed) reasoning_keep(flight->host->reasoning, &key, text_str(sealed), now.mono_ns);
    sealed->len = 0;
}

void reasoning_of_events(struct flight *flight, struct attempt *attempt, const struct message_events *events,
                         struct now now) {
    if (!is_ours(flight, attempt)) return;
    for (size_t i = 0; i < events->count; i++) {
        const struct message_event *event = &events->list[i];
        if (event->kind == message_event_signature && event->data.len) sealed_add(flight, attempt, event->data);
        if (event->kind == message_event_tool) call_keep(flight, attempt, event->id, now);
    }
}

void reasoning_of_reply(struct flight *flight, struct attempt *attempt, const struct message_reply *reply,
                        struct now now) {
    if (!is_ours(flight, attempt)) return;
    for (size_t c = 0; c < reply->choice_count; c++)
        for (size_t p = 0; p < reply->choices[c].part_count; p++) {
            const struct message_part *part = &reply->choices[c].parts[p];
            if (part->kind == part_reasoning && part->data.len) sealed_add(flight, attempt, part->data);
            if (part->kind == part_tool_call) call_keep(flight, attempt, part->id, now);
        }
}

uint64_t reasoning_recall(struct flight *flight, struct attempt *attempt) {
    struct message_request *request = flight->canonical.message;
    bool gone = false;
    if (!is_ours(flight, attempt)) return 0;
    request->seen->looked = 0;
    for (size_t m = 0; m < request->message_count; m++) {
        struct message *message = &request->messages[m];
        for (size_t p = 0; p < message->part_count; p++) {
            struct message_part *part = &message->parts[p];
            struct reasoning_key key = key_for(flight, attempt, part->id);
            if (part->kind == part_text && message->role == message_user) gone = false; /* of a turn that is over */
            if (part->kind != part_tool_call) continue;
            part->reasoning = STR_NONE;
            gone |= !reasoning_find(flight->host->reasoning, &key, attempt->started_ns, &flight->canonical.arena,
                                    &part->reasoning);
        }
    }
    return gone ? FEATURE_BIT(reasoning_history) : 0;
}
