/* alike_read.c - marks first: letters, digits, signs, capitals. Then words: contractions and rows of them, what is
 * taken off, prepositions. A phrase with `of` is turned round, so that it reads as the one with an apostrophe does. */
#include "core/alike_read.h"

#include <string.h>

static bool byte_is_upper(char c) { return c >= 'A' && c <= 'Z'; }
static bool byte_is_in_word(char c) { return byte_is_letter(c) || c == '_' || (unsigned char)c >= 0x80; }

/* -- marks -- */

/* What is typed otherwise than it is typed elsewhere, as three bytes of UTF-8: one ASCII sign. 0: it is none. */
static char typed_otherwise(struct str text, size_t at) {
    static const struct {
        char bytes[4], as;
    } signs[] = {{"\xe2\x80\x98", '\''}, {"\xe2\x80\x99", '\''}, {"\xe2\x80\x9c", '"'}, {"\xe2\x80\x9d", '"'},
                 {"\xe2\x80\x93", '-'},  {"\xe2\x80\x94", '-'},  {"\xe2\x88\x92", '-'}};
    for (size_t i = 0; i < sizeof signs / sizeof *signs; i++)
        if (text.len - at >= 3 && memcmp(text.at + at, signs[i].bytes, 3) == 0) return signs[i].as;
    return 0;
}

/* The text with those replaced. */
static struct str signs_fold(struct str text, char *into) {
    size_t len = 0;
    for (size_t at = 0; at < text.len;) {
        char sign = typed_otherwise(text, at);
        into[len++] = sign ? sign : text.at[at];
        at += sign ? 3 : 1;
    }
    return str_make(into, len);
}

static struct mark *mark_add(struct alike_reading *reading, enum mark_kind kind, struct str raw) {
    if (reading->mark_count == alike_words_max || raw.len > sizeof reading->folded - reading->folded_len) {
        reading->too_long = true;
        return NULL;
    }
    char *at = reading->folded + reading->folded_len;
    size_t len = 0;
    for (size_t i = 0; i < raw.len; i++) {
        if (kind == mark_number && raw.at[i] == ',') continue; /* of thousands */
        at[len++] = byte_is_upper(raw.at[i]) ? (char)(raw.at[i] | 0x20) : raw.at[i];
    }
    reading->folded_len += len;
    struct mark *mark = &reading->marks[reading->mark_count++];
    *mark = (struct mark){.kind = kind, .text = str_make(at, len)};
    return mark;
}

/* Digits, with a point, a colon or a comma between them; of a comma only one of thousands. */
static size_t number_end(struct str text, size_t at) {
    for (at++; at < text.len; at++) {
        char c = text.at[at];
        if (byte_is_digit(c)) continue;
        bool between = at + 1 < text.len && byte_is_digit(text.at[at + 1]);
        if (between && (c == '.' || c == ':')) continue;
        size_t digits = 0;
        while (c == ',' && at + 1 + digits < text.len && byte_is_digit(text.at[at + 1 + digits])) digits++;
        if (digits != 3) break;
    }
    return at;
}

/* Letters; a point between letters or before one, as in node.js; signs behind them, as in c++ and c#. */
static size_t alike_word_end(struct str text, size_t at) {
    for (; at < text.len; at++) {
        bool more = at + 1 < text.len && byte_is_in_word(text.at[at + 1]);
        if (!byte_is_in_word(text.at[at]) && !(text.at[at] == '.' && more)) break;
    }
    size_t signs = at;
    while (signs < text.len && (text.at[signs] == '+' || text.at[signs] == '#')) signs++;
    bool ends = signs == text.len || (!byte_is_in_word(text.at[signs]) && !byte_is_digit(text.at[signs]));
    return ends ? signs : at;
}

static bool all_upper(struct str word) {
    size_t letters = 0;
    for (size_t i = 0; i < word.len; i++) {
        if (byte_is_in_word(word.at[i]) && !byte_is_upper(word.at[i])) return false;
        letters += byte_is_upper(word.at[i]);
    }
    return letters >= 2;
}

/* Says nothing by itself, unless it stands at a number. */
static bool sign_is_silent(char c, bool behind_digit) {
    if (c == '!' || c == '"' || c == '\'') return !behind_digit;
    return strchr(" \t\r\n.,?;:", c) != NULL;
}

void alike_marks_read(struct str text, struct alike_reading *reading) {
    char plain[alike_text_max];
    bool begins = true, has_lower = false;
    reading->folded_len = reading->mark_count = reading->count = 0;
    reading->too_long = text.len > sizeof plain;
    if (reading->too_long) return;
    text = signs_fold(text, plain);
    for (size_t i = 0; i < text.len; i++) has_lower |= text.at[i] >= 'a' && text.at[i] <= 'z';
    for (size_t at = 0, end; at < text.len && !reading->too_long; at = end) {
        char c = text.at[at];
        struct mark *mark = NULL;
        end = at + 1;
        if (byte_is_digit(c)) {
            end = number_end(text, at);
            mark_add(reading, mark_number, str_slice(text, at, end));
        } else if (byte_is_in_word(c)) {
            end = alike_word_end(text, at);
            mark = mark_add(reading, mark_word, str_slice(text, at, end));
            if (mark) mark->capitals = has_lower && all_upper(str_slice(text, at, end));
            if (mark) mark->capital = !begins && byte_is_upper(c);
        } else if (c == '\'' && at > 0 && byte_is_in_word(text.at[at - 1]) && end < text.len &&
                   byte_is_in_word(text.at[end])) {
            end = alike_word_end(text, end); /* 's, 't, 're: with its apostrophe */
            mark_add(reading, mark_word, str_slice(text, at, end));
        } else if (c == '-' && at > 0 && byte_is_in_word(text.at[at - 1]) && end < text.len &&
                   byte_is_in_word(text.at[end])) {
            continue; /* well-known */
        } else if (!sign_is_silent(c, at > 0 && byte_is_digit(text.at[at - 1]))) {
            mark_add(reading, mark_symbol, str_slice(text, at, end));
        }
        if (byte_is_in_word(c) || byte_is_digit(c)) begins = false;
        if (c == '.' || c == '!' || c == '?' || c == ':' || c == '"') begins = true;
    }
}

/* -- English -- */

bool alike_is_english(const struct alike_reading *reading) {
    size_t weak = 0, foreign = 0;
    bool strong = false;
    for (size_t i = 0; i < reading->mark_count; i++) {
        bool alone;
        struct str text = reading->marks[i].text;
        if (word_is_english(text, &alone))
            weak++;
        else
            alone = false;
        strong |= alone;
        for (size_t b = 0; b < text.len; b++)
            if ((unsigned char)text.at[b] >= 0x80) {
                foreign++;
                break;
            }
    }
    return (strong || weak >= 2) && foreign * 4 <= reading->mark_count;
}

static const struct str nothing = STR("");

/* What an apostrophe leaves of a word: "n't" and "'s" as the words that they stand for. Empty: nothing. */
static struct str short_form(struct str tail) {
    static const struct {
        struct str tail, as;
    } forms[] = {{STR("'re"), STR("are")},  {STR("'m"), STR("am")},    {STR("'ll"), STR("will")},
                 {STR("'ve"), STR("have")}, {STR("'d"), STR("would")}, {STR("'t"), STR("not")}};
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++)
        if (str_eq(tail, forms[i].tail)) return forms[i].as;
    return nothing;
}

/* "don" before "'t" is do, "can" stays, "won" is will. */
static struct str before_not(struct str word) {
    if (str_eq(word, STR("won"))) return STR("will");
    return word.len < 3 ? word : word.at[word.len - 1] == 'n' ? str_slice(word, 0, word.len - 1) : word;
}

/* Behind which "'s" is `is`, and no possessive. */
static bool short_is_is(const struct alike_reading *reading, size_t kept) {
    static const struct str before[] = {STR("what"), STR("who"),   STR("where"), STR("when"), STR("how"), STR("why"),
                                        STR("that"), STR("there"), STR("it"),    STR("he"),   STR("she"), STR("here")};
    for (size_t i = 0; kept && i < sizeof before / sizeof *before; i++)
        if (str_eq(reading->marks[kept - 1].text, before[i])) return true;
    return false;
}

/* What the short form at the end of what was kept so far becomes; false: nothing. */
static bool short_form_write_out(struct alike_reading *reading, size_t kept, struct mark *mark) {
    struct str as = short_form(mark->text);
    if (str_eq(mark->text, STR("'s")) && short_is_is(reading, kept)) as = STR("is");
    if (!as.len) return false;
    mark->text = as;
    if (!kept || !str_eq(as, STR("not"))) return true;
    struct mark *before = &reading->marks[kept - 1];
    const bool can = str_eq(before->text, STR("can"));
    before->text = can ? STR("cannot") : before_not(before->text);
    return !can;
}

/* "what's" is "what is", "don't" is "do not", and a possessive leaves nothing. */
static void short_forms_write_out(struct alike_reading *reading) {
    size_t kept = 0;
    for (size_t i = 0; i < reading->mark_count; i++) {
        struct mark mark = reading->marks[i];
        const bool tail = mark.kind == mark_word && mark.text.at[0] == '\'';
        if (!tail || short_form_write_out(reading, kept, &mark)) reading->marks[kept++] = mark;
    }
    reading->mark_count = kept;
}

/* A plural as its singular, as far as its end tells. */
static struct str singular(struct str word) {
    if (word.len < 4 || word.at[word.len - 1] != 's' || word_keeps_its_s(word)) return word;
    if (str_find_byte(word, '.') != SIZE_MAX) return word; /* node.js */
    const char before = word.at[word.len - 2];
    if (before == 's' || before == 'u' || before == 'i' || before == 'a' || before == 'o') return word;
    bool es = before == 'e' && word.len > 4;
    struct str stem = str_slice(word, 0, word.len - 2);
    if (es && (str_ends(stem, STR("x")) || str_ends(stem, STR("ch")) || str_ends(stem, STR("sh")) ||
               str_ends(stem, STR("ss"))))
        return stem;
    return str_slice(word, 0, word.len - 1);
}

/* -- words -- */

struct words_writing {
    struct alike_reading *reading;
    struct str role;
    bool begins;
};

static void word_add(struct words_writing *writing, const struct mark *mark, struct word_facts facts, struct str text) {
    const bool digits = mark->kind == mark_word && text.len && byte_is_digit(text.at[0]); /* "two" */
    struct alike_reading *reading = writing->reading;
    if (reading->count == alike_words_max) {
        reading->too_long = true;
        return;
    }
    reading->words[reading->count++] = (struct alike_word){.kind = digits ? mark_number : mark->kind,
                                                           .facts = facts,
                                                           .text = text,
                                                           .role = writing->role,
                                                           .begins = writing->begins,
                                                           .name = mark->capitals || mark->capital};
    writing->role = nothing;
    writing->begins = false;
}

/* A preposition that nothing follows that it could be of says something itself: "turn the light on". */
static void role_flush(struct words_writing *writing) {
    const struct mark mark = {.kind = mark_word};
    struct str role = writing->role;
    if (!role.len) return;
    writing->role = nothing;
    word_add(writing, &mark, (struct word_facts){word_content, role}, role);
}

static struct str double_of(const struct mark *mark) {
    static const struct { struct str word, as; } list[] = {{STR("it"), STR("IT")}, {STR("us"), STR("usa")}};
    for (size_t i = 0; i < sizeof list / sizeof *list; i++)
        if (str_eq(mark->text, list[i].word)) return list[i].as;
    return STR_NONE;
}

/* What is taken off elsewhere says something here: "what do lions hunt" and "which lions hunt", "who is called" and
 * "who called", "what does she do". {NULL,0}: it does not. Of one of the reading's marks: no phrase is folded to such a
 * word. */
static struct str dropped_says(const struct alike_reading *reading, const struct mark *mark) {
    const struct mark *first = reading->marks, *last = first + reading->mark_count - 1;
    const struct str text = mark->text, before = mark > first ? mark[-1].text : nothing,
                     behind = mark < last ? mark[1].text : nothing;
    const bool asks = str_eq(before, STR("what")) || str_eq(before, STR("which"));
    const bool who = str_eq(before, STR("who")) || str_eq(before, STR("that")) || str_eq(before, STR("which"));
    if (str_eq(text, STR("do")) || str_eq(text, STR("does"))) return mark == last || asks || who ? STR("do") : STR_NONE;
    if (!str_eq(text, STR("is")) && !str_eq(text, STR("are"))) return STR_NONE;
    return who || word_is_done(behind) ? STR("is") : STR_NONE;
}

static void alike_mark_read(struct words_writing *writing, const struct mark *mark) {
    struct str text = mark->text;
    if (mark->kind == mark_symbol && str_eq(text, STR("%"))) text = STR("percent");
    if (mark->kind != mark_word) {
        word_add(writing, mark, (struct word_facts){word_content, text}, text);
        return;
    }
    if ((mark->capitals || mark->capital) && word_is_double(text) && !str_eq(text, STR("i"))) {
        struct str other = mark->capitals ? double_of(mark) : STR_NONE;
        const struct word_facts name = {word_content, other.at ? other : text};
        word_add(writing, mark, name, name.as);
        struct alike_word *last = &writing->reading->words[writing->reading->count - 1];
        if (!other.at) last->kind = mark_symbol; /* it is not what it is in small letters */
        return;
    }
    struct word_facts facts = word_facts(text);
    if (facts.kind == word_content && str_eq(facts.as, text) && !mark->capital) {
        struct str one = singular(text);
        if (!str_eq(one, text)) facts = word_facts(one);
    }
    const struct str says = facts.kind == word_dropped ? dropped_says(writing->reading, mark) : STR_NONE;
    if (says.at) facts = (struct word_facts){word_question, says};
    switch (facts.kind) {
    case word_dropped: writing->begins = true; return;
    case word_role:
        role_flush(writing);
        writing->role = facts.as;
        writing->begins = true;
        return;
    default: word_add(writing, mark, facts, facts.as);
    }
}

/* The longest row of words from here on, in capitals or not; what it is folded to is put. Answers how many marks. */
static size_t phrase_read(struct words_writing *writing, size_t at) {
    const struct alike_reading *reading = writing->reading;
    struct str ahead[phrase_words_max], as;
    size_t count = 0;
    for (; count < phrase_words_max && at + count < reading->mark_count; count++) {
        const struct mark *mark = &reading->marks[at + count];
        if (mark->kind != mark_word || mark->capitals) break;
        ahead[count] = mark->text;
    }
    size_t found = count ? phrase_find(ahead, count, &as) : 0;
    if (!found) return 0;
    struct mark mark = {.kind = mark_word, .text = as};
    if (as.len)
        alike_mark_read(writing, &mark);
    else
        writing->begins = true;
    return found;
}

/* "could you", before a word that an assistant is asked by. */
static size_t you_read(const struct alike_reading *reading, size_t at) {
    static const struct str ask[] = {STR("can"), STR("could"), STR("would"), STR("will")};
    const struct mark *marks = reading->marks;
    size_t asks = 0, next = at + 2;
    while (asks < 4 && !str_eq(marks[at].text, ask[asks])) asks++;
    if (asks == 4 || at + 1 >= reading->mark_count || !str_eq(marks[at + 1].text, STR("you"))) return 0;
    while (next < reading->mark_count && str_eq(marks[next].text, STR("please"))) next++;
    if (next >= reading->mark_count || !word_is_asked_of_you(marks[next].text)) return 0;
    return next - at;
}

/* -- of -- */

static void words_turn(struct alike_word *words, size_t from, size_t middle, size_t to) {
    struct alike_word moved[alike_words_max];
    memcpy(moved, words + from, (middle - from) * sizeof *words);
    memmove(words + from, words + middle, (to - middle) * sizeof *words);
    memcpy(words + from + (to - middle), moved, (middle - from) * sizeof *words);
}

/* "capital of France" is "France capital". From the last one on, so that what is of something is whole. */
static void of_turn(struct alike_reading *reading) {
    struct alike_word *words = reading->words;
    for (size_t at = reading->count; at-- > 1;) {
        if (!str_eq(words[at].role, STR("of"))) continue;
        size_t from = at - 1, to = at + 1;
        while (from > 0 && !words[from].begins && !words[from].role.len) from--;
        while (to < reading->count && !words[to].begins && !words[to].role.len) to++;
        words[at].role = words[from].role;
        words[at].begins = words[from].begins;
        words[from].role = nothing;
        words[from].begins = false;
        words_turn(words, from, at, to);
    }
}

void alike_words_read(struct alike_reading *reading) {
    struct words_writing writing = {.reading = reading, .role = nothing, .begins = true};
    bool started = false;
    short_forms_write_out(reading);
    reading->yes_or_no = false;
    for (size_t at = 0, found; at < reading->mark_count && !reading->too_long; at += found) {
        const size_t before = reading->count;
        found = you_read(reading, at);
        if (found) continue;
        found = phrase_read(&writing, at);
        if (found) {
            started |= reading->count > before;
            continue;
        }
        if (!started && !reading->marks[at].capitals)
            reading->yes_or_no = word_begins_yes_or_no(reading->marks[at].text);
        started = true;
        alike_mark_read(&writing, &reading->marks[at]);
        found = 1;
    }
    role_flush(&writing);
    of_turn(reading);
}
