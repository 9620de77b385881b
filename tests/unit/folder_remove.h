/* folder_remove.h - a test's folder with all that is in it, at its end. */
#ifndef WEIR_TESTS_UNIT_FOLDER_REMOVE_H
#define WEIR_TESTS_UNIT_FOLDER_REMOVE_H

#include <stdio.h>
#include <stdlib.h>

/* 0: it is gone. */
static inline int folder_remove(const char *folder) {
    char command[300];
    snprintf(command, sizeof command, "rm -r '%s'", folder);
    return system(command);
}

#endif
