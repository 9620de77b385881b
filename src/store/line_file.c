/* line_file.c - see line_file.h. */
#include "store/line_file.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

#include "base/check.h"
#include "base/file.h"
#include "base/memory.h"
#include "base/text.h"

enum { hash_digits = 16, line_bytes = line_file_line_max + hash_digits + 2, path_bytes = 1024 };

struct line_file {
    char path[path_bytes], older[path_bytes];
    size_t most;
    pthread_t thread;
    pthread_mutex_t mutex; /* guards what follows, up to `failed` */
    pthread_cond_t changed;
    char *waiting, *writing; /* two of line_file_waiting_max lines: one fills while the other is written */
    size_t waiting_len;
    bool ends;
    _Atomic int failed;
};

static void hash_put(struct str line, struct text *text) {
    text_printf(text, "%016llx", (unsigned long long)str_hash(line));
}

size_t line_file_scan(struct str text, void (*each)(void *context, struct str line), void *context) {
    size_t damaged = 0;
    for (size_t end; (end = str_find_byte(text, '\n')) != SIZE_MAX; text = str_slice(text, end + 1, text.len)) {
        char digits[hash_digits + 1];
        struct text hash = text_in_buffer(digits, sizeof digits);
        struct str whole = str_slice(text, 0, end);
        size_t len = whole.len > hash_digits ? whole.len - hash_digits - 1 : 0;
        struct str line = str_slice(whole, 0, len);
        hash_put(line, &hash);
        bool good = len > 0 && len <= line_file_line_max && whole.at[len] == '\t' &&
                    str_eq(str_slice(whole, len + 1, whole.len), text_str(&hash));
        if (good)
            each(context, line);
        else
            damaged++;
    }
    return damaged;
}

/* What is larger than it may ever be was not written by us: its end counts. */
static size_t line_file_read(const char *path, size_t most, void (*each)(void *context, struct str line),
                             void *context) {
    const char *problem;
    int descriptor = file_open(path, O_NOFOLLOW, &problem);
    if (descriptor < 0) return errno != ENOENT;
    off_t size = lseek(descriptor, 0, SEEK_END);
    size_t room = most + line_bytes, len = 0, damaged = 0;
    bool cut = size > 0 && (uint64_t)size > room;
    char *bytes = memory_take(room);
    ssize_t got = 1;
    if (lseek(descriptor, cut ? size - (off_t)room : 0, SEEK_SET) < 0) got = -1;
    while (bytes && len < room && got > 0 && (got = read(descriptor, bytes + len, room - len)) > 0) len += (size_t)got;
    if (bytes) damaged = line_file_scan(str_make(bytes, len), each, context) + (got < 0) + cut;
    close(descriptor);
    memory_give(bytes);
    return damaged;
}

/* -- on the thread -- */

/* Begins with a newline where the last process was cut off in mid line. */
static int appended_open(const char *path, off_t *size) {
    int descriptor = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
    char last = '\n';
    if (descriptor < 0) return -1;
    *size = lseek(descriptor, 0, SEEK_END);
    if (*size > 0 && pread(descriptor, &last, 1, *size - 1) == 1 && last != '\n') {
        while (*size > 0 && pread(descriptor, &last, 1, *size - 1) == 1 && last != '\n') --*size;
        if (ftruncate(descriptor, *size) != 0) *size = 0;
    }
    return descriptor;
}

static bool lines_write(struct line_file *file, struct str lines) {
    off_t size = 0;
    int descriptor = appended_open(file->path, &size);
    if (descriptor >= 0 && (size_t)size + lines.len > file->most) {
        close(descriptor);
        if (rename(file->path, file->older) != 0) return false;
        descriptor = appended_open(file->path, &size);
    }
    if (descriptor < 0) return false;
    ssize_t put = write(descriptor, lines.at, lines.len);
    int number = put < 0 ? errno : ENOSPC;
    close(descriptor);
    errno = number;
    return put == (ssize_t)lines.len;
}

static void *line_file_run(void *context) {
    struct line_file *file = context;
    pthread_mutex_lock(&file->mutex);
    for (;;) {
        while (!file->waiting_len && !file->ends) pthread_cond_wait(&file->changed, &file->mutex);
        if (!file->waiting_len) break;
        char *full = file->waiting;
        size_t len = file->waiting_len;
        file->waiting = file->writing;
        file->writing = full;
        file->waiting_len = 0;
        pthread_mutex_unlock(&file->mutex);
        if (!lines_write(file, str_make(full, len))) atomic_store(&file->failed, errno);
        pthread_mutex_lock(&file->mutex);
    }
    pthread_mutex_unlock(&file->mutex);
    return NULL;
}

static bool line_file_begin(struct line_file *file) {
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &before);
    bool begun = pthread_create(&file->thread, NULL, line_file_run, file) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return begun;
}

/* -- what others call -- */

static void line_file_free(struct line_file *file) {
    pthread_mutex_destroy(&file->mutex);
    pthread_cond_destroy(&file->changed);
    memory_give(file->waiting);
    memory_give(file->writing);
    memory_give(file);
}

struct line_file *line_file_open(const char *path, size_t most, void (*each)(void *context, struct str line),
                                 void *context, size_t *damaged) {
    char bad[path_bytes + 8];
    struct line_file *file = memory_take_zeroed(sizeof *file);
    *damaged = 0;
    if (!file) return NULL;
    CHECKF(most >= line_file_waiting_max * line_bytes, "most=%zu", most);
    file->most = most;
    str_copy(file->path, sizeof file->path - 2, str_from(path));
    snprintf(file->older, sizeof file->older, "%.*s.1", (int)(sizeof file->older - 3), path);
    snprintf(bad, sizeof bad, "%s.bad", file->path);
    pthread_mutex_init(&file->mutex, NULL);
    pthread_cond_init(&file->changed, NULL);
    size_t older = line_file_read(file->older, most, each, context),
           newer = line_file_read(file->path, most, each, context);
    *damaged = older + newer;
    if (older) rename(file->older, bad);
    if (newer) rename(file->path, bad);
    file->waiting = memory_take(line_file_waiting_max * line_bytes);
    file->writing = memory_take(line_file_waiting_max * line_bytes);
    if (file->waiting && file->writing && line_file_begin(file)) return file;
    line_file_free(file);
    return NULL;
}

void line_file_add(struct line_file *file, struct str line) {
    CHECKF(line.len > 0 && line.len <= line_file_line_max && str_find_byte(line, '\n') == SIZE_MAX, "len=%zu",
           line.len);
    pthread_mutex_lock(&file->mutex);
    struct text text = text_in_buffer(file->waiting + file->waiting_len, line_bytes);
    bool fits = file->waiting_len + line_bytes <= line_file_waiting_max * (size_t)line_bytes;
    if (fits) {
        text_put(&text, line);
        text_put_byte(&text, '\t');
        hash_put(line, &text);
        text_put_byte(&text, '\n');
        CHECK(!text.failed);
        file->waiting_len += text.len;
        pthread_cond_signal(&file->changed);
    }
    pthread_mutex_unlock(&file->mutex);
}

int line_file_failed(struct line_file *file) { return atomic_exchange(&file->failed, 0); }

void line_file_close(struct line_file *file) {
    if (!file) return;
    pthread_mutex_lock(&file->mutex);
    file->ends = true;
    pthread_cond_signal(&file->changed);
    pthread_mutex_unlock(&file->mutex);
    pthread_join(file->thread, NULL);
    line_file_free(file);
}
