/* journal_test.c - every record is told once to who keeps it, over the ends of segments, threads and processes. */
#include "base/hash.h"
#include "store/journal_internal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

static char folder[64];
static int files_before;

/* How many are open. */
static int files_count(void) {
    int count = 0;
    for (int file = 0; file < 1024; file++) count += fcntl(file, F_GETFD) >= 0;
    return count;
}

static int begin(void **state) {
    (void)state;
    str_copy(folder, sizeof folder, STR("/tmp/weir-journal-XXXXXX"));
    if (!hash_start()) return -1;
    files_before = files_count();
    return mkdtemp(folder) ? 0 : -1;
}

static int end(void **state) {
    char command[128];
    (void)state;
    snprintf(command, sizeof command, "rm -r '%s'", folder);
    if (files_count() != files_before) return fprintf(stderr, "a file was left open\n"), 1;
    return system(command);
}

static struct journal *opened(unsigned workers, size_t bytes_max) {
    char problem[256] = "";
    struct journal *journal = journal_open(folder, workers, bytes_max, problem, sizeof problem);
    if (!journal) fail_msg("%s", problem);
    return journal;
}

static struct record plain(int64_t number) {
    struct record record = {
        .texts = {[record_request_id] = STR("req_1"), [record_provider] = STR("openai"), [record_model] = STR("gpt")}};
    record.numbers[record_input_tokens] = number;
    record.numbers[record_output_tokens] = -1;
    record.numbers[record_cost_nano_usd] = 10;
    return record;
}

/* What was told: how many, the sum of their input tokens, and what they cost. */
struct heard {
    size_t count, lost;
    int64_t input, output, cost;
    uint64_t instance, sequences;
    size_t most; /* it goes on up to so many; 0: always */
};

static bool hear(void *context, struct journal_source source, const struct record *record) {
    struct heard *heard = context;
    if (heard->most && heard->count == heard->most) return false;
    heard->count++;
    heard->instance = source.instance;
    heard->sequences += record->sequence;
    heard->lost += (record->numbers[record_flags] & record_lost) != 0;
    heard->input += record->numbers[record_input_tokens];
    if (record->numbers[record_output_tokens] > 0) heard->output += record->numbers[record_output_tokens];
    heard->cost += record->numbers[record_cost_nano_usd];
    return true;
}

static void add(struct journal *journal, unsigned worker, int64_t number) {
    struct record record = plain(number);
    assert_true(journal_add(journal, worker, &record));
    assert_true(record.sequence > 0);
}

static size_t files(void) {
    char path[600];
    size_t count = 0;
    snprintf(path, sizeof path, "%s/journal", folder);
    DIR *entries = opendir(path);
    for (struct dirent *entry; entries && (entry = readdir(entries));) count += entry->d_name[0] != '.';
    if (entries) closedir(entries);
    return count;
}

static void each_record_is_told_once(void **state) {
    struct heard heard = {0};
    (void)state;
    struct journal *journal = opened(2, SIZE_MAX);
    add(journal, 0, 1), add(journal, 1, 2), add(journal, 0, 3);
    assert_int_equal(journal_tell(journal, 100, hear, &heard), 3);
    assert_int_equal(heard.input, 6);
    assert_int_equal(journal_tell(journal, 100, hear, &heard), 0);
    journal_again(journal); /* it was not kept */
    assert_int_equal(journal_tell(journal, 100, hear, &heard), 3);
    journal_keep(journal);
    journal_again(journal);
    assert_int_equal(journal_tell(journal, 100, hear, &heard), 0);
    journal_close(journal);
    assert_int_equal(files(), 0); /* nothing is left of what was kept */
}

/* Words as they are told: how many, and of each attempt whose word's text came before it. */
struct words_heard {
    size_t words, attempts, known;
    struct hash_tag tags[64];
};

static bool words_hear(void *context, struct journal_source source, const struct record *record) {
    struct words_heard *heard = context;
    (void)source;
    if (record->kind == record_of_word) {
        heard->tags[heard->words++ % 64] = record->words[0].tag;
        return true;
    }
    heard->attempts++;
    for (size_t i = 0; i < heard->words && i < 64; i++)
        if (memcmp(&heard->tags[i], &record->words[record_session].tag, sizeof heard->tags[i]) == 0) {
            heard->known++;
            break;
        }
    return true;
}

static void a_words_text_is_told_before_it_and_once_a_segment(void **state) {
    struct words_heard heard = {0};
    char problem[256];
    (void)state;
    struct journal *journal = opened(1, SIZE_MAX);
    for (int i = 0; i < 20000; i++) {
        struct record record = plain(i);
        record.words[record_session] = journal_word(journal, i % 2 ? STR("one") : STR("other"));
        if (journal_wants_room(journal, 0)) assert_true(journal_provide(journal, problem, sizeof problem));
        assert_true(journal_add(journal, 0, &record));
    }
    assert_false(record_has_word(&(struct record_said){0}));
    size_t segments = journal_bytes(journal) / journal_segment_bytes - 1; /* a spare */
    while (journal_tell(journal, 777, words_hear, &heard)) journal_keep(journal);
    assert_true(segments >= 2);
    assert_int_equal(heard.attempts, 20000);
    assert_int_equal(heard.known, 20000);
    assert_int_equal(heard.words, 2 * segments);
    journal_close(journal);
}

/* Up to `upto` exactly, with an attempt of three words at the end: one whose text stands there already, and two new
 * ones. `more`: in the last word's text. How many attempts. */
static size_t fill(struct journal *journal, size_t upto, size_t more) {
    static char letters[record_word_most];
    struct record record = plain(1), last = plain(2);
    size_t used = sizeof(struct journal_head), len = 1, count = 1;
    memset(letters, 'x', sizeof letters);
    record.words[record_session] = last.words[record_session] = journal_word(journal, STR("one"));
    last.words[record_tags] = journal_word(journal, str_make(letters, 99));
    last.words[record_asked] = journal_word(journal, STR("y"));
    const size_t each = record_shape(&record).bytes,
                 end = record_shape(&last).bytes + record_word_size(str_make(letters, 99)),
                 longest = record_word_size(str_make(letters, sizeof letters)) - more;
    for (used += record_word_size(STR("one")); used + end + longest < upto; used += each, count++) {
        assert_true(journal_add(journal, 0, &record));
        record.sequence = 0;
    }
    letters[0] = 'y';
    while (used + end + record_word_size(str_make(letters, len)) < upto) len++;
    assert_int_equal(used + end + record_word_size(str_make(letters, len)), upto);
    last.words[record_asked] = journal_word(journal, str_make(letters, len + more));
    assert_true(journal_add(journal, 0, &last));
    return count;
}

/* What ends eight bytes past the end stands in the next one, which is the last that there is: of it a margin is kept.
 */
static void a_segment_is_filled_to_its_last_byte(void **state) {
    (void)state;
    for (size_t more = 0; more <= 8; more += 8) {
        struct words_heard heard = {0};
        size_t attempts = 0;
        struct journal *journal = opened(1, (size_t)2 * journal_segment_bytes);
        attempts += fill(journal, journal_segment_bytes, more);
        assert_int_equal(journal_wants_room(journal, 0), more > 0);
        assert_true(journal_tell(journal, SIZE_MAX, words_hear, &heard) > 0);
        assert_int_equal(heard.attempts, attempts);
        assert_int_equal(heard.known, attempts);
        assert_int_equal(heard.words, more ? 4 : 3); /* of the last, all again */
        journal_keep(journal);
        journal_close(journal);

        journal = opened(1, (size_t)2 * journal_segment_bytes);
        fill(journal, journal_segment_bytes, 0);
        assert_true(journal_has_room(journal, 0));
        fill(journal, journal_segment_bytes - journal_margin_bytes, more);
        assert_int_equal(journal_has_room(journal, 0), more == 0);
        while (journal_tell(journal, SIZE_MAX, words_hear, &heard)) journal_keep(journal);
        journal_close(journal);
    }
}

/* Of `len` bytes, and noted where the other one is. */
static struct record_said word_beside(const struct journal *journal, const struct record_said *other, size_t len) {
    static char letters[record_word_most + 1];
    struct record_said said = {.text = STR_NONE};
    for (unsigned i = 0; said.tag.words[0] % words_noted != other->tag.words[0] % words_noted || !said.text.len; i++) {
        snprintf(letters, sizeof letters, "%0*u", (int)len, i);
        said = journal_word(journal, str_make(letters, len));
    }
    return said;
}

/* Of a record's words, whichever, a new one is noted in place of one that stands there already: the segment is filled
 * to its last byte all the same, and no further. */
static void a_word_in_the_place_of_another_takes_no_more_room(void **state) {
    (void)state;
    for (size_t known = 0; known < record_words; known++) {
        struct words_heard heard = {0};
        struct journal *journal = opened(1, (size_t)2 * journal_segment_bytes);
        struct record record = plain(1);
        record.words[known] = journal_word(journal, STR("one"));
        size_t used = sizeof(struct journal_head) + record_word_size(STR("one")), attempts = 0, len = 8;
        struct record last = record;
        last.words[(known + 1) % record_words] = word_beside(journal, &record.words[known], len);
        const size_t each = record_shape(&record).bytes, end = record_shape(&last).bytes;
        for (; used + end + 600 < journal_segment_bytes; used += each, attempts++) {
            assert_true(journal_add(journal, 0, &record));
            record.sequence = 0;
        }
        while (used + end + record_word_size((struct str){.len = len}) < journal_segment_bytes) len++;
        assert_int_equal(used + end + record_word_size((struct str){.len = len}), journal_segment_bytes);
        last.words[(known + 1) % record_words] = word_beside(journal, &record.words[known], len);
        assert_true(journal_add(journal, 0, &last));
        assert_false(journal_wants_room(journal, 0)); /* it stands in the first one */
        while (journal_tell(journal, SIZE_MAX, words_hear, &heard)) journal_keep(journal);
        assert_int_equal(heard.attempts, attempts + 1);
        assert_int_equal(heard.words, 2);
        journal_close(journal);
    }
}

static void what_was_under_way_at_the_death_has_its_words(void **state) {
    struct words_heard heard = {0};
    struct journal_rest rest;
    (void)state;
    struct journal *journal = opened(1, SIZE_MAX);
    struct record record = plain(1), again = {.numbers = {0}};
    record.words[record_session] = journal_word(journal, STR("agent-7"));
    struct journal_sent *sent = journal_send(journal, 0, &record, 1);
    assert_non_null(sent);
    journal_words_again(sent, again.words);
    assert_memory_equal(&again.words[record_session].tag, &record.words[record_session].tag, sizeof(struct hash_tag));
    journal_close(journal); /* as if it had died: the place is taken */
    assert_true(journal_replay(folder, NULL, words_hear, &heard, &rest));
    assert_int_equal(heard.words, 1);
    assert_int_equal(heard.known, 1);
    assert_int_equal(rest.sent, 1);
    assert_int_equal(rest.records, 0);
}

static void segments_follow_each_other_and_go_when_they_are_kept(void **state) {
    struct heard heard = {0};
    char problem[256];
    int64_t sum = 0;
    (void)state;
    struct journal *journal = opened(1, SIZE_MAX);
    for (int64_t i = 1; i <= 50000; i++) {
        if (journal_wants_room(journal, 0)) assert_true(journal_provide(journal, problem, sizeof problem));
        add(journal, 0, i);
        sum += i;
    }
    assert_true(journal_bytes(journal) >= (size_t)4 * journal_segment_bytes);
    while (journal_tell(journal, 777, hear, &heard)) journal_keep(journal);
    assert_int_equal(heard.count, 50000);
    assert_int_equal(heard.input, sum);
    assert_true(journal_bytes(journal) <= (size_t)2 * journal_segment_bytes);
    journal_close(journal);
    assert_int_equal(files(), 0);
}

static void without_room_a_record_is_refused_and_none_is_lost(void **state) {
    struct heard heard = {0};
    char problem[256] = "";
    size_t added = 0;
    (void)state;
    struct journal *journal = opened(1, (size_t)2 * journal_segment_bytes);
    for (struct record record = plain(1); journal_add(journal, 0, &record); record = plain(1)) added++;
    assert_false(journal_has_room(journal, 0));
    assert_false(journal_provide(journal, problem, sizeof problem));
    assert_non_null(strstr(problem, "journal_max_bytes"));
    assert_int_equal(journal_tell(journal, SIZE_MAX, hear, &heard), added);
    journal_keep(journal);
    assert_true(journal_provide(journal, problem, sizeof problem));
    add(journal, 0, 1); /* it goes on */
    assert_int_equal(journal_tell(journal, SIZE_MAX, hear, &heard), 1);
    journal_keep(journal);
    journal_close(journal);
}

static void who_is_not_kept_is_told_to_the_next_process(void **state) {
    struct heard heard = {0};
    struct journal_rest rest;
    (void)state;
    struct journal *journal = opened(2, SIZE_MAX);
    add(journal, 0, 1), add(journal, 1, 2), add(journal, 1, 3);
    journal_close(journal);
    journal = opened(1, SIZE_MAX);
    add(journal, 0, 100); /* its own are not of those */
    heard.most = 2;
    assert_false(journal_replay(folder, journal, hear, &heard, &rest)); /* they could not be kept */
    heard = (struct heard){0};
    assert_true(journal_replay(folder, journal, hear, &heard, &rest));
    assert_int_equal(heard.count, 3);
    assert_int_equal(heard.input, 6);
    assert_int_equal(rest.instances, 1);
    assert_int_equal(rest.damaged, 0);
    journal_replayed(folder, journal);
    assert_true(journal_replay(folder, journal, hear, &heard, &rest));
    assert_int_equal(heard.count, 3);
    assert_int_equal(files(), 1);
    journal_close(journal);
}

static void what_was_under_way_is_told_as_lost_with_what_was_delivered(void **state) {
    struct heard heard = {0};
    struct journal_rest rest;
    struct record record = plain(5);
    (void)state;
    struct journal *journal = opened(1, SIZE_MAX);
    struct journal_sent *sent = journal_send(journal, 0, &record, 3000000), *settled;
    journal_delivered(sent, 7);
    record = plain(6);
    assert_non_null(settled = journal_send(journal, 0, &record, 1));
    record.sequence = journal_sequence(settled);
    assert_true(journal_add(journal, 0, &record));
    journal_settled(journal, 0, settled);
    journal_close(journal);
    assert_true(journal_replay(folder, NULL, hear, &heard, &rest));
    assert_int_equal(heard.count, 2);
    assert_int_equal(heard.lost, 1);
    assert_int_equal(heard.output, 7);
    assert_int_equal(heard.cost, 10 + 10 + 7 * 3);
    assert_int_equal(heard.sequences, 1 + 2); /* the settled one under the sequence that it was sent with */
    assert_int_equal(rest.sent, 1);
}

static void written(const char *path, off_t at, const void *bytes, size_t len) {
    int file = open(path, O_WRONLY | O_CREAT, 0600);
    assert_true(file >= 0);
    assert_int_equal(pwrite(file, bytes, len, at), len);
    close(file);
}

struct charges_heard {
    size_t count, charges;
    uint64_t sum;
    struct str owner;
};

static bool charges_hear(void *context, struct journal_source source, const struct record *record) {
    struct charges_heard *heard = context;
    (void)source;
    if (record->kind != record_of_attempt) return true;
    heard->count++;
    heard->charges += record->charge_count;
    for (size_t i = 0; i < record->charge_count; i++) heard->sum += record->charges[i].budget;
    heard->owner.len = record->texts[record_owner].len;
    return true;
}

/* As many as a record may have, beside the longest names: whoever is on the way is charged for what is lost. */
static void what_is_lost_has_all_its_charges(void **state) {
    static char name[record_text_most];
    struct record_charge charges[record_charges_max];
    struct charges_heard heard = {0};
    struct journal_rest rest;
    (void)state;
    memset(name, 'n', sizeof name);
    for (size_t i = 0; i < record_charges_max; i++) charges[i] = record_charge_of(i + 1, 1700000000, 0);
    struct journal *journal = opened(1, SIZE_MAX);
    struct record record = plain(7);
    for (size_t i = 0; i < record_numbers; i++) record.numbers[i] = 1000000 + (int64_t)i;
    for (size_t i = 0; i < record_texts; i++) record.texts[i] = str_make(name, sizeof name);
    record.charges = charges;
    record.charge_count = record_charges_max;
    assert_non_null(journal_send(journal, 0, &record, 2000000));
    assert_true(journal_replay(folder, NULL, charges_hear, &heard, &rest));
    assert_int_equal(rest.damaged, 0);
    assert_int_equal(heard.count, 1);
    assert_int_equal(heard.charges, record_charges_max);
    assert_int_equal(heard.sum, record_charges_max * (record_charges_max + 1) / 2);
    assert_true(heard.owner.len > 5); /* cut, and there */
    journal_close(journal);
}

/* What an answer that nobody sees usually takes is told with its cost. */
static void what_is_lost_unseen_took_what_such_answers_take(void **state) {
    struct heard heard = {0};
    struct journal_rest rest;
    (void)state;
    struct journal *journal = opened(1, SIZE_MAX);
    struct record record = plain(7);
    record.numbers[record_output_tokens] = 30;
    struct journal_sent *sent = journal_send(journal, 0, &record, 2000000);
    journal_delivered(sent, 5);
    assert_true(journal_replay(folder, NULL, hear, &heard, &rest));
    assert_int_equal(heard.output, 35);
    assert_int_equal(heard.cost, 10 + 5 * 2);
    journal_close(journal);
}

/* A file of places as they were before: shorter, and as many. */
static void what_a_process_before_had_under_way_is_found(void **state) {
    enum { before = journal_sent_bytes_before, all = before * journal_sent_places };
    static char bytes[all];
    char path[1024];
    struct heard heard = {0};
    struct journal_rest rest;
    (void)state;
    memset(bytes, 0, sizeof bytes);
    for (size_t i = 0; i < journal_sent_places; i += 7) {
        struct record record = plain(1 + (int64_t)i);
        uint64_t head[4] = {sent_is_taken, i, 1000000, 0};
        record.sequence = i + 1;
        memcpy(bytes + i * before, head, sizeof head);
        struct record_shape shape = record_shape(&record);
        record_put(&record, &shape, bytes + i * before + sizeof head);
    }
    snprintf(path, sizeof path, "%s/journal", folder);
    assert_int_equal(mkdir(path, 0700), 0);
    snprintf(path, sizeof path, "%s/journal/00000000000000aa", folder);
    assert_int_equal(mkdir(path, 0700), 0);
    snprintf(path, sizeof path, "%s/journal/00000000000000aa/o0.1", folder);
    written(path, 0, bytes, sizeof bytes);
    assert_true(journal_replay(folder, NULL, hear, &heard, &rest));
    assert_int_equal(rest.damaged, 0);
    assert_int_equal(rest.sent, 10);
    assert_int_equal(heard.lost, 10);
    assert_int_equal(heard.output, 7 * 45);
    journal_replayed(folder, NULL);
    assert_int_equal(files(), 0);
}

static void many_may_be_under_way(void **state) {
    enum { many = 5 * journal_sent_places };
    struct journal_sent *sent[many];
    char problem[256];
    (void)state;
    struct journal *journal = opened(1, SIZE_MAX);
    for (int round = 0; round < 3; round++) {
        for (size_t i = 0; i < many; i++) {
            struct record record = plain(1);
            sent[i] = journal_send(journal, 0, &record, 0);
            if (!sent[i]) { /* as many more as there is room made for */
                assert_true(journal_provide(journal, problem, sizeof problem));
                assert_non_null(sent[i] = journal_send(journal, 0, &record, 0));
            }
        }
        for (size_t i = 0; i < many; i++) journal_settled(journal, 0, sent[i]);
    }
    journal_close(journal);
    assert_int_equal(files(), 0);
}

/* -- damage -- */

/* The one file of this name in the one instance that is there. */
static void path_of(const char *name, char path[1024]) {
    char parent[128];
    snprintf(parent, sizeof parent, "%s/journal", folder);
    DIR *entries = opendir(parent);
    assert_non_null(entries);
    for (struct dirent *entry; (entry = readdir(entries));)
        if (entry->d_name[0] != '.') snprintf(path, 1024, "%s/%s/%s", parent, entry->d_name, name);
    closedir(entries);
}

static void a_flipped_bit_costs_what_stands_behind_it_and_is_kept_aside(void **state) {
    struct heard heard = {0};
    struct journal_rest rest;
    char path[1024];
    (void)state;
    struct journal *journal = opened(1, SIZE_MAX);
    for (int64_t i = 1; i <= 3; i++) add(journal, 0, i);
    struct record record = plain(1);
    size_t size = record_shape(&record).bytes;
    journal_close(journal);
    path_of("s0.1", path);
    written(path, (off_t)(sizeof(struct journal_head) + size + 40), "x", 1); /* in the second */
    assert_true(journal_replay(folder, NULL, hear, &heard, &rest));
    assert_int_equal(heard.count, 1);
    assert_int_equal(rest.damaged, 1);
    journal_replayed(folder, NULL);
    path_of("", path);
    assert_non_null(strstr(path, ".bad/"));
    assert_true(journal_replay(folder, NULL, hear, &heard, &rest));
    assert_int_equal(rest.instances, 0);
}

static void a_file_that_was_being_made_is_no_damage(void **state) {
    struct heard heard = {0};
    struct journal_rest rest;
    char path[1024];
    (void)state;
    struct journal *journal = opened(1, SIZE_MAX);
    add(journal, 0, 1);
    journal_close(journal);
    path_of("s0.9", path);
    close(open(path, O_WRONLY | O_CREAT, 0600));
    written(path, 4000, "", 1); /* zeros up to there */
    path_of("o0.9", path);
    close(open(path, O_WRONLY | O_CREAT, 0600));
    assert_true(journal_replay(folder, NULL, hear, &heard, &rest));
    assert_int_equal(heard.count, 1);
    assert_int_equal(rest.damaged, 0);
}

static void a_record_that_was_being_written_is_no_damage(void **state) {
    struct heard heard = {0};
    struct journal_rest rest;
    char path[1024];
    (void)state;
    struct journal *journal = opened(1, SIZE_MAX);
    add(journal, 0, 1);
    struct record record = plain(1);
    size_t size = record_shape(&record).bytes;
    journal_close(journal);
    path_of("s0.1", path);
    written(path, (off_t)(sizeof(struct journal_head) + size), "half of one", 11);
    assert_true(journal_replay(folder, NULL, hear, &heard, &rest));
    assert_int_equal(heard.count, 1);
    assert_int_equal(rest.damaged, 0);
}

static void a_folder_that_cannot_be_written_says_which(void **state) {
    char problem[256] = "";
    (void)state;
    assert_null(journal_open("/proc/nowhere", 1, SIZE_MAX, problem, sizeof problem));
    assert_non_null(strstr(problem, "/proc/nowhere/journal: "));
}

/* -- beside each other -- */

enum { per_thread = 30000 };
struct writing {
    struct journal *journal;
    unsigned worker;
    _Atomic bool done;
};

static void *write_many(void *context) {
    struct writing *writing = context;
    for (int64_t i = 0; i < per_thread;) {
        struct record record = plain(1);
        struct journal_sent *sent = journal_send(writing->journal, writing->worker, &record, 0);
        if (!sent) continue;
        while (!journal_add(writing->journal, writing->worker, &record)) sched_yield();
        journal_settled(writing->journal, writing->worker, sent);
        i++;
    }
    atomic_store(&writing->done, true);
    return NULL;
}

static void who_reads_gets_each_while_others_write(void **state) {
    enum { threads = 3 };
    struct writing writing[threads];
    pthread_t thread[threads];
    struct heard heard = {0};
    char problem[256];
    (void)state;
    struct journal *journal = opened(threads, (size_t)16 * journal_segment_bytes);
    for (unsigned i = 0; i < threads; i++) {
        writing[i] = (struct writing){.journal = journal, .worker = i};
        assert_int_equal(pthread_create(&thread[i], NULL, write_many, &writing[i]), 0);
    }
    for (size_t told = 1; told || heard.count < (size_t)threads * per_thread;) {
        (void)journal_provide(journal, problem, sizeof problem);
        told = journal_tell(journal, 1000, hear, &heard);
        journal_keep(journal);
    }
    for (unsigned i = 0; i < threads; i++) pthread_join(thread[i], NULL);
    assert_int_equal(heard.count, threads * per_thread);
    assert_int_equal(heard.sequences, (uint64_t)threads * per_thread * (per_thread + 1) / 2);
    journal_close(journal);
    assert_int_equal(files(), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
        TEST(each_record_is_told_once),
        TEST(a_words_text_is_told_before_it_and_once_a_segment),
        TEST(a_segment_is_filled_to_its_last_byte),
        TEST(a_word_in_the_place_of_another_takes_no_more_room),
        TEST(what_was_under_way_at_the_death_has_its_words),
        TEST(segments_follow_each_other_and_go_when_they_are_kept),
        TEST(without_room_a_record_is_refused_and_none_is_lost),
        TEST(who_is_not_kept_is_told_to_the_next_process),
        TEST(what_was_under_way_is_told_as_lost_with_what_was_delivered),
        TEST(what_is_lost_has_all_its_charges),
        TEST(what_is_lost_unseen_took_what_such_answers_take),
        TEST(what_a_process_before_had_under_way_is_found),
        TEST(many_may_be_under_way),
        TEST(a_flipped_bit_costs_what_stands_behind_it_and_is_kept_aside),
        TEST(a_file_that_was_being_made_is_no_damage),
        TEST(a_record_that_was_being_written_is_no_damage),
        TEST(a_folder_that_cannot_be_written_says_which),
        TEST(who_reads_gets_each_while_others_write),
#undef TEST
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
