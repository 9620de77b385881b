/* weir_limit_views_test.c - what is told of rates and places that are used in part: what is left of each, and of values
 * those that have the least, in their order. */
#include "runtime/weir_internal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "base/memory.h"

static const struct now now = {.mono_ns = 1000 * NS_PER_S, .wall_ns = 1000 * NS_PER_S};
static char json[16 * 1024];

static struct limiter_rules rate_per(uint64_t limit, uint64_t seconds) {
    return (struct limiter_rules){.limit = limit, .period_ns = seconds * NS_PER_S, .burst = limit};
}

static void rate_use(struct cell *cell, struct limiter_rules rules, uint64_t units) {
    struct limiter_ticket ticket;
    assert_true(units == 0 || limiter_take(cell, &rules, units, now.mono_ns, &ticket));
}

/* So much of each. */
static void words_use(struct limit_words *words, const struct limit_rules *rules, const uint64_t used[4]) {
    rate_use(&words->requests_minute, rules->rates.requests_minute, used[0]);
    rate_use(&words->requests_hour, rules->rates.requests_hour, used[1]);
    rate_use(&words->tokens_minute, rules->rates.tokens_minute, used[2]);
    for (uint64_t i = 0; i < used[3]; i++) assert_true(gate_enter(&words->gate, 0));
}

static void assert_limits(const struct client *client, const char *wanted) {
    struct text text = text_in_buffer(json, sizeof json - 1);
    library_client_limits_put(client, now, &text);
    assert_false(text.failed);
    json[text.len] = 0;
    size_t at = 0; /* what is compared is longer than what is told of two strings that differ */
    while (json[at] && json[at] == wanted[at]) at++;
    if (strcmp(json, wanted) != 0) fail_msg("at %zu: %s", at, json + (at > 100 ? at - 100 : 0));
}

static void what_is_left_of_each_is_told(void **state) {
    struct str models[] = {STR("m-*"), STR("n")}, routes[] = {STR("fast")};
    const struct limit_rules rules = {.rates = {.requests_minute = rate_per(10, 60),
                                                .requests_hour = rate_per(20, 3600),
                                                .tokens_minute = rate_per(100, 60)},
                                      .max_concurrent = 4};
    struct limit_words words = {.gate = {0}};
    const struct rate_limit all = {.owner = STR("team t"),
                                   .name = STR("all"),
                                   .rules = rules,
                                   .models = models,
                                   .model_count = 2,
                                   .routes = routes,
                                   .route_count = 1,
                                   .words = &words},
                            others = {.owner = STR("team t"),
                                      .name = STR("each"),
                                      .rules = rules,
                                      .per = per_end_user,
                                      .per_word = STR("end_user")};
    const struct rate_limit *list[] = {&all, &others};
    struct client_cells cells = {.gate = {0}};
    struct client client = {.cells = &cells, .rates = rules.rates, .max_concurrent = 4, .limits = {list, 2}};
    (void)state;
    rate_use(&cells.requests_minute, rules.rates.requests_minute, 1);
    rate_use(&cells.requests_hour, rules.rates.requests_hour, 2);
    rate_use(&cells.tokens_minute, rules.rates.tokens_minute, 3);
    assert_true(gate_enter(&cells.gate, 4));
    words_use(&words, &rules, (const uint64_t[]){4, 5, 6, 2});
#define LIMITS(rpm, rph, tpm, places)                                                                                \
    ",\"limits\":{\"rate_limit_rpm\":{\"limit\":10,\"left\":" rpm "},\"rate_limit_rph\":{\"limit\":20,\"left\":" rph \
    "},\"rate_limit_tpm\":{\"limit\":100,\"left\":" tpm "},\"max_concurrent\":{\"limit\":4,\"left\":" places "}}"
#define ALL                                                                                                    \
    "{\"owner\":\"team "                                                                                       \
    "t\",\"name\":\"all\",\"models\":[\"m-*\",\"n\"],\"routes\":[\"fast\"],\"rpm\":{\"limit\":10,\"left\":6}," \
    "\"rph\":{\"limit\":20,\"left\":15},\"tpm\":{\"limit\":100,\"left\":94},\"concurrent\":{\"limit\":4,\"left\":2}}"
#define OTHERS                                                                                                    \
    "{\"owner\":\"team t\",\"name\":\"each\",\"per\":\"end_user\",\"rpm\":{\"limit\":10},\"rph\":{\"limit\":20}," \
    "\"tpm\":{\"limit\":100},\"concurrent\":{\"limit\":4}}"
    assert_limits(&client, LIMITS("9", "18", "97", "3") ",\"rate_limits\":[" ALL "," OTHERS "]");
    client.limits.count = 0;
    client.caps.loop_warn.most = 3;
    assert_limits(&client, LIMITS("9", "18", "97", "3") ",\"rate_limits\":[],\"loop_guard\":{\"warn\":3}");
    client.caps.loop_refuse.most = 6;
    assert_limits(&client, LIMITS("9", "18", "97", "3") ",\"rate_limits\":[],\"loop_guard\":{\"warn\":3,\"refuse\":6}");
    client.caps.loop_warn.most = 0;
    for (int i = 0; i < 3; i++) assert_true(gate_enter(&cells.gate, 4));
    assert_limits(&client, LIMITS("9", "18", "97", "0") ",\"rate_limits\":[],\"loop_guard\":{\"refuse\":6}");
    assert_true(gate_enter(&cells.gate, 0)); /* one more than a limit that was lowered meanwhile */
    struct owner owner = {.cells = &cells, .rates = {.tokens_minute = rules.rates.tokens_minute}, .max_concurrent = 4};
    struct text text = text_in_buffer(json, sizeof json - 1);
    library_owner_limits_put(&owner, now, &text);
    json[text.len] = 0;
    assert_string_equal(json, ",\"limits\":{\"rate_limit_tpm\":{\"limit\":100,\"left\":97},\"max_concurrent\":"
                              "{\"limit\":4,\"left\":0}}");
}

/* -- values -- */

/* What a value took, by a word that was said or, where that is empty, not; rules NULL: the limit's. */
struct value_used {
    struct hash_tag tag;
    const char *said;
    const struct limit_rules *rules;
    uint64_t used[4];
};

static void values_use(const struct rate_limit *limit, const struct value_used *used, size_t count) {
    for (size_t i = 0; i < count; i++) {
        const struct values_window window = limit_values_window(limit, now.mono_ns);
        struct money_value *value = values_hold(limit->values, &used[i].tag, str_from(used[i].said), &window, true);
        assert_non_null(value);
        words_use(value_limit(value), used[i].rules ? used[i].rules : &limit->rules, used[i].used);
        values_release(limit->values, value);
    }
}

static void values_are_told_as_they_have_the_least_left(void **state) {
    const struct limit_rules usual = {.rates = {.requests_minute = rate_per(10, 60),
                                                .requests_hour = rate_per(100, 3600),
                                                .tokens_minute = rate_per(1000, 60)},
                                      .max_concurrent = 4};
    struct limit_rules own = {.rates = {.requests_minute = rate_per(5, 60)}},
                       others = {.rates = {.requests_minute = rate_per(3, 60)}},
                       free = {.rates = {.requests_minute = rate_per(0, 60)}};
    const struct value_used used[] = {
        {{{1, 1}}, "rests", NULL, {0, 0, 0, 0}},  {{{2, 1}}, "places", NULL, {0, 0, 0, 2}},
        {{{3, 1}}, "own", &own, {3, 0, 0, 0}},    {{{4, 1}}, "rpm", NULL, {9, 0, 0, 0}},
        {{{5, 1}}, "tpm", NULL, {0, 0, 700, 0}},  {{{6, 1}}, "(own)", NULL, {2, 0, 0, 0}},
        {{{7, 1}}, "rph", NULL, {0, 80, 0, 0}},   {{{0xabc, 1}}, "", NULL, {3, 0, 0, 0}},
        {value_none, "", &own, {2, 0, 0, 0}},     {value_other, "", &others, {2, 0, 0, 0}},
        {{{9, 1}}, "as rpm", NULL, {9, 0, 0, 1}}, {{{10, 1}}, "free", &free, {0, 0, 0, 1}},
    };
    struct arena arena;
    struct rate_limit limit = {.owner = STR("client c"),
                               .name = STR("each"),
                               .rules = usual,
                               .per = per_end_user,
                               .per_word = STR("end_user"),
                               .own = true,
                               .values = memory_take_zeroed(values_size(values_of_limit)),
                               .value_most = 1000};
    const struct rate_limit *list[] = {&limit};
    struct client_cells cells = {.gate = {0}};
    const struct client client = {.cells = &cells, .limits = {list, 1}};
    (void)state;
    arena_init(&arena, 1024, 64 * 1024);
    assert_true(map_init(&limit.limits, &arena, 5) && map_add(&limit.limits, STR("own"), &own) &&
                map_add(&limit.limits, STR("(own)"), &others) && map_add(&limit.limits, STR("free"), &free) &&
                map_add(&limit.limits, STR("(none)"), &own) && map_add(&limit.limits, STR("(other)"), &others));
    values_use(&limit, used, sizeof used / sizeof *used);
#define VALUE(name, rpm, rph, tpm, places)                                                                      \
    "{\"value\":\"" name "\",\"rpm\":{\"limit\":10,\"left\":" rpm "},\"rph\":{\"limit\":100,\"left\":" rph "}," \
    "\"tpm\":{\"limit\":1000,\"left\":" tpm "},\"concurrent\":{\"limit\":4,\"left\":" places "}}"
#define VALUE_OF_ITS_OWN(name, limit, left) "{\"value\":\"" name "\",\"rpm\":{\"limit\":" limit ",\"left\":" left "}}"
#define USUAL "\"rpm\":{\"limit\":10},\"rph\":{\"limit\":100},\"tpm\":{\"limit\":1000},\"concurrent\":{\"limit\":4}"
    static const char *const wanted[] = {
        ",\"limits\":{},\"rate_limits\":[{\"owner\":\"client c\",\"name\":\"each\",\"per\":\"end_user\",",
        USUAL ",\"value_count\":11,\"values\":[",
        VALUE("rpm", "1", "100", "1000", "4") ",",
        VALUE("as rpm", "1", "100", "1000", "3") ",",
        VALUE("rph", "10", "20", "1000", "4") ",",
        VALUE("tpm", "10", "100", "300", "4") ",",
        VALUE_OF_ITS_OWN("(other)", "3", "1") ",",
        VALUE_OF_ITS_OWN("own", "5", "2") ",",
        VALUE("places", "10", "100", "1000", "2") ",",
        VALUE_OF_ITS_OWN("(none)", "5", "3") ",",
        VALUE("#0000000000000abc", "7", "100", "1000", "4") ",",
        VALUE("(own)", "8", "100", "1000", "4") ",",
        "{\"value\":\"free\"}]}]"};
    char all[4096] = "";
    for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++) strcat(all, wanted[i]);
    assert_limits(&client, all);
    values_end(limit.values);
    memory_give(limit.values);
    arena_free(&arena);
}

/* They come in no order; each that is told is told once, however many there are. */
static void of_many_values_twenty_are_told(void **state) {
    (void)state;
    for (size_t count = 18; count <= 31; count++) {
        struct rate_limit limit = {.rules = {.rates = {.requests_minute = rate_per(100, 60)}},
                                   .per = per_end_user,
                                   .own = true,
                                   .values = memory_take_zeroed(values_size(values_of_limit)),
                                   .value_most = 1000};
        const struct rate_limit *list[] = {&limit};
        struct client_cells cells = {.gate = {0}};
        const struct client client = {.cells = &cells, .limits = {list, 1}};
        char wanted[4096];
        struct text text = text_in_buffer(wanted, sizeof wanted - 1);
        for (size_t i = 0; i < count; i++) { /* 7 is prime to each of 18 to 31 but 21 and 28, where it is 11 */
            const size_t used = i * (count % 7 ? 7 : 11) % count + 1;
            char name[16];
            snprintf(name, sizeof name, "v%zu", used);
            values_use(&limit, &(struct value_used){{{used, 1}}, name, NULL, {used, 0, 0, 0}}, 1);
        }
        text_printf(&text, ",\"value_count\":%zu,\"values\":[", count);
        for (size_t i = 0; i < count && i < 20; i++)
            text_printf(&text, "%s{\"value\":\"v%zu\",\"rpm\":{\"limit\":100,\"left\":%zu}}", i ? "," : "", count - i,
                        100 - (count - i));
        text_put(&text, STR("]}]"));
        wanted[text.len] = 0;
        struct text told = text_in_buffer(json, sizeof json - 1);
        library_client_limits_put(&client, now, &told);
        json[told.len] = 0;
        assert_string_equal(strstr(json, ",\"value_count\""), wanted);
        values_end(limit.values);
        memory_give(limit.values);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_left_of_each_is_told),
        cmocka_unit_test(values_are_told_as_they_have_the_least_left),
        cmocka_unit_test(of_many_values_twenty_are_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
