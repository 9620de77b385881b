/* responses_cut.c - see responses_cut.h. Each item is kept as it was told last, its parts with all that was said of
 * them since. */
#include "dialect/responses/responses_cut.h"

#include "base/check.h"
#include "dialect/json.h"
#include "dialect/responses/responses.h"

enum { cut_most = 4096 }; /* items and parts */

/* What is said piece by piece: the event of a piece and the one that says all of it, where that stands, and what holds
 * it. */
enum said_of { said_of_content, said_of_summary, said_of_item };
struct said_kind {
    struct str delta, done;
    const char *member;
    enum said_of of;
    struct str part; /* one that was not announced */
};
static const struct said_kind said_kinds[] = {
    {STR("response.output_text.delta"), STR("response.output_text.done"), "text", said_of_content,
     STR("{\"type\":\"output_text\",\"text\":\"\",\"annotations\":[],\"logprobs\":[]}")},
    {STR("response.refusal.delta"), STR("response.refusal.done"), "refusal", said_of_content,
     STR("{\"type\":\"refusal\",\"refusal\":\"\"}")},
    {STR("response.reasoning_text.delta"), STR("response.reasoning_text.done"), "text", said_of_content,
     STR("{\"type\":\"reasoning_text\",\"text\":\"\"}")},
    {STR("response.reasoning_summary_text.delta"), STR("response.reasoning_summary_text.done"), "text", said_of_summary,
     STR("{\"type\":\"summary_text\",\"text\":\"\"}")},
    {STR("response.function_call_arguments.delta"), STR("response.function_call_arguments.done"), "arguments",
     said_of_item, STR("")},
    {STR("response.custom_tool_call_input.delta"), STR("response.custom_tool_call_input.done"), "input", said_of_item,
     STR("")},
};

static const struct {
    struct str added, done, index;
} part_events[] = {
    [said_of_content] = {STR("response.content_part.added"), STR("response.content_part.done"), STR("content_index")},
    [said_of_summary] = {STR("response.reasoning_summary_part.added"), STR("response.reasoning_summary_part.done"),
                         STR("summary_index")},
};

/* Something that is said, of an item or of a part of one. */
struct cut_said {
    const struct said_kind *kind; /* NULL: nothing was said so far */
    struct text text;
    bool told; /* all of it was said once more */
};
struct cut_part {
    struct cut_part *next;
    enum said_of of;
    int64_t index;
    struct str raw; /* as it was told last */
    struct cut_said said;
    struct text annotations; /* that came since, separated by commas */
    bool announced, done;
};
struct cut_item {
    struct cut_item *next;
    int64_t index;
    struct str raw, id;
    struct cut_part *parts, **parts_end;
    struct cut_said said;
    bool done;
};
struct responses_cut {
    struct arena *keep;
    struct str response; /* as it was told last */
    uint64_t sequence;   /* of the next event */
    struct cut_item *items, **items_end;
    size_t count; /* of items and parts */
};

struct responses_cut *responses_cut_new(struct arena *keep) {
    struct responses_cut *cut = arena_take_zeroed(keep, sizeof *cut);
    if (!cut) return NULL;
    cut->keep = keep;
    cut->items_end = &cut->items;
    return cut;
}

/* -- noting -- */

static struct cut_item *cut_item_find(const struct responses_cut *cut, int64_t index) {
    struct cut_item *item = cut->items;
    while (item && item->index != index) item = item->next;
    return item;
}

static struct cut_part *cut_part_find(const struct cut_item *item, enum said_of of, int64_t index) {
    struct cut_part *part = item->parts;
    while (part && (part->of != of || part->index != index)) part = part->next;
    return part;
}

/* The item and the part's number that an event names. */
static struct cut_item *cut_item_named(const struct responses_cut *cut, const struct json_value *root) {
    return cut_item_find(cut, json_i64(json_member(root, "output_index"), 0));
}
static int64_t cut_index_named(const struct json_value *root, enum said_of of) {
    return of == said_of_item ? 0 : json_i64(json_member(root, part_events[of].index.at), 0);
}

/* NULL: no memory, or too many. */
static struct cut_item *cut_item_of(struct responses_cut *cut, int64_t index) {
    struct cut_item *item = cut_item_find(cut, index);
    if (item || cut->count == cut_most) return item;
    if (!(item = arena_take_zeroed(cut->keep, sizeof *item))) return NULL;
    item->index = index;
    item->parts_end = &item->parts;
    item->said.text = text_in_arena(cut->keep, 64);
    *cut->items_end = item;
    cut->items_end = &item->next;
    cut->count++;
    return item;
}

static struct cut_part *cut_part_of(struct responses_cut *cut, struct cut_item *item, enum said_of of, int64_t index) {
    struct cut_part *part = cut_part_find(item, of, index);
    if (part || cut->count == cut_most) return part;
    if (!(part = arena_take_zeroed(cut->keep, sizeof *part))) return NULL;
    part->of = of;
    part->index = index;
    part->said.text = text_in_arena(cut->keep, 64);
    part->annotations = text_in_arena(cut->keep, 16);
    *item->parts_end = part;
    item->parts_end = &part->next;
    cut->count++;
    return part;
}

static bool cut_item_note(struct responses_cut *cut, const struct json_value *root, bool done) {
    const struct json_value *raw = json_member(root, "item");
    if (json_kind(raw) != json_object) return true;
    struct cut_item *item = cut_item_of(cut, json_i64(json_member(root, "output_index"), 0));
    if (!item) return false;
    item->raw = json_raw(raw, cut->keep);
    item->id = arena_copy(cut->keep, json_str(json_member(raw, "id"), STR("")));
    item->done = done;
    return item->raw.at && item->id.at;
}

static bool cut_part_note(struct responses_cut *cut, const struct json_value *root, enum said_of of, bool done) {
    struct cut_item *item = cut_item_named(cut, root);
    const struct json_value *raw = json_member(root, "part");
    const int64_t index = cut_index_named(root, of);
    if (!item || json_kind(raw) != json_object) return true;
    struct cut_part *part = cut_part_of(cut, item, of, index);
    if (!part) return false;
    part->raw = json_raw(raw, cut->keep);
    part->announced = true;
    part->done = done;
    return part->raw.at != NULL;
}

/* A piece, or all of it once more. */
static bool said_note(struct responses_cut *cut, const struct json_value *root, const struct said_kind *kind,
                      bool done) {
    struct cut_item *item = cut_item_named(cut, root);
    const int64_t index = cut_index_named(root, kind->of);
    if (!item) return true;
    struct cut_part *part = kind->of == said_of_item ? NULL : cut_part_of(cut, item, kind->of, index);
    if (kind->of != said_of_item && !part) return false;
    struct cut_said *said = part ? &part->said : &item->said;
    said->kind = kind;
    said->told = done;
    if (done) said->text.len = 0;
    text_put(&said->text, json_str(json_member(root, done ? kind->member : "delta"), STR("")));
    return !said->text.failed;
}

static bool annotation_note(struct responses_cut *cut, const struct json_value *root) {
    struct cut_item *item = cut_item_named(cut, root);
    struct cut_part *part = item ? cut_part_find(item, said_of_content, cut_index_named(root, said_of_content)) : NULL;
    if (!part || json_kind(json_member(root, "annotation")) != json_object) return true;
    if (part->annotations.len) text_put_byte(&part->annotations, ',');
    json_put(&part->annotations, json_member(root, "annotation"));
    return !part->annotations.failed;
}

bool responses_cut_note(struct responses_cut *cut, struct str data, struct arena *scratch) {
    const char *problem;
    size_t at;
    const struct json_value *root = json_parse_in(scratch, data, &problem, &at), *response;
    if (json_kind(root) != json_object) return true;
    const struct str type = json_str(json_member(root, "type"), STR(""));
    const int64_t sequence = json_i64(json_member(root, "sequence_number"), -1);
    cut->sequence = sequence >= 0 ? (uint64_t)sequence + 1 : cut->sequence + 1;
    response = json_member(root, "response");
    if (json_kind(response) == json_object) {
        cut->response = json_raw(response, cut->keep);
        return cut->response.at != NULL;
    }
    if (str_eq(type, STR("response.output_item.added"))) return cut_item_note(cut, root, false);
    if (str_eq(type, STR("response.output_item.done"))) return cut_item_note(cut, root, true);
    if (str_eq(type, STR("response.output_text.annotation.added"))) return annotation_note(cut, root);
    for (enum said_of of = said_of_content; of <= said_of_summary; of++) {
        if (str_eq(type, part_events[of].added)) return cut_part_note(cut, root, of, false);
        if (str_eq(type, part_events[of].done)) return cut_part_note(cut, root, of, true);
    }
    for (size_t i = 0; i < sizeof said_kinds / sizeof *said_kinds; i++) {
        if (str_eq(type, said_kinds[i].delta)) return said_note(cut, root, &said_kinds[i], false);
        if (str_eq(type, said_kinds[i].done)) return said_note(cut, root, &said_kinds[i], true);
    }
    return true;
}

/* -- writing -- */

/* A member in the place of the one of that name, or, where it may be new, behind all. */
struct cut_member {
    struct str name, json; /* json empty: as it was */
    bool only_there, put;
};

static void cut_object_put(struct str raw, struct cut_member *members, size_t count, struct arena *scratch,
                           struct text *text) {
    const char *problem;
    size_t at, place = 0;
    struct str name;
    const struct json_value *object = json_parse_in(scratch, raw, &problem, &at), *value;
    text->failed |= !object;
    text_put_byte(text, '{');
    while (object && (value = json_each(object, &place, &name))) {
        size_t i = 0;
        while (i < count && !(members[i].json.len && str_eq(members[i].name, name))) i++;
        text_json_key_any(text, name);
        if (i < count) {
            members[i].put = true;
            text_put(text, members[i].json);
        } else {
            json_put(text, value);
        }
    }
    for (size_t i = 0; i < count; i++) {
        if (members[i].put || members[i].only_there || !members[i].json.len) continue;
        text_json_key_any(text, members[i].name);
        text_put(text, members[i].json);
    }
    text_put_byte(text, '}');
}

/* What was said, as JSON; {NULL,0}: nothing was. */
static struct str said_json(const struct cut_said *said, struct arena *scratch, struct text *text) {
    if (!said->kind) return STR_NONE;
    struct text json = text_in_arena(scratch, said->text.len + 16);
    text_put_json(&json, text_str(&said->text));
    text->failed |= json.failed;
    return text_str(&json);
}

static void cut_part_put(const struct cut_part *part, struct arena *scratch, struct text *text) {
    struct text annotations = text_in_arena(scratch, part->annotations.len + 16);
    if (part->done) {
        text_put(text, part->raw);
        return;
    }
    CHECK(part->raw.at || part->said.kind);
    if (part->annotations.len) text_printf(&annotations, "[%.*s]", STR_ARG(text_str(&part->annotations)));
    text->failed |= annotations.failed;
    struct cut_member members[] = {{.name = str_from(part->said.kind ? part->said.kind->member : "text"),
                                    .json = said_json(&part->said, scratch, text)},
                                   {.name = STR("annotations"), .json = text_str(&annotations)}};
    cut_object_put(part->raw.at ? part->raw : part->said.kind->part, members, 2, scratch, text);
}

static struct str cut_parts_json(const struct cut_item *item, enum said_of of, struct arena *scratch,
                                 struct text *text) {
    struct text json = text_in_arena(scratch, 256);
    bool any = false;
    text_put_byte(&json, '[');
    for (const struct cut_part *part = item->parts; part; part = part->next) {
        if (part->of != of) continue;
        if (any) text_put_byte(&json, ',');
        any = true;
        cut_part_put(part, scratch, &json);
    }
    text_put_byte(&json, ']');
    text->failed |= json.failed;
    return any ? text_str(&json) : STR_NONE;
}

static void cut_item_put(const struct cut_item *item, struct arena *scratch, struct text *text) {
    if (item->done) {
        text_put(text, item->raw);
        return;
    }
    struct cut_member members[] = {
        {.name = STR("status"), .json = STR("\"incomplete\""), .only_there = true},
        {.name = STR("content"), .json = cut_parts_json(item, said_of_content, scratch, text)},
        {.name = STR("summary"), .json = cut_parts_json(item, said_of_summary, scratch, text)},
        {.name = str_from(item->said.kind ? item->said.kind->member : ""),
         .json = said_json(&item->said, scratch, text)}};
    cut_object_put(item->raw, members, sizeof members / sizeof *members, scratch, text);
}

static void cut_frame_begin(struct responses_cut *cut, struct str type, struct text *text) {
    text_printf(text, "event: %.*s\ndata: {\"type\":\"%.*s\",\"sequence_number\":%llu", STR_ARG(type), STR_ARG(type),
                (unsigned long long)cut->sequence++);
}

static void cut_place_put(const struct cut_item *item, const struct cut_part *part, struct text *text) {
    text_json_str(text, STR("item_id"), item->id);
    text_json_i64(text, STR("output_index"), item->index);
    if (!part) return;
    text_json_key_any(text, part_events[part->of].index);
    text_put_i64(text, part->index);
}

static void said_close(struct responses_cut *cut, const struct cut_item *item, const struct cut_part *part,
                       struct arena *scratch, struct text *text) {
    const struct cut_said *said = part ? &part->said : &item->said;
    if (!said->kind || said->told) return;
    cut_frame_begin(cut, said->kind->done, text);
    cut_place_put(item, part, text);
    text_json_key_any(text, str_from(said->kind->member));
    text_put(text, said_json(said, scratch, text));
    if (str_eq(said->kind->done, STR("response.output_text.done"))) text_put(text, STR(",\"logprobs\":[]"));
    text_put(text, STR("}\n\n"));
}

static void cut_item_close(struct responses_cut *cut, const struct cut_item *item, struct arena *scratch,
                           struct text *text) {
    for (const struct cut_part *part = item->parts; part; part = part->next) {
        if (part->done) continue;
        said_close(cut, item, part, scratch, text);
        if (!part->announced) continue;
        cut_frame_begin(cut, part_events[part->of].done, text);
        cut_place_put(item, part, text);
        text_json_key(text, STR("part"));
        cut_part_put(part, scratch, text);
        text_put(text, STR("}\n\n"));
    }
    said_close(cut, item, NULL, scratch, text);
    cut_frame_begin(cut, STR("response.output_item.done"), text);
    text_json_i64(text, STR("output_index"), item->index);
    text_json_key(text, STR("item"));
    cut_item_put(item, scratch, text);
    text_put(text, STR("}\n\n"));
}

void responses_cut_write(struct responses_cut *cut, struct str id, const struct usage *usage, struct arena *scratch,
                         struct text *text) {
    struct text output = text_in_arena(scratch, 1024), used = text_in_arena(scratch, 256),
                named = text_in_arena(scratch, 64);
    text_put_byte(&output, '[');
    for (const struct cut_item *item = cut->items; item; item = item->next) {
        if (!item->done) cut_item_close(cut, item, scratch, text);
        if (item != cut->items) text_put_byte(&output, ',');
        cut_item_put(item, scratch, &output);
    }
    text_put_byte(&output, ']');
    responses_write_usage(&used, usage);
    text_put_json(&named, id);
    text->failed |= output.failed || used.failed || named.failed;
    const struct str usage_json = str_slice(text_str(&used), STR(",\"usage\":").len, used.len);
    struct cut_member members[] = {
        {.name = STR("id"), .json = cut->response.at ? STR_NONE : text_str(&named)},
        {.name = STR("status"), .json = STR("\"incomplete\"")},
        {.name = STR("incomplete_details"), .json = STR("{\"reason\":\"max_output_tokens\"}")},
        {.name = STR("output"), .json = text_str(&output)},
        {.name = STR("usage"), .json = usage_json}};
    cut_frame_begin(cut, STR("response.incomplete"), text);
    text_json_key(text, STR("response"));
    cut_object_put(cut->response.at ? cut->response : STR("{\"object\":\"response\"}"), members,
                   sizeof members / sizeof *members, scratch, text);
    text_put(text, STR("}\n\n"));
}
