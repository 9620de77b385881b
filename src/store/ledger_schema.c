/* ledger_schema.c - the ledger's tables, as the steps by which every earlier version's file becomes today's. A step
 * that has been released is never changed: what a version made is in tests/state. */
#include "store/ledger_internal.h"

/* From version n to n + 1 each, in one transaction. */
const char *const ledger_migrations[] = {
    "CREATE TABLE schema_versions(version INTEGER PRIMARY KEY, migrated_s INTEGER NOT NULL);"
    "CREATE TABLE names(id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);"
    "CREATE TABLE instances(id INTEGER PRIMARY KEY, instance INTEGER NOT NULL UNIQUE);"
    "CREATE TABLE attempts(id INTEGER PRIMARY KEY, "
    "time_ms INTEGER, attempt INTEGER, status INTEGER, flags INTEGER, duration_us INTEGER, first_token_us INTEGER, "
    "input_tokens INTEGER, output_tokens INTEGER, cached_tokens INTEGER, cache_write_tokens INTEGER, "
    "reasoning_tokens INTEGER, cost_nano_usd INTEGER, request_id TEXT, endpoint INTEGER, outcome INTEGER, "
    "provider INTEGER, model INTEGER, client INTEGER, route INTEGER);"
    "CREATE TABLE budgets(budget INTEGER NOT NULL, window_s INTEGER NOT NULL, nano_usd INTEGER NOT NULL, "
    "PRIMARY KEY(budget, window_s)) WITHOUT ROWID;"
    "CREATE TABLE usage(hour INTEGER NOT NULL, provider INTEGER NOT NULL, model INTEGER NOT NULL, "
    "client INTEGER NOT NULL, route INTEGER NOT NULL, requests INTEGER NOT NULL, attempts INTEGER NOT NULL, "
    "errors INTEGER NOT NULL, cancelled INTEGER NOT NULL, estimated INTEGER NOT NULL, lost INTEGER NOT NULL, "
    "unpriced INTEGER NOT NULL, input_tokens INTEGER NOT NULL, output_tokens INTEGER NOT NULL, "
    "cached_tokens INTEGER NOT NULL, cache_write_tokens INTEGER NOT NULL, reasoning_tokens INTEGER NOT NULL, "
    "cost_nano_usd INTEGER NOT NULL, duration_us INTEGER NOT NULL, durations BLOB NOT NULL, "
    "first_tokens BLOB NOT NULL, PRIMARY KEY(hour, provider, model, client, route)) WITHOUT ROWID;",
    /* audit.h says what stands there. */
    "CREATE TABLE audit(seq INTEGER PRIMARY KEY AUTOINCREMENT, time_ms INTEGER NOT NULL, action TEXT NOT NULL, "
    "outcome TEXT NOT NULL, actor BLOB, address BLOB, subject BLOB, detail BLOB, request_id TEXT NOT NULL, "
    "head BLOB NOT NULL);"
    "CREATE TABLE audit_words(hash BLOB PRIMARY KEY, salt BLOB NOT NULL, word TEXT NOT NULL UNIQUE) WITHOUT ROWID;",
    /* ledger_erase.h: which clients were purged, and up to when. */
    "CREATE TABLE erased(salt BLOB NOT NULL, hash BLOB NOT NULL, until_ms INTEGER NOT NULL, tombstone TEXT NOT NULL);",
    "CREATE TABLE alerts(id INTEGER PRIMARY KEY, kind TEXT NOT NULL, subject TEXT NOT NULL, said TEXT NOT NULL, "
    "permille INTEGER NOT NULL, window_s INTEGER NOT NULL, raised_ms INTEGER NOT NULL, ended_ms INTEGER, "
    "owed INTEGER NOT NULL);",
    "CREATE TABLE clients(number INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL, settings TEXT NOT NULL, "
    "of_file INTEGER NOT NULL, revoked INTEGER NOT NULL, id BLOB NOT NULL, digest BLOB, previous BLOB, "
    "previous_until_s INTEGER NOT NULL, made_s INTEGER NOT NULL, changed_s INTEGER NOT NULL, "
    "rotated_s INTEGER NOT NULL, UNIQUE(name, of_file));"
    "CREATE TABLE client_seal(seal BLOB NOT NULL);",
    "CREATE TABLE budget_extras(budget INTEGER NOT NULL, kind INTEGER NOT NULL, nano_usd INTEGER NOT NULL, "
    "until_s INTEGER NOT NULL, PRIMARY KEY(budget, kind)) WITHOUT ROWID;",
    /* Whose, by which rule and for what an attempt was, its cost by kind; sums by them, by the day and by session */
    "ALTER TABLE attempts ADD COLUMN input_nano_usd INTEGER; ALTER TABLE attempts ADD COLUMN output_nano_usd INTEGER;"
    "ALTER TABLE attempts ADD COLUMN cached_nano_usd INTEGER;"
    "ALTER TABLE attempts ADD COLUMN cache_write_nano_usd INTEGER;"
    "ALTER TABLE attempts ADD COLUMN tools_nano_usd INTEGER; ALTER TABLE attempts ADD COLUMN fees_nano_usd INTEGER;"
    "ALTER TABLE attempts ADD COLUMN provider_nano_usd INTEGER; ALTER TABLE attempts ADD COLUMN prompt_tokens INTEGER;"
    "ALTER TABLE attempts ADD COLUMN output_cap INTEGER; ALTER TABLE attempts ADD COLUMN generation INTEGER;"
    "ALTER TABLE attempts ADD COLUMN owner INTEGER; ALTER TABLE attempts ADD COLUMN rule INTEGER;"
    "ALTER TABLE attempts ADD COLUMN caller_id TEXT; ALTER TABLE attempts ADD COLUMN asked INTEGER;"
    "ALTER TABLE attempts ADD COLUMN session INTEGER; ALTER TABLE attempts ADD COLUMN tags INTEGER;"
    "CREATE INDEX attempts_request_id ON attempts(substr(request_id, 5, 8));"
    "CREATE INDEX attempts_caller_id ON attempts(caller_id) WHERE caller_id IS NOT NULL;"
    "CREATE TABLE words(id INTEGER PRIMARY KEY, word TEXT NOT NULL UNIQUE, told_s INTEGER NOT NULL, "
    "stays INTEGER NOT NULL);"
    "CREATE TABLE word_tags(tag BLOB PRIMARY KEY, word INTEGER NOT NULL, instance INTEGER NOT NULL) WITHOUT ROWID;"
    "CREATE INDEX word_tags_word ON word_tags(word);"
    "CREATE TABLE owner_parts(whole INTEGER NOT NULL, part INTEGER NOT NULL, PRIMARY KEY(whole, part)) WITHOUT ROWID;"
    "CREATE TABLE tag_parts(whole INTEGER NOT NULL, part INTEGER NOT NULL, PRIMARY KEY(whole, part)) WITHOUT ROWID;"
    "ALTER TABLE usage RENAME TO usage_1;"
    "CREATE TABLE usage(grain INTEGER NOT NULL, at INTEGER NOT NULL, provider INTEGER NOT NULL, "
    "model INTEGER NOT NULL, client INTEGER NOT NULL, route INTEGER NOT NULL, owner INTEGER NOT NULL, "
    "rule INTEGER NOT NULL, asked INTEGER NOT NULL, tags INTEGER NOT NULL, session INTEGER NOT NULL, "
    "requests INTEGER NOT NULL, attempts INTEGER NOT NULL, errors INTEGER NOT NULL, cancelled INTEGER NOT NULL, "
    "estimated INTEGER NOT NULL, lost INTEGER NOT NULL, unpriced INTEGER NOT NULL, input_tokens INTEGER NOT NULL, "
    "output_tokens INTEGER NOT NULL, cached_tokens INTEGER NOT NULL, cache_write_tokens INTEGER NOT NULL, "
    "reasoning_tokens INTEGER NOT NULL, cost_nano_usd INTEGER NOT NULL, input_nano_usd INTEGER NOT NULL, "
    "output_nano_usd INTEGER NOT NULL, cached_nano_usd INTEGER NOT NULL, cache_write_nano_usd INTEGER NOT NULL, "
    "tools_nano_usd INTEGER NOT NULL, fees_nano_usd INTEGER NOT NULL, provider_nano_usd INTEGER NOT NULL, "
    "cache_saved_nano_usd INTEGER NOT NULL, duration_us INTEGER NOT NULL, durations BLOB NOT NULL, "
    "first_tokens BLOB NOT NULL, "
    "PRIMARY KEY(grain, at, provider, model, client, route, owner, rule, asked, tags, session)) WITHOUT ROWID;"
    "INSERT INTO usage SELECT 0, hour, provider, model, client, route, 0, 0, 0, 0, 0, requests, attempts, errors, "
    "cancelled, estimated, lost, unpriced, input_tokens, output_tokens, cached_tokens, cache_write_tokens, "
    "reasoning_tokens, cost_nano_usd, 0, 0, 0, 0, 0, 0, 0, 0, duration_us, durations, first_tokens FROM usage_1;"
    "INSERT INTO usage SELECT 1, hour / 24, provider, model, client, route, 0, 0, 0, 0, 0, numbers_all(requests), "
    "numbers_all(attempts), numbers_all(errors), numbers_all(cancelled), numbers_all(estimated), numbers_all(lost), "
    "numbers_all(unpriced), numbers_all(input_tokens), numbers_all(output_tokens), numbers_all(cached_tokens), "
    "numbers_all(cache_write_tokens), numbers_all(reasoning_tokens), numbers_all(cost_nano_usd), 0, 0, 0, 0, 0, 0, 0, "
    "0, numbers_all(duration_us), durations_all(durations), durations_all(first_tokens) FROM usage_1 "
    "GROUP BY hour / 24, provider, model, client, route;"
    "INSERT INTO usage SELECT 3, hour, provider, model, 0, 0, 0, 0, 0, 0, 0, numbers_all(requests), "
    "numbers_all(attempts), numbers_all(errors), numbers_all(cancelled), numbers_all(estimated), numbers_all(lost), "
    "numbers_all(unpriced), numbers_all(input_tokens), numbers_all(output_tokens), numbers_all(cached_tokens), "
    "numbers_all(cache_write_tokens), numbers_all(reasoning_tokens), numbers_all(cost_nano_usd), 0, 0, 0, 0, 0, 0, 0, "
    "0, numbers_all(duration_us), durations_all(durations), durations_all(first_tokens) FROM usage_1 "
    "GROUP BY hour, provider, model;"
    "DROP TABLE usage_1;",
    /* entry_store.h: what was changed of the configuration's entries, in the order of the changes */
    "CREATE TABLE entries(number INTEGER PRIMARY KEY AUTOINCREMENT, kind TEXT NOT NULL, name TEXT NOT NULL, "
    "how TEXT NOT NULL, settings TEXT NOT NULL, changed_s INTEGER NOT NULL, UNIQUE(kind, name));",
    /* What else its price depends on (metered.h). */
    "ALTER TABLE attempts ADD COLUMN metered BLOB;",
    /* Priced anew (ledger_recost.h): attempts whose cost is another, and what that changes in the sums of each group.
     */
    "CREATE TABLE recosted(attempt INTEGER PRIMARY KEY, nano_usd INTEGER NOT NULL, price INTEGER NOT NULL);"
    "CREATE TABLE prices(id INTEGER PRIMARY KEY, price TEXT NOT NULL UNIQUE);"
    "CREATE TABLE recosted_usage(grain INTEGER NOT NULL, at INTEGER NOT NULL, provider INTEGER NOT NULL, "
    "model INTEGER NOT NULL, client INTEGER NOT NULL, route INTEGER NOT NULL, owner INTEGER NOT NULL, "
    "rule INTEGER NOT NULL, asked INTEGER NOT NULL, tags INTEGER NOT NULL, session INTEGER NOT NULL, "
    "recosted_attempts INTEGER NOT NULL, recosted_priced INTEGER NOT NULL, recosted_nano_usd INTEGER NOT NULL, "
    "PRIMARY KEY(grain, at, provider, model, client, route, owner, rule, asked, tags, session)) WITHOUT ROWID;",
    /* ledger_values.h: what each value of a split budget spent */
    "CREATE TABLE budget_values(budget INTEGER NOT NULL, value_1 INTEGER NOT NULL, value_2 INTEGER NOT NULL, "
    "window_s INTEGER NOT NULL, nano_usd INTEGER NOT NULL, PRIMARY KEY(budget, value_1, value_2, window_s)) "
    "WITHOUT ROWID;"
    "CREATE TABLE value_secret(part_1 INTEGER NOT NULL, part_2 INTEGER NOT NULL);",
    /* ledger_history.h: budgets that have been given what was spent before them */
    "CREATE TABLE budget_starts(budget INTEGER PRIMARY KEY);",
    /* ledger_health.h: probes, changes of health, breakers, states and locks. alerts say by how much */
    "CREATE TABLE health(id INTEGER PRIMARY KEY, time_ms INTEGER NOT NULL, event TEXT NOT NULL, subject TEXT NOT NULL, "
    "from_word TEXT NOT NULL, to_word TEXT NOT NULL, said TEXT NOT NULL, state TEXT NOT NULL, "
    "score_permille INTEGER NOT NULL, success_permille INTEGER NOT NULL, latency_us INTEGER NOT NULL, "
    "good INTEGER NOT NULL, status INTEGER NOT NULL, took_us INTEGER NOT NULL);"
    "ALTER TABLE alerts ADD COLUMN value_micro INTEGER; ALTER TABLE alerts ADD COLUMN threshold_micro INTEGER;",
    /* ledger_given.h: answers without a provider, of a journal's place so many as it was told of last */
    "ALTER TABLE usage ADD COLUMN cache_hits INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE usage ADD COLUMN cache_shared INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE usage ADD COLUMN cache_stale INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE usage ADD COLUMN fallbacks INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE usage ADD COLUMN saved_nano_usd INTEGER NOT NULL DEFAULT 0;"
    "CREATE TABLE given(id INTEGER PRIMARY KEY, time_ms INTEGER NOT NULL, cache_hits INTEGER NOT NULL, "
    "cache_shared INTEGER NOT NULL, cache_stale INTEGER NOT NULL, fallbacks INTEGER NOT NULL, "
    "saved_nano_usd INTEGER NOT NULL);",
    /* What providers' prompt caches should have had, and why they had it not (base/meter.h). */
    "ALTER TABLE attempts ADD COLUMN cache_miss INTEGER; ALTER TABLE attempts ADD COLUMN cache_missed_tokens INTEGER;"
    "ALTER TABLE usage ADD COLUMN cache_missed_tokens INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE usage ADD COLUMN cache_missed_expired INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE usage ADD COLUMN cache_missed_moved INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE usage ADD COLUMN cache_missed_changed INTEGER NOT NULL DEFAULT 0;",
    /* What each session cost, without a look at its row; and sums of all of an hour's, which ledger_sums_fill makes of
     * what is there. */
    "CREATE INDEX usage_sessions ON usage(grain, at, session, client, cost_nano_usd, attempts, input_tokens) "
    "WHERE grain = 2;"
    "INSERT INTO recosted_usage SELECT 4, at, 0, 0, 0, 0, 0, 0, 0, 0, 0, numbers_all(recosted_attempts), "
    "numbers_all(recosted_priced), numbers_all(recosted_nano_usd) FROM recosted_usage WHERE grain = 2 GROUP BY at;",
};
const int ledger_version = sizeof ledger_migrations / sizeof *ledger_migrations;
