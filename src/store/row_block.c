/* row_block.c - see row_block.h: a page of SQLite's form, and what SQLite is asked to do with it. */
#include "store/row_block.h"

#include <sqlite3.h>
#include <string.h>

#include "base/check.h"
#include "base/memory.h"
#include "base/text.h"
#include "store/database_internal.h"

enum { page_bytes = 32768, page_head = 8, record_most = 4096, text_most = 3072, between_most = 64, inserts_max = 4 };

/* Puts in those columns of its rows whose bits are set. */
struct block_insert {
    uint64_t columns;
    sqlite3_stmt *statement;
};

struct row_block {
    sqlite3 *sqlite;
    struct row_shape shape;
    unsigned char *page; /* of the table, SQLite's while it is attached: a leaf, filled from its end on */
    size_t end;          /* where the cells begin */
    sqlite3_stmt *between, *known;
    struct block_insert inserts[inserts_max]; /* the first of all columns */
    size_t insert_count;
    uint64_t columns; /* that a row of it has */
    int64_t ids[row_block_rows_max];
    uint16_t cells[row_block_rows_max]; /* where each row begins */
    size_t count;
};

/* -- SQLite's form -- */

/* Seven bits a byte, the most significant first; the ninth has eight. */
static size_t varint_put(unsigned char *at, uint64_t number) {
    size_t count = 1;
    if (number >> 56) {
        for (size_t i = 8; i-- > 0; number >>= 7) {
            if (i == 7) at[8] = (unsigned char)number, number >>= 8;
            at[i] = (unsigned char)(number | 0x80);
        }
        return 9;
    }
    while (number >> (7 * count)) count++;
    for (size_t i = count; i-- > 0; number >>= 7)
        at[i] = (unsigned char)(i + 1 < count ? number | 0x80 : number & 0x7f);
    return count;
}

static void number16_put(unsigned char *at, size_t number) {
    at[0] = (unsigned char)(number >> 8);
    at[1] = (unsigned char)number;
}

/* Bytes that a whole number takes, its sign included: 0 and 1 stand in the head alone. */
static unsigned number_bytes(int64_t number) {
    static const unsigned char bytes[] = {1, 2, 3, 4, 6, 6, 8, 8}; /* by whole bytes of its magnitude */
    const uint64_t magnitude = (uint64_t)(number < 0 ? ~number : number);
    if (number == 0 || number == 1) return 0;
    return bytes[(64 - (unsigned)__builtin_clzll(magnitude | 1)) / 8];
}

static unsigned number_kind(int64_t number, unsigned bytes) {
    static const unsigned char kinds[] = {8, 1, 2, 3, 4, 0, 5, 0, 6};
    return bytes ? kinds[bytes] : (unsigned)(8 + number);
}

/* The most significant byte first; writes 8 bytes. */
static void whole_number_put(unsigned char *at, int64_t number, unsigned bytes) {
    const uint64_t most_first = __builtin_bswap64((uint64_t)number << (64 - 8 * bytes));
    memcpy(at, &most_first, sizeof most_first);
}

/* A row: what its columns are, then they. */
struct record_made {
    unsigned char head[3 * (row_block_columns_max + 1)], body[record_most];
    size_t head_len, body_len;
    uint64_t columns; /* that are not null */
};

/* Where its next column goes. */
struct record_at {
    unsigned char *head, *body, *begin;
};

static inline void at_number(struct record_at *at, int64_t number) {
    const unsigned bytes = number_bytes(number);
    *at->head++ = (unsigned char)number_kind(number, bytes);
    if (bytes) whole_number_put(at->body, number, bytes);
    at->body += bytes;
}

static inline void at_bytes(struct record_at *at, struct str bytes, bool is_text) {
    at->head += varint_put(at->head, 12 + 2 * bytes.len + is_text);
    if (bytes.len) memcpy(at->body, bytes.at, bytes.len);
    at->body += bytes.len;
}

/* false: it is longer than what all of them have room for. */
static inline bool at_value(struct record_at *at, const struct row_value *value) {
    _Static_assert((row_block_columns_max + 1) * 8 + text_most + 8 <= record_most, "numbers fit beside the texts");
    if (value->kind == database_null) {
        *at->head++ = 0;
    } else if (value->kind == database_number) {
        at_number(at, value->number);
    } else {
        if ((size_t)(at->body - at->begin) + value->bytes.len > text_most) return false;
        at_bytes(at, value->bytes, value->kind == database_text);
    }
    return true;
}

/* -- putting -- */

static bool row_make(struct row_block *block, const struct row_value *values, struct record_made *made) {
    struct record_at at = {made->head, made->body, made->body};
    uint64_t columns = 0;
    *at.head++ = 0; /* the id stands before the row */
    for (size_t i = 0; i < block->shape.column_count; i++) {
        columns |= (uint64_t)(values[i].kind != database_null) << i;
        if (!at_value(&at, &values[i])) return false;
    }
    made->head_len = (size_t)(at.head - made->head);
    made->body_len = (size_t)(at.body - made->body);
    made->columns = columns;
    return true;
}

/* What stands before the columns: the length of the whole, the id, the length of the head. How many bytes. */
static size_t row_prefix(const struct record_made *made, int64_t id, unsigned char at[32]) {
    const size_t head = made->head_len + (made->head_len + 1 > 0x7f ? 2 : 1);
    size_t len = varint_put(at, head + made->body_len);
    len += varint_put(at + len, (uint64_t)id);
    return len + varint_put(at + len, head);
}

enum row_put row_block_put(struct row_block *block, int64_t id, const struct row_value *values) {
    struct record_made made;
    unsigned char prefix[32];
    if (id <= 0 || !row_make(block, values, &made)) return row_is_odd;
    const size_t prefix_len = row_prefix(&made, id, prefix), bytes = prefix_len + made.head_len + made.body_len;
    if (block->count == row_block_rows_max || page_head + 2 * (block->count + 1) + bytes > block->end)
        return row_finds_no_room;
    block->end -= bytes;
    unsigned char *at = block->page + block->end;
    memcpy(at, prefix, prefix_len);
    memcpy(at + prefix_len, made.head, made.head_len);
    memcpy(at + prefix_len + made.head_len, made.body, made.body_len);
    block->columns |= made.columns;
    block->cells[block->count] = (uint16_t)block->end;
    block->ids[block->count++] = id;
    return row_is_put;
}

size_t row_block_count(const struct row_block *block) { return block->count; }

void row_block_clear(struct row_block *block) {
    block->count = 0;
    block->columns = 0;
    block->end = page_bytes;
}

/* -- sending -- */

/* In the order of their ids, which is theirs already, nearly: what was sent first has been settled first. Of two of one
 * id the first is the row, and the other is left out, too. How many rows there are. */
static size_t page_write(struct row_block *block, bool left_out[row_block_rows_max]) {
    uint16_t order[row_block_rows_max];
    size_t cells = 0;
    for (size_t i = 0; i < block->count; i++) {
        size_t place = i;
        for (; place > 0 && block->ids[order[place - 1]] > block->ids[i]; place--) order[place] = order[place - 1];
        order[place] = (uint16_t)i;
    }
    for (size_t i = 0; i < block->count; i++) {
        if (i > 0 && block->ids[order[i]] == block->ids[order[i - 1]]) left_out[order[i]] = true;
        if (!left_out[order[i]]) number16_put(block->page + page_head + 2 * cells++, block->cells[order[i]]);
    }
    block->page[0] = 13; /* a leaf of a table */
    number16_put(block->page + 1, 0);
    number16_put(block->page + 3, cells);
    number16_put(block->page + 5, block->end);
    block->page[7] = 0;
    return cells;
}

static bool row_leave_out(const struct row_block *block, int64_t id, bool left_out[row_block_rows_max]) {
    bool found = false;
    for (size_t i = 0; i < block->count; i++) {
        if (block->ids[i] != id) continue;
        left_out[i] = found = true;
    }
    return found;
}

/* Those that the table has already are left out. It has few between the least and the greatest, or none, unless they
 * are told once more: then each is looked up. *some: there is one. false: a failure. */
static bool rows_known(struct row_block *block, bool left_out[row_block_rows_max], bool *some) {
    sqlite3_stmt *statement = block->between;
    int64_t least = INT64_MAX, greatest = 0;
    size_t rows = 0;
    int step = SQLITE_DONE;
    for (size_t i = 0; i < block->count; i++) {
        if (block->ids[i] < least) least = block->ids[i];
        if (block->ids[i] > greatest) greatest = block->ids[i];
    }
    sqlite3_bind_int64(statement, 1, least);
    sqlite3_bind_int64(statement, 2, greatest);
    while (rows++ < between_most && (step = sqlite3_step(statement)) == SQLITE_ROW)
        *some |= row_leave_out(block, sqlite3_column_int64(statement, 0), left_out);
    (void)sqlite3_reset(statement);
    if (step != SQLITE_ROW) return step == SQLITE_DONE;
    while ((step = sqlite3_step(block->known)) == SQLITE_ROW)
        *some |= row_leave_out(block, sqlite3_column_int64(block->known, 0), left_out);
    (void)sqlite3_reset(block->known);
    return step == SQLITE_DONE;
}

/* Nothing in it fails as it should not: without OR ROLLBACK SQLite would keep a copy of each page that it changes. */
static sqlite3_stmt *insert_prepare(const struct row_block *block, uint64_t columns) {
    char sql[4096];
    sqlite3_stmt *statement = NULL;
    struct text text = text_in_buffer(sql, sizeof sql - 1);
    text_printf(&text, "INSERT OR ROLLBACK INTO main.%s(id", block->shape.table);
    for (size_t i = 0; i < block->shape.column_count; i++)
        if (columns >> i & 1) text_printf(&text, ", %.*s", STR_ARG(block->shape.columns[i]));
    text_put(&text, STR(") SELECT id"));
    for (size_t i = 0; i < block->shape.column_count; i++)
        if (columns >> i & 1) text_printf(&text, ", c%zu", i);
    text_put(&text, STR(" FROM block.rows WHERE id > 0"));
    CHECK(!text.failed);
    const bool good =
        sqlite3_prepare_v3(block->sqlite, sql, (int)text.len, SQLITE_PREPARE_PERSISTENT, &statement, NULL) == SQLITE_OK;
    return good ? statement : NULL;
}

/* The one that has all these columns and the fewest others; made where there is room for one more. */
static sqlite3_stmt *insert_of(struct row_block *block, uint64_t columns) {
    const struct block_insert *fits = &block->inserts[0];
    for (size_t i = 1; i < block->insert_count; i++) {
        const struct block_insert *insert = &block->inserts[i];
        if ((columns & ~insert->columns) == 0 &&
            __builtin_popcountll(insert->columns) < __builtin_popcountll(fits->columns))
            fits = insert;
    }
    if (fits->columns == columns || block->insert_count == inserts_max) return fits->statement;
    sqlite3_stmt *made = insert_prepare(block, columns);
    if (!made) return fits->statement;
    block->inserts[block->insert_count++] = (struct block_insert){columns, made};
    return made;
}

bool row_block_send(struct row_block *block, bool added[row_block_rows_max]) {
    bool left_out[row_block_rows_max] = {false}, some = false;
    if (!block->count) return true;
    sqlite3_stmt *insert = insert_of(block, block->columns);
    size_t rows = page_write(block, left_out);
    bool good = rows_known(block, left_out, &some);
    if (some) rows = page_write(block, left_out);
    good = good && sqlite3_step(insert) == SQLITE_DONE && (size_t)sqlite3_changes64(block->sqlite) == rows;
    for (size_t i = 0; i < block->count; i++) added[i] = good && !left_out[i];
    (void)sqlite3_reset(insert);
    row_block_clear(block);
    return good;
}

/* -- opening -- */

/* A table of as many columns, empty, in a database of memory: the bytes are SQLite's to free. */
static unsigned char *image_make(const struct row_block *block, sqlite3_int64 *bytes) {
    char sql[1024];
    sqlite3 *memory = NULL;
    struct text text = text_in_buffer(sql, sizeof sql - 1);
    text_printf(&text, "PRAGMA page_size = %d; PRAGMA auto_vacuum = NONE; CREATE TABLE rows(id INTEGER PRIMARY KEY",
                page_bytes);
    for (size_t i = 0; i < block->shape.column_count; i++) text_printf(&text, ", c%zu", i);
    text_put_byte(&text, ')');
    CHECK(!text.failed);
    sql[text.len] = 0;
    bool good =
        sqlite3_open(":memory:", &memory) == SQLITE_OK && sqlite3_exec(memory, sql, NULL, NULL, NULL) == SQLITE_OK;
    unsigned char *image = good ? sqlite3_serialize(memory, "main", bytes, 0) : NULL;
    sqlite3_close(memory);
    return image;
}

static bool block_prepare(struct row_block *block, const char *sql, sqlite3_stmt **statement) {
    char text[256];
    sqlite3_snprintf(sizeof text, text, sql, block->shape.table);
    return sqlite3_prepare_v3(block->sqlite, text, -1, SQLITE_PREPARE_PERSISTENT, statement, NULL) == SQLITE_OK;
}

/* Is a row of this id what SQLite reads there now? */
static bool page_is_read(struct row_block *block, int64_t id) {
    const struct row_value values[row_block_columns_max] = {{.kind = database_null}};
    bool left_out[row_block_rows_max] = {false};
    sqlite3_stmt *read = NULL;
    bool good = row_block_put(block, id, values) == row_is_put && page_write(block, left_out) == 1 &&
                sqlite3_prepare_v2(block->sqlite, "SELECT max(id) FROM block.rows", -1, &read, NULL) == SQLITE_OK &&
                sqlite3_step(read) == SQLITE_ROW && sqlite3_column_int64(read, 0) == id;
    sqlite3_finalize(read);
    row_block_clear(block);
    return good;
}

/* Where they stand, each time anew: else SQLite would keep what it has read once in a transaction. */
static bool pages_are_read_in_place(struct row_block *block) {
    bool good = sqlite3_exec(block->sqlite, "PRAGMA block.mmap_size = 16777216; PRAGMA block.journal_mode = OFF; BEGIN",
                             NULL, NULL, NULL) == SQLITE_OK;
    const bool begun = good;
    for (int64_t id = 1; id <= 2 && good; id++) good = page_is_read(block, id);
    return begun && sqlite3_exec(block->sqlite, "COMMIT", NULL, NULL, NULL) == SQLITE_OK && good;
}

static bool block_attach(struct row_block *block) {
    const uint64_t all = ~(uint64_t)0 >> (64 - block->shape.column_count);
    sqlite3_int64 bytes = 0;
    unsigned char *image = image_make(block, &bytes);
    if (!image || bytes != 2 * page_bytes ||
        sqlite3_exec(block->sqlite, "ATTACH ':memory:' AS block", NULL, NULL, NULL) != SQLITE_OK) {
        sqlite3_free(image);
        return false;
    }
    block->page = image + page_bytes;
    bool good =
        sqlite3_deserialize(block->sqlite, "block", image, bytes, bytes, SQLITE_DESERIALIZE_FREEONCLOSE) == SQLITE_OK &&
        pages_are_read_in_place(block) &&
        block_prepare(block, "SELECT id FROM main.%s WHERE id BETWEEN ?1 AND ?2 ORDER BY id", &block->between) &&
        block_prepare(block, "SELECT new.id FROM block.rows AS new CROSS JOIN main.%s AS old ON old.id = new.id",
                      &block->known);
    block->inserts[0] = (struct block_insert){all, good ? insert_prepare(block, all) : NULL};
    block->insert_count = 1;
    return block->inserts[0].statement != NULL;
}

void row_block_close(struct row_block *block) {
    if (!block) return;
    sqlite3_finalize(block->between);
    sqlite3_finalize(block->known);
    for (size_t i = 0; i < block->insert_count; i++) sqlite3_finalize(block->inserts[i].statement);
    (void)sqlite3_exec(block->sqlite, "DETACH block", NULL, NULL, NULL);
    memory_give(block);
}

struct row_block *row_block_open(struct database *database, const struct row_shape *shape) {
    CHECKF(shape->column_count > 0 && shape->column_count <= row_block_columns_max, "columns=%zu", shape->column_count);
    sqlite3 *sqlite = database_sqlite(database);
    struct row_block *block = sqlite ? memory_take_zeroed(sizeof *block) : NULL;
    if (!block) return NULL;
    block->sqlite = sqlite;
    block->shape = *shape;
    row_block_clear(block);
    if (block_attach(block)) return block;
    row_block_close(block);
    return NULL;
}
