/* tls.h - OpenSSL's contexts: process-wide, shared by loops, counted. Thread-safe. */
#ifndef WEIR_NET_TLS_H
#define WEIR_NET_TLS_H

#include "base/error.h"

struct tls_context;

/* Who chooses the hosts: sessions are resumed by host for providers, and not kept for what callers choose. */
enum tls_use { tls_for_providers, tls_for_callers };

/* For calling: verification on unless `insecure`; the system's roots unless `ca_file` (PEM). Reads files, so never on a
 * loop. One context for equal content and use; what the files say later is in the next one. */
struct tls_context *tls_client_context(struct str ca_file, bool insecure, enum tls_use use, struct error *error);
/* Never 0, never used twice: what was verified by contexts of other ids was verified by other roots. */
uint64_t tls_context_id(const struct tls_context *context);
/* For listening: PEM files. Never on a loop. */
struct tls_context *tls_server_context(struct str cert_file, struct str key_file, struct error *error);
/* The files again, or others: for connections from here on. false: *error, and nothing has changed. */
bool tls_server_context_renew(struct tls_context *context, struct str cert_file, struct str key_file,
                              struct error *error);
/* When the first certificate of a PEM file ends, in seconds since 1970. Reads it: never on a loop that serves. false:
 * it cannot be read, or holds none. */
bool tls_certificate_ends(struct str cert_file, int64_t *ends_s);
/* The same of what this host showed at its last whole handshake; false: there was none, or callers choose the hosts. */
bool tls_peer_ends(struct tls_context *context, struct str host, int64_t *ends_s);
void tls_context_hold(struct tls_context *context);
void tls_context_release(struct tls_context *context);

#endif
