/* mock_schema.c - see mock_schema.h. Must never follow a schema deeper than depth_max: a schema may refer to itself. */
#include "mock/mock_schema.h"

#include <math.h>

enum { depth_max = 12, items_max = 8 };

struct writing {
    struct text *text;
    const struct json_value *root;
    struct str filler;
};

static void value_write(struct writing *writing, const struct json_value *schema, unsigned depth);

static bool mock_schema_is_str(const struct json_value *value) { return json_str(value, STR_NONE).at != NULL; }

/* A JSON value that stands in the schema itself (enum, const): scalars only, others are null. */
static void literal_write(struct writing *writing, const struct json_value *value) {
    double number = json_double(value, NAN);
    if (mock_schema_is_str(value))
        text_put_json(writing->text, json_str(value, STR("")));
    else if (!isnan(number) && number == (double)json_i64(value, 0))
        text_put_i64(writing->text, json_i64(value, 0));
    else if (!isnan(number))
        text_printf(writing->text, "%g", number);
    else if (json_bool(value, false) == json_bool(value, true))
        text_put(writing->text, json_bool(value, false) ? STR("true") : STR("false"));
    else
        text_put(writing->text, STR("null"));
}

/* "#/$defs/step" and "#/definitions/step" and "#" */
static const struct json_value *reference_follow(const struct writing *writing, struct str reference) {
    const struct json_value *at = writing->root;
    struct str rest = str_slice(reference, str_starts(reference, STR("#/")) ? 2 : 1, reference.len), piece;
    while (rest.len && str_split_next(&rest, '/', &piece)) {
        char key[128];
        str_copy(key, sizeof key, piece);
        at = json_member(at, key);
    }
    return at;
}

/* "string" of "string" or of ["null", "string"]; empty when the schema does not say. */
static struct str type_of(const struct json_value *schema) {
    const struct json_value *type = json_member(schema, "type");
    struct str first = STR("");
    size_t place = 0;
    if (mock_schema_is_str(type)) return json_str(type, STR(""));
    for (const struct json_value *at; (at = json_each(type, &place, NULL));)
        if (first.len == 0 && !str_eq(json_str(at, STR("")), STR("null"))) first = json_str(at, STR(""));
    if (first.len) return first;
    if (json_member(schema, "properties")) return STR("object");
    if (json_member(schema, "items")) return STR("array");
    return STR("");
}

static void object_write(struct writing *writing, const struct json_value *schema, unsigned depth) {
    const struct json_value *properties = json_member(schema, "properties");
    size_t place = 0;
    struct str key;
    text_put_byte(writing->text, '{');
    for (const struct json_value *at; (at = json_each(properties, &place, &key));) {
        text_json_key(writing->text, key);
        value_write(writing, at, depth + 1);
    }
    text_put_byte(writing->text, '}');
}

static void array_write(struct writing *writing, const struct json_value *schema, unsigned depth) {
    int64_t count = json_i64(json_member(schema, "minItems"), 1);
    if (count < 1) count = 1;
    text_put_byte(writing->text, '[');
    for (int64_t i = 0; i < count && i < items_max; i++) {
        text_json_comma(writing->text);
        value_write(writing, json_member(schema, "items"), depth + 1);
    }
    text_put_byte(writing->text, ']');
}

static void string_write(struct writing *writing, const struct json_value *schema) {
    static const struct {
        struct str format, example;
    } formats[] = {
        {STR("date-time"), STR("2026-01-02T03:04:05Z")},
        {STR("date"), STR("2026-01-02")},
        {STR("time"), STR("03:04:05")},
        {STR("email"), STR("someone@example.com")},
        {STR("ipv4"), STR("192.0.2.1")},
        {STR("uri"), STR("https://example.com/")},
        {STR("uuid"), STR("00000000-0000-4000-8000-000000000000")},
    };
    struct str format = json_str(json_member(schema, "format"), STR(""));
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++) {
        if (!str_eq(formats[i].format, format)) continue;
        text_put_json(writing->text, formats[i].example);
        return;
    }
    text_put_json(writing->text, writing->filler);
}

static void number_write(struct writing *writing, const struct json_value *schema, bool whole) {
    double least =
        json_double(json_member(schema, "minimum"), json_double(json_member(schema, "exclusiveMinimum"), 0) + 1);
    double most = json_double(json_member(schema, "maximum"), INFINITY);
    if (least > most) least = most;
    if (whole)
        text_put_i64(writing->text, fabs(least) < 9e15 ? (int64_t)ceil(least) : 0);
    else
        text_printf(writing->text, "%g", isfinite(least) ? least : 0.0);
}

/* Recursion bounded by depth_max. */
static void value_write(struct writing *writing, const struct json_value *schema, unsigned depth) {
    static const char *const choices[] = {"anyOf", "oneOf", "allOf"};
    size_t place = 0;
    if (depth > depth_max) {
        text_put(writing->text, STR("null"));
        return;
    }
    struct str reference = json_str(json_member(schema, "$ref"), STR(""));
    if (reference.len && reference.at[0] == '#') {
        value_write(writing, reference_follow(writing, reference), depth + 1);
        return;
    }
    for (size_t i = 0; i < sizeof choices / sizeof *choices; i++) {
        const struct json_value *chosen = json_each(json_member(schema, choices[i]), &place, NULL);
        if (!chosen) continue; /* place is still 0 */
        value_write(writing, chosen, depth + 1);
        return;
    }
    if (json_member(schema, "const")) {
        literal_write(writing, json_member(schema, "const"));
        return;
    }
    if (json_count(json_member(schema, "enum"))) {
        literal_write(writing, json_each(json_member(schema, "enum"), &place, NULL));
        return;
    }
    struct str type = type_of(schema);
    if (str_eq(type, STR("object")))
        object_write(writing, schema, depth);
    else if (str_eq(type, STR("array")))
        array_write(writing, schema, depth);
    else if (str_eq(type, STR("integer")))
        number_write(writing, schema, true);
    else if (str_eq(type, STR("number")))
        number_write(writing, schema, false);
    else if (str_eq(type, STR("boolean")))
        text_put(writing->text, STR("true"));
    else if (str_eq(type, STR("string")))
        string_write(writing, schema);
    else
        text_put(writing->text, STR("null"));
}

void mock_schema_write(struct text *text, const struct json_value *schema, struct str filler) {
    struct writing writing = {text, schema, filler};
    if (schema && json_count(schema))
        value_write(&writing, schema, 0);
    else
        text_put(text, STR("{}"));
}
