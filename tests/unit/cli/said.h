/* said.h - what a piece of the command line tells on standard output or standard error, caught in a file. */
#ifndef WEIR_TESTS_UNIT_CLI_SAID_H
#define WEIR_TESTS_UNIT_CLI_SAID_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

struct said {
    FILE *stream, *file;
    int before;
    char text[8192]; /* once it has ended */
};

static inline void said_begin(struct said *said, FILE *stream) {
    fflush(stream);
    said->stream = stream;
    said->file = tmpfile();
    said->before = dup(fileno(stream));
    assert_true(said->file && said->before >= 0 && dup2(fileno(said->file), fileno(stream)) >= 0);
}

static inline const char *said_end(struct said *said) {
    fflush(said->stream);
    dup2(said->before, fileno(said->stream));
    close(said->before);
    rewind(said->file);
    said->text[fread(said->text, 1, sizeof said->text - 1, said->file)] = 0;
    fclose(said->file);
    return said->text;
}

#endif
