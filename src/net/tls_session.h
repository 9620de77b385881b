/* tls_session.h - TLS over bytes in memory: ciphertext in and out, plaintext out and in. Sans-IO; stream.c moves the
 * bytes. */
#ifndef WEIR_NET_TLS_SESSION_H
#define WEIR_NET_TLS_SESSION_H

#include "base/str.h"
#include "net/tls.h"

struct tls_session;

/* For a client context: host is for SNI, verification and session resumption. NULL: out of memory. */
struct tls_session *tls_session_new(struct tls_context *context, struct str host);
void tls_session_free(struct tls_session *session);

enum tls_result { tls_ok, tls_want_more, tls_closed /* close_notify */, tls_failed };

/* Drives the handshake; tls_ok once it is up. Call again after each tls_put_cipher. */
enum tls_result tls_handshake(struct tls_session *session);
/* Ciphertext from the peer. false: out of memory. */
bool tls_put_cipher(struct tls_session *session, struct str cipher);
/* Plaintext into the buffer; tls_ok with *len > 0, or why not. */
enum tls_result tls_take_plain(struct tls_session *session, char *buffer, size_t size, size_t *len);
/* Does it hold ciphertext of which no plaintext has been made yet, as a rule the beginning of a record? */
bool tls_has_part(const struct tls_session *session);
/* Encrypts; the ciphertext waits to be taken. false: failed. */
bool tls_put_plain(struct tls_session *session, struct str plain);
/* Ciphertext for the peer; answers its length, 0: none. */
size_t tls_take_cipher(struct tls_session *session, char *buffer, size_t size);
/* Queues a close_notify. */
void tls_end(struct tls_session *session);
/* "certificate verify failed: certificate has expired". Borrowed. */
struct str tls_failure_text(const struct tls_session *session);

#endif
