/* backup_fuzz.c - the file of a backup, whatever stands in it: no part is called otherwise than a part of a state
 * folder is, none has more bytes than were there, and what is taken for whole is what its own sums say. The input is
 * also put behind a good head, and as a part's bytes into a whole backup. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "store/backup.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct feeding {
    struct str bytes;
    size_t piece, taken;
    int64_t told;
};

static ssize_t feed(void *context, char *into, size_t most) {
    struct feeding *feeding = context;
    size_t len = feeding->bytes.len < most ? feeding->bytes.len : most;
    if (len > feeding->piece) len = feeding->piece;
    if (len) memcpy(into, feeding->bytes.at, len);
    feeding->bytes = str_slice(feeding->bytes, len, feeding->bytes.len);
    return (ssize_t)len;
}

static bool part(void *context, struct str name, int64_t bytes) {
    struct feeding *feeding = context;
    if (!backup_name_is_good(name) || bytes < 0) abort();
    if (str_find(name, STR("..")) != SIZE_MAX || name.at[0] == '/' || memchr(name.at, 0, name.len)) abort();
    feeding->told = bytes;
    return true;
}

static bool bytes_of(void *context, struct str piece) {
    struct feeding *feeding = context;
    feeding->told -= (int64_t)piece.len;
    feeding->taken += piece.len;
    if (feeding->told < 0) abort();
    return true;
}

static bool take(struct str bytes, size_t piece, size_t *parts) {
    char problem[256];
    struct feeding feeding = {.bytes = bytes, .piece = piece};
    const struct backup_reader reader = {feed, part, bytes_of, &feeding};
    bool whole = backup_read(&reader, parts, problem, sizeof problem);
    if (!whole && !problem[0]) abort();
    if (feeding.taken > bytes.len) abort();
    return whole;
}

static size_t padded(size_t len) { return (len + backup_block - 1) / backup_block * backup_block; }

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    size_t parts, room = padded(size) + 8 * backup_block, at = 0;
    struct str input = str_make((const char *)data, size);
    static const struct str name = STR("runtime.yaml");
    char hex[64], *bytes = calloc(1, room);
    if (!bytes || !hash_start()) return 0;
    (void)take(input, 512, &parts);
    backup_head_write(name, (int64_t)size, 1, bytes);
    if (size) memcpy(bytes + backup_block, data, size);
    (void)take(str_make(bytes, backup_block + padded(size)), 77, &parts);
    at = backup_block + padded(size);
    struct sha256 hash = hash_sha256(input);
    hash_to_hex(hash.bytes, sizeof hash.bytes, hex);
    backup_head_write(STR("SHA256SUMS"), 66 + (int64_t)name.len + 1, 1, bytes + at);
    memcpy(bytes + at + backup_block, hex, 64);
    memcpy(bytes + at + backup_block + 64, "  runtime.yaml\n", 15);
    if (!take(str_make(bytes, at + 4 * backup_block), 1000, &parts) || parts != 1) abort();
    if (size) { /* and with one bit of it turned it is not */
        bytes[backup_block + data[0] % size] ^= 1;
        if (take(str_make(bytes, at + 4 * backup_block), 1000, &parts)) abort();
    }
    free(bytes);
    return 0;
}
