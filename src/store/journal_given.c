/* journal_given.c - see journal.h: what one worker has given without a provider, counted in places of mapped files.
 *
 *   free --- the worker writes what it is of ---> open --- its minute is over ---> ended
 *    ^---------------------- the reader: its counts have been kept ------------------/
 *
 * A place is written by the worker while it is open, and by nobody once it has ended: so the reader may free it when
 * the counts that it has told are kept, and only then does the worker take it for something else. */
#include <string.h>
#include <sys/mman.h>

#include "base/check.h"
#include "base/memory.h"
#include "store/journal_internal.h"

enum { files_max = 32, open_max = files_max * journal_given_places / 2, known_places = 2 * open_max, looks_most = 64 };
/* So many files may have each. */
static const unsigned level_files[given_levels] = {
    [given_with_words] = files_max * 7 / 8, [given_without_words] = files_max - 1, [given_others] = files_max};

/* A file, and what the reader knows of its places. */
struct given_file {
    struct journal_given *places;
    struct given_told {
        uint64_t state; /* at the last look */
        int64_t told[record_givens], kept[record_givens];
        bool ends; /* what was told of it is all */
    } told[journal_given_places];
};

struct givens {
    /* the worker's */
    struct given_known {
        struct hash_tag tag;
        struct journal_given *place; /* NULL: nobody's */
    } known[known_places];           /* the minute's, by the hash of what they are */
    struct journal_given *open[open_max];
    unsigned open_count, hand;
    int64_t minute_ms; /* -1: none */
    /* the reader's, which makes what the worker takes */
    struct given_file *_Atomic spare;
    struct given_file *_Atomic files[files_max];
    _Atomic unsigned file_count;
};

struct givens *givens_new(void) {
    struct givens *givens = memory_take_zeroed(sizeof *givens);
    if (givens) givens->minute_ms = -1;
    return givens;
}

/* -- the worker's -- */

bool givens_turn(struct givens *givens, int64_t minute_ms) {
    if (minute_ms == givens->minute_ms && givens->open_count < open_max) return false;
    for (unsigned i = 0; i < givens->open_count; i++)
        atomic_store_explicit(&givens->open[i]->state, given_is_ended, memory_order_release);
    if (givens->open_count) memset(givens->known, 0, sizeof givens->known);
    givens->open_count = 0;
    givens->minute_ms = minute_ms;
    return true;
}

static struct journal_given *place_free(struct givens *givens, unsigned files_most) {
    const unsigned files = atomic_load_explicit(&givens->file_count, memory_order_relaxed);
    const unsigned count = (files < files_most ? files : files_most) * journal_given_places;
    const unsigned most = count < looks_most ? count : looks_most;
    for (unsigned i = 0; i < most; i++) {
        givens->hand = (givens->hand + 1) % count;
        struct given_file *file =
            atomic_load_explicit(&givens->files[givens->hand / journal_given_places], memory_order_relaxed);
        struct journal_given *place = &file->places[givens->hand % journal_given_places];
        if (atomic_load_explicit(&place->state, memory_order_acquire) == 0) return place;
    }
    if (files >= files_most) return NULL;
    struct given_file *file = atomic_exchange_explicit(&givens->spare, NULL, memory_order_acq_rel);
    if (!file) return NULL;
    atomic_store_explicit(&givens->files[files], file, memory_order_relaxed);
    atomic_store_explicit(&givens->file_count, files + 1, memory_order_release);
    givens->hand = count; /* the others of it are next */
    return file->places;
}

static struct given_known *known_of(struct givens *givens, const struct hash_tag *tag) {
    size_t at = tag->words[0] % known_places;
    while (givens->known[at].place && memcmp(&givens->known[at].tag, tag, sizeof *tag) != 0)
        at = (at + 1) % known_places;
    return &givens->known[at];
}

struct journal_given *givens_place(struct givens *givens, enum given_level level, const struct hash_tag *tag,
                                   bool *is_new) {
    struct journal_given *place = known_of(givens, tag)->place;
    *is_new = !place;
    return place || givens->open_count == open_max ? place : place_free(givens, level_files[level]);
}

void givens_open(struct givens *givens, struct journal_given *place, const struct hash_tag *tag,
                 const struct record *record) {
    const struct record_shape shape = record_shape(record);
    CHECKF(shape.bytes <= sizeof place->record && atomic_load(&place->state) == 0, "bytes=%zu", shape.bytes);
    for (unsigned i = 0; i < record_givens; i++) atomic_store_explicit(&place->counts[i], 0, memory_order_relaxed);
    record_put(record, &shape, place->record);
    atomic_store_explicit(&place->state, given_is_open, memory_order_release);
    *known_of(givens, tag) = (struct given_known){*tag, place};
    givens->open[givens->open_count++] = place;
}

bool givens_want_file(const struct givens *givens) {
    return !atomic_load_explicit(&givens->spare, memory_order_relaxed) &&
           atomic_load_explicit(&givens->file_count, memory_order_relaxed) < files_max;
}

/* -- the reader's -- */

void givens_provide(struct givens *givens, struct journal_given *places) {
    struct given_file *file = memory_take_zeroed(sizeof *file);
    CHECK(!atomic_load(&givens->spare));
    if (!file) {
        munmap(places, sizeof *places * journal_given_places);
        return; /* it is made anew when it is asked for again */
    }
    file->places = places;
    atomic_store(&givens->spare, file);
}

bool journal_given_read(const struct journal_given *place, struct record *record, bool *whole) {
    const uint64_t state = atomic_load_explicit(&place->state, memory_order_acquire);
    *whole = true;
    if (state != given_is_open && state != given_is_ended) return false;
    *whole = record_read(str_make(place->record, sizeof place->record), record) && record->kind == record_of_given;
    for (unsigned i = 0; *whole && i < record_givens; i++) {
        record->given[i] = atomic_load_explicit(&place->counts[i], memory_order_relaxed);
        if (record->given[i] < 0) record->given[i] = 0;
    }
    return true;
}

/* Each place that there is, and what is known of it. */
static bool givens_next(const struct givens *givens, unsigned *at, struct journal_given **place,
                        struct given_told **told) {
    if (*at >= atomic_load_explicit(&givens->file_count, memory_order_acquire) * journal_given_places) return false;
    struct given_file *file = atomic_load_explicit(&givens->files[*at / journal_given_places], memory_order_relaxed);
    *place = &file->places[*at % journal_given_places];
    *told = &file->told[*at % journal_given_places];
    ++*at;
    return true;
}

void givens_look(struct givens *givens) {
    struct journal_given *place;
    struct given_told *told;
    for (unsigned at = 0; givens_next(givens, &at, &place, &told);)
        told->state = atomic_load_explicit(&place->state, memory_order_acquire);
}

static void place_give_back(struct journal_given *place, struct given_told *told) {
    *told = (struct given_told){.state = 0};
    atomic_store_explicit(&place->state, 0, memory_order_release);
}

size_t givens_tell(struct givens *givens, struct journal_source source, size_t most, journal_take *take, void *context,
                   bool *goes_on) {
    struct journal_given *place;
    struct given_told *told;
    size_t count = 0;
    for (unsigned at = 0; *goes_on && count < most && givens_next(givens, &at, &place, &told);) {
        struct record record;
        bool whole;
        if (!told->state) continue;
        CHECK(journal_given_read(place, &record, &whole) && whole);
        if (memcmp(record.given, told->told, sizeof told->told) != 0) {
            *goes_on = take(context, source, &record);
            if (!*goes_on) break;
            memcpy(told->told, record.given, sizeof told->told);
            told->ends = told->state == given_is_ended;
            count++;
        } else if (told->state == given_is_ended && memcmp(told->kept, told->told, sizeof told->told) == 0) {
            place_give_back(place, told);
        }
    }
    return count;
}

void givens_keep(struct givens *givens) {
    struct journal_given *place;
    struct given_told *told;
    for (unsigned at = 0; givens_next(givens, &at, &place, &told);) {
        memcpy(told->kept, told->told, sizeof told->kept);
        if (told->ends) place_give_back(place, told);
    }
}

void givens_again(struct givens *givens) {
    struct journal_given *place;
    struct given_told *told;
    for (unsigned at = 0; givens_next(givens, &at, &place, &told);) {
        memcpy(told->told, told->kept, sizeof told->told);
        told->ends = false;
    }
}

int64_t givens_oldest(const struct givens *givens, int64_t now_ms) {
    struct journal_given *place;
    struct given_told *told;
    int64_t oldest = now_ms;
    for (unsigned at = 0; givens_next(givens, &at, &place, &told);) {
        struct record record;
        bool whole;
        if (!journal_given_read(place, &record, &whole) || !whole) continue;
        if (record.numbers[record_time_ms] < oldest) oldest = record.numbers[record_time_ms];
    }
    return oldest;
}

static bool file_close(struct given_file *file) {
    bool all_kept = true;
    for (unsigned i = 0; i < journal_given_places; i++) {
        struct record record;
        bool whole, taken = journal_given_read(&file->places[i], &record, &whole);
        all_kept = all_kept && (!taken || memcmp(record.given, file->told[i].kept, sizeof record.given) == 0);
    }
    munmap(file->places, sizeof *file->places * journal_given_places);
    memory_give(file);
    return all_kept;
}

bool givens_free(struct givens *givens) {
    bool all_kept = true;
    if (!givens) return true;
    struct given_file *spare = atomic_load(&givens->spare);
    const unsigned count = atomic_load(&givens->file_count);
    for (unsigned i = 0; i < count; i++) all_kept &= file_close(atomic_load(&givens->files[i]));
    if (spare) file_close(spare);
    memory_give(givens);
    return all_kept;
}
