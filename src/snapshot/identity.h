/* identity.h - who may sign for callers: issuers of tokens, as the configuration has them, and what a token's claims
 * mean here. Immutable. */
#ifndef WEIR_SNAPSHOT_IDENTITY_H
#define WEIR_SNAPSHOT_IDENTITY_H

#include "base/limits.h"
#include "base/str.h"

struct issuer; /* runtime/issuers.h: its keys */

/* A word of the role claim, and the role that it gives: an enum role. */
struct identity_role {
    struct str word;
    unsigned role;
};

struct identity_issuer {
    struct str issuer; /* a token's `iss`, byte for byte */
    struct str jwks;   /* URL, or the path of a file */
    struct str ca_file;
    struct str *audiences; /* a token's `aud` names one of them */
    size_t audience_count;
    struct str team_claim, user_claim, role_claim; /* names of claims; empty: none */
    struct identity_role *roles;
    size_t role_count;
    struct str template; /* of all of them; empty: none */
    struct str unknown;  /* of those whose team is no owner's name; empty: they are refused */
    int64_t refresh_s;
    size_t identities_max;
    struct issuer *keys; /* set before anybody else sees the snapshot; outlives it */
};

/* A URL, and no path of a file? */
static inline bool identity_jwks_is_url(const struct identity_issuer *issuer) {
    return str_starts(issuer->jwks, STR("https://")) || str_starts(issuer->jwks, STR("http://"));
}

#endif
