/* journal_internal.h - how the journal's files are laid out: for what writes them and what replays them. */
#ifndef WEIR_STORE_JOURNAL_INTERNAL_H
#define WEIR_STORE_JOURNAL_INTERNAL_H

#include <dirent.h>

#include "store/journal.h"

enum { journal_path_max = 512, journal_version = 1 };
#define JOURNAL_MAGIC "weirjrnl"
/* A worker remembers so many words that stand in its segment, each at a place by its tag: a later one may take it. */
enum { words_noted = 512 };

/* Of a segment; records follow. */
struct journal_head {
    char magic[8];
    uint32_t version, worker, number, unused;
    uint64_t instance;
    _Atomic uint64_t committed; /* up to there its bytes are records */
};
_Static_assert(sizeof(struct journal_head) % 8 == 0, "records are aligned");

/* A place in a file of what has been sent; all zeros: free. */
struct journal_sent {
    _Atomic uint64_t taken;    /* sent_is_taken, stored last */
    _Atomic int64_t delivered; /* tokens */
    int64_t token_nano_usd;    /* per million of them */
    struct journal_sent *next; /* of the free ones; says nothing to who reads the file */
    char record[journal_sent_bytes - 32];
};
_Static_assert(sizeof(struct journal_sent) == journal_sent_bytes, "a file is a row of places");
enum { sent_is_taken = 0x7365 };

/* Files of that were made before places had room for all charges are shorter, as their places are: the same, but for
 * the record's end. How long a place is in a file of so many bytes. */
enum { journal_sent_bytes_before = 768 };
static inline size_t journal_sent_stride(size_t file_bytes) {
    return file_bytes > journal_sent_bytes_before * journal_sent_places ? journal_sent_bytes
                                                                        : journal_sent_bytes_before;
}
static inline struct str journal_sent_record(const struct journal_sent *sent, size_t stride) {
    return str_make(sent->record, stride - offsetof(struct journal_sent, record));
}

/* A place in a file of what has been given. Who writes it is the worker up to its end, then the reader, which frees it.
 */
enum { journal_given_bytes = 1792, journal_given_places = 128 };
struct journal_given {
    _Atomic uint64_t state; /* given_is_open or given_is_ended, stored last; all else: free */
    _Atomic int64_t counts[record_givens];
    char record[journal_given_bytes - 8 - 8 * record_givens];
};
_Static_assert(sizeof(struct journal_given) == journal_given_bytes, "a file is a row of places");
enum { given_is_open = 0x6769, given_is_ended = 0x6765 };
/* What a place says, its counts in record->given. false: it is free. *whole: it can be read. */
bool journal_given_read(const struct journal_given *place, struct record *record, bool *whole);

/* journal_given.c: those of one worker, in memory. */
struct givens;
struct givens *givens_new(void);
/* true: all that was given has been kept. NULL is fine. */
bool givens_free(struct givens *givens);
/* On the worker's thread. true: a minute has begun, or so many kinds are open that those are left to the reader: none
 * is open now. */
bool givens_turn(struct givens *givens, int64_t minute_ms);
/* Of callers' words there is no end, and of names there are many: each leaves room to what is told with fewer. */
enum given_level { given_with_words, given_without_words, given_others, given_levels };
/* The open place of this kind; else one that is free, *is_new, and givens_open is to follow; NULL: there is none. */
struct journal_given *givens_place(struct givens *givens, enum given_level level, const struct hash_tag *tag,
                                   bool *is_new);
void givens_open(struct givens *givens, struct journal_given *place, const struct hash_tag *tag,
                 const struct record *record);
/* On any thread. */
bool givens_want_file(const struct givens *givens);
/* On the reader's: a file that was made, as zeros. */
void givens_provide(struct givens *givens, struct journal_given *file);
void givens_look(struct givens *givens);
size_t givens_tell(struct givens *givens, struct journal_source source, size_t most, journal_take *take, void *context,
                   bool *goes_on);
void givens_keep(struct givens *givens);
void givens_again(struct givens *givens);
/* The least moment of what may be told again; now_ms: of nothing. */
int64_t givens_oldest(const struct givens *givens, int64_t now_ms);

uint64_t journal_instance(const struct journal *journal);
/* To be read, as opendir; in a way that the thread sanitizer sees. NULL: errno. */
DIR *journal_folder_open(const char *folder);
/* With the files in it. */
void journal_folder_remove(const char *folder);

#endif
