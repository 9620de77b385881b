/* weir_restore.c - a backup back into a state folder -- weir_backup.h --: read whole into STATE_DIR/restore.tmp,
 * checked there, and only then put in its place, file by file, while STATE_DIR/restore.unfinished says so: a folder
 * where that stands is half of two states, and nobody serves with it. The folder may be a mount: nothing is moved out
 * of it. */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/memory.h"
#include "runtime/weir_backup.h"
#include "runtime/weir_internal.h"

enum { restore_path_max = 1300 };

struct restoring {
    char dir[1000], stage[1024], path[restore_path_max]; /* path: of the part that is read */
    int from, into;
    bool journal; /* has any */
    struct backup_told *told;
    char *problem;
    size_t size;
};

static bool restore_fails(struct restoring *restoring, const char *path, const char *why) {
    snprintf(restoring->problem, restoring->size, "%s: %s", path, why);
    return false;
}

static int restore_remove_one(const char *path, const struct stat *facts, int kind, struct FTW *place) {
    (void)facts, (void)place;
    return kind == FTW_DP ? rmdir(path) : unlink(path);
}

/* With all that stands in it. */
static void restore_remove(const char *path) { (void)nftw(path, restore_remove_one, 8, FTW_DEPTH | FTW_PHYS); }

static void restore_mark(const char *dir, char path[restore_path_max]) {
    snprintf(path, restore_path_max, "%.1000s/restore.unfinished", dir);
}

bool library_restore_is_unfinished(const char *state_dir) {
    char path[restore_path_max];
    restore_mark(state_dir, path);
    return access(path, F_OK) == 0;
}

/* -- reading it beside the folder's files -- */

static ssize_t restore_read(void *context, char *into, size_t most) {
    struct restoring *restoring = context;
    ssize_t got;
    do got = read(restoring->from, into, most);
    while (got < 0 && errno == EINTR);
    if (got < 0) restore_fails(restoring, "the backup cannot be read", strerror(errno));
    return got;
}

static bool restore_part_end(struct restoring *restoring) {
    if (restoring->into < 0) return true;
    bool good = fsync(restoring->into) == 0;
    good = close(restoring->into) == 0 && good;
    restoring->into = -1;
    return good || restore_fails(restoring, restoring->path, strerror(errno));
}

/* The folders of a part of the journal. */
static bool restore_folders_make(struct restoring *restoring, struct str name) {
    char path[restore_path_max];
    for (size_t at = 0; at < name.len; at++) {
        if (name.at[at] != '/') continue;
        snprintf(path, sizeof path, "%s/%.*s", restoring->stage, (int)at, name.at);
        if (mkdir(path, 0700) != 0 && errno != EEXIST) return restore_fails(restoring, path, strerror(errno));
        restoring->journal = true;
    }
    return true;
}

static bool restore_part(void *context, struct str name, int64_t bytes) {
    struct restoring *restoring = context;
    (void)bytes;
    if (!restore_part_end(restoring) || !restore_folders_make(restoring, name)) return false;
    snprintf(restoring->path, sizeof restoring->path, "%s/%.*s", restoring->stage, STR_ARG(name));
    restoring->into = open(restoring->path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (restoring->into < 0) return restore_fails(restoring, restoring->path, strerror(errno));
    restoring->told->vault = restoring->told->vault || str_eq(name, STR("vault"));
    return true;
}

static bool restore_bytes(void *context, struct str piece) {
    struct restoring *restoring = context;
    while (piece.len) {
        ssize_t put = write(restoring->into, piece.at, piece.len);
        if (put < 0 && errno == EINTR) continue;
        if (put <= 0) return restore_fails(restoring, restoring->path, strerror(errno));
        restoring->told->bytes += put;
        piece = str_slice(piece, (size_t)put, piece.len);
    }
    return true;
}

static bool restore_unpack(struct restoring *restoring, const char *file) {
    const struct backup_reader reader = {restore_read, restore_part, restore_bytes, restoring};
    char said[512] = "";
    const char *why = "";
    restoring->from = file_open(file, 0, &why);
    if (restoring->from < 0) return restore_fails(restoring, file, why);
    bool good = backup_read(&reader, &restoring->told->parts, said, sizeof said);
    good = restore_part_end(restoring) && good;
    close(restoring->from);
    if (!good && said[0]) restore_fails(restoring, file, said);
    return good;
}

/* -- checking it -- */

static bool restore_check(struct restoring *restoring, const char *file) {
    char path[restore_path_max], said[600] = "";
    const struct backup_part *part;
    for (size_t i = 0; (part = backup_part_at(i)); i++) {
        if (part->kind == backup_left) continue;
        snprintf(path, sizeof path, "%s/%.*s", restoring->stage, STR_ARG(part->name));
        bool there = access(path, F_OK) == 0;
        if (!there && (i == 0 || str_eq(part->name, STR("ledger.db"))))
            return restore_fails(restoring, file, i ? "it has no ledger.db" : "it is no backup of weir's");
        if (there && part->kind == backup_database && !backup_database_check(path, said, sizeof said))
            return restore_fails(restoring, file, said);
    }
    snprintf(path, sizeof path, "%s/ledger.db", restoring->stage);
    struct ledger *ledger = ledger_open(path, said, sizeof said); /* of a later version: refused */
    ledger_close(ledger);
    return ledger || restore_fails(restoring, file, said);
}

/* What the folder has already. */
static bool restore_is_free(struct restoring *restoring) {
    char path[restore_path_max];
    const struct backup_part *part;
    for (size_t i = 0; (part = backup_part_at(i)); i++) {
        if (part->kind == backup_left) continue;
        snprintf(path, sizeof path, "%s/%.*s", restoring->dir, STR_ARG(part->name));
        if (access(path, F_OK) == 0)
            return restore_fails(restoring, path,
                                 "there is state here already: --force replaces it, or give another folder");
    }
    return true;
}

/* -- putting it in its place -- */

static void restore_folder_sync(const char *path) {
    int folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder >= 0) (void)fsync(folder);
    if (folder >= 0) close(folder);
}

/* What was there goes, its log of changes first: that would be taken for the new one's. */
static bool restore_replace(struct restoring *restoring, struct str name) {
    static const char *const beside[] = {"-wal", "-shm", "-journal", ""};
    char from[restore_path_max], to[restore_path_max];
    for (size_t i = 0; i < sizeof beside / sizeof *beside; i++) {
        snprintf(to, sizeof to, "%s/%.*s%s", restoring->dir, STR_ARG(name), beside[i]);
        if (unlink(to) != 0 && errno != ENOENT) return restore_fails(restoring, to, strerror(errno));
    }
    snprintf(from, sizeof from, "%s/%.*s", restoring->stage, STR_ARG(name));
    return access(from, F_OK) != 0 || rename(from, to) == 0 || restore_fails(restoring, to, strerror(errno));
}

static bool restore_journal(struct restoring *restoring) {
    char from[restore_path_max], to[restore_path_max];
    snprintf(to, sizeof to, "%s/journal", restoring->dir);
    snprintf(from, sizeof from, "%s/journal", restoring->stage);
    restore_remove(to);
    return !restoring->journal || rename(from, to) == 0 || restore_fails(restoring, to, strerror(errno));
}

static bool restore_place(struct restoring *restoring) {
    char mark[restore_path_max];
    const struct backup_part *part;
    restore_mark(restoring->dir, mark);
    int file = open(mark, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    bool good = file >= 0 && fsync(file) == 0;
    if (file >= 0) close(file);
    if (!good) return restore_fails(restoring, mark, strerror(errno));
    restore_folder_sync(restoring->dir);
    for (size_t i = 1; good && (part = backup_part_at(i)); i++)
        if (part->kind != backup_left) good = restore_replace(restoring, part->name);
    good = good && restore_journal(restoring);
    if (!good) { /* the mark stays: it is neither the one state nor the other */
        size_t len = strlen(restoring->problem);
        snprintf(restoring->problem + len, restoring->size - len, "%s",
                 "; the folder is half restored now: mend that, and restore again with --force");
        return false;
    }
    restore_folder_sync(restoring->dir);
    if (unlink(mark) != 0) return restore_fails(restoring, mark, strerror(errno));
    restore_folder_sync(restoring->dir);
    return true;
}

bool library_restore(const char *file, const char *state_dir, bool forced, const struct audit_who *who,
                     struct backup_told *told, char *problem, size_t size) {
    struct restoring restoring = {.from = -1, .into = -1, .told = told, .problem = problem, .size = size};
    struct error error = {.code = error_none};
    const struct audit_entry entry = {.action = audit_backup_restore, .who = *who, .subject = str_from(file)};
    *told = (struct backup_told){.parts = 0};
    problem[0] = 0;
    if (strlen(state_dir) >= sizeof restoring.dir) return restore_fails(&restoring, "--state-dir", "it is too long");
    snprintf(restoring.dir, sizeof restoring.dir, "%s", state_dir);
    snprintf(restoring.stage, sizeof restoring.stage, "%s/restore.tmp", restoring.dir);
    if (!forced && !restore_is_free(&restoring)) return false;
    restore_remove(restoring.stage); /* of one that was cut short */
    bool good = mkdir(restoring.stage, 0700) == 0 || restore_fails(&restoring, restoring.stage, strerror(errno));
    good = good && restore_unpack(&restoring, file) && restore_check(&restoring, file);
    char ledger[ledger_place_max];
    ledger_place_of(str_from(restoring.stage), STR(""), ledger);
    if (good && !library_audit_alone(ledger, &entry, &error))
        good = restore_fails(&restoring, restoring.stage, error.message);
    good = good && restore_place(&restoring);
    restore_remove(restoring.stage);
    return good;
}
