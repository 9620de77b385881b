/* ledger_internal.h - the ledger's parts: writing (ledger.c), telling (ledger_usage.c), and what adds up
 * (ledger_functions.c). */
#ifndef WEIR_STORE_LEDGER_INTERNAL_H
#define WEIR_STORE_LEDGER_INTERNAL_H

#include "base/histogram.h"
#include "store/database.h"
#include "store/key_places.h"
#include "store/ledger.h"

/* What the sums of a group are told apart by beside their time, in the order of their columns. */
#define USAGE_NAMES(X) X(provider) X(model) X(client) X(route) X(owner) X(rule) X(asked) X(tags) X(session)
enum usage_name {
#define X(name) usage_name_##name,
    USAGE_NAMES(X)
#undef X
        usage_names
};
extern const char *const usage_name_columns[usage_names];
/* `grain` of a row: `at` is a day since 1970, or an hour. Only those of sessions have one; those of models have nothing
 * but provider and model, those of any session nothing at all: they are few, however long the time is. */
enum usage_grain { usage_of_hours, usage_of_days, usage_of_sessions, usage_of_models, usage_of_any_session };
enum { durations_bytes_max = histogram_buckets * 6 };

/* A histogram as pairs of bucket (2 bytes) and count (4), those that are not 0. How many bytes. */
size_t durations_put(const struct histogram *histogram, unsigned char bytes[durations_bytes_max]);
/* Added to what it has. What is no such bytes adds nothing. */
void durations_add(struct histogram *histogram, const void *bytes, size_t len);
/* Ends at the largest and at the least. */
int64_t ledger_sum(int64_t a, int64_t b);

struct database *ledger_database(struct ledger *ledger);

/* The steps from each version to the next, and how many there are (ledger_schema.c). */
extern const char *const ledger_migrations[];
extern const int ledger_version;
enum { ledger_sums_filled = 16 }; /* the version whose files have rows of usage_of_any_session */
/* Adds to what was spent of a budget in a window: budget, window_s, nano_usd. */
extern const char ledger_charge_sql[];
/* The number of the process that it writes attempts of; below 1: none so far. */
int64_t ledger_instance(struct ledger *ledger);
/* The last number that an attempt of the same worker of the same process may have. */
int64_t ledger_attempt_last(int64_t id);
/* The number of its process, and the first that an attempt of that process may have. */
int64_t ledger_attempt_process(int64_t id);
int64_t ledger_attempt_first(int64_t id);
int64_t ledger_process_first(int64_t process);
/* The same of a value: the budget, the two halves of its tag, the window, the amount. */
extern const char ledger_charge_value_sql[];
/* Do attempts go in as blocks (row_block.h)? Of a file they do. */
bool ledger_has_block(const struct ledger *ledger);
/* What it keeps of names is looked up anew from its next transaction on. */
void ledger_names_changed(struct ledger *ledger);

/* How the attempts of a request are found by weir's id, ?2. */
extern const char ledger_request_by_own[];

/* What was added up for a question (ledger_gather.c). */
/* What attempts that were priced anew change in a sum: how many they are, how many of them had no price, and by how
 * much.
 */
enum { recosted_attempts, recosted_priced, recosted_more, recosted_sums };
struct usage_row {
    int64_t keys[usage_keys]; /* in the order of the question's `by`: numbers of names, words, days or hours */
    int64_t sums[usage_sums];
    int64_t recosted[recosted_sums];
    struct usage_times *times; /* how long they took; NULL: not among those that are told, or not yet */
};
struct usage_times {
    struct histogram durations, first_tokens;
};
struct usage_gathered {
    struct usage_row *rows; /* in the order in which they are told */
    size_t count, room;
    size_t more; /* that are left out */
    struct usage_row total;
    struct key_places places;
    struct usage_times *times;
    size_t times_count;
};
/* Adds up what the question asks for. false: a failure. usage_gathered_free in any case. */
bool usage_gather(struct ledger *ledger, const struct usage_question *question, struct usage_gathered *gathered);
void usage_gathered_free(struct usage_gathered *gathered);
/* The text of a key into the buffer; empty: it has none. false: a failure. */
bool usage_key_text(struct ledger *ledger, enum usage_key key, int64_t number, char *buffer, size_t size);

#endif
