/* continuation.c - where two texts may be joined, and where not. */
#include "core/continuation.h"

#include <string.h>

#include "base/check.h"

enum {
    sure_bytes = 16,      /* of a repetition: not by chance */
    sure_glued_bytes = 4, /* where without it two words would stand as one */
    anywhere_bytes = 8,   /* of a repetition that begins inside a word */
    restart_words = 4,    /* equal first words mean that it starts again, wherever the text broke off */
    elsewhere_bytes = 32, /* equal to a place in the middle: it repeats from there */
    search_bytes = 256    /* past so many equal bytes no other place is looked for */
};

static bool is_blank(char byte) { return byte == ' ' || byte == '\n' || byte == '\t' || byte == '\r'; }

/* Letters and digits of any script. */
static bool is_word(char byte) { return byte_is_alnum(byte) || (unsigned char)byte >= 0x80; }

static bool has_word(struct str text) {
    for (size_t i = 0; i < text.len; i++)
        if (is_word(text.at[i])) return true;
    return false;
}

/* White space at the front is left out, and at the end until more comes. */
static void plain_add(struct text *plain, struct str text, bool *blank) {
    for (size_t i = 0; i < text.len; i++) {
        if (is_blank(text.at[i])) {
            *blank = true;
            continue;
        }
        if (*blank && plain->len) text_put_byte(plain, ' ');
        *blank = false;
        text_put_byte(plain, text.at[i]);
    }
}

bool continuation_begin(struct continuation *continuation, struct str delivered, struct arena *arena) {
    struct text before = text_in_arena(arena, delivered.len + 16);
    *continuation = (struct continuation){.said = text_in_arena(arena, 256), .plain = text_in_arena(arena, 256)};
    plain_add(&before, delivered, &continuation->ends_blank);
    continuation->starts_blank = delivered.len && is_blank(delivered.at[0]);
    continuation->before = text_str(&before);
    return !before.failed && !continuation->said.failed && !continuation->plain.failed;
}

/* -- where it may begin -- */

/* How much of it stands there, as far as the text goes. */
static size_t agreed_at(const struct continuation *continuation, size_t at, size_t most) {
    struct str before = str_slice(continuation->before, at, continuation->before.len);
    struct str plain = text_str(&continuation->plain);
    size_t len = at == continuation->aligned ? continuation->matched : 0;
    size_t end = before.len < plain.len ? before.len : plain.len;
    if (most < end) end = most;
    while (len < end && before.at[len] == plain.at[len]) len++;
    return len;
}

/* The first place from `at` on where it may begin: it and the text from there on are equal as far as both go.
 * before.len: nowhere. */
static size_t place_from(struct continuation *continuation, size_t at) {
    struct str before = continuation->before, plain = text_str(&continuation->plain);
    while (at < before.len) {
        size_t left = before.len - at, most = plain.len < left ? plain.len : left;
        size_t agreed = agreed_at(continuation, at, search_bytes);
        if (agreed >= search_bytes) agreed = agreed_at(continuation, at, most);
        if (agreed > continuation->agreed) continuation->agreed = agreed;
        if (agreed == most) {
            continuation->aligned = at;
            continuation->matched = agreed;
            return at;
        }
        if (agreed >= search_bytes) break;
        const char *next = memchr(before.at + at + 1, plain.at[0], left - 1);
        at = next ? (size_t)(next - before.at) : before.len;
    }
    return before.len;
}

static bool is_word_start(struct str text, size_t at) { return at == 0 || !is_word(text.at[at - 1]); }

/* Two words, or a word and the sign behind another, would stand as one. */
static bool is_glued(const struct continuation *continuation) {
    struct str before = continuation->before, said = text_str(&continuation->said);
    if (!before.len || !said.len || continuation->ends_blank || !is_word(said.at[0])) return false;
    char last = before.at[before.len - 1];
    return is_word(last) || memchr(",.;:!?", last, 6);
}

/* Whole words at the front of both. */
static size_t words_agreed(struct str before, struct str plain) {
    size_t len = 0, words = 0;
    while (len < before.len && len < plain.len && before.at[len] == plain.at[len]) {
        len++;
        bool ends = (len == before.len || !is_word(before.at[len])) && (len == plain.len || !is_word(plain.at[len]));
        words += is_word(before.at[len - 1]) && ends;
    }
    return words;
}

/* -- what it is -- */

/* It said again what stands somewhere else, and then another thing. */
static bool says_another_thing(const struct continuation *continuation) {
    return continuation->agreed >= elsewhere_bytes ||
           words_agreed(continuation->before, text_str(&continuation->plain)) >= restart_words;
}

/* It repeats the text's end from `at` on. */
static enum continuation_verdict overlap_judge(struct continuation *continuation, size_t at) {
    size_t len = continuation->before.len - at;
    bool glued = len >= sure_glued_bytes && is_glued(continuation) && is_word_start(continuation->before, at);
    bool sure = len >= sure_bytes || glued;
    continuation->overlap = len;
    if (continuation->agreed > len && says_another_thing(continuation)) return continuation_disagrees;
    return sure ? continuation_goes_on : continuation_disagrees;
}

/* Some equal bytes that say nothing: signs alone, or a few in the middle of a word. */
static bool overlap_is_chance(const struct continuation *continuation, size_t at) {
    struct str before = continuation->before, end = str_slice(before, at, before.len);
    if (end.len >= sure_bytes) return false;
    return !has_word(end) || (end.len < anywhere_bytes && !is_word_start(before, at));
}

/* Nothing of the text's end stands at its front. */
static enum continuation_verdict other_judge(const struct continuation *continuation) {
    struct str before = continuation->before, plain = text_str(&continuation->plain),
               said = text_str(&continuation->said);
    if (!before.len || !plain.len) return continuation_goes_on;
    char last = before.at[before.len - 1], first = said.at[0];
    size_t words = words_agreed(before, plain);
    bool in_sentence = is_word(last) || last == ',' || last == '-' || last == '(';
    bool like_a_start = is_blank(first) == continuation->starts_blank;
    if (says_another_thing(continuation) || (words > 0 && in_sentence && like_a_start)) return continuation_disagrees;
    bool capital = first >= 'A' && first <= 'Z' && last >= 'a' && last <= 'z';
    return capital && !continuation->ends_blank ? continuation_disagrees : continuation_goes_on;
}

enum continuation_verdict continuation_take(struct continuation *continuation, struct str text, bool over) {
    struct str before = continuation->before;
    text_put(&continuation->said, text);
    plain_add(&continuation->plain, text, &continuation->said_blank);
    if (continuation->said.failed || continuation->plain.failed) return continuation_disagrees;
    size_t len = continuation->plain.len;
    if (!len) return over || !before.len ? continuation_goes_on : continuation_held;
    size_t at = place_from(continuation, continuation->aligned);
    while (at < before.len) {
        CHECKF(at >= continuation->aligned, "at=%zu", at);
        size_t left = before.len - at;
        CHECKF(at == continuation->aligned, "at=%zu", at);
        if (len <= left && !over) return continuation_held;
        if (len >= left && !overlap_is_chance(continuation, at)) return overlap_judge(continuation, at);
        at = place_from(continuation, at + 1);
    }
    continuation->aligned = before.len;
    return other_judge(continuation);
}

struct str continuation_rest(const struct continuation *continuation) {
    struct str said = text_str(&continuation->said);
    size_t plain = 0, at = 0;
    bool blank = false;
    CHECKF(continuation->overlap <= continuation->plain.len, "overlap=%zu", continuation->overlap);
    if (!continuation->overlap) return said;
    while (plain < continuation->overlap) {
        bool is = is_blank(said.at[at]);
        if (!is && blank && plain) plain++;
        if (!is) plain++;
        blank = is;
        at++;
    }
    while (continuation->ends_blank && at < said.len && is_blank(said.at[at])) at++;
    return str_slice(said, at, said.len);
}
