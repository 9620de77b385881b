/* gateway.c - starting, draining and stopping the servers of all workers. */
#include "gateway/gateway.h"

#include "base/memory.h"
#include "gateway/inference.h"

static struct server_limits limits_of(struct weir *weir) {
    const struct config_process *process = &weir->config.process;
    return (struct server_limits){.body_bytes_max = weir->deployment->snapshot->body_bytes_max,
                                  .head_timeout_ns = process->header_timeout_ns,
                                  .body_timeout_ns = process->body_timeout_ns,
                                  .idle_timeout_ns = process->idle_timeout_ns,
                                  .write_timeout_ns = process->write_timeout_ns,
                                  .connections_max = process->connections_max,
                                  .connections = &weir->connections,
                                  .heads = &weir->strangers};
}

struct starting {
    struct gateway_worker *gateway_worker;
    struct server_limits limits;
    struct latch *latch;
    struct error error;
    bool started;
};

static size_t callers_count(void *context) {
    const struct gateway_worker *gateway_worker = context;
    return gateway_worker->server ? server_connections(gateway_worker->server) : 0;
}

static void start_run(void *context) {
    struct starting *starting = context;
    struct gateway_worker *gateway_worker = starting->gateway_worker;
    struct gateway *gateway = gateway_worker->gateway;
    gateway_worker->server = server_new(gateway_worker->worker->loop, &starting->limits, &gate_handler, gateway_worker);
    gateway_worker->worker->callers = callers_count;
    gateway_worker->worker->callers_context = gateway_worker;
    starting->started = gateway_worker->server != NULL;
    for (size_t i = 0; i < gateway->address_count && starting->started; i++)
        starting->started =
            server_listen(gateway_worker->server, gateway->addresses[i], gateway->contexts[i], &starting->error);
    latch_down(starting->latch);
}

static bool addresses_open(struct gateway *gateway, struct error *error) {
    const struct config_process *process = &gateway->weir->config.process;
    for (size_t i = 0; i < process->listen_count; i++) {
        const struct config_listen *listen = &process->listens[i];
        if (listen->cert_file.len) {
            gateway->contexts[i] = tls_server_context(listen->cert_file, listen->key_file, error);
            if (!gateway->contexts[i]) return false;
        }
        gateway->addresses[i] = listen_address_new(listen->address, error);
        if (!gateway->addresses[i]) return false;
        str_copy(gateway->listens[i], sizeof gateway->listens[i], listen->address);
        gateway->address_count++;
    }
    return true;
}

struct gateway *gateway_start(struct weir *weir, const struct gateway_options *options, struct error *error) {
    struct gateway *gateway = memory_take_zeroed(sizeof *gateway);
    if (!gateway) {
        error_set(error, error_out_of_memory, "No memory for the gateway.");
        return NULL;
    }
    gateway->weir = weir;
    gateway->options = *options;
    gateway->metrics_public = weir->config.process.metrics_public;
    gateway->workers = memory_take_zeroed(weir->worker_count * sizeof *gateway->workers);
    if (!gateway->workers || !addresses_open(gateway, error)) {
        gateway_stop(gateway);
        return NULL;
    }
    for (unsigned i = 0; i < weir->worker_count; i++) {
        struct latch latch;
        struct starting starting = {.gateway_worker = &gateway->workers[i], .limits = limits_of(weir), .latch = &latch};
        starting.gateway_worker->gateway = gateway;
        starting.gateway_worker->worker = &weir->workers[i];
        known_keys_init(&starting.gateway_worker->known_keys);
        starting.gateway_worker->drain_letter = loop_letter_new();
        starting.gateway_worker->stop_letter = loop_letter_new();
        error_set(&starting.error, error_out_of_memory, "No memory for the gateway.");
        latch_init(&latch, 1);
        if (starting.gateway_worker->drain_letter && starting.gateway_worker->stop_letter &&
            loop_post(weir->workers[i].loop, start_run, &starting))
            latch_wait(&latch);
        latch_free(&latch);
        if (starting.started) continue;
        if (error) *error = starting.error;
        gateway_stop(gateway);
        return NULL;
    }
    return gateway;
}

/* The addresses are those of the start: another one, or TLS where there was none, needs another start. */
bool gateway_renew(struct gateway *gateway, struct error *error) {
    struct weir *weir = gateway->weir;
    bool fine = true;
    pthread_mutex_lock(&weir->control);
    const struct config_process *process = &weir->config.process;
    for (size_t i = 0; i < gateway->address_count; i++)
        for (size_t n = 0; n < process->listen_count && gateway->contexts[i]; n++) {
            const struct config_listen *listen = &process->listens[n];
            if (!str_eq(listen->address, str_from(gateway->listens[i])) || listen->cert_file.len == 0) continue;
            fine = tls_server_context_renew(gateway->contexts[i], listen->cert_file, listen->key_file, error) && fine;
        }
    pthread_mutex_unlock(&weir->control);
    return fine;
}

uint16_t gateway_port(const struct gateway *gateway, size_t n) {
    return n < gateway->address_count ? listen_address_port(gateway->addresses[n]) : 0;
}

/* -- ends -- */

static void gate_drained(void *context) {
    struct gateway_worker *gateway_worker = context;
    struct gateway *gateway = gateway_worker->gateway;
    if (atomic_fetch_sub(&gateway->draining_workers, 1) == 1 && gateway->drained)
        gateway->drained(gateway->drained_context);
}

static void gateway_drain_run(void *context) {
    struct gateway_worker *gateway_worker = context;
    server_drain(gateway_worker->server, gate_drained, gateway_worker);
}

void gateway_drain(struct gateway *gateway, void (*drained)(void *context), void *context) {
    if (atomic_exchange(&gateway->draining, true)) return;
    gateway->drained = drained;
    gateway->drained_context = context;
    atomic_store(&gateway->draining_workers, gateway->weir->worker_count);
    for (unsigned i = 0; i < gateway->weir->worker_count; i++) {
        struct gateway_worker *gateway_worker = &gateway->workers[i];
        struct letter *letter = gateway_worker->drain_letter;
        gateway_worker->drain_letter = NULL;
        if (!loop_letter_post(gateway_worker->worker->loop, letter, gateway_drain_run, gateway_worker))
            gate_drained(gateway_worker); /* it has stopped */
    }
}

static void gateway_shutdown_run(void *context) { worker_shutdown(context); }

void gateway_shutdown(struct gateway *gateway) {
    for (unsigned i = 0; i < gateway->weir->worker_count; i++) /* without memory for it they are cut off */
        (void)!loop_post(gateway->workers[i].worker->loop, gateway_shutdown_run, gateway->workers[i].worker);
}

struct stopping {
    struct gateway_worker *gateway_worker;
    struct latch *latch;
};

static void gateway_stop_run(void *context) {
    struct stopping *stopping = context;
    if (stopping->gateway_worker->server) server_free(stopping->gateway_worker->server);
    stopping->gateway_worker->server = NULL;
    stopping->gateway_worker->worker->callers = NULL;
    latch_down(stopping->latch);
}

void gateway_stop(struct gateway *gateway) {
    for (unsigned i = 0; gateway->workers && i < gateway->weir->worker_count; i++) {
        struct latch latch;
        struct stopping stopping = {&gateway->workers[i], &latch};
        struct gateway_worker *gateway_worker = &gateway->workers[i];
        loop_letter_throw(gateway_worker->drain_letter);
        if (!gateway_worker->server) {
            loop_letter_throw(gateway_worker->stop_letter);
            continue;
        }
        latch_init(&latch, 1);
        if (loop_letter_post(gateway_worker->worker->loop, gateway_worker->stop_letter, gateway_stop_run, &stopping))
            latch_wait(&latch);
        latch_free(&latch);
    }
    for (size_t i = 0; i < config_listens_max; i++) {
        listen_address_free(gateway->addresses[i]);
        tls_context_release(gateway->contexts[i]);
    }
    for (unsigned i = 0; gateway->workers && i < gateway->weir->worker_count; i++)
        known_tokens_free(gateway->workers[i].known_tokens);
    memory_give(gateway->workers);
    memory_give(gateway);
}
