/* access.c - who calls and what it may: client keys and roles, the admin key, and, where there are no keys, only a
 * browser-proof loopback (DNS rebinding: a page's own name for 127.0.0.1 is no loopback Host). Comparisons take the
 * same time for any key. */
#include "base/hash.h"
#include "base/memory.h"
#include "gateway/access_web.h"
#include "gateway/visit.h"

/* Authorization: Bearer, x-api-key, x-goog-api-key; on Google's paths ?key= too. */
static struct str gateway_access_key_of(const struct visit *visit, const struct http_request *request, char *buffer,
                                        size_t size) {
    struct str value = http_header_find(request->headers, request->header_count, STR("authorization"));
    if (str_starts_nocase(value, STR("bearer "))) return str_trim(str_slice(value, 7, value.len));
    value = http_header_find(request->headers, request->header_count, STR("x-api-key"));
    if (!value.len) value = http_header_find(request->headers, request->header_count, STR("x-goog-api-key"));
    return value.len || visit->dialect != dialect_gemini ? value : web_query_key(request->query, buffer, size);
}

static bool is_admin_key(const struct snapshot *snapshot, struct str key) {
    static const struct sha256 none;
    if (key.len == 0 || hash_equal(&snapshot->admin_key_hash, &none)) return false;
    struct sha256 hash = hash_sha256(key);
    return hash_equal(&hash, &snapshot->admin_key_hash);
}

static const char *const barred_sentences[] = {
    [client_is_disabled] = "This client key is disabled: ask the operator to enable it.",
    [client_is_expired] = "This client key has expired: ask the operator for a new one, or for more time.",
    [client_is_revoked] = "This client key is revoked: ask the operator for a new one.",
    [client_unfit] = ("What this client key may do does not fit this gateway's configuration any more: ask the "
                      "operator (weir client show NAME says why).")};

/* A token that this loop has verified before. */
static bool token_is_known(struct visit *visit, struct str key, struct now now) {
    struct gateway_worker *gateway_worker = visit->gateway_worker;
    visit->identity = known_tokens_find(gateway_worker->known_tokens, visit->deployment->snapshot, key, now);
    if (visit->identity) visit->client = identity_client(visit->identity);
    return visit->identity != NULL;
}

/* Another one. jwt_good: visit->client is whose it is. */
static enum jwt_answer token_ask(struct visit *visit, struct str key, struct now now) {
    enum { awaited_s = 1 };
    struct gateway_worker *gateway_worker = visit->gateway_worker;
    struct worker *worker = gateway_worker->worker;
    if (!gateway_worker->known_tokens) gateway_worker->known_tokens = known_tokens_new();
    enum jwt_answer answer = identity_ask(gateway_worker->gateway->weir->identities, gateway_worker->known_tokens,
                                          visit->deployment->snapshot, key, now, &worker->scratch, &visit->identity);
    arena_reset(&worker->scratch);
    if (answer == jwt_good) visit->client = identity_client(visit->identity);
    if (answer == jwt_key_awaited) visit->retry_after_s = awaited_s;
    if (answer != jwt_good)
        log_warn(worker->reporter.log, now, "token_refused", f_text("request_id", visit->request_id),
                 f_str("why", jwt_answer_name(answer)), f_str("address", visit->peer));
    return answer;
}

void access_keep(struct visit *visit, const struct http_request *request) {
    char buffer[256];
    struct str key = gateway_access_key_of(visit, request, buffer, sizeof buffer);
    visit->key = memory_take(key.len + 1);
    if (visit->key) str_copy(visit->key, key.len + 1, key);
    memory_wipe(buffer, sizeof buffer);
}

/* Nobody's client: what it is let in as now. */
static enum role role_of_key(struct visit *visit, struct str key, struct now now) {
    struct snapshot *snapshot = visit->deployment->snapshot;
    int64_t now_s = now.wall_ns / (int64_t)NS_PER_S;
    bool may_be = snapshot->issuer_count && jwt_may_be(key);
    if (may_be && token_is_known(visit, key, now)) return visit->client->role;
    enum client_answer answer =
        known_keys_look(&visit->gateway_worker->known_keys, snapshot, key, now_s, &visit->client);
    if (answer == client_known) return visit->client->role;
    if (answer == client_unknown && is_admin_key(snapshot, key)) return role_admin;
    bool token = answer == client_unknown && may_be && jwt_is_alike(key);
    return token && token_ask(visit, key, now) == jwt_good ? visit->client->role : role_user;
}

/* One of the file may have been disabled, or its key rotated. */
static bool clients_are_unread(const struct visit *visit) {
    return atomic_load_explicit(&visit->gateway_worker->gateway->weir->clients_unread, memory_order_acquire);
}

bool access_stays(const struct visit *visit, enum access wanted, struct now now) {
    if (wanted < access_operator) return true;
    struct visit again = {.gateway_worker = visit->gateway_worker,
                          .deployment = visit->gateway_worker->worker->deployment,
                          .peer = visit->peer};
    str_copy(again.request_id, sizeof again.request_id, str_from(visit->request_id));
    enum role role = visit->key ? role_of_key(&again, str_from(visit->key), now) : role_user;
    if (again.identity) identity_release(again.identity);
    if (role < role_admin && clients_are_unread(visit)) return false;
    return role >= (wanted == access_admin ? role_admin : role_operator);
}

enum error_code access_check(struct visit *visit, const struct http_request *request, enum access wanted,
                             const char **sentence) {
    struct snapshot *snapshot = visit->deployment->snapshot;
    bool keyless = !snapshot_wants_keys(snapshot) && !snapshot->auth_none;
    struct str origin = http_header_find(request->headers, request->header_count, STR("origin"));
    *sentence = "";
    if (keyless && !str_eq(request->peer, STR("unix")) && !web_is_loopback(request->host)) {
        *sentence = "Without client keys only requests to a loopback Host (localhost, 127.0.0.1, [::1]) are answered.";
        return error_not_allowed;
    }
    if (keyless && ((origin.len && !web_origin_is_loopback(origin)) ||
                    web_is_made_by_another_page(request, wanted == access_open))) {
        *sentence = "Without client keys requests from web pages of other origins are refused.";
        return error_not_allowed;
    }
    if (wanted == access_open) return error_none;
    char buffer[256];
    struct str key = gateway_access_key_of(visit, request, buffer, sizeof buffer);
    struct now now = loop_now(visit->gateway_worker->worker->loop);
    const char *problem;
    if (clients_are_unread(visit) && wanted != access_metrics && !is_admin_key(snapshot, key)) {
        memory_wipe(buffer, sizeof buffer);
        *sentence = "Which clients there are stands in the ledger, which cannot be read now: try again shortly.";
        return error_overloaded;
    }
    bool may_be = snapshot->issuer_count && jwt_may_be(key), known = may_be && token_is_known(visit, key, now),
         token = may_be && !known && jwt_is_alike(key);
    enum client_answer answer = known ? client_known
                                      : known_keys_ask(&visit->gateway_worker->known_keys, snapshot, key,
                                                       now.wall_ns / (int64_t)NS_PER_S, &visit->client, &problem);
    bool admin = answer == client_unknown && is_admin_key(snapshot, key);
    enum jwt_answer told = token && answer == client_unknown && !admin ? token_ask(visit, key, now) : jwt_good;
    memory_wipe(buffer, sizeof buffer);
    if (told != jwt_good) {
        *sentence = jwt_sentence(told);
        return jwt_error(told);
    }
    if (answer != client_unknown && answer != client_known) {
        *sentence = barred_sentences[answer];
        return answer == client_unfit ? error_not_allowed : error_invalid_client_key;
    }
    enum role role = admin ? role_admin : visit->client ? visit->client->role : role_user;
    switch (wanted) {
    case access_metrics:
        if (visit->gateway_worker->gateway->metrics_public || request->peer_loopback || role >= role_operator)
            return error_none;
        break;
    case access_operator:
        if (role >= role_operator) return error_none;
        break;
    case access_admin:
        if (role == role_admin) return error_none;
        break;
    default:
        if (visit->client || admin || !snapshot_wants_keys(snapshot)) return error_none;
        if (snapshot_clients(snapshot) == 0 && !snapshot->issuer_count)
            *sentence =
                "This gateway had client keys and has none now: it stays closed until there are `clients` in its "
                "configuration again, or `auth: none` is written.";
        return error_invalid_client_key;
    }
    if (visit->client) {
        *sentence = "This client's role may not do that.";
        return error_not_allowed;
    }
    *sentence = "This needs the admin key (STATE_DIR/admin.key), or a client key of role operator or admin. Send it as "
                "Authorization: Bearer KEY.";
    return error_invalid_client_key;
}
