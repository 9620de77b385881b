/* client_store_test.c - clients made at run time as rows: what was written is read again, in the order in which it was
 * made, and the seal tells one key from another. */
#include "store/client_store.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "store/ledger.h"

struct place {
    char folder[64], path[96];
    struct client_store *store;
};

static int begin(void **state) {
    static struct place place;
    char problem[300] = "";
    snprintf(place.folder, sizeof place.folder, "/tmp/weir-clients-XXXXXX");
    assert_non_null(mkdtemp(place.folder));
    snprintf(place.path, sizeof place.path, "%s/ledger.db", place.folder);
    struct ledger *ledger = ledger_open(place.path, problem, sizeof problem);
    assert_non_null(ledger);
    ledger_close(ledger);
    assert_true(hash_start());
    assert_non_null(place.store = client_store_open(place.path, problem, sizeof problem));
    *state = &place;
    return 0;
}

static int end(void **state) {
    struct place *place = *state;
    char command[128];
    client_store_close(place->store);
    snprintf(command, sizeof command, "rm -r %s", place->folder);
    return system(command);
}

struct told {
    char names[128];
    struct stored_client last;
    size_t count;
};

static bool tell(void *context, const struct stored_client *client) {
    struct told *told = context;
    size_t len = strlen(told->names);
    snprintf(told->names + len, sizeof told->names - len, "%.*s ", STR_ARG(client->name));
    told->last = *client;
    told->last.name = told->last.settings = STR_NONE; /* borrowed */
    told->count++;
    return told->count < 10;
}

static struct stored_client client_of(const char *name, unsigned char byte) {
    struct stored_client client = {.name = str_from(name), .settings = STR("{\"a\":1}"), .made_s = 5, .rotated_s = 7};
    memset(client.id, byte, sizeof client.id);
    memset(&client.digest, byte, sizeof client.digest);
    return client;
}

static void rows_are_read_as_they_were_written(void **state) {
    struct place *place = *state;
    struct stored_client client = client_of("one", 1), other = client_of("two", 2);
    assert_true(client_store_put(place->store, &client));
    assert_true(client_store_put(place->store, &other));
    client.has_previous = client.revoked = true;
    client.previous = client.digest;
    client.previous_until_s = 99;
    memset(&client.digest, 3, sizeof client.digest);
    assert_true(client_store_put(place->store, &client)); /* in place of itself */
    struct told told = {.names = ""};
    assert_true(client_store_each(place->store, tell, &told));
    assert_string_equal(told.names, "one two ");
    assert_true(hash_equal(&told.last.digest, &other.digest) && !told.last.has_previous && !told.last.revoked);
    struct told first = {.names = "", .count = 9};
    assert_false(client_store_each(place->store, tell, &first)); /* it was stopped */
    assert_true(hash_equal(&first.last.digest, &client.digest) && hash_equal(&first.last.previous, &client.previous));
    assert_true(first.last.revoked && first.last.previous_until_s == 99 && first.last.made_s == 5);
    assert_memory_equal(first.last.id, client.id, sizeof client.id);
}

static void what_was_changed_of_the_files_stands_beside(void **state) {
    struct place *place = *state;
    struct arena arena;
    struct str settings;
    bool any = true;
    struct stored_client changed = client_of("app", 1);
    changed.of_file = true;
    changed.settings = STR("{\"b\":2}");
    arena_init(&arena, 512, 4096);
    assert_true(client_store_put(place->store, &changed));
    assert_true(client_store_any(place->store, &any) && !any);
    struct stored_client own = client_of("app", 2);
    assert_true(client_store_put(place->store, &own)); /* the same name, made at run time */
    assert_true(client_store_any(place->store, &any) && any);
    assert_true(client_store_settings(place->store, STR("app"), &arena, &settings));
    assert_true(str_eq(settings, STR("{\"b\":2}")));
    assert_true(client_store_remove(place->store, STR("app")));
    assert_true(client_store_settings(place->store, STR("app"), &arena, &settings));
    assert_true(str_eq(settings, STR("{\"a\":1}")));
    own.revoked = true;
    assert_true(client_store_put(place->store, &own));
    assert_true(client_store_settings(place->store, STR("app"), &arena, &settings) && !settings.at);
    assert_true(client_store_any(place->store, &any) && !any);
    arena_free(&arena);
}

static void the_seal_tells_one_key_from_another(void **state) {
    struct place *place = *state;
    struct sha256 one = hash_sha256(STR("one")), other = hash_sha256(STR("other"));
    bool same = false;
    assert_true(client_store_seal(place->store, &one, &same) && same); /* noted */
    assert_true(client_store_seal(place->store, &one, &same) && same);
    assert_true(client_store_seal(place->store, &other, &same) && !same);
}

static void what_cannot_be_opened_says_why(void **state) {
    char problem[300] = "";
    (void)state;
    assert_null(client_store_open("/nowhere/ledger.db", problem, sizeof problem));
    assert_non_null(strstr(problem, "/nowhere/ledger.db"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(rows_are_read_as_they_were_written),
        TEST(what_was_changed_of_the_files_stands_beside),
        TEST(the_seal_tells_one_key_from_another),
        TEST(what_cannot_be_opened_says_why),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
