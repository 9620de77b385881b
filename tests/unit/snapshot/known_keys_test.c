/* known_keys_test.c - a key that was met is its client's again, and only for as long as the snapshot says so. */
#include "snapshot/known_keys.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "config/config.h"

enum { clients = 3 * known_keys_max };

static const char *environment(void *context, const char *name) {
    (void)context;
    (void)name;
    return NULL;
}

/* Clients c0, c1, ... whose keys are k0, k1, ...; the one that is left out has none. */
static struct snapshot *snapshot_without(unsigned left_out, uint64_t generation) {
    struct arena arena;
    arena_init(&arena, 4096, 1 << 20);
    struct text text = text_in_arena(&arena, 4096);
    text_put(&text, STR("providers: {p: {type: openai, api_key: k}}\nclients:\n"));
    for (unsigned i = 0; i < clients; i++) {
        char key[16], hex[65] = "";
        snprintf(key, sizeof key, "k%u", i);
        struct sha256 hash = hash_sha256(str_from(key));
        hash_to_hex(hash.bytes, sizeof hash.bytes, hex);
        if (i != left_out) text_printf(&text, "  - {name: c%u, key_hash: \"%.64s\"}\n", i, hex);
    }
    struct config_ids ids = {NULL, 0, 0};
    struct config config;
    struct config_input input = {.text = text_str(&text), .environment = environment, .ids = &ids};
    assert_true(config_load(&input, &config));
    struct snapshot *snapshot = config.snapshot;
    snapshot->generation = generation;
    config.snapshot = NULL;
    config_free(&config);
    config_ids_free(&ids);
    arena_free(&arena);
    return snapshot;
}

static bool is_client(const struct client *client, unsigned number) {
    char name[16];
    snprintf(name, sizeof name, "c%u", number);
    return client && str_eq(client->name, str_from(name));
}

static const struct client *client_of(struct known_keys *keys, struct snapshot *snapshot, struct str key) {
    const struct client *client;
    const char *problem;
    enum client_answer answer = known_keys_ask(keys, snapshot, key, 1000, &client, &problem);
    assert_int_equal(answer == client_known, client != NULL);
    return client;
}

static void more_keys_than_places_are_each_their_own_clients(void **state) {
    struct known_keys keys;
    struct snapshot *snapshot = snapshot_without(clients, 1);
    (void)state;
    known_keys_init(&keys);
    for (unsigned round = 0; round < 3; round++)
        for (unsigned i = 0; i < clients; i++) {
            char key[16];
            snprintf(key, sizeof key, "k%u", i);
            for (unsigned again = 0; again < 2; again++)
                assert_true(is_client(client_of(&keys, snapshot, str_from(key)), i));
        }
    snapshot_release(snapshot);
}

static void nobodys_key_is_nobodys_each_time(void **state) {
    struct known_keys keys;
    struct snapshot *snapshot = snapshot_without(clients, 1);
    (void)state;
    known_keys_init(&keys);
    for (unsigned i = 0; i < 3; i++) {
        assert_null(client_of(&keys, snapshot, STR("other")));
        assert_null(client_of(&keys, snapshot, STR("")));
        assert_null(client_of(&keys, snapshot, STR_NONE));
    }
    snapshot_release(snapshot);
}

static void a_client_that_is_taken_away_is_not_known_any_more(void **state) {
    struct known_keys keys;
    struct snapshot *before = snapshot_without(clients, 1), *after = snapshot_without(7, 2);
    (void)state;
    known_keys_init(&keys);
    assert_true(is_client(client_of(&keys, before, STR("k7")), 7));
    assert_true(is_client(client_of(&keys, before, STR("k8")), 8));
    assert_null(client_of(&keys, after, STR("k7")));
    assert_true(is_client(client_of(&keys, after, STR("k8")), 8));  /* its number is another one now */
    assert_true(is_client(client_of(&keys, before, STR("k7")), 7)); /* a request that began before */
    snapshot_release(before);
    snapshot_release(after);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(more_keys_than_places_are_each_their_own_clients),
                                       cmocka_unit_test(nobodys_key_is_nobodys_each_time),
                                       cmocka_unit_test(a_client_that_is_taken_away_is_not_known_any_more)};
    if (!hash_start()) return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
