/* postgres_library.c - see postgres.h: libpq, opened once and kept. */
#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>

#include "store/postgres.h"

static struct postgres_library opened_library;
static const char *library_lacks; /* NULL: nothing */
static pthread_once_t library_once = PTHREAD_ONCE_INIT;

static void library_load(void) {
    static const struct {
        const char *name;
        void **into;
    } functions[] = {
#define X(name) {#name, (void **)&opened_library.name},
        POSTGRES_FUNCTIONS(X)
#undef X
    };
    void *handle = dlopen("libpq.so.5", RTLD_NOW | RTLD_LOCAL);
    if (!handle) handle = dlopen("libpq.5.dylib", RTLD_NOW | RTLD_LOCAL);
    library_lacks = handle ? NULL : "libpq.so.5";
    for (size_t i = 0; i < sizeof functions / sizeof *functions && !library_lacks; i++)
        if (!(*functions[i].into = dlsym(handle, functions[i].name))) library_lacks = functions[i].name;
}

const struct postgres_library *postgres_library(char *problem, size_t size) {
    pthread_once(&library_once, library_load);
    if (!library_lacks) return &opened_library;
    snprintf(problem, size,
             "PostgreSQL's client library is not here (%s is missing): install it (Debian: libpq5), 14 or later",
             library_lacks);
    return NULL;
}
