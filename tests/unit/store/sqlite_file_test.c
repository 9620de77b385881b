/* sqlite_file_test.c - whoever opens a file of SQLite's while others open it for the first time waits for them, and is
 * not refused: a purge may come while the gateway makes the very file. */
#include "store/sqlite_file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/hash.h"
#include "../folder_remove.h"
#include "store/cache_db.h"
#include "store/ledger.h"
#include "store/response_db.h"

static char folder[64], path[96];

static int begin(void **state) {
    (void)state;
    snprintf(folder, sizeof folder, "/tmp/weir-sqlite-file-XXXXXX");
    return hash_start() && mkdtemp(folder) ? 0 : -1;
}

static int end(void **state) {
    (void)state;
    return folder_remove(folder);
}

static bool ledger_opens(char *problem, size_t size) {
    struct ledger *ledger = ledger_open(path, problem, size);
    if (ledger) ledger_close(ledger);
    return ledger != NULL;
}

static bool responses_open(char *problem, size_t size) {
    struct response_db *db = response_db_open(path, problem, size);
    response_db_close(db);
    return db != NULL;
}

static bool answers_open(char *problem, size_t size) {
    struct cache_db *db = cache_db_open(path, problem, size);
    cache_db_close(db);
    return db != NULL;
}

struct opening {
    bool (*opens)(char *problem, size_t size);
    pthread_barrier_t *barrier;
    bool opened;
    char problem[256];
};

static void *opening_run(void *context) {
    struct opening *opening = context;
    pthread_barrier_wait(opening->barrier);
    opening->opened = opening->opens(opening->problem, sizeof opening->problem);
    return NULL;
}

static void opened_at_once(const char *name, bool (*opens)(char *problem, size_t size)) {
    enum { openers = 4, rounds = 40 };
    for (int round = 0; round < rounds; round++) {
        struct opening openings[openers];
        pthread_t threads[openers];
        pthread_barrier_t barrier;
        snprintf(path, sizeof path, "%s/%s%d.db", folder, name, round);
        pthread_barrier_init(&barrier, NULL, openers);
        for (int i = 0; i < openers; i++) {
            openings[i] = (struct opening){.opens = opens, .barrier = &barrier};
            assert_int_equal(pthread_create(&threads[i], NULL, opening_run, &openings[i]), 0);
        }
        for (int i = 0; i < openers; i++) pthread_join(threads[i], NULL);
        pthread_barrier_destroy(&barrier);
        for (int i = 0; i < openers; i++)
            if (!openings[i].opened) fail_msg("%s, round %d: %s", name, round, openings[i].problem);
    }
}

static void a_file_that_many_open_at_once_is_made_once_and_opened_by_all(void **state) {
    (void)state;
    opened_at_once("responses", responses_open);
    opened_at_once("answers", answers_open);
    opened_at_once("ledger", ledger_opens);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_file_that_many_open_at_once_is_made_once_and_opened_by_all, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
