/* tool_loop.c - where tool calls stand in each dialect is a table; the body is read once for the newest call, and once
 * more, where there is one, for those like it. */
#include "dialect/tool_loop.h"

#include "dialect/skim.h"

enum { loop_depth = 8, list_depth = 1, item_depth = 2, member_depth = 3 };

/* An object at `depth` in the `list`, below these keys (empty: any), with a member `name` and its arguments. */
struct call_place {
    enum dialect dialect;
    struct str list, within; /* `within`: of the item's member that it stands in */
    struct str key;          /* its own */
    struct str arguments;
    unsigned depth;
};

static const struct call_place places[] = {
    {dialect_openai, STR("messages"), STR("tool_calls"), STR("function"), STR("arguments"), 5},
    {dialect_openai, STR("messages"), STR("tool_calls"), STR("custom"), STR("input"), 5},
    {dialect_openai, STR("messages"), STR("function_call"), STR("function_call"), STR("arguments"), 3},
    {dialect_responses, STR("input"), STR(""), STR(""), STR("arguments"), 2},
    {dialect_responses, STR("input"), STR(""), STR(""), STR("input"), 2},
    {dialect_anthropic, STR("messages"), STR("content"), STR(""), STR("input"), 4},
    {dialect_gemini, STR("contents"), STR("parts"), STR("functionCall"), STR("args"), 5},
    {dialect_gemini, STR("contents"), STR("parts"), STR("function_call"), STR("args"), 5},
};

struct call {
    struct str name, arguments; /* raw */
};

struct walk {
    enum dialect dialect;
    struct str keys[loop_depth];   /* of the open containers, by depth */
    struct call calls[loop_depth]; /* of the open objects: what would make it one; the arguments' member by `place` */
    bool by_user, has_result;      /* of the item */
    struct call newest;            /* {NULL,0}: none, or a person has spoken since */
    const struct call *wanted;     /* NULL: the newest is looked for */
    size_t count;                  /* like it */
};

static bool place_holds(const struct walk *walk, const struct call_place *place, unsigned depth) {
    return place->dialect == walk->dialect && place->depth == depth && skim_is(walk->keys[list_depth], place->list) &&
           (!place->within.len || skim_is(walk->keys[member_depth], place->within)) &&
           (!place->key.len || skim_is(walk->keys[depth], place->key));
}

static void loop_call_end(struct walk *walk, unsigned depth) {
    const struct call *call = &walk->calls[depth];
    if (!call->name.at || !call->arguments.at) return;
    if (walk->wanted)
        walk->count += str_eq(call->name, walk->wanted->name) && str_eq(call->arguments, walk->wanted->arguments);
    else
        walk->newest = *call;
}

static void loop_item_end(struct walk *walk) {
    if (walk->by_user && !walk->has_result) walk->newest = (struct call){STR_NONE, STR_NONE};
    walk->by_user = walk->has_result = false;
}

/* A member of the object one above. */
static void value_note(struct walk *walk, const struct skim_token *token) {
    unsigned depth = token->depth - 1;
    if (token->depth == member_depth && token->kind == skim_string && skim_is(token->key, STR("role")))
        walk->by_user = skim_is(skim_inside(token->value), STR("user"));
    if (token->depth == member_depth + 2 && token->kind == skim_string && skim_is(token->key, STR("type")))
        walk->has_result |= skim_is(skim_inside(token->value), STR("tool_result"));
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        if (!place_holds(walk, &places[i], depth)) continue;
        if (token->kind == skim_string && skim_is(token->key, STR("name"))) walk->calls[depth].name = token->value;
        if (skim_is(token->key, places[i].arguments)) walk->calls[depth].arguments = token->value;
    }
}

static void container_begin(struct walk *walk, const struct skim_token *token) {
    walk->keys[token->depth] = token->key;
    walk->calls[token->depth] = (struct call){STR_NONE, STR_NONE};
    if (token->depth == member_depth + 2)
        walk->has_result |=
            skim_is(token->key, STR("functionResponse")) || skim_is(token->key, STR("function_response"));
}

/* So deep that a call's name and arguments are told; what lies deeper is told whole. */
static unsigned walk_depth(enum dialect dialect) {
    unsigned deepest = member_depth;
    for (size_t i = 0; i < sizeof places / sizeof *places; i++)
        if (places[i].dialect == dialect && places[i].depth + 1 > deepest) deepest = places[i].depth + 1;
    return deepest;
}

static void walk_all(struct walk *walk, struct str body) {
    struct skim skim;
    skim_begin(&skim, body, walk_depth(walk->dialect));
    for (struct skim_token token; (token = skim_next(&skim)).kind > skim_error;) {
        if (token.kind == skim_close) {
            loop_call_end(walk, token.depth);
            walk->calls[token.depth] = (struct call){STR_NONE, STR_NONE};
            if (token.depth == item_depth) loop_item_end(walk);
            continue;
        }
        bool opens = (token.kind == skim_object || token.kind == skim_array) && !token.passed;
        if (opens) container_begin(walk, &token);
        if (!opens && token.depth > list_depth) value_note(walk, &token);
    }
}

struct tool_loop tool_loop_find(struct str body, enum dialect dialect) {
    struct walk walk = {.dialect = dialect};
    walk_all(&walk, body);
    if (!walk.newest.name.at) return (struct tool_loop){STR_NONE, 0};
    struct walk again = {.dialect = dialect, .wanted = &walk.newest};
    walk_all(&again, body);
    return (struct tool_loop){skim_inside(walk.newest.name), again.count};
}
