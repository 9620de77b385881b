/* journal_given_test.c - what was given without a provider is counted once for each that was, whatever ends meanwhile.
 */
#include "store/journal_internal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <dirent.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

enum { minute_ms = 60000 };
static char folder[64];

static int begin(void **state) {
    (void)state;
    str_copy(folder, sizeof folder, STR("/tmp/weir-given-XXXXXX"));
    return mkdtemp(folder) ? 0 : -1;
}

static int end(void **state) {
    char command[128];
    (void)state;
    snprintf(command, sizeof command, "rm -r '%s'", folder);
    return system(command);
}

static struct journal *opened(void) {
    char problem[256] = "";
    struct journal *journal = journal_open(folder, 2, SIZE_MAX, problem, sizeof problem);
    if (!journal) fail_msg("%s", problem);
    return journal;
}

static void provide(struct journal *journal) {
    char problem[256] = "";
    if (!journal_provide(journal, problem, sizeof problem)) fail_msg("%s", problem);
}

static bool give(struct journal *journal, unsigned worker, const char *client, const char *tags, int64_t minute,
                 int64_t saved) {
    struct record record = {.kind = record_of_given,
                            .texts = {[record_client] = str_from(client), [record_provider] = STR("p")},
                            .given = {[record_given_cache_hits] = 1, [record_given_saved_nano_usd] = saved}};
    for (size_t i = 0; i < record_numbers; i++) record.numbers[i] = -1;
    record.numbers[record_time_ms] = minute * minute_ms;
    record.words[record_tags] = journal_word(journal, str_from(tags));
    return journal_give(journal, worker, &record);
}

/* As the ledger does it: by each place's identity what it had been told before. */
enum { rows_max = 8192 };
struct ledger_alike {
    struct row {
        uint64_t instance, sequence;
        unsigned worker;
        int64_t hits, saved;
        bool has_words, knows_words, is_others;
    } rows[rows_max];
    size_t count, told, word_count;
    struct hash_tag words[64];
    int64_t hits, saved;
    size_t most; /* it takes so many; 0: all */
};

static bool take(void *context, struct journal_source source, const struct record *record) {
    struct ledger_alike *alike = context;
    if (alike->most && alike->told == alike->most) return false;
    if (record->kind == record_of_word) alike->words[alike->word_count++ % 64] = record->words[0].tag;
    if (record->kind != record_of_given) return true;
    alike->told++;
    struct row *row = alike->rows;
    while (row->sequence &&
           (row->instance != source.instance || row->worker != source.worker || row->sequence != record->sequence))
        row++;
    assert_true(row < alike->rows + rows_max);
    *row = (struct row){source.instance,
                        record->sequence,
                        source.worker,
                        row->hits,
                        row->saved,
                        record_has_word(&record->words[record_tags]),
                        false};
    row->is_others = str_eq(record->texts[record_client], STR("(other)"));
    for (size_t i = 0; i < alike->word_count && i < 64; i++)
        row->knows_words |= memcmp(&alike->words[i], &record->words[record_tags].tag, sizeof alike->words[i]) == 0;
    assert_true(record->given[record_given_cache_hits] >= row->hits);
    alike->hits += record->given[record_given_cache_hits] - row->hits;
    alike->saved += record->given[record_given_saved_nano_usd] - row->saved;
    row->hits = record->given[record_given_cache_hits];
    row->saved = record->given[record_given_saved_nano_usd];
    return true;
}

static struct ledger_alike alike;

static size_t tell(struct journal *journal) {
    size_t count = journal_tell(journal, 100000, take, &alike);
    journal_keep(journal);
    return count;
}

static size_t files(char kind) {
    char path[600];
    size_t count = 0;
    snprintf(path, sizeof path, "%s/journal", folder);
    DIR *entries = opendir(path);
    for (struct dirent *entry; entries && (entry = readdir(entries));) {
        if (entry->d_name[0] == '.') continue;
        snprintf(path, sizeof path, "%s/journal/%.32s", folder, entry->d_name);
        DIR *inside = opendir(path);
        for (struct dirent *file; inside && (file = readdir(inside));) count += file->d_name[0] == kind;
        if (inside) closedir(inside);
    }
    if (entries) closedir(entries);
    return count;
}

static void each_counts_once_and_only_what_changed_is_told(void **state) {
    (void)state;
    memset(&alike, 0, sizeof alike);
    struct journal *journal = opened();
    for (int i = 0; i < 1000; i++) assert_true(give(journal, 0, "app", "", 5, 3));
    assert_true(give(journal, 0, "other", "", 5, 3) && give(journal, 1, "app", "", 5, 3));
    assert_int_equal(tell(journal), 3);
    assert_int_equal(alike.hits, 1002);
    assert_int_equal(alike.saved, 3006);
    assert_int_equal(tell(journal), 0);
    assert_true(give(journal, 1, "app", "", 5, 4));
    assert_int_equal(tell(journal), 1);
    assert_int_equal(alike.hits, 1003);
    assert_int_equal(alike.saved, 3010);
    journal_close(journal);
    assert_int_equal(files('g') + files('s'), 0);
}

static void what_was_not_kept_is_told_again(void **state) {
    (void)state;
    memset(&alike, 0, sizeof alike);
    struct journal *journal = opened();
    assert_true(give(journal, 0, "app", "", 5, 1) && give(journal, 0, "other", "", 5, 1));
    alike.most = 1;
    journal_tell(journal, 100, take, &alike);
    journal_again(journal);
    memset(&alike, 0, sizeof alike); /* as a transaction that was undone */
    assert_int_equal(tell(journal), 2);
    assert_int_equal(alike.hits, 2);
    journal_again(journal);
    assert_int_equal(tell(journal), 0);
    journal_close(journal);
}

/* Whatever of it had been told, and whether or not that was kept. */
static void a_killed_process_loses_and_doubles_none(void **state) {
    (void)state;
    for (int kept = 0; kept < 3; kept++) {
        struct journal_rest rest;
        memset(&alike, 0, sizeof alike);
        struct journal *journal = opened();
        for (int i = 0; i < 7; i++) assert_true(give(journal, 0, "app", "env=a", 5, 2));
        if (kept) journal_tell(journal, 100, take, &alike);
        if (kept == 2) journal_keep(journal);
        for (int i = 0; i < 3; i++) assert_true(give(journal, 0, "app", "env=a", 5 + i % 2, 2));
        assert_true(journal_replay(folder, NULL, take, &alike, &rest)); /* as the files stand at this moment */
        assert_int_equal(rest.damaged, 0);
        assert_int_equal(alike.hits, 10);
        assert_int_equal(alike.saved, 20);
        for (size_t i = 0; i < rows_max; i++) assert_true(!alike.rows[i].sequence || alike.rows[i].knows_words);
        assert_true(journal_replay(folder, NULL, take, &alike, &rest));
        assert_int_equal(alike.hits, 10);
        journal_close(journal);
        journal_replayed(folder, NULL);
        assert_int_equal(files('g'), 0);
    }
}

static void words_are_told_before_what_has_them(void **state) {
    (void)state;
    memset(&alike, 0, sizeof alike);
    struct journal *journal = opened();
    assert_true(give(journal, 0, "app", "env=a", 5, 1) && give(journal, 0, "app", "env=b", 5, 1));
    assert_int_equal(tell(journal), 4);
    for (size_t i = 0; i < 2; i++) assert_true(alike.rows[i].has_words && alike.rows[i].knows_words);
    journal_close(journal);
}

/* Hours of minutes go through the places of one file: each is given back when its minute is over and kept. */
static void places_of_minutes_that_are_over_are_used_again(void **state) {
    (void)state;
    memset(&alike, 0, sizeof alike);
    struct journal *journal = opened();
    for (int minute = 0; minute < 400; minute++) {
        for (int i = 0; i < 20; i++) {
            char client[16];
            snprintf(client, sizeof client, "c%d", i);
            if (!give(journal, 0, client, "", 100 + minute, 1)) fail_msg("minute %d", minute);
        }
        provide(journal);
        tell(journal);
        tell(journal); /* those that have ended are seen */
    }
    assert_int_equal(alike.hits, 400 * 20);
    assert_true(files('g') <= 2 * 3);
    uint64_t instance;
    assert_int_equal(journal_given_until(journal, INT64_MAX, &instance), (100 + 399) * (int64_t)minute_ms);
    journal_close(journal);
}

/* Of callers' words without end: what finds no room is told without them, and none is lost. */
static void more_kinds_than_there_is_room_for_lose_their_words(void **state) {
    enum { kinds = 6000 };
    (void)state;
    memset(&alike, 0, sizeof alike);
    struct journal *journal = opened();
    for (int i = 0; i < kinds; i++) {
        char tags[32];
        snprintf(tags, sizeof tags, "n=%d", i);
        if (journal_wants_places(journal, 0) || journal_wants_room(journal, 0)) provide(journal);
        if (!give(journal, 0, "app", tags, 5, 1)) fail_msg("of %d", i);
    }
    assert_false(journal_wants_places(journal, 0)); /* there is no more, and nobody is woken for it */
    tell(journal);
    assert_int_equal(alike.hits, kinds);
    size_t without = 0;
    for (size_t i = 0; i < rows_max; i++) without += alike.rows[i].sequence && !alike.rows[i].has_words;
    assert_int_equal(without, 1);
    assert_int_equal(files('g'), 32 * 7 / 8 + 1 + 1 + 1); /* no file is begun before one is full */
    journal_close(journal);
}

/* Nobody makes room: what finds no place is told under no name, and nothing is lost. */
static void without_room_it_is_told_under_no_name(void **state) {
    (void)state;
    memset(&alike, 0, sizeof alike);
    struct journal *journal = opened();
    for (int i = 0; i < 1000; i++) {
        char client[16];
        snprintf(client, sizeof client, "c%d", i);
        assert_true(give(journal, 0, client, "", 5, 1));
    }
    tell(journal);
    assert_int_equal(alike.hits, 1000);
    size_t named = 0;
    int64_t others = 0;
    for (size_t i = 0; i < rows_max; i++) {
        named += alike.rows[i].sequence && !alike.rows[i].is_others;
        others += alike.rows[i].is_others ? alike.rows[i].hits : 0;
    }
    assert_int_equal(named, journal_given_places - 1);
    assert_int_equal(others, 1000 - named);
    journal_close(journal);
}

/* While one half of the kinds is with the reader, the other has room. */
static void of_kinds_without_end_none_is_lost_while_they_are_kept(void **state) {
    enum { kinds = 20000 };
    (void)state;
    struct journal *journal = opened();
    for (int i = 0; i < kinds; i++) {
        char client[16];
        snprintf(client, sizeof client, "c%d", i);
        if (journal_wants_places(journal, 0)) provide(journal);
        assert_true(give(journal, 0, client, "", 5, 1));
        if (i % 1000 != 999) continue;
        memset(&alike, 0,
               sizeof alike); /* of open places what was told before is told again: only names are looked at */
        tell(journal);
        for (size_t k = 0; k < rows_max; k++) assert_true(!alike.rows[k].is_others || !alike.rows[k].hits);
    }
    journal_close(journal);
}

static bool copy(void *context, struct str name, struct str bytes) {
    char path[600];
    snprintf(path, sizeof path, "%s/%.*s", (const char *)context, STR_ARG(name));
    char *last = strrchr(path, '/');
    *last = 0;
    (void)mkdir(path, 0700);
    *last = '/';
    FILE *file = fopen(path, "w");
    if (!file) return false;
    return fwrite(bytes.at, 1, bytes.len, file) == bytes.len && fclose(file) == 0;
}

static void a_backup_has_what_the_ledger_has_not(void **state) {
    char to[200], problem[300];
    struct journal_rest rest;
    (void)state;
    memset(&alike, 0, sizeof alike);
    struct journal *journal = opened();
    assert_true(give(journal, 0, "app", "env=a", 5, 2) && give(journal, 1, "app", "", 5, 2));
    tell(journal);
    assert_true(give(journal, 0, "app", "env=a", 5, 2) && give(journal, 0, "other", "env=b", 5, 2));
    snprintf(to, sizeof to, "%s/copy", folder);
    assert_true(mkdir(to, 0700) == 0);
    snprintf(to, sizeof to, "%s/copy/journal", folder);
    assert_true(mkdir(to, 0700) == 0);
    snprintf(to, sizeof to, "%s/copy", folder);
    assert_true(journal_copy(folder, copy, to, problem, sizeof problem));
    assert_int_equal(alike.hits, 2);
    assert_true(journal_replay(to, NULL, take, &alike, &rest));
    assert_int_equal(rest.damaged, 0);
    assert_int_equal(alike.hits, 4);
    assert_int_equal(alike.saved, 8);
    for (size_t i = 0; i < rows_max; i++) assert_true(!alike.rows[i].has_words || alike.rows[i].knows_words);
    journal_close(journal);
}

static void a_damaged_place_is_left_and_the_others_are_told(void **state) {
    char path[600];
    struct journal_rest rest;
    (void)state;
    memset(&alike, 0, sizeof alike);
    struct journal *journal = opened();
    for (int i = 0; i < 3; i++) {
        char client[16];
        snprintf(client, sizeof client, "c%d", i);
        assert_true(give(journal, 0, client, "", 5, 1));
    }
    snprintf(path, sizeof path, "%s/journal/%016llx/g0.1", folder, (unsigned long long)journal_instance(journal));
    FILE *file = fopen(path, "r+");
    assert_non_null(file);
    assert_int_equal(fseek(file, journal_given_bytes + 100, SEEK_SET), 0);
    fputs("harm", file);
    fclose(file);
    assert_true(journal_replay(folder, NULL, take, &alike, &rest));
    assert_int_equal(rest.damaged, 1);
    assert_int_equal(alike.hits, 2);
    journal_close(journal);
}

struct giving {
    struct journal *journal;
    unsigned worker;
    _Atomic unsigned *left;
};
enum { given_each = 40000 };

static void *give_many(void *context) {
    const struct giving *giving = context;
    for (int i = 0; i < given_each; i++) {
        char client[16];
        snprintf(client, sizeof client, "c%d", i % 7);
        while (!give(giving->journal, giving->worker, client, "", i / 100, 1)) sched_yield();
    }
    atomic_fetch_sub(giving->left, 1);
    return NULL;
}

/* Two workers give, one thread tells, keeps, fails, and makes room: minutes go by in a hundredth of their time. */
static void workers_and_the_one_that_tells_at_once(void **state) {
    struct giving giving[2];
    pthread_t threads[2];
    _Atomic unsigned left = 2;
    (void)state;
    memset(&alike, 0, sizeof alike);
    struct journal *journal = opened();
    for (unsigned i = 0; i < 2; i++) {
        giving[i] = (struct giving){journal, i, &left};
        assert_int_equal(pthread_create(&threads[i], NULL, give_many, &giving[i]), 0);
    }
    while (atomic_load(&left)) {
        provide(journal);
        tell(journal);
    }
    for (unsigned i = 0; i < 2; i++) pthread_join(threads[i], NULL);
    tell(journal);
    assert_int_equal(alike.hits, 2 * given_each);
    assert_int_equal(alike.saved, 2 * given_each);
    journal_close(journal);
    assert_int_equal(files('g'), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
        TEST(each_counts_once_and_only_what_changed_is_told),
        TEST(what_was_not_kept_is_told_again),
        TEST(a_killed_process_loses_and_doubles_none),
        TEST(words_are_told_before_what_has_them),
        TEST(places_of_minutes_that_are_over_are_used_again),
        TEST(more_kinds_than_there_is_room_for_lose_their_words),
        TEST(without_room_it_is_told_under_no_name),
        TEST(of_kinds_without_end_none_is_lost_while_they_are_kept),
        TEST(a_backup_has_what_the_ledger_has_not),
        TEST(a_damaged_place_is_left_and_the_others_are_told),
        TEST(workers_and_the_one_that_tells_at_once),
    };
    return hash_start() ? cmocka_run_group_tests(tests, NULL, NULL) : 1;
}
