/* alert.c - see alert.h. Invariant: at most one that lasts is of one kind, subject, share and window. */
#include "observe/alert.h"

#include <stdio.h>
#include <time.h>

#include "base/check.h"
#include "base/memory.h"

const struct alert_kind_facts *alert_kind_facts(enum alert_kind kind) {
    static const struct alert_kind_facts facts[alert_kinds] = {
#define X(name, level, window, means) [alert_##name] = {STR(#name), STR(window), STR(means), alert_##level},
        ALERT_TABLE(X)
#undef X
    };
    CHECKF((unsigned)kind < alert_kinds, "kind=%d", (int)kind);
    return &facts[kind];
}

struct str alert_unit(enum alert_kind kind) {
    static const struct str units[alert_kinds] = {
#define X(kind, unit, value, threshold) [alert_##kind] = STR(#unit),
        ALERT_VALUE_TABLE(X)
#undef X
    };
    return units[kind];
}

void alert_values_put(struct text *text) {
    static const struct {
        struct str kind, unit, value, threshold;
    } rows[] = {
#define X(kind, unit, value, threshold) {STR(#kind), STR(#unit), STR(value), STR(threshold)},
        ALERT_VALUE_TABLE(X)
#undef X
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        text_printf(text, "| `%.*s` | %.*s | %.*s | %.*s |\n", STR_ARG(rows[i].kind), STR_ARG(rows[i].unit),
                    STR_ARG(rows[i].value), STR_ARG(rows[i].threshold));
}

bool alert_kind_of(struct str name, enum alert_kind *kind) {
    for (size_t i = 0; i < alert_kinds; i++)
        if (str_eq(alert_kind_facts((enum alert_kind)i)->name, name)) return *kind = (enum alert_kind)i, true;
    return false;
}

bool alert_kind_fits(struct str pattern) {
    for (size_t i = 0; i < alert_kinds; i++)
        if (str_glob(pattern, alert_kind_facts((enum alert_kind)i)->name)) return true;
    return false;
}

void alert_kinds_put(struct text *text) {
    for (size_t i = 0; i < alert_kinds; i++) {
        const struct alert_kind_facts *facts = alert_kind_facts((enum alert_kind)i);
        text_printf(text, "| `%.*s` | %s | %.*s | %.*s |\n", STR_ARG(facts->name),
                    facts->level == alert_error ? "error" : "warn", STR_ARG(facts->means),
                    STR_ARG(facts->window.len ? facts->window : STR("while it lasts")));
    }
}

bool alert_board_init(struct alert_board *board) {
    *board = (struct alert_board){.list = memory_take_zeroed(alerts_max * sizeof *board->list)};
    return board->list != NULL;
}

void alert_board_free(struct alert_board *board) {
    memory_give(board->list);
    *board = (struct alert_board){.count = 0};
}

static uint64_t alert_hash(enum alert_kind kind, uint32_t permille, int64_t window_s, struct str subject) {
    uint64_t hash = str_hash(subject);
    hash = hash * 31 + (uint64_t)kind;
    hash = hash * 1009 + permille;
    return hash * 0x9e3779b97f4a7c15ull + (uint64_t)window_s;
}

static uint64_t alert_hash_of(const struct alert *alert) {
    return alert_hash(alert->kind, alert->permille, alert->window_s, str_from(alert->subject));
}

/* May a give its place before b? What no webhook has had yet goes last. */
static bool alert_goes_first(const struct alert *a, const struct alert *b) {
    if (!a->undelivered != !b->undelivered) return !a->undelivered;
    return a->ended_ms < b->ended_ms;
}

/* A new place: one that was free, or the one that ended first. NULL: all of them last. */
static struct alert *alert_place(struct alert_board *board) {
    struct alert *oldest = NULL;
    if (board->count < alerts_max) return &board->list[board->count++];
    for (size_t i = 0; i < board->count; i++) {
        struct alert *alert = &board->list[i];
        if (alert->ended_ms && alert->stored && (!oldest || alert_goes_first(alert, oldest))) oldest = alert;
    }
    return oldest;
}

void alert_board_restore(struct alert_board *board, const struct alert *stored) {
    struct alert *alert = alert_place(board);
    if (stored->id > board->last_id) board->last_id = stored->id;
    if (!alert) return;
    *alert = *stored;
    alert->hash = alert_hash_of(alert);
    alert->seen = 0;
    alert->stored = true;
}

void alert_board_look(struct alert_board *board) { board->look++; }

static int64_t micro_of(double value) {
    const double most = 9e12; /* in its unit */
    return (int64_t)((value > most ? most : value < -most ? -most : value) * 1e6);
}

const struct alert *alert_board_lasting(const struct alert_board *board, enum alert_kind kind, struct str subject) {
    uint64_t hash = alert_hash(kind, 0, 0, str_slice(subject, 0, alert_subject_max - 1));
    for (size_t i = 0; i < board->count; i++)
        if (board->list[i].hash == hash && !board->list[i].ended_ms &&
            str_eq(str_from(board->list[i].subject), str_slice(subject, 0, alert_subject_max - 1)))
            return &board->list[i];
    return NULL;
}

static bool is_of_clients(enum alert_kind kind) {
    return kind == alert_budget || kind == alert_values_crowded || kind == alert_budget_burn ||
           kind == alert_prompt_cache_fell;
}

static bool clients_have_room(const struct alert_board *board) {
    size_t last = 0;
    for (size_t i = 0; i < board->count; i++) last += !board->list[i].ended_ms && is_of_clients(board->list[i].kind);
    return last < alerts_of_clients_max;
}

struct alert *alert_board_see(struct alert_board *board, const struct alert_fact *fact, int64_t now_ms) {
    struct str subject = str_slice(fact->subject, 0, alert_subject_max - 1);
    uint64_t hash = alert_hash(fact->kind, fact->permille, fact->window_s, subject);
    for (size_t i = 0; i < board->count; i++) {
        struct alert *alert = &board->list[i];
        if (alert->hash != hash || !str_eq(str_from(alert->subject), subject)) continue;
        if (alert->ended_ms && !alert->window_s) continue; /* it comes again */
        alert->seen = board->look;
        alert->value_micro = micro_of(fact->value);
        return NULL;
    }
    struct alert *alert = is_of_clients(fact->kind) && !clients_have_room(board) ? NULL : alert_place(board);
    if (!alert) {
        board->dropped++;
        return NULL;
    }
    *alert = (struct alert){.id = ++board->last_id,
                            .kind = fact->kind,
                            .permille = fact->permille,
                            .window_s = fact->window_s,
                            .value_micro = micro_of(fact->value),
                            .threshold_micro = micro_of(fact->threshold),
                            .raised_ms = now_ms > 0 ? now_ms : 1,
                            .hash = hash,
                            .seen = board->look,
                            .owed = alert_owed_all,
                            .undelivered = alert_owed_all};
    str_copy(alert->subject, sizeof alert->subject, subject);
    str_copy(alert->said, sizeof alert->said, fact->said);
    return alert;
}

struct alert *alert_board_end(struct alert_board *board, int64_t now_ms) {
    for (size_t i = 0; i < board->count; i++) {
        struct alert *alert = &board->list[i];
        if (alert->ended_ms || alert->seen == board->look) continue;
        alert->ended_ms = now_ms > 0 ? now_ms : 1;
        alert->stored = alert->told = false;
        alert->owed |= alert_owed_all << alert_owed_ended;
        alert->undelivered |= alert_owed_all << alert_owed_ended;
        return alert;
    }
    return NULL;
}

size_t alert_board_active(const struct alert_board *board, enum alert_kind kind) {
    size_t count = 0;
    for (size_t i = 0; i < board->count; i++) count += board->list[i].kind == kind && !board->list[i].ended_ms;
    return count;
}

void alert_moment_put(struct text *text, int64_t moment_s) {
    char buffer[32] = "";
    struct tm parts;
    time_t at = (time_t)moment_s;
    if (gmtime_r(&at, &parts)) strftime(buffer, sizeof buffer, "%Y-%m-%dT%H:%M:%SZ", &parts);
    text_put(text, str_from(buffer));
}

static void alert_moment(struct text *text, struct str name, int64_t moment_s) {
    char buffer[32];
    struct text moment = text_in_buffer(buffer, sizeof buffer);
    alert_moment_put(&moment, moment_s);
    text_json_str(text, name, text_str(&moment));
}

void alert_micro_put(struct text *text, int64_t micro) {
    char digits[48];
    int64_t size = micro < 0 ? -micro : micro;
    int len = snprintf(digits, sizeof digits, "%s%lld.%06lld", micro < 0 ? "-" : "", (long long)(size / 1000000),
                       (long long)(size % 1000000));
    while (len > 2 && digits[len - 1] == '0' && digits[len - 2] != '.') len--;
    text_put(text, str_make(digits, (size_t)len));
}

static void alert_number(struct text *text, struct str name, int64_t micro) {
    text_json_key(text, name);
    alert_micro_put(text, micro);
}

void alert_put(const struct alert *alert, struct text *text) {
    const struct alert_kind_facts *facts = alert_kind_facts(alert->kind);
    text_json_u64(text, STR("id"), alert->id);
    text_json_str(text, STR("kind"), facts->name);
    text_json_str(text, STR("level"), facts->level == alert_error ? STR("error") : STR("warn"));
    text_json_str(text, STR("subject"), str_from(alert->subject));
    if (alert->permille) {
        text_json_key(text, STR("share"));
        text_printf(text, "%u.%03u", alert->permille / 1000, alert->permille % 1000);
    }
    if (alert_unit(alert->kind).len) {
        alert_number(text, STR("value"), alert->value_micro);
        alert_number(text, STR("threshold"), alert->threshold_micro);
        text_json_str(text, STR("unit"), alert_unit(alert->kind));
    }
    text_json_str(text, STR("message"), str_from(alert->said));
    if (alert->window_s) alert_moment(text, STR("window_started_at"), alert->window_s);
    alert_moment(text, STR("raised_at"), alert->raised_ms / 1000);
    if (alert->ended_ms) alert_moment(text, STR("ended_at"), alert->ended_ms / 1000);
    text_json_bool(text, STR("active"), !alert->ended_ms);
}
