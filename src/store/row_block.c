/* row_block.c - see row_block.h: a page of SQLite's form, and what SQLite is asked to do with it. */
#include "store/row_block.h"

#include <sqlite3.h>
#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "base/memory.h"
#include "store/database_internal.h"

enum { page_bytes = 32768, page_head = 8, record_most = 4096, text_most = 3072, between_most = 64, no_value = 255 };
enum page_kind { page_of_index = 10, page_of_table = 13 }; /* as SQLite numbers leaves */

/* Of the table or of an index, SQLite's while it is attached: a leaf, filled from its end on. */
struct block_page {
    unsigned char *bytes;
    enum page_kind kind;
    size_t end; /* where the cells begin */
    size_t cell_count;
    uint16_t cells[row_block_rows_max]; /* where each row's begins; 0: it has none */
};

struct row_block {
    sqlite3 *sqlite;
    struct row_shape shape;
    unsigned char places[row_block_columns_max]; /* of each column of the table its value, or no_value */
    size_t place_count;
    struct block_page rows, indexes[row_block_indexes_max];
    sqlite3_stmt *between, *known, *insert;
    int64_t ids[row_block_rows_max];
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
    unsigned char prefix[32]; /* the length of the whole, of a row its id, the length of the head */
    size_t prefix_len;
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

/* Its lengths, once it has its columns. `id`: NULL in an index. */
static void record_close(struct record_made *made, const struct record_at *at, const int64_t *id) {
    made->head_len = (size_t)(at->head - made->head);
    made->body_len = (size_t)(at->body - made->body);
    _Static_assert(row_block_columns_max + 1 + text_most / 58 + 1 < 0x80,
                   "a text takes two bytes of the head from 58 bytes on");
    const size_t head = made->head_len + 1;
    size_t len = varint_put(made->prefix, head + made->body_len);
    if (id) len += varint_put(made->prefix + len, (uint64_t)*id);
    made->prefix_len = len + varint_put(made->prefix + len, head);
}

static size_t record_bytes(const struct record_made *made) {
    return made->prefix_len + made->head_len + made->body_len;
}

/* -- putting -- */

static bool row_make(const struct row_block *block, int64_t id, const struct row_value *values,
                     struct record_made *made) {
    struct record_at at = {made->head, made->body, made->body};
    for (size_t i = 0; i < block->place_count; i++) {
        if (block->places[i] == no_value)
            *at.head++ = 0; /* null, as the id is, too: it stands before the row */
        else if (!at_value(&at, &values[block->places[i]]))
            return false;
    }
    record_close(made, &at, &id);
    return true;
}

/* Characters are bytes where no byte is more than one's part, or none. */
static bool index_takes_bytes(struct str text) {
    for (size_t i = 0; i < text.len; i++)
        if ((unsigned char)text.at[i] - 1U >= 0x7f) return false;
    return true;
}

/* What the index has of a row. false: that cannot be said here. */
static bool entry_make(const struct row_index *index, int64_t id, const struct row_value *value,
                       struct record_made *made) {
    struct record_at at = {made->head, made->body, made->body};
    struct row_value key = *value;
    if (index->len && key.kind != database_null) {
        if (key.kind != database_text || !index_takes_bytes(key.bytes)) return false;
        key.bytes = str_slice(key.bytes, index->from - 1, index->from - 1 + index->len);
    }
    if (!at_value(&at, &key)) return false;
    at_number(&at, id);
    record_close(made, &at, NULL);
    return true;
}

static bool page_has_room(const struct block_page *page, const struct record_made *made) {
    return page_head + 2 * (page->cell_count + 1) + record_bytes(made) <= page->end;
}

static void page_put(struct block_page *page, size_t row, const struct record_made *made) {
    page->end -= record_bytes(made);
    unsigned char *at = page->bytes + page->end;
    memcpy(at, made->prefix, made->prefix_len);
    memcpy(at + made->prefix_len, made->head, made->head_len);
    memcpy(at + made->prefix_len + made->head_len, made->body, made->body_len);
    page->cells[row] = (uint16_t)page->end;
    page->cell_count++;
}

enum row_put row_block_put(struct row_block *block, int64_t id, const struct row_value *values) {
    struct record_made row, entries[row_block_indexes_max];
    if (id <= 0 || !row_make(block, id, values, &row)) return row_is_odd;
    bool has_room = block->count < row_block_rows_max && page_has_room(&block->rows, &row);
    bool has_entry[row_block_indexes_max];
    for (size_t i = 0; i < block->shape.index_count; i++) {
        const struct row_index *index = &block->shape.indexes[i];
        const struct row_value *value = &values[index->value];
        has_entry[i] = !index->partial || value->kind != database_null;
        if (has_entry[i] && !entry_make(index, id, value, &entries[i])) return row_is_odd;
        has_room = has_room && (!has_entry[i] || page_has_room(&block->indexes[i], &entries[i]));
    }
    if (!has_room) return row_finds_no_room;
    page_put(&block->rows, block->count, &row);
    for (size_t i = 0; i < block->shape.index_count; i++)
        if (has_entry[i])
            page_put(&block->indexes[i], block->count, &entries[i]);
        else
            block->indexes[i].cells[block->count] = 0;
    block->ids[block->count++] = id;
    return row_is_put;
}

size_t row_block_count(const struct row_block *block) { return block->count; }

static void page_clear(struct block_page *page) {
    page->cell_count = 0;
    page->end = page_bytes;
}

void row_block_clear(struct row_block *block) {
    block->count = 0;
    page_clear(&block->rows);
    for (size_t i = 0; i < block->shape.index_count; i++) page_clear(&block->indexes[i]);
}

/* -- sending -- */

/* In the order of their ids, which is theirs already, nearly: what was sent first has been settled first. */
static void rows_by_id(const struct row_block *block, uint16_t order[row_block_rows_max]) {
    for (size_t i = 0; i < block->count; i++) {
        size_t place = i;
        for (; place > 0 && block->ids[order[place - 1]] > block->ids[i]; place--) order[place] = order[place - 1];
        order[place] = (uint16_t)i;
    }
}

static void page_write(struct block_page *page, const uint16_t *order, size_t count, const bool *left_out) {
    size_t cells = 0;
    for (size_t i = 0; i < count; i++)
        if (!left_out[order[i]] && page->cells[order[i]])
            number16_put(page->bytes + page_head + 2 * cells++, page->cells[order[i]]);
    page->bytes[0] = (unsigned char)page->kind;
    number16_put(page->bytes + 1, 0);
    number16_put(page->bytes + 3, cells);
    number16_put(page->bytes + 5, page->end);
    page->bytes[7] = 0;
}

/* Of two of one id the first is the row, and the other is left out, too. How many rows there are. */
static size_t pages_write(struct row_block *block, bool left_out[row_block_rows_max]) {
    uint16_t order[row_block_rows_max];
    size_t rows = 0;
    rows_by_id(block, order);
    for (size_t i = 0; i < block->count; i++) {
        if (i > 0 && block->ids[order[i]] == block->ids[order[i - 1]]) left_out[order[i]] = true;
        rows += !left_out[order[i]];
    }
    page_write(&block->rows, order, block->count, left_out);
    for (size_t i = 0; i < block->shape.index_count; i++) page_write(&block->indexes[i], order, block->count, left_out);
    return rows;
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

bool row_block_send(struct row_block *block, bool added[row_block_rows_max]) {
    bool left_out[row_block_rows_max] = {false}, some = false;
    if (!block->count) return true;
    size_t rows = pages_write(block, left_out);
    bool good = rows_known(block, left_out, &some);
    if (some) rows = pages_write(block, left_out);
    good = good && sqlite3_step(block->insert) == SQLITE_DONE && (size_t)sqlite3_changes64(block->sqlite) == rows;
    for (size_t i = 0; i < block->count; i++) added[i] = good && !left_out[i];
    (void)sqlite3_reset(block->insert);
    row_block_clear(block);
    return good;
}

/* -- opening -- */

/* The statements that made the table and its indexes, made in another database. How many indexes; -1: a failure. */
static int table_like(const struct row_block *block, sqlite3 *memory) {
    sqlite3_stmt *made = NULL;
    int tables = 0, indexes = 0, step = SQLITE_ERROR;
    bool good = sqlite3_prepare_v2(block->sqlite,
                                   "SELECT sql, type = 'table', name FROM main.sqlite_schema WHERE tbl_name = ?1 ORDER "
                                   "BY type = 'table' DESC, name",
                                   -1, &made, NULL) == SQLITE_OK &&
                sqlite3_bind_text(made, 1, block->shape.table, -1, SQLITE_STATIC) == SQLITE_OK;
    while (good && (step = sqlite3_step(made)) == SQLITE_ROW) {
        const char *sql = (const char *)sqlite3_column_text(made, 0);
        if (sqlite3_column_int(made, 1)) {
            tables++;
        } else {
            const struct row_index *index = &block->shape.indexes[indexes];
            good = (size_t)indexes < block->shape.index_count &&
                   strcmp(index->name, (const char *)sqlite3_column_text(made, 2)) == 0;
            indexes++;
        }
        good = good && sql && sqlite3_exec(memory, sql, NULL, NULL, NULL) == SQLITE_OK;
    }
    sqlite3_finalize(made);
    return good && step == SQLITE_DONE && tables == 1 ? indexes : -1;
}

/* The database in memory, with no row: the bytes are SQLite's to free. NULL: there can be none. */
static unsigned char *image_make(const struct row_block *block, sqlite3_int64 *bytes) {
    char page_size[64];
    sqlite3 *memory = NULL;
    snprintf(page_size, sizeof page_size, "PRAGMA page_size = %d; PRAGMA auto_vacuum = NONE", page_bytes);
    const bool good = sqlite3_open(":memory:", &memory) == SQLITE_OK &&
                      sqlite3_exec(memory, page_size, NULL, NULL, NULL) == SQLITE_OK &&
                      table_like(block, memory) == (int)block->shape.index_count;
    unsigned char *image = good ? sqlite3_serialize(memory, "main", bytes, 0) : NULL;
    sqlite3_close(memory);
    return image;
}

/* Its root is where the schema says: the first page is the schema's, and each of ours has one. */
static bool page_find(struct row_block *block, const char *name, unsigned char *image, sqlite3_int64 bytes,
                      struct block_page *page) {
    sqlite3_stmt *root = NULL;
    bool good = sqlite3_prepare_v2(block->sqlite, "SELECT rootpage FROM block.sqlite_schema WHERE name = ?1", -1, &root,
                                   NULL) == SQLITE_OK &&
                sqlite3_bind_text(root, 1, name, -1, SQLITE_STATIC) == SQLITE_OK && sqlite3_step(root) == SQLITE_ROW;
    const sqlite3_int64 number = good ? sqlite3_column_int64(root, 0) : 0;
    sqlite3_finalize(root);
    if (number < 2 || number * page_bytes > bytes) return false;
    page->bytes = image + (number - 1) * page_bytes;
    return true;
}

static bool pages_find(struct row_block *block, unsigned char *image, sqlite3_int64 bytes) {
    bool good = page_find(block, block->shape.table, image, bytes, &block->rows);
    block->rows.kind = page_of_table;
    for (size_t i = 0; i < block->shape.index_count && good; i++) {
        block->indexes[i].kind = page_of_index;
        good = page_find(block, block->shape.indexes[i].name, image, bytes, &block->indexes[i]);
    }
    return good;
}

/* The table's own order of its columns, which is the rows'. */
static bool columns_find(struct row_block *block) {
    sqlite3_stmt *columns = NULL;
    size_t found = 0;
    bool good = sqlite3_prepare_v2(block->sqlite, "SELECT name FROM pragma_table_info(?1, 'main') ORDER BY cid", -1,
                                   &columns, NULL) == SQLITE_OK &&
                sqlite3_bind_text(columns, 1, block->shape.table, -1, SQLITE_STATIC) == SQLITE_OK;
    while (good && sqlite3_step(columns) == SQLITE_ROW) {
        const struct str name = str_from((const char *)sqlite3_column_text(columns, 0));
        size_t value = 0;
        while (value < block->shape.column_count && !str_eq(block->shape.columns[value], name)) value++;
        found += value < block->shape.column_count;
        good = block->place_count < row_block_columns_max;
        if (good)
            block->places[block->place_count++] = (unsigned char)(value < block->shape.column_count ? value : no_value);
    }
    sqlite3_finalize(columns);
    return good && found == block->shape.column_count;
}

static bool block_prepare(struct row_block *block, const char *sql, sqlite3_stmt **statement) {
    char text[256];
    sqlite3_snprintf(sizeof text, text, sql, block->shape.table, block->shape.table);
    return sqlite3_prepare_v3(block->sqlite, text, -1, SQLITE_PREPARE_PERSISTENT, statement, NULL) == SQLITE_OK;
}

/* Is a row of this id what SQLite reads there now? */
static bool page_is_read(struct row_block *block, int64_t id) {
    const struct row_value values[row_block_columns_max] = {{.kind = database_null}};
    bool left_out[row_block_rows_max] = {false};
    sqlite3_stmt *read = NULL;
    bool good = row_block_put(block, id, values) == row_is_put && pages_write(block, left_out) == 1 &&
                block_prepare(block, "SELECT max(id) FROM block.%s", &read) && sqlite3_step(read) == SQLITE_ROW &&
                sqlite3_column_int64(read, 0) == id;
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

/* Nothing in the insert fails as it should not: without OR ROLLBACK SQLite would keep a copy of each page that it
 * changes. */
static bool block_attach(struct row_block *block) {
    sqlite3_int64 bytes = 0;
    unsigned char *image = columns_find(block) ? image_make(block, &bytes) : NULL;
    if (!image || sqlite3_exec(block->sqlite, "ATTACH ':memory:' AS block", NULL, NULL, NULL) != SQLITE_OK) {
        sqlite3_free(image);
        return false;
    }
    return sqlite3_deserialize(block->sqlite, "block", image, bytes, bytes, SQLITE_DESERIALIZE_FREEONCLOSE) ==
               SQLITE_OK &&
           pages_find(block, image, bytes) && pages_are_read_in_place(block) &&
           block_prepare(block, "SELECT id FROM main.%s WHERE id BETWEEN ?1 AND ?2 ORDER BY id", &block->between) &&
           block_prepare(block, "SELECT new.id FROM block.%s AS new CROSS JOIN main.%s AS old ON old.id = new.id",
                         &block->known) &&
           block_prepare(block, "INSERT OR ROLLBACK INTO main.%s SELECT * FROM block.%s", &block->insert);
}

void row_block_close(struct row_block *block) {
    if (!block) return;
    sqlite3_finalize(block->between);
    sqlite3_finalize(block->known);
    sqlite3_finalize(block->insert);
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
