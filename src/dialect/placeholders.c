/* placeholders.c - see placeholders.h. */
#include "dialect/placeholders.h"

#include "base/check.h"
#include "dialect/skim.h"

static const struct str kind_names[placeholder_kinds] = {STR("email"), STR("phone"), STR("card"), STR("key"),
                                                         STR("own")},
                        kind_words[placeholder_kinds] = {STR("EMAIL"), STR("PHONE"), STR("CARD"), STR("KEY"),
                                                         STR("PRIVATE")};
enum { number_digits_max = 6 };

struct str placeholder_kind_name(unsigned kind) {
    CHECKF(kind < placeholder_kinds, "kind=%u", kind);
    return kind_names[kind];
}

void placeholders_told_put(const struct placeholders *placeholders, struct text *text) {
    bool first = true;
    for (unsigned kind = 0; kind < placeholder_kinds; kind++) {
        if (!placeholders->replaced[kind]) continue;
        text_printf(text, "%s%.*s %zu", first ? "redacted " : " ", STR_ARG(kind_names[kind]),
                    placeholders->replaced[kind]);
        first = false;
    }
}

/* -- how one is written -- */

/* `<` or what JSON may write for it: the bytes; 0: it is not; SIZE_MAX: the text ends within it. */
static size_t mark_read(struct str s, size_t at, char mark) {
    const char *escaped = mark == '<' ? "\\u003c" : "\\u003e";
    if (at >= s.len) return SIZE_MAX;
    if (s.at[at] == mark) return 1;
    for (size_t i = 0; i < 6; i++) {
        if (at + i >= s.len) return SIZE_MAX;
        char byte = s.at[at + i];
        if (byte != escaped[i] && !(i == 5 && (byte | 0x20) == escaped[i])) return 0;
    }
    return 6;
}

struct placeholder_read {
    size_t len; /* 0: there is none; SIZE_MAX: the text ends within what may be one */
    unsigned kind, number;
};

static struct placeholder_read placeholder_read(struct str s, size_t at) {
    static const struct placeholder_read none = {0, 0, 0}, cut = {SIZE_MAX, 0, 0};
    size_t begin = at, mark = mark_read(s, at, '<');
    if (mark == 0 || mark == SIZE_MAX) return mark ? cut : none;
    at += mark;
    struct str rest = str_slice(s, at, s.len);
    unsigned kind = placeholder_kinds, number = 0, digits = 0;
    for (unsigned k = 0; k < placeholder_kinds; k++) {
        const struct str word = kind_words[k];
        if (rest.len <= word.len && str_starts(word, rest)) return cut;
        if (str_starts(rest, word) && rest.at[word.len] == '_') kind = k;
    }
    if (kind == placeholder_kinds) return none;
    for (at += kind_words[kind].len + 1; at < s.len && s.at[at] >= '0' && s.at[at] <= '9'; at++) {
        number = number * 10 + (unsigned)(s.at[at] - '0');
        if (++digits > number_digits_max) return none;
    }
    if (at == s.len) return cut;
    mark = digits ? mark_read(s, at, '>') : 0;
    if (mark == 0 || mark == SIZE_MAX) return mark ? cut : none;
    return (struct placeholder_read){at + mark - begin, kind, number};
}

size_t placeholder_cut(struct str written) {
    size_t least = written.len > placeholder_written_max ? written.len - placeholder_written_max : 0;
    for (size_t at = 0; at < written.len; at++) {
        if (at >= least && placeholder_read(written, at).len == SIZE_MAX) return at;
        if (written.at[at] == '\\') at++; /* what it escapes begins nothing */
    }
    return written.len;
}

static size_t number_chain(unsigned kind, unsigned number) {
    return (number * placeholder_kinds + kind) % placeholder_chains;
}

static const struct str *placeholders_word(const struct placeholders *placeholders, unsigned kind, unsigned number) {
    const struct placeholder *known;
    for (size_t at = placeholders->by_number[number_chain(kind, number)]; at; at = known->next_number) {
        known = &placeholders->list[at - 1];
        if (known->number == number && known->kind == kind) return &known->word;
    }
    return NULL;
}

/* -- taking out -- */

/* Its number; 0: there is no room for it. */
static unsigned placeholders_number(struct placeholders *placeholders, unsigned kind, struct str word) {
    uint64_t hash = str_hash(word);
    unsigned short *words = &placeholders->by_word[hash % placeholder_chains], *numbers;
    const struct placeholder *known;
    for (size_t at = *words; at; at = known->next_word) {
        known = &placeholders->list[at - 1];
        if (known->hash == hash && known->kind == kind && str_eq(known->word, word)) return known->number;
    }
    if (placeholders->count == placeholders_max) return 0;
    if (placeholders->count == placeholders->room) {
        size_t room = placeholders->room ? placeholders->room * 2 : 16;
        struct placeholder *list = arena_take(placeholders->arena, room * sizeof *list);
        if (!list) return 0;
        for (size_t i = 0; i < placeholders->count; i++) list[i] = placeholders->list[i];
        placeholders->list = list;
        placeholders->room = room;
    }
    struct str copy = arena_copy(placeholders->arena, word);
    if (!copy.at) return 0;
    unsigned number = ++placeholders->next[kind];
    numbers = &placeholders->by_number[number_chain(kind, number)];
    placeholders->list[placeholders->count++] = (struct placeholder){copy, hash, kind, number, *words, *numbers};
    *words = *numbers = (unsigned short)placeholders->count;
    return number;
}

static void word_replace(struct placeholders *placeholders, unsigned kind, struct str word, struct text *text) {
    text_printf(text, "<%s_%u>", kind_words[kind].at, placeholders_number(placeholders, kind, word));
    placeholders->replaced[kind]++;
}

/* By the lists that are built in. */
static void words_take(struct placeholders *placeholders, struct str said, struct text *text) {
    struct redact_finder finder = {.at = 0};
    size_t put = 0;
    while (redact_next(&finder, said)) {
        text_put(text, str_slice(said, put, finder.from));
        word_replace(placeholders, finder.kind, str_slice(said, finder.from, finder.to), text);
        put = finder.to;
    }
    text_put(text, str_slice(said, put, said.len));
}

/* First what an operator's own patterns find; where they take too long the rest is one word. */
static void placeholders_said_take(struct placeholders *placeholders, const struct pattern *own, size_t *work,
                                   struct str said, struct text *text) {
    size_t put = 0;
    for (size_t at = 0; own && at < said.len;) {
        struct pattern_match match = pattern_find(own, said, at, work);
        at = match.to + (match.from == match.to);
        if (match.from == match.to) continue;
        if (match.given_up) match.to = at = said.len;
        words_take(placeholders, str_slice(said, put, match.from), text);
        word_replace(placeholders, placeholder_own, str_slice(said, match.from, match.to), text);
        put = match.to;
    }
    words_take(placeholders, str_slice(said, put, said.len), text);
}

static bool names_a_thing(struct str key) {
    static const struct str names[] = {STR("model"),
                                       STR("role"),
                                       STR("type"),
                                       STR("id"),
                                       STR("call_id"),
                                       STR("item_id"),
                                       STR("tool_use_id"),
                                       STR("tool_call_id"),
                                       STR("data"),
                                       STR("url"),
                                       STR("image_url"),
                                       STR("file_data"),
                                       STR("file_id"),
                                       STR("file_url"),
                                       STR("uri"),
                                       STR("file_uri"),
                                       STR("fileUri"),
                                       STR("signature"),
                                       STR("user"),
                                       STR("encrypted_content"),
                                       STR("user_id"),
                                       STR("thought_signature"),
                                       STR("thoughtSignature"),
                                       STR("safety_identifier"),
                                       STR("prompt_cache_key"),
                                       STR("previous_response_id"),
                                       STR("mimeType"),
                                       STR("mime_type"),
                                       STR("media_type"),
                                       STR("format"),
                                       STR("thinking"),
                                       STR("cachedContent")};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (skim_is(key, names[i])) return true;
    return false;
}

/* -- numbers -- */

/* Such as phone, Mobile-Number, tel: of a number that is written without its country's sign the name alone tells. */
static bool names_a_phone(struct str key) {
    static const struct str words[] = {STR("phone"), STR("mobile"), STR("msisdn"), STR("whatsapp"), STR("fax")};
    char lower[64];
    if (str_eq_nocase(key, STR("tel")) || str_eq_nocase(key, STR("cell"))) return true;
    if (key.len > sizeof lower) return false;
    for (size_t i = 0; i < key.len; i++)
        lower[i] = (char)(key.at[i] >= 'A' && key.at[i] <= 'Z' ? key.at[i] | 0x20 : key.at[i]);
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (str_find(str_make(lower, key.len), words[i]) != SIZE_MAX) return true;
    return false;
}

static bool is_all_digits(struct str number) {
    size_t at = 0;
    while (at < number.len && number.at[at] >= '0' && number.at[at] <= '9') at++;
    return at == number.len;
}

/* Whole ones, of as many digits as a telephone's at least; a drawn number is nobody's card, however its digits add up.
 */
static bool number_may_say(const struct skim_token *token, bool freely) {
    return token->kind == skim_number && token->value.len >= 7 && is_all_digits(token->value) &&
           (freely || !(skim_is(token->key, STR("seed")) || names_a_thing(token->key)));
}

static void placeholders_number_take(struct placeholders *placeholders, const struct pattern *own, size_t *work,
                                     struct str key, struct str number, struct text *text) {
    bool owns = false;
    if (own) {
        const struct pattern_match match = pattern_find(own, number, 0, work);
        owns = match.from != match.to;
    }
    if (!owns && number.len <= 15 && names_a_phone(key))
        word_replace(placeholders, redact_phone, number, text);
    else
        placeholders_said_take(placeholders, own, work, number, text);
}

/* Arguments and results of tools, where any name may stand. */
static bool opens_freely(const struct skim_token *token) {
    return token->kind == skim_object && (skim_is(token->key, STR("input")) || skim_is(token->key, STR("args")) ||
                                          skim_is(token->key, STR("response")));
}

/* Numbers that stand there already are left to what they stand for. */
static void numbers_skip(struct placeholders *placeholders, struct str body) {
    for (size_t at = 0; at < body.len; at++) {
        if (body.at[at] != '<' && body.at[at] != '\\') continue;
        struct placeholder_read read = placeholder_read(body, at);
        if (read.len && read.len != SIZE_MAX && read.number > placeholders->next[read.kind])
            placeholders->next[read.kind] = read.number;
    }
}

static size_t placeholders_replaced(const struct placeholders *placeholders) {
    size_t replaced = 0;
    for (unsigned kind = 0; kind < placeholder_kinds; kind++) replaced += placeholders->replaced[kind];
    return replaced;
}

struct taking {
    struct placeholders *placeholders;
    const struct pattern *own;
    size_t *work;
    struct str body;
    struct text text;
    size_t put;
    struct str list; /* the member whose list is read */
    unsigned list_depth;
    bool all; /* any name may stand anywhere: it is JSON that a string holds */
};

static bool is_json(struct str text) {
    struct skim skim;
    enum skim_kind kind;
    skim_begin(&skim, text, limit_json_depth);
    while ((kind = skim_next(&skim).kind) != skim_end)
        if (kind == skim_error) return false;
    return true;
}

static bool placeholders_body_take(struct taking *taking, struct str *out);

/* JSON in a string, such as arguments and results of tools, which it must be afterwards too. false: it is none. */
static bool json_said_take(const struct taking *taking, struct str said, struct text *replaced) {
    struct taking within = {.placeholders = taking->placeholders,
                            .own = taking->own,
                            .work = taking->work,
                            .body = said,
                            .text = text_in_arena(replaced->arena, said.len + 64),
                            .all = true};
    struct str out;
    const struct str begins = str_slice(str_trim(said), 0, 1);
    if (taking->all || !(str_eq(begins, STR("{")) || str_eq(begins, STR("["))) || !is_json(said) ||
        !placeholders_body_take(&within, &out))
        return false;
    text_put(replaced, out);
    return true;
}

/* What is found in it is replaced; of a number all of it is a string then. false: no memory, or it is none. */
static bool token_take(struct taking *taking, const struct skim_token *token) {
    const bool number = token->kind == skim_number, listed = !token->key.at && token->depth == taking->list_depth + 1;
    struct arena scrap;
    struct str said = token->value;
    arena_init_beside(&scrap, 4096, taking->text.arena);
    bool plain = number || skim_unescape(skim_inside(token->value), &scrap, &said);
    struct text replaced = text_in_arena(&scrap, said.len + 64);
    const size_t before = placeholders_replaced(taking->placeholders);
    if (number)
        placeholders_number_take(taking->placeholders, taking->own, taking->work, listed ? taking->list : token->key,
                                 said, &replaced);
    else if (plain && !json_said_take(taking, said, &replaced))
        placeholders_said_take(taking->placeholders, taking->own, taking->work, said, &replaced);
    if (placeholders_replaced(taking->placeholders) > before && !replaced.failed) {
        const size_t at = (size_t)(token->value.at - taking->body.at);
        text_put(&taking->text, str_slice(taking->body, taking->put, at));
        text_put_json(&taking->text, text_str(&replaced));
        taking->put = at + token->value.len;
    }
    bool good = plain && !replaced.failed;
    arena_free(&scrap);
    return good;
}

/* Calls itself for a string that holds JSON, and within that no more. */
static bool placeholders_body_take(struct taking *taking, struct str *out) {
    struct skim skim;
    struct skim_token token;
    unsigned freely = 0; /* the depth behind which any name may stand; 0: none */
    skim_begin(&skim, taking->body, limit_json_depth);
    while ((token = skim_next(&skim)).kind != skim_end) {
        if (token.kind == skim_error) return false;
        if (!freely && opens_freely(&token)) freely = token.depth + 1;
        if (token.kind == skim_close && freely && token.depth < freely) freely = 0;
        if (token.kind == skim_array) taking->list = token.key, taking->list_depth = token.depth;
        const bool any = taking->all || freely;
        bool says = token.kind == skim_string ? any || !names_a_thing(token.key) : number_may_say(&token, any);
        if (says && !token_take(taking, &token)) return false;
    }
    *out = taking->body;
    if (!taking->put) return true;
    text_put(&taking->text, str_slice(taking->body, taking->put, taking->body.len));
    *out = text_str(&taking->text);
    return !taking->text.failed;
}

bool placeholders_take(struct placeholders *placeholders, struct str body, const struct pattern *own,
                       struct arena *arena, struct str *out) {
    size_t work = pattern_work_max;
    struct taking taking = {.placeholders = placeholders,
                            .own = own,
                            .work = &work,
                            .body = body,
                            .text = text_in_arena(arena, body.len + body.len / 8 + 256)};
    numbers_skip(placeholders, body);
    return placeholders_body_take(&taking, out);
}

/* -- putting back -- */

static void placeholders_word_put(const struct putting_back *putting, struct str word, struct text *text) {
    char bytes[4096];
    struct text once = text_in_buffer(bytes, sizeof bytes);
    if (!putting->nested) {
        text_put_json_inside(text, word);
        return;
    }
    struct arena scrap;
    arena_init_beside(&scrap, 4096, text->arena);
    if (word.len > sizeof bytes / 6) once = text_in_arena(&scrap, word.len * 2);
    text_put_json_inside(&once, word);
    text_put_json_inside(text, text_str(&once));
    text->failed |= once.failed;
    arena_free(&scrap);
}

/* What a string is, as far as its key says it. */
static bool holds_json(const struct putting_back *putting) {
    struct str key = str_make(putting->key, putting->key_len);
    return putting->was_colon && (str_eq(key, STR("arguments")) || str_eq(key, STR("partial_json")) ||
                                  (putting->nested_delta && str_eq(key, STR("delta"))));
}

static void byte_note(struct putting_back *putting, char byte) {
    if (putting->in_string && byte != '"') {
        if (putting->word_len < sizeof putting->word) putting->word[putting->word_len++] = byte;
        return;
    }
    if (byte == '"') {
        putting->in_string = !putting->in_string;
        if (putting->in_string) {
            putting->nested = holds_json(putting);
        } else {
            memcpy(putting->key, putting->word, sizeof putting->key);
            putting->key_len = putting->word_len;
            putting->nested = false;
        }
        putting->word_len = 0;
        putting->was_colon = false;
    } else if (byte == ':') {
        putting->was_colon = true;
    } else if (byte != ' ' && byte != '\t' && byte != '\r' && byte != '\n') {
        putting->was_colon = false;
    }
}

/* All but what may begin a placeholder at the end, or an escape that is cut: how much that is. */
static size_t back_put(struct putting_back *putting, struct str bytes, bool last, struct text *text) {
    size_t put = 0, at = 0;
    while (at < bytes.len) {
        char byte = bytes.at[at];
        if (byte != '<' && byte != '\\') {
            byte_note(putting, byte);
            at++;
            continue;
        }
        struct placeholder_read read = putting->in_string ? placeholder_read(bytes, at) : (struct placeholder_read){0};
        if (!last && (read.len == SIZE_MAX || (byte == '\\' && at + 1 == bytes.len))) break;
        const struct str *word =
            read.len && read.len != SIZE_MAX ? placeholders_word(putting->placeholders, read.kind, read.number) : NULL;
        if (!word) {
            size_t len = byte == '\\' && at + 1 < bytes.len ? 2 : 1;
            if (putting->in_string) byte_note(putting, byte);
            at += len;
            continue;
        }
        text_put(text, str_slice(bytes, put, at));
        placeholders_word_put(putting, *word, text);
        put = at += read.len;
    }
    text_put(text, str_slice(bytes, put, at));
    return bytes.len - at;
}

void put_back(struct putting_back *putting, struct str bytes, struct text *text) {
    struct arena scrap;
    arena_init_beside(&scrap, 4096, text->arena);
    if (putting->held_len) {
        struct text joined = text_in_arena(&scrap, putting->held_len + bytes.len);
        text_put(&joined, str_make(putting->held, putting->held_len));
        text_put(&joined, bytes);
        text->failed |= joined.failed;
        bytes = text_str(&joined);
    }
    size_t rest = text->failed ? 0 : back_put(putting, bytes, false, text);
    CHECKF(rest <= sizeof putting->held, "rest=%zu", rest);
    if (rest) memmove(putting->held, bytes.at + bytes.len - rest, rest);
    putting->held_len = rest;
    arena_free(&scrap);
}

void put_back_end(struct putting_back *putting, struct text *text) {
    struct str held = str_make(putting->held, putting->held_len);
    putting->held_len = 0;
    (void)back_put(putting, held, true, text);
}
