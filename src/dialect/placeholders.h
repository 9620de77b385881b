/* placeholders.h - words that a provider is not to read, and what stands for them on the way: <EMAIL_1>, the same for
 * the same word of one request. They are taken out of a JSON body's strings, and put back into what is answered,
 * whatever cuts it comes in. Memory is the arena's. Not thread-safe. */
#ifndef WEIR_DIALECT_PLACEHOLDERS_H
#define WEIR_DIALECT_PLACEHOLDERS_H

#include "base/pattern.h"
#include "base/redact.h"

enum {
    placeholder_own = redact_kinds, /* of an operator's pattern */
    placeholder_kinds,
    placeholders_max = 4096, /* of one request; further ones are one together, which is not put back */
    placeholder_written_max = 40,
    placeholder_chains = 1024
};

struct placeholders {
    struct placeholder {
        struct str word; /* plain text */
        uint64_t hash;
        unsigned kind, number;
        unsigned short next_word, next_number; /* in its chains: a place and one more; 0: the end */
    } * list;
    size_t count, room;
    unsigned short by_word[placeholder_chains], by_number[placeholder_chains];
    unsigned next[placeholder_kinds];   /* the next number of each kind */
    size_t replaced[placeholder_kinds]; /* places in the body, by kind */
    struct arena *arena;
};

/* "email", "phone", "card", "key", "own". */
struct str placeholder_kind_name(unsigned kind);

/* "redacted email 2 phone 1": how much was taken out. */
void placeholders_told_put(const struct placeholders *placeholders, struct text *text);

/* The body with all that is found in its strings, and its whole numbers, replaced: itself where nothing was. A number
 * is a card's by its check digit, a telephone's by its member's name, and a string then. `own` may be NULL. Left alone
 * are names of members, and values of members that name things (model, type, id, url, data, ...), but not inside the
 * arguments of tools. Numbers that stand in the body as placeholders already are not given again. false: it is not
 * JSON, or there is no memory. */
bool placeholders_take(struct placeholders *placeholders, struct str body, const struct pattern *own,
                       struct arena *arena, struct str *out);

/* Putting back, in JSON of any form (lines and events too): all zero but for `placeholders`. */
struct putting_back {
    const struct placeholders *placeholders;
    bool nested_delta; /* a member `delta` holds JSON as a string */
    bool in_string, nested, was_colon;
    unsigned char key_len, word_len;
    char key[16], word[16]; /* the last string, and the one that is read: as far as they matter */
    char held[placeholder_written_max + 8];
    size_t held_len;
};
/* What can be passed on of the next bytes: appended. */
void put_back(struct putting_back *putting, struct str bytes, struct text *text);
/* It is over: what was held. */
void put_back_end(struct putting_back *putting, struct text *text);
/* Where the last bytes begin that may be a placeholder's first ones; the length: nowhere. Of a string as JSON writes
 * it.
 */
size_t placeholder_cut(struct str written);

#endif
