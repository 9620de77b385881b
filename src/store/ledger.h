/* ledger.h - what was spent, for good: every attempt once, and its sums by the hour, in one SQLite file,
 * STATE_DIR/ledger.db, or where a URL of PostgreSQL's says. One thread writes it; others read it through connections of
 * their own and never hold it up. One thread at a time for each struct ledger. */
#ifndef WEIR_STORE_LEDGER_H
#define WEIR_STORE_LEDGER_H

#include "base/text.h"
#include "store/journal.h"

struct ledger;

/* What is summed for each hour and day, provider, model, client, route, owner, rule, name asked for and tags; and for
 * each hour and session. Money is told in dollars: cost_usd for cost_nano_usd. */
#define USAGE_SUMS(X)                                                                                    \
    X(requests) /* first attempts of one */                                                              \
    X(attempts)                                                                                          \
    X(errors) /* attempts that failed; not those that nobody waited for any more */                      \
    X(cancelled)                                                                                         \
    X(estimated) /* whose tokens nobody had counted */                                                   \
    X(lost)      /* under way when the process died */                                                   \
    X(unpriced)  /* that have no cost, as no price is known */                                           \
    X(input_tokens)                                                                                      \
    X(output_tokens)                                                                                     \
    X(cached_tokens)                                                                                     \
    X(cache_write_tokens)                                                                                \
    X(reasoning_tokens)                                                                                  \
    X(cost_nano_usd)                                                                                     \
    X(input_nano_usd) /* of that, by what it was for */                                                  \
    X(output_nano_usd)                                                                                   \
    X(cached_nano_usd)                                                                                   \
    X(cache_write_nano_usd)                                                                              \
    X(tools_nano_usd)                                                                                    \
    X(fees_nano_usd)                                                                                     \
    X(provider_nano_usd)    /* by the providers' own word, where they say one */                         \
    X(cache_saved_nano_usd) /* what cached input would have cost as plain input, beyond what it did */   \
    X(cache_hits)           /* answers that were given without a provider: no attempts (RECORD_GIVEN) */ \
    X(cache_shared)                                                                                      \
    X(cache_stale)                                                                                       \
    X(fallbacks)                                                                                         \
    X(saved_nano_usd)                                                                                    \
    X(cache_missed_tokens)  /* that providers' prompt caches should have had, and had not: */            \
    X(cache_missed_expired) /* in so many answers they had it no more, */                                \
    X(cache_missed_moved)   /* another target or model had it, */                                        \
    X(cache_missed_changed) /* the prompt, or what is asked of it, was another */                        \
    X(duration_us)

enum usage_sum {
#define X(name) usage_##name,
    USAGE_SUMS(X)
#undef X
        usage_sums
};

/* By what it may be told apart. An owner has what those below it have, and each tag what any set of tags with it has:
 * an attempt counts in several of them, and once in the total. A session is its client's. */
#define USAGE_KEYS(X) X(provider) X(model) X(client) X(route) X(owner) X(rule) X(asked) X(tag) X(session) X(day) X(hour)
enum usage_key {
#define X(name) usage_by_##name,
    USAGE_KEYS(X)
#undef X
        usage_keys
};
struct str usage_key_name(enum usage_key key);
/* false: there is no such key. */
bool usage_key_of(struct str name, enum usage_key *key);

enum usage_form { usage_as_json, usage_as_csv };
enum { usage_rows_usual = 1000, usage_rows_max = 4000, usage_groups_max = 200000 };
struct usage_question {
    int64_t since_ms, until_ms; /* whole hours that begin in between; until 0: up to now */
    enum usage_key by[usage_keys];
    size_t by_count; /* 0: the sum alone */
    enum usage_form form;
    size_t rows_most; /* the dearest, of times the newest; 0: usage_rows_usual; at most usage_rows_max */
    bool compares; /* by the name asked for, provider and model: what each of those that served the same name costs */
    bool nobodys;  /* of requests without a client alone */
    bool recosted; /* beside it what it comes to by prices that came later (ledger_recost.h) */
    char only[usage_keys][256]; /* only rows of this name; empty: of any */
};

/* Where the ledger of a state folder lies: what `ledger` says, else its file. It may hold a password. */
enum { ledger_place_max = 1300 };
void ledger_place_of(struct str state_dir, struct str ledger, char place[ledger_place_max]);
/* Is there one, as far as a look at the disk can tell? */
bool ledger_is_there(const char *place);
bool ledger_is_file(const char *place);
/* Can the URL be read, and what speaks to such a server be opened? Asks no server. false: *problem. */
bool ledger_url_check(const char *url, char *problem, size_t size);
/* As it may be seen. */
void ledger_place_shown(const char *place, char *shown, size_t size);
/* Opens the file, or makes it (0600), or a server's database, and brings it to today's form. NULL: *problem says why
 * and what to do. */
struct ledger *ledger_open(const char *path, char *problem, size_t size);
/* Beside the one who adds attempts: to ask, or to change what is not theirs, in a file that ledger_open has opened. A
 * change is on the disk when it is committed (SQLite's own default). */
struct ledger *ledger_open_beside(const char *path, char *problem, size_t size);
void ledger_close(struct ledger *ledger);
/* This process is the one that keeps it, as long as it is open: nobody else adds attempts. false: *problem. */
bool ledger_keep(struct ledger *ledger, char *problem, size_t size);
/* Its connection is lost: ledger_problem says why; close it, and open another. Waits for nothing. */
bool ledger_is_gone(struct ledger *ledger);
/* SQLite's words on the last thing that failed. */
const char *ledger_problem(struct ledger *ledger);

/* Records between begin and commit are there afterwards all, or none of them. After a false: ledger_undo. */
bool ledger_begin(struct ledger *ledger);
/* An attempt that is there already changes nothing. A word's text is told before the first attempt that has it. Of what
 * was given of a kind it counts what is more than it was told before. */
bool ledger_add(struct ledger *ledger, struct journal_source source, const struct record *record);
bool ledger_commit(struct ledger *ledger);
void ledger_undo(struct ledger *ledger);
/* What is committed goes from SQLite's write-ahead log into the file, and the log gives its room back. */
void ledger_shrink(struct ledger *ledger);
/* What was spent in each window of each budget, in units in each of a quota, the older windows first. false: a failure.
 */
bool ledger_budgets(struct ledger *ledger,
                    void (*tell)(void *context, const struct record_charge *of, int64_t nano_usd), void *context);
/* Attempts that began before that go, what is summed of sessions too; all other sums stay. All of it: who writes too
 * does it in pieces (ledger_forget.h). How many, or -1. */
int64_t ledger_forget(struct ledger *ledger, int64_t before_ms);

/* A request of one client, by weir's id or by the client's own: of several of its own the last. */
struct usage_request {
    char client[256], id[80];
};
/* {"data":{...}}: its attempts, what they took and cost. *found: there is one. false: a failure. */
bool ledger_request(struct ledger *ledger, const struct usage_request *request, struct text *text, bool *found);

/* {"since_ms":...,"rows":[...],"more":0,"total":{...}}, the dearest first (`more`: rows that are left out), or a table
 * of commas with a head. Those that are told apart by session are told apart by client, too. false: a failure. */
bool ledger_usage(struct ledger *ledger, const struct usage_question *question, struct text *text);

#endif
