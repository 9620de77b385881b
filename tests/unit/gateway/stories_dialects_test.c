/* stories_dialects_test.c - conversations with a gateway whose providers speak every dialect: what each is sent (the
 * simulated one says it back), what callers of each are answered, and what the answers' edges are. As in
 * stories_test.c.
 */
#include "story.h"

static void what_providers_of_each_dialect_are_sent(void **state) {
    (void)state;
    story_tell("translated");
}

/* As the built-in catalogue knows them: where that says something else of them, or another price, the story is told
 * anew. */
static void what_models_do_not_take_is_not_said_to_them(void **state) {
    (void)state;
    story_tell("edited");
}

static void what_stands_at_the_edges(void **state) {
    (void)state;
    story_tell("edges");
}

static void what_is_answered_without_keys(void **state) {
    (void)state;
    story_tell("open");
}

int main(void) {
    story_place.no_turns = true;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_providers_of_each_dialect_are_sent),
        cmocka_unit_test(what_models_do_not_take_is_not_said_to_them),
        cmocka_unit_test(what_stands_at_the_edges),
        cmocka_unit_test(what_is_answered_without_keys),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
