/* openai_reply_fuzz.c - replies, events and errors of any bytes: nothing is read outside them, counts stay sane. */
#include <stdlib.h>

#include "dialect/json.h"
#include "dialect/openai/openai.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds) {
    if (!holds) abort();
}

static void usage_check(const struct usage *usage) {
    int64_t most = 2000000000000;
    must(usage->input_tokens >= -1 && usage->input_tokens <= most);
    must(usage->output_tokens >= -1 && usage->output_tokens <= most);
    must(usage->cached_input_tokens >= -1 && usage->reasoning_tokens >= -1 && usage->cost_nano_usd >= -1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct str body = str_make((const char *)data, size);
    struct usage usage = USAGE_NONE, event_usage = USAGE_NONE;
    struct meter meter = {.said = false};
    struct openai_error said;
    struct arena arena;
    bool is_error;
    usage.meter = &meter;
    bool read = openai_skim_reply(body, &usage, &is_error);
    usage_check(&usage);
    enum openai_event_kind kind = openai_skim_event(STR(""), body, &event_usage);
    usage_check(&event_usage);
    if (read) must(kind != openai_event_malformed); /* both take objects, and only those */
    size_t half = str_find_byte(body, '\n');
    if (half != SIZE_MAX) { /* what one event taught must not change what the next one means */
        struct openai_event_shape shape = {.before_len = 0};
        struct usage alone = USAGE_NONE, alike = USAGE_NONE, ignored = USAGE_NONE;
        struct str first = str_slice(body, 0, half), second = str_slice(body, half + 1, body.len);
        openai_skim_event_alike(&shape, STR(""), first, &ignored);
        kind = openai_skim_event_alike(&shape, STR(""), second, &alike);
        must(kind == openai_skim_event(STR(""), second, &alone));
    }
    arena_init(&arena, 4096, 1 << 20);
    openai_skim_error(body, &arena, &said);
    must(said.message.len <= 1024 && said.code.len <= 1024);
    struct openai_delta delta;
    struct openai_said told;
    openai_skim_said(body, &told);
    must(told.bytes <= body.len && told.id.len <= body.len && told.model.len <= body.len);
    if (openai_skim_delta(body, &arena, &delta)) must(told.bytes >= delta.content.len); /* never less than was said */
    arena_free(&arena);
    return 0;
}
