/* admin_erase.c - POST /admin/v1/purge and GET /admin/v1/export: all that is kept of a client, or of an owner's, as
 * `weir usage purge` and `weir usage export` have it, of a gateway that serves. */
#include "base/memory.h"
#include "dialect/fields.h"
#include "gateway/download.h"
#include "gateway/inference.h"
#include "runtime/erasers.h"

static struct erasers *erasers_of(const struct visit *visit) { return visit->gateway_worker->gateway->weir->erasers; }

/* NULL: no memory, and that was answered. */
static struct erasure_job *erase_job(struct visit *visit, struct str client, struct str owner) {
    struct erasure_job *job = erasure_job_new();
    const struct visit_who who = visit_who(visit);
    if (!job) {
        visit_error(visit, error_out_of_memory, STR_NONE);
        return NULL;
    }
    job->loop = visit->gateway_worker->worker->loop;
    str_copy(job->client, sizeof job->client, client);
    str_copy(job->owner, sizeof job->owner, owner);
    str_copy(job->actor, sizeof job->actor, str_from(who.actor));
    str_copy(job->address, sizeof job->address, str_from(who.address));
    str_copy(job->request_id, sizeof job->request_id, str_from(who.request_id));
    return job;
}

/* One of the two, and a name. false: answered. */
static bool names_check(struct visit *visit, struct str client, struct str owner) {
    struct str name = client.len ? client : owner;
    bool good =
        (client.len == 0) != (owner.len == 0) && name.len < erasure_name_max && str_find_byte(name, 0) == SIZE_MAX;
    if (!good) visit_error(visit, error_invalid_request, STR("Say whose: `client` or `owner`, one of the two."));
    return good;
}

/* -- a purge -- */

static void purge_told(struct erasure_job *job) {
    struct visit *visit = job->context;
    if (job->failed)
        visit_error(visit, error_storage_failed, str_from(job->problem));
    else
        visit_answer(visit, 200, STR("application/json"), text_str(&job->page));
    visit->busy = false;
    erasure_job_drop(erasers_of(visit), job);
    visit_release(visit);
}

void answer_purge(struct visit *visit) {
    const char *problem = "";
    size_t at = 0;
    struct json *json = json_parse(str_make(visit->body, visit->body_len), &problem, &at);
    const struct json_value *root = json ? json_root(json) : NULL;
    struct str client = json_member_str(root, "client"), owner = json_member_str(root, "owner");
    struct erasure_job *job = names_check(visit, client, owner) ? erase_job(visit, client, owner) : NULL;
    json_free(json);
    if (!job) return;
    job->purges = true;
    job->told = purge_told;
    job->context = visit;
    visit->busy = true;
    if (erasers_ask(erasers_of(visit), job)) return;
    visit->busy = false;
    erasure_job_drop(erasers_of(visit), job);
    visit_error(visit, error_overloaded, STR_NONE);
}

/* -- an export -- */

struct erase_export {
    struct download download; /* the first member */
    struct erasure_job *job;
    bool asked;
};

static void export_told(struct erasure_job *job) {
    struct erase_export *export = job->context;
    if (job->failed)
        download_failed(&export->download, error_storage_failed, str_from(job->problem));
    else
        download_page(&export->download, text_str(&job->page), !job->page.len);
}

static void export_next(struct download *download) {
    struct erase_export *export = (struct erase_export *)download;
    struct erasers *erasers = erasers_of(download->visit);
    bool asked = export->asked ? erasure_job_next(erasers, export->job) : erasers_ask(erasers, export->job);
    export->asked = true;
    if (!asked) download_failed(download, error_overloaded, STR_NONE);
}

static void export_release(struct download *download) {
    struct erase_export *export = (struct erase_export *)download;
    erasure_job_drop(erasers_of(download->visit), export->job);
    memory_give(export);
}

void answer_export(struct visit *visit) {
    char client_bytes[erasure_name_max + 1], owner_bytes[erasure_name_max + 1];
    struct str client = visit_queried(visit, STR("client"), client_bytes, sizeof client_bytes);
    struct str owner = visit_queried(visit, STR("owner"), owner_bytes, sizeof owner_bytes);
    if (!names_check(visit, client, owner)) return;
    struct erase_export *export = memory_take_zeroed(sizeof *export);
    struct erasure_job *job = export ? erase_job(visit, client, owner) : NULL;
    if (!export) visit_error(visit, error_out_of_memory, STR_NONE);
    if (!job) {
        memory_give(export);
        return;
    }
    job->told = export_told;
    job->context = export;
    *export = (struct erase_export){.download = {.next = export_next, .release = export_release}, .job = job};
    download_begin(&export->download, visit);
}
