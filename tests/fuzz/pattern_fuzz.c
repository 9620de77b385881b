/* pattern_fuzz.c - any expression up to the first line's end, over any text behind it: a match lies in the text, and
 * what is hidden is not told again. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/pattern.h"
#include "base/redact.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    const struct str all = str_make((const char *)data, size);
    size_t end = str_find_byte(all, '\n'), bad, work = pattern_work_max / 16;
    const char *problem = NULL;
    if (end == SIZE_MAX || end > 200 || size > 4096) return 0;
    const struct str expression = str_slice(all, 0, end), text = str_slice(all, end + 1, size);
    struct pattern *pattern = pattern_new(&expression, 1, &bad, &problem);
    if (!pattern && (!problem || bad != 0)) abort();
    for (size_t at = 0; pattern && at < text.len;) {
        struct pattern_match match = pattern_find(pattern, text, at, &work);
        if (match.from < at || match.from > match.to || match.to > text.len) abort();
        at = match.to + 1;
    }
    char *bytes = memory_take(3 * (text.len + 4));
    if (bytes && pattern) {
        struct text hidden = text_in_buffer(bytes, 3 * (text.len + 4));
        redact_own(pattern, &hidden, text);
        if (hidden.failed) abort();
    }
    memory_give(bytes);
    pattern_free(pattern);
    return 0;
}
