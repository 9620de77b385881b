/* gather_test.c - the events of a stream become the reply they were, part by part; a stream that is none is refused. */
#include "dialect/gather.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "base/text.h"

static struct arena arena;
static struct message_events events;
static struct message_reply reply;

static int test_begin(void **state) {
    (void)state;
    arena_init(&arena, 4096, 16 << 20);
    events = (struct message_events){.arena = &arena};
    return 0;
}

static int test_end(void **state) { return (void)state, arena_free(&arena), 0; }

static struct message_event *add(enum message_event_kind kind, const char *text) {
    struct message_event *event = message_event_add(&events, kind);
    if (text) event->text = str_from(text);
    return event;
}

static void add_call(unsigned tool, const char *name) {
    struct message_event *event = add(message_event_tool, NULL);
    event->tool = tool;
    event->id = STR("t");
    event->name = str_from(name);
    event->signature = STR("call's");
    event->of = dialect_gemini;
}

static void add_arguments(unsigned tool, const char *fragment) { add(message_event_arguments, fragment)->tool = tool; }
static void add_end(void) { add(message_event_finish, NULL)->finish = finish_stop; }
static bool gathered(void) { return message_gather(&events, &arena, &reply); }

/* kind:text:arguments:signature:data;... of one choice. */
static const char *parts_told(size_t choice) {
    static const char letters[] = {
        [part_text] = 't', [part_refusal] = 'n', [part_reasoning] = 'r', [part_tool_call] = 'c'};
    struct text text = text_in_arena(&arena, 256);
    for (size_t i = 0; i < reply.choices[choice].part_count; i++) {
        const struct message_part *part = &reply.choices[choice].parts[i];
        text_printf(&text, "%c:%.*s:%.*s:%.*s:%.*s;", letters[part->kind], STR_ARG(part->text),
                    STR_ARG(part->arguments), STR_ARG(part->signature), STR_ARG(part->data));
    }
    text_put_byte(&text, 0);
    return text.at;
}

static void text_goes_on_the_last_part_of_its_kind(void **state) {
    (void)state;
    add(message_event_reasoning, "h");
    add(message_event_reasoning, "m");
    add(message_event_text, "He");
    add(message_event_text, "llo");
    add(message_event_refusal, "N");
    add(message_event_refusal, "o");
    add(message_event_text, "again");
    add_end();
    assert_true(gathered());
    assert_string_equal(parts_told(0), "r:hm:::;t:Hello:::;n:No:::;t:again:::;");
    assert_int_equal(reply.choices[0].finish, finish_stop);
}

static void reasoning_that_is_signed_is_over(void **state) {
    (void)state;
    add(message_event_reasoning, "one");
    struct message_event *signature = add(message_event_signature, "s1");
    signature->of = dialect_anthropic;
    add(message_event_reasoning, "two");
    add(message_event_signature, NULL)->data = STR("d2");
    add(message_event_reasoning, "three");
    add(message_event_text, "so");
    add(message_event_signature, NULL)->data = STR("hidden"); /* behind text: a piece of its own */
    add_end();
    assert_true(gathered());
    assert_string_equal(parts_told(0), "r:one::s1:;r:two:::d2;r:three:::;t:so:::;r::::hidden;");
    assert_int_equal(reply.choices[0].parts[0].of, dialect_anthropic);
}

static void text_may_be_signed_too(void **state) {
    (void)state;
    add(message_event_text, "a");
    struct message_event *event = add(message_event_text, "b");
    event->signature = STR("s");
    event->of = dialect_gemini;
    add(message_event_text, "c");
    add_end();
    assert_true(gathered());
    assert_string_equal(parts_told(0), "t:ab::s:;t:c:::;");
    assert_int_equal(reply.choices[0].parts[0].of, dialect_gemini);
}

static void arguments_find_their_call(void **state) {
    (void)state;
    add(message_event_text, "look");
    add_call(0, "one");
    add_call(1, "two");
    add_arguments(0, "{\"a\"");
    add_arguments(1, "{}");
    add_arguments(0, ":1}");
    add_call(1, "three"); /* told again: the name it has now */
    add_end();
    assert_true(gathered());
    assert_string_equal(parts_told(0), "t:look:::;c::{\"a\":1}:call's:;c::{}:call's:;");
    const struct message_part *part = &reply.choices[0].parts[2];
    assert_true(str_eq(part->name, STR("three")) && str_eq(part->id, STR("t")) && part->of == dialect_gemini);
}

static void citations_belong_to_the_text_before_them(void **state) {
    (void)state;
    add(message_event_citation, NULL)->citation.url = STR("lost"); /* there is no text yet */
    add(message_event_text, "a");
    for (int64_t i = 0; i < 5; i++) {
        struct message_event *event = add(message_event_citation, NULL);
        event->citation = (struct message_citation){.url = STR("u"), .start = i, .end = 10 + i};
    }
    add_call(0, "look");
    add(message_event_citation, NULL)->citation.url = STR("lost");
    add_end();
    assert_true(gathered());
    assert_int_equal(reply.choices[0].parts[0].citation_count, 5);
    assert_int_equal(reply.choices[0].parts[1].citation_count, 0);
    for (int64_t i = 0; i < 5; i++) {
        const struct message_citation *citation = &reply.choices[0].parts[0].citations[i];
        assert_true(citation->start == i && citation->end == 10 + i && str_eq(citation->url, STR("u")));
    }
}

static void what_is_said_of_the_whole_is_taken(void **state) {
    (void)state;
    struct message_event *event = add(message_event_begin, NULL);
    event->id = STR("id");
    event->model = STR("m");
    event->usage.input_tokens = 7;
    add(message_event_text, "a");
    event = add(message_event_finish, NULL);
    event->finish = finish_stop_sequence;
    event->stop_sequence = STR("zz");
    event = add(message_event_usage, NULL);
    event->usage.output_tokens = 3;
    event->iterations = STR("[1]");
    add(message_event_end, NULL);
    assert_true(gathered());
    assert_true(str_eq(reply.id, STR("id")) && str_eq(reply.model, STR("m")) && str_eq(reply.iterations, STR("[1]")));
    assert_true(reply.usage.input_tokens == 7 && reply.usage.output_tokens == 3 && reply.created_s == MESSAGE_NO_INT);
    assert_int_equal(reply.choices[0].finish, finish_stop_sequence);
    assert_true(str_eq(reply.choices[0].stop_sequence, STR("zz")));
}

static void choices_are_apart(void **state) {
    (void)state;
    add(message_event_text, "a");
    add(message_event_text, "b")->choice = gather_choices_max - 1;
    add(message_event_text, "A");
    for (unsigned i = 0; i < gather_choices_max; i++) {
        struct message_event *event = add(message_event_finish, NULL);
        event->choice = i;
        event->finish = finish_stop;
    }
    assert_true(gathered());
    assert_int_equal(reply.choice_count, gather_choices_max);
    assert_string_equal(parts_told(0), "t:aA:::;");
    assert_string_equal(parts_told(1), "");
    assert_string_equal(parts_told(gather_choices_max - 1), "t:b:::;");
}

static void what_is_no_whole_answer_is_refused(void **state) {
    (void)state;
    assert_false(gathered()); /* nothing */
    add(message_event_text, "a");
    assert_false(gathered()); /* no finish */
    add_end();
    assert_true(gathered());
    add(message_event_error, "broken");
    assert_false(gathered());
    events.count = 0;
    add_end();
    add_arguments(0, "{}"); /* of a call that never began */
    assert_false(gathered());
    events.count = 0;
    add_end();
    assert_true(gathered());
    add(message_event_text, "a")->choice = gather_choices_max; /* too many */
    assert_false(gathered());
    events.count = 0;
    add_end();
    add(message_event_text, "a")->choice = 1; /* one of two without its finish */
    assert_false(gathered());
}

static void without_memory_it_is_refused(void **state) {
    (void)state;
    unsigned refused = 0;
    bool good = false;
    add_call(0, "look");
    add_arguments(0, "{}");
    add(message_event_signature, "s");
    add(message_event_text, "0123456789012345678901234567890123456789012345678901234567890123456789");
    for (unsigned i = 0; i < 3; i++) add(message_event_citation, NULL);
    add_end();
    for (size_t limit = 64; !good && limit < 1 << 20; limit += 64) {
        struct arena small;
        arena_init(&small, 64, limit);
        good = message_gather(&events, &small, &reply);
        if (good) assert_int_equal(reply.choices[0].part_count, 3);
        if (good) assert_int_equal(reply.choices[0].parts[2].citation_count, 3);
        refused += !good;
        arena_free(&small);
    }
    assert_true(good && refused > 5);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, test_begin, test_end)
    const struct CMUnitTest tests[] = {
        TEST(text_goes_on_the_last_part_of_its_kind),
        TEST(reasoning_that_is_signed_is_over),
        TEST(text_may_be_signed_too),
        TEST(arguments_find_their_call),
        TEST(citations_belong_to_the_text_before_them),
        TEST(what_is_said_of_the_whole_is_taken),
        TEST(choices_are_apart),
        TEST(what_is_no_whole_answer_is_refused),
        TEST(without_memory_it_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
