/* vault_fuzz.c - the vault's file, whatever stands in it: ranges within the bytes, names that are names, damaged ones
 * counted; and what is read is written again as it was. The input is also put in the place of a good file's records. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "runtime/key_uses.h"
#include "store/vault_file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void within(struct str part, struct str whole) {
    if (part.len && (part.at < whole.at || part.at + part.len > whole.at + whole.len)) abort();
}

static void take(struct str bytes) {
    struct arena arena;
    struct vault_content content;
    const char *problem = NULL;
    arena_init(&arena, 4096, 1 << 24);
    bool read = vault_file_read(bytes, &arena, &content, &problem);
    size_t damaged = 0;
    if (!read && !problem) abort();
    for (size_t i = 0; read && i < content.count; i++) {
        const struct vault_record *record = &content.records[i];
        if (!vault_id_is_valid(record->id) || record->sealed_count > 2) abort();
        damaged += record->sealed_count == 0;
        within(record->id, bytes);
        within(record->origin, bytes);
        for (unsigned k = 0; k < record->sealed_count; k++) {
            if (record->sealed[k].bytes.len < vault_tag_bytes) abort();
            within(record->sealed[k].bytes, bytes);
        }
    }
    if (read && damaged != content.damaged) abort();
    if (read && !content.torn) {
        struct text out = text_in_arena(&arena, bytes.len + 64);
        vault_file_write(&content, &out);
        if (!out.failed && !str_eq(text_str(&out), bytes)) abort();
    }
    arena_free(&arena);
}

/* The counts beside it: what was read is written, and read again as the same. */
static void uses(struct str bytes) {
    struct key_uses first, second;
    struct arena arena;
    key_uses_init(&first);
    key_uses_init(&second);
    arena_init(&arena, 4096, 1 << 24);
    struct text out = text_in_arena(&arena, 1024), again = text_in_arena(&arena, 1024);
    key_uses_read(&first, bytes);
    first.changed = second.changed = true;
    if (key_uses_save(&first, &out)) {
        if (key_uses_read(&second, text_str(&out))) abort();
        if (!key_uses_save(&second, &again) || !str_eq(text_str(&out), text_str(&again))) abort();
    }
    key_uses_free(&first);
    key_uses_free(&second);
    arena_free(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const struct str names[] = {STR("a"), STR("b/c")};
    struct str input = str_make((const char *)data, size);
    struct arena arena;
    struct vault_record records[2] = {{.id = names[0], .provider = names[0]}, {.id = names[1], .provider = STR("b")}};
    struct vault_content content = {.records = records, .count = 2};
    take(input);
    uses(input);
    /* A record whose checksum is good, around any body; both headers name it. */
    arena_init(&arena, 4096, 1 << 22);
    struct text out = text_in_arena(&arena, size + 4096);
    vault_file_write(&content, &out);
    struct str whole = text_str(&out);
    size_t header = (unsigned char)whole.at[8] + 256u * (unsigned char)whole.at[9];
    struct text made = text_in_arena(&arena, whole.len + size + 16);
    struct sha256 hash = hash_sha256(input);
    unsigned char len[4] = {(unsigned char)size, (unsigned char)(size >> 8), (unsigned char)(size >> 16), 0};
    text_put(&made, str_slice(whole, 0, header));
    text_put(&made, STR("WREC"));
    text_put(&made, str_make((const char *)len, sizeof len));
    text_put(&made, str_make((const char *)hash.bytes, 8));
    text_put(&made, input);
    text_put(&made, str_slice(whole, whole.len - header - 12, whole.len));
    if (!made.failed) take(text_str(&made));
    arena_free(&arena);
    return 0;
}
