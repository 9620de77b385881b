/* main.c - finds the command, and lists them. */
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"

static int main_usage(FILE *out, int status) {
    fprintf(out, "usage: weir COMMAND ...\n\n");
    for (size_t i = 0; i < cli_command_count; i++)
        fprintf(out, "  weir %-10s %s\n", cli_commands[i].name, cli_commands[i].summary);
    fprintf(out, "\n`weir COMMAND --help` tells its arguments and options.\n");
    return status;
}

static bool is_help(const char *argument) { return strcmp(argument, "--help") == 0 || strcmp(argument, "-h") == 0; }

int main(int argc, char **argv) {
    if (argc < 2) return main_usage(stderr, 2);
    const struct cli_command *command = cli_command_find(argv[1]);
    if (command) return command->run(argc - 1, argv + 1);
    if (is_help(argv[1]) || strcmp(argv[1], "help") == 0) return main_usage(stdout, 0);
    if (strcmp(argv[1], "--version") == 0) return cli_version(1, argv);
    fprintf(stderr, "weir: unknown command `%s`\n", argv[1]);
    return main_usage(stderr, 2);
}
