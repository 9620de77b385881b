/* gather.c - a choice is a list of parts: text goes on the last one of its kind, arguments on their own call. */
#include "dialect/gather.h"

#include "base/text.h"

struct gather_part {
    struct message_part part;
    unsigned tool; /* of a call: its number */
    struct text text;
    struct gather_part *next;
};

struct gather_choice {
    struct gather_part *first, *last;
    size_t count;
    struct message_choice told;
};

struct gather {
    struct arena *arena;
    struct gather_choice *choices;
    size_t count;
    bool failed, ended;
};

static struct gather_choice *choice_at(struct gather *gather, unsigned number) {
    if (number >= gather_choices_max) {
        gather->failed = true;
        return &gather->choices[0];
    }
    if (number >= gather->count) gather->count = number + 1;
    return &gather->choices[number];
}

/* NULL: no memory. */
static struct gather_part *part_add(struct gather *gather, struct gather_choice *choice, enum part_kind kind) {
    struct gather_part *part = arena_take_zeroed(gather->arena, sizeof *part);
    if (!part) {
        gather->failed = true;
        return NULL;
    }
    part->part.kind = kind;
    part->text = text_in_arena(gather->arena, 64);
    *(choice->last ? &choice->last->next : &choice->first) = part;
    choice->last = part;
    choice->count++;
    return part;
}

/* Reasoning that has its signature is over; what comes then is another piece of it. */
static void gather_text(struct gather *gather, const struct message_event *event, enum part_kind kind) {
    struct gather_choice *choice = choice_at(gather, event->choice);
    struct gather_part *part = choice->last;
    if (!part || part->part.kind != kind || part->part.signature.at || part->part.data.at)
        part = part_add(gather, choice, kind);
    if (!part) return;
    text_put(&part->text, event->text);
    part->part.of = event->of;
    if (event->signature.at) part->part.signature = event->signature; /* of text: Gemini's */
}

static void signature_add(struct gather *gather, const struct message_event *event) {
    struct gather_choice *choice = choice_at(gather, event->choice);
    struct gather_part *part = choice->last;
    if (!part || part->part.kind != part_reasoning) part = part_add(gather, choice, part_reasoning);
    if (!part) return;
    part->part.of = event->of;
    if (event->text.at) part->part.signature = event->text;
    if (event->data.at) part->part.data = event->data;
}

static struct gather_part *call_of(struct gather_choice *choice, unsigned tool) {
    for (struct gather_part *part = choice->first; part; part = part->next)
        if (part->part.kind == part_tool_call && part->tool == tool) return part;
    return NULL;
}

static void call_add(struct gather *gather, const struct message_event *event) {
    struct gather_choice *choice = choice_at(gather, event->choice);
    struct gather_part *part = call_of(choice, event->tool);
    if (!part) part = part_add(gather, choice, part_tool_call);
    if (!part) return;
    part->tool = event->tool;
    part->part.of = event->of;
    part->part.id = event->id;
    part->part.name = event->name;
    part->part.signature = event->signature;
}

static void arguments_add(struct gather *gather, const struct message_event *event) {
    struct gather_part *part = call_of(choice_at(gather, event->choice), event->tool);
    if (part)
        text_put(&part->text, event->text);
    else
        gather->failed = true; /* of a call that never began */
}

static void citation_add(struct gather *gather, const struct message_event *event) {
    struct gather_choice *choice = choice_at(gather, event->choice);
    struct gather_part *part = choice->last;
    if (!part || part->part.kind != part_text) return;
    size_t count = part->part.citation_count;
    if ((count & (count - 1)) == 0) { /* full, at a power of two */
        struct message_citation *more = arena_take(gather->arena, (count ? 2 * count : 1) * sizeof *more);
        if (!more) {
            gather->failed = true;
            return;
        }
        for (size_t i = 0; i < count; i++) more[i] = part->part.citations[i];
        part->part.citations = more;
    }
    part->part.citations[part->part.citation_count++] = event->citation;
}

static void finish_take(struct gather *gather, const struct message_event *event) {
    struct message_choice *told = &choice_at(gather, event->choice)->told;
    told->finish = event->finish;
    told->stop_sequence = event->stop_sequence;
}

static void gather_event(struct gather *gather, const struct message_event *event, struct message_reply *reply) {
    usage_merge(&reply->usage, &event->usage);
    if (event->iterations.len) reply->iterations = event->iterations;
    switch (event->kind) {
    case message_event_begin:
        reply->id = event->id;
        reply->model = event->model;
        return;
    case message_event_text: gather_text(gather, event, part_text); return;
    case message_event_refusal: gather_text(gather, event, part_refusal); return;
    case message_event_reasoning: gather_text(gather, event, part_reasoning); return;
    case message_event_signature: signature_add(gather, event); return;
    case message_event_tool: call_add(gather, event); return;
    case message_event_arguments: arguments_add(gather, event); return;
    case message_event_citation: citation_add(gather, event); return;
    case message_event_finish: finish_take(gather, event); return;
    case message_event_error: gather->failed = true; return;
    default: return;
    }
}

static bool choice_tell(struct gather *gather, struct gather_choice *choice) {
    struct message_choice *told = &choice->told;
    told->parts = arena_take_zeroed(gather->arena, (choice->count + 1) * sizeof *told->parts);
    if (!told->parts || told->finish == finish_none) return false;
    for (struct gather_part *part = choice->first; part; part = part->next) {
        if (part->text.failed) return false;
        bool call = part->part.kind == part_tool_call;
        *(call ? &part->part.arguments : &part->part.text) = text_str(&part->text);
        told->parts[told->part_count++] = part->part;
    }
    return true;
}

bool message_gather(const struct message_events *events, struct arena *arena, struct message_reply *reply) {
    struct gather gather = {.arena = arena,
                            .choices = arena_take_zeroed(arena, gather_choices_max * sizeof *gather.choices)};
    *reply = (struct message_reply){.created_s = MESSAGE_NO_INT, .usage = USAGE_NONE};
    if (!gather.choices) return false;
    for (size_t i = 0; i < events->count && !gather.failed; i++) gather_event(&gather, &events->list[i], reply);
    reply->choices = arena_take_zeroed(arena, (gather.count + 1) * sizeof *reply->choices);
    if (gather.failed || !reply->choices || gather.count == 0) return false;
    for (size_t i = 0; i < gather.count; i++) {
        if (!choice_tell(&gather, &gather.choices[i])) return false;
        reply->choices[reply->choice_count++] = gather.choices[i].told;
    }
    return true;
}
