/* mock_options.c - see mock_options.h. Must never do I/O; keeps: an option that cannot be read changes nothing. */
#include "mock/mock_options.h"

#include <math.h>

#include "base/clock.h"

enum { latency_ms_max = 3600 * 1000, tokens_max = 1000 * 1000 };

enum option {
    option_listen,
    option_latency,
    option_latency_distribution,
    option_rate,
    option_fault,
    option_fault_rate,
    option_seed,
    option_tokens,
    option_echo,
    option_lenient,
    option_models,
    option_key,
};

static const struct option_facts {
    struct str name;
    enum option option;
    bool in_request; /* may come by a header or in the prompt */
    struct str value;
    struct str sentence;
} facts[] = {
    {STR("listen"), option_listen, false, STR("ADDRESS"),
     STR("Where to listen; port 0 takes a free one (127.0.0.1:8081).")},
    {STR("latency"), option_latency, true, STR("MS"), STR("Wait so long before each reply (0).")},
    {STR("latency-distribution"), option_latency_distribution, true, STR("DIST"),
     STR("normal:MEAN,DEVIATION, lognormal:MEDIAN,SIGMA or uniform:FROM,TO in milliseconds.")},
    {STR("rate"), option_rate, true, STR("N"), STR("Tokens a second in a stream; 0: all at once (0).")},
    {STR("fault"), option_fault, true, STR("SPEC"), STR("Fail in one of the ways listed below.")},
    {STR("fault-rate"), option_fault_rate, true, STR("P"), STR("The share of requests that fail, 0 to 1 (1).")},
    {STR("seed"), option_seed, false, STR("N"), STR("Seed of everything drawn (1).")},
    {STR("tokens"), option_tokens, true, STR("N"), STR("Length of each answer; 0: as the prompt has it (0).")},
    {STR("echo"), option_echo, true, STR(""), STR("Answer with the request as it arrived, as JSON.")},
    {STR("lenient"), option_lenient, false, STR(""), STR("Take what the vendors would refuse with a 400.")},
    {STR("models"), option_models, false, STR("A,B"), STR("Serve only these models; others are a 404.")},
    {STR("key"), option_key, false, STR("KEY"), STR("Want this key as a bearer token; else 401.")},
};
enum { facts_count = sizeof facts / sizeof *facts };

struct mock_options mock_options_default(void) {
    return (struct mock_options){
        .fault = {.retry_after_ms = -1}, .fault_rate = 1, .seed = 1, .listen = STR("127.0.0.1:8081"), .control = true};
}

static const struct option_facts *mock_options_option_find(struct str name) {
    for (size_t i = 0; i < facts_count; i++)
        if (str_eq_nocase(facts[i].name, name)) return &facts[i];
    return NULL;
}

bool mock_option_is_switch(struct str name) {
    const struct option_facts *found = mock_options_option_find(name);
    return found && found->value.len == 0;
}

bool mock_option_describe(size_t index, struct str *name, struct str *value, struct str *sentence) {
    if (index >= facts_count) return false;
    *name = facts[index].name;
    *value = facts[index].value;
    *sentence = facts[index].sentence;
    return true;
}

static bool number_parse(struct str text, double most, double *number) {
    double parsed;
    if (!str_to_double(str_trim(text), &parsed) || parsed < 0 || parsed > most) return false;
    *number = parsed;
    return true;
}

static bool distribution_parse(struct str text, struct mock_latency *latency) {
    static const struct {
        struct str name;
        enum mock_latency_kind kind;
    } kinds[] = {{STR("normal"), mock_latency_normal},
                 {STR("lognormal"), mock_latency_lognormal},
                 {STR("uniform"), mock_latency_uniform}};
    size_t colon = str_find_byte(text, ':');
    if (colon == SIZE_MAX) return false;
    struct str numbers = str_slice(text, colon + 1, text.len);
    size_t comma = str_find_byte(numbers, ',');
    if (comma == SIZE_MAX) return false;
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        if (!str_eq(kinds[i].name, str_slice(text, 0, colon))) continue;
        struct mock_latency parsed = {.kind = kinds[i].kind};
        if (!number_parse(str_slice(numbers, 0, comma), latency_ms_max, &parsed.a)) return false;
        if (!number_parse(str_slice(numbers, comma + 1, numbers.len), latency_ms_max, &parsed.b)) return false;
        if (parsed.kind == mock_latency_uniform && parsed.b < parsed.a) return false;
        *latency = parsed;
        return true;
    }
    return false;
}

static bool flag_parse(struct str text, bool *flag) {
    *flag = text.len == 0 || str_eq(text, STR("1")) || str_eq_nocase(text, STR("true"));
    return *flag || str_eq(text, STR("0")) || str_eq_nocase(text, STR("false"));
}

static bool mock_options_value_set(struct mock_options *options, enum option option, struct str value,
                                   struct error *error, bool *known) {
    uint64_t whole;
    double number;
    *known = true;
    switch (option) {
    case option_listen: options->listen = value; return value.len > 0;
    case option_latency:
        if (!number_parse(value, latency_ms_max, &number)) return false;
        options->latency = (struct mock_latency){mock_latency_fixed, number, 0};
        return true;
    case option_latency_distribution: return distribution_parse(value, &options->latency);
    case option_rate: return number_parse(value, 1e9, &options->rate);
    case option_fault:
        *known = false; /* says by itself what is wrong */
        return mock_fault_parse(value, &options->fault, error);
    case option_fault_rate: return number_parse(value, 1, &options->fault_rate);
    case option_seed: return str_to_u64(value, &options->seed);
    case option_tokens:
        if (!str_to_u64(value, &whole) || whole > tokens_max) return false;
        options->tokens = (int64_t)whole;
        return true;
    case option_echo: return flag_parse(value, &options->echo);
    case option_lenient: return flag_parse(value, &options->lenient);
    case option_models: options->models = value; return value.len > 0;
    case option_key: options->key = value; return value.len > 0;
    }
    return false;
}

bool mock_options_set(struct mock_options *options, struct str name, struct str value, enum mock_source source,
                      struct error *error) {
    const struct option_facts *found = mock_options_option_find(name);
    bool plain;
    if (!found || (source == mock_source_request && !found->in_request))
        return error_set(error, error_invalid_request, "The mock has no option \"%.*s\"%s.",
                         STR_ARG(str_slice(name, 0, 40)), found ? " for one request" : "");
    if (mock_options_value_set(options, found->option, value, error, &plain)) return true;
    if (!plain) return false;
    return error_set(error, error_invalid_request, "\"%.*s\" is no value for the mock's option \"%.*s\" (%.*s).",
                     STR_ARG(str_slice(value, 0, 40)), STR_ARG(found->name), STR_ARG(found->value));
}

bool mock_options_headers(struct mock_options *options, const struct http_header *headers, size_t count,
                          struct error *error) {
    const struct str prefix = STR("x-mock-");
    for (size_t i = 0; i < count; i++) {
        if (!str_starts_nocase(headers[i].name, prefix)) continue;
        struct str name = str_slice(headers[i].name, prefix.len, headers[i].name.len);
        if (!mock_options_set(options, name, headers[i].value, mock_source_request, error)) return false;
    }
    return true;
}

bool mock_options_prompt(struct mock_options *options, struct str *text, struct error *error) {
    const struct str opening = STR("[mock ");
    size_t close = str_find_byte(*text, ']');
    if (!str_starts(*text, opening) || close == SIZE_MAX) return true;
    struct str rest = str_slice(*text, opening.len, close), piece;
    while (str_split_next(&rest, ' ', &piece)) {
        size_t equals = str_find_byte(piece, '=');
        if (piece.len == 0) continue;
        struct str value = equals == SIZE_MAX ? STR("") : str_slice(piece, equals + 1, piece.len);
        if (!mock_options_set(options, str_slice(piece, 0, equals), value, mock_source_request, error)) return false;
    }
    *text = str_trim(str_slice(*text, close + 1, text->len));
    return true;
}

/* Box and Muller's transform. */
static double normal_draw(struct prng *prng) {
    double u = 1 - prng_unit(prng), v = prng_unit(prng);
    return sqrt(-2 * log(u)) * cos(6.283185307179586 * v);
}

uint64_t mock_latency_draw_ns(const struct mock_latency *latency, struct prng *prng) {
    double ms = latency->a;
    if (latency->kind == mock_latency_normal) ms = latency->a + latency->b * normal_draw(prng);
    if (latency->kind == mock_latency_lognormal) ms = latency->a * exp(latency->b * normal_draw(prng));
    if (latency->kind == mock_latency_uniform) ms = latency->a + (latency->b - latency->a) * prng_unit(prng);
    if (!(ms > 0)) return 0;
    return (uint64_t)((ms < latency_ms_max ? ms : latency_ms_max) * (double)NS_PER_MS);
}
