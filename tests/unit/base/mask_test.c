/* mask_test.c - credentials do not come back: in no encoding, over no cut; and nothing else is changed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mask.h"
#include "base/memory.h"
#include "base/prng.h"
#include "base/text.h"

static struct arena arena, scratch;

static int begin(void **state) {
    (void)state;
    arena_init(&arena, 64 * 1024, SIZE_MAX);
    arena_init(&scratch, 64 * 1024, SIZE_MAX);
    return 0;
}

static int end(void **state) {
    (void)state;
    arena_free(&arena);
    arena_free(&scratch);
    return 0;
}

static const struct mask *mask_of(struct str credential, size_t shortest) {
    const struct mask *mask;
    assert_true(mask_new(&credential, 1, shortest, &arena, &mask));
    return mask;
}

static void masked_is(const struct mask *mask, const char *text, const char *expected) {
    struct str got = mask_whole(mask, str_from(text), &scratch);
    char *copy = strndup(got.at, got.len);
    assert_string_equal(copy, expected);
    free(copy);
}

#define KEY "sk-proj-AbCdEf0123456789xyz"

static void every_way_of_writing_a_key_is_masked_byte_for_byte(void **state) {
    (void)state;
    const struct mask *mask = mask_of(STR(KEY), mask_shortest_anywhere);
    masked_is(mask, "{\"error\":\"Incorrect API key: " KEY ".\"}",
              "{\"error\":\"Incorrect API key: ***************************.\"}");
    masked_is(mask, KEY KEY, "******************************************************");
    masked_is(mask, "c2stcHJvai1BYkNkRWYwMTIzNDU2Nzg5eHl6", "************************************");
    /* behind one byte and behind two: the characters that the key shares with them stay */
    masked_is(mask, "OnNrLXByb2otQWJDZEVmMDEyMzQ1Njc4OXh5eg==", "On***********************************g==");
    masked_is(mask, "VTpzay1wcm9qLUFiQ2RFZjAxMjM0NTY3ODl4eXo=", "VTp***********************************o=");
    masked_is(mask, "sk%2Dproj%2dAbCdEf0123456789xyz", "*******************************");
    masked_is(mask, "sk\\u002dproj-AbCdEf0123456789xyz", "********************************");
    masked_is(mask, "sk-proj-AbCd\\u0045f%30123\\u0034567%389xyz", "*****************************************");
    masked_is(mask, "sk-proj-AbCdEf0123456789xy", "**************************"); /* cut at the end */
    masked_is(mask, "sk-proj-AbC", "sk-proj-AbC");
    masked_is(mask, "sk-proj-AbCdEf0123456789xyZ", "sk-proj-AbCdEf0123456789xyZ");
}

static void keys_full_of_signs_are_found_however_they_are_escaped(void **state) {
    (void)state;
    const struct mask *mask = mask_of(STR("ab/cd+ef=gh\"ij\\kl/mn"), mask_shortest_anywhere);
    masked_is(mask, "<ab/cd+ef=gh\"ij\\kl/mn>", "<********************>");
    masked_is(mask, "<ab%2Fcd%2Bef%3Dgh%22ij%5Ckl%2Fmn>", "<********************************>");
    masked_is(mask, "<ab\\/cd+ef=gh\\\"ij\\\\kl\\/mn>", "<************************>");
    mask = mask_of(STR("/abcdefgh/+ijkl=="), mask_shortest_anywhere);
    masked_is(mask, "\\/abcdefgh\\/+ijkl==", "*******************");
    masked_is(mask, "%2fabcdefgh%2F+ijkl%3D=", "***********************");
    masked_is(mask, "\\u002fabcdefgh/\\u002Bijkl\\u003d\\u003D", "*************************************");
}

static void keys_without_four_letters_together_are_found_as_encoders_write_them(void **state) {
    (void)state;
    const struct mask *mask = mask_of(STR("p@ss-w0r.d!x1=ab"), mask_shortest_anywhere);
    masked_is(mask, "<p@ss-w0r.d!x1=ab>", "<****************>");
    masked_is(mask, "<p%40ss-w0r.d%21x1%3Dab>", "<**********************>"); /* RFC 3986 */
    masked_is(mask, "<p%40ss-w0r.d%21x1%3dab>", "<**********************>");
    masked_is(mask, "<p%40ss-w0r.d!x1%3Dab>", "<********************>"); /* encodeURIComponent */
    masked_is(mask, "<p%40ss%2Dw0r%2Ed%21x1%3Dab>", "<**************************>");
    mask = mask_of(STR("a\"b/c-d~e+f<g&h"), mask_shortest_anywhere);
    masked_is(mask, "a\\\"b/c-d~e+f<g&h", "****************");
    masked_is(mask, "a\\\"b\\/c-d~e+f<g&h", "*****************");
    masked_is(mask, "a%22b/c-d~e%2Bf%3Cg%26h", "***********************");
    masked_is(mask, "a%22b/c-d~e+f%3Cg&h", "*******************");
    masked_is(mask, "a\\u0022b/c-d~e\\u002Bf\\u003Cg\\u0026h", "***********************************");
}

static void short_ones_are_left_alone_unless_asked_for(void **state) {
    (void)state;
    assert_null(mask_of(STR("short-key"), mask_shortest_anywhere));
    assert_null(mask_of(STR("abc"), mask_shortest));
    masked_is(mask_of(STR("short-key"), mask_shortest), "key short-key.", "key *********.");
    masked_is(mask_of(STR("a/b+"), mask_shortest), "a/b+ a%2fb%2b a\\/b+", "**** ******** *****");
    masked_is(NULL, "anything", "anything");
}

static void what_is_clean_is_not_copied(void **state) {
    (void)state;
    struct mask_stream stream = {.held = NULL};
    struct str text =
                   STR("data: {\"choices\":[{\"delta\":{\"content\":\"Hello, this is the sk-proj project.\"}}]}\n\n"),
               out;
    assert_true(mask_pass(mask_of(STR(KEY), mask_shortest_anywhere), &stream, text, &scratch, &out));
    assert_ptr_equal(out.at, text.at);
    assert_int_equal(out.len, text.len);
    assert_null(stream.held);
}

static void only_what_may_be_a_beginning_waits(void **state) {
    (void)state;
    const struct mask *mask = mask_of(STR(KEY), mask_shortest_anywhere);
    struct mask_stream stream = {.held = NULL};
    struct str out;
    assert_true(mask_pass(mask, &stream, STR("data: {\"a\":\"the key sk-pr"), &scratch, &out));
    assert_true(str_eq(out, STR("data: {\"a\":\"the key ")));
    assert_true(mask_pass(mask, &stream, STR("oject\"}\n\n"), &scratch, &out));
    assert_true(str_eq(out, STR("sk-project\"}\n\n")));
    assert_true(mask_pass(mask, &stream, STR("tasks"), &scratch, &out));
    assert_true(str_eq(out, STR("task")));
    assert_true(mask_end(mask, &stream, &scratch, &out));
    assert_true(str_eq(out, STR("s")));
    assert_true(mask_pass(mask, &stream, STR(KEY "."), &scratch, &out));
    assert_true(str_eq(out, STR("***************************.")));
    assert_true(mask_pass(mask, &stream, STR("sk-proj-AbCdEf01"), &scratch, &out));
    assert_int_equal(out.len, 0);
    assert_true(mask_end(mask, &stream, &scratch, &out));
    assert_true(str_eq(out, STR("****************")));
    mask_stream_free(&stream);
}

/* -- against the plainest way there is -- */

enum { text_max = 1200, forms_max = 7 };

struct forms {
    char bytes[forms_max][128];
    size_t len[forms_max], count;
};

static void form_put(struct forms *forms, const char *bytes, size_t len, size_t shortest) {
    if (len < shortest) return;
    memcpy(forms->bytes[forms->count], bytes, len);
    forms->len[forms->count++] = len;
}

static void forms_of(struct str key, size_t shortest, struct forms *forms) {
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    forms->count = 0;
    form_put(forms, key.at, key.len, shortest);
    for (unsigned before = 0; before < 3; before++)
        for (int url = 0; url < 2; url++) {
            char bits[8 * 64], out[128];
            size_t bit_count = 0, len = 0;
            for (unsigned i = 0; i < 8 * before; i++) bits[bit_count++] = 2; /* not known */
            for (size_t i = 0; i < key.len; i++)
                for (int b = 7; b >= 0; b--) bits[bit_count++] = key.at[i] >> b & 1;
            for (size_t at = 0; at + 6 <= bit_count; at += 6) {
                unsigned value = 0, known = 1;
                for (size_t i = at; i < at + 6; i++) {
                    known &= bits[i] != 2;
                    value = value * 2 + (bits[i] & 1u);
                }
                if (known) out[len++] = value < 62 ? letters[value] : (url ? "-_" : "+/")[value - 62];
            }
            form_put(forms, out, len, shortest);
        }
}

/* How long the form is that stands at the front in any mixture of escapes; 0: it does not; -1: the text ends first. */
static int stands(const char *form, size_t form_len, const char *text, size_t len) {
    char ways[4][8];
    int best = 0;
    if (form_len == 0) return 0;
    snprintf(ways[0], 8, "\\%c", form[0]);
    snprintf(ways[1], 8, "%%%02x", (unsigned char)form[0]);
    snprintf(ways[2], 8, "\\u%04x", (unsigned char)form[0]);
    snprintf(ways[3], 8, "%c", form[0]);
    for (int way = 0; way < 4; way++) {
        if (way == 0 && !strchr("/\\\"", form[0])) continue;
        size_t way_len = strlen(ways[way]), i = 0;
        while (i < way_len && i < len &&
               (text[i] == ways[way][i] ||
                ((way == 1 || way == 2) && i + 2 >= way_len && ways[way][i] >= 'a' && text[i] == ways[way][i] - 32)))
            i++;
        if (i < way_len && i == len) best = -1;
        if (i < way_len) continue;
        int rest = stands(form + 1, form_len - 1, text + way_len, len - way_len);
        if (form_len == 1 || rest > 0) return (int)way_len + (rest > 0 ? rest : 0);
        if (rest < 0) best = -1;
    }
    return best;
}

static void mask_plainly(const struct forms *forms, const char *text, size_t len, char *out) {
    size_t cut = len;
    memcpy(out, text, len);
    for (size_t at = 0; at < len; at++)
        for (size_t f = 0; f < forms->count; f++) {
            int found = stands(forms->bytes[f], forms->len[f], text + at, len - at);
            if (found > 0) memset(out + at, '*', (size_t)found);
            if (found < 0 && at < cut) cut = at;
        }
    if (len - cut >= mask_shortest_anywhere) memset(out + cut, '*', len - cut);
}

static const char alphabet[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.+/=\"\\%: ";

static char random_byte(struct prng *prng, size_t of) { return alphabet[prng_below(prng, of)]; }

static bool is_plain(char c) { return (c | 32) - 'a' + 0u < 26u || c - '0' + 0u < 10u; }

/* Where four plain bytes stand together each byte may be escaped in its own way, else the signs are, in the same. */
static void put_escaped(struct text *text, struct prng *prng, struct str form, bool has_run) {
    static const char *const kept[] = {"", "-._~", "-._~/", "-._*"};
    unsigned fixed = (unsigned)prng_below(prng, 6);
    size_t dense = prng_below(prng, 3) ? 0 : (size_t)prng_below(prng, 17); /* so many letters of 16 */
    const char *keeps = fixed == 1 || fixed == 2 ? kept[prng_below(prng, 4)] : "";
    for (size_t i = 0; i < form.len; i++) {
        bool letter = is_plain(form.at[i]) && (!has_run || prng_below(prng, 16) >= dense);
        unsigned way = letter || strchr(keeps, form.at[i]) ? 0
                       : has_run && fixed                  ? (unsigned)prng_below(prng, 6)
                                                           : fixed;
        if (way == 0 && has_run && fixed && strchr("%\\", form.at[i]))
            way = 1 + (unsigned)prng_below(prng, 4); /* else not clear */
        if (way == 5 && !strchr("/\\\"", form.at[i])) way = 0;
        if (way == 0) text_put_byte(text, form.at[i]);
        if (way == 1) text_printf(text, "%%%02X", (unsigned char)form.at[i]);
        if (way == 2) text_printf(text, "%%%02x", (unsigned char)form.at[i]);
        if (way == 3) text_printf(text, "\\u%04x", (unsigned char)form.at[i]);
        if (way == 4) text_printf(text, "\\u%04X", (unsigned char)form.at[i]);
        if (way == 5) text_printf(text, "\\%c", form.at[i]);
    }
}

static size_t random_text(struct prng *prng, const struct forms *forms, char *into) {
    struct text text = text_in_buffer(into, text_max);
    size_t pieces = (size_t)prng_below(prng, 12);
    for (size_t i = 0; i < pieces; i++) {
        size_t form = (size_t)prng_below(prng, forms->count ? forms->count : 1), from = 0, to = forms->len[form];
        switch (forms->count ? prng_below(prng, 6) : 0) {
        case 0:
        case 1:
            for (size_t n = (size_t)prng_below(prng, 40); n > 0; n--) text_put_byte(&text, random_byte(prng, 74));
            continue;
        case 2: from = (size_t)prng_below(prng, to); break;
        case 3: to = (size_t)prng_below(prng, to) + 1; break;
        default: break;
        }
        bool has_run = false;
        for (size_t at = 0, run = 0; at < forms->len[form]; at++) {
            run = is_plain(forms->bytes[form][at]) ? run + 1 : 0;
            has_run |= run == 4;
        }
        put_escaped(&text, prng, str_make(forms->bytes[form] + from, to - from), has_run);
    }
    return text.failed ? 0 : text.len;
}

static void cut_anywhere_it_is_what_the_plainest_way_makes(void **state) {
    (void)state;
    enum { rounds = 4000 };
    struct prng prng;
    prng_seed(&prng, 7);
    for (int round = 0; round < rounds; round++) {
        char key[40], text[text_max], expected[text_max], got[text_max];
        struct forms forms;
        size_t shortest = round % 4 ? mask_shortest_anywhere : mask_shortest, got_len = 0;
        size_t key_len = shortest + (size_t)prng_below(&prng, 24), of = round % 3 ? 62 : round % 2 ? 71 : 4;
        for (size_t i = 0; i < key_len; i++) key[i] = random_byte(&prng, of);
        forms_of(str_make(key, key_len), shortest, &forms);
        const struct mask *mask = mask_of(str_make(key, key_len), shortest);
        size_t len = random_text(&prng, &forms, text), cuts = round % 5 == 0 ? len : (size_t)prng_below(&prng, 6);
        mask_plainly(&forms, text, len, expected);
        struct str whole = mask_whole(mask, str_make(text, len), &scratch), out;
        if (whole.len != len || memcmp(whole.at, expected, len) != 0)
            fail_msg("round %d, key %.*s\n%.*s\n%.*s\n%.*s", round, (int)key_len, key, (int)len, text, (int)len,
                     expected, STR_ARG(whole));
        struct mask_stream stream = {.held = NULL};
        for (size_t from = 0, to; from < len; from = to) {
            to = cuts == len ? from + 1 : from + 1 + (size_t)prng_below(&prng, len - from);
            char *piece = malloc(to - from); /* so that nothing may be read or kept beyond it */
            memcpy(piece, text + from, to - from);
            assert_true(mask_pass(mask, &stream, str_make(piece, to - from), &scratch, &out));
            memcpy(got + got_len, out.at, out.len);
            got_len += out.len;
            free(piece);
        }
        assert_true(mask_end(mask, &stream, &scratch, &out));
        if (out.len) memcpy(got + got_len, out.at, out.len);
        got_len += out.len;
        if (got_len != len || memcmp(got, expected, len) != 0)
            fail_msg("round %d in pieces, key %.*s\n%.*s\n%.*s\n%.*s", round, (int)key_len, key, (int)len, text,
                     (int)len, expected, (int)got_len, got);
        mask_stream_free(&stream);
        arena_reset(&arena);
        arena_reset(&scratch);
    }
}

/* The text in two pieces, cut at `cut`, as it comes out. */
static struct str in_two(const struct mask *mask, struct str text, size_t cut) {
    struct mask_stream stream = {.held = NULL};
    struct text all = text_in_arena(&scratch, text.len + 1);
    struct str pieces[] = {str_slice(text, 0, cut), str_slice(text, cut, text.len)}, out;
    for (size_t i = 0; i < 2; i++) {
        assert_true(mask_pass(mask, &stream, pieces[i], &scratch, &out));
        text_put(&all, out);
    }
    assert_true(mask_end(mask, &stream, &scratch, &out));
    text_put(&all, out);
    mask_stream_free(&stream);
    return text_str(&all);
}

/* Of signs that are themselves and parts of escapes: "\\\\" is two backslashes, or one. */
static void what_may_be_read_in_two_ways_is_masked_alike_however_it_is_cut(void **state) {
    (void)state;
    enum { rounds = 3000, key_most = 40 };
    static const char signs[] = "\\\\\\/\"%u0052cfAA";
    struct prng prng;
    prng_seed(&prng, 23);
    for (int round = 0; round < rounds; round++) {
        char key[key_most], before[16];
        size_t key_len = 0, signs_first = (size_t)prng_below(&prng, 12), signs_last = (size_t)prng_below(&prng, 8);
        while (key_len < signs_first) key[key_len++] = signs[prng_below(&prng, sizeof signs - 1)];
        for (size_t run = 5 + (size_t)prng_below(&prng, 14); run > 0; run--)
            key[key_len++] = prng_below(&prng, 8) ? 'A' : 'B';
        for (; signs_last > 0; signs_last--) key[key_len++] = signs[prng_below(&prng, sizeof signs - 1)];
        size_t before_len = (size_t)prng_below(&prng, sizeof before);
        for (size_t i = 0; i < before_len; i++) before[i] = signs[prng_below(&prng, sizeof signs - 1)];
        const struct mask *mask = mask_of(str_make(key, key_len), mask_shortest);
        struct text said = text_in_arena(&scratch, sizeof before + 2 * sizeof key + 1);
        if (round % 2) text_put(&said, str_make(key, 1 + (size_t)prng_below(&prng, key_len)));
        text_put(&said, str_make(before, before_len));
        text_put(&said, str_make(key, key_len));
        text_put_byte(&said, ' ');
        struct str text = text_str(&said), whole = mask_whole(mask, text, &scratch);
        assert_true(str_find(whole, str_make(key, key_len)) == SIZE_MAX);
        for (size_t cut = 0; cut <= text.len; cut++) {
            struct str got = in_two(mask, text, cut);
            if (!str_eq(got, whole))
                fail_msg("round %d, key %.*s, cut at %zu\n%.*s\n%.*s\n%.*s", round, (int)key_len, key, cut,
                         STR_ARG(text), STR_ARG(whole), STR_ARG(got));
        }
        arena_reset(&arena);
        arena_reset(&scratch);
    }
}

static void of_many_credentials_each_is_found(void **state) {
    (void)state;
    enum { many = 300 };
    static char bytes[many][40];
    struct str keys[many];
    struct prng prng;
    const struct mask *mask;
    prng_seed(&prng, 11);
    for (size_t i = 0; i < many; i++) {
        for (size_t n = 0; n < 40; n++) bytes[i][n] = random_byte(&prng, 62);
        keys[i] = str_make(bytes[i], 40);
    }
    assert_true(mask_new(keys, many, mask_shortest_anywhere, &arena, &mask));
    for (size_t i = 0; i < many; i++) {
        struct str out = mask_whole(mask, keys[i], &scratch);
        for (size_t n = 0; n < 40; n++) assert_int_equal(out.at[n], '*');
    }
}

/* What it compares of a text that is this pattern again and again. */
static uint64_t compared_of(const struct mask *mask, const char *pattern, size_t len, size_t piece) {
    struct mask_stream stream = {.held = NULL};
    char *text = malloc(len);
    struct str out;
    for (size_t i = 0; i < len; i++) text[i] = pattern[i % strlen(pattern)];
    for (size_t at = 0; at < len; at += piece) {
        assert_true(mask_pass(mask, &stream, str_slice(str_make(text, len), at, at + piece < len ? at + piece : len),
                              &scratch, &out));
        arena_reset(&scratch);
    }
    free(text);
    mask_stream_free(&stream);
    return stream.compared;
}

static void a_text_of_escapes_costs_as_plain_text_does(void **state) {
    (void)state;
    enum { many = 20, key_len = 64, len = 64 * 1024, piece_len = 16 * 1024 };
    static const char *const patterns[] = {
        "\\",       "%",   "\\n",      "\\u0041", "\\u00",    "\\/",  "%41",      "%2",
        "\\\\u004", "n\\", "\\u0073k", "sk-",     "sk-proj-", "proj", "c2stcHJv", "a plain text of words. "};
    static char bytes[many][key_len];
    struct str keys[many];
    struct prng prng;
    prng_seed(&prng, 5);
    for (size_t i = 0; i < many; i++) {
        for (size_t n = 0; n < key_len; n++) bytes[i][n] = n < 8 ? "sk-proj-"[n] : random_byte(&prng, 62);
        keys[i] = str_make(bytes[i], key_len);
    }
    for (size_t count = 1; count <= many; count += many - 1) {
        const struct mask *mask;
        assert_true(mask_new(keys, count, mask_shortest_anywhere, &arena, &mask));
        for (size_t i = 0; i < sizeof patterns / sizeof *patterns; i++) {
            uint64_t whole = compared_of(mask, patterns[i], len, len),
                     eightfold = compared_of(mask, patterns[i], len * 8, len * 8),
                     pieces = compared_of(mask, patterns[i], len, piece_len);
            if (whole > len * (1 + count) || eightfold > 8 * whole + 1024 || pieces > len * (1 + count))
                fail_msg("`%s`, %zu keys: %llu compared of %d, %llu of eight times that, %llu in pieces", patterns[i],
                         count, (unsigned long long)whole, len, (unsigned long long)eightfold,
                         (unsigned long long)pieces);
        }
    }
}

static void without_memory_it_says_so(void **state) {
    (void)state;
    struct mask_stream stream = {.held = NULL};
    const struct mask *mask = mask_of(STR(KEY), mask_shortest_anywhere);
    struct arena none;
    struct str out;
    arena_init(&none, 4096, 0);
    assert_false(mask_pass(mask, &stream, STR("the key " KEY), &none, &out));
    assert_null(mask_whole(mask, STR(KEY), &none).at);
    memory_fail_at(1);
    assert_false(mask_pass(mask, &stream, STR("the key sk-pr"), &scratch, &out));
    memory_fail_at(0);
    struct str key = STR(KEY);
    assert_false(mask_new(&key, 1, mask_shortest, &none, &mask));
    mask_stream_free(&stream);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(every_way_of_writing_a_key_is_masked_byte_for_byte, begin, end),
        cmocka_unit_test_setup_teardown(keys_full_of_signs_are_found_however_they_are_escaped, begin, end),
        cmocka_unit_test_setup_teardown(keys_without_four_letters_together_are_found_as_encoders_write_them, begin,
                                        end),
        cmocka_unit_test_setup_teardown(short_ones_are_left_alone_unless_asked_for, begin, end),
        cmocka_unit_test_setup_teardown(what_is_clean_is_not_copied, begin, end),
        cmocka_unit_test_setup_teardown(only_what_may_be_a_beginning_waits, begin, end),
        cmocka_unit_test_setup_teardown(cut_anywhere_it_is_what_the_plainest_way_makes, begin, end),
        cmocka_unit_test_setup_teardown(what_may_be_read_in_two_ways_is_masked_alike_however_it_is_cut, begin, end),
        cmocka_unit_test_setup_teardown(of_many_credentials_each_is_found, begin, end),
        cmocka_unit_test_setup_teardown(a_text_of_escapes_costs_as_plain_text_does, begin, end),
        cmocka_unit_test_setup_teardown(without_memory_it_says_so, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
