/* sim_calls.c - several answers by a call each: the caller has what each call brought, one after the other, and as many
 * answers as it asked for; or it was told that it has not. */
#include "sim.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The texts that stand in it, put together: "content":"..." */
static void contents_add(char **text, size_t *len, struct str bytes) {
    static const char mark[] = "\"content\":\"";
    for (size_t at; (at = str_find(bytes, str_from(mark))) != SIZE_MAX;) {
        bytes = str_slice(bytes, at + sizeof mark - 1, bytes.len);
        size_t end = str_find_byte(bytes, '"');
        if (end == SIZE_MAX) end = bytes.len; /* it is cut there */
        *text = realloc(*text, *len + end + 1);
        memcpy(*text + *len, bytes.at, end);
        *len += end;
    }
}

static unsigned times(struct str bytes, const char *words) {
    unsigned count = 0;
    for (size_t at; (at = str_find(bytes, str_from(words))) != SIZE_MAX; count++)
        bytes = str_slice(bytes, at + strlen(words), bytes.len);
    return count;
}

void sim_calls_settled(struct sim *sim, unsigned number, const struct attempt *attempt) {
    struct sim_caller *caller = &sim->callers[number];
    if (!attempt->one_of_several || attempt->failure != failure_none) return;
    const struct sim_call *call = sim_call_of(caller, attempt->number);
    if (!sim_rule(sim, call && attempt->choice == caller->answers, "answers are made one after the other", number))
        return;
    if (call->wanted) contents_add(&caller->said, &caller->said_len, str_make(call->wanted, call->wanted_len));
    if (caller->answers && caller->answered_by != attempt->target) sim_reached(sim, mark_answer_made_elsewhere);
    caller->answered_by = attempt->target;
    caller->answers++;
}

void sim_calls_closed(struct sim *sim, unsigned number) {
    struct sim_caller *caller = &sim->callers[number];
    const struct flight *flight = caller->flight;
    struct str got = str_make(caller->got, caller->got_len);
    bool good = flight->answer.error == error_none && !caller->aborted,
         whole = caller->answers == caller->answers_wanted,
         terminated = !caller->asks_stream || str_ends(got, STR("data: [DONE]\n\n"));
    char *text = NULL, index[24];
    size_t len = 0;
    contents_add(&text, &len, got);
    sim_rule(sim, good == whole && (good || !terminated || !caller->asks_stream),
             "as many answers as were asked for, or an error", number);
    sim_rule(sim, len >= caller->said_len && (!caller->said_len || !memcmp(text, caller->said, caller->said_len)),
             "the caller has what each call brought, in order", number);
    free(text);
    if (!good) {
        sim_reached(sim, mark_several_broken);
        sim_rule(sim, times(got, "data: {\"error\"") == 1, "a stream that lacks answers ends in an error", number);
        return;
    }
    sim_reached(sim, caller->asks_stream ? mark_several_streamed : mark_several_gathered);
    sim_rule(sim, caller->ended && terminated && len == caller->said_len, "a good answer is whole, and ends", number);
    sim_rule(sim, times(got, "\"finish_reason\":\"") == caller->answers_wanted, "each answer has one finish", number);
    for (unsigned i = 0; i <= caller->answers_wanted; i++) {
        snprintf(index, sizeof index, "\"index\":%u,", i);
        sim_rule(sim, (times(got, index) > 0) == (i < caller->answers_wanted), "each answer has its index", number);
    }
    if (caller->content_length >= 0)
        sim_rule(sim, (size_t)caller->content_length == caller->got_len, "Content-Length is the answer's length",
                 number);
}
