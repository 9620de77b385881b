/* weir_backup.h - a state folder into one file (store/backup.h), while whoever has it goes on, and back. For the
 * command line; blocks. */
#ifndef WEIR_RUNTIME_WEIR_BACKUP_H
#define WEIR_RUNTIME_WEIR_BACKUP_H

#include "store/audit.h"
#include "store/backup.h"

struct backup_told {
    size_t parts;
    int64_t bytes;
    bool vault; /* there is one: master.key opens it, and is not in the file */
    /* A line each: what was left out and why; what else to know. */
    char said[4096];
};
/* Loses nothing that was sent to a provider before it began; an attempt that is under way is in it as one. false:
 * *problem, and `file` is as it was. */
bool library_backup(const char *state_dir, const char *file, const struct audit_who *who, struct backup_told *told,
                    char *problem, size_t size);

/* Checks all of it beside the folder's files, and then puts them in their place; what was there and is in no backup
 * (admin.key, master.key) stays. The folder is locked by the caller. `forced`: state that is there is replaced. false:
 * *problem; the folder is as it was, unless it says otherwise. */
bool library_restore(const char *file, const char *state_dir, bool forced, const struct audit_who *who,
                     struct backup_told *told, char *problem, size_t size);
/* A restore was cut short here while it put the files in their place: it is half one state and half another. */
bool library_restore_is_unfinished(const char *state_dir);

#endif
