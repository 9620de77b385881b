/* simulated.c - the built-in provider: the mock on a loop of its own inside this process, reached over loopback like
 * any other. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/hash.h"
#include "base/memory.h"
#include "cli/cli.h"
#include "gateway/gateway.h"
#include "mock/mock.h"

struct simulated {
    struct loop *loop;
    struct letter *stop_letter;
    struct mock *mock;
};

/* By the configuration as it stands, or without what was changed at run time: that may be taken back while it runs. */
bool simulated_is_wanted(const char *config_path) {
    struct weir_host host = weir_host_default;
    bool wanted = false;
    host.simulated_base_url = STR("http://127.0.0.1:1/v1");
    char overlay[overlay_path_max] = "", ledger[ledger_place_max] = "";
    for (int changes = 1; changes >= 0 && hash_start(); changes--) {
        struct config_ids ids = {NULL, 0, 0};
        struct config config;
        char problems[256];
        struct config_source source = {.path = config_path,
                                       .host = &host,
                                       .ids = &ids,
                                       .overlay_path = overlay,
                                       .ledger_place = ledger,
                                       .overlay_text = changes ? STR_NONE : STR("")};
        if (library_config_load(&source, &config, problems, sizeof problems))
            for (size_t i = 0; i < config.snapshot->provider_count; i++)
                wanted = wanted || config.snapshot->providers[i].simulated;
        config_free(&config);
        config_ids_free(&ids);
    }
    memory_wipe(ledger, sizeof ledger);
    return wanted;
}

const char *simulated_instead(bool asked, const char *config_path) {
    if (!asked) return config_path;
    setenv("ENABLE_PROVIDER_SYSTEM", "false", 1);
    return NULL;
}

void simulated_say(struct weir *weir) {
    pthread_mutex_lock(&weir->control);
    const bool is_simulated = snapshot_is_simulated(weir->deployment->snapshot);
    pthread_mutex_unlock(&weir->control);
    if (isatty(STDERR_FILENO) && is_simulated)
        fprintf(stderr, "weir: all answers are simulated: set a provider's key, or write a configuration file\n");
}

struct simulated *simulated_start(char *base_url, unsigned long size) {
    struct simulated *simulated = memory_take_zeroed(sizeof *simulated);
    struct error error = {.code = error_none};
    struct mock_options options = mock_options_default();
    options.rate = 100;
    options.listen = STR("127.0.0.1:0");
    options.control = false;
    options.lenient = true; /* it stands for any model of any vendor */
    if (!simulated || !(simulated->stop_letter = loop_letter_new()) || !(simulated->loop = loop_new())) {
        fprintf(stderr, "weir: no memory for the simulated provider\n");
        if (simulated) loop_letter_throw(simulated->stop_letter);
        memory_give(simulated);
        return NULL;
    }
    simulated->mock = mock_new(simulated->loop, &options, &error);
    if (!simulated->mock || !loop_start_thread(simulated->loop, "weir-simulated")) {
        fprintf(stderr, "weir: the simulated provider cannot start: %s\n", error.message);
        if (simulated->mock) mock_free(simulated->mock);
        loop_free(simulated->loop);
        loop_letter_throw(simulated->stop_letter);
        memory_give(simulated);
        return NULL;
    }
    snprintf(base_url, size, "http://127.0.0.1:%u/v1", mock_port(simulated->mock));
    return simulated;
}

static void cli_simulated_stop_run(void *context) {
    struct simulated *simulated = context;
    mock_free(simulated->mock);
    loop_stop(simulated->loop);
}

void simulated_stop(struct simulated *simulated) {
    if (!simulated) return;
    loop_letter_post(simulated->loop, simulated->stop_letter, cli_simulated_stop_run, simulated);
    loop_join(simulated->loop);
    loop_free(simulated->loop);
    memory_give(simulated);
}
