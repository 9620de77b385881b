/* alike.h - do two texts ask for the same? What two vectors cannot tell ("enable 2FA" and "disable 2FA" are nearer than
 * two ways of saying enable) is looked at here, word by word: they do, where nothing is left that one says and the
 * other does not, once what carries no meaning is taken off.
 *
 *   "Could you tell me how I can reset my password?"   howto reset password
 *   "How do I reset the passwords"                     howto reset password
 *   "capital of France", "France's capital"            france capital
 *
 * Off go courtesy, articles, `my`, and `is`, `do`, `what` where they say nothing; plurals and the words of a table
 * (alike_words.h) are folded.
 *
 * All else stands, in its order, with the preposition before it: numbers, names, negations, dates, units, question
 * words, times of verbs. It errs to one side: what is said in another way than it knows is taken for another thing. Its
 * tables are English; a text that is not has to be the same but for blanks and stops, and code to the byte. Pure. */
#ifndef WEIR_CORE_ALIKE_H
#define WEIR_CORE_ALIKE_H

#include "base/str.h"

/* X(name, what one says and the other does not) */
#define ALIKE_TABLE(X)                                      \
    X(same, "nothing")                                      \
    X(numbers, "a number")                                  \
    X(negation, "a negation")                               \
    X(question, "what is asked of it")                      \
    X(dates, "a date or a time")                            \
    X(units, "a unit")                                      \
    X(names, "a name")                                      \
    X(words, "a word")                                      \
    X(order, "the order of its words")                      \
    X(other, "a text that is not English, or that is code") \
    X(long, "more words than are compared")

enum alike {
#define X(name, sentence) alike_##name,
    ALIKE_TABLE(X)
#undef X
        alikes
};

/* alike_same: they do; else the first of those that they differ in. */
enum alike alike_judge(struct str one, struct str other);
/* "numbers", ...; and its sentence. */
struct str alike_name(enum alike alike);
const char *alike_sentence(enum alike alike);

/* Of two answers: the share of their words that both have, of the shorter one's, numbers counting as many words. 0
 * to 1.
 */
double alike_share(struct str one, struct str other);

#endif
