/* catalog_row.h - one line of a catalogue: its members checked against a table and read. For catalog.c. */
#ifndef WEIR_SNAPSHOT_CATALOG_ROW_H
#define WEIR_SNAPSHOT_CATALOG_ROW_H

#include "dialect/json.h"
#include "snapshot/catalog.h"

/* What a row is about; each says which members it may have. */
enum catalog_row_kind { row_provider, row_model, row_extends, catalog_row_kinds };

struct catalog_row {
    const struct json_value *object;
    enum catalog_row_kind kind;
    unsigned line;
    const struct catalog_reader *reader; /* NULL: the row was checked before, nothing is told */
    struct arena *arena;                 /* what is kept */
    bool good;
};

/* Which kind of row it is, and that it has no member but that kind's. false: told. */
bool catalog_row_check(struct catalog_row *row);
/* Over what `provider` holds already: a member that is absent leaves it. row->good: nothing was told. */
void catalog_provider_read(struct catalog_row *row, struct catalog_provider *provider);
/* The same for a model, which catalog_model_begin made. */
void catalog_model_read(struct catalog_row *row, struct catalog_model *model);
/* The members that a model's row may have, from 0; empty behind the last. */
struct str catalog_model_member(size_t i);
/* Tells of a fault of this row. */
void catalog_row_report(struct catalog_row *row, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
