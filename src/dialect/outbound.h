/* outbound.h - how a provider of each dialect is asked: where, and with which credential. Facts only, as tables. */
#ifndef WEIR_DIALECT_OUTBOUND_H
#define WEIR_DIALECT_OUTBOUND_H

#include "base/header.h"
#include "base/header_names.h"
#include "base/text.h"
#include "dialect/codec.h"
#include "dialect/endpoint.h"

struct outbound_facts {
    struct str key_header;   /* "x-api-key" */
    struct str key_prefix;   /* "Bearer " */
    struct http_header also; /* sent with each request; empty name: none */
    struct str models_path;  /* what a health probe asks for, below the base URL; empty: nothing is known to be cheap */
    unsigned forwards;       /* enum header_use: the caller's headers of this dialect, which go up */
};

const struct outbound_facts *outbound_facts(enum dialect dialect);
/* Does a caller's header of these uses go up to every provider of the dialect? */
bool outbound_forwards(enum dialect dialect, unsigned uses);
/* The dialect's code. */
const struct codec *codec_of(enum dialect dialect);

/* May this model be asked for there? false: it would stand in a path, and lead out of its place. */
bool outbound_model_fits(enum dialect dialect, enum operation operation, struct str model);
/* The request target below the base URL for what is asked, or nothing is put and false: the dialect cannot do it, or
 * the model does not fit. `many`: more than one text to embed. The only place where a model becomes part of a path. */
bool outbound_path(enum dialect dialect, enum operation operation, struct str model, bool stream, bool many,
                   struct text *path);

#endif
