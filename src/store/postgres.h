/* postgres.h - the parts of PostgreSQL's driver (database.h): the connection (database_postgres.c), its statements
 * (postgres_statement.c), what its SQL needs (postgres_sql.c), and libpq, which is opened at run time where a ledger
 * lies there (postgres_library.c): it brings two dozen libraries.
 *
 * Nothing waits for ever: whatever goes over the wire has a time, after which the connection is given up. As SQLite
 * has one writer at a time, so has a ledger here: who writes holds an advisory lock to the end of the transaction. */
#ifndef WEIR_STORE_POSTGRES_H
#define WEIR_STORE_POSTGRES_H

#include <libpq-fe.h>

#include "store/database_internal.h"

#define POSTGRES_FUNCTIONS(X) \
    X(PQclear)                \
    X(PQcmdStatus)            \
    X(PQcmdTuples)            \
    X(PQconnectPoll)          \
    X(PQconnectStartParams)   \
    X(PQconninfoFree)         \
    X(PQconninfoParse)        \
    X(PQconsumeInput)         \
    X(PQenterPipelineMode)    \
    X(PQerrorMessage)         \
    X(PQexitPipelineMode)     \
    X(PQfinish)               \
    X(PQflush)                \
    X(PQfname)                \
    X(PQfreemem)              \
    X(PQftype)                \
    X(PQgetisnull)            \
    X(PQgetlength)            \
    X(PQgetResult)            \
    X(PQgetvalue)             \
    X(PQisBusy)               \
    X(PQnfields)              \
    X(PQntuples)              \
    X(PQparameterStatus)      \
    X(PQpipelineSync)         \
    X(PQresultErrorField)     \
    X(PQresultStatus)         \
    X(PQsendPrepare)          \
    X(PQsendQuery)            \
    X(PQsendQueryParams)      \
    X(PQsendQueryPrepared)    \
    X(PQserverVersion)        \
    X(PQsetnonblocking)       \
    X(PQsetNoticeProcessor)   \
    X(PQsetSingleRowMode)     \
    X(PQsocket)               \
    X(PQstatus)

struct postgres_library {
#define X(name) __typeof__(name) *name;
    POSTGRES_FUNCTIONS(X)
#undef X
};
/* NULL: *problem says why it cannot be opened. Any thread. */
const struct postgres_library *postgres_library(char *problem, size_t size);

enum {
    postgres_connect_ms = 5000,   /* for a connection */
    postgres_patience_ms = 30000, /* for an answer, in a transaction */
    postgres_reading_ms = 120000, /* for the next row of a question */
    postgres_script_ms = 600000,  /* for a change of all tables */
    postgres_queued_max = 256,    /* statements on their way together */
    postgres_params_max = 64
};

struct postgres {
    struct database base;
    const struct postgres_library *pq;
    PGconn *connection;
    char *secret; /* the password of its URL, to be kept out of what is said; owned; NULL: none */
    bool gone, in_transaction, pipelined;
    struct postgres_statement *streaming; /* its rows are still coming */
    int64_t *queued[postgres_queued_max]; /* where to put what each has changed; NULL: nobody asks */
    size_t queued_count;
    bool queue_failed;
    int64_t writes, own_writes; /* of the ledger in all, when this one last began; of its own */
    unsigned names;             /* of prepared statements, so far */
    char state[6];              /* SQLSTATE of what failed last */
    char problem[300];
};

/* -- database_postgres.c -- */

/* Says what failed: the result's words, or the connection's (NULL). false. */
bool postgres_fails(struct postgres *of, const PGresult *result);
/* The next result; NULL: there is none any more, or the connection is gone. */
PGresult *postgres_result(struct postgres *of, int wait_ms);
/* Nothing is on its way any more: rows that come are kept by their statement, what is queued has run. */
bool postgres_quiet(struct postgres *of);
/* The same, by the way of those that are queued; the last one's result is the caller's. NULL: a failure. */
PGresult *postgres_settle_last(struct postgres *of);
/* Reads up to the end of what was sent; the last result's number of changed rows. false: one of them has failed. */
bool postgres_finish(struct postgres *of, int wait_ms, int64_t *changes);

/* -- postgres_statement.c -- */

struct statement *postgres_prepare(struct database *database, const char *sql, bool kept);
extern const struct database_driver postgres_statement_driver;
/* The server takes neither a NUL nor what is no UTF-8, and callers may send both: each such byte becomes `?`. */
void postgres_text_mend(char *at, size_t len);
/* The rows that are still coming are taken into memory. */
bool postgres_stream_keep(struct postgres_statement *statement);

/* -- postgres_sql.c -- */

/* What every driver's SQL has: functions, the number of writes, the numbers that were given. */
extern const char postgres_make_sql[];
/* `?1` becomes `$1`, and words for types and keys become PostgreSQL's. NULL: no memory; else memory_give. */
char *postgres_translate(const char *sql);
/* What to do about a failure, by its SQLSTATE; of one to connect, which has none, by the server's words. */
const char *postgres_mend_of(const char *state);
const char *postgres_mend_of_connecting(const char *said);

#endif
