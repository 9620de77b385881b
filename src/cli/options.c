/* options.c - reading arguments, and where the configuration is. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"

static const struct cli_option *cli_option_find(const struct cli_option *options, int count, const char *argument,
                                                size_t len) {
    for (int i = 0; i < count; i++) {
        bool same = strlen(options[i].name) == len && strncmp(options[i].name, argument, len) == 0;
        bool other =
            options[i].other && strlen(options[i].other) == len && strncmp(options[i].other, argument, len) == 0;
        if (same || other) return &options[i];
    }
    return NULL;
}

int cli_options(int argc, char **argv, const struct cli_option *options, int option_count, const char **rest,
                int rest_max, int *rest_count) {
    *rest_count = 0;
    for (int i = 1; i < argc; i++) {
        const char *argument = argv[i];
        if (strcmp(argument, "--help") == 0 || strcmp(argument, "-h") == 0)
            return cli_usage(stdout, argv[0], options, option_count);
        if (argument[0] != '-' || strcmp(argument, "-") == 0) {
            if (*rest_count == rest_max) {
                fprintf(stderr, "weir %s: `%s` is one argument too many\n", argv[0], argument);
                return 2;
            }
            rest[(*rest_count)++] = argument;
            continue;
        }
        const char *equals = strncmp(argument, "--", 2) == 0 ? strchr(argument, '=') : NULL;
        size_t len = equals ? (size_t)(equals - argument) : strlen(argument);
        const struct cli_option *option = cli_option_find(options, option_count, argument, len);
        if (!option) {
            fprintf(stderr, "weir %s: unknown option `%s` (weir %s --help)\n", argv[0], argument, argv[0]);
            return 2;
        }
        if (option->flag) {
            *option->flag = true;
        } else if (equals) {
            *option->value = equals + 1;
        } else if (i + 1 < argc) {
            *option->value = argv[++i];
        } else {
            fprintf(stderr, "weir %s: %s needs a value\n", argv[0], argument);
            return 2;
        }
    }
    return -1;
}

const char *cli_config_path(const char *given, char *buffer, unsigned long size) {
    const char *from_environment = getenv("WEIR_CONFIG"), *home = getenv("XDG_CONFIG_HOME");
    if (given) return given;
    if (from_environment && *from_environment) return from_environment;
    if (access("weir.yaml", R_OK) == 0) return "weir.yaml";
    if (home && *home) {
        snprintf(buffer, size, "%s/weir/weir.yaml", home);
        if (access(buffer, R_OK) == 0) return buffer;
    }
    return access("/etc/weir/weir.yaml", R_OK) == 0 ? "/etc/weir/weir.yaml" : NULL;
}
