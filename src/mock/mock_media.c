/* mock_media.c - see mock_media.h. Must never do I/O; keeps: equal inputs give equal vectors and scores. */
#include "mock/mock_media.h"

#include <math.h>

#include "base/base64.h"
#include "base/prng.h"

enum { dimensions_default = 1536, dimensions_max = 8192, inputs_max = 2048, documents_max = 1000, audio_bytes = 4096 };

/* One grey pixel. */
static const struct str png =
    STR("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg==");

/* -- models -- */

static struct str models_or_own(struct str models) {
    return models.len ? models : STR("mock,mock-small,mock-large,mock-reason,text-embedding-mock,text-embedding-words");
}

void mock_model_write(struct text *text, struct str model, int64_t created_s) {
    text_put_byte(text, '{');
    text_json_str(text, STR("id"), model);
    text_json_str(text, STR("object"), STR("model"));
    text_json_i64(text, STR("created"), created_s);
    text_json_str(text, STR("owned_by"), STR("mock"));
    text_put_byte(text, '}');
}

void mock_models_write(struct text *text, struct str models, int64_t created_s) {
    struct str rest = models_or_own(models), model;
    text_put(text, STR("{\"object\":\"list\",\"data\":["));
    while (str_split_next(&rest, ',', &model)) {
        text_json_comma(text);
        mock_model_write(text, str_trim(model), created_s);
    }
    text_put(text, STR("]}"));
}

bool mock_model_known(struct str models, struct str model) {
    struct str rest = models, at;
    if (models.len == 0) return true;
    while (str_split_next(&rest, ',', &at))
        if (str_eq(str_trim(at), model)) return true;
    return false;
}

/* -- embeddings -- */

static void vector_make(uint64_t seed, size_t dimensions, float *vector) {
    struct prng prng;
    double square = 0;
    prng_seed(&prng, seed);
    for (size_t i = 0; i < dimensions; i++) {
        vector[i] = (float)(prng_unit(&prng) - 0.5);
        square += (double)vector[i] * (double)vector[i];
    }
    for (size_t i = 0; i < dimensions; i++) vector[i] = (float)((double)vector[i] / sqrt(square));
}

/* Of the model whose texts are near where they share words: the sum of their words' vectors. */
static void vector_of_words(struct str words, size_t dimensions, float *vector) {
    float one[dimensions_max];
    struct str word;
    double square = 0;
    for (size_t i = 0; i < dimensions; i++) vector[i] = 0;
    while (str_split_next(&words, ' ', &word)) {
        uint64_t seed = 14695981039346656037u;
        for (size_t i = 0; i < word.len; i++) {
            const char c = word.at[i] >= 'A' && word.at[i] <= 'Z' ? (char)(word.at[i] | 0x20) : word.at[i];
            if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9')) seed = (seed ^ (unsigned char)c) * 1099511628211u;
        }
        vector_make(seed, dimensions, one);
        for (size_t i = 0; i < dimensions; i++) vector[i] += one[i];
    }
    for (size_t i = 0; i < dimensions; i++) square += (double)vector[i] * (double)vector[i];
    for (size_t i = 0; i < dimensions && square > 0; i++) vector[i] = (float)((double)vector[i] / sqrt(square));
}

static void vector_write(struct text *text, size_t index, uint64_t seed, struct str words, size_t dimensions,
                         bool base64) {
    float vector[dimensions_max];
    if (words.len)
        vector_of_words(words, dimensions, vector);
    else
        vector_make(seed, dimensions, vector);
    text_json_comma(text);
    text_put(text, STR("{\"object\":\"embedding\""));
    text_json_u64(text, STR("index"), index);
    text_json_key(text, STR("embedding"));
    if (base64) {
        text_put_byte(text, '"');
        base64_put(text,
                   str_make((const char *)vector, dimensions * sizeof *vector)); /* little endian, as the API says */
        text_put_byte(text, '"');
    } else {
        text_put_byte(text, '[');
        for (size_t i = 0; i < dimensions; i++) text_printf(text, i ? ",%.8g" : "%.8g", (double)vector[i]);
        text_put_byte(text, ']');
    }
    text_put_byte(text, '}');
}

/* A string, or an array of token numbers. */
static uint64_t input_seed(const struct json_value *input) {
    uint64_t seed = str_hash(json_str(input, STR("")));
    size_t place = 0;
    for (const struct json_value *at; (at = json_each(input, &place, NULL));)
        seed = seed * 31 + (uint64_t)json_i64(at, 0);
    return seed;
}

static bool fail(const char *name, const char *message, struct error *error, struct str *param) {
    *param = str_from(name);
    return error_set(error, error_invalid_request, "%s", message);
}

static bool embeddings_write(struct text *text, const struct json_value *root, size_t body_len, struct error *error,
                             struct str *param) {
    const struct json_value *input = json_member(root, "input");
    int64_t dimensions = json_i64(json_member(root, "dimensions"), dimensions_default);
    bool base64 = str_eq(json_str(json_member(root, "encoding_format"), STR("float")), STR("base64"));
    bool single = json_str(input, STR_NONE).at != NULL;
    bool by_words = str_eq(json_str(json_member(root, "model"), STR("")), STR("text-embedding-words"));
    size_t place = 0;
    const struct json_value *first = json_each(input, &place, NULL);
    if (!input) return fail("input", "Missing required parameter: 'input'.", error, param);
    if (!single && !first) return fail("input", "Invalid value for 'input': it must not be empty.", error, param);
    if (dimensions < 1 || dimensions > dimensions_max)
        return fail("dimensions", "Invalid value for 'dimensions': 1 to 8192.", error, param);
    if (json_count(input) > inputs_max && json_str(first, STR_NONE).at)
        return fail("input", "At most 2048 inputs.", error, param);
    text_put(text, STR("{\"object\":\"list\",\"data\":["));
    if (single ||
        (json_str(first, STR_NONE).at == NULL && json_count(first) == 0)) { /* one text, or one array of tokens */
        vector_write(text, 0, input_seed(input), by_words ? json_str(input, STR("")) : STR(""), (size_t)dimensions,
                     base64);
    } else {
        size_t index = 0;
        place = 0;
        for (const struct json_value *at; (at = json_each(input, &place, NULL)); index++)
            vector_write(text, index, input_seed(at), by_words ? json_str(at, STR("")) : STR(""), (size_t)dimensions,
                         base64);
    }
    text_put_byte(text, ']');
    text_json_str(text, STR("model"), json_str(json_member(root, "model"), STR("")));
    text_printf(text, ",\"usage\":{\"prompt_tokens\":%zu,\"total_tokens\":%zu}}", (body_len + 3) / 4,
                (body_len + 3) / 4);
    return true;
}

/* -- the rest -- */

static void moderation_write(struct text *text, const struct json_value *input) {
    static const char *const categories[] = {"harassment", "hate", "illicit", "self-harm", "sexual", "violence"};
    enum { count = sizeof categories / sizeof *categories };
    bool flagged = str_find(json_str(input, STR("")), STR("violence")) != SIZE_MAX;
    text_json_comma(text);
    text_printf(text, "{\"flagged\":%s,\"categories\":{", flagged ? "true" : "false");
    for (size_t i = 0; i < count; i++) text_json_bool(text, str_from(categories[i]), flagged && i == count - 1);
    text_put(text, STR("},\"category_scores\":{"));
    for (size_t i = 0; i < count; i++)
        text_printf(text, "%s\"%s\":%s", i ? "," : "", categories[i], flagged && i == count - 1 ? "0.98" : "0.0001");
    text_put(text, STR("}}"));
}

static bool moderations_write(struct text *text, const struct json_value *root, struct error *error,
                              struct str *param) {
    const struct json_value *input = json_member(root, "input");
    size_t place = 0;
    if (!input) return fail("input", "Missing required parameter: 'input'.", error, param);
    text_put_byte(text, '{');
    text_json_str(text, STR("id"), STR("modr-mock"));
    text_json_str(text, STR("model"), json_str(json_member(root, "model"), STR("omni-moderation-latest")));
    text_put(text, STR(",\"results\":["));
    if (json_str(input, STR_NONE).at)
        moderation_write(text, input);
    else
        for (const struct json_value *at; (at = json_each(input, &place, NULL));) moderation_write(text, at);
    text_put(text, STR("]}"));
    return true;
}

static void images_write(struct text *text, int64_t count, int64_t created_s) {
    text_put_byte(text, '{');
    text_json_i64(text, STR("created"), created_s);
    text_put(text, STR(",\"data\":["));
    for (int64_t i = 0; i < count && i < 10; i++) {
        text_json_comma(text);
        text_put_byte(text, '{');
        text_json_str(text, STR("b64_json"), png);
        text_put_byte(text, '}');
    }
    text_put(text, STR("],\"usage\":{\"input_tokens\":10,\"output_tokens\":100,\"total_tokens\":110,"
                       "\"input_tokens_details\":{\"text_tokens\":10,\"image_tokens\":0}}}"));
}

static bool speech_write(struct text *text, const struct json_value *root, struct str *content_type,
                         struct error *error, struct str *param) {
    static const struct {
        struct str format, content_type;
    } types[] = {{STR("mp3"), STR("audio/mpeg")}, {STR("wav"), STR("audio/wav")},   {STR("opus"), STR("audio/opus")},
                 {STR("aac"), STR("audio/aac")},  {STR("flac"), STR("audio/flac")}, {STR("pcm"), STR("audio/pcm")}};
    struct str format = json_str(json_member(root, "response_format"), STR("mp3"));
    struct prng prng;
    if (!json_member(root, "input")) return fail("input", "Missing required parameter: 'input'.", error, param);
    *content_type = STR("");
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (str_eq(types[i].format, format)) *content_type = types[i].content_type;
    if (content_type->len == 0) return fail("response_format", "Invalid value for 'response_format'.", error, param);
    prng_seed(&prng, str_hash(json_str(json_member(root, "input"), STR(""))));
    for (size_t i = 0; i < audio_bytes; i++)
        text_put_byte(text, (char)(prng_next(&prng) & 0xff)); /* noise of every byte value */
    return true;
}

static bool rerank_write(struct text *text, const struct json_value *root, struct error *error, struct str *param) {
    const struct json_value *documents = json_member(root, "documents");
    int64_t count = (int64_t)json_count(documents);
    int64_t most = json_i64(json_member(root, "top_n"), count);
    if (!json_member(root, "query")) return fail("query", "Missing required parameter: 'query'.", error, param);
    if (count == 0 || count > documents_max)
        return fail("documents", "1 to 1000 documents are expected.", error, param);
    text_put(text, STR("{\"id\":\"rerank-mock\",\"results\":["));
    for (int64_t i = 0; i < count && i < most; i++) {
        text_json_comma(text);
        text_printf(text, "{\"index\":%lld,\"relevance_score\":%.4f}", (long long)i, 1.0 / (double)(i + 1));
    }
    text_put(text, STR("],\"meta\":{\"billed_units\":{\"search_units\":1}}}"));
    return true;
}

bool mock_media_write(struct text *text, enum endpoint endpoint, const struct json_value *root, size_t body_len,
                      int64_t created_s, struct str *content_type, struct error *error, struct str *param) {
    *content_type = STR("application/json");
    switch (endpoint) {
    case endpoint_embeddings: return embeddings_write(text, root, body_len, error, param);
    case endpoint_moderations: return moderations_write(text, root, error, param);
    case endpoint_audio_speech: return speech_write(text, root, content_type, error, param);
    case endpoint_rerank: return rerank_write(text, root, error, param);
    case endpoint_images_generations:
        if (!json_member(root, "prompt")) return fail("prompt", "Missing required parameter: 'prompt'.", error, param);
        images_write(text, json_i64(json_member(root, "n"), 1), created_s);
        return true;
    default: return fail("", "The mock does not serve this path.", error, param);
    }
}

/* A small field's value, enough for a mock: between the blank line behind its name and the next line end. */
static struct str mock_media_field_find(struct str body, struct str name) {
    struct str rest = body;
    for (size_t at; (at = str_find(rest, STR("name=\""))) != SIZE_MAX;) {
        rest = str_slice(rest, at + 6, rest.len);
        if (!str_starts(rest, name) || !rest.at || rest.len <= name.len || rest.at[name.len] != '"') continue;
        size_t blank = str_find(rest, STR("\r\n\r\n"));
        if (blank == SIZE_MAX) return STR("");
        rest = str_slice(rest, blank + 4, rest.len);
        return str_slice(rest, 0, str_find(rest, STR("\r\n")));
    }
    return STR("");
}

void mock_multipart_write(struct text *text, enum endpoint endpoint, struct str body, int64_t created_s,
                          struct str *content_type) {
    *content_type = STR("application/json");
    if (endpoint == endpoint_images_edits) {
        images_write(text, 1, created_s);
        return;
    }
    struct str format = mock_media_field_find(body, STR("response_format"));
    if (str_eq(format, STR("text")) || str_eq(format, STR("srt")) || str_eq(format, STR("vtt"))) {
        *content_type = STR("text/plain; charset=utf-8");
        text_printf(text, "The mock heard %zu bytes.\n", body.len);
    } else {
        text_printf(text,
                    "{\"text\":\"The mock heard %zu "
                    "bytes.\",\"usage\":{\"type\":\"tokens\",\"input_tokens\":%zu,\"output_tokens\":7,"
                    "\"total_tokens\":%zu}}",
                    body.len, (body.len + 3) / 4, (body.len + 3) / 4 + 7);
    }
}
