/* characters_fuzz.c - what is counted of a text is the same wherever it is cut, and never more than its bytes. The
 * first two bytes say where it is cut. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "dialect/characters.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void feed(struct characters *characters, struct str bytes) {
    char *copy = malloc(bytes.len ? bytes.len : 1); /* so that nothing is read past it */
    if (bytes.len) memcpy(copy, bytes.at, bytes.len);
    characters_feed(characters, str_make(copy, bytes.len));
    free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size < 2 || size > 60000) return 0;
    struct str text = str_make((const char *)data + 2, size - 2);
    size_t first = data[0] % (text.len + 1), second = first + data[1] % (text.len - first + 1);
    struct characters whole = {.texts = 0}, cut = {.texts = 0};
    feed(&whole, text);
    feed(&cut, str_slice(text, 0, first));
    feed(&cut, str_slice(text, first, second));
    feed(&cut, str_slice(text, second, text.len));
    if (characters_count(&whole) != characters_count(&cut)) abort();
    if (characters_count(&whole) > (int64_t)text.len) abort();
    return 0;
}
