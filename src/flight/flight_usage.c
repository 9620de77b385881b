/* flight_usage.c - the counts of a reply that was passed on and not held: a whole one ends, as a rule, in its usage,
 * and a stream's last events tell it. Each object `"usage":{...}` or `"usageMetadata":{...}` in the end that was kept
 * is read as the provider's dialect says it, the later over the earlier: cached tokens are beside the input in one,
 * inside it in another. A text that quotes such an object has its quotes escaped, and is none. */
#include "dialect/anthropic/anthropic.h"
#include "dialect/gemini/gemini.h"
#include "dialect/openai/openai.h"
#include "flight/flight_internal.h"

/* The object that is the value of the key whose quote opens at `at`; {NULL,0}: it has none, or another key. */
static struct str usage_object(struct str tail, size_t at) {
    static const struct str keys[] = {STR("\"usage\""), STR("\"usageMetadata\"")};
    size_t from = 0, depth = 0;
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        if (str_starts(str_slice(tail, at, tail.len), keys[i])) from = at + keys[i].len;
    if (!from || (at > 0 && tail.at[at - 1] == '\\')) return STR_NONE;
    while (from < tail.len && (tail.at[from] == ' ' || tail.at[from] == ':' || tail.at[from] == '\n')) from++;
    if (from == tail.len || tail.at[from] != '{') return STR_NONE;
    for (size_t end = from; end < tail.len; end++) { /* no string of it holds a brace */
        depth += tail.at[end] == '{';
        depth -= tail.at[end] == '}';
        if (depth == 0) return str_slice(tail, from, end + 1);
    }
    return STR_NONE;
}

static void usage_object_read(struct flight *flight, struct attempt *attempt, struct str object, bool metadata) {
    struct arena *scratch = flight->host->scratch;
    struct usage usage = USAGE_NONE;
    struct meter meter = {.said = false};
    const char *problem;
    size_t where;
    bool is_error;
    const struct json_value *said = json_parse_in(scratch, object, &problem, &where);
    bool beside =
        attempt->target->provider->dialect == dialect_anthropic || json_member(said, "cache_read_input_tokens");
    usage.meter = &meter;
    if (metadata)
        gemini_read_usage(said, scratch, &usage);
    else if (beside)
        anthropic_read_usage(said, scratch, &usage);
    else
        openai_skim_reply(arena_printf(scratch, "{\"usage\":%.*s}", STR_ARG(object)), &usage, &is_error);
    if (!usage_is_known(&usage)) { /* Ollama's */
        usage.input_tokens = json_tokens(said, "prompt_eval_count");
        usage.output_tokens = json_tokens(said, "eval_count");
    }
    usage_merge(&attempt->usage, &usage);
}

void usage_of_tail(struct flight *flight, struct attempt *attempt) {
    struct str tail = str_make(attempt->reply.tail, attempt->reply.tail_len);
    for (size_t at = 0, found; (found = str_find(str_slice(tail, at, tail.len), STR("\"usage"))) != SIZE_MAX;) {
        struct str object = usage_object(tail, at + found);
        bool metadata = str_starts(str_slice(tail, at + found, tail.len), STR("\"usageMetadata"));
        if (object.at) usage_object_read(flight, attempt, object, metadata);
        at += found + 1 + object.len;
    }
}
