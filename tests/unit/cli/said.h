/* said.h - what a piece of the command line tells on standard output or standard error, caught in a file. */
#ifndef WEIR_TESTS_UNIT_CLI_SAID_H
#define WEIR_TESTS_UNIT_CLI_SAID_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>
#include <cmocka.h>

struct said {
    FILE *stream, *file;
    int before, terminal; /* the other side of a terminal, in place of the file; 0: none */
    char text[8192];      /* once it has ended */
};

/* A terminal that shows what is written as it is: our side, and *theirs. It holds 4 KB. */
static inline int said_terminal(int *theirs) {
    struct termios how;
    int ours = posix_openpt(O_RDWR | O_NOCTTY);
    assert_true(ours >= 0 && grantpt(ours) == 0 && unlockpt(ours) == 0);
    *theirs = open(ptsname(ours), O_RDWR | O_NOCTTY);
    assert_true(*theirs >= 0 && tcgetattr(*theirs, &how) == 0);
    how.c_oflag &= ~(tcflag_t)OPOST;
    assert_int_equal(tcsetattr(*theirs, TCSANOW, &how), 0);
    return ours;
}

/* The stream is a terminal until said_end. */
static inline void said_begin_at_terminal(struct said *said, FILE *stream) {
    int theirs;
    fflush(stream);
    said->stream = stream;
    said->terminal = said_terminal(&theirs);
    said->before = dup(fileno(stream));
    assert_true(said->before >= 0 && dup2(theirs, fileno(stream)) >= 0);
    close(theirs);
}

static inline void said_begin(struct said *said, FILE *stream) {
    fflush(stream);
    said->stream = stream;
    said->file = tmpfile();
    said->terminal = 0;
    said->before = dup(fileno(stream));
    assert_true(said->file && said->before >= 0 && dup2(fileno(said->file), fileno(stream)) >= 0);
}

static inline const char *said_end(struct said *said) {
    fflush(said->stream);
    dup2(said->before, fileno(said->stream));
    close(said->before);
    if (said->terminal) { /* what was written stands there until it has been read */
        ssize_t got = 1;
        size_t len = 0;
        fcntl(said->terminal, F_SETFL, O_NONBLOCK);
        while ((got = read(said->terminal, said->text + len, sizeof said->text - 1 - len)) > 0) len += (size_t)got;
        said->text[len] = 0;
        close(said->terminal);
        return said->text;
    }
    rewind(said->file);
    said->text[fread(said->text, 1, sizeof said->text - 1, said->file)] = 0;
    fclose(said->file);
    return said->text;
}

#endif
