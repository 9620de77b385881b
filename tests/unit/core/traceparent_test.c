/* A traceparent is taken as the standard says or not at all; ids of traces and spans follow from a request's own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/prng.h"
#include "core/traceparent.h"

#define TRACE "4bf92f3577b34da6a3ce929d0e0e4736"
#define PARENT "00f067aa0ba902b7"

static bool takes(const char *text, struct traceparent *read) { return traceparent_read(str_from(text), read); }

static void what_the_standard_shows_is_taken(void **state) {
    struct traceparent read;
    (void)state;
    assert_true(takes("00-" TRACE "-" PARENT "-01", &read));
    assert_true(str_eq(read.trace, STR(TRACE)) && str_eq(read.parent, STR(PARENT)) && read.sampled);
    assert_true(takes("00-" TRACE "-" PARENT "-00", &read));
    assert_false(read.sampled);
    assert_true(takes("00-" TRACE "-" PARENT "-ff", &read)); /* bits that nobody knows yet */
    assert_true(read.sampled);
}

static void a_later_version_may_say_more(void **state) {
    struct traceparent read;
    (void)state;
    assert_true(takes("cc-" TRACE "-" PARENT "-01", &read));
    assert_true(takes("cc-" TRACE "-" PARENT "-01-what-the-future-will-be-like", &read));
    assert_false(takes("cc-" TRACE "-" PARENT "-01.what", &read));
    assert_false(takes("00-" TRACE "-" PARENT "-01-more", &read));
    assert_false(takes("ff-" TRACE "-" PARENT "-01", &read));
}

static void all_else_is_none(void **state) {
    static const char *const bad[] = {
        "",
        "00",
        "nonsense",
        "00-" TRACE "-" PARENT,
        "00-" TRACE "-" PARENT "-",
        "00-" TRACE "-" PARENT "-1",
        "00-" TRACE "-" PARENT "-0x",
        "0x-" TRACE "-" PARENT "-01",
        "00-" TRACE "-" PARENT "-01-",
        "00-00000000000000000000000000000000-" PARENT "-01",
        "00-" TRACE "-0000000000000000-01",
        "00-4BF92F3577B34DA6A3CE929D0E0E4736-" PARENT "-01",
        "00-" TRACE "-00F067AA0BA902B7-01",
        "00-" TRACE "-" PARENT "-0A",
        "0A-" TRACE "-" PARENT "-01",
        "00-" TRACE "_" PARENT "-01",
        "00_" TRACE "-" PARENT "-01",
        "00-" TRACE "-" PARENT "_01",
        " 00-" TRACE "-" PARENT "-01",
        "00-4bf92f3577b34da6a3ce929d0e0e473g-" PARENT "-01",
    };
    struct traceparent read = {.sampled = true};
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (takes(bad[i], &read)) fail_msg("taken: %s", bad[i]);
    assert_true(read.sampled && !read.trace.at); /* not touched */
}

static void what_is_written_is_read(void **state) {
    char digits[trace_id_digits], said[traceparent_len], span[span_id_digits];
    struct traceparent read;
    (void)state;
    trace_id_of(STR("req_6a01f00d0123456789abcdef"), digits);
    assert_memory_equal(digits, "776569726a01f00d0123456789abcdef", trace_id_digits);
    uint64_t id = trace_span(STR("req_6a01f00d0123456789abcdef"), 3);
    trace_span_digits(id, span);
    for (int sampled = 0; sampled < 2; sampled++) {
        traceparent_write(str_make(digits, sizeof digits), id, sampled, said);
        assert_true(traceparent_read(str_make(said, sizeof said), &read));
        assert_true(str_eq(read.trace, str_make(digits, sizeof digits)) && read.sampled == sampled);
        assert_true(str_eq(read.parent, str_make(span, sizeof span)));
    }
}

/* They stand at whoever collects traces: another release finds its own again. */
static void ids_are_those_of_every_release(void **state) {
    static const struct {
        const char *id;
        uint64_t spans[2];
        const char *trace;
    } rows[] = {
        {"req_6a01f00d0123456789abcdef",
         {UINT64_C(0xd7c98772fde2357d), UINT64_C(0x9be6ac68571e6d4d)},
         "776569726a01f00d0123456789abcdef"},
        {"x", {UINT64_C(0x338262d8f096398f), UINT64_C(0xcefb9c22cf519144)}, "77656972f51387b62c782ac22891188e"}};
    char digits[trace_id_digits];
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        trace_id_of(str_from(rows[i].id), digits);
        assert_memory_equal(digits, rows[i].trace, trace_id_digits);
        for (unsigned number = 0; number < 2; number++)
            assert_true(trace_span(str_from(rows[i].id), number) == rows[i].spans[number]);
    }
}

static void an_id_of_another_form_makes_one_too(void **state) {
    static const char *const ids[] = {"x", "a-library's own", "req_00000000000000000000000000000000",
                                      "req_6A01F00D0123456789ABCDEF"};
    char digits[4][trace_id_digits], said[traceparent_len];
    struct traceparent read;
    (void)state;
    for (size_t i = 0; i < 4; i++) {
        trace_id_of(str_from(ids[i]), digits[i]);
        traceparent_write(str_make(digits[i], trace_id_digits), 1, true, said);
        assert_true(traceparent_read(str_make(said, sizeof said), &read));
        for (size_t k = 0; k < i; k++) assert_memory_not_equal(digits[i], digits[k], trace_id_digits);
    }
}

static void spans_of_requests_differ(void **state) {
    uint64_t seen[300];
    size_t count = 0;
    (void)state;
    for (unsigned request = 0; request < 30; request++)
        for (unsigned number = 0; number < 10; number++) {
            char id[] = "req_6a01f00d0123456789abcd00";
            id[26] = (char)('0' + request / 10);
            id[27] = (char)('0' + request % 10);
            uint64_t span = trace_span(str_from(id), number);
            assert_int_not_equal(span, 0);
            for (size_t i = 0; i < count; i++) assert_int_not_equal(seen[i], span);
            seen[count++] = span;
        }
}

static void a_share_of_traces_is_that_share_and_the_same_for_all(void **state) {
    struct prng prng;
    unsigned among[3] = {0};
    const double shares[3] = {0, 0.1, 1};
    (void)state;
    prng_seed(&prng, 7);
    for (int i = 0; i < 10000; i++) {
        char digits[trace_id_digits] = "77656972000000000000000000000000";
        trace_span_digits(prng_next(&prng), digits + 16);
        struct str trace = str_make(digits, sizeof digits);
        for (size_t s = 0; s < 3; s++) among[s] += trace_is_among(trace, shares[s]);
        assert_true(!trace_is_among(trace, 0.1) || trace_is_among(trace, 0.2)); /* a larger share has them too */
    }
    assert_int_equal(among[0], 0);
    assert_in_range(among[1], 900, 1100);
    assert_int_equal(among[2], 10000);
}

static void a_state_is_printable_and_bounded(void **state) {
    char many[tracestate_most + 1];
    (void)state;
    memset(many, 'a', sizeof many);
    assert_true(tracestate_is_fit(STR("rojo=00f067aa0ba902b7,congo=t61rcWkgMzE")));
    assert_true(tracestate_is_fit(str_make(many, tracestate_most)));
    assert_false(tracestate_is_fit(str_make(many, sizeof many)));
    assert_false(tracestate_is_fit(STR("a=\tb")) || tracestate_is_fit(STR("a=\xc3\xa4")));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_the_standard_shows_is_taken),
        cmocka_unit_test(a_later_version_may_say_more),
        cmocka_unit_test(all_else_is_none),
        cmocka_unit_test(what_is_written_is_read),
        cmocka_unit_test(ids_are_those_of_every_release),
        cmocka_unit_test(an_id_of_another_form_makes_one_too),
        cmocka_unit_test(spans_of_requests_differ),
        cmocka_unit_test(a_share_of_traces_is_that_share_and_the_same_for_all),
        cmocka_unit_test(a_state_is_printable_and_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
