/* erase.c - weir usage export and purge: all that is kept of one client, or of an owner's, to be read or taken from its
 * name. On the
 * state folder, whether a gateway serves with it or not: the databases keep writers apart. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "cli/past.h"
#include "store/conversation_db.h"
#include "store/ledger_erase.h"

enum { erase_path_max = 1100 };

enum { erase_clients_most = 100000 };

struct erasing {
    const char *config, *given, *client, *owner;
    bool purges, json;
    struct arena arena;
    struct str *clients; /* whose records it is about */
    size_t client_count, room;
    struct text left; /* clients of the owner's that had others: JSON strings */
    size_t left_count;
    struct erased_told told; /* of all */
    int64_t stored;
    bool any; /* something was kept */
    char state_dir[1000], place[ledger_place_max], problem[700];
};

static bool erase_audit(struct erasing *erasing, enum audit_action action) {
    char actor[cli_actor_max];
    struct error error = {.code = error_none};
    const struct audit_entry entry = {.action = action,
                                      .who = {cli_actor(actor), STR("cli"), STR_NONE},
                                      .subject = str_from(erasing->owner ? erasing->owner : erasing->client)};
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
    struct erasing *erasing = context;
    erasing->any = true;
    return fwrite(line.at, 1, line.len, stdout) == line.len;
}

/* Turns of its conversations, page by page. */
static bool erase_turns_print(struct erasing *erasing, struct str client, struct response_db *responses) {
    struct arena arena;
    bool good = true, more = true;
    arena_init(&arena, 64 * 1024, 512 * 1024 * 1024);
    for (int64_t after = 0; good && more;) {
        struct text text = text_in_arena(&arena, 64 * 1024);
        good = conversation_db_lines(responses, client, STR(""), &after, 1024 * 1024, &text, erasing->problem,
                                     sizeof erasing->problem) == stored_found;
        more = good && text.len;
        if (more) good = erase_line_print(erasing, text_str(&text));
        arena_reset(&arena);
    }
    arena_free(&arena);
    return good;
}

static bool client_export(struct erasing *erasing, struct str client, struct ledger *ledger,
                          struct response_db *responses) {
    bool good = ledger_export(ledger, client, erase_line_print, erasing);
    if (!good) snprintf(erasing->problem, sizeof erasing->problem, "%s", ledger_problem(ledger));
    return good && (!responses || (response_db_export(responses, client, erase_line_print, erasing, erasing->problem,
                                                      sizeof erasing->problem) &&
                                   erase_turns_print(erasing, client, responses)));
}

static bool client_purge(struct erasing *erasing, struct str client, struct ledger *ledger,
                         struct response_db *responses) {
    struct erased_told told;
    int64_t now_ms = clock_read().wall_ns / (int64_t)NS_PER_MS, stored = 0, words = 0;
    bool good = ledger_erase(ledger, client, now_ms, &told, erasing->problem, sizeof erasing->problem);
    if (good && responses) stored = response_db_purge(responses, client, erasing->problem, sizeof erasing->problem);
    good = good && stored >= 0;
    if (good && (words = audit_erase(ledger, client)) < 0) {
        snprintf(erasing->problem, sizeof erasing->problem, "%s", ledger_problem(ledger));
        good = false;
    }
    if (!good) return false;
    str_copy(erasing->told.tombstone, sizeof erasing->told.tombstone, str_from(told.tombstone));
    erasing->told.attempts += told.attempts;
    erasing->told.sums += told.sums;
    erasing->told.audit_names += words;
    erasing->stored += stored;
    erasing->any = erasing->any || told.attempts || told.sums || stored;
    return true;
}

/* Its own name last: what fails before can be begun again by it. */
static bool owner_purge(struct erasing *erasing, struct ledger *ledger) {
    struct erased_told told;
    int64_t now_ms = clock_read().wall_ns / (int64_t)NS_PER_MS;
    if (!ledger_erase_owner(ledger, str_from(erasing->owner), now_ms, &told, erasing->problem, sizeof erasing->problem))
        return false;
    str_copy(erasing->told.tombstone, sizeof erasing->told.tombstone, str_from(told.tombstone));
    erasing->told.audit_names += told.audit_names;
    return true;
}

/* -- whose -- */

static bool erase_client_add(void *context, struct str client, bool alone) {
    struct erasing *erasing = context;
    if (!alone) {
        if (erasing->left_count++) text_put(&erasing->left, STR(", "));
        text_put_json(&erasing->left, client);
        return true;
    }
    if (erasing->client_count == erasing->room) {
        size_t room = erasing->room ? erasing->room * 2 : 64;
        struct str *clients =
            room <= 2 * erase_clients_most ? arena_take(&erasing->arena, room * sizeof *clients) : NULL;
        if (!clients) return false;
        for (size_t i = 0; i < erasing->client_count; i++) clients[i] = erasing->clients[i];
        erasing->clients = clients;
        erasing->room = room;
    }
    struct str *kept = &erasing->clients[erasing->client_count++];
    *kept = arena_copy(&erasing->arena, client);
    return kept->at != NULL;
}

static bool erase_clients_find(struct erasing *erasing, struct ledger *ledger) {
    erasing->left = text_in_arena(&erasing->arena, 256);
    bool good = erasing->owner ? ledger_owner_clients(ledger, str_from(erasing->owner), erase_client_add, erasing)
                               : erase_client_add(erasing, str_from(erasing->client), true);
    if (!good || erasing->left.failed)
        snprintf(erasing->problem, sizeof erasing->problem, "the clients cannot be told: %s", ledger_problem(ledger));
    return good && !erasing->left.failed;
}

static void erase_tell(const struct erasing *erasing) {
    const struct erased_told *told = &erasing->told;
    const struct str left = text_str(&erasing->left);
    if (erasing->json) {
        printf("{\"tombstone\":\"%s\",\"attempts\":%lld,\"hours\":%lld,\"responses\":%lld,\"audit_names\":%lld",
               told->tombstone, (long long)told->attempts, (long long)told->sums, (long long)erasing->stored,
               (long long)told->audit_names);
        if (erasing->owner) printf(",\"clients\":%zu,\"left\":[%.*s]", erasing->client_count, STR_ARG(left));
        printf("}\n");
        return;
    }
    if (erasing->owner) printf("%zu clients of `%s`\n", erasing->client_count, erasing->owner);
    printf(
        "purged: %lld attempts and %lld sums of hours are those of `%s` now, %lld stored responses and turns are gone\n"
        "not covered: backups, logs that were written, and what a running gateway still shows by `weir explain`\n",
        (long long)told->attempts, (long long)told->sums, erasing->client_count > 1 ? "(erased ...)" : told->tombstone,
        (long long)erasing->stored);
}

/* true: all of it is done. */
static bool erase_each(struct erasing *erasing, struct ledger *ledger, struct response_db *responses) {
    bool good = erase_clients_find(erasing, ledger);
    for (size_t i = 0; i < erasing->client_count && good; i++)
        good = (erasing->purges ? client_purge : client_export)(erasing, erasing->clients[i], ledger, responses);
    if (good && erasing->purges && erasing->owner) good = owner_purge(erasing, ledger);
    if (good && erasing->purges) erase_tell(erasing);
    if (good && !erasing->any && !erasing->left_count)
        fprintf(stderr, "weir: nothing was kept of %s `%s`: is the name written as the configuration has it?\n",
                erasing->owner ? "the owner" : "the client", erasing->owner ? erasing->owner : erasing->client);
    if (!good || !erasing->left_count) return good;
    snprintf(erasing->problem, sizeof erasing->problem,
             "left as they are, as they have been other owners' too: %.*s (each by --client)",
             STR_ARG(str_slice(text_str(&erasing->left), 0, 500)));
    return false;
}

static bool erase_do(struct erasing *erasing) {
    if (!ledger_is_there(erasing->place)) {
        snprintf(erasing->problem, sizeof erasing->problem, "%.500s: there is no ledger", erasing->place);
        return false;
    }
    /* The row first; the purge takes the name from it too. */
    const enum audit_action actions[2][2] = {{audit_client_export, audit_client_purge},
                                             {audit_owner_export, audit_owner_purge}};
    if (!erase_audit(erasing, actions[erasing->owner != NULL][erasing->purges])) return false;
    struct ledger *ledger = ledger_open(erasing->place, erasing->problem, sizeof erasing->problem);
    struct response_db *responses = ledger ? erase_responses(erasing) : NULL;
    bool good = ledger && !erasing->problem[0] && erase_each(erasing, ledger, responses);
    response_db_close(responses);
    ledger_close(ledger);
    return good;
}

int cli_erase(int argc, char **argv) {
    struct erasing erasing = {.purges = false};
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
    erasing.purges = strcmp(argv[0], "usage purge") == 0;
    arena_init(&erasing.arena, 16 * 1024, 64 * 1024 * 1024);
    bool done = hash_start() &&
                cli_folder_find(erasing.config, erasing.given, erasing.state_dir, sizeof erasing.state_dir,
                                erasing.place, erasing.problem, sizeof erasing.problem) &&
                erase_do(&erasing);
    arena_free(&erasing.arena);
    if (done) return 0;
    fprintf(stderr, "weir %s: %s\n", argv[0], erasing.problem);
    return 1;
}
