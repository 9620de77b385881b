/* folder.h - a folder of its own for each test of what lies on the disk, and a file in it. */
#ifndef WEIR_TESTS_UNIT_STORE_FOLDER_H
#define WEIR_TESTS_UNIT_STORE_FOLDER_H

#include <stdio.h>
#include <stdlib.h>

#include "base/hash.h"

#ifndef FOLDER_FILE
#define FOLDER_FILE "ledger.db"
#endif

static char folder[64], path[96];

static int begin(void **state) {
    (void)state;
    str_copy(folder, sizeof folder, STR("/tmp/weir-store-XXXXXX"));
    if (!hash_start() || !mkdtemp(folder)) return -1;
    snprintf(path, sizeof path, "%s/" FOLDER_FILE, folder);
    return 0;
}

static int end(void **state) {
    char command[128];
    (void)state;
    snprintf(command, sizeof command, "rm -r '%s'", folder);
    return system(command);
}

#endif
