/* batch_line.c - see batch_line.h. */
#include "runtime/batch_line.h"

#include "base/check.h"

/* The object under "body" as it stands in the line. */
static bool batch_body_find(struct str line, struct str *body) {
    unsigned depth = 0;
    bool in_string = false;
    size_t from = SIZE_MAX, key_at = 0;
    for (size_t i = 0; i < line.len; i++) {
        char c = line.at[i];
        if (in_string) {
            if (c == '\\') i++;
            if (c == '"') {
                in_string = false;
                if (depth == 1 && str_eq(str_slice(line, key_at, i + 1), STR("\"body\"")) && from == SIZE_MAX) {
                    size_t colon = i + 1;
                    while (colon < line.len && (line.at[colon] == ' ' || line.at[colon] == '\t')) colon++;
                    if (colon < line.len && line.at[colon] == ':') from = colon + 1;
                }
            }
        } else if (c == '"') {
            in_string = true;
            key_at = i;
        } else if (c == '{' || c == '[') {
            depth++;
        } else if (c == '}' || c == ']') {
            depth--;
            if (depth == 1 && from != SIZE_MAX) {
                *body = str_trim(str_slice(line, from, i + 1));
                return true;
            }
        }
    }
    return false;
}

const char *batch_line_problem(const struct json_value *root, struct str line, struct str *body) {
    const struct json_value *content = json_member(root, "body");
    if (json_kind(root) != json_object) return "it is not a JSON object";
    if (json_kind(json_member(root, "custom_id")) != json_string) return "it has no custom_id";
    if (!str_eq(json_str(json_member(root, "method"), STR("POST")), STR("POST"))) return "its method is not POST";
    if (json_kind(json_member(root, "url")) != json_string) return "it has no url";
    if (json_kind(content) != json_object || !batch_body_find(line, body)) return "its body is not a JSON object";
    if (json_bool(json_member(content, "stream"), false)) return "a batch does not stream: leave `stream` out";
    return NULL;
}

bool batch_may_pass(int status, struct str code) {
    static const struct str codes[] = {
        STR("rate_limited"),         STR("too_many_in_flight"), STR("overloaded"),   STR("no_provider_available"),
        STR("upstream_unreachable"), STR("upstream_timeout"),   STR("out_of_memory")};
    if (status == 408 || status == 429 || status >= 500) return true;
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++)
        if (str_eq(code, codes[i])) return true;
    return false;
}

uint64_t batch_told_ms(struct str reply) {
    const char *problem;
    size_t at;
    struct json *json = json_parse(reply, &problem, &at);
    const struct json_value *said = json_member(json_member(json_root(json), "error"), "weir");
    int64_t told = json_i64(json_member(said, "retry_after_ms"), 0);
    json_free(json);
    return told > 0 && told <= 10 * batch_backoff_ms_max ? (uint64_t)told : 0;
}

double batch_parallel_next(double parallel, unsigned most, bool failed, int status) {
    bool overloaded = failed && (status == 429 || status == 503 || status == 529);
    double next = overloaded ? parallel / 2 : parallel + 1 / parallel;
    if (next < 1) next = 1;
    if (next > most) next = most;
    CHECKF(next >= 1, "parallel=%f", next); /* 0 would never send anything again */
    return next;
}
