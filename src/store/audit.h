/* audit.h - who changed what, when and from where: rows of the ledger's database, each bound to all before it, so that
 * one that is edited, removed, put elsewhere or made up shows.
 *
 *   head = SHA-256(the head before it, 32 bytes | ["weir audit 1",seq,time_ms,"action","outcome","actor","address",
 *                  "subject","detail","request_id"])                                   the first one's: 32 zeros
 *
 * Who, from where, what of and what exactly stand there as hashes, 64 digits each (empty: not said). The words stand
 * beside, each with a salt of its own: hash = SHA-256(salt | word). So a word that is edited shows too, and one that is
 * erased with its salt leaves a hash that tells nothing, and the chain whole. What is cut off at the end is found by a
 * head that was kept elsewhere.
 *
 * A row is on the disk before the change that it tells of is made. What that comes to nothing by is told by a second
 * one, `failed`. Through a ledger of one's own: the database keeps writers apart, of several processes too. Blocks on
 * the disk. */
#ifndef WEIR_STORE_AUDIT_H
#define WEIR_STORE_AUDIT_H

#include "base/hash.h"
#include "store/ledger.h"

/* X(name, word, what its subject is, what has happened): for the code, docs/audit.md and the tests. */
#define AUDIT_ACTIONS(X)                                                                                              \
    X(gateway_start, "gateway.start", "version", "the gateway started, with which configuration and admin key")       \
    X(gateway_drain, "gateway.drain", "", "it was told to end")                                                       \
    X(config_reload, "config.reload", "", "the configuration was read again")                                         \
    X(provider_add, "provider.add", "provider", "a provider was added at run time")                                   \
    X(provider_replace, "provider.replace", "provider", "its run-time settings were replaced")                        \
    X(provider_update, "provider.update", "provider", "some of its settings were changed")                            \
    X(provider_remove, "provider.remove", "provider", "it was removed")                                               \
    X(provider_reset, "provider.reset", "provider", "its run-time changes were dropped")                              \
    X(provider_state, "provider.state", "provider", "it was drained, put into maintenance or resumed")                \
    X(credential_set, "credential.set", "entry of the vault", "a provider's credential was set")                      \
    X(credential_next, "credential.next", "entry of the vault", "a secret was given that waits for its turn")         \
    X(credential_rotate, "credential.rotate", "entry of the vault", "its next secret took its place")                 \
    X(credential_remove, "credential.remove", "entry of the vault", "it was removed")                                 \
    X(credential_rekey, "credential.rekey", "", "the vault got another master key")                                   \
    X(client_add, "client.add", "client", "a client was made at run time, with its key")                              \
    X(client_change, "client.change", "client", "some of its settings were changed")                                  \
    X(client_rotate, "client.rotate", "client", "its next key took its place")                                        \
    X(client_disable, "client.disable", "client", "its key is refused")                                               \
    X(client_enable, "client.enable", "client", "its key is let in again")                                            \
    X(client_revoke, "client.revoke", "client", "its key is refused for good")                                        \
    X(client_reset, "client.reset", "client", "its run-time changes were dropped")                                    \
    X(route_add, "route.add", "route", "a route was made at run time")                                                \
    X(route_change, "route.change", "route", "some of its settings were changed")                                     \
    X(route_remove, "route.remove", "route", "it was removed")                                                        \
    X(route_reset, "route.reset", "route", "its run-time changes were dropped")                                       \
    X(rule_add, "rule.add", "rule", "a rule was made at run time")                                                    \
    X(rule_change, "rule.change", "rule", "some of its settings were changed")                                        \
    X(rule_remove, "rule.remove", "rule", "it was removed")                                                           \
    X(rule_reset, "rule.reset", "rule", "its run-time changes were dropped")                                          \
    X(owner_add, "owner.add", "owner", "an owner was made at run time")                                               \
    X(owner_change, "owner.change", "owner", "some of its settings were changed")                                     \
    X(owner_remove, "owner.remove", "owner", "it was removed")                                                        \
    X(owner_reset, "owner.reset", "owner", "its run-time changes were dropped")                                       \
    X(template_add, "template.add", "template", "a template was made at run time")                                    \
    X(template_change, "template.change", "template", "some of its settings were changed")                            \
    X(template_remove, "template.remove", "template", "it was removed")                                               \
    X(template_reset, "template.reset", "template", "its run-time changes were dropped")                              \
    X(budget_add, "budget.add", "budget", "a budget was made at run time")                                            \
    X(budget_change, "budget.change", "budget", "some of its settings were changed")                                  \
    X(budget_remove, "budget.remove", "budget", "it was removed")                                                     \
    X(budget_revert, "budget.revert", "budget", "its run-time changes were dropped")                                  \
    X(lock_move, "lock.move", "route", "the lock of an exclusive route was moved by hand")                            \
    X(catalog_update, "catalog.update", "file", "a newer catalogue of models and prices was taken")                   \
    X(catalog_reset, "catalog.reset", "", "it was dropped")                                                           \
    X(budget_raise, "budget.raise", "budget", "it was raised, for a while or for good, or that was taken back")       \
    X(budget_credit, "budget.credit", "budget", "its window got a credit")                                            \
    X(budget_reset, "budget.reset", "budget", "what was spent of it counts no more")                                  \
    X(cache_purge, "cache.purge", "choice", "answers were taken out of the response cache")                           \
    X(backup_make, "backup.make", "file", "a backup of the state folder was made")                                    \
    X(usage_recost, "usage.recost", "price", "past attempts were priced anew, beside what they did cost")             \
    X(client_export, "client.export", "client", "all that is kept of a client was read")                              \
    X(client_purge, "client.purge", "client", "a client's name and words were taken from what is kept")               \
    X(owner_export, "owner.export", "owner", "all that is kept of an owner's clients was read")                       \
    X(owner_purge, "owner.purge", "owner", "an owner's name, and those of its clients, were taken from what is kept") \
    X(conversation_read, "conversation.read", "client", "conversations of a client were read by somebody else")       \
    X(conversation_purge, "conversation.purge", "client", "kept conversations of a client were removed")              \
    X(backup_restore, "backup.restore", "file", "the state folder was restored from a backup")

enum audit_action {
#define X(name, word, subject, sentence) audit_##name,
    AUDIT_ACTIONS(X)
#undef X
        audit_actions
};
struct audit_facts {
    struct str word, subject, sentence;
};
const struct audit_facts *audit_facts(enum audit_action action);

/* Who it was: a client's name, `admin key`, `library`, `uid 1000 (name)`, `signal SIGHUP`; from where: the address of
 * the request's peer, `cli` or `process`; weir's own id of the request. Borrowed. */
struct audit_who {
    struct str actor, address, request_id;
};

enum { audit_word_most = 512, audit_rows_most = 10000 };

/* Longer words are cut at audit_word_most. */
struct audit_entry {
    enum audit_action action;
    bool failed;
    int64_t time_ms;
    struct audit_who who;
    struct str subject, detail;
};

/* Where the chain ends. */
struct audit_head {
    int64_t seq; /* 0: it is empty */
    struct sha256 hash;
};

/* It is on the disk when this returns. false: *problem says why, and nothing was written. */
bool audit_add(struct ledger *ledger, const struct audit_entry *entry, struct audit_head *head, char *problem,
               size_t size);
bool audit_head_read(struct ledger *ledger, struct audit_head *head);
/* {"seq":2,"head":"64 digits"} */
bool audit_head_write(struct ledger *ledger, struct text *text);

struct audit_question {
    int64_t since_ms, until_ms; /* until 0: up to now */
    int64_t before;             /* only rows before that one; 0: up to the newest */
    int64_t limit;              /* the newest so many of them, at most audit_rows_most */
    bool csv;
};
/* {"rows":[...],"more":false}, the oldest first, or a table of commas with a head. false: a failure. */
bool audit_write(struct ledger *ledger, const struct audit_question *question, struct text *text);

struct audit_verdict {
    bool good;
    int64_t rows, wrong; /* wrong: the first row that is; 0: none, or it is not there */
    int64_t erased;      /* words that are gone */
    int64_t of_head;     /* the row whose head was asked for; 0: none has it, or none was asked for */
    struct audit_head head;
    char said[256];
};
/* Reads all of it. `wanted` (NULL: none) is a head that must stand in it. false: it could not be read. */
bool audit_verify(struct ledger *ledger, const struct sha256 *wanted, struct audit_verdict *verdict);
void audit_verdict_write(const struct audit_verdict *verdict, struct text *text);

/* The word and its salt go, also where it is the client whose budget it was ("client app: day"); every row that has it
 * says "(erased)" from then on. How many, or -1. */
int64_t audit_erase(struct ledger *ledger, struct str word);

#endif
