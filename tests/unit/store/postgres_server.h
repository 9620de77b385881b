/* postgres_server.h - a libpq without a server, for tests of postgres_statement.c: it writes down what is sent, and
 * answers by a table. Results are taken from the heap, one by one, so that one that nobody clears is found. The n-th
 * call that can fail may be made to. */
#ifndef WEIR_TESTS_UNIT_STORE_POSTGRES_SERVER_H
#define WEIR_TESTS_UNIT_STORE_POSTGRES_SERVER_H

#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "store/postgres.h"

enum { server_bool = 16, server_bytes = 17, server_int8 = 20, server_int2 = 21, server_int4 = 23, server_text = 25 };
enum { server_numeric = 1700, server_columns = 2, server_rows = 3, server_results = 2000 };

struct server_cell {
    Oid type;
    struct str bytes; /* {NULL,0}: null */
};
/* What a statement that begins so is answered. */
struct server_answer {
    const char *begins, *tuples;
    int rows, columns;
    struct server_cell cells[server_rows][server_columns];
    bool fails, is_command;
};

struct server_result {
    ExecStatusType status;
    const struct server_answer *answer;
    const char *command;
    int row, rows; /* from which on, and how many */
};

static struct {
    const struct server_answer *answers;
    size_t answer_count;
    struct text *told;
    struct server_result *results[server_results]; /* to come; NULL: the end of one statement's */
    size_t first, count;
    bool pipelined, aborted, in_transaction, broken, cut, single;
    const char *names[16], *prepared[16];
    size_t name_count;
    long calls, fails; /* of those that can; the one that does, 0: none */
    bool failed;
    bool mute;           /* nothing is written down */
    const char *problem; /* what is said of a failure; NULL: that it is bad */
} server;

static bool server_fails(void) {
    if (server.cut) return true;
    if (++server.calls != server.fails) return false;
    server.failed = server.cut = true;
    return true;
}

static void server_say(const char *what, const char *name, const char *sql) {
    if (server.mute) return;
    text_printf(server.told, "  %s%s%s%s%s\n", what, *name ? " " : "", name, *sql ? ": " : "", sql);
}

static void server_put(struct server_result *result) {
    if (server.count == server_results) abort();
    server.results[(server.first + server.count++) % server_results] = result;
}

static struct server_result *server_result_new(ExecStatusType status, const struct server_answer *answer, int row,
                                               int rows) {
    struct server_result *result = calloc(1, sizeof *result);
    if (!result) abort();
    *result = (struct server_result){status, answer, "", row, rows};
    return result;
}

static const struct server_answer *server_answer_of(const char *sql) {
    static const struct server_answer none = {.begins = "", .tuples = "", .is_command = true};
    for (size_t i = 0; i < server.answer_count; i++)
        if (strncmp(sql, server.answers[i].begins, strlen(server.answers[i].begins)) == 0) return &server.answers[i];
    return &none;
}

/* Rows come whole, or in single rows with an end (server_single tells which at the time of asking). */
static void server_execute(const char *sql) {
    const struct server_answer *answer = server_answer_of(sql);
    struct server_result *result;
    if (server.aborted) {
        server_put(server_result_new(PGRES_PIPELINE_ABORTED, answer, 0, 0));
    } else if (answer->fails) {
        if (answer->rows) server_put(server_result_new(PGRES_SINGLE_TUPLE, answer, 0, 1));
        server_put(server_result_new(PGRES_FATAL_ERROR, answer, 0, 0));
        server.aborted = server.pipelined;
        server.broken = true;
    } else {
        result = server_result_new(answer->is_command ? PGRES_COMMAND_OK : PGRES_TUPLES_OK, answer, 0, answer->rows);
        if (strncmp(sql, "COMMIT", 6) == 0) result->command = server.broken ? "ROLLBACK" : "COMMIT";
        if (strncmp(sql, "COMMIT", 6) == 0 || strncmp(sql, "ROLLBACK", 8) == 0) server.broken = false;
        server_put(result);
    }
    server_put(NULL);
}

/* -- libpq's functions -- */

static void server_clear(PGresult *result) { free(result); }
static const struct server_result *server_of(const PGresult *result) { return (const struct server_result *)result; }
static char *server_command(PGresult *result) { return (char *)(uintptr_t)server_of(result)->command; }
static char *server_tuples(PGresult *result) {
    const char *tuples = server_of(result)->answer ? server_of(result)->answer->tuples : "";
    return (char *)(uintptr_t)(tuples ? tuples : "");
}
static int server_consume(PGconn *connection) {
    (void)connection;
    return !server_fails();
}
static int server_flush(PGconn *connection) {
    (void)connection;
    return server_fails() ? -1 : 0;
}
static int server_busy(PGconn *connection) {
    (void)connection;
    return 0;
}
static char *server_error(const PGconn *connection) {
    (void)connection;
    static char broken[] = "broken", none[] = "";
    return server.cut ? broken : none;
}
static ConnStatusType server_status(const PGconn *connection) {
    (void)connection;
    return server.cut ? CONNECTION_BAD : CONNECTION_OK;
}
static int server_pipeline_begin(PGconn *connection) {
    (void)connection;
    if (server_fails()) return 0;
    server_say("pipeline", "", "");
    return server.pipelined = true;
}
static int server_pipeline_end(PGconn *connection) {
    (void)connection;
    if (server_fails() || server.count) return 0;
    server_say("pipeline ends", "", "");
    server.pipelined = false;
    return 1;
}
static int server_sync(PGconn *connection) {
    (void)connection;
    if (server_fails()) return 0;
    server_say("sync", "", "");
    server_put(server_result_new(PGRES_PIPELINE_SYNC, NULL, 0, 0));
    server.aborted = false;
    return 1;
}
static char *server_field_name(const PGresult *result, int column) {
    static char names[][4] = {"one", "two"};
    (void)result;
    return names[column];
}
static const struct server_cell *server_cell(const PGresult *result, int row, int column) {
    return &server_of(result)->answer->cells[(server_of(result)->row + row) % server_rows][column];
}
static Oid server_type(const PGresult *result, int column) { return server_cell(result, 0, column)->type; }
static int server_is_null(const PGresult *result, int row, int column) {
    return !server_cell(result, row, column)->bytes.at;
}
static int server_length(const PGresult *result, int row, int column) {
    return (int)server_cell(result, row, column)->bytes.len;
}
static char *server_value(const PGresult *result, int row, int column) {
    return (char *)(uintptr_t)server_cell(result, row, column)->bytes.at;
}
static int server_fields(const PGresult *result) { return server_of(result)->answer->columns; }
static int server_tuple_count(const PGresult *result) { return server_of(result)->rows; }
static ExecStatusType server_result_status(const PGresult *result) { return server_of(result)->status; }
static char *server_error_field(const PGresult *result, int field) {
    static char state[] = "22012", said[] = "it is bad";
    (void)result;
    return field == PG_DIAG_SQLSTATE ? state : server.problem ? (char *)(uintptr_t)server.problem : said;
}

/* In single row mode a result of rows is told as so many, and an empty one. */
static PGresult *server_get(PGconn *connection) {
    (void)connection;
    if (!server.count || server.cut) return NULL;
    struct server_result *result = server.results[server.first], *row;
    if (result && server.single && result->status == PGRES_TUPLES_OK && result->rows) {
        row = server_result_new(PGRES_SINGLE_TUPLE, result->answer, result->row++, 1);
        result->rows--;
        return (PGresult *)row;
    }
    server.first = (server.first + 1) % server_results, server.count--;
    return (PGresult *)result;
}

/* What is left of them, when it is over. */
static PGresult *server_get_any(void) {
    struct server_result *result = server.results[server.first];
    server.first = (server.first + 1) % server_results, server.count--;
    return (PGresult *)result;
}

static void server_params(int count, const Oid *types, const char *const *values, const int *lengths,
                          const int *formats) {
    for (int i = 0; i < count && !server.mute; i++) {
        text_printf(server.told, "    $%d %u", i + 1, types ? types[i] : 0);
        if (!values || !values[i]) {
            text_put(server.told, values ? STR(" null\n") : STR("\n"));
            continue;
        }
        text_printf(server.told, " %s", formats[i] ? "binary" : "text");
        for (int k = 0; k < lengths[i]; k++) text_printf(server.told, " %02x", (unsigned char)values[i][k]);
        text_put_byte(server.told, '\n');
    }
}

static int server_send_prepare(PGconn *connection, const char *name, const char *sql, int count, const Oid *types) {
    (void)connection;
    if (server_fails()) return 0;
    server_say("prepare", name, sql);
    server_params(count, types, NULL, NULL, NULL);
    server.names[server.name_count] = name, server.prepared[server.name_count++] = sql;
    if (server.name_count == 16) abort();
    if (strncmp(sql, "UNPREPARED", 10) == 0)
        server_execute("BAD");
    else
        server_execute("");
    return 1;
}
static int server_send_prepared(PGconn *connection, const char *name, int count, const char *const *values,
                                const int *lengths, const int *formats, int format) {
    (void)connection;
    if (server_fails()) return 0;
    server_say(format == 1 ? "run" : "run as text", name, "");
    server_params(count, NULL, values, lengths, formats);
    server.single = false;
    for (size_t i = server.name_count; i-- > 0;)
        if (strcmp(server.names[i], name) == 0) {
            server_execute(server.prepared[i]);
            return 1;
        }
    abort();
}
static int server_send_params(PGconn *connection, const char *sql, int count, const Oid *types,
                              const char *const *values, const int *lengths, const int *formats, int format) {
    (void)connection;
    if (server_fails()) return 0;
    server_say(format == 1 ? "run" : "run as text", "", sql);
    server_params(count, types, values, lengths, formats);
    server.single = false;
    server_execute(sql);
    return 1;
}
static int server_send_query(PGconn *connection, const char *sql) {
    (void)connection;
    if (server_fails()) return 0;
    server_say("script", "", sql);
    server.single = false;
    server_execute(sql);
    return 1;
}
static int server_single(PGconn *connection) {
    (void)connection;
    server_say("row by row", "", "");
    return server.single = true;
}

static const struct postgres_library server_library = {.PQclear = server_clear,
                                                       .PQcmdStatus = server_command,
                                                       .PQcmdTuples = server_tuples,
                                                       .PQconsumeInput = server_consume,
                                                       .PQenterPipelineMode = server_pipeline_begin,
                                                       .PQerrorMessage = server_error,
                                                       .PQexitPipelineMode = server_pipeline_end,
                                                       .PQflush = server_flush,
                                                       .PQfname = server_field_name,
                                                       .PQftype = server_type,
                                                       .PQgetisnull = server_is_null,
                                                       .PQgetlength = server_length,
                                                       .PQgetResult = server_get,
                                                       .PQgetvalue = server_value,
                                                       .PQisBusy = server_busy,
                                                       .PQnfields = server_fields,
                                                       .PQntuples = server_tuple_count,
                                                       .PQpipelineSync = server_sync,
                                                       .PQresultErrorField = server_error_field,
                                                       .PQresultStatus = server_result_status,
                                                       .PQsendPrepare = server_send_prepare,
                                                       .PQsendQuery = server_send_query,
                                                       .PQsendQueryParams = server_send_params,
                                                       .PQsendQueryPrepared = server_send_prepared,
                                                       .PQsetSingleRowMode = server_single,
                                                       .PQstatus = server_status};

#endif
