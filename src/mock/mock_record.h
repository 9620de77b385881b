/* mock_record.h - what the mock provider remembers of the last requests, so that a test can see what went upstream: a
 * ring, and counts by path. One owner. */
#ifndef WEIR_MOCK_MOCK_RECORD_H
#define WEIR_MOCK_MOCK_RECORD_H

#include "base/text.h"
#include "net/http.h"

enum mock_outcome {
    mock_outcome_open,
    mock_outcome_done,
    mock_outcome_aborted /* the caller hung up */,
    mock_outcome_broken /* by a fault */
};

struct mock_records;

struct mock_records *mock_records_new(void);
void mock_records_free(struct mock_records *records);
/* Answers the request's number, from 1 on; the ring may have forgotten it when its outcome comes. */
uint64_t mock_record_begin(struct mock_records *records, const struct http_request *request);
/* The body, when it is complete, and the fault chosen for it. */
void mock_record_body(struct mock_records *records, uint64_t number, struct str body, struct str fault);
/* Once a request. `events` is what was sent of a stream. */
void mock_record_end(struct mock_records *records, uint64_t number, enum mock_outcome outcome, uint64_t events);
void mock_records_write(const struct mock_records *records, struct text *text);
void mock_records_reset(struct mock_records *records);

/* {"a":"b",...}: names in lower case, values of the same name joined by ", ". */
void mock_headers_write(struct text *text, const struct http_header *headers, size_t count);

#endif
