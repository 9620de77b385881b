/* ratelimit_fuzz.c - whatever a provider's head says: what is read of it stays within its bounds, and neither the
 * lines' case nor what stands behind each line in memory changes it. The first eight bytes are the clock. */
#include <stdlib.h>
#include <string.h>

#include "dialect/ratelimit.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { headers_max = 32 };

static void bounded(const struct ratelimit *read) {
    if (read->requests_left < -1 || read->requests_left > ratelimit_left_max) abort();
    if (read->tokens_left < -1 || read->tokens_left > ratelimit_left_max) abort();
    if (read->requests_limit < -1 || read->requests_limit > ratelimit_left_max) abort();
    if (read->tokens_limit < -1 || read->tokens_limit > ratelimit_left_max) abort();
    if (read->requests_reset_ms > ratelimit_ms_max || read->tokens_reset_ms > ratelimit_ms_max) abort();
    if (read->retry_after_ms < -1 || read->retry_after_ms > (int64_t)ratelimit_ms_max) abort();
}

static bool same(const struct ratelimit *a, const struct ratelimit *b) {
    return a->requests_left == b->requests_left && a->tokens_left == b->tokens_left &&
           a->requests_limit == b->requests_limit && a->tokens_limit == b->tokens_limit &&
           a->requests_reset_ms == b->requests_reset_ms && a->tokens_reset_ms == b->tokens_reset_ms &&
           a->retry_after_ms == b->retry_after_ms;
}

/* Memory of its own, so that reading past its end is seen. */
static struct str copied(struct str s, bool in_capitals) {
    char *at = malloc(s.len ? s.len : 1);
    for (size_t i = 0; i < s.len; i++)
        at[i] = in_capitals && s.at[i] >= 'a' && s.at[i] <= 'z' ? (char)(s.at[i] - 'a' + 'A') : s.at[i];
    return str_make(at, s.len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct http_header headers[headers_max], loud[headers_max];
    size_t count = 0;
    int64_t wall_ns = 0;
    if (size < sizeof wall_ns || size > 8192) return 0;
    memcpy(&wall_ns, data, sizeof wall_ns);
    struct str rest = str_make((const char *)data + sizeof wall_ns, size - sizeof wall_ns), line;
    while (count < headers_max && str_split_next(&rest, '\n', &line)) {
        size_t colon = str_find_byte(line, ':');
        if (colon == SIZE_MAX) continue;
        struct str value = str_trim(str_slice(line, colon + 1, line.len));
        headers[count] = (struct http_header){copied(str_slice(line, 0, colon), false), copied(value, false)};
        loud[count].name = copied(headers[count].name, true);
        loud[count].value = headers[count].value;
        count++;
    }
    struct ratelimit read = ratelimit_read(headers, count, wall_ns), again = ratelimit_read(loud, count, wall_ns);
    bounded(&read);
    if (!same(&read, &again)) abort();
    for (size_t i = 0; i < count; i++) {
        free((char *)headers[i].name.at);
        free((char *)headers[i].value.at);
        free((char *)loud[i].name.at);
    }
    return 0;
}
