/* jwt_test.c - what a token must be before its signature is looked at, and who it is afterwards: one table for its
 * form, one for its times, one for its claims. */
#include "snapshot/jwt.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "base/base64.h"
#include "base/hash.h"

static struct arena arena;

static void part_put(struct text *token, const char *text) {
    char buffer[8192];
    struct text part = text_in_buffer(buffer, sizeof buffer);
    base64_put(&part, str_from(text));
    assert_false(part.failed);
    for (size_t i = 0; i < part.len; i++) {
        char c = part.at[i];
        if (c != '=') text_put_byte(token, c == '+' ? '-' : c == '/' ? '_' : c);
    }
}

static struct str token_of(const char *header, const char *claims) {
    struct text token = text_in_arena(&arena, 4096);
    part_put(&token, header);
    text_put_byte(&token, '.');
    part_put(&token, claims);
    text_put(&token, STR(".AAAA"));
    return text_str(&token);
}

#define HEAD "{\"alg\":\"ES256\",\"kid\":\"k\"}"

static void what_may_be_a_token_begins_as_an_object_and_has_three_parts(void **state) {
    static const char *const tokens[] = {"eyJh.eyJh.AAAA", "e.e.e", "eyJh.eyJh.A-_9"};
    static const char *const others[] = {"",
                                         "e",
                                         "eyJh",
                                         "eyJh.eyJh",
                                         "eyJh.eyJh.",
                                         "eyJh..AAAA",
                                         ".eyJh.AAAA",
                                         "eyJh.eyJh.AAAA.AAAA",
                                         "eyJh.eyJh.AA=A",
                                         "eyJh.eyJh.AA+A",
                                         "eyJh.ey Jh.AAAA",
                                         "weir-00.11.22",
                                         "wk-1",
                                         "AyJh.eyJh.AAAA",
                                         "eyJh.eyJh.AAAA.",
                                         "e.."};
    (void)state;
    for (size_t i = 0; i < sizeof tokens / sizeof *tokens; i++) assert_true(jwt_is_alike(str_from(tokens[i])));
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (jwt_is_alike(str_from(others[i]))) fail_msg("%s", others[i]);
}

static void a_header_is_taken_or_refused_for_its_reason(void **state) {
    static const struct {
        const char *header;
        enum jwt_answer answer;
    } rows[] = {
        {HEAD, jwt_good},
        {"{\"alg\":\"RS256\"}", jwt_good},
        {"{\"alg\":\"EdDSA\",\"typ\":\"at+JWT\"}", jwt_good},
        {"{\"alg\":\"ES256\",\"typ\":\"application/at+jwt\"}", jwt_good},
        {"{\"alg\":\"ES256\",\"jku\":\"http://x\",\"jwk\":{},\"x5c\":[],\"x5u\":\"\"}", jwt_good}, /* not looked at */
        {"{\"alg\":\"none\"}", jwt_algorithm},
        {"{\"alg\":\"NONE\"}", jwt_algorithm},
        {"{\"alg\":\"HS256\"}", jwt_algorithm},
        {"{\"alg\":\"PS256\"}", jwt_algorithm},
        {"{\"alg\":\"ES512\"}", jwt_algorithm},
        {"{\"alg\":\"\"}", jwt_algorithm},
        {" {\"alg\":\"ES256\"}", jwt_malformed}, /* nobody writes it so, and keys of clients might begin so */
        {"{}", jwt_malformed},
        {"{\"alg\":null}", jwt_malformed},
        {"{\"alg\":[\"ES256\"]}", jwt_malformed},
        {"{\"alg\":\"ES256\",\"alg\":\"none\"}", jwt_malformed},
        {"{\"alg\":\"none\",\"\\u0061lg\":\"ES256\"}", jwt_malformed},
        {"{\"alg\":\"ES256\",\"kid\":1}", jwt_malformed},
        {"{\"alg\":\"ES256\",\"kid\":null}", jwt_malformed},
        {"[\"ES256\"]", jwt_malformed},
        {"{\"alg\":\"ES256\"", jwt_malformed},
        {"{\"alg\":\"ES256\"} {}", jwt_malformed},
        {"{\"alg\":\"ES256\",\"crit\":[\"exp\"]}", jwt_header},
        {"{\"alg\":\"ES256\",\"crit\":[]}", jwt_header},
        {"{\"alg\":\"ES256\",\"b64\":false,\"crit\":[\"b64\"]}", jwt_header},
        {"{\"alg\":\"ES256\",\"zip\":\"DEF\"}", jwt_header},
        {"{\"alg\":\"ES256\",\"cty\":\"JWT\"}", jwt_header},
        {"{\"alg\":\"ES256\",\"typ\":\"dpop+jwt\"}", jwt_header},
        {"{\"alg\":\"ES256\",\"typ\":7}", jwt_header},
        {"{\"alg\":\"ES256\",\"a\":1,\"b\":1,\"c\":1,\"d\":1,\"e\":1,\"f\":1,\"g\":1,\"h\":1,\"i\":1,\"j\":1,\"k\":1,"
         "\"l\":1,\"m\":1,\"n\":1,\"o\":1,\"p\":1}",
         jwt_malformed}};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct jwt jwt;
        enum jwt_answer answer = jwt_read(token_of(rows[i].header, "{\"iss\":\"i\"}"), &arena, &jwt);
        if (answer != rows[i].answer) fail_msg("%s: %.*s", rows[i].header, STR_ARG(jwt_answer_name(answer)));
    }
}

static void claims_are_one_object_whose_members_stand_once(void **state) {
    static const char *const bad[] = {"[]",
                                      "7",
                                      "\"x\"",
                                      "null",
                                      "{\"iss\":\"a\",\"iss\":\"a\"}",
                                      "{\"iss\":\"a\",\"\\u0069ss\":\"b\"}",
                                      "{\"iss\":}",
                                      "{\"iss\":\"a\"}x",
                                      "{\"iss\":\"\xff\"}"};
    struct jwt jwt;
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (jwt_read(token_of(HEAD, bad[i]), &arena, &jwt) != jwt_malformed) fail_msg("%s", bad[i]);
    struct str token = token_of(HEAD, "{\"iss\":\"a\",\"sub\":\"b\"}");
    assert_int_equal(jwt_read(token, &arena, &jwt), jwt_good);
    assert_true(str_eq(jwt.issuer, STR("a")) && str_eq(jwt.kid, STR("k")) && jwt.kind == jwk_p256);
    assert_true(str_eq(jwt.signed_bytes, str_slice(token, 0, token.len - 5)));
    assert_int_equal(jwt.signature.len, 3);
    char *long_one = arena_take(&arena, jwt_bytes_max + 1);
    memset(long_one, 'e', jwt_bytes_max + 1);
    assert_int_equal(jwt_read(str_make(long_one, jwt_bytes_max + 1), &arena, &jwt), jwt_too_long);
    assert_int_equal(jwt_read(str_make(long_one, jwt_bytes_max), &arena, &jwt), jwt_malformed);
}

static void its_times_have_a_minute_of_skew(void **state) {
    static const struct {
        const char *claims;
        enum jwt_answer answer;
        int64_t until_s;
    } rows[] = {{"{\"exp\":1000}", jwt_good, 1060},
                {"{\"exp\":941}", jwt_good, 1001},
                {"{\"exp\":940}", jwt_expired, 0},
                {"{\"exp\":-1}", jwt_expired, 0},
                {"{\"exp\":940.5}", jwt_good, 1001},
                {"{\"exp\":1e3}", jwt_good, 1060},
                {"{\"exp\":1e300}", jwt_good, 253402300859},
                {"{\"exp\":1e999}", jwt_untimed, 0},
                {"{}", jwt_untimed, 0},
                {"{\"exp\":null}", jwt_untimed, 0},
                {"{\"exp\":\"2000\"}", jwt_untimed, 0},
                {"{\"exp\":true}", jwt_untimed, 0},
                {"{\"exp\":[2000]}", jwt_untimed, 0},
                {"{\"exp\":2000,\"nbf\":1060}", jwt_good, 2060},
                {"{\"exp\":2000,\"nbf\":1061}", jwt_early, 0},
                {"{\"exp\":2000,\"nbf\":\"0\"}", jwt_untimed, 0},
                {"{\"exp\":2000,\"nbf\":1e999}", jwt_untimed, 0},
                {"{\"exp\":2000,\"iat\":-1e999}", jwt_untimed, 0},
                {"{\"exp\":2000,\"iat\":1060}", jwt_good, 2060},
                {"{\"exp\":2000,\"iat\":1061}", jwt_future, 0},
                {"{\"exp\":2000,\"iat\":{}}", jwt_untimed, 0}};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct jwt jwt;
        int64_t until_s = 0;
        enum jwt_answer read = jwt_read(token_of(HEAD, rows[i].claims), &arena, &jwt);
        enum jwt_answer answer = read == jwt_good ? jwt_times(&jwt, 1000, &until_s) : jwt_untimed;
        if (answer != rows[i].answer || (answer == jwt_good && until_s != rows[i].until_s))
            fail_msg("%s: %.*s, until %lld", rows[i].claims, STR_ARG(jwt_answer_name(answer)), (long long)until_s);
    }
}

static void who_it_is_follows_from_its_claims(void **state) {
    static struct str audiences[] = {STR("gateway"), STR("https://gateway.test/")};
    static struct identity_role roles[] = {{STR("ops"), 1}, {STR("boss"), 2}, {STR("none"), 0}};
    static const struct {
        const char *claims;
        enum jwt_answer answer;
        const char *subject, *team, *template;
        unsigned role;
    } rows[] = {
        {"{\"aud\":\"gateway\",\"sub\":\"a\",\"team\":\"search\"}", jwt_good, "a", "search", "each", 0},
        {"{\"aud\":[\"x\",\"https://gateway.test/\"],\"sub\":\"a\",\"team\":\"search\"}", jwt_good, "a", "search",
         "each", 0},
        {"{\"aud\":[],\"sub\":\"a\"}", jwt_audience, "", "", "", 0},
        {"{\"aud\":\"GATEWAY\",\"sub\":\"a\"}", jwt_audience, "", "", "", 0},
        {"{\"aud\":\"gateway2\",\"sub\":\"a\"}", jwt_audience, "", "", "", 0},
        {"{\"aud\":{\"gateway\":1},\"sub\":\"a\"}", jwt_audience, "", "", "", 0},
        {"{\"aud\":[[\"gateway\"]],\"sub\":\"a\"}", jwt_audience, "", "", "", 0},
        {"{\"aud\":[7,\"gateway\"],\"sub\":\"a\",\"team\":\"search\"}", jwt_good, "a", "search", "each", 0},
        {"{\"aud\":\"gateway\",\"team\":\"search\"}", jwt_subject, "", "", "", 0},
        {"{\"aud\":\"gateway\",\"sub\":\"\",\"team\":\"search\"}", jwt_subject, "", "", "", 0},
        {"{\"aud\":\"gateway\",\"sub\":[\"a\"],\"team\":\"search\"}", jwt_subject, "", "", "", 0},
        {"{\"aud\":\"gateway\",\"sub\":\"a\\u0000b\",\"team\":\"search\"}", jwt_subject, "", "", "", 0},
        {"{\"aud\":\"gateway\",\"sub\":\"auth0|1\",\"team\":\"search\"}", jwt_good, "auth0|1", "search", "each", 0},
        {"{\"aud\":\"gateway\",\"sub\":\"auth0|template each\",\"team\":\"search\"}", jwt_subject, "", "", "", 0},
        {"{\"aud\":\"gateway\",\"sub\":\"a\",\"team\":[\"x\",\"poor\",\"search\"]}", jwt_good, "a", "poor", "each", 0},
        {"{\"aud\":\"gateway\",\"sub\":\"a\",\"team\":\"x\"}", jwt_good, "a", "", "guest", 0},
        {"{\"aud\":\"gateway\",\"sub\":\"a\"}", jwt_good, "a", "", "guest", 0},
        {"{\"aud\":\"gateway\",\"sub\":\"a\",\"team\":7}", jwt_good, "a", "", "guest", 0},
        {"{\"aud\":\"gateway\",\"sub\":\"a\",\"role\":\"admin\"}", jwt_good, "a", "", "guest", 0},
        {"{\"aud\":\"gateway\",\"sub\":\"a\",\"role\":\"ops\"}", jwt_good, "a", "", "guest", 1},
        {"{\"aud\":\"gateway\",\"sub\":\"a\",\"role\":[\"x\",\"boss\",\"ops\"]}", jwt_good, "a", "", "guest", 2},
        {"{\"aud\":\"gateway\",\"sub\":\"a\",\"role\":[\"boss \",2,{}]}", jwt_good, "a", "", "guest", 0}};
    struct identity_issuer issuer = {.audiences = audiences,
                                     .audience_count = 2,
                                     .team_claim = STR("team"),
                                     .user_claim = STR("sub"),
                                     .role_claim = STR("role"),
                                     .roles = roles,
                                     .role_count = 3,
                                     .template = STR("each"),
                                     .unknown = STR("guest")};
    struct map owners;
    int one;
    (void)state;
    assert_true(map_init(&owners, &arena, 2));
    map_add(&owners, STR("search"), &one);
    map_add(&owners, STR("poor"), &one);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct jwt jwt;
        struct jwt_who who;
        assert_int_equal(jwt_read(token_of(HEAD, rows[i].claims), &arena, &jwt), jwt_good);
        enum jwt_answer answer = jwt_judge(&jwt, &issuer, &owners, &who);
        if (answer != rows[i].answer) fail_msg("%s: %.*s", rows[i].claims, STR_ARG(jwt_answer_name(answer)));
        if (answer != jwt_good) continue;
        if (!str_eq(who.subject, str_from(rows[i].subject)) || !str_eq(who.team, str_from(rows[i].team)) ||
            !str_eq(who.template, str_from(rows[i].template)) || who.role != rows[i].role)
            fail_msg("%s: %.*s %.*s %.*s %u", rows[i].claims, STR_ARG(who.subject), STR_ARG(who.team),
                     STR_ARG(who.template), who.role);
    }
    issuer.unknown = STR("");
    struct jwt jwt;
    struct jwt_who who;
    assert_int_equal(jwt_read(token_of(HEAD, rows[16].claims), &arena, &jwt), jwt_good);
    assert_int_equal(jwt_judge(&jwt, &issuer, &owners, &who), jwt_team);
}

static void each_refusal_has_its_error_and_its_words(void **state) {
    (void)state;
    for (unsigned answer = jwt_good + 1; answer < jwt_answers; answer++) {
        int status = error_facts(jwt_error((enum jwt_answer)answer))->status;
        assert_true(status == 401 || status == 403 || status == 503);
        assert_true(strlen(jwt_sentence((enum jwt_answer)answer)) > 20);
        assert_true(jwt_answer_name((enum jwt_answer)answer).len > 0);
    }
}

static int begin(void **state) {
    (void)state;
    arena_init(&arena, 64 * 1024, 1 << 24);
    return hash_start() ? 0 : -1;
}

static int end(void **state) {
    (void)state;
    arena_free(&arena);
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_may_be_a_token_begins_as_an_object_and_has_three_parts),
        cmocka_unit_test(a_header_is_taken_or_refused_for_its_reason),
        cmocka_unit_test(claims_are_one_object_whose_members_stand_once),
        cmocka_unit_test(its_times_have_a_minute_of_skew),
        cmocka_unit_test(who_it_is_follows_from_its_claims),
        cmocka_unit_test(each_refusal_has_its_error_and_its_words),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
