/* journal_copy.c - the journals of a state folder for a backup -- journal.h --, while whoever has it goes on writing.
 *
 * What has been sent and not settled is copied first, then the records; the ledger is copied after both. So each
 * attempt that was sent before the copy began is in one of the three at least, whichever way it goes meanwhile: it is
 * settled by adding its record before its place is given back, and a record leaves the journal once the ledger has it.
 * What is in two of them is told once: its identity says so. What was given without a provider is copied before the
 * records, which have its words. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/memory.h"
#include "store/journal_internal.h"

enum { copy_tries = 100 };

struct journal_copying {
    char folder[journal_path_max];
    bool (*take)(void *context, struct str name, struct str bytes);
    void *context;
    char *bytes; /* of journal_segment_bytes */
    char *problem;
    size_t size;
};

/* How many; -1: a failure. */
static ssize_t copy_pread(int file, char *into, size_t len, off_t from) {
    size_t at = 0;
    while (at < len) {
        ssize_t got = pread(file, into + at, len - at, from + (off_t)at);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return -1;
        if (got == 0) break;
        at += (size_t)got;
    }
    return (ssize_t)at;
}

/* Up to what was whole when its head was read. 0: nothing was begun in it. */
static ssize_t copy_segment(int file, char *bytes) {
    struct journal_head head;
    ssize_t got = copy_pread(file, (char *)&head, sizeof head, 0);
    if (got < 0 || (size_t)got < sizeof head || !head.magic[0]) return got < 0 ? -1 : 0;
    uint64_t whole = atomic_load(&head.committed);
    size_t len = whole > sizeof head && whole < journal_segment_bytes ? (size_t)whole : journal_segment_bytes;
    got = copy_pread(file, bytes, len, 0);
    if (got < (ssize_t)sizeof head) return got < 0 ? -1 : 0;
    memcpy(bytes, &head, sizeof head);
    return got;
}

/* A place is copied when it is whole: between two looks it may have been given back and taken again. */
static ssize_t copy_sent(int file, char *bytes) {
    enum { bytes_all = journal_sent_bytes * journal_sent_places };
    const ssize_t got = copy_pread(file, bytes, bytes_all, 0);
    const ssize_t stride = got < 0 ? 1 : (ssize_t)journal_sent_stride((size_t)got);
    for (ssize_t at = 0; at + stride <= got; at += stride) {
        struct journal_sent *sent = (struct journal_sent *)(void *)(bytes + at);
        struct record record;
        for (unsigned i = 0; i < copy_tries && atomic_load(&sent->taken) == sent_is_taken &&
                             !record_read(journal_sent_record(sent, (size_t)stride), &record);
             i++)
            if (copy_pread(file, bytes + at, (size_t)stride, at) != stride) return -1;
        if (atomic_load(&sent->taken) != sent_is_taken) memset(bytes + at, 0, (size_t)stride);
    }
    return got;
}

/* Each place as it stood at one time: between two looks at it the same was counted in it, and no less. */
static ssize_t copy_given(int file, char *bytes) {
    enum { stride = sizeof(struct journal_given), bytes_all = stride * journal_given_places };
    const ssize_t got = copy_pread(file, bytes, bytes_all, 0);
    struct journal_given again;
    for (ssize_t at = 0; at + (ssize_t)stride <= got; at += (ssize_t)stride) {
        struct journal_given *place = (struct journal_given *)(void *)(bytes + at);
        bool same = false;
        for (unsigned i = 0; i < copy_tries && atomic_load(&place->state) && !same; i++) {
            if (copy_pread(file, (char *)&again, stride, at) != (ssize_t)stride) return -1;
            same = atomic_load(&again.state) && memcmp(place->record, again.record, sizeof again.record) == 0;
            for (unsigned k = 0; k < record_givens && same; k++)
                same = atomic_load(&place->counts[k]) <= atomic_load(&again.counts[k]);
            if (!same) memcpy(place, &again, stride);
        }
        if (!same) memset(place, 0, stride);
    }
    return got;
}

static bool copy_fails(struct journal_copying *copying, const char *path, const char *why) {
    snprintf(copying->problem, copying->size, "%s: %s", path, why);
    return false;
}

static bool copy_file(struct journal_copying *copying, const char *instance, const char *name) {
    char path[journal_path_max + 320], part[64];
    const char *why = "";
    snprintf(path, sizeof path, "%s/%s/%.32s", copying->folder, instance, name);
    int file = file_open(path, O_NOFOLLOW, &why);
    if (file < 0 && errno == ENOENT) return true; /* the ledger has it by now */
    if (file < 0) return copy_fails(copying, path, why);
    ssize_t len = name[0] == 's'   ? copy_segment(file, copying->bytes)
                  : name[0] == 'g' ? copy_given(file, copying->bytes)
                                   : copy_sent(file, copying->bytes);
    int number = errno;
    close(file);
    if (len < 0) return copy_fails(copying, path, strerror(number));
    snprintf(part, sizeof part, "journal/%.16s/%.32s", instance, name);
    return len == 0 || copying->take(copying->context, str_from(part), str_make(copying->bytes, (size_t)len));
}

static bool is_journal_file(const char *name, char kind) {
    unsigned worker, number;
    char got;
    int end = 0;
    return sscanf(name, "%c%6u.%9u%n", &got, &worker, &number, &end) == 3 && got == kind && !name[end];
}

static bool is_instance(const char *name) { return strlen(name) == 16 && strspn(name, "0123456789abcdef") == 16; }

static bool copy_instance(struct journal_copying *copying, const char *instance, char kind) {
    char path[journal_path_max + 32];
    snprintf(path, sizeof path, "%s/%.16s", copying->folder, instance);
    DIR *entries = journal_folder_open(path);
    bool good = entries || errno == ENOENT || copy_fails(copying, path, strerror(errno));
    for (struct dirent *entry; entries && good && (entry = readdir(entries));)
        if (is_journal_file(entry->d_name, kind)) good = copy_file(copying, instance, entry->d_name);
    if (entries) closedir(entries);
    return good;
}

static bool copy_kind(struct journal_copying *copying, char kind) {
    DIR *entries = journal_folder_open(copying->folder);
    bool good = entries || errno == ENOENT || copy_fails(copying, copying->folder, strerror(errno));
    for (struct dirent *entry; entries && good && (entry = readdir(entries));)
        if (is_instance(entry->d_name)) good = copy_instance(copying, entry->d_name, kind);
    if (entries) closedir(entries);
    return good;
}

bool journal_copy(const char *state_dir, bool (*take)(void *context, struct str name, struct str bytes), void *context,
                  char *problem, size_t size) {
    struct journal_copying copying = {.take = take, .context = context, .problem = problem, .size = size};
    snprintf(copying.folder, sizeof copying.folder, "%.400s/journal", state_dir);
    problem[0] = 0;
    copying.bytes = memory_take(journal_segment_bytes);
    bool good = copying.bytes || copy_fails(&copying, copying.folder, "out of memory");
    good = good && copy_kind(&copying, 'o') && copy_kind(&copying, 'g') && copy_kind(&copying, 's');
    memory_give(copying.bytes);
    return good;
}
