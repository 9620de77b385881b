/* main.c - the command table. */
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"

static const struct {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *usage;
} commands[] = {
    {"serve", cli_serve, "serve    [-c FILE]             run the gateway"},
    {"check", cli_check,
     "check    [-c FILE]             check a configuration: every problem as FILE:LINE:COL: message"},
    {"ask", cli_ask,
     "ask      [-m MODEL] [-s] TEXT  one prompt, in-process, without a server (-s streams; - reads stdin)"},
    {"batch", cli_batch, "batch    IN.jsonl -o OUT.jsonl  a batch file, in-process; goes on where it was stopped"},
    {"status", cli_status, "status   [--json]              providers and counters of a running gateway"},
    {"explain", cli_explain, "explain  REQUEST_ID            every decision taken for one request"},
    {"route", cli_route, "route    [-m MODEL]            what would be chosen now, without sending anything"},
    {"provider", cli_provider,
     "provider list|add|update|remove|drain|resume|maintenance|probe|reset NAME [key=value ...]"},
    {"mock", cli_mock, "mock     [--listen ADDR] ...   a fake provider with fault injection (weir mock --help)"},
    {"version", cli_version, "version"},
};

static int main_usage(FILE *out, int status) {
    fprintf(out, "usage: weir COMMAND ...\n\n");
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) fprintf(out, "  weir %s\n", commands[i].usage);
    fprintf(out, "\nCommands that talk to a running gateway take --url (WEIR_URL) and --admin-key (WEIR_ADMIN_KEY).\n");
    return status;
}

static bool is_help(const char *argument) { return strcmp(argument, "--help") == 0 || strcmp(argument, "-h") == 0; }

int main(int argc, char **argv) {
    if (argc < 2) return main_usage(stderr, 2);
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
        if (strcmp(argv[1], commands[i].name) != 0) continue;
        bool own_help = commands[i].run == cli_mock || commands[i].run == cli_provider;
        if (argc == 3 && !own_help && is_help(argv[2])) return main_usage(stdout, 0);
        return commands[i].run(argc - 1, argv + 1);
    }
    if (is_help(argv[1]) || strcmp(argv[1], "help") == 0) return main_usage(stdout, 0);
    if (strcmp(argv[1], "--version") == 0) return cli_version(argc - 1, argv + 1);
    fprintf(stderr, "weir: unknown command `%s`\n", argv[1]);
    return main_usage(stderr, 2);
}
