/* alike_read.h - a text as alike.c compares it: what is left of its words, in their order. Between its files. */
#ifndef WEIR_CORE_ALIKE_READ_H
#define WEIR_CORE_ALIKE_READ_H

#include "core/alike_words.h"

enum { alike_words_max = 400, alike_text_max = 4096, alike_folded_max = alike_text_max * 2 };

enum mark_kind { mark_word, mark_number, mark_symbol };

/* A word, number or sign as it stands. */
struct mark {
    enum mark_kind kind;
    struct str text; /* folded to lower case */
    bool capitals;   /* all of it, two letters and more, in a text that is not all in capitals */
    bool capital;    /* its first letter, and it begins no sentence */
};

/* One that counts. */
struct alike_word {
    enum mark_kind kind;
    struct word_facts facts;
    struct str text; /* what it is compared by */
    struct str role; /* the preposition before it; empty: none */
    bool begins;     /* something that was taken off stands before it: a phrase begins */
    bool name;
};

struct alike_reading {
    char folded[alike_folded_max];
    size_t folded_len;
    struct mark marks[alike_words_max];
    size_t mark_count;
    struct alike_word words[alike_words_max];
    size_t count;
    bool too_long, yes_or_no;
};

/* Its marks alone: of any language. */
void alike_marks_read(struct str text, struct alike_reading *reading);
/* Has it what nearly every English text has? */
bool alike_is_english(const struct alike_reading *reading);
/* After that: its words, as English has them. */
void alike_words_read(struct alike_reading *reading);

#endif
