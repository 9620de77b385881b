/* audit_internal.h - a row of the audit as it stands in the database: for what writes and checks it (audit.c) and what
 * shows it (audit_views.c). */
#ifndef WEIR_STORE_AUDIT_INTERNAL_H
#define WEIR_STORE_AUDIT_INTERNAL_H

#include "store/audit.h"
#include "store/ledger_internal.h"

enum { audit_words = 4, audit_columns = 10, audit_request_most = 64, audit_canonical_most = 1024 };

struct audit_row {
    int64_t seq, time_ms;
    struct str action, outcome, request_id;
    struct sha256 words[audit_words]; /* of actor, address, subject, detail */
    bool has[audit_words];
};

/* Its audit_columns columns, then salt and word of each of its words. */
#define AUDIT_SELECT                                                                                              \
    "SELECT seq, time_ms, action, outcome, actor, address, subject, detail, request_id, head, w1.salt, w1.word, " \
    "w2.salt, w2.word, w3.salt, w3.word, w4.salt, w4.word FROM audit "                                            \
    "LEFT JOIN audit_words w1 ON w1.hash = actor LEFT JOIN audit_words w2 ON w2.hash = address "                  \
    "LEFT JOIN audit_words w3 ON w3.hash = subject LEFT JOIN audit_words w4 ON w4.hash = detail"

void audit_row_read(struct statement *statement, struct audit_row *row);
struct sha256 audit_row_hash(const struct audit_row *row, const struct sha256 *before);
/* SHA-256 of both, one behind the other. */
struct sha256 audit_hash_two(const void *first, size_t first_len, struct str second);

/* NULL: a failure. */
struct statement *audit_prepare(struct ledger *ledger, const char *sql);
/* false: it is no hash, and *hash is zeros. */
bool audit_blob(struct statement *statement, int column, struct sha256 *hash);

#endif
