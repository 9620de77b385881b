/* postgres_library.c - see postgres.h: libpq, opened once and kept. */
#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>

#include "store/postgres.h"

static struct postgres_library library;
static const char *missing;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void library_load(void) {
    static const struct {
        const char *name;
        void **into;
    } functions[] = {
#define X(name) {#name, (void **)&library.name},
        POSTGRES_FUNCTIONS(X)
#undef X
    };
    void *handle = dlopen("libpq.so.5", RTLD_NOW | RTLD_LOCAL);
    if (!handle) handle = dlopen("libpq.5.dylib", RTLD_NOW | RTLD_LOCAL);
    missing = handle ? NULL : "libpq.so.5";
    for (size_t i = 0; i < sizeof functions / sizeof *functions && !missing; i++)
        if (!(*functions[i].into = dlsym(handle, functions[i].name))) missing = functions[i].name;
}

const struct postgres_library *postgres_library(char *problem, size_t size) {
    pthread_once(&once, library_load);
    if (!missing) return &library;
    snprintf(problem, size,
             "PostgreSQL's client library is not here (%s is missing): install it (Debian: libpq5), 14 or later",
             missing);
    return NULL;
}
