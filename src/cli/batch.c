/* batch.c - weir batch: a batch file through the library, with a progress bar where somebody looks. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/batch_show.h"
#include "cli/cli.h"
#include "runtime/weir_internal.h"

static volatile sig_atomic_t interrupted;

static void on_interrupt(int number) {
    (void)number;
    if (interrupted) _exit(130); /* asked twice */
    interrupted = 1;
}

struct showing {
    bool terminal, quiet;
    double told_s;
};

static int on_progress(void *user, const struct weir_batch_progress *at) {
    struct showing *showing = user;
    if (showing->terminal && !showing->quiet) {
        char bar[256];
        struct text text = text_in_buffer(bar, sizeof bar);
        batch_bar_put(at, &text);
        fprintf(stderr, "\r%.*s\033[K", STR_ARG(text_str(&text)));
    } else if (!showing->quiet && at->seconds - showing->told_s >= 5) {
        showing->told_s = at->seconds;
        fprintf(stderr, "weir: %llu of %llu line%s, %llu failed\n", (unsigned long long)at->done,
                (unsigned long long)at->total, str_plural(at->total), (unsigned long long)at->failed);
    }
    return interrupted;
}

static int cli_batch_run(struct weir *weir, struct weir_batch_options *options, bool quiet, bool json) {
    struct weir_batch_progress progress = {.size = sizeof progress};
    struct weir_error error;
    struct showing showing = {.terminal = isatty(STDERR_FILENO), .quiet = quiet};
    options->progress = on_progress;
    options->user = &showing;
    signal(SIGINT, on_interrupt);
    signal(SIGTERM, on_interrupt);
    int done = weir_batch(weir, options, &progress, &error);
    if (showing.terminal && !quiet) fprintf(stderr, "\n");
    if (done != 0) fprintf(stderr, "weir: %s\n", error.message);
    char summary[512];
    struct text text = text_in_buffer(summary, sizeof summary);
    batch_summary_put(&progress, json, &text);
    if (progress.total && !quiet) printf("%.*s\n", STR_ARG(text_str(&text)));
    return done != 0 || progress.failed ? 1 : 0;
}

int cli_batch(int argc, char **argv) {
    const char *config = NULL, *out = NULL, *in = NULL, *parallel = NULL, *tries = NULL;
    bool quiet = false, json = false, simulates = false;
    int rest_count;
    char path[1024], base_url[256] = "";
    const struct cli_option options[] = {
        CLI_CONFIG(&config),
        CLI_SIMULATED(&simulates),
        {"--output", "-o", &out, NULL, "FILE", "where the answers go; OUT.jsonl.partial holds what is finished"},
        {"--parallel", NULL, &parallel, NULL, "N", "lines under way at once, at most"},
        {"--tries", NULL, &tries, NULL, "N", "attempts at a line, in all"},
        {"--quiet", "-q", NULL, &quiet, NULL, "no progress and no summary"},
        {"--json", NULL, NULL, &json, NULL, "the summary as JSON"},
    };
    enum { option_count = sizeof options / sizeof *options };
    int status = cli_options(argc, argv, options, option_count, &in, 1, &rest_count);
    if (status >= 0) return status;
    struct weir_batch_options batch = {.size = sizeof batch, .in_path = in, .out_path = out};
    long parallel_max = parallel ? strtol(parallel, NULL, 10) : 0, tries_max = tries ? strtol(tries, NULL, 10) : 0;
    if (rest_count != 1 || !out || parallel_max < 0 || parallel_max > 10000 || tries_max < 0 || tries_max > 100)
        return cli_usage(stderr, argv[0], options, option_count);
    batch.parallel = (unsigned)parallel_max;
    batch.tries = (unsigned)tries_max;
    const char *config_path = simulated_instead(simulates, cli_config_path(config, path, sizeof path));
    struct simulated *simulated = simulated_is_wanted(config_path) ? simulated_start(base_url, sizeof base_url) : NULL;
    struct weir_host host = weir_host_default;
    host.ask = cli_passphrase_ask;
    struct weir_error error;
    host.simulated_base_url = str_from(base_url);
    struct weir_options opening = {.size = sizeof opening, .config_path = config_path};
    struct weir *weir = library_open_in(&opening, &host, &error);
    int result = 2;
    if (weir) simulated_say(weir);
    if (weir)
        result = cli_batch_run(weir, &batch, quiet, json);
    else
        fprintf(stderr, "weir: %s\n", error.message);
    weir_close(weir, 0);
    if (simulated) simulated_stop(simulated);
    return result;
}
