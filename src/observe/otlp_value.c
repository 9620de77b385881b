/* otlp_value.c - what spans and points are made of: attributes, and who says all of it. */
#include "observe/otlp.h"
#include "observe/otlp_names.h"

/* Up to the value. Names are weir's own and the conventions' words: nothing of them is escaped. */
static void otlp_begin(struct text *text, const char *name, struct str behind) {
    text_json_comma(text);
    text_put(text, STR("{\"key\":\""));
    text_put(text, str_from(name));
    text_put(text, behind);
}

void otlp_str(struct text *text, const char *name, struct str value) {
    if (!value.len) return;
    otlp_begin(text, name, STR("\",\"value\":{\"stringValue\":"));
    text_put_json(text, value);
    text_put(text, STR("}}"));
}

void otlp_int(struct text *text, const char *name, int64_t value) {
    otlp_begin(text, name, STR("\",\"value\":{\"intValue\":\""));
    text_put_i64(text, value);
    text_put(text, STR("\"}}"));
}

void otlp_bool(struct text *text, const char *name, bool value) {
    otlp_begin(text, name, STR("\",\"value\":{\"boolValue\":"));
    text_put(text, value ? STR("true}}") : STR("false}}"));
}

void otlp_double(struct text *text, const char *name, int64_t billionths) {
    otlp_begin(text, name, STR("\",\"value\":{\"doubleValue\":"));
    text_put_money(text, billionths);
    text_put(text, STR("}}"));
}

void otlp_resource_put(struct text *text, const struct otlp_rules *rules) {
    text_json_key(text, STR("resource"));
    text_put(text, STR("{\"attributes\":["));
    otlp_str(text, "service.name", rules->service);
    otlp_str(text, "service.version", rules->version);
    otlp_str(text, "service.instance.id", str_from(rules->instance));
    text_put(text, STR("]}"));
}

void otlp_scope_put(struct text *text, const struct otlp_rules *rules) {
    text_json_key(text, STR("scope"));
    text_put_byte(text, '{');
    text_json_str(text, STR("name"), STR("weir"));
    text_json_str(text, STR("version"), rules->version);
    text_put_byte(text, '}');
}

void otlp_names_of(const struct otlp_rules *rules, unsigned attribute, const char *names[2]) {
    static const struct {
        const char *legacy, *now;
    } table[otlp_attributes] = {
#define X(id, legacy, now) {legacy, now},
        OTLP_ATTRIBUTES(X)
#undef X
    };
    names[0] = rules->semconv == otlp_legacy ? NULL : table[attribute].now;
    names[1] = rules->semconv == otlp_now ? NULL : table[attribute].legacy;
    if (names[0] && names[1] && str_eq(str_from(names[0]), str_from(names[1]))) names[1] = NULL;
}

struct str otlp_word(const struct otlp_rules *rules, struct str word, char into[otlp_word_most]) {
    struct text text = text_in_buffer(into, otlp_word_most);
    if (!word.len) return STR_NONE;
    redact_put_by(rules->own, &text, word);
    return text.failed ? STR("***") : text_str(&text);
}

struct str otlp_provider_name(struct str type, bool legacy) {
    static const struct {
        struct str type, legacy, now;
    } table[] = {
#define X(type, legacy, now) {STR(type), STR(legacy), STR(now)},
        OTLP_PROVIDERS(X)
#undef X
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        if (str_eq(table[i].type, type)) return legacy ? table[i].legacy : table[i].now;
    return type;
}
