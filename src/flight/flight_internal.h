/* flight_internal.h - what the files of a flight offer each other. Who may call whom stands at the head of flight.c. */
#ifndef WEIR_FLIGHT_FLIGHT_INTERNAL_H
#define WEIR_FLIGHT_FLIGHT_INTERNAL_H

#include "dialect/edit.h"
#include "dialect/params.h"
#include "flight/flight_cache.h"
#include "flight/flight_parts.h"
#include "flight/flight_prefix.h"

/* -- flight_state.c -- */

/* CHECKs that the move may be made, and notes it. For the setters, each of which then does what entering means. */
void state_move(struct flight *flight, enum machine machine, unsigned number, unsigned from, unsigned to,
                struct now now);
/* The last moves: "0 ms flight receiving > trying, ...". */
void transitions_put(const struct flight *flight, struct text *text);
void flight_enter(struct flight *flight, enum flight_state state, struct now now);
/* Was there no memory for something of this flight's? Then what could not be read may have been right. */
bool flight_starved(const struct flight *flight);
/* How many tokens an attempt was sent, by estimate: of the rest of its inputs, where it is asked for those alone. */
int64_t attempt_prompt_tokens(const struct flight *flight, const struct attempt *attempt);
void attempt_enter(struct flight *flight, struct attempt *attempt, enum attempt_state state, struct now now);
void hedge_enter(struct flight *flight, enum hedge_state state, struct now now);
/* Leaving `ready` or `going` for a state that may not be continued gives the delivered text back. */
void resume_enter(struct flight *flight, enum resume_state state, struct now now);
/* May its stream be gone on with; has it been? */
bool resume_may(const struct flight *flight);
bool resume_has(const struct flight *flight);
/* It may not, from now on. */
void resume_drop(struct flight *flight, struct now now);
/* A new one, connecting: it is the live one, or beside that a hedge. */
void attempt_joins(struct flight *flight, struct attempt *attempt, struct now now);
void caller_enter(struct flight *flight, enum caller_state state, struct now now);
/* The attempt has its end, and failed of this: said here, seen to by the spine once everything has returned. Always
 * step_over. */
enum step attempt_fails(struct attempt *attempt, enum failure failure) MUST_USE;
/* Asks for event_timer at this moment, or earlier where it was asked for already; UINT64_MAX: nothing is due. */
void flight_arm(struct flight *flight, uint64_t deadline_ns, struct actions *out);

/* -- flight_admit.c: the way in -- */

/* What the request's head asks for; then, the body being complete, its route and candidates. Over: answered with an
 * error. */
enum step flight_admit_head(struct flight *flight, struct now now, struct actions *out);
enum step flight_admit(struct flight *flight, struct now now, struct actions *out) MUST_USE;
/* A provider is to be asked: it counts among those that more work is a share of. */
void flight_counts(struct flight *flight, struct now now);
/* The part of it that reads the whole body and finds route, candidates and strategy, and takes nothing. */
enum step flight_find(struct flight *flight, struct now now, struct actions *out) MUST_USE;

/* -- flight_wait.c: what it waits for without a live attempt -- */

/* Until a moment, for this candidate: a backoff or a rate. */
void wait_until(struct flight *flight, enum flight_waiting why, struct candidate *candidate, uint64_t until_ns,
                struct now now, struct actions *out);
enum line_entry {
    line_entered,
    line_not_needed,    /* a place came free in between: it is the caller's of this function */
    line_is_full,       /* or nobody has to wait: another must be looked for */
    line_has_its_share, /* of several clients none takes all the places in line */
};
/* For a place at this candidate's provider. */
enum line_entry wait_in_line(struct flight *flight, struct candidate *candidate, uint64_t until_ns, struct now now,
                             struct actions *out) MUST_USE;
void wait_for_file(struct flight *flight, struct str url, struct now now, struct actions *out);
void wait_for_response(struct flight *flight, struct str client, struct str id, struct now now, struct actions *out);
/* For its words' vector. */
void wait_for_embedding(struct flight *flight, uint64_t until_ns, struct now now, struct actions *out);
/* For what another flight makes. */
void wait_for_twin(struct flight *flight, struct now now, struct actions *out);
/* What was waited for has come. Answers the candidate it was for, NULL: none. */
struct candidate *wait_over(struct flight *flight, struct now now);
/* It is not awaited any more: what waiting took is given back. */
void wait_give_up(struct flight *flight, struct now now, struct actions *out);

/* -- flight_level.c: routes that are targets of routes -- */

/* The levels of its route, once the candidates are what they are. false: no memory. */
bool levels_make(struct flight *flight) MUST_USE;
/* The level that is a target of `level` and has this one in it; NULL: it is the level itself. */
struct level *level_under(const struct level *level, struct level *of);
/* Does a lock say who serves there? */
bool level_is_locked(const struct level *level);
/* Of the lock that has just chosen it; 0: none has. */
uint32_t level_epoch(const struct candidate *candidate);
/* A target of its own, or what the choice in an inner level came to. */
struct level_member {
    struct candidate *candidate; /* NULL: none in the inner level can serve */
    struct level *inner;         /* NULL: its own */
};
/* The next one from *at on, which begins at level->first. false: there are no more. */
bool level_next(const struct flight *flight, const struct level *level, size_t *at, struct level_member *member);
/* The inner level that the last attempt was made in: it is gone on with, while it has a target that can serve, as a
 * target has failed when it has. NULL: the attempt was at none of them. */
struct level *level_going_on(const struct flight *flight, const struct level *level);
/* Was its target asked for this request, here or through another route? */
bool level_was_asked(const struct flight *flight, const struct candidate *candidate);

/* -- flight_choose.c: which candidate is next -- */

/* Begins an attempt, a wait, or answers why nobody can serve it. */
void flight_try_next(struct flight *flight, struct now now, struct actions *out);
/* The place in line has come. */
void flight_turn(struct flight *flight, struct now now, struct actions *out);
/* The time that it waits until has come. */
void flight_wait_over(struct flight *flight, struct now now, struct actions *out);
/* What stands against it; *soonest_ns: not later than when that ends. */
void choice_look(struct flight *flight, struct candidate *candidate, struct now now, uint64_t *soonest_ns);
/* The best of those that nothing stands against; NULL: there is none. */
struct candidate *choice_best(struct flight *flight, struct now now);
/* Is there a target that was not asked yet and could be now? */
bool choice_has_unasked(struct flight *flight, struct now now);
/* What this request would cost there, by estimate; -1: not known. */
int64_t choice_cost(const struct flight *flight, const struct candidate *candidate);
/* Does it look at what is under way, how fast and how well? */
bool choice_measures(enum strategy strategy);
/* flight_preview.c: as flight_step does for a real one, up to the choice. */
enum step preview_admit(struct flight *flight, const struct flight_question *question, struct now now,
                        struct actions *out);
/* Is there a plain request of this endpoint? */
bool preview_has_sample(enum endpoint endpoint);
/* After all that: the flight goes, nobody was asked. */
void preview_end(struct flight *flight, struct now now);
/* A candidate beside the live one, by the route's strategy, its holds taken; NULL: there is none. */
struct candidate *flight_choose_other(struct flight *flight, struct now now, struct holds *holds, struct actions *out);

/* -- flight_hedge.c: a second attempt beside the first -- */

/* When it is due; UINT64_MAX: never. Its beginning, if it may. */
uint64_t hedge_due_ns(const struct flight *flight);
void hedge_begin(struct flight *flight, struct now now, struct actions *out);

/* -- flight_hold.c: what attempts and flights take of the shared words -- */

/* What would stand against it now; *until_ns: when that ends, 0: not known. */
enum refusal hold_look(struct flight *flight, const struct candidate *candidate, struct now now, uint64_t *until_ns);
enum refusal hold_take(struct flight *flight, const struct candidate *candidate, bool has_gate, struct now now,
                       struct holds *holds, struct actions *out);
void hold_good(struct flight *flight, struct attempt *attempt, struct now now);
void hold_settle(struct flight *flight, struct attempt *attempt, struct now now, struct actions *out);
/* What was taken for an attempt that never began. */
void hold_give_back(struct flight *flight, const struct candidate *candidate, const struct holds *taken, struct now now,
                    struct actions *out);
/* Do its provider's probes say that it cannot serve? Targets that the caller pinned keep their order all the same. */
bool hold_is_demoted(const struct flight *flight, const struct candidate *candidate);
/* Of a request whose answers have taken so much lately (taken.h; NULL: not known). */
/* Of all answers together, at most: what the request asks for, else so many each; never past 10^12. */
int64_t flight_output_tokens(const struct flight *flight, int64_t otherwise);
int64_t flight_tokens_reserved(const struct flight *flight, const struct cell *taken);
/* The tokens of what came of its stream, by estimate. */
int64_t attempt_delivered(const struct attempt *attempt);
/* What an attempt that has ended took, by its provider's word or by estimate; -1: not known. */
int64_t attempt_tokens(const struct flight *flight, const struct attempt *attempt);
/* A failure that no caller can bring about: nothing had been sent. */
bool hold_is_nobodys(enum failure failure);
/* Over: a limit of its own is reached, and it has been answered. */
enum step hold_client(struct flight *flight, struct now now, struct actions *out) MUST_USE;
/* Which of its limits stands against it now, and until when; error_none: none. */
enum error_code hold_client_look(const struct flight *flight, struct now now, uint64_t *until_ns);
void hold_client_settle(struct flight *flight, struct now now);

/* -- flight_loop.c: agents that go round in circles -- */

/* Over: refused, and answered. */
enum step loop_admit(struct flight *flight, struct now now, struct actions *out) MUST_USE;

/* -- flight_session.c: what a session may have -- */

/* Once the request is read: which session it is of, if its client's caps are on it. false: no memory. */
bool session_prepare(struct flight *flight, struct now now) MUST_USE;
/* It is held, and counts as a call, up to session_end. Over: it has had all that it may have, and that was answered. */
enum step session_admit(struct flight *flight, struct now now, struct actions *out) MUST_USE;
/* The same, taking nothing. */
enum error_code session_preview(struct flight *flight, struct now now);
/* An attempt has ended. */
void session_settle(struct flight *flight, struct attempt *attempt, struct now now);
/* All have; or none was begun. */
void session_end(struct flight *flight, struct now now);
/* What counts of an attempt for its session, beside its cost: into the list, at most `most`. */
unsigned session_charges(const struct flight *flight, unsigned number, struct attempt_charge *list, unsigned most);
/* Its money is spent: so it is said. */
struct str session_money_sentence(struct flight *flight, int64_t nano_usd, bool waits, struct now now);

/* Of its client, and of its session. */
static inline size_t money_own_count(const struct flight *flight) {
    return (flight->client ? flight->client->money.count : 0) + (flight->session_hold.budget != NULL);
}
/* The budgets that an attempt at this target may count in, those of its client and session first. */
static inline size_t money_way_count(const struct flight *flight, const struct target *target) {
    size_t count = money_own_count(flight) + target->provider->money.count;
    return count && target->provider->unbilled ? 0 : count;
}
static inline const struct money_budget *money_way_budget(const struct flight *flight, const struct target *target,
                                                          size_t i) {
    size_t own = money_own_count(flight);
    if (i >= own) return target->provider->money.list[i - own];
    return i < flight->client->money.count ? flight->client->money.list[i] : flight->session_hold.budget;
}

/* -- flight_values.c: of budgets and limits that are split, the values that it counts in -- */

/* What is split, by what, and where its values stand. */
struct split_by {
    enum money_per per;
    struct str tag;
    bool own;                /* one client's */
    const struct map *named; /* the values that have something of their own */
    struct values *values;
    struct values_window window;
};
struct split_found {
    struct money_value *value; /* held; NULL: a preview of one that is not there */
    struct str said;
    bool is_named; /* what is written for `said` may hold for it */
};
/* The value that a request counts in, at this target (of one that is split by model; else NULL will do). */
struct split_found values_split(struct flight *flight, const struct target *target, const struct split_by *by);

/* Once route and candidates are known. false: no memory. */
bool values_admit(struct flight *flight, struct now now) __attribute__((warn_unused_result));
/* What it counts in at this target. *value: of a split budget, the one; else NULL. */
struct money_purse values_purse(const struct flight *flight, const struct target *target,
                                const struct money_budget *budget, struct money_value **value);
/* What it says for it; empty: the budget is not split. */
struct str values_said(const struct flight *flight, const struct target *target, const struct money_budget *budget);
void values_let_go(struct flight *flight);

/* -- flight_money.c: what may be spent -- */

/* Once route and candidates are known: what of its cost can be said before any target. false: no memory. */
bool money_admit(struct flight *flight, struct now now) __attribute__((warn_unused_result));
/* As hold_look and hold_take, of which they are a part. */
enum refusal money_look(struct flight *flight, const struct candidate *candidate, struct now now, uint64_t *until_ns);
enum refusal money_take(struct flight *flight, const struct candidate *candidate, struct now now,
                        struct money_hold *hold);
void money_give_back(struct money_hold *hold);
/* What an attempt that extends has reserved of its answer becomes so many tokens, of all budgets or of none. false:
 * there is no room in one of them. */
bool money_extend(const struct flight *flight, struct attempt *attempt, int64_t tokens, struct now now) MUST_USE;
/* What an attempt took that has ended and that nobody counted, where it is charged to somebody; `delivered`: of tokens,
 * by estimate. */
void money_estimate(const struct flight *flight, struct attempt *attempt, int64_t delivered);
/* Once, by what it cost. */
void money_settle(struct flight *flight, struct attempt *attempt);
/* Why nobody served it, for its caller, where this stood against candidates; {NULL,0}: the code says it. */
struct str money_sentence(struct flight *flight, enum refusal refusal, struct now now);

/* -- flight_extend.c: streams that reserve as they go -- */

/* More of its answer came: so many bytes, of events that its way has read. */
static inline void extend_saw(struct attempt *attempt, uint64_t bytes) {
    struct extent *extent = &attempt->holds.money.extent;
    if (extent_is_open(extent)) extent_saw(extent, bytes, attempt->usage.output_tokens);
}
/* The way that a stream goes which may have to be ended before its provider ends it; NULL: it cannot be. What its
 * caller knows by the provider's own names passes as it came, and is ended by them. */
static inline const struct way *extend_way(const struct flight *flight, const struct target *target) {
    const struct way *way = flight->door->way(flight, target);
    return way->cut && flight->codec->dialect == dialect_responses ? way : way->ends_as;
}
/* An event that is about to pass as it came, as its caller is told it: what it opens will have to be closed. false: no
 * memory. */
bool extend_note(struct flight *flight, struct attempt *attempt, struct str data) MUST_USE;
/* The end of such a stream. */
enum step extend_cut(struct flight *flight, struct attempt *attempt, struct now now, struct actions *out) MUST_USE;
/* After each event, and where its caller reads too slowly: what it may be billed is reserved. Over: it could not be,
 * and its answer has been ended. */
enum step extend_follow(struct flight *flight, struct attempt *attempt, struct now now, struct actions *out) MUST_USE;
/* Its reply is no stream: it is reserved whole. false: there is no money for that. */
bool extend_whole(const struct flight *flight, struct attempt *attempt, struct now now) MUST_USE;

/* -- flight_quota.c: the quotas of an attempt's provider -- */

/* As hold_look and hold_take, of which they are a part; `tokens`: that are reserved for it. */
enum refusal quota_refuses(const struct target *target, struct now now, uint64_t *until_ns);
enum refusal quota_hold_take(struct flight *flight, const struct target *target, uint64_t tokens, struct now now,
                             struct quota_hold *hold);
void quota_give_back(struct quota_hold *hold);
/* Once: it was sent, and used so many tokens; -1: not known, and then what was reserved. */
void quota_hold_settle(struct quota_hold *hold, int64_t tokens);
/* More of its reply has come. */
void quota_reply_read(struct attempt *attempt, struct str bytes);
/* The least that is left of any of them, 0 to 1. */
double quota_left_of(const struct provider *provider, struct now now);
/* Which quota is used up and when it begins anew, for the caller; {NULL,0}: none is. */
struct str quota_sentence(struct flight *flight, struct now now);

/* -- flight_owners.c: the limits of those who own the client -- */

/* There is a client. Which limit stands against it, and until when; error_none: none does. `output`: the most tokens
 * that its answers may have. */
enum error_code owners_look(const struct flight *flight, int64_t output, struct now now, uint64_t *until_ns);
/* Takes of all, or of none; *until_ns: when it may help to ask again, 0: not known. Notes whose limit it was. */
enum error_code owners_take(struct flight *flight, int64_t output, struct now now, uint64_t *until_ns);
/* Gives back all that was taken. `tokens`: what the request took; -1: that is not known. */
void owners_settle(struct flight *flight, int64_t tokens, struct now now);

/* Gives back all that was taken: another limit was reached. */
void owners_give_back(struct flight *flight, struct now now);

/* -- flight_limits.c: limits by model, route, tag or end user -- */

/* Once route and candidates are known: what it counts in is held, up to limits_let_go. `output`: the most tokens that
 * its answers may have. false: no memory. */
bool limits_admit(struct flight *flight, int64_t output, struct now now) __attribute__((warn_unused_result));
void limits_let_go(struct flight *flight);
/* As those of owners: of the limits that count it whatever its target is. */
enum error_code limits_look(const struct flight *flight, struct now now, uint64_t *until_ns);
enum error_code limits_take(struct flight *flight, struct now now, uint64_t *until_ns);
/* All attempts have ended: once, of all limits. `tokens`: what the request took; -1: that is not known. */
void limits_settle(struct flight *flight, int64_t tokens, struct now now);
/* As hold_look and hold_take, of which they are a part: of the limits that count what goes to this target. Of all, or
 * of none; a request counts once in each, and has its place there while an attempt runs that is under it. */
enum refusal limits_target_look(const struct flight *flight, const struct target *target, struct now now,
                                uint64_t *until_ns);
enum refusal limits_target_take(struct flight *flight, const struct target *target, struct now now,
                                struct holds *holds);
/* `reached`: something of the attempt may have gone out, and it took so many tokens (-1: not known); else it does not
 * count. */
void limits_target_leave(struct flight *flight, const struct target *target, struct holds *holds, bool reached,
                         int64_t tokens, struct now now);
/* Which limit stands against one of the candidates that were refused so; {NULL,0}: none does now. */
struct str limits_sentence(struct flight *flight, enum refusal refusal, struct now now);

/* -- flight_place.c: the limits that a route gives one of its targets -- */

/* As hold_look, for these alone; hold_take, of which they are a part, and what becomes of what was taken. `tokens` are
 * what the request reserves; at the end, what it took: -1, that is not known. */
enum refusal place_look(const struct candidate *candidate, uint64_t tokens, struct now now, uint64_t *until_ns);
enum refusal place_take(const struct candidate *candidate, uint64_t tokens, struct now now, struct holds *holds);
void place_give_back(const struct candidate *candidate, struct holds *holds, struct now now);
void place_settle(struct attempt *attempt, int64_t tokens, struct now now);
/* Has it no room, or no rate left, for the moment? It comes back by itself. */
bool refusal_is_busy(enum refusal refusal);
/* Of those the ones that end at a moment that is known. */
bool refusal_is_rate(enum refusal refusal);
/* How long this candidate's first token, or its whole reply, is waited for. */
uint64_t place_first_token_ns(const struct candidate *candidate);
uint64_t place_reply_ns(const struct candidate *candidate);

/* -- flight_lock.c: exclusive routes -- */

/* The candidate that holds the route, taking or moving the lock where it must; NULL: nobody can. */
struct candidate *lock_holder(struct flight *flight, struct level *level, struct now now, uint32_t *epoch,
                              uint64_t *until_ns);
/* May it be asked again for this request? Not after what took too long, nor what would be refused again. */
bool lock_repeats(const struct candidate *holder);
/* Did its last attempt time out where the route is strict? Then nobody else is asked. */
bool lock_ends(const struct flight *flight, const struct level *level);
/* An untried one beside the lock, for a request that its holder alone fails; NULL: none, or it is not such a request.
 */
struct candidate *lock_guest(struct flight *flight, struct level *level, struct now now);
/* Who is to serve of an inner level; NULL: nobody, and the route around goes on. */
struct candidate *lock_choose(struct flight *flight, struct level *level, struct now now);
void lock_settle(struct flight *flight, struct attempt *attempt, struct now now);

/* -- flight_attempt.c: an attempt at one target -- */

/* Sends to this candidate, whose holds have been taken. false: no memory; they have been settled. */
bool attempt_begin(struct flight *flight, struct candidate *candidate, const struct holds *holds, uint32_t lock_epoch,
                   struct now now, struct actions *out);
enum step attempt_head(struct flight *flight, struct attempt *attempt, const struct event *event,
                       struct now now) MUST_USE;
/* When it has waited long enough, and what it then failed of. others: while there are targets that were not asked yet,
 * a whole reply is given up once it is later than this target's ever are. */
uint64_t attempt_deadline(const struct flight *flight, const struct attempt *attempt, bool others,
                          enum failure *failure);

/* -- flight_masked.c: the credentials that an attempt sent do not come back -- */

/* What of the reply's body may be read now; the rest may begin a credential. false: no memory. */
bool masked_body(struct flight *flight, struct attempt *attempt, struct str bytes, struct str *out);
/* What is left of it at the end. */
bool masked_body_end(struct flight *flight, struct attempt *attempt, struct str *out);
/* Whole words: of a head, of an error; {NULL,0}: no memory. */
struct str masked_words(struct flight *flight, const struct attempt *attempt, struct str words);
/* What was decoded of a reply and written anew; {NULL,0}: no memory. */
struct str masked_text(struct flight *flight, const struct attempt *attempt, struct str text);

/* -- flight_extra.c: repeats, hedges and far failovers, within the route's shares -- */

/* The route's words must be there. One more of a kind: is it within the route's share, and the client's half of it? */
bool extra_would_take(const struct flight *flight, enum extra kind, struct now now);
bool extra_take(const struct flight *flight, enum extra kind, struct now now) __attribute__((warn_unused_result));

/* -- flight_word.c: a provider's own word on what went wrong -- */

/* Why the attempt failed, for log and explain, in its provider's own words or in weir's. */
void attempt_said(struct flight *flight, struct attempt *attempt, struct str words, bool provider_said);
void attempt_said_code(struct flight *flight, struct attempt *attempt, struct str code, struct str type);
/* What its code and type stand for. */
enum failure attempt_refusal(struct attempt *attempt, const struct provider_word *word);

/* -- flight_reply.c: replies that are no event streams -- */

enum step reply_body(struct flight *flight, struct attempt *attempt, struct str bytes, struct now now,
                     struct actions *out) MUST_USE;
/* A stream was asked for, and what came is whole: it is told as a stream all the same. */
bool reply_is_told_as_stream(const struct flight *flight, const struct attempt *attempt);
enum step reply_end(struct flight *flight, struct attempt *attempt, struct now now, struct actions *out) MUST_USE;

/* -- flight_stream.c: a stream as it comes -- */

enum step stream_reply_body(struct flight *flight, struct attempt *attempt, struct str bytes, struct now now,
                            struct actions *out) MUST_USE;
enum step stream_reply_end(struct flight *flight, struct attempt *attempt, struct now now,
                           struct actions *out) MUST_USE;
/* Has it said all, so that this end of its provider's takes nothing from the answer? Then stream_said_end gives it what
 * it lacks and completes it. */
/* Has every choice its finish reason? */
bool stream_is_finished(const struct flight *flight, const struct attempt *attempt);
bool stream_is_said(const struct flight *flight, const struct attempt *attempt, enum failure failure);
enum step stream_said_end(struct flight *flight, struct attempt *attempt, struct now now, struct actions *out) MUST_USE;

/* -- flight_deliver.c: a stream as it reaches the caller -- */

/* The end of a stream that has begun and is not whole. */
void stream_break(struct flight *flight, struct attempt *attempt, enum failure failure, struct now now,
                  struct actions *out);
/* The failure that an error of the provider, which came in its stream, is told as. `said`: what its word stands for, or
 * failure_none; status: what it said, or 0. */
enum failure stream_failure(enum failure said, int status);
/* Bytes go to the caller, or wait until the attempt delivers; not `stays`: they must be copied to do so. */
enum step stream_pass(struct flight *flight, struct attempt *attempt, struct str bytes, bool stays,
                      struct actions *out) MUST_USE;
/* The provider's own error, passed on in its vendor's words, but for credentials of any length. */
enum step stream_pass_error(struct flight *flight, struct attempt *attempt, const struct sse_event *event,
                            struct actions *out) MUST_USE;
/* A token or the finish has come: from the first on this attempt is the answer. */
void stream_token(struct flight *flight, struct attempt *attempt, struct now now, struct actions *out);
/* The answer is complete. The provider's own end is awaited for a moment, so that its connection can be used again.
 * Always step_over. */
enum step stream_complete(struct flight *flight, struct attempt *attempt, struct now now, struct actions *out) MUST_USE;
/* The provider's own error has been passed on. Always step_over. */
enum step stream_end_by_error(struct flight *flight, struct attempt *attempt, struct now now,
                              struct actions *out) MUST_USE;

/* -- flight_splice.c: OpenAI's own words on both sides (flight_way.h says what each is) -- */

bool splice_can(const struct flight *flight, const struct target *target);
bool splice_fits(struct flight *flight, const struct target *target, struct error *error);
bool splice_read(struct flight *flight, struct error *error, struct str *param);
bool splice_request(struct flight *flight, struct attempt *attempt);
enum failure splice_whole(struct flight *flight, struct attempt *attempt, struct now now, struct str *body);
bool splice_error_tell(struct flight *flight, const struct attempt *last, struct str body, struct now now,
                       struct actions *out);
void splice_delivers(struct flight *flight, struct attempt *attempt);
void splice_write_break(struct flight *flight, struct attempt *attempt, enum failure failure, struct str message,
                        struct now now, struct text *text);
enum step splice_cut(struct flight *flight, struct attempt *attempt, struct now now, struct actions *out) MUST_USE;
enum step splice_end(struct flight *flight, struct attempt *attempt, struct now now, struct actions *out) MUST_USE;
enum step splice_event(struct flight *flight, struct attempt *attempt, const struct sse_event *event, struct now now,
                       struct actions *out) MUST_USE;

/* -- flight_events.c: streams that are read by their dialect's code -- */

/* Canonical events, as they are told: to the caller, or held as stream_pass does. */
enum step events_write(struct flight *flight, struct attempt *attempt, const struct message_event *list, size_t count,
                       struct now now, struct actions *out) MUST_USE;
enum step events_take(struct flight *flight, struct attempt *attempt, const struct sse_event *event, struct now now,
                      struct actions *out) MUST_USE;
/* A whole reply as a part of a stream, which the attempt has made then. Or why it has not: nothing was told. */
enum failure events_part(struct flight *flight, struct attempt *attempt, struct str body, struct now now,
                         struct actions *out) MUST_USE;
/* The terminator in the caller's dialect, where the provider's has none or left it out. */
enum step events_cut(struct flight *flight, struct attempt *attempt, struct now now, struct actions *out) MUST_USE;
enum step events_end(struct flight *flight, struct attempt *attempt, struct now now, struct actions *out) MUST_USE;

/* -- flight_api.c: OpenAI's two APIs -- */

/* Is this target asked by `/responses`? Else by its provider's chat API. */
bool api_is_responses(const struct flight *flight, const struct target *target);
/* Has the provider this path of the Responses API itself? */
bool api_has(const struct provider *provider, enum endpoint endpoint);

/* -- flight_emulate.c: what a target lacks, said by what it has -- */

/* Does the request ask for what this target refuses and what may be said to it by other means (emulate.h)? Then it is
 * not said in the caller's own words, whether that can be done or not. */
bool emulation_wanted(const struct flight *flight, const struct target *target);

/* -- flight_reasoning.c: sealed reasoning, for callers whose dialect has no place for it -- */

/* What the provider said is kept by the calls that it leads to. */
void reasoning_of_events(struct flight *flight, struct attempt *attempt, const struct message_events *events,
                         struct now now);
void reasoning_of_reply(struct flight *flight, struct attempt *attempt, const struct message_reply *reply,
                        struct now now);
/* Puts it in front of the calls of the request. Bits of enum feature: what of this turn's is gone. */
uint64_t reasoning_recall(struct flight *flight, struct attempt *attempt);

/* -- flight_version.c: versions of Anthropic's API -- */

/* The provider is asked in a version that refuses what older ones take: its configuration's, else the caller's. */
bool version_is_strict_towards(const struct flight *flight, const struct provider *provider);
/* It is, and the caller wrote for an older one. */
bool version_differs(const struct flight *flight, const struct provider *provider);
/* false: what the request says has no place in the version there, or the caller's own has none for it; *error. */
bool version_fits(struct flight *flight, const struct provider *provider, struct error *error) MUST_USE;

/* -- flight_iterations.c: answers that took several goes -- */

/* Adds what the list says to the attempt's usage; {NULL,0}: there is none. */
void iterations_take(struct flight *flight, struct attempt *attempt, struct str raw);

/* -- flight_usage.c: what passed by without being held -- */

/* The counts that stand in the end of what was passed on, as the provider's dialect says them. */
void usage_of_tail(struct flight *flight, struct attempt *attempt);

/* -- flight_names.c: what a body names beside its model -- */

/* May its client name what lies at a provider? Is it kept to some models; may it use this one (provider: where one is
 * named; else empty)? */
bool client_may_name_stored(const struct flight *flight);
bool client_is_kept(const struct flight *flight);
bool client_may_model(const struct flight *flight, struct str provider, struct str model);
/* As its client's `models` know it: unescaped, without Google's `models/`. {NULL,0}: it is none, or no memory. */
struct str name_of_model(struct flight *flight, struct str raw);
/* Over: it names something that its client may not, and that was answered. */
enum step names_admit(struct flight *flight, struct now now, struct actions *out) MUST_USE;

/* -- flight_redact.c: what providers are not to read -- */

/* The body is whole: it goes up without that. Over: it cannot be, and that was answered. */
enum step redact_admit(struct flight *flight, struct now now, struct actions *out) MUST_USE;

/* -- flight_stored.c: stored responses -- */

/* The request's body from now on: copied. false: no memory. */
bool body_replace(struct flight *flight, struct str body) MUST_USE;

/* Before a request is admitted: notes what is to be stored, and recalls what it goes on from. Each: on when it may
 * be admitted. */
enum step stored_recall(struct flight *flight, struct now now, struct actions *out) MUST_USE;
enum step stored_recalled(struct flight *flight, const struct event *event, struct now now,
                          struct actions *out) MUST_USE;
/* How many bytes of a whole answer are held before it is passed on as it comes; and once it is: it will not be kept. */
size_t stored_held_max(const struct flight *flight);
void stored_give_up(struct flight *flight);
/* A response object, or the data of an event that holds one, of a provider that was told what was said before and not
 * the id: with the id. As it is where there is nothing to say; {NULL,0}: no memory. */
struct str stored_told(struct flight *flight, struct str json);
/* The same of a whole event: what is passed on. */
struct str stored_told_event(struct flight *flight, const struct sse_event *event);
/* The whole answer, a response object; or an event that may hold one; or frames written for the caller. */
void stored_keep(struct flight *flight, struct str response, struct actions *out);
void stored_keep_event(struct flight *flight, struct str type, struct str data, struct actions *out);
void stored_keep_frames(struct flight *flight, struct str frames, struct actions *out);

/* -- flight_raw.c: a provider's own API -- */

/* Copies what the head says. false: no memory. */
bool raw_keep(struct flight *flight, const struct flight_request *request);
bool raw_keeps(const struct flight *flight, const struct flight_request *request, unsigned uses, struct str name);
enum step raw_admit(struct flight *flight, struct now now, struct actions *out) MUST_USE;
bool raw_request(struct flight *flight, struct attempt *attempt);
bool raw_passes_up_now(const struct flight *flight, const struct provider *provider, struct str name);
/* Is this header named by Connection, of one hop then (RFC 9110, section 7.6.1)? */
bool header_is_named_by_connection(const struct http_header *headers, size_t count, struct str name);
bool raw_passes_back(const struct provider *provider, struct str name);
/* From the last bytes of the reply. */

/* -- flight_fetch.c: images and documents that stand in the request as URLs, for providers that take none -- */

/* Begins to fetch the next one, if what this target must be sent wants it. On: it wants none; else the flight waits or
 * has been answered. */
enum step files_fetch(struct flight *flight, const struct target *target, struct now now, struct actions *out) MUST_USE;
bool files_needed(const struct flight *flight, const struct target *target);
/* On: it stands in the request, and the next target may be tried. */
enum step files_fetched(struct flight *flight, const struct event *event, struct now now, struct actions *out) MUST_USE;

/* -- flight_edit.c: the caller's own words, but for what a target refuses -- */

/* What becomes of what cannot be said there: by the request, its route, or the target's provider. */
enum unsupported flight_unsupported(const struct flight *flight, const struct target *target);
/* false: of these (bits of enum feature), which the target cannot be told, one means something; *error says which. */
bool losses_fit(const struct flight *flight, const struct target *target, uint64_t lost, struct error *error);
/* The same of the members of a chat request that the target refuses. */
bool edit_fits(const struct flight *flight, const struct target *target, struct error *error);
/* *body as it goes to the attempt's target, in the flight's arena where it differs; names what is lost. false: no
 * memory.
 */
bool edit_openai(struct flight *flight, struct attempt *attempt, struct str *body);
bool edit_alike(struct flight *flight, struct attempt *attempt, struct str *body);
/* The same of a body that says no cap on its answer, where a budget wants one. */
bool edit_cap(struct flight *flight, struct attempt *attempt, struct str *body);
/* The names of these bits, separated by commas, in the flight's arena; {NULL,0}: there are none, or no memory. */
struct str names_join(struct flight *flight, uint64_t bits, struct str (*name)(unsigned));
/* Notes what is dropped and changed, and the names of all that is, for headers and story. */
void losses_tell(struct flight *flight, struct attempt *attempt, const struct fit *fit);

/* -- flight_params.c: what a route says to the model of a target, beside what the caller says -- */

/* What is known of the target, for who writes to it: by itself; with what its route says. */
struct codec_target params_plain_target(const struct flight *flight, const struct target *target);
struct codec_target params_target(const struct flight *flight, const struct candidate *candidate);
/* NULL: nothing, to this target or in this request. */
const struct target_params *params_at(const struct flight *flight, const struct candidate *candidate);
/* fit_request() of what was asked, with the params of the attempt's target in it: *asked has them too. `said`: what the
 * caller says besides what stands there. What the target cannot be told of them is left out, and named as dropped; what
 * they change as changed. */
void params_fit(const struct flight *flight, const struct attempt *attempt, const struct codec_target *there,
                enum unsupported unsupported, uint64_t said, struct message_request *asked,
                struct message_request *fitted, struct fit *fit);
/* The same for the caller's own body: the rules that put them into it; *effort: the model's then. false: no memory. */
bool params_rules(struct flight *flight, struct attempt *attempt, enum unsupported unsupported, struct edit_rule *rules,
                  size_t room, size_t *count, struct fit *told, enum message_effort *effort);
/* "params":{...}: what would be said there beside what the caller says; nothing where there are none. */
void params_tell(const struct flight *flight, const struct candidate *candidate, struct text *text);

/* -- flight_translate.c: between dialects -- */

/* The caller's body as a canonical message; and what of it every path must know. false: *error. */
bool translate_read(struct flight *flight, struct error *error, struct str *param);
bool translate_admit(struct flight *flight, struct error *error, struct str *param);
bool translate_needed(const struct flight *flight, const struct target *target);
/* The request goes up in the caller's own words, even where the reply is framed anew (an array for events). */
bool translate_asks_alike(const struct flight *flight, const struct target *target);
/* The dialect in which the target is asked. */
enum dialect translate_towards(const struct flight *flight, const struct target *target);
/* false: the target cannot be asked for this; *error says why, where there is more to say than that. */
bool translate_fits(struct flight *flight, const struct target *target, struct error *error);
/* Path, body and states of an attempt that is not spliced OpenAI. false: no memory. */
bool translate_request(struct flight *flight, struct attempt *attempt);
/* No further attempt can need the message. */
void translate_release(struct flight *flight);
/* Its body is another now, and the message with it: *other is what is read of that one, and becomes what was read of
 * the one before, which attempts that are under way may still be sent out of. */
void translate_turn(struct flight *flight, struct canonical *other);
/* Where the caller's dialect wants usage and the provider said none: an estimate by the text. true: it was filled in.
 */
bool translate_usage(const struct flight *flight, uint64_t said_bytes, struct usage *usage);
struct codec_caller translate_caller(const struct flight *flight, const struct attempt *attempt, struct now now);
/* A whole reply: its usage is read, and *body becomes what the caller gets (in scratch, where it was translated). */
enum failure translate_whole(struct flight *flight, struct attempt *attempt, struct now now, struct str *body);
/* A whole reply that is a part of a stream, as its events: borrowed from the body. */
enum failure translate_part(struct flight *flight, struct attempt *attempt, struct str body, struct now now,
                            struct message_events *events);
int translate_status(const struct flight *flight, int status);
/* By weir's table: a word of another vendor means nothing to the caller's SDK, or something else. */
void translate_error(const struct flight *flight, struct message_event *error, enum failure failure);
bool translate_error_tell(struct flight *flight, const struct attempt *last, struct str body, struct now now,
                          struct actions *out);
bool translate_error_pass(struct flight *flight, const struct attempt *last, struct str body, struct now now,
                          struct actions *out);
void translate_write_break(struct flight *flight, struct attempt *attempt, enum failure failure, struct str message,
                           struct now now, struct text *text);

/* -- flight_resume.c: streams that are gone on with elsewhere -- */

void resume_admit(struct flight *flight, struct now now);
/* A new attempt of a stream that is being continued. false: no memory. */
bool resume_begin(struct flight *flight, struct attempt *attempt) MUST_USE;
/* Adds the text so far, and what it is to do with it. false: no memory. */
bool resume_say(struct flight *flight, const struct attempt *attempt, struct message_request *asked);
/* A spliced event's text is noted, as it may have to be gone on with. false: no memory. */
bool resume_note(struct flight *flight, struct attempt *attempt, struct str data, struct now now) MUST_USE;
/* The events that are to be written: their text is noted; of a continuation only what is new stays. */
enum step resume_take(struct flight *flight, struct attempt *attempt, struct message_events *events,
                      struct now now) MUST_USE;
/* It refused to go on, though the caller's request was good: may the next one, or the same in other words? */
bool resume_refused(struct flight *flight, const struct attempt *attempt);
/* On: the attempt has been settled and another target may go on; over: none can, and nothing was done. */
enum step resume_try(struct flight *flight, struct attempt *attempt, enum failure failure, struct now now,
                     struct actions *out) MUST_USE;

/* -- flight_cost.c: what a stream has cost, to callers that ask -- */

bool cost_is_wanted(const struct flight *flight);
/* Events for the caller, with what has been spent in the usage of each that has one, where that is wanted and known:
 * else the same. {NULL,0}: no memory. */
struct str cost_tell(struct flight *flight, struct attempt *attempt, struct str bytes);
/* With the member in each usage object. Lines of JSON, or of events with a document a line. */
struct str cost_put(struct str bytes, struct str member, struct arena *arena);

/* -- flight_calls.c: several answers, a call each -- */

/* Has one of them been made? Is another one to be made after this attempt's? */
bool calls_has(const struct flight *flight);
bool calls_more(const struct flight *flight, const struct attempt *attempt);
/* Has it made one of them? */
bool attempt_made_one(const struct attempt *attempt);
/* A new attempt: whether it makes one of them, and which. */
void calls_join(struct flight *flight, struct attempt *attempt);
/* The attempt that has just made one, and after which nobody was asked yet; NULL: the last one failed, or runs. */
const struct attempt *calls_last(const struct flight *flight);
/* A settled attempt has made its answer, and is not the last: another is due. */
void calls_count(struct flight *flight, const struct attempt *attempt, struct now now);
/* Is the next one due? It is seen to then. */
bool calls_take_due(struct flight *flight);
/* Of this attempt, and of those that made the answers before its own; -1: not known of all. */
struct usage calls_usage(const struct flight *flight, const struct attempt *attempt);
int64_t calls_cost(const struct flight *flight, const struct attempt *attempt);
/* Of a cost that is known what it was for. */
void calls_cost_shares(const struct flight *flight, const struct attempt *attempt, int64_t shares[price_shares]);
/* The whole replies of all of them as one, in scratch; *reply is the last one's. false: no memory. */
bool calls_gather(struct flight *flight, const struct attempt *last, struct message_reply *reply);
/* Without the credentials of all of them. {NULL,0}: no memory. */
struct str calls_masked(struct flight *flight, const struct attempt *last, struct str text);
/* An event as it stands in the one stream of all of them. false: it does not. */
bool calls_event(const struct flight *flight, const struct attempt *attempt, struct message_event *event);

/* -- flight_rest.c: the way of the rest of a stream -- */

/* Can it be asked to go on with the stream that broke? */
bool rest_fits(struct flight *flight, const struct target *target, struct error *error);
/* Path and body; what the caller's stream is written with goes on where it was. false: no memory. */
bool rest_request(struct flight *flight, struct attempt *attempt);

/* -- flight_answer.c: all that reaches the caller -- */

/* An estimate of weir's own of the prompt's tokens: x-weir-estimated. Always step_over. */
enum step answer_count(struct flight *flight, int64_t tokens, struct now now, struct actions *out);
/* weir's own words; always step_over. */
enum step answer_error(struct flight *flight, enum error_code code, struct str message, struct str param,
                       struct now now, struct actions *out);
/* With a moment when trying again may help; until_ns 0: not known. Always step_over. */
enum step answer_refused(struct flight *flight, enum error_code code, uint64_t until_ns, struct now now,
                         struct actions *out);
/* `message` empty: the code's own sentence; retry_after_ms -1: not known; last: whose failure it was, or NULL. */
void answer_error_status(struct flight *flight, enum error_code code, int status, struct str message, struct str param,
                         int64_t retry_after_ms, const struct attempt *last, struct now now, struct actions *out);
void answer_json(struct flight *flight, int status, struct str body, int64_t retry_after_ms, const struct attempt *last,
                 struct now now, struct actions *out);
/* The words, or where there was no memory for them the ones for that, which every dialect's callers can read. */
struct str answer_words(struct flight *flight, const struct text *text, int *status);
void answer_head(struct flight *flight, const struct attempt *attempt, int status, int64_t content_length,
                 struct now now, struct actions *out);
/* The error that the provider answered with, as it came. */
void answer_providers_word(struct flight *flight, const struct attempt *last, struct str body, struct now now,
                           struct actions *out);
void answer_bytes(struct flight *flight, struct str bytes, struct actions *out);
/* weir's own error event in a stream that is not whole, in the caller's dialect; `message` empty: that the stream
 * broke, and why. */
void answer_error_event(struct flight *flight, struct attempt *attempt, enum failure failure, struct str message,
                        struct now now, struct actions *out);
/* A stream that was to go on elsewhere has a head already: it ends as a broken one does, and is not answered again. */
void answer_break(struct flight *flight, enum failure failure, struct now now, struct actions *out);
void answer_held(struct flight *flight, struct attempt *attempt, struct actions *out);
/* The answer is complete; or breaks off, so that its caller does not take it for the whole. */
void answer_end(struct flight *flight, struct now now, struct actions *out);
void answer_abort(struct flight *flight, struct now now, struct actions *out);

/* The head of an answer that another request took: without an attempt, at no cost. */
void answer_given_head(struct flight *flight, int64_t content_length, struct now now, struct actions *out);

/* -- flight_end.c: no target served it -- */

/* What stood against all of them; until_ns as in answer_refused. */
void end_by_refusal(struct flight *flight, enum error_code code, uint64_t until_ns, struct now now,
                    struct actions *out);
void end_by_failure(struct flight *flight, const struct attempt *last, struct now now, struct actions *out);

/* -- flight_settle.c: ends -- */

/* When it was begun, in UTC. */
int64_t attempt_started_s(const struct flight *flight, const struct attempt *attempt);
/* Sets what it is charged, by what is known of it so far: ours, and the provider's own word where that is not known. */
void attempt_price(const struct flight *flight, struct attempt *attempt);
void attempt_settle(struct flight *flight, struct attempt *attempt, enum failure failure, struct now now,
                    struct actions *out);
void flight_close(struct flight *flight, struct now now, struct actions *out);
/* Back-pressure: only what delivers is held up, so that nobody's first token is late for the caller's sake. */
void attempt_read(struct attempt *attempt, bool wanted, struct actions *out);
void attempt_cancel(struct attempt *attempt, struct actions *out);
/* It is the answer now: the other of the two that run, if there is one, is broken off. */
void attempt_wins(struct flight *flight, struct attempt *winner, struct now now, struct actions *out);

#endif
