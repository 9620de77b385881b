/* backup.c - weir backup and weir restore: a state folder in one file, whether a gateway serves with it or not, and
 * back into a folder that nobody has. Both work on the folder itself: nothing of a gateway has to answer for it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "runtime/weir_backup.h"
#include "runtime/weir_internal.h"

static bool backup_folder_find(const char *config, const char *given, char *state_dir, size_t size) {
    char buffer[1024];
    struct arena arena;
    struct config_where where;
    struct str problem = STR("");
    if (given) str_copy(state_dir, size, str_from(given));
    if (given) return true;
    arena_init(&arena, 4096, 1024 * 1024);
    bool found = library_config_where(cli_config_path(config, buffer, sizeof buffer), &arena, &where, &problem);
    if (found)
        str_copy(state_dir, size, where.state_dir);
    else
        fprintf(stderr, "weir backup: where the state folder is cannot be told: %.*s\n", STR_ARG(problem));
    bool in_folder = found && !where.ledger.len;
    if (found && !in_folder)
        fprintf(stderr,
                "weir backup: the ledger lies in PostgreSQL, and not in the state folder: pg_dump copies it, and "
                "`cp -a` the folder while no gateway has it\n");
    arena_wipe(&arena);
    arena_free(&arena);
    return in_folder;
}

int cli_backup(int argc, char **argv) {
    const char *config = NULL, *given = NULL, *file = NULL;
    char state_dir[1000], problem[1600], actor[cli_actor_max];
    struct backup_told told;
    int rest_count;
    const struct cli_option options[] = {
        CLI_CONFIG(&config),
        {"--state-dir", NULL, &given, NULL, "DIR", "this state folder, whatever the configuration says"}};
    int status = cli_options(argc, argv, options, 2, &file, 1, &rest_count);
    if (status >= 0) return status;
    if (rest_count != 1) return cli_usage(stderr, argv[0], options, 2);
    const struct audit_who who = {cli_actor(actor), STR("cli"), STR_NONE};
    if (!hash_start() || !backup_folder_find(config, given, state_dir, sizeof state_dir)) return 2;
    if (!library_backup(state_dir, file, &who, &told, problem, sizeof problem)) {
        fprintf(stderr, "%sweir backup: %s\n", told.said, problem);
        return 1;
    }
    fputs(told.said, stderr);
    printf("%s: %zu part%s of %s, %lld bytes\n", file, told.parts, str_plural(told.parts), state_dir,
           (long long)told.bytes);
    return 0;
}

int cli_restore(int argc, char **argv) {
    const char *given = NULL, *file = NULL;
    char problem[2400], actor[cli_actor_max];
    bool force = false;
    struct backup_told told;
    int rest_count;
    const struct cli_option options[] = {
        {"--state-dir", NULL, &given, NULL, "DIR", "the state folder to restore, which no gateway has"},
        {"--force", NULL, NULL, &force, NULL, "replaces the state that is there"}};
    int status = cli_options(argc, argv, options, 2, &file, 1, &rest_count);
    if (status >= 0) return status;
    if (rest_count != 1 || !given) return cli_usage(stderr, argv[0], options, 2);
    const struct audit_who who = {cli_actor(actor), STR("cli"), STR_NONE};
    if (!hash_start()) return 1;
    int lock = state_lock_to_restore(given);
    if (lock < 0) return 1;
    bool good = library_restore(file, given, force, &who, &told, problem, sizeof problem);
    close(lock);
    if (!good) {
        fprintf(stderr, "weir restore: %s\n", problem);
        return 1;
    }
    printf("%s: %zu part%s, %lld bytes, checked and restored\n", given, told.parts, str_plural(told.parts),
           (long long)told.bytes);
    char key[1100];
    snprintf(key, sizeof key, "%.1000s/master.key", given);
    if (told.vault && access(key, F_OK) != 0)
        printf("The vault opens with the master key it had: put master.key there, or set WEIR_MASTER_KEY.\n");
    return 0;
}
