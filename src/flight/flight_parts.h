/* flight_parts.h - what a flight is made of: its machines, and its parts, each of which one file writes. For its own
 * files; tests and the simulator look inside too.
 *
 * The spine is flight.c and says who calls whom; flight_state.c has the machines, each an enum with one setter and its
 * moves in one table; flight_way.h says how requests are made and replies become answers.
 *
 *   flight:  receiving -> trying <-> (next target) -> answering -> answered -> closed         any -> closed
 *            receiving -> answering: what another flight makes, which asked for the same (flight_cache.c)
 *   attempt: connecting -> sent -> replying -> delivering -> settled                          any -> settled
 *   caller:  waiting -> headed -> ended                                                       any -> gone
 *   waits:   none <-> backoff, rate, line, fetch, recall, twin, embedding
 *   hedge:   unused -> refused, or running -> over
 *   resume:  off -> ready -> going -> spent                                                   ready -> off
 *
 * Several answers that a target makes one by one are as many attempts: each but the last is settled in `trying`, or, of
 * a stream that has begun, in `answering`, and the next one follows it.
 */
#ifndef WEIR_FLIGHT_FLIGHT_PARTS_H
#define WEIR_FLIGHT_FLIGHT_PARTS_H

#include "base/limits.h"
#include "core/continuation.h"
#include "core/extent.h"
#include "dialect/emulate.h"
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
#include "snapshot/making.h"
#include "snapshot/prefix_memory.h"
#include "snapshot/reasoning_memory.h"

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

enum { attempt_tail_size = 1024 };

/* Why a candidate does not get the next attempt. */
#define REFUSAL_TABLE(X)                                                       \
    X(tried, "it was tried and failed")                                        \
    X(draining, "it is drained or in maintenance")                             \
    X(breaker_open, "its circuit breaker is open")                             \
    X(breaker_open_for_client, "it failed this client alone, again and again") \
    X(cooling_for_client, "this client alone has met its rate limit")          \
    X(cooling, "its keys cool down")                                           \
    X(credential_refused, "the provider refused its credentials a moment ago") \
    X(quota_exhausted, "the credit or quota of its keys is used up")           \
    X(rate_limited, "its rate limit is reached")                               \
    X(too_many_in_flight, "as many requests as it takes are in flight")        \
    X(target_rate_limited, "the rate that its route gives it is used up")      \
    X(target_full, "as many requests as its route gives it are in flight")     \
    X(limit_rate, "a rate that its client is limited to is used up")           \
    X(limit_full, "as many requests as a limit of its client gives it run")    \
    X(line_share, "its client has its share of the places in line")            \
    X(context, "its context is no larger than one that was too small")         \
    X(failover_budget, "as many failovers as the route may have were made")    \
    X(budget, "a budget of its client is spent")                               \
    X(budget_room, "it may cost more than its budgets have left")              \
    X(provider_budget, "its provider's budget is spent")                       \
    X(provider_quota, "its provider's quota is used up")                       \
    X(quota_room, "requests in flight hold what its quota has left")           \
    X(downgraded, "a budget of its client leaves it to cheaper targets")       \
    X(not_needed, "it serves when a budget of its client is nearly spent")     \
    X(unpriced, "its price is not known, and a hard budget must hold")         \
    X(unbounded, "nobody can bound its cost, and a hard budget must hold")     \
    X(client_barred, "its client's key is not good any more")                  \
    X(not_holder, "another target holds the route's lock")                     \
    X(cannot_go_on, "it cannot be asked to go on with what was begun")         \
    X(too_late, "the request's deadline has passed")

enum refusal {
    refusal_none,
#define X(name, sentence) refusal_##name,
    REFUSAL_TABLE(X)
#undef X
        refusals
};
struct str refusal_name(enum refusal refusal);

struct candidate;

/* A route that it chooses in: the one that was asked for, or one that is a target of that one (flight_level.c). */
struct level {
    const struct route *route;
    enum strategy by;
    const struct route_level *as; /* in the route around; NULL: it is the outermost */
    struct level *around;         /* NULL: the same */
    size_t first, end;            /* its candidates, those of inner levels included */
    /* At the last choice: */
    struct candidate *best; /* NULL: none of them can serve */
    struct level *through;  /* the inner level that it is the best of; NULL: it is the level's own */
    uint64_t floor;         /* round robin: see pick_pass_floor */
    uint32_t epoch;         /* of its lock, under which the best is sent; 0: as a guest, or it has none */
};

/* Why it comes after others, and after which: those with less of it. */
enum demoted {
    demoted_not,
    demoted_emulates,  /* what another can do it can by other means only */
    demoted_by_probes, /* they fail */
};

/* A target that may serve this request, and what became of it. */
struct candidate {
    const struct target *target;
    uint32_t leaf;                      /* its place among the targets of the request's route */
    struct level *level;                /* whose strategy chooses it; once all candidates are known */
    struct place_cells *place;          /* of its route; NULL: none */
    const struct target_limits *limits; /* that its route gives it; NULL: none */
    const struct target_params *params; /* as its route has them; NULL: none */
    const struct money_budget *instead; /* it is one of those that serve when this is nearly spent; NULL: the route's */
    uint8_t cheap;                      /* from 1: its place among the cheapest that can; 0: it is none of them */
    bool held_back;                     /* a cheaper one serves, in this choice */
    bool stands_in;                     /* for one that a budget keeps for later */
    double weight;
    double score;         /* at the last choice */
    enum refusal refusal; /* at the last choice */
    enum failure failure; /* of its last attempt */
    uint16_t tries;
    uint64_t refused_keys; /* a bit per key that refused this request and does not rest: others are asked first */
    bool raced;            /* another request took what it needed, in this choice */
    bool emulates;         /* it can be asked by other means than are asked for only (emulate.h) */
    bool calls;            /* several answers are a call each there (flight_calls.c) */
    enum demoted demoted;
};

/* What it holds of one budget. */
struct money_ticket {
    const struct money_budget *budget;
    struct money_value *value; /* of a split one; NULL: it is not */
    uint32_t window_s;         /* when the window began that it counts in, since 1970; 0: a lifetime */
    bool reserved;             /* else it is only counted there */
};

/* Of the budgets on an attempt's way (flight_money.c); they stay when it is settled, as what it was charged to. */
struct money_hold {
    struct money_ticket *tickets; /* in the flight's arena */
    unsigned count;
    int64_t nano_usd;     /* reserved of each */
    int64_t output_cap;   /* of one answer, which the request must say; -1: it says one, or needs none */
    int64_t input_tokens; /* of the prompt, at most, and: */
    struct extent extent; /* of its answer what is reserved so far; all zero: all of it (flight_extend.c) */
    bool ended_for_money; /* there was no more to reserve: its answer was ended */
};

/* What it holds of one quota, and once it is settled what it counts for. */
struct quota_ticket {
    const struct quota *quota;
    uint32_t window_s;
    uint32_t units;
};

/* Of its provider's quotas (flight_quota.c); all zero: it has none. */
struct quota_hold {
    struct quota_ticket *tickets; /* in the flight's arena */
    unsigned count;
    bool settled;
    struct characters *reply; /* of what comes back; NULL: no quota counts them */
    int64_t characters;       /* of what was sent */
};

/* What an attempt may cost at most. */
struct money_worst {
    enum refusal refusal; /* nobody knows */
    int64_t nano_usd;     /* 0: nothing is reserved */
    int64_t output_cap;
    int64_t input_tokens; /* as of struct money_hold: */
    struct extent extent;
};

/* Of a request, before any target is looked at; all zero where no budget is on its way. */
struct money_bounds {
    int64_t prompt_tokens, answers;
    bool of_context; /* its prompt is what lies elsewhere, too: as long as the model takes */
    bool unbounded;  /* it may make its provider do more than answer once */
};

/* A value of a split budget on its way, which it holds up to its end (flight_values.c). */
struct money_split {
    struct money_split *next;
    const struct money_budget *budget;
    const struct target *target; /* per_model: of this one's model; else NULL */
    struct money_value *value;   /* NULL: none of it was spent, and nothing will be: a preview */
    struct str said;
    int64_t limit_nano_usd;
};

/* What it holds of one limit that counts it, or of one value of it (flight_limits.c). */
struct limit_hold {
    struct limit_hold *next;
    const struct rate_limit *limit;
    const struct limit_rules *rules; /* its value's */
    const struct target *target;     /* per_model: of this one's model; else NULL */
    struct money_value *value;       /* held up to the flight's end; NULL: the limit is not split, or it previews */
    struct limit_words *words;       /* never NULL */
    struct str said;                 /* empty: it is not split */
    int64_t output_tokens;           /* the most of all its answers */
    bool whole;                      /* it counts whatever its target is: from the admission to the end */
    bool counted;                    /* its rates are taken */
    bool reached;                    /* and stay so: something went out */
    unsigned under;                  /* attempts that run under it, or the flight: with any it has a place */
    int64_t used;                    /* by attempts that ended under it, where its target decides */
    bool used_unknown;               /* by one of them: nobody knows */
    struct limit_tickets tickets;
};

/* What an attempt took, and owes exactly one settling of each. */
struct holds {
    bool gate, in_flight, breaker, provider_breaker;
    struct breaker_ticket ticket, provider_ticket;
    struct limiter_ticket requests_minute, requests_hour, tokens_minute;
    bool place_gate; /* of the limits that its route gives its target; and: */
    struct limiter_ticket place_requests, place_tokens;
    bool limits; /* of its client, by where it goes */
    struct money_hold money;
    struct quota_hold quota;
    uint32_t session_s; /* seconds of its session's use that are written down with it */
    unsigned key;       /* which of the provider's */
    bool reported;      /* its first good token has been told to the breakers */
};

/* Why a flight in `trying` has no live attempt. */
enum flight_waiting {
    waiting_none,
    waiting_backoff,
    waiting_rate,
    waiting_line,
    waiting_fetch,
    waiting_recall,
    waiting_twin,
    waiting_embedding,
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
    uint32_t at_ms;  /* since it arrived */
    uint16_t number; /* which attempt */
    uint8_t machine, from : 4, to : 4;
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
    bool saw_done;
    uint32_t finishes; /* of its choices */
    uint32_t events, events_dropped;
    struct {
        uint64_t count, bytes;
        size_t least; /* of one */
    } tokens;         /* spliced events that brought text or arguments: what was delivered, where nobody counts */
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
    void *reader, *writer;      /* of the stream, as their codecs want them */
    struct order *order;        /* between them; NULL: calls come one after the other as it is */
    struct emulation emulation; /* by what means its answer was asked for, and is read back */
    uint64_t emulated;          /* bits of enum feature: said by other means */
    uint64_t lost, altered;     /* bits of enum feature: what it is not told, and what otherwise than was asked for */
    struct str dropped;         /* the names of what it is not told, separated by commas */
    struct str changed;         /* what it is told otherwise than was asked for: the same */
    struct text sealed;         /* raw items of reasoning that lead to the next call (flight_reasoning.c) */
    uint32_t marked_s;   /* so long its provider is asked to keep the prompt by weir's own marks; 0: there are none */
    uint64_t said_bytes; /* of text, reasoning and arguments, in a translated stream */
    struct responses_cut *cut; /* of one that passes as it came and extends: how it would be ended; NULL: it is none */
    uint64_t next_sequence;    /* the number of the caller's next event, where the provider's numbers pass; else 0 */
    bool usage_told;           /* by estimate, to the caller, whose dialect wants one: x-weir-estimated */
};

/* flight_splice.c */
struct attempt_splice {
    bool asked_usage;                 /* weir asked for the usage chunk: it is kept from the caller */
    struct openai_event_shape *shape; /* from the first token on; NULL: no memory for it */
    bool begun;                       /* of one that reserves as it goes the first chunk has come, which said: */
    struct str id, model;
    uint64_t finished; /* a bit for each of its answers that has ended */
};

/* flight_resume.c: it goes on with what another began. */
enum continuing {
    continuing_awaited, /* what it says is held, until it is known what it is */
    continuing_passes,  /* it goes on: what it repeated has been left out */
};
struct attempt_continuation {
    enum continuing state;
    bool prefilled; /* it was given the text as its own unfinished message */
    struct continuation text;
};

/* Why it failed (flight_word.c), for log and explain; never for a caller of role user. */
enum { word_text_most = 159, word_code_most = 47 };
struct attempt_word {
    struct str text;   /* the provider's or the connection's own, up to word_text_most bytes of it */
    struct str code;   /* its code or type of the error, where that is a plain name; empty: none */
    bool is_providers; /* the text: it may quote its caller */
    bool is_told;      /* the vendor's table knows its code, and not its status alone */
};

/* One go of several that an answer took: tokens, by what they are. */
enum { go_input, go_output, go_cached, go_written, go_written_1h, go_counts };
struct go {
    int64_t of[go_counts];
};

/* Of its tokens: those of other models than its target's, and what they cost (flight_iterations.c). */
struct others {
    struct go tokens;
    struct price_bill bill;
    struct go top, told; /* the counts above the last list, and what they became */
};

struct attempt {
    unsigned number;     /* from 0 */
    void *kept;          /* its performer's */
    bool one_of_several; /* it makes one of the answers that are asked for (flight_calls.c): */
    unsigned choice;     /* this one */
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
    struct usage usage;                                                             /* its meter is the one below */
    struct meter meter;
    enum prefix_miss miss;             /* why its provider's prompt cache did not have what it was sent */
    int64_t missed_tokens;             /* how much of it that was; 0: none, or not known */
    struct others *others;             /* NULL: none that are known; in the flight's arena */
    bool usage_estimated;              /* it ended before the provider had counted */
    int64_t cost_nano_usd;             /* what it is charged: ours, else the provider's own; -1: not known */
    int64_t cost_shares[price_shares]; /* of that; of a cost that the provider says all is fees */
    bool hedge;                        /* begun beside another */
    bool asks_rest;                    /* for those inputs alone that are not kept */
    bool body_sent;                    /* the request's bytes are no longer needed for this call */
    bool call_over;                    /* no event of the call can come any more, so it is not cancelled */
    struct {
        struct str path;
        struct openai_splice body;
    } request; /* as sent */
    struct attempt_reply reply;
    struct attempt_stream stream;
    struct attempt_dialect dialect;
    struct attempt_splice splice;
    struct attempt_continuation *continuation; /* NULL: it is no continuation */
    struct attempt_word word;
};

/* -- what a flight is made of: each part is written by one file -- */

/* The x-weir-* headers that steer (flight_admit.c). {NULL,0}: not sent. */
struct steering {
    struct str targets, strategy, timeout_ms, session, tags, unsupported;
    struct str cost;                        /* "true": what a stream costs is told at its end */
    struct str end_user;                    /* as a header of the configuration's choice says */
    struct str agent_session;               /* what agents say of themselves */
    struct str trace, tracestate;           /* W3C Trace Context (flight_trace.c) */
    bool trace_twice;                       /* which is as good as not at all */
    enum unsupported unsupported_as;        /* read out of it */
    struct str cache, cache_key, cache_ttl; /* flight_cache.c */
};

/* The trace that it belongs to (flight_trace.c); all zero: none that anybody asks for. */
struct flight_trace {
    struct str id;     /* trace_id_digits of them (core/traceparent.h); {NULL,0}: none */
    struct str parent; /* the caller's span; {NULL,0}: the trace begins here */
    struct str state;  /* the caller's tracestate; empty: none */
    bool sampled;
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
    struct message_asked asked; /* of the message, in the flight's arena: streams need it longer */
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
struct stored_part {
    enum storing state;
    bool reasoning_dropped; /* bare items of its input: x-weir-dropped */
    bool expanded;          /* its body says what it goes on from, instead of the id */
    struct str previous;    /* the response that it goes on from; {NULL,0}: none */
    struct chunks *input;   /* of what is stored; NULL: nothing */
};

/* Who may serve it: made by flight_admit.c, from then on flight_choose.c's. */
struct choice {
    struct str model;        /* asked for */
    const struct rule *rule; /* what it falls under; NULL: none */
    const struct route *route;
    enum strategy by;     /* the route's, or what x-weir-strategy asked for */
    struct level *levels; /* those around before those in them; the first is the whole route */
    size_t level_count;
    struct level outermost; /* where it is the only one */
    struct candidate *candidates;
    size_t count, room;
    bool has_cheap;        /* some are among the cheapest */
    unsigned repeats;      /* attempts at a target that had been tried */
    unsigned failovers;    /* attempts at another target, after one that failed */
    uint64_t emulates;     /* the target that was looked at last: bits of enum feature */
    int64_t context_least; /* a context of so many tokens was too small; 0: not known of any */
    struct error *unfit;   /* why the last target that was left out cannot serve it; NULL: there was none */
    struct str unfit_param;
};

/* What it holds of one that owns its client. */
struct owner_hold {
    const struct owner *owner;
    struct limiter_ticket requests_minute, requests_hour, tokens;
};

/* What it holds of its client's (flight_hold.c), and of those that own it (flight_owners.c). */
struct client_holds {
    bool gate;
    struct limiter_ticket requests_minute, requests_hour, tokens;
    struct owner_hold *owners; /* in the arena */
    unsigned owner_count;
};

/* An agent that goes round in circles (flight_loop.c). */
struct flight_loop {
    struct str tool; /* as it stands in the body */
    size_t calls;    /* with the same arguments; 0: not so many that anything is said */
};

/* What it holds of a session that its client's caps are on (flight_session.c). */
struct session_hold {
    struct str name; /* as headers say it; empty: there is none, or no cap */
    uint64_t identity;
    struct session *held;        /* NULL: not yet, or no more */
    int64_t started_s;           /* stays when it is held no more; the same: */
    bool shared;                 /* it has no place of its own */
    bool called;                 /* it counts as a call */
    struct money_budget *budget; /* what it may spend, as one more on the way; NULL: that is not capped */
    bool exhausted;              /* it is this that was spent */
};

/* It moved its route's lock: the last time (flight_lock.c). */
struct lock_moved_by {
    struct str route;        /* whose lock */
    struct str from;         /* a target's name; empty: one that is in the route no more */
    const struct target *to; /* NULL: it did not */
    const char *why;
};

/* A second attempt beside the first (flight_hedge.c). At most one a flight. */
enum hedge_state { hedge_unused, hedge_refused, hedge_running, hedge_over, hedge_states };

/* May its stream be continued by another target, and has it been (flight_resume.c)? */
enum resume_state { resume_off, resume_ready, resume_going, resume_spent, resume_states };
struct resume {
    enum resume_state state;
    struct chunks delivered;    /* the text that the caller has: ready and going */
    struct str stream_id;       /* of a spliced stream's first chunk, with its quotes */
    struct str prompt, prefill; /* how a target of OpenAI's dialect is asked to go on: in words, or by a prefill */
    void *writer;               /* of the caller's stream, from one attempt to the next; NULL: not going on */
    bool prefill_refused;       /* by one that was said to take it: from then on in words */
};

/* What the cache came to for it (flight_cache.c). */
struct flight_cache {
    enum cached state;
    const char *why; /* of a bypass, or a miss that is none for want of an answer; NULL: no more to say */
    struct cache_rules rules;
    bool looks, keeps;
    int64_t ttl_s;
    int64_t age_max_s; /* of an answer that it takes; -1: any */
    struct sha256 key;
    struct str named;      /* by its caller; {NULL,0}: it is not */
    uint64_t round;        /* of the cache's purges, when it was looked for */
    struct making *making; /* that it makes, or follows; NULL: none */
    bool follows;
    bool left;   /* it does not any more; what it was given is held */
    bool orphan; /* its caller has gone, and others want what it makes */
    struct making_cursor cursor;
    struct cache_answer *answer; /* that it is given; held */
    const struct target *target; /* that made what it is given; NULL: nothing is */
    struct cache_facts given;    /* of that: its texts may be gone */
    enum making_state ends;      /* what its end is to those that follow: making_open: nothing is known of it */
    bool outage;                 /* no target of its route could be had (flight_degraded.c) */
};

/* The nearest earlier prompt (flight_semantic.c). */
struct flight_semantic {
    enum semantic_outcome outcome;
    struct str words;    /* of its last message */
    struct sha256 group; /* what it means but for them */
    int8_t *vector;      /* of them, as core/vector.h has it; NULL: they were not embedded */
    size_t dimensions;
    float step;
    double alike; /* to what is nearest, or what it was given */
    enum compared compared;
    struct cache_answer *other; /* held: what it would have been given, to be compared; NULL: nothing is */
};

/* What is embedded: each input has an answer of its own in the cache (flight_inputs.c). */
struct flight_input {
    struct sha256 key;
    size_t bytes;                /* of what it means: its share of what all of them take */
    struct cache_answer *answer; /* that is kept; held. NULL: none is */
};
struct flight_inputs {
    struct flight_input *list; /* in the arena; NULL: it is not answered by the input */
    size_t count, given;
    const struct target *target; /* that made those that are given; NULL: none are */
    struct str whole, rest;   /* its body; the same of those alone that are to be asked for; {NULL,0}: there is none */
    bool asks_rest;           /* which of them is its body now */
    struct canonical other;   /* the one that it is not, as an attempt may still be sent out of it */
    bool base64, single;      /* how vectors are told; one that is no list */
    int64_t saved_nano_usd;   /* by those that were given with others; -1: not known, or none were */
    struct embed_reply *made; /* in scratch: what was made of the others, in the step that it came in */
};

/* What tells that requests begin alike, from what says it best on. */
enum prefix_by {
    prefix_by_request, /* nothing does */
    prefix_by_session,
    prefix_by_agent_session,
    prefix_by_key,    /* the body's prompt_cache_key */
    prefix_by_prefix, /* the beginning itself */
    prefix_by_trace,
    prefix_by_client,
    prefix_bys
};

/* Where its beginning lies in a provider's prompt cache (flight_prefix.c). */
struct flight_prefix {
    enum prefix_by by;
    uint64_t key;        /* the same in every process: the strategy's */
    uint64_t place;      /* this process's own: where it is remembered; 0: nowhere */
    uint32_t lifetime_s; /* that its provider is asked to keep it, or does */
    bool marked;         /* it says up to where it is to be kept */
    bool has;            /* something is remembered of it: */
    struct prefix_known known;
    const struct candidate *holder; /* whose provider has it; NULL: none of the candidates, or not any more */
    /* Of the last choice: */
    enum prefix_outcome outcome;
    const struct target *other; /* kept: whom the strategy would have chosen; else who has it; NULL: none */
    int64_t nano_usd;           /* as of struct prefix_choice */
    enum prefix_miss miss;      /* of the answer */
};

/* Several answers, a call each (flight_calls.c). */
struct calls {
    unsigned done; /* answers that have been made */
    bool due;      /* the next one is to be asked for */
    void *writer;  /* of the caller's stream, from one call to the next */
};

struct times {
    uint64_t arrived_ns;
    int64_t arrived_wall_ns;
    uint64_t whole_ns;    /* its body was: from here on the deadline runs */
    uint64_t headed_ns;   /* its answer began; 0: it has not */
    uint64_t timeout_ns;  /* of the request: the shorter of configuration and x-weir-timeout-ms */
    bool timeout_given;   /* by the caller: a hard cap */
    uint64_t deadline_ns; /* up to a stream's first token, or a whole reply */
    uint64_t timer_ns;    /* asked for; 0: none */
    bool timer_moved;     /* something else may be due next since */
};

/* What the caller got (flight_answer.c). */
struct answer {
    bool is_fallback; /* its route's own words, as nobody could serve */
    int status;
    enum error_code error;  /* by weir itself; error_none: a provider's answer */
    struct str said;        /* the words of that; empty: there are none */
    struct str limit_scope; /* whose limit it ran into: "client", "provider" */
    struct str refused;     /* why, where there is more to say than the code's sentence */
    bool estimated;         /* it is a count of weir's own */
    bool is_final;          /* asking again does not help: x-should-retry */
    uint64_t bytes;
};

struct flight {
    const struct flight_host *host;
    const struct snapshot *snapshot; /* the host holds it for as long as the flight lives */
    const struct client *client;
    uint64_t client_hash;  /* of its name; callers without a key are one: 0 */
    struct budget *budget; /* its client's share: all that is held for it is counted there */
    struct arena arena;
    struct str request_id;          /* as the caller knows it: its own word, where it sent one */
    struct str own_id;              /* weir's: no other request has it */
    bool previews;                  /* nothing of the choice is written down */
    const struct flight_past *past; /* it is replayed; NULL: it is not */

    enum endpoint endpoint;
    const struct door *door;   /* how it came in */
    const struct codec *codec; /* the caller's dialect */
    struct steering steering;
    struct caller_head head;
    struct caller_body body;
    struct openai_request request;
    int64_t prompt_tokens; /* by estimate */
    struct str session;    /* that it belongs to, by the caller's word; {NULL,0}: none (flight_admit.c) */
    struct money_bounds bounds;
    const struct money_way *money_way; /* looked at last in this step, in the host's scratch; NULL: none was */
    struct money_split *splits;        /* in the arena, as are: */
    struct limit_hold *limits;
    struct canonical canonical;
    struct fetched_files files;
    struct stored_part stored;
    struct placeholders *placeholders; /* of what was taken out of its body; NULL: nothing was */

    enum flight_state state;
    struct transitions transitions;
    struct times times;
    struct choice choice;
    struct waiting waiting;
    struct client_holds client_holds;
    struct session_hold session_hold;
    struct flight_loop loop;
    struct flight_trace trace;
    struct attempt **attempts; /* in the arena, as many as there have been */
    unsigned attempt_count, attempt_room;
    struct attempt *live;         /* the attempt that runs, or NULL */
    struct attempt *rival;        /* a hedge beside it, until one of the two delivers */
    const struct attempt *winner; /* the one whose bytes the caller got first; NULL: none */
    enum hedge_state hedge;
    struct lock_moved_by lock_moved;
    struct resume resume;
    struct calls calls;
    struct flight_cache cache;
    struct flight_semantic *semantic; /* in the arena; NULL: no earlier prompt is looked for */
    struct flight_inner inner;
    struct flight_inputs inputs;
    struct flight_prefix *prefix; /* in the arena; NULL: no level chooses by it */

    enum caller_state caller;
    bool caller_is_full;
    struct answer answer;
};

#endif
