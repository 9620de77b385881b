/* check.h - CHECK: what only a bug can break. Always on, prints the values, aborts. Never used on input. */
#ifndef WEIR_BASE_CHECK_H
#define WEIR_BASE_CHECK_H

#include "base/sanitized.h"

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

/* For walks over what is counted: `if (check_walks) pool_check(pool)`. Where the address sanitizer watches, else left
 * out. */
enum { check_walks = ADDRESS_SANITIZED };

#endif
