/* tls_test.c - handshakes over memory between a calling and a listening session, with certificates made here: which are
 * taken, which are refused and with what words. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "net/tls.h"
#include "net/tls_session.h"

static char folder[] = "/tmp/weir-tls-XXXXXX";
static EVP_PKEY *ca_key, *leaf_key;
static X509 *ca;

static struct str path_of(const char *name) {
    static char paths[4][128];
    static unsigned next;
    char *path = paths[next++ % 4];
    snprintf(path, sizeof paths[0], "%s/%s", folder, name);
    return str_from(path);
}

static void extension_add(X509 *cert, int nid, const char *value) {
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, NULL, nid, value);
    assert_non_null(extension);
    X509_add_ext(cert, extension, -1);
    X509_EXTENSION_free(extension);
}

static X509 *certificate(const char *name, EVP_PKEY *key, const char *alternatives, long from_s, long until_s) {
    static long serial = 1;
    X509 *cert = X509_new();
    X509_set_version(cert, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(cert), serial++);
    X509_gmtime_adj(X509_getm_notBefore(cert), from_s);
    X509_gmtime_adj(X509_getm_notAfter(cert), until_s);
    X509_set_pubkey(cert, key);
    X509_NAME *subject = X509_get_subject_name(cert);
    X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, (const unsigned char *)name, -1, -1, 0);
    X509_set_issuer_name(cert, ca ? X509_get_subject_name(ca) : subject);
    extension_add(cert, NID_basic_constraints, alternatives ? "critical,CA:FALSE" : "critical,CA:TRUE");
    if (alternatives) extension_add(cert, NID_subject_alt_name, alternatives);
    assert_true(X509_sign(cert, ca_key, EVP_sha256()) > 0);
    return cert;
}

static void certificate_write(const char *file, X509 *cert) {
    FILE *out = fopen(path_of(file).at, "w");
    assert_non_null(out);
    assert_int_equal(PEM_write_X509(out, cert), 1);
    fclose(out);
}

static void key_write(const char *file, EVP_PKEY *key) {
    FILE *out = fopen(path_of(file).at, "w");
    assert_non_null(out);
    assert_int_equal(PEM_write_PrivateKey(out, key, NULL, NULL, 0, NULL, NULL), 1);
    fclose(out);
}

static const char *const files[] = {"ca.pem",  "good.pem",  "expired.pem", "wrong.pem",
                                    "key.pem", "other.pem", "junk.pem"};

static int certificates_make(void **state) {
    (void)state;
    enum { day_s = 86400 };
    assert_non_null(mkdtemp(folder));
    ca_key = EVP_EC_gen("P-256");
    leaf_key = EVP_EC_gen("P-256");
    EVP_PKEY *other = EVP_EC_gen("P-256");
    X509 *root = certificate("weir test CA", ca_key, NULL, -day_s, day_s);
    ca = root;
    X509 *good = certificate("good", leaf_key, "DNS:api.example,DNS:*.wild.example,IP:127.0.0.1,IP:::1", -day_s, day_s);
    X509 *expired = certificate("expired", leaf_key, "DNS:api.example", -2 * day_s, -day_s);
    X509 *wrong = certificate("api.example", leaf_key, "DNS:other.example", -day_s, day_s);
    certificate_write("ca.pem", ca);
    certificate_write("good.pem", good);
    certificate_write("expired.pem", expired);
    certificate_write("wrong.pem", wrong);
    key_write("key.pem", leaf_key);
    key_write("other.pem", other);
    FILE *junk = fopen(path_of("junk.pem").at, "w");
    fputs("no certificate\n", junk);
    fclose(junk);
    X509_free(good), X509_free(expired), X509_free(wrong);
    EVP_PKEY_free(other);
    return 0;
}

static int certificates_remove(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) unlink(path_of(files[i]).at);
    rmdir(folder);
    X509_free(ca);
    EVP_PKEY_free(ca_key);
    EVP_PKEY_free(leaf_key);
    return 0;
}

struct pair {
    struct tls_context *calls, *listens;
    struct tls_session *caller, *listener;
    size_t caller_bytes, listener_bytes; /* ciphertext each has sent */
};

static void pair_open(struct pair *pair, const char *cert, const char *ca_file, bool insecure, const char *host) {
    struct error error;
    memset(pair, 0, sizeof *pair);
    pair->listens = tls_server_context(path_of(cert), path_of("key.pem"), &error);
    pair->calls = tls_client_context(ca_file ? path_of(ca_file) : STR_NONE, insecure, tls_for_providers, &error);
    assert_true(pair->listens && pair->calls);
    pair->caller = tls_session_new(pair->calls, str_from(host));
    pair->listener = tls_session_new(pair->listens, STR_NONE);
    assert_true(pair->caller && pair->listener);
}

static void pair_sessions_close(struct pair *pair) {
    tls_session_free(pair->caller);
    tls_session_free(pair->listener);
}

static void pair_close(struct pair *pair) {
    pair_sessions_close(pair);
    tls_context_release(pair->calls);
    tls_context_release(pair->listens);
}

static size_t carry(struct tls_session *from, struct tls_session *to, size_t step) {
    char bytes[4096];
    size_t len, all = 0;
    while ((len = tls_take_cipher(from, bytes, step)) > 0) {
        assert_true(tls_put_cipher(to, str_make(bytes, len)));
        all += len;
    }
    return all;
}

/* What the caller comes to. */
static enum tls_result shake(struct pair *pair, size_t step) {
    enum tls_result caller = tls_want_more, listener = tls_want_more;
    for (int turn = 0; turn < 20 && caller == tls_want_more; turn++) {
        caller = tls_handshake(pair->caller);
        pair->caller_bytes += carry(pair->caller, pair->listener, step);
        listener = tls_handshake(pair->listener);
        pair->listener_bytes += carry(pair->listener, pair->caller, step);
    }
    if (caller == tls_ok && listener == tls_want_more) listener = tls_handshake(pair->listener);
    if (caller == tls_ok) assert_int_equal(listener, tls_ok);
    return caller;
}

static void a_good_certificate_is_taken_by_name_and_by_address(void **state) {
    (void)state;
    static const char *const hosts[] = {"api.example", "API.example", "a.wild.example", "127.0.0.1", "::1"};
    for (size_t i = 0; i < sizeof hosts / sizeof *hosts; i++) {
        struct pair pair;
        pair_open(&pair, "good.pem", "ca.pem", false, hosts[i]);
        if (shake(&pair, i % 2 ? 1 : 4096) != tls_ok) fail_msg("%s: %s", hosts[i], tls_failure_text(pair.caller).at);
        pair_close(&pair);
    }
}

static void bad_certificates_are_refused_with_the_reason(void **state) {
    (void)state;
    static const struct {
        const char *cert, *ca_file, *host, *words;
    } rows[] = {
        {"expired.pem", "ca.pem", "api.example", "expired"},
        {"wrong.pem", "ca.pem", "api.example", "hostname mismatch"},
        {"good.pem", "ca.pem", "example", "hostname mismatch"},
        {"good.pem", "ca.pem", "a.b.wild.example", "hostname mismatch"},
        {"good.pem", "ca.pem", "127.0.0.2", "IP address mismatch"},
        {"good.pem", NULL, "api.example", "certificate"}, /* the system's roots do not know our CA */
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct pair pair;
        pair_open(&pair, rows[i].cert, rows[i].ca_file, false, rows[i].host);
        assert_int_equal(shake(&pair, 4096), tls_failed);
        if (!strstr(tls_failure_text(pair.caller).at, rows[i].words))
            fail_msg("row %zu: %s", i, tls_failure_text(pair.caller).at);
        pair_close(&pair);
    }
}

static void insecure_takes_any_certificate(void **state) {
    (void)state;
    struct pair pair;
    pair_open(&pair, "expired.pem", NULL, true, "elsewhere.example");
    assert_int_equal(shake(&pair, 4096), tls_ok);
    pair_close(&pair);
}

static void plaintext(struct pair *pair) {
    static char sent[100 * 1000], received[100 * 1000];
    size_t len, all = 0;
    enum tls_result result;
    for (size_t i = 0; i < sizeof sent; i++) sent[i] = (char)(i * 7);
    assert_true(tls_put_plain(pair->listener, str_make(sent, sizeof sent)));
    carry(pair->listener, pair->caller, 1000);
    while ((result = tls_take_plain(pair->caller, received + all, sizeof received - all, &len)) == tls_ok &&
           (all += len) < sizeof received) {
    }
    assert_int_equal(all, sizeof sent);
    assert_memory_equal(sent, received, sizeof sent);
}

static void plaintext_goes_both_ways_and_an_end_is_seen(void **state) {
    (void)state;
    char bytes[16];
    size_t len;
    struct pair pair;
    pair_open(&pair, "good.pem", "ca.pem", false, "api.example");
    assert_int_equal(shake(&pair, 4096), tls_ok);
    plaintext(&pair);
    assert_int_equal(tls_take_plain(pair.caller, bytes, sizeof bytes, &len), tls_want_more);
    assert_true(tls_put_plain(pair.caller, STR("ping")));
    tls_end(pair.caller);
    carry(pair.caller, pair.listener, 4096);
    assert_int_equal(tls_take_plain(pair.listener, bytes, sizeof bytes, &len), tls_ok);
    assert_true(str_eq(str_make(bytes, len), STR("ping")));
    assert_int_equal(tls_take_plain(pair.listener, bytes, sizeof bytes, &len), tls_closed);
    pair_close(&pair);
}

static void a_part_of_a_record_is_told_at_each_of_its_bytes(void **state) {
    (void)state;
    char cipher[256], plain[64];
    size_t len;
    struct pair pair;
    pair_open(&pair, "good.pem", "ca.pem", false, "api.example");
    assert_int_equal(shake(&pair, 4096), tls_ok);
    plaintext(&pair); /* takes the tickets along */
    assert_int_equal(tls_take_plain(pair.caller, plain, sizeof plain, &len), tls_want_more);
    assert_false(tls_has_part(pair.caller));
    assert_true(tls_put_plain(pair.listener, STR("a record")));
    size_t whole = tls_take_cipher(pair.listener, cipher, sizeof cipher);
    for (size_t i = 0; i + 1 < whole; i++) {
        assert_true(tls_put_cipher(pair.caller, str_make(cipher + i, 1)));
        assert_true(tls_has_part(pair.caller));
        assert_int_equal(tls_take_plain(pair.caller, plain, sizeof plain, &len), tls_want_more);
        if (!tls_has_part(pair.caller)) fail_msg("%zu bytes of %zu are not told of", i + 1, whole);
    }
    assert_true(tls_put_cipher(pair.caller, str_make(cipher + whole - 1, 1)));
    assert_int_equal(tls_take_plain(pair.caller, plain, sizeof plain, &len), tls_ok);
    assert_int_equal(tls_take_plain(pair.caller, plain, sizeof plain, &len), tls_want_more);
    assert_false(tls_has_part(pair.caller));
    pair_close(&pair);
}

static void a_second_handshake_resumes_the_first(void **state) {
    (void)state;
    struct pair pair;
    pair_open(&pair, "good.pem", "ca.pem", false, "api.example");
    assert_int_equal(shake(&pair, 4096), tls_ok);
    plaintext(&pair); /* takes the tickets along */
    size_t first = pair.listener_bytes;
    pair_sessions_close(&pair);
    pair.listener_bytes = 0;
    pair.caller = tls_session_new(pair.calls, STR("api.example"));
    pair.listener = tls_session_new(pair.listens, STR_NONE);
    assert_int_equal(shake(&pair, 4096), tls_ok);
    assert_true(pair.listener_bytes < first); /* no certificate this time */
    plaintext(&pair);
    pair_close(&pair);
}

static void bytes_that_are_no_tls_fail_and_do_not_hang(void **state) {
    (void)state;
    struct pair pair;
    pair_open(&pair, "good.pem", "ca.pem", false, "api.example");
    assert_int_equal(tls_handshake(pair.caller), tls_want_more);
    assert_true(tls_put_cipher(pair.caller, STR("HTTP/1.1 400 Bad Request\r\n\r\n")));
    assert_int_equal(tls_handshake(pair.caller), tls_failed);
    assert_true(tls_failure_text(pair.caller).len > 0);
    pair_close(&pair);
}

static void contexts_of_calls_are_shared(void **state) {
    (void)state;
    struct error error;
    struct tls_context *one = tls_client_context(path_of("ca.pem"), false, tls_for_providers, &error);
    struct tls_context *two = tls_client_context(path_of("ca.pem"), false, tls_for_providers, &error);
    struct tls_context *insecure = tls_client_context(path_of("ca.pem"), true, tls_for_providers, &error);
    assert_ptr_equal(one, two);
    assert_ptr_not_equal(one, insecure);
    tls_context_release(one);
    tls_context_release(two);
    tls_context_release(insecure);
}

/* What callers choose by URL resumes nothing, and takes no provider's place among the sessions that are kept. */
static void sessions_of_callers_hosts_are_not_kept(void **state) {
    (void)state;
    struct error error;
    struct pair pair;
    pair_open(&pair, "good.pem", "ca.pem", false, "api.example");
    struct tls_context *providers = pair.calls;
    pair.calls = tls_client_context(path_of("ca.pem"), false, tls_for_callers, &error);
    assert_ptr_not_equal(pair.calls, providers);
    tls_context_release(providers);
    size_t first = 0;
    for (int i = 0; i < 2; i++) {
        pair_sessions_close(&pair);
        pair.listener_bytes = 0;
        pair.caller = tls_session_new(pair.calls, STR("api.example"));
        pair.listener = tls_session_new(pair.listens, STR_NONE);
        assert_int_equal(shake(&pair, 4096), tls_ok);
        plaintext(&pair);
        if (i == 0) first = pair.listener_bytes;
    }
    assert_true(pair.listener_bytes + 200 > first); /* its certificate again */
    pair_close(&pair);
}

static void other_content_is_another_context(void **state) {
    (void)state;
    struct error error;
    struct tls_context *before = tls_client_context(path_of("ca.pem"), false, tls_for_providers, &error);
    FILE *file = fopen(path_of("ca.pem").at, "a");
    fputs("\n# a remark\n", file);
    fclose(file);
    struct tls_context *after = tls_client_context(path_of("ca.pem"), false, tls_for_providers, &error);
    assert_true(before && after);
    assert_ptr_not_equal(before, after);
    assert_int_not_equal(tls_context_id(before), tls_context_id(after));
    tls_context_release(before);
    tls_context_release(after);
}

static void a_listeners_certificate_is_renewed_or_stays(void **state) {
    (void)state;
    struct error error;
    struct pair pair;
    pair_open(&pair, "expired.pem", "ca.pem", false, "api.example");
    assert_false(tls_server_context_renew(pair.listens, path_of("good.pem"), path_of("other.pem"), &error));
    assert_int_equal(shake(&pair, 4096), tls_failed);
    assert_true(tls_server_context_renew(pair.listens, path_of("good.pem"), path_of("key.pem"), &error));
    pair_sessions_close(&pair);
    pair.caller = tls_session_new(pair.calls, STR("api.example"));
    pair.listener = tls_session_new(pair.listens, STR_NONE);
    assert_int_equal(shake(&pair, 4096), tls_ok);
    pair_close(&pair);
}

static void files_that_cannot_be_used_are_named(void **state) {
    (void)state;
    static const struct {
        const char *cert, *key, *named;
    } rows[] = {{"none.pem", "key.pem", "none.pem"},
                {"junk.pem", "key.pem", "junk.pem"},
                {"good.pem", "none.pem", "none.pem"},
                {"good.pem", "junk.pem", "junk.pem"},
                {"good.pem", "other.pem", "other.pem"}};
    struct error error;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_null(tls_server_context(path_of(rows[i].cert), path_of(rows[i].key), &error));
        if (!strstr(error.message, rows[i].named)) fail_msg("row %zu: %s", i, error.message);
    }
    assert_null(tls_client_context(path_of("junk.pem"), false, tls_for_providers, &error));
    assert_non_null(strstr(error.message, "junk.pem"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_good_certificate_is_taken_by_name_and_by_address),
        cmocka_unit_test(bad_certificates_are_refused_with_the_reason),
        cmocka_unit_test(insecure_takes_any_certificate),
        cmocka_unit_test(plaintext_goes_both_ways_and_an_end_is_seen),
        cmocka_unit_test(a_part_of_a_record_is_told_at_each_of_its_bytes),
        cmocka_unit_test(a_second_handshake_resumes_the_first),
        cmocka_unit_test(bytes_that_are_no_tls_fail_and_do_not_hang),
        cmocka_unit_test(contexts_of_calls_are_shared),
        cmocka_unit_test(sessions_of_callers_hosts_are_not_kept),
        cmocka_unit_test(other_content_is_another_context),
        cmocka_unit_test(a_listeners_certificate_is_renewed_or_stays),
        cmocka_unit_test(files_that_cannot_be_used_are_named),
    };
    return cmocka_run_group_tests(tests, certificates_make, certificates_remove);
}
