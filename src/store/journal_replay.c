/* journal_replay.c - what processes that have ended left in the journal: read, told, and removed once it is safe. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/check.h"
#include "base/file.h"
#include "base/memory.h"
#include "store/journal_internal.h"

enum { names_most = 65536 };

/* The files of one kind of an instance, in the order in which they were written. */
struct journal_names {
    struct journal_name {
        unsigned worker, number;
    } * list;
    size_t count;
};

struct replay {
    const char *folder;
    uint64_t instance;
    journal_take *take;
    void *context;
    struct journal_rest *rest;
    bool ended, damaged;
};

DIR *journal_folder_open(const char *folder) {
    int descriptor = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *entries = descriptor < 0 ? NULL : fdopendir(descriptor);
    if (!entries && descriptor >= 0) close(descriptor);
    return entries;
}

void journal_folder_remove(const char *folder) {
    DIR *entries = journal_folder_open(folder);
    char path[journal_path_max + 300];
    for (struct dirent *entry; entries && (entry = readdir(entries));) {
        if (!strchr("sog", entry->d_name[0])) continue;
        snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        unlink(path);
    }
    if (entries) closedir(entries);
    rmdir(folder);
}

static int journal_name_order(const void *a, const void *b) {
    const struct journal_name *one = a, *other = b;
    if (one->worker != other->worker) return one->worker < other->worker ? -1 : 1;
    return one->number < other->number ? -1 : one->number > other->number;
}

static bool journal_names_read(const char *folder, char kind, struct journal_names *names) {
    DIR *entries = journal_folder_open(folder);
    *names = (struct journal_names){NULL, 0};
    for (struct dirent *entry; entries && (entry = readdir(entries));) {
        struct journal_name name;
        char got;
        int end = 0;
        if (sscanf(entry->d_name, "%c%6u.%9u%n", &got, &name.worker, &name.number, &end) != 3 || got != kind ||
            entry->d_name[end] || names->count == names_most)
            continue;
        struct journal_name *more = memory_resize(names->list, (names->count + 1) * sizeof *more);
        if (!more) break;
        names->list = more;
        names->list[names->count++] = name;
    }
    if (!entries) return false;
    closedir(entries);
    if (names->count) qsort(names->list, names->count, sizeof *names->list, journal_name_order);
    return true;
}

/* A file of this size at most, *was it is; behind its end, zeros: what was cut off while it was filled with them was
 * not begun. NULL: it cannot be read. */
static char *file_bytes(const char *path, size_t size, size_t *was) {
    const char *problem;
    int file = file_open(path, O_NOFOLLOW, &problem);
    char *bytes = file >= 0 ? memory_take_zeroed(size) : NULL;
    size_t len = 0;
    ssize_t got = 1;
    while (bytes && len < size && got > 0 && (got = read(file, bytes + len, size - len)) > 0) len += (size_t)got;
    if (file >= 0) close(file);
    *was = len;
    if (got >= 0) return bytes;
    memory_give(bytes);
    return NULL;
}

bool journal_scan(struct str bytes, journal_take *take, void *context, size_t *count, bool *ended) {
    struct journal_head head;
    struct record record;
    size_t at = sizeof head, read = 0;
    *ended = false;
    *count = 0;
    if (bytes.len < sizeof head) return false;
    memcpy(&head, bytes.at, sizeof head);
    if (!head.magic[0] && !head.version) return true; /* made, and not begun */
    if (memcmp(head.magic, JOURNAL_MAGIC, sizeof head.magic) != 0 || head.version != journal_version) return false;
    const struct journal_source source = {head.instance, head.worker};
    while ((read = record_read(str_slice(bytes, at, bytes.len), &record))) {
        if (!take(context, source, &record)) {
            *ended = true;
            return true;
        }
        *count += record.kind == record_of_attempt;
        at += read;
    }
    uint64_t committed = atomic_load(&head.committed);
    if (committed > bytes.len || at < committed) return false; /* what was finished is not there */
    return true; /* behind it: nothing, or one that was being written when the process ended, and told to nobody */
}

static void replay_segment(struct replay *replay, const struct journal_name *name) {
    char path[journal_path_max + 300];
    size_t count = 0;
    snprintf(path, sizeof path, "%s/s%u.%u", replay->folder, name->worker, name->number);
    size_t was;
    char *bytes = file_bytes(path, journal_segment_bytes, &was);
    bool good = bytes && journal_scan(str_make(bytes, journal_segment_bytes), replay->take, replay->context, &count,
                                      &replay->ended);
    memory_give(bytes);
    replay->rest->records += count;
    replay->rest->damaged += !good;
    replay->damaged |= !good;
}

/* What it is charged: what it was sent, and what had been delivered of it. */
static void record_of_lost(const struct journal_sent *sent, struct record *record) {
    int64_t delivered = atomic_load(&sent->delivered), *numbers = record->numbers;
    numbers[record_flags] |= record_lost | record_estimated;
    record->texts[record_outcome] = STR("lost");
    if (delivered < 0) delivered = 0;
    if (numbers[record_output_tokens] < 0) numbers[record_output_tokens] = 0;
    numbers[record_output_tokens] += delivered; /* on top of what such answers take, where none of it is seen */
    if (numbers[record_cost_nano_usd] < 0 || sent->token_nano_usd < 0) return;
    __int128 tokens = ((__int128)delivered * sent->token_nano_usd + 999999) / 1000000;
    static const enum record_number raised[] = {record_cost_nano_usd, record_output_nano_usd};
    for (size_t i = 0; i < sizeof raised / sizeof *raised; i++) {
        int64_t *cost = &numbers[raised[i]];
        if (*cost < 0) continue; /* an older one, which told no parts */
        __int128 more = tokens + *cost;
        *cost = more > INT64_MAX ? INT64_MAX : (int64_t)more;
    }
}

static void replay_sent(struct replay *replay, const struct journal_name *name) {
    char path[journal_path_max + 300];
    enum { bytes_all = journal_sent_bytes * journal_sent_places };
    snprintf(path, sizeof path, "%s/o%u.%u", replay->folder, name->worker, name->number);
    size_t was;
    char *bytes = file_bytes(path, bytes_all, &was);
    const size_t stride = journal_sent_stride(was);
    bool good = bytes != NULL;
    for (size_t at = 0; bytes && at < stride * journal_sent_places && !replay->ended; at += stride) {
        const struct journal_sent *sent = (const struct journal_sent *)(bytes + at);
        struct record record;
        if (atomic_load(&sent->taken) != sent_is_taken) continue;
        if (!record_read(journal_sent_record(sent, stride), &record) || record.kind != record_of_attempt) {
            good = false;
            continue;
        }
        record_of_lost(sent, &record);
        replay->ended =
            !replay->take(replay->context, (struct journal_source){replay->instance, name->worker}, &record);
        replay->rest->sent += !replay->ended;
    }
    memory_give(bytes);
    replay->rest->damaged += !good;
    replay->damaged |= !good;
}

static bool given_any(const struct record *record) {
    bool any = false;
    for (unsigned i = 0; i < record_givens; i++) any = any || record->given[i] > 0;
    return any;
}

/* All that it counted: who keeps it knows what it had been told of it before. */
static void replay_given(struct replay *replay, const struct journal_name *name) {
    char path[journal_path_max + 300];
    size_t was;
    snprintf(path, sizeof path, "%s/g%u.%u", replay->folder, name->worker, name->number);
    char *bytes = file_bytes(path, sizeof(struct journal_given) * journal_given_places, &was);
    const struct journal_given *places = (const struct journal_given *)bytes;
    bool good = bytes != NULL;
    for (unsigned i = 0; bytes && i < journal_given_places && !replay->ended; i++) {
        struct record record;
        bool whole;
        if (!journal_given_read(&places[i], &record, &whole)) continue;
        good = good && whole;
        if (whole && !given_any(&record)) continue;
        replay->ended =
            whole && !replay->take(replay->context, (struct journal_source){replay->instance, name->worker}, &record);
    }
    memory_give(bytes);
    replay->rest->damaged += !good;
    replay->damaged |= !good;
}

/* Records first: what was settled is known then, and its place, if it was not yet given back, changes nothing. */
static void replay_instance(struct replay *replay) {
    static const struct {
        char kind;
        void (*read)(struct replay *replay, const struct journal_name *name);
    } kinds[] = {{'s', replay_segment}, {'o', replay_sent}, {'g', replay_given}};
    for (size_t k = 0; k < sizeof kinds / sizeof *kinds && !replay->ended; k++) {
        struct journal_names names;
        if (!journal_names_read(replay->folder, kinds[k].kind, &names)) replay->damaged = true;
        for (size_t i = 0; i < names.count && !replay->ended; i++) kinds[k].read(replay, &names.list[i]);
        memory_give(names.list);
    }
}

/* Of another instance than `own`: 16 digits and nothing else. */
static bool instance_of(const char *name, const struct journal *own, uint64_t *instance) {
    char *end;
    if (strlen(name) != 16) return false;
    errno = 0;
    *instance = strtoull(name, &end, 16);
    return !*end && errno == 0 && (!own || *instance != journal_instance(own));
}

/* Each folder of another instance: read, or given up. */
static bool instances_each(const char *state_dir, const struct journal *own,
                           bool (*each)(void *, const char *, uint64_t), void *context) {
    char parent[journal_path_max], folder[journal_path_max + 64];
    snprintf(parent, sizeof parent, "%.400s/journal", state_dir);
    DIR *entries = journal_folder_open(parent);
    bool goes_on = true;
    for (struct dirent *entry; entries && goes_on && (entry = readdir(entries));) {
        uint64_t instance;
        if (!instance_of(entry->d_name, own, &instance)) continue;
        snprintf(folder, sizeof folder, "%s/%.16s", parent, entry->d_name);
        goes_on = each(context, folder, instance);
    }
    if (entries) closedir(entries);
    return goes_on;
}

static bool instance_replay(void *context, const char *folder, uint64_t instance) {
    struct replay *replay = context;
    char mark[journal_path_max + 80];
    replay->folder = folder;
    replay->instance = instance;
    replay->damaged = false;
    replay_instance(replay);
    replay->rest->instances++;
    snprintf(mark, sizeof mark, "%s/damaged", folder);
    int file = replay->damaged ? open(mark, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600) : -1;
    if (file >= 0) close(file);
    return !replay->ended;
}

static bool instance_replayed(void *context, const char *folder, uint64_t instance) {
    char mark[journal_path_max + 80], bad[journal_path_max + 80];
    (void)context, (void)instance;
    snprintf(mark, sizeof mark, "%s/damaged", folder);
    snprintf(bad, sizeof bad, "%s.bad", folder);
    if (unlink(mark) == 0)
        (void)rename(folder, bad);
    else
        journal_folder_remove(folder);
    return true;
}

bool journal_replay(const char *state_dir, const struct journal *own, journal_take *take, void *context,
                    struct journal_rest *rest) {
    struct replay replay = {.take = take, .context = context, .rest = rest};
    *rest = (struct journal_rest){0};
    return instances_each(state_dir, own, instance_replay, &replay);
}

void journal_replayed(const char *state_dir, const struct journal *own) {
    instances_each(state_dir, own, instance_replayed, NULL);
}
