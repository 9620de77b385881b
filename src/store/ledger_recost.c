/* ledger_recost.c - what differs is kept, by attempt and by group of sums, so that a question adds both up without
 * looking at attempts. A group's row is changed by what an attempt's change adds to it, so that to price it again, by
 * the same prices or by others, ends at the same sums. */
#include "store/ledger_recost.h"

#include "base/check.h"
#include "store/ledger_internal.h"

enum { ms_per_hour = 3600 * 1000, recost_keys = 2 + usage_names };

struct recosting {
    struct database *database;
    struct statement *find, *drop, *keep, *price_add, *group;
};

static bool recosting_begin(struct ledger *ledger, struct recosting *recosting) {
    const struct {
        const char *sql;
        struct statement **statement;
    } statements[] = {
        {"SELECT time_ms, cost_nano_usd, input_tokens, output_tokens, recosted.nano_usd, provider, model, client, "
         "route, owner, rule, asked, tags, session FROM attempts LEFT JOIN recosted ON recosted.attempt = attempts.id "
         "WHERE id = ?1",
         &recosting->find},
        {"DELETE FROM recosted WHERE attempt = ?1", &recosting->drop},
        {"INSERT INTO recosted VALUES(?1, ?2, (SELECT id FROM prices WHERE price = ?3)) ON CONFLICT(attempt) DO UPDATE "
         "SET nano_usd = excluded.nano_usd, price = excluded.price",
         &recosting->keep},
        {"INSERT INTO prices(price) VALUES(?1) ON CONFLICT(price) DO NOTHING", &recosting->price_add},
        {"INSERT INTO recosted_usage VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14) "
         "ON CONFLICT(grain, at, provider, model, client, route, owner, rule, asked, tags, session) DO UPDATE SET "
         "recosted_attempts = recosted_usage.recosted_attempts + excluded.recosted_attempts, "
         "recosted_priced = recosted_usage.recosted_priced + excluded.recosted_priced, "
         "recosted_nano_usd = numbers_both(recosted_usage.recosted_nano_usd, excluded.recosted_nano_usd)",
         &recosting->group},
    };
    *recosting = (struct recosting){.database = ledger_database(ledger)};
    bool good = true;
    for (size_t i = 0; i < sizeof statements / sizeof *statements && good; i++)
        good = (*statements[i].statement = statement_make(recosting->database, statements[i].sql)) != NULL;
    return good;
}

static void recosting_end(struct recosting *recosting) {
    statement_end(recosting->find);
    statement_end(recosting->drop);
    statement_end(recosting->keep);
    statement_end(recosting->price_add);
    statement_end(recosting->group);
}

/* What one attempt has of another cost: in these, of its group. */
struct recost_change {
    int64_t attempts, priced, nano_usd;
};

static bool recost_group_add(struct recosting *recosting, enum usage_grain grain, int64_t at,
                             const int64_t names[usage_names], const struct recost_change *change) {
    const int64_t numbers[] = {change->attempts, change->priced, change->nano_usd};
    param_number(recosting->group, 1, grain);
    param_number(recosting->group, 2, at);
    param_numbers(recosting->group, 3, names, usage_names);
    param_numbers(recosting->group, 3 + usage_names, numbers, sizeof numbers / sizeof *numbers);
    return statement_run(recosting->group);
}

/* In the same groups in which the attempt itself was added up. */
static bool recost_groups_add(struct recosting *recosting, int64_t time_ms, int64_t names[usage_names],
                              const struct recost_change *change) {
    const int64_t hour = (time_ms > 0 ? time_ms : 0) / ms_per_hour;
    const int64_t of_model[usage_names] = {
        [usage_name_provider] = names[usage_name_provider], [usage_name_model] = names[usage_name_model]};
    const int64_t of_any[usage_names] = {0};
    if (names[usage_name_session] && (!recost_group_add(recosting, usage_of_sessions, hour, names, change) ||
                                      !recost_group_add(recosting, usage_of_any_session, hour, of_any, change)))
        return false;
    names[usage_name_session] = 0;
    return recost_group_add(recosting, usage_of_hours, hour, names, change) &&
           recost_group_add(recosting, usage_of_days, hour / 24, names, change) &&
           recost_group_add(recosting, usage_of_models, hour, of_model, change);
}

static bool recost_keep(struct recosting *recosting, const struct recosted *row, bool same) {
    const struct str price = str_slice(row->price, 0, recosted_price_most);
    if (same) {
        param_number(recosting->drop, 1, row->attempt);
        return statement_run(recosting->drop);
    }
    param_text(recosting->price_add, 1, price);
    param_number(recosting->keep, 1, row->attempt);
    param_number(recosting->keep, 2, row->nano_usd);
    param_text(recosting->keep, 3, price);
    return statement_run(recosting->price_add) && statement_run(recosting->keep);
}

static bool recost_one(struct recosting *recosting, const struct recosted *row, size_t *changed) {
    enum { column_time, column_cost, column_input, column_output, column_kept, column_names };
    struct statement *find = recosting->find;
    int64_t names[usage_names];
    param_number(find, 1, row->attempt);
    enum database_step step = statement_step(find);
    if (step != database_row) {
        statement_reset(find);
        return step == database_done;
    }
    const bool known = row_kind(find, column_cost) != database_null,
               kept = row_kind(find, column_kept) != database_null,
               counted = row_number(find, column_input) > 0 || row_number(find, column_output) > 0;
    const int64_t time_ms = row_number(find, column_time), cost = known ? row_number(find, column_cost) : 0,
                  before = kept ? row_number(find, column_kept) : cost;
    for (int i = 0; i < usage_names; i++) names[i] = row_number(find, column_names + i);
    statement_reset(find);
    const bool same = known && row->nano_usd == cost;
    const struct recost_change change = {
        .attempts = !same - kept, .priced = !known && counted ? !same - kept : 0, .nano_usd = row->nano_usd - before};
    if (!change.attempts && !change.nano_usd) return true;
    *changed += 1;
    return recost_keep(recosting, row, same) && recost_groups_add(recosting, time_ms, names, &change);
}

bool ledger_recost(struct ledger *ledger, const struct recosted *rows, size_t count, size_t *changed) {
    struct recosting recosting;
    CHECKF(count <= recosted_rows_max, "rows=%zu", count);
    *changed = 0;
    bool good = recosting_begin(ledger, &recosting) && database_begin(recosting.database);
    for (size_t i = 0; i < count && good; i++) good = recost_one(&recosting, &rows[i], changed);
    if (good) good = database_commit(recosting.database);
    if (!good) database_undo(recosting.database);
    recosting_end(&recosting);
    if (!good) *changed = 0;
    return good;
}
