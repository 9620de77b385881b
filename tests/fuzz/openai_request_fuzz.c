/* openai_request_fuzz.c - what is taken for a request, a full JSON reader takes too, and the other way round; what goes
 * out is JSON with one model, the one that was put in. */
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "dialect/json.h"
#include "dialect/openai/openai.h"
#include "dialect/skim.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds) {
    if (!holds) abort();
}

/* What the full reader refuses beyond the grammar, and what the skim does. */
static bool may_differ(const char *problem, const char *ours) {
    return (problem && (strstr(problem, "surrogate") || strstr(problem, "infinity"))) ||
           (ours && strcmp(ours, "nested too deep") == 0);
}

static void grammar_check(struct str text) {
    struct skim skim;
    struct skim_token token;
    const char *problem = NULL;
    size_t at;
    skim_begin(&skim, text, 3);
    do token = skim_next(&skim);
    while (token.kind > skim_error);
    must(skim.at <= text.len);
    struct json *json = json_parse(text, &problem, &at);
    if (!may_differ(json ? NULL : problem, token.kind == skim_error ? skim.problem : NULL))
        must((token.kind == skim_end) == (json != NULL));
    json_free(json);
}

static void splice_check(struct str body, const struct openai_request *request, bool ask, struct arena *arena) {
    struct openai_splice splice;
    struct openai_request again;
    struct error error;
    must(openai_splice(body, request, false, STR("a\"b"), ask, arena, &splice));
    char *whole = arena_take(arena, splice.len + 1);
    size_t len = 0;
    for (size_t i = 0; i < splice.count; i++) {
        memcpy(whole + len, splice.ranges[i].at, splice.ranges[i].len);
        len += splice.ranges[i].len;
    }
    must(len == splice.len);
    must(openai_skim_request(str_make(whole, len), endpoint_chat, arena, &again, &error, NULL));
    must(str_eq(again.model, STR("a\"b")) && again.stream == request->stream && again.n == request->n);
    must(!ask || again.include_usage);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct str body = str_make((const char *)data, size), param;
    struct openai_request request;
    struct error error = {.code = error_none};
    struct arena arena;
    grammar_check(body);
    arena_init(&arena, 4096, 64 << 20);
    if (openai_skim_request(body, endpoint_chat, &arena, &request, &error, &param)) {
        splice_check(body, &request, false, &arena);
        if (request.stream) splice_check(body, &request, true, &arena);
    } else {
        must(error.code == error_invalid_request && error.message[0]);
    }
    arena_free(&arena);
    return 0;
}
