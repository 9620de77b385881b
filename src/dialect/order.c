/* order.c - what order.h says. */
#include "dialect/order.h"

#include "base/check.h"

static bool order_is_text(enum message_event_kind kind) {
    return kind == message_event_text || kind == message_event_refusal || kind == message_event_reasoning;
}

static struct order_block *block_find(const struct order *order, const struct message_event *event) {
    struct order_block *newest = order->held_count ? &order->held[order->held_count - 1] : NULL;
    if (order_is_text(event->kind)) return newest && newest->kind == event->kind ? newest : NULL;
    for (unsigned i = order->held_count; i-- > 0;)
        if (order->held[i].kind == message_event_tool && order->held[i].tool == event->tool) return &order->held[i];
    return NULL;
}

static struct str keep_str(struct str said, struct arena *keep) { return said.at ? arena_copy(keep, said) : STR_NONE; }

/* NULL: no memory. */
static struct message_citation *citation_keep(const struct message_citation *said, struct arena *keep) {
    struct message_citation *citation = arena_take(keep, sizeof *citation);
    if (!citation) return NULL;
    *citation = *said;
    citation->url = keep_str(said->url, keep);
    citation->title = keep_str(said->title, keep);
    citation->cited_text = keep_str(said->cited_text, keep);
    citation->raw = keep_str(said->raw, keep);
    return citation;
}

static struct order_block *order_block_add(struct order *order, const struct message_event *event, struct arena *keep) {
    if (!order->held) order->held = arena_take(keep, order_held_max * sizeof *order->held);
    if (!order->held || order->held_count == order_held_max) return NULL;
    struct order_block *block = &order->held[order->held_count];
    *block = (struct order_block){.kind = event->kind,
                                  .of = event->of,
                                  .tool = event->tool,
                                  .id = keep_str(event->id, keep),
                                  .name = arena_copy(keep, event->name),
                                  .signature = keep_str(event->signature, keep),
                                  .said = text_in_arena(keep, 128)};
    order->held_count++;
    CHECKF(order->calling && order->held_count <= order_held_max, "held=%u",
           order->held_count); /* else it would pass */
    return block;
}

static bool order_hold(struct order *order, const struct message_event *event, struct arena *keep) {
    bool whole = event->kind == message_event_tool || event->kind == message_event_citation; /* begins anew */
    struct order_block *block = whole ? NULL : block_find(order, event);
    if (!block && event->kind == message_event_arguments) return true; /* of no call: it never began */
    if (!block) block = order_block_add(order, event, keep);
    if (!block) return false;
    if (event->kind == message_event_citation) block->citation = citation_keep(&event->citation, keep);
    if (event->kind == message_event_citation && !block->citation) return false;
    if (event->kind != message_event_tool) text_put(&block->said, event->text);
    return !block->said.failed;
}

static bool pass(const struct message_event *event, struct message_events *out) {
    *message_event_add(out, event->kind) = *event;
    return !out->failed;
}

static bool release(struct order *order, struct message_events *out) {
    for (unsigned i = 0; i < order->held_count; i++) {
        const struct order_block *block = &order->held[i];
        CHECKF(block->kind != message_event_arguments, "block=%u", i); /* fragments stand in their call */
        struct message_event *event = message_event_add(out, block->kind);
        event->of = block->of;
        event->tool = block->tool;
        event->id = block->id;
        event->name = block->name;
        event->signature = block->signature;
        if (block->citation) event->citation = *block->citation;
        if (block->kind == message_event_tool && block->said.len)
            (event = message_event_add(out, message_event_arguments))->tool = block->tool;
        if (event->kind != message_event_tool) event->text = text_str(&block->said);
    }
    order->held_count = 0;
    order->calling = false;
    return !out->failed;
}

bool order_take(struct order *order, const struct message_event *event, struct arena *keep,
                struct message_events *out) {
    CHECKF((unsigned)event->kind < message_event_kinds, "kind=%d", (int)event->kind);
    if (event->choice > 0) /* blocks are those of the first */
        return event->kind == message_event_tool || event->kind == message_event_arguments || pass(event, out);
    switch (event->kind) {
    case message_event_tool:
        if (order->calling) return order_hold(order, event, keep);
        order->calling = true;
        order->tool = event->tool;
        return pass(event, out);
    case message_event_arguments:
        return order->calling && order->tool == event->tool ? pass(event, out) : order_hold(order, event, keep);
    case message_event_citation: /* would end the call that is open */
    case message_event_text:
    case message_event_refusal:
    case message_event_reasoning: return order->calling ? order_hold(order, event, keep) : pass(event, out);
    case message_event_finish:
    case message_event_error:
    case message_event_end: return release(order, out) && pass(event, out);
    default: return pass(event, out);
    }
}
