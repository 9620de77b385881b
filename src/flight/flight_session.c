/* flight_session.c - the caps of a session: its calls are counted here when a request comes in, its minutes looked at,
 * and its money is one more budget on the way of each attempt (flight_money.c).
 *
 * Invariant: what session_admit held, session_end lets go of, once; a request of which no attempt was begun was no
 * call. */
#include "base/check.h"
#include "flight/flight_internal.h"

static int64_t session_now_s(struct now now) { return now.wall_ns > 0 ? now.wall_ns / (int64_t)NS_PER_S : 0; }

/* The session's money as a budget; its window begins with the session and ends with it. */
struct session_budget {
    struct money_budget budget;
    struct cell found;
    struct spend none; /* of one that has not begun */
};

static void budget_at(struct money_budget *budget, struct spend *spend, int64_t started_s) {
    budget->spend = spend;
    cell_store(budget->window.found, (uint64_t)started_s << 32 | UINT32_MAX);
}

static bool budget_prepare(struct flight *flight, const struct session_cap *cap, struct now now) {
    struct session_budget *made = arena_take_zeroed(&flight->arena, sizeof *made);
    if (!made) return false;
    made->budget =
        (struct money_budget){.identity = session_row_identity(flight->session_hold.identity, session_nano_usd),
                              .owner = cap->of,
                              .name = STR("session"),
                              .limit_nano_usd = cap->most,
                              .mode = money_hard,
                              .over = over_block,
                              .at_nano_usd = cap->most,
                              .window = {.kind = window_lifetime, .found = &made->found}};
    budget_at(&made->budget, &made->none, session_now_s(now));
    flight->session_hold.budget = &made->budget;
    return true;
}

/* A prompt's cache key and a trace say less: no caps are on those. */
static struct str session_named(const struct flight *flight) {
    struct str own = str_trim(flight->steering.session), agents = str_trim(flight->steering.agent_session);
    return str_slice(own.len ? own : agents, 0, limit_session);
}

struct str flight_session_said(const struct flight *flight) {
    return session_named(flight);
}

bool session_prepare(struct flight *flight, struct now now) {
    const struct client *client = flight->client;
    struct session_hold *hold = &flight->session_hold;
    if (!client || !client->sessions || endpoint_facts(flight->endpoint)->operation == operation_count_tokens)
        return true;
    hold->name = session_named(flight);
    if (!hold->name.len) return true;
    hold->identity = session_identity(client->name, hold->name);
    return !client->caps.nano_usd.most || budget_prepare(flight, &client->caps.nano_usd, now);
}

/* -- what stands against it -- */

static void forgotten_put(struct text *text, const struct flight *flight, const struct session_view *view,
                          int64_t now_s) {
    const struct session_rules rules = session_caps_rules(&flight->client->caps);
    int64_t last_s = view->last_s > 0 ? view->last_s : now_s;
    text_put(text, STR(" Begin another session; this one is forgotten, if it is not used, at "));
    window_moment_put(text, session_until(view->started_s, last_s, &rules));
    text_put_byte(text, '.');
}

static void session_put(struct text *text, const struct flight *flight, const struct session_cap *cap) {
    const struct session_hold *hold = &flight->session_hold;
    if (hold->shared)
        text_printf(text, "More than %zu sessions are remembered, and all further ones together", session_places_most);
    else
        text_printf(text, "The session `%.*s`", STR_ARG(str_slice(hold->name, 0, 64)));
    text_printf(text, " (`sessions` of %.*s) ", STR_ARG(cap->of));
}

static struct str calls_sentence(struct flight *flight, const struct session_view *view, int64_t now_s) {
    const struct session_cap *cap = &flight->client->caps.calls;
    struct text text = text_in_arena(&flight->arena, 320);
    session_put(&text, flight, cap);
    text_printf(&text, "has made %lld of %lld call%s.", (long long)view->calls, (long long)cap->most,
                str_plural((uint64_t)cap->most));
    forgotten_put(&text, flight, view, now_s);
    return text.failed ? STR_NONE : text_str(&text);
}

static struct str lasts_sentence(struct flight *flight, const struct session_view *view, int64_t now_s) {
    const struct session_cap *cap = &flight->client->caps.lasts;
    struct text text = text_in_arena(&flight->arena, 320);
    session_put(&text, flight, cap);
    text_printf(&text, "may last %lld minute%s, over at ", (long long)(cap->most / 60),
                str_plural((uint64_t)(cap->most / 60)));
    window_moment_put(&text, view->started_s + cap->most);
    text_put_byte(&text, '.');
    forgotten_put(&text, flight, view, now_s);
    return text.failed ? STR_NONE : text_str(&text);
}

struct str session_money_sentence(struct flight *flight, int64_t nano_usd, bool waits, struct now now) {
    const struct money_budget *budget = flight->session_hold.budget;
    const struct session *held = flight->session_hold.held;
    struct spend_view money = money_budget_look(budget, now.wall_ns);
    struct text text = text_in_arena(&flight->arena, 320);
    flight->session_hold.exhausted = true;
    session_put(&text, flight, &flight->client->caps.nano_usd);
    text_put(&text, STR("has spent "));
    text_put_money(&text, money.spent);
    text_put(&text, STR(" of "));
    text_put_money(&text, budget->limit_nano_usd);
    text_put(&text, STR(" USD"));
    if (money.spent < budget->limit_nano_usd) {
        text_put(&text, STR(", and this request may cost "));
        text_put_money(&text, nano_usd);
    }
    text_put(&text, waits ? STR(". Its requests in flight hold what is left: try again shortly.") : STR("."));
    if (!waits && held) {
        const struct session_view view = session_look(held);
        forgotten_put(&text, flight, &view, session_now_s(now));
    }
    return text.failed ? STR_NONE : text_str(&text);
}

static enum step session_refused(struct flight *flight, struct str sentence, struct now now, struct actions *out) {
    flight->answer.refused = sentence;
    flight->answer.limit_scope = STR("client");
    flight->answer.is_final = true;
    return answer_refused(flight, error_session_exhausted, 0, now, out);
}

static bool lasts_no_more(const struct session_caps *caps, const struct session_view *view, int64_t now_s) {
    return caps->lasts.most && now_s - view->started_s >= caps->lasts.most;
}

enum step session_admit(struct flight *flight, struct now now, struct actions *out) {
    struct session_hold *hold = &flight->session_hold;
    const struct client *client = flight->client;
    int64_t now_s = session_now_s(now);
    if (!hold->name.len) return step_on;
    CHECK(!hold->held && flight->attempt_count == 0);
    const struct session_rules rules = session_caps_rules(&client->caps);
    struct cells *cells = client->own_cells ? client->own_cells : flight->host->cells;
    hold->held = sessions_enter(client->sessions, cells, client->name, hold->identity, &rules, flight->host->kept,
                                now_s, &hold->shared);
    if (!hold->held) return answer_error(flight, error_overloaded, STR_NONE, STR_NONE, now, out);
    const struct session_view view = session_look(hold->held);
    if (hold->shared) hold->identity = session_identity(client->name, STR(""));
    hold->started_s = view.started_s;
    if (hold->budget) {
        hold->budget->identity = session_row_identity(hold->identity, session_nano_usd);
        budget_at(hold->budget, &hold->held->spend, view.started_s);
    }
    if (lasts_no_more(&client->caps, &view, now_s))
        return session_refused(flight, lasts_sentence(flight, &view, now_s), now, out);
    hold->called = session_call(hold->held, client->caps.calls.most);
    return hold->called ? step_on : session_refused(flight, calls_sentence(flight, &view, now_s), now, out);
}

enum error_code session_preview(struct flight *flight, struct now now) {
    struct session_hold *hold = &flight->session_hold;
    int64_t now_s = session_now_s(now);
    if (!hold->name.len) return error_none;
    const struct session_caps *caps = &flight->client->caps;
    const struct session_rules rules = session_caps_rules(caps);
    struct session *session = sessions_find(flight->client->sessions, hold->identity, &rules, now_s);
    if (!session) return error_none;
    const struct session_view view = session_look(session);
    if (hold->budget) budget_at(hold->budget, &session->spend, view.started_s);
    bool called = caps->calls.most && view.calls >= caps->calls.most;
    return called || lasts_no_more(caps, &view, now_s) ? error_session_exhausted : error_none;
}

void session_settle(struct flight *flight, struct attempt *attempt, struct now now) {
    struct session *held = flight->session_hold.held;
    if (held) attempt->holds.session_s = (uint32_t)session_tell(held, session_now_s(now));
}

void session_end(struct flight *flight, struct now now) {
    struct session_hold *hold = &flight->session_hold;
    if (!hold->held) return;
    if (hold->called && flight->attempt_count == 0) {
        session_call_back(hold->held);
        hold->called = false;
    }
    session_leave(hold->held, hold->called, session_now_s(now));
    hold->held = NULL;
}

unsigned session_charges(const struct flight *flight, unsigned number, struct attempt_charge *list, unsigned most) {
    const struct session_hold *hold = &flight->session_hold;
    const int64_t window_s = hold->started_s | session_window_mark;
    const uint32_t seconds = flight->attempts[number]->holds.session_s;
    unsigned count = 0;
    if (!hold->called) return 0;
    if (number == 0 && count < most)
        list[count++] = (struct attempt_charge){
            .budget = session_row_identity(hold->identity, session_calls), .window_s = window_s, .units = 1};
    if (seconds && count < most)
        list[count++] = (struct attempt_charge){
            .budget = session_row_identity(hold->identity, session_seconds), .window_s = window_s, .units = seconds};
    return count;
}
