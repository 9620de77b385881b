/* edit_fuzz.c - any body that is one JSON object, with members cut out, renamed, said anew and put in, and read as a
 * schema of each kind: what comes of it is JSON, no member that was to go is left, and the same again changes nothing.
 */
#include <stdint.h>
#include <stdlib.h>

#include "dialect/edit.h"
#include "dialect/quirks.h"
#include "dialect/schema.h"
#include "dialect/skim.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void demand(bool condition) {
    if (!condition) abort();
}

static bool is_object(struct str text) {
    struct skim skim;
    skim_begin(&skim, text, 0);
    struct skim_token token = skim_next(&skim);
    bool object = token.kind == skim_object;
    while (token.kind > skim_error) token = skim_next(&skim);
    return object && token.kind == skim_end;
}

static void edit_check(struct str body, struct arena *arena) {
    static const struct edit_rule rules[] = {
        {STR("generationConfig"), STR("topK"), edit_remove, {NULL, 0}, 1},
        {STR(""), STR("temperature"), edit_remove, {NULL, 0}, 2},
        {STR(""), STR("seed"), edit_rename, STR("random_seed"), 4},
        {STR(""), STR("stop"), edit_remove, {NULL, 0}, 8},
        {STR(""), STR("thinking"), edit_replace, STR("{\"type\":\"adaptive\"}"), 16},
        {STR("generationConfig"), STR("topP"), edit_set, STR("0.5"), 32},
        {STR(""), STR("user"), edit_set, STR("\"me\""), 64},
        {STR("metadata"), STR("user_id"), edit_set, STR("\"me\""), 128},
    };
    const struct edit_wants wants = {.rules = rules,
                                     .rule_count = sizeof rules / sizeof *rules,
                                     .system_not_developer = true,
                                     .ids_of = quirks_of(STR("mistral"), STR("m"))};
    struct str once, twice;
    uint64_t touched;
    demand(edit_body(body, &wants, arena, &once, &touched));
    demand(is_object(once));
    demand(edit_body(once, &wants, arena, &twice, &touched));
    demand(str_eq(once, twice) && !(touched & ~UINT64_C(16)));
}

static void schema_check(struct str body, struct arena *arena) {
    const char *problem;
    size_t at;
    const struct json_value *schema = json_parse_in(arena, body, &problem, &at);
    for (unsigned kind = 0; schema && kind < 2u << model_schemas; kind++) {
        const struct schema_wants wants = {.from_google = kind & 1, .limits = kind >> 1};
        struct text text = text_in_arena(arena, body.len + 64);
        schema_put(&text, schema, &wants);
        demand(!text.failed && is_object(text_str(&text)));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct str body = str_make((const char *)data, size);
    struct arena arena;
    if (!is_object(body) || size > 64 * 1024) return 0;
    arena_init(&arena, 16 * 1024, 256 * 1024 * 1024);
    edit_check(body, &arena);
    schema_check(body, &arena);
    arena_free(&arena);
    return 0;
}
