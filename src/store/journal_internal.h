/* journal_internal.h - how the journal's files are laid out: for what writes them and what replays them. */
#ifndef WEIR_STORE_JOURNAL_INTERNAL_H
#define WEIR_STORE_JOURNAL_INTERNAL_H

#include <dirent.h>

#include "store/journal.h"

enum { journal_path_max = 512, journal_version = 1 };
#define JOURNAL_MAGIC "weirjrnl"

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

uint64_t journal_instance(const struct journal *journal);
/* To be read, as opendir; in a way that the thread sanitizer sees. NULL: errno. */
DIR *journal_folder_open(const char *folder);
/* With the files in it. */
void journal_folder_remove(const char *folder);

#endif
