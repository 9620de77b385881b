/* catalog.c - weir catalog: which one is used, and a newer one in its place. On the files, whether a gateway runs or
 * not. */
#include <stdio.h>
#include <string.h>

#include "base/hash.h"
#include "cli/cli.h"
#include "runtime/weir_catalog.h"

static void catalog_print(const struct catalog_told *told) {
    printf("%s%s%s: %zu kind%s of provider, %zu model%s\n", told->from[0] ? told->from : "built-in",
           told->day[0] ? ", of " : "", told->day, told->providers, str_plural(told->providers), told->models,
           str_plural(told->models));
}

static int catalog_fails(const char *problems) {
    fprintf(stderr, "%s\n", problems);
    return 2;
}

static int catalog_update(const char *path, const char *file, const struct audit_who *who) {
    static char problems[64 * 1024];
    struct catalog_told told;
    if (!library_catalog_take(path, file, who, &told, problems, sizeof problems)) {
        fprintf(stderr, "%s\nweir catalog: nothing was changed\n", problems);
        return 2;
    }
    catalog_print(&told);
    printf("each start takes it from now on, and `weir reload` in a gateway that runs\n");
    return 0;
}

static int catalog_reset(const char *path, const struct audit_who *who) {
    char problems[1024] = "";
    bool was;
    if (!library_catalog_drop(path, who, &was, problems, sizeof problems)) return catalog_fails(problems);
    printf(was ? "dropped: each start takes the built-in one from now on, and `weir reload` in a gateway that runs\n"
               : "none had been taken\n");
    return 0;
}

int cli_catalog(int argc, char **argv) {
    static char problems[64 * 1024];
    const char *given = NULL, *rest[2] = {NULL, NULL};
    char buffer[1024], actor[cli_actor_max];
    int rest_count;
    struct catalog_told told;
    const struct audit_who who = {cli_actor(actor), STR("cli"), STR_NONE};
    const struct cli_option options[] = {CLI_CONFIG(&given)};
    int status = cli_options(argc, argv, options, 1, rest, 2, &rest_count);
    if (status >= 0) return status;
    const char *path = cli_config_path(given, buffer, sizeof buffer);
    if (!hash_start()) return 1;
    if (rest_count == 2 && strcmp(rest[0], "update") == 0) return catalog_update(path, rest[1], &who);
    if (rest_count == 1 && strcmp(rest[0], "reset") == 0) return catalog_reset(path, &who);
    if (rest_count) return cli_usage(stderr, argv[0], options, 1);
    bool known = library_catalog_tell(path, &told, problems, sizeof problems);
    if (!known) return catalog_fails(problems);
    if (problems[0]) fprintf(stderr, "%s\n", problems); /* warnings */
    catalog_print(&told);
    return 0;
}
