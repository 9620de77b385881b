/* postgres_statement.c - see postgres.h: statements, their parameters and rows. Everything goes in its binary form.
 * Rows come one by one, so that a question's answer may be of any length; when something else is to be sent before the
 * last has come, the rest is taken into memory. */
#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "base/memory.h"
#include "store/postgres.h"

enum { oid_bool = 16, oid_bytes = 17, oid_int8 = 20, oid_int2 = 21, oid_int4 = 23, oid_text = 25, oid_numeric = 1700 };

struct postgres_statement {
    struct statement base;
    struct postgres *of;
    char *sql;
    char name[16]; /* under which the server has it; empty: it is sent whole */
    bool sent_name, writes, running, failed;
    uint64_t used; /* parameters that stand in it, by bit */
    int count;     /* of parameters, as far as they were given */
    Oid types[postgres_params_max];
    const char *values[postgres_params_max];
    int lengths[postgres_params_max], formats[postgres_params_max];
    unsigned char numbers[postgres_params_max][8];
    char *copies[postgres_params_max]; /* owned: texts that had to be mended */
    PGresult *row;                     /* what it stands in */
    int at, rows;                      /* of its rows */
    PGresult **rest;                   /* those behind it, taken into memory */
    size_t rest_count, rest_at, rest_room;
    int64_t changes;
};

static struct postgres_statement *this_of(struct statement *statement) {
    return (struct postgres_statement *)statement;
}

/* -- parameters -- */

static void param_set(struct postgres_statement *of, int place, Oid type, const void *value, size_t len) {
    CHECKF(place >= 1 && place <= postgres_params_max, "place=%d", place);
    const int i = place - 1;
    memory_give(of->copies[i]);
    of->copies[i] = NULL;
    of->types[i] = type;
    of->values[i] = value;
    of->lengths[i] = (int)len;
    of->formats[i] = 1;
    if (place > of->count) of->count = place;
}

static void postgres_put_null(struct statement *statement, int place) {
    param_set(this_of(statement), place, 0, NULL, 0);
}

static void postgres_put_numbers(struct statement *statement, int place, const int64_t *numbers, size_t count,
                                 bool counts) {
    struct postgres_statement *of = this_of(statement);
    for (size_t i = 0; i < count; i++, place++) {
        if (counts && numbers[i] < 0) {
            param_set(of, place, oid_int8, NULL, 0);
            continue;
        }
        CHECKF(place >= 1 && place <= postgres_params_max, "place=%d", place);
        unsigned char *bytes = of->numbers[place - 1];
        for (int b = 0; b < 8; b++) bytes[b] = (unsigned char)((uint64_t)numbers[i] >> (56 - 8 * b));
        param_set(of, place, oid_int8, bytes, 8);
    }
}

void postgres_text_mend(char *at, size_t len) {
    for (size_t i = 0, piece; i < len; i += piece) {
        for (piece = 1; piece <= 4 && i + piece <= len; piece++)
            if (str_is_utf8(str_make(at + i, piece))) break;
        if (piece <= 4 && i + piece <= len && at[i]) continue;
        at[i] = '?';
        piece = 1;
    }
}

static void postgres_put_text(struct statement *statement, int place, struct str text) {
    struct postgres_statement *of = this_of(statement);
    if (!text.len || (!memchr(text.at, 0, text.len) && str_is_utf8(text))) {
        param_set(of, place, oid_text, text.len ? text.at : "", text.len);
        return;
    }
    char *mended = memory_take(text.len);
    if (mended) memcpy(mended, text.at, text.len), postgres_text_mend(mended, text.len);
    param_set(of, place, oid_text, mended, text.len); /* no memory: null, which no such column takes */
    of->copies[place - 1] = mended;
}

static void postgres_put_bytes(struct statement *statement, int place, const void *bytes, size_t len) {
    param_set(this_of(statement), place, oid_bytes, len ? bytes : "", len);
}

/* A place that the statement leaves out has a type all the same; of others that are null the server finds it. */
static void types_default(struct postgres_statement *of) {
    for (const char *at = of->sql; *at; at++) {
        if (*at != '$') continue;
        uint64_t place = 0;
        while (at[1] >= '0' && at[1] <= '9') place = place * 10 + (uint64_t)(*++at - '0');
        if (place >= 1 && place <= postgres_params_max) of->used |= (uint64_t)1 << (place - 1);
    }
    for (int i = 0; i < postgres_params_max; i++) of->types[i] = of->used >> i & 1 ? 0 : oid_text;
}

/* -- sending -- */

/* Takes the result over. */
static bool rest_put(struct postgres_statement *of, PGresult *result) {
    if (of->rest_count == of->rest_room) {
        size_t room = of->rest_room ? of->rest_room * 2 : 8;
        PGresult **rest = memory_resize(of->rest, room * sizeof *rest);
        if (!rest) {
            of->of->pq->PQclear(result);
            return false;
        }
        of->rest = rest;
        of->rest_room = room;
    }
    of->rest[of->rest_count++] = result;
    return true;
}

/* One that was sent before is known by its name; types are known from its first parameters. */
static bool name_send(struct postgres_statement *of) {
    struct postgres *db = of->of;
    if (!of->name[0] || of->sent_name) return true;
    of->sent_name = db->pq->PQsendPrepare(db->connection, of->name, of->sql, of->count, of->types);
    return of->sent_name || postgres_fails(db, NULL);
}

static bool params_send(struct postgres_statement *of) {
    struct postgres *db = of->of;
    int sent = of->name[0] ? db->pq->PQsendQueryPrepared(db->connection, of->name, of->count, of->values, of->lengths,
                                                         of->formats, 1)
                           : db->pq->PQsendQueryParams(db->connection, of->sql, of->count, of->types, of->values,
                                                       of->lengths, of->formats, 1);
    return sent || postgres_fails(db, NULL);
}

static bool queue_put(struct postgres *db, int64_t *changes) {
    if (db->queued_count == postgres_queued_max) return false;
    db->queued[db->queued_count++] = changes;
    return true;
}

/* Behind those that are queued: one way there and back for all of them. */
static bool statement_begin_queued(struct postgres_statement *of) {
    struct postgres *db = of->of;
    bool fresh = of->name[0] && !of->sent_name;
    if (!name_send(of) || (fresh && !queue_put(db, NULL)) || !params_send(of) || !queue_put(db, NULL)) return false;
    PGresult *result = postgres_settle_last(db);
    if (!result) return false;
    of->running = true;
    return rest_put(of, result);
}

static bool statement_begin(struct postgres_statement *of) {
    struct postgres *db = of->of;
    if (db->gone || (db->streaming && !postgres_stream_keep(db->streaming))) return false;
    if (db->pipelined && db->queued_count + 2 <= postgres_queued_max) return statement_begin_queued(of);
    if (!postgres_quiet(db)) return false;
    bool fresh = of->name[0] && !of->sent_name;
    if (!name_send(of) || (fresh && !postgres_finish(db, postgres_patience_ms, NULL))) {
        of->sent_name = false;
        return false;
    }
    if (!params_send(of)) return false;
    (void)db->pq->PQsetSingleRowMode(db->connection);
    db->streaming = of;
    of->running = true;
    return true;
}

static enum database_step postgres_send(struct statement *statement, int64_t *changes) {
    struct postgres_statement *of = this_of(statement);
    struct postgres *db = of->of;
    if (db->gone || (db->streaming && !postgres_stream_keep(db->streaming))) return database_failed;
    CHECK(db->in_transaction);
    if (db->queued_count + 2 > postgres_queued_max && !db->base.driver->settle(&db->base)) return database_failed;
    if (!db->pipelined && !db->pq->PQenterPipelineMode(db->connection))
        return postgres_fails(db, NULL), database_failed;
    db->pipelined = true;
    bool fresh = of->name[0] && !of->sent_name;
    bool good = name_send(of) && (!fresh || queue_put(db, NULL)) && params_send(of) && queue_put(db, changes);
    return good ? database_done : database_failed;
}

/* -- rows -- */

static void row_drop(struct postgres_statement *of) {
    if (of->row) of->of->pq->PQclear(of->row);
    of->row = NULL;
    of->at = of->rows = 0;
}

/* The one behind what it stands in. NULL: there is none, or a failure. */
static PGresult *result_next(struct postgres_statement *of) {
    struct postgres *db = of->of;
    if (of->rest_at < of->rest_count) return of->rest[of->rest_at++];
    if (db->streaming != of) return NULL;
    PGresult *result = postgres_result(db, db->in_transaction ? postgres_patience_ms : postgres_reading_ms);
    if (!result) db->streaming = NULL;
    if (!result && db->gone) of->failed = true;
    return result;
}

bool postgres_stream_keep(struct postgres_statement *of) {
    struct postgres *db = of->of;
    while (db->streaming == of) {
        PGresult *result = postgres_result(db, postgres_reading_ms);
        if (!result) {
            db->streaming = NULL;
            of->failed = of->failed || db->gone;
            break;
        }
        of->failed = !rest_put(of, result) || of->failed; /* the rest is read, and thrown away */
    }
    return !db->gone;
}

/* A result's rows; false: it is a failure. */
static bool result_take(struct postgres_statement *of, PGresult *result) {
    struct postgres *db = of->of;
    ExecStatusType status = db->pq->PQresultStatus(result);
    uint64_t changes = 0;
    row_drop(of);
    if (status == PGRES_SINGLE_TUPLE || status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK) {
        of->row = result;
        of->at = -1;
        of->rows = status == PGRES_COMMAND_OK ? 0 : db->pq->PQntuples(result);
        (void)str_to_u64(str_from(db->pq->PQcmdTuples(result)), &changes);
        if (status != PGRES_SINGLE_TUPLE) of->changes = (int64_t)changes;
        return true;
    }
    postgres_fails(db, result);
    db->pq->PQclear(result);
    of->failed = true;
    return false;
}

static enum database_step rows_step(struct postgres_statement *of) {
    while (!of->failed && ++of->at >= of->rows) {
        PGresult *result = result_next(of);
        if (!result) break;
        (void)result_take(of, result);
    }
    if (of->at < of->rows && !of->failed) return database_row;
    PGresult *left; /* of a failure: what came behind it */
    while ((left = result_next(of))) of->of->pq->PQclear(left);
    row_drop(of);
    of->running = false;
    return of->failed ? database_failed : database_done;
}

/* Outside of a transaction, one that writes is a transaction of its own: its rows are taken into memory. */
static bool alone_run(struct postgres_statement *of) {
    struct database *database = &of->of->base;
    if (!database->driver->begin(database)) return false;
    if (statement_begin(of) && postgres_stream_keep(of)) {
        bool failed = of->failed;
        for (size_t i = 0; i < of->rest_count && !failed; i++) {
            ExecStatusType status = of->of->pq->PQresultStatus(of->rest[i]);
            failed = status != PGRES_SINGLE_TUPLE && status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK;
        }
        if (failed) {
            of->of->base.driver->undo(database);
            return true; /* the step finds what it was */
        }
        if (of->of->base.driver->commit(database)) return true;
    }
    of->of->base.driver->undo(database);
    return false;
}

static enum database_step postgres_step(struct statement *statement) {
    struct postgres_statement *of = this_of(statement);
    if (of->running) return rows_step(of);
    of->failed = false;
    of->changes = 0;
    bool begun = of->writes && !of->of->in_transaction ? alone_run(of) : statement_begin(of);
    if (!begun) return database_failed;
    of->running = true;
    return rows_step(of);
}

static void postgres_reset(struct statement *statement) {
    struct postgres_statement *of = this_of(statement);
    PGresult *left;
    while ((left = result_next(of))) of->of->pq->PQclear(left);
    row_drop(of);
    memory_give(of->rest);
    of->rest = NULL;
    of->rest_count = of->rest_at = of->rest_room = 0;
    of->running = of->failed = false;
}

static void postgres_end(struct statement *statement) {
    struct postgres_statement *of = this_of(statement);
    postgres_reset(statement);
    for (int i = 0; i < of->count; i++) memory_give(of->copies[i]);
    memory_give(of->sql);
    memory_give(of);
}

/* -- columns -- */

static int64_t postgres_changes(struct statement *statement) { return this_of(statement)->changes; }

static int postgres_columns(struct statement *statement) {
    const struct postgres_statement *of = this_of(statement);
    return of->row ? of->of->pq->PQnfields(of->row) : 0;
}

static const char *postgres_column_name(struct statement *statement, int column) {
    const struct postgres_statement *of = this_of(statement);
    return of->of->pq->PQfname(of->row, column);
}

static bool column_is_null(const struct postgres_statement *of, int column) {
    return !of->row || of->of->pq->PQgetisnull(of->row, of->at, column);
}

static struct str row_bytes_of(const struct postgres_statement *of, int column) {
    if (column_is_null(of, column)) return STR("");
    return str_make(of->of->pq->PQgetvalue(of->row, of->at, column),
                    (size_t)of->of->pq->PQgetlength(of->row, of->at, column));
}

static enum database_kind postgres_column_kind(struct statement *statement, int column) {
    const struct postgres_statement *of = this_of(statement);
    if (column_is_null(of, column)) return database_null;
    switch (of->of->pq->PQftype(of->row, column)) {
    case oid_bool:
    case oid_int2:
    case oid_int4:
    case oid_int8:
    case oid_numeric: return database_number;
    case oid_bytes: return database_bytes;
    default: return database_text;
    }
}

static int64_t number_of_bytes(struct str bytes) {
    int64_t number = bytes.len && (signed char)bytes.at[0] < 0 ? -1 : 0;
    for (size_t i = 0; i < bytes.len && i < 8; i++)
        number = (int64_t)((uint64_t)number << 8 | (unsigned char)bytes.at[i]);
    return number;
}

/* What sum() gives: digits to the base of 10,000, the first of the weight that is said; whole numbers, which end at the
 * largest. */
static int64_t numeric_number(struct str bytes) {
    if (bytes.len < 8) return 0;
    const int64_t digits = number_of_bytes(str_slice(bytes, 0, 2)), weight = number_of_bytes(str_slice(bytes, 2, 4));
    const bool negative = number_of_bytes(str_slice(bytes, 4, 6)) == 0x4000;
    int64_t number = 0;
    for (int64_t i = 0; i <= weight; i++) {
        size_t at = 8 + 2 * (size_t)i;
        int64_t digit = i < digits && at + 2 <= bytes.len ? number_of_bytes(str_slice(bytes, at, at + 2)) : 0;
        if (__builtin_mul_overflow(number, 10000, &number) || __builtin_add_overflow(number, digit, &number))
            return negative ? INT64_MIN : INT64_MAX;
    }
    return negative ? -number : number;
}

static int64_t postgres_number(struct statement *statement, int column) {
    const struct postgres_statement *of = this_of(statement);
    struct str bytes = row_bytes_of(of, column);
    if (!bytes.len) return 0;
    switch (of->of->pq->PQftype(of->row, column)) {
    case oid_bool: return bytes.at[0] != 0;
    case oid_int2:
    case oid_int4:
    case oid_int8: return number_of_bytes(bytes);
    case oid_numeric: return numeric_number(bytes);
    default: return 0;
    }
}

static struct str postgres_bytes(struct statement *statement, int column) {
    return row_bytes_of(this_of(statement), column);
}

const struct database_driver postgres_statement_driver = {.end = postgres_end,
                                                          .reset = postgres_reset,
                                                          .put_numbers = postgres_put_numbers,
                                                          .put_null = postgres_put_null,
                                                          .put_text = postgres_put_text,
                                                          .put_bytes = postgres_put_bytes,
                                                          .step = postgres_step,
                                                          .send = postgres_send,
                                                          .changes = postgres_changes,
                                                          .columns = postgres_columns,
                                                          .column_name = postgres_column_name,
                                                          .column_kind = postgres_column_kind,
                                                          .number = postgres_number,
                                                          .text = postgres_bytes,
                                                          .bytes = postgres_bytes};

struct statement *postgres_prepare(struct database *database, const char *sql, bool kept) {
    struct postgres *db = (struct postgres *)database;
    struct postgres_statement *of = memory_take_zeroed(sizeof *of);
    if (!of || !(of->sql = postgres_translate(sql))) {
        memory_give(of);
        return NULL;
    }
    of->base.driver = &postgres_statement_driver;
    of->of = db;
    types_default(of);
    of->writes = strncmp(sql, "SELECT", 6) != 0;
    if (kept) snprintf(of->name, sizeof of->name, "s%u", ++db->names);
    return &of->base;
}
