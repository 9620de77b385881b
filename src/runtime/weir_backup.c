/* weir_backup.c - see weir_backup.h: gathering the parts. The journals come before the ledger (journal_copy.c says
 * why), the overlay and the vault under their lock, the databases as they are at one moment each. */
#include "runtime/weir_backup.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "runtime/weir_internal.h"

enum { backup_folder_max = 1000 };

struct backing {
    const char *state_dir;
    struct backup_writer *writer;
    struct backup_told *told;
    struct text said;
    char *problem;
    size_t size;
};

static bool backing_fails(struct backing *backing) {
    if (!backing->problem[0]) snprintf(backing->problem, backing->size, "%s", backup_problem(backing->writer));
    return false;
}

static bool backing_take(void *context, struct str name, struct str bytes) {
    struct backing *backing = context;
    backing->told->parts++;
    return backup_add(backing->writer, name, bytes);
}

static bool backing_head(struct backing *backing, int64_t time_s) {
    char head[128];
    struct text text = text_in_buffer(head, sizeof head);
    text_printf(&text, "weir backup 1\nversion %s\ntime %lld\n", weir_version(), (long long)time_s);
    return backup_add(backing->writer, STR("weir-backup"), text_str(&text));
}

static bool backing_database(struct backing *backing, struct str name, const char *path, const char *file) {
    char copy[backup_folder_max + 300];
    snprintf(copy, sizeof copy, "%.1000s.%.*s.tmp", file, STR_ARG(name));
    bool good = backup_database_copy(path, copy, backing->problem, backing->size) &&
                backup_add_file(backing->writer, name, copy);
    (void)unlink(copy);
    return good;
}

/* Those of the table that are of that kind, in its order. */
static bool backing_parts(struct backing *backing, enum backup_kind kind, const char *file) {
    bool good = true;
    const struct backup_part *part;
    for (size_t i = 0; good && (part = backup_part_at(i)); i++) {
        char path[backup_folder_max + 64];
        snprintf(path, sizeof path, "%.1000s/%.*s", backing->state_dir, STR_ARG(part->name));
        if (part->kind != kind || access(path, F_OK) != 0) continue;
        good = part->kind == backup_database ? backing_database(backing, part->name, path, file)
                                             : backup_add_file(backing->writer, part->name, path);
        backing->told->parts += good;
        backing->told->vault = backing->told->vault || str_eq(part->name, STR("vault"));
    }
    return good;
}

/* What stands there and is not in the file is said. */
static void backing_rest(struct backing *backing) {
    DIR *entries = opendir(backing->state_dir);
    for (struct dirent *entry; entries && (entry = readdir(entries));) {
        struct str name = str_from(entry->d_name);
        const struct backup_part *part = backup_part_named(name);
        if (entry->d_name[0] == '.' || str_eq(name, STR("journal")) || str_ends(name, STR(".tmp"))) continue;
        if (part && (part->kind != backup_left || !part->why.len)) continue;
        struct str why = part ? part->why : STR("weir does not know it");
        text_printf(&backing->said, "%.*s is not in it: %.*s\n", STR_ARG(name), STR_ARG(why));
    }
    if (entries) closedir(entries);
}

static bool backing_gather(struct backing *backing, const char *file, int64_t time_s) {
    char overlay[overlay_path_max];
    struct error error = {.code = error_none};
    if (!backing_head(backing, time_s) ||
        !journal_copy(backing->state_dir, backing_take, backing, backing->problem, backing->size))
        return false;
    if (!overlay_path(str_from(backing->state_dir), overlay)) return false;
    int lock = overlay_lock(overlay, &error); /* nobody changes vault and overlay between the two */
    if (lock < 0) {
        snprintf(backing->problem, backing->size, "%s", error.message);
        return false;
    }
    bool good = backing_parts(backing, backup_plain, file);
    overlay_unlock(lock);
    return good && backing_parts(backing, backup_database, file); /* which may take long: no edit waits for that */
}

bool library_backup(const char *state_dir, const char *file, const struct audit_who *who, struct backup_told *told,
                    char *problem, size_t size) {
    char ledger[backup_folder_max + 16];
    struct error error = {.code = error_none};
    const int64_t time_s = library_now_s();
    const struct audit_entry entry = {.action = audit_backup_make, .who = *who, .subject = str_from(file)};
    *told = (struct backup_told){.parts = 0};
    problem[0] = 0;
    snprintf(ledger, sizeof ledger, "%.1000s/ledger.db", state_dir);
    if (access(ledger, R_OK) != 0) {
        snprintf(problem, size, "%s: %s: is it a state folder of weir's?", ledger, strerror(errno));
        return false;
    }
    struct backing backing = {.state_dir = state_dir, .told = told, .problem = problem, .size = size};
    backing.said = TEXT_IN_STRING(told->said);
    /* A folder in trouble is backed up all the same: it changes nothing. */
    if (!library_audit_alone(ledger, &entry, &error))
        text_printf(&backing.said, "the audit does not tell of this backup: %s\n", error.message);
    backing.writer = backup_begin(file, time_s, problem, size);
    bool good = backing.writer &&
                ((backing_gather(&backing, file, time_s) && backup_end(backing.writer)) || backing_fails(&backing));
    if (good) backing_rest(&backing);
    told->said[backing.said.len] = 0;
    told->bytes = backing.writer ? backup_bytes(backing.writer) : 0;
    backup_free(backing.writer);
    return good;
}
