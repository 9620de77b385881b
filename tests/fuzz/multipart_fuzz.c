/* multipart_fuzz.c - forms of any bytes: a model that is found stands where it is said to stand, and replacing it gives
 * a form with the new one. */
#include <stdlib.h>
#include <string.h>

#include "dialect/openai/openai.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds) {
    if (!holds) abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct str body = str_make((const char *)data, size), type = STR("multipart/form-data; boundary=xyz"), param;
    struct openai_request request, again;
    struct openai_splice splice;
    struct error error = {.code = error_none};
    struct arena arena;
    size_t line = str_find_byte(body, '\n'); /* a first line may be the content type */
    if (line != SIZE_MAX && str_starts(body, STR("multipart/"))) {
        type = str_slice(body, 0, line);
        body = str_slice(body, line + 1, body.len);
    }
    arena_init(&arena, 4096, 64 << 20);
    if (openai_skim_multipart(body, type, &arena, &request, &error, &param)) {
        must(str_eq(request.model, str_slice(body, request.model_from, request.model_to)));
        must(openai_splice(body, &request, true, STR("m"), true, &arena, &splice));
        char *whole = arena_take(&arena, splice.len + 1);
        size_t len = 0;
        for (size_t i = 0; i < splice.count; i++) {
            memcpy(whole + len, splice.ranges[i].at, splice.ranges[i].len);
            len += splice.ranges[i].len;
        }
        must(openai_skim_multipart(str_make(whole, len), type, &arena, &again, &error, &param));
        must(str_eq(again.model, STR("m")) && again.stream == request.stream);
    } else {
        must(error.code == error_invalid_request && error.message[0]);
    }
    arena_free(&arena);
    return 0;
}
