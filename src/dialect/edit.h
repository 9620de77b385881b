/* edit.h - a body in its caller's own dialect, but for members that its target refuses or calls otherwise: they are cut
 * out, renamed or said anew where they stand, and every other byte stays. Pure. */
#ifndef WEIR_DIALECT_EDIT_H
#define WEIR_DIALECT_EDIT_H

#include "dialect/codec.h"

/* A member that is not sent as it stands. */
struct edit_rule {
    struct str inside; /* of which object at the top; empty: at the top itself */
    struct str key;    /* in Google's, also with underscores */
    enum {
        edit_remove,
        edit_rename,
        edit_replace,
        edit_set /* replaced where it stands with another value, put in where it does not stand */
    } what;
    struct str with;  /* the new name, plain; the new value, as JSON */
    uint64_t feature; /* noted when it stands there; 0: nothing is lost */
};

enum { edit_rules_max = 64, edit_insides_max = 4 };

struct edit_wants {
    const struct edit_rule *rules;     /* of two for the same key the first counts */
    size_t rule_count;                 /* at most edit_rules_max, inside of at most edit_insides_max objects */
    bool system_not_developer;         /* messages[].role */
    const struct codec_quirks *ids_of; /* whose ids of calls the messages must have; NULL: any */
};

/* The whole body in the arena; itself where nothing had to be changed. `touched`: features of the rules that fitted.
 * The body is one JSON object. false: no memory. */
bool edit_body(struct str body, const struct edit_wants *wants, struct arena *arena, struct str *edited,
               uint64_t *touched);

/* The body with this number as the value of `key`, at its top or in every object `inside` that stands there: wherever
 * and however often it is written, else put in front. With `inside`, names may be written with underscores. The
 * body is one JSON object. false: no memory. */
bool edit_number(struct str body, struct str inside, struct str key, int64_t number, struct arena *arena,
                 struct str *edited);

#endif
