/* serve.c - weir serve: opens the library, starts the gateway, waits for signals, drains, ends. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>
#ifdef __linux__
#include <sys/prctl.h>
#endif

#include "base/check.h"
#include "base/hash.h"
#include "base/memory.h"
#include "base/secret.h"
#include "cli/cli.h"
#include "cli/first_link.h"
#include "gateway/gateway.h"

struct serving {
    struct loop *control;
    struct weir *weir;
    struct gateway *gateway;
    struct simulated *simulated;
    struct first_link first_link;
    char state_dir[1024];
    struct timer drain_limit;
    struct letter *stop_letter; /* for who has drained; made at the start */
    bool draining;
    int lock;
};

static struct log_writer *log_of(const struct serving *serving) { return log_shared(serving->weir->reports.log); }

static void descriptors_raise(void) {
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
}

/* Not dumped, not traced, and /proc/PID/environ is root's: memory that nobody else may read holds credentials. Undone
 * by `core_dumps: true`. */
static void dumps_allow(bool allowed) {
#ifdef __linux__
    prctl(PR_SET_DUMPABLE, allowed, 0, 0, 0);
#else
    (void)allowed;
#endif
}

/* The environment holds keys too: it moves from where the kernel shows and dumps it to memory for secrets. Where there
 * is none of that it stays. Before any other thread. */
static void environment_hide(void) {
    size_t count = 0, size = 0;
    for (char **at = environ; at && *at; at++, count++) size += strlen(*at) + 1;
    char **pointers = secret_take((count + 1) * sizeof *pointers), *bytes = secret_take(size + 1);
    if (!pointers || !bytes) {
        secret_give(pointers);
        secret_give(bytes);
        return;
    }
    for (size_t i = 0; i < count; i++) {
        size_t len = strlen(environ[i]) + 1;
        pointers[i] = memcpy(bytes, environ[i], len);
        memory_wipe(environ[i], len);
        bytes += len;
    }
    pointers[count] = NULL;
    environ = pointers;
}

/* -- signals, reload, drain -- */

static void stop(struct serving *serving) {
    timer_cancel(serving->control, &serving->drain_limit);
    loop_stop(serving->control);
}

static void cli_serve_stop_run(void *context) { stop(context); }

/* On a worker's thread. */
static void drained(void *context) {
    struct serving *serving = context;
    loop_letter_post(serving->control, serving->stop_letter, cli_serve_stop_run, serving);
    serving->stop_letter = NULL;
}

/* Whoever has not read the last word by now does without it. */
static void words_over(void *context) { stop(context); }

static void drain_over(void *context) {
    const uint64_t words_ns = NS_PER_S;
    struct serving *serving = context;
    struct now now = loop_now(serving->control);
    log_warn(log_of(serving), now, "drain_timeout");
    gateway_shutdown(serving->gateway);
    timer_set(serving->control, &serving->drain_limit, now.mono_ns + words_ns, words_over, serving);
}

static void cli_serve_drain(void *context, const struct audit_who *who) {
    struct serving *serving = context;
    struct now now = loop_now(serving->control);
    struct error why = {.code = error_none};
    if (serving->draining) return;
    serving->draining = true;
    (void)library_audit(serving->weir, &(struct audit_entry){.action = audit_gateway_drain, .who = *who}, &why);
    log_info(log_of(serving), now, "draining");
    timer_set(serving->control, &serving->drain_limit, now.mono_ns + atomic_load(&serving->weir->drain_ns), drain_over,
              serving);
    gateway_drain(serving->gateway, drained, serving);
}

static void reload(void *context, const struct audit_who *who, struct weir_error *error, bool *done) {
    struct serving *serving = context;
    struct now now = loop_now(serving->control);
    struct error why = {.code = error_none};
    *done = library_reload(serving->weir, who, error) == 0;
    if (*done && !gateway_renew(serving->gateway, &why)) { /* between the check and now */
        library_error_set(error, why.code, str_from(why.message));
        *done = false;
    }
    if (*done && serving->weir->restart_for[0])
        log_warn(log_of(serving), now, "restart_needed", f_text("keys", serving->weir->restart_for));
    if (*done)
        log_info(log_of(serving), now, "reloaded");
    else
        log_error(log_of(serving), now, "reload_failed", f_text("said", error->message));
}

static void cli_serve_on_signal(void *context, int number) {
    struct serving *serving = context;
    struct weir_error error;
    const struct audit_who who = {number == SIGHUP   ? STR("signal SIGHUP")
                                  : number == SIGINT ? STR("signal SIGINT")
                                                     : STR("signal SIGTERM"),
                                  STR("process"), STR_NONE};
    bool done;
    if (number == SIGHUP)
        reload(serving, &who, &error, &done);
    else if (serving->draining)
        stop(serving); /* asked twice: now */
    else
        cli_serve_drain(serving, &who);
}

/* -- the start -- */

static void banner(struct serving *serving) {
    char address[256];
    const struct config_process *process = &serving->weir->config.process;
    struct str listen = process->listens[0].address;
    bool is_unix = str_starts(listen, STR("unix:")), tls = process->listens[0].cert_file.len > 0;
    size_t colon = listen.len;
    while (colon > 0 && listen.at[colon - 1] != ':') colon--;
    if (is_unix)
        str_copy(address, sizeof address, listen);
    else
        snprintf(address, sizeof address, "%s://%.*s%u", tls ? "https" : "http", STR_ARG(str_slice(listen, 0, colon)),
                 gateway_port(serving->gateway, 0));
    log_info(log_of(serving), loop_now(serving->control), "ready", f_text("address", address),
             f_text("version", weir_version()), f_u64("workers", serving->weir->worker_count),
             f_u64("providers", serving->weir->deployment->snapshot->provider_count),
             f_u64("port", gateway_port(serving->gateway, 0)), f_bool("simulated", serving->simulated != NULL));
    if (snapshot_is_simulated(serving->weir->deployment->snapshot))
        log_warn(log_of(serving), loop_now(serving->control), "simulated",
                 f_text("said", "all answers are simulated: there is no other provider"));
    if (!isatty(STDOUT_FILENO) || is_unix) return;
    printf("weir %s serves on %s\n", weir_version(), address);
    if (snapshot_is_simulated(serving->weir->deployment->snapshot))
        printf("All answers are simulated: set a provider's key, or write a configuration file.\n");
    if (snapshot_is_simulated(serving->weir->deployment->snapshot)) {
        char code[first_link_code_len + 1];
        first_link_make(&serving->first_link, clock_read().mono_ns, code);
        printf("\nTo begin, within the hour and once: %s/#first=%s\n", address, code);
        memory_wipe(code, sizeof code);
    }
    printf("\nTry:\n  curl %s/v1/chat/completions -H 'content-type: application/json' \\\n"
           "    -d '{\"model\":\"default\",\"messages\":[{\"role\":\"user\",\"content\":\"Hello\"}]}'\n\n"
           "Dashboard: %s/\nAdmin key: %s/admin.key\n",
           address, address, serving->state_dir);
    fflush(stdout);
}

static bool cli_serve_enter(void *context, struct str code, char *key, size_t size) {
    struct serving *serving = context;
    bool good = first_link_use(&serving->first_link, code, clock_read().mono_ns) &&
                state_admin_key_read(serving->state_dir, key, size);
    if (good) log_info(log_of(serving), clock_read(), "first_link_used");
    return good;
}

static bool cli_serve_run(struct serving *serving) {
    static const int signals[] = {SIGTERM, SIGINT, SIGHUP};
    struct error error = {.code = error_none};
    const struct gateway_options options = {.control = serving->control,
                                            .reload = reload,
                                            .drain = cli_serve_drain,
                                            .enter = cli_serve_enter,
                                            .context = serving};
    for (size_t i = 0; i < sizeof signals / sizeof *signals; i++)
        if (!loop_on_signal(serving->control, signals[i], cli_serve_on_signal, serving)) return false;
    /* Of one configuration: a ledger that comes now may bring another. */
    pthread_mutex_lock(&serving->weir->control);
    serving->gateway = gateway_start(serving->weir, &options, &error);
    if (serving->gateway) banner(serving);
    pthread_mutex_unlock(&serving->weir->control);
    if (!serving->gateway) {
        fprintf(stderr, "weir: %s\n", error.message);
        return false;
    }
    loop_run(serving->control);
    log_info(log_of(serving), clock_read(), "stopped");
    gateway_stop(serving->gateway);
    return true;
}

static struct log *crash_log;
static void on_crash(const char *text) {
    (void)text;
    if (crash_log) log_flush_crash(crash_log);
}

static int serve(struct serving *serving, const char *path) {
    char url[128] = "";
    char actor[cli_actor_max];
    struct weir_host host = weir_host_default;
    struct weir_error error;
    struct log_options log = {.fd = -1};
    struct config config;
    static char problems[64 * 1024];
    host.serves = true;
    host.ask = cli_passphrase_ask;
    host.who = (struct audit_who){cli_actor(actor), STR("process"), STR_NONE};
    host.simulated_base_url = STR("http://127.0.0.1:1/v1");
    bool checked = library_config_check(path, NULL, &host, &config, problems, sizeof problems);
    str_copy(serving->state_dir, sizeof serving->state_dir, config.process.state_dir);
    size_t protects = config.protects_count;
    memory_return_large();
    dumps_allow(checked && config.process.core_dumps);
    config_free(&config);
    if (problems[0]) fprintf(stderr, "%s\n", problems);
    if (!checked) return 2;
    if (protects) {
        fprintf(stderr, "weir: refusing to start: %zu key%s that protect are not available yet (above)\n", protects,
                str_plural(protects));
        return 2;
    }
    if ((serving->lock = state_lock(serving->state_dir)) < 0 ||
        !state_admin_key(serving->state_dir, &host.admin_key_hash))
        return 1;
    if (simulated_is_wanted(path) && !(serving->simulated = simulated_start(url, sizeof url))) return 1;
    const char *no_color = getenv("NO_COLOR");
    log_options_for(&log, STDERR_FILENO, no_color && *no_color);
    host.simulated_base_url = str_from(url);
    host.log = &log;
    host.keeps_marks = true;
    struct weir_options options = {.size = sizeof options, .config_path = path};
    serving->weir = library_open_in(&options, &host, &error);
    if (!serving->weir) {
        fprintf(stderr, "weir: %s\n", error.message);
        return 2;
    }
    crash_log = serving->weir->reports.log;
    check_report = on_crash;
    int status = cli_serve_run(serving) ? 0 : 1;
    crash_log = NULL;
    weir_close(serving->weir, 1000);
    return status;
}

int cli_serve(int argc, char **argv) {
    const char *given = NULL;
    char buffer[1024];
    int rest_count;
    bool simulated = false;
    const struct cli_option options[] = {CLI_CONFIG(&given), CLI_SIMULATED(&simulated)};
    int status = cli_options(argc, argv, options, 2, NULL, 0, &rest_count);
    if (status >= 0) return status;
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN); /* a full quota is an error of write, told to whoever asked */
    descriptors_raise();
    dumps_allow(false);
    struct serving serving = {.control = loop_new(), .stop_letter = loop_letter_new(), .lock = -1};
    if (!serving.control || !serving.stop_letter || !hash_start()) {
        fprintf(stderr, "weir: no memory or descriptors to start\n");
        return 1;
    }
    environment_hide();
    status = serve(&serving, simulated_instead(simulated, cli_config_path(given, buffer, sizeof buffer)));
    simulated_stop(serving.simulated);
    loop_letter_throw(serving.stop_letter);
    loop_free(serving.control);
    if (serving.lock >= 0) close(serving.lock);
    return status;
}
