/* gateway.h - the HTTP face: a server on each worker's loop, in front of an open weir. */
#ifndef WEIR_GATEWAY_GATEWAY_H
#define WEIR_GATEWAY_GATEWAY_H

#include "net/server.h"
#include "net/tls.h"
#include "runtime/weir_internal.h"

struct gateway;

struct gateway_options {
    struct loop *control; /* where reload and drain asked for over HTTP run; its thread may block */
    void (*reload)(void *context, const struct audit_who *who, struct weir_error *error, bool *done);
    void (*drain)(void *context, const struct audit_who *who);
    /* The admin key, for the code of a first start's link; on `control`. NULL: there is none. */
    bool (*enter)(void *context, struct str code, char *key, size_t size);
    void *context;
};

/* Opens the configured addresses and serves on all workers. NULL: *error. From the control thread. */
struct gateway *gateway_start(struct weir *weir, const struct gateway_options *options, struct error *error);
/* The port of the n-th address; 0: none, or a unix socket. */
uint16_t gateway_port(const struct gateway *gateway, size_t n);
/* No new connections, /readyz fails; `drained` runs on a worker's thread when the last connection has gone. */
/* The certificates of the listeners, read again from where the configuration has them now: for connections from here
 * on. Control thread. false: *error; the listener at which it was found keeps what it has. */
bool gateway_renew(struct gateway *gateway, struct error *error);
void gateway_drain(struct gateway *gateway, void (*drained)(void *context), void *context);
/* A drain has lasted as long as it may: what is under way is answered with that, streams by an error event. */
void gateway_shutdown(struct gateway *gateway);
/* Closes what is left and frees. Before weir_close. From the control thread. */
void gateway_stop(struct gateway *gateway);

#endif
