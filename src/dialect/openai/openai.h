/* openai.h - the OpenAI dialect: reading what must be known of requests, replies and stream events without rebuilding
 * them. Everything here is pure: bytes in, facts out; ranges point into the input unless they say otherwise. */
#ifndef WEIR_DIALECT_OPENAI_OPENAI_H
#define WEIR_DIALECT_OPENAI_OPENAI_H

#include "base/arena.h"
#include "base/error.h"
#include "dialect/endpoint.h"
#include "dialect/message.h"
#include "dialect/usage.h"

/* -- requests -- */

/* What weir reads of a request, and where it stands in the bytes (offsets from the body's start). */
/* Bits of openai_request.members beside those of features (of which FEATURE_BIT(max_tokens) is its older name). */
#define OPENAI_HAS_NEW_CAP (UINT64_C(1) << 61)   /* max_completion_tokens */
#define OPENAI_HAS_DEVELOPER (UINT64_C(1) << 62) /* a message of that role */
#define OPENAI_HAS_CALLS (UINT64_C(1) << 63)     /* ids of calls in the history */
_Static_assert(features < 61, "the bits beside features");

struct openai_request {
    struct str model;            /* unescaped (in the arena if it held escapes); empty: none given */
    size_t model_from, model_to; /* the value with its quotes; equal: absent */
    size_t members_at;           /* just after the opening '{': where a member may be inserted */
    bool empty_object;           /* {} : an inserted member needs no comma after it */
    bool stream;
    bool has_stream_options;                       /* an object stands there */
    bool include_usage;                            /* the caller asked for the usage chunk itself */
    size_t stream_options_from, stream_options_to; /* the value; equal: absent */
    size_t include_usage_from, include_usage_to;   /* the value of include_usage inside it; equal: absent */
    bool stream_options_empty;                     /* {} */
    int64_t max_tokens;                            /* max_completion_tokens, else max_tokens; -1: not given */
    int64_t n;                                     /* answers asked for; 1 unless said otherwise */
    bool has_image;                                /* a message has a part of type image_url, input_image or image */
    bool has_audio;                                /* a message has a part of type input_audio */
    bool has_tools;                                /* `tools` is an array that is not empty */
    bool wants_json;                               /* response_format of type json_object or json_schema */
    bool wants_schema;                             /* of type json_schema */
    uint64_t members;            /* features that it asks for by a member of its own, and openai_has_* */
    struct str temperature;      /* as its first member of that name has it, of whatever type; {NULL,0}: none */
    struct str prompt_cache_key; /* as it stands in the body, without its quotes; {NULL,0}: none */
    enum message_effort effort;  /* as `reasoning_effort` says it; effort_unset: not, or another word */
    bool names_more;     /* it may name other models or stored things (names.h): members that say neither are known */
    struct str boundary; /* multipart: without its leading dashes */
    size_t messages_to;  /* the ] of `messages`, where more may be put; 0: absent or empty */
    struct str continuation; /* written there by openai_splice; empty: nothing */
};

/* Checks that the body is one JSON object (RFC 8259: UTF-8, depth <= limit_json_depth, nothing after it), that no
 * top-level key that weir reads or writes stands twice or in another case, and that those it reads have the right type.
 * false: *error is an invalid_request whose sentence names the key or the byte offset; *param (may be NULL) the key at
 * fault, or empty. */
bool openai_skim_request(struct str body, enum endpoint endpoint, struct arena *arena, struct openai_request *request,
                         struct error *error, struct str *param);

/* As above for multipart/form-data (RFC 7578): the model field's value and place; boundary from the content type. */
bool openai_skim_multipart(struct str body, struct str content_type, struct arena *arena,
                           struct openai_request *request, struct error *error, struct str *param);

/* The body as it goes to one provider: unchanged ranges with a few replaced. */
enum { openai_splice_ranges_max = 8 };
struct openai_splice {
    struct str ranges[openai_splice_ranges_max];
    size_t count;
    size_t len; /* of all ranges */
};
/* `model` replaces the model's name (inserted where none was given). ask_usage: stream_options.include_usage becomes
 * true (only when request->stream and the provider takes stream_options). New text is taken from the arena. false: out
 * of memory. For multipart the model's value is replaced raw, or a part of its own is put first. */
bool openai_splice(struct str body, const struct openai_request *request, bool multipart, struct str model,
                   bool ask_usage, struct arena *arena, struct openai_splice *splice);

/* -- replies -- */

/* Reads usage of a whole reply. false: the body is not one JSON value (a provider that lies), *usage untouched. A reply
 * of 200 that is an error object ({"error":{...}}, or a choice with "error") sets *is_error. */
bool openai_skim_reply(struct str body, struct usage *usage, bool *is_error);

/* What an error reply says, for the log, for explain and for rewriting. Empty where it does not say. Takes every
 * vendor's form:
 * {"error":{message,type,code,param}}, {"error":"text"}, {"message"}, {"detail"}, plain text. Unescaped into the arena,
 * cut to 1 KB. */
struct openai_error {
    struct str message, type, code, param;
};
void openai_skim_error(struct str body, struct arena *arena, struct openai_error *error);

/* -- stream events -- */

enum openai_event_kind {
    openai_event_empty,     /* nothing a caller waits for: role only, empty delta, comment, ping */
    openai_event_token,     /* content, reasoning, refusal, tool call, audio: the first of these ends failover */
    openai_event_finish,    /* a finish_reason, with or without text */
    openai_event_usage,     /* no choices but usage: the chunk that include_usage asks for */
    openai_event_done,      /* [DONE] */
    openai_event_error,     /* {"error":...}, event: error, finish_reason "error" */
    openai_event_malformed, /* not JSON, not an object */
};

/* Reads the data of one SSE event. *usage is filled where the event carries usage (any kind). `event` is the event:
 * field, or empty. */
enum openai_event_kind openai_skim_event(struct str event, struct str data, struct usage *usage);

/* The events of a stream are alike but for one string. What the last token event was around its text: an event that is
 * the same but for that text is a token event too, and only the text need be looked at. All zero: none seen. */
struct openai_event_shape {
    uint16_t before_len, after_len; /* bytes around the text's inside; before_len 0: none */
    char around[380];
};
/* As openai_skim_event, with the stream's shape kept up to date. `shape` may be NULL. */
enum openai_event_kind openai_skim_event_alike(struct openai_event_shape *shape, struct str event, struct str data,
                                               struct usage *usage);

/* How many choices of an event have a finish reason. */
unsigned openai_skim_finishes(struct str data);
/* Which of them have one: a bit each, added to those that are there. Those from openai_finishes_max on are left out. */
enum { openai_finishes_max = 64 };
void openai_skim_finished(struct str data, uint64_t *finished);

/* How many bytes of a chunk its model may have said: at least one for each of its tokens, whatever members they stand
 * in (text, reasoning, calls, sound). Of what cannot be read all of it. */
struct openai_said {
    uint64_t bytes;
    struct str id, model; /* of the stream, without quotes; empty: not told */
};
void openai_skim_said(struct str data, struct openai_said *said);

/* What a chunk's first choice adds, for a stream that may have to be continued. */
struct openai_delta {
    struct str id;      /* the value with its quotes; {NULL,0}: absent */
    struct str content; /* unescaped; empty: none */
    bool calls;         /* a tool is called */
};
bool openai_skim_delta(struct str data, struct arena *arena, struct openai_delta *delta);

/* -- what weir itself answers -- */

struct text;
/* {"error":{"message","type","param","code","weir":{"category","request_id","retry_after_ms","attempts","scope"}}} ;
 * retry_after_ms < 0: null. param empty: null. scope empty: left out. */
void openai_write_error(struct text *text, const struct message_error *error);

#endif
