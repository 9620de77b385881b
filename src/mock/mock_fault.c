/* mock_fault.c - see mock_fault.h. Must never do I/O; keeps: a parsed fault's value fits its parameter. */
#include "mock/mock_fault.h"

enum parameter { parameter_none, parameter_status, parameter_ms, parameter_events };

static const struct fault_facts {
    struct str name;
    enum parameter parameter;
    int64_t value;
    struct str sentence;
} facts[] = {
#define X(name, spec, parameter, value, sentence) {STR(spec), parameter_##parameter, value, STR(sentence)},
    MOCK_FAULT_TABLE(X)
#undef X
};

static const struct str parameter_names[] = {STR(""), STR("status"), STR("ms"), STR("events")};

struct str mock_fault_name(enum mock_fault_kind kind) {
    return facts[kind].name;
}

bool mock_fault_describe(size_t index, struct str *name, struct str *parameter, struct str *sentence) {
    if (index >= mock_fault_kinds) return false;
    *name = facts[index].name;
    *parameter = parameter_names[facts[index].parameter];
    *sentence = facts[index].sentence;
    return true;
}

static bool name_fail(struct str name, struct error *error) {
    size_t nearest = 0;
    for (size_t i = 1; i < mock_fault_kinds; i++)
        if (str_distance(name, facts[i].name) < str_distance(name, facts[nearest].name)) nearest = i;
    return error_set(error, error_invalid_request, "There is no fault \"%.*s\"; the nearest is \"%.*s\".",
                     STR_ARG(str_slice(name, 0, 40)), STR_ARG(facts[nearest].name));
}

static bool mock_fault_value_set(struct mock_fault *fault, struct str text, struct error *error) {
    uint64_t value;
    enum parameter parameter = facts[fault->kind].parameter;
    if (parameter == parameter_none)
        return error_set(error, error_invalid_request, "The fault \"%.*s\" takes no value.",
                         STR_ARG(facts[fault->kind].name));
    if (!str_to_u64(text, &value) || value > 86400000 ||
        (parameter == parameter_status && (value < 200 || value > 999)))
        return error_set(error, error_invalid_request, "The fault \"%.*s\" takes a number of %.*s, not \"%.*s\".",
                         STR_ARG(facts[fault->kind].name), STR_ARG(parameter_names[parameter]),
                         STR_ARG(str_slice(text, 0, 40)));
    fault->value = (int64_t)value;
    return true;
}

static bool pair_set(struct mock_fault *fault, struct str name, struct str value, struct error *error) {
    uint64_t number;
    if (str_eq(name, STR("retry-after"))) {
        str_copy(fault->retry_after, sizeof fault->retry_after, value);
        return true;
    }
    if (str_eq(name, STR("retry-after-ms"))) {
        if (!str_to_u64(value, &number) || number > INT64_MAX)
            return error_set(error, error_invalid_request, "retry-after-ms takes milliseconds, not \"%.*s\".",
                             STR_ARG(str_slice(value, 0, 40)));
        fault->retry_after_ms = (int64_t)number;
        return true;
    }
    if (str_eq(name, STR("after")) || str_eq(name, STR("ms"))) return mock_fault_value_set(fault, value, error);
    return error_set(error, error_invalid_request,
                     "A fault has no \"%.*s\": after, ms, retry-after and retry-after-ms are known.",
                     STR_ARG(str_slice(name, 0, 40)));
}

/* "status=429", "retry-after=Wed, 21 Oct 2026 07:28:00 GMT": a date's own comma is followed by a blank. */
static struct str piece_next(struct str *rest) {
    size_t at = 0;
    while (at < rest->len && !(rest->at[at] == ',' && (at + 1 == rest->len || rest->at[at + 1] != ' '))) at++;
    struct str piece = str_slice(*rest, 0, at);
    *rest = str_slice(*rest, at + 1, rest->len);
    return str_trim(piece);
}

bool mock_fault_parse(struct str spec, struct mock_fault *fault, struct error *error) {
    *fault = (struct mock_fault){.kind = mock_fault_none, .retry_after_ms = -1};
    struct str rest = str_trim(spec);
    for (bool first = true; rest.len; first = false) {
        struct str piece = piece_next(&rest);
        size_t equals = str_find_byte(piece, '=');
        struct str name = str_trim(str_slice(piece, 0, equals));
        struct str value = equals == SIZE_MAX ? STR_NONE : str_trim(str_slice(piece, equals + 1, piece.len));
        if (!first) {
            if (!pair_set(fault, name, value, error)) return false;
            continue;
        }
        size_t kind = 0;
        while (kind < mock_fault_kinds && !str_eq(facts[kind].name, name)) kind++;
        if (kind == mock_fault_kinds) return name_fail(name, error);
        fault->kind = (enum mock_fault_kind)kind;
        fault->value = facts[kind].value;
        if (value.at && !mock_fault_value_set(fault, value, error)) return false;
    }
    return true;
}
