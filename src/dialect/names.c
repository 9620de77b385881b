/* names.c - the tables of keys and places. Sources: the vendors' API references, as docs/dialects.md names them. No
 * list of exact paths is ever complete, so an id counts wherever it stands, but for those that are made up for one
 * request, and a model wherever a key on the way to it says so; what callers write freely (arguments and results of
 * tools, schemas, metadata) is passed over. */
#include "dialect/names.h"

#include <limits.h>

#define OPENAI (1u << dialect_openai)
#define RESPONSES (1u << dialect_responses)
#define ANTHROPIC (1u << dialect_anthropic)
#define GEMINI (1u << dialect_gemini)
#define ALL UINT_MAX

#define COUNT(list) (sizeof(list) / sizeof *(list))

enum value { a_string, an_object, anything, a_custom_type };

enum { path_max = 3 };

/* Stored things whose key does not say so by itself; a list on the way counts as what it holds. */
static const struct place {
    unsigned dialects;
    enum value value;
    struct str path[path_max];
} places[] = {
    {OPENAI | RESPONSES, anything, {STR("conversation")}},
    {OPENAI | RESPONSES, an_object, {STR("prompt")}},
    {OPENAI | RESPONSES, anything, {STR("container")}},
    {OPENAI | RESPONSES, anything, {STR("toolresources")}},
    {OPENAI | RESPONSES, a_string, {STR("tools"), STR("container")}},
    {OPENAI, a_string, {STR("messages"), STR("audio"), STR("id")}},
    {OPENAI, a_string, {STR("voice"), STR("id")}},
    {ANTHROPIC, a_string, {STR("container")}},
    {ANTHROPIC, a_string, {STR("container"), STR("id")}},
    {ANTHROPIC, a_custom_type, {STR("container"), STR("skills"), STR("type")}},
};

/* The end of a key of stored things that does not end in the word id. */
static const struct str stored_ends[] = {STR("fileid"),        STR("fileids"),    STR("storeids"),  STR("containerid"),
                                         STR("cachedcontent"), STR("storenames"), STR("ragcorpus"), STR("datastore")};

/* Ids that are the caller's own, or of this one request. */
static const struct {
    unsigned dialects;
    struct str key;
} own_ids[] = {{ALL, STR("toolcallid")},   {ALL, STR("callid")},  {ALL, STR("tooluseid")}, {ALL, STR("userid")},
               {ALL, STR("sessionid")},    {ALL, STR("traceid")}, {ALL, STR("requestid")}, {ALL, STR("customid")},
               {ANTHROPIC, STR("skillid")}}; /* its type says whose it is */

/* The caller's own words: nothing below is looked at. */
static const struct {
    unsigned dialects;
    struct str key;
} own_words[] = {{ALL, STR("metadata")},    {ALL, STR("args")},         {ALL, STR("arguments")},
                 {ALL, STR("properties")},  {ALL, STR("definitions")},  {ALL, STR("$defs")},
                 {ALL, STR("annotations")}, {ALL, STR("citations")},    {ALL, STR("labels")},
                 {ALL, STR("logitbias")},   {OPENAI, STR("documents")}, {ALL, STR("chattemplatekwargs")},
                 {ANTHROPIC, STR("input")}, {GEMINI, STR("response")}};

/* What is said, and how: no key below it chooses a model. */
static const struct str said[] = {STR("messages"), STR("contents"),          STR("input"),     STR("system"),
                                  STR("content"),  STR("systeminstruction"), STR("prompt"),    STR("documents"),
                                  STR("text"),     STR("responseformat"),    STR("toolchoice")};

static const struct str model_words[] = {STR("model"), STR("fallback"), STR("preset")};

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

/* The character at *at of a raw key, past it; what is not ASCII is some other one. */
static char names_character_take(struct str raw, size_t *at) {
    char c = raw.at[(*at)++];
    if (c != '\\' || *at >= raw.len) return c;
    c = raw.at[(*at)++];
    if (c != 'u') return c;
    unsigned unit = 0;
    for (size_t i = 0; i < 4 && *at < raw.len; i++) {
        char digit = raw.at[(*at)++];
        unit = unit << 4 | (unsigned)(digit <= '9' ? digit - '0' : (digit | 0x20) - 'a' + 10);
    }
    return unit < 0x80 ? (char)unit : '?';
}

static struct str key_str(const struct name_key *key) { return str_make(key->text, key->len); }

static void key_read(struct name_key *key, struct str raw) {
    size_t word = 0; /* where its last word begins */
    bool after_small = false;
    key->element = raw.at == NULL;
    key->len = 0;
    for (size_t at = 0; at < raw.len && key->len < names_key_max;) {
        char c = names_character_take(raw, &at);
        bool large = c >= 'A' && c <= 'Z';
        if (c == '_' || (large && after_small)) word = key->len;
        after_small = c >= 'a' && c <= 'z';
        if (c != '_') key->text[key->len++] = large ? (char)(c | 0x20) : c;
    }
    struct str last = str_slice(key_str(key), word, key->len);
    key->is_id = word > 0 && (str_eq(last, STR("id")) || str_eq(last, STR("ids")));
}

static bool names_is_one_of(struct str key, const struct str *list, size_t count) {
    for (size_t i = 0; i < count; i++)
        if (str_eq(key, list[i])) return true;
    return false;
}

static bool is_own_words(const struct names *names, const struct name_key *key) {
    if (key->element) return false;
    for (size_t i = 0; i < COUNT(own_words); i++)
        if (own_words[i].dialects >> names->dialect & 1 && str_eq(key_str(key), own_words[i].key)) return true;
    return str_ends(key_str(key), STR("schema"));
}

/* The key that a value, or the list that it stands in, has. */
static const struct name_key *names_key_of(const struct names *names, unsigned depth, unsigned *at) {
    for (*at = depth; *at > 1 && names->keys[*at].element;) --*at;
    return &names->keys[*at];
}

static bool value_fits(enum value value, const struct skim_token *token) {
    bool string = token->kind == skim_string && token->value.len > 2;
    switch (value) {
    case a_string: return string;
    case an_object: return token->kind == skim_object;
    case anything: return string || token->kind == skim_object;
    case a_custom_type: return string && !str_eq(token->value, STR("\"anthropic\""));
    }
    return false;
}

static bool is_at(const struct names *names, const struct place *place, unsigned depth) {
    size_t step = 0;
    for (unsigned at = 1; at <= depth; at++) {
        if (names->keys[at].element) continue;
        if (step == path_max || !str_eq(key_str(&names->keys[at]), place->path[step])) return false;
        step++;
    }
    return step == path_max || !place->path[step].at;
}

/* By its key alone. */
static bool is_stored(const struct names *names, const struct skim_token *token) {
    unsigned at;
    const struct name_key *key = names_key_of(names, token->depth, &at);
    struct str name = key_str(key);
    if (token->kind != skim_string || token->value.len <= 2) return false;
    if (str_ends(name, STR("fileuri"))) return is_stored_file(skim_inside(token->value));
    bool found = key->is_id;
    for (size_t i = 0; !found && i < COUNT(stored_ends); i++) found = str_ends(name, stored_ends[i]);
    if (!found) return false;
    for (size_t i = 0; i < COUNT(own_ids); i++)
        if (own_ids[i].dialects >> names->dialect & 1 && str_eq(name, own_ids[i].key)) return false;
    /* this one is looked for among what is stored here first */
    return !(names->dialect == dialect_responses && at == 1 && str_eq(name, STR("previousresponseid")));
}

static bool names_is_model(const struct names *names, const struct skim_token *token) {
    bool found = false;
    if (token->kind != skim_string || token->value.len <= 2) return false;
    if (names_is_one_of(key_str(&names->keys[1]), said, COUNT(said))) return false;
    if (token->depth == 1 && str_eq(token->value, STR("\"default\"")) &&
        str_eq(key_str(&names->keys[1]), STR("fallbacks")))
        return false; /* the provider's own choice */
    for (unsigned at = 1; !found && at <= token->depth; at++)
        for (size_t i = 0; !found && i < COUNT(model_words); i++)
            found = str_find(key_str(&names->keys[at]), model_words[i]) != SIZE_MAX;
    return found;
}

static bool names_is_named(const struct names *names, const struct skim_token *token, enum name_kind *kind) {
    *kind = name_model;
    if (names_is_model(names, token)) return true;
    *kind = name_stored;
    for (size_t i = 0; i < COUNT(places); i++)
        if (places[i].dialects >> names->dialect & 1 && value_fits(places[i].value, token) &&
            is_at(names, &places[i], token->depth))
            return true;
    return is_stored(names, token);
}

void names_begin(struct names *names, struct str body, enum dialect dialect) {
    names->dialect = dialect;
    names->member = STR_NONE;
    skim_begin(&names->skim, body, names_depth_max);
}

bool names_next(struct names *names, struct name *name) {
    for (struct skim_token token; (token = skim_next(&names->skim)).kind > skim_error;) {
        if (token.kind == skim_close || token.depth == 0) continue;
        bool container = token.kind == skim_object || token.kind == skim_array;
        struct name_key *key = &names->keys[token.depth];
        key_read(key, token.key);
        if (token.depth == 1) names->member = token.key;
        if (container && is_own_words(names, key)) {
            if (!token.passed && !skim_skip(&names->skim, &token)) return false;
            continue;
        }
        enum name_kind kind;
        if (!names_is_named(names, &token, &kind)) continue;
        if (container && !token.passed) (void)skim_skip(&names->skim, &token);
        *name = (struct name){.kind = kind,
                              .top = token.depth == 1 && str_eq(key_str(key), STR("model")),
                              .member = names->member,
                              .value = container ? STR_NONE : skim_inside(token.value)};
        return true;
    }
    return false;
}
