/* flight.h - one request's life, as others see it: events in, actions out; no socket, no file, no clock, no thread of
 * its own. What a flight is made of is nobody's business but its own files' (flight_parts.h). */
#ifndef WEIR_FLIGHT_FLIGHT_H
#define WEIR_FLIGHT_FLIGHT_H

#include "base/chunks.h"
#include "base/clock.h"
#include "base/prng.h"
#include "base/text.h"
#include "core/prefix.h"
#include "dialect/message.h"
#include "flight/event.h"
#include "snapshot/keys.h"
#include "snapshot/making.h"

struct flight;
struct attempt;

/* What the flights of one loop share. */
struct flight_host {
    struct budget *budget;              /* all memory that is held for strangers */
    struct budget *strangers;           /* its share for those without a key; NULL: they have none of their own */
    struct arena *scratch;              /* reset by the host after a step's actions have been performed */
    struct spares *spares;              /* for the flights' own arenas */
    struct spares *chunk_spares;        /* and their bodies */
    struct prng *prng;                  /* for ties, jitter and weighted draws */
    struct reasoning_memory *reasoning; /* of all loops; NULL: none is kept */
    struct prefix_memory *prefixes;     /* of all loops: where prompts lie; NULL: nothing is remembered */
    struct cells *cells;                /* where sessions of clients are; NULL: none are told apart */
    const struct pattern *own;          /* hidden in what explain tells of others' words; NULL: nothing */
    const struct sessions_kept *kept;   /* what sessions had used before this process; NULL: nothing */
    struct cache *cache;                /* of all loops; NULL: there is none, nor: */
    struct makings *makings;            /* answers that are being made */
    unsigned loop;                      /* which one this is */
    bool keeps_nothing;                 /* what is spent could not be recorded now: nothing begins */
};

/* A provider's own API (flight_raw.c). */
struct flight_raw {
    enum http_method method;
    struct str provider;    /* its name */
    struct str path, query; /* below the provider's base URL, as sent: "/files/x"; after '?' */
};

/* A request that another one has made, for its own sake: its client's rates and places count that one alone, and those
 * that ask for the same at once are one. */
struct flight_inner {
    bool is;
    enum cache_scope scope; /* who shares it: as the other's */
};

/* What the gateway or the library knows of a request. Everything is copied. */
struct flight_request {
    enum endpoint endpoint;
    struct str path_model;             /* where the model stands in the path: decoded; else empty */
    struct flight_raw raw;             /* endpoint_raw */
    bool wants_array;                  /* Gemini: a stream as one JSON array */
    const struct http_header *headers; /* the caller's, all of them; the engine picks what may go on */
    size_t header_count;
    struct str request_id;       /* checked or made by the host; 1 to limit_request_id bytes */
    struct str own_id;           /* made by the host, and no other request's; empty: request_id is */
    const struct client *client; /* NULL: the library's host, or a gateway open to anyone */
    int64_t content_length;      /* of the body; -1: not said */
    struct now arrived;
    struct flight_inner inner;
};

/* The share of the memory that is held for strangers in which this client's requests are counted; all without a key
 * (NULL) have one together. */
struct budget *flight_budget(const struct flight_host *host, const struct client *client);
/* NULL: out of memory. The flight's actions begin with the event_arrived that the host then sends. */
struct flight *flight_new(const struct flight_host *host, const struct snapshot *snapshot,
                          const struct flight_request *request) __attribute__((warn_unused_result));
/* One event. Performs nothing: *out says what to do, in order. Not after action_closed. */
void flight_step(struct flight *flight, const struct event *event, struct now now, struct actions *out);
/* After action_closed has been performed: gives back what only its answer needed; what is told of it stays. */
void flight_shed(struct flight *flight);
/* After action_closed: its caller went before all of the answer had left. What is told of it says so. */
void flight_lost(struct flight *flight, struct now now);
void flight_free(struct flight *flight);

/* A request whose target is asked for without sending it. */
struct flight_question {
    struct flight_request asked; /* as a real one's; a request_id may be left out */
    struct str body;             /* empty: a plain request of that endpoint for `model` */
    struct str model;            /* empty: `default` */
};

/* What would be chosen for it now, and why, as JSON; nothing is taken and nothing is sent. false: *error says why it
 * would be refused. */
bool flight_preview(const struct flight_host *host, const struct snapshot *snapshot,
                    const struct flight_question *question, struct now now, struct text *text, struct error *error);

/* What is known of a request of the past, of which no body is left. */
struct flight_past {
    int64_t prompt_tokens; /* by the estimate of then */
    int64_t output_cap;    /* -1: none */
    bool stream, has_images, has_tools, wants_json;
    unsigned failed; /* targets that failed it before the one that is asked for */
};

/* Where it would have gone. Texts in the host's scratch. */
struct flight_replayed {
    struct str provider, model, route;
    enum strategy strategy;
    bool as_priority; /* that strategy looks at what was under way, how fast and how well: shown as priority */
    bool again;       /* there are no so many targets: the last one, once more */
};

/* Can it be replayed? Not where its body decides who may serve, and none can be made up for it. */
bool flight_can_replay(enum endpoint endpoint);
/* Which target a request like that gets under this snapshot at that time, by the same functions that choose for a real
 * one, as if nothing else were under way and nothing spent: nothing is sent, and only turns are taken. `question` as a
 * preview's, without a body. false: *error says why it would be refused. */
bool flight_replay(const struct flight_host *host, const struct snapshot *snapshot,
                   const struct flight_question *question, const struct flight_past *past, struct now then,
                   struct flight_replayed *replayed, struct error *error);

/* -- what is told of it -- */

/* What is told of an attempt, settled or not. Borrowed from the flight. */
struct attempt_facts {
    const struct target *target;
    enum failure failure; /* failure_none: it succeeded, or is not settled */
    int status;           /* 0: no reply */
    bool failover;        /* another target than that of the attempt before it, and not beside it */
    uint64_t duration_us, first_token_us;
    uint64_t token_us; /* of a stream, from its first token to its last: the mean of one; 0: not known */
    struct usage usage;
    int64_t cost_nano_usd;      /* ours, else the provider's own; -1: not known */
    const int64_t *cost_shares; /* of that, by enum price_share */
    const struct meter *meter;  /* what else was counted, and how it was served */
    /* Of its tokens, those of other models than its target's, and what they cost; all 0: there were none */
    struct price_tokens other_tokens;
    int64_t other_written_1h, other_nano_usd;
    int64_t started_wall_ns;
    int64_t output_cap;    /* tokens that it was told to keep to; -1: no such thing */
    bool hedge, estimated; /* begun beside another; its usage is not what the provider counted */
    uint32_t events, events_dropped;
    bool cut;              /* its stream was ended, as there was no more money to reserve for it */
    struct str said;       /* why it failed, in weir's own words; empty where the provider's might quote its caller */
    struct str code;       /* the provider's, where that is a plain name; {NULL,0}: none */
    enum key_rest rests;   /* why its key cools down from its end on */
    unsigned key;          /* which of the provider's it used */
    int64_t missed_tokens; /* that its provider's prompt cache should have had: */
    enum prefix_miss miss; /* why its provider's prompt cache did not have what it was sent */
};

/* Where an attempt's cost is charged: `cost_nano_usd` of its facts, of each; and what it counts for of quotas. */
struct attempt_charge {
    uint64_t budget;       /* money_budget.identity, or a quota's */
    struct hash_tag value; /* of a split budget, in the ledger's words; all zero: it is not split */
    int64_t window_s;      /* when the window began that it counts in, s since 1970; 0: a lifetime */
    uint32_t units;        /* of a quota; 0: its cost */
};

/* What the response cache came to for a request (flight_cache.c). */
enum cached {
    cached_off,    /* it is off, and nothing was asked of it */
    cached_bypass, /* not looked at: `why` */
    cached_miss,
    cached_hit,
    cached_shared, /* what another flight made, that had asked for the same */
    cached_stale,  /* an answer that is no more fresh, as nobody can be asked (flight_degraded.c) */
};
/* What the nearest earlier prompt came to (flight_semantic.c). */
enum semantic_outcome {
    semantic_off,     /* nobody looked */
    semantic_failed,  /* its words could not be embedded, or not in time */
    semantic_far,     /* none is near enough */
    semantic_differs, /* what is near means something else */
    semantic_gone,    /* what is near has no answer any more that may be given */
    semantic_hit,
    semantic_checks, /* it would have been one: a provider is asked all the same, to compare */
    semantic_outcomes
};
/* Of semantic_checks: what its own answer and the one that it would have been given came to. */
enum compared { compared_not, compared_same, compared_false };
/* "hit", "miss", ... */
struct str cached_word(enum cached state);

/* What is told of a request. Borrowed from the flight. */
struct flight_facts {
    struct str request_id, own_id; /* as its caller knows it; weir's */
    enum endpoint endpoint;
    struct str model; /* asked for; {NULL,0}: not known yet */
    const struct client *client;
    bool stream;
    int status;            /* answered; 0: nothing */
    enum error_code error; /* answered by weir itself; error_none: a provider's answer */
    struct str said;       /* the words of that; empty: there are none */
    bool caller_gone;
    unsigned attempts;
    const struct provider *provider;     /* whose answer the caller got, or the last that was asked; NULL: none */
    struct str served;                   /* the model there; {NULL,0}: none */
    int64_t input_tokens, output_tokens; /* of that answer; -1: not known */
    int64_t cached_tokens;               /* of its input, as the provider tells of its own cache; -1: not known */
    uint64_t answer_bytes;               /* handed to the caller, of the body */
    int64_t cost_nano_usd;               /* of all attempts; -1: not known of any */
    uint64_t arrived_ns;
    uint64_t headed_us; /* from then to the begin of its answer; 0: it has none */
    int64_t arrived_wall_ns;
    struct str route;   /* {NULL,0}: none was found */
    struct str rule;    /* that it fell under; {NULL,0}: none */
    struct str session; /* as the caller says it; {NULL,0}: none */
    struct str tags;    /* "k=v,...": the caller's, where they are trusted; {NULL,0}: none */
    bool has_images, has_tools, wants_json;
    int64_t prompt_tokens;         /* by estimate */
    uint64_t generation;           /* of the configuration that it falls under */
    struct str lock_route;         /* the route whose lock it moved: the one that was asked for, or one in it */
    struct str lock_from, lock_to; /* names of targets, where it moved the route's lock; {NULL,0}: it did not */
    const char *lock_why;
    struct str loop_tool; /* that an agent calls again and again; {NULL,0}: none */
    size_t loop_calls;    /* with the same arguments */
    enum cached cache;
    int64_t saved_nano_usd; /* what its answer had cost another request; -1: it was not given another's, or not known */
    enum semantic_outcome semantic;
    enum compared compared;
    double alike;                         /* semantic_hit: how alike its words and those of its answer are */
    bool is_fallback;                     /* its route's own words, as nobody could serve */
    struct str trace_id;                  /* of the trace it belongs to, in digits; {NULL,0}: none */
    struct str trace_parent, trace_state; /* as its caller says them; the same */
    bool is_sampled;                      /* its trace is to be collected, and collected here */
    bool session_shared;                  /* its session found no place of its own among those that caps are on */
};

struct flight_facts flight_facts(const struct flight *flight);
struct attempt_facts attempt_facts(const struct flight *flight, unsigned number);
/* What an attempt is charged that was sent and never settled, as the process died: what it was sent, and what an answer
 * that does not come bit by bit takes as a rule. -1: not known. */
struct attempt_lost {
    int64_t input_tokens, output_tokens;
    int64_t cost_nano_usd;
    int64_t cost_shares[price_shares]; /* of that */
    int64_t token_nano_usd;            /* per million tokens that were delivered */
};
struct attempt_lost attempt_if_lost(const struct flight *flight, unsigned number);
/* Tokens of its output that have reached the caller, as far as they can be told. */
int64_t attempt_delivered_tokens(const struct flight *flight, unsigned number);
/* For whoever performs the attempt: where it keeps that it was sent. NULL at first. */
void **attempt_kept(struct flight *flight, unsigned number);
unsigned flight_attempt_count(const struct flight *flight);
/* Where an attempt's cost counts (`cost_nano_usd` of its facts, in each), settled or not: at most `most` of them into
 * the list. Answers how many there are, at most limit_path. An attempt that has any and is settled has a cost, if it
 * was charged more than nothing. */
unsigned attempt_charges(const struct flight *flight, unsigned number, struct attempt_charge *list, unsigned most);
const struct client *flight_client(const struct flight *flight);
/* What is to be put back into what its caller gets; NULL: nothing. Lives as long as the flight. */
struct placeholders;
const struct placeholders *flight_put_back(const struct flight *flight);
/* Its answer is a stream as one JSON list. */
bool flight_streams_a_list(const struct flight *flight);
/* The session that the caller, or its agent, names: not what else tells requests that belong together. Empty: none. */
struct str flight_session_said(const struct flight *flight);
/* Of its client's name; callers without a key are one: 0. */
uint64_t flight_client_hash(const struct flight *flight);
/* Is its client one of several, each of which has its share of what they wait for? */
bool flight_shares(const struct flight *flight);
/* All that is held for it is counted there. */
struct budget *flight_holds_within(const struct flight *flight);
/* The answer that it makes for others, or follows; NULL: neither. */
struct making *flight_making(const struct flight *flight);
/* Is a stream on its way to the caller? Has all of the answer been handed over? */
bool flight_is_streaming(const struct flight *flight);
bool flight_is_handed_over(const struct flight *flight);

/* Its story, put down as it is (flight_story.h) in at most explain_record_bytes (observe/explain.h), borrowing nothing.
 */
void flight_story(const struct flight *flight, struct text *story);
/* A story as JSON, cut to the text's room (candidates first): what `weir explain` prints. What `own` finds in others'
 * words is hidden (NULL: nothing); it is that of the host it was put down by. Any thread. */
void story_explain(struct str story, const struct pattern *own, struct text *text);

#endif
