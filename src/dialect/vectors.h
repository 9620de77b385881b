/* vectors.h - lists of numbers, as replies of embeddings hold them. Pure. */
#ifndef WEIR_DIALECT_VECTORS_H
#define WEIR_DIALECT_VECTORS_H

#include "dialect/json.h"
#include "dialect/message.h"

/* A list of numbers and nothing else. */
bool vector_is(const struct json_value *value);
/* Takes every element of the list as a vector, raw and in the arena; an object stands for its `member` (NULL: there are
 * none). false: one of them is no vector, or no memory. */
bool vectors_read(const struct json_value *list, const char *member, struct arena *arena, struct embed_reply *reply);
/* Little-endian floats in base64, as OpenAI's encoding_format asks for: of the list that `raw` holds, and as such a
 * list in the arena ({NULL,0}: they are none). */
void vector_base64_put(struct text *text, struct str raw);
struct str vector_from_base64(struct str base64, struct arena *arena);
/* [[...],[...]] */
void vectors_put(struct text *text, const struct embed_reply *reply);
/* How many numbers the first vector holds; 0: there is none. */
size_t vectors_width(const struct embed_reply *reply);

#endif
