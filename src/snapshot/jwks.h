/* jwks.h - a set of public keys as an issuer publishes it (RFC 7517): which of them may have signed a token, and their
 * numbers. What a set holds beside them is passed over, as RFC 7517 (5) wants it: other kinds and curves, keys for
 * encryption, symmetric ones, what is damaged; and a key that shows its private part, as it is nobody's any more. Pure.
 */
#ifndef WEIR_SNAPSHOT_JWKS_H
#define WEIR_SNAPSHOT_JWKS_H

#include "base/arena.h"

/* What a key signs follows from what it is: a token's word for it must be the same. */
enum jwk_kind { jwk_rsa, jwk_p256, jwk_ed25519, jwk_kinds };

struct jwk {
    enum jwk_kind kind;
    struct str kid;        /* {NULL,0}: it has none */
    struct str n, e, x, y; /* bytes: of an RSA key n and e, of P-256 x and y, of Ed25519 x */
};

enum { jwks_bytes_max = 256 * 1024, jwks_keys_max = 64, jwk_kid_max = 256 };

struct jwks {
    struct jwk keys[jwks_keys_max]; /* no two of one kind have the same kid */
    size_t count;
    size_t passed_over; /* that are no such keys, or too many */
    size_t bared;       /* of them those that show their private part */
};

/* In the arena. false: it is no set of keys, as *problem says. One without a key is a set. */
bool jwks_read(struct str text, struct arena *arena, struct jwks *jwks, const char **problem)
    __attribute__((warn_unused_result));

/* The one key that a token of this kind and kid may be signed by; kid {NULL,0}: it says none, and there must be one key
 * alone. jwks_keys_max: none. */
size_t jwks_find(const struct jwks *jwks, enum jwk_kind kind, struct str kid);

/* "RS256": the word for what such a key signs. */
struct str jwk_algorithm(enum jwk_kind kind);
/* The kind whose keys sign so; jwk_kinds: none that is taken here. `none`, HMACs and all else are none. */
enum jwk_kind jwk_kind_of(struct str algorithm);

#endif
