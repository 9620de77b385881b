/* flight_loop.c - a guard against agents that go round in circles: the same tool called with the same arguments again
 * and again. Off unless the client's `loop_guard` says how often; a request under one that does is read once more. */
#include "dialect/tool_loop.h"
#include "flight/flight_internal.h"

static struct str loop_sentence(struct flight *flight, struct str tool, size_t calls, struct str of) {
    return arena_printf(&flight->arena,
                        "The tool `%.*s` was called %zu times with the same arguments, and `loop_guard` of %.*s ends "
                        "that: say what to do otherwise, in a message of your own behind the last call's result, or "
                        "begin anew.",
                        STR_ARG(str_slice(tool, 0, 64)), calls, STR_ARG(of));
}

enum step loop_admit(struct flight *flight, struct now now, struct actions *out) {
    const struct client *client = flight->client;
    const struct endpoint_facts *endpoint = endpoint_facts(flight->endpoint);
    if (!client || (!client->caps.loop_warn.most && !client->caps.loop_refuse.most)) return step_on;
    if (endpoint->operation != operation_chat || endpoint->body != endpoint_body_json) return step_on;
    const struct session_cap *warn = &client->caps.loop_warn, *refuse = &client->caps.loop_refuse;
    struct tool_loop loop = tool_loop_find(flight->body.whole, endpoint->dialect);
    int64_t calls = (int64_t)loop.calls;
    bool refuses = refuse->most && calls >= refuse->most;
    if (!refuses && !(warn->most && calls >= warn->most)) return step_on;
    flight->loop = (struct flight_loop){arena_copy(&flight->arena, str_slice(loop.tool, 0, limit_name)), loop.calls};
    if (!refuses) return step_on;
    flight->answer.is_final = true;
    return answer_error(flight, error_tool_loop, loop_sentence(flight, flight->loop.tool, loop.calls, refuse->of),
                        STR_NONE, now, out);
}
