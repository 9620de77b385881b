/* hash.h - what libsodium gives to base: SHA-256, safe comparison, random bytes for ids and keys. Thread-safe. */
#ifndef WEIR_BASE_HASH_H
#define WEIR_BASE_HASH_H

#include "base/str.h"

struct sha256 {
    unsigned char bytes[32];
};

/* Once before the others, from any thread; false when the library cannot start. */
bool hash_start(void);
struct sha256 hash_sha256(struct str s);
/* A hash for tables whose keys strangers choose: without the secret nobody knows where one falls. */
struct hash_secret {
    unsigned char bytes[16];
};
uint64_t hash_keyed(const struct hash_secret *secret, struct str s);
/* The same in 128 bits: too many for anybody to find two texts of one tag without the secret. */
struct hash_tag {
    uint64_t words[2];
};
struct hash_tag hash_tag_of(const struct hash_secret *secret, struct str s);
/* HMAC-SHA256 (RFC 2104) of all parts, one behind the other. */
struct sha256 hash_hmac_sha256(struct str key, const struct str *parts, size_t count);
/* A digest that nobody can make, or look for, without the key. */
struct hash_key {
    unsigned char bytes[32];
};
struct sha256 hash_sealed(const struct hash_key *key, struct str s);
/* In time that does not depend on the content. */
bool hash_equal(const struct sha256 *a, const struct sha256 *b);
/* 64 lower- or upper-case hexadecimal digits; false when it is anything else. */
bool hash_from_hex(struct str hex, struct sha256 *hash);
/* Writes 2 x len digits, no NUL. */
void hash_to_hex(const unsigned char *bytes, size_t len, char *hex);
/* From the system's generator. */
void random_bytes(void *into, size_t len);
/* Overwrites in a way the compiler does not drop. */
void memory_wipe(void *at, size_t len);

#endif
