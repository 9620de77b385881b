/* backup_read.c - see backup.h: a stranger's bytes, a piece at a time, until all of them are what they should be. */
#include <stdio.h>
#include <string.h>

#include "base/digest.h"
#include "base/memory.h"
#include "store/backup.h"

enum { read_piece = 64 * 1024 };

struct backup_reading {
    const struct backup_reader *reader;
    struct arena arena;
    struct text sums, told; /* as the parts were; as SHA256SUMS says */
    bool has_told;
    char *problem;
    size_t size;
    char piece[read_piece];
};

static bool backup_wrong(struct backup_reading *reading, const char *name, const char *why) {
    snprintf(reading->problem, reading->size, "%s%s%s", name, *name ? ": " : "", why);
    return false;
}

/* Whole, or a failure. */
static bool backup_take(struct backup_reading *reading, char *into, size_t len) {
    for (size_t at = 0; at < len;) {
        ssize_t got = reading->reader->read(reading->reader->context, into + at, len - at);
        if (got < 0) return false; /* who reads has said why */
        if (got == 0) return backup_wrong(reading, "", "it ends too soon: it was cut off, or not written to its end");
        at += (size_t)got;
    }
    return true;
}

/* A part's bytes, and the zeros behind it. */
static bool backup_part_read(struct backup_reading *reading, struct str name, int64_t bytes) {
    char padding[backup_block];
    struct digest digest;
    bool sums = str_eq(name, STR("SHA256SUMS"));
    if (sums && bytes > backup_sums_most) return backup_wrong(reading, "SHA256SUMS", "it is too long");
    if (!sums && !reading->reader->part(reading->reader->context, name, bytes)) return false;
    digest_begin(&digest);
    for (int64_t left = bytes; left > 0;) {
        size_t len = left < read_piece ? (size_t)left : read_piece;
        if (!backup_take(reading, reading->piece, len)) return false;
        struct str piece = str_make(reading->piece, len);
        digest_add(&digest, piece);
        if (sums)
            text_put(&reading->told, piece);
        else if (!reading->reader->bytes(reading->reader->context, piece))
            return false;
        left -= (int64_t)len;
    }
    size_t over = (size_t)(bytes % backup_block);
    if (over && !backup_take(reading, padding, backup_block - over)) return false;
    for (size_t i = 0; over && i < backup_block - over; i++)
        if (padding[i]) return backup_wrong(reading, "", "bytes stand where there should be none: it is damaged");
    char hex[2 * sizeof(struct sha256)];
    struct sha256 hash = digest_end(&digest);
    hash_to_hex(hash.bytes, sizeof hash.bytes, hex);
    if (!sums) text_printf(&reading->sums, "%.*s  %.*s\n", (int)sizeof hex, hex, STR_ARG(name));
    reading->has_told = sums;
    return (!reading->sums.failed && reading->sums.len <= backup_sums_most && !reading->told.failed) ||
           backup_wrong(reading, "", "it has too many parts");
}

/* Which part's line differs first. */
static bool backup_sums_compare(struct backup_reading *reading) {
    struct str told = text_str(&reading->told), sums = text_str(&reading->sums), line = STR(""), other = STR("");
    char name[backup_name_most + 1] = "SHA256SUMS";
    if (!reading->has_told) return backup_wrong(reading, "", "SHA256SUMS is missing at its end: it was cut off");
    if (str_eq(told, sums)) return true;
    while (str_split_next(&sums, '\n', &line) && str_split_next(&told, '\n', &other) && str_eq(line, other)) continue;
    if (line.len > 66) str_copy(name, sizeof name, str_slice(line, 66, line.len));
    return backup_wrong(reading, name, "it is not what was backed up (SHA256SUMS): it is damaged");
}

/* Behind the first block of zeros there are only more. */
static bool backup_rest_read(struct backup_reading *reading) {
    ssize_t got;
    while ((got = reading->reader->read(reading->reader->context, reading->piece, read_piece)) > 0)
        for (ssize_t i = 0; i < got; i++)
            if (reading->piece[i]) return backup_wrong(reading, "", "something stands behind its end");
    return got == 0;
}

bool backup_read(const struct backup_reader *reader, size_t *parts, char *problem, size_t size) {
    struct backup_reading *reading = memory_take_zeroed(sizeof *reading);
    char block[backup_block], name[backup_name_most + 1];
    bool good = reading != NULL, ends = false;
    const char *why = "";
    *parts = 0;
    problem[0] = 0;
    if (!reading) {
        snprintf(problem, size, "out of memory");
        return false;
    }
    *reading = (struct backup_reading){.reader = reader, .problem = problem, .size = size};
    arena_init(&reading->arena, 16 * 1024, 4 * backup_sums_most);
    reading->sums = text_in_arena(&reading->arena, 4096);
    reading->told = text_in_arena(&reading->arena, 4096);
    while (good && !ends) {
        int64_t bytes = 0;
        good = backup_take(reading, block, sizeof block) &&
               (backup_head_read(block, name, &bytes, &ends, &why) || backup_wrong(reading, "", why)) &&
               (ends || !reading->has_told || backup_wrong(reading, name, "it stands behind SHA256SUMS")) &&
               (ends || backup_part_read(reading, str_from(name), bytes));
        *parts += good && !ends && !backup_tells(str_from(name));
    }
    good = good && backup_sums_compare(reading) && backup_rest_read(reading);
    arena_free(&reading->arena);
    memory_give(reading);
    return good;
}
