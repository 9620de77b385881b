/* terminal.c - what strangers wrote, for a terminal: nothing in it steers one. Names of models, sessions and end users
 * are their callers' choice, and what is said of a failure its provider's. */
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "cli/cli.h"
#include "dialect/json.h"

enum { unicode_len = 6 }; /* \u001b */

/* C0 and C1 (ECMA-48), and DEL. */
static bool terminal_obeys(unsigned code) { return code < ' ' || (code >= 0x7f && code < 0xa0); }

static unsigned hex_code(const char *digits) {
    unsigned code = 0;
    for (int i = 0; i < 4; i++) {
        int digit = str_hex_digit(digits[i]);
        if (digit < 0) return ' ';
        code = code << 4 | (unsigned)digit;
    }
    return code;
}

/* An escape in a string of JSON, of at most `len` bytes: how long it is. What it stands for is no more than `_`. */
static size_t escape_tame(char *at, size_t len) {
    if (len >= unicode_len && at[1] == 'u') {
        if (terminal_obeys(hex_code(at + 2))) memcpy(at, "\\u005f", unicode_len);
        return unicode_len;
    }
    if (len < 2) return len;
    if (memchr("bfnrt", at[1], 5)) memcpy(at, "__", 2);
    return 2;
}

/* Of the same length, and JSON if it was. */
static void json_tame(char *text, size_t len) {
    for (size_t i = 0; i < len;) {
        const bool high = text[i] == '\xc2' && i + 1 < len && terminal_obeys((unsigned char)text[i + 1]);
        if (high) memcpy(text + i, "__", 2);
        if (text[i] == 0x7f) text[i] = '_';
        i += text[i] == '\\' ? escape_tame(text + i, len - i) : 1;
    }
}

struct json *cli_json_parse(struct str text, const char **problem, size_t *at) {
    char *copy = memory_take(text.len + 1);
    *problem = "no memory";
    *at = 0;
    if (!copy) return NULL;
    str_copy(copy, text.len + 1, text);
    json_tame(copy, text.len);
    struct json *json = json_parse(str_make(copy, text.len), problem, at);
    memory_wipe(copy, text.len); /* a client's next key may stand in it */
    memory_give(copy);
    return json;
}

/* How long a character at `at` is that a terminal obeys; 0: it is another. Lines and tabs are a text's own. */
static size_t terminal_order(struct str text, size_t at) {
    unsigned char byte = (unsigned char)text.at[at];
    if (byte == '\n' || byte == '\t') return 0;
    if (byte == 0xc2 && at + 1 < text.len) return terminal_obeys((unsigned char)text.at[at + 1]) ? 2 : 0;
    return byte < 0x80 && terminal_obeys(byte);
}

void cli_text_tame_put(FILE *file, struct str text) {
    for (size_t at = 0; at < text.len;) {
        size_t order = terminal_order(text, at);
        putc(order ? '_' : text.at[at], file);
        at += order ? order : 1;
    }
}

void cli_text_put(FILE *file, struct str text) {
    if (isatty(fileno(file)))
        cli_text_tame_put(file, text);
    else
        fwrite(text.at, 1, text.len, file);
}
