/* audit.c - weir audit: who changed what; is the chain of it whole; where it ends. Out of the state folder's ledger,
 * whether a gateway serves with it or not; of a gateway that is named, or on another machine, by its admin API. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "dialect/json.h"
#include "gateway/audit_query.h"
#include "runtime/weir_internal.h"
#include "weir.h"

enum { audit_text_most = 64 * 1024 * 1024 };

struct auditing {
    struct cli_gateway gateway;
    const char *state_dir, *since, *until, *limit, *head;
    bool json, csv;
    const char *action; /* list, head, verify */
};

/* -- what is shown -- */

static void audit_rows_print(const struct json_value *root) {
    size_t place = 0;
    for (const struct json_value *row; (row = json_each(json_member(root, "rows"), &place, NULL));) {
        struct str subject = json_str(json_member(row, "subject"), STR("")),
                   detail = json_str(json_member(row, "detail"), STR("")),
                   outcome = json_str(json_member(row, "outcome"), STR(""));
        printf("%6lld  %.19s  %-18.*s %-24.*s %-16.*s %.*s%s%.*s%s\n", (long long)json_i64(json_member(row, "seq"), 0),
               json_str(json_member(row, "time"), STR("")).at, STR_ARG(json_str(json_member(row, "action"), STR(""))),
               STR_ARG(json_str(json_member(row, "actor"), STR(""))),
               STR_ARG(json_str(json_member(row, "address"), STR(""))), STR_ARG(subject),
               subject.len && detail.len ? ": " : "", STR_ARG(detail),
               str_eq(outcome, STR("ok")) ? "" : " (it came to nothing)");
    }
    if (json_bool(json_member(root, "more"), false))
        printf("There are older ones: --limit, --since, or before=N of GET /admin/v1/audit\n");
}

static void audit_verdict_print(const struct json_value *root) {
    struct str head = json_str(json_member(root, "head"), STR(""));
    long long rows = json_i64(json_member(root, "rows"), 0), of = json_i64(json_member(root, "head_of"), 0);
    if (json_bool(json_member(root, "good"), false))
        printf("whole: %lld row%s; it ends in row %lld, head %.*s\n", rows, str_plural((uint64_t)rows),
               (long long)json_i64(json_member(root, "seq"), 0), STR_ARG(head));
    else
        printf("WRONG: %.*s\n", STR_ARG(json_str(json_member(root, "said"), STR(""))));
    if (of) printf("the head that was given is row %lld's\n", of);
    int64_t erased = json_i64(json_member(root, "erased"), 0);
    if (erased) printf("erased: %lld name%s\n", (long long)erased, str_plural((uint64_t)erased));
}

/* The exit status. */
static int audit_print(const struct auditing *auditing, const char *body) {
    const char *problem;
    size_t at;
    bool lists = strcmp(auditing->action, "list") == 0, good = true;
    struct json *json = auditing->csv ? NULL : cli_json_parse(str_from(body), &problem, &at);
    const struct json_value *root = json_root(json);
    if (strcmp(auditing->action, "verify") == 0) good = json_bool(json_member(root, "good"), false);
    if (auditing->csv)
        fputs(body, stdout);
    else if (auditing->json || (lists && !isatty(STDOUT_FILENO)))
        printf("%s\n", body);
    else if (lists)
        audit_rows_print(root);
    else if (strcmp(auditing->action, "head") == 0)
        printf("%.*s\n", STR_ARG(json_str(json_member(root, "head"), STR(""))));
    else
        audit_verdict_print(root);
    json_free(json);
    return good ? 0 : 1;
}

/* -- out of the folder, or by the gateway -- */

static int audit_alone(const struct auditing *auditing, const char *place, struct str query) {
    char shown[400], problem[400] = "";
    struct audit_asked asked;
    struct error error = {.code = error_none};
    struct arena arena;
    struct str wish = strcmp(auditing->action, "list") == 0 ? STR("") : str_from(auditing->action);
    if (!audit_query_read(wish, query, clock_read().wall_ns / (int64_t)NS_PER_MS, &asked, &error)) {
        fprintf(stderr, "weir audit: %s\n", error.message);
        return 2;
    }
    ledger_place_shown(place, shown, sizeof shown);
    struct ledger *ledger = ledger_open_beside(place, problem, sizeof problem);
    arena_init(&arena, 64 * 1024, audit_text_most);
    struct text text = text_in_arena(&arena, 16 * 1024);
    bool good = ledger && audit_asked_answer(&asked, ledger, &text);
    text_put_byte(&text, 0);
    int status = 1;
    if (good && !text.failed)
        status = audit_print(auditing, text.at);
    else
        fprintf(stderr, "weir audit: %s%s%s\n", ledger ? shown : problem, ledger ? ": " : "",
                ledger ? ledger_problem(ledger) : "");
    ledger_close(ledger);
    arena_free(&arena);
    return status;
}

static int audit_by_gateway(const struct auditing *auditing, struct str query) {
    char path[512];
    int status = 0, result = 1;
    bool lists = strcmp(auditing->action, "list") == 0;
    snprintf(path, sizeof path, "/admin/v1/audit%s%s%s%.*s", lists ? "" : "/", lists ? "" : auditing->action,
             query.len ? "?" : "", STR_ARG(query));
    char *body = cli_send("GET", &auditing->gateway, path, STR_NONE, &status);
    if (!body) return 1;
    result = status == 200 ? audit_print(auditing, body) : cli_print_failure(&auditing->gateway, status, body);
    weir_free(body);
    return result;
}

/* Where the ledger lies, unless a gateway was named. */
static bool audit_place_find(const struct auditing *auditing, char place[ledger_place_max]) {
    char buffer[1024];
    struct arena arena;
    struct config_where where;
    struct str problem;
    const char *url = auditing->gateway.url ? auditing->gateway.url : getenv("WEIR_URL");
    if (auditing->state_dir) ledger_place_of(str_from(auditing->state_dir), STR(""), place);
    if (auditing->state_dir || (url && *url)) return auditing->state_dir != NULL;
    arena_init(&arena, 4096, 1024 * 1024);
    bool found = library_config_where(cli_config_path(auditing->gateway.config, buffer, sizeof buffer), &arena, &where,
                                      &problem);
    if (found) ledger_place_of(where.state_dir, where.ledger, place);
    arena_wipe(&arena);
    arena_free(&arena);
    return found;
}

int cli_audit(int argc, char **argv) {
    struct auditing auditing = {.json = false};
    char buffer[384], place[ledger_place_max];
    int rest_count;
    const struct cli_option options[] = {
        CLI_GATEWAY(auditing.gateway),
        {"--state-dir", NULL, &auditing.state_dir, NULL, "DIR", "out of this state folder"},
        {"--since", NULL, &auditing.since, NULL, "TIME",
         "with list: 90m, 24h, 7d, 4w back from now, or a day: 2026-11-01"},
        {"--until", NULL, &auditing.until, NULL, "TIME", "with list: the same; up to now, as usual"},
        {"--limit", NULL, &auditing.limit, NULL, "N", "with list: the newest N (1000)"},
        {"--head", NULL, &auditing.head, NULL, "HASH", "with verify: an earlier head, which must stand in the chain"},
        CLI_JSON(&auditing.json),
        {"--csv", NULL, NULL, &auditing.csv, NULL, "with list: a table with commas, for a spreadsheet"}};
    const int count = sizeof options / sizeof *options;
    int status = cli_options(argc, argv, options, count, &auditing.action, 1, &rest_count);
    if (status >= 0) return status;
    bool lists = rest_count && strcmp(auditing.action, "list") == 0,
         verifies = rest_count && strcmp(auditing.action, "verify") == 0,
         heads = rest_count && strcmp(auditing.action, "head") == 0;
    bool list_only = auditing.since || auditing.until || auditing.limit || auditing.csv;
    if ((!lists && !verifies && !heads) || (list_only && !lists) || (auditing.head && !verifies))
        return cli_usage(stderr, argv[0], options, count);
    struct text query = TEXT_IN_STRING(buffer);
    cli_query_put(&query, "since", auditing.since);
    cli_query_put(&query, "until", auditing.until);
    cli_query_put(&query, "limit", auditing.limit);
    cli_query_put(&query, "head", auditing.head);
    if (auditing.csv) cli_query_put(&query, "format", "csv");
    if (query.failed || !hash_start()) {
        fprintf(stderr, "weir audit: an argument is too long\n");
        return 2;
    }
    struct str asked = str_slice(text_str(&query), 1, query.len); /* without its ? */
    if (audit_place_find(&auditing, place)) return audit_alone(&auditing, place, asked);
    return audit_by_gateway(&auditing, asked);
}
