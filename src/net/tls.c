/* tls.c - OpenSSL's contexts and sessions over memory BIOs. Verification is on unless the configuration says `insecure`
 * in so many letters. Sessions of calls are kept by host in their context, a bounded few, under a mutex: touched at
 * handshakes only. */
#include "net/tls.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "base/list.h"
#include "base/memory.h"
#include "net/tls_session.h"

enum { sessions_kept = 64, host_max = 256 };

struct kept_session {
    char host[host_max];
    SSL_SESSION *session;
};

struct tls_context {
    _Atomic unsigned holds;
    SSL_CTX *ctx;
    bool calls, insecure;
    struct list node;   /* of shared, for calls */
    char ca_file[1024]; /* for calls */
    pthread_mutex_t mutex;
    struct kept_session kept[sessions_kept];
    unsigned kept_next;
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

static struct tls_context *context_new(bool calls) {
    pthread_once(&started, start);
    struct tls_context *context = memory_take_zeroed(sizeof *context);
    if (!context) return NULL;
    context->ctx = SSL_CTX_new(calls ? TLS_client_method() : TLS_server_method());
    if (!context->ctx) {
        memory_give(context);
        return NULL;
    }
    atomic_init(&context->holds, 1);
    context->calls = calls;
    pthread_mutex_init(&context->mutex, NULL);
    SSL_CTX_set_min_proto_version(context->ctx, TLS1_2_VERSION);
    SSL_CTX_set_mode(context->ctx,
                     SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_options(context->ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_IGNORE_UNEXPECTED_EOF);
    return context;
}

static void context_free(struct tls_context *context) {
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

/* Loops share the contexts of calls, and with them the parsed roots and the sessions. */
static pthread_mutex_t shared_mutex = PTHREAD_MUTEX_INITIALIZER;
static struct list shared = {&shared, &shared};

static struct tls_context *client_context_new(struct str ca_file, bool insecure, struct error *error) {
    struct tls_context *context = context_new(true);
    if (!context) {
        error_set(error, error_out_of_memory, "No memory for TLS.");
        return NULL;
    }
    list_init(&context->node);
    context->insecure = insecure;
    str_copy(context->ca_file, sizeof context->ca_file, ca_file);
    ERR_clear_error();
    int loaded = ca_file.len ? SSL_CTX_load_verify_locations(context->ctx, context->ca_file, NULL)
                             : SSL_CTX_set_default_verify_paths(context->ctx);
    if (loaded != 1 && !insecure) {
        error_set(error, error_bad_configuration, "The CA file %s cannot be read: %s.", context->ca_file,
                  openssl_said());
        ERR_clear_error();
        context_free(context);
        return NULL;
    }
    SSL_CTX_set_verify(context->ctx, insecure ? SSL_VERIFY_NONE : SSL_VERIFY_PEER, NULL);
    SSL_CTX_set_session_cache_mode(context->ctx, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_sess_set_new_cb(context->ctx, on_new_session);
    static const unsigned char http11[] = "\x08http/1.1";
    SSL_CTX_set_alpn_protos(context->ctx, http11, sizeof http11 - 1);
    return context;
}

struct tls_context *tls_client_context(struct str ca_file, bool insecure, struct error *error) {
    struct tls_context *found = NULL;
    pthread_mutex_lock(&shared_mutex);
    LIST_EACH (node, &shared) {
        struct tls_context *context = LIST_OWNER(node, struct tls_context, node);
        if (context->insecure == insecure && str_eq(str_from(context->ca_file), ca_file)) found = context;
    }
    if (found) tls_context_hold(found);
    if (!found && (found = client_context_new(ca_file, insecure, error))) list_add_last(&shared, &found->node);
    pthread_mutex_unlock(&shared_mutex);
    return found;
}

static int choose_http11(SSL *ssl, const unsigned char **chosen, unsigned char *chosen_len,
                         const unsigned char *offered, unsigned offered_len, void *context) {
    (void)ssl, (void)context;
    static const unsigned char http11[] = "\x08http/1.1";
    unsigned char *out = NULL;
    int found = SSL_select_next_proto(&out, chosen_len, http11, sizeof http11 - 1, offered, offered_len);
    *chosen = out;
    return found == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_NOACK;
}

struct tls_context *tls_server_context(struct str cert_file, struct str key_file, struct error *error) {
    struct tls_context *context = context_new(false);
    char cert[1024], key[1024];
    str_copy(cert, sizeof cert, cert_file);
    str_copy(key, sizeof key, key_file);
    if (!context) {
        error_set(error, error_out_of_memory, "No memory for TLS.");
        return NULL;
    }
    ERR_clear_error();
    if (SSL_CTX_use_certificate_chain_file(context->ctx, cert) != 1)
        error_set(error, error_bad_configuration, "The certificate file %s cannot be used: %s.", cert, openssl_said());
    else if (SSL_CTX_use_PrivateKey_file(context->ctx, key, SSL_FILETYPE_PEM) != 1)
        error_set(error, error_bad_configuration, "The key file %s cannot be used: %s.", key, openssl_said());
    else if (SSL_CTX_check_private_key(context->ctx) != 1)
        error_set(error, error_bad_configuration, "The key file %s does not belong to the certificate %s.", key, cert);
    else {
        SSL_CTX_set_alpn_select_cb(context->ctx, choose_http11, NULL);
        return context;
    }
    tls_context_release(context);
    return NULL;
}

void tls_context_hold(struct tls_context *context) { atomic_fetch_add(&context->holds, 1); }

void tls_context_release(struct tls_context *context) {
    if (!context) return;
    bool calls = context->calls;
    if (calls) pthread_mutex_lock(&shared_mutex); /* nobody finds it between its last release and its end */
    bool last = atomic_fetch_sub(&context->holds, 1) == 1;
    if (last && calls) list_remove(&context->node);
    if (calls) pthread_mutex_unlock(&shared_mutex);
    if (last) context_free(context);
}

/* -- one connection -------------------------------------------------------------------------------------------------
 */

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
    session->ssl = SSL_new(context->ctx);
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
    return returned == 1 ? tls_ok : result_of(session, returned);
}

bool tls_put_cipher(struct tls_session *session, struct str cipher) {
    return BIO_write(session->in, cipher.at, (int)cipher.len) == (int)cipher.len;
}

enum tls_result tls_take_plain(struct tls_session *session, char *buffer, size_t size, size_t *len) {
    ERR_clear_error();
    int returned = SSL_read(session->ssl, buffer, (int)size);
    *len = returned > 0 ? (size_t)returned : 0;
    return returned > 0 ? tls_ok : result_of(session, returned);
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
