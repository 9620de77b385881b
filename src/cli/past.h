/* past.h - what `weir usage recost` and `weir usage replay` have in common: the ledger of a state folder, and a
 * configuration to look at it by. */
#ifndef WEIR_CLI_PAST_H
#define WEIR_CLI_PAST_H

#include "cli/cli.h"
#include "runtime/past_price.h"
#include "runtime/weir_internal.h"

struct past_view {
    struct config config; /* by which the attempts are looked at */
    struct config_ids ids;
    struct past_prices prices;
    struct past_question question;
    bool owned; /* a gateway serves with the state folder */
    char state_dir[1000];
    char place[ledger_place_max]; /* of its ledger */
    struct ledger *ledger;
};

/* What was said of both, as text. */
struct past_said {
    const char *config, *state_dir, *since, *until;
};
/* false: a message was printed. past_view_end in any case. */
bool past_view_begin(struct past_view *view, const struct past_said *said);
void past_view_end(struct past_view *view);
/* recost.c, replay.c: parts of `weir usage`. */
int cli_recost(int argc, char **argv);
int cli_replay(int argc, char **argv);

/* The state folder: what is given, else what the configuration says; and where its ledger lies. false: *problem. */
bool cli_folder_find(const char *config, const char *given, char *into, unsigned long size,
                     char place[ledger_place_max], char *problem, unsigned long problem_size);

#endif
