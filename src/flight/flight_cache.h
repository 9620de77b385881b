/* flight_cache.h - the flight and the response cache: what makes two requests the same, what is given, what is written
 * down for others, and what is left when nobody can serve. For the flight's own files. */
#ifndef WEIR_FLIGHT_FLIGHT_CACHE_H
#define WEIR_FLIGHT_FLIGHT_CACHE_H

#include "flight/flight_parts.h"

/* -- flight_making.c: what a flight is answered with, for others -- */

/* What is known of an answer by its head. Borrowed from the flight and the attempt. */
struct cache_facts making_facts(struct flight *flight, const struct attempt *attempt);
/* Its head and bytes, as they leave. Nothing where nobody may want them. */
void making_note_head(struct flight *flight, const struct attempt *attempt, int status, struct actions *out);
void making_note(struct flight *flight, struct str bytes, struct actions *out);
/* The answer has its end: what it is to those that follow it, and to the cache. */
void making_note_end(struct flight *flight, bool good, struct now now, struct actions *out);
/* It ends, or goes on alone: who follows it is told, whom it follows is left. */
void making_give_up(struct flight *flight, struct actions *out);
/* From here on what its caller is given is for its caller alone: nothing is kept, and none may follow. */
void making_part(struct flight *flight, struct actions *out);
/* Nothing of what it was given, or made, is needed any more. */
void making_shed(struct flight *flight);
/* Its caller has gone. true: it goes on, for those that follow. */
bool making_goes_on(struct flight *flight);

/* -- flight_cache_key.c: what a request means -- */

/* Into flight->cache.key. NULL: it has one; else why its answer is none for another request. */
const char *cache_key_make(struct flight *flight);

struct json_value;
/* Keys of its inputs, and how long each is: of each of `inputs`, and all of `root` but its member `apart`, where they
 * stand. false: none is kept. */
bool cache_key_inputs(struct flight *flight, const struct json_value *root, struct str apart,
                      const struct json_value *const *inputs, struct flight_input *list, size_t count) MUST_USE;

/* -- flight_inputs.c: embeddings, by the input -- */

/* Its inputs have keys of their own from now on, where it is such a request. */
void inputs_admit(struct flight *flight);
/* Those that are kept are held, of one target; `stale_s` above 0: also those that expired at most so long ago. true: it
 * was answered, as all are. */
bool inputs_find(struct flight *flight, enum cached state, int64_t stale_s, struct now now,
                 struct actions *out) MUST_USE;
/* A whole reply: *body becomes all that its caller asked for. failure_none: it has. */
enum failure inputs_join(struct flight *flight, const struct attempt *attempt, struct now now,
                         struct str *body) MUST_USE;
/* The attempt is settled: what it made is kept. */
void inputs_keep(struct flight *flight, const struct attempt *attempt, struct now now, struct actions *out);
/* So much of a reply is held for that. */
size_t inputs_held_max(const struct flight *flight, const struct attempt *attempt);
void inputs_shed(struct flight *flight);

/* -- flight_cache_form.c: one answer in another form -- */

/* The body of an answer as this flight's caller wants it: whole or as a stream. In scratch, where it is not as it
 * stands. {NULL,0}: it cannot be said so, or there is no memory. */
struct str cache_form(struct flight *flight, const struct cache_facts *facts, struct str body, struct now now);
/* What it says: the text of its first choice, or the name and arguments of the tools that it calls. In scratch.
 * {NULL,0}: it cannot be read, or there is no memory. */
struct str cache_form_said(struct flight *flight, const struct cache_facts *facts, struct str body);
/* A reply of weir's own making in the caller's dialect, whole or as a stream: the same. */
struct str cache_form_reply(struct flight *flight, const struct message_reply *reply, struct now now);

/* -- flight_given.c: an answer that is kept -- */

/* Does an answer of these facts come from a target that may serve this request? Which; NULL: none that may. */
const struct target *cache_maker(const struct flight *flight, const struct cache_facts *facts);
/* What it is given: its texts stand as long as the answer, or the making, is held. What it took. */
void given_facts(struct flight *flight, enum cached state, const struct target *target,
                 const struct cache_facts *facts);
void given_counts(struct flight *flight, const struct cache_facts *facts);
/* The whole of it, to a caller that has got nothing yet; the answer's hold goes with it. false: it may not be given,
 * and nothing was. */
bool given_answer(struct flight *flight, struct cache_answer *answer, enum cached state, struct now now,
                  struct actions *out) MUST_USE;

/* -- flight_degraded.c: when nobody can serve -- */

/* No target of its route could be had: its caller is answered all the same, where there is something to answer with.
 * false: there is nothing, and nothing was done. */
bool degraded_answer(struct flight *flight, struct now now, struct actions *out) MUST_USE;
/* The same, where that is why it ends. */
bool degraded_end(struct flight *flight, struct now now, struct actions *out) MUST_USE;

/* -- flight_semantic.c: the nearest earlier prompt -- */

/* Waits: its words are to be embedded. On: nothing is looked for. */
enum step semantic_ask(struct flight *flight, struct now now, struct actions *out) MUST_USE;
/* They are; or it took too long (event NULL). Over: it was answered. On: a provider is to be asked. */
enum step semantic_embedded(struct flight *flight, const struct event *event, struct now now,
                            struct actions *out) MUST_USE;

/* -- flight_semantic_kept.c: its own answer, when its words were embedded -- */

/* An answer of its own is kept: it will be found by these words too. What it would have been given is compared. */
void semantic_keep(struct flight *flight, struct cache_answer *answer);
void semantic_shed(struct flight *flight);

/* -- flight_cache.c: is there an answer already -- */

/* What the request's head asks of the cache. Over: answered with an error. */
enum step cache_admit_head(struct flight *flight, struct now now, struct actions *out) MUST_USE;
/* The request has its candidates and its client's leave. On: a provider is to be asked. Over: answered. Waits: another
 * flight makes the answer. */
enum step cache_admit(struct flight *flight, struct now now, struct actions *out) MUST_USE;
/* None was found: as of cache_admit. */
enum step cache_go_on(struct flight *flight, struct now now, struct actions *out) MUST_USE;
/* Has it joined one that makes the same? Then it follows that. */
bool twins_follow(const struct flight *flight);
/* More of that may have come. On: it cannot be followed, and a provider is to be asked. */
enum step twins_read(struct flight *flight, struct now now, struct actions *out) MUST_USE;

#endif
