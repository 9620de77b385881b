/* meaning.h - a JSON text as one that is the same for all texts of the same meaning: members in the order of their
 * names, no blanks, strings without escapes, numbers by their value (1, 1.0 and 10e-1 are one; no digit is lost). Two
 * texts of different meaning have different ones. Made to be hashed, not to be read. Pure.
 *
 *   {"b": [1.0, "\u0061"], "a": null}   ->   {s1:a;ns1:b;[#1e0;s1:a;]}
 */
#ifndef WEIR_DIALECT_MEANING_H
#define WEIR_DIALECT_MEANING_H

#include "dialect/json.h"

/* Members that are left out, by their exact names. */
struct meaning_rules {
    const struct str *without; /* of the outermost object */
    size_t without_count;
    const struct str
        *plain;         /* names of members through which `marks` are looked for: of the outermost object and, again */
    size_t plain_count; /* and again, of what lies in them */
    struct str marks;   /* a member of those objects that is left out; empty: none */
    const struct json_value *any; /* in whose place every text would be the same; NULL: none */
};

/* Appends it. `root` is of json_parse_in; what is wanted meanwhile is taken from the arena. false: an object in it has
 * two members of one name, of which readers take the one or the other, or there is no memory. */
bool meaning_put(const struct json_value *root, const struct meaning_rules *rules, struct arena *arena,
                 struct text *text);

#endif
