/* mask_fuzz.c - a text masked in three pieces is the text masked whole, as long as it was, and a credential that is
 * added to it does not come out. The first byte is the credential's length, the next two say where the text is cut. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/mask.h"
#include "base/text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void pass(const struct mask *mask, struct mask_stream *stream, struct str bytes, struct arena *scratch,
                 struct text *all) {
    char *copy = malloc(bytes.len ? bytes.len : 1); /* so that nothing may point into it later */
    struct str out;
    if (bytes.len) memcpy(copy, bytes.at, bytes.len);
    if (!mask_pass(mask, stream, str_make(copy, bytes.len), scratch, &out)) abort();
    text_put(all, out);
    free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    enum { credential_max = 63 };
    if (size < 3 + credential_max || size > 4000) return 0;
    size_t credential_len = data[0] & credential_max;
    struct arena arena, scratch;
    const struct mask *mask;
    struct mask_stream stream = {.held = NULL};
    struct str credential = str_make((const char *)data + 3, credential_len), out;
    arena_init(&arena, 4096, SIZE_MAX);
    arena_init(&scratch, 4096, SIZE_MAX);
    struct text text = text_in_arena(&arena, size + 256), all = text_in_arena(&arena, size + 256);
    text_put(&text, str_make((const char *)data + 3 + credential_len, size - 3 - credential_len));
    text_put(&text, credential);
    text_put(&text, STR(" "));
    struct str said = text_str(&text);
    size_t first = data[1] * said.len / 256, second = first + data[2] * (said.len - first) / 256;
    if (!mask_new(&credential, 1, data[0] & 64 ? mask_shortest : mask_shortest_anywhere, &arena, &mask)) abort();
    pass(mask, &stream, str_slice(said, 0, first), &scratch, &all);
    pass(mask, &stream, str_slice(said, first, second), &scratch, &all);
    pass(mask, &stream, str_slice(said, second, said.len), &scratch, &all);
    if (!mask_end(mask, &stream, &scratch, &out)) abort();
    text_put(&all, out);
    struct str whole = mask_whole(mask, said, &scratch);
    if (!str_eq(whole, text_str(&all)) || whole.len != said.len) abort();
    bool stars_only = true;
    for (size_t i = 0; i < credential.len; i++) stars_only &= credential.at[i] == '*';
    if (mask && !stars_only && str_find(whole, credential) != SIZE_MAX) abort();
    mask_stream_free(&stream);
    arena_free(&arena);
    arena_free(&scratch);
    return 0;
}
