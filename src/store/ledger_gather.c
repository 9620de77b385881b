/* ledger_gather.c - the ledger's sums added up for a question: rows are read one by one and added in memory, without
 * sorting them first. Long times are read by the day, what is left at their ends by the hour; so that years of attempts
 * are answered in less than a second.
 *
 * Sessions are as many as rows: first an index says of each what it cost (ledger_order.h), then those that are told are
 * read whole. The total is read where there are the fewest rows for it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/memory.h"
#include "store/ledger_internal.h"
#include "store/ledger_order.h"

/* Where the number of a key stands, the table that has its text, and how one of that text is found. `%s`: the row's
 * time in hours. */
static const struct {
    const char *number, *text, *only;
} keys[usage_keys] = {
#define NAME_IS "(SELECT id FROM names WHERE name = ?%d)"
#define WORD_IS "(SELECT id FROM words WHERE word = ?%d)"
#define NAME_TEXT "SELECT name FROM names WHERE id = ?1"
#define WORD_TEXT "SELECT word FROM words WHERE id = ?1"
    [usage_by_provider] = {"provider", NAME_TEXT, "provider = " NAME_IS},
    [usage_by_model] = {"model", NAME_TEXT, "model = " NAME_IS},
    [usage_by_client] = {"client", NAME_TEXT, "client = " NAME_IS},
    [usage_by_route] = {"route", NAME_TEXT, "route = " NAME_IS},
    [usage_by_rule] = {"rule", NAME_TEXT, "rule = " NAME_IS},
    [usage_by_asked] = {"asked", WORD_TEXT, "asked = " WORD_IS},
    [usage_by_session] = {"session", WORD_TEXT, "session = " WORD_IS},
    [usage_by_owner] = {"owner_parts.part", NAME_TEXT,
                        "owner IN (SELECT whole FROM owner_parts WHERE part = " NAME_IS ")"},
    [usage_by_tag] = {"tag_parts.part", WORD_TEXT, "tags IN (SELECT whole FROM tag_parts WHERE part = " WORD_IS ")"},
    [usage_by_day] = {NULL, "SELECT day_text(?1)", NULL},
    [usage_by_hour] = {NULL, "SELECT hour_text(?1)", NULL},
};

enum { ms_per_hour = 3600 * 1000 };

struct gathering {
    struct ledger *ledger;
    const struct usage_question *question;
    struct usage_gathered *gathered;
    size_t by_count;                 /* 0: the total alone */
    enum usage_sum sums[usage_sums]; /* that are read: no attempt of the time has another */
    size_t sum_count;
    bool totals;               /* each row counts in the total, too */
    bool known;                /* rows are those that are told: others are passed over */
    bool times_only;           /* the second time: nothing but the times is wanted */
    bool by_index;             /* an index finds the rows: they are few of the time's */
    struct usage_order *order; /* of sessions, the first time; NULL: rows are read whole */
    size_t row_count;          /* that were put in order */
};

static bool asks_of(const struct usage_question *question, enum usage_key key) {
    bool asks = question->only[key][0] != 0;
    for (size_t i = 0; i < question->by_count; i++) asks |= question->by[i] == key;
    return asks;
}

/* Nothing but what the sums of models know. */
static bool asks_of_models(const struct usage_question *question) {
    static const enum usage_key known[] = {usage_by_provider, usage_by_model, usage_by_day, usage_by_hour};
    if (question->nobodys) return false;
    for (int i = 0; i < usage_keys; i++) {
        bool is_known = false;
        for (size_t k = 0; k < sizeof known / sizeof *known; k++) is_known |= known[k] == (enum usage_key)i;
        if (!is_known && asks_of(question, (enum usage_key)i)) return false;
    }
    return true;
}

/* -- the statement -- */

/* The second time none. */
static size_t sums_read(const struct gathering *gathering) { return gathering->times_only ? 0 : gathering->sum_count; }

static bool recosted_is_read(const struct gathering *gathering) {
    return gathering->question->recosted && !gathering->times_only;
}

/* The day or hour of a row whose grain has so many hours. */
static void moment_put(struct text *sql, enum usage_key key, int hours) {
    if (key == usage_by_hour)
        text_put(sql, STR("at"));
    else
        text_put(sql, hours == 24 ? STR("at") : STR("at / 24"));
}

static const char *const sum_columns[usage_sums] = {
#define X(name) #name,
    USAGE_SUMS(X)
#undef X
};

#define ROW_KEY "grain, at, provider, model, client, route, owner, rule, asked, tags, session"

/* Of the sessions that are told alone: they are few of many. */
static void sessions_put(const struct gathering *gathering, struct text *sql) {
    const struct usage_gathered *gathered = gathering->gathered;
    size_t session = 0;
    while (session < gathering->by_count && gathering->question->by[session] != usage_by_session) session++;
    if (!gathering->known || session == gathering->by_count) return;
    text_put(sql, STR(" AND session IN (-1"));
    for (size_t i = 0; i < gathered->count; i++) text_printf(sql, ", %lld", (long long)gathered->rows[i].keys[session]);
    text_put_byte(sql, ')');
}

/* Which rows. The grain stands there as a number: an index is of one alone. */
static void gather_where(const struct gathering *gathering, enum usage_grain grain, struct text *sql) {
    const struct usage_question *question = gathering->question;
    const int hours = grain == usage_of_days ? 24 : 1;
    text_printf(sql, " WHERE grain = %d AND at >= ?1 AND at < ?2", (int)grain);
    if (question->nobodys) text_put(sql, STR(" AND client = (SELECT id FROM names WHERE name = '')"));
    for (int i = 0; i < usage_keys; i++) {
        if (!question->only[i][0]) continue;
        text_put(sql, STR(" AND "));
        if (keys[i].only) {
            const char *mark = strstr(keys[i].only, "?%d");
            text_put(sql, str_make(keys[i].only, (size_t)(mark - keys[i].only)));
            text_printf(sql, "?%d%s", i + 3, mark + 3);
        } else {
            text_put(sql, i == usage_by_day ? STR("day_text(") : STR("hour_text("));
            moment_put(sql, (enum usage_key)i, hours);
            text_printf(sql, ") = ?%d", i + 3);
        }
    }
    sessions_put(gathering, sql);
}

static void gather_columns(const struct gathering *gathering, struct text *sql) {
    if (gathering->order) {
        text_put(sql, STR("SELECT cost_nano_usd, attempts, input_tokens"));
        return;
    }
    text_put(sql, STR("SELECT durations, first_tokens"));
    for (size_t i = 0; i < sums_read(gathering); i++) text_printf(sql, ", %s", sum_columns[gathering->sums[i]]);
}

static void gather_select(const struct gathering *gathering, enum usage_grain grain, struct text *sql) {
    const struct usage_question *question = gathering->question;
    const bool recosted = recosted_is_read(gathering);
    bool by[usage_keys] = {false};
    gather_columns(gathering, sql);
    for (size_t i = 0; i < gathering->by_count; i++) {
        enum usage_key key = question->by[i];
        by[key] = true;
        text_put(sql, STR(", "));
        if (keys[key].number)
            text_printf(sql, "%s", keys[key].number);
        else
            moment_put(sql, key, grain == usage_of_days ? 24 : 1);
    }
    if (recosted)
        text_put(sql,
                 STR(", coalesce(recosted_attempts, 0), coalesce(recosted_priced, 0), coalesce(recosted_nano_usd, 0)"));
    if (gathering->by_index) {
        text_put(sql, STR(" FROM (SELECT " ROW_KEY " FROM usage"));
        gather_where(gathering, grain, sql);
        text_put(sql, STR(") AS found JOIN usage USING(" ROW_KEY ")"));
    } else {
        text_put(sql, STR(" FROM usage"));
    }
    if (recosted) text_put(sql, STR(" LEFT JOIN recosted_usage USING(" ROW_KEY ")"));
    if (by[usage_by_owner]) text_put(sql, STR(" LEFT JOIN owner_parts ON owner_parts.whole = owner"));
    if (by[usage_by_tag]) text_put(sql, STR(" LEFT JOIN tag_parts ON tag_parts.whole = tags"));
    if (!gathering->by_index) gather_where(gathering, grain, sql);
}

/* -- adding up -- */

static struct keyed_rows gathered_rows(const struct usage_gathered *gathered, size_t by_count) {
    return (struct keyed_rows){gathered->rows ? gathered->rows->keys : NULL, sizeof *gathered->rows, gathered->count,
                               by_count};
}

static struct usage_row *row_find(const struct usage_gathered *gathered, const int64_t *numbers, size_t by_count) {
    const size_t row = key_places_find(&gathered->places, gathered_rows(gathered, by_count), numbers);
    return row == SIZE_MAX ? NULL : &gathered->rows[row];
}

/* Past usage_groups_max they are one row, whose keys are all 0. NULL: no memory. */
static struct usage_row *usage_row_of(struct gathering *gathering, int64_t *numbers) {
    struct usage_gathered *gathered = gathering->gathered;
    const size_t by_count = gathering->by_count;
    if (!key_places_fit(&gathered->places, gathered_rows(gathered, by_count))) return NULL;
    struct usage_row *row = row_find(gathered, numbers, by_count);
    if (row || gathering->known) return row;
    if (gathered->count >= usage_groups_max) {
        memset(numbers, 0, by_count * sizeof *numbers);
        row = row_find(gathered, numbers, by_count);
        if (row) return row;
    }
    if (gathered->count == gathered->room) {
        size_t room = gathered->room ? gathered->room * 2 : 256;
        struct usage_row *rows = memory_resize(gathered->rows, room * sizeof *rows);
        if (!rows) return NULL;
        gathered->rows = rows;
        gathered->room = room;
    }
    row = &gathered->rows[gathered->count++];
    *row = (struct usage_row){.times = NULL};
    if (gathered->count <= gathered->times_count) row->times = &gathered->times[gathered->count - 1];
    memcpy(row->keys, numbers, by_count * sizeof *numbers);
    key_places_note(&gathered->places, gathered_rows(gathered, by_count));
    return row;
}

static void times_add(struct usage_times *times, struct statement *from) {
    const struct str durations = row_bytes(from, 0), first_tokens = row_bytes(from, 1);
    durations_add(&times->durations, durations.at, durations.len);
    durations_add(&times->first_tokens, first_tokens.at, first_tokens.len);
}

static void row_add(const struct gathering *gathering, struct usage_row *row, const int64_t sums[usage_sums],
                    struct statement *from) {
    const int recosted = (int)(2 + sums_read(gathering) + gathering->by_count);
    for (size_t i = 0; i < sums_read(gathering); i++) {
        int64_t *sum = &row->sums[gathering->sums[i]];
        *sum = ledger_sum(*sum, sums[i]);
    }
    for (int i = 0; recosted_is_read(gathering) && i < recosted_sums; i++)
        row->recosted[i] = ledger_sum(row->recosted[i], row_number(from, recosted + i));
    if (row->times) times_add(row->times, from);
}

static bool row_order(struct gathering *gathering, struct statement *from) {
    int64_t measures[order_measures], numbers[usage_keys];
    for (int i = 0; i < order_measures; i++) measures[i] = row_number(from, i);
    for (size_t i = 0; i < gathering->by_count; i++) numbers[i] = row_number(from, (int)(order_measures + i));
    gathering->row_count++;
    return usage_order_add(gathering->order, measures, numbers);
}

static bool row_take(struct gathering *gathering, struct statement *from) {
    int64_t numbers[usage_keys] = {0}, sums[usage_sums] = {0};
    const size_t count = sums_read(gathering);
    for (size_t i = 0; i < gathering->by_count; i++) numbers[i] = row_number(from, (int)(2 + count + i));
    for (size_t i = 0; i < count; i++) sums[i] = row_number(from, (int)(2 + i));
    if (gathering->totals) row_add(gathering, &gathering->gathered->total, sums, from);
    if (!gathering->by_count) return true;
    struct usage_row *row = usage_row_of(gathering, numbers);
    if (row) row_add(gathering, row, sums, from);
    return row || gathering->known;
}

static struct statement *gather_prepare(const struct gathering *gathering, enum usage_grain grain) {
    enum { most = 4096 + usage_rows_max * 24 };
    char *sql = memory_take(most);
    if (!sql) return NULL;
    struct text text = text_in_buffer(sql, most - 1);
    gather_select(gathering, grain, &text);
    CHECKF(!text.failed, "by=%zu", gathering->by_count);
    sql[text.len] = 0;
    struct statement *statement = statement_make(ledger_database(gathering->ledger), sql);
    memory_give(sql);
    return statement;
}

static bool grain_read(struct gathering *gathering, enum usage_grain grain, int64_t from, int64_t to) {
    enum database_step step = database_failed;
    bool good = true;
    if (from >= to) return true;
    struct statement *statement = gather_prepare(gathering, grain);
    if (!statement) return false;
    param_number(statement, 1, from);
    param_number(statement, 2, to);
    for (int i = 0; i < usage_keys; i++)
        if (gathering->question->only[i][0]) param_text(statement, i + 3, str_from(gathering->question->only[i]));
    while (good && (step = statement_step(statement)) == database_row)
        good = gathering->order ? row_order(gathering, statement) : row_take(gathering, statement);
    statement_end(statement);
    return good && step == database_done;
}

static int64_t hour_from(const struct usage_question *question) { return question->since_ms / ms_per_hour; }
static int64_t hour_to(const struct usage_question *question) {
    return question->until_ms ? question->until_ms / ms_per_hour : INT64_MAX;
}

/* All hours from `since` on that begin before `until`. */
static bool times_read(struct gathering *gathering) {
    const struct usage_question *question = gathering->question;
    int64_t from = hour_from(question), to = hour_to(question), day = (from + 23) / 24, day_end = to / 24;
    if (asks_of_models(question)) return grain_read(gathering, usage_of_models, from, to);
    if (asks_of(question, usage_by_hour) || day >= day_end) return grain_read(gathering, usage_of_hours, from, to);
    return grain_read(gathering, usage_of_hours, from, day * 24) &&
           grain_read(gathering, usage_of_days, day, day_end) &&
           (to == INT64_MAX || grain_read(gathering, usage_of_hours, day_end * 24, to));
}

/* -- order -- */

static int by_cost(const void *a, const void *b) {
    const int64_t *one = ((const struct usage_row *)a)->sums, *other = ((const struct usage_row *)b)->sums;
    const enum usage_sum orders[] = {usage_cost_nano_usd, usage_attempts, usage_input_tokens, usage_saved_nano_usd,
                                     usage_cache_hits};
    for (size_t i = 0; i < sizeof orders / sizeof *orders; i++)
        if (one[orders[i]] != other[orders[i]]) return one[orders[i]] > other[orders[i]] ? -1 : 1;
    return memcmp(((const struct usage_row *)a)->keys, ((const struct usage_row *)b)->keys,
                  sizeof(int64_t[usage_keys]));
}

static void rows_swap(struct usage_row *a, struct usage_row *b) {
    const struct usage_row kept = *a;
    *a = *b;
    *b = kept;
}

static void row_sink(struct usage_row *rows, size_t at, size_t count) {
    for (size_t last; (last = 2 * at + 1) < count; at = last) {
        if (last + 1 < count && by_cost(&rows[last + 1], &rows[last]) > 0) last++;
        if (by_cost(&rows[last], &rows[at]) <= 0) return;
        rows_swap(&rows[last], &rows[at]);
    }
}

static int by_time(const void *a, const void *b) {
    int64_t one = ((const struct usage_row *)a)->keys[0], other = ((const struct usage_row *)b)->keys[0];
    return one != other ? (one < other ? -1 : 1) : by_cost(a, b);
}

/* The first `most` in front, in no order: a heap of them whose top is the last one, which a better one puts out. */
static void rows_select(struct usage_row *rows, size_t count, size_t most) {
    for (size_t begin = most / 2; begin-- > 0;) row_sink(rows, begin, most);
    for (size_t i = most; i < count; i++) {
        if (by_cost(&rows[i], &rows[0]) >= 0) continue;
        rows_swap(&rows[i], &rows[0]);
        row_sink(rows, 0, most);
    }
}

static bool question_is_timed(const struct usage_question *question) {
    return question->by[0] == usage_by_day || question->by[0] == usage_by_hour;
}

static size_t rows_most(const struct usage_question *question) {
    const size_t most = question->rows_most ? question->rows_most : usage_rows_usual;
    return most < usage_rows_max ? most : usage_rows_max;
}

/* Of those of times the newest, else the dearest. */
static void rows_order(const struct usage_question *question, struct usage_gathered *gathered) {
    const bool timed = question_is_timed(question);
    const size_t most = rows_most(question);
    const size_t all = gathered->count, sorted = timed || all <= most ? all : most;
    if (sorted < all) rows_select(gathered->rows, all, most);
    if (sorted) qsort(gathered->rows, sorted, sizeof *gathered->rows, timed ? by_time : by_cost);
    if (all <= most) return;
    gathered->more = all - most;
    if (timed) memmove(gathered->rows, gathered->rows + gathered->more, most * sizeof *gathered->rows);
    gathered->count = most;
}

/* More rows than times: those that are told have theirs now, and are found again. */
static bool rows_time(struct usage_gathered *gathered, size_t by_count) {
    memset(gathered->times, 0, gathered->times_count * sizeof *gathered->times);
    for (size_t i = 0; i < gathered->count; i++) gathered->rows[i].times = &gathered->times[i];
    key_places_free(&gathered->places);
    return key_places_fit(&gathered->places, gathered_rows(gathered, by_count));
}

static void sums_all(struct gathering *gathering) {
    for (int i = 0; i < usage_sums; i++) gathering->sums[gathering->sum_count++] = (enum usage_sum)i;
}

/* A row may be of several: the total is added up by itself. */
static bool asks_several(const struct usage_question *question) {
    bool several = false;
    for (size_t i = 0; i < question->by_count; i++)
        several |= question->by[i] == usage_by_owner || question->by[i] == usage_by_tag;
    return several;
}

static bool total_read(struct gathering *gathering, bool (*read)(struct gathering *gathering)) {
    gathering->by_count = 0;
    gathering->totals = true;
    const bool good = read(gathering);
    gathering->by_count = gathering->question->by_count;
    gathering->totals = false;
    return good;
}

/* -- sessions -- */

/* Rows that an index finds are read one by one, at so many of them as long as all rows of all hours. */
enum { found_most = 60000 };

static bool sessions_read(struct gathering *gathering) {
    return grain_read(gathering, usage_of_sessions, hour_from(gathering->question), hour_to(gathering->question));
}

/* Nothing is asked but of which hours. */
static bool asks_of_every_session(const struct usage_question *question) {
    for (int i = 0; i < usage_keys; i++)
        if (question->only[i][0] && i != usage_by_day && i != usage_by_hour) return false;
    return !question->nobodys;
}

/* Most sums are nothing in all of them: the sums of all sessions of an hour say which. */
static bool sums_find(struct gathering *gathering) {
    char sql[1024];
    struct text text = TEXT_IN_STRING(sql);
    for (int i = 0; i < usage_sums; i++) text_printf(&text, "%s max(%s)", i ? "," : "SELECT", sum_columns[i]);
    text_put(&text, STR(" FROM usage WHERE grain = ?1 AND at >= ?2 AND at < ?3"));
    CHECK(!text.failed);
    sql[text.len] = 0;
    struct statement *most = statement_make(ledger_database(gathering->ledger), sql);
    const int64_t numbers[] = {usage_of_any_session, hour_from(gathering->question), hour_to(gathering->question)};
    if (most) param_numbers(most, 1, numbers, 3);
    const bool good = most && statement_step(most) == database_row;
    for (int i = 0; i < usage_sums && good; i++)
        if (row_number(most, i) != 0) gathering->sums[gathering->sum_count++] = (enum usage_sum)i;
    statement_end(most);
    return good;
}

static bool sessions_total_read(struct gathering *gathering) {
    const struct usage_question *question = gathering->question;
    gathering->by_index = gathering->row_count <= found_most;
    if (!asks_of_every_session(question)) return sessions_read(gathering);
    gathering->by_index = false;
    return grain_read(gathering, usage_of_any_session, hour_from(question), hour_to(question));
}

/* Which are told, in their order. */
static bool sessions_order(struct gathering *gathering) {
    const struct usage_question *question = gathering->question;
    struct usage_gathered *gathered = gathering->gathered;
    gathering->order = usage_order_new(question->by_count, question_is_timed(question));
    const int64_t **told = memory_take(rows_most(question) * sizeof *told);
    bool good = gathering->order && told && sessions_read(gathering);
    if (good) {
        gathered->count = usage_order_tell(gathering->order, told, rows_most(question), &gathered->more);
        gathered->rows = memory_take_zeroed((gathered->count + 1) * sizeof *gathered->rows);
        good = gathered->rows != NULL;
    }
    for (size_t i = 0; good && i < gathered->count; i++)
        memcpy(gathered->rows[i].keys, told[i], question->by_count * sizeof *told[i]);
    usage_order_free(gathering->order);
    gathering->order = NULL;
    memory_give(told);
    return good;
}

/* How many rows those that are told have, if they have as many as the others. */
static bool told_are_few(const struct gathering *gathering) {
    const size_t told = gathering->gathered->count, groups = told + gathering->gathered->more;
    return groups == 0 || (double)gathering->row_count * (double)told / (double)groups <= found_most;
}

static bool sessions_gather(struct gathering *gathering) {
    const struct usage_question *question = gathering->question;
    if (!sums_find(gathering)) return false;
    if (!question->by_count) {
        gathering->by_index = true; /* of one session */
        gathering->totals = true;
        return sessions_read(gathering);
    }
    if (!sessions_order(gathering) || !rows_time(gathering->gathered, question->by_count)) return false;
    const bool apart = gathering->gathered->more || asks_several(question);
    if (apart && !total_read(gathering, sessions_total_read)) return false;
    gathering->totals = !apart;
    gathering->known = true;
    gathering->by_index = told_are_few(gathering);
    return sessions_read(gathering);
}

/* -- all of it -- */

bool usage_gather(struct ledger *ledger, const struct usage_question *question, struct usage_gathered *gathered) {
    struct gathering gathering = {
        .ledger = ledger, .question = question, .gathered = gathered, .by_count = question->by_count};
    *gathered = (struct usage_gathered){.total = {.times = memory_take_zeroed(sizeof(struct usage_times))}};
    gathered->times_count = question->by_count ? usage_rows_max : 0;
    gathered->times = memory_take_zeroed((gathered->times_count + 1) * sizeof *gathered->times);
    if (!gathered->total.times || !gathered->times) return false;
    if (asks_of(question, usage_by_session)) return sessions_gather(&gathering);
    sums_all(&gathering);
    gathering.totals = !asks_several(question);
    if (!gathering.totals && !total_read(&gathering, times_read)) return false;
    if (!times_read(&gathering)) return false;
    const bool again = gathered->count > gathered->times_count;
    rows_order(question, gathered);
    if (!again) return true;
    gathering.known = gathering.times_only = true;
    gathering.totals = false;
    return rows_time(gathered, question->by_count) && times_read(&gathering);
}

void usage_gathered_free(struct usage_gathered *gathered) {
    memory_give(gathered->rows);
    key_places_free(&gathered->places);
    memory_give(gathered->times);
    memory_give(gathered->total.times);
}

bool usage_key_text(struct ledger *ledger, enum usage_key key, int64_t number, char *buffer, size_t size) {
    struct statement *statement = statement_make(ledger_database(ledger), keys[key].text);
    enum database_step step = database_failed;
    str_copy(buffer, size, STR(""));
    if (statement) param_number(statement, 1, number);
    if (statement) step = statement_step(statement);
    if (step == database_row) str_copy(buffer, size, row_text(statement, 0));
    statement_end(statement);
    return step != database_failed;
}
