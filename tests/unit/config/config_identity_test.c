/* config_identity_test.c - issuers of tokens: what is read of them, and what is refused in which words. */
#include "config/config.h"
#include "snapshot/snapshot.h"

#include "config_world.h"

#define GOOD "issuer: 'https://idp.example', audience: [weir], jwks: 'https://idp.example/keys'"
#define IDENTITY(text) P "templates: {intern: {rate_limit_rpm: 3}}\nidentity: {" text "}\n"

static void an_issuer_is_read_whole(void **state) {
    struct config config;
    (void)state;
    assert_true(load(IDENTITY(GOOD ", ca_file: /ca.pem, template: intern, unknown: intern, refresh_seconds: 600, "
                                   "max_identities: 77, claims: {user: email, team: group, role: job}, "
                                   "roles: {boss: admin, hand: operator, guest: user}"),
                     NULL, &config));
    const struct snapshot *snapshot = config.snapshot;
    assert_int_equal(snapshot->issuer_count, 1);
    const struct identity_issuer *issuer = &snapshot->issuers[0];
    assert_true(str_eq(issuer->issuer, STR("https://idp.example")));
    assert_true(str_eq(issuer->jwks, STR("https://idp.example/keys")));
    assert_true(str_eq(issuer->ca_file, STR("/ca.pem")));
    assert_true(str_eq(issuer->user_claim, STR("email")));
    assert_true(str_eq(issuer->team_claim, STR("group")));
    assert_true(str_eq(issuer->role_claim, STR("job")));
    assert_true(str_eq(issuer->template, STR("intern")));
    assert_true(str_eq(issuer->unknown, STR("intern")));
    assert_int_equal(issuer->refresh_s, 600);
    assert_int_equal(issuer->identities_max, 77);
    assert_int_equal(issuer->audience_count, 1);
    assert_int_equal(issuer->role_count, 3);
    static const struct {
        const char *said;
        enum role role;
    } roles[] = {{"boss", role_admin}, {"hand", role_operator}, {"guest", role_user}};
    for (size_t i = 0; i < 3; i++) {
        assert_true(str_eq(issuer->roles[i].word, str_from(roles[i].said)));
        assert_int_equal(issuer->roles[i].role, roles[i].role);
    }
    config_free(&config);
}

static void there_may_be_none_one_or_several(void **state) {
    static const struct {
        const char *text;
        size_t count;
    } rows[] = {
        {P, 0},
        {P "identity: []\n", 0},
        {IDENTITY(GOOD), 1},
        {P "identity: [{" GOOD "}, {issuer: b, audience: [weir], jwks: '/keys.json'}]\n", 2},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct config config;
        char said[512] = "";
        if (!load(rows[i].text, NULL, &config)) first_problem(&config, said, sizeof said);
        if (said[0]) fail_msg("row %zu: %s", i, said);
        assert_int_equal(config.snapshot->issuer_count, rows[i].count);
        config_free(&config);
    }
}

/* What is said of this configuration first; "": nothing. Until the next call. */
static const char *said_of(const char *text) {
    static char said[512];
    struct config config;
    said[0] = 0;
    load(text, NULL, &config);
    first_problem(&config, said, sizeof said);
    config_free(&config);
    return said;
}

static void where_its_keys_are_is_a_path_or_a_safe_url(void **state) {
    static const struct {
        const char *jwks, *said; /* "": it is good */
    } rows[] = {
        {"/keys.json", ""},
        {"keys", ""},
        {"https://h/keys?v=1", ""},
        {"https://h", ""},
        {"https://h?v=1", ""},
        {"http://127.0.0.1:9/keys", ""},
        {"http://localhost/keys", ""},
        {"", "it needs `jwks`, the URL of its keys, or the path of a file"},
        {"http://h/keys", "its `jwks` must be read by https://: whoever is on the way could put keys of his own in"},
        {"https://h/a b", "its `jwks` holds a blank or a character that is not ASCII: escape it"},
        {"https://h/a\\x7f", "its `jwks` holds a blank or a character that is not ASCII: escape it"},
        {"https://h/\\xe9", "its `jwks` holds a blank or a character that is not ASCII: escape it"},
        {"https://h/!~", ""},
        {"https://h/keys#a", "its `jwks` has a fragment (#): leave it out"},
        {"ftp://h/keys", ""},
    };
    char text[1024];
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        snprintf(text, sizeof text, P "identity: {issuer: a, audience: [weir], jwks: \"%s\"}\n", rows[i].jwks);
        const char *said = said_of(text);
        bool other = strcmp(rows[i].jwks, "ftp://h/keys") == 0; /* in url.h's own words */
        if (other ? !said[0] : rows[i].said[0] ? !strstr(said, rows[i].said) : said[0])
            fail_msg("row %zu: %s", i, said);
    }
}

static void a_url_of_2000_bytes_is_taken_and_no_longer_one(void **state) {
    char text[4096];
    (void)state;
    for (int more = 0; more < 2; more++) {
        snprintf(text, sizeof text, P "identity: {issuer: a, audience: [weir], jwks: 'https://h/%0*d'}\n", 1990 + more,
                 0);
        const char *said = said_of(text);
        if (!more && said[0]) fail_msg("%s", said);
        if (more && !strstr(said, "its `jwks` is longer than 2000 bytes")) fail_msg("%s", said);
    }
}

static void an_issuer_is_a_text_of_its_own(void **state) {
    enum { most = limit_caller - 129 };
    static const struct {
        const char *text, *said;
    } rows[] = {
        {IDENTITY("audience: [weir], jwks: /k"), "an identity needs its `issuer`, the `iss` of its tokens: at most "},
        {IDENTITY("issuer: 'a#b', audience: [weir], jwks: /k"), "an identity needs its `issuer`"},
        {IDENTITY("issuer: 'a b', audience: [weir], jwks: /k"), "the `issuer` holds a blank or a control character"},
        {IDENTITY("issuer: \"a\\x7f\", audience: [weir], jwks: /k"),
         "the `issuer` holds a blank or a control character"},
        {IDENTITY("issuer: '!~', audience: [weir], jwks: /k"), ""},
        {IDENTITY("issuer: a, jwks: /k"), "an identity needs its `audience`, the `aud` of tokens"},
        {IDENTITY("issuer: a, audience: [], jwks: /k"), "an identity needs its `audience`"},
        {IDENTITY(GOOD ", roles: {boss: chief}"), "`chief` is no role: write user, operator or admin"},
        {IDENTITY(GOOD ", template: other"), "there is no template `other`"},
        {IDENTITY(GOOD ", unknown: other"), "there is no template `other`"},
        {P "identity: [{" GOOD "}, {" GOOD "}]\n",
         "the issuer `https://idp.example` stands twice: give one entry all its `audience`s"},
    };
    char text[2048], name[most + 2];
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const char *said = said_of(rows[i].text);
        if (rows[i].said[0] ? !strstr(said, rows[i].said) : said[0]) fail_msg("row %zu: %s", i, said);
    }
    for (size_t more = 0; more < 2; more++) {
        memset(name, 'a', sizeof name);
        name[most + more] = 0;
        snprintf(text, sizeof text, P "identity: {issuer: %s, audience: [weir], jwks: /k}\n", name);
        const char *said = said_of(text);
        if (more ? !strstr(said, "an identity needs its `issuer`") : said[0]) fail_msg("%zu: %s", more, said);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_issuer_is_read_whole),
        cmocka_unit_test(there_may_be_none_one_or_several),
        cmocka_unit_test(where_its_keys_are_is_a_path_or_a_safe_url),
        cmocka_unit_test(a_url_of_2000_bytes_is_taken_and_no_longer_one),
        cmocka_unit_test(an_issuer_is_a_text_of_its_own),
    };
    return cmocka_run_group_tests(tests, sodium_begin, ids_end);
}
