/* ledger_gather.c - the ledger's sums added up for a question: rows are read one by one and added in memory, without
 * sorting them first. Long times are read by the day, what is left at their ends by the hour, sessions by the hour of
 * each; so that years of attempts are answered in less than a second. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/memory.h"
#include "store/ledger_internal.h"

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
    bool totals;     /* each row counts in the total, too */
    bool keeps;      /* times as they were read, of each row: it is of a session */
    bool times_only; /* the second time: rows are known, and of those that are told the times are wanted */
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

static void gather_select(const struct gathering *gathering, int hours, struct text *sql) {
    const struct usage_question *question = gathering->question;
    bool by[usage_keys] = {false};
    text_put(sql, STR("SELECT durations, first_tokens"));
    for (size_t i = 0; i < sums_read(gathering); i++) text_printf(sql, ", %s", sum_columns[gathering->sums[i]]);
    for (size_t i = 0; i < gathering->by_count; i++) {
        enum usage_key key = question->by[i];
        by[key] = true;
        text_put(sql, STR(", "));
        if (keys[key].number)
            text_printf(sql, "%s", keys[key].number);
        else
            moment_put(sql, key, hours);
    }
    if (question->recosted)
        text_put(sql,
                 STR(", coalesce(recosted_attempts, 0), coalesce(recosted_priced, 0), coalesce(recosted_nano_usd, 0)"));
    text_put(sql, STR(" FROM usage"));
    if (recosted_is_read(gathering))
        text_put(sql, STR(" LEFT JOIN recosted_usage USING(grain, at, provider, model, client, route, owner, rule, "
                          "asked, tags, session)"));
    if (by[usage_by_owner]) text_put(sql, STR(" LEFT JOIN owner_parts ON owner_parts.whole = owner"));
    if (by[usage_by_tag]) text_put(sql, STR(" LEFT JOIN tag_parts ON tag_parts.whole = tags"));
    text_put(sql, STR(" WHERE grain = ?1 AND at >= ?2 AND at < ?3"));
    if (question->nobodys) text_put(sql, STR(" AND client = (SELECT id FROM names WHERE name = '')"));
    for (int i = 0; i < usage_keys; i++) {
        if (!question->only[i][0]) continue;
        text_put(sql, STR(" AND "));
        if (keys[i].only) {
            const char *mark = strstr(keys[i].only, "?%d");
            text_put(sql, str_make(keys[i].only, (size_t)(mark - keys[i].only)));
            text_printf(sql, "?%d%s", i + 4, mark + 3);
        } else {
            text_put(sql, i == usage_by_day ? STR("day_text(") : STR("hour_text("));
            moment_put(sql, (enum usage_key)i, hours);
            text_printf(sql, ") = ?%d", i + 4);
        }
    }
}

/* -- adding up -- */

static uint64_t keys_hash(const int64_t *numbers, size_t count) {
    return str_hash(str_make((const char *)numbers, count * sizeof *numbers));
}

static bool places_grow(struct usage_gathered *gathered, size_t by_count) {
    size_t count = gathered->place_count ? gathered->place_count * 4 : 1024;
    struct usage_place *places = memory_take_zeroed(count * sizeof *places);
    if (!places) return false;
    for (size_t i = 0; i < gathered->count; i++) {
        const uint64_t hash = keys_hash(gathered->rows[i].keys, by_count);
        size_t place = hash & (count - 1);
        while (places[place].row) place = (place + 1) & (count - 1);
        places[place] = (struct usage_place){(uint32_t)i + 1, (uint32_t)(hash >> 32)};
    }
    memory_give(gathered->places);
    gathered->places = places;
    gathered->place_count = count;
    return true;
}

static struct usage_row *row_find(const struct usage_gathered *gathered, const int64_t *numbers, size_t by_count,
                                  uint64_t hash, size_t *place) {
    const struct usage_place *places = gathered->places;
    for (*place = hash & (gathered->place_count - 1); places[*place].row;
         *place = (*place + 1) & (gathered->place_count - 1)) {
        struct usage_row *row = &gathered->rows[places[*place].row - 1];
        if (places[*place].tag == (uint32_t)(hash >> 32) && memcmp(row->keys, numbers, by_count * sizeof *numbers) == 0)
            return row;
    }
    return NULL;
}

/* Past usage_groups_max they are one row, whose keys are all 0. NULL: no memory. */
static struct usage_row *usage_row_of(struct gathering *gathering, int64_t *numbers) {
    struct usage_gathered *gathered = gathering->gathered;
    const size_t by_count = gathering->by_count;
    size_t place;
    if (gathered->count * 2 >= gathered->place_count && !places_grow(gathered, by_count)) return NULL;
    uint64_t hash = keys_hash(numbers, by_count);
    struct usage_row *row = row_find(gathered, numbers, by_count, hash, &place);
    if (row || gathering->times_only) return row;
    if (gathered->count >= usage_groups_max) {
        memset(numbers, 0, by_count * sizeof *numbers);
        hash = keys_hash(numbers, by_count);
        row = row_find(gathered, numbers, by_count, hash, &place);
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
    *row = (struct usage_row){.kept = 0};
    if (!gathering->keeps && gathered->count <= gathered->times_count)
        row->times = &gathered->times[gathered->count - 1];
    memcpy(row->keys, numbers, by_count * sizeof *numbers);
    gathered->places[place] = (struct usage_place){(uint32_t)gathered->count, (uint32_t)(hash >> 32)};
    return row;
}

static void times_add(struct usage_times *times, struct statement *from) {
    const struct str durations = row_bytes(from, 0), first_tokens = row_bytes(from, 1);
    durations_add(&times->durations, durations.at, durations.len);
    durations_add(&times->first_tokens, first_tokens.at, first_tokens.len);
}

/* -- times that are kept -- */

/* In front of a piece, whose bytes of both follow. */
struct times_head {
    size_t before; /* the one before it of the same row, its place + 1; 0: it is the first */
    uint32_t durations, first_tokens;
};
enum { kept_most = 128 * 1024 * 1024 };

static bool kept_grow(struct usage_gathered *gathered, size_t more) {
    size_t room = gathered->kept_room ? gathered->kept_room : 1024 * 1024;
    while (room < gathered->kept_len + more) room *= 2;
    if (room == gathered->kept_room) return true;
    unsigned char *kept = room <= kept_most ? memory_resize(gathered->kept, room) : NULL;
    if (!kept) return false;
    gathered->kept = kept;
    gathered->kept_room = room;
    return true;
}

static void times_keep(struct usage_gathered *gathered, struct usage_row *row, struct statement *from) {
    const struct str durations = row_bytes(from, 0), first_tokens = row_bytes(from, 1);
    const struct times_head head = {row->kept, (uint32_t)durations.len, (uint32_t)first_tokens.len};
    const size_t len = sizeof head + durations.len + first_tokens.len;
    if (gathered->kept_lost || (gathered->kept_lost = !kept_grow(gathered, len))) return;
    unsigned char *at = gathered->kept + gathered->kept_len;
    memcpy(at, &head, sizeof head);
    if (durations.len) memcpy(at + sizeof head, durations.at, durations.len);
    if (first_tokens.len) memcpy(at + sizeof head + durations.len, first_tokens.at, first_tokens.len);
    row->kept = gathered->kept_len + 1;
    gathered->kept_len += len;
}

/* Of those that are told. */
static void rows_times_kept(struct usage_gathered *gathered) {
    for (size_t i = 0; i < gathered->count; i++) {
        struct usage_row *row = &gathered->rows[i];
        struct times_head head;
        row->times = &gathered->times[i];
        for (size_t place = row->kept; place; place = head.before) {
            const unsigned char *at = gathered->kept + place - 1;
            memcpy(&head, at, sizeof head);
            durations_add(&row->times->durations, at + sizeof head, head.durations);
            durations_add(&row->times->first_tokens, at + sizeof head + head.durations, head.first_tokens);
        }
    }
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
    if (row->times)
        times_add(row->times, from);
    else if (gathering->keeps)
        times_keep(gathering->gathered, row, from);
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
    return row || gathering->times_only;
}

/* The second time of the sessions that are told alone: they are few of many. */
static void sessions_put(const struct gathering *gathering, struct text *sql) {
    const struct usage_gathered *gathered = gathering->gathered;
    size_t session = 0;
    while (session < gathering->by_count && gathering->question->by[session] != usage_by_session) session++;
    if (!gathering->times_only || session == gathering->by_count) return;
    text_put(sql, STR(" AND session IN (-1"));
    for (size_t i = 0; i < gathered->count; i++) text_printf(sql, ", %lld", (long long)gathered->rows[i].keys[session]);
    text_put_byte(sql, ')');
}

static struct statement *gather_prepare(const struct gathering *gathering, enum usage_grain grain) {
    enum { most = 4096 + usage_rows_max * 24 };
    char *sql = memory_take(most);
    if (!sql) return NULL;
    struct text text = text_in_buffer(sql, most - 1);
    gather_select(gathering, grain == usage_of_days ? 24 : 1, &text);
    sessions_put(gathering, &text);
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
    param_number(statement, 1, grain);
    param_number(statement, 2, from);
    param_number(statement, 3, to);
    for (int i = 0; i < usage_keys; i++)
        if (gathering->question->only[i][0]) param_text(statement, i + 4, str_from(gathering->question->only[i]));
    while (good && (step = statement_step(statement)) == database_row) good = row_take(gathering, statement);
    statement_end(statement);
    return good && step == database_done;
}

static int64_t hour_from(const struct usage_question *question) { return question->since_ms / ms_per_hour; }
static int64_t hour_to(const struct usage_question *question) {
    return question->until_ms ? question->until_ms / ms_per_hour : INT64_MAX;
}

/* Sessions are many, and most sums nothing in all of them: models have what any attempt had, and are few. */
static bool sums_find(struct gathering *gathering) {
    char sql[1024];
    struct text text = text_in_buffer(sql, sizeof sql - 1);
    const bool asks = asks_of(gathering->question, usage_by_session);
    gathering->sum_count = 0;
    for (int i = 0; i < usage_sums; i++) text_printf(&text, "%s max(%s)", i ? "," : "SELECT", sum_columns[i]);
    text_put(&text, STR(" FROM usage WHERE grain = ?1 AND at >= ?2 AND at < ?3"));
    CHECK(!text.failed);
    sql[text.len] = 0;
    struct statement *most = asks ? statement_make(ledger_database(gathering->ledger), sql) : NULL;
    const int64_t numbers[] = {usage_of_models, hour_from(gathering->question), hour_to(gathering->question)};
    if (most) param_numbers(most, 1, numbers, 3);
    const bool good = !asks || (most && statement_step(most) == database_row);
    for (int i = 0; i < usage_sums && good; i++)
        if (!asks || row_number(most, i) != 0) gathering->sums[gathering->sum_count++] = (enum usage_sum)i;
    statement_end(most);
    return good;
}

/* All hours from `since` on that begin before `until`. */
static bool times_read(struct gathering *gathering) {
    const struct usage_question *question = gathering->question;
    int64_t from = hour_from(question), to = hour_to(question), day = (from + 23) / 24, day_end = to / 24;
    if (asks_of(question, usage_by_session)) return grain_read(gathering, usage_of_sessions, from, to);
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

/* Of those of times the newest, else the dearest. */
static void rows_order(const struct usage_question *question, struct usage_gathered *gathered) {
    bool timed = question->by[0] == usage_by_day || question->by[0] == usage_by_hour;
    size_t most = question->rows_most ? question->rows_most : usage_rows_usual;
    if (most > usage_rows_max) most = usage_rows_max;
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
    gathered->place_count = 0;
    do {
        if (!places_grow(gathered, by_count)) return false;
    } while (gathered->count * 2 >= gathered->place_count);
    return true;
}

bool usage_gather(struct ledger *ledger, const struct usage_question *question, struct usage_gathered *gathered) {
    struct gathering gathering = {
        .ledger = ledger, .question = question, .gathered = gathered, .by_count = question->by_count, .totals = true};
    bool several = false; /* a row may be of several: the total is added up by itself */
    *gathered = (struct usage_gathered){.total = {.times = memory_take_zeroed(sizeof(struct usage_times))}};
    gathered->times_count = question->by_count ? usage_rows_max : 0;
    gathered->times = memory_take_zeroed((gathered->times_count + 1) * sizeof *gathered->times);
    if (!gathered->total.times || !gathered->times || !sums_find(&gathering)) return false;
    for (size_t i = 0; i < question->by_count; i++) {
        several |= question->by[i] == usage_by_owner || question->by[i] == usage_by_tag;
        gathering.keeps |= question->by[i] == usage_by_session;
    }
    if (several) {
        gathering.by_count = 0;
        if (!times_read(&gathering)) return false;
        gathering.by_count = question->by_count;
        gathering.totals = false;
    }
    if (!times_read(&gathering)) return false;
    bool again = gathering.keeps ? gathered->kept_lost : gathered->count > gathered->times_count;
    rows_order(question, gathered);
    if (gathering.keeps && !again) rows_times_kept(gathered);
    if (!again) return true;
    gathering.keeps = false;
    gathering.times_only = true;
    gathering.totals = false;
    return rows_time(gathered, question->by_count) && times_read(&gathering);
}

void usage_gathered_free(struct usage_gathered *gathered) {
    memory_give(gathered->rows);
    memory_give(gathered->places);
    memory_give(gathered->times);
    memory_give(gathered->kept);
    memory_give(gathered->total.times);
}

struct str usage_key_text(struct ledger *ledger, enum usage_key key, int64_t number, char *buffer, size_t size) {
    struct statement *statement = statement_make(ledger_database(ledger), keys[key].text);
    str_copy(buffer, size, STR(""));
    if (statement) param_number(statement, 1, number);
    if (statement && statement_step(statement) == database_row) str_copy(buffer, size, row_text(statement, 0));
    statement_end(statement);
    return str_from(buffer);
}
