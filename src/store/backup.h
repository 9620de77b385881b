/* backup.h - the file of `weir backup`: a tar (POSIX ustar) of a state folder's parts, that `tar` lists and `sha256sum
 * -c` checks, written by hand, as a header and a checksum is all there is to it.
 *
 *   weir-backup | journal/INSTANCE/o0.1 ... s0.1 ... | runtime.yaml, vault, ... | ledger.db, responses.db | SHA256SUMS
 *
 * What is read is a stranger's: names are those of the table of parts and nothing else, so that no path leaves the
 * folder; each part is a plain file; SHA256SUMS stands last and says all that came before it, in its order. */
#ifndef WEIR_STORE_BACKUP_H
#define WEIR_STORE_BACKUP_H

#include <sys/types.h>

#include "base/text.h"

enum { backup_block = 512, backup_name_most = 64, backup_sums_most = 8 * 1024 * 1024 };

enum backup_kind {
    backup_plain,    /* replaced whole when it changes: copied as it stands */
    backup_database, /* SQLite's */
    backup_left,     /* not in a backup; the table says why */
};
struct backup_part {
    struct str name; /* in the state folder; ends in *: whatever follows */
    enum backup_kind kind;
    struct str why; /* it is left out */
};
/* The state folder's files, from place 0; NULL behind the last. The journal is not among them. */
const struct backup_part *backup_part_at(size_t place);
/* Of this name. NULL: no version of weir makes it. */
const struct backup_part *backup_part_named(struct str name);
/* Does it tell of the backup, and is no part of the folder? */
bool backup_tells(struct str name);
/* May a part of a backup be called so? */
bool backup_name_is_good(struct str name);

/* -- a file's head in the tar; pure -- */

void backup_head_write(struct str name, int64_t bytes, int64_t time_s, char block[backup_block]);
/* *ends: it is a block of zeros, which ends the tar. false: *problem. */
bool backup_head_read(const char block[backup_block], char name[backup_name_most + 1], int64_t *bytes, bool *ends,
                      const char **problem);

/* -- writing -- */

struct backup_writer;
/* Into PATH.tmp (0600), which becomes PATH at the end. NULL: *problem. */
struct backup_writer *backup_begin(const char *path, int64_t time_s, char *problem, size_t size);
bool backup_add(struct backup_writer *writer, struct str name, struct str bytes);
/* What stands in the file now. */
bool backup_add_file(struct backup_writer *writer, struct str name, const char *path);
/* Synced and renamed. After it, or to give up: backup_free. false: *problem of backup_problem. */
bool backup_end(struct backup_writer *writer);
const char *backup_problem(const struct backup_writer *writer);
int64_t backup_bytes(const struct backup_writer *writer);
void backup_free(struct backup_writer *writer);

/* -- reading -- */

/* Where its bytes come from, and where they go. Each answers false for a failure, and has said why. */
struct backup_reader {
    ssize_t (*read)(void *context, char *into, size_t most); /* 0: the end; below 0: a failure */
    bool (*part)(void *context, struct str name, int64_t bytes);
    bool (*bytes)(void *context, struct str piece);
    void *context;
};
/* All of it: false, unless every part is there as SHA256SUMS says. *problem says what is wrong, and is empty where a
 * function of the reader's failed. */
bool backup_read(const struct backup_reader *reader, size_t *parts, char *problem, size_t size);

/* -- databases -- */

/* As it is at one moment, while others write. `to` is made. false: *problem. */
bool backup_database_copy(const char *from, const char *to, char *problem, size_t size);
/* Is it whole? */
bool backup_database_check(const char *path, char *problem, size_t size);

#endif
