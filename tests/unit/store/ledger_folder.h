/* ledger_folder.h - a ledger in a folder of its own. */
#ifndef WEIR_TESTS_UNIT_STORE_LEDGER_FOLDER_H
#define WEIR_TESTS_UNIT_STORE_LEDGER_FOLDER_H

#include "folder.h"
#include "store/ledger.h"

static struct ledger *opened(void) {
    char problem[512] = "";
    struct ledger *ledger = ledger_open(path, problem, sizeof problem);
    if (!ledger) fail_msg("%s", problem);
    return ledger;
}

#endif
