/* ledger_sums.c - see ledger_sums.h. An attempt is added to its hour, and to its session's; what a day and a model have
 * is made of the hours when they are written. */
#include "store/ledger_sums.h"

#include <string.h>

#include "base/check.h"
#include "base/meter.h"
#include "base/memory.h"
#include "store/ledger_pieces.h"

enum { groups_max = 512, group_places = 4 * groups_max, models_max = 16 };

/* What one hour, day or session of an hour, provider, model, ... have gathered since the last transaction. */
struct usage_group {
    struct usage_group_key {
        int64_t grain, at, names[usage_names];
    } key;
    int64_t sums[usage_sums];
    struct histogram durations, first_tokens;
};

struct ledger_sums {
    struct statement *add;
    struct usage_group *groups;      /* of hours and sessions */
    struct usage_group *last;        /* the hour's that the last attempt was in; NULL: none */
    struct usage_group *any;         /* the same of any session's */
    size_t group_count, model_count; /* of models only while they are written */
    uint16_t group_at[group_places]; /* by the hash of its key: its place in `groups`, + 1 */
    struct usage_group *models;
};

/* -- opening -- */

static const char *const usage_sum_columns[usage_sums] = {
#define X(name) #name,
    USAGE_SUMS(X)
#undef X
};

static struct statement *sums_prepare(struct database *database) {
    const char *const *names = usage_sum_columns;
    char sql[4096];
    struct text text = TEXT_IN_STRING(sql);
    text_put(&text, STR("INSERT INTO usage(durations, first_tokens, grain, at"));
    for (size_t i = 0; i < usage_names; i++) text_printf(&text, ", %s", usage_name_columns[i]);
    for (size_t i = 0; i < usage_sums; i++) text_printf(&text, ", %s", names[i]);
    text_put(&text, STR(") VALUES(?1, ?2, ?3, ?4"));
    for (int i = 0; i < usage_names + usage_sums; i++) text_printf(&text, ", ?%d", i + 5);
    text_put(&text, STR(") ON CONFLICT(grain, at"));
    for (size_t i = 0; i < usage_names; i++) text_printf(&text, ", %s", usage_name_columns[i]);
    text_put(&text, STR(") DO UPDATE SET durations = durations_both(usage.durations, excluded.durations), "
                        "first_tokens = durations_both(usage.first_tokens, excluded.first_tokens)"));
    for (size_t i = 0; i < usage_sums; i++)
        text_printf(&text, ", %s = numbers_both(usage.%s, excluded.%s)", names[i], names[i], names[i]);
    CHECK(!text.failed);
    sql[text.len] = 0;
    return statement_keep(database, sql);
}

struct ledger_sums *ledger_sums_open(struct database *database) {
    struct ledger_sums *sums = memory_take_zeroed(sizeof *sums);
    if (!sums) return NULL;
    sums->add = sums_prepare(database);
    sums->groups = memory_take_zeroed(groups_max * sizeof *sums->groups);
    sums->models = memory_take_zeroed(models_max * sizeof *sums->models);
    if (sums->add && sums->groups && sums->models) return sums;
    ledger_sums_close(sums);
    return NULL;
}

void ledger_sums_close(struct ledger_sums *sums) {
    if (!sums) return;
    statement_end(sums->add);
    memory_give(sums->groups);
    memory_give(sums->models);
    memory_give(sums);
}

bool ledger_sums_are_empty(const struct ledger_sums *sums) { return sums->group_count == 0; }

void ledger_sums_clear(struct ledger_sums *sums) {
    sums->group_count = sums->model_count = 0;
    sums->last = sums->any = NULL;
    memset(sums->group_at, 0, sizeof sums->group_at);
}

/* -- writing -- */

static bool group_write(struct statement *add, const struct usage_group *group, const struct usage_group_key *key,
                        struct str durations, struct str first_tokens) {
    int at = 1;
    param_bytes(add, at++, durations.at, durations.len);
    param_bytes(add, at++, first_tokens.at, first_tokens.len);
    param_number(add, at++, key->grain);
    param_number(add, at++, key->at);
    param_numbers(add, at, key->names, usage_names);
    param_numbers(add, at + usage_names, group->sums, usage_sums);
    return statement_send(add, NULL);
}

/* An hour is written as its day, too. */
static bool group_write_all(const struct ledger_sums *sums, const struct usage_group *group) {
    unsigned char durations[durations_bytes_max], first_tokens[durations_bytes_max];
    const struct str all = str_make((const char *)durations, durations_put(&group->durations, durations)),
                     first = str_make((const char *)first_tokens, durations_put(&group->first_tokens, first_tokens));
    struct usage_group_key day = group->key;
    day.grain = usage_of_days;
    day.at = group->key.at / 24;
    return group_write(sums->add, group, &group->key, all, first) &&
           (group->key.grain != usage_of_hours || group_write(sums->add, group, &day, all, first));
}

static bool models_write(struct ledger_sums *sums) {
    bool good = true;
    for (size_t i = 0; i < sums->model_count && good; i++) good = group_write_all(sums, &sums->models[i]);
    sums->model_count = 0;
    return good;
}

/* NULL: there was no place, and making one failed. */
static struct usage_group *model_of(struct ledger_sums *sums, const struct usage_group_key *hour) {
    struct usage_group_key key = {.grain = usage_of_models, .at = hour->at};
    key.names[usage_name_provider] = hour->names[usage_name_provider];
    key.names[usage_name_model] = hour->names[usage_name_model];
    for (size_t i = 0; i < sums->model_count; i++)
        if (memcmp(&sums->models[i].key, &key, sizeof key) == 0) return &sums->models[i];
    if (sums->model_count == models_max && !models_write(sums)) return NULL;
    struct usage_group *model = &sums->models[sums->model_count++];
    memset(model, 0, sizeof *model);
    model->key = key;
    return model;
}

static bool model_add(struct ledger_sums *sums, const struct usage_group *group) {
    if (group->key.grain != usage_of_hours) return true;
    struct usage_group *model = model_of(sums, &group->key);
    if (!model) return false;
    for (size_t i = 0; i < usage_sums; i++) model->sums[i] = ledger_sum(model->sums[i], group->sums[i]);
    histogram_merge(&model->durations, &group->durations);
    histogram_merge(&model->first_tokens, &group->first_tokens);
    return true;
}

bool ledger_sums_write(struct ledger_sums *sums) {
    bool good = true;
    for (size_t i = 0; i < sums->group_count && good; i++)
        good = group_write_all(sums, &sums->groups[i]) && model_add(sums, &sums->groups[i]);
    good = good && models_write(sums);
    ledger_sums_clear(sums);
    return good;
}

/* -- what earlier versions did not write -- */

static struct statement *fill_prepare(struct database *database) {
    char sql[2048];
    struct text text = TEXT_IN_STRING(sql);
    text_put(&text, STR("SELECT durations, first_tokens"));
    for (size_t i = 0; i < usage_sums; i++) text_printf(&text, ", %s", usage_sum_columns[i]);
    text_put(&text, STR(" FROM usage WHERE grain = ?1 AND at = ?2"));
    CHECK(!text.failed);
    sql[text.len] = 0;
    return statement_make(database, sql);
}

static bool fill_hour_read(struct database *database, struct usage_group *group) {
    const int64_t numbers[] = {usage_of_sessions, group->key.at};
    enum database_step step = database_failed;
    struct statement *rows = fill_prepare(database);
    if (rows) param_numbers(rows, 1, numbers, 2);
    while (rows && (step = statement_step(rows)) == database_row) {
        const struct str durations = row_bytes(rows, 0), first_tokens = row_bytes(rows, 1);
        durations_add(&group->durations, durations.at, durations.len);
        durations_add(&group->first_tokens, first_tokens.at, first_tokens.len);
        for (int i = 0; i < usage_sums; i++) group->sums[i] = ledger_sum(group->sums[i], row_number(rows, 2 + i));
    }
    statement_end(rows);
    return step == database_done;
}

bool ledger_sums_fill(struct database *database) {
    struct ledger_sums *sums = ledger_sums_open(database);
    int64_t at = INT64_MIN;
    bool good = sums != NULL, found = good;
    while (good && found) {
        good = pieces_next_at(database, usage_of_sessions, &at, &found);
        if (!good || !found) break;
        struct usage_group *group = &sums->groups[0];
        memset(group, 0, sizeof *group);
        group->key = (struct usage_group_key){.grain = usage_of_any_session, .at = at};
        good = fill_hour_read(database, group) && group_write_all(sums, group) && database_settle(database);
    }
    ledger_sums_close(sums);
    return good;
}

/* -- gathering -- */

static struct usage_group *usage_group_of(struct ledger_sums *sums, const struct usage_group_key *key) {
    uint64_t hash = str_hash(str_make((const char *)key, sizeof *key));
    if (sums->group_count == groups_max && !ledger_sums_write(sums)) return NULL;
    for (size_t place = hash % group_places;; place = (place + 1) % group_places) {
        uint16_t *at = &sums->group_at[place];
        struct usage_group *group = &sums->groups[*at ? *at - 1 : (int)sums->group_count];
        if (*at && memcmp(&group->key, key, sizeof *key) == 0) return group;
        if (*at) continue;
        *at = (uint16_t)++sums->group_count;
        memset(group, 0, sizeof *group);
        group->key = *key;
        return group;
    }
}

static int64_t sums_count(int64_t number) { return number > 0 ? number : 0; }

/* By what the rest of its input cost: 0 where all of it was cached. */
static int64_t cache_saved(const int64_t sums[usage_sums]) {
    int64_t cached = sums[usage_cached_tokens],
            plain = sums[usage_input_tokens] - cached - sums[usage_cache_write_tokens];
    if (cached <= 0 || plain <= 0) return 0;
    __int128 saved = (__int128)sums[usage_input_nano_usd] * cached / plain - sums[usage_cached_nano_usd];
    return saved < 0 ? 0 : saved > INT64_MAX ? INT64_MAX : (int64_t)saved;
}

/* A first use misses nothing that could have been there. */
static void usage_of_misses(const int64_t numbers[record_numbers], int64_t sums[usage_sums]) {
    static const int of[cache_misses] = {[cache_miss_lifetime_over] = usage_cache_missed_expired,
                                         [cache_miss_not_found] = usage_cache_missed_expired,
                                         [cache_miss_target_changed] = usage_cache_missed_moved,
                                         [cache_miss_model_changed] = usage_cache_missed_moved};
    const int64_t miss = numbers[record_cache_miss];
    if (miss <= cache_miss_first_use || miss >= cache_misses) return;
    sums[of[miss] ? of[miss] : usage_cache_missed_changed] = 1;
    sums[usage_cache_missed_tokens] = sums_count(numbers[record_cache_missed_tokens]);
}

/* What this attempt adds to each sum. */
static void usage_of(const int64_t numbers[record_numbers], int64_t sums[usage_sums]) {
    const int64_t flags = numbers[record_flags];
    memset(sums, 0, usage_sums * sizeof *sums);
    sums[usage_requests] = numbers[record_attempt] == 0;
    sums[usage_attempts] = 1;
    sums[usage_cancelled] = (flags & record_cancelled) != 0;
    sums[usage_errors] = !(flags & (record_succeeded | record_cancelled));
    sums[usage_estimated] = (flags & record_estimated) != 0;
    sums[usage_lost] = (flags & record_lost) != 0;
    sums[usage_unpriced] =
        numbers[record_cost_nano_usd] < 0 && (numbers[record_input_tokens] > 0 || numbers[record_output_tokens] > 0);
    sums[usage_input_tokens] = sums_count(numbers[record_input_tokens]);
    sums[usage_output_tokens] = sums_count(numbers[record_output_tokens]);
    sums[usage_cached_tokens] = sums_count(numbers[record_cached_tokens]);
    sums[usage_cache_write_tokens] = sums_count(numbers[record_cache_write_tokens]);
    sums[usage_reasoning_tokens] = sums_count(numbers[record_reasoning_tokens]);
    sums[usage_cost_nano_usd] = sums_count(numbers[record_cost_nano_usd]);
    sums[usage_input_nano_usd] = sums_count(numbers[record_input_nano_usd]);
    sums[usage_output_nano_usd] = sums_count(numbers[record_output_nano_usd]);
    sums[usage_cached_nano_usd] = sums_count(numbers[record_cached_nano_usd]);
    sums[usage_cache_write_nano_usd] = sums_count(numbers[record_cache_write_nano_usd]);
    sums[usage_tools_nano_usd] = sums_count(numbers[record_tools_nano_usd]);
    sums[usage_fees_nano_usd] = sums_count(numbers[record_fees_nano_usd]);
    sums[usage_provider_nano_usd] = sums_count(numbers[record_provider_nano_usd]);
    sums[usage_cache_saved_nano_usd] = cache_saved(sums);
    usage_of_misses(numbers, sums);
    sums[usage_duration_us] = sums_count(numbers[record_duration_us]);
}

static void group_count(struct usage_group *group, const int64_t sums[usage_sums]) {
    for (size_t i = 0; i < usage_sums; i++) group->sums[i] = ledger_sum(group->sums[i], sums[i]);
}

static void group_add(struct usage_group *group, const int64_t numbers[record_numbers],
                      const int64_t sums[usage_sums]) {
    group_count(group, sums);
    if (numbers[record_duration_us] > 0) histogram_add(&group->durations, (uint64_t)numbers[record_duration_us]);
    if (numbers[record_first_token_us] > 0)
        histogram_add(&group->first_tokens, (uint64_t)numbers[record_first_token_us]);
}

/* The hour's own; NULL: as above. */
static struct usage_group *sums_hour_of(struct ledger_sums *sums, int64_t time_ms, const int64_t names[usage_names]) {
    struct usage_group_key key = {.grain = usage_of_hours, .at = sums_count(time_ms) / 3600000};
    memcpy(key.names, names, sizeof key.names);
    key.names[usage_name_session] = 0;
    if (!sums->last || memcmp(&sums->last->key, &key, sizeof key) != 0) sums->last = usage_group_of(sums, &key);
    return sums->last;
}

/* Its own hour's, and that of any session. */
static bool sums_session_note(struct ledger_sums *sums, const int64_t numbers[record_numbers],
                              const int64_t names[usage_names], const int64_t added[usage_sums]) {
    const int64_t hour = sums_count(numbers[record_time_ms]) / 3600000;
    struct usage_group_key key = {.grain = usage_of_sessions, .at = hour};
    memcpy(key.names, names, sizeof key.names);
    struct usage_group *session = usage_group_of(sums, &key);
    if (!session) return false;
    group_add(session, numbers, added);
    if (!sums->any || sums->any->key.at != hour)
        sums->any = usage_group_of(sums, &(struct usage_group_key){.grain = usage_of_any_session, .at = hour});
    if (sums->any) group_add(sums->any, numbers, added);
    return sums->any != NULL;
}

bool ledger_sums_note(struct ledger_sums *sums, const int64_t numbers[record_numbers],
                      const int64_t names[usage_names]) {
    int64_t added[usage_sums];
    usage_of(numbers, added);
    if (names[usage_name_session] && !sums_session_note(sums, numbers, names, added)) return false;
    struct usage_group *hour = sums_hour_of(sums, numbers[record_time_ms], names);
    if (hour) group_add(hour, numbers, added);
    return hour != NULL;
}

bool ledger_sums_give(struct ledger_sums *sums, int64_t time_ms, const int64_t given[record_givens],
                      const int64_t names[usage_names]) {
    int64_t added[usage_sums] = {0};
#define X(name) added[usage_##name] = given[record_given_##name];
    RECORD_GIVEN(X)
#undef X
    struct usage_group *hour = sums_hour_of(sums, time_ms, names);
    if (hour) group_count(hour, added);
    return hour != NULL;
}
