/* edit.c - see edit.h. The places are noted in one walk down each object that a rule is about, then the bytes between
 * them are put together. How many there are the body decides: the list grows in the arena. */
#include "dialect/edit.h"

#include <stdlib.h>

#include "base/check.h"
#include "dialect/openai/openai_codec.h"
#include "dialect/skim.h"

struct cut {
    size_t from, to;
    struct str text;
};

struct editing {
    struct str body;
    struct arena *arena;
    const struct edit_wants *wants;
    struct cut *cuts;
    size_t count, room;
    uint64_t touched;
    uint64_t done; /* a bit per edit_set rule that has been seen to */
    bool failed;
    struct str messages; /* the list at the top; empty: none */
    struct {
        struct str inside, value; /* what rules call it; an object, null, or what its vendor will refuse */
    } below[edit_insides_max];    /* the members at the top that rules are about the inside of */
    size_t below_count;
};

static size_t offset_in(const struct editing *editing, struct str part) { return (size_t)(part.at - editing->body.at); }

static void cut_add(struct editing *editing, size_t from, size_t to, struct str text) {
    if (editing->count == editing->room) {
        size_t room = editing->room ? editing->room * 2 : 16;
        struct cut *bigger = arena_take(editing->arena, room * sizeof *bigger);
        if (!bigger) {
            editing->failed = true;
            return;
        }
        for (size_t i = 0; i < editing->count; i++) bigger[i] = editing->cuts[i];
        editing->cuts = bigger;
        editing->room = room;
    }
    editing->cuts[editing->count++] = (struct cut){from, to, text};
}

static struct str quoted(struct editing *editing, struct str plain) {
    struct text text = text_in_arena(editing->arena, plain.len + 8);
    text_put_json(&text, plain);
    editing->failed |= text.failed;
    return text.failed ? STR("") : text_str(&text);
}

/* -- members -- */

/* max_output_tokens is maxOutputTokens. */
static bool edit_is_spelt(struct str raw, struct str key) {
    size_t at = 0;
    if (skim_is(raw, key)) return true;
    for (size_t i = 0; i < raw.len; i++) {
        if (raw.at[i] == '_') continue;
        if (at == key.len || !str_eq_nocase(str_slice(raw, i, i + 1), str_slice(key, at, at + 1))) return false;
        at++;
    }
    return at == key.len && raw.len > key.len;
}

static const struct edit_rule *rule_of(const struct editing *editing, struct str inside, struct str key) {
    for (size_t i = 0; i < editing->wants->rule_count; i++) {
        const struct edit_rule *rule = &editing->wants->rules[i];
        if (!str_eq(rule->inside, inside)) continue;
        if (inside.len ? edit_is_spelt(key, rule->key) : skim_is(key, rule->key)) return rule;
    }
    return NULL;
}

/* Members that are cut out, one after the other: with the comma behind them, or at the end the one before. */
struct run {
    size_t from;     /* of the first; SIZE_MAX: none */
    size_t kept_end; /* behind the last member that stays; 0: none does */
    size_t end;      /* behind the last that goes */
};

static void run_end(struct editing *editing, struct run *run, size_t next) {
    if (run->from != SIZE_MAX && next)
        cut_add(editing, run->from, next, STR(""));
    else if (run->from != SIZE_MAX)
        cut_add(editing, run->kept_end ? run->kept_end : run->from, run->end, STR(""));
    run->from = SIZE_MAX;
}

/* Where it stands among the objects that are looked into. */
static size_t below_find(const struct editing *editing, struct str inside) {
    size_t at = 0;
    while (at < editing->below_count && !str_eq(editing->below[at].inside, inside)) at++;
    return at;
}

/* What is looked into afterwards: of two of the same name the first. */
static void below_note(struct editing *editing, const struct skim_token *token) {
    if (token->kind == skim_array && skim_is(token->key, STR("messages"))) editing->messages = token->value;
    for (size_t i = 0; i < editing->wants->rule_count; i++) {
        struct str inside = editing->wants->rules[i].inside;
        if (!inside.len || !edit_is_spelt(token->key, inside)) continue;
        if (below_find(editing, inside) < editing->below_count) return;
        CHECKF(editing->below_count < edit_insides_max, "below=%zu", editing->below_count);
        editing->below[editing->below_count].inside = inside;
        editing->below[editing->below_count++].value = token->value;
        return;
    }
}

/* -- members that are put in -- */

static bool is_missing(const struct editing *editing, size_t rule) {
    return editing->wants->rules[rule].what == edit_set && !(editing->done >> rule & 1);
}

/* Those of one object that do not stand there: "a":1,"b":2 */
static void missing_put(struct editing *editing, struct str inside, struct text *text) {
    for (size_t i = 0; i < editing->wants->rule_count; i++) {
        const struct edit_rule *rule = &editing->wants->rules[i];
        if (!is_missing(editing, i) || !str_eq(rule->inside, inside)) continue;
        editing->done |= UINT64_C(1) << i;
        editing->touched |= rule->feature;
        text_json_key_any(text, rule->key);
        text_put(text, rule->with);
    }
}

/* Objects that do not stand in the body, of all that is to be put into them. */
static void insides_put(struct editing *editing, struct text *text) {
    for (size_t i = 0; i < editing->wants->rule_count; i++) {
        struct str inside = editing->wants->rules[i].inside;
        if (!is_missing(editing, i) || !inside.len || below_find(editing, inside) < editing->below_count) continue;
        text_json_key_any(text, inside);
        text_put_byte(text, '{');
        missing_put(editing, inside, text);
        text_put_byte(text, '}');
    }
}

/* At the object's beginning, before what stays of it. */
static void members_insert(struct editing *editing, struct str object, struct str inside, bool keeps) {
    struct text text = text_in_arena(editing->arena, 256);
    missing_put(editing, inside, &text);
    if (!inside.len) insides_put(editing, &text);
    if (text.len && keeps) text_put_byte(&text, ',');
    editing->failed |= text.failed;
    size_t at = offset_in(editing, object) + 1;
    if (text.len && !text.failed) cut_add(editing, at, at, text_str(&text));
}

/* Where nothing stands, an object of them. */
static void null_edit(struct editing *editing, struct str null, struct str inside) {
    struct text text = text_in_arena(editing->arena, 256);
    text_put_byte(&text, '{');
    missing_put(editing, inside, &text);
    text_put_byte(&text, '}');
    editing->failed |= text.failed;
    size_t at = offset_in(editing, null);
    if (text.len > 2 && !text.failed) cut_add(editing, at, at + null.len, text_str(&text));
}

/* Anew where it says something else. */
static void member_set(struct editing *editing, const struct edit_rule *rule, struct str value) {
    size_t from = offset_in(editing, value);
    editing->done |= UINT64_C(1) << (rule - editing->wants->rules);
    if (str_eq(value, rule->with)) return;
    editing->touched |= rule->feature;
    cut_add(editing, from, from + value.len, rule->with);
}

/* The members of one object. */
static void members_edit(struct editing *editing, struct str object, struct str inside) {
    struct run run = {.from = SIZE_MAX};
    struct skim skim;
    skim_begin(&skim, object, 1);
    for (struct skim_token token; (token = skim_next(&skim)).kind > skim_error;) {
        if (token.depth != 1 || token.kind == skim_close || !token.key.at) continue;
        size_t start = offset_in(editing, token.key) - 1, end = offset_in(editing, token.value) + token.value.len;
        const struct edit_rule *rule = rule_of(editing, inside, token.key);
        if (rule && token.kind != skim_null && rule->what != edit_set) editing->touched |= rule->feature;
        if (rule && rule->what == edit_remove) {
            if (run.from == SIZE_MAX) run.from = start;
            run.end = end;
            continue;
        }
        run_end(editing, &run, start);
        run.kept_end = end;
        if (rule && rule->what == edit_rename)
            cut_add(editing, start, start + token.key.len + 2, quoted(editing, rule->with));
        else if (rule && rule->what == edit_set)
            member_set(editing, rule, token.value);
        else if (rule)
            cut_add(editing, offset_in(editing, token.value), end, rule->with);
        if (!inside.len) below_note(editing, &token);
    }
    run_end(editing, &run, 0);
    members_insert(editing, object, inside, run.kept_end != 0);
}

/* -- messages -- */

static void id_edit(struct editing *editing, struct str value) {
    char buffer[64];
    struct str plain;
    if (!skim_unescape(skim_inside(value), editing->arena, &plain)) return; /* its vendor says what is wrong */
    struct str id = openai_tool_id(plain, editing->wants->ids_of, buffer, sizeof buffer);
    size_t from = offset_in(editing, value);
    if (!str_eq(id, plain)) cut_add(editing, from, from + value.len, quoted(editing, id));
}

static void messages_edit(struct editing *editing) {
    enum { of_message = 2, of_call = 4 };
    const struct edit_wants *wants = editing->wants;
    struct skim skim;
    bool calls = false;
    skim_begin(&skim, editing->messages, wants->ids_of ? of_call : of_message);
    for (struct skim_token token; (token = skim_next(&skim)).kind > skim_error;) {
        if (token.kind == skim_close || !token.key.at) continue;
        if (token.depth == of_message) calls = skim_is(token.key, STR("tool_calls"));
        if (token.kind != skim_string) continue;
        bool role = token.depth == of_message && skim_is(token.key, STR("role"));
        if (role && wants->system_not_developer && skim_is(skim_inside(token.value), STR("developer"))) {
            size_t from = offset_in(editing, token.value);
            cut_add(editing, from, from + token.value.len, STR("\"system\""));
        }
        if (!wants->ids_of) continue;
        if ((token.depth == of_message && skim_is(token.key, STR("tool_call_id"))) ||
            (token.depth == of_call && calls && skim_is(token.key, STR("id"))))
            id_edit(editing, token.value);
    }
}

/* -- the whole -- */

/* What is put in stands before what is cut out at the same place. */
static int by_place(const void *a, const void *b) {
    const struct cut *one = a, *other = b;
    if (one->from != other->from) return one->from < other->from ? -1 : 1;
    return (one->to > other->to) - (one->to < other->to);
}

/* The body without the cuts, in the arena; itself where there are none. */
static bool cuts_apply(struct editing *editing, struct str *edited) {
    struct str body = editing->body;
    *edited = body;
    if (editing->failed) return false;
    if (!editing->count) return true;
    qsort(editing->cuts, editing->count, sizeof *editing->cuts, by_place);
    struct text text = text_in_arena(editing->arena, body.len + 64);
    size_t at = 0;
    for (size_t i = 0; i < editing->count; i++) {
        text_put(&text, str_slice(body, at, editing->cuts[i].from));
        text_put(&text, editing->cuts[i].text);
        at = editing->cuts[i].to;
    }
    text_put(&text, str_slice(body, at, body.len));
    *edited = text_str(&text);
    return !text.failed;
}

bool edit_body(struct str body, const struct edit_wants *wants, struct arena *arena, struct str *edited,
               uint64_t *touched) {
    struct editing editing = {.body = body, .arena = arena, .wants = wants};
    CHECKF(wants->rule_count <= edit_rules_max, "rules=%zu", wants->rule_count);
    members_edit(&editing, str_trim(body), STR(""));
    for (size_t i = 0; i < editing.below_count; i++) {
        struct str value = editing.below[i].value, inside = editing.below[i].inside;
        if (value.at[0] == '{') members_edit(&editing, value, inside);
        if (value.at[0] == 'n') null_edit(&editing, value, inside);
    }
    if (editing.messages.len && (wants->system_not_developer || wants->ids_of)) messages_edit(&editing);
    *touched = editing.touched;
    return cuts_apply(&editing, edited);
}

/* -- a number that must stand there -- */

static bool is_empty_behind(struct str body, size_t at) {
    return str_starts(str_trim(str_slice(body, at, body.len)), STR("}"));
}

/* As the first member of an object that begins in front of `at`; inside: as an object of that name. */
static void edit_member_put(struct editing *editing, size_t at, struct str inside, struct str key, struct str number) {
    struct text text = text_in_arena(editing->arena, 64);
    if (inside.len) text_printf(&text, "\"%.*s\":{", STR_ARG(inside));
    text_printf(&text, "\"%.*s\":%.*s%s%s", STR_ARG(key), STR_ARG(number), inside.len ? "}" : "",
                is_empty_behind(editing->body, at) ? "" : ",");
    editing->failed |= text.failed;
    if (!text.failed) cut_add(editing, at, at, text_str(&text));
}

/* In every object of that name, whichever of them its reader takes. true: there was one. */
static bool numbers_put(struct editing *editing, struct str inside, struct str key, struct str number) {
    struct skim skim;
    bool found = false, within = false, here = false;
    size_t opened = 0; /* behind the brace of the object that is looked through */
    skim_begin(&skim, editing->body, 2);
    for (struct skim_token token; (token = skim_next(&skim)).kind > skim_error;) {
        if (token.kind == skim_close && token.depth == 1 && opened) {
            if (!here) edit_member_put(editing, opened, STR(""), key, number);
            opened = 0;
        }
        if (token.kind == skim_close || !token.key.at) continue;
        size_t from = offset_in(editing, token.value);
        if (token.depth == 1) within = inside.len && edit_is_spelt(token.key, inside);
        if (token.depth == 1 && within) {
            found = true;
            here = false;
            opened = token.kind == skim_object ? from + 1 : 0;
            if (!opened) { /* null */
                struct str object = arena_printf(editing->arena, "{\"%.*s\":%.*s}", STR_ARG(key), STR_ARG(number));
                cut_add(editing, from, from + token.value.len, object);
            }
        } else if (inside.len ? within && token.depth == 2 && edit_is_spelt(token.key, key)
                              : token.depth == 1 && skim_is(token.key, key)) {
            found = here = true;
            cut_add(editing, from, from + token.value.len, number);
        }
    }
    return found;
}

bool edit_number(struct str body, struct str inside, struct str key, int64_t number, struct arena *arena,
                 struct str *edited) {
    struct edit_wants none = {.rule_count = 0};
    struct editing editing = {.body = body, .arena = arena, .wants = &none};
    struct str digits = arena_printf(arena, "%lld", (long long)number);
    if (!digits.at) return false;
    if (!numbers_put(&editing, inside, key, digits))
        edit_member_put(&editing, str_find_byte(body, '{') + 1, inside, key, digits);
    return cuts_apply(&editing, edited);
}
