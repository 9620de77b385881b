/* gemini_calls.c - which call a function's answer is for. Google's ids of calls are optional, and its own SDKs answer a
 * call that has one without it: by the name, in order. */
#include "dialect/gemini/gemini.h"

/* Of the last turn that has calls; those past them keep what they say. */
enum { calls_max = 64 };
struct calls {
    struct message_part *list[calls_max];
    bool answered[calls_max];
    size_t count;
};

/* Two calls of one name in a turn are told apart. */
static void calls_add(struct calls *calls, struct message_part *call, struct arena *arena) {
    size_t same = 0;
    if (calls->count == calls_max) return;
    for (size_t i = 0; i < calls->count; i++) same += str_eq(calls->list[i]->name, call->name);
    if (!call->id.at && same) call->id = arena_printf(arena, "%.*s_%zu", STR_ARG(call->name), same + 1);
    calls->answered[calls->count] = false;
    calls->list[calls->count++] = call;
}

static void calls_answer(struct calls *calls, struct message_part *result) {
    for (size_t i = 0; i < calls->count; i++) {
        struct message_part *call = calls->list[i];
        if (calls->answered[i] ||
            !str_eq(result->id.at ? call->id : call->name, result->id.at ? result->id : result->name))
            continue;
        calls->answered[i] = true;
        result->id = call->id;
        return;
    }
}

void gemini_pair_calls(struct message_request *request, struct arena *arena) {
    struct calls calls = {.count = 0};
    for (size_t m = 0; m < request->message_count; m++) {
        struct message *message = &request->messages[m];
        bool begun = false;
        for (size_t p = 0; p < message->part_count; p++) {
            struct message_part *part = &message->parts[p];
            if (part->kind == part_tool_result) calls_answer(&calls, part);
            if (part->kind != part_tool_call) continue;
            if (!begun) calls.count = 0;
            begun = true;
            calls_add(&calls, part, arena);
        }
    }
}
