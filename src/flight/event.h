/* event.h - what a flight is told and what it answers. Everything that crosses between the engine and the world is
 * here. Bytes of an event are borrowed until the actions of its step are performed; actions name ranges. */
#ifndef WEIR_FLIGHT_EVENT_H
#define WEIR_FLIGHT_EVENT_H

#include "base/header.h"
#include "base/text.h"
#include "core/classify.h"
#include "snapshot/snapshot.h"

enum event_kind {
    event_arrived, /* the caller's head; the first event of each flight */
    event_body,    /* a piece of the caller's body */
    event_body_end,
    event_caller_gone,     /* hung up; nothing can be sent to it any more */
    event_caller_full,     /* its connection holds more unsent bytes than limit_write_high */
    event_caller_writable, /* and again fewer than limit_write_low */
    event_sent,            /* the attempt's request has been handed to a connection that is up */
    event_reply_head,
    event_reply_body,
    event_reply_end,
    event_call_failed,
    event_timer,    /* the deadline asked for last has passed */
    event_recalled, /* action_recall is over */
    event_fetched,  /* action_fetch is over */
    event_shutdown, /* the process ends: what is under way is answered with that */
    event_turn,     /* a place that the flight waited for is its own now */
    event_embedded, /* action_embed is over */
    event_made,     /* of the answer that it follows there is more, or an end; or nobody follows what it makes */
    event_kinds
};

struct event {
    enum event_kind kind;
    unsigned attempt;     /* of the upstream events: which; an event for one that is over changes nothing */
    struct str bytes;     /* event_body, event_reply_body, event_fetched; event_recalled: {NULL,0} when there is none;
                             event_embedded: as an embeddings request is answered, {NULL,0}: it failed */
    enum failure failure; /* event_call_failed */
    struct str text;      /* event_call_failed, event_fetched, event_recalled: the failure's own words; of the last two:
                             empty      when good */
    struct str content_type; /* event_fetched: what the server said */
    int status;              /* event_reply_head */
    const struct http_header *headers;
    size_t header_count;
    int64_t content_length; /* event_reply_head; -1: not said */
    bool until_close;       /* event_reply_head: the body has no framing */
    bool body_sent;         /* event_reply_head: the request's body is no longer needed for this call */
};

enum action_kind {
    action_call,      /* start attempt's request at a provider */
    action_cancel,    /* break it off; no event of it comes any more */
    action_call_read, /* back-pressure */
    action_respond,   /* the head for the caller */
    action_write,
    action_end,      /* the answer is complete */
    action_abort,    /* break the caller's connection, so that it does not take what it has for the whole */
    action_timer,    /* one event_timer at this moment or later; replaces the last; 0: none */
    action_wait,     /* stand in line for a place at a provider, behind those who do already */
    action_unwait,   /* leave the line */
    action_handover, /* a place at a provider is free for the next in line: event_turn for it, wherever it stands; with
                        nobody there, gate_unwanted */
    action_recall,   /* find the conversation that a stored response ends: one event_recalled */
    action_unrecall, /* no event of it is wanted any more */
    action_keep,     /* store a response */
    action_fetch,    /* get a file from the web by weir's rules: one event_fetched */
    action_unfetch,  /* break that off; no event of it comes any more */
    action_embed,    /* have these words embedded, by a request of their own: one event_embedded */
    action_unembed,  /* no event of it is wanted any more */
    action_cache,    /* keep this answer: its hold goes with it */
    action_tell,     /* one event_made for each flight that follows this making, on these loops */
    action_follow,   /* it follows this making from now on: event_made for it too, until it is closed */
    action_unmake,   /* nobody is to find this making any more; its hold goes with it */
    action_settled,  /* an attempt is over: its facts for metrics, log, journal */
    action_given,    /* it is answered without a provider, or in part: its facts for the journal */
    action_closed,   /* the flight is over: its facts; then it may be freed. Always the last */
};

enum { actions_first = 16 };

struct attempt;
struct cache_answer;
struct flight;
struct making;

struct action {
    enum action_kind kind;
    unsigned attempt;
    union {
        struct {
            const struct provider *provider;
            enum http_method method;
            struct str path; /* origin-form target */
            const struct http_header *headers;
            size_t header_count;
            const struct str *body; /* until the call is over */
            size_t body_count;
        } call;
        struct {
            int status;
            const struct http_header *headers;
            size_t header_count;
            int64_t content_length; /* -1: not known */
        } respond;
        struct {
            struct str *ranges;
            size_t count, room;
        } write;
        struct {
            struct str client, id;
        } recall; /* until the event */
        struct {
            struct str client, id, previous;    /* names */
            struct str input, output, response; /* JSON */
        } keep;
        struct {
            struct str model, words; /* until the event, or until it is unwanted */
            uint64_t timeout_ns;
            enum cache_scope scope;
        } embed;
        bool wanted;    /* action_call_read */
        struct str url; /* action_fetch: until the event */
        uint64_t deadline_ns;
        const struct attempt *settled;
        struct cache_answer *answer; /* action_cache */
        struct {
            struct making *making; /* action_tell: held by the flight until the action is performed */
            uint64_t loops;        /* action_tell: a bit for each */
        } made;
        const struct provider *provider; /* action_wait, action_unwait, action_handover */
    };
};

/* What one step asks for, in order. Both the actions and the ranges of a write are lists that grow in the host's
 * scratch memory: how many there are a stranger decides, by what it puts into one read. All of it lasts until the
 * scratch is reset, after the actions have been performed. */
struct actions {
    struct arena *scratch;
    struct action *list;
    size_t count, room;
    struct action first[actions_first]; /* what most steps need no memory for */
    struct text gather;                 /* the last write's, where many small ranges become one */
    bool starved; /* there was no memory for all the bytes: the host breaks the caller's connection, so that it does
                     not take what it has for the whole */
};

/* Empties it for a step. */
void actions_begin(struct actions *actions, struct arena *scratch);
struct action *actions_add(struct actions *actions, enum action_kind kind);
/* Bytes for the caller, behind those of the last action where that is a write already. Borrowed until the actions have
 * been performed, as an event's bytes are. */
void actions_write(struct actions *actions, struct str bytes);

#endif
