/* check.c - the end of a process that found a bug in itself. Never returns. */
#include "base/check.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

void (*check_report)(const char *text);

void check_failed(const char *file, int line, const char *expression, const char *format, ...) {
    char values[1024]; /* a machine's last moves among them */
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(values, sizeof values, format, arguments);
    va_end(arguments);
    char text[1536];
    snprintf(text, sizeof text, "%s:%d: CHECK(%s) failed %s", file, line, expression, values);
    fprintf(stderr, "%s\n", text);
    if (check_report) check_report(text);
    abort();
}
