/* names.h - what a request names beside the model it asks for: other models that the provider may turn to, and things
 * that are stored at the provider. One table of the places where each dialect has them; one pass over the bytes, no
 * tree, no memory. Pure.
 *
 * Keys count in whatever case and with whatever escapes, and however often they stand there: a provider may read any of
 * them. */
#ifndef WEIR_DIALECT_NAMES_H
#define WEIR_DIALECT_NAMES_H

#include "dialect/message.h"
#include "dialect/skim.h"

enum name_kind { name_model, name_stored };

struct name {
    enum name_kind kind;
    bool top;          /* it is what the request asks for: "model":"x" */
    struct str member; /* at the top of the body, where it stands: raw, without quotes */
    struct str value;  /* a string, raw, without quotes; {NULL,0}: something else */
};

enum { names_depth_max = 14, names_key_max = 47 };

/* A key as keys are compared here: in lower case, without `_`, escapes looked through. */
struct name_key {
    bool element; /* of a list: it has none */
    bool is_id;   /* its last word is id or ids */
    unsigned char len;
    char text[names_key_max];
};

struct names {
    enum dialect dialect;
    struct skim skim;
    struct str member;                         /* the raw key at the top that the last token is below */
    struct name_key keys[names_depth_max + 1]; /* on the way to the last token, from depth 1 on */
};

/* A body in this dialect (the caller's, or a provider's own); it need not be good JSON. */
void names_begin(struct names *names, struct str body, enum dialect dialect);
/* The next one; false: there is no other, or the JSON is broken from here on. */
bool names_next(struct names *names, struct name *name);

#endif
