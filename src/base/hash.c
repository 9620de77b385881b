/* hash.c - the thin edge to libsodium. Holds no state. */
#include "base/hash.h"

#include <sodium.h>

bool hash_start(void) { return sodium_init() >= 0; }

struct sha256 hash_sha256(struct str s) {
    struct sha256 hash;
    crypto_hash_sha256(hash.bytes, (const unsigned char *)s.at, s.len);
    return hash;
}

struct sha256 hash_hmac_sha256(struct str key, const struct str *parts, size_t count) {
    crypto_auth_hmacsha256_state state;
    struct sha256 hash;
    crypto_auth_hmacsha256_init(&state, (const unsigned char *)key.at, key.len);
    for (size_t i = 0; i < count; i++)
        crypto_auth_hmacsha256_update(&state, (const unsigned char *)parts[i].at, parts[i].len);
    crypto_auth_hmacsha256_final(&state, hash.bytes);
    sodium_memzero(&state, sizeof state);
    return hash;
}

uint64_t hash_keyed(const struct hash_secret *secret, struct str s) {
    uint64_t hash;
    _Static_assert(sizeof hash == crypto_shorthash_BYTES && sizeof secret->bytes == crypto_shorthash_KEYBYTES,
                   "SipHash");
    crypto_shorthash((unsigned char *)&hash, (const unsigned char *)s.at, s.len, secret->bytes);
    return hash;
}

struct hash_tag hash_tag_of(const struct hash_secret *secret, struct str s) {
    struct hash_tag tag;
    _Static_assert(sizeof tag == crypto_shorthash_siphashx24_BYTES &&
                       sizeof secret->bytes == crypto_shorthash_siphashx24_KEYBYTES,
                   "SipHash-2-4-128");
    crypto_shorthash_siphashx24((unsigned char *)&tag, (const unsigned char *)s.at, s.len, secret->bytes);
    return tag;
}

struct sha256 hash_sealed(const struct hash_key *key, struct str s) {
    struct sha256 digest;
    _Static_assert(sizeof key->bytes == crypto_generichash_KEYBYTES && sizeof digest.bytes == crypto_generichash_BYTES,
                   "BLAKE2b");
    crypto_generichash(digest.bytes, sizeof digest.bytes, (const unsigned char *)s.at, s.len, key->bytes,
                       sizeof key->bytes);
    return digest;
}

bool hash_equal(const struct sha256 *a, const struct sha256 *b) {
    return sodium_memcmp(a->bytes, b->bytes, sizeof a->bytes) == 0;
}

bool hash_from_hex(struct str hex, struct sha256 *hash) {
    size_t written = 0;
    if (hex.len != 2 * sizeof hash->bytes) return false;
    return sodium_hex2bin(hash->bytes, sizeof hash->bytes, hex.at, hex.len, NULL, &written, NULL) == 0 &&
           written == sizeof hash->bytes;
}

void hash_to_hex(const unsigned char *bytes, size_t len, char *hex) {
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < len; i++) {
        hex[2 * i] = digits[bytes[i] >> 4];
        hex[2 * i + 1] = digits[bytes[i] & 15];
    }
}

void random_bytes(void *into, size_t len) { randombytes_buf(into, len); }
void memory_wipe(void *at, size_t len) { sodium_memzero(at, len); }
