/* weir_catalog.h - the catalogue that was taken at run time: STATE_DIR/catalog.jsonl. For the command line; control
 * threads only, as it blocks. */
#ifndef WEIR_RUNTIME_WEIR_CATALOG_H
#define WEIR_RUNTIME_WEIR_CATALOG_H

#include "base/error.h"
#include "base/str.h"
#include "store/audit.h"

struct catalog_told {
    char from[1100]; /* the file that it is of; empty: built in */
    char day[16];    /* the newest of its facts; empty: it says none */
    bool named;      /* by the configuration */
    size_t providers, models;
};

/* Which catalogue `serve` would use with the configuration at this path (NULL: the environment). false: *problems says
 * why that cannot be told. */
bool library_catalog_tell(const char *path, struct catalog_told *told, char *problems, size_t size);
/* Checks the file whole, and the configuration with it; then it replaces what is kept, at once or not at all, which is
 * audited. false: *problems has a line each, and nothing was changed. */
bool library_catalog_take(const char *path, const char *file, const struct audit_who *who, struct catalog_told *told,
                          char *problems, size_t size);
/* Drops what is kept; audited. false: *problems. *was: there was one. */
bool library_catalog_drop(const char *path, const struct audit_who *who, bool *was, char *problems, size_t size);

#endif
