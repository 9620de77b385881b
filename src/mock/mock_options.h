/* mock_options.h - how the mock provider behaves: one table read from flags (--latency), from request headers
 * (x-mock-latency) and from a directive in the prompt ("[mock latency=5 tokens=3] Hello"). Pure. */
#ifndef WEIR_MOCK_MOCK_OPTIONS_H
#define WEIR_MOCK_MOCK_OPTIONS_H

#include "base/error.h"
#include "base/header.h"
#include "base/prng.h"
#include "mock/mock_fault.h"

enum mock_latency_kind { mock_latency_fixed, mock_latency_normal, mock_latency_lognormal, mock_latency_uniform };

/* Milliseconds: fixed a; normal of mean a and deviation b; lognormal with the median a and the sigma b; uniform in [a,
 * b]. */
struct mock_latency {
    enum mock_latency_kind kind;
    double a, b;
};

struct mock_options {
    struct mock_latency latency; /* before the reply, or a stream's head */
    double rate;                 /* tokens a second in a stream; 0: at once */
    struct mock_fault fault;
    double fault_rate; /* the share of requests that gets `fault`; 1: all */
    uint64_t seed;     /* of what is drawn */
    int64_t tokens;    /* length of an answer; 0: as the prompt has it */
    bool echo;         /* the answer's text is the request as it arrived, as JSON */
    struct str key;    /* wanted as a bearer token; empty: none is wanted */
    struct str models; /* "a,b": others are unknown; empty: any model is served */
    struct str listen;
    bool lenient; /* take what the vendors would refuse */
    bool control; /* serve /mock/... */
};

enum mock_source { mock_source_flag, mock_source_request };

struct mock_options mock_options_default(void);
/* One option by its name without dashes or prefix ("fault-rate"). Texts are borrowed. From a request only those are
 * taken that concern one reply. false: *error says why. */
bool mock_options_set(struct mock_options *options, struct str name, struct str value, enum mock_source source,
                      struct error *error);
/* Does the flag stand alone, without a value? */
bool mock_option_is_switch(struct str name);
/* Every x-mock-* header. */
bool mock_options_headers(struct mock_options *options, const struct http_header *headers, size_t count,
                          struct error *error);
/* "[mock name=value ...]" at the front of a text; answers the text behind it. */
bool mock_options_prompt(struct mock_options *options, struct str *text, struct error *error);
/* One drawn latency. */
uint64_t mock_latency_draw_ns(const struct mock_latency *latency, struct prng *prng);
/* The table, one a call from 0 on, for --help. */
bool mock_option_describe(size_t index, struct str *name, struct str *value, struct str *sentence);

#endif
