/* issuers.c - see issuers.h. Invariant: keys and epoch change together, under the issuer's mutex. */
#include "runtime/issuers.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/check.h"
#include "base/file.h"
#include "base/memory.h"
#include "net/signature.h"
#include "runtime/issuers_fetch.h"
#include "runtime/weir_internal.h"

enum { issuer_arena_bytes = 2 * 1024 * 1024 };

/* Immutable. */
struct issuer_keys {
    _Atomic unsigned holds;
    struct arena arena; /* of the kids */
    struct jwks jwks;
    struct public_key *list[jwks_keys_max]; /* NULL: OpenSSL takes it for none */
    struct sha256 hash;                     /* of the text */
};

struct issuers {
    struct weir *weir;
    struct loop *loop; /* NULL: there is no thread yet */
    struct http_client *client;
    struct issuer *first; /* written under `control`; read by the loop and by others behind `mutex` */
    pthread_mutex_t mutex;
    bool running;
    struct timer timer; /* the next look */
};

static struct log_writer *issuers_log(const struct issuers *issuers) {
    return issuers->weir->reports.log ? log_shared(issuers->weir->reports.log) : NULL;
}

static int64_t mono_s(struct now now) { return (int64_t)(now.mono_ns / NS_PER_S); }

/* -- keys -- */

static void issuer_keys_release(struct issuer_keys *keys) {
    if (!keys || atomic_fetch_sub(&keys->holds, 1) > 1) return;
    for (size_t i = 0; i < jwks_keys_max; i++) public_key_free(keys->list[i]);
    arena_free(&keys->arena);
    memory_give(keys);
}

static struct public_key *public_key_made(const struct jwk *jwk) {
    return jwk->kind == jwk_rsa    ? public_key_rsa(jwk->n, jwk->e)
           : jwk->kind == jwk_p256 ? public_key_p256(jwk->x, jwk->y)
                                   : public_key_ed25519(jwk->x);
}

/* NULL: it is no set of keys, as *problem says. */
static struct issuer_keys *issuer_keys_made(struct str text, const char **problem) {
    struct issuer_keys *keys = memory_take_zeroed(sizeof *keys);
    *problem = "there is no memory for it";
    if (!keys) return NULL;
    atomic_init(&keys->holds, 1);
    arena_init(&keys->arena, 8 * 1024, 4 * issuer_arena_bytes);
    keys->hash = hash_sha256(text);
    if (!jwks_read(text, &keys->arena, &keys->jwks, problem)) {
        issuer_keys_release(keys);
        return NULL;
    }
    for (size_t i = 0; i < keys->jwks.count; i++) keys->list[i] = public_key_made(&keys->jwks.keys[i]);
    return keys;
}

static size_t issuer_keys_usable(const struct issuer_keys *keys) {
    size_t count = 0;
    for (size_t i = 0; i < keys->jwks.count; i++) count += keys->list[i] != NULL;
    return count;
}

/* Takes them over. true: they are others than those before. */
static bool issuer_keys_put(struct issuer *issuer, struct issuer_keys *keys) {
    struct issuer_keys *before = issuer->keys;
    bool same = before && hash_equal(&before->hash, &keys->hash);
    issuer->keys = keys;
    if (!same) atomic_fetch_add_explicit(&issuer->epoch, 1, memory_order_release);
    atomic_store_explicit(&issuer->until_s, renewal_until_s(&issuer->renewal), memory_order_relaxed);
    issuer_keys_release(before);
    return !same;
}

/* -- whose signature it is -- */

static void issuers_turn(void *context);

enum jwt_answer issuer_verify(struct issuer *issuer, const struct jwt *jwt, struct now now) {
    size_t place = jwks_keys_max;
    bool wakes = false;
    if (!issuer) return jwt_keys_gone;
    pthread_mutex_lock(&issuer->mutex);
    struct issuer_keys *keys = mono_s(now) < atomic_load(&issuer->until_s) ? issuer->keys : NULL;
    if (keys) place = jwks_find(&keys->jwks, jwt->kind, jwt->kid);
    enum jwt_answer answer = !keys                                                ? jwt_keys_gone
                             : place < jwks_keys_max && keys->list[place] != NULL ? jwt_good
                                                                                  : jwt_key;
    if (answer == jwt_key && jwt->kid.at) {
        bool due = renewal_is_due(&issuer->renewal, mono_s(now));
        if (renewal_ask(&issuer->renewal, mono_s(now))) answer = jwt_key_awaited;
        wakes = !due && renewal_is_due(&issuer->renewal, mono_s(now));
    }
    if (answer == jwt_good) atomic_fetch_add(&keys->holds, 1);
    pthread_mutex_unlock(&issuer->mutex);
    /* Where that cannot be told it is read again at its own time. */
    if (wakes) (void)loop_post(issuer->of->loop, issuers_turn, issuer->of);
    if (answer != jwt_good) return answer;
    bool good = public_key_signed(keys->list[place], jwt->signed_bytes, jwt->signature);
    issuer_keys_release(keys);
    return good ? jwt_good : jwt_signature;
}

/* -- what is kept -- */

static const struct str issuer_file_head = STR("weir jwks 1\n");

static bool issuer_path(const struct weir *weir, const struct identity_issuer *from, char path[overlay_path_max]) {
    char hex[16];
    struct text both = text_in_buffer(path, overlay_path_max - 1);
    text_printf(&both, "%.*s %.*s", STR_ARG(from->issuer), STR_ARG(from->jwks));
    struct sha256 hash = hash_sha256(text_str(&both));
    hash_to_hex(hash.bytes, sizeof hex / 2, hex);
    struct str folder = weir->overlay_path[0] ? library_folder(weir->overlay_path) : STR("");
    bool kept = weir->host.keeps_marks && folder.len && identity_jwks_is_url(from);
    int len = kept ? snprintf(path, overlay_path_max, "%.*s/jwks-%.*s", STR_ARG(folder), (int)sizeof hex, hex) : -1;
    return len > 0 && len < overlay_path_max - 8;
}

/* On the loop: it may wait for the disk. */
static void issuer_keep(const struct issuer *issuer, struct str text, struct now now) {
    struct arena arena;
    struct error error = {.code = error_none};
    if (!issuer->path[0]) return;
    arena_init(&arena, 64 * 1024, issuer_arena_bytes);
    struct text whole = text_in_arena(&arena, text.len + 64);
    text_put(&whole, issuer_file_head);
    text_put_i64(&whole, now.wall_ns / (int64_t)NS_PER_S);
    text_put_byte(&whole, '\n');
    text_put(&whole, text);
    if (whole.failed || !file_replace(issuer->path, text_str(&whole), &error))
        log_warn(issuers_log(issuer->of), now, "issuer_keys_not_kept", f_text("issuer", issuer->name),
                 f_text("why", error.message));
    arena_free(&arena);
}

/* What an earlier process has read; nothing where it is too old, damaged, or from the future. */
static void issuer_restore(struct issuer *issuer, struct now now) {
    struct str text = STR_NONE, rest, line;
    struct error error = {.code = error_none};
    const char *problem = "";
    uint64_t fetched_s = 0;
    int64_t now_s = now.wall_ns / (int64_t)NS_PER_S;
    if (!issuer->path[0] || !overlay_read(issuer->path, &text, &error) || !text.at) return;
    rest = str_slice(text, issuer_file_head.len, text.len);
    bool fine = str_starts(text, issuer_file_head) && str_split_next(&rest, '\n', &line) &&
                str_to_u64(line, &fetched_s) && fetched_s <= (uint64_t)now_s &&
                now_s - (int64_t)fetched_s < renewal_kept_s;
    struct issuer_keys *keys = fine ? issuer_keys_made(rest, &problem) : NULL;
    if (keys) {
        renewal_restore(&issuer->renewal, mono_s(now) - (now_s - (int64_t)fetched_s));
        issuer_keys_put(issuer, keys);
        log_info(issuers_log(issuer->of), now, "issuer_keys_restored", f_text("issuer", issuer->name),
                 f_int("age_seconds", now_s - (int64_t)fetched_s), f_u64("keys", issuer_keys_usable(keys)));
    }
    overlay_text_free(text);
}

/* -- reading them -- */

static void issuers_schedule(struct issuers *issuers);

static void issuer_came(struct issuer *issuer, struct str text, int64_t max_age_s, struct now now) {
    const char *problem = "";
    struct issuer_keys *keys = issuer_keys_made(text, &problem);
    if (!keys) {
        issuer_missed(issuer, str_from(problem));
        return;
    }
    size_t usable = issuer_keys_usable(keys), passed_over = keys->jwks.passed_over + keys->jwks.count - usable;
    size_t bared = keys->jwks.bared;
    issuer_keep(issuer, text, now);
    pthread_mutex_lock(&issuer->mutex);
    renewal_came(&issuer->renewal, mono_s(now), max_age_s, issuer->refresh_s);
    bool changed = issuer_keys_put(issuer, keys);
    issuer->failure[0] = 0;
    pthread_mutex_unlock(&issuer->mutex);
    issuer->gone_told = false;
    if (changed)
        log_info(issuers_log(issuer->of), now, "issuer_keys_read", f_text("issuer", issuer->name),
                 f_u64("keys", usable), f_u64("passed_over", passed_over));
    if (changed && bared)
        log_warn(issuers_log(issuer->of), now, "issuer_keys_bared", f_text("issuer", issuer->name),
                 f_u64("keys", bared), f_str("means", STR("they show their private part, and are not taken")));
}

void issuer_missed(struct issuer *issuer, struct str why) {
    struct now now = loop_now(issuer->of->loop);
    pthread_mutex_lock(&issuer->mutex);
    renewal_failed(&issuer->renewal, mono_s(now), issuer->refresh_s);
    str_copy(issuer->failure, sizeof issuer->failure, why);
    int64_t left_s = atomic_load(&issuer->until_s) == INT64_MIN ? 0 : atomic_load(&issuer->until_s) - mono_s(now);
    pthread_mutex_unlock(&issuer->mutex);
    if (left_s > 0)
        log_warn(issuers_log(issuer->of), now, "issuer_keys_not_read", f_text("issuer", issuer->name),
                 f_text("jwks", issuer->jwks), f_said("why", why), f_int("last_keys_serve_seconds", left_s));
    else if (!issuer->gone_told)
        log_error(issuers_log(issuer->of), now, "issuer_keys_gone", f_text("issuer", issuer->name),
                  f_text("jwks", issuer->jwks), f_said("why", why),
                  f_str("means", STR("none of its tokens is let in until they can be read")));
    issuer->gone_told = left_s <= 0;
}

void issuer_fetched(struct issuer *issuer, struct str failure, struct str text, int64_t max_age_s) {
    issuer->fetch = NULL;
    if (failure.len)
        issuer_missed(issuer, failure);
    else
        issuer_came(issuer, text, max_age_s, loop_now(issuer->of->loop));
    issuers_schedule(issuer->of);
}

static void issuer_file_read(struct issuer *issuer) {
    const char *problem = "there is no memory for it";
    int descriptor = file_open(issuer->jwks, 0, &problem);
    char *bytes = descriptor < 0 ? NULL : memory_take(jwks_bytes_max + 1);
    size_t len = 0;
    for (ssize_t got = 1; bytes && got > 0 && len <= jwks_bytes_max; len += got > 0 ? (size_t)got : 0) {
        got = read(descriptor, bytes + len, jwks_bytes_max + 1 - len);
        if (got < 0) problem = "it cannot be read";
        if (got < 0) len = 0;
    }
    if (descriptor >= 0) close(descriptor);
    issuer_fetched(issuer,
                   bytes && len ? STR("")
                   : bytes      ? STR("it is empty, or cannot be read")
                                : str_from(problem),
                   str_make(bytes, len), -1);
    memory_give(bytes);
}

/* At its time; where another one names it no more, not. */
static void issuer_look(struct issuer *issuer) {
    struct issuers *issuers = issuer->of;
    int64_t now_s = mono_s(loop_now(issuers->loop));
    pthread_mutex_lock(&issuer->mutex);
    bool begins = issuers->client && issuer->named && !issuer->fetch && renewal_is_due(&issuer->renewal, now_s);
    if (begins) renewal_begin(&issuer->renewal);
    pthread_mutex_unlock(&issuer->mutex);
    if (!begins) return;
    const struct identity_issuer where = {.jwks = str_from(issuer->jwks)};
    if (!identity_jwks_is_url(&where)) {
        issuer_file_read(issuer);
        return;
    }
    issuer->fetch = issuer_fetch_begin(issuers->loop, issuers->client, issuer);
    if (!issuer->fetch) issuer_missed(issuer, STR("there is no memory for it"));
}

/* One timer for all of them: they are few. */
static void issuers_schedule(struct issuers *issuers) {
    enum { look_at_least_s = 60 };
    int64_t now_s = mono_s(loop_now(issuers->loop)), next_s = now_s + look_at_least_s;
    if (!issuers->client) return; /* it ends */
    pthread_mutex_lock(&issuers->mutex);
    for (struct issuer *issuer = issuers->first; issuer; issuer = issuer->next) {
        pthread_mutex_lock(&issuer->mutex);
        bool waits = issuer->named && !issuer->renewal.under_way;
        if (waits && issuer->renewal.next_s < next_s) next_s = issuer->renewal.next_s;
        pthread_mutex_unlock(&issuer->mutex);
    }
    pthread_mutex_unlock(&issuers->mutex);
    uint64_t due_ns = loop_now(issuers->loop).mono_ns;
    if (next_s > now_s) due_ns = (uint64_t)next_s * NS_PER_S;
    timer_set(issuers->loop, &issuers->timer, due_ns, issuers_turn, issuers);
}

static void issuers_turn(void *context) {
    struct issuers *issuers = context;
    pthread_mutex_lock(&issuers->mutex);
    struct issuer *issuer = issuers->first;
    pthread_mutex_unlock(&issuers->mutex);
    for (; issuer; issuer = issuer->next) issuer_look(issuer); /* those behind the first do not change */
    issuers_schedule(issuers);
}

/* -- beginning and end -- */

struct issuers *issuers_new(struct weir *weir) {
    struct issuers *issuers = memory_take_zeroed(sizeof *issuers);
    if (!issuers) return NULL;
    issuers->weir = weir;
    pthread_mutex_init(&issuers->mutex, NULL);
    return issuers;
}

static void issuer_free(struct issuer *issuer) {
    issuer_keys_release(issuer->keys);
    pthread_mutex_destroy(&issuer->mutex);
    memory_give(issuer);
}

static char *issuer_text(char **at, struct str text) {
    char *into = *at;
    str_copy(into, text.len + 1, text);
    *at += text.len + 1;
    return into;
}

static struct issuer *issuer_new(struct issuers *issuers, const struct identity_issuer *from, struct now now) {
    char path[overlay_path_max];
    if (!issuer_path(issuers->weir, from, path)) path[0] = 0;
    size_t texts = from->issuer.len + from->jwks.len + from->ca_file.len + strlen(path) + 4;
    struct issuer *issuer = memory_take_zeroed(sizeof *issuer + texts);
    if (!issuer) return NULL;
    char *at = (char *)(issuer + 1);
    issuer->of = issuers;
    issuer->name = issuer_text(&at, from->issuer);
    issuer->jwks = issuer_text(&at, from->jwks);
    issuer->ca_file = issuer_text(&at, from->ca_file);
    issuer->path = issuer_text(&at, str_from(path));
    atomic_init(&issuer->until_s, INT64_MIN);
    pthread_mutex_init(&issuer->mutex, NULL);
    issuer->renewal = renewal_new(mono_s(now));
    list_init(&issuer->identities);
    issuer_restore(issuer, now);
    return issuer;
}

/* The same issuer, whose keys come from the same place, verified in the same way. */
static struct issuer *issuer_of(struct issuers *issuers, const struct identity_issuer *from) {
    for (struct issuer *issuer = issuers->first; issuer; issuer = issuer->next)
        if (str_eq(str_from(issuer->name), from->issuer) && str_eq(str_from(issuer->jwks), from->jwks) &&
            str_eq(str_from(issuer->ca_file), from->ca_file))
            return issuer;
    return NULL;
}

static void issuer_register(struct issuers *issuers, struct identity_issuer *from, bool fresh, struct now now) {
    struct issuer *issuer = issuer_of(issuers, from);
    bool made = !issuer;
    if (made && !(issuer = issuer_new(issuers, from, now))) return;
    pthread_mutex_lock(&issuer->mutex);
    issuer->refresh_s = from->refresh_s;
    if (fresh || !issuer->named) renewal_want(&issuer->renewal, mono_s(now));
    issuer->named = true;
    pthread_mutex_unlock(&issuer->mutex);
    if (made) {
        pthread_mutex_lock(&issuers->mutex);
        issuer->next = issuers->first;
        issuers->first = issuer;
        pthread_mutex_unlock(&issuers->mutex);
    }
    from->keys = issuer;
}

/* Where they are read; not running yet. */
static bool issuers_make(struct issuers *issuers) {
    if (!issuers->loop) issuers->loop = loop_new();
    if (issuers->loop && !issuers->client) issuers->client = http_client_new(issuers->loop);
    return issuers->client != NULL;
}

void issuers_read(struct issuers *issuers) {
    if (!issuers->first || !issuers->client) return;
    if (!issuers->running) issuers->running = loop_start_thread(issuers->loop, "weir-issuers");
    if (issuers->running) (void)loop_post(issuers->loop, issuers_turn, issuers); /* else at the next look */
}

void issuers_register(struct issuers *issuers, struct snapshot *snapshot, bool fresh) {
    struct now now = clock_read();
    if (!issuers->weir->host.serves || (snapshot->issuer_count && !issuers_make(issuers))) return;
    for (struct issuer *issuer = issuers->first; issuer; issuer = issuer->next) {
        bool named = false;
        for (size_t i = 0; i < snapshot->issuer_count; i++)
            named = named || issuer_of(issuers, &snapshot->issuers[i]) == issuer;
        pthread_mutex_lock(&issuer->mutex);
        issuer->named = issuer->named && named;
        pthread_mutex_unlock(&issuer->mutex);
    }
    for (size_t i = 0; i < snapshot->issuer_count; i++) issuer_register(issuers, &snapshot->issuers[i], fresh, now);
}

static void issuers_stop(void *context) {
    struct issuers *issuers = context;
    for (struct issuer *issuer = issuers->first; issuer; issuer = issuer->next) {
        issuer_fetch_cancel(issuer->fetch);
        issuer->fetch = NULL;
    }
    timer_cancel(issuers->loop, &issuers->timer);
    http_client_free(issuers->client);
    issuers->client = NULL;
    loop_stop(issuers->loop);
}

void issuers_close(struct issuers *issuers) {
    if (!issuers || !issuers->running) return;
    CHECK(loop_post(issuers->loop, issuers_stop, issuers));
    loop_join(issuers->loop);
    issuers->running = false;
}

void issuers_free(struct issuers *issuers) {
    if (!issuers) return;
    CHECK(!issuers->running);
    for (struct issuer *issuer = issuers->first, *next; issuer; issuer = next) {
        next = issuer->next;
        issuer_free(issuer);
    }
    if (issuers->client) http_client_free(issuers->client);
    if (issuers->loop) loop_free(issuers->loop);
    pthread_mutex_destroy(&issuers->mutex);
    memory_give(issuers);
}

/* -- as operators see them -- */

/* Under its mutex. */
static enum issuer_state issuer_look_state(const struct issuer *issuer, struct now now) {
    bool serves = atomic_load(&issuer->until_s) > mono_s(now), failed = issuer->failure[0] != 0;
    if (serves) return failed ? issuer_on_last_keys : issuer_good;
    return failed || issuer->keys ? issuer_closed : issuer_awaited;
}

enum issuer_state issuer_state(struct issuer *issuer, struct now now) {
    if (!issuer) return issuer_closed; /* there was no memory for it */
    pthread_mutex_lock(&issuer->mutex);
    enum issuer_state state = issuer_look_state(issuer, now);
    pthread_mutex_unlock(&issuer->mutex);
    return state;
}

/* The same. */
static void issuer_put(const struct issuer *issuer, struct now now, struct text *text) {
    int64_t until_s = atomic_load(&issuer->until_s), now_s = mono_s(now);
    static const struct str states[] = {[issuer_awaited] = STR("awaited"),
                                        [issuer_good] = STR("good"),
                                        [issuer_on_last_keys] = STR("last_keys"),
                                        [issuer_closed] = STR("closed")};
    bool good = until_s > now_s;
    text_json_comma(text);
    text_put_byte(text, '{');
    text_json_str(text, STR("issuer"), str_from(issuer->name));
    text_json_str(text, STR("state"), states[issuer_look_state(issuer, now)]);
    text_json_u64(text, STR("keys"), issuer->keys ? issuer_keys_usable(issuer->keys) : 0);
    if (issuer->renewal.fetched) text_json_i64(text, STR("read_seconds_ago"), now_s - issuer->renewal.fetched_s);
    if (good) text_json_i64(text, STR("serves_seconds"), until_s - now_s);
    if (issuer->failure[0]) text_json_str(text, STR("failure"), str_from(issuer->failure));
    text_put_byte(text, '}');
}

void issuers_put(struct issuers *issuers, struct now now, struct text *text) {
    pthread_mutex_lock(&issuers->mutex);
    struct issuer *issuer = issuers->first;
    pthread_mutex_unlock(&issuers->mutex);
    text_json_key(text, STR("identity"));
    text_put_byte(text, '[');
    for (; issuer; issuer = issuer->next) {
        pthread_mutex_lock(&issuer->mutex);
        if (issuer->named) issuer_put(issuer, now, text);
        pthread_mutex_unlock(&issuer->mutex);
    }
    text_put_byte(text, ']');
}
