/* flight_extend.c - a stream of which less than its longest answer was reserved reserves the rest as it comes, of every
 * budget on its way; where one has no more, its answer is ended as one that has become too long, its provider is hung
 * up on, and it is charged what came and what its provider may have made beyond.
 *
 * Invariant: when a step has ended, what came and the margin are reserved, or nothing more is awaited of it. */
#include "base/check.h"
#include "dialect/responses/responses_cut.h"
#include "flight/flight_internal.h"

/* It is charged as one of which its provider told so much. */
static void extend_count(const struct flight *flight, struct attempt *attempt) {
    struct usage *usage = &attempt->usage;
    if (usage->input_tokens < 0) usage->input_tokens = flight->prompt_tokens;
    usage->output_tokens = extent_charge(&attempt->holds.money.extent, attempt_delivered(attempt));
    attempt->usage_estimated = true;
}

static enum step extend_end(struct flight *flight, struct attempt *attempt, struct now now, struct actions *out) {
    attempt->holds.money.ended_for_money = true;
    making_part(flight, out); /* others have other budgets */
    if (attempt->state != attempt_delivering) stream_token(flight, attempt, now, out);
    attempt_cancel(attempt, out);
    extend_count(flight, attempt);
    if (attempt->way->cut(flight, attempt, now, out) != step_on) return step_over;
    return stream_complete(flight, attempt, now, out);
}

bool extend_note(struct flight *flight, struct attempt *attempt, struct str data) {
    struct attempt_dialect *dialect = &attempt->dialect;
    CHECK(!attempt->way->writes_anew);
    if (!extent_is_open(&attempt->holds.money.extent)) return true;
    if (!dialect->cut) dialect->cut = responses_cut_new(&flight->arena);
    return dialect->cut && data.at && responses_cut_note(dialect->cut, data, flight->host->scratch);
}

enum step extend_cut(struct flight *flight, struct attempt *attempt, struct now now, struct actions *out) {
    struct text text = text_in_arena(flight->host->scratch, 4096);
    (void)now;
    if (!attempt->dialect.cut) return attempt_fails(attempt, failure_system); /* nothing was said: nothing ends it */
    responses_cut_write(attempt->dialect.cut, flight->request_id, &attempt->usage, flight->host->scratch, &text);
    struct str written = masked_text(flight, attempt, text_str(&text));
    if (text.failed || !written.at || flight_starved(flight)) return attempt_fails(attempt, failure_system);
    stored_keep_frames(flight, written, out);
    return stream_pass(flight, attempt, written, true, out);
}

bool extend_whole(const struct flight *flight, struct attempt *attempt, struct now now) {
    const struct extent *extent = &attempt->holds.money.extent;
    return !extent_is_open(extent) || money_extend(flight, attempt, extent->whole, now);
}

enum step extend_follow(struct flight *flight, struct attempt *attempt, struct now now, struct actions *out) {
    const struct extent *extent = &attempt->holds.money.extent;
    if (!extent_is_open(extent) || attempt->state == attempt_settled) return step_on;
    if (attempt->stream.saw_done || stream_is_finished(flight, attempt)) return step_on; /* it makes no more */
    /* What is not read while its caller is slow is made all the same. */
    int64_t needs = flight->caller_is_full ? extent->whole : extent_needs(extent);
    int64_t wants = flight->caller_is_full ? extent->whole : extent_wants(extent);
    if (needs <= extent->covered || money_extend(flight, attempt, wants, now) ||
        money_extend(flight, attempt, needs, now))
        return step_on;
    return extend_end(flight, attempt, now, out);
}
