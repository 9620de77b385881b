/* ledger_erase.c - see ledger_erase.h. */
#include "store/ledger_erase.h"

#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "store/ledger_pieces.h"
#include "store/metered.h"

enum { erasures_most = 100000 };

static struct sha256 erased_hash(const unsigned char salt[16], struct str client) {
    char bytes[16 + record_text_most];
    client = str_slice(client, 0, record_text_most);
    memcpy(bytes, salt, 16);
    if (client.len) memcpy(bytes + 16, client.at, client.len);
    return hash_sha256(str_make(bytes, 16 + client.len));
}

/* -- for who writes -- */

static bool erasure_read(struct statement *row, struct ledger_erasures *erasures) {
    struct ledger_erasure *more =
        erasures->count < erasures_most ? memory_resize(erasures->list, (erasures->count + 1) * sizeof *more) : NULL;
    if (!more) return false;
    erasures->list = more;
    struct ledger_erasure *erasure = &more[erasures->count];
    const struct str salt = row_bytes(row, 0), hash = row_bytes(row, 1);
    if (salt.len != sizeof erasure->salt || hash.len != sizeof erasure->hash) return true; /* edited: it is nobody's */
    memcpy(erasure->salt, salt.at, sizeof erasure->salt);
    memcpy(erasure->hash.bytes, hash.at, sizeof erasure->hash);
    erasure->until_ms = row_number(row, 2);
    str_copy(erasure->tombstone, sizeof erasure->tombstone, row_text(row, 3));
    if (erasure->until_ms > erasures->until_ms) erasures->until_ms = erasure->until_ms;
    erasures->count++;
    return true;
}

bool erasures_read(struct database *database, struct ledger_erasures *erasures) {
    struct statement *rows = statement_make(database, "SELECT salt, hash, until_ms, tombstone FROM erased");
    enum database_step step = database_failed;
    erasures_free(erasures);
    while (rows && (step = statement_step(rows)) == database_row)
        if (!erasure_read(rows, erasures)) break;
    statement_end(rows);
    return step == database_done;
}

struct str erasures_name(const struct ledger_erasures *erasures, struct str client, int64_t time_ms) {
    if (!client.len || !erasures->count || time_ms > erasures->until_ms) return STR("");
    for (size_t i = erasures->count; i-- > 0;) {
        const struct ledger_erasure *erasure = &erasures->list[i];
        if (time_ms > erasure->until_ms) continue;
        struct sha256 hash = erased_hash(erasure->salt, client);
        if (hash_equal(&hash, &erasure->hash)) return str_from(erasure->tombstone);
    }
    return STR("");
}

/* An owner's mark among those of clients, whose names have no blank. */
static struct str owner_key(struct str owner, char buffer[record_text_most + 8]) {
    struct text key = text_in_buffer(buffer, record_text_most + 8);
    text_printf(&key, "owner %.*s", STR_ARG(str_slice(owner, 0, record_text_most)));
    return text_str(&key);
}

struct str erasures_path(const struct ledger_erasures *erasures, struct str path, int64_t time_ms,
                         char buffer[erased_path_max]) {
    char key[record_text_most + 8];
    struct text text = text_in_buffer(buffer, erased_path_max);
    struct str rest = path, part;
    if (!path.len || !erasures->count || time_ms > erasures->until_ms) return path;
    while (str_split_next(&rest, '|', &part)) {
        struct str tombstone = erasures_name(erasures, owner_key(part, key), time_ms);
        if (text.len) text_put_byte(&text, '|');
        text_put(&text, tombstone.len ? tombstone : part);
    }
    return text.failed ? path : text_str(&text);
}

void erasures_free(struct ledger_erasures *erasures) {
    memory_give(erasures->list);
    *erasures = (struct ledger_erasures){NULL, 0, 0};
}

/* -- purging -- */

/* *id: its number; -1: it has none. false: a failure. */
static bool erase_name_find(struct database *database, struct str name, int64_t *id) {
    struct statement *find = statement_make(database, "SELECT id FROM names WHERE name = ?1");
    if (!find) return false;
    param_text(find, 1, name);
    enum database_step step = statement_step(find);
    *id = step == database_row ? row_number(find, 0) : -1;
    statement_end(find);
    return step != database_failed;
}

/* Its tombstone, and what tells what comes late that it is its. -1: a failure. */
static int64_t tombstone_make(struct database *database, struct str key, int64_t until_ms, struct erased_told *told) {
    unsigned char random[8], salt[16];
    char hex[2 * sizeof random];
    random_bytes(random, sizeof random);
    random_bytes(salt, sizeof salt);
    hash_to_hex(random, sizeof random, hex);
    snprintf(told->tombstone, sizeof told->tombstone, "(erased %.*s)", (int)sizeof hex, hex);
    const struct sha256 hash = erased_hash(salt, key);
    struct statement *name = statement_make(database, "INSERT INTO names(name) VALUES(?1)"),
                     *mark = statement_make(database, "INSERT INTO erased(salt, hash, until_ms, tombstone) "
                                                      "VALUES(?1, ?2, ?3, ?4)");
    bool good = name && mark && database_begin(database);
    if (good) {
        param_text(name, 1, str_from(told->tombstone));
        param_bytes(mark, 1, salt, sizeof salt);
        param_bytes(mark, 2, hash.bytes, sizeof hash.bytes);
        param_number(mark, 3, until_ms);
        param_text(mark, 4, str_from(told->tombstone));
        good = statement_step(name) == database_done && statement_step(mark) == database_done;
    }
    statement_end(name);
    statement_end(mark);
    int64_t id;
    if (good && database_commit(database)) return erase_name_find(database, str_from(told->tombstone), &id) ? id : -1;
    database_undo(database);
    return -1;
}

/* Its own, "client app", and those of its budgets: "client app budget day". */
static bool erase_alerts(struct database *database, struct str client, const char *tombstone) {
    struct statement *update = statement_make(
        database, "UPDATE alerts SET subject = ?2 || substr(subject, length(?1) + 8) "
                  "WHERE substr(subject, 1, length(?1) + 8) = 'client ' || ?1 || ' ' OR subject = 'client ' || ?1");
    if (!update) return false;
    param_text(update, 1, client);
    param_text(update, 2, str_from(tombstone));
    bool good = statement_step(update) == database_done;
    statement_end(update);
    return good;
}

static const char attempts_words_gone[] =
    ", request_id = '', caller_id = NULL, asked = NULL, session = NULL, tags = NULL";

/* Its name last: what is cut off goes on by it. */
bool ledger_erase(struct ledger *ledger, struct str client, int64_t until_ms, struct erased_told *told, char *problem,
                  size_t size) {
    struct database *database = ledger_database(ledger);
    *told = (struct erased_told){.attempts = 0};
    client = str_slice(client, 0, record_text_most);
    int64_t tombstone = database_erase_begin(database) ? tombstone_make(database, client, until_ms, told) : -1;
    int64_t id = -1;
    bool good = tombstone > 0 && erase_name_find(database, client, &id);
    const struct ledger_moving moving = {"client", id, tombstone};
    good = good && erase_alerts(database, client, told->tombstone) &&
           (id < 0 ||
            (pieces_attempts(database, &moving, until_ms, attempts_words_gone, &told->attempts) &&
             pieces_words(database, id) && pieces_sums(database, &moving, &told->sums) && pieces_name(database, id)));
    if (!good) snprintf(problem, size, "%s", ledger_problem(ledger));
    ledger_names_changed(ledger);
    database_erase_end(database);
    return good;
}

/* -- an owner -- */

#define OWNERS_PATHS "(SELECT whole FROM owner_parts WHERE part = (SELECT id FROM names WHERE name = ?1))"

bool ledger_owner_clients(struct ledger *ledger, struct str owner,
                          bool (*tell)(void *context, struct str client, bool alone), void *context) {
    struct statement *rows =
        statement_make(ledger_database(ledger),
                       "SELECT (SELECT name FROM names WHERE id = client), min(CASE WHEN owner IN " OWNERS_PATHS
                       " THEN 1 ELSE 0 END) FROM usage WHERE grain < 3 AND client IN (SELECT client FROM usage WHERE "
                       "owner IN " OWNERS_PATHS ") GROUP BY client ORDER BY client");
    enum database_step step = database_failed;
    bool good = rows != NULL;
    if (good) param_text(rows, 1, str_slice(owner, 0, record_text_most));
    while (good && (step = statement_step(rows)) == database_row) {
        struct str client = row_text(rows, 0);
        if (client.len && !str_starts(client, STR("(erased "))) good = tell(context, client, row_number(rows, 1) == 1);
    }
    statement_end(rows);
    return good && step == database_done;
}

/* Of "search|acme" the part that is this name. */
static struct str path_renamed(struct str path, struct str owner, struct str tombstone, char buffer[erased_path_max]) {
    struct text text = text_in_buffer(buffer, erased_path_max);
    struct str rest = path, part;
    while (str_split_next(&rest, '|', &part)) {
        if (text.len) text_put_byte(&text, '|');
        text_put(&text, str_eq(part, owner) ? tombstone : part);
    }
    return text.failed ? tombstone : text_str(&text);
}

/* The next path behind `*at` that it is in with others, which no other name is; *found. false: a failure. */
static bool path_erase(struct database *database, struct str owner, struct str tombstone, int64_t *at, bool *found) {
    struct statement *find = statement_make(database, "SELECT id, name FROM names WHERE id > ?2 AND name <> ?1 AND id "
                                                      "IN " OWNERS_PATHS " ORDER BY id LIMIT 1");
    char buffer[erased_path_max];
    struct str renamed = STR_NONE;
    if (find) param_text(find, 1, owner);
    if (find) param_number(find, 2, *at);
    enum database_step step = find ? statement_step(find) : database_failed;
    *found = step == database_row;
    if (*found) *at = row_number(find, 0);
    if (*found) renamed = path_renamed(row_text(find, 1), owner, tombstone, buffer);
    statement_end(find);
    if (!*found) return step == database_done;
    struct statement *rename = statement_make(database, "UPDATE names SET name = ?2 WHERE id = ?1");
    if (rename) param_number(rename, 1, *at);
    if (rename) param_text(rename, 2, renamed);
    return statement_run_once(rename);
}

/* Where its name alone stands for it, or is a part of a path. */
static bool owner_move(struct database *database, int64_t owner, int64_t tombstone) {
    static const char *const updates[] = {"UPDATE owner_parts SET part = ?1 WHERE part = ?2",
                                          "UPDATE owner_parts SET whole = ?1 WHERE whole = ?2"};
    const int64_t numbers[] = {tombstone, owner};
    const struct ledger_moving moving = {"owner", owner, tombstone};
    int64_t attempts = 0, hours = 0;
    if (!pieces_attempts(database, &moving, INT64_MAX, "", &attempts) || !pieces_sums(database, &moving, &hours))
        return false;
    for (size_t i = 0; i < sizeof updates / sizeof *updates; i++) {
        struct statement *update = statement_make(database, updates[i]);
        if (update) param_numbers(update, 1, numbers, 2);
        if (!statement_run_once(update)) return false;
    }
    return true;
}

/* "team search budget day" of an alert; "team search: day" of the audit, whose words go. */
static bool owner_said_erase(struct database *database, struct str owner, struct str tombstone, int64_t *audit_names) {
    static const char *const kinds[] = {"organization", "team", "user", "owner"};
    struct statement *own = statement_make(database, "DELETE FROM audit_words WHERE word = ?1");
    bool good = own != NULL;
    if (good) param_text(own, 1, owner);
    good = good && statement_step(own) == database_done;
    *audit_names = good ? statement_changes(own) : 0;
    statement_end(own);
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds && good; i++) {
        char named[record_text_most + 16];
        struct text text = text_in_buffer(named, sizeof named);
        text_printf(&text, "%s %.*s", kinds[i], STR_ARG(owner));
        struct statement *alert = statement_make(database, "UPDATE alerts SET subject = ?2 || substr(subject, "
                                                           "length(?1) + 1) WHERE substr(subject, 1, length(?1) + 1) "
                                                           "= ?1 || ' '"),
                         *words = statement_make(database, "DELETE FROM audit_words WHERE word = ?1 OR substr(word, 1, "
                                                           "length(?1) + 2) = ?1 || ': '");
        good = alert && words;
        if (good) param_text(alert, 1, text_str(&text));
        if (good) param_text(alert, 2, tombstone);
        if (good) param_text(words, 1, text_str(&text));
        good = good && statement_step(alert) == database_done && statement_step(words) == database_done;
        if (good) *audit_names += statement_changes(words);
        statement_end(alert);
        statement_end(words);
    }
    return good;
}

bool ledger_erase_owner(struct ledger *ledger, struct str owner, int64_t until_ms, struct erased_told *told,
                        char *problem, size_t size) {
    struct database *database = ledger_database(ledger);
    char key[record_text_most + 8];
    *told = (struct erased_told){.attempts = 0};
    owner = str_slice(owner, 0, record_text_most);
    int64_t tombstone =
        database_erase_begin(database) ? tombstone_make(database, owner_key(owner, key), until_ms, told) : -1;
    const struct str name = str_from(told->tombstone);
    int64_t id = -1, at = -1;
    bool good = tombstone > 0 && erase_name_find(database, owner, &id) && database_begin(database);
    if (good) {
        for (bool found = id > 0; good && found;) good = path_erase(database, owner, name, &at, &found);
        good = good && owner_said_erase(database, owner, name, &told->audit_names) && database_commit(database);
        if (!good) database_undo(database);
    }
    good = good && (id < 0 || (owner_move(database, id, tombstone) && pieces_name(database, id)));
    if (!good) snprintf(problem, size, "%s", ledger_problem(ledger));
    ledger_names_changed(ledger);
    database_erase_end(database);
    return good;
}

/* -- exporting -- */

static void export_bytes_put(struct text *text, struct str name, struct str bytes) {
    char hex[2 * metered_bytes_max];
    bytes = str_slice(bytes, 0, metered_bytes_max);
    hash_to_hex((const unsigned char *)bytes.at, bytes.len, hex);
    text_json_str(text, name, str_make(hex, 2 * bytes.len));
}

/* A row's columns as members: whole numbers, texts, bytes by their digits, null. */
static void export_row_put(struct statement *row, struct str kind, struct text *text) {
    text_put_byte(text, '{');
    text_json_str(text, STR("kind"), kind);
    for (int i = 0; i < row_columns(row); i++) {
        struct str name = str_from(row_name(row, i));
        if (row_kind(row, i) == database_number)
            text_json_i64(text, name, row_number(row, i));
        else if (row_kind(row, i) == database_text)
            text_json_str(text, name, row_text(row, i));
        else if (row_kind(row, i) == database_bytes)
            export_bytes_put(text, name, row_bytes(row, i));
        else
            text_json_key(text, name), text_put(text, STR("null"));
    }
    text_put(text, STR("}\n"));
}

enum { export_piece = 1000 };

/* Of a statement what it tells, as lines; their numbers are in its first column. */
static bool export_rows_put(struct statement *rows, struct str kind, struct text *text, int64_t *last, size_t *count) {
    enum database_step step = database_failed;
    *count = 0;
    while (rows && !text->failed && (step = statement_step(rows)) == database_row) {
        export_row_put(rows, kind, text);
        *last = row_number(rows, 0);
        ++*count;
    }
    statement_end(rows);
    return step == database_done && !text->failed;
}

static bool export_lines_put(struct str lines, bool (*put)(void *context, struct str line), void *context) {
    while (lines.len) {
        const size_t end = str_find_byte(lines, '\n') + 1;
        if (!put(context, str_slice(lines, 0, end))) return false;
        lines = str_slice(lines, end, lines.len);
    }
    return true;
}

/* No statement is open while somebody is told: who reads slowly holds up nothing. */
struct exporting {
    struct database *database;
    struct str client, kind;
    struct arena arena;
    bool (*put)(void *context, struct str line);
    void *context;
};

/* The next ones behind *from, up to `end`; *count: there may be more. */
static bool export_piece_put(struct exporting *exporting, const char *sql, int64_t *from, int64_t end, size_t *count) {
    struct text text = text_in_arena(&exporting->arena, 64 * 1024);
    struct statement *rows = statement_make(exporting->database, sql);
    if (rows) param_text(rows, 1, exporting->client);
    if (rows) param_numbers(rows, 2, (const int64_t[]){*from, end, export_piece}, 3);
    bool good = export_rows_put(rows, exporting->kind, &text, from, count) &&
                export_lines_put(text_str(&text), exporting->put, exporting->context);
    arena_reset(&exporting->arena);
    return good;
}

static bool export_attempts(struct exporting *exporting, const char *sql) {
    int64_t from = -1, end;
    size_t count;
    while (true) {
        if (!pieces_window(exporting->database, from, &end)) return false;
        if (!end) return true;
        do
            if (!export_piece_put(exporting, sql, &from, end, &count)) return false;
        while (count == export_piece);
        from = end;
    }
}

/* Hours, one by one; `sql` leaves out rows that have been told. */
static bool export_hours(struct exporting *exporting, const char *sql) {
    int64_t at = INT64_MIN;
    for (bool found = true; found;) {
        int64_t told = 0;
        size_t count = export_piece;
        if (!pieces_next_at(exporting->database, usage_of_hours, &at, &found)) return false;
        for (int64_t skip = 0; found && count == export_piece; skip += export_piece) {
            told = skip;
            if (!export_piece_put(exporting, sql, &told, at, &count)) return false;
        }
    }
    return true;
}

bool ledger_export(struct ledger *ledger, struct str client, bool (*put)(void *context, struct str line),
                   void *context) {
    static const struct str sums[] = {
#define X(name) STR(#name),
        USAGE_SUMS(X)
#undef X
    };
    char sql[2048];
    struct text text = TEXT_IN_STRING(sql);
    struct exporting exporting = {.database = ledger_database(ledger),
                                  .client = str_slice(client, 0, record_text_most),
                                  .kind = STR("attempt"),
                                  .put = put,
                                  .context = context};
    text_put(&text, STR("SELECT id"));
    for (int i = 0; i < record_numbers; i++)
        text_printf(&text, ", %.*s", STR_ARG(record_number_name((enum record_number)i)));
    for (int i = 0; i < record_texts; i++) {
        struct str name = record_text_name((enum record_text)i);
        if (!record_text_is_name((enum record_text)i))
            text_printf(&text, ", %.*s", STR_ARG(name));
        else
            text_printf(&text, ", (SELECT name FROM names WHERE id = %.*s) AS %.*s", STR_ARG(name), STR_ARG(name));
    }
    for (int i = 0; i < record_words; i++) {
        struct str name = record_word_name((enum record_word)i);
        text_printf(&text, ", (SELECT word FROM words WHERE id = %.*s) AS %.*s", STR_ARG(name), STR_ARG(name));
    }
    text_put(&text, STR(" FROM attempts WHERE client = (SELECT id FROM names WHERE name = ?1) AND id > ?2 AND id <= ?3 "
                        "ORDER BY id LIMIT ?4"));
    sql[text.len] = 0;
    arena_init(&exporting.arena, 64 * 1024, 512 * 1024 * 1024);
    bool good = !text.failed && export_attempts(&exporting, sql);
    exporting.kind = STR("hour");
    text = TEXT_IN_STRING(sql);
    text_put(&text, STR("SELECT hour_text(at) AS hour, "
                        "(SELECT name FROM names WHERE id = provider) AS provider, "
                        "(SELECT name FROM names WHERE id = model) AS model, "
                        "(SELECT name FROM names WHERE id = route) AS route, "
                        "(SELECT word FROM words WHERE id = asked) AS asked, "
                        "(SELECT word FROM words WHERE id = tags) AS tags"));
    for (size_t i = 0; i < usage_sums; i++) text_printf(&text, ", %.*s", STR_ARG(sums[i]));
    text_put(&text, STR(" FROM usage WHERE grain = 0 AND at = ?3 AND client = (SELECT id FROM names WHERE name = ?1) "
                        "ORDER BY usage.provider, usage.model, usage.route, usage.owner, usage.rule, usage.asked, "
                        "usage.tags LIMIT ?4 OFFSET ?2"));
    sql[text.len] = 0;
    good = good && !text.failed && export_hours(&exporting, sql);
    arena_free(&exporting.arena);
    return good;
}
