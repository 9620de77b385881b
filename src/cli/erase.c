/* erase.c - weir usage export and purge: all that is kept of one client, or of an owner's, to be read or taken from its
 * name. On the state folder, whether a gateway serves with it or not (runtime/erasure.h). */
#include <stdio.h>
#include <string.h>

#include "cli/past.h"
#include "runtime/erasure.h"

struct erasing {
    const char *config, *given, *client, *owner;
    bool json;
    struct erasure erasure;
    char state_dir[1000], place[ledger_place_max];
};

static bool erase_audit(struct erasing *erasing, enum audit_action action) {
    char actor[cli_actor_max];
    struct error error = {.code = error_none};
    const struct audit_entry entry = {.action = action,
                                      .who = {cli_actor(actor), STR("cli"), STR_NONE},
                                      .subject = str_from(erasing->owner ? erasing->owner : erasing->client)};
    bool good = library_audit_alone(erasing->place, &entry, &error);
    if (!good) snprintf(erasing->erasure.problem, sizeof erasing->erasure.problem, "%s", error.message);
    return good;
}

static bool erase_lines_print(void *context, struct str lines) {
    (void)context;
    return fwrite(lines.at, 1, lines.len, stdout) == lines.len;
}

static void erase_json_print(const struct erasure *erasure) {
    struct arena arena;
    arena_init(&arena, 4096, 64 * 1024 * 1024);
    struct text text = text_in_arena(&arena, 1024);
    erasure_tell(erasure, &text);
    if (!text.failed) printf("%.*s\n", STR_ARG(text_str(&text)));
    arena_free(&arena);
}

static void erase_tell(const struct erasing *erasing) {
    const struct erasure *erasure = &erasing->erasure;
    const struct erased_told *told = &erasure->told;
    if (erasing->json) {
        erase_json_print(erasure);
        return;
    }
    if (erasing->owner)
        printf("%zu client%s of `%s`\n", erasure->client_count, str_plural(erasure->client_count), erasing->owner);
    printf(
        "purged: now of `%s`: %lld attempt%s and %lld sum%s of hours; gone: %lld stored response%s and turns\n"
        "not covered: backups, logs that were written, and what a running gateway still remembers for `weir explain` "
        "and of cached answers (POST /admin/v1/purge takes that too)\n",
        erasure->client_count > 1 ? "(erased ...)" : told->tombstone, (long long)told->attempts,
        str_plural((uint64_t)told->attempts), (long long)told->sums, str_plural((uint64_t)told->sums),
        (long long)erasure->stored, str_plural((uint64_t)erasure->stored));
}

static bool erase_do(struct erasing *erasing) {
    struct erasure *erasure = &erasing->erasure;
    if (!ledger_is_there(erasing->place)) {
        snprintf(erasure->problem, sizeof erasure->problem, "%.500s: there is no ledger", erasing->place);
        return false;
    }
    /* The row first; the purge takes the name from it too. */
    const enum audit_action actions[2][2] = {{audit_client_export, audit_client_purge},
                                             {audit_owner_export, audit_owner_purge}};
    if (!erase_audit(erasing, actions[erasing->owner != NULL][erasure->purges])) return false;
    bool good = erasure_run(erasure);
    if (good && erasure->purges) erase_tell(erasing);
    if (good && !erasure->any && !erasure->left_count)
        fprintf(stderr, "weir: nothing was kept of %s `%s`: is the name written as the configuration has it?\n",
                erasing->owner ? "the owner" : "the client", erasing->owner ? erasing->owner : erasing->client);
    if (!good || !erasure->left_count) return good;
    snprintf(erasure->problem, sizeof erasure->problem,
             "left as they are, as they have been other owners' too: %.*s (each by --client)",
             STR_ARG(str_slice(text_str(&erasure->left), 0, 500)));
    return false;
}

int cli_erase(int argc, char **argv) {
    struct erasing erasing = {.json = false};
    struct erasure *erasure = &erasing.erasure;
    int rest_count;
    const struct cli_option options[] = {
        CLI_CONFIG(&erasing.config),
        {"--client", NULL, &erasing.client, NULL, "NAME", "whose records"},
        {"--owner", NULL, &erasing.owner, NULL, "NAME", "of all its clients, and of those of owners in it"},
        {"--state-dir", NULL, &erasing.given, NULL, "DIR", "this state folder, whatever the configuration says"},
        CLI_JSON(&erasing.json)};
    enum { count = sizeof options / sizeof *options };
    int status = cli_options(argc, argv, options, count, NULL, 0, &rest_count);
    if (status >= 0) return status;
    const char *name = erasing.client ? erasing.client : erasing.owner;
    if (!name || !*name || (erasing.client && erasing.owner)) return cli_usage(stderr, argv[0], options, count);
    *erasure = (struct erasure){.state_dir = erasing.state_dir,
                                .place = erasing.place,
                                .client = str_from(erasing.client ? erasing.client : ""),
                                .owner = str_from(erasing.owner ? erasing.owner : ""),
                                .purges = strcmp(argv[0], "usage purge") == 0,
                                .put = erase_lines_print};
    bool done = hash_start() &&
                cli_folder_find(erasing.config, erasing.given, erasing.state_dir, sizeof erasing.state_dir,
                                erasing.place, erasure->problem, sizeof erasure->problem) &&
                erase_do(&erasing);
    erasure_free(erasure);
    if (done) return 0;
    fprintf(stderr, "weir %s: %s\n", argv[0], erasure->problem);
    return 1;
}
