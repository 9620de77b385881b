/* fields.h - the plain members of JSON objects as tables: where each stands in a struct, so that one table both reads
 * and writes it. */
#ifndef WEIR_DIALECT_FIELDS_H
#define WEIR_DIALECT_FIELDS_H

#include "base/error.h"
#include "base/text.h"
#include "dialect/json.h"
#include "dialect/message.h"

enum field_kind {
    field_double, /* NAN: absent */
    field_int,    /* int64_t; MESSAGE_NO_INT: absent */
    field_str,    /* {NULL,0}: absent */
    field_raw,    /* struct str, any JSON */
    field_flag,   /* enum message_flag */
};

struct field {
    struct str name;
    enum field_kind kind;
    size_t at; /* offsetof */
};

/* The field of that name takes the value; null leaves it absent. field_wrong: it is of another type. */
enum field_taken { field_unknown, field_took, field_wrong };
enum field_taken field_take(const struct field *fields, size_t count, struct str name, const struct json_value *value,
                            void *into, struct arena *arena);
/* "a number", "a string", ...: what the field of that name wants. */
const char *field_wants(const struct field *fields, size_t count, struct str name);
/* Every field that is there, as members. */
void fields_put(struct text *text, const struct field *fields, size_t count, const void *from);
/* The shortest decimal that reads back as the same number. */
void text_json_double(struct text *text, struct str name, double value);
/* "name":raw; nothing when there is none. */
void text_json_raw(struct text *text, struct str name, struct str raw);
/* "name":"value"; nothing when there is none. */
void text_json_str_if(struct text *text, struct str name, struct str value);

/* A member that is a string, or {NULL,0}. */
struct str json_member_str(const struct json_value *object, const char *key);
/* Texts to embed as one member that is a string or a list of them ("text", "inputs"), and nothing else; read from a
 * path that names the model. false: *error, *param. */
bool embed_texts_read(struct str body, const char *member, struct str path_model, struct arena *arena,
                      struct embed_request *request, struct error *error, struct str *param);
void embed_texts_put(const struct embed_request *request, struct str member, struct text *body);
/* A member that no field takes, kept as it is; `most`: how many there can be. false: no memory. */
bool extra_add(struct message_request *request, size_t most, struct str name, const struct json_value *value,
               struct arena *arena);
/* A member of a request that is one of the fields, or else an extra; null is left out. false: *error, *param. */
bool plain_take(const struct field *fields, size_t count, size_t most, struct str name, const struct json_value *value,
                struct message_request *request, struct arena *arena, struct error *error, struct str *param);
/* The same for all members of the request but those that are `special` (behind the last: NULL). */
bool plain_read(const struct json_value *root, const struct field *fields, size_t count, const char *const *special,
                struct message_request *request, struct arena *arena, struct error *error, struct str *param);
/* The strings of a list, or one string, in the arena; whatever else stands in the list is left out. false: no memory.
 */
bool strings_read(const struct json_value *value, struct arena *arena, struct str **list, size_t *count);
/* ["a","b"] */
void strings_put(struct text *text, const struct str *list, size_t count);
/* A dialect's words for why an answer ended; of two for the same the one that is written stands first. */
struct finish_name {
    struct str name;
    enum message_finish finish;
};
/* `other`: where there is no word for it. */
struct str finish_name_of(const struct finish_name *names, size_t count, enum message_finish finish, struct str other);
/* A word that is not known is finish_stop: the answer has ended. */
enum message_finish finish_of_name(const struct finish_name *names, size_t count, struct str name);
/* A count of tokens; -1 where there is none, or one that cannot be. */
int64_t json_tokens(const struct json_value *object, const char *key);
/* A JSON object as text on one line, or {"<key>": the text} where it is none: some dialects take objects only. */
void text_put_object(struct text *text, struct str json, const char *key);
/* Says that the member is not what it must be ("a string"). false. */
bool codec_wrong(struct error *error, struct str *param, struct str name, const char *wants);
/* Parses what a stranger sent; false: *error says what is wrong at which byte. */
bool codec_parse(struct str body, struct arena *arena, const struct json_value **root, struct error *error);

#endif
