/* error.c - the table behind error.h. */
#include "base/error.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/check.h"

static const struct error_facts facts[error_codes] = {
    [error_none] = {{"none", 4}, {"none", 4}, 200, {"none", 4}, {"", 0}, {"No error.", 9}},
#define X(code, status_, category_, type_, sentence_)                          \
    [error_##code] = {{#code, sizeof #code - 1},                               \
                      {#category_ "/" #code, sizeof #category_ "/" #code - 1}, \
                      status_,                                                 \
                      {#category_, sizeof #category_ - 1},                     \
                      {type_, sizeof type_ - 1},                               \
                      {sentence_, sizeof sentence_ - 1}},
    ERROR_TABLE(X)
#undef X
};

const struct error_facts *error_facts(enum error_code code) {
    CHECKF((unsigned)code < error_codes, "code=%d", (int)code);
    return &facts[code];
}

struct str error_name(enum error_code code) {
    return error_facts(code)->name;
}

bool error_set(struct error *error, enum error_code code, const char *format, ...) {
    if (!error) return false;
    error->code = code;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(error->message, sizeof error->message, format, arguments);
    va_end(arguments);
    return false;
}
