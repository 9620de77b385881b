/* schema.c - see schema.h. One walk with a stack of its own: a schema is a stranger's and may be deep. What stands
 * below `enum`, `const`, `default` and examples is data and no schema: it is copied. */
#include "dialect/schema.h"

#include <string.h>

#include "dialect/skim.h"

enum { schema_depth_max = 64, ordered_most = 256 };

enum place_kind {
    place_schema, /* its members are keywords */
    place_names,  /* its members are schemas by name: properties, $defs */
    place_list    /* its elements are schemas: anyOf */
};

struct place {
    enum place_kind kind;
    const struct json_value *value;
    const struct json_value *order; /* of the names: Google's propertyOrdering; NULL: as they stand */
    size_t at;
    bool in_order;  /* the ordered ones are being put */
    size_t ordered; /* of those */
    bool nullable;  /* Google's; and whether a list of alternatives is to take it */
    bool is_object; /* it says so, or has properties */
    bool closed;    /* additionalProperties stands there */
};

struct walk {
    struct text *text;
    const struct schema_wants *wants;
    struct place places[schema_depth_max];
    unsigned depth;
    bool changed;
};

static bool is_one_of(struct str name, const char *const *names) {
    for (; *names; names++)
        if (str_eq(name, str_from(*names))) return true;
    return false;
}

/* Google's SDKs write both spellings. */
static struct str camel(struct str name, char *buffer, size_t size) {
    size_t len = 0;
    if (name.len > size) return name;
    for (size_t i = 0; i < name.len; i++) {
        bool up = name.at[i] == '_' && i > 0 && i + 1 < name.len && name.at[i + 1] >= 'a' && name.at[i + 1] <= 'z';
        buffer[len++] = up ? (char)(name.at[++i] - 'a' + 'A') : name.at[i];
    }
    return str_make(buffer, len);
}

static const struct json_value *keyword(const struct walk *walk, const struct json_value *schema, const char *name) {
    const struct json_value *found = json_member(schema, name);
    size_t place = 0;
    struct str key;
    char buffer[64];
    if (found || !walk->wants->from_google || json_kind(schema) != json_object) return found;
    for (const struct json_value *value; (value = json_each(schema, &place, &key));)
        if (str_eq(camel(key, buffer, sizeof buffer), str_from(name))) return value;
    return NULL;
}

/* -- types -- */

static void type_word_put(struct walk *walk, struct str word) {
    char lower[16];
    if (word.len > sizeof lower || !walk->wants->from_google) {
        text_put_json(walk->text, word);
        return;
    }
    for (size_t i = 0; i < word.len; i++)
        lower[i] = word.at[i] >= 'A' && word.at[i] <= 'Z' ? (char)(word.at[i] | 0x20) : word.at[i];
    walk->changed |= memcmp(lower, word.at, word.len) != 0;
    text_put_json(walk->text, str_make(lower, word.len));
}

static void schema_type_put(struct walk *walk, const struct place *place, const struct json_value *type) {
    if (json_kind(type) != json_string) {
        text_json_key(walk->text, STR("type"));
        json_put(walk->text, type);
        return;
    }
    struct str word = json_str(type, STR(""));
    if (str_eq(word, STR("TYPE_UNSPECIFIED"))) return;
    text_json_key(walk->text, STR("type"));
    if (place->nullable) text_put_byte(walk->text, '[');
    type_word_put(walk, word);
    if (place->nullable) text_put(walk->text, STR(",\"null\"]"));
}

/* -- keywords -- */

/* 3, which protobuf's JSON writes as "3". */
static bool number_put(struct walk *walk, struct str key, const struct json_value *value) {
    static const char *const counts[] = {"minItems",      "maxItems",      "minLength", "maxLength",
                                         "minProperties", "maxProperties", NULL};
    int64_t number;
    struct str digits = json_str(value, STR(""));
    if (!walk->wants->from_google || !is_one_of(key, counts) || !digits.len || !skim_to_i64(digits, &number))
        return false;
    text_json_i64(walk->text, key, number);
    return walk->changed = true;
}

/* What a vendor that takes plain schemas only answers with a 400. */
static bool is_bound(struct str key, const struct json_value *value) {
    static const char *const bounds[] = {"minimum",     "maximum",       "exclusiveMinimum", "exclusiveMaximum",
                                         "multipleOf",  "minLength",     "maxLength",        "maxItems",
                                         "uniqueItems", "minProperties", "maxProperties",    NULL};
    return is_one_of(key, bounds) || (str_eq(key, STR("minItems")) && json_i64(value, 0) > 1);
}

/* Those of an object; NULL: there are none, or they are no schemas by name. */
static const struct json_value *properties_of(const struct json_value *schema) {
    const struct json_value *properties = json_member(schema, "properties");
    return json_kind(properties) == json_object ? properties : NULL;
}

static void names_put(struct walk *walk, const struct json_value *properties) {
    size_t place = 0;
    struct str name;
    text_json_key(walk->text, STR("required"));
    text_put_byte(walk->text, '[');
    while (json_each(properties, &place, &name)) {
        text_json_comma(walk->text);
        text_put_json(walk->text, name);
    }
    text_put_byte(walk->text, ']');
}

static bool wants(const struct walk *walk, enum model_schema limit) { return walk->wants->limits >> limit & 1; }

/* Keywords that are said in another way, or not at all; true: that is done. */
static bool keyword_say(struct walk *walk, struct place *place, struct str key, const struct json_value *value) {
    const struct json_value *schema = place->value;
    if (str_eq(key, STR("type"))) {
        schema_type_put(walk, place, value);
        return true;
    }
    if (str_eq(key, STR("additionalProperties")) && wants(walk, schema_closed)) {
        walk->changed |= json_kind(value) != json_false;
        text_json_bool(walk->text, key, false);
        return true;
    }
    if (str_eq(key, STR("required")) && wants(walk, schema_required) && properties_of(schema)) return true;
    if (wants(walk, schema_plain) && is_bound(key, value)) return walk->changed = true;
    if (!walk->wants->from_google) return false;
    if (str_eq(key, STR("nullable")) || str_eq(key, STR("propertyOrdering"))) return walk->changed = true;
    if (str_eq(key, STR("enum")) && place->nullable && json_kind(value) == json_array) {
        size_t at = 0;
        text_json_key(walk->text, key);
        text_put_byte(walk->text, '[');
        for (const struct json_value *one; (one = json_each(value, &at, NULL));) {
            text_json_comma(walk->text);
            json_put(walk->text, one);
        }
        text_json_comma(walk->text);
        text_put(walk->text, STR("null]"));
        return walk->changed = true;
    }
    return number_put(walk, key, value);
}

/* -- the walk -- */

static void place_open(struct walk *walk, enum place_kind kind, const struct json_value *value,
                       const struct json_value *order) {
    struct place *place = &walk->places[walk->depth++];
    *place = (struct place){.kind = kind, .value = value, .order = order, .in_order = order != NULL};
    text_put_byte(walk->text, kind == place_list ? '[' : '{');
    if (kind != place_schema) return;
    struct str type = json_str(json_member(value, "type"), STR(""));
    place->nullable = walk->wants->from_google && json_bool(json_member(value, "nullable"), false);
    place->is_object = str_eq_nocase(type, STR("object")) || json_member(value, "properties");
    place->closed = keyword(walk, value, "additionalProperties") != NULL;
}

static void place_close(struct walk *walk) {
    const struct place *place = &walk->places[--walk->depth];
    const struct json_value *properties = properties_of(place->value);
    if (place->kind == place_schema && place->is_object && !place->closed && wants(walk, schema_closed)) {
        text_json_bool(walk->text, STR("additionalProperties"), false);
        walk->changed = true;
    }
    if (place->kind == place_schema && properties && wants(walk, schema_required)) {
        walk->changed |= json_count(json_member(place->value, "required")) != json_count(properties);
        names_put(walk, properties);
    }
    if (place->kind == place_list && place->nullable) {
        text_json_comma(walk->text);
        text_put(walk->text, STR("{\"type\":\"null\"}"));
    }
    text_put_byte(walk->text, place->kind == place_list ? ']' : '}');
}

/* A value that is a schema, or true and false, which are schemas too. */
static void schema_open(struct walk *walk, const struct json_value *value) {
    if (json_kind(value) == json_object && walk->depth < schema_depth_max)
        place_open(walk, place_schema, value, NULL);
    else
        json_put(walk->text, value);
}

static void keyword_put(struct walk *walk, struct place *place, struct str raw_key, const struct json_value *value) {
    static const char *const names[] = {"properties",       "$defs", "definitions", "patternProperties",
                                        "dependentSchemas", NULL},
                             *const lists[] = {"anyOf", "oneOf", "allOf", "prefixItems", NULL},
                             *const ones[] = {"items",    "additionalProperties", "not", "if", "then", "else",
                                              "contains", "propertyNames",        NULL};
    char buffer[64];
    struct str key = walk->wants->from_google ? camel(raw_key, buffer, sizeof buffer) : raw_key;
    if (keyword_say(walk, place, key, value)) return;
    bool nullable = place->nullable && str_eq(key, STR("anyOf"));
    text_json_key(walk->text, key);
    if (is_one_of(key, names) && json_kind(value) == json_object && walk->depth < schema_depth_max) {
        bool properties = str_eq(key, STR("properties")); /* looked for there alone: it walks all keywords */
        const struct json_value *order = properties ? keyword(walk, place->value, "propertyOrdering") : NULL;
        bool ordered = order && json_count(value) <= ordered_most && json_count(order) <= ordered_most &&
                       json_kind(order) == json_array;
        place_open(walk, place_names, value, ordered ? order : NULL);
    } else if (is_one_of(key, lists) && json_kind(value) == json_array && walk->depth < schema_depth_max) {
        place_open(walk, place_list, value, NULL);
        walk->places[walk->depth - 1].nullable = nullable;
    } else if (is_one_of(key, ones)) {
        schema_open(walk, value);
    } else {
        json_put(walk->text, value);
    }
}

/* How often the name stands among the first `most` of the order. */
static size_t times_ordered(const struct json_value *order, struct str name, size_t most) {
    size_t place = 0, times = 0;
    for (const struct json_value *one; most-- && (one = json_each(order, &place, NULL));)
        times += str_eq(json_str(one, STR("")), name);
    return times;
}

static const struct json_value *member_named(const struct json_value *object, struct str name) {
    size_t place = 0;
    struct str key;
    for (const struct json_value *value; (value = json_each(object, &place, &key));)
        if (str_eq(key, name)) return value;
    return NULL;
}

/* The next schema of a map of names: first those of the order, then the others. */
static const struct json_value *name_next(struct place *place, struct str *name) {
    for (const struct json_value *one; place->in_order && (one = json_each(place->order, &place->at, NULL));) {
        *name = json_str(one, STR(""));
        const struct json_value *value = member_named(place->value, *name);
        place->ordered++;
        if (value && times_ordered(place->order, *name, place->ordered) == 1) return value;
    }
    if (place->in_order) place->at = 0;
    place->in_order = false;
    for (const struct json_value *value; (value = json_each(place->value, &place->at, name));)
        if (!place->order || !times_ordered(place->order, *name, SIZE_MAX)) return value;
    return NULL;
}

bool schema_put(struct text *text, const struct json_value *schema, const struct schema_wants *wanted) {
    struct walk walk = {.text = text, .wants = wanted};
    schema_open(&walk, schema);
    while (walk.depth) {
        struct place *place = &walk.places[walk.depth - 1];
        struct str name = STR("");
        const struct json_value *value =
            place->kind == place_names ? name_next(place, &name) : json_each(place->value, &place->at, &name);
        if (!value) {
            place_close(&walk);
            continue;
        }
        if (place->kind == place_schema) {
            keyword_put(&walk, place, name, value);
            continue;
        }
        if (place->kind == place_names)
            text_json_key_any(text, name);
        else
            text_json_comma(text);
        schema_open(&walk, value);
    }
    return walk.changed;
}
