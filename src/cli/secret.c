/* secret.c - secrets as people give them: on standard input or a terminal, never in an argument, which everyone on the
 * machine can read. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "base/hash.h"
#include "base/secret.h"
#include "cli/cli.h"

/* Up to the end, or a line of a terminal, which does not show it. SIZE_MAX: too much, or it cannot be read. */
static size_t hidden_read(int from, FILE *out, const char *prompt, char *into, size_t size) {
    struct termios shown, hidden;
    bool terminal = isatty(from) && tcgetattr(from, &shown) == 0;
    size_t len = 0;
    if (terminal) {
        hidden = shown;
        hidden.c_lflag &= ~(tcflag_t)ECHO;
        fprintf(out, "%s (it is not shown): ", prompt);
        fflush(out);
        tcsetattr(from, TCSAFLUSH, &hidden);
    }
    ssize_t got = 1;
    while (len < size && (got = read(from, into + len, size - len)) > 0) {
        len += (size_t)got;
        if (terminal && into[len - 1] == '\n') break;
    }
    if (terminal) {
        tcsetattr(from, TCSAFLUSH, &shown);
        fprintf(out, "\n");
    }
    return len < size && got >= 0 ? len : SIZE_MAX;
}

bool cli_secret_read(const char *command, const char *prompt, const char *what, char *into, unsigned long size) {
    size_t len = hidden_read(STDIN_FILENO, stderr, prompt, into, size);
    struct str trimmed = len == SIZE_MAX ? STR_NONE : str_trim(str_make(into, len));
    if (trimmed.len) {
        memmove(into, trimmed.at, trimmed.len);
        into[trimmed.len] = 0;
        return true;
    }
    memory_wipe(into, size);
    fprintf(stderr, "weir %s: nothing (or too much) came on standard input for %s\n", command, what);
    return false;
}

bool cli_passphrase_ask(void *context, char *into, unsigned long size) {
    static char *known;
    enum { known_size = 1024 };
    (void)context;
    if (!known && isatty(STDERR_FILENO)) {
        int terminal = open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC);
        char *asked = terminal < 0 ? NULL : secret_take(known_size);
        size_t len = asked ? hidden_read(terminal, stderr, "Passphrase of the vault", asked, known_size) : SIZE_MAX;
        if (terminal >= 0) close(terminal);
        struct str given = len == SIZE_MAX ? STR_NONE : str_trim(str_make(asked, len));
        if (given.len) {
            memmove(asked, given.at, given.len);
            asked[given.len] = 0;
            known = asked;
        } else {
            secret_give(asked);
        }
    }
    if (known) str_copy(into, size, str_from(known));
    return known != NULL;
}
