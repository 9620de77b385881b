/* mock.c - weir mock: the fake provider as a program of its own. */
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "mock/mock.h"

struct running {
    struct loop *loop;
    struct mock *mock;
};

static void cli_mock_on_signal(void *context, int number) {
    struct running *running = context;
    (void)number;
    mock_free(running->mock);
    running->mock = NULL;
    loop_stop(running->loop);
}

static int help(void) {
    struct str name, value, sentence;
    printf("usage: weir mock [OPTION ...]\n\nA fake provider that speaks every API that weir speaks, with latency, "
           "rates and faults on demand.\n\n");
    for (size_t i = 0; mock_option_describe(i, &name, &value, &sentence); i++)
        printf("  --%.*s%s%-*.*s %.*s\n", STR_ARG(name), value.len ? " " : "",
               (int)(28 - name.len - (value.len ? 1 : 0)), STR_ARG(value), STR_ARG(sentence));
    printf("\nFaults (SPEC is NAME or NAME=N, then ,retry-after=S ,retry-after-ms=MS):\n\n");
    for (size_t i = 0; mock_fault_describe(i, &name, &value, &sentence); i++)
        printf("  %.*s%s%-*.*s %.*s\n", STR_ARG(name), value.len ? "=" : "", (int)(28 - name.len - (value.len ? 1 : 0)),
               STR_ARG(value), STR_ARG(sentence));
    printf("\nOne request can ask for its own: header `x-mock-fault: SPEC`, model `mock-fault-SPEC`, or a prompt that "
           "begins with\n"
           "`[mock fault=SPEC rate=20]`. GET /mock/requests shows what arrived; POST /mock/fault "
           "{\"spec\":SPEC,\"count\":N} sets the next.\n");
    return 0;
}

/* 0: go on; else the exit status + 1 */
static int cli_mock_options_read(int argc, char **argv, struct mock_options *options) {
    for (int i = 1; i < argc; i++) {
        struct str argument = str_from(argv[i]);
        struct error error = {.code = error_none};
        if (str_eq(argument, STR("--help")) || str_eq(argument, STR("-h"))) return help() + 1;
        size_t equals = str_find_byte(argument, '=');
        struct str name = str_slice(argument, 2, equals), value = STR("");
        if (!str_starts(argument, STR("--"))) {
            fprintf(stderr, "weir mock: `%s` is no option (weir mock --help)\n", argv[i]);
            return 3;
        }
        if (equals != SIZE_MAX)
            value = str_slice(argument, equals + 1, argument.len);
        else if (!mock_option_is_switch(name) && i + 1 < argc)
            value = str_from(argv[++i]);
        if (mock_options_set(options, name, value, mock_source_flag, &error)) continue;
        fprintf(stderr, "weir mock: %s\n", error.message);
        return 3;
    }
    return 0;
}

int cli_mock(int argc, char **argv) {
    struct mock_options options = mock_options_default();
    struct error error = {.code = error_none};
    int stop = cli_mock_options_read(argc, argv, &options);
    if (stop) return stop - 1;
    signal(SIGPIPE, SIG_IGN);
    struct running running = {.loop = loop_new()};
    running.mock = running.loop ? mock_new(running.loop, &options, &error) : NULL;
    if (!running.mock) {
        fprintf(stderr, "weir mock: %s\n", running.loop ? error.message : "no memory or descriptors to start");
        if (running.loop) loop_free(running.loop);
        return 1;
    }
    bool ready = loop_on_signal(running.loop, SIGTERM, cli_mock_on_signal, &running) &&
                 loop_on_signal(running.loop, SIGINT, cli_mock_on_signal, &running);
    struct str listen = options.listen;
    size_t colon = listen.len;
    while (colon > 0 && listen.at[colon - 1] != ':') colon--;
    if (str_starts(listen, STR("unix:")))
        printf("weir mock listens on %.*s\n", STR_ARG(listen));
    else
        printf("weir mock listens on http://%.*s%u/v1\n", STR_ARG(str_slice(listen, 0, colon)),
               mock_port(running.mock));
    fflush(stdout);
    if (ready) loop_run(running.loop);
    mock_free(running.mock);
    loop_free(running.loop);
    return ready ? 0 : 1;
}
