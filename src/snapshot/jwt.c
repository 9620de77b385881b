/* jwt.c - see jwt.h. */
#include "snapshot/jwt.h"

#include <math.h>

#include "base/base64.h"
#include "base/check.h"
#include "dialect/json.h"

static const struct {
    struct str name;
    enum error_code code;
    const char *sentence;
} jwt_rows[jwt_answers] = {
#define X(name, code, sentence) {STR(#name), code, sentence},
    JWT_TABLE(X)
#undef X
};

enum error_code jwt_error(enum jwt_answer answer) { return jwt_rows[answer].code; }
const char *jwt_sentence(enum jwt_answer answer) { return jwt_rows[answer].sentence; }
struct str jwt_answer_name(enum jwt_answer answer) {
    return jwt_rows[answer].name;
}

/* -- its form -- */

static bool is_digit_of_base64url(char c) { return byte_is_alnum(c) || c == '-' || c == '_'; }

bool jwt_is_alike(struct str text) {
    size_t dots = 0, part = 0;
    if (!jwt_may_be(text)) return false;
    for (size_t i = 0; i < text.len; i++, part++) {
        if (is_digit_of_base64url(text.at[i])) continue;
        if (text.at[i] != '.' || !part || ++dots > 2) return false;
        part = SIZE_MAX; /* 0 at the next */
    }
    return dots == 2 && part > 0;
}

/* An object whose members each stand once (RFC 7515, 4; RFC 7519, 4): of two, readers differ in which one counts. */
static const struct json_value *jwt_object_read(struct str part, size_t most, struct arena *arena) {
    struct str names[jwt_claims_max], name, text = base64url_read(part, arena);
    const char *problem;
    size_t at, place = 0, count = 0;
    CHECKF(most <= jwt_claims_max, "most=%zu", most);
    const struct json_value *object = text.at ? json_parse_in(arena, text, &problem, &at) : NULL;
    if (json_kind(object) != json_object || json_count(object) > most) return NULL;
    while (json_each(object, &place, &name)) {
        for (size_t i = 0; i < count; i++)
            if (str_eq(names[i], name)) return NULL;
        names[count++] = name;
    }
    return object;
}

/* RFC 8725, 3.11: a token that was made for something else says so. */
static bool type_is_ours(const struct json_value *header) {
    static const struct str types[] = {STR("JWT"), STR("at+jwt")};
    const struct json_value *value = json_member(header, "typ");
    struct str type = json_str(value, STR(""));
    if (!value) return true;
    if (str_starts_nocase(type, STR("application/"))) type = str_slice(type, 12, type.len);
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (str_eq_nocase(type, types[i])) return true;
    return false;
}

/* What it says of keys beside `kid` (jwk, jku, x5c, x5u) is not looked at. */
static enum jwt_answer jwt_header_read(const struct json_value *header, struct jwt *jwt) {
    const struct json_value *algorithm = json_member(header, "alg"), *kid = json_member(header, "kid");
    if (json_member(header, "crit") || json_member(header, "zip") || json_member(header, "cty") ||
        !type_is_ours(header))
        return jwt_header;
    if (json_kind(algorithm) != json_string) return jwt_malformed;
    jwt->kind = jwk_kind_of(json_str(algorithm, STR("")));
    if (jwt->kind == jwk_kinds) return jwt_algorithm;
    if (kid && json_kind(kid) != json_string) return jwt_malformed;
    if (kid) jwt->kid = json_str(kid, STR(""));
    return jwt->kid.len > jwk_kid_max ? jwt_malformed : jwt_good;
}

enum jwt_answer jwt_read(struct str token, struct arena *arena, struct jwt *jwt) {
    struct str rest = token, parts[3];
    *jwt = (struct jwt){.kind = jwk_kinds};
    if (token.len > jwt_bytes_max) return jwt_too_long;
    if (!jwt_is_alike(token)) return jwt_malformed;
    for (size_t i = 0; i < 3; i++)
        if (!str_split_next(&rest, '.', &parts[i])) return jwt_malformed;
    const struct json_value *header = jwt_object_read(parts[0], jwt_header_members, arena);
    if (!header) return jwt_malformed;
    enum jwt_answer answer = jwt_header_read(header, jwt);
    if (answer != jwt_good) return answer;
    jwt->claims = jwt_object_read(parts[1], jwt_claims_max, arena);
    jwt->signature = base64url_read(parts[2], arena);
    if (!jwt->claims || !jwt->signature.at) return jwt_malformed;
    jwt->signed_bytes = str_slice(token, 0, parts[0].len + 1 + parts[1].len);
    jwt->issuer = json_str(json_member(jwt->claims, "iss"), STR(""));
    return jwt_good;
}

/* -- when -- */

/* Seconds since 1970, which may have a fraction (RFC 7519, 2). false: it stands there and is none. */
static bool jwt_moment_read(const struct json_value *claims, const char *name, bool *said, double *moment) {
    const struct json_value *value = json_member(claims, name);
    *said = value != NULL;
    *moment = json_double(value, NAN); /* one that no double holds too */
    return !value || (json_kind(value) == json_number && isfinite(*moment));
}

enum jwt_answer jwt_times(const struct jwt *jwt, int64_t now_s, int64_t *until_s) {
    const double most = 253402300799.0; /* of year 9999 */
    double expires, begins, made, now = (double)now_s;
    bool has_end, has_begin, has_made;
    *until_s = 0;
    if (!jwt_moment_read(jwt->claims, "exp", &has_end, &expires) ||
        !jwt_moment_read(jwt->claims, "nbf", &has_begin, &begins) ||
        !jwt_moment_read(jwt->claims, "iat", &has_made, &made) || !has_end)
        return jwt_untimed;
    if (now >= expires + jwt_skew_s) return jwt_expired;
    if (has_begin && now + jwt_skew_s < begins) return jwt_early;
    if (has_made && now + jwt_skew_s < made) return jwt_future;
    *until_s = (int64_t)ceil(expires < most ? expires : most) + jwt_skew_s;
    return jwt_good;
}

/* -- who -- */

/* A claim is one text, or a list of texts. The one at the place, from 0. {NULL,0}: there is none, or another kind. */
static struct str claim_at(const struct json_value *claim, size_t place) {
    if (json_kind(claim) == json_string) return place ? STR_NONE : json_str(claim, STR(""));
    if (json_kind(claim) != json_array || place >= json_count(claim)) return STR_NONE;
    size_t next = 0;
    const struct json_value *element = NULL;
    for (size_t i = 0; i <= place; i++) element = json_each(claim, &next, NULL);
    return json_kind(element) == json_string ? json_str(element, STR("")) : STR("");
}

static const struct json_value *claim_of(const struct jwt *jwt, struct str name) {
    struct str member;
    size_t place = 0;
    for (const struct json_value *value; name.len && (value = json_each(jwt->claims, &place, &member));)
        if (str_eq(member, name)) return value;
    return NULL;
}

enum { claim_texts_max = 256 };

static bool audience_is_ours(const struct jwt *jwt, const struct identity_issuer *issuer) {
    const struct json_value *claim = claim_of(jwt, STR("aud"));
    for (size_t place = 0; place < claim_texts_max; place++) {
        struct str one = claim_at(claim, place);
        if (!one.at) return false;
        for (size_t i = 0; i < issuer->audience_count; i++)
            if (str_eq(issuer->audiences[i], one)) return true;
    }
    return false;
}

/* Of several teams the first that is an owner's name. */
static struct str team_of(const struct jwt *jwt, const struct identity_issuer *issuer, const struct map *owners) {
    const struct json_value *claim = claim_of(jwt, issuer->team_claim);
    for (size_t place = 0; place < claim_texts_max; place++) {
        struct str team = claim_at(claim, place);
        if (!team.at) return STR("");
        if (team.len && map_find(owners, team)) return team;
    }
    return STR("");
}

/* The highest that one of its words is mapped to; 0: user. */
static unsigned role_of(const struct jwt *jwt, const struct identity_issuer *issuer) {
    const struct json_value *claim = claim_of(jwt, issuer->role_claim);
    unsigned role = 0;
    for (size_t place = 0; place < claim_texts_max; place++) {
        struct str word = claim_at(claim, place);
        if (!word.at) return role;
        for (size_t i = 0; i < issuer->role_count; i++)
            if (str_eq(issuer->roles[i].word, word) && issuer->roles[i].role > role) role = issuer->roles[i].role;
    }
    return role;
}

/* What is spent stands under its name with `|template NAME|` behind: no name may look so by itself. */
static bool subject_is_good(struct str subject) {
    for (size_t i = 0; i < subject.len; i++)
        if ((unsigned char)subject.at[i] < 0x20 || subject.at[i] == 0x7f) return false;
    return subject.len > 0 && subject.len <= jwt_subject_max && str_find(subject, STR("|template ")) == SIZE_MAX;
}

enum jwt_answer jwt_judge(const struct jwt *jwt, const struct identity_issuer *issuer, const struct map *owners,
                          struct jwt_who *who) {
    const struct json_value *user = claim_of(jwt, issuer->user_claim);
    *who = (struct jwt_who){.subject = json_str(user, STR(""))};
    if (!audience_is_ours(jwt, issuer)) return jwt_audience;
    if (json_kind(user) != json_string || !subject_is_good(who->subject)) return jwt_subject;
    who->team = team_of(jwt, issuer, owners);
    who->role = role_of(jwt, issuer);
    who->template = who->team.len ? issuer->template : issuer->unknown;
    return who->team.len || issuer->unknown.len ? jwt_good : jwt_team;
}
