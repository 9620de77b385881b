/* answers.c - answers that need no provider: health, metrics, models, and errors in the OpenAI shape. */
#include <stdio.h>

#include "base/memory.h"
#include "dialect/json.h"
#include "dialect/outbound.h"
#include "gateway/visit.h"

void visit_answer(struct visit *visit, int status, struct str content_type, struct str body) {
    struct http_header headers[6];
    char seconds[16];
    size_t count = 0;
    if (!visit->exchange || visit->answered) return;
    visit->answered = true;
    headers[count++] = (struct http_header){STR("Content-Type"), content_type};
    if (visit->request_id[0])
        headers[count++] = (struct http_header){STR("x-weir-request-id"), str_from(visit->request_id)};
    if (visit->error) headers[count++] = (struct http_header){STR("x-weir-error"), error_facts(visit->error)->path};
    if (visit->allow[0]) headers[count++] = (struct http_header){STR("Allow"), str_from(visit->allow)};
    snprintf(seconds, sizeof seconds, "%d", visit->retry_after_s ? visit->retry_after_s : 1);
    if (status == 429 || status == 503 || visit->retry_after_s)
        headers[count++] = (struct http_header){STR("Retry-After"), str_from(seconds)};
    if (status == 401 && visit->retry_after_s) /* SDKs try no 401 again unless they are told to */
        headers[count++] = (struct http_header){STR("x-should-retry"), STR("true")};
    exchange_respond(visit->exchange, status, headers, count, (int64_t)body.len);
    exchange_write(visit->exchange, &body, 1);
    exchange_end(visit->exchange);
}

enum { visit_body_max = 256 * 1024, visit_open_body_max = 1024 };

/* So much is held for a body, of its client's share, or that of strangers; an operator's is held beside all shares, as
 * who uses them up is what he may come for. */
static size_t visit_body_size(const struct visit *visit, struct budget **budget) {
    *budget = visit->route->access >= access_operator ? visit->gateway_worker->worker->host.budget : visit->budget;
    return visit->route->access == access_open ? visit_open_body_max : visit_body_max;
}

bool visit_body_add(struct visit *visit, struct str piece) {
    if (visit->answered || piece.len == 0) return true;
    struct budget *budget;
    const size_t most = visit_body_size(visit, &budget);
    bool fits = piece.len <= most - visit->body_len;
    if (fits && !visit->body) {
        visit->body = budget_resize(budget, NULL, 0, most); /* never moved: nothing is left behind */
        visit->body_budget = budget;
        visit->body_size = most;
    }
    if (fits && visit->body) {
        memcpy(visit->body + visit->body_len, piece.at, piece.len);
        visit->body_len += piece.len;
        return true;
    }
    visit_error(visit, fits ? error_overloaded : error_body_too_large, STR_NONE);
    return false;
}

void visit_body_free(struct visit *visit) {
    if (!visit->body) return;
    memory_wipe(visit->body, visit->body_len);
    budget_free(visit->body_budget, visit->body, visit->body_size);
    visit->body = NULL;
}

bool visit_body_name(const struct visit *visit, char name[limit_name + 2]) {
    const char *problem = "";
    size_t at = 0;
    struct json *json = json_parse(str_make(visit->body, visit->body_len), &problem, &at);
    str_copy(name, limit_name + 2, json_str(json_member(json_root(json), "name"), STR("")));
    bool is_json = json != NULL;
    json_free(json);
    return is_json;
}

void visit_error(struct visit *visit, enum error_code code, struct str message) {
    char buffer[2048];
    struct text text = text_in_buffer(buffer, sizeof buffer);
    if (!visit->exchange || visit->answered)
        return; /* what another thread answers may come after the gateway_worker has gone */
    metrics_refused(visit->gateway_worker->worker->reporter.metrics, code);
    visit->error = code;
    struct message_error error = {.code = code,
                                  .status = error_facts(code)->status,
                                  .message = message.len ? message : error_facts(code)->sentence,
                                  .request_id = str_from(visit->request_id),
                                  .retry_after_ms = -1};
    codec_of(visit->dialect)->write_error(&error, &text);
    visit_answer(visit, error_facts(code)->status, STR("application/json"), text.failed ? STR("{}") : text_str(&text));
}

struct str visit_id(const struct visit *visit) {
    struct str pattern = visit->route->path;
    return pattern.at[pattern.len - 1] == '*' ? str_slice(visit->path, pattern.len - 1, visit->path.len) : STR("");
}

void visit_allow(struct visit *visit) {
    struct text text = TEXT_IN_STRING(visit->allow);
    route_methods(visit->path, &text);
    visit->allow[text.len] = 0;
}

void answer_methods(struct visit *visit) {
    visit_allow(visit);
    visit_answer(visit, 200, STR("text/plain"), STR(""));
}

void answer_healthz(struct visit *visit) { visit_answer(visit, 200, STR("text/plain"), STR("ok\n")); }

void answer_readyz(struct visit *visit) {
    bool draining = atomic_load(&visit->gateway_worker->gateway->draining);
    const struct snapshot *snapshot = visit->deployment->snapshot;
    bool usable = false;
    for (size_t i = 0; i < snapshot->target_count; i++)
        usable = usable || snapshot->targets[i].provider->state == provider_active;
    if (draining)
        visit_answer(visit, 503, STR("text/plain"), STR("draining\n"));
    else if (!usable)
        visit_answer(visit, 503, STR("text/plain"), STR("no target is usable\n"));
    else if (snapshot_is_simulated(snapshot))
        visit_answer(visit, 200, STR("text/plain"), STR("ready, with simulated answers: there is no other provider\n"));
    else
        visit_answer(visit, 200, STR("text/plain"), STR("ready\n"));
}

static struct text text_begin(struct visit *visit) {
    return text_in_arena(&visit->gateway_worker->worker->scratch, 16 * 1024);
}

static void text_answer(struct visit *visit, struct str content_type, const struct text *text) {
    if (text->failed)
        visit_error(visit, error_out_of_memory, STR_NONE);
    else
        visit_answer(visit, 200, content_type, text_str(text));
    arena_reset(&visit->gateway_worker->worker->scratch);
}

void answer_metrics(struct visit *visit) {
    struct text text = text_begin(visit);
    library_metrics_write(visit->gateway_worker->gateway->weir, visit->deployment->snapshot, &text);
    text_answer(visit, STR("text/plain; version=0.0.4; charset=utf-8"), &text);
}

void answer_models(struct visit *visit) {
    struct text text = text_begin(visit);
    library_models_write(visit->deployment->snapshot, visit->client, visit->dialect, &text);
    text_answer(visit, STR("application/json"), &text);
}

void answer_model(struct visit *visit) {
    char id[limit_model + 1];
    struct text text = text_begin(visit);
    const struct snapshot *snapshot = visit->deployment->snapshot;
    struct str model = str_percent_decode(visit_id(visit), id, sizeof id);
    if (library_model_write(snapshot, visit->client, visit->dialect, model, &text)) {
        text_answer(visit, STR("application/json"), &text);
        return;
    }
    struct arena *scratch = &visit->gateway_worker->worker->scratch;
    visit_error(visit, error_model_not_found, snapshot_unknown(snapshot, visit->client, model, scratch));
    arena_reset(scratch);
}
