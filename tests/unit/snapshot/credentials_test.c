/* credentials_test.c - which parts of what is sent to a provider are looked for in what comes back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "base/text.h"
#include "snapshot/credentials.h"

static struct arena arena;

enum found { nowhere, in_words, anywhere };

/* Where is this word of a text hidden? */
static enum found found_of(const struct credentials *credentials, const char *word) {
    struct str text = arena_printf(&arena, "before %s after", word);
    struct str words = mask_whole(credentials->in_words, text, &arena),
               all = mask_whole(credentials->anywhere, text, &arena);
    bool hidden = str_find(words, str_from(word)) == SIZE_MAX;
    assert_true(str_starts(words, STR("before ")) && str_ends(words, STR(" after")) && words.len == text.len);
    return str_find(all, str_from(word)) == SIZE_MAX ? anywhere : hidden ? in_words : nowhere;
}

/* What is made of one header of the configuration. */
static struct credentials of_header(const char *name, const char *value) {
    struct http_header header = {str_from(name), str_from(value)};
    struct credentials credentials;
    assert_true(credentials_make(NULL, 0, &header, 1, STR_NONE, &arena, &credentials));
    return credentials;
}

static void each_key_is_hidden_by_its_length(void **state) {
    const struct str keys[] = {STR("sk-abcdefgh1"), STR("short-key-1"), STR("four"), STR("abc"), STR("")};
    struct credentials credentials;
    (void)state;
    assert_true(credentials_make(keys, 5, NULL, 0, STR_NONE, &arena, &credentials));
    assert_int_equal(found_of(&credentials, "sk-abcdefgh1"), anywhere);
    assert_int_equal(found_of(&credentials, "short-key-1"), in_words);
    assert_int_equal(found_of(&credentials, "four"), in_words);
    assert_int_equal(found_of(&credentials, "abc"), nowhere);
    assert_int_equal(found_of(&credentials, "sk-abcdefgh2"), nowhere);
}

static void without_credentials_nothing_is_looked_for(void **state) {
    struct credentials credentials;
    (void)state;
    assert_true(credentials_make(NULL, 0, NULL, 0, STR_NONE, &arena, &credentials));
    assert_true(!credentials.anywhere && !credentials.in_words);
    credentials = of_header("User-Agent", "a-name-that-is-no-secret");
    assert_true(!credentials.anywhere && !credentials.in_words);
}

static void the_parts_of_a_header_are_found_each_for_itself(void **state) {
    static const struct {
        const char *name, *value, *word;
        enum found found;
    } rows[] = {
        {"Authorization", "Bearer abcdefghijkl", "abcdefghijkl", anywhere},
        {"Authorization", "Bearer abcdefgh", "abcdefgh", in_words},             /* the last word */
        {"Authorization", "Bearer abcdefg", "abcdefg", nowhere},                /* as likely a word of any text */
        {"Authorization", "abcdefghijk second-word-1", "abcdefghijk", nowhere}, /* short, and not the last */
        {"Authorization", "abcdefghijkl second-word-1", "abcdefghijkl", anywhere},
        {"X-Unknown", "  abcdefghijkl  ", "abcdefghijkl", anywhere},
        {"Cookie", "a=first-secret-1; b=second-secret", "first-secret-1", anywhere},
        {"Cookie", "a=first-secret-1; b=second-secret", "second-secret", anywhere},
        {"Cookie", "a=first-secret-1, b=x", "first-secret-1", anywhere},
        {"X-Token", "key=abcdefghijkl", "abcdefghijkl", anywhere},
        {"X-Token", "=abcdefghijkl", "=abcdefghijkl", anywhere},
        {"Authorization", "Basic dXNlcjpwYXNzd29yZC1sb25n", "dXNlcjpwYXNzd29yZC1sb25n", anywhere},
        {"Authorization", "Basic dXNlcjpwYXNzd29yZC1sb25n", "user:password-long", anywhere},
        {"Authorization", "Basic dXNlcjpwYXNzd29yZC1sb25n", "password-long", anywhere},
        {"Authorization", "Basic dXNlcjpwYXNzd29yZC1sb25n", "user", nowhere},
        {"OpenAI-Organization", "org-abcdefghijkl", "org-abcdefghijkl", nowhere},
        {"ANTHROPIC-VERSION", "2023-06-01-and-more", "2023-06-01-and-more", nowhere},
        {"X-Anthropic-Version", "2023-06-01-and-more", "2023-06-01-and-more", anywhere},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct credentials credentials = of_header(rows[i].name, rows[i].value);
        enum found found = found_of(&credentials, rows[i].word);
        if (found != rows[i].found) fail_msg("%s: %s: `%s`: %d", rows[i].name, rows[i].value, rows[i].word, (int)found);
        arena_reset(&arena);
    }
}

static void a_proxys_user_and_password_are_hidden_as_written_and_as_meant(void **state) {
    static const struct {
        const char *proxy, *word;
        enum found found;
    } rows[] = {
        {"http://user:password-long@proxy:8080", "password-long", anywhere},
        {"http://user:password-long@proxy:8080", "user:password-long", anywhere},
        {"http://user:password-long@proxy:8080", "proxy:8080", nowhere},
        {"user:password-long@proxy", "password-long", anywhere},
        {"http://user:pass%20word%2flong@proxy/", "pass word/long", anywhere},
        {"http://user:p@ssword-long@proxy", "p@ssword-long", anywhere}, /* up to the last @ */
        {"http://only-a-user-1@proxy", "only-a-user-1", anywhere},
        {"http://user:pass@proxy", "pass", in_words},
        {"http://proxy-without-user:8080", "proxy-without-user", nowhere},
        {"http://proxy/path@word-of-a-path", "word-of-a-path", nowhere},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct credentials credentials;
        assert_true(credentials_make(NULL, 0, NULL, 0, str_from(rows[i].proxy), &arena, &credentials));
        enum found found = found_of(&credentials, rows[i].word);
        if (found != rows[i].found) fail_msg("%s: `%s`: %d", rows[i].proxy, rows[i].word, (int)found);
        arena_reset(&arena);
    }
}

/* A header of more words than are looked at: the first ones are, and nothing is written past the list. */
static void a_header_of_very_many_words_is_looked_at_up_to_its_bound(void **state) {
    struct text text = text_in_arena(&arena, 4096);
    (void)state;
    for (int i = 0; i < 200; i++) text_printf(&text, "%sa=secret-word-%03d", i ? " " : "", i);
    text_put_byte(&text, 0);
    struct credentials credentials = of_header("X-Many", text_str(&text).at);
    assert_int_equal(found_of(&credentials, "secret-word-000"), anywhere);
    assert_int_equal(found_of(&credentials, "secret-word-031"), anywhere);
    assert_int_equal(found_of(&credentials, "secret-word-032"), nowhere);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_key_is_hidden_by_its_length),
        cmocka_unit_test(without_credentials_nothing_is_looked_for),
        cmocka_unit_test(the_parts_of_a_header_are_found_each_for_itself),
        cmocka_unit_test(a_proxys_user_and_password_are_hidden_as_written_and_as_meant),
        cmocka_unit_test(a_header_of_very_many_words_is_looked_at_up_to_its_bound),
    };
    arena_init(&arena, 64 * 1024, 64 << 20);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    arena_free(&arena);
    return failed;
}
