/* journal.c - see journal.h. What replays the files of others is journal_replay.c. */
#include "store/journal_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/check.h"
#include "base/hash.h"
#include "base/memory.h"

/* A file, mapped. */
struct segment {
    char *at;
    unsigned number;
    size_t told, kept;            /* the reader's: up to where */
    struct segment *_Atomic next; /* of the same worker; NULL: none was begun after it */
};

struct sent_chunk {
    struct journal_sent *places; /* the file, mapped */
    struct sent_chunk *older;
};

struct writer {
    /* the worker's */
    struct segment *current;
    size_t used;
    uint64_t *noted; /* a place for each hash: half the tag of a word whose text stands in `current` */
    uint64_t sequence;
    struct journal_sent *free;
    struct sent_chunk *chunks;
    struct givens *givens; /* the worker's and the reader's */
    /* the reader's, which fills what the worker takes */
    char apart[64];
    struct segment *_Atomic spare;
    struct sent_chunk *_Atomic chunk_spare;
    struct segment *oldest, *telling;
    unsigned segments_made, chunks_made, givens_made;
};

struct journal {
    char folder[journal_path_max];
    uint64_t instance;
    struct hash_secret secret; /* of the words' tags; it dies with the process */
    unsigned workers;
    size_t bytes_max;
    _Atomic size_t bytes;
    struct writer writers[];
};

static bool problem_set(char *problem, size_t size, const char *path) {
    snprintf(problem, size, "%s: %s", path, strerror(errno));
    return false;
}

static void journal_path(const struct journal *journal, char kind, unsigned worker, unsigned number,
                         char path[journal_path_max + 32]) {
    snprintf(path, journal_path_max + 32, "%s/%c%u.%u", journal->folder, kind, worker, number);
}

/* -- files -- */

static bool zeros_write(int file, size_t bytes) {
    enum { piece = 64 * 1024 };
    char *zeros = memory_take_zeroed(piece);
    size_t done = 0;
    ssize_t put = 1;
    while (zeros && done < bytes && put > 0) {
        put = pwrite(file, zeros, bytes - done < piece ? bytes - done : piece, (off_t)done);
        if (put > 0) done += (size_t)put;
    }
    if (!zeros) errno = ENOMEM;
    if (put == 0) errno = ENOSPC;
    memory_give(zeros);
    return done == bytes;
}

/* NULL: errno. */
static char *file_map(const char *path, size_t bytes) {
    int file = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (file < 0) return NULL;
    void *at = zeros_write(file, bytes) ? mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0) : MAP_FAILED;
    int number = errno;
    close(file);
    if (at != MAP_FAILED) return at;
    unlink(path);
    errno = number;
    return NULL;
}

static bool segment_provide(struct journal *journal, unsigned worker, char *problem, size_t size) {
    char path[journal_path_max + 32];
    struct writer *writer = &journal->writers[worker];
    if (atomic_load(&writer->spare)) return true;
    if (atomic_load(&journal->bytes) + journal_segment_bytes > journal->bytes_max) {
        snprintf(problem, size, "%s: %zu bytes wait for the ledger, and `journal_max_bytes` allows no more",
                 journal->folder, atomic_load(&journal->bytes));
        return false;
    }
    struct segment *segment = memory_take_zeroed(sizeof *segment);
    journal_path(journal, 's', worker, ++writer->segments_made, path);
    if (!segment || !(segment->at = file_map(path, journal_segment_bytes))) {
        memory_give(segment);
        return problem_set(problem, size, path);
    }
    segment->number = writer->segments_made;
    segment->told = segment->kept = sizeof(struct journal_head);
    struct journal_head *head = (struct journal_head *)segment->at;
    memcpy(head->magic, JOURNAL_MAGIC, sizeof head->magic);
    head->instance = journal->instance;
    head->version = journal_version;
    head->worker = worker;
    head->number = segment->number;
    atomic_init(&head->committed, sizeof *head);
    atomic_fetch_add(&journal->bytes, journal_segment_bytes);
    atomic_store(&writer->spare, segment);
    return true;
}

static bool chunk_provide(struct journal *journal, unsigned worker, char *problem, size_t size) {
    char path[journal_path_max + 32];
    struct writer *writer = &journal->writers[worker];
    if (atomic_load(&writer->chunk_spare)) return true;
    struct sent_chunk *chunk = memory_take_zeroed(sizeof *chunk);
    journal_path(journal, 'o', worker, ++writer->chunks_made, path);
    if (!chunk || !(chunk->places = (struct journal_sent *)file_map(path, journal_sent_bytes * journal_sent_places))) {
        memory_give(chunk);
        return problem_set(problem, size, path);
    }
    atomic_store(&writer->chunk_spare, chunk);
    return true;
}

static bool given_provide(struct journal *journal, unsigned worker, char *problem, size_t size) {
    char path[journal_path_max + 32];
    struct writer *writer = &journal->writers[worker];
    if (!givens_want_file(writer->givens)) return true;
    journal_path(journal, 'g', worker, ++writer->givens_made, path);
    char *at = file_map(path, sizeof(struct journal_given) * journal_given_places);
    if (!at) return problem_set(problem, size, path);
    givens_provide(writer->givens, (struct journal_given *)at);
    return true;
}

bool journal_provide(struct journal *journal, char *problem, size_t size) {
    bool good = true;
    for (unsigned i = 0; i < journal->workers && good; i++)
        good = segment_provide(journal, i, problem, size) && chunk_provide(journal, i, problem, size) &&
               given_provide(journal, i, problem, size);
    return good;
}

/* -- writing -- */

static bool segment_begin(struct writer *writer) {
    struct segment *next = atomic_exchange_explicit(&writer->spare, NULL, memory_order_acq_rel);
    if (!next) return false;
    if (writer->current) atomic_store_explicit(&writer->current->next, next, memory_order_release);
    writer->current = next;
    writer->used = sizeof(struct journal_head);
    memset(writer->noted, 0, words_noted * sizeof *writer->noted);
    return true;
}

struct record_said journal_word(const struct journal *journal, struct str text) {
    if (text.len > record_word_most) text.len = record_word_most;
    if (!text.len) return (struct record_said){.text = STR_NONE};
    return (struct record_said){hash_tag_of(&journal->secret, text), text};
}

static uint64_t *word_place(const struct writer *writer, const struct record_said *said) {
    return &writer->noted[said->tag.words[0] % words_noted];
}

/* Does its text still have to be written into the segment? */
static bool word_is_new(const struct writer *writer, const struct record_said *said) {
    return record_has_word(said) && said->text.len && *word_place(writer, said) != said->tag.words[1];
}

static size_t words_size(const struct writer *writer, const struct record *record) {
    size_t bytes = 0;
    for (size_t i = 0; i < record_words; i++)
        if (word_is_new(writer, &record->words[i])) bytes += record_word_size(record->words[i].text);
    return bytes;
}

/* There is room for what words_size has counted. So of two words that are noted at one place, the other is not written
 * again only because this one took its place: it stands in the segment. */
static void words_write(struct writer *writer, const struct record *record) {
    bool counted[record_words];
    for (size_t i = 0; i < record_words; i++) counted[i] = word_is_new(writer, &record->words[i]);
    for (size_t i = 0; i < record_words; i++) {
        const struct record_said *said = &record->words[i];
        if (!counted[i] || !word_is_new(writer, said)) continue;
        record_word_put(said, writer->current->at + writer->used);
        writer->used += record_word_size(said->text);
        *word_place(writer, said) = said->tag.words[1];
    }
}

/* In the segment, or, where that has no room, in the next. */
static bool segment_with_room(struct writer *writer, const struct record *record, size_t bytes) {
    return writer->used + bytes + words_size(writer, record) <= journal_segment_bytes || segment_begin(writer);
}

static void segment_commit(struct writer *writer) {
    struct journal_head *head = (struct journal_head *)writer->current->at;
    CHECKF(writer->used <= journal_segment_bytes, "used=%zu", writer->used);
    atomic_store_explicit(&head->committed, writer->used, memory_order_release);
}

bool journal_add(struct journal *journal, unsigned worker, struct record *record) {
    CHECKF(worker < journal->workers, "worker=%u of %u", worker, journal->workers);
    struct writer *writer = &journal->writers[worker];
    const struct record_shape shape = record_shape(record);
    if (!segment_with_room(writer, record, shape.bytes)) return false;
    if (!record->sequence) record->sequence = ++writer->sequence;
    words_write(writer, record);
    record_put(record, &shape, writer->current->at + writer->used);
    writer->used += shape.bytes;
    segment_commit(writer);
    return true;
}

bool journal_has_room(struct journal *journal, unsigned worker) {
    CHECKF(worker < journal->workers, "worker=%u of %u", worker, journal->workers);
    const struct writer *writer = &journal->writers[worker];
    return writer->used + journal_margin_bytes <= journal_segment_bytes || !journal_wants_room(journal, worker);
}

bool journal_wants_room(struct journal *journal, unsigned worker) {
    CHECKF(worker < journal->workers, "worker=%u of %u", worker, journal->workers);
    return atomic_load_explicit(&journal->writers[worker].spare, memory_order_relaxed) == NULL;
}

/* -- what has been sent -- */

/* With all its charges, and as it is, or with its longest names cut until it fits: of thousands of requests that were
 * lost, one is told under half of a name. */
static struct record_shape record_within(struct record *within, size_t room) {
    struct record_shape shape;
    while ((shape = record_shape(within)).bytes > room) {
        struct str *longest = &within->texts[0];
        for (size_t i = 1; i < record_texts; i++)
            if (within->texts[i].len > longest->len) longest = &within->texts[i];
        longest->len = longest->len > record_text_most ? record_text_most : longest->len / 2;
    }
    return shape;
}

static bool places_more(struct writer *writer) {
    struct sent_chunk *chunk = atomic_exchange_explicit(&writer->chunk_spare, NULL, memory_order_acq_rel);
    if (!chunk) return false;
    for (unsigned i = 0; i < journal_sent_places; i++)
        chunk->places[i].next = i + 1 < journal_sent_places ? &chunk->places[i + 1] : NULL;
    chunk->older = writer->chunks;
    writer->chunks = chunk;
    writer->free = chunk->places;
    return true;
}

struct journal_sent *journal_send(struct journal *journal, unsigned worker, struct record *record,
                                  int64_t token_nano_usd) {
    CHECKF(worker < journal->workers, "worker=%u of %u", worker, journal->workers);
    struct writer *writer = &journal->writers[worker];
    struct record kept = *record;
    const struct record_shape shape = record_within(&kept, sizeof writer->free->record);
    if (!writer->free && !places_more(writer)) return NULL;
    if (words_size(writer, record) && segment_with_room(writer, record, 0)) { /* else they are known by tag alone */
        words_write(writer, record);
        segment_commit(writer);
    }
    struct journal_sent *sent = writer->free;
    CHECK(atomic_load_explicit(&sent->taken, memory_order_relaxed) == 0);
    writer->free = sent->next;
    record->sequence = kept.sequence = ++writer->sequence;
    record_put(&kept, &shape, sent->record);
    sent->token_nano_usd = token_nano_usd;
    atomic_store_explicit(&sent->delivered, 0, memory_order_relaxed);
    atomic_store_explicit(&sent->taken, sent_is_taken, memory_order_release);
    return sent;
}

void journal_delivered(struct journal_sent *sent, int64_t tokens) {
    atomic_store_explicit(&sent->delivered, tokens, memory_order_relaxed);
}

uint64_t journal_sequence(const struct journal_sent *sent) { return record_sequence(sent->record); }
void journal_words_again(const struct journal_sent *sent, struct record_said words[record_words]) {
    record_words_again(sent->record, words);
}

void journal_settled(struct journal *journal, unsigned worker, struct journal_sent *sent) {
    CHECKF(worker < journal->workers, "worker=%u of %u", worker, journal->workers);
    CHECK(atomic_load_explicit(&sent->taken, memory_order_relaxed) == sent_is_taken);
    atomic_store_explicit(&sent->taken, 0, memory_order_release);
    sent->next = journal->writers[worker].free;
    journal->writers[worker].free = sent;
}

/* -- what is given without a provider -- */

/* All that a place is told apart by, in few bytes. */
static struct hash_tag given_tag(const struct journal *journal, const struct record *record) {
    char bytes[record_texts * (record_text_most + 1) + record_words * sizeof(struct hash_tag)];
    size_t len = 0;
    for (size_t i = 0; i < record_texts; i++) {
        const struct str text = str_slice(record->texts[i], 0, record_text_most);
        bytes[len++] = (char)text.len;
        if (text.len) memcpy(bytes + len, text.at, text.len);
        len += text.len;
    }
    for (size_t i = 0; i < record_words; i++, len += sizeof(struct hash_tag))
        memcpy(bytes + len, &record->words[i].tag, sizeof(struct hash_tag));
    return hash_tag_of(&journal->secret, str_make(bytes, len));
}

/* NULL: there is no room. */
static struct journal_given *given_place(struct journal *journal, struct writer *writer, enum given_level level,
                                         const struct record *record) {
    struct record kept = *record;
    for (size_t i = 0; i < record_words && level > given_with_words; i++)
        kept.words[i] = (struct record_said){.text = STR_NONE};
    for (size_t i = 0; i < record_texts && level == given_others; i++)
        if (record_text_is_name((enum record_text)i)) kept.texts[i] = STR("(other)");
    const struct hash_tag tag = given_tag(journal, &kept);
    bool is_new;
    struct journal_given *place = givens_place(writer->givens, level, &tag, &is_new);
    if (!place || !is_new) return place;
    if (words_size(writer, &kept)) {
        if (!segment_with_room(writer, &kept, 0)) return NULL;
        words_write(writer, &kept);
        segment_commit(writer);
    }
    kept.sequence = ++writer->sequence;
    givens_open(writer->givens, place, &tag, &kept);
    return place;
}

bool journal_give(struct journal *journal, unsigned worker, const struct record *record) {
    CHECKF(worker < journal->workers && record->kind == record_of_given, "worker=%u of %u", worker, journal->workers);
    struct writer *writer = &journal->writers[worker];
    struct journal_given *place = NULL;
    if (givens_turn(writer->givens, record->numbers[record_time_ms])) /* there is a place for what finds none */
        (void)given_place(journal, writer, given_others, record);
    for (unsigned level = 0; level < given_levels && !place; level++)
        place = given_place(journal, writer, (enum given_level)level, record);
    for (unsigned i = 0; i < record_givens && place; i++) {
        int64_t count = atomic_load_explicit(&place->counts[i], memory_order_relaxed), more = record->given[i];
        if (more > 0 && !__builtin_add_overflow(count, more, &count))
            atomic_store_explicit(&place->counts[i], count, memory_order_relaxed);
    }
    return place;
}

bool journal_wants_places(struct journal *journal, unsigned worker) {
    CHECKF(worker < journal->workers, "worker=%u of %u", worker, journal->workers);
    return givens_want_file(journal->writers[worker].givens);
}

/* -- reading -- */

static uint64_t segment_committed(const struct segment *segment) {
    const struct journal_head *head = (const struct journal_head *)segment->at;
    uint64_t committed = atomic_load_explicit(&head->committed, memory_order_acquire);
    CHECKF(committed >= segment->told && committed <= journal_segment_bytes, "committed=%llu told=%zu",
           (unsigned long long)committed, segment->told);
    return committed;
}

/* Its whole length has been told, and nothing will be added to it. The order matters: what is committed is read after
 * it is known that another one was begun. */
static bool segment_is_told(const struct segment *segment) {
    return atomic_load_explicit(&segment->next, memory_order_acquire) && segment->told == segment_committed(segment);
}

static size_t writer_tell(struct journal *journal, unsigned worker, size_t most, journal_take *take, void *context,
                          bool *goes_on) {
    struct writer *writer = &journal->writers[worker];
    const struct journal_source source = {journal->instance, worker};
    size_t count = 0;
    while (*goes_on && count < most) {
        struct segment *segment = writer->telling;
        struct record record;
        if (segment->told < segment_committed(segment)) {
            size_t bytes =
                record_read(str_make(segment->at + segment->told, journal_segment_bytes - segment->told), &record);
            CHECKF(bytes, "worker=%u segment=%u at=%zu", worker, segment->number, segment->told);
            *goes_on = take(context, source, &record);
            if (!*goes_on) break;
            segment->told += bytes;
            count++;
        } else if (segment_is_told(segment)) {
            writer->telling = atomic_load_explicit(&segment->next, memory_order_acquire);
        } else {
            break;
        }
    }
    return count;
}

size_t journal_tell(struct journal *journal, size_t most, journal_take *take, void *context) {
    bool goes_on = true;
    size_t count = 0;
    /* What is seen here has its words in what is told before it. */
    for (unsigned i = 0; i < journal->workers; i++) givens_look(journal->writers[i].givens);
    for (unsigned i = 0; i < journal->workers && goes_on; i++)
        count += writer_tell(journal, i, most - count, take, context, &goes_on);
    for (unsigned i = 0; i < journal->workers && goes_on && count < most; i++)
        count += givens_tell(journal->writers[i].givens, (struct journal_source){journal->instance, i}, most - count,
                             take, context, &goes_on);
    return count;
}

static void segment_drop(struct journal *journal, unsigned worker, struct segment *segment) {
    char path[journal_path_max + 32];
    journal_path(journal, 's', worker, segment->number, path);
    munmap(segment->at, journal_segment_bytes);
    unlink(path);
    memory_give(segment);
    atomic_fetch_sub(&journal->bytes, journal_segment_bytes);
}

void journal_keep(struct journal *journal) {
    for (unsigned i = 0; i < journal->workers; i++) {
        struct writer *writer = &journal->writers[i];
        while (writer->oldest != writer->telling) {
            struct segment *oldest = writer->oldest;
            writer->oldest = atomic_load(&oldest->next);
            segment_drop(journal, i, oldest);
        }
        writer->oldest->kept = writer->oldest->told;
        givens_keep(writer->givens);
    }
}

void journal_again(struct journal *journal) {
    for (unsigned i = 0; i < journal->workers; i++) {
        struct writer *writer = &journal->writers[i];
        writer->telling = writer->oldest;
        for (struct segment *segment = writer->oldest; segment; segment = atomic_load(&segment->next))
            segment->told = segment->kept;
        givens_again(writer->givens);
    }
}

int64_t journal_given_until(struct journal *journal, int64_t now_ms, uint64_t *instance) {
    *instance = journal->instance;
    for (unsigned i = 0; i < journal->workers; i++) now_ms = givens_oldest(journal->writers[i].givens, now_ms);
    return now_ms;
}

size_t journal_bytes(struct journal *journal) { return atomic_load(&journal->bytes); }
uint64_t journal_instance(const struct journal *journal) { return journal->instance; }

/* -- beginning and end -- */

static bool folder_make(const char *path, char *problem, size_t size) {
    return mkdir(path, 0700) == 0 || errno == EEXIST || problem_set(problem, size, path);
}

static bool journal_begin(struct journal *journal, const char *state_dir, char *problem, size_t size) {
    char path[journal_path_max];
    random_bytes(&journal->instance, sizeof journal->instance);
    random_bytes(&journal->secret, sizeof journal->secret);
    for (unsigned i = 0; i < journal->workers; i++)
        if (!(journal->writers[i].noted = memory_take_zeroed(words_noted * sizeof(uint64_t))) ||
            !(journal->writers[i].givens = givens_new())) {
            errno = ENOMEM;
            return problem_set(problem, size, "the journal");
        }
    snprintf(path, sizeof path, "%s/journal", state_dir);
    snprintf(journal->folder, sizeof journal->folder, "%.400s/journal/%016llx", state_dir,
             (unsigned long long)journal->instance);
    if (!folder_make(path, problem, size) || !folder_make(journal->folder, problem, size)) return false;
    if (!journal_provide(journal, problem, size)) return false;
    for (unsigned i = 0; i < journal->workers; i++) {
        struct writer *writer = &journal->writers[i];
        if (!segment_begin(writer)) return false;
        writer->oldest = writer->telling = writer->current;
    }
    return journal_provide(journal, problem, size);
}

struct journal *journal_open(const char *state_dir, unsigned workers, size_t bytes_max, char *problem, size_t size) {
    struct journal *journal = memory_take_zeroed(sizeof *journal + workers * sizeof(struct writer));
    CHECK(workers > 0);
    if (!journal) {
        snprintf(problem, size, "no memory for a journal");
        return NULL;
    }
    journal->workers = workers;
    journal->bytes_max = bytes_max;
    if (journal_begin(journal, state_dir, problem, size)) return journal;
    journal_close(journal);
    return NULL;
}

static bool chunks_close(struct sent_chunk *chunk) {
    bool all_free = true;
    while (chunk) {
        struct sent_chunk *older = chunk->older;
        for (unsigned i = 0; i < journal_sent_places; i++) all_free &= atomic_load(&chunk->places[i].taken) == 0;
        munmap(chunk->places, sizeof(struct journal_sent) * journal_sent_places);
        memory_give(chunk);
        chunk = older;
    }
    return all_free;
}

void journal_close(struct journal *journal) {
    if (!journal) return;
    bool all_kept = true;
    for (unsigned i = 0; i < journal->workers; i++) {
        struct writer *writer = &journal->writers[i];
        struct segment *spare = atomic_load(&writer->spare);
        for (struct segment *next, *segment = writer->oldest; segment; segment = next) {
            next = atomic_load(&segment->next);
            all_kept &= !next && segment->kept == segment_committed(segment);
            munmap(segment->at, journal_segment_bytes);
            memory_give(segment);
        }
        if (spare) segment_drop(journal, i, spare);
        all_kept &= givens_free(writer->givens);
        all_kept &= chunks_close(writer->chunks);
        chunks_close(atomic_load(&writer->chunk_spare));
        memory_give(writer->noted);
    }
    if (all_kept && journal->folder[0]) journal_folder_remove(journal->folder);
    memory_give(journal);
}
