/* flight_internal.h - what a flight is made of, between its own files; tests and the simulator look inside too.
 *
 * The spine is flight.c; each state's work is a file: flight_admit.c, flight_attempt.c, flight_reply.c,
 * flight_stream.c, flight_answer.c, flight_settle.c. Between dialects: flight_translate.c, flight_events.c,
 * flight_fetch.c, flight_stored.c. Three machines, each an enum with one setter: the flight, each attempt, the caller.
 *
 *   receiving -> trying <-> (next target) -> answering -> answered -> closed         any -> closed
 *   attempt: connecting -> sent -> replying -> delivering -> settled                 any -> settled
 *   caller:  waiting -> headed -> ended                                              any -> gone
 */
#ifndef WEIR_FLIGHT_FLIGHT_INTERNAL_H
#define WEIR_FLIGHT_FLIGHT_INTERNAL_H

#include "base/limits.h"
#include "dialect/forecast.h"
#include "dialect/lines.h"
#include "dialect/openai/openai.h"
#include "dialect/order.h"
#include "dialect/outbound.h"
#include "dialect/ratelimit.h"
#include "dialect/sse.h"
#include "flight/flight.h"
#include "flight/flight_way.h"
#include "flight/refusals.h"

enum flight_state { flight_receiving, flight_trying, flight_answering, flight_answered, flight_closed, flight_states };
enum attempt_state {
    attempt_connecting,
    attempt_sent,
    attempt_replying,   /* the head has come; nothing of it has reached the caller */
    attempt_delivering, /* this attempt's bytes reach the caller: no failover any more */
    attempt_settled,
    attempt_states
};
enum caller_state { caller_waiting, caller_headed, caller_ended, caller_gone, caller_states };

/* How a reply is taken. */
enum reply_mode {
    reply_whole,  /* held until it is complete and read */
    reply_opaque, /* passed on as it comes: audio, and whole replies past limit_held_reply */
    reply_events, /* a stream of events */
    reply_error,  /* a status of 300 and more: held up to a limit, then classified */
};

enum { attempt_tail_size = 512 };

/* Why a candidate does not get the next attempt. */
#define REFUSAL_TABLE(X)                                                       \
    X(tried, "it was tried and failed")                                        \
    X(draining, "it is drained or in maintenance")                             \
    X(breaker_open, "its circuit breaker is open")                             \
    X(breaker_open_for_client, "it failed this client alone, again and again") \
    X(cooling, "its keys cool down")                                           \
    X(credential_refused, "the provider refused its credentials a moment ago") \
    X(quota_exhausted, "the credit or quota of its keys is used up")           \
    X(rate_limited, "its rate limit is reached")                               \
    X(too_many_in_flight, "as many requests as it takes are in flight")        \
    X(line_share, "its client has its share of the places in line")            \
    X(not_holder, "another target holds the route's lock")                     \
    X(other_dialect, "a stream is continued in OpenAI's dialect only")         \
    X(too_late, "the request's deadline has passed")

enum refusal {
    refusal_none,
#define X(name, sentence) refusal_##name,
    REFUSAL_TABLE(X)
#undef X
        refusals
};
struct str refusal_name(enum refusal refusal);

/* A target that may serve this request, and what became of it. */
struct candidate {
    const struct target *target;
    struct place_cells *place; /* of its route; NULL: none */
    double weight;
    double score;         /* at the last choice */
    enum refusal refusal; /* at the last choice */
    enum failure failure; /* of its last attempt */
    uint16_t tries;
    uint64_t refused_keys; /* a bit per key that refused this request and does not rest: others are asked first */
    bool raced;            /* another request took what it needed, in this choice */
};

/* What an attempt took, and owes exactly one settling of each. */
struct holds {
    bool gate, in_flight, breaker, provider_breaker;
    struct breaker_ticket ticket, provider_ticket;
    struct limiter_ticket requests_minute, requests_hour, tokens_minute;
    unsigned key;  /* which of the provider's */
    bool reported; /* its first good token has been told to the breakers */
};

/* Why a flight in `trying` has no live attempt. */
enum flight_waiting {
    waiting_none,
    waiting_backoff,
    waiting_rate,
    waiting_line,
    waiting_fetch,
    waiting_recall,
    waitings
};

/* flight_wait.c */
struct waiting {
    enum flight_waiting why;
    struct candidate *candidate; /* backoff and rate: who is tried when it is over; line: whose provider */
    uint64_t until_ns;           /* stays when it is over */
    bool shares_line;            /* its place in line is one of its client's share */
};

/* The machines of a flight, and a note of each move: the last ones, for whoever must understand how it came here. */
enum machine {
    machine_flight,
    machine_attempt,
    machine_caller,
    machine_waiting,
    machine_hedge,
    machine_resume,
    machines
};
struct transition {
    uint32_t at_ms;                    /* since it arrived */
    uint8_t machine, number, from, to; /* number: which attempt */
};
enum { transitions_kept = 16 };
struct transitions {
    uint32_t count; /* of all moves; the last transitions_kept of them stand in the ring */
    struct transition ring[transitions_kept];
};

/* What became of what was under way. */
enum step {
    step_on,    /* it goes on: the next thing is to be done */
    step_waits, /* an event is awaited: nothing more is to be done now */
    step_over,  /* the flight has been answered, or the attempt has its end: nothing more is to be done with it */
};
#define MUST_USE __attribute__((warn_unused_result))

/* What a provider's stream of events is read with (flight_stream.c). */
struct attempt_stream {
    struct sse sse;
    struct lines lines; /* where a stream is a line of JSON each: */
    bool by_line;
    bool has_terminator; /* a stream that is whole has one, or a finish */
    bool saw_finish, saw_done;
    uint32_t events, events_dropped;
};

/* What came back (flight_attempt.c, flight_reply.c). */
struct attempt_reply {
    int status; /* 0: none */
    enum reply_mode mode;
    bool until_close;
    bool error_cut; /* an error's body that was too long to hold: what is held is not whole */
    struct str content_type;
    int64_t content_length;      /* -1: not said */
    int64_t retry_after_ms;      /* -1: not said */
    struct ratelimit limits;     /* what the provider said of its own */
    struct http_header *headers; /* those that may go back, copied */
    size_t header_count;
    struct mask_stream masked; /* of the body: what waits because it may begin a credential */
    struct chunks held;        /* what came and has not been passed on */
    char *tail; /* the last bytes of an opaque one, attempt_tail_size of them: its usage stands there; may be NULL */
    size_t tail_len;
};

/* How its provider speaks: a way's own affair (flight_translate.c, flight_events.c; splice and raw: the codec alone,
 * for errors). */
struct attempt_dialect {
    const struct codec *codec;
    const struct codec_quirks *quirks;
    void *reader, *writer;  /* of the stream, as their codecs want them */
    struct order *order;    /* between them; NULL: calls come one after the other as it is */
    struct str dropped;     /* what it cannot say: names, separated by commas */
    uint64_t said_bytes;    /* of text, reasoning and arguments, in a translated stream */
    uint64_t next_sequence; /* the number of the caller's next event, where the provider's numbers pass; else 0 */
    bool usage_told;        /* by estimate, to the caller, whose dialect wants one: x-weir-estimated */
};

/* flight_splice.c */
struct attempt_splice {
    bool asked_usage;                 /* weir asked for the usage chunk: it is kept from the caller */
    struct openai_event_shape *shape; /* from the first token on; NULL: no memory for it */
};

/* flight_resume.c: does it go on with what another began? */
enum continuing {
    continuing_not,
    continuing_awaited, /* its first text is awaited, to see what it repeats */
    continuing_passes,  /* what it repeats has been left out */
};
struct attempt_continuation {
    enum continuing state;
    struct text pending; /* awaited */
};

/* Why it failed (flight_word.c), for log and explain; never for a caller of role user. */
struct attempt_word {
    char text[160];    /* the provider's or the connection's own */
    bool is_providers; /* it may quote its caller */
    char code[48];     /* its code or type of the error, where that is a plain name; empty: none */
};

struct attempt {
    unsigned number; /* from 0 */
    const struct target *target;
    struct candidate *candidate;
    const struct way *way; /* chosen once */
    struct holds holds;
    uint32_t lock_epoch; /* exclusive: under which it was sent; 0: as a guest, beside the lock */
    enum attempt_state state;
    enum failure failing; /* what it has just failed of, for the spine to see to; failure_none: it goes on */
    enum failure failure; /* failure_none once settled: it succeeded */
    enum key_rest rests;  /* why its key cools down from its end on */
    uint64_t started_ns, sent_ns, head_ns, first_token_ns, last_token_ns, ended_ns; /* 0: did not happen */
    struct usage usage;
    bool usage_estimated;  /* it ended before the provider had counted */
    int64_t cost_nano_usd; /* -1: not known */
    bool hedge;            /* begun beside another */
    bool body_sent;        /* the request's bytes are no longer needed for this call */
    bool call_over;        /* no event of the call can come any more, so it is not cancelled */
    struct {
        struct str path;
        struct openai_splice body;
    } request; /* as sent */
    struct attempt_reply reply;
    struct attempt_stream stream;
    struct attempt_dialect dialect;
    struct attempt_splice splice;
    struct attempt_continuation continuation;
    struct attempt_word word;
};

/* -- what a flight is made of: each part is written by one file -- */

/* The x-weir-* headers that steer (flight_admit.c). {NULL,0}: not sent. */
struct steering {
    struct str targets, strategy, timeout_ms, session, tags;
};

/* What else the caller's head said (flight_admit.c). */
struct caller_head {
    enum http_method method; /* of the attempts too */
    struct str path_model;
    bool wants_array;             /* Gemini: a stream as one JSON array */
    const struct flight_raw *raw; /* of a provider's own API; else NULL */
    struct str content_type;
    struct http_header *headers; /* that may go up, by the dialect's list and the provider's own */
    size_t header_count;
};

/* flight.c */
struct caller_body {
    struct chunks chunks;
    size_t most;
    struct str whole; /* set when it is complete; given back once no attempt can need it */
};

/* The request as it is said to providers of other dialects (flight_translate.c). */
struct canonical {
    enum {
        canonical_not_read,
        canonical_read,
        canonical_impossible
    } state;            /* the body cannot be said in other words */
    struct arena arena; /* holds the one of them that is not NULL */
    struct message_request *message;
    struct embed_request *embed;
    struct forecast *forecast;
    bool shows_reasoning;
};

/* Got from the web for it (flight_fetch.c). */
struct fetched_files {
    struct message_part *part; /* waiting_fetch: this one's */
    unsigned count;
    size_t bytes; /* as base64, wherever they stand */
};

/* Is its answer, when it is whole, to be stored (flight_stored.c)? */
enum storing {
    storing_not,
    storing_wanted,
    storing_done,     /* handed to the store */
    storing_given_up, /* it is too large for it: x-weir-stored */
};
struct stored {
    enum storing state;
    bool reasoning_dropped; /* bare items of its input: x-weir-dropped */
    struct str previous;    /* the response that it goes on from; {NULL,0}: none */
    struct chunks *input;   /* of what is stored; NULL: nothing */
};

/* Who may serve it: made by flight_admit.c, from then on flight_choose.c's. */
struct choice {
    struct str model;        /* asked for */
    const struct rule *rule; /* what it falls under; NULL: none */
    const struct route *route;
    enum strategy by; /* the route's, or what x-weir-strategy asked for */
    struct candidate *candidates;
    size_t count, room;
    struct error *unfit; /* why the last target that was left out cannot serve it; NULL: there was none */
    struct str unfit_param;
};

/* What it holds of its client's (flight_hold.c). */
struct client_holds {
    bool gate;
    struct limiter_ticket requests_minute, requests_hour, tokens;
};

/* A second attempt beside the first (flight_hedge.c). At most one a flight. */
enum hedge_state { hedge_unused, hedge_refused, hedge_running, hedge_over, hedge_states };

/* May its stream be continued by another target, and has it been (flight_resume.c)? */
enum resume_state { resume_off, resume_ready, resume_going, resume_spent, resume_states };
struct resume {
    enum resume_state state;
    struct chunks delivered; /* the text that the caller has: ready and going */
    struct str stream_id;    /* of its first chunk, with its quotes */
    struct str prefill;      /* how a target that takes one is asked to go on; the others: request.continuation */
};

struct times {
    uint64_t arrived_ns;
    int64_t arrived_wall_ns;
    uint64_t timeout_ns;  /* of the request: the shorter of configuration and x-weir-timeout-ms */
    bool timeout_given;   /* by the caller: a hard cap */
    uint64_t deadline_ns; /* up to a stream's first token, or a whole reply */
    uint64_t timer_ns;    /* asked for; 0: none */
    bool timer_moved;     /* something else may be due next since */
};

/* What the caller got (flight_answer.c). */
struct answer {
    int status;
    enum error_code error; /* by weir itself; error_none: a provider's answer */
    struct error said;
    struct str limit_scope; /* whose limit it ran into: "client", "provider" */
    bool estimated;         /* it is a count of weir's own */
    uint64_t bytes;
};

struct flight {
    const struct flight_host *host;
    const struct snapshot *snapshot; /* the host holds it for as long as the flight lives */
    const struct client *client;
    uint64_t client_hash;  /* of its name; callers without a key are one: 0 */
    struct budget *budget; /* its client's share: all that is held for it is counted there */
    struct arena arena;
    struct str request_id; /* as the caller knows it: its own word, where it sent one */
    struct str own_id;     /* weir's: no other request has it */
    bool previews;         /* nothing of the choice is written down */

    enum endpoint endpoint;
    const struct door *door;   /* how it came in */
    const struct codec *codec; /* the caller's dialect */
    struct steering steering;
    struct caller_head head;
    struct caller_body body;
    struct openai_request request;
    int64_t prompt_tokens; /* by estimate */
    struct canonical canonical;
    struct fetched_files files;
    struct stored stored;

    enum flight_state state;
    struct transitions transitions;
    struct times times;
    struct choice choice;
    struct waiting waiting;
    struct client_holds client_holds;
    struct attempt *attempts[limit_attempts];
    unsigned attempt_count;
    struct attempt *live;         /* the attempt that runs, or NULL */
    struct attempt *rival;        /* a hedge beside it, until one of the two delivers */
    const struct attempt *winner; /* the one whose bytes the caller got first; NULL: none */
    enum hedge_state hedge;
    struct resume resume;

    enum caller_state caller;
    bool caller_is_full;
    struct answer answer;
};

/* -- flight_state.c -- */

/* CHECKs that the move may be made, and notes it. For the setters, each of which then does what entering means. */
void state_move(struct flight *flight, enum machine machine, unsigned number, unsigned from, unsigned to,
                struct now now);
/* The last moves: "0 ms flight receiving > trying, ...". */
void transitions_put(const struct flight *flight, struct text *text);
void flight_enter(struct flight *flight, enum flight_state state, struct now now);
/* Was there no memory for something of this flight's? Then what could not be read may have been right. */
bool flight_starved(const struct flight *flight);
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

/* flight_admit.c: what the request's head asks for; then, the body being complete, its route and candidates. Over:
 * answered with an error. */
enum step flight_admit_head(struct flight *flight, struct now now, struct actions *out);
enum step flight_admit(struct flight *flight, struct now now, struct actions *out) MUST_USE;
/* The part of it that reads the whole body into flight->request. */
enum step flight_read(struct flight *flight, struct now now, struct actions *out) MUST_USE;
/* The part of it that finds route, candidates and strategy for flight->request. */
enum step flight_candidates(struct flight *flight, struct now now, struct actions *out) MUST_USE;
/* -- flight_wait.c -- */

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
/* What was waited for has come. Answers the candidate it was for, NULL: none. */
struct candidate *wait_over(struct flight *flight, struct now now);
/* It is not awaited any more: what waiting took is given back. */
void wait_give_up(struct flight *flight, struct now now, struct actions *out);
/* flight_choose.c: which candidate is next. */
void flight_try_next(struct flight *flight, struct now now, struct actions *out);
/* The place in line has come. */
void flight_turn(struct flight *flight, struct now now, struct actions *out);
/* The time that it waits until has come. */
void flight_wait_over(struct flight *flight, struct now now, struct actions *out);
/* What stands against it; *soonest_ns: not later than when that ends. */
void choice_look(const struct flight *flight, struct candidate *candidate, struct now now, uint64_t *soonest_ns);
/* The best of those that nothing stands against; NULL: there is none. */
struct candidate *choice_best(struct flight *flight, struct now now);
/* What this request would cost there, by estimate; -1: not known. */
int64_t choice_cost(const struct flight *flight, const struct target *target);
/* A candidate beside the live one, by the route's strategy, its holds taken; NULL: there is none. */
struct candidate *flight_choose_other(struct flight *flight, struct now now, struct holds *holds, struct actions *out);
/* flight_hedge.c: when a second attempt is due (UINT64_MAX: never); its beginning, if it may. */
uint64_t hedge_due_ns(const struct flight *flight);
void hedge_begin(struct flight *flight, struct now now, struct actions *out);
/* flight_hold.c: what attempts and flights take of the shared words. */
enum refusal hold_look(const struct flight *flight, const struct candidate *candidate, struct now now,
                       uint64_t *until_ns);
enum refusal hold_take(struct flight *flight, const struct candidate *candidate, bool has_gate, struct now now,
                       struct holds *holds, struct actions *out);
void hold_good(struct flight *flight, struct attempt *attempt, struct now now);
void hold_settle(struct flight *flight, struct attempt *attempt, struct now now, struct actions *out);
/* What was taken for an attempt that never began. */
void hold_give_back(const struct candidate *candidate, const struct holds *taken, struct now now, struct actions *out);
int64_t flight_tokens_reserved(const struct flight *flight);
/* A failure that no caller can bring about: nothing had been sent. */
bool hold_is_nobodys(enum failure failure);
/* Over: a limit of its own is reached, and it has been answered. */
enum step hold_client(struct flight *flight, struct now now, struct actions *out) MUST_USE;
void hold_client_settle(struct flight *flight, struct now now);
/* flight_lock.c: the candidate that holds the route, taking or moving the lock where it must; NULL: nobody can. */
struct candidate *lock_holder(struct flight *flight, struct now now, uint32_t *epoch, uint64_t *until_ns);
/* Who holds it as things stand; nothing is taken or moved. */
/* An untried one beside the lock, for a request that its holder alone fails; NULL: none, or it is not such a request.
 */
struct candidate *lock_guest(struct flight *flight, struct now now);
struct candidate *lock_shown(struct flight *flight);
void lock_settle(struct flight *flight, struct attempt *attempt, struct now now);
/* flight_attempt.c */
/* Sends to this candidate, whose holds have been taken. false: no memory; they have been settled. */
bool attempt_begin(struct flight *flight, struct candidate *candidate, const struct holds *holds, uint32_t lock_epoch,
                   struct now now, struct actions *out);
enum step attempt_head(struct flight *flight, struct attempt *attempt, const struct event *event,
                       struct now now) MUST_USE;
/* When it has waited long enough, and what it then failed of. */
uint64_t attempt_deadline(const struct flight *flight, const struct attempt *attempt, enum failure *failure);
/* -- flight_masked.c: the credentials that an attempt sent do not come back -- */

/* What of the reply's body may be read now; the rest may begin a credential. false: no memory. */
bool masked_body(struct flight *flight, struct attempt *attempt, struct str bytes, struct str *out);
/* What is left of it at the end. */
bool masked_body_end(struct flight *flight, struct attempt *attempt, struct str *out);
/* Whole words: of a head, of an error; {NULL,0}: no memory. */
struct str masked_words(struct flight *flight, const struct attempt *attempt, struct str words);
/* What was decoded of a reply and written anew; {NULL,0}: no memory. */
struct str masked_text(struct flight *flight, const struct attempt *attempt, struct str text);
/* -- flight_word.c -- */

/* Why the attempt failed, for log and explain, in its provider's own words or in weir's. */
void attempt_said(struct flight *flight, struct attempt *attempt, struct str words, bool provider_said);
/* What the provider's code and type stand for. */
enum failure attempt_refusal(const struct attempt *attempt, const struct provider_word *word);
void attempt_said_code(struct flight *flight, struct attempt *attempt, struct str code, struct str type);
/* flight_reply.c */
enum step reply_body(struct flight *flight, struct attempt *attempt, struct str bytes, struct now now,
                     struct actions *out) MUST_USE;
enum step reply_end(struct flight *flight, struct attempt *attempt, struct now now, struct actions *out) MUST_USE;
/* flight_stream.c */
enum step stream_reply_body(struct flight *flight, struct attempt *attempt, struct str bytes, struct now now,
                            struct actions *out) MUST_USE;
enum step stream_reply_end(struct flight *flight, struct attempt *attempt, struct now now,
                           struct actions *out) MUST_USE;
/* -- flight_deliver.c -- */

/* The end of a stream that has begun and is not whole. */
void stream_break(struct flight *flight, struct attempt *attempt, enum failure failure, struct now now,
                  struct actions *out);
/* weir's own error event, in the caller's dialect; `message` empty: that the stream broke, and why. */
void stream_error_event(struct flight *flight, struct attempt *attempt, enum failure failure, struct str message,
                        struct now now, struct actions *out);
/* The failure that an error of the provider, which came in its stream, is told as. `said`: what its word stands for, or
 * failure_none; status: what it said, or 0. */
enum failure stream_failure(enum failure said, int status);
/* The parts of a stream that do not depend on its dialect. Bytes go to the caller, or wait until the attempt delivers;
 * not `stays`: they must be copied to do so. */
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
/* The event that ends a stream which is not whole, in the caller's dialect. */
void stream_write_break(struct flight *flight, struct attempt *attempt, enum failure failure, struct str message,
                        struct now now, struct actions *out);
/* -- flight_splice.c: OpenAI's own words on both sides (flight_way.h says what each is) -- */

bool splice_can(const struct flight *flight, const struct provider *provider);
bool splice_fits(struct flight *flight, const struct target *target, struct error *error);
bool splice_read(struct flight *flight, struct error *error, struct str *param);
bool splice_request(struct flight *flight, struct attempt *attempt);
enum failure splice_whole(struct flight *flight, struct attempt *attempt, struct now now, struct str *body);
bool splice_error_tell(struct flight *flight, const struct attempt *last, struct str body, struct now now,
                       struct actions *out);
void splice_usage(struct flight *flight, struct attempt *attempt);
void splice_delivers(struct flight *flight, struct attempt *attempt);
void splice_write_break(struct flight *flight, struct attempt *attempt, enum failure failure, struct str message,
                        struct now now, struct text *text);
enum step splice_event(struct flight *flight, struct attempt *attempt, const struct sse_event *event, struct now now,
                       struct actions *out) MUST_USE;
/* flight_events.c: an event of a stream that is read by its codec. */
enum step events_take(struct flight *flight, struct attempt *attempt, const struct sse_event *event, struct now now,
                      struct actions *out) MUST_USE;
/* The terminator in the caller's dialect, where the provider's has none. */
enum step events_end(struct flight *flight, struct attempt *attempt, struct now now, struct actions *out) MUST_USE;
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

/* flight_translate.c: the caller's body as a canonical message; and what of it every path must know. false: *error. */
bool translate_read(struct flight *flight, struct error *error, struct str *param);
bool translate_admit(struct flight *flight, struct error *error, struct str *param);
/* -- flight_stored.c: stored responses -- */

/* Before a request is admitted: notes what is to be stored, and recalls what it goes on from. Each: on when it may
 * be admitted. */
enum step stored_recall(struct flight *flight, struct now now, struct actions *out) MUST_USE;
enum step stored_recalled(struct flight *flight, const struct event *event, struct now now,
                          struct actions *out) MUST_USE;
/* How many bytes of a whole answer are held before it is passed on as it comes; and once it is: it will not be kept. */
size_t stored_held_max(const struct flight *flight);
void stored_give_up(struct flight *flight);
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
void raw_usage(struct flight *flight, struct attempt *attempt);

/* -- flight_fetch.c: images and documents that stand in the request as URLs, for providers that take none -- */

/* Begins to fetch the next one, if what this target must be sent wants it. On: it wants none; else the flight
 * waits or has been answered. */
enum step files_fetch(struct flight *flight, const struct target *target, struct now now, struct actions *out) MUST_USE;
bool files_needed(const struct flight *flight, const struct target *target);
/* On: it stands in the request, and the next target may be tried. */
enum step files_fetched(struct flight *flight, const struct event *event, struct now now, struct actions *out) MUST_USE;

bool translate_needed(const struct flight *flight, const struct provider *provider);
/* The request goes up in the caller's own words, even where the reply is framed anew (an array for events). */
bool translate_asks_alike(const struct flight *flight, const struct provider *provider);
/* false: the target cannot be asked for this; *error says why, where there is more to say than that. */
bool translate_fits(struct flight *flight, const struct target *target, struct error *error);
/* Path, body and states of an attempt that is not spliced OpenAI. false: no memory. */
bool translate_request(struct flight *flight, struct attempt *attempt);
/* No further attempt can need the message. */
void translate_release(struct flight *flight);
/* Where the caller's dialect wants usage and the provider said none: an estimate by the text. true: it was filled in.
 */
bool translate_usage(const struct flight *flight, uint64_t said_bytes, struct usage *usage);
struct codec_caller translate_caller(const struct flight *flight, const struct attempt *attempt, struct now now);
/* A whole reply: its usage is read, and *body becomes what the caller gets (in scratch, where it was translated). */
enum failure translate_whole(struct flight *flight, struct attempt *attempt, struct now now, struct str *body);
int translate_status(const struct flight *flight, int status);
/* By weir's table: a word of another vendor means nothing to the caller's SDK, or something else. */
void translate_error(const struct flight *flight, struct message_event *error, enum failure failure);
bool translate_error_tell(struct flight *flight, const struct attempt *last, struct str body, struct now now,
                          struct actions *out);
bool translate_error_pass(struct flight *flight, const struct attempt *last, struct str body, struct now now,
                          struct actions *out);
void translate_write_break(struct flight *flight, struct attempt *attempt, enum failure failure, struct str message,
                           struct now now, struct text *text);
/* flight_resume.c */
enum resume_pass {
    resume_not_ours, /* the event goes its usual way */
    resume_passed,   /* it has been passed on, or is held */
    resume_no_memory,
};
void resume_admit(struct flight *flight, struct now now);
/* A new attempt of a stream that is being continued. */
void resume_begin(struct flight *flight, struct attempt *attempt);
enum resume_pass resume_event(struct flight *flight, struct attempt *attempt, const struct sse_event *event,
                              enum openai_event_kind kind, struct now now, struct actions *out);
/* On: the attempt has been settled and another target may go on; over: none can, and nothing was done. */
enum step resume_try(struct flight *flight, struct attempt *attempt, enum failure failure, struct now now,
                     struct actions *out) MUST_USE;
void resume_give_up(struct flight *flight, enum failure failure, struct now now, struct actions *out);
/* flight_answer.c */
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
void answer_held(struct flight *flight, struct attempt *attempt, struct actions *out);
/* The answer is complete; or breaks off, so that its caller does not take it for the whole. */
void answer_end(struct flight *flight, struct now now, struct actions *out);
void answer_abort(struct flight *flight, struct now now, struct actions *out);
/* -- flight_end.c: no target served it -- */

/* What stood against all of them; until_ns as in answer_refused. */
void end_by_refusal(struct flight *flight, enum error_code code, uint64_t until_ns, struct now now,
                    struct actions *out);
void end_by_failure(struct flight *flight, const struct attempt *last, struct now now, struct actions *out);
/* flight_settle.c */
void attempt_settle(struct flight *flight, struct attempt *attempt, enum failure failure, struct now now,
                    struct actions *out);
void flight_close(struct flight *flight, struct now now, struct actions *out);
/* Back-pressure: only what delivers is held up, so that nobody's first token is late for the caller's sake. */
void attempt_read(struct attempt *attempt, bool wanted, struct actions *out);
void attempt_cancel(struct attempt *attempt, struct actions *out);
/* It is the answer now: the other of the two that run, if there is one, is broken off. */
void attempt_wins(struct flight *flight, struct attempt *winner, struct now now, struct actions *out);

#endif
