/* erase.c - weir usage export and purge: all that is kept of one client, to be read or taken from its name. On the
 * state folder, whether a gateway serves with it or not: the databases keep writers apart. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "cli/past.h"
#include "store/ledger_erase.h"
#include "store/response_db.h"

enum { erase_path_max = 1100 };

struct erasing {
    const char *config, *given, *client;
    bool purges, json;
    char state_dir[1000], place[ledger_place_max], problem[700];
};

bool cli_erase_named(const char *word) { return strcmp(word, "export") == 0 || strcmp(word, "purge") == 0; }

static bool erase_audit(struct erasing *erasing, enum audit_action action) {
    char actor[cli_actor_max];
    struct error error = {.code = error_none};
    const struct audit_entry entry = {
        .action = action, .who = {cli_actor(actor), STR("cli"), STR_NONE}, .subject = str_from(erasing->client)};
    bool good = library_audit_alone(erasing->place, &entry, &error);
    if (!good) snprintf(erasing->problem, sizeof erasing->problem, "%s", error.message);
    return good;
}

/* NULL: there is none, or *problem says why it cannot be opened. */
static struct response_db *erase_responses(struct erasing *erasing) {
    char path[erase_path_max];
    snprintf(path, sizeof path, "%s/responses.db", erasing->state_dir);
    return access(path, F_OK) == 0 ? response_db_open(path, erasing->problem, sizeof erasing->problem) : NULL;
}

static bool erase_line_print(void *context, struct str line) {
    (void)context;
    return fwrite(line.at, 1, line.len, stdout) == line.len;
}

static bool client_export(struct erasing *erasing, struct ledger *ledger, struct response_db *responses) {
    struct str client = str_from(erasing->client);
    bool good = ledger_export(ledger, client, erase_line_print, NULL);
    if (!good) snprintf(erasing->problem, sizeof erasing->problem, "%s", ledger_problem(ledger));
    return good && (!responses || response_db_export(responses, client, erase_line_print, NULL, erasing->problem,
                                                     sizeof erasing->problem));
}

static bool client_purge(struct erasing *erasing, struct ledger *ledger, struct response_db *responses) {
    struct str client = str_from(erasing->client);
    struct erased_told told;
    int64_t now_ms = clock_read().wall_ns / (int64_t)NS_PER_MS, stored = 0, words = 0;
    bool good = ledger_erase(ledger, client, now_ms, &told, erasing->problem, sizeof erasing->problem);
    if (good && responses) stored = response_db_purge(responses, client, erasing->problem, sizeof erasing->problem);
    good = good && stored >= 0;
    if (good && (words = audit_erase(ledger, client)) < 0) {
        snprintf(erasing->problem, sizeof erasing->problem, "%s", ledger_problem(ledger));
        good = false;
    }
    if (good && erasing->json)
        printf("{\"tombstone\":\"%s\",\"attempts\":%lld,\"hours\":%lld,\"responses\":%lld,\"audit_names\":%lld}\n",
               told.tombstone, (long long)told.attempts, (long long)told.sums, (long long)stored, (long long)words);
    else if (good)
        printf(
            "purged: %lld attempts and %lld sums of hours are those of `%s` now, %lld stored responses are gone\n"
            "not covered: backups, logs that were written, and what a running gateway still shows by `weir explain`\n",
            (long long)told.attempts, (long long)told.sums, told.tombstone, (long long)stored);
    return good;
}

static bool erase_do(struct erasing *erasing) {
    if (!ledger_is_there(erasing->place)) {
        snprintf(erasing->problem, sizeof erasing->problem, "%.500s: there is no ledger", erasing->place);
        return false;
    }
    /* The row first; the purge takes the name from it too. */
    if (!erase_audit(erasing, erasing->purges ? audit_client_purge : audit_client_export)) return false;
    struct ledger *ledger = ledger_open(erasing->place, erasing->problem, sizeof erasing->problem);
    struct response_db *responses = ledger ? erase_responses(erasing) : NULL;
    bool good =
        ledger && !erasing->problem[0] && (erasing->purges ? client_purge : client_export)(erasing, ledger, responses);
    response_db_close(responses);
    ledger_close(ledger);
    return good;
}

int cli_erase(int argc, char **argv) {
    struct erasing erasing = {.purges = false};
    const char *action = NULL;
    int rest_count;
    const struct cli_option options[] = {
        CLI_CONFIG(&erasing.config),
        {"--client", NULL, &erasing.client, NULL, "NAME", "whose records"},
        {"--state-dir", NULL, &erasing.given, NULL, "DIR", "this state folder, whatever the configuration says"},
        CLI_JSON(&erasing.json)};
    int status = cli_options(argc, argv, options, 4, &action, 1, &rest_count);
    if (status >= 0) return status;
    if (rest_count != 1 || !erasing.client || !*erasing.client) {
        fprintf(stderr, "usage: weir usage export|purge --client NAME [--state-dir DIR]\n");
        return 2;
    }
    erasing.purges = strcmp(action, "purge") == 0;
    if (hash_start() &&
        cli_folder_find(erasing.config, erasing.given, erasing.state_dir, sizeof erasing.state_dir, erasing.place,
                        erasing.problem, sizeof erasing.problem) &&
        erase_do(&erasing))
        return 0;
    fprintf(stderr, "weir usage %s: %s\n", action, erasing.problem);
    return 1;
}
