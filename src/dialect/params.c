/* params.c - one table: what can be set, and where it stands in a request. */
#include "dialect/params.h"

#include <math.h>

#include "dialect/openai/openai_codec.h"

enum param_kind { param_double, param_int, param_text, param_flag, param_stop, param_effort, param_cap };

static const struct param {
    enum feature feature;
    enum param_kind kind;
    size_t at;
} table[] = {
#define AT(name, kind) \
    { feature_##name, param_##kind, offsetof(struct message_request, name) }
    AT(temperature, double),
    AT(top_p, double),
    AT(min_p, double),
    AT(frequency_penalty, double),
    AT(presence_penalty, double),
    AT(repetition_penalty, double),
    AT(top_k, int),
    AT(seed, int),
    AT(service_tier, text),
    AT(verbosity, text),
    AT(user, text),
    AT(parallel_tool_calls, flag),
    {feature_stop, param_stop, 0},
    {feature_reasoning_effort, param_effort, 0},
    AT(max_tokens, cap),
#undef AT
};
enum { table_count = sizeof table / sizeof *table };

static uint64_t bit_of(const struct param *param) { return UINT64_C(1) << param->feature; }

void params_init(struct params *params) {
    params->says = 0;
    message_request_init(&params->request, dialect_openai);
}

static bool says(const struct message_request *request, const struct param *param) {
    const void *at = (const char *)request + param->at;
    switch (param->kind) {
    case param_double: return !isnan(*(const double *)at);
    case param_int:
    case param_cap: return *(const int64_t *)at != MESSAGE_NO_INT;
    case param_text: return ((const struct str *)at)->len > 0;
    case param_flag: return *(const enum message_flag *)at != flag_unset;
    case param_stop: return request->stop_count > 0;
    case param_effort: return request->effort || request->reasoning_tokens != MESSAGE_NO_INT;
    }
    return false;
}

uint64_t params_said(const struct message_request *request) {
    uint64_t bits = 0;
    for (size_t i = 0; i < table_count; i++)
        if (says(request, &table[i])) bits |= bit_of(&table[i]);
    return bits;
}

static bool same_stop(const struct message_request *one, const struct message_request *other) {
    if (one->stop_count != other->stop_count) return false;
    for (size_t i = 0; i < one->stop_count; i++)
        if (!str_eq(one->stop[i], other->stop[i])) return false;
    return true;
}

/* true: it is other than it was. */
static bool set(struct message_request *request, const struct message_request *from, const struct param *param) {
    void *at = (char *)request + param->at;
    const void *value = (const char *)from + param->at;
    switch (param->kind) {
    case param_double:
        if (*(double *)at == *(const double *)value) return false;
        *(double *)at = *(const double *)value;
        return true;
    case param_cap: /* never above the caller's own */
        if (*(int64_t *)at != MESSAGE_NO_INT && *(int64_t *)at <= *(const int64_t *)value)
            return false; /* fall through */
    case param_int:
        if (*(int64_t *)at == *(const int64_t *)value) return false;
        *(int64_t *)at = *(const int64_t *)value;
        return true;
    case param_text:
        if (str_eq(*(struct str *)at, *(const struct str *)value)) return false;
        *(struct str *)at = *(const struct str *)value;
        return true;
    case param_flag:
        if (*(enum message_flag *)at == *(const enum message_flag *)value) return false;
        *(enum message_flag *)at = *(const enum message_flag *)value;
        return true;
    case param_stop:
        if (same_stop(request, from)) return false;
        request->stop = from->stop;
        request->stop_count = from->stop_count;
        return true;
    case param_effort:
        if (request->effort == from->effort) return false;
        request->effort = from->effort;
        request->reasoning_tokens = MESSAGE_NO_INT;
        return true;
    }
    return false;
}

uint64_t params_apply(const struct target_params *params, uint64_t said, uint64_t except,
                      struct message_request *request) {
    uint64_t changed = 0;
    for (size_t i = 0; i < table_count; i++) {
        uint64_t bit = bit_of(&table[i]);
        bool default_counts = params->defaults.says & bit & ~said && !says(request, &table[i]);
        if (bit & except || !(params->overrides.says & bit || default_counts)) continue;
        const struct params *from = params->overrides.says & bit ? &params->overrides : &params->defaults;
        if (set(request, &from->request, &table[i])) changed |= bit;
    }
    return changed;
}

void params_put(const struct message_request *request, uint64_t bits, struct text *text) {
    text_put_byte(text, '{');
    for (size_t i = 0; i < table_count; i++) {
        struct str name = feature_name(table[i].feature);
        const void *at = (const char *)request + table[i].at;
        if (!(bits & bit_of(&table[i]))) continue;
        switch (table[i].kind) {
        case param_double: text_json_double(text, name, *(const double *)at); break;
        case param_cap:
        case param_int: text_json_i64(text, name, *(const int64_t *)at); break;
        case param_text: text_json_str(text, name, *(const struct str *)at); break;
        case param_flag: text_json_bool(text, name, *(const enum message_flag *)at == flag_true); break;
        case param_stop:
            text_json_key(text, name);
            strings_put(text, request->stop, request->stop_count);
            break;
        case param_effort: text_json_str(text, name, openai_effort_name(request->effort)); break;
        }
    }
    text_put_byte(text, '}');
}
