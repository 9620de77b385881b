/* vault_file.c - see vault_file.h. Must never: believe a length before it is compared with what is there, or pass on a
 * record that its checksum does not vouch for. */
#include "store/vault_file.h"

#include "base/hash.h"
#include "base/name.h"

enum {
    header_fixed = 8 + 4 + 4 + 4 + 4 + vault_salt_bytes + vault_nonce_bytes + vault_tag_bytes + 4,
    header_hash = 32,
    footer_bytes = 4 + 8,
    record_head = 4 + 4 + 8,
    body_fixed = 6 + 2 + 3 * 8 + 4,
    body_wrapped = vault_nonce_bytes + vault_key_bytes + vault_tag_bytes,
    body_max = body_fixed + vault_id_max + vault_name_max + vault_origin_max + body_wrapped +
               2 * (vault_nonce_bytes + 4 + vault_secret_max + vault_tag_bytes),
};

static const struct str first_bytes = STR("weirvlt1"), first_of_any = STR("weirvlt"), last_bytes = STR("1tlvriew"),
                        record_bytes = STR("WREC");

/* -- reading -- */

/* What is still to be read. Past its end everything is zero, and `over` says so. */
struct rest {
    struct str bytes;
    bool over;
};

static struct str bytes_take(struct rest *rest, size_t len) {
    if (len > rest->bytes.len) {
        rest->over = true;
        rest->bytes = STR_NONE;
        return STR_NONE;
    }
    struct str taken = str_slice(rest->bytes, 0, len);
    rest->bytes = str_slice(rest->bytes, len, rest->bytes.len);
    return taken;
}

static uint64_t vault_number_take(struct rest *rest, size_t bytes) {
    struct str taken = bytes_take(rest, bytes);
    uint64_t number = 0;
    for (size_t i = taken.len; i > 0; i--) number = number << 8 | (unsigned char)taken.at[i - 1];
    return number;
}

static void into_take(struct rest *rest, unsigned char *into, size_t len) {
    struct str taken = bytes_take(rest, len);
    memset(into, 0, len);
    if (taken.len) memcpy(into, taken.at, taken.len);
}

bool vault_id_is_valid(struct str id) {
    size_t slash = str_find_byte(id, '/');
    struct str parts[] = {str_slice(id, 0, slash), slash == SIZE_MAX ? STR("-") : str_slice(id, slash + 1, id.len)};
    return name_is_valid(parts[0]) && name_is_valid(parts[1]);
}

/* What of these bytes the checksum at their end vouches for; {NULL,0}: nothing. */
static struct str header_whole(struct str bytes) {
    struct rest rest = {.bytes = bytes};
    if (!str_starts(bytes, first_bytes)) return STR_NONE;
    bytes_take(&rest, first_bytes.len);
    size_t len = vault_number_take(&rest, 4);
    if (rest.over || len < header_fixed + header_hash || len > bytes.len) return STR_NONE;
    struct sha256 hash = hash_sha256(str_slice(bytes, 0, len - header_hash));
    bool good = memcmp(hash.bytes, bytes.at + len - header_hash, header_hash) == 0;
    return good ? str_slice(bytes, 0, len) : STR_NONE;
}

static struct str header_at_end(struct str bytes) {
    if (bytes.len < footer_bytes || !str_ends(bytes, last_bytes)) return STR_NONE;
    struct rest rest = {.bytes = str_slice(bytes, bytes.len - footer_bytes, bytes.len)};
    size_t len = vault_number_take(&rest, 4), room = bytes.len - footer_bytes;
    struct str whole = len <= room ? header_whole(str_slice(bytes, room - len, room)) : STR_NONE;
    return whole.len == len ? whole : STR_NONE;
}

/* Every entry by its name, none of them found yet. */
static bool header_take(struct str header, struct arena *arena, struct vault_content *content) {
    struct rest rest = {.bytes = str_slice(header, first_bytes.len + 4, header.len - header_hash)};
    struct vault_header *into = &content->header;
    into->kind = (enum vault_kind)vault_number_take(&rest, 1);
    bytes_take(&rest, 3);
    into->passes = (uint32_t)vault_number_take(&rest, 4);
    into->memory_kib = (uint32_t)vault_number_take(&rest, 4);
    into_take(&rest, into->salt, sizeof into->salt);
    into_take(&rest, into->nonce, sizeof into->nonce);
    into_take(&rest, into->tag, sizeof into->tag);
    size_t count = vault_number_take(&rest, 4);
    if (rest.over || (unsigned)into->kind >= vault_kinds || count > vault_entries_max) return false;
    content->records = arena_take_zeroed(arena, (count + 1) * sizeof *content->records);
    if (!content->records) return false;
    for (; content->count < count; content->count++) {
        struct str id = bytes_take(&rest, vault_number_take(&rest, 2));
        if (rest.over || !vault_id_is_valid(id)) return false;
        content->records[content->count].id = id;
        content->records[content->count].provider = str_slice(id, 0, str_find_byte(id, '/'));
    }
    return rest.bytes.len == 0;
}

static bool body_take(struct str body, struct vault_record *record) {
    struct rest rest = {.bytes = body};
    size_t id = vault_number_take(&rest, 2), provider = vault_number_take(&rest, 2),
           origin = vault_number_take(&rest, 2);
    record->flags = (unsigned)vault_number_take(&rest, 1);
    record->sealed_count = (unsigned)vault_number_take(&rest, 1);
    record->made_s = (int64_t)vault_number_take(&rest, 8);
    record->rotated_s = (int64_t)vault_number_take(&rest, 8);
    record->old_until_s = (int64_t)vault_number_take(&rest, 8);
    record->rotate_after_days = (uint32_t)vault_number_take(&rest, 4);
    record->id = bytes_take(&rest, id);
    record->provider = bytes_take(&rest, provider);
    record->origin = bytes_take(&rest, origin);
    into_take(&rest, record->key_nonce, sizeof record->key_nonce);
    into_take(&rest, record->key, sizeof record->key);
    if (rest.over || record->sealed_count > 2) return false;
    for (unsigned i = 0; i < record->sealed_count; i++) {
        into_take(&rest, record->sealed[i].nonce, vault_nonce_bytes);
        size_t len = vault_number_take(&rest, 4);
        record->sealed[i].bytes = bytes_take(&rest, len);
        if (len < vault_tag_bytes || len > vault_secret_max + vault_tag_bytes) return false;
    }
    return !rest.over && rest.bytes.len == 0 && vault_id_is_valid(record->id) && origin <= vault_origin_max &&
           str_eq(record->provider, str_slice(record->id, 0, str_find_byte(record->id, '/')));
}

/* The record that begins here; its length in all, or 0. */
static size_t record_take(struct str bytes, struct vault_record *record) {
    struct rest rest = {.bytes = bytes};
    if (!str_starts(bytes, record_bytes)) return 0;
    bytes_take(&rest, record_bytes.len);
    size_t len = vault_number_take(&rest, 4);
    struct str sum = bytes_take(&rest, 8), body = len <= body_max ? bytes_take(&rest, len) : STR_NONE;
    if (rest.over || body.len != len || !body.len) return 0;
    struct sha256 hash = hash_sha256(body);
    if (memcmp(hash.bytes, sum.at, sum.len) != 0) return 0;
    *record = (struct vault_record){.flags = 0};
    return body_take(body, record) ? record_head + len : 0;
}

static struct vault_record *vault_record_named(struct vault_content *content, struct str id) {
    for (size_t i = 0; i < content->count; i++)
        if (str_eq(content->records[i].id, id)) return &content->records[i];
    return NULL;
}

/* Where a record is damaged, the next one is looked for. What is not each entry once, in the header's order, was not
 * written so. */
static void records_take(struct str bytes, struct vault_content *content) {
    struct vault_record record;
    size_t at = 0, next = 0, found;
    while (at < bytes.len) {
        size_t len = record_take(str_slice(bytes, at, bytes.len), &record);
        if (len) {
            bool usual = next < content->count && str_eq(content->records[next].id, record.id);
            struct vault_record *known = usual ? &content->records[next] : vault_record_named(content, record.id);
            if (known) next = (size_t)(known - content->records) + 1;
            if (known) *known = record;
            content->torn = content->torn || !usual;
            at += len;
            continue;
        }
        content->torn = true;
        if ((found = str_find(str_slice(bytes, at + 1, bytes.len), record_bytes)) == SIZE_MAX) break;
        at += 1 + found;
    }
    content->torn = content->torn || next != content->count;
}

bool vault_file_read(struct str bytes, struct arena *arena, struct vault_content *content, const char **problem) {
    struct str first = header_whole(bytes), last = header_at_end(bytes), header = first.len ? first : last;
    *content = (struct vault_content){.torn = !first.len || !last.len};
    if (!header.len) {
        bool ours = str_starts(bytes, first_of_any) || str_ends(bytes, str_slice(last_bytes, 1, last_bytes.len));
        bool later = str_starts(bytes, first_of_any) && !str_starts(bytes, first_bytes) && !last.len;
        *problem = later  ? "it is of a later version of weir, or damaged"
                   : ours ? "it is damaged at its beginning and at its end"
                          : "it is no vault";
        return false;
    }
    if (!header_take(header, arena, content)) {
        *problem = arena->refused ? "there is no memory to read it" : "it was written wrongly";
        return false;
    }
    size_t from = first.len ? first.len : 0, to = last.len ? bytes.len - footer_bytes - last.len : bytes.len;
    records_take(str_slice(bytes, from, to), content);
    for (size_t i = 0; i < content->count; i++) content->damaged += content->records[i].sealed_count == 0;
    return true;
}

/* -- writing -- */

static void vault_number_put(struct text *out, uint64_t number, size_t bytes) {
    for (size_t i = 0; i < bytes; i++) text_put_byte(out, (char)(number >> (8 * i) & 0xff));
}

static void raw_put(struct text *out, const unsigned char *bytes, size_t len) {
    text_put(out, str_make((const char *)bytes, len));
}

void vault_file_write_bound(const struct vault_record *record, struct text *out) {
    vault_number_put(out, record->id.len, 2);
    vault_number_put(out, record->provider.len, 2);
    vault_number_put(out, record->origin.len, 2);
    vault_number_put(out, record->flags, 1);
    vault_number_put(out, record->sealed_count, 1);
    vault_number_put(out, (uint64_t)record->made_s, 8);
    vault_number_put(out, (uint64_t)record->rotated_s, 8);
    vault_number_put(out, (uint64_t)record->old_until_s, 8);
    vault_number_put(out, record->rotate_after_days, 4);
    text_put(out, record->id);
    text_put(out, record->provider);
    text_put(out, record->origin);
}

static void header_put(const struct vault_content *content, struct text *out) {
    const struct vault_header *header = &content->header;
    size_t begun = out->len, len = header_fixed + header_hash;
    for (size_t i = 0; i < content->count; i++) len += 2 + content->records[i].id.len;
    text_put(out, first_bytes);
    vault_number_put(out, len, 4);
    vault_number_put(out, header->kind, 4);
    vault_number_put(out, header->passes, 4);
    vault_number_put(out, header->memory_kib, 4);
    raw_put(out, header->salt, sizeof header->salt);
    raw_put(out, header->nonce, sizeof header->nonce);
    raw_put(out, header->tag, sizeof header->tag);
    vault_number_put(out, content->count, 4);
    for (size_t i = 0; i < content->count; i++) {
        vault_number_put(out, content->records[i].id.len, 2);
        text_put(out, content->records[i].id);
    }
    if (out->failed) return;
    struct sha256 hash = hash_sha256(str_slice(text_str(out), begun, out->len));
    raw_put(out, hash.bytes, sizeof hash.bytes);
}

static void record_put(const struct vault_record *record, struct text *out) {
    size_t begun = out->len;
    text_put(out, record_bytes);
    text_put(out, STR("\0\0\0\0\0\0\0\0\0\0\0\0"));
    vault_file_write_bound(record, out);
    raw_put(out, record->key_nonce, sizeof record->key_nonce);
    raw_put(out, record->key, sizeof record->key);
    for (unsigned i = 0; i < record->sealed_count; i++) {
        raw_put(out, record->sealed[i].nonce, vault_nonce_bytes);
        vault_number_put(out, record->sealed[i].bytes.len, 4);
        text_put(out, record->sealed[i].bytes);
    }
    if (out->failed) return;
    struct str body = str_slice(text_str(out), begun + record_head, out->len);
    struct sha256 hash = hash_sha256(body);
    for (size_t i = 0; i < 4; i++) out->at[begun + 4 + i] = (char)(body.len >> (8 * i) & 0xff);
    memcpy(out->at + begun + 8, hash.bytes, 8);
}

void vault_file_write(const struct vault_content *content, struct text *out) {
    size_t begun = out->len;
    header_put(content, out);
    size_t len = out->len - begun;
    for (size_t i = 0; i < content->count; i++) record_put(&content->records[i], out);
    header_put(content, out);
    vault_number_put(out, len, 4);
    text_put(out, last_bytes);
}
