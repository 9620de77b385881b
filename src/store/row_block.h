/* row_block.h - rows of one table, put together in memory in SQLite's own form, that go into the table by one
 * statement: it begins, seeks and ends once for all of them, and copies each row and each entry of an index as it is,
 * without a look at its columns (`INSERT INTO a SELECT * FROM b` of two tables that are alike).
 *
 * A block is a table like the one they go into, in a database in memory, which is attached as `block` to the
 * connection: one page for the rows and one for each index, written here (https://sqlite.org/fileformat2.html) and read
 * by SQLite. Where the database is not SQLite's, or has another index than the shape says, there is no block, and rows
 * go in one by one.
 *
 * One thread, that of the connection. */
#ifndef WEIR_STORE_ROW_BLOCK_H
#define WEIR_STORE_ROW_BLOCK_H

#include "store/database.h"

enum { row_block_rows_max = 256, row_block_columns_max = 64, row_block_indexes_max = 4 };

struct row_value {
    enum database_kind kind;
    int64_t number;
    struct str bytes; /* of a text and of bytes; borrowed while it is put */
};

/* An index over one text: of `len` of its characters from the place `from` on, as `substr(text, from, len)` has them;
 * len 0: over the whole of it. */
struct row_index {
    const char *name;
    size_t value, from, len; /* value: its place among the columns */
    bool partial;            /* rows whose text is null are not in it */
};

struct row_shape {
    const char *table;                         /* with an `id`, its INTEGER PRIMARY KEY */
    struct str columns[row_block_columns_max]; /* those of the values, in their order; whatever else it has is null */
    size_t column_count;
    struct row_index indexes[row_block_indexes_max]; /* all that the table has */
    size_t index_count;
};

struct row_block;
enum row_put { row_is_put, row_finds_no_room, row_is_odd };

/* Outside of a transaction, when the table is there. NULL: there can be none. */
struct row_block *row_block_open(struct database *database, const struct row_shape *shape);
/* Before its database is closed. NULL is fine. */
void row_block_close(struct row_block *block);
/* row_finds_no_room: send it, and put it again; row_is_odd: it has to go in by itself. */
enum row_put row_block_put(struct row_block *block, int64_t id, const struct row_value *values);
size_t row_block_count(const struct row_block *block);
/* Into the table, inside a transaction; the block is empty afterwards. added[i]: the i-th that was put is a new row;
 * one whose id was there changes nothing. false: a failure, and nothing of the transaction can be kept. */
bool row_block_send(struct row_block *block, bool added[row_block_rows_max]);
void row_block_clear(struct row_block *block);

#endif
