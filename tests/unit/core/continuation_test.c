/* What a second model says after a text that broke off: gone on with, left out in part, or refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "base/prng.h"
#include "core/continuation.h"

static struct arena arena;

static int arena_fresh(void **state) {
    (void)state;
    arena_init(&arena, 4096, SIZE_MAX);
    return 0;
}

static int arena_gone(void **state) {
    (void)state;
    arena_free(&arena);
    return 0;
}

/* All of it in pieces of `step` bytes, then its end. */
static enum continuation_verdict told(struct continuation *continuation, struct str delivered, struct str said,
                                      size_t step) {
    enum continuation_verdict verdict = continuation_held;
    assert_true(continuation_begin(continuation, delivered, &arena));
    for (size_t at = 0; at < said.len && verdict == continuation_held; at += step)
        verdict =
            continuation_take(continuation, str_slice(said, at, at + step < said.len ? at + step : said.len), false);
    if (verdict == continuation_held) verdict = continuation_take(continuation, STR(""), true);
    return verdict;
}

static void check(const char *delivered, const char *said, const char *new) {
    for (size_t step = 1; step < 40; step++) {
        struct continuation continuation;
        struct str rest = STR("");
        enum continuation_verdict verdict = told(&continuation, str_from(delivered), str_from(said), step);
        assert_int_not_equal(verdict, continuation_held);
        if (verdict == continuation_goes_on) rest = continuation_rest(&continuation);
        if ((verdict == continuation_goes_on) != (new != NULL))
            fail_msg("step %zu: `%s` and `%s` %s", step, delivered, said, new ? "is refused" : "is gone on with");
        if (!new) continue;
        /* what comes after the verdict passes as it is: only the front is judged here */
        if (!str_starts(str_from(new), rest)) fail_msg("`%s` and `%s`: `%.*s`", delivered, said, STR_ARG(rest));
        size_t passed = continuation.said.len;
        char whole[512];
        snprintf(whole, sizeof whole, "%.*s%s", STR_ARG(rest), said + passed);
        assert_string_equal(whole, new);
    }
}

static void a_text_that_goes_on_is_new_as_it_is(void **state) {
    (void)state;
    check("Once upon a time", " there was a fox", " there was a fox");
    check("Once upon a time there w", "as a fox", "as a fox");
    check("Once upon a time ", "there was", "there was");
    check("", "Hello", "Hello");
    check("All is said.", "", "");
    check("{\n  \"a\": 1,\n", "  \"b\": 2\n}", "  \"b\": 2\n}");
    check("One. Two.", " Two and a half.", " Two and a half.");
}

static void an_end_that_is_repeated_is_left_out(void **state) {
    (void)state;
    check("Once upon a time there was", "a time there was a fox", " a fox");
    check("Once upon a time there was", "upon a time there was a fox", " a fox");
    check("Once upon a time there w", "upon a time there was a fox", "as a fox");
    check("Once upon a time there was ", "upon a\ntime there was a fox", "a fox");
    check("It ends with sentences", "sentences.", ".");
    check("what once was said to all", "was said to all", "");
}

static void a_restart_that_agrees_is_left_out_white_space_aside(void **state) {
    (void)state;
    check("Hello", "Hello there", " there");
    check("Hello, ", "Hello, there is nothing", NULL); /* twice, or again? */
    check("Hello,", "Hello, there", " there");
    check("Once upon a time there w", "Once upon a time there was a fox", "as a fox");
    check("Once\n\nupon a time there was", " Once upon  a time\nthere was a fox", " a fox");
    check("Once upon a time there was ", "Once upon a time there was a fox", "a fox");
}

static void a_restart_that_says_another_thing_is_refused_early_or_late(void **state) {
    (void)state;
    check("Once upon a time there was a", "Once upon a hill stood", NULL);
    check("Once upon a time there was a", "Once more", NULL);
    check("Once upon a time there was a", "Once upon a time there was an owl", "n owl"); /* so far they agree */
    check("Once upon a time there was a", "Once upon a time there is", NULL);
    check("Once upon a time there was a", "A long time ago", NULL);
    check("Once upon a time there was a", "Once upon a time", NULL); /* and is over */
    check("It was. Once upon a time there was a hen. More", "Once upon a time there was a dog", NULL);
}

/* Behind a word or a sign in mid sentence who begins as the text began begins again; behind a sentence's end not. */
static void a_start_that_is_said_again_in_mid_sentence_is_refused(void **state) {
    (void)state;
    check("To be honest, I am", "To say", NULL);
    check("To be, or", "To say", NULL);
    check("To be honest,", "To say", NULL);
    check("To be honest -", "To say", NULL);
    check("To be honest (", "To say", NULL);
    check("To be honest.", "To say", "To say");
    check("To be honest:", "To say", "To say");
    check("To be honest, I am", "no liar", "no liar");
}

static void a_list_may_begin_its_lines_alike(void **state) {
    (void)state;
    check("- one\n- two\n", "- three", "- three");
    check("import a;\nimport b;\n", "import c;", "import c;");
    check("| a |\n|", " b |", " b |");
}

static void what_may_be_either_is_refused(void **state) {
    (void)state;
    check("this is the l", "lama", NULL);
    check("and that", " that is", NULL);
}

/* Without the few bytes that are said again a word would stand right behind the sign. */
static void a_few_bytes_said_again_behind_a_word_or_a_sign_are_left_out(void **state) {
    static const char signs[] = ",.;:!?", others[] = ")-\"/";
    struct continuation continuation;
    char delivered[] = "this I was told#", said[] = "told# and more";
    (void)state;
    check("this I was told", "told and more", " and more");
    for (size_t i = 0; i < sizeof signs - 1; i++) {
        delivered[15] = said[4] = signs[i];
        check(delivered, said, " and more");
    }
    for (size_t i = 0; i < sizeof others; i++) { /* the zero at the end, too */
        delivered[15] = said[4] = others[i];
        assert_int_equal(told(&continuation, str_make(delivered, 16), str_make(said, 14), 1), continuation_disagrees);
    }
}

/* -- drawn texts -- */

/* No word comes again among the next five: which of two equal ones is repeated nobody could tell. */
static size_t words_put(struct prng *prng, char *text, size_t count) {
    static const char *const words[] = {"the",     "fox",   "runs", "over", "a",    "hill", "and", "sees",
                                        "nothing", "there", "now",  "moor", "late", "who",  "is"};
    enum { all = sizeof words / sizeof *words, apart = 5 };
    size_t len = 0, last[apart] = {all, all, all, all, all};
    for (size_t i = 0; i < count; i++) {
        size_t word = prng_below(prng, all);
        for (size_t l = 0; l < apart; l++)
            if (last[l] == word) word = (word + 1) % all, l = (size_t)-1;
        last[i % apart] = word;
        len += (size_t)sprintf(text + len, "%s%s", i ? (prng_below(prng, 9) ? " " : ".\n") : "", words[word]);
    }
    return len;
}

/* As `text`, its white space another. */
static size_t spaced(struct prng *prng, const char *text, char *to) {
    size_t len = 0;
    for (; *text; text++) {
        bool blank = *text == ' ' || *text == '\n';
        to[len++] = blank && prng_below(prng, 4) == 0 ? '\n' : *text;
        if (blank && prng_below(prng, 8) == 0) to[len++] = ' ';
    }
    to[len] = 0;
    return len;
}

static bool same_but_for_white_space(struct str a, struct str b) {
    size_t i = 0, j = 0;
    for (;;) {
        while (i < a.len && (a.at[i] == ' ' || a.at[i] == '\n')) i++;
        while (j < b.len && (b.at[j] == ' ' || b.at[j] == '\n')) j++;
        if (i == a.len || j == b.len) return i == a.len && j == b.len;
        if (a.at[i++] != b.at[j++]) return false;
    }
}

/* Wherever it breaks off and whatever piece of it the second says again, the caller has the text once, or it is
 * refused; and a caller whose second answer is another one never gets both. */
static void the_text_stands_there_once_or_not_at_all(void **state) {
    struct prng prng;
    unsigned whole = 0, refused = 0;
    (void)state;
    prng_seed(&prng, 7);
    for (unsigned i = 0; i < 20000; i++) {
        char text[2048], said[4096], other[2048], joined[8192];
        size_t len = words_put(&prng, text, 6 + prng_below(&prng, 60)), cut = 1 + prng_below(&prng, len - 1);
        unsigned behaves = (unsigned)prng_below(&prng, 4);
        size_t from = cut;
        if (behaves == 1) from = 0; /* from the beginning */
        if (behaves == 2)           /* an end of it again, from a word on */
            for (from = prng_below(&prng, cut); from > 0 && text[from - 1] != ' '; from--) continue;
        spaced(&prng, text + from, said);
        if (behaves == 0) strcpy(said, text + cut);
        bool differs = behaves == 3; /* from the beginning, and soon another one */
        if (differs) {
            words_put(&prng, other, 30);
            size_t place = prng_below(&prng, len);
            sprintf(said, "%.*sQ%s", (int)place, text, other);
            differs = place > 0 && place < str_trim(str_make(text, cut)).len;
        }
        struct continuation continuation;
        enum continuation_verdict verdict =
            told(&continuation, str_make(text, cut), str_from(said), 1 + prng_below(&prng, 30));
        refused += verdict == continuation_disagrees;
        if (verdict == continuation_disagrees) continue;
        struct str rest = continuation_rest(&continuation);
        int total =
            snprintf(joined, sizeof joined, "%.*s%.*s%s", (int)cut, text, STR_ARG(rest), said + continuation.said.len);
        whole++;
        if (behaves <= 2 && !same_but_for_white_space(str_make(joined, (size_t)total), str_make(text, len)))
            fail_msg("%u: behaves %u\n`%.*s`\n`%s`\n`%s`", i, behaves, (int)cut, text, said, joined);
        if (behaves == 3 && differs && strchr(said, 'Q') - said > 24)
            fail_msg("%u: two answers in one\n`%.*s`\n`%s`", i, (int)cut, text, said);
        arena_reset(&arena);
    }
    assert_true(whole > 8000 && refused > 3000);
}

/* A provider that sends one letter for ever costs no more than its bytes. */
static void equal_bytes_without_end_are_looked_at_once_or_so(void **state) {
    static char many[200000];
    struct continuation continuation;
    (void)state;
    memset(many, 'a', sizeof many);
    many[sizeof many - 1] = 'b';
    assert_true(continuation_begin(&continuation, str_make(many, sizeof many), &arena));
    assert_int_equal(continuation_take(&continuation, str_make(many, 100000), false), continuation_held);
    assert_int_equal(continuation_take(&continuation, STR("c"), false), continuation_disagrees);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_text_that_goes_on_is_new_as_it_is),
        cmocka_unit_test(an_end_that_is_repeated_is_left_out),
        cmocka_unit_test(a_restart_that_agrees_is_left_out_white_space_aside),
        cmocka_unit_test(a_restart_that_says_another_thing_is_refused_early_or_late),
        cmocka_unit_test(a_start_that_is_said_again_in_mid_sentence_is_refused),
        cmocka_unit_test(a_list_may_begin_its_lines_alike),
        cmocka_unit_test(what_may_be_either_is_refused),
        cmocka_unit_test(a_few_bytes_said_again_behind_a_word_or_a_sign_are_left_out),
        cmocka_unit_test(the_text_stands_there_once_or_not_at_all),
        cmocka_unit_test(equal_bytes_without_end_are_looked_at_once_or_so),
    };
    return cmocka_run_group_tests(tests, arena_fresh, arena_gone);
}
