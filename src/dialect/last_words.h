/* last_words.h - the words of a chat's last message, where that is its user's and says one text: beside it there may
 * be images and files, but no other text and no tool's result. Pure. */
#ifndef WEIR_DIALECT_LAST_WORDS_H
#define WEIR_DIALECT_LAST_WORDS_H

#include "dialect/endpoint.h"
#include "dialect/json.h"

/* The string itself, in the request's body of that dialect; NULL: there is none, or it is not the only text. */
const struct json_value *last_words(enum dialect dialect, const struct json_value *root);

#endif
