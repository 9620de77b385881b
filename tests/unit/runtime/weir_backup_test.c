/* weir_backup_test.c - a state folder into a file and back: what is in it, what is said of the rest, what a folder is
 * like after a restore that came to nothing; and no file stays open, whatever comes of it. */
#include "runtime/weir_backup.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <sys/stat.h>

#include "../store/folder.h"
#include "runtime/weir_internal.h"

static const struct audit_who who = {.actor = STR_NONE, .address = STR_NONE, .request_id = STR_NONE};
static char file[256], other[256], problem[2048];
static struct backup_told told;

static const char *at_place(const char *dir, const char *name) {
    static char places[4][600];
    static unsigned next;
    char *place = places[next++ % 4];
    snprintf(place, sizeof places[0], "%s/%s", dir, name);
    return place;
}

static void put(const char *name, const char *bytes) {
    FILE *into = fopen(name, "w");
    assert_true(into && fputs(bytes, into) >= 0 && fclose(into) == 0);
}

static void assert_holds(const char *name, const char *wanted) {
    char bytes[256];
    FILE *from = fopen(name, "r");
    if (!from) fail_msg("%s is not there", name);
    bytes[fread(bytes, 1, sizeof bytes - 1, from)] = 0;
    fclose(from);
    assert_string_equal(bytes, wanted);
}

static bool is_there(const char *name) { return access(name, F_OK) == 0; }

/* `folder`/state with a ledger and what is beside one, `folder`/other, which is empty, and the name of a backup. */
static int backup_begin_test(void **state) {
    char ledger_problem[256];
    if (begin(state) != 0) return -1;
    snprintf(file, sizeof file, "%s/backup", folder);
    snprintf(other, sizeof other, "%s/other", folder);
    snprintf(path, sizeof path, "%s/state", folder);
    assert_true(mkdir(path, 0700) == 0 && mkdir(other, 0700) == 0);
    struct ledger *ledger = ledger_open(at_place(path, "ledger.db"), ledger_problem, sizeof ledger_problem);
    assert_non_null(ledger);
    ledger_close(ledger);
    put(at_place(path, "runtime.yaml"), "providers: {}\n");
    put(at_place(path, "marks"), "m");
    files_before = files_count();
    return 0;
}

static bool backed(void) { return library_backup(path, file, &who, &told, problem, sizeof problem); }
static bool restored(const char *from, bool forced) {
    return library_restore(from, other, forced, &who, &told, problem, sizeof problem);
}

/* The lines in the order of their letters. */
static void said_sort(char *said) {
    char *lines[64], sorted[sizeof told.said] = "";
    size_t count = 0;
    for (char *line = strtok(said, "\n"); line; line = strtok(NULL, "\n")) lines[count++] = line;
    for (size_t i = 0; i < count; i++)
        for (size_t k = i + 1; k < count; k++)
            if (strcmp(lines[k], lines[i]) < 0) {
                char *line = lines[i];
                lines[i] = lines[k], lines[k] = line;
            }
    for (size_t i = 0; i < count; i++) {
        size_t len = strlen(sorted);
        snprintf(sorted + len, sizeof sorted - len, "%s\n", lines[i]);
    }
    str_copy(said, sizeof told.said, str_from(sorted));
}

static void a_backup_has_the_table_s_parts_and_names_the_rest(void **state) {
    static const char *const beside[] = {"master.key",   "admin.key",       "lock",          "cache.db",
                                         "cache.db-wal", "half.tmp",        "mine",          "health.bad",
                                         ".hidden",      "journal-of-mine", "value.secret.1"};
    struct stat facts;
    (void)state;
    for (size_t i = 0; i < sizeof beside / sizeof *beside; i++) put(at_place(path, beside[i]), "x");
    if (!backed()) fail_msg("%s", problem);
    said_sort(told.said);
    assert_string_equal(told.said,
                        "admin.key is not in it: it opens the gateway: a restored folder makes a new one, or copy it "
                        "yourself\n"
                        "cache.db is not in it: it is a cache\n"
                        "health.bad is not in it: it is damaged\n"
                        "journal-of-mine is not in it: weir does not know it\n"
                        "master.key is not in it: it opens the vault: keep it elsewhere\n"
                        "mine is not in it: weir does not know it\n");
    assert_int_equal(told.parts, 3);
    assert_false(told.vault);
    assert_int_equal(stat(file, &facts), 0);
    assert_int_equal(facts.st_size, told.bytes);
    assert_false(is_there(at_place(folder, "backup.ledger.db.tmp")) || is_there(at_place(folder, "backup.tmp")));
    put(at_place(path, "vault"), "v");
    assert_true(backed() && told.vault && told.parts == 4);
}

/* As many as there is room to say it of, and no byte behind it. */
static void what_is_said_of_the_rest_is_cut_at_its_room(void **state) {
    char name[224];
    static struct {
        struct backup_told told;
        char behind[8];
    } place;
    (void)state;
    memset(name, 'n', sizeof name);
    for (char c = 'a'; c <= 'z'; c++) {
        name[0] = c;
        name[sizeof name - 1] = 0;
        put(at_place(path, name), "x");
    }
    memset(place.behind, '!', sizeof place.behind);
    assert_true(library_backup(path, file, &who, &place.told, problem, sizeof problem));
    const size_t len = strnlen(place.told.said, sizeof place.told.said);
    assert_in_range(len, sizeof place.told.said - 256, sizeof place.told.said - 1);
    assert_memory_equal(place.behind, "!!!!!!!!", sizeof place.behind);
}

static void what_cannot_be_backed_up_is_said_and_leaves_nothing(void **state) {
    char wanted[600];
    (void)state;
    snprintf(file, sizeof file, "%s/none/backup", folder);
    assert_false(backed());
    snprintf(wanted, sizeof wanted, "%s/none/backup.tmp: No such file or directory", folder);
    assert_string_equal(problem, wanted);
    assert_int_equal(told.bytes, 0);
    snprintf(file, sizeof file, "%s/other", folder); /* a folder */
    assert_false(backed());
    snprintf(wanted, sizeof wanted, "%s/other: Is a directory", folder);
    assert_string_equal(problem, wanted);
    assert_false(is_there(at_place(folder, "other.tmp")));
    assert_int_equal(symlink("/etc/hostname", at_place(path, "vault")), 0); /* which leads elsewhere */
    snprintf(file, sizeof file, "%s/backup", folder);
    assert_false(backed());
    assert_non_null(strstr(problem, "/state/vault: "));
    assert_false(is_there(file) || is_there(at_place(folder, "backup.tmp")));
    unlink(at_place(path, "vault"));
    put(at_place(path, "responses.db"), "no database, and longer than a head of one would be, so that it is looked at");
    assert_false(backed());
    assert_non_null(strstr(problem, "responses.db"));
    assert_false(is_there(file) || is_there(at_place(folder, "backup.responses.db.tmp")));
    unlink(at_place(path, "ledger.db"));
    assert_false(backed());
    snprintf(wanted, sizeof wanted, "%s/state/ledger.db: No such file or directory: is it a state folder of weir's?",
             folder);
    assert_string_equal(problem, wanted);
}

static void a_restore_has_all_that_the_backup_had(void **state) {
    struct stat facts;
    (void)state;
    put(at_place(path, "vault"), "v");
    assert_true(backed());
    const int64_t backed_bytes = told.bytes;
    put(at_place(other, "admin.key"), "stays");
    if (!restored(file, false)) fail_msg("%s", problem);
    assert_holds(at_place(other, "runtime.yaml"), "providers: {}\n");
    assert_holds(at_place(other, "marks"), "m");
    assert_holds(at_place(other, "vault"), "v");
    assert_holds(at_place(other, "admin.key"), "stays");
    assert_true(told.parts == 4 && told.vault && problem[0] == 0);
    assert_false(library_restore_is_unfinished(other) || is_there(at_place(other, "restore.tmp")));
    assert_int_equal(stat(at_place(other, "ledger.db"), &facts), 0);
    assert_int_equal(facts.st_mode & 0777, 0600);
    assert_in_range(told.bytes, facts.st_size, backed_bytes);
    /* Once more: not over what is there, unless it is forced; what the other folder had beside it goes. */
    assert_false(restored(file, false));
    assert_non_null(strstr(problem, ": there is state here already: --force replaces it, or give another folder"));
    put(at_place(other, "locks"), "old");
    put(at_place(other, "responses.db-wal"), "old");
    assert_int_equal(mkdir(at_place(other, "journal"), 0700), 0);
    put(at_place(other, "journal/old"), "old");
    if (!restored(file, true)) fail_msg("%s", problem);
    assert_false(is_there(at_place(other, "locks")) || is_there(at_place(other, "responses.db-wal")) ||
                 is_there(at_place(other, "journal")));
    assert_holds(at_place(other, "vault"), "v");
}

static void a_backup_that_is_none_changes_nothing(void **state) {
    char wanted[600];
    (void)state;
    assert_true(backed());
    const int64_t bytes = told.bytes;
    put(at_place(other, "mine"), "stays");
    snprintf(wanted, sizeof wanted, "%s/none: No such file or directory", folder);
    assert_false(restored(at_place(folder, "none"), false));
    assert_string_equal(problem, wanted);
    put(at_place(folder, "text"), "providers: {}\n");
    assert_false(restored(at_place(folder, "text"), false));
    assert_non_null(strstr(problem, "/text: "));
    assert_false(restored(folder, false));
    snprintf(wanted, sizeof wanted, "%s: it is a folder, and no file", folder);
    assert_string_equal(problem, wanted);
    for (int64_t len = 0; len < bytes; len += bytes / 9 + 1) { /* cut off */
        assert_true(backed() && truncate(file, len) == 0);
        assert_false(restored(file, false));
        if (!strstr(problem, "/backup: ")) fail_msg("%lld: %s", (long long)len, problem);
        assert_false(is_there(at_place(other, "restore.tmp")) || is_there(at_place(other, "ledger.db")) ||
                     library_restore_is_unfinished(other));
        assert_holds(at_place(other, "mine"), "stays");
    }
    assert_true(backed() && rmdir(other) != 0);
    snprintf(other, sizeof other, "%s/nowhere", folder);
    assert_false(restored(file, false));
    snprintf(wanted, sizeof wanted, "%s/nowhere/restore.tmp: No such file or directory", folder);
    assert_string_equal(problem, wanted);
}

/* Where a file cannot be put in its place the folder is marked, and nobody serves with it before it is mended. */
static void what_cannot_be_put_in_its_place_leaves_a_mark(void **state) {
    static const char *const stuck[] = {"vault", "ledger.db-wal"};
    (void)state;
    put(at_place(path, "vault"), "v");
    assert_true(backed());
    for (size_t i = 0; i < sizeof stuck / sizeof *stuck; i++) {
        assert_int_equal(mkdir(at_place(other, stuck[i]), 0700), 0);
        assert_false(restored(file, true));
        assert_non_null(strstr(problem, stuck[i]));
        const char *end_of =
            strstr(problem, "; the folder is half restored now: mend that, and restore again with --force");
        assert_true(end_of && !strchr(end_of, '\n'));
        assert_true(library_restore_is_unfinished(other));
        assert_false(is_there(at_place(other, "restore.tmp")));
        assert_int_equal(rmdir(at_place(other, stuck[i])), 0);
        if (!restored(file, true)) fail_msg("%s", problem);
        assert_false(library_restore_is_unfinished(other));
    }
    assert_int_equal(mkdir(at_place(other, "restore.unfinished"), 0700), 0); /* no mark can be made: nothing begins */
    put(at_place(other, "vault"), "as it was");
    assert_false(restored(file, true));
    assert_non_null(strstr(problem, "restore.unfinished: Is a directory"));
    assert_null(strstr(problem, "half restored"));
    assert_holds(at_place(other, "vault"), "as it was");
}

#define BACKUP_TEST(name) cmocka_unit_test_setup_teardown(name, backup_begin_test, end)

int main(void) {
    const struct CMUnitTest tests[] = {
        BACKUP_TEST(a_backup_has_the_table_s_parts_and_names_the_rest),
        BACKUP_TEST(what_is_said_of_the_rest_is_cut_at_its_room),
        BACKUP_TEST(what_cannot_be_backed_up_is_said_and_leaves_nothing),
        BACKUP_TEST(a_restore_has_all_that_the_backup_had),
        BACKUP_TEST(a_backup_that_is_none_changes_nothing),
        BACKUP_TEST(what_cannot_be_put_in_its_place_leaves_a_mark),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
