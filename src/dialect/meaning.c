/* meaning.c - a walk through the tree with a stack of its own, as deep as JSON may be. */
#include "dialect/meaning.h"

#include <stdlib.h>

#include "base/limits.h"

struct meaning_member {
    struct str name;
    const struct json_value *value;
};

/* A container that is being written. */
struct meaning_level {
    const struct json_value *array; /* NULL: an object */
    size_t place;                   /* in the array */
    struct meaning_member *members; /* of an object, sorted */
    size_t next, count;
    bool plain; /* marks are left out of it, or of what lies in it */
};

static void meaning_string_put(struct text *text, struct str s) {
    text_put_byte(text, 's');
    text_put_u64(text, s.len);
    text_put_byte(text, ':');
    text_put(text, s);
    text_put_byte(text, ';');
}

/* Its digits without nought at either end, and the power of ten behind them. An exponent that nobody can mean stays as
 * it is written. */
static void meaning_number_put(struct text *text, struct str raw) {
    enum { exponent_digits_max = 9 };
    bool negative = raw.len && raw.at[0] == '-', below = false;
    size_t at = negative, first = SIZE_MAX, last = 0, point = SIZE_MAX, mark = raw.len;
    for (size_t i = at; i < raw.len && mark == raw.len; i++) {
        if (raw.at[i] == '.') point = i;
        if ((raw.at[i] | 0x20) == 'e') mark = i;
        if (raw.at[i] < '1' || raw.at[i] > '9') continue;
        if (first == SIZE_MAX) first = i;
        last = i;
    }
    if (first == SIZE_MAX) {
        text_put(text, STR("#0;"));
        return;
    }
    size_t digits = mark < raw.len ? mark + 1 : mark;
    if (digits < raw.len && (raw.at[digits] == '-' || raw.at[digits] == '+')) below = raw.at[digits++] == '-';
    while (digits < raw.len && raw.at[digits] == '0') digits++;
    if (raw.len - digits > exponent_digits_max) {
        text_put_byte(text, '=');
        text_put(text, raw);
        text_put_byte(text, ';');
        return;
    }
    int64_t exponent = 0;
    for (; digits < raw.len; digits++) exponent = exponent * 10 + (raw.at[digits] - '0');
    if (below) exponent = -exponent;
    size_t ones = point == SIZE_MAX ? mark : point; /* behind the digit that counts ones */
    exponent += last < ones ? (int64_t)(ones - 1 - last) : -(int64_t)(last - ones);
    text_put(text, negative ? STR("#-") : STR("#"));
    for (size_t i = first; i <= last; i++)
        if (i != point) text_put_byte(text, raw.at[i]);
    text_put_byte(text, 'e');
    text_put_i64(text, exponent);
    text_put_byte(text, ';');
}

static bool is_among(const struct str *names, size_t count, struct str name) {
    for (size_t i = 0; i < count; i++)
        if (str_eq(names[i], name)) return true;
    return false;
}

static int by_name(const void *a, const void *b) {
    const struct str one = ((const struct meaning_member *)a)->name, other = ((const struct meaning_member *)b)->name;
    size_t least = one.len < other.len ? one.len : other.len;
    int order = least ? memcmp(one.at, other.at, least) : 0;
    return order ? order : (one.len > other.len) - (one.len < other.len);
}

/* false: no memory, or a name stands twice: among those that are left out, too. */
static bool members_sort(const struct json_value *object, struct arena *arena, struct meaning_level *level) {
    size_t place = 0, count = json_count(object);
    struct str name = STR_NONE;
    *level = (struct meaning_level){.members = arena_take(arena, (count + 1) * sizeof *level->members)};
    if (!level->members) return false;
    for (const struct json_value *value; level->count < count && (value = json_each(object, &place, &name));)
        level->members[level->count++] = (struct meaning_member){name, value};
    if (count > 1) qsort(level->members, level->count, sizeof *level->members, by_name);
    for (size_t i = 1; i < level->count; i++)
        if (str_eq(level->members[i - 1].name, level->members[i].name)) return false;
    return true;
}

/* A scalar, at once. false: it is a container. */
static bool meaning_scalar_put(const struct json_value *value, struct arena *arena, struct text *text) {
    switch (json_kind(value)) {
    case json_null: text_put_byte(text, 'n'); return true;
    case json_true: text_put_byte(text, 't'); return true;
    case json_false: text_put_byte(text, 'f'); return true;
    case json_string: meaning_string_put(text, json_str(value, STR(""))); return true;
    case json_number: meaning_number_put(text, json_raw(value, arena)); return true;
    default: return false;
    }
}

/* What comes next in a container; NULL: nothing, and its end has been written. */
static const struct json_value *level_next(struct meaning_level *level, const struct meaning_rules *rules, bool top,
                                           struct text *text, bool *plain) {
    *plain = level->plain;
    if (level->array) {
        const struct json_value *value = json_each(level->array, &level->place, NULL);
        if (!value) text_put_byte(text, ']');
        return value;
    }
    while (level->next < level->count) {
        const struct meaning_member *member = &level->members[level->next++];
        if (top && is_among(rules->without, rules->without_count, member->name)) continue;
        if (level->plain && rules->marks.len && str_eq(member->name, rules->marks)) continue;
        *plain = level->plain && is_among(rules->plain, rules->plain_count, member->name);
        meaning_string_put(text, member->name);
        return member->value;
    }
    text_put_byte(text, '}');
    return NULL;
}

/* false: as members_sort. */
static bool level_open(const struct json_value *value, bool plain, struct arena *arena, struct meaning_level *level,
                       struct text *text) {
    bool array = json_kind(value) == json_array;
    if (array)
        *level = (struct meaning_level){.array = value};
    else if (!members_sort(value, arena, level))
        return false;
    level->plain = plain;
    text_put_byte(text, array ? '[' : '{');
    return true;
}

bool meaning_put(const struct json_value *root, const struct meaning_rules *rules, struct arena *arena,
                 struct text *text) {
    if (!root) return false;
    if (meaning_scalar_put(root, arena, text)) return !text->failed;
    struct meaning_level *levels = arena_take(arena, (limit_json_depth + 1) * sizeof *levels);
    if (!levels || !level_open(root, true, arena, &levels[0], text)) return false;
    for (size_t depth = 1; depth > 0 && !text->failed;) {
        bool plain;
        const struct json_value *value = level_next(&levels[depth - 1], rules, depth == 1, text, &plain);
        if (!value)
            depth--;
        else if (value == rules->any)
            text_put_byte(text, '*');
        else if (!meaning_scalar_put(value, arena, text) &&
                 (depth > limit_json_depth || !level_open(value, plain, arena, &levels[depth++], text)))
            return false;
    }
    return !text->failed;
}
