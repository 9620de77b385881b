/* ledger_search.c - see ledger_search.h. What is compared are numbers, a block of rows at a time; names are looked up
 * for those rows alone that are told. */
#include "store/ledger_search.h"

#include "base/memory.h"
#include "store/ledger_internal.h"
#include "store/ledger_search_row.h"

enum { lane_rows = 128, hex_digits = 16 };

struct search_lane {
    int64_t first, before; /* of its worker's numbers the first; what was not looked at yet stands before this */
    size_t count, at;
    bool ended; /* nothing older is left, or it is too old */
    struct search_row rows[lane_rows];
};

struct search {
    struct ledger *ledger;
    const struct search_question *question;
    int64_t wanted[search_names]; /* numbers of names; 0: any */
    struct search_lane *lanes[limit_loops];
    size_t lane_count, looked, told;
    bool too_old; /* a worker's newest attempt that is left began before what is asked for */
};

struct str search_name_of(enum search_name name) {
    static const struct str names[search_names] = {
#define X(name) STR(#name),
        SEARCH_NAMES(X)
#undef X
    };
    return names[name];
}

/* -- places -- */

void search_place_put(const struct search_place *place, struct text *text) {
    for (size_t i = 0; i < place->count; i++)
        text_printf(text, i ? ".%llx" : "%llx", (unsigned long long)place->before[i]);
}

static bool hex_number(struct str digits, int64_t *number) {
    uint64_t value = 0;
    if (!digits.len || digits.len > hex_digits) return false;
    for (size_t i = 0; i < digits.len; i++) {
        char c = digits.at[i];
        bool digit = c >= '0' && c <= '9';
        if (!digit && !(c >= 'a' && c <= 'f')) return false;
        value = value << 4 | (uint64_t)(digit ? c - '0' : c - 'a' + 10);
    }
    *number = (int64_t)value;
    return value > 0 && value <= INT64_MAX;
}

bool search_place_read(struct str word, struct search_place *place) {
    struct str one;
    *place = (struct search_place){.count = 0};
    while (word.len && str_split_next(&word, '.', &one))
        if (place->count == limit_loops || !hex_number(one, &place->before[place->count++])) return false;
    return place->count > 0;
}

/* -- what is searched for -- */

/* *known: there is such a name, or it does not matter. */
static bool wanted_find(struct search *search, enum search_name name, bool *known) {
    bool is_word = name == search_asked || name == search_session;
    struct str text = str_from(search->question->names[name]);
    if (!text.len) return true;
    struct statement *find =
        statement_make(ledger_database(search->ledger),
                       is_word ? "SELECT id FROM words WHERE word = ?1" : "SELECT id FROM names WHERE name = ?1");
    if (!find) return false;
    param_text(find, 1, text);
    enum database_step step = statement_step(find);
    if (step == database_row) search->wanted[name] = row_number(find, 0);
    if (step == database_done) *known = false;
    statement_end(find);
    return step != database_failed;
}

static bool search_wants(const struct search *search, const struct search_row *row) {
    const struct search_question *question = search->question;
    for (int i = 0; i < search_names; i++)
        if (search->wanted[i] && search->wanted[i] != row->names[i]) return false;
    if (question->failed && (row->numbers[search_row_flags] & (record_succeeded | record_cancelled))) return false;
    return row->numbers[search_row_time_ms] >= question->since_ms &&
           (!question->until_ms || row->numbers[search_row_time_ms] < question->until_ms) &&
           row->numbers[search_row_status] >= question->status_least &&
           row->numbers[search_row_status] <= question->status_most &&
           (!question->cost_nano_usd || row->numbers[search_row_cost_nano_usd] >= question->cost_nano_usd);
}

/* -- lanes: the attempts of one worker of one process -- */

static bool lane_fill(struct search *search, struct search_lane *lane) {
    struct statement *look = statement_make(ledger_database(search->ledger), search_rows_sql);
    enum database_step step = database_failed;
    lane->count = lane->at = 0;
    if (look) param_numbers(look, 1, (const int64_t[]){lane->before, lane->first, lane_rows}, 3);
    while (look && (step = statement_step(look)) == database_row && lane->count < lane_rows)
        search_row_read(look, &lane->rows[lane->count++]);
    statement_end(look);
    lane->ended = lane->count == 0;
    return step != database_failed;
}

static int64_t lane_first_of(int64_t id) { return ledger_attempt_last(id) ^ (ledger_attempt_last(0)); }

static bool lane_add(struct search *search, int64_t before) {
    struct search_lane *lane = memory_take(sizeof *lane);
    if (!lane) return false;
    *lane = (struct search_lane){.first = lane_first_of(before - 1), .before = before};
    search->lanes[search->lane_count++] = lane;
    return lane_fill(search, lane);
}

static void lanes_drop(struct search *search) {
    for (size_t i = 0; i < search->lane_count; i++) memory_give(search->lanes[i]);
    search->lane_count = 0;
}

/* The last number below that; *id 0: none. */
static bool attempt_before(struct ledger *ledger, int64_t before, int64_t *id) {
    struct statement *look = statement_make(ledger_database(ledger), "SELECT max(id) FROM attempts WHERE id < ?1");
    if (!look) return false;
    param_number(look, 1, before);
    enum database_step step = statement_step(look);
    *id = step == database_row ? row_number(look, 0) : 0;
    statement_end(look);
    return step != database_failed;
}

/* The workers of the newest process that has a number below that. None: nothing is left. */
static bool lanes_of_process(struct search *search, int64_t before) {
    int64_t id, process = -1;
    while (search->lane_count < limit_loops) {
        if (!attempt_before(search->ledger, before, &id)) return false;
        if (id <= 0 || (process >= 0 && ledger_attempt_process(id) != process)) return true;
        process = ledger_attempt_process(id);
        if (!lane_add(search, id + 1)) return false;
        before = lane_first_of(id);
    }
    return true;
}

static bool lanes_begin(struct search *search) {
    const struct search_place *from = &search->question->from;
    if (!from->count) return lanes_of_process(search, INT64_MAX);
    if (from->count == 1 && ledger_attempt_first(from->before[0]) == from->before[0])
        return lanes_of_process(search, from->before[0]);
    for (size_t i = 0; i < from->count; i++)
        if (!lane_add(search, from->before[i])) return false;
    return true;
}

/* Of the rows that the lanes stand at, the one that began last. NULL: none is left. */
static struct search_lane *lane_newest(struct search *search) {
    struct search_lane *newest = NULL;
    for (size_t i = 0; i < search->lane_count; i++) {
        struct search_lane *lane = search->lanes[i];
        if (lane->ended) continue;
        if (!newest ||
            lane->rows[lane->at].numbers[search_row_time_ms] > newest->rows[newest->at].numbers[search_row_time_ms])
            newest = lane;
    }
    return newest;
}

/* An attempt that began long before what is asked for: those of its worker that are left began before it, but for some
 * that lasted longer. */
static const int64_t lane_slack_ms = 3600 * 1000;

static bool lane_step(struct search *search, struct search_lane *lane) {
    const struct search_row *row = &lane->rows[lane->at];
    lane->before = row->id;
    if (row->numbers[search_row_time_ms] < search->question->since_ms - lane_slack_ms) {
        search->too_old = lane->ended = true;
        return true;
    }
    return ++lane->at < lane->count || lane_fill(search, lane);
}

/* -- the answer -- */

static bool search_is_full(const struct search *search) {
    return search->told == search->question->rows_most || search->looked == search_looked_max;
}

static bool search_process(struct search *search, struct text *text) {
    struct search_lane *lane;
    while (!search_is_full(search) && (lane = lane_newest(search)) != NULL) {
        const struct search_row row = lane->rows[lane->at];
        search->looked++;
        if (search_wants(search, &row)) {
            if (!search_row_tell(search->ledger, row.id, search->question->csv, text)) return false;
            search->told++;
        }
        if (!lane_step(search, lane)) return false;
    }
    return true;
}

static bool search_all(struct search *search, struct text *text, struct search_place *next) {
    bool good = lanes_begin(search);
    while (good && search->lane_count) {
        good = search_process(search, text);
        if (!good || search_is_full(search)) break;
        /* Where one worker's attempts are too old, so are those of the processes before it. */
        int64_t before = ledger_attempt_first(search->lanes[0]->first);
        lanes_drop(search);
        if (search->too_old) break;
        good = lanes_of_process(search, before);
    }
    next->count = 0;
    for (size_t i = 0; i < search->lane_count; i++)
        if (!search->lanes[i]->ended) next->before[next->count++] = search->lanes[i]->before;
    if (!next->count && search->lane_count && !search->too_old) /* it goes on with the process before this one */
        next->before[next->count++] = ledger_attempt_first(search->lanes[0]->first);
    lanes_drop(search);
    return good;
}

static bool search_by_id(struct search *search, struct text *text) {
    struct statement *look = statement_make(ledger_database(search->ledger), search_by_id_sql);
    enum database_step step = database_failed;
    int64_t ids[search_rows_max];
    size_t count = 0;
    if (!look) return false;
    param_text(look, 1, str_from(search->question->id));
    while ((step = statement_step(look)) == database_row && count < search_rows_max) ids[count++] = row_number(look, 0);
    statement_end(look);
    bool good = step != database_failed;
    for (size_t i = 0; i < count && good; i++)
        good = search_row_tell(search->ledger, ids[i], search->question->csv, text);
    search->looked = count;
    return good;
}

bool ledger_search(struct ledger *ledger, const struct search_question *question, struct text *text) {
    struct search search = {.ledger = ledger, .question = question};
    struct search_place next = {.count = 0};
    bool known = true, good = true;
    search_head_put(question->csv, text);
    if (question->id[0]) {
        good = search_by_id(&search, text);
    } else {
        for (int i = 0; i < search_names && good; i++) good = wanted_find(&search, (enum search_name)i, &known);
        if (good && known) good = search_all(&search, text, &next);
    }
    if (!question->csv) {
        text_put_byte(text, ']');
        text_json_i64(text, STR("looked"), (int64_t)search.looked);
    }
    if (!question->csv && next.count) {
        char word[search_place_bytes];
        struct text place = text_in_buffer(word, sizeof word);
        search_place_put(&next, &place);
        text_json_str(text, STR("next"), text_str(&place));
    }
    if (!question->csv) text_put_byte(text, '}');
    return good && !text->failed;
}
