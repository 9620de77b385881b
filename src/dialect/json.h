/* json.h - JSON as a tree: yyjson behind a few readers. For documents of our own (the catalogue, what the admin API is
 * sent) and for messages that must be said in another dialect; what only passes through is skimmed (skim.h). */
#ifndef WEIR_DIALECT_JSON_H
#define WEIR_DIALECT_JSON_H

#include "base/text.h"

struct json; /* a document */
struct json_value;
enum json_kind { json_none, json_null, json_false, json_true, json_number, json_string, json_array, json_object };

/* Lives until json_free. NULL: not JSON (*problem says what, at which byte), or no memory. The text is copied. */
struct json *json_parse(struct str text, const char **problem, size_t *at);
void json_free(struct json *json);
/* The same in an arena, which is all that frees it, for text from strangers: nested at most limit_json_depth deep.
 * Numbers are kept as they are written. Takes about 3 bytes for each of the text, up to 20 where it is all short
 * numbers. The root, or NULL. */
const struct json_value *json_parse_in(struct arena *arena, struct str text, const char **problem, size_t *at);
/* The value as text, its numbers as they were written: in the arena, or put at the end. {NULL,0}: no memory; a value of
 * NULL gives {NULL,0} and puts nothing. */
struct str json_raw(const struct json_value *value, struct arena *arena);
void json_put(struct text *text, const struct json_value *value);
const struct json_value *json_root(const struct json *json);
enum json_kind json_kind(const struct json_value *value); /* json_none: NULL */
bool json_is_whole(const struct json_value *value);       /* a number that fits int64_t */
/* The member of an object, or NULL; NULL in, NULL out. */
const struct json_value *json_member(const struct json_value *value, const char *key);
/* Elements of an array or members of an object, one after the other; start with *place = 0. *key may be NULL. */
const struct json_value *json_each(const struct json_value *value, size_t *place, struct str *key);
size_t json_count(const struct json_value *value); /* of an array or object; else 0 */
/* Each answers the fallback when the value is absent or of another type. */
struct str json_str(const struct json_value *value, struct str fallback);
int64_t json_i64(const struct json_value *value, int64_t fallback);
double json_double(const struct json_value *value, double fallback);
bool json_bool(const struct json_value *value, bool fallback);

#endif
