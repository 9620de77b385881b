/* alike.c - two rows of words, side by side. */
#include "core/alike.h"

#include "core/alike_read.h"

struct str alike_name(enum alike alike) {
    static const struct str names[] = {
#define X(name, sentence) STR(#name),
        ALIKE_TABLE(X)
#undef X
    };
    return names[alike];
}

const char *alike_sentence(enum alike alike) {
    static const char *const sentences[] = {
#define X(name, sentence) sentence,
        ALIKE_TABLE(X)
#undef X
    };
    return sentences[alike];
}

static bool word_is(const struct alike_word *one, const struct alike_word *other) {
    return one->kind == other->kind && str_eq(one->text, other->text);
}

/* What a word is that one has and the other has not. */
static enum alike kind_of_difference(const struct alike_word *word) {
    if (word->kind == mark_number) return alike_numbers;
    switch (word->facts.kind) {
    case word_negation: return alike_negation;
    case word_question: return alike_question;
    case word_date: return alike_dates;
    case word_unit: return alike_units;
    default: return word->name ? alike_names : alike_words;
    }
}

/* Words of the first that the other has not as often: the gravest kind. */
static enum alike words_lacking(const struct alike_reading *one, const struct alike_reading *other) {
    bool taken[alike_words_max] = {false};
    enum alike gravest = alike_same;
    for (size_t i = 0; i < one->count; i++) {
        size_t at = 0;
        while (at < other->count && (taken[at] || !word_is(&one->words[i], &other->words[at]))) at++;
        if (at < other->count) {
            taken[at] = true;
            continue;
        }
        enum alike found = kind_of_difference(&one->words[i]);
        if (gravest == alike_same || found < gravest) gravest = found;
    }
    return gravest;
}

/* From these places on, round their ends: the same words after the same prepositions. */
static bool rows_are_same(const struct alike_reading *one, size_t from, const struct alike_reading *other) {
    for (size_t i = 0; i < other->count; i++) {
        const struct alike_word *word = &one->words[(from + i) % one->count];
        if (!word_is(word, &other->words[i]) || !str_eq(word->role, other->words[i].role)) return false;
    }
    return true;
}

/* "In Python, how do I sort a list" and "how do I sort a list in Python": what a preposition leads may stand at either
 * end. */
static bool order_is_same(const struct alike_reading *one, const struct alike_reading *other) {
    if (rows_are_same(one, 0, other)) return true;
    for (size_t from = 1; from < one->count; from++)
        if ((one->words[0].role.len || one->words[from].role.len) && rows_are_same(one, from, other)) return true;
    return false;
}

/* In any language: but for blanks, stops and the capital that a sentence begins with. */
static bool marks_are_same(const struct alike_reading *one, const struct alike_reading *other) {
    if (one->mark_count != other->mark_count) return false;
    for (size_t i = 0; i < one->mark_count; i++)
        if (one->marks[i].kind != other->marks[i].kind || one->marks[i].capital != other->marks[i].capital ||
            one->marks[i].capitals != other->marks[i].capitals || !str_eq(one->marks[i].text, other->marks[i].text))
            return false;
    return true;
}

/* Is more left than question words? */
static bool says_something(const struct alike_reading *reading) {
    for (size_t i = 0; i < reading->count; i++)
        if (reading->words[i].kind != mark_word || reading->words[i].facts.kind != word_question) return true;
    return false;
}

/* Its blanks and its signs may be what it says. */
static bool text_is_code(struct str text) {
    static const struct str signs = STR("{}[]<>=|\\`^~@$");
    for (size_t i = 0; i < text.len; i++)
        if (str_find_byte(signs, text.at[i]) != SIZE_MAX) return true;
    return false;
}

enum alike alike_judge(struct str one, struct str other) {
    struct alike_reading first, second;
    if (str_eq(one, other)) return alike_same;
    if (text_is_code(one) || text_is_code(other)) return alike_other;
    alike_marks_read(one, &first);
    alike_marks_read(other, &second);
    if (first.too_long || second.too_long) return alike_long;
    if (marks_are_same(&first, &second)) return alike_same;
    if (!alike_is_english(&first) && !alike_is_english(&second)) return alike_other;
    alike_words_read(&first);
    alike_words_read(&second);
    if (first.too_long || second.too_long) return alike_long;
    if (!says_something(&first) || !says_something(&second)) return alike_words; /* "who am I", "who are we" */
    enum alike lacks = words_lacking(&first, &second), more = words_lacking(&second, &first);
    if (lacks == alike_same || (more != alike_same && more < lacks)) lacks = more;
    if (lacks != alike_same) return lacks;
    if (first.yes_or_no != second.yes_or_no) return alike_question;
    return order_is_same(&first, &second) ? alike_same : alike_order;
}

/* -- answers -- */

static bool answer_word_counts(const struct mark *mark) {
    return mark->kind == mark_number || (mark->kind == mark_word && word_facts(mark->text).kind != word_dropped &&
                                         word_facts(mark->text).kind != word_role);
}

static bool marks_have(const struct alike_reading *reading, struct str text) {
    for (size_t i = 0; i < reading->mark_count; i++)
        if (str_eq(reading->marks[i].text, text)) return true;
    return false;
}

double alike_share(struct str one, struct str other) {
    enum { number_weighs = 3, read_most = 2000 };
    struct alike_reading first, second;
    struct alike_reading *shorter = &first, *longer = &second;
    double both = 0, all = 0;
    alike_marks_read(str_slice(one, 0, read_most), &first);
    alike_marks_read(str_slice(other, 0, read_most), &second);
    if (first.mark_count > second.mark_count) {
        shorter = &second;
        longer = &first;
    }
    for (size_t i = 0; i < shorter->mark_count; i++) {
        const struct mark *mark = &shorter->marks[i];
        double weight = mark->kind == mark_number ? number_weighs : 1;
        if (!answer_word_counts(mark)) continue;
        all += weight;
        if (marks_have(longer, mark->text)) both += weight;
    }
    return all > 0 ? both / all : (longer->mark_count ? 0 : 1);
}
