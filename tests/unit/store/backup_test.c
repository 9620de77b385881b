/* backup_test.c - a backup's parts come back as they went, in any sizes; names that are none never do; and a journal is
 * copied so that each attempt is in the copy, whatever it is at. */
#include "store/backup.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/hash.h"
#define FOLDER_FILE "backup.tar"
#include "folder.h"
#include "store/journal.h"

static char problem[512];

static void a_files_head_is_read_as_it_was_written(void **state) {
    static const int64_t sizes[] = {0, 1, 511, 512, (1ll << 33) - 1, 1ll << 33, 1ll << 40};
    char block[backup_block], name[backup_name_most + 1];
    const char *why;
    (void)state;
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        int64_t bytes = -1;
        bool ends = true;
        backup_head_write(STR("ledger.db"), sizes[i], 1800000000, block);
        assert_true(backup_head_read(block, name, &bytes, &ends, &why) && !ends);
        assert_string_equal(name, "ledger.db");
        assert_true(bytes == sizes[i]);
        for (int at = 0; at < backup_block; at++) { /* no bit of it may be another */
            block[at] ^= 4;
            assert_false(backup_head_read(block, name, &bytes, &ends, &why));
            block[at] ^= 4;
        }
    }
    memset(block, 0, sizeof block);
    bool ends = false;
    int64_t bytes;
    assert_true(backup_head_read(block, name, &bytes, &ends, &why) && ends);
}

/* As any tar reads it: the sum of all bytes, those of the sum itself taken as blanks, in six octal digits. */
static void another_tar_reads_a_head_too(void **state) {
    char block[backup_block], sum[9], size[13], time[13];
    unsigned total = 0;
    (void)state;
    backup_head_write(STR("ledger.db"), 4711, 1800000000, block);
    for (int i = 0; i < backup_block; i++) total += i >= 148 && i < 156 ? ' ' : (unsigned char)block[i];
    snprintf(sum, sizeof sum, "%06o", total);
    snprintf(size, sizeof size, "%011o", 4711u);
    snprintf(time, sizeof time, "%011o", 1800000000u);
    assert_memory_equal(block + 148, sum, 7);
    assert_int_equal(block[155], ' ');
    assert_memory_equal(block + 124, size, 12);
    assert_memory_equal(block + 136, time, 12);
    assert_memory_equal(block + 100, "0000600\0000000000\0000000000", 24);
    assert_memory_equal(block + 156, "0", 2);
    assert_memory_equal(block + 257, "ustar\00000", 8);
    backup_head_write(STR("ledger.db"), (INT64_C(5) << 40) + 6, -1, block);
    assert_memory_equal(block + 124, "\x80\0\0\0\0\0\5\0\0\0\0\6", 12);
    assert_memory_equal(block + 136, "00000000000", 12);
}

/* One whose sum is good, and that is no file of weir's. */
static void a_head_that_is_anothers_is_refused_with_its_reason(void **state) {
    static const struct {
        int at;
        char byte;
        const char *problem; /* NULL: it is read */
    } rows[] = {{99, 0, NULL},
                {9, 'x', "it holds something that is no part of a state folder"},  /* ledger.dbx */
                {11, 'x', "it holds something that is no part of a state folder"}, /* behind the name's end */
                {99, 'x', "it holds something that is no part of a state folder"},
                {156, '5', "it holds something that is no part of a state folder"}, /* a folder */
                {157, 'x', "it holds something that is no part of a state folder"}, /* a link */
                {345, 'x', "it holds something that is no part of a state folder"}, /* a folder in front */
                {124, '8', "a part's size is none"},
                {134, '/', "a part's size is none"},
                {135, '1', "a part's size is none"},
                {257, 'U', "it is no backup of weir's, or damaged"},
                {262, 'x', "it is no backup of weir's, or damaged"}};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char block[backup_block], name[backup_name_most + 1];
        const char *why = "";
        unsigned total = 0;
        bool ends;
        int64_t bytes;
        backup_head_write(STR("ledger.db"), 4711, 1800000000, block);
        block[rows[i].at] = rows[i].byte;
        for (int at = 0; at < backup_block; at++) total += at >= 148 && at < 156 ? ' ' : (unsigned char)block[at];
        snprintf(block + 148, 8, "%06o", total);
        bool good = backup_head_read(block, name, &bytes, &ends, &why);
        if (good != !rows[i].problem || (!good && strcmp(why, rows[i].problem) != 0)) fail_msg("row %zu: %s", i, why);
    }
}

static void names_are_those_of_the_table_and_of_the_journal(void **state) {
    static const char *const good[] = {"runtime.yaml",
                                       "ledger.db",
                                       "weir-backup",
                                       "SHA256SUMS",
                                       "journal/0123456789abcdef/s0.1",
                                       "journal/0123456789abcdef/o63.999999999"};
    static const char *const bad[] = {"",
                                      ".",
                                      "/runtime.yaml",
                                      "./runtime.yaml",
                                      "runtime.yaml/",
                                      "master.key",
                                      "admin.key",
                                      "lock",
                                      "ledger.db-wal",
                                      "restore.tmp",
                                      "journal/",
                                      "journal/0123456789abcdef/",
                                      "journal/0123456789abcdef/s.1",
                                      "journal/0123456789abcdef/s0.",
                                      "journal/0123456789abcdef/s0.1/",
                                      "journal/0123456789abcdef/s0.1 ",
                                      "journal/0123456789abcdef/../x0.1",
                                      "journal/0123456789abcdeg/s0.1",
                                      "journal/../0123456789abcd/s0.1",
                                      "journal/0123456789abcdef/s0.1234567890",
                                      "journal/0123456789abcdef/s1234567.1"};
    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) assert_true(backup_name_is_good(str_from(good[i])));
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (backup_name_is_good(str_from(bad[i]))) fail_msg("`%s`", bad[i]);
}

/* -- written and read -- */

struct seen {
    int file;
    char names[8][backup_name_most + 1];
    char bytes[8][1024];
    size_t lens[8], count;
};

static ssize_t seen_read(void *context, char *into, size_t most) {
    return read(((struct seen *)context)->file, into, most < 100 ? most : 100);
}

static bool seen_part(void *context, struct str name, int64_t bytes) {
    struct seen *seen = context;
    (void)bytes;
    str_copy(seen->names[seen->count++], backup_name_most + 1, name);
    return true;
}

static bool seen_bytes(void *context, struct str piece) {
    struct seen *seen = context;
    size_t *len = &seen->lens[seen->count - 1];
    assert_true(*len + piece.len <= sizeof seen->bytes[0]);
    memcpy(seen->bytes[seen->count - 1] + *len, piece.at, piece.len);
    *len += piece.len;
    return true;
}

static bool seen_all(struct seen *seen, size_t *parts) {
    const struct backup_reader reader = {seen_read, seen_part, seen_bytes, seen};
    *seen = (struct seen){.file = open(path, O_RDONLY)};
    assert_true(seen->file >= 0);
    bool whole = backup_read(&reader, parts, problem, sizeof problem);
    close(seen->file);
    return whole;
}

static void parts_come_back_as_they_went(void **state) {
    static char large[1024];
    struct stat facts;
    struct seen seen;
    size_t parts;
    (void)state;
    struct backup_writer *writer = backup_begin(path, 1, problem, sizeof problem);
    assert_non_null(writer);
    memset(large, 'x', sizeof large);
    assert_true(backup_add(writer, STR("marks"), STR("")) && backup_add(writer, STR("vault"), STR("a")));
    assert_true(backup_add(writer, STR("health"), str_make(large, 512)));
    assert_true(backup_add(writer, STR("locks"), str_make(large, 1023)));
    assert_int_equal(stat(path, &facts), -1); /* not before it is whole */
    assert_true(backup_end(writer));
    assert_int_equal(backup_bytes(writer) % backup_block, 0);
    backup_free(writer);
    assert_true(stat(path, &facts) == 0 && (facts.st_mode & 0777) == 0600);
    assert_true(seen_all(&seen, &parts) && parts == 4 && seen.count == 4);
    assert_string_equal(seen.names[2], "health");
    assert_true(seen.lens[0] == 0 && seen.lens[1] == 1 && seen.lens[2] == 512 && seen.lens[3] == 1023);
    assert_memory_equal(seen.bytes[3], large, 1023);
}

/* Wherever it was cut, also within the zeros behind a part: what counts is what is there to its last block. */
static void a_part_that_was_cut_off_is_none(void **state) {
    static const struct {
        const char *name;
        size_t len;
    } of[] = {{"marks", 0}, {"vault", 1}, {"health", 512}, {"locks", 1023}};
    static const char large[1023];
    struct stat facts;
    struct seen seen;
    size_t parts;
    (void)state;
    struct backup_writer *writer = backup_begin(path, 1, problem, sizeof problem);
    assert_non_null(writer);
    for (size_t i = 0; i < sizeof of / sizeof *of; i++)
        assert_true(backup_add(writer, str_from(of[i].name), str_make(large, of[i].len)));
    assert_true(backup_end(writer));
    backup_free(writer);
    assert_int_equal(stat(path, &facts), 0);
    assert_true(seen_all(&seen, &parts) && parts == sizeof of / sizeof *of);
    for (off_t len = facts.st_size - backup_block - 1; len >= 0; len--) { /* one block of zeros is an end, too */
        size_t wanted = 0;
        off_t ends = 0;
        assert_int_equal(truncate(path, len), 0);
        for (size_t i = 0; i < sizeof of / sizeof *of; i++) {
            ends += backup_block + (off_t)((of[i].len + backup_block - 1) / backup_block * backup_block);
            wanted += len >= ends;
        }
        if (seen_all(&seen, &parts) || parts != wanted) fail_msg("%lld bytes: %zu parts", (long long)len, parts);
    }
}

static void what_is_given_up_leaves_nothing(void **state) {
    char temporary[300];
    (void)state;
    struct backup_writer *writer = backup_begin(path, 1, problem, sizeof problem);
    snprintf(temporary, sizeof temporary, "%s.tmp", path);
    assert_int_equal(access(temporary, F_OK), 0);
    assert_false(backup_add_file(writer, STR("marks"), "/nowhere/marks"));
    assert_non_null(strstr(backup_problem(writer), "/nowhere/marks: No such file"));
    backup_free(writer);
    assert_true(access(temporary, F_OK) != 0 && access(path, F_OK) != 0);
    assert_null(backup_begin("/nowhere/backup.tar", 1, problem, sizeof problem));
    assert_non_null(strstr(problem, "/nowhere/backup.tar.tmp: No such file"));
}

/* -- the journal -- */

struct told {
    uint64_t records[64], lost[64];
    size_t record_count, lost_count, files;
};

static bool tell(void *context, struct journal_source source, const struct record *record) {
    struct told *told = context;
    (void)source;
    if (record->numbers[record_flags] & record_lost)
        told->lost[told->lost_count++] = record->sequence;
    else
        told->records[told->record_count++] = record->sequence;
    return true;
}

/* Into another state folder. */
static bool put(void *context, struct str name, struct str bytes) {
    char to[256];
    struct told *told = context;
    snprintf(to, sizeof to, "%s/copy", folder), mkdir(to, 0700);
    snprintf(to, sizeof to, "%s/copy/journal", folder), mkdir(to, 0700);
    snprintf(to, sizeof to, "%s/copy/%.*s", folder, (int)strlen("journal/0123456789abcdef"), name.at), mkdir(to, 0700);
    snprintf(to, sizeof to, "%s/copy/%.*s", folder, STR_ARG(name));
    int file = open(to, O_WRONLY | O_CREAT | O_EXCL, 0600);
    assert_true(file >= 0 && write(file, bytes.at, bytes.len) == (ssize_t)bytes.len);
    close(file);
    if (told->files++ == 0) assert_true(str_find(name, STR("/o")) != SIZE_MAX); /* what was sent first */
    return true;
}

static void a_journal_is_copied_while_it_is_written_to(void **state) {
    char copy[128];
    struct told told = {.files = 0};
    struct journal_rest rest;
    (void)state;
    struct journal *journal = journal_open(folder, 2, 64 * journal_segment_bytes, problem, sizeof problem);
    assert_non_null(journal);
    struct record record = {.numbers = {[record_flags] = 0}, .texts = {[record_provider] = STR("one")}};
    struct journal_sent *settled = journal_send(journal, 0, &record, 0);
    assert_true(journal_add(journal, 0, &record));
    journal_settled(journal, 0, settled);
    uint64_t first = record.sequence;
    record.sequence = 0;
    assert_non_null(journal_send(journal, 1, &record, 0)); /* and it is under way */
    uint64_t sent = record.sequence;
    assert_true(journal_copy(folder, put, &told, problem, sizeof problem) && told.files >= 2);
    record.sequence = 0;
    assert_true(journal_add(journal, 0, &record)); /* after it */
    snprintf(copy, sizeof copy, "%s/copy", folder);
    assert_true(journal_replay(copy, NULL, tell, &told, &rest));
    assert_true(rest.damaged == 0 && rest.instances == 1);
    assert_true(told.record_count == 1 && told.records[0] == first);
    assert_true(told.lost_count == 1 && told.lost[0] == sent);
    journal_close(journal);
    assert_true(journal_copy("/nowhere", put, &told, problem, sizeof problem)); /* there is none */
}

/* As a kill between its making and its first byte leaves one. */
static void an_empty_file_of_a_journal_has_nothing_to_copy(void **state) {
    char place[160];
    struct told told = {.files = 0};
    (void)state;
    snprintf(place, sizeof place, "%s/journal", folder), mkdir(place, 0700);
    snprintf(place, sizeof place, "%s/journal/0123456789abcdef", folder), mkdir(place, 0700);
    for (const char *const *name = (const char *const[]){"s1.1", "o1.0", NULL}; *name; name++) {
        snprintf(place, sizeof place, "%s/journal/0123456789abcdef/%s", folder, *name);
        int file = open(place, O_WRONLY | O_CREAT | O_EXCL, 0600);
        assert_true(file >= 0);
        close(file);
    }
    assert_true(journal_copy(folder, put, &told, problem, sizeof problem));
    assert_int_equal(told.files, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
        TEST(a_files_head_is_read_as_it_was_written),
        TEST(another_tar_reads_a_head_too),
        TEST(a_head_that_is_anothers_is_refused_with_its_reason),
        TEST(names_are_those_of_the_table_and_of_the_journal),
        TEST(parts_come_back_as_they_went),
        TEST(a_part_that_was_cut_off_is_none),
        TEST(what_is_given_up_leaves_nothing),
        TEST(a_journal_is_copied_while_it_is_written_to),
        TEST(an_empty_file_of_a_journal_has_nothing_to_copy),
#undef TEST
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
