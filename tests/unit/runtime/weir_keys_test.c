/* weir_keys_test.c - credentials of a state folder that nobody serves: how each is told, whole, which of them a name
 * means, and what is refused in which words. */
#include "runtime/weir_internal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define ORIGIN "http://127.0.0.1:1 proxy=environment ca_file=system insecure=false"

static char folder[64], config_path[96];
static const struct vault_sources from_file = {.key = NULL};

static int begin(void **state) {
    (void)state;
    str_copy(folder, sizeof folder, STR("/tmp/weir-keys-XXXXXX"));
    if (!hash_start() || !mkdtemp(folder)) return -1;
    snprintf(config_path, sizeof config_path, "%s/weir.yaml", folder);
    FILE *file = fopen(config_path, "w");
    fprintf(file, "state_dir: %s\nproviders:\n", folder);
    for (int i = 0; i < 2; i++)
        fprintf(file, "  %s: {type: openai, base_url: 'http://127.0.0.1:1/v1', api_key: k, models: [m]}\n",
                i ? "two" : "one");
    return fclose(file);
}

static int end(void **state) {
    char command[160];
    (void)state;
    snprintf(command, sizeof command, "rm -r '%s'", folder);
    return system(command);
}

static struct vault *vault_begun(void) {
    struct error error = {.code = error_none};
    struct vault *vault = vault_open(str_from(folder), &error);
    if (!vault || !vault_unlock(vault, &from_file, &error)) fail_msg("%s", error.message);
    return vault;
}

static void vault_end(struct vault *vault) {
    struct error error = {.code = error_none};
    if (!vault_save(vault, &error)) fail_msg("%s", error.message);
    vault_free(vault);
}

static void entry_put(struct vault *vault, const char *id, const char *secret, unsigned flags, uint32_t days,
                      int64_t moment_s) {
    const struct vault_entry entry = {.id = str_from(id),
                                      .origin = STR(ORIGIN),
                                      .secret = str_from(secret),
                                      .flags = flags,
                                      .rotate_after_days = days};
    struct error error = {.code = error_none};
    if (!vault_put(vault, &entry, moment_s, &error)) fail_msg("%s", error.message);
}

/* -- how each is told -- */

#define HEAD(id, provider) \
    "{\"name\":\"" id "\",\"provider\":\"" provider "\",\"origin\":\"" ORIGIN "\",\"state\":\"good\","

static void each_is_told_whole(void **state) {
    enum { day = 86400, slack = 600 }; /* so much may pass meanwhile */
    struct weir_error error;
    char wanted[4096];
    struct error why = {.code = error_none};
    const int64_t now_s = library_now_s(), old_s = now_s - (10000 * (int64_t)day - slack),
                  older_s = now_s - 10000 * (int64_t)day, future_s = now_s + 10 * day;
    (void)state;
    char *told = library_keys_alone(folder, &weir_host_default, &error);
    assert_non_null(told);
    assert_string_equal(told, "{\"master_key\":\"locked\",\"credentials\":[]}");
    weir_free(told);
    struct vault *vault = vault_begun();
    entry_put(vault, "one", "0123456789abcdef", 0, 0, old_s);                         /* 16 bytes */
    entry_put(vault, "one/short", "0123456789abcde", vault_flag_runtime, 1, older_s); /* 15 */
    entry_put(vault, "two", "sk-a-longer-one-0123456789-wxyz", 0, 30, future_s);
    entry_put(vault, "two/was", "the-first-of-them-1111", 0, 0, now_s - 2 * day);
    assert_true(vault_rotate(vault, STR("two/was"), STR("the-second-of-them-2222"), 3600, now_s, &why));
    assert_true(vault_next_add(vault, STR("two"), STR("the-one-that-waits-3333"), now_s, &why));
    vault_end(vault);
    told = library_keys_alone(folder, &weir_host_default, &error);
    assert_non_null(told);
    snprintf(
        wanted, sizeof wanted,
        "{\"master_key\":\"file\",\"credentials\":[" HEAD(
            "one",
            "one") "\"last_four\":\"cdef\",\"runtime\":false,\"created\":%lld,\"rotated\":%lld,"
                   "\"age_days\":9999,\"waits\":false}," HEAD(
                       "one/short",
                       "one") "\"last_four\":\"\",\"runtime\":true,\"created\":%lld,\"rotated\":%lld,"
                              "\"age_days\":10000,\"waits\":false,\"rotate_after_days\":1}," HEAD(
                                  "two",
                                  "two") "\"last_four\":\"wxyz\",\"runtime\":false,\"created\":%lld,\"rotated\":%lld,"
                                         "\"age_days\":0,\"waits\":false,\"rotate_after_days\":30}," HEAD(
                                             "two/was", "two") "\"last_four\":\"2222\",\"previous_last_four\":\"1111\","
                                                               "\"previous_until\":%lld,"
                                                               "\"runtime\":false,\"created\":%lld,\"rotated\":%lld,"
                                                               "\"age_days\":0,\"waits\":false}," HEAD(
                                                                   "two/.next.1",
                                                                   "two") "\"last_four\":\"3333\",\"runtime\":false,"
                                                                          "\"created\":%lld,\"rotated\":%lld,"
                                                                          "\"age_days\":0,\"waits\":true}]}",
        (long long)old_s, (long long)old_s, (long long)older_s, (long long)older_s, (long long)future_s,
        (long long)future_s, (long long)now_s + 3600, (long long)now_s - 2 * day, (long long)now_s, (long long)now_s,
        (long long)now_s);
    size_t at = 0;
    while (told[at] && told[at] == wanted[at]) at++;
    if (strcmp(told, wanted) != 0) fail_msg("from there on: %s\nwas wanted: %s", told + at, wanted + at);
    weir_free(told);
}

/* -- what is changed -- */

/* What it says of it, or why not; until the next call. */
static const char *edited(enum key_edit_kind kind, const char *id, const char *secret) {
    static char said[2048];
    struct weir_error error = {.message = ""};
    char *view;
    const struct key_edit edit = {.kind = kind, .id = str_from(id), .secret = str_from(secret)};
    const bool good = library_key_edit_alone(config_path, &weir_host_default, &edit, &view, &error);
    assert_int_equal(good, view != NULL);
    snprintf(said, sizeof said, "%s", good ? view : error.message);
    weir_free(view);
    return said;
}

#define assert_edited(kind, id, secret, wanted) assert_string_equal(edited(kind, id, secret), wanted)

/* Visible ASCII, and some of it, whatever gives it. */
static void a_secret_is_what_a_header_can_carry(void **state) {
    static const enum key_edit_kind kinds[] = {key_set, key_next, key_rotate};
    static const unsigned char bytes[] = {1, '\n', 0x1f, 0x20, 0x21, 0x7e, 0x7f, 0x80, 0xff};
    (void)state;
    struct vault *vault = vault_begun();
    entry_put(vault, "one", "the-first", 0, 0, library_now_s());
    vault_end(vault);
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        for (size_t k = 0; k < sizeof bytes / sizeof *bytes; k++) {
            const int c = bytes[k];
            const char secret[] = {'s', 'k', '-', (char)c, 'x', 0};
            const bool refused = strstr(edited(kinds[i], "one", secret), "The secret holds a blank, a line end or a");
            if (refused != (c <= 0x20 || c >= 0x7f)) fail_msg("%d: byte %d", (int)kinds[i], c);
        }
        assert_edited(kinds[i], "one", "", "The secret is empty.");
    }
}

static void a_provider_s_name_means_its_only_entry(void **state) {
    (void)state;
    struct vault *vault = vault_begun();
    entry_put(vault, "one/a", "the-first", 0, 0, library_now_s());
    vault_end(vault);
    assert_edited(key_rotate, "two", "sk-x", "The vault has no entry `two` (weir key list).");
    assert_non_null(strstr(edited(key_rotate, "one", "sk-x"), "{\"name\":\"one/a\","));
    assert_non_null(strstr(edited(key_next, "one", "sk-y"), "{\"name\":\"one/a\","));
    assert_non_null(strstr(edited(key_next, "one", "sk-z"), "{\"name\":\"one/a\",")); /* what waits is none of them */
    assert_non_null(strstr(edited(key_set, "one/b", "sk-b"), "{\"name\":\"one/b\","));
    assert_edited(key_rotate, "one", "sk-x",
                  "The vault has 2 entries of the provider `one`: say which one (weir key list).");
    assert_non_null(strstr(edited(key_set, "one", "sk-one"), "{\"name\":\"one\","));
    assert_non_null(strstr(edited(key_rotate, "one", "sk-x"), "{\"name\":\"one\","));
    assert_edited(key_remove, "one", NULL, "{\"name\":\"one\",\"removed\":true}");
    assert_edited(key_remove, "one/b", NULL, "{\"name\":\"one/b\",\"removed\":true}");
    assert_edited(key_remove, "one", NULL, "{\"name\":\"one/a\",\"removed\":true}");
    assert_edited(key_remove, "one", NULL, "The vault has no entry `one` (weir key list).");
}

static void what_is_set_has_a_name_and_a_provider(void **state) {
    (void)state;
    assert_edited(key_set, "one/", "sk-x", "`one/` is no name for a credential: PROVIDER or PROVIDER/NAME.");
    assert_edited(key_set, "three", "sk-x",
                  "There is no provider `three`: a credential is for one of the configuration's. Name it there, with "
                  "api_key: vault:three.");
    assert_edited(key_set, "three/a", "sk-x",
                  "There is no provider `three`: a credential is for one of the configuration's. Name it there, with "
                  "api_key: vault:three/a.");
    assert_non_null(strstr(edited(key_set, "one", "sk-x"), "\"provider\":\"one\",\"origin\":\"" ORIGIN "\","));
    assert_edited(key_rekey, NULL, NULL, "{\"master_key\":\"file\"}");
    assert_non_null(strstr(edited(key_rotate, "one", "sk-y"), "\"state\":\"good\",")); /* by the new key */
}

/* -- when a secret gives way by itself -- */

static void one_is_due_from_its_last_second_on(void **state) {
    static const struct {
        unsigned flags, sealed_count;
        uint32_t days;
        int64_t age_s;
        bool due;
    } cases[] = {
        {0, 1, 1, 86399, false},
        {0, 1, 1, 86400, true},
        {0, 1, 1, 86401, true},
        {0, 2, 30, 30 * 86400 - 1, false},
        {0, 2, 30, 30 * 86400, true},
        {0, 1, 0, 900 * 86400, false},         /* never */
        {0, 0, 1, 86400, false},               /* damaged */
        {vault_flag_next, 1, 1, 86400, false}, /* it waits itself */
        {vault_flag_runtime, 1, 1, 86400, true},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct vault_record record = {.flags = cases[i].flags,
                                            .sealed_count = cases[i].sealed_count,
                                            .rotate_after_days = cases[i].days,
                                            .rotated_s = 1000};
        if (library_key_is_due(&record, 1000 + cases[i].age_s) != cases[i].due) fail_msg("case %zu", i);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(each_is_told_whole, begin, end),
        cmocka_unit_test_setup_teardown(a_secret_is_what_a_header_can_carry, begin, end),
        cmocka_unit_test_setup_teardown(a_provider_s_name_means_its_only_entry, begin, end),
        cmocka_unit_test_setup_teardown(what_is_set_has_a_name_and_a_provider, begin, end),
        cmocka_unit_test(one_is_due_from_its_last_second_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
