/* jwt_fuzz.c - tokens and sets of keys with any bytes: what is taken for good keeps what jwt.h and jwks.h say of it. */
#include <stdint.h>
#include <stdlib.h>

#include "base/base64.h"
#include "core/renewal.h"
#include "net/signature.h"
#include "snapshot/jwt.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void token(struct str text, struct arena *arena) {
    static struct str audiences[] = {STR("a")};
    const struct identity_issuer issuer = {.audiences = audiences,
                                           .audience_count = 1,
                                           .team_claim = STR("team"),
                                           .user_claim = STR("sub"),
                                           .role_claim = STR("role"),
                                           .unknown = STR("guest")};
    struct map owners;
    struct jwt jwt;
    struct jwt_who who;
    int64_t until_s;
    if (jwt_read(text, arena, &jwt) != jwt_good || !map_init(&owners, arena, 1)) return;
    if (!jwt_is_alike(text) || jwt.kind >= jwk_kinds || jwt.signed_bytes.len >= text.len) abort();
    if (jwt_times(&jwt, 1000, &until_s) == jwt_good && until_s <= 1000) abort();
    if (jwt_judge(&jwt, &issuer, &owners, &who) == jwt_good && (!who.subject.len || who.role || who.team.len)) abort();
}

static void set(struct str text, struct arena *arena) {
    struct jwks jwks;
    const char *problem;
    if (!jwks_read(text, arena, &jwks, &problem)) return;
    for (size_t i = 0; i < jwks.count; i++) {
        const struct jwk *jwk = &jwks.keys[i];
        struct public_key *key = jwk->kind == jwk_rsa    ? public_key_rsa(jwk->n, jwk->e)
                                 : jwk->kind == jwk_p256 ? public_key_p256(jwk->x, jwk->y)
                                                         : public_key_ed25519(jwk->x);
        if (key) public_key_signed(key, text, jwk->x);
        public_key_free(key);
        if (jwk->kid.at && jwks_find(&jwks, jwk->kind, jwk->kid) != i) abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct str text = str_make((const char *)data, size);
    struct arena arena;
    arena_init(&arena, 4096, 32 << 20);
    token(text, &arena);
    set(text, &arena);
    base64url_read(text, &arena);
    if (renewal_max_age_s(text, str_slice(text, size / 2, size)) < -1) abort();
    arena_free(&arena);
    return 0;
}
