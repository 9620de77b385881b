/* jwks.c - see jwks.h. */
#include "snapshot/jwks.h"

#include "base/base64.h"
#include "dialect/json.h"

enum { jwk_members_max = 32, rsa_bytes_least = 256, rsa_bytes_most = 1024 + 1, exponent_most = 4, field_len = 32 };

struct str jwk_algorithm(enum jwk_kind kind) {
    static const struct str names[jwk_kinds] = {
        [jwk_rsa] = STR("RS256"), [jwk_p256] = STR("ES256"), [jwk_ed25519] = STR("EdDSA")};
    return names[kind];
}

enum jwk_kind jwk_kind_of(struct str algorithm) {
    unsigned kind = 0;
    while (kind < jwk_kinds && !str_eq(jwk_algorithm((enum jwk_kind)kind), algorithm)) kind++;
    if (kind == jwk_kinds && str_eq(algorithm, STR("Ed25519"))) return jwk_ed25519; /* RFC 9864's word for it */
    return (enum jwk_kind)kind;
}

/* An object whose members each stand once (RFC 7517, 4). */
static bool is_plain_object(const struct json_value *value) {
    struct str names[jwk_members_max], name;
    size_t place = 0, count = 0;
    if (json_kind(value) != json_object || json_count(value) > jwk_members_max) return false;
    while (json_each(value, &place, &name)) {
        for (size_t i = 0; i < count; i++)
            if (str_eq(names[i], name)) return false;
        names[count++] = name;
    }
    return true;
}

/* Not said, or said so. */
static bool jwk_says(const struct json_value *key, const char *member, struct str wanted) {
    const struct json_value *value = json_member(key, member);
    return !value || (json_kind(value) == json_string && str_eq(json_str(value, STR("")), wanted));
}

/* `use` and `key_ops` (RFC 7517, 4.2 and 4.3): both must allow it where both are said. */
static bool may_verify(const struct json_value *key) {
    const struct json_value *ops = json_member(key, "key_ops");
    size_t place = 0;
    if (!jwk_says(key, "use", STR("sig"))) return false;
    if (!ops) return true;
    for (const struct json_value *op; (op = json_each(ops, &place, NULL));)
        if (json_kind(ops) == json_array && str_eq(json_str(op, STR("")), STR("verify"))) return true;
    return false;
}

static struct str jwk_number(const struct json_value *key, const char *member, struct arena *arena) {
    const struct json_value *value = json_member(key, member);
    return json_kind(value) == json_string ? base64url_read(json_str(value, STR("")), arena) : STR_NONE;
}

static bool jwk_kind_read(const struct json_value *key, enum jwk_kind *kind) {
    static const struct {
        struct str kty, crv;
        enum jwk_kind kind;
    } rows[] = {
        {STR("RSA"), STR(""), jwk_rsa}, {STR("EC"), STR("P-256"), jwk_p256}, {STR("OKP"), STR("Ed25519"), jwk_ed25519}};
    struct str kty = json_str(json_member(key, "kty"), STR("")), crv = json_str(json_member(key, "crv"), STR(""));
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (str_eq(rows[i].kty, kty) && (!rows[i].crv.len || str_eq(rows[i].crv, crv)))
            return *kind = rows[i].kind, true;
    return false;
}

static bool jwk_numbers_read(const struct json_value *key, struct arena *arena, struct jwk *jwk) {
    if (jwk->kind == jwk_rsa) {
        jwk->n = jwk_number(key, "n", arena);
        jwk->e = jwk_number(key, "e", arena);
        while (jwk->n.len && !jwk->n.at[0]) jwk->n = str_slice(jwk->n, 1, jwk->n.len);
        bool long_enough = jwk->n.len >= rsa_bytes_least && (jwk->n.len > rsa_bytes_least || jwk->n.at[0] & 0x80);
        return long_enough && jwk->n.len < rsa_bytes_most && jwk->e.len && jwk->e.len <= exponent_most;
    }
    jwk->x = jwk_number(key, "x", arena);
    if (jwk->kind == jwk_p256) jwk->y = jwk_number(key, "y", arena);
    return jwk->x.len == field_len && (jwk->kind != jwk_p256 || jwk->y.len == field_len);
}

static bool jwk_read(const struct json_value *key, struct arena *arena, struct jwk *jwk, bool *bared) {
    const struct json_value *kid = json_member(key, "kid"), *algorithm = json_member(key, "alg");
    struct str alg = json_str(algorithm, STR(""));
    *jwk = (struct jwk){.kind = jwk_kinds};
    *bared = json_member(key, "d") != NULL;
    if (!is_plain_object(key) || *bared || !jwk_kind_read(key, &jwk->kind) || !may_verify(key)) return false;
    if (algorithm && jwk_kind_of(alg) != jwk->kind) return false;
    if (kid && (json_kind(kid) != json_string || json_str(kid, STR("")).len > jwk_kid_max)) return false;
    if (kid) jwk->kid = arena_copy(arena, json_str(kid, STR("")));
    return (!kid || jwk->kid.at) && jwk_numbers_read(key, arena, jwk);
}

static bool kid_same(struct str one, struct str other) {
    return (one.at == NULL) == (other.at == NULL) && str_eq(one, other);
}

size_t jwks_find(const struct jwks *jwks, enum jwk_kind kind, struct str kid) {
    size_t found = jwks_keys_max;
    for (size_t i = 0; i < jwks->count; i++) {
        if (jwks->keys[i].kind != kind || (kid.at && !kid_same(jwks->keys[i].kid, kid))) continue;
        if (kid.at) return i;
        if (found != jwks_keys_max) return jwks_keys_max; /* which of them is nobody's guess */
        found = i;
    }
    return found;
}

static bool jwks_has(const struct jwks *jwks, const struct jwk *jwk) {
    for (size_t i = 0; i < jwks->count; i++)
        if (jwks->keys[i].kind == jwk->kind && jwk->kid.at && kid_same(jwks->keys[i].kid, jwk->kid)) return true;
    return false;
}

bool jwks_read(struct str text, struct arena *arena, struct jwks *jwks, const char **problem) {
    size_t at = 0, place = 0;
    *jwks = (struct jwks){.count = 0};
    *problem = "it is larger than 256 KB";
    if (text.len > jwks_bytes_max) return false;
    *problem = "it is no JSON";
    const struct json_value *root = json_parse_in(arena, text, problem, &at), *keys = json_member(root, "keys");
    if (!root) return false;
    *problem = "it has no list `keys`";
    if (json_kind(root) != json_object || json_kind(keys) != json_array) return false;
    for (const struct json_value *key; (key = json_each(keys, &place, NULL));) {
        struct jwk jwk;
        bool bared;
        if (jwk_read(key, arena, &jwk, &bared) && jwks->count < jwks_keys_max && !jwks_has(jwks, &jwk))
            jwks->keys[jwks->count++] = jwk;
        else
            jwks->passed_over++;
        jwks->bared += bared;
    }
    return true;
}
