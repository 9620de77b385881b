/* commands.c - the commands, as one table: what main.c runs, what the usages say, what docs/commands.md lists. */
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/past.h"

const struct cli_command cli_commands[] = {
    {"serve", cli_serve, "", "run the gateway"},
    {"check", cli_check, "", "check a configuration: every problem as FILE:LINE:COL: message"},
    {"ask", cli_ask, "TEXT", "one prompt, in-process, without a server; - reads standard input"},
    {"batch", cli_batch, "IN.jsonl -o OUT.jsonl", "a batch file, in-process; goes on where it was stopped"},
    {"status", cli_status, "", "providers, locks and counters of a running gateway"},
    {"explain", cli_explain, "REQUEST_ID", "every decision taken for one request (the x-weir-request-id of a reply)"},
    {"route", cli_route, "[MODEL|TEXT]|list|ACTION [MODEL] [key=value ...]",
     "what would be chosen now, without sending anything; routes and their strategies, and changing them"},
    {"rule", cli_rule, "list|ACTION [NAME] [key=value ...]", "what changes a request's route, and changing that"},
    {"owner", cli_owner, "list|ACTION [NAME] [key=value ...]",
     "who owns clients, with what limits and budgets, and changing that"},
    {"template", cli_template, "list|ACTION [NAME] [key=value ...]",
     "what clients that name one get, and changing that for all of them"},
    {"usage", cli_usage_command, "", "what was spent, by provider, model, client, route, day or hour"},
    {"provider", cli_provider, "list|ACTION [NAME] [key=value ...]", "look at providers, and change them at run time"},
    {"key", cli_key, "list|ACTION [PROVIDER[/NAME]]", "providers' credentials in the vault, encrypted at rest"},
    {"client", cli_client, "list|ACTION [NAME] [key=value ...]",
     "who has a key: look at clients, and make and change them"},
    {"conversation", cli_conversation, "list|show ID|export [ID]|purge [ID] --client NAME",
     "chat turns that are kept of a client: look at them, take them out, remove them"},
    {"catalog", cli_catalog, "[update FILE|reset]", "which catalogue of models and prices is used; take a newer one"},
    {"budget", cli_budget, "list|raise|credit|reset|ACTION [NAME] [key=value ...]",
     "what may be spent in each window, and what was; change it"},
    {"audit", cli_audit, "list|verify|head", "who changed what, when and from where; is the chain of it whole"},
    {"backup", cli_backup, "FILE", "the state folder in one file, while a gateway serves with it"},
    {"restore", cli_restore, "FILE --state-dir DIR",
     "a backup, checked whole, into a state folder that no gateway has"},
    {"cache", cli_cache, "stats|purge", "the response cache: how full it is, and taking answers out of it"},
    {"alert", cli_alert, "list [--active]", "what somebody should know of: quotas, budgets, credentials, providers"},
    {"health", cli_health, "history [NAME]", "how providers were: what probes found, and what changed"},
    {"events", cli_events, "", "what happens, as it happens: providers, locks, alerts, changes"},
    {"reload", cli_reload, "", "as SIGHUP: reads the configuration again, and says what waits for a restart"},
    {"drain", cli_drain, "", "as SIGTERM: takes nothing new, and ends when what is under way has ended"},
    {"mock", cli_mock, "", "a fake provider with fault injection"},
    {"version", cli_version, "", "which one this is"},
};
const size_t cli_command_count = sizeof cli_commands / sizeof *cli_commands;

/* Commands of two words, with options of their own. */
static const struct cli_command cli_parts[] = {
    {"usage recost", cli_recost, "--since TIME",
     "past attempts priced anew, by the configuration's prices and the newest catalogue, beside what they did cost"},
    {"usage replay", cli_replay, "--config OTHER.yaml",
     "past requests under another configuration, beside what they did cost; nothing is sent or written"},
    {"usage export", cli_erase, "--client NAME|--owner NAME",
     "all that is kept of a client, or of an owner's, as JSON, a line each"},
    {"usage purge", cli_erase, "--client NAME|--owner NAME",
     "takes a client's name and words out of all that is kept, for good; amounts and times stay"},
};
enum { cli_part_count = sizeof cli_parts / sizeof *cli_parts };

const struct cli_command *cli_command_find(const char *name) {
    for (size_t i = 0; i < cli_command_count; i++)
        if (strcmp(cli_commands[i].name, name) == 0) return &cli_commands[i];
    return NULL;
}

/* The second word; NULL: it is no part of this command. */
static const char *cli_part_word(const struct cli_command *part, const char *command) {
    size_t len = strlen(command);
    return strncmp(part->name, command, len) == 0 && part->name[len] == ' ' ? part->name + len + 1 : NULL;
}

const struct cli_command *cli_part_find(const char *command, const char *word) {
    for (size_t i = 0; i < cli_part_count; i++) {
        const char *own = cli_part_word(&cli_parts[i], command);
        if (own && strcmp(own, word) == 0) return &cli_parts[i];
    }
    return NULL;
}

static const struct cli_command *cli_command_or_part(const char *name) {
    for (size_t i = 0; i < cli_part_count; i++)
        if (strcmp(cli_parts[i].name, name) == 0) return &cli_parts[i];
    return cli_command_find(name);
}

static void cli_parts_say(FILE *out, const char *name) {
    bool any = false;
    for (size_t i = 0; i < cli_part_count; i++) {
        if (!cli_part_word(&cli_parts[i], name)) continue;
        fprintf(out, "%s  weir %-15s %s\n", any ? "" : "\nBeside it, each with a --help of its own:\n",
                cli_parts[i].name, cli_parts[i].summary);
        any = true;
    }
}

int cli_usage(FILE *out, const char *name, const struct cli_option *options, int option_count) {
    const struct cli_command *command = cli_command_or_part(name);
    fprintf(out, "usage: weir %s%s%s%s\n", name, *command->arguments ? " " : "", command->arguments,
            option_count ? " [OPTION ...]" : "");
    if (out == stdout) printf("\n%s\n", command->summary);
    for (int i = 0; i < option_count; i++) {
        char head[64];
        const struct cli_option *option = &options[i];
        snprintf(head, sizeof head, "%s%s%s%s%s", option->name, option->other ? ", " : "",
                 option->other ? option->other : "", option->takes ? " " : "", option->takes ? option->takes : "");
        fprintf(out, "%s  %-24s %s\n", i ? "" : "\n", head, option->means);
    }
    cli_parts_say(out, name);
    return out == stdout ? 0 : 2;
}
