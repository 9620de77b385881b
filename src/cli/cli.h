/* cli.h - the subcommands, and what they share. Exit status: 0 done, 1 failed, 2 bad usage or configuration. */
#ifndef WEIR_CLI_CLI_H
#define WEIR_CLI_CLI_H

#include <stdbool.h>
#include <stdio.h>

#include "base/hash.h"
#include "base/text.h"
#include "snapshot/entries.h"

int cli_serve(int argc, char **argv);
int cli_check(int argc, char **argv);
int cli_catalog(int argc, char **argv);
int cli_ask(int argc, char **argv);
int cli_batch(int argc, char **argv);
int cli_status(int argc, char **argv);
int cli_explain(int argc, char **argv);
int cli_route(int argc, char **argv);
int cli_reload(int argc, char **argv);
int cli_drain(int argc, char **argv);
int cli_usage_command(int argc, char **argv);
int cli_provider(int argc, char **argv);
int cli_key(int argc, char **argv);
int cli_client(int argc, char **argv);
int cli_budget(int argc, char **argv);
/* entry.c: routes, rules, owners, templates and budgets of the configuration. Is the word one of its own: add, change,
 * ... ? */
int cli_entry(int argc, char **argv, enum entry_kind kind);
bool cli_entry_named(enum entry_kind kind, const char *word);
void cli_entry_forms(FILE *out, enum entry_kind kind);
int cli_rule(int argc, char **argv);
int cli_owner(int argc, char **argv);
int cli_template(int argc, char **argv);
int cli_audit(int argc, char **argv);
int cli_backup(int argc, char **argv);
int cli_restore(int argc, char **argv);
/* erase.c: weir usage export|purge, which argv[0] says: `usage purge`. */
int cli_erase(int argc, char **argv);
int cli_conversation(int argc, char **argv);
int cli_alert(int argc, char **argv);
int cli_cache(int argc, char **argv);
int cli_health(int argc, char **argv);
int cli_events(int argc, char **argv);
int cli_mock(int argc, char **argv);
int cli_version(int argc, char **argv);

/* commands.c: the commands as a table. */
struct cli_command {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *arguments, *summary;
};
extern const struct cli_command cli_commands[];
extern const size_t cli_command_count;
/* NULL: there is none. */
const struct cli_command *cli_command_find(const char *name);

/* What a command's first word names: `usage`, `recost`. Runs with its whole name as argv[0]. NULL: no such part. */
const struct cli_command *cli_part_find(const char *command, const char *word);

/* Options as a table: a value option takes the next argument (or --name=value); a flag sets true. What is no option is
 * collected in order. -1: go on; else the exit status: the usage was asked for, or a message was printed. */
struct cli_option {
    const char *name, *other; /* "--json", "-j"; other may be NULL */
    const char **value;       /* one of value and flag */
    bool *flag;
    const char *takes, *means; /* what the value is, "FILE" (NULL: a flag); what the option is for */
};
int cli_options(int argc, char **argv, const struct cli_option *options, int option_count, const char **rest,
                int rest_max, int *rest_count);

/* A command's usage out of both tables. Answers the exit status: 0 on standard output, where it was asked for, else 2.
 */
int cli_usage(FILE *out, const char *name, const struct cli_option *options, int option_count);
/* Options of several commands. */
#define CLI_CONFIG(into) \
    { "--config", "-c", into, NULL, "FILE", "the configuration, in place of WEIR_CONFIG and ./weir.yaml" }
/* Where a running gateway is: three options of each command that asks one. */
#define CLI_GATEWAY(gateway)                                                                                  \
    CLI_CONFIG(&(gateway).config),                                                                            \
        {"--url", NULL, &(gateway).url, NULL, "URL", "the gateway, in place of WEIR_URL and of `listen`"}, {  \
        "--admin-key", NULL, &(gateway).key, NULL, "KEY", "in place of WEIR_ADMIN_KEY and the state folder's" \
    }
#define CLI_SIMULATED(into) \
    { "--simulated", NULL, NULL, into, NULL, "simulated answers, whatever file and keys there are" }
#define CLI_JSON(into) \
    { "--json", NULL, NULL, into, NULL, "JSON, as the gateway says it" }

/* -c, WEIR_CONFIG, ./weir.yaml, $XDG_CONFIG_HOME/weir/weir.yaml, /etc/weir/weir.yaml; NULL: the environment alone. */
const char *cli_config_path(const char *given, char *buffer, unsigned long size);

/* What was said of where the gateway is; NULL: nothing. */
struct cli_gateway {
    const char *config, *url, *key;
};
/* Where that is, and from where that is known: --url, WEIR_URL, or FILE:LINE:COLUMN of `listen`; STATE_DIR/admin.key.
 */
struct cli_place {
    char url[600], key_text[256];
    char from[640], key_from[1200];
    bool unverified; /* a listener of this machine's, whose certificate names another host */
};
/* place.c: by options, variables, else the configuration that `serve` would read. false: a message was printed. */
bool cli_place_find(const struct cli_gateway *gateway, struct cli_place *place);

/* A request to a running gateway, with a JSON body unless it is empty; prints an error and answers NULL when there is
 * no gateway. The reply's body is the caller's: weir_free. */
char *cli_send(const char *method, const struct cli_gateway *gateway, const char *path, struct str body, int *status);
/* GET whose body has no end: a good reply's goes to `tell` in pieces as they come; what is answered is that of another
 * one, or empty. */
char *cli_follow(const struct cli_gateway *gateway, const char *path, void (*tell)(void *context, struct str piece),
                 void *context, int *status);
/* `?name=value`, `&name=value` behind it, the value escaped for this place. NULL: nothing is added. */
void cli_query_put(struct text *path, const char *name, const char *value);
/* terminal.c: as json_parse, of what is shown to people: no text in it steers a terminal. */
struct json;
struct json *cli_json_parse(struct str text, const char **problem, size_t *at);
/* terminal.c: a stranger's text, whole where it is read by a program, and without what steers a terminal on one. */
void cli_text_put(FILE *file, struct str text);
/* The same without, wherever it goes. */
void cli_text_tame_put(FILE *file, struct str text);
/* What an error reply says, on standard error; answers 1, the exit status. */
int cli_print_failure(const struct cli_gateway *gateway, int status, const char *body);

/* secret.c: a secret from standard input, from a terminal without showing it; trimmed, and ended by NUL. false: there
 * is none, or it is too long, and a message with what it is was printed. */
bool cli_secret_read(const char *command, const char *prompt, const char *what, char *into, unsigned long size);
/* For the vault's passphrase, as weir_host's `ask`: on the terminal, once in a process. */
bool cli_passphrase_ask(void *context, char *into, unsigned long size);

/* state.c: who runs this command, `uid 1000 (name)`, for the audit. */
enum { cli_actor_max = 64 };
struct str cli_actor(char into[cli_actor_max]);

/* state.c: the state folder, made if need be, is one process's and no other user's; what others could read is mended
 * and said. The lock's descriptor; -1: a message was printed. */
int state_lock(const char *state_dir);
/* The same, also where a restore was cut short. */
int state_lock_to_restore(const char *state_dir);
/* Does a process serve with it now? */
bool state_is_owned(const char *state_dir);
/* Of STATE_DIR/admin.key, made at the first start. false: a message was printed. */
bool state_admin_key(const char *state_dir, struct sha256 *hash);
/* The key itself, for who wipes it afterwards. */
bool state_admin_key_read(const char *state_dir, char *key, size_t size);

/* The built-in provider on a thread of its own. NULL: a message was printed. */
struct simulated;
struct weir;
struct simulated *simulated_start(char *base_url, unsigned long size);
void simulated_stop(struct simulated *simulated);
/* For --simulated: NULL, and the environment asks for it; else the path as it is. Before any other thread. */
const char *simulated_instead(bool asked, const char *config_path);
/* On the terminal, where all answers will be simulated. */
void simulated_say(struct weir *weir);
/* Does this configuration use it? */
bool simulated_is_wanted(const char *config_path);

#endif
