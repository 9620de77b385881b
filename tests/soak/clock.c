/* clock.c - a faster clock for one process, loaded before it: both of its clocks go SOAK_RATE times as
 * fast from SOAK_REAL_NS (of the machine's CLOCK_MONOTONIC) on, where they stood at that moment and at SOAK_WALL_NS;
 * what waits for them waits that much less. weir reads its clocks in one place, and waits in libuv's loops and on
 * conditions; processor time, and what reads no clock, are as they were. For tests/soak alone. */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static int64_t real_ns, wall_ns, rate;

static int64_t machine_ns(clockid_t clock) {
    struct timespec at;
    syscall(SYS_clock_gettime, clock, &at);
    return (int64_t)at.tv_sec * 1000000000 + at.tv_nsec;
}

__attribute__((constructor)) static void begin(void) {
    const char *real = getenv("SOAK_REAL_NS"), *wall = getenv("SOAK_WALL_NS"), *fast = getenv("SOAK_RATE");
    real_ns = real ? strtoll(real, NULL, 10) : machine_ns(CLOCK_MONOTONIC);
    wall_ns = wall ? strtoll(wall, NULL, 10) : machine_ns(CLOCK_REALTIME);
    rate = fast ? strtoll(fast, NULL, 10) : 1;
}

static int is_wall(clockid_t clock) { return clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE; }
static int is_ours(clockid_t clock) {
    return is_wall(clock) || clock == CLOCK_MONOTONIC || clock == CLOCK_MONOTONIC_COARSE || clock == CLOCK_BOOTTIME;
}

static struct timespec moment(int64_t ns) { return (struct timespec){ns / 1000000000, ns % 1000000000}; }

int clock_gettime(clockid_t clock, struct timespec *at) {
    if (!is_ours(clock)) return (int)syscall(SYS_clock_gettime, clock, at);
    const int64_t gone_ns = (machine_ns(CLOCK_MONOTONIC) - real_ns) * rate;
    *at = moment((is_wall(clock) ? wall_ns : real_ns) + gone_ns);
    return 0;
}

int gettimeofday(struct timeval *at, void *zone) {
    struct timespec now;
    (void)zone;
    clock_gettime(CLOCK_REALTIME, &now);
    *at = (struct timeval){now.tv_sec, now.tv_nsec / 1000};
    return 0;
}

time_t time(time_t *at) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (at) *at = now.tv_sec;
    return now.tv_sec;
}

/* On either clock: a moment since 1970 is far beyond what a machine has been up. The wait itself is on the machine's.
 */
int pthread_cond_timedwait(pthread_cond_t *condition, pthread_mutex_t *mutex, const struct timespec *until) {
    const int64_t year_ns = (int64_t)365 * 86400 * 1000000000,
                  at_ns = until->tv_sec * (int64_t)1000000000 + until->tv_nsec;
    const int64_t from_ns = at_ns > 20 * year_ns ? wall_ns : real_ns;
    const struct timespec real = moment(real_ns + (at_ns - from_ns) / rate);
    return pthread_cond_clockwait(condition, mutex, CLOCK_MONOTONIC, &real);
}

static int wait_in(int epoll, struct epoll_event *events, int most, int timeout_ms, const sigset_t *mask) {
    const int64_t ns = (int64_t)timeout_ms * 1000000 / rate;
    const struct timespec wait = moment(ns);
    const int got = (int)syscall(SYS_epoll_pwait2, epoll, events, most, timeout_ms < 0 ? NULL : &wait, mask, 8);
    if (got >= 0 || errno != ENOSYS) return got;
    const int ms = timeout_ms < 0 ? -1 : (int)((ns + 999999) / 1000000); /* a kernel before 5.11 */
    return (int)syscall(SYS_epoll_pwait, epoll, events, most, ms, mask, 8);
}

int epoll_pwait(int epoll, struct epoll_event *events, int most, int timeout_ms, const sigset_t *mask) {
    return wait_in(epoll, events, most, timeout_ms, mask);
}

int epoll_wait(int epoll, struct epoll_event *events, int most, int timeout_ms) {
    return wait_in(epoll, events, most, timeout_ms, NULL);
}
