/* mock_fault.h - the ways in which the mock provider fails on purpose: one table of name, parameter and sentence, and
 * the reading of a SPEC such as "status=429,retry-after=2" or "reset-mid-stream=3". Pure. */
#ifndef WEIR_MOCK_MOCK_FAULT_H
#define WEIR_MOCK_MOCK_FAULT_H

#include "base/error.h"
#include "base/str.h"

/* X(name in C, name in a SPEC, what `=N` after it means, N when it is not given, sentence) */
#define MOCK_FAULT_TABLE(X)                                                                                       \
    X(none, "none", none, 0, "No fault: answers as asked.")                                                       \
    X(status, "status", status, 503, "Answers with this status and an error object.")                             \
    X(refuse, "refuse", ms, 1000, "Closes the listener so long: connections are refused.")                        \
    X(hang, "hang", none, 0, "Reads the request and never answers.")                                              \
    X(hang_after_head, "hang-after-head", none, 0, "Sends the head and never a body.")                            \
    X(reset, "reset", none, 0, "Resets the connection before any reply.")                                         \
    X(reset_mid_body, "reset-mid-body", none, 0, "Sends half of the body, then resets.")                          \
    X(reset_mid_stream, "reset-mid-stream", events, 3, "Resets a stream after so many events.")                   \
    X(end_mid_stream, "end-mid-stream", events, 3, "Ends a stream cleanly after so many events, without [DONE].") \
    X(slow_bytes, "slow-bytes", ms, 10, "Sends the body a byte at a time, so far apart.")                         \
    X(truncated_chunk, "truncated-chunk", none, 0, "Closes inside a chunk that it announced.")                    \
    X(bad_chunk_size, "bad-chunk-size", none, 0, "Sends a chunk whose size is no number.")                        \
    X(bad_status_line, "bad-status-line", none, 0, "Sends something that is not HTTP.")                           \
    X(invalid_json, "invalid-json", none, 0, "Sends half of the JSON as if it were the whole.")                   \
    X(invalid_json_event, "invalid-json-event", events, 3, "Puts one event that is no JSON into a good stream.")  \
    X(wrong_content_type, "wrong-content-type", none, 0, "Answers 200 with a page of HTML.")                      \
    X(huge_headers, "huge-headers", none, 0, "Sends 200 KB of headers.")                                          \
    X(error_in_stream, "error-in-stream", events, 3, "Puts an error event into a stream and ends it.")            \
    X(error_200, "error-200", none, 0, "Answers 200 with an error object as the body.")                           \
    X(no_usage, "no-usage", none, 0, "Leaves the usage out.")                                                     \
    X(double_usage, "double-usage", none, 0, "Sends the usage twice in a stream.")                                \
    X(empty_body, "empty-body", none, 0, "Answers 200 with no body.")                                             \
    X(wrong_length, "wrong-length", none, 0, "Announces more bytes than it sends, then closes.")                  \
    X(both_framings, "both-framings", none, 0, "Sends Content-Length and Transfer-Encoding together.")            \
    X(until_close, "until-close", none, 0, "Sends no framing: the body ends when the connection does.")           \
    X(informational, "informational", none, 0, "Sends 103 Early Hints before the reply.")                         \
    X(stall_before_token, "stall-before-token", ms, 0, "Sends head and role, then waits so long (0: for ever).")  \
    X(stall_mid_stream, "stall-mid-stream", events, 3, "Stops a stream after so many events and keeps it open.")  \
    X(close_idle, "close-idle", none, 0, "Closes the connection right after a reply that promised to keep it.")

enum mock_fault_kind {
#define X(name, spec, parameter, value, sentence) mock_fault_##name,
    MOCK_FAULT_TABLE(X)
#undef X
        mock_fault_kinds
};

struct mock_fault {
    enum mock_fault_kind kind;
    int64_t value;          /* the parameter: a status, milliseconds or events */
    int64_t retry_after_ms; /* -1: no such header */
    char retry_after[40];   /* the Retry-After header as given (seconds or a date); empty: none */
};

/* Reads a SPEC; an empty one is `none`. false: *error says what is wrong and names the nearest. */
bool mock_fault_parse(struct str spec, struct mock_fault *fault, struct error *error);
struct str mock_fault_name(enum mock_fault_kind kind);
/* The table as lines for --help and the documentation, one a call from 0 on; false past its end. */
bool mock_fault_describe(size_t index, struct str *name, struct str *parameter, struct str *sentence);

#endif
