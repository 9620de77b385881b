/* admin_health.c - /admin/v1/health, /admin/v1/lock and probing a provider at once. */
#include "base/memory.h"
#include "dialect/json.h"
#include "gateway/inference.h"
#include "gateway/visit.h"

void answer_health(struct visit *visit) {
    struct text text = text_in_arena(&visit->gateway_worker->worker->scratch, 16 * 1024);
    library_health_write(visit->gateway_worker->gateway->weir, visit->deployment->snapshot, &text);
    visit_answer_text(visit, &text);
}

static bool is_absent(const struct snapshot *snapshot, struct str name) {
    for (const struct absent_provider *absent = snapshot->absent; absent; absent = absent->next)
        if (str_eq(absent->name, name)) return true;
    return false;
}

/* Of all providers, or of the one that is named in the path, which may be gone. */
void answer_health_history(struct visit *visit) {
    const struct snapshot *snapshot = visit->deployment->snapshot;
    struct str name = visit_id(visit);
    bool known = !name.len || map_find(&snapshot->providers_by_name, name) || is_absent(snapshot, name);
    struct text text = text_in_arena(&visit->gateway_worker->worker->scratch, 64 * 1024);
    text_put(&text, STR("{\"records\":"));
    size_t count = prober_history(&visit->gateway_worker->gateway->weir->prober, name, &text);
    text_put_byte(&text, '}');
    if (count || known) {
        visit_answer_text(visit, &text);
        return;
    }
    arena_reset(&visit->gateway_worker->worker->scratch);
    answer_unknown_provider(visit, name);
}

void answer_locks(struct visit *visit) {
    struct text text = text_in_arena(&visit->gateway_worker->worker->scratch, 16 * 1024);
    library_locks_write(visit->deployment->snapshot, &text);
    visit_answer_text(visit, &text);
}

/* {"target": "provider/model"} */
void answer_lock_move(struct visit *visit) {
    const char *problem = "";
    size_t at = 0;
    struct error error = {.code = error_none};
    struct json *json = json_parse(str_make(visit->body, visit->body_len), &problem, &at);
    struct str target = json_str(json_member(json_root(json), "target"), STR(""));
    bool moved = false;
    if (target.len == 0)
        error_set(&error, error_invalid_request, "The body must name the target: {\"target\": \"provider/model\"}.");
    else
        moved = library_lock_move(visit->deployment->snapshot, visit_id(visit), target, &error);
    json_free(json);
    if (!moved) {
        visit_error(visit, error.code, str_from(error.message));
        return;
    }
    log_info(visit->gateway_worker->worker->reporter.log, loop_now(visit->gateway_worker->worker->loop), "lock_moved",
             f_str("route", visit_id(visit)), f_str("by", visit->client ? visit->client->name : STR("admin key")),
             f_str("request_id", str_from(visit->request_id)));
    answer_locks(visit);
}

/* -- probing now -- */

/* The prober lives on the first worker's loop: there and back by mailbox. */
struct probing {
    struct letter *letter; /* of the answer: what has been found can be told */
    struct visit *visit;
    struct gateway *gateway;
    struct loop *loop;
    struct probe_result result;
    bool unknown;
    char name[limit_name + 1], entry[vault_id_max + 1]; /* entry: empty, or the credential to do it with */
};

static void probing_end(void *context) {
    struct probing *probing = context;
    struct visit *visit = probing->visit;
    if (probing->unknown && probing->entry[0]) {
        visit_error(visit, error_unknown_credential,
                    STR("No key of a provider in force is this credential of the vault: it is sent where the "
                        "configuration says vault:NAME. GET /admin/v1/credentials lists them."));
    } else if (probing->unknown) {
        answer_unknown_provider(visit, str_from(probing->name));
    } else if (visit->exchange) { /* else the gateway_worker may have gone too */
        struct text text = text_in_arena(&visit->gateway_worker->worker->scratch, 1024);
        text_put_byte(&text, '{');
        text_json_str(&text, STR("provider"), str_from(probing->name));
        if (probing->entry[0]) text_json_str(&text, STR("credential"), str_from(probing->entry));
        text_json_bool(&text, STR("good"), probing->result.good);
        text_json_i64(&text, STR("status"), probing->result.status);
        text_json_u64(&text, STR("took_us"), probing->result.took_ns / NS_PER_US);
        if (probing->result.said[0]) text_json_str(&text, STR("said"), str_from(probing->result.said));
        text_put_byte(&text, '}');
        visit_answer_text(visit, &text);
    }
    visit->busy = false;
    memory_give(probing);
    visit_release(visit);
}

static void probing_answer(struct probing *probing) {
    if (!loop_letter_post(probing->loop, probing->letter, probing_end, probing))
        memory_give(probing); /* nobody is left to tell */
}

static void probed(void *context, const struct probe_result *result) {
    struct probing *probing = context;
    probing->result = *result;
    probing_answer(probing);
}

static void probing_run(void *context) {
    struct probing *probing = context;
    if (prober_probe(&probing->gateway->weir->prober, str_from(probing->name), str_from(probing->entry), probed,
                     probing))
        return;
    probing->unknown = true;
    probing_answer(probing);
}

void answer_probe(struct visit *visit, struct str provider, struct str entry) {
    struct probing *probing = memory_take_zeroed(sizeof *probing);
    if (!probing || !(probing->letter = loop_letter_new())) {
        memory_give(probing);
        visit_error(visit, error_out_of_memory, STR_NONE);
        return;
    }
    probing->visit = visit;
    probing->gateway = visit->gateway_worker->gateway;
    probing->loop = visit->gateway_worker->worker->loop;
    str_copy(probing->name, sizeof probing->name, provider);
    str_copy(probing->entry, sizeof probing->entry, entry);
    visit->busy = true;
    if (loop_post(probing->gateway->weir->prober.worker->loop, probing_run, probing)) return;
    visit->busy = false;
    loop_letter_throw(probing->letter);
    memory_give(probing);
    visit_error(visit, error_shutting_down, STR_NONE);
}
