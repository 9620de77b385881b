/* jwt.h - a bearer token that an issuer has signed (RFC 7519, in the compact form of RFC 7515), read as RFC 8725 wants
 * it: its own words choose neither the algorithm nor the key, nothing that it points to is fetched, what is not
 * understood is refused, what stands twice is refused. The steps, in order:
 *
 *   jwt_read     header.claims.signature: three parts, two JSON objects
 *   jwt_times    exp, nbf, iat
 *   the key      by iss, alg and kid; and its signature (runtime/issuers.h)
 *   jwt_judge    aud, and who it is: subject, team, role
 *
 * Pure. */
#ifndef WEIR_SNAPSHOT_JWT_H
#define WEIR_SNAPSHOT_JWT_H

#include "base/error.h"
#include "base/map.h"
#include "snapshot/identity.h"
#include "snapshot/jwks.h"

enum {
    jwt_bytes_max = 16 * 1024,
    jwt_skew_s = 60,
    jwt_header_members = 16,
    jwt_claims_max = 128,
    jwt_subject_max = 128
};

/* X(name, the error it is answered with, what a caller is told). A stranger learns what stands in the token that it
 * showed, and nothing of what this gateway would take instead. */
#define JWT_TABLE(X)                                                                                                  \
    X(good, error_none, "")                                                                                           \
    X(malformed, error_invalid_client_key,                                                                            \
      "This token is no JWT: three parts in base64url, the first two JSON objects whose members stand once.")         \
    X(too_long, error_invalid_client_key, "This token is longer than 16 KB.")                                         \
    X(header, error_invalid_client_key,                                                                               \
      "This token asks in its header for what is not done here (`crit`, `zip`, or a `typ` that is no access token's " \
      "and no ID token's).")                                                                                          \
    X(algorithm, error_invalid_client_key, "This token is not signed with RS256, ES256 or EdDSA.")                    \
    X(issuer, error_invalid_client_key, "This token's issuer (`iss`) is not known to this gateway.")                  \
    X(untimed, error_invalid_client_key, "This token has no `exp`, or one of its times is no number.")                \
    X(expired, error_invalid_client_key, "This token has expired: ask its issuer for a new one.")                     \
    X(early, error_invalid_client_key, "This token is not valid yet (`nbf`).")                                        \
    X(future, error_invalid_client_key, "This token says that it was made in the future (`iat`).")                    \
    X(key, error_invalid_client_key, "This token's key (`kid`) is not among its issuer's keys.")                      \
    X(key_awaited, error_invalid_client_key,                                                                          \
      "This token's key (`kid`) is not among its issuer's keys as they were read last: they are being read again.")   \
    X(keys_gone, error_identity_unavailable,                                                                          \
      "The keys of this token's issuer cannot be read now, so that nobody can tell whose it is: try again shortly.")  \
    X(signature, error_invalid_client_key, "This token's signature is not its issuer's.")                             \
    X(audience, error_invalid_client_key, "This token was made for another audience (`aud`).")                        \
    X(subject, error_invalid_client_key,                                                                              \
      "This token does not say whose it is in a way that can be kept: 1 to 128 bytes without control characters.")    \
    X(team, error_not_allowed,                                                                                        \
      "This token is its issuer's, and names no team that this gateway knows: ask the operator.")                     \
    X(unfit, error_not_allowed,                                                                                       \
      "What this token's owner may do does not fit this gateway's configuration: ask the operator.")                  \
    X(too_many, error_overloaded,                                                                                     \
      "This gateway keeps no more of this issuer's identities at once: try again later, or ask the operator.")        \
    X(memory, error_out_of_memory, "The gateway is out of memory: try again shortly.")

enum jwt_answer {
#define X(name, code, sentence) jwt_##name,
    JWT_TABLE(X)
#undef X
        jwt_answers
};
enum error_code jwt_error(enum jwt_answer answer);
const char *jwt_sentence(enum jwt_answer answer);
struct str jwt_answer_name(enum jwt_answer answer);

struct json_value;
struct jwt {
    enum jwk_kind kind; /* of the key that it says has signed it */
    struct str kid;     /* {NULL,0}: it says none */
    struct str issuer;
    struct str signed_bytes; /* of the token: the first two parts */
    struct str signature;    /* bytes */
    const struct json_value *claims;
};

/* Does it begin as a token does? */
static inline bool jwt_may_be(struct str text) { return text.len && text.at[0] == 'e'; } /* `{`, in base64 */
/* May this be a token, and no client key? Three parts in base64url's digits, the first beginning as an object does. */
bool jwt_is_alike(struct str text);
/* In the arena; `signed_bytes` point into the token. */
enum jwt_answer jwt_read(struct str token, struct arena *arena, struct jwt *jwt);
/* until_s: from then on it has expired. */
enum jwt_answer jwt_times(const struct jwt *jwt, int64_t now_s, int64_t *until_s);

/* Who shows it, where it is good. */
struct jwt_who {
    struct str subject, team; /* team: an owner's name; empty: none is known */
    struct str template;      /* empty: none */
    unsigned role;            /* enum role */
};
/* `owners` by name. Texts point into the token's claims, or into the configuration. */
enum jwt_answer jwt_judge(const struct jwt *jwt, const struct identity_issuer *issuer, const struct map *owners,
                          struct jwt_who *who);

#endif
