/* traffic_test.c - recorded exchanges with real providers: usage, errors and events are read as a full JSON reader
 * reads them, wherever reads cut a stream. The folder is named by WEIR_TRAFFIC, or lies beside the project; else this
 * is skipped. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/prng.h"
#include "dialect/json.h"
#include "dialect/openai/openai.h"
#include "dialect/skim.h"
#include "dialect/sse.h"

static char folder[512];
static size_t replies, streams, errors, requests;

/* Who speaks OpenAI's form, and of what. */
static bool is_ours(const char *name) {
    static const char *const who[] = {"openai",     "groq",        "mistral", "deepseek", "xai",        "together",
                                      "openrouter", "huggingface", "azure",   "cerebras", "perplexity", "zai"};
    static const char *const what[] = {"-chat-", "-completions-", "-embed-"};
    for (size_t i = 0; i < sizeof who / sizeof *who; i++)
        for (size_t k = 0; k < sizeof what / sizeof *what; k++)
            if (strncmp(name, who[i], strlen(who[i])) == 0 &&
                strncmp(name + strlen(who[i]), what[k], strlen(what[k])) == 0)
                return true;
    return false;
}

static struct json *file_parse(const char *name) {
    char path[1024];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    size_t size = 8 << 20;
    char *bytes = malloc(size);
    size_t len = fread(bytes, 1, size, file);
    fclose(file);
    const char *problem;
    size_t at;
    struct json *json = json_parse(str_make(bytes, len), &problem, &at);
    free(bytes);
    return json;
}

/* What a full reader finds in a usage object. */
static void usage_check(const char *name, const struct json_value *said, const struct usage *usage) {
    if (!said || json_i64(json_member(said, "prompt_tokens"), -1) < 0) return;
    int64_t input = json_i64(json_member(said, "prompt_tokens"), -1),
            output = json_i64(json_member(said, "completion_tokens"), -1);
    int64_t total = json_i64(json_member(said, "total_tokens"), -1);
    int64_t cached = json_i64(json_member(json_member(said, "prompt_tokens_details"), "cached_tokens"), -1);
    int64_t reasoning = json_i64(json_member(json_member(said, "completion_tokens_details"), "reasoning_tokens"), -1);
    if (usage->input_tokens != input) fail_msg("%s: input %lld", name, (long long)usage->input_tokens);
    if (usage->output_tokens != output && usage->output_tokens != total - input)
        fail_msg("%s: output %lld", name, (long long)usage->output_tokens);
    if (cached >= 0 && usage->cached_input_tokens != cached)
        fail_msg("%s: cached %lld", name, (long long)usage->cached_input_tokens);
    if (reasoning >= 0 && usage->reasoning_tokens != reasoning)
        fail_msg("%s: reasoning %lld", name, (long long)usage->reasoning_tokens);
}

static void reply_check(const char *name, struct str body) {
    struct usage usage = USAGE_NONE;
    bool is_error;
    const char *problem;
    size_t at;
    if (!openai_skim_reply(body, &usage, &is_error)) { /* Hugging Face's own embeddings are a bare array */
        if (str_trim(body).at[0] == '[') return;
        fail_msg("%s: not read", name);
    }
    struct json *json = json_parse(body, &problem, &at);
    bool says_error = json_count(json_member(json_root(json), "error")) > 0;
    if (is_error != says_error) fail_msg("%s: %s for an error", name, is_error ? "taken" : "not taken");
    usage_check(name, json_member(json_root(json), "usage"), &usage);
    json_free(json);
    replies++;
}

static void error_check(const char *name, struct str body, struct arena *arena) {
    struct openai_error error;
    openai_skim_error(body, arena, &error);
    if (error.message.len == 0 && str_trim(body).len > 0) fail_msg("%s: says nothing", name);
    if (str_find_byte(error.message, '{') == 0) fail_msg("%s: %.*s", name, STR_ARG(error.message));
    errors++;
}

struct told {
    uint64_t hash; /* of kinds and data */
    size_t kinds[openai_event_malformed + 1];
    struct usage usage;
};

static void feed(struct sse *sse, struct arena *arena, struct str bytes, struct told *told) {
    struct sse_event event;
    sse_feed(sse, bytes);
    for (enum sse_result result; (result = sse_next(sse, arena, &event)) != sse_more;) {
        assert_int_equal(result, sse_got_event);
        if (event.comment_only) continue;
        enum openai_event_kind kind = openai_skim_event(event.event, event.data, &told->usage);
        told->kinds[kind]++;
        told->hash = told->hash * 1000003 + str_hash(event.data) + (uint64_t)kind;
    }
    arena_reset(arena);
}

static struct told cut_read(struct str stream, struct arena *arena, const size_t *cuts, size_t count) {
    struct told told = {.usage = USAGE_NONE};
    struct sse sse;
    size_t at = 0;
    sse_init(&sse);
    for (size_t i = 0; i < count; i++) {
        feed(&sse, arena, str_slice(stream, at, cuts[i]), &told);
        at = cuts[i];
    }
    feed(&sse, arena, str_slice(stream, at, stream.len), &told);
    assert_int_equal(sse_pending(&sse), 0);
    sse_free(&sse);
    return told;
}

/* The last usage that a full reader finds in the stream's lines. */
static void stream_usage_check(const char *name, struct str stream, const struct usage *usage) {
    struct str line;
    struct json *last = NULL;
    while (str_split_next(&stream, '\n', &line)) {
        const char *problem;
        size_t at;
        if (!str_starts(line, STR("data:"))) continue;
        struct json *json = json_parse(str_trim(str_slice(line, 5, line.len)), &problem, &at);
        if (json && json_count(json_member(json_root(json), "usage")) > 0) {
            json_free(last);
            last = json;
        } else {
            json_free(json);
        }
    }
    if (last) usage_check(name, json_member(json_root(last), "usage"), usage);
    json_free(last);
}

static void stream_check(const char *name, struct str stream, struct arena *arena, struct prng *prng) {
    struct told whole = cut_read(stream, arena, NULL, 0);
    size_t cuts[8];
    bool broken = whole.kinds[openai_event_error] > 0;
    if (whole.kinds[openai_event_malformed]) fail_msg("%s: an event was not read", name);
    /* Perplexity sends no [DONE] */
    if (!broken && (whole.kinds[openai_event_finish] == 0 || whole.kinds[openai_event_done] > 1))
        fail_msg("%s: no end", name);
    stream_usage_check(name, stream, &whole.usage);
    bool small = stream.len <= 8192;
    for (size_t i = 0; i < (small ? stream.len : 200); i++) {
        size_t count = small ? 1 : 8, from = 0;
        for (size_t k = 0; k < count; k++) {
            from += (size_t)prng_below(prng, (stream.len - from) / 2 + 1);
            cuts[k] = small ? i : from;
        }
        struct told told = cut_read(stream, arena, cuts, count);
        if (memcmp(&told, &whole, sizeof told) != 0) fail_msg("%s: cut at %zu gives other events", name, cuts[0]);
    }
    streams++;
}

static void request_check(const char *name, const struct json_value *body, struct str text, struct arena *arena) {
    struct openai_request request;
    struct error error;
    struct str model = json_str(json_member(body, "model"), STR(""));
    if (model.len == 0 || text.len == 0) return;
    if (!openai_skim_request(text, endpoint_chat, arena, &request, &error, NULL))
        fail_msg("%s: %s", name, error.message);
    assert_true(str_eq(request.model, model));
    assert_int_equal(request.stream, json_bool(json_member(body, "stream"), false));
    assert_int_equal(request.has_tools, json_count(json_member(body, "tools")) > 0);
    requests++;
}

/* The bytes of the member "body" of the exchange's "request", as they stand in the file. */
static struct str request_text(const char *name, char **owned) {
    char path[1024];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    size_t size = 8 << 20;
    *owned = malloc(size);
    struct str bytes = str_make(*owned, fread(*owned, 1, size, file));
    fclose(file);
    struct skim skim;
    struct str top = STR("");
    skim_begin(&skim, bytes, 2);
    for (struct skim_token token = skim_next(&skim); token.kind > skim_error; token = skim_next(&skim)) {
        if (token.depth == 1) top = token.key;
        if (token.depth == 2 && token.kind == skim_object && str_eq(top, STR("request")) &&
            skim_is(token.key, STR("body")))
            return token.value;
    }
    return STR("");
}

static void exchange_check(const char *name, struct arena *arena, struct prng *prng) {
    struct json *json = file_parse(name);
    assert_non_null(json);
    const struct json_value *response = json_member(json_root(json), "response");
    struct str body = json_str(json_member(response, "body"), STR("")),
               framing = json_str(json_member(response, "framing"), STR(""));
    char *owned;
    struct str sent = request_text(name, &owned);
    request_check(name, json_member(json_member(json_root(json), "request"), "body"), sent, arena);
    free(owned);
    if (json_i64(json_member(response, "status"), 0) >= 400)
        error_check(name, body, arena);
    else if (str_eq(framing, STR("sse")))
        stream_check(name, body, arena, prng);
    else if (str_eq(framing, STR("json")) && body.len)
        reply_check(name, body);
    arena_reset(arena);
    json_free(json);
}

static bool folder_find(void) {
    const char *said = getenv("WEIR_TRAFFIC"), *root = getenv("WEIR_SOURCE_ROOT");
    snprintf(folder, sizeof folder, "%s%s", said ? said : root ? root : ".", said ? "" : "/../shared/traffic");
    DIR *found = opendir(folder);
    if (found) closedir(found);
    return found != NULL;
}

static void recorded_exchanges_are_read_right(void **state) {
    (void)state;
    if (!folder_find()) {
        print_message("no recorded traffic here (WEIR_TRAFFIC names its folder): skipped\n");
        skip();
    }
    struct arena arena;
    struct prng prng;
    arena_init(&arena, 64 * 1024, 64 << 20);
    prng_seed(&prng, 7);
    DIR *entries = opendir(folder);
    for (struct dirent *entry; (entry = readdir(entries));)
        if (is_ours(entry->d_name)) exchange_check(entry->d_name, &arena, &prng);
    closedir(entries);
    arena_free(&arena);
    print_message("%zu replies, %zu streams, %zu errors, %zu requests\n", replies, streams, errors, requests);
    assert_true(replies > 0 && streams > 0 && errors > 0 && requests > 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(recorded_exchanges_are_read_right)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
