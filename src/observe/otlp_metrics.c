/* otlp_metrics.c - what /metrics shows, once more in OTLP's JSON. It reads the exposition that prometheus.c has just
 * written, line by line, so that no family can be in one of the two and not in the other. */
#include "base/check.h"
#include "observe/otlp.h"
#include "observe/otlp_names.h"

struct otlp_family {
    struct str name, help, type, lines;
};

/* A name that the conventions have for it; all zero: its own. */
struct otlp_also {
    struct str name, direction;
    bool legacy, mapped;
};

struct otlp_line {
    struct str name, labels, value;
};

struct otlp_times {
    int64_t started_ns, now_ns;
};

static bool otlp_line_next(struct str *lines, struct otlp_line *line) {
    struct str text;
    if (!str_split_next(lines, '\n', &text) || !text.len) return false;
    size_t open = str_find_byte(text, '{'), blank = text.len;
    while (blank > 0 && text.at[blank - 1] != ' ') blank--;
    CHECKF(blank > 1, "%.*s", STR_ARG(text));
    bool has = open < blank;
    line->name = str_slice(text, 0, has ? open : blank - 1);
    line->labels = has ? str_slice(text, open + 1, blank - 2) : STR("");
    line->value = str_slice(text, blank, text.len);
    return true;
}

/* The next label of the line; its value with the escapes taken out, in the buffer. */
static bool otlp_label_next(struct str *labels, struct str *name, struct text *value) {
    size_t is = str_find_byte(*labels, '='), at = is + 2;
    value->len = 0;
    if (is == SIZE_MAX) return false;
    *name = str_slice(*labels, labels->at[0] == ',' ? 1 : 0, is);
    for (; at < labels->len && labels->at[at] != '"'; at++) {
        char c = labels->at[at];
        if (c == '\\' && at + 1 < labels->len) c = labels->at[++at] == 'n' ? '\n' : labels->at[at];
        text_put_byte(value, c);
    }
    *labels = str_slice(*labels, at + 1, labels->len);
    return true;
}

static bool otlp_label_is(struct str labels, struct str wanted, struct str is) {
    char bytes[1024];
    struct text value = text_in_buffer(bytes, sizeof bytes);
    struct str name;
    while (otlp_label_next(&labels, &name, &value))
        if (str_eq(name, wanted)) return str_eq(text_str(&value), is);
    return false;
}

static void otlp_label_put(struct text *text, const struct otlp_also *also, struct str name, struct str value) {
    char key[64];
    str_copy(key, sizeof key, name);
    if (also->mapped && str_eq(name, STR("model"))) {
        otlp_str(text, "gen_ai.request.model", value);
    } else if (also->mapped && str_eq(name, STR("provider"))) {
        otlp_str(text, also->legacy ? "gen_ai.system" : "gen_ai.provider.name",
                 otlp_provider_name(value, also->legacy));
        otlp_str(text, "weir.provider", value);
    } else if (!also->mapped || !str_eq(name, STR("direction"))) {
        otlp_str(text, key, value);
    }
}

static void otlp_labels_put(struct text *text, const struct otlp_also *also, struct str labels) {
    char bytes[1024];
    struct text value = text_in_buffer(bytes, sizeof bytes);
    struct str name;
    text_json_key(text, STR("attributes"));
    text_put_byte(text, '[');
    while (otlp_label_next(&labels, &name, &value)) {
        if (!str_eq(name, STR("le"))) otlp_label_put(text, also, name, text_str(&value));
        value = text_in_buffer(bytes, sizeof bytes);
    }
    text_put_byte(text, ']');
}

static void otlp_point_begin(struct text *text, const struct otlp_also *also, struct str labels,
                             const struct otlp_times *times, bool since) {
    text_json_comma(text);
    text_put_byte(text, '{');
    otlp_labels_put(text, also, labels);
    if (since) text_printf(text, ",\"startTimeUnixNano\":\"%lld\"", (long long)times->started_ns);
    text_printf(text, ",\"timeUnixNano\":\"%lld\"", (long long)times->now_ns);
}

static void otlp_number_put(struct text *text, const struct otlp_also *also, const struct otlp_line *line,
                            const struct otlp_times *times, bool since) {
    otlp_point_begin(text, also, line->labels, times, since);
    if (str_find_byte(line->value, '.') == SIZE_MAX)
        text_printf(text, ",\"asInt\":\"%.*s\"}", STR_ARG(line->value));
    else
        text_printf(text, ",\"asDouble\":%.*s}", STR_ARG(line->value));
}

/* Its buckets (each with those below it in the exposition, alone here), then its sum and count. */
static void otlp_histogram_put(struct text *text, const struct otlp_also *also, struct otlp_line line, struct str *rest,
                               const struct otlp_times *times) {
    enum { buckets_most = 64 };
    uint64_t counts[buckets_most], below = 0, value = 0;
    size_t count = 0;
    otlp_point_begin(text, also, line.labels, times, true);
    text_put(text, STR(",\"explicitBounds\":["));
    do {
        size_t le = str_find(line.labels, STR("le=\""));
        CHECKF(count < buckets_most && le != SIZE_MAX && str_to_u64(line.value, &value), "%.*s", STR_ARG(line.name));
        struct str bound = str_slice(line.labels, le + 4, line.labels.len - 1);
        counts[count++] = value - below;
        below = value;
        if (str_eq(bound, STR("+Inf"))) break;
        text_json_comma(text);
        text_put(text, bound);
    } while (otlp_line_next(rest, &line));
    text_put(text, STR("],\"bucketCounts\":["));
    for (size_t i = 0; i < count; i++) text_printf(text, "%s\"%llu\"", i ? "," : "", (unsigned long long)counts[i]);
    CHECK(otlp_line_next(rest, &line) && str_ends(line.name, STR("_sum")));
    text_printf(text, "],\"sum\":%.*s", STR_ARG(line.value));
    CHECK(otlp_line_next(rest, &line) && str_ends(line.name, STR("_count")));
    text_printf(text, ",\"count\":\"%.*s\"}", STR_ARG(line.value));
}

/* Answers how many points it has; without any it is not said at all. */
static size_t otlp_family_put(struct text *text, const struct otlp_family *family, const struct otlp_also *also,
                              const struct otlp_times *times) {
    bool counter = str_eq(family->type, STR("counter")), histogram = str_eq(family->type, STR("histogram"));
    struct str lines = family->lines, name = also->mapped ? also->name : family->name;
    struct otlp_line line;
    size_t points = 0, before = text->len;
    text_json_comma(text);
    text_put_byte(text, '{');
    text_json_str(text, STR("name"), name);
    text_json_str(text, STR("description"), family->help);
    if (str_ends(family->name, STR("_seconds"))) text_json_str(text, STR("unit"), STR("s"));
    text_json_key(text, histogram ? STR("histogram") : counter ? STR("sum") : STR("gauge"));
    text_put_byte(text, '{');
    if (histogram || counter) text_json_u64(text, STR("aggregationTemporality"), 2); /* cumulative */
    if (counter) text_json_bool(text, STR("isMonotonic"), true);
    text_json_key(text, STR("dataPoints"));
    text_put_byte(text, '[');
    while (otlp_line_next(&lines, &line)) {
        if (also->direction.len && !otlp_label_is(line.labels, STR("direction"), also->direction)) continue;
        if (histogram)
            otlp_histogram_put(text, also, line, &lines, times);
        else
            otlp_number_put(text, also, &line, times, counter);
        points++;
    }
    text_put(text, STR("]}}"));
    if (!points) text->len = before;
    return points;
}

/* Once more under the conventions' names, where they have some. */
static size_t otlp_family_also(struct text *text, const struct otlp_rules *rules, const struct otlp_family *family,
                               const struct otlp_times *times) {
    static const struct {
        const char *family, *direction, *legacy, *now;
    } table[] = {
#define X(family, direction, legacy, now) {family, direction, legacy, now},
        OTLP_METRICS(X)
#undef X
    };
    size_t points = 0;
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct otlp_also also = {.mapped = true, .direction = str_from(table[i].direction)};
        if (!str_eq(family->name, str_from(table[i].family))) continue;
        also.name = rules->semconv == otlp_legacy ? STR("") : str_from(table[i].now);
        if (also.name.len) points += otlp_family_put(text, family, &also, times);
        also.legacy = true;
        also.name = rules->semconv == otlp_now ? STR("") : str_from(table[i].legacy);
        if (also.name.len) points += otlp_family_put(text, family, &also, times);
    }
    return points;
}

/* Its two lines of comment, and what stands up to the next ones. */
static bool otlp_family_next(struct str *rest, struct otlp_family *family) {
    struct str help, type, lines;
    if (!str_split_next(rest, '\n', &help) || !str_starts(help, STR("# HELP ")) || !str_split_next(rest, '\n', &type))
        return false;
    help = str_slice(help, 7, help.len);
    size_t blank = str_find_byte(help, ' '), next = str_find(*rest, STR("# HELP "));
    family->name = str_slice(help, 0, blank);
    family->help = str_slice(help, blank + 1, help.len);
    family->type = str_slice(type, 7 + family->name.len + 1, type.len);
    while (next != SIZE_MAX && next > 0 && rest->at[next - 1] != '\n') { /* a label may say anything */
        size_t more = str_find(str_slice(*rest, next + 1, rest->len), STR("# HELP "));
        next = more == SIZE_MAX ? SIZE_MAX : next + 1 + more;
    }
    lines = next == SIZE_MAX ? *rest : str_slice(*rest, 0, next);
    family->lines = lines;
    *rest = str_slice(*rest, lines.len, rest->len);
    return true;
}

size_t otlp_metrics_put(struct text *text, const struct otlp_rules *rules, struct str exposition, int64_t started_ns,
                        int64_t now_ns) {
    const struct otlp_times times = {started_ns, now_ns};
    const struct otlp_also own = {.mapped = false};
    struct otlp_family family;
    size_t points = 0;
    text_put(text, STR("{\"resourceMetrics\":[{"));
    otlp_resource_put(text, rules);
    text_put(text, STR(",\"scopeMetrics\":[{"));
    otlp_scope_put(text, rules);
    text_put(text, STR(",\"metrics\":["));
    while (otlp_family_next(&exposition, &family)) {
        points += otlp_family_put(text, &family, &own, &times);
        points += otlp_family_also(text, rules, &family, &times);
    }
    text_put(text, STR("]}]}]}"));
    return points;
}
