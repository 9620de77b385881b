/* database_postgres.c - see postgres.h: a connection, and what is done with all of it. */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "base/hash.h"
#include "base/memory.h"
#include "store/postgres.h"

/* The locks of a ledger: of the one who keeps it, and of who writes; and the schema that it stands in. */
#define LOCK_OF_KEEPER "2003134834, hashtext(current_schema())"
#define LOCK_OF_WRITER "2003134835, hashtext(current_schema())"

static struct postgres *postgres_of(struct database *database) { return (struct postgres *)database; }

/* -- what is said -- */

/* In one line, without the way there, and without the password, whoever put it there; and without libpq's advice to
 * verify nothing. */
static void problem_say(struct postgres *of, struct str said) {
    const struct str secret = str_from(of->secret), refused = STR("failed: FATAL:");
    size_t len = 0, from = str_find(said, refused);
    if (from < said.len) said = str_slice(said, from + refused.len, said.len);
    said = str_trim(str_slice(said, 0, str_find(said, STR("Either provide the file"))));
    for (size_t i = 0; i < said.len && len + 1 < sizeof of->problem;) {
        if (secret.len && str_starts(str_slice(said, i, said.len), secret)) {
            if (len + 4 < sizeof of->problem) memcpy(of->problem + len, "***", 3), len += 3;
            i += secret.len;
            continue;
        }
        of->problem[len++] = said.at[i] == '\n' || said.at[i] == '\t' ? ' ' : said.at[i];
        i++;
    }
    of->problem[len] = 0;
}

bool postgres_fails(struct postgres *of, const PGresult *result) {
    const char *state = result ? of->pq->PQresultErrorField(result, PG_DIAG_SQLSTATE) : NULL;
    const char *said = result ? of->pq->PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY) : NULL;
    if (of->pq->PQstatus(of->connection) == CONNECTION_BAD) of->gone = true;
    snprintf(of->state, sizeof of->state, "%s", state ? state : "");
    problem_say(of, str_from(said ? said : of->pq->PQerrorMessage(of->connection)));
    if (!of->problem[0]) problem_say(of, STR("the server broke the connection"));
    return false;
}

static bool postgres_gives_up(struct postgres *of, const char *said) {
    of->gone = true;
    of->state[0] = 0;
    problem_say(of, str_from(said));
    return false;
}

/* -- the wire -- */

/* `connecting`: the library says what it waits for. */
static bool socket_wait(struct postgres *of, short events, int wait_ms) {
    struct pollfd wait = {.fd = of->pq->PQsocket(of->connection), .events = events};
    int ready;
    do ready = poll(&wait, 1, wait_ms);
    while (ready < 0 && errno == EINTR);
    return ready > 0;
}

/* There is a result, or the end of them. */
static bool postgres_wait(struct postgres *of, int wait_ms) {
    for (;;) {
        int flush = of->pq->PQflush(of->connection);
        if (flush < 0) return postgres_fails(of, NULL);
        if (!flush && !of->pq->PQisBusy(of->connection)) return true;
        if (!socket_wait(of, (short)(POLLIN | (flush ? POLLOUT : 0)), wait_ms))
            return postgres_gives_up(of, "the server does not answer");
        if (!of->pq->PQconsumeInput(of->connection)) return postgres_fails(of, NULL);
    }
}

PGresult *postgres_result(struct postgres *of, int wait_ms) {
    return !of->gone && postgres_wait(of, wait_ms) ? of->pq->PQgetResult(of->connection) : NULL;
}

static bool result_is_good(struct postgres *of, const PGresult *result) {
    ExecStatusType status = of->pq->PQresultStatus(result);
    return status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK || status == PGRES_SINGLE_TUPLE;
}

static int64_t result_changes(struct postgres *of, PGresult *result) {
    uint64_t changes = 0;
    (void)str_to_u64(str_from(of->pq->PQcmdTuples(result)), &changes);
    return (int64_t)changes;
}

bool postgres_finish(struct postgres *of, int wait_ms, int64_t *changes) {
    PGresult *result;
    bool good = true;
    while ((result = postgres_result(of, wait_ms))) {
        if (good && !result_is_good(of, result)) good = postgres_fails(of, result);
        if (changes) *changes = result_changes(of, result);
        of->pq->PQclear(result);
    }
    return good && !of->gone;
}

/* What each of the queued ones has changed. The first that failed is told. `last` (NULL: nobody asks): that one's. */
static bool queue_settle(struct postgres *of, PGresult **last) {
    size_t count = of->queued_count;
    of->queued_count = 0;
    if (!of->pipelined) return !of->queue_failed;
    bool sent = !of->gone && of->pq->PQpipelineSync(of->connection);
    for (size_t i = 0; i < count && sent && !of->gone; i++) {
        PGresult *result = postgres_result(of, postgres_patience_ms);
        if (result && !of->queue_failed && !result_is_good(of, result)) of->queue_failed = !postgres_fails(of, result);
        if (result && of->queued[i]) *of->queued[i] = result_changes(of, result);
        if (result) (void)postgres_result(of, postgres_patience_ms); /* NULL: the end of this one */
        if (last && i + 1 == count)
            *last = result;
        else if (result)
            of->pq->PQclear(result);
    }
    PGresult *end = sent ? postgres_result(of, postgres_patience_ms) : NULL;
    bool whole = end && of->pq->PQresultStatus(end) == PGRES_PIPELINE_SYNC;
    if (end) of->pq->PQclear(end);
    if (whole && of->pq->PQexitPipelineMode(of->connection)) of->pipelined = false;
    if (of->pipelined && !of->gone) postgres_gives_up(of, "the server's answers are not in order");
    return !of->gone && !of->queue_failed;
}

static bool postgres_settle(struct postgres *of) { return queue_settle(of, NULL); }

PGresult *postgres_settle_last(struct postgres *of) {
    PGresult *last = NULL;
    if (queue_settle(of, &last)) return last;
    if (last) of->pq->PQclear(last);
    return NULL;
}

bool postgres_quiet(struct postgres *of) {
    if (of->streaming && !postgres_stream_keep(of->streaming)) return false;
    return postgres_settle(of) && !of->gone;
}

static bool postgres_script(struct postgres *of, const char *sql, int wait_ms) {
    if (!postgres_quiet(of)) return false;
    if (!of->pq->PQsendQuery(of->connection, sql)) return postgres_fails(of, NULL);
    return postgres_finish(of, wait_ms, NULL);
}

/* The number in the first row of one statement. */
static bool postgres_tell(struct postgres *of, const char *sql, const char *text, int64_t *number) {
    struct statement *look = postgres_prepare(&of->base, sql, false);
    if (look && text) look->driver->put_text(look, 1, str_from(text));
    bool good = look && look->driver->step(look) == database_row;
    *number = good ? look->driver->number(look, 0) : 0;
    if (look) look->driver->end(look);
    return good;
}

/* -- transactions -- */

/* What failed before is still what is told, but where the connection breaks over it: then nothing else goes either. */
static void postgres_rollback(struct postgres *of) {
    char kept[sizeof of->problem], state[sizeof of->state];
    bool was_gone = of->gone;
    memcpy(kept, of->problem, sizeof kept), memcpy(state, of->state, sizeof state);
    if (of->in_transaction && !of->gone) (void)postgres_script(of, "ROLLBACK", postgres_patience_ms);
    if (was_gone || !of->gone) memcpy(of->problem, kept, sizeof kept), memcpy(of->state, state, sizeof state);
    of->in_transaction = false;
}

static bool postgres_begin(struct database *database) {
    struct postgres *of = postgres_of(database);
    if (!postgres_quiet(of)) return false;
    of->in_transaction =
        postgres_script(of, "BEGIN; SELECT pg_advisory_xact_lock(" LOCK_OF_WRITER ")", postgres_patience_ms);
    int64_t writes;
    if (of->in_transaction && postgres_tell(of, "SELECT nextval('ledger_writes')", NULL, &writes)) {
        of->writes = writes;
        of->own_writes++;
        return true;
    }
    of->in_transaction = true; /* it may have begun */
    postgres_rollback(of);
    return false;
}

static void postgres_undo(struct database *database) {
    struct postgres *of = postgres_of(database);
    for (size_t i = 0; i < of->queued_count; i++) of->queued[i] = NULL; /* nobody waits for it any more */
    (void)postgres_quiet(of);
    of->queue_failed = false;
    postgres_rollback(of);
}

/* After a failure COMMIT answers that it has rolled back, and that is no error to the server. */
static bool postgres_commit(struct database *database) {
    struct postgres *of = postgres_of(database);
    if (!postgres_quiet(of)) return false;
    if (!of->pq->PQsendQuery(of->connection, "COMMIT")) return postgres_fails(of, NULL);
    PGresult *result = postgres_result(of, postgres_patience_ms);
    bool done = result && of->pq->PQresultStatus(result) == PGRES_COMMAND_OK &&
                strcmp(of->pq->PQcmdStatus(result), "COMMIT") == 0;
    if (!done && !of->gone) postgres_fails(of, result);
    if (result) of->pq->PQclear(result);
    done = postgres_finish(of, postgres_patience_ms, NULL) && done;
    if (done) of->in_transaction = false;
    return done;
}

static bool postgres_run(struct database *database, const char *sql) {
    struct postgres *of = postgres_of(database);
    char *text = postgres_translate(sql);
    bool alone = !of->in_transaction, good = text && (!alone || postgres_begin(database));
    good = good && postgres_script(of, text, postgres_script_ms);
    memory_give(text);
    if (!alone) return good;
    if (good && postgres_commit(database)) return true;
    if (of->in_transaction) postgres_undo(database);
    return false;
}

/* -- the rest of database.h -- */

static void postgres_close(struct database *database) {
    struct postgres *of = postgres_of(database);
    if (of->connection) of->pq->PQfinish(of->connection);
    if (of->secret) memory_wipe(of->secret, strlen(of->secret));
    memory_give(of->secret);
    memory_give(of);
}

static const char *postgres_problem(struct database *database) { return postgres_of(database)->problem; }
static const char *postgres_mend(struct database *database) { return postgres_mend_of(postgres_of(database)->state); }

/* Made where nobody else makes it at the same moment. */
static bool postgres_care(struct database *database, enum database_care care) {
    struct postgres *of = postgres_of(database);
    if (care != database_careless) return true;
    bool good = postgres_script(of, "BEGIN; SELECT pg_advisory_xact_lock(" LOCK_OF_WRITER ")", postgres_patience_ms) &&
                postgres_script(of, postgres_make_sql, postgres_script_ms);
    of->in_transaction = true;
    if (good) return postgres_commit(database);
    postgres_undo(database);
    return false;
}

static bool postgres_has_table(struct database *database, const char *table, bool *has) {
    int64_t number;
    bool good = postgres_tell(postgres_of(database), "SELECT to_regclass($1) IS NOT NULL", table, &number);
    *has = number != 0;
    return good;
}

static bool postgres_last_number(struct database *database, const char *table, int64_t *number) {
    return postgres_tell(postgres_of(database),
                         "SELECT coalesce(max(number), 0) FROM last_numbers WHERE table_name = $1", table, number);
}

static bool postgres_number_given(struct database *database, const char *table, int64_t number) {
    struct statement *note = postgres_prepare(
        database,
        "INSERT INTO last_numbers VALUES($1, $2) ON CONFLICT(table_name) DO UPDATE SET number = excluded.number",
        false);
    if (note) param_text(note, 1, str_from(table));
    if (note) param_number(note, 2, number);
    return statement_run_once(note);
}

static bool postgres_others_changed(struct database *database, int64_t *version) {
    const struct postgres *of = postgres_of(database);
    *version = of->writes - of->own_writes;
    return true;
}

/* Its log and what was not yet cleaned up keep old rows until the server comes by. */
static bool postgres_erase(struct database *database, bool begins) {
    static const char *const tables[] = {"attempts", "usage", "words", "names", "alerts", "audit_words"};
    char sql[64];
    for (size_t i = 0; i < sizeof tables / sizeof *tables && !begins; i++) {
        snprintf(sql, sizeof sql, "VACUUM %s", tables[i]);
        (void)postgres_script(postgres_of(database), sql, postgres_script_ms);
    }
    return true;
}

static void postgres_shrink(struct database *database) { (void)database; }

static bool postgres_settled(struct database *database) {
    struct postgres *of = postgres_of(database);
    return postgres_settle(of);
}

static bool postgres_is_gone(struct database *database) {
    struct postgres *of = postgres_of(database);
    if (!of->gone && !of->in_transaction && !of->streaming && !of->pipelined && !of->pq->PQconsumeInput(of->connection))
        postgres_fails(of, NULL);
    return of->gone;
}

static bool postgres_keep(struct database *database, char *problem, size_t size) {
    struct postgres *of = postgres_of(database);
    int64_t taken = 0;
    if (!postgres_tell(of, "SELECT pg_try_advisory_lock(" LOCK_OF_KEEPER ")", NULL, &taken)) {
        snprintf(problem, size, "%s%s", of->problem, postgres_mend_of(of->state));
        return false;
    }
    if (taken) return true;
    struct statement *who =
        postgres_prepare(database,
                         "SELECT coalesce('from ' || host(client_addr), 'from its own machine') || ', since ' || "
                         "to_char(backend_start AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS') || ' UTC' FROM "
                         "pg_stat_activity WHERE pid IN "
                         "(SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND granted AND classid = 2003134834)",
                         false);
    bool known = who && who->driver->step(who) == database_row;
    struct str text = known ? who->driver->text(who, 0) : STR("");
    snprintf(
        problem, size,
        "another weir keeps this ledger (%.*s): one at a time does, as each counts budgets by itself. End that one, "
        "or give this one a database of its own",
        STR_ARG(text.len ? text : STR("connected to the same database")));
    if (who) who->driver->end(who);
    of->problem[0] = 0;
    problem_say(of, str_from(problem));
    return false;
}

const struct database_driver postgres_driver = {.close = postgres_close,
                                                .problem = postgres_problem,
                                                .mend = postgres_mend,
                                                .care = postgres_care,
                                                .run = postgres_run,
                                                .begin = postgres_begin,
                                                .commit = postgres_commit,
                                                .undo = postgres_undo,
                                                .has_table = postgres_has_table,
                                                .last_number = postgres_last_number,
                                                .number_given = postgres_number_given,
                                                .text_mend = postgres_text_mend,
                                                .others_changed = postgres_others_changed,
                                                .erase = postgres_erase,
                                                .shrink = postgres_shrink,
                                                .settle = postgres_settled,
                                                .gone = postgres_is_gone,
                                                .keep = postgres_keep,
                                                .prepare = postgres_prepare,
                                                .defers = true};

/* -- beginning -- */

static void notice_ignore(void *context, const char *message) { (void)context, (void)message; }

/* NULL: it cannot be read. libpq's words quote what they do not understand, which may be a part of the password. */
static PQconninfoOption *url_read(const struct postgres_library *pq, const char *url, char *problem, size_t size) {
    char *said = NULL, shown[200];
    PQconninfoOption *options = pq->PQconninfoParse(url, &said);
    if (said) pq->PQfreemem(said);
    database_place_shown(url, shown, sizeof shown);
    if (!options)
        snprintf(
            problem, size,
            "%s: libpq cannot read this URL: postgresql://USER:PASSWORD@HOST:PORT/DATABASE, with parameters that it "
            "knows, and %%40 and the like for signs such as @ in a password",
            shown);
    return options;
}

/* What libpq looks at only when it connects: several ports have commas between them. */
static bool option_is_good(const PQconninfoOption *option) {
    static const char modes[] = " disable allow prefer require verify-ca verify-full ";
    struct str rest = str_from(option->val), port;
    uint64_t number;
    char mode[40];
    if (!rest.len) return true;
    if (strcmp(option->keyword, "sslmode") == 0) {
        snprintf(mode, sizeof mode, " %.30s ", option->val);
        return strstr(modes, mode) != NULL;
    }
    if (strcmp(option->keyword, "port") != 0) return true;
    while (str_split_next(&rest, ',', &port))
        if (port.len && (!str_to_u64(port, &number) || number < 1 || number > 65535)) return false;
    return true;
}

bool postgres_url_check(const char *url, char *problem, size_t size) {
    const struct postgres_library *pq = postgres_library(problem, size);
    PQconninfoOption *options = pq ? url_read(pq, url, problem, size) : NULL;
    bool good = options != NULL;
    for (const PQconninfoOption *option = options; good && option->keyword; option++) {
        good = option_is_good(option);
        if (!good) snprintf(problem, size, "its %s is not what libpq takes", option->keyword);
    }
    if (options) pq->PQconninfoFree(options);
    return good;
}

/* The password is looked for in what is said: nothing is, where it cannot be. */
static bool secret_find(struct postgres *of, const char *url, char *problem, size_t size) {
    PQconninfoOption *options = url_read(of->pq, url, problem, size);
    bool good = options != NULL;
    for (const PQconninfoOption *option = options; option && option->keyword; option++) {
        if (strcmp(option->keyword, "password") != 0 || !option->val || !option->val[0]) continue;
        size_t len = strlen(option->val);
        of->secret = memory_take(len + 1);
        if (of->secret) memcpy(of->secret, option->val, len + 1);
        if (!of->secret) good = false, snprintf(problem, size, "no memory for the ledger");
    }
    if (options) of->pq->PQconninfoFree(options);
    return good;
}

static bool postgres_connect(struct postgres *of, const char *url) {
    /* What the URL says comes later, and wins; but the encoding is the ledger's own. */
    static const char *const names[] = {
        "fallback_application_name", "keepalives_idle", "keepalives_interval", "keepalives_count",
        "tcp_user_timeout",          "dbname",          "client_encoding",     NULL};
    const char *const values[] = {"weir", "20", "5", "4", "30000", url, "UTF8", NULL};
    of->connection = of->pq->PQconnectStartParams(names, values, 1);
    if (!of->connection) return postgres_gives_up(of, "no memory for a connection");
    if (of->pq->PQstatus(of->connection) == CONNECTION_BAD) return postgres_fails(of, NULL);
    of->pq->PQsetNoticeProcessor(of->connection, notice_ignore, NULL);
    for (PostgresPollingStatusType next = PGRES_POLLING_WRITING; next != PGRES_POLLING_OK;) {
        if (next == PGRES_POLLING_FAILED) return postgres_fails(of, NULL);
        if (!socket_wait(of, next == PGRES_POLLING_READING ? POLLIN : POLLOUT, postgres_connect_ms))
            return postgres_gives_up(of, "the server does not answer");
        next = of->pq->PQconnectPoll(of->connection);
    }
    return of->pq->PQsetnonblocking(of->connection, 1) == 0 || postgres_fails(of, NULL);
}

/* What is committed is on the server's disk, whatever its own default is; who stops in mid transaction holds nobody up
 * for ever. */
static const char session_sql[] =
    "SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off';"
    "SET standard_conforming_strings = on; SET idle_in_transaction_session_timeout = '60s';"
    "SET statement_timeout = '600s'; SET lock_timeout = '25s'; SET tcp_keepalives_idle = 20;"
    "SET tcp_keepalives_interval = 5; SET tcp_keepalives_count = 4";

static bool postgres_greet(struct postgres *of) {
    const char *encoding = of->pq->PQparameterStatus(of->connection, "server_encoding");
    if (of->pq->PQserverVersion(of->connection) < 120000)
        return postgres_gives_up(of, "the server is older than PostgreSQL 12");
    if (!encoding || (strcmp(encoding, "UTF8") != 0 && strcmp(encoding, "SQL_ASCII") != 0))
        return postgres_gives_up(of, "the database's encoding is not UTF8: CREATE DATABASE ... ENCODING 'UTF8'");
    return postgres_script(of, session_sql, postgres_patience_ms);
}

struct database *postgres_database_open(const char *url, enum database_use use, char *problem, size_t size) {
    char shown[200];
    const struct postgres_library *pq = postgres_library(problem, size);
    struct postgres *of = pq ? memory_take_zeroed(sizeof *of) : NULL;
    (void)use;
    database_place_shown(url, shown, sizeof shown);
    if (!pq) return NULL;
    if (!of) {
        snprintf(problem, size, "no memory for the ledger");
        return NULL;
    }
    of->base.driver = &postgres_driver;
    of->pq = pq;
    bool read = secret_find(of, url, problem, size);
    if (read && postgres_connect(of, url) && postgres_greet(of)) return &of->base;
    if (read) snprintf(problem, size, "%s: %s%s", shown, of->problem, postgres_mend_of_connecting(of->problem));
    postgres_close(&of->base);
    return NULL;
}
