/* state_test.c - the state folder and its key: whose they may be, what is mended and said, what is refused. */
#include "cli/cli.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "said.h"

enum { one = 12345, other = 23456 }; /* users */

static char folder[64];
static const char *const names[] = {"admin.key",       "lock",
                                    "locks",           "marks",
                                    "runtime.yaml",    "runtime.yaml.lock",
                                    "responses.db",    "responses.db-wal",
                                    "responses.db-shm"};
enum { names_count = sizeof names / sizeof *names };

static const char *path_of(const char *name) {
    static char path[128];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static int begin(void **state) {
    (void)state;
    snprintf(folder, sizeof folder, "/tmp/weir-test-XXXXXX");
    return mkdtemp(folder) ? 0 : 1;
}

static int end(void **state) {
    (void)state;
    for (size_t i = 0; i < names_count; i++) unlink(path_of(names[i]));
    return rmdir(folder);
}

static void write_file(const char *name, const char *content, size_t len, mode_t rights) {
    int descriptor = open(path_of(name), O_WRONLY | O_CREAT | O_TRUNC, 0600);
    assert_true(descriptor >= 0 && write(descriptor, content, len) == (ssize_t)len);
    assert_int_equal(fchmod(descriptor, rights), 0);
    close(descriptor);
}

static mode_t rights_of(const char *path) {
    struct stat facts;
    assert_int_equal(stat(path, &facts), 0);
    return facts.st_mode & 0777;
}

/* Takes the lock and gives it back. What was said; NULL: refused, and that was said in `said`. */
static bool is_taken(struct said *said) {
    said_begin(said, stderr);
    int lock = state_lock(folder);
    said_end(said);
    if (lock >= 0) close(lock);
    return lock >= 0;
}

static void one_process_serves_with_a_folder(void **state) {
    struct said said;
    (void)state;
    said_begin(&said, stderr);
    int lock = state_lock(folder);
    assert_string_equal(said_end(&said), "");
    assert_true(lock >= 0);
    assert_int_equal(rights_of(path_of("lock")), 0600);
    assert_false(is_taken(&said));
    assert_non_null(strstr(said.text, "another weir serves with the state folder"));
    close(lock);
    assert_true(is_taken(&said));
}

static void a_folder_that_others_can_write_is_mended(void **state) {
    static const struct {
        mode_t before, after;
    } rows[] = {{0700, 0700}, {0755, 0755}, {0777, 0700}, {0720, 0700}, {0702, 0700}, {0750, 0750}, {0730, 0700}};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct said said;
        assert_int_equal(chmod(folder, rows[i].before), 0);
        assert_true(is_taken(&said));
        assert_int_equal(rights_of(folder), rows[i].after);
        assert_int_equal(strstr(said.text, "could be written by other users") != NULL, rows[i].before != rows[i].after);
    }
}

/* Each of them, whoever may read or write it; but a key that others could have written is nobody's. */
static void a_file_that_others_can_read_or_write_is_mended(void **state) {
    static const mode_t rights[] = {0600, 0640, 0604, 0660, 0666, 0601, 0400};
    (void)state;
    for (size_t i = 0; i < names_count; i++)
        for (size_t r = 0; r < sizeof rights / sizeof *rights; r++) {
            struct said said;
            write_file(names[i], "", 0, rights[r]);
            bool refused = i == 0 && rights[r] & 022, mended = !refused && rights[r] & 077;
            assert_int_equal(is_taken(&said), !refused);
            assert_int_equal(rights_of(path_of(names[i])), mended ? 0600 : rights[r]);
            if ((strstr(said.text, "its rights are 0600 now") != NULL) != mended)
                fail_msg("%s: %s", names[i], said.text);
            assert_int_equal(strstr(said.text, "remove it for a new key") != NULL, mended && i == 0);
            assert_int_equal(strstr(said.text, "can be written by other users") != NULL, refused);
            unlink(path_of(names[i]));
        }
}

/* Who may be trusted with it: its user, and root. */
static void what_belongs_to_another_user_is_refused_and_told_to_root(void **state) {
    static const struct {
        uid_t folder, file, user;
        const char *said; /* NULL: nothing, and it is taken */
        bool taken;
    } rows[] = {
        {0, 0, 0, NULL, true},
        {one, one, one, NULL, true},
        {one, 0, one, NULL, true},
        {one, other, 0, "warning: /tmp/weir-test", true},
        {one, 0, 0, "belongs to user 12345, who can replace the admin key", true},
        {other, other, one, "belongs to another user, who could replace", false},
        {one, other, one, "marks belongs to another user", false},
    };
    (void)state;
    if (geteuid() != 0) skip();
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct said said;
        write_file("marks", "", 0, 0600);
        assert_int_equal(chown(path_of("marks"), rows[i].file, (gid_t)-1), 0);
        assert_int_equal(chown(folder, rows[i].folder, (gid_t)-1), 0);
        assert_int_equal(chmod(folder, 0755), 0);
        unlink(path_of("lock"));
        assert_int_equal(seteuid(rows[i].user), 0);
        bool taken = is_taken(&said);
        assert_int_equal(seteuid(0), 0);
        if (taken != rows[i].taken || (rows[i].said ? !strstr(said.text, rows[i].said) : said.text[0]))
            fail_msg("row %zu: %d %s", i, taken, said.text);
    }
}

static void a_folder_that_cannot_be_made_or_is_none_is_said(void **state) {
    char path[128];
    struct said said;
    (void)state;
    said_begin(&said, stderr);
    assert_int_equal(state_lock("/dev/null/state"), -1);
    assert_non_null(strstr(said_end(&said), "cannot make the state folder /dev/null/state: "));
    write_file("marks", "", 0, 0600);
    snprintf(path, sizeof path, "%s", path_of("marks"));
    said_begin(&said, stderr);
    assert_int_equal(state_lock(path), -1);
    assert_non_null(strstr(said_end(&said), "cannot open the state folder "));
    assert_int_equal(symlink("/dev/null", path_of("lock")), 0);
    assert_false(is_taken(&said)); /* it leads elsewhere */
    assert_non_null(strstr(said.text, "cannot open "));
}

/* -- the admin key -- */

static void a_key_is_made_once_and_read_again(void **state) {
    struct sha256 made, read;
    char key[128];
    (void)state;
    assert_true(state_admin_key(folder, &made));
    assert_int_equal(rights_of(path_of("admin.key")), 0600);
    FILE *file = fopen(path_of("admin.key"), "r");
    assert_true(file && fgets(key, sizeof key, file));
    fclose(file);
    assert_int_equal(strlen(key), strlen("weir_admin_") + 48 + 1);
    assert_memory_equal(key, "weir_admin_", 11);
    assert_int_equal(strspn(key + 11, "0123456789abcdef"), 48);
    assert_string_equal(key + 11 + 48, "\n");
    assert_true(state_admin_key(folder, &read));
    assert_memory_equal(&made, &read, sizeof made);
    unlink(path_of("admin.key"));
    assert_true(state_admin_key(folder, &read));
    assert_memory_not_equal(&made, &read, sizeof made); /* nobody knows the next from the last */
}

/* A key of this many letters, between these words; what is wrong with it (NULL: nothing). */
static void a_key_of_ones_own_is_one_word_of_16_to_256_characters(void **state) {
    static const struct {
        size_t letters;
        const char *before, *after, *wrong;
    } rows[] = {
        {15, "", "", "too short"},
        {16, "", "", NULL},
        {256, "", "", NULL},
        {257, "", "", "too long"},
        {16, " ", "\n", NULL},
        {256, "\t", "\r\n", NULL},
        {16, "a ", "", "holds a blank"},
        {16, "a\nb", "", "holds a blank"},
        {16, "a\x1f", "", "holds a blank"},
        {16, "a\x7f", "b", "holds a blank"},
        {16, "!", "~", NULL},
        {16, "\xc3\xa4", "", "holds a blank"},
        {0, " ", "\n", "too short"},
        {400, "", "", "too long"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char content[512];
        struct said said;
        struct sha256 hash, wanted;
        size_t before = strlen(rows[i].before);
        memcpy(content, rows[i].before, before);
        memset(content + before, 'k', rows[i].letters);
        snprintf(content + before + rows[i].letters, 8, "%s", rows[i].after);
        write_file("admin.key", content, strlen(content), 0600);
        said_begin(&said, stderr);
        bool fine = state_admin_key(folder, &hash);
        said_end(&said);
        if (fine != !rows[i].wrong || (rows[i].wrong ? !strstr(said.text, rows[i].wrong) : said.text[0]))
            fail_msg("row %zu: %d %s", i, fine, said.text);
        wanted = hash_sha256(str_trim(str_from(content)));
        if (fine) assert_memory_equal(&hash, &wanted, sizeof wanted);
    }
}

static void an_empty_key_is_made_anew_and_one_that_cannot_be_read_is_said(void **state) {
    struct said said;
    struct sha256 hash;
    (void)state;
    write_file("admin.key", "", 0, 0600);
    assert_true(state_admin_key(folder, &hash));
    unlink(path_of("admin.key"));
    assert_int_equal(symlink("/etc/hostname", path_of("admin.key")), 0);
    said_begin(&said, stderr);
    assert_false(state_admin_key(folder, &hash));
    assert_non_null(strstr(said_end(&said), "cannot read "));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(one_process_serves_with_a_folder, begin, end),
        cmocka_unit_test_setup_teardown(a_folder_that_others_can_write_is_mended, begin, end),
        cmocka_unit_test_setup_teardown(a_file_that_others_can_read_or_write_is_mended, begin, end),
        cmocka_unit_test_setup_teardown(what_belongs_to_another_user_is_refused_and_told_to_root, begin, end),
        cmocka_unit_test_setup_teardown(a_folder_that_cannot_be_made_or_is_none_is_said, begin, end),
        cmocka_unit_test_setup_teardown(a_key_is_made_once_and_read_again, begin, end),
        cmocka_unit_test_setup_teardown(a_key_of_ones_own_is_one_word_of_16_to_256_characters, begin, end),
        cmocka_unit_test_setup_teardown(an_empty_key_is_made_anew_and_one_that_cannot_be_read_is_said, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
