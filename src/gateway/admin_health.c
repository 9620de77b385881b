/* admin_health.c - /admin/v1/health, /admin/v1/lock and probing a provider at once. */
#include "base/memory.h"
#include "dialect/json.h"
#include "gateway/errand.h"
#include "gateway/health_query.h"
#include "gateway/inference.h"

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

/* -- history: out of the ledger, by the thread that reads it -- */

struct history_reading {
    struct books_asked books; /* the first member: books_asked_free gives all of it back */
    struct health_asked asked;
    struct weir *weir;
};

static bool history_read_run(struct books_asked *asked, struct ledger *ledger) {
    const struct history_reading *reading = (const struct history_reading *)asked;
    return library_health_history(reading->weir, ledger, &reading->asked.question, &asked->text);
}

/* Of a name that neither configuration nor history knows there is nothing to tell. */
static bool history_is_anybodys(const struct visit *visit, struct str name, struct str answer) {
    const struct snapshot *snapshot = visit->deployment->snapshot;
    return !name.len || map_find(&snapshot->providers_by_name, name) || map_find(&snapshot->exact_routes, name) ||
           is_absent(snapshot, name) || !str_eq(answer, STR("{\"records\":[]}"));
}

static void history_answer(struct visit *visit, struct str name, struct text *text) {
    if (history_is_anybodys(visit, name, text_str(text)))
        visit_answer_text(visit, text);
    else
        answer_unknown_provider(visit, name);
}

/* Where the ledger cannot be read, what the process knows. */
static void history_held(struct visit *visit, struct str name) {
    struct text text = text_in_arena(&visit->gateway_worker->worker->scratch, 64 * 1024);
    library_health_history_held(visit->gateway_worker->gateway->weir, name, &text);
    history_answer(visit, name, &text);
}

static void history_read_done(struct books_asked *asked) {
    const struct history_reading *reading = (const struct history_reading *)asked;
    struct visit *visit = asked->context;
    if (visit->exchange && asked->good)
        history_answer(visit, str_from(reading->asked.name), &asked->text);
    else if (visit->exchange)
        history_held(visit, str_from(reading->asked.name));
    visit->busy = false;
    books_asked_free(asked);
    visit_release(visit);
}

void answer_health_history(struct visit *visit) {
    struct worker *worker = visit->gateway_worker->worker;
    struct error error = {.code = error_none};
    struct history_reading *reading = memory_take_zeroed(sizeof *reading);
    if (!reading) {
        visit_error(visit, error_out_of_memory, STR_NONE);
        return;
    }
    reading->weir = visit->gateway_worker->gateway->weir;
    reading->books = (struct books_asked){
        .answer = history_read_run, .loop = worker->loop, .done = history_read_done, .context = visit};
    int64_t now_ms = loop_now(worker->loop).wall_ns / (int64_t)NS_PER_MS;
    bool good = health_query_read(visit_id(visit), visit->query, now_ms, &reading->asked, &error);
    visit->busy = good && worker->books;
    if (visit->busy && books_ask(worker->books, &reading->books)) return;
    bool asked = visit->busy;
    visit->busy = false;
    if (!good)
        visit_error(visit, error.code, str_from(error.message));
    else if (asked)
        visit_error(visit, error_overloaded, STR_NONE);
    else
        history_held(visit, str_from(reading->asked.name));
    memory_give(reading);
}

void answer_locks(struct visit *visit) {
    struct text text = text_in_arena(&visit->gateway_worker->worker->scratch, 16 * 1024);
    library_locks_write(visit->deployment->snapshot, &text);
    visit_answer_text(visit, &text);
}

/* It is audited, and so waits for the disk: on the control loop. */
struct lock_moving {
    struct errand errand;
    char route[limit_model + 1], target[limit_name + limit_model + 2];
    struct error error;
    bool moved;
};

static void lock_moving_end(void *own) {
    struct lock_moving *moving = own;
    struct visit *visit = moving->errand.visit;
    if (!moving->moved)
        visit_error(visit, moving->error.code, str_from(moving->error.message));
    else if (visit->exchange) /* else the gateway_worker may have gone too */
        answer_locks(visit);
}

static void lock_moving_run(void *own) {
    struct lock_moving *moving = own;
    struct weir *weir = moving->errand.gateway->weir;
    const struct visit *visit = moving->errand.visit;
    const struct audit_who who = visit_who_told(&moving->errand.who);
    pthread_mutex_lock(&weir->control);
    moving->moved = library_lock_move(weir, visit->deployment->snapshot, str_from(moving->route),
                                      str_from(moving->target), &who, &moving->error);
    pthread_mutex_unlock(&weir->control);
    if (moving->moved)
        log_info(weir->reports.log ? log_shared(weir->reports.log) : NULL, clock_read(), "lock_moved",
                 f_text("route", moving->route), f_str("by", who.actor),
                 f_str("request_id", str_from(visit->request_id)));
    errand_done(moving);
}

static const struct errand_kind lock_moving_kind = {sizeof(struct lock_moving), lock_moving_run, lock_moving_end, NULL};

/* {"target": "provider/model"} */
void answer_lock_move(struct visit *visit) {
    const char *problem = "";
    size_t at = 0;
    struct lock_moving *moving = errand_new(visit, &lock_moving_kind);
    if (!moving) return;
    struct json *json = json_parse(str_make(visit->body, visit->body_len), &problem, &at);
    str_copy(moving->target, sizeof moving->target, json_str(json_member(json_root(json), "target"), STR("")));
    json_free(json);
    str_copy(moving->route, sizeof moving->route, visit_id(visit)); /* a longer one is no route's */
    if (moving->target[0]) {
        errand_start(moving, moving->errand.gateway->options.control);
        return;
    }
    errand_drop(moving);
    visit_error(visit, error_invalid_request, STR("The body must name the target: {\"target\": \"provider/model\"}."));
}

/* -- probing now -- */

/* The prober lives on the first worker's loop: there and back by mailbox. */
struct probing {
    struct errand errand;
    struct probe_result result;
    bool unknown;
    char name[limit_name + 1], entry[vault_id_max + 1]; /* entry: empty, or the credential to do it with */
};

static void probing_end(void *own) {
    struct probing *probing = own;
    struct visit *visit = probing->errand.visit;
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
}

static void probed(void *context, const struct probe_result *result) {
    struct probing *probing = context;
    probing->result = *result;
    errand_done(probing);
}

static void probing_run(void *own) {
    struct probing *probing = own;
    if (prober_probe(&probing->errand.gateway->weir->prober, str_from(probing->name), str_from(probing->entry), probed,
                     probing))
        return;
    probing->unknown = true;
    errand_done(probing);
}

static const struct errand_kind probing_kind = {sizeof(struct probing), probing_run, probing_end, NULL};

void answer_probe(struct visit *visit, struct str provider, struct str entry) {
    struct probing *probing = errand_new(visit, &probing_kind);
    if (!probing) return;
    str_copy(probing->name, sizeof probing->name, provider);
    str_copy(probing->entry, sizeof probing->entry, entry);
    errand_start(probing, probing->errand.gateway->weir->prober.worker->loop);
}
