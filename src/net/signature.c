/* signature.c - from numbers to OpenSSL's keys, and what they say of a signature. Must never: take an algorithm from
 * who presents the signature. */
#include "net/signature.h"

#include <string.h>

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>

#include "base/memory.h"

enum { rsa_bits_least = 2048, rsa_bits_most = 8192, exponent_least = 65537, exponent_bytes_most = 4, field_bytes = 32 };

enum public_key_kind { public_key_is_rsa, public_key_is_p256, public_key_is_ed25519 };

struct public_key {
    enum public_key_kind kind;
    EVP_PKEY *own;
};

static const unsigned char *signature_bytes(struct str s) { return (const unsigned char *)s.at; }

/* Takes `own` over. */
static struct public_key *public_key_of(enum public_key_kind kind, EVP_PKEY *own) {
    struct public_key *key = own ? memory_take_zeroed(sizeof *key) : NULL;
    ERR_clear_error(); /* what was refused is nobody else's error */
    if (!key) {
        EVP_PKEY_free(own);
        return NULL;
    }
    *key = (struct public_key){.kind = kind, .own = own};
    return key;
}

/* Of what was pushed; the numbers stay the caller's. */
static EVP_PKEY *key_of_parts(const char *type, OSSL_PARAM_BLD *parts) {
    OSSL_PARAM *list = OSSL_PARAM_BLD_to_param(parts);
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, type, NULL), *check = NULL;
    EVP_PKEY *own = NULL;
    bool made = list && context && EVP_PKEY_fromdata_init(context) == 1 &&
                EVP_PKEY_fromdata(context, &own, EVP_PKEY_PUBLIC_KEY, list) == 1;
    if (made) check = EVP_PKEY_CTX_new_from_pkey(NULL, own, NULL);
    if (!check || EVP_PKEY_public_check(check) != 1) {
        EVP_PKEY_free(own);
        own = NULL;
    }
    EVP_PKEY_CTX_free(check);
    EVP_PKEY_CTX_free(context);
    OSSL_PARAM_free(list);
    return own;
}

struct public_key *public_key_rsa(struct str n, struct str e) {
    EVP_PKEY *own = NULL;
    if (n.len > rsa_bits_most / 8 + 1 || e.len > exponent_bytes_most) return NULL;
    OSSL_PARAM_BLD *parts = OSSL_PARAM_BLD_new();
    BIGNUM *modulus = BN_bin2bn(signature_bytes(n), (int)n.len, NULL),
           *exponent = BN_bin2bn(signature_bytes(e), (int)e.len, NULL);
    if (parts && modulus && exponent && BN_num_bits(modulus) >= rsa_bits_least &&
        BN_num_bits(modulus) <= rsa_bits_most && BN_is_odd(exponent) && BN_get_word(exponent) >= exponent_least &&
        OSSL_PARAM_BLD_push_BN(parts, OSSL_PKEY_PARAM_RSA_N, modulus) == 1 &&
        OSSL_PARAM_BLD_push_BN(parts, OSSL_PKEY_PARAM_RSA_E, exponent) == 1)
        own = key_of_parts("RSA", parts);
    OSSL_PARAM_BLD_free(parts);
    BN_free(modulus);
    BN_free(exponent);
    return public_key_of(public_key_is_rsa, own);
}

struct public_key *public_key_p256(struct str x, struct str y) {
    unsigned char point[1 + 2 * field_bytes] = {POINT_CONVERSION_UNCOMPRESSED};
    EVP_PKEY *own = NULL;
    if (x.len != field_bytes || y.len != field_bytes) return NULL;
    memcpy(point + 1, x.at, field_bytes);
    memcpy(point + 1 + field_bytes, y.at, field_bytes);
    OSSL_PARAM_BLD *parts = OSSL_PARAM_BLD_new();
    if (parts && OSSL_PARAM_BLD_push_utf8_string(parts, OSSL_PKEY_PARAM_GROUP_NAME, "prime256v1", 0) == 1 &&
        OSSL_PARAM_BLD_push_octet_string(parts, OSSL_PKEY_PARAM_PUB_KEY, point, sizeof point) == 1)
        own = key_of_parts("EC", parts);
    OSSL_PARAM_BLD_free(parts);
    return public_key_of(public_key_is_p256, own);
}

struct public_key *public_key_ed25519(struct str x) {
    if (x.len != field_bytes) return NULL;
    return public_key_of(public_key_is_ed25519,
                         EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, signature_bytes(x), x.len));
}

void public_key_free(struct public_key *key) {
    if (!key) return;
    EVP_PKEY_free(key->own);
    memory_give(key);
}

/* R || S as OpenSSL wants it. The caller's, OPENSSL_free; NULL: it is none. */
static unsigned char *der_of(struct str signature, size_t *len) {
    ECDSA_SIG *both = ECDSA_SIG_new();
    BIGNUM *r = BN_bin2bn(signature_bytes(signature), field_bytes, NULL),
           *s = BN_bin2bn(signature_bytes(signature) + field_bytes, field_bytes, NULL);
    unsigned char *der = NULL;
    if (both && r && s && ECDSA_SIG_set0(both, r, s) == 1) {
        r = s = NULL; /* they are both's */
        int size = i2d_ECDSA_SIG(both, &der);
        *len = size > 0 ? (size_t)size : 0;
    }
    BN_free(r);
    BN_free(s);
    ECDSA_SIG_free(both);
    return der;
}

bool public_key_signed(const struct public_key *key, struct str bytes, struct str signature) {
    unsigned char *der = NULL;
    size_t len = signature.len;
    size_t wanted = key->kind == public_key_is_rsa ? (size_t)EVP_PKEY_get_size(key->own) : 2 * field_bytes;
    if (signature.len != wanted) return false;
    if (key->kind == public_key_is_p256 && !(der = der_of(signature, &len))) return false;
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    const EVP_MD *hash = key->kind == public_key_is_ed25519 ? NULL : EVP_sha256();
    bool good =
        context && EVP_DigestVerifyInit(context, NULL, hash, NULL, key->own) == 1 &&
        EVP_DigestVerify(context, der ? der : signature_bytes(signature), len, signature_bytes(bytes), bytes.len) == 1;
    EVP_MD_CTX_free(context);
    OPENSSL_free(der);
    ERR_clear_error();
    return good;
}
