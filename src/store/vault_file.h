/* vault_file.h - the vault's file as bytes: what stands where, and what of it is whole. Pure; nothing is opened here,
 * and no secret is seen: vault.h has the keys.
 *
 *   header | record | record | ... | header again | u32 length of the header | "1tlvriew"
 *
 *   header  "weirvlt1" | u32 its length | kind | three zeros | u32 passes | u32 memory, KiB | salt 16
 *           | nonce 24 | tag 16 | u32 how many entries | of each: u16 length, id | SHA-256 of all that
 *   record  "WREC" | u32 length of the body | first 8 bytes of the body's SHA-256 | body
 *   body    u16 length of id, of provider, of origin | flags | how many secrets | i64 made, i64 rotated, i64 the old
 *           one's end (seconds since 1970) | u32 days | id | provider | origin          <- authenticated data
 *           | nonce 24 | wrapped key 48 | of each secret: nonce 24 | u32 length | its bytes and a tag of 16
 *
 * Numbers are little-endian. Both headers are the same, and name every entry: one that is damaged is known by its name,
 * and what is damaged costs itself alone. */
#ifndef WEIR_STORE_VAULT_FILE_H
#define WEIR_STORE_VAULT_FILE_H

#include "base/limits.h"
#include "base/text.h"

enum {
    vault_id_max = 129, /* PROVIDER/NAME */
    vault_name_max = limit_name,
    vault_origin_max = 4096,
    vault_secret_max = 16 * 1024,
    vault_nexts_max = 100, /* secrets that wait for one entry */
    vault_entries_max = 4096,
    vault_bytes_max = 64 * 1024 * 1024,
    vault_nonce_bytes = 24,
    vault_tag_bytes = 16,
    vault_key_bytes = 32,
    vault_salt_bytes = 16,
};

/* Where the master key comes from. */
enum vault_kind { vault_by_key, vault_by_passphrase, vault_kinds };

struct vault_header {
    enum vault_kind kind;
    uint32_t passes, memory_kib; /* Argon2id's; 0 where there is no passphrase */
    unsigned char salt[vault_salt_bytes];
    unsigned char nonce[vault_nonce_bytes], tag[vault_tag_bytes]; /* of nothing, under the master key */
};

enum {
    vault_flag_runtime = 1, /* made for runtime.yaml, and gone when that does not name it any more */
    vault_flag_next = 2,    /* waits to be the secret of the entry before the `.next.` of its name */
};

struct vault_sealed {
    unsigned char nonce[vault_nonce_bytes];
    struct str bytes; /* with the tag */
};

struct vault_record {
    struct str id, provider, origin;
    unsigned flags;
    int64_t made_s, rotated_s, old_until_s;                                             /* seconds since 1970 */
    uint32_t rotate_after_days;                                                         /* 0: never */
    unsigned char key_nonce[vault_nonce_bytes], key[vault_key_bytes + vault_tag_bytes]; /* wrapped */
    unsigned sealed_count;         /* 0: it was damaged, and only its name is left */
    struct vault_sealed sealed[2]; /* the secret, and the one before it */
};

struct vault_content {
    struct vault_header header;
    struct vault_record *records;
    size_t count, damaged; /* damaged ones are among the records */
    bool torn;             /* the bytes are not as they were written */
};

/* PROVIDER or PROVIDER/NAME: letters, digits, `-`, `_` and `.`. */
bool vault_id_is_valid(struct str id);
/* Ranges stay in `bytes`, the list is the arena's. false: it is no vault, both headers are damaged, it is of a later
 * version, or there is no memory: *problem says which. */
bool vault_file_read(struct str bytes, struct arena *arena, struct vault_content *content, const char **problem);
/* Appends. */
void vault_file_write(const struct vault_content *content, struct text *out);
/* The body of a record up to the wrapped key: what its seals are bound to. */
void vault_file_write_bound(const struct vault_record *record, struct text *out);

#endif
