/* state.c - the state folder and the admin key in it: ours alone, or mended and said, or refused with the cure. */
#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/hash.h"
#include "cli/cli.h"
#include "runtime/overlay.h"
#include "runtime/weir_backup.h"

enum { admin_key_least = 16, admin_key_most = 256 };

static bool cli_state_refuse(const char *path, const char *why) {
    fprintf(stderr, "weir: %s %s\n", path, why);
    return false;
}

static bool cli_state_is_ours(const struct stat *facts) { return facts->st_uid == geteuid() || facts->st_uid == 0; }

static bool folder_mend(int folder, const char *state_dir) {
    struct stat facts;
    if (fstat(folder, &facts) != 0) return cli_state_refuse(state_dir, strerror(errno));
    if (!cli_state_is_ours(&facts) && geteuid() != 0)
        return cli_state_refuse(
            state_dir, "belongs to another user, who could replace what stands in it: take it over with chown, "
                       "or set another state_dir");
    if (!cli_state_is_ours(
            &facts)) /* root in a container, and a folder of the machine's: its owner is trusted by who mounted it */
        fprintf(stderr, "weir: warning: %s belongs to user %u, who can replace the admin key\n", state_dir,
                (unsigned)facts.st_uid);
    if (!(facts.st_mode & 022)) return true;
    if (fchmod(folder, 0700) != 0)
        return cli_state_refuse(state_dir,
                                "can be written by other users, and its rights cannot be changed: chmod 700 it, or set "
                                "another state_dir");
    fprintf(stderr,
            "weir: %s could be written by other users: its rights are 0700 now; look whether what stands in it is "
            "yours\n",
            state_dir);
    return true;
}

/* What earlier versions, or a hand, left readable. */
static bool files_mend(int folder, const char *state_dir) {
    static const char *const files[] = {"admin.key",
                                        "lock",
                                        "locks",
                                        "marks",
                                        "runtime.yaml",
                                        "runtime.yaml.lock",
                                        "responses.db",
                                        "responses.db-wal",
                                        "responses.db-shm",
                                        "cache.db",
                                        "cache.db-wal",
                                        "cache.db-shm",
                                        "health",
                                        "health.1",
                                        "health.bad",
                                        "ledger.db",
                                        "ledger.db-wal",
                                        "ledger.db-shm",
                                        "catalog.jsonl",
                                        "catalog.jsonl.lock",
                                        "vault",
                                        "vault.uses",
                                        "vault.damaged",
                                        "client.key"}; /* master.key is refused instead (store/vault.h) */
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        struct stat facts;
        char path[1200];
        if (fstatat(folder, files[i], &facts, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISREG(facts.st_mode)) continue;
        snprintf(path, sizeof path, "%s/%s", state_dir, files[i]);
        if (!cli_state_is_ours(&facts) && geteuid() != 0)
            return cli_state_refuse(path, "belongs to another user: take it over with chown, or remove it");
        if (i == 0 && facts.st_mode & 022)
            return cli_state_refuse(
                path, "can be written by other users, so nobody knows whose key it is: remove it, and the next "
                      "start makes one; or chmod 600 it if you trust it");
        if (!(facts.st_mode & 077)) continue;
        if (fchmodat(folder, files[i], 0600, 0) != 0) return cli_state_refuse(path, strerror(errno));
        fprintf(stderr, "weir: %s could be read by other users: its rights are 0600 now%s\n", path,
                i == 0 ? "; remove it for a new key if any of them may have read it" : "");
    }
    return true;
}

struct str cli_actor(char into[cli_actor_max]) {
    const struct passwd *known = getpwuid(geteuid());
    snprintf(into, cli_actor_max, "uid %u%s%.40s%s", (unsigned)geteuid(), known ? " (" : "",
             known ? known->pw_name : "", known ? ")" : "");
    return str_from(into);
}

int state_lock(const char *state_dir) {
    int lock = state_lock_to_restore(state_dir);
    if (lock < 0 || !library_restore_is_unfinished(state_dir)) return lock;
    fprintf(stderr,
            "weir: a restore was cut short in %s, which is half of two states now: run it again, with --force\n",
            state_dir);
    close(lock);
    return -1;
}

int state_lock_to_restore(const char *state_dir) {
    char path[1200];
    if (mkdir(state_dir, 0700) != 0 && errno != EEXIST) {
        fprintf(stderr, "weir: cannot make the state folder %s: %s\n", state_dir, strerror(errno));
        return -1;
    }
    int folder = open(state_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder < 0) {
        fprintf(stderr, "weir: cannot open the state folder %s: %s\n", state_dir, strerror(errno));
        return -1;
    }
    bool fine = folder_mend(folder, state_dir) && files_mend(folder, state_dir);
    close(folder);
    if (!fine) return -1;
    snprintf(path, sizeof path, "%s/lock", state_dir);
    int lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (lock < 0) {
        fprintf(stderr, "weir: cannot open %s: %s\n", path, strerror(errno));
        return -1;
    }
    if (flock(lock, LOCK_EX | LOCK_NB) == 0) return lock;
    fprintf(stderr, "weir: another weir serves with the state folder %s: stop it, or set another state_dir\n",
            state_dir);
    close(lock);
    return -1;
}

bool state_is_owned(const char *state_dir) {
    char path[1200];
    snprintf(path, sizeof path, "%s/lock", state_dir);
    int lock = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
    if (lock < 0) return false;
    bool owned = flock(lock, LOCK_EX | LOCK_NB) != 0;
    close(lock);
    return owned;
}

static bool key_make(const char *path, char *key, size_t *len) {
    struct error error = {.code = error_none};
    unsigned char bytes[24];
    random_bytes(bytes, sizeof bytes);
    memcpy(key, "weir_admin_", 11);
    hash_to_hex(bytes, sizeof bytes, key + 11);
    *len = 11 + 2 * sizeof bytes;
    key[*len] = '\n';
    if (overlay_write(path, str_make(key, *len + 1), &error)) return true; /* whole or not at all */
    fprintf(stderr, "weir: %s\n", error.message);
    return false;
}

static bool key_is_good(const char *path, struct str key) {
    for (size_t i = 0; i < key.len; i++)
        if (key.at[i] <= 0x20 || key.at[i] >= 0x7f)
            return cli_state_refuse(
                path, "holds a blank, a second line or a character that is not ASCII: no header can carry that. "
                      "Remove it, and the next start makes one");
    if (key.len >= admin_key_least && key.len <= admin_key_most) return true;
    return cli_state_refuse(
        path, key.len < admin_key_least
                  ? "holds a key that is too short to be secret: at least 16 characters are wanted. Remove it, "
                    "and the next start makes one"
                  : "holds a key that is too long: at most 256 characters are sent. Remove it, and the next "
                    "start makes one");
}

bool state_admin_key_read(const char *state_dir, char *into, size_t size) {
    char path[1200], key[admin_key_most + 64];
    size_t len = 0;
    snprintf(path, sizeof path, "%s/admin.key", state_dir);
    const char *problem = "";
    int descriptor = file_open(path, O_NOFOLLOW, &problem);
    bool absent = descriptor < 0 && errno == ENOENT, read_whole = descriptor >= 0;
    for (ssize_t got = 1; read_whole && got != 0 && len < sizeof key; len += (size_t)got)
        if ((got = read(descriptor, key + len, sizeof key - len)) < 0) {
            read_whole = false;
            got = 0;
        }
    if (descriptor >= 0) close(descriptor);
    if (!absent && !read_whole) {
        fprintf(stderr, "weir: cannot read %s: %s\n", path, descriptor < 0 ? problem : strerror(errno));
        return false;
    }
    bool fine = len > 0 || key_make(path, key, &len); /* an empty one is of a start that was cut short */
    struct str said = str_trim(str_make(key, len));
    fine = fine && key_is_good(path, said);
    if (fine) str_copy(into, size, said);
    memory_wipe(key, sizeof key);
    return fine;
}

bool state_admin_key(const char *state_dir, struct sha256 *hash) {
    char key[admin_key_most + 1];
    bool fine = state_admin_key_read(state_dir, key, sizeof key);
    if (fine) *hash = hash_sha256(str_from(key));
    memory_wipe(key, sizeof key);
    return fine;
}
