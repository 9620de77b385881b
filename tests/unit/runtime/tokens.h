/* tokens.h - an issuer of tokens for tests: two keys (Ed25519, whose private halves are 32 bytes of 1 and of 2), and
 * tokens that they have signed: of `iss` https://issuer.test, `aud` weir-tests, `exp` token_ends_s. */
#ifndef WEIR_TESTS_UNIT_TOKENS_H
#define WEIR_TESTS_UNIT_TOKENS_H

enum { token_ends_s = 1795349400 };

#define TOKEN_KEY_1                                                                          \
    "{\"kid\":\"k1\",\"alg\":\"EdDSA\",\"use\":\"sig\",\"kty\":\"OKP\",\"crv\":\"Ed25519\"," \
    "\"x\":\"iojj3XQJ8ZX9UtstPLpdcspnCb8dlBIb83SIAbQPb1w\"}"
#define TOKEN_KEY_2                                                                          \
    "{\"kid\":\"k2\",\"alg\":\"EdDSA\",\"use\":\"sig\",\"kty\":\"OKP\",\"crv\":\"Ed25519\"," \
    "\"x\":\"gTl3Dqh9F19Wo1Rmw0x-zMuNipG07jeiXfYPW4_Js5Q\"}"

static const char token_ann[] =
    "eyJhbGciOiJFZERTQSIsImtpZCI6ImsxIn0."
    "eyJpc3MiOiJodHRwczovL2lzc3Vlci50ZXN0IiwiYXVkIjoid2Vpci10ZXN0cyIsInN1YiI6ImFubiIsImV4cCI6MTc5NTM0"
    "OTQwMH0."
    "gA9EA_xpXsqRxxRQGt2Bj4RrKAvHXHD8bXPR3q7P9ZN0LIgFUc0xAKBQqrpDDfiI_csJApn-FLDHITzrPETyBg";
static const char token_bob[] =
    "eyJhbGciOiJFZERTQSIsImtpZCI6ImsxIn0."
    "eyJpc3MiOiJodHRwczovL2lzc3Vlci50ZXN0IiwiYXVkIjoid2Vpci10ZXN0cyIsInN1YiI6ImJvYiIsImV4cCI6MTc5NTM0"
    "OTQwMH0."
    "vKd-7WIwyQCBrj-OKnHqBmi592vawpezEPHrXcVM9K3DpmtPOP1fCbV22ugyJ_wNEniRh-FCgMSHb8d612-_BA";
static const char token_cid[] =
    "eyJhbGciOiJFZERTQSIsImtpZCI6ImsxIn0."
    "eyJpc3MiOiJodHRwczovL2lzc3Vlci50ZXN0IiwiYXVkIjoid2Vpci10ZXN0cyIsInN1YiI6ImNpZCIsImV4cCI6MTc5NTM0"
    "OTQwMH0."
    "uTlevV9Gbocy3uTEYQ2gWnqdtqQayFkDkEFxn2-GREQim0egTB0HHQ-aQFn0IbsGVk5pNgdZESp0fHrGJc-5BA";
static const char token_ann_boss[] = /* with `role` boss */
    "eyJhbGciOiJFZERTQSIsImtpZCI6ImsxIn0."
    "eyJpc3MiOiJodHRwczovL2lzc3Vlci50ZXN0IiwiYXVkIjoid2Vpci10ZXN0cyIsInN1YiI6ImFubiIsImV4cCI6MTc5NTM0"
    "OTQwMCwicm9sZSI6ImJvc3MifQ."
    "FQTuWUH4cGqTXbZ8pITFlQVkeJA2BLuZ0YX-BfjeuWZ3H0TgISVhOE9qlawCBrQ7WfF4UUrRCh-r6qPCKSomCA";
static const char token_ann_next[] = /* by the second key */
    "eyJhbGciOiJFZERTQSIsImtpZCI6ImsyIn0."
    "eyJpc3MiOiJodHRwczovL2lzc3Vlci50ZXN0IiwiYXVkIjoid2Vpci10ZXN0cyIsInN1YiI6ImFubiIsImV4cCI6MTc5NTM0"
    "OTQwMH0."
    "9KismvEj-dYtS6O4NBI4-rl2MOtMHQ1jLQ6MJYQnPkIlbuKNgCmv37zLg-5jCbee7hfKSA0rVScI35loQmfaBg";
static const char token_other[] = /* of `iss` https://other.test */
    "eyJhbGciOiJFZERTQSIsImtpZCI6ImsxIn0."
    "eyJpc3MiOiJodHRwczovL290aGVyLnRlc3QiLCJhdWQiOiJ3ZWlyLXRlc3RzIiwic3ViIjoiYW5uIiwiZXhwIjoxNzk1MzQ5"
    "NDAwfQ."
    "VwDt_OjCH_KlKLpOwsRIlmaWOOJGasOAvwvLUroiYTxPTIHonqIHWiFKBrPE5KyI5Z2XHFGiloxeQYle_HQeAg";

#endif
