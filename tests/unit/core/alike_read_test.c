/* How a text is read: its marks, and what is left of its words. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "core/alike_read.h"

/* What lies behind the text is nobody's. */
static void reads(const char *text, const char *expected) {
    static struct alike_reading reading;
    char said[512], *own = malloc(strlen(text) + !*text);
    assert_non_null(own);
    memcpy(own, text, strlen(text));
    struct text words = text_in_buffer(said, sizeof said - 1);
    alike_marks_read(str_make(own, strlen(text)), &reading);
    alike_words_read(&reading);
    for (size_t i = 0; i < reading.count; i++) {
        if (i) text_put_byte(&words, ' ');
        if (reading.words[i].role.len) text_printf(&words, "(%.*s)", STR_ARG(reading.words[i].role));
        text_put(&words, reading.words[i].text);
    }
    if (reading.yes_or_no) text_put(&words, STR(" ?"));
    said[words.len] = 0;
    free(own);
    assert_string_equal(said, expected);
}

static void what_is_left_of_words(void **state) {
    (void)state;
    reads("Could you tell me how I can reset my password, please?", "howto reset password");
    reads("How do I reset the passwords?", "howto reset password");
    reads("What's the capital of France?", "france capital");
    reads("France's capital", "france capital");
    reads("the 'head' of 'physics'", "physics head");
    reads("head of the department of physics", "physics department head");
    reads("the head of the department of physics, is it open", "physics department head it open");
    reads("open the head of physics in may", "open physics head (in)may");
    reads("1,000 and 1,23 and 1,2345 and 12,345,678 and 9,", "1000 and 1 23 and 1 2345 and 12345678 and 9");
    reads("Is it open in May?", "it open (in)may ?");
    reads("Turn the lights on", "turn light on");
    reads("turn on the lights", "enable light");
    reads("I can\xe2\x80\x99t log in to it", "cannot login it");
    reads("Don't they", "not they ?");
    reads("can you list 1,000 c++ and node.js tips", "list 1000 c++ and node.js tip");
    reads("it costs -5 % at 3:30", "it cost - 5 percent (at)3:30");
    reads("the US and us", "usa and us");
    reads("what do lions hunt", "do lion hunt");
    reads("who's called", "who is called");
    reads("what's it do", "it do");
    reads("two e-mails", "2 e mail");
    reads("a 5-star hotel and a well-known -x", "5 - star hotel and well known - x");
    reads("", "");
    /* who is asked, wherever that stands */
    reads("hello, could you list tips", "list tip");
    reads("my bill: would you please please show it", "bill show it");
    reads("could you", "could you ?");
    reads("could you please", "could you ?");
    reads("could we list tips", "could list tip ?");
    reads("will you sing", "will you sing ?");
}

static void marks_have_bounds(void **state) {
    static struct alike_reading reading;
    static char bytes[alike_text_max + 1];
    (void)state;
    memset(bytes, 'a', sizeof bytes);
    alike_marks_read(str_make(bytes, alike_text_max), &reading);
    assert_true(!reading.too_long && reading.mark_count == 1);
    alike_marks_read(str_make(bytes, alike_text_max + 1), &reading);
    assert_true(reading.too_long);
    for (size_t i = 0; i < sizeof bytes; i += 2) bytes[i] = '+';
    alike_marks_read(str_make(bytes, alike_words_max), &reading);
    assert_false(reading.too_long);
    memset(bytes, '+', sizeof bytes);
    alike_marks_read(str_make(bytes, alike_words_max), &reading);
    assert_true(!reading.too_long && reading.mark_count == alike_words_max);
    alike_marks_read(str_make(bytes, alike_words_max + 1), &reading);
    assert_true(reading.too_long);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_left_of_words),
        cmocka_unit_test(marks_have_bounds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
