/* codec.h - one wire format as a table of functions: bytes to the canonical message and back. A dialect is code: each
 * has one table, in files of its own name (anthropic_codec.c, anthropic_reply.c, anthropic_stream.c and others).
 * Everything is pure: bytes in, canonical form out, and the other way; all memory is the arena's.
 *
 * A reader checks what it is given: it comes from a stranger. It never fails on a member that it does not know (an
 * extra, or foreign). A writer is given a request that fit_request() has made fit; it leaves out what its dialect
 * cannot say and never fails but for memory (text->failed). */
#ifndef WEIR_DIALECT_CODEC_H
#define WEIR_DIALECT_CODEC_H

#include "base/text.h"
#include "dialect/json.h"
#include "dialect/model.h"

enum framing { framing_sse, framing_ndjson, framing_json_array };

/* What the writer of a request must know of where it goes. */
struct codec_target {
    struct str model;                  /* as the provider names it */
    const struct codec_quirks *quirks; /* never NULL */
    int64_t output_tokens_max;         /* the model's; -1: not known */
    bool reasons;                      /* the model can think; only then is a thinking budget asked for */
    bool stream;                       /* may differ from the request's */
    bool counts;                       /* the prompt's tokens are asked for and no answer */
    bool strict_version;               /* Anthropic's API is asked in a version that refuses what older ones take */
    const struct model_takes *takes;   /* NULL: nothing is known */
    const struct prompt_marks *marks;  /* for its prompt cache (prompt_marks.h); NULL: as the message's parts say */
};

/* In what vendors of one dialect differ; rows of the catalogue name them. All zero: the dialect as its inventor speaks
 * it. */
struct codec_quirks {
    struct str name;
    bool no_stream_options;       /* usage comes anyway, and the member is refused (Mistral) */
    bool max_tokens_old;          /* max_tokens, as max_completion_tokens is not known */
    bool tool_choice_any;         /* "any" for required (Mistral) */
    bool seed_is_random_seed;     /* Mistral */
    bool no_json_schema;          /* json_object only (DeepSeek): schema becomes json_object with the schema as text */
    bool system_not_developer;    /* `developer` is not known as a role */
    bool reasoning_apart;         /* completion_tokens leave reasoning out (xAI) */
    bool content_is_string;       /* no lists of parts in system and tool messages */
    bool thinking_adaptive;       /* Anthropic's newer models: thinking adaptive and output_config.effort */
    bool thinking_levels;         /* Gemini 3: thinkingLevel and not thinkingBudget */
    bool no_prefill;              /* a last assistant message is refused */
    bool many_servers;            /* its type stands for any server that speaks so, not the vendor's alone */
    uint64_t refuses;             /* a bit per enum feature: what this vendor answers with a 400, whatever the model */
    const char *tool_id_alphabet; /* NULL: any; else calls' ids are made of these (Mistral: 9 letters and digits) */
    unsigned tool_id_length;
};

/* What the writer of a reply must know of the caller. */
struct codec_caller {
    struct str model;      /* told when the provider does not say; else the provider's own */
    struct str request_id; /* weir's; ids that the provider does not give are made from it */
    int64_t now_s;         /* since 1970 */
    bool include_usage;    /* OpenAI: the usage chunk was asked for */
    bool show_reasoning;
    bool json_array;                   /* Gemini: a stream is written as one JSON array and not as events */
    struct str previous_response;      /* Responses: what was gone on from; {NULL,0}: nothing */
    bool stores;                       /* Responses: the answer is kept */
    const struct message_asked *asked; /* NULL: nothing is known of it */
};

struct codec {
    struct str name;
    enum dialect dialect;
    enum framing framing; /* of its streams */
    bool mixes;           /* in its streams fragments of several calls may come mixed: order.h sets them right */
    struct str stream_content_type;
    struct str terminator; /* what ends a stream of which all has been said; empty: its end is enough, or nothing is */
    enum feature_fate fates[features]; /* of what a request may ask for, as an outbound */

    /* A caller's request. false: *error says which member and how to mend it, *param names it. `path_model`: the model
     * where it stands in the path (Gemini), else empty; `stream`: the path asks for one. */
    bool (*read_request)(struct str body, struct str path_model, bool stream, struct arena *arena,
                         struct message_request *request, struct error *error, struct str *param);
    void (*write_request)(const struct message_request *request, const struct codec_target *target, struct text *body);

    /* A whole reply. false: it is not one of this dialect. *error_inside: a 200 that holds an error; read_error tells.
     */
    bool (*read_reply)(struct str body, struct arena *arena, const struct codec_quirks *quirks,
                       struct message_reply *reply, bool *error_inside);
    void (*write_reply)(const struct message_reply *reply, const struct codec_caller *caller, struct text *body);

    /* Streams. The states are zeroed memory of these sizes, aligned to 16, for one stream each. One event's data in
     * (SSE: its event field and data; NDJSON: a line; JSON array: an element), canonical events out. false: it is
     * malformed and is dropped. `events->arena` is scratch, gone after the call; what a state keeps beyond it (an id, a
     * name) it copies to `keep`, which lives as long as the stream and must not grow with each event. */
    size_t reader_size, writer_size;
    bool (*read_event)(void *reader, struct str event, struct str data, struct arena *keep,
                       const struct codec_quirks *quirks, struct message_events *events);
    /* Writes with the dialect's framing, whole frames only; may write nothing (a ping, an end that is not told). What
     * is not UTF-8 safe to cut stays whole. text->arena is scratch. */
    void (*write_event)(void *writer, const struct message_event *event, const struct codec_caller *caller,
                        struct arena *keep, struct text *text);

    /* An error reply of any status, or the data of an error event. Leaves `code` as it is: core/classify decides it. */
    void (*read_error)(struct str body, struct arena *arena, struct message_error *error);
    void (*write_error)(const struct message_error *error, struct text *body);

    /* Its SDKs do not read an answer without usage: where the provider said none, what is written is an estimate. */
    bool wants_usage;

    /* Token counts (a request is written for them by target->counts); NULL: the dialect has none. read: -1: it is none.
     */
    int64_t (*read_count)(struct str body, struct arena *arena);
    void (*write_count)(int64_t tokens, struct text *body);

    /* Embeddings; NULL: the dialect has none. */
    uint32_t embed_takes; /* a bit per enum embed_feature, as an outbound */
    bool (*read_embed_request)(struct str body, struct str path_model, struct arena *arena,
                               struct embed_request *request, struct error *error, struct str *param);
    void (*write_embed_request)(const struct embed_request *request, const struct codec_target *target,
                                struct text *body);
    bool (*read_embed_reply)(struct str body, struct arena *arena, struct embed_reply *reply, bool *error_inside);
    void (*write_embed_reply)(const struct embed_reply *reply, const struct embed_request *asked,
                              const struct codec_caller *caller, struct text *body);
};

/* -- the tables, each in its dialect's own file: codec_openai in openai_codec.c, and so on -- */
extern const struct codec codec_openai, codec_anthropic, codec_gemini, codec_ollama, codec_cloudflare,
    codec_huggingface, codec_responses;
/* Of callers only: /v1/completions towards providers that have none. */
extern const struct codec codec_completions;

#endif
