/* tls.h - OpenSSL's contexts: process-wide, shared by loops, counted. Thread-safe. */
#ifndef WEIR_NET_TLS_H
#define WEIR_NET_TLS_H

#include "base/error.h"

struct tls_context;

/* For calling: verification on unless `insecure`; the system's roots unless `ca_file`; sessions are resumed by host. */
struct tls_context *tls_client_context(struct str ca_file, bool insecure, struct error *error);
/* For listening: PEM files. */
struct tls_context *tls_server_context(struct str cert_file, struct str key_file, struct error *error);
void tls_context_hold(struct tls_context *context);
void tls_context_release(struct tls_context *context);

#endif
