/* message.h - the canonical message: what a request, a reply and a stream say, in no provider's words. Every dialect is
 * read into it and written from it, so that any caller reaches any provider; where caller and provider speak the same
 * dialect, bytes are spliced instead and nothing of this is used.
 *
 * All memory is one arena's (or the bytes that were read, or static); ranges are borrowed from there. Nothing here
 * frees. Absent numbers are MESSAGE_NO_INT and NAN, absent strings {NULL, 0}: an empty string that was said has an
 * `at`. "raw" means one JSON value as text. */
#ifndef WEIR_DIALECT_MESSAGE_H
#define WEIR_DIALECT_MESSAGE_H

#include "base/arena.h"
#include "base/error.h"
#include "dialect/usage.h"

#define MESSAGE_NO_INT INT64_MIN

/* A wire format. The first six are what a provider's row may say; responses is spoken by callers (and passed through to
 * providers that have it). */
enum dialect {
    dialect_openai,
    dialect_anthropic,
    dialect_gemini,
    dialect_ollama,
    dialect_cloudflare,
    dialect_huggingface,
    dialect_responses,
    dialects
};

enum message_flag { flag_unset, flag_false, flag_true };

enum message_role { message_system, message_developer, message_user, message_assistant, message_tool };

enum part_kind {
    part_text,
    part_image,    /* media */
    part_audio,    /* media */
    part_document, /* media, or text with title */
    part_refusal,
    part_reasoning, /* text; signature or data where the provider gave one; no text and data: redacted */
    part_tool_call, /* id, name, arguments */
    part_tool_result,
    part_foreign, /* what only its own dialect can say (server tool calls and results, ...): raw */
    part_kinds
};

struct message_media {
    struct str url;  /* http(s), or a provider's own URI; {NULL,0}: data or file_id holds it */
    struct str data; /* base64, without a data: prefix */
    struct str mime; /* "image/png"; empty: not said */
    struct str file_id;
    struct str detail; /* "auto", "low", "high" */
};

struct message_citation {
    struct str url, title, cited_text;
    int64_t start, end; /* in characters of the text that it stands for; MESSAGE_NO_INT: not said */
    struct str raw;     /* as its own dialect said it */
};

struct message_part {
    enum part_kind kind;
    enum dialect of; /* whose signature, data, raw it is */
    struct str text;
    struct message_media media;
    struct str title; /* of a document: its title or file name */
    struct str id;    /* of the tool call: a result's too. {NULL,0}: none (Gemini, Ollama): match by order and name */
    struct str name;  /* of the tool: a result's too where it is said */
    struct str arguments; /* JSON text as the model wrote it: an object in good order, but nobody has checked it */
    struct message_part *parts; /* of a tool result: text, images, documents */
    size_t part_count;
    bool is_error;        /* of a tool result */
    bool custom;          /* a call of a tool that takes text (custom_tool.h), or its result */
    struct str signature; /* of reasoning; Gemini's thoughtSignature also on text and tool calls */
    struct str data;      /* reasoning that only the provider can read (redacted_thinking, encrypted_content) */
    struct str reasoning; /* of a tool call, towards the Responses API: raw items of reasoning that led to it */
    struct str raw;       /* part_foreign */
    bool cache_mark;      /* the provider is to keep the prompt up to here */
    struct str cache_ttl; /* "5m", "1h" */
    bool wants_citations; /* of a document */
    bool says_more;       /* what only its own dialect knows, beside all this */
    struct message_citation *citations;
    size_t citation_count;
};

struct message {
    enum message_role role;
    struct str name; /* of the speaker */
    struct message_part *parts;
    size_t part_count;
};

struct message_tool {
    struct str name, description;
    struct str parameters; /* raw JSON Schema; {NULL,0}: none */
    enum message_flag strict;
    bool cache_mark;
    struct str cache_ttl;
    struct str raw; /* one that only its own dialect knows (web search, ...): all of it; then `of` says whose */
    enum dialect of;
    bool custom;       /* takes text (custom_tool.h): `parameters` say it as a function with one string */
    struct str format; /* of that text: raw; {NULL,0}: any */
};

/* What an answer says again of the request, or is written by. */
struct message_asked {
    struct str members; /* Responses: raw members of the response object, separated by commas; {NULL,0}: defaults */
    struct str *custom; /* names of the custom tools */
    size_t custom_count;
};
/* Is a tool of this name one that takes text? asked: may be NULL. */
bool message_is_custom(const struct message_asked *asked, struct str name);

enum message_choice_of_tool { tools_unset, tools_auto, tools_none, tools_required, tools_named };
enum message_format { format_unset, format_text, format_json, format_schema };
enum message_effort {
    effort_unset,
    effort_none,
    effort_minimal,
    effort_low,
    effort_medium,
    effort_high,
    effort_xhigh,
    effort_max,
    message_efforts
};

/* A member of a request that has no place here, by its name in its own dialect. */
struct message_extra {
    struct str name, raw;
};

/* Who changes the messages afterwards sets `looked` to 0. */
struct message_seen {
    uint64_t looked; /* bits of enum dialect */
    uint64_t features_of[dialects];
};

struct message_request {
    enum dialect from;
    struct str model; /* as asked for; a writer takes the target's instead */
    struct message *messages;
    size_t message_count;
    struct message_tool *tools;
    size_t tool_count;
    enum message_choice_of_tool tool_choice;
    struct str tool_name; /* tools_named */
    enum message_flag parallel_tool_calls;
    enum message_format format;
    struct str schema_name, schema_description, schema; /* raw */
    enum message_flag schema_strict;
    struct {
        bool looked, of_object, refers, tools_refer;
    } shape; /* of the schemas; emulate_look() */
    double temperature, top_p, min_p, frequency_penalty, presence_penalty, repetition_penalty; /* NAN: not said */
    int64_t max_tokens, top_k, seed, n, top_logprobs;                                          /* or MESSAGE_NO_INT */
    enum message_flag logprobs;
    struct str logit_bias; /* raw */
    struct str *stop;
    size_t stop_count;
    enum message_effort effort;
    int64_t reasoning_tokens;         /* a budget; MESSAGE_NO_INT: none; -1: as the model likes */
    enum message_flag show_reasoning; /* the caller wants to see it */
    bool stream, include_usage;
    struct str native_only; /* a member that only a provider of the caller's own dialect can serve; {NULL,0}: none */
    bool completes, echo;   /* of a prompt to go on with, which the answer repeats */
    struct str suffix;      /* what stands after the gap to fill */
    struct str user;        /* end user's id */
    struct str metadata;    /* raw object */
    struct str service_tier, verbosity, prompt_cache_key;
    struct str prompt_cache_retention, prompt_cache_options; /* how long it is kept; the latter raw */
    enum message_flag store;
    struct str modalities, audio, prediction; /* raw, OpenAI's */
    struct str safety;                        /* raw, Gemini's safetySettings */
    struct str cached_content;                /* the name of what Gemini keeps of a prompt */
    struct message_extra *extras;
    size_t extra_count;
    bool says_more; /* elsewhere than at its top, what only its own dialect knows */
    struct message_asked asked;
    struct message_seen *seen; /* what message_features() has found; NULL: it looks anew each time */
};

enum message_finish {
    finish_none, /* not said (yet) */
    finish_stop,
    finish_stop_sequence,
    finish_length,
    finish_tool_calls,
    finish_content_filter, /* and refusals that the provider ends by */
    finish_error,
    finishes
};

struct message_choice {
    struct message_part *parts;
    size_t part_count;
    enum message_finish finish;
    struct str stop_sequence; /* the one that matched; {NULL,0}: not said */
    struct str logprobs;      /* raw, in OpenAI's form */
};

struct message_reply {
    struct str id, model; /* as the provider says; {NULL,0}: not said */
    int64_t created_s;    /* since 1970; MESSAGE_NO_INT: not said */
    struct message_choice *choices;
    size_t choice_count;
    struct usage usage;
    struct str iterations; /* raw list: the usage of each go that it took, other models' too (Anthropic) */
    struct str service_tier, fingerprint;
};

/* -- streams -- */

enum message_event_kind {
    message_event_begin,     /* id, model; usage where the provider tells the input's at once */
    message_event_text,      /* text */
    message_event_refusal,   /* text */
    message_event_reasoning, /* text */
    message_event_signature, /* text: the signature of the reasoning so far; `data` for what is redacted */
    message_event_tool,      /* a tool call begins: tool, id, name, perhaps signature */
    message_event_arguments, /* tool, text: a fragment, appended as it is */
    message_event_citation,
    message_event_logprobs, /* text: raw, OpenAI's form, of the last text */
    message_event_finish,   /* finish, stop_sequence */
    message_event_usage,    /* the counts so far; a later one replaces what it says */
    message_event_error,    /* text: a sentence; read: name, type, status, or 0; written: code, status, sequence */
    message_event_end,      /* the provider's terminator: nothing follows */
    message_event_kinds
};

struct message_event {
    enum message_event_kind kind;
    unsigned choice; /* from 0 */
    unsigned tool;   /* which call of the choice, from 0: other kinds of blocks do not count */
    enum dialect of; /* whose signature or data */
    struct str text, data, id, name, model, signature;
    enum message_finish finish;
    struct str stop_sequence;
    struct usage usage;
    struct str iterations; /* of that usage, as a reply's */
    struct message_citation citation;
    /* Of an error. What a provider calls it is for whoever decides: no other dialect's caller gets its words. */
    struct str type;
    enum error_code code; /* weir's own; error_none: the provider failed */
    int status;
    uint64_t sequence; /* at least this number, where the caller's dialect numbers events */
};

/* Grows in the arena; `failed` when there is no memory. Ranges in events live as long as the arena and the bytes read.
 */
struct message_events {
    struct message_event *list;
    size_t count, size;
    struct arena *arena;
    bool progress;          /* the model has said something that has no event here: a block of another kind */
    size_t unread;          /* bytes of what the model has said that is in no event */
    uint64_t next_sequence; /* the number that the provider's next event will have, where it numbers them; else 0 */
    bool failed;
};
/* What weir calls an error event. */
const struct error_facts *message_event_error_facts(const struct message_event *event);
/* A whole reply as the events of a stream, appended: for a caller who wants one and a provider that has none.
 * events->failed: no memory. */
void message_reply_events(const struct message_reply *reply, struct message_events *events);
/* A zeroed event of that kind at the end; usage says nothing. Never NULL: a scrap one when `failed`. */
struct message_event *message_event_add(struct message_events *events, enum message_event_kind kind);

/* -- errors -- */

/* What went wrong, as it crosses dialects: one of weir's codes decides status, type and code in the caller's dialect.
 */
struct message_error {
    enum error_code code;
    int status; /* the provider's; 0: weir's own */
    struct str message, param;
    struct str type, said_code; /* the provider's own words, kept where caller and provider speak alike */
    struct str request_id;
    int64_t retry_after_ms; /* -1: not known */
    unsigned attempts;
    struct str scope; /* of a limit: "client", "provider"; empty: none */
};

/* -- embeddings -- */

struct embed_request {
    struct str model;
    struct str *inputs; /* texts; count 0 and raw: tokens, which only OpenAI's dialect takes */
    size_t input_count;
    struct str raw_inputs;
    int64_t dimensions; /* or MESSAGE_NO_INT */
    bool base64;        /* encoding_format: little-endian floats */
    bool single;        /* one text and not a list: what Gemini's embedContent answers for */
    struct str user, task, title;
};

/* What of it a dialect may be unable to say: the first two are refused then, the others dropped with a warning. */
enum embed_feature { embed_tokens, embed_dimensions, embed_task, embed_user, embed_features };
uint32_t embed_asked(const struct embed_request *request); /* bits */
struct str embed_feature_name(enum embed_feature feature);

struct embed_reply {
    struct str model;
    struct str *vectors; /* each raw: [0.1, ...] */
    size_t vector_count;
    struct usage usage;
};

/* -- what may be lost -- */

/* What a request may ask for and a dialect may be unable to say. X(name): the name stands in x-weir-dropped and in the
 * refusal's sentence. */
#define FEATURE_TABLE(X)      \
    X(temperature)            \
    X(top_p)                  \
    X(top_k)                  \
    X(min_p)                  \
    X(frequency_penalty)      \
    X(presence_penalty)       \
    X(repetition_penalty)     \
    X(seed)                   \
    X(n)                      \
    X(stop)                   \
    X(logprobs)               \
    X(logit_bias)             \
    X(tools)                  \
    X(server_tools)           \
    X(tool_choice)            \
    X(parallel_tool_calls)    \
    X(json_object)            \
    X(json_schema)            \
    X(reasoning_effort)       \
    X(reasoning_history)      \
    X(cache_control)          \
    X(prompt_cache_key)       \
    X(prompt_cache_retention) \
    X(user)                   \
    X(metadata)               \
    X(service_tier)           \
    X(verbosity)              \
    X(store)                  \
    X(modalities)             \
    X(prediction)             \
    X(safety_settings)        \
    X(message_name)           \
    X(image)                  \
    X(image_url)              \
    X(audio)                  \
    X(document)               \
    X(document_url)           \
    X(file_id)                \
    X(tool_result_media)      \
    X(tool_result_error)      \
    X(citations)              \
    X(foreign)                \
    X(echo)                   \
    X(suffix)                 \
    X(max_tokens)             \
    X(prefill)                \
    X(cached_content)         \
    X(system)                 \
    X(video)                  \
    X(strict)                 \
    X(detail)                 \
    X(document_title)         \
    X(extra)

enum feature {
#define X(name) feature_##name,
    FEATURE_TABLE(X)
#undef X
        features
};
struct str feature_name(enum feature feature);
#define FEATURE_BIT(name) (UINT64_C(1) << feature_##name)

/* Carried by default; what a dialect's table names is dropped with a warning, or refused. */
enum feature_fate {
    fate_carried,
    fate_dropped,
    fate_fetched,  /* image_url, document_url: weir fetches it and sends the bytes */
    fate_emulated, /* json_schema, tool_choice: said by the other one (emulate.h), where that can be; else refused. n: a
                      call for each answer */
    fate_refused
};

/* About how many tokens the prompt has, by what it says and not by its JSON: four bytes of text a token, a little for
 * each message and part, 1,000 for an image. For where nobody can be asked. */
int64_t message_tokens(const struct message_request *request);

/* Bits of what a request asks for, on its way to a dialect (what is foreign depends on it). tool_choice counts for
 * required and named only; n above 1 only; image_url for http(s) and not data. */
uint64_t message_features(const struct message_request *request, enum dialect to);

/* Nobody but the system says anything: where a conversation must begin with the user, its text is said as the user's.
 */
bool message_is_of_system_alone(const struct message_request *request);
/* How many messages of the system stand before the first turn. Those behind it stay where they are: moved to the others
 * they would make each beginning another one, and no provider's prompt cache would know it again. */
size_t message_leading_system(const struct message_request *request);

/* Zeroes, with absent numbers absent. */
void message_request_init(struct message_request *request, enum dialect from);
/* An id of `prefix` and 24 letters and digits, drawn from `seed`: for calls and replies that come without one. */
struct str message_make_id(struct arena *arena, struct str prefix, uint64_t seed);
/* "data:image/png;base64,AAAA" into mime and data; false: it is no such URI. */
bool message_data_uri(struct str url, struct message_media *media);

#endif
