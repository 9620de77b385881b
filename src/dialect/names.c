/* names.c - the table of places. Sources: the vendors' API references, as docs/dialects.md names them. What callers
 * write freely (arguments and results of tools, schemas, metadata) has no place in it. */
#include "dialect/names.h"

#include <limits.h>

enum value { a_string, an_object, anything, a_file_uri };

enum { path_max = names_depth_max };

#define OPENAI (1u << dialect_openai)
#define RESPONSES (1u << dialect_responses)
#define ANTHROPIC (1u << dialect_anthropic)
#define GEMINI (1u << dialect_gemini)
#define ALL UINT_MAX

/* "*": an element of a list. */
static const struct place {
    unsigned dialects;
    enum name_kind kind;
    enum value value;
    const char *path[path_max + 1];
} places[] = {
    {ALL, name_model, a_string, {"model"}},
    {ALL, name_model, a_string, {"models", "*"}},
    {ALL, name_model, a_string, {"fallbacks", "*"}},
    {ALL, name_model, a_string, {"fallbacks", "*", "model"}},
    {ALL, name_model, a_string, {"fallback_models", "*"}},
    {ALL, name_model, a_string, {"tools", "*", "model"}},
    {ALL, name_model, a_string, {"tools", "*", "parameters", "model"}},
    {ALL, name_model, a_string, {"plugins", "*", "model"}},
    {ALL, name_model, a_string, {"plugins", "*", "models", "*"}},
    {ALL, name_model, a_string, {"plugins", "*", "allowed_models", "*"}},
    {ALL, name_model, a_string, {"agents", "*", "model"}},
    {ALL, name_model, a_string, {"moderation", "model"}},
    {GEMINI, name_model, a_string, {"requests", "*", "model"}},
    {GEMINI, name_model, a_string, {"generateContentRequest", "model"}},
    {GEMINI, name_model, a_string, {"generate_content_request", "model"}},

    {OPENAI | RESPONSES, name_stored, anything, {"conversation"}},
    {OPENAI | RESPONSES, name_stored, an_object, {"prompt"}},
    {OPENAI | RESPONSES, name_stored, anything, {"container"}},
    {OPENAI | RESPONSES, name_stored, anything, {"tool_resources"}},
    {OPENAI | RESPONSES, name_stored, a_string, {"cached_content"}},
    {OPENAI | RESPONSES, name_stored, a_string, {"google", "cached_content"}},
    {OPENAI | RESPONSES, name_stored, a_string, {"extra_body", "google", "cached_content"}},
    {OPENAI | RESPONSES, name_stored, a_string, {"attachments", "*", "file_id"}},
    {OPENAI | RESPONSES, name_stored, a_string, {"tools", "*", "vector_store_ids", "*"}},
    {OPENAI | RESPONSES, name_stored, a_string, {"tools", "*", "file_search", "vector_store_ids", "*"}},
    {OPENAI | RESPONSES, name_stored, a_string, {"tools", "*", "file_ids", "*"}},
    {OPENAI | RESPONSES, name_stored, a_string, {"tools", "*", "container"}},
    {OPENAI | RESPONSES, name_stored, a_string, {"tools", "*", "container", "file_ids", "*"}},
    {OPENAI | RESPONSES, name_stored, a_string, {"tools", "*", "container", "skills", "*", "skill_id"}},
    {OPENAI | RESPONSES, name_stored, a_string, {"tools", "*", "environment", "container_id"}},
    {OPENAI | RESPONSES, name_stored, a_string, {"tools", "*", "environment", "file_ids", "*"}},
    {OPENAI | RESPONSES, name_stored, a_string, {"tools", "*", "environment", "skills", "*", "skill_id"}},
    {OPENAI | RESPONSES, name_stored, a_string, {"tools", "*", "input_image_mask", "file_id"}},
    {OPENAI, name_stored, a_string, {"previous_response_id"}},
    {OPENAI, name_stored, a_string, {"messages", "*", "attachments", "*", "file_id"}},
    {OPENAI, name_stored, a_string, {"messages", "*", "content", "*", "file_id"}},
    {OPENAI, name_stored, a_string, {"messages", "*", "content", "*", "file", "file_id"}},
    {OPENAI, name_stored, a_string, {"messages", "*", "content", "*", "image_file", "file_id"}},
    {RESPONSES, name_stored, a_string, {"input", "*", "file_id"}},
    {RESPONSES, name_stored, a_string, {"input", "*", "content", "*", "file_id"}},
    {RESPONSES, name_stored, a_string, {"input", "*", "output", "*", "file_id"}},

    {ANTHROPIC, name_stored, a_string, {"container"}},
    {ANTHROPIC, name_stored, a_string, {"container", "id"}},
    {ANTHROPIC, name_stored, a_string, {"thread", "previous_message_id"}},
    {ANTHROPIC, name_stored, a_string, {"system", "*", "source", "file_id"}},
    {ANTHROPIC, name_stored, a_string, {"messages", "*", "content", "*", "file_id"}},
    {ANTHROPIC, name_stored, a_string, {"messages", "*", "content", "*", "source", "file_id"}},
    {ANTHROPIC, name_stored, a_string, {"messages", "*", "content", "*", "content", "*", "file_id"}},
    {ANTHROPIC, name_stored, a_string, {"messages", "*", "content", "*", "content", "*", "source", "file_id"}},

    {GEMINI, name_stored, a_string, {"cachedContent"}},
    {GEMINI, name_stored, a_string, {"cached_content"}},
    {GEMINI, name_stored, a_string, {"generateContentRequest", "cachedContent"}},
    {GEMINI, name_stored, a_string, {"generate_content_request", "cached_content"}},
    {GEMINI, name_stored, a_string, {"tools", "*", "fileSearch", "fileSearchStoreNames", "*"}},
    {GEMINI, name_stored, a_string, {"tools", "*", "file_search", "file_search_store_names", "*"}},
    {GEMINI, name_stored, a_file_uri, {"contents", "*", "parts", "*", "fileData", "fileUri"}},
    {GEMINI, name_stored, a_file_uri, {"contents", "*", "parts", "*", "file_data", "file_uri"}},
    {GEMINI,
     name_stored,
     a_file_uri,
     {"contents", "*", "parts", "*", "functionResponse", "parts", "*", "fileData", "fileUri"}},
    {GEMINI,
     name_stored,
     a_file_uri,
     {"contents", "*", "parts", "*", "function_response", "parts", "*", "file_data", "file_uri"}},
    {GEMINI, name_stored, a_file_uri, {"systemInstruction", "parts", "*", "fileData", "fileUri"}},
    {GEMINI, name_stored, a_file_uri, {"system_instruction", "parts", "*", "file_data", "file_uri"}},
};

/* Files of Google's own API; those of the web, which anyone may read, are none of them. Of escapes only that of a slash
 * is harmless. */
static bool is_stored_file(struct str uri) {
    static const struct str host = STR("generativelanguage");
    if (!str_starts_nocase(uri, STR("http"))) return true;
    for (size_t at = 0; at < uri.len; at++) {
        if (uri.at[at] == '\\' && (at + 1 == uri.len || uri.at[at + 1] != '/')) return true;
        if (str_eq_nocase(str_slice(uri, at, at + host.len), host)) return true;
    }
    return false;
}

static bool value_fits(const struct place *place, const struct skim_token *token) {
    switch (place->value) {
    case a_string: return token->kind == skim_string && token->value.len > 2;
    case an_object: return token->kind == skim_object;
    case anything: return token->kind == skim_object || (token->kind == skim_string && token->value.len > 2);
    case a_file_uri: return token->kind == skim_string && is_stored_file(skim_inside(token->value));
    }
    return false;
}

static bool is_at(const struct names *names, const struct place *place, const struct skim_token *token) {
    unsigned depth = 0;
    for (; place->path[depth]; depth++) {
        struct str wanted = str_from(place->path[depth]);
        if (depth >= token->depth) return false;
        struct str key = names->keys[depth + 1];
        if (str_eq(wanted, STR("*")) ? key.at != NULL : !key.at || key.len < wanted.len || !skim_is_nocase(key, wanted))
            return false;
    }
    return depth == token->depth;
}

void names_begin(struct names *names, struct str body, enum dialect dialect) {
    *names = (struct names){.dialect = dialect};
    skim_begin(&names->skim, body, names_depth_max);
}

bool names_next(struct names *names, struct name *name) {
    for (struct skim_token token; (token = skim_next(&names->skim)).kind > skim_error;) {
        if (token.kind == skim_close || token.depth == 0) continue;
        names->keys[token.depth] = token.key;
        for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
            const struct place *place = &places[i];
            if (!(place->dialects >> names->dialect & 1) || !value_fits(place, &token) || !is_at(names, place, &token))
                continue;
            bool string = token.kind == skim_string;
            *name = (struct name){.kind = place->kind,
                                  .top = token.depth == 1,
                                  .member = names->keys[1],
                                  .value = string ? skim_inside(token.value) : STR_NONE};
            return true;
        }
    }
    return false;
}
