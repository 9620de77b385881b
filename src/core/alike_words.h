/* alike_words.h - what single words and rows of them are to alike.c: its tables. English. Between its files. */
#ifndef WEIR_CORE_ALIKE_WORDS_H
#define WEIR_CORE_ALIKE_WORDS_H

#include "base/str.h"

enum word_kind {
    word_content,  /* stands for itself */
    word_dropped,  /* carries nothing: articles, `is`, `do`, `my` */
    word_role,     /* a preposition: says what the next one is there for */
    word_question, /* as content, and the next four: */
    word_negation,
    word_date,
    word_unit,
};

struct word_facts {
    enum word_kind kind;
    struct str as; /* what it is folded to; itself, where nothing is said */
};

/* Of a word in lower case. */
struct word_facts word_facts(struct str word);
/* In capitals it is another: IT and it, US and us; or with the first one in the middle of a text: Polish and polish. */
bool word_is_double(struct str word);
/* Its end is no plural's. */
bool word_keeps_its_s(struct str word);
/* Is it such that nearly every English text has one, and texts of other languages do not? Some are so alone. */
bool word_is_english(struct str word, bool *alone);
/* A participle: what it is behind `is` it is not alone. */
bool word_is_done(struct str word);
/* After "could you": it is an assistant that is spoken to. */
bool word_is_asked_of_you(struct str word);
/* Does a question begin with it that is answered by yes or no? */
bool word_begins_yes_or_no(struct str word);

/* The longest row of words, of those that these begin with, that is folded to one (`*as`; empty: to none). Answers how
 * many words it has; 0: there is none. */
enum { phrase_words_max = 8 };
size_t phrase_find(const struct str *words, size_t count, struct str *as);
size_t phrase_count(void);

#endif
