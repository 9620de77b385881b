/* cache_miss.c - see cache_miss.h. */
#include "dialect/cache_miss.h"

#include "dialect/skim.h"

/* The vendors' words; one that is not among them is a change of the prompt, as far as anybody can tell. */
static const struct {
    struct str word;
    enum cache_miss miss;
} words[] = {
    {STR("model_changed"), cache_miss_model_changed},
    {STR("system_changed"), cache_miss_system_changed},
    {STR("tools_changed"), cache_miss_tools_changed},
    {STR("messages_changed"), cache_miss_messages_changed},
    {STR("input_changed"), cache_miss_messages_changed},
    {STR("context_compacted"), cache_miss_messages_changed},
    {STR("prompt_cache_key_changed"), cache_miss_key_changed},
    {STR("text_format_changed"), cache_miss_options_changed},
    {STR("reasoning_effort_changed"), cache_miss_options_changed},
    {STR("verbosity_changed"), cache_miss_options_changed},
    {STR("service_tier_changed"), cache_miss_options_changed},
    {STR("previous_message_not_found"), cache_miss_not_found},
    {STR("unavailable"), cache_miss_none}, /* it cannot say */
};

static enum cache_miss cache_miss_of(struct str word) {
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (skim_is(word, words[i].word)) return words[i].miss;
    return cache_miss_prefix_changed;
}

void cache_miss_read(struct str object, struct meter *meter) {
    enum { told_depth = 3, tokens_most = 1000000000 };
    static const struct str reasons[] = {STR("type"), STR("reason"), STR("cache_miss"), STR("cache_miss_reason")},
                            counts[] = {STR("cache_missed_input_tokens"), STR("cache_missed_tokens")};
    struct skim skim;
    skim_begin(&skim, object, told_depth);
    for (struct skim_token token; (token = skim_next(&skim)).kind > skim_error;) {
        int64_t tokens = 0;
        if (token.kind == skim_close && token.depth == 0) return;
        for (size_t i = 0; token.kind == skim_string && i < sizeof reasons / sizeof *reasons; i++)
            if (skim_is(token.key, reasons[i])) meter->miss = (uint8_t)cache_miss_of(skim_inside(token.value));
        for (size_t i = 0; token.kind == skim_number && i < sizeof counts / sizeof *counts; i++)
            if (skim_is(token.key, counts[i]) && skim_to_i64(token.value, &tokens) && tokens > 0)
                meter->missed_tokens = tokens < tokens_most ? (uint32_t)tokens : tokens_most;
    }
}

void cache_miss_take(const struct json_value *value, struct arena *arena, struct usage *usage) {
    if (json_kind(value) != json_object) return;
    struct str raw = json_raw(value, arena);
    struct meter *meter = raw.at ? usage_meter(usage, arena) : NULL;
    if (meter) cache_miss_read(raw, meter);
}
