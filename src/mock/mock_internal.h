/* mock_internal.h - what mock.c (requests, choices) and mock_deliver.c (sending, faults) share. Only src/mock includes
 * it. */
#ifndef WEIR_MOCK_MOCK_INTERNAL_H
#define WEIR_MOCK_MOCK_INTERNAL_H

#include "base/chunks.h"
#include "dialect/outbound.h"
#include "mock/mock.h"
#include "mock/mock_openai.h"
#include "mock/mock_record.h"
#include "net/server.h"

enum { mock_headers_max = 20 };

struct mock {
    struct loop *loop;
    struct mock_options options;
    struct arena arena; /* the options' texts */
    struct listen_address *address;
    uint16_t port;
    struct server *server; /* NULL while connections are refused */
    struct timer refusal;
    uint64_t refuse_ns; /* how long from the next refusal */
    struct prng prng;
    struct mock_records *records;
    struct mock_fault forced; /* by POST /mock/fault, for the next forced_count requests; -1: until told otherwise */
    int64_t forced_count;
    uint64_t served;
    struct arena scratch; /* one event of a stream; the last of /v1/responses says the whole answer again */
};

enum mock_state {
    mock_receiving,
    mock_waiting, /* for the latency */
    mock_sending, /* a stream, or a body byte by byte */
    mock_cutting, /* what was written is given time to arrive before the reset */
    mock_stalled, /* never goes on */
    mock_ended,
};

/* One request. Freed by done or gone, or with the abort. */
struct mock_exchange {
    struct mock *mock;
    struct exchange *exchange;
    const struct http_request *request; /* a copy; its ranges are borrowed from the exchange */
    struct arena arena;
    struct chunks received;
    struct json *json;
    struct timer timer;
    struct mock_options options; /* the mock's, as the request has changed them */
    struct mock_fault fault;
    enum mock_state state;
    uint64_t number; /* of its record; 0: none */
    /* The answer. */
    int status;
    struct str content_type;
    struct str body;
    bool streams; /* the answer is an event stream */
    struct mock_facts facts;
    struct mock_prompt prompt;
    struct mock_answer answer;
    struct mock_stream stream;
    const struct codec *codec; /* the asker's dialect; NULL: OpenAI's, the mock's own */
    bool json_array;           /* Google's stream without alt=sse */
    bool openai_inside;        /* as Workers AI's models that reason: OpenAI's form, whole ones in its envelope */
    void *reader, *writer;     /* of the stream's two dialects */
    struct embed_request *embed;
    struct message_asked asked; /* what its answer says again */
    int64_t counted;            /* tokens of the prompt, by estimate */
    uint64_t started_ns, tokens_sent;
    size_t slow_at;
    struct http_request request_copy;
};

/* Listens, at first and after a refusal. false: *error. */
bool mock_open(struct mock *mock, struct error *error);
void mock_exchange_free(struct mock_exchange *me, enum mock_outcome outcome);
/* Sends the answer that has been set, or fails in the way that was chosen. */
void mock_deliver(struct mock_exchange *me);
/* The caller takes more. */
void mock_deliver_more(struct mock_exchange *me);
/* /mock/...: sets the answer. */
void mock_control(struct mock_exchange *me, struct str path, struct str body);

#endif
