/* journal.h - the records of one process, each written before the last byte of its answer leaves, into files that are
 * mapped: the kernel owns their pages, and a process that is killed loses none of them. One writer a worker; one thread
 * reads what they wrote, hands it to the ledger and makes the room for what comes.
 *
 *   STATE_DIR/journal/INSTANCE/s0.1 s0.2 ...    segments of worker 0: a head, then records one behind the other
 *                              o0.1 ...         what worker 0 has sent and nobody has settled: a place an attempt
 *                              g0.1 ...         what worker 0 has given without a provider: a place a kind and minute
 *
 * Words that callers choose stand in both as tags, by a secret that dies with the process; the text of each stands once
 * in every segment that has it, before its first use, and before the place of an attempt that is under way has it.
 *
 * What is given without a provider may be a hundred thousand answers a second: a place counts those of one kind
 * (client, route, maker, ...) of one minute, and its counts are told as they stand, all of them each time. Who keeps
 * them knows by the place's identity what it had been told before: so each counts once, whatever is killed in between.
 *
 * Files are filled with zeros before they are mapped, so that a full disk is an error there and no signal here.
 * Must never: wait for the disk on a worker's thread, answer a record twice, let go of one that was not kept. */
#ifndef WEIR_STORE_JOURNAL_H
#define WEIR_STORE_JOURNAL_H

#include <stdatomic.h>

#include "store/record.h"

struct journal;
struct journal_sent; /* a place of an attempt that is under way */

enum {
    journal_segment_bytes = 1024 * 1024,
    journal_margin_bytes = 128 * 1024,
    journal_sent_bytes = 1536, /* a place of an attempt: with all charges that a record may have */
    journal_sent_places = 64
};

/* Whose record it is. */
struct journal_source {
    uint64_t instance; /* drawn anew by each process */
    unsigned worker;
};
/* A record, or a word's text; the texts of a record's words are told before it. false: not kept; nothing more is told.
 */
typedef bool journal_take(void *context, struct journal_source source, const struct record *record);

/* Begins a new instance with room for each worker. `bytes_max`: of segments that were not let go, of all workers; past
 * it no room is made. NULL: *problem, which names the file. */
struct journal *journal_open(const char *state_dir, unsigned workers, size_t bytes_max, char *problem, size_t size);
/* When no worker writes any more. What was not kept elsewhere stays on the disk; nothing else does. NULL is fine. */
void journal_close(struct journal *journal);

/* -- on the worker's own thread -- */

/* The word's tag, for a record: none of an empty text. Any thread. */
struct record_said journal_word(const struct journal *journal, struct str text);
/* Writes it, and sets its sequence where that is 0. false: there is no room, and it is nowhere. */
bool journal_add(struct journal *journal, unsigned worker, struct record *record);
/* Is there room for what is under way on this worker and for one more? */
bool journal_has_room(struct journal *journal, unsigned worker);
/* Will it soon need what journal_provide makes? Any thread. */
bool journal_wants_room(struct journal *journal, unsigned worker);
/* An attempt has been sent: should the process die before it is settled, this is what is told of it, its cost raised by
 * `token_nano_usd` (per million) for each token that was delivered. Sets the record's sequence. NULL: no room. */
struct journal_sent *journal_send(struct journal *journal, unsigned worker, struct record *record,
                                  int64_t token_nano_usd);
/* So many tokens of it have reached the caller. */
void journal_delivered(struct journal_sent *sent, int64_t tokens);
/* The sequence that it got, and the tags of its words. */
uint64_t journal_sequence(const struct journal_sent *sent);
void journal_words_again(const struct journal_sent *sent, struct record_said words[record_words]);
/* It has been settled, and its record added. */
void journal_settled(struct journal *journal, unsigned worker, struct journal_sent *sent);

/* So much more was given (record->given), of the kind and in the minute that the record says, which has nothing but its
 * time, names and words. Where there is no room for one more kind its words are left out, and then its names are
 * "(other)". false: there is no place at all, and it is nowhere. */
bool journal_give(struct journal *journal, unsigned worker, const struct record *record);
/* Will it soon need what journal_provide makes? Any thread. */
bool journal_wants_places(struct journal *journal, unsigned worker);

/* -- on one thread beside the workers -- */

/* Makes the room that the workers will need next. false: *problem. */
bool journal_provide(struct journal *journal, char *problem, size_t size);
/* Tells up to `most` records and words that came since the last journal_keep, and each kind of what was given whose
 * counts are others than at the last; what was told and not kept is told again after journal_again. How many. false of
 * `take` ends it. */
size_t journal_tell(struct journal *journal, size_t most, journal_take *take, void *context);
/* What was told is safe elsewhere: segments that were told whole are removed. */
void journal_keep(struct journal *journal);
void journal_again(struct journal *journal);
/* What was given before this moment (ms) by this process will not be told again. */
int64_t journal_given_until(struct journal *journal, int64_t now_ms, uint64_t *instance);
/* Bytes of segments that are held. Any thread. */
size_t journal_bytes(struct journal *journal);

/* -- of processes that have ended -- */

struct journal_rest {
    size_t instances, records, sent, damaged; /* of damaged ones: files, kept as STATE_DIR/journal/INSTANCE.bad */
};
/* Tells what others than `own` (NULL: none is) left: each record, and each attempt that was sent and not settled, as
 * lost. A record may be told that was told before: its source and sequence say so. false: `take` ended it. */
bool journal_replay(const char *state_dir, const struct journal *own, journal_take *take, void *context,
                    struct journal_rest *rest);
/* They are safe elsewhere: their files are removed, but for damaged ones. */
void journal_replayed(const char *state_dir, const struct journal *own);

/* -- journal_copy.c: for a backup -- */

/* Every file of every instance, also of one that is written meanwhile: `name` as it stands below the state folder,
 * `bytes` as a replay takes them. Before the ledger is copied. false: *problem, which is empty where `take` ended it.
 */
bool journal_copy(const char *state_dir, bool (*take)(void *context, struct str name, struct str bytes), void *context,
                  char *problem, size_t size);

/* What a segment's bytes hold, from its head on: for replay, and for who looks at hostile bytes. Answers false when it
 * ends in something else than zeros. Pure. `bytes` is aligned to 8. */
bool journal_scan(struct str bytes, journal_take *take, void *context, size_t *count, bool *ended);

#endif
