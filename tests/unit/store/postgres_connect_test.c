/* postgres_connect_test.c - how PostgreSQL's driver connects, greets the server, and waits for it, beside a libpq that
 * has no server (postgres_server.h): all of it is told, and compared as a whole. What libpq gives to be given back is
 * from the heap, so that the sanitizer sees to it. */
#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include "../told.h"
#include "base/memory.h"
#include "postgres_server.h"

enum { way_descriptor = 7, way_polls = 4 };

/* Of waits the n-th: 0: none. */
static const struct way {
    const char *name, *url, *password, *port, *mode, *said, *encoding;
    PostgresPollingStatusType polls[way_polls];
    int version, silent_at, interrupted_at, broken_at;
    uint64_t memory_fails;
    bool no_library, unreadable, no_connection, bad, blocks, script_fails;
} ways[] = {
#define URL .url = "postgresql://u:pw!@db:1/weir?sslmode=require", .password = "pw!"
#define POLLS .polls = {PGRES_POLLING_READING, PGRES_POLLING_WRITING, PGRES_POLLING_READING, PGRES_POLLING_OK}
#define FINE URL, POLLS, .version = 120000, .encoding = "UTF8"
    {"fine", FINE},
    {"bytes of any encoding", URL, POLLS, .version = 170000, .encoding = "SQL_ASCII"},
    {"no password", POLLS, .url = "postgresql:///weir", .version = 120000, .encoding = "UTF8", .said = "pw!"},
    {"an empty password", POLLS, .url = "postgresql:///weir", .password = "", .version = 120000, .encoding = "UTF8"},
    {"too old", URL, POLLS, .version = 119999, .encoding = "UTF8"},
    {"another encoding", URL, POLLS, .version = 120000, .encoding = "LATIN1"},
    {"an encoding that is not told", URL, POLLS, .version = 120000},
    {"no library", FINE, .no_library = true},
    {"a URL that cannot be read", FINE, .unreadable = true, .said = "not pw!"},
    {"a URL that cannot be read, without words", FINE, .unreadable = true},
    {"no memory in libpq", FINE, .no_connection = true},
    {"bad from the first", FINE, .bad = true, .said = "no host for pw!\n"},
    {"bad without words", FINE, .bad = true, .said = ""},
    {"refused", URL, .polls = {PGRES_POLLING_READING, PGRES_POLLING_FAILED},
     .said = "failed: FATAL:  password authentication of pw!"},
    {"silent at first", FINE, .silent_at = 1},
    {"silent later", FINE, .silent_at = 3},
    {"interrupted", FINE, .interrupted_at = 2},
    {"a socket that breaks", FINE, .broken_at = 2},
    {"it blocks", FINE, .blocks = true, .said = "cannot set it"},
    {"a greeting that fails", FINE, .script_fails = true},
    {"no memory", FINE, .memory_fails = 1},
    {"no memory for the password", FINE, .memory_fails = 2},
};

static char way_words[][10] = {"host", "password", "port", "sslmode"};
static struct way way;
static size_t way_polled;
static int way_waits, way_busy, way_flush;
static struct text told;

/* -- what the server's libpq does not do -- */

static PQconninfoOption *way_parse(const char *url, char **said) {
    PQconninfoOption *options = way.unreadable ? NULL : calloc(5, sizeof *options);
    text_printf(&told, "  read %s\n", url);
    if (!options) {
        *said = way.said ? strdup(way.said) : NULL;
        return NULL;
    }
    options[0] = (PQconninfoOption){.keyword = way_words[0]};
    options[1] = (PQconninfoOption){.keyword = way_words[1], .val = (char *)(uintptr_t)way.password};
    options[2] = (PQconninfoOption){.keyword = way_words[2], .val = (char *)(uintptr_t)way.port};
    options[3] = (PQconninfoOption){.keyword = way_words[3], .val = (char *)(uintptr_t)way.mode};
    return options;
}

static void way_options_give(PQconninfoOption *options) { free(options); }
static void way_give(void *memory) { free(memory); }

static PGconn *way_start(const char *const *names, const char *const *values, int expand) {
    text_printf(&told, "  connect (%d)", expand);
    for (; *names; names++, values++) text_printf(&told, " %s=%s", *names, *values);
    text_printf(&told, " %s\n", *values ? *values : "and no more");
    return way.no_connection ? NULL : malloc(1);
}

static void way_finish(PGconn *connection) {
    text_put(&told, STR("  close\n"));
    free(connection);
}

static PostgresPollingStatusType way_poll(PGconn *connection) {
    (void)connection;
    text_put(&told, STR("  go on\n"));
    return way.polls[way_polled++];
}

static int way_nonblocking(PGconn *connection, int on) {
    (void)connection;
    text_printf(&told, "  wait for nothing: %d\n", on);
    return way.blocks ? -1 : 0;
}

static PQnoticeProcessor way_notices(PGconn *connection, PQnoticeProcessor processor, void *context) {
    (void)connection;
    processor(context, "nobody hears it");
    return NULL;
}

static int way_socket(const PGconn *connection) { return connection ? way_descriptor : way_descriptor; }
static int way_version(const PGconn *connection) { return connection ? way.version : 0; }
static ConnStatusType way_status(const PGconn *connection) {
    return way.bad ? CONNECTION_BAD : server_status(connection);
}
static char *way_error(const PGconn *connection) {
    return way.said ? (char *)(uintptr_t)way.said : server_error(connection);
}
static const char *way_parameter(const PGconn *connection, const char *name) {
    (void)connection;
    return strcmp(name, "server_encoding") == 0 ? way.encoding : "another";
}
static int way_is_busy(PGconn *connection) {
    (void)connection;
    return way_busy-- > 0;
}
static int way_flushes(PGconn *connection) { return way_flush-- > 0 ? 1 : server_flush(connection); }

/* What is waited for. Of all waits one may be interrupted, break, or come to its end; who waits looks at errno only
 * where it should. */
int poll(struct pollfd *asked, nfds_t count, int wait_ms) {
    struct pollfd *volatile waits = asked; /* its header says that nobody reads them */
    const int wait = ++way_waits;
    text_printf(&told, "  wait for%s%s at %d, %d ms\n", waits->events & POLLIN ? " in" : "",
                waits->events & POLLOUT ? " out" : "", count == 1 ? waits->fd : -1, wait_ms);
    errno = wait == way.broken_at ? EBADF : EINTR;
    return wait == way.silent_at ? 0 : wait == way.interrupted_at || wait == way.broken_at ? -1 : 1;
}

const struct postgres_library *postgres_library(char *problem, size_t size) {
    static struct postgres_library library;
    library = server_library;
    library.PQconninfoParse = way_parse, library.PQconninfoFree = way_options_give, library.PQfreemem = way_give;
    library.PQconnectStartParams = way_start, library.PQconnectPoll = way_poll, library.PQfinish = way_finish;
    library.PQsetnonblocking = way_nonblocking, library.PQsetNoticeProcessor = way_notices;
    library.PQsocket = way_socket, library.PQserverVersion = way_version, library.PQstatus = way_status;
    library.PQerrorMessage = way_error, library.PQparameterStatus = way_parameter;
    library.PQisBusy = way_is_busy, library.PQflush = way_flushes;
    snprintf(problem, size, "libpq is not here");
    return way.no_library ? NULL : &library;
}

/* -- what happens -- */

static void way_begin(const struct way *as, const struct server_answer *answers, size_t count) {
    way = *as;
    way_polled = 0, way_waits = way_busy = way_flush = 0;
    server = (typeof(server)){.answers = answers, .answer_count = count, .told = &told, .problem = as->said};
}

static struct database *way_open(const struct way *as, const struct server_answer *answers, size_t count) {
    char problem[400] = "";
    way_begin(as, answers, count);
    memory_fail_at(as->memory_fails);
    struct database *database = database_open(as->url, database_beside, problem, sizeof problem);
    memory_fail_at(0);
    if (!database) text_printf(&told, "  -> %s\n", problem);
    while (server.count) server_clear(server_get_any());
    return database;
}

static void how_it_connects_and_what_is_told_of_a_failure_is_what_it_was(void **state) {
    static const struct server_answer bad = {"SELECT set_config", "", .fails = true};
    static char bytes[told_max];
    (void)state;
    told = text_in_buffer(bytes, sizeof bytes);
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
        text_printf(&told, "== %s\n", ways[i].name);
        struct database *database = way_open(&ways[i], &bad, ways[i].script_fails);
        if (!database) continue;
        text_put(&told, STR("  -> open\n"));
        database_close(database);
    }
    told_compare("postgres_connects", &told);
}

/* What is done about it is told by libpq's words. */
static void what_to_do_is_told_by_the_words_of_what_failed(void **state) {
    static const char elsewhere[] = ": mend `ledger`, the server, or the way to it";
    static const struct {
        const char *said, *mend;
    } failures[] = {
        {"certificate verify failed",
         ": its certificate is of no authority in sslrootcert: name there the file of the one that signed it"},
        {"it does not match host name", ": write the host of `ledger` as the name that its certificate is for"},
        {"no root certificate file", ": name the file of its authority's certificate by sslrootcert"},
        {"no encryption", ": it takes TLS only: sslmode=verify-full, with sslrootcert"},
        {"it does not support SSL", ": turn `ssl` on there, with a certificate"},
        {"no pg_hba.conf entry", ": let it in there"},
        {"it does not exist", ": make it, and its user"},
        {"permission denied", ": make the user of `ledger` the owner of the database, and of its tables"},
        {"no connection slots", ": raise max_connections of the server: a gateway takes up to six"},
        {"too many clients", ": raise max_connections of the server: a gateway takes up to six"},
        {"else", elsewhere},
    };
    (void)state;
    for (size_t i = 0; i < sizeof failures / sizeof *failures; i++) {
        char bytes[4096], problem[400], wanted[400];
        const struct way failed = {.url = "postgres://db", .bad = true, .said = failures[i].said};
        told = text_in_buffer(bytes, sizeof bytes);
        way_begin(&failed, NULL, 0);
        assert_null(database_open(failed.url, database_beside, problem, sizeof problem));
        snprintf(wanted, sizeof wanted, "postgres://db: %s%s", failures[i].said, failures[i].mend);
        assert_string_equal(problem, wanted);
    }
}

static void what_a_url_names_is_looked_at_before_anybody_connects(void **state) {
    static const struct {
        const char *port, *mode, *problem; /* NULL: none */
    } urls[] = {
        {NULL, NULL, NULL},           {"", "", NULL},
        {"1", "disable", NULL},       {"65535", "allow", NULL},
        {"0", NULL, "port"},          {"65536", NULL, "port"},
        {"1,65535", "prefer", NULL},  {"1,0", NULL, "port"},
        {"0,1", NULL, "port"},        {",", "require", NULL},
        {"1,,2", "verify-ca", NULL},  {"x", NULL, "port"},
        {"1 ", NULL, "port"},         {"5", "verify", "sslmode"},
        {NULL, "verify-full", NULL},  {NULL, "full", "sslmode"},
        {NULL, "a b", "sslmode"},     {"0", "full", "port"},
        {NULL, "allow prefer", NULL},
    };
    (void)state;
    for (size_t i = 0; i < sizeof urls / sizeof *urls; i++) {
        char bytes[4096], problem[400] = "", wanted[400] = "";
        const struct way named = {.url = "postgres://db", .port = urls[i].port, .mode = urls[i].mode};
        told = text_in_buffer(bytes, sizeof bytes);
        way_begin(&named, NULL, 0);
        bool good = database_url_check(named.url, problem, sizeof problem);
        if (urls[i].problem) snprintf(wanted, sizeof wanted, "its %s is not what libpq takes", urls[i].problem);
        if (good != !urls[i].problem || (!good && strcmp(problem, wanted) != 0)) fail_msg("%zu: %s", i, problem);
    }
}

/* -- waiting for answers -- */

static const struct server_answer answers[] = {
    {"SELECT nextval", "1", 1, 1, {{{server_int8, STR("\0\0\0\0\0\0\0\1")}}}},
    {"SELECT pg_try", "1", 1, 1, {{{server_bool, STR("\0")}}}},
    {"SELECT coalesce('from", "1", 1, 1, {{{server_text, STR("from 10.0.0.7, pw!")}}}},
    {"SELECT three", "3", 3, 1, {{{server_int8, STR("\0\0\0\0\0\0\0\1")}}}},
};
enum { answers_count = sizeof answers / sizeof *answers };

/* Each thing that is asked for has its own patience. `silent_at`: nothing comes at that wait. */
static void waits_tell(const char *name, void (*ask)(struct database *database)) {
    static const struct way as = {"", FINE};
    for (int silent_at = 0; silent_at < 3; silent_at++) {
        const size_t len = told.len;
        struct database *database = way_open(&as, answers, answers_count);
        assert_non_null(database);
        told.len = len; /* that is told elsewhere */
        text_printf(&told, "== %s, silent at %d\n", name, silent_at);
        way_waits = 0, way.silent_at = silent_at, way_flush = 1, way_busy = 1;
        ask(database);
        text_printf(&told, "  gone: %d, %s\n", database_is_gone(database), database_problem(database));
        while (server.count) server_clear(server_get_any());
        database_close(database);
    }
}

static void script_ask(struct database *database) { (void)database_run(database, "UPDATE a SET b = 1"); }
static void rows_ask(struct database *database) {
    struct statement *rows = statement_make(database, "SELECT three");
    while (statement_step(rows) == database_row) way_busy = 1;
    statement_end(rows);
}
static void erase_ask(struct database *database) { database_erase_end(database); }
static void keeper_ask(struct database *database) {
    char problem[400] = "";
    bool keeps = database_keep(database, problem, sizeof problem);
    text_printf(&told, "  -> keeps %d: %s\n", keeps, problem);
}

static void whoever_waits_for_an_answer_waits_for_so_long(void **state) {
    static char bytes[told_max];
    (void)state;
    told = text_in_buffer(bytes, sizeof bytes);
    waits_tell("a script", script_ask);
    waits_tell("rows", rows_ask);
    waits_tell("erasing", erase_ask);
    waits_tell("who keeps it", keeper_ask);
    told_compare("postgres_waits", &told);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(how_it_connects_and_what_is_told_of_a_failure_is_what_it_was),
        cmocka_unit_test(what_to_do_is_told_by_the_words_of_what_failed),
        cmocka_unit_test(what_a_url_names_is_looked_at_before_anybody_connects),
        cmocka_unit_test(whoever_waits_for_an_answer_waits_for_so_long),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
