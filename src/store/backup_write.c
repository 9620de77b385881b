/* backup_write.c - see backup.h: a backup on its way to the disk. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/check.h"
#include "base/digest.h"
#include "base/file.h"
#include "base/memory.h"
#include "store/backup.h"

enum { copied_piece = 64 * 1024, backup_path_most = 1200 };

struct backup_writer {
    char path[backup_path_most], temporary[backup_path_most + 8], problem[backup_path_most + 200];
    int file;
    bool ended;
    int64_t bytes, time_s;
    struct arena arena;
    struct text sums;
    char piece[copied_piece];
};

const char *backup_problem(const struct backup_writer *writer) { return writer->problem; }
int64_t backup_bytes(const struct backup_writer *writer) { return writer->bytes; }

static bool backup_fails(struct backup_writer *writer, const char *path, const char *why) {
    snprintf(writer->problem, sizeof writer->problem, "%s: %s", path, why);
    return false;
}

struct backup_writer *backup_begin(const char *path, int64_t time_s, char *problem, size_t size) {
    struct backup_writer *writer = memory_take_zeroed(sizeof *writer);
    if (!writer || strlen(path) >= backup_path_most) {
        snprintf(problem, size, "%s", writer ? "the backup's path is too long" : "no memory for a backup");
        memory_give(writer);
        return NULL;
    }
    snprintf(writer->path, sizeof writer->path, "%s", path);
    snprintf(writer->temporary, sizeof writer->temporary, "%s.tmp", path);
    (void)unlink(writer->temporary); /* of one that was cut short */
    writer->file = open(writer->temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    writer->time_s = time_s;
    arena_init(&writer->arena, 16 * 1024, 2 * backup_sums_most);
    writer->sums = text_in_arena(&writer->arena, 4096);
    if (writer->file >= 0) return writer;
    snprintf(problem, size, "%s: %s", writer->temporary, strerror(errno));
    backup_free(writer);
    return NULL;
}

static bool backup_put(struct backup_writer *writer, struct str bytes) {
    writer->bytes += (int64_t)bytes.len;
    while (bytes.len) {
        ssize_t put = write(writer->file, bytes.at, bytes.len);
        if (put < 0 && errno == EINTR) continue;
        if (put <= 0) return backup_fails(writer, writer->temporary, put ? strerror(errno) : "nothing is written");
        bytes = str_slice(bytes, (size_t)put, bytes.len);
    }
    return true;
}

static bool backup_pad(struct backup_writer *writer) {
    static const char zeros[backup_block];
    size_t over = (size_t)(writer->bytes % backup_block);
    return !over || backup_put(writer, str_make(zeros, backup_block - over));
}

static bool backup_head_put(struct backup_writer *writer, struct str name, int64_t bytes) {
    char block[backup_block];
    backup_head_write(name, bytes, writer->time_s, block);
    return backup_put(writer, str_make(block, sizeof block));
}

static bool backup_sum_put(struct backup_writer *writer, struct str name, const struct sha256 *hash) {
    char hex[2 * sizeof *hash];
    hash_to_hex(hash->bytes, sizeof hash->bytes, hex);
    text_printf(&writer->sums, "%.*s  %.*s\n", (int)sizeof hex, hex, STR_ARG(name));
    return (!writer->sums.failed && writer->sums.len <= backup_sums_most) ||
           backup_fails(writer, writer->path, "there are too many parts");
}

bool backup_add(struct backup_writer *writer, struct str name, struct str bytes) {
    struct sha256 hash = hash_sha256(bytes);
    return backup_head_put(writer, name, (int64_t)bytes.len) && backup_put(writer, bytes) && backup_pad(writer) &&
           backup_sum_put(writer, name, &hash);
}

bool backup_add_file(struct backup_writer *writer, struct str name, const char *path) {
    struct stat facts;
    struct digest digest;
    const char *why = "";
    int file = file_open(path, O_NOFOLLOW, &why);
    bool good = file >= 0 && fstat(file, &facts) == 0;
    if (!good) backup_fails(writer, path, why);
    digest_begin(&digest);
    good = good && backup_head_put(writer, name, facts.st_size);
    for (int64_t left = good ? facts.st_size : 0; left > 0 && good;) {
        ssize_t got = read(file, writer->piece, left < copied_piece ? (size_t)left : copied_piece);
        if (got <= 0) good = backup_fails(writer, path, got ? strerror(errno) : "it became shorter");
        if (!good) break;
        struct str piece = str_make(writer->piece, (size_t)got);
        digest_add(&digest, piece);
        good = backup_put(writer, piece);
        left -= got;
    }
    if (file >= 0) close(file);
    struct sha256 hash = digest_end(&digest);
    return good && backup_pad(writer) && backup_sum_put(writer, name, &hash);
}

/* The folder's entry is on the disk too. */
static void backup_folder_sync(const char *path) {
    char folder[backup_path_most];
    str_copy(folder, sizeof folder, str_from(path));
    char *slash = strrchr(folder, '/');
    if (slash == folder) slash++;
    if (slash) *slash = 0;
    int descriptor = open(slash ? folder : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (descriptor < 0) return;
    (void)fsync(descriptor);
    close(descriptor);
}

bool backup_end(struct backup_writer *writer) {
    static const char ends[2 * backup_block];
    struct str sums = text_str(&writer->sums);
    if (!backup_head_put(writer, STR("SHA256SUMS"), (int64_t)sums.len) || !backup_put(writer, sums) ||
        !backup_pad(writer) || !backup_put(writer, str_make(ends, sizeof ends)))
        return false;
    bool good = fsync(writer->file) == 0;
    good = close(writer->file) == 0 && good;
    writer->file = -1;
    if (!good || rename(writer->temporary, writer->path) != 0)
        return backup_fails(writer, writer->path, strerror(errno));
    writer->ended = true;
    backup_folder_sync(writer->path);
    return true;
}

void backup_free(struct backup_writer *writer) {
    if (!writer) return;
    if (writer->file >= 0) close(writer->file);
    if (!writer->ended) (void)unlink(writer->temporary);
    arena_free(&writer->arena);
    memory_give(writer);
}
