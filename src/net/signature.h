/* signature.h - public keys and what they have signed, by OpenSSL. A key knows its one algorithm, so that nobody who
 * presents a signature chooses it:
 *
 *   RSA, n and e              RS256: RSASSA-PKCS1-v1_5 with SHA-256 (RFC 7518, 3.3)
 *   a point x, y of P-256     ES256: ECDSA with SHA-256, the signature R || S (RFC 7518, 3.4)
 *   a point of Curve25519     EdDSA: Ed25519 (RFC 8037)
 *
 * Immutable once made: any thread may verify by the same key at the same time. */
#ifndef WEIR_NET_SIGNATURE_H
#define WEIR_NET_SIGNATURE_H

#include "base/str.h"

struct public_key;

/* Numbers and points as bytes, the first the highest: n may begin with zeros, x and y are 32 bytes each. NULL: it is no
 * such key (an RSA modulus below 2048 or above 8192 bits, an exponent that is even or below 65537, a point that is not
 * on its curve), or there is no memory. */
struct public_key *public_key_rsa(struct str n, struct str e);
struct public_key *public_key_p256(struct str x, struct str y);
struct public_key *public_key_ed25519(struct str x);
void public_key_free(struct public_key *key); /* NULL is fine */

/* Has it signed these bytes? One of another length than its algorithm's is no signature. Takes 30 to 150 us. */
bool public_key_signed(const struct public_key *key, struct str bytes, struct str signature);

#endif
