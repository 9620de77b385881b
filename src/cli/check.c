/* check.c - weir check and weir version. */
#include <stdio.h>

#include "base/hash.h"
#include "cli/cli.h"
#include "gateway/gateway.h"

int cli_version(int argc, char **argv) {
    int rest_count, status = cli_options(argc, argv, NULL, 0, NULL, 0, &rest_count);
    if (status >= 0) return status;
    printf("weir %s\n", weir_version());
    return 0;
}

int cli_check(int argc, char **argv) {
    static char problems[64 * 1024];
    const char *given = NULL;
    char buffer[1024];
    int rest_count;
    const struct cli_option options[] = {CLI_CONFIG(&given)};
    int status = cli_options(argc, argv, options, 1, NULL, 0, &rest_count);
    if (status >= 0) return status;
    if (!hash_start()) return 2;
    const char *path = cli_config_path(given, buffer, sizeof buffer);
    struct weir_host host = weir_host_default;
    struct config config;
    host.serves = true;
    host.only_checks = true;
    host.simulated_base_url = STR("http://127.0.0.1:1/v1");
    library_config_check(path, NULL, &host, &config, problems, sizeof problems);
    if (problems[0]) printf("%s\n", problems);
    size_t errors = config.error_count, later = config.not_available_count, protects = config.protects_count;
    if (errors)
        fprintf(stderr, "%zu error%s\n", errors, str_plural(errors));
    else if (protects)
        fprintf(stderr, "`weir serve` refuses to start with it: %zu key%s that protect are not available yet\n",
                protects, str_plural(protects));
    else
        fprintf(stderr, "%s: fine%s\n", path ? path : "environment",
                later ? ", with features that are not available yet" : "");
    config_free(&config);
    return errors || protects ? 2 : 0;
}
