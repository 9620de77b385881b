/* tls.c - OpenSSL's contexts and sessions over memory BIOs. A context is made from files once, on a thread that may
 * block, and says what they said then: whoever wants to know what they say now makes another. Verification is on unless
 * the configuration says `insecure` in so many letters. Sessions of calls are kept by host in their context, a bounded
 * few, under a mutex: touched at handshakes only. */
#include "net/tls.h"

#include <errno.h>
#include <limits.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/check.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/list.h"
#include "base/memory.h"
#include "net/tls_session.h"

enum { sessions_kept = 64, host_max = 256, roots_bytes_max = 16 * 1024 * 1024 };

struct kept_session {
    char host[host_max];
    SSL_SESSION *session;
};

/* When the certificate of a host ends. */
struct peer_end {
    char host[host_max];
    int64_t ends_s; /* 0: an empty place */
};

struct tls_context {
    _Atomic unsigned holds;
    SSL_CTX *ctx; /* for listening: under the mutex, as it may be renewed */
    bool calls, insecure;
    enum tls_use use;    /* for calls, as what follows */
    struct list node;    /* of shared */
    struct sha256 roots; /* of what its roots were read from */
    uint64_t id;
    pthread_mutex_t mutex;
    struct kept_session kept[sessions_kept];
    unsigned kept_next;
    struct peer_end peers[sessions_kept];
    unsigned peers_next;
};

struct tls_session {
    struct tls_context *context;
    SSL *ssl;
    BIO *in, *out;
    char host[host_max];
    char failure[160];
};

static int session_index = -1;
static pthread_once_t started = PTHREAD_ONCE_INIT;

static void start(void) {
    OPENSSL_init_ssl(OPENSSL_INIT_NO_ATEXIT | OPENSSL_INIT_LOAD_SSL_STRINGS | OPENSSL_INIT_LOAD_CRYPTO_STRINGS, NULL);
    session_index = SSL_get_ex_new_index(0, NULL, NULL, NULL, NULL);
}

static int on_new_session(SSL *ssl, SSL_SESSION *fresh) {
    struct tls_session *session = SSL_get_ex_data(ssl, session_index);
    struct tls_context *context = session->context;
    CHECK(context->calls && session->ssl == ssl);
    if (context->use == tls_for_callers) return 0;
    pthread_mutex_lock(&context->mutex);
    struct kept_session *place = NULL;
    for (unsigned i = 0; i < sessions_kept && !place; i++)
        if (strcmp(context->kept[i].host, session->host) == 0) place = &context->kept[i];
    if (!place) place = &context->kept[context->kept_next++ % sessions_kept];
    if (place->session) SSL_SESSION_free(place->session);
    memcpy(place->host, session->host, sizeof place->host);
    place->session = fresh;
    pthread_mutex_unlock(&context->mutex);
    return 1; /* the reference is ours */
}

static SSL_CTX *ctx_new(bool calls) {
    pthread_once(&started, start);
    SSL_CTX *ctx = SSL_CTX_new(calls ? TLS_client_method() : TLS_server_method());
    if (!ctx) return NULL;
    SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION);
    SSL_CTX_set_mode(ctx,
                     SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_IGNORE_UNEXPECTED_EOF |
                                 SSL_OP_CLEANSE_PLAINTEXT);
    return ctx;
}

static struct tls_context *context_new(bool calls) {
    struct tls_context *context = memory_take_zeroed(sizeof *context);
    if (!context) return NULL;
    context->ctx = ctx_new(calls);
    if (!context->ctx) {
        memory_give(context);
        return NULL;
    }
    atomic_init(&context->holds, 1);
    context->calls = calls;
    pthread_mutex_init(&context->mutex, NULL);
    return context;
}

static void context_free(struct tls_context *context) {
    CHECK(!list_linked(&context->node)); /* nobody finds it any more */
    for (unsigned i = 0; i < sessions_kept; i++)
        if (context->kept[i].session) SSL_SESSION_free(context->kept[i].session);
    SSL_CTX_free(context->ctx);
    pthread_mutex_destroy(&context->mutex);
    memory_give(context);
}

static const char *openssl_said(void) {
    unsigned long code = ERR_peek_last_error();
    const char *said = code ? ERR_reason_error_string(code) : NULL;
    return said ? said : "no reason given";
}

/* -- roots -- */

struct roots {
    char *bytes; /* PEM; NULL: there are none */
    size_t len;
    char folder[1024]; /* of the system's, by hash, looked into when they are wanted; empty: none */
};

/* NULL, or why not. A file of the system's that is not there is none. */
static const char *file_take(const char *path, struct roots *roots) {
    const char *problem = NULL;
    int descriptor = file_open(path, 0, &problem);
    struct stat status;
    if (descriptor < 0) return problem;
    if (fstat(descriptor, &status) != 0)
        problem = strerror(errno);
    else if (status.st_size > roots_bytes_max)
        problem = "it is larger than 16 MB";
    else if (!(roots->bytes = memory_take((size_t)status.st_size + 1)))
        problem = "there is no memory for it";
    ssize_t got = 0;
    while (!problem && roots->len < (size_t)status.st_size &&
           (got = read(descriptor, roots->bytes + roots->len, (size_t)status.st_size - roots->len)) > 0)
        roots->len += (size_t)got;
    if (got < 0) problem = strerror(errno);
    close(descriptor);
    return problem;
}

static const char *tls_place_of(const char *variable, const char *usual) {
    const char *said = getenv(variable);
    return said && *said ? said : usual;
}

/* What they are, as a hash of all that says so. */
static struct sha256 roots_hash(const struct roots *roots) {
    struct stat status = {.st_mtime = 0};
    struct {
        struct sha256 file;
        int64_t seconds, nanoseconds;
    } said;
    memset(&said, 0, sizeof said);
    said.file = hash_sha256(str_make(roots->bytes ? roots->bytes : "", roots->len));
    if (roots->folder[0] && stat(roots->folder, &status) == 0) {
        said.seconds = status.st_mtim.tv_sec;
        said.nanoseconds = status.st_mtim.tv_nsec;
    }
    return hash_sha256(str_make((const char *)&said, sizeof said));
}

static bool roots_read(struct str ca_file, struct roots *roots, struct error *error) {
    char path[1024];
    *roots = (struct roots){.bytes = NULL};
    if (ca_file.len == 0) {
        const char *folder = tls_place_of(X509_get_default_cert_dir_env(), X509_get_default_cert_dir());
        file_take(tls_place_of(X509_get_default_cert_file_env(), X509_get_default_cert_file()), roots);
        str_copy(roots->folder, sizeof roots->folder, str_from(folder));
        return true;
    }
    str_copy(path, sizeof path, ca_file);
    const char *problem = ca_file.len < sizeof path ? file_take(path, roots) : "its path is too long";
    if (!problem) return true;
    memory_give(roots->bytes);
    return error_set(error, error_bad_configuration, "The CA file %s cannot be read: %s.", path, problem);
}

/* How many certificates it holds; those that are revoked as well. */
static size_t roots_add(const struct roots *roots, X509_STORE *store) {
    size_t count = 0;
    BIO *bio = roots->bytes ? BIO_new_mem_buf(roots->bytes, (int)roots->len) : NULL;
    STACK_OF(X509_INFO) *list = bio ? PEM_X509_INFO_read_bio(bio, NULL, NULL, NULL) : NULL;
    for (int i = 0; list && i < sk_X509_INFO_num(list); i++) {
        const X509_INFO *info = sk_X509_INFO_value(list, i);
        if (info->x509 && X509_STORE_add_cert(store, info->x509) == 1) count++;
        if (info->crl) X509_STORE_add_crl(store, info->crl);
    }
    sk_X509_INFO_pop_free(list, X509_INFO_free);
    BIO_free(bio);
    X509_LOOKUP *lookup = roots->folder[0] ? X509_STORE_add_lookup(store, X509_LOOKUP_hash_dir()) : NULL;
    if (lookup) X509_LOOKUP_add_dir(lookup, roots->folder, X509_FILETYPE_PEM);
    return count;
}

/* -- contexts of calls -- */

/* Deployments share the contexts of calls, and with them the parsed roots and the sessions. */
static pthread_mutex_t shared_mutex = PTHREAD_MUTEX_INITIALIZER;
static struct list shared = {&shared, &shared};
static uint64_t last_id;

static struct tls_context *shared_find(const struct sha256 *roots, bool insecure) {
    struct tls_context *found = NULL;
    LIST_EACH (node, &shared) {
        struct tls_context *context = LIST_OWNER(node, struct tls_context, node);
        if (context->insecure == insecure && hash_equal(&context->roots, roots)) found = context;
    }
    return found;
}

/* `alike` has the same roots: they are parsed already. */
static struct tls_context *client_context_new(const struct roots *roots, const struct tls_context *alike, bool insecure,
                                              enum tls_use use, struct str ca_file, struct error *error) {
    struct tls_context *context = context_new(true);
    if (!context) {
        error_set(error, error_out_of_memory, "No memory for TLS.");
        return NULL;
    }
    list_init(&context->node);
    context->insecure = insecure;
    context->use = use;
    ERR_clear_error();
    size_t count = 1;
    if (alike)
        SSL_CTX_set1_cert_store(context->ctx, SSL_CTX_get_cert_store(alike->ctx));
    else if (!insecure)
        count = roots_add(roots, SSL_CTX_get_cert_store(context->ctx));
    if (count == 0 && ca_file.len) {
        error_set(error, error_bad_configuration, "The CA file %.*s cannot be used: it holds no certificate in PEM.",
                  STR_ARG(str_slice(ca_file, 0, 160)));
        context_free(context);
        return NULL;
    }
    ERR_clear_error(); /* the end of a PEM file is one */
    SSL_CTX_set_verify(context->ctx, insecure ? SSL_VERIFY_NONE : SSL_VERIFY_PEER, NULL);
    SSL_CTX_set_session_cache_mode(context->ctx, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_sess_set_new_cb(context->ctx, on_new_session);
    static const unsigned char http11[] = "\x08http/1.1";
    SSL_CTX_set_alpn_protos(context->ctx, http11, sizeof http11 - 1);
    return context;
}

struct tls_context *tls_client_context(struct str ca_file, bool insecure, enum tls_use use, struct error *error) {
    struct roots roots = {.bytes = NULL};
    if (!insecure && !roots_read(ca_file, &roots, error)) return NULL;
    struct sha256 hash = roots_hash(&roots);
    pthread_mutex_lock(&shared_mutex);
    struct tls_context *alike = shared_find(&hash, insecure), *found = NULL;
    LIST_EACH (node, &shared) {
        struct tls_context *context = LIST_OWNER(node, struct tls_context, node);
        if (context->insecure == insecure && context->use == use && hash_equal(&context->roots, &hash)) found = context;
    }
    CHECK(!found || found->calls);
    if (found) {
        tls_context_hold(found);
    } else if ((found = client_context_new(&roots, alike, insecure, use, ca_file, error))) {
        found->roots = hash;
        found->id = ++last_id;
        list_add_last(&shared, &found->node);
    }
    pthread_mutex_unlock(&shared_mutex);
    memory_give(roots.bytes);
    return found;
}

uint64_t tls_context_id(const struct tls_context *context) { return context->id; }

/* -- contexts of listeners -- */

static int choose_http11(SSL *ssl, const unsigned char **chosen, unsigned char *chosen_len,
                         const unsigned char *offered, unsigned offered_len, void *context) {
    (void)ssl, (void)context;
    static const unsigned char http11[] = "\x08http/1.1";
    unsigned char *out = NULL;
    int found = SSL_select_next_proto(&out, chosen_len, http11, sizeof http11 - 1, offered, offered_len);
    *chosen = out;
    return found == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_NOACK;
}

/* OpenSSL would wait for a pipe's writer. */
static bool is_file(const char *path, const char *what, struct error *error) {
    const char *problem = "";
    int descriptor = file_open(path, 0, &problem);
    if (descriptor < 0)
        return error_set(error, error_bad_configuration, "The %s file %s cannot be used: %s.", what, path, problem);
    close(descriptor);
    return true;
}

/* NULL: *error. */
static SSL_CTX *server_ctx_new(struct str cert_file, struct str key_file, struct error *error) {
    char cert[1024], key[1024];
    str_copy(cert, sizeof cert, cert_file);
    str_copy(key, sizeof key, key_file);
    if (!is_file(cert, "certificate", error) || !is_file(key, "key", error)) return NULL;
    SSL_CTX *ctx = ctx_new(false);
    if (!ctx) {
        error_set(error, error_out_of_memory, "No memory for TLS.");
        return NULL;
    }
    ERR_clear_error();
    if (SSL_CTX_use_certificate_chain_file(ctx, cert) != 1)
        error_set(error, error_bad_configuration, "The certificate file %s cannot be used: %s.", cert, openssl_said());
    else if (SSL_CTX_use_PrivateKey_file(ctx, key, SSL_FILETYPE_PEM) != 1)
        error_set(error, error_bad_configuration, "The key file %s cannot be used: %s.", key, openssl_said());
    else if (SSL_CTX_check_private_key(ctx) != 1)
        error_set(error, error_bad_configuration, "The key file %s does not belong to the certificate %s.", key, cert);
    else {
        SSL_CTX_set_alpn_select_cb(ctx, choose_http11, NULL);
        return ctx;
    }
    ERR_clear_error();
    SSL_CTX_free(ctx);
    return NULL;
}

struct tls_context *tls_server_context(struct str cert_file, struct str key_file, struct error *error) {
    struct tls_context *context = context_new(false);
    if (!context) {
        error_set(error, error_out_of_memory, "No memory for TLS.");
        return NULL;
    }
    if (tls_server_context_renew(context, cert_file, key_file, error)) return context;
    tls_context_release(context);
    return NULL;
}

bool tls_server_context_renew(struct tls_context *context, struct str cert_file, struct str key_file,
                              struct error *error) {
    CHECK(!context->calls);
    SSL_CTX *fresh = server_ctx_new(cert_file, key_file, error);
    if (!fresh) return false;
    pthread_mutex_lock(&context->mutex);
    SSL_CTX *before = context->ctx;
    context->ctx = fresh;
    pthread_mutex_unlock(&context->mutex);
    SSL_CTX_free(before); /* its connections hold it */
    return true;
}

static bool certificate_end(const X509 *certificate, int64_t *ends_s) {
    struct tm parts;
    bool good = certificate && ASN1_TIME_to_tm(X509_get0_notAfter(certificate), &parts) == 1;
    if (good) *ends_s = (int64_t)timegm(&parts);
    return good;
}

bool tls_certificate_ends(struct str cert_file, int64_t *ends_s) {
    char path[PATH_MAX];
    if (cert_file.len >= sizeof path) return false;
    str_copy(path, sizeof path, cert_file);
    BIO *bio = BIO_new_file(path, "r");
    X509 *certificate = bio ? PEM_read_bio_X509(bio, NULL, NULL, NULL) : NULL;
    bool good = certificate_end(certificate, ends_s);
    X509_free(certificate);
    BIO_free(bio);
    ERR_clear_error();
    return good;
}

/* Under the context's mutex. NULL: it has no place yet. */
static struct peer_end *peer_find(struct tls_context *context, struct str host) {
    for (unsigned i = 0; i < sessions_kept; i++)
        if (context->peers[i].ends_s && str_eq(str_from(context->peers[i].host), host)) return &context->peers[i];
    return NULL;
}

/* What a handshake that was not shortened has shown. */
static void peer_note(struct tls_session *session) {
    struct tls_context *context = session->context;
    int64_t ends_s;
    if (!context->calls || context->use != tls_for_providers || SSL_session_reused(session->ssl)) return;
    if (!certificate_end(SSL_get0_peer_certificate(session->ssl), &ends_s)) return;
    pthread_mutex_lock(&context->mutex);
    struct peer_end *place = peer_find(context, str_from(session->host));
    if (!place) place = &context->peers[context->peers_next++ % sessions_kept];
    str_copy(place->host, sizeof place->host, str_from(session->host));
    place->ends_s = ends_s;
    pthread_mutex_unlock(&context->mutex);
}

bool tls_peer_ends(struct tls_context *context, struct str host, int64_t *ends_s) {
    pthread_mutex_lock(&context->mutex);
    const struct peer_end *place = peer_find(context, host);
    if (place) *ends_s = place->ends_s;
    pthread_mutex_unlock(&context->mutex);
    return place != NULL;
}

void tls_context_hold(struct tls_context *context) {
    unsigned before = atomic_fetch_add(&context->holds, 1);
    CHECKF(before > 0 && before < UINT_MAX, "holds=%u", before);
}

void tls_context_release(struct tls_context *context) {
    if (!context) return;
    bool calls = context->calls;
    if (calls) pthread_mutex_lock(&shared_mutex); /* nobody finds it between its last release and its end */
    unsigned before = atomic_fetch_sub(&context->holds, 1);
    CHECKF(before > 0, "calls=%d", calls);
    bool last = before == 1;
    if (last && calls) list_remove(&context->node);
    if (calls) pthread_mutex_unlock(&shared_mutex);
    if (last) context_free(context);
}

/* -- one connection -- */

static void host_set(struct tls_session *session) {
    struct tls_context *context = session->context;
    X509_VERIFY_PARAM *verify = SSL_get0_param(session->ssl);
    if (X509_VERIFY_PARAM_set1_ip_asc(verify, session->host) != 1) { /* not an address: a name */
        SSL_set_tlsext_host_name(session->ssl, session->host);
        X509_VERIFY_PARAM_set_hostflags(verify, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
        X509_VERIFY_PARAM_set1_host(verify, session->host, 0);
    }
    ERR_clear_error();
    pthread_mutex_lock(&context->mutex);
    for (unsigned i = 0; i < sessions_kept; i++)
        if (context->kept[i].session && strcmp(context->kept[i].host, session->host) == 0)
            SSL_set_session(session->ssl, context->kept[i].session);
    pthread_mutex_unlock(&context->mutex);
}

struct tls_session *tls_session_new(struct tls_context *context, struct str host) {
    struct tls_session *session = memory_take_zeroed(sizeof *session);
    if (!session) return NULL;
    pthread_mutex_lock(&context->mutex);
    session->ssl = SSL_new(context->ctx);
    pthread_mutex_unlock(&context->mutex);
    session->in = BIO_new(BIO_s_mem());
    session->out = BIO_new(BIO_s_mem());
    if (!session->ssl || !session->in || !session->out) {
        SSL_free(session->ssl);
        BIO_free(session->in);
        BIO_free(session->out);
        memory_give(session);
        return NULL;
    }
    BIO_set_mem_eof_return(session->in, -1);
    SSL_set_bio(session->ssl, session->in, session->out);
    tls_context_hold(context);
    session->context = context;
    str_copy(session->host, sizeof session->host, host);
    SSL_set_ex_data(session->ssl, session_index, session);
    if (context->calls) {
        SSL_set_connect_state(session->ssl);
        host_set(session);
    } else {
        SSL_set_accept_state(session->ssl);
    }
    return session;
}

void tls_session_free(struct tls_session *session) {
    if (!session) return;
    /* A connection that only broke does not spoil its session: RFC 5246, 7.2.1, and RFC 8446, 6.1 */
    if (!session->failure[0]) SSL_set_shutdown(session->ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
    SSL_free(session->ssl);
    tls_context_release(session->context);
    memory_give(session);
}

static enum tls_result result_of(struct tls_session *session, int returned) {
    switch (SSL_get_error(session->ssl, returned)) {
    case SSL_ERROR_WANT_READ:
    case SSL_ERROR_WANT_WRITE: return tls_want_more;
    case SSL_ERROR_ZERO_RETURN: return tls_closed;
    default: break;
    }
    long verified = SSL_get_verify_result(session->ssl);
    if (verified != X509_V_OK && session->context->calls && !session->context->insecure)
        snprintf(session->failure, sizeof session->failure, "certificate verify failed: %s",
                 X509_verify_cert_error_string(verified));
    else
        snprintf(session->failure, sizeof session->failure, "%s", openssl_said());
    ERR_clear_error();
    return tls_failed;
}

enum tls_result tls_handshake(struct tls_session *session) {
    ERR_clear_error();
    int returned = SSL_do_handshake(session->ssl);
    if (returned != 1) return result_of(session, returned);
    peer_note(session);
    return tls_ok;
}

bool tls_put_cipher(struct tls_session *session, struct str cipher) {
    return BIO_write(session->in, cipher.at, (int)cipher.len) == (int)cipher.len;
}

enum tls_result tls_take_plain(struct tls_session *session, char *buffer, size_t size, size_t *len) {
    ERR_clear_error();
    int returned = SSL_read(session->ssl, buffer, (int)size);
    CHECKF(returned <= (int)size, "returned=%d size=%zu", returned, size);
    *len = returned > 0 ? (size_t)returned : 0;
    return returned > 0 ? tls_ok : result_of(session, returned);
}

bool tls_has_part(const struct tls_session *session) {
    return BIO_ctrl_pending(session->in) > 0 || SSL_has_pending(session->ssl) ||
           strcmp(SSL_rstate_string(session->ssl), "RH") != 0; /* the head of a record is no longer pending once read */
}

bool tls_put_plain(struct tls_session *session, struct str plain) {
    ERR_clear_error();
    while (plain.len) {
        int returned = SSL_write(session->ssl, plain.at, plain.len > 1 << 20 ? 1 << 20 : (int)plain.len);
        if (returned <= 0) return result_of(session, returned) == tls_want_more;
        plain = str_slice(plain, (size_t)returned, plain.len);
    }
    return true;
}

size_t tls_take_cipher(struct tls_session *session, char *buffer, size_t size) {
    int returned = BIO_read(session->out, buffer, (int)size);
    return returned > 0 ? (size_t)returned : 0;
}

void tls_end(struct tls_session *session) {
    ERR_clear_error();
    SSL_shutdown(session->ssl);
    ERR_clear_error();
}

struct str tls_failure_text(const struct tls_session *session) {
    return str_from(session->failure);
}
