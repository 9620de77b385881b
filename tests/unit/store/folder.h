/* folder.h - a folder of its own for each test of what lies on the disk, and a file in it. Where WEIR_TEST_POSTGRES
 * names a server (postgresql://...), a ledger lies there in a schema of its own, in place of the file. */
#ifndef WEIR_TESTS_UNIT_STORE_FOLDER_H
#define WEIR_TESTS_UNIT_STORE_FOLDER_H

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../folder_remove.h"
#include "base/hash.h"
#include "store/database.h"

#ifndef FOLDER_FILE
#define FOLDER_FILE "ledger.db"
#endif

static char folder[64], path[256];
static int files_before;

/* How many are open. */
static inline int files_count(void) {
    int count = 0;
    for (int file = 0; file < 1024; file++) count += fcntl(file, F_GETFD) >= 0;
    return count;
}

static inline bool in_a_file(void) { return !database_place_is_url(str_from(path)); }
/* For tests of what only a file can be. */
#define ONLY_A_FILE \
    if (!in_a_file()) skip()

static inline int schema_make(const char *url) {
    static unsigned made;
    char problem[512] = "", sql[96], schema[48];
    snprintf(schema, sizeof schema, "t%d_%u", (int)getpid(), made++);
    struct database *database = database_open(url, database_makes, problem, sizeof problem);
    snprintf(sql, sizeof sql, "CREATE SCHEMA %s", schema);
    bool good = database && database_care(database, database_careless) && database_run(database, sql);
    if (!good) fprintf(stderr, "%s\n", database ? database_problem(database) : problem);
    database_close(database);
    snprintf(path, sizeof path, "%s%coptions=-csearch_path%%3D%s", url, strchr(url, '?') ? '&' : '?', schema);
    return good ? 0 : -1;
}

static int begin(void **state) {
    (void)state;
    str_copy(folder, sizeof folder, STR("/tmp/weir-store-XXXXXX"));
    if (!hash_start() || !mkdtemp(folder)) return -1;
    snprintf(path, sizeof path, "%s/" FOLDER_FILE, folder);
    files_before = files_count();
    const char *url = strcmp(FOLDER_FILE, "ledger.db") == 0 ? getenv("WEIR_TEST_POSTGRES") : NULL;
    return url ? schema_make(url) : 0;
}

static int end(void **state) {
    (void)state;
    if (files_count() != files_before) return fprintf(stderr, "a file was left open\n"), 1;
    return folder_remove(folder);
}

#endif
