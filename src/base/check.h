/* check.h - CHECK: what only a bug can break. Always on, prints the values, aborts. Never used on input. */
#ifndef WEIR_BASE_CHECK_H
#define WEIR_BASE_CHECK_H

/* Called before the abort with the text of the failed check, so that a crash report can be written. May be NULL. */
extern void (*check_report)(const char *text);

_Noreturn void check_failed(const char *file, int line, const char *expression, const char *format, ...)
    __attribute__((format(printf, 4, 5), cold));

#define CHECK(expression)                                                                           \
    do {                                                                                            \
        if (__builtin_expect(!(expression), 0)) check_failed(__FILE__, __LINE__, #expression, " "); \
    } while (0)

/* CHECKF(a <= b, "a=%zu b=%zu", a, b) */
#define CHECKF(expression, ...)                                                                             \
    do {                                                                                                    \
        if (__builtin_expect(!(expression), 0)) check_failed(__FILE__, __LINE__, #expression, __VA_ARGS__); \
    } while (0)

/* For walks over what is counted: `if (check_walks) pool_check(pool)`. Where a sanitizer watches, else left out. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { check_walks = 1 };
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
enum { check_walks = 1 };
#else
enum { check_walks = 0 };
#endif
#else
enum { check_walks = 0 };
#endif

#endif
