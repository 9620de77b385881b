/* given_back.c - stands in every unit program: what no leak check sees is to be given back by its end. Open
 * descriptors, memory for secrets (which is not malloc's), and mutexes, which only who holds them may unlock. */
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <uv.h>

/* A program that cannot give back all says so by one of its own, and why. */
extern bool gives_all_back;
bool gives_all_back __attribute__((weak)) = true;

enum { descriptors_max = 1024, unlike = 97 };

static bool open_before[descriptors_max];
static pid_t begun_by; /* a forked child has what it has */
static _Atomic long secrets, locks;
static _Thread_local long held; /* by this thread */

void *__real_sodium_malloc(size_t size);
void __real_sodium_free(void *memory);
int __real_pthread_mutex_lock(pthread_mutex_t *mutex);
int __real_pthread_mutex_trylock(pthread_mutex_t *mutex);
int __real_pthread_mutex_unlock(pthread_mutex_t *mutex);
void *__wrap_sodium_malloc(size_t size);
void __wrap_sodium_free(void *memory);
int __wrap_pthread_mutex_lock(pthread_mutex_t *mutex);
int __wrap_pthread_mutex_trylock(pthread_mutex_t *mutex);
int __wrap_pthread_mutex_unlock(pthread_mutex_t *mutex);

void *__wrap_sodium_malloc(size_t size) {
    void *memory = __real_sodium_malloc(size);
    secrets += memory != NULL;
    return memory;
}

void __wrap_sodium_free(void *memory) {
    secrets -= memory != NULL;
    __real_sodium_free(memory);
}

int __wrap_pthread_mutex_lock(pthread_mutex_t *mutex) {
    int failed = __real_pthread_mutex_lock(mutex);
    held += !failed, locks += !failed;
    return failed;
}

int __wrap_pthread_mutex_trylock(pthread_mutex_t *mutex) {
    int failed = __real_pthread_mutex_trylock(mutex);
    held += !failed, locks += !failed;
    return failed;
}

int __wrap_pthread_mutex_unlock(pthread_mutex_t *mutex) {
    if (held <= 0) {
        fprintf(stderr, "given_back: a mutex is unlocked by who does not hold one\n");
        _exit(unlike);
    }
    held--, locks--;
    return __real_pthread_mutex_unlock(mutex);
}

static void __attribute__((constructor)) given_back_begin(void) {
    uv_loop_t loop; /* libuv keeps a pair of its own from the first on */
    if (uv_loop_init(&loop) == 0) (void)uv_loop_close(&loop);
    begun_by = getpid();
    for (int i = 0; i < descriptors_max; i++) open_before[i] = fcntl(i, F_GETFD) >= 0;
}

/* Behind the leak sanitizer's look. */
static void __attribute__((destructor)) given_back_end(void) {
    bool good = secrets == 0 && locks == 0;
    if (getpid() != begun_by || !gives_all_back) return;
    if (!good) fprintf(stderr, "given_back: %ld secrets are left, %ld mutexes are locked\n", secrets, locks);
    for (int i = 0; i < descriptors_max; i++) {
        char link[40], to[200];
        if (open_before[i] || fcntl(i, F_GETFD) < 0) continue;
        snprintf(link, sizeof link, "/proc/self/fd/%d", i);
        ssize_t len = readlink(link, to, sizeof to);
        fprintf(stderr, "given_back: descriptor %d is left: %.*s\n", i, len < 0 ? 0 : (int)len, to);
        good = false;
    }
    if (!good) _exit(unlike);
}
