/* rules_test.c - each condition alone, all together, the order of rules, and the hours of the day around midnight. */
#include "snapshot/rules.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <time.h>
#include <cmocka.h>

#include "base/prng.h"

/* 2025-06-23 was a Monday. */
static const int64_t monday_s = 1750636800, hour_s = 3600, day_s = 86400;
static const int64_t ns = 1000000000;

static struct rule_facts usual(void) {
    return (struct rule_facts){.model = STR("gpt-4o"), .client = STR("app"), .prompt_tokens = 1000};
}

static bool holds(struct rule_when when, struct rule_facts facts) { return rule_holds(&when, &facts); }

static void a_rule_without_conditions_holds_always(void **state) {
    (void)state;
    assert_true(holds((struct rule_when){0}, usual()));
    assert_true(holds((struct rule_when){0}, (struct rule_facts){.prompt_tokens = -1, .wall_ns = INT64_MIN}));
    assert_true(holds((struct rule_when){0}, (struct rule_facts){.prompt_tokens = 0, .wall_ns = INT64_MAX}));
}

static void a_wish_is_yes_no_or_neither(void **state) {
    (void)state;
    for (int which = 0; which < 4; which++)
        for (int wish = rule_any; wish <= rule_no; wish++)
            for (int fact = 0; fact < 2; fact++) {
                struct rule_when when = {0};
                struct rule_facts facts = usual();
                enum rule_wish *wishes[] = {&when.has_image, &when.has_tools, &when.wants_json, &when.streaming};
                bool *found[] = {&facts.has_image, &facts.has_tools, &facts.wants_json, &facts.streaming};
                *wishes[which] = (enum rule_wish)wish;
                *found[which] = fact;
                assert_int_equal(rule_holds(&when, &facts),
                                 wish == rule_any || (wish == rule_yes && fact) || (wish == rule_no && !fact));
            }
}

static void names_are_globs(void **state) {
    (void)state;
    assert_true(holds((struct rule_when){.model = STR("gpt-4*")}, usual()));
    assert_false(holds((struct rule_when){.model = STR("claude-*")}, usual()));
    assert_false(holds((struct rule_when){.model = STR("GPT-4*")}, usual()));
    assert_true(holds((struct rule_when){.client = STR("a?p")}, usual()));
    assert_false(holds((struct rule_when){.client = STR("batch*")}, usual()));
    struct rule_facts nobody = usual();
    nobody.client = STR_NONE;
    assert_false(holds((struct rule_when){.client = STR("app")}, nobody));
    assert_true(holds((struct rule_when){.client = STR("*")}, nobody));
}

static void lengths_are_more_than_and_less_than(void **state) {
    (void)state;
    struct rule_facts facts = usual();
    assert_true(holds((struct rule_when){.prompt_tokens_over = 999}, facts));
    assert_false(holds((struct rule_when){.prompt_tokens_over = 1000}, facts));
    assert_true(holds((struct rule_when){.prompt_tokens_under = 1001}, facts));
    assert_false(holds((struct rule_when){.prompt_tokens_under = 1000}, facts));
    assert_true(holds((struct rule_when){.prompt_tokens_over = 999, .prompt_tokens_under = 1001}, facts));
    facts.prompt_tokens = 0;
    assert_true(holds((struct rule_when){.prompt_tokens_under = 1}, facts));
    facts.prompt_tokens = -1; /* not known: neither */
    assert_false(holds((struct rule_when){.prompt_tokens_over = 1}, facts));
    assert_false(holds((struct rule_when){.prompt_tokens_under = INT64_MAX}, facts));
}

static void every_tag_must_be_there(void **state) {
    (void)state;
    static const struct rule_tag wanted[] = {{STR("team"), STR("search")}, {STR("env"), STR("prod")}};
    static const struct rule_tag all[] = {
        {STR("x"), STR("y")}, {STR("env"), STR("prod")}, {STR("team"), STR("search")}};
    static const struct rule_tag twice[] = {{STR("env"), STR("test")}, {STR("env"), STR("prod")}};
    struct rule_when when = {.tags = wanted, .tag_count = 2};
    struct rule_facts facts = usual();
    assert_false(holds(when, facts));
    facts.tags = all;
    facts.tag_count = 3;
    assert_true(holds(when, facts));
    facts.tag_count = 2;
    assert_false(holds(when, facts));
    facts.tags = twice;
    assert_true(holds((struct rule_when){.tags = wanted + 1, .tag_count = 1}, facts));
    assert_false(holds((struct rule_when){.tags = wanted, .tag_count = 1}, facts));
}

static bool at(struct rule_when when, int64_t seconds) {
    struct rule_facts facts = usual();
    facts.wall_ns = seconds * ns;
    return rule_holds(&when, &facts);
}

static void hours_begin_at_the_first_and_end_before_the_second(void **state) {
    (void)state;
    struct rule_when office = {.hours = {9 * 60, 17 * 60 + 30}};
    assert_false(at(office, monday_s + 9 * hour_s - 1));
    assert_true(at(office, monday_s + 9 * hour_s));
    assert_true(at(office, monday_s + 17 * hour_s + 1799));
    assert_false(at(office, monday_s + 17 * hour_s + 1800));
}

static void hours_may_go_past_midnight(void **state) {
    (void)state;
    struct rule_when night = {.hours = {22 * 60, 6 * 60}};
    assert_false(at(night, monday_s + 22 * hour_s - 1));
    assert_true(at(night, monday_s + 22 * hour_s));
    assert_true(at(night, monday_s));
    assert_true(at(night, monday_s + 6 * hour_s - 1));
    assert_false(at(night, monday_s + 6 * hour_s));
}

static void a_night_belongs_to_the_day_on_which_it_began(void **state) {
    (void)state;
    struct rule_when night = {.hours = {22 * 60, 6 * 60}, .days = 1 << 4}; /* Friday's */
    assert_true(at(night, monday_s + 4 * day_s + 23 * hour_s));
    assert_true(at(night, monday_s + 5 * day_s + 2 * hour_s)); /* Saturday, early */
    assert_false(at(night, monday_s + 4 * day_s + 2 * hour_s));
    assert_false(at(night, monday_s + 5 * day_s + 23 * hour_s));
}

static void days_and_hours_are_the_time_zones(void **state) {
    (void)state;
    struct rule_when weekdays = {.days = 0x1f}, east = weekdays, west = weekdays;
    east.utc_offset_minutes = 120;
    west.utc_offset_minutes = -330;
    for (int day = 0; day < 7; day++) assert_int_equal(at(weekdays, monday_s + day * day_s), day < 5);
    assert_false(at(weekdays, monday_s - 1));
    assert_true(at(east, monday_s - 2 * hour_s));
    assert_false(at(east, monday_s - 2 * hour_s - 1));
    assert_false(at(west, monday_s + 5 * hour_s + 1799));
    assert_true(at(west, monday_s + 5 * hour_s + 1800));
    struct rule_when dawn = {.hours = {0, 60}, .utc_offset_minutes = 120};
    assert_true(at(dawn, monday_s - 2 * hour_s));
    assert_false(at(dawn, monday_s));
}

static void local_time_agrees_with_the_c_librarys(void **state) {
    (void)state;
    struct prng prng;
    for (uint64_t seed = 1; seed <= 20000; seed++) {
        prng_seed(&prng, seed);
        int64_t seconds = (int64_t)prng_below(&prng, 8000000000ull) - 4000000000ll;
        int32_t offset = (int32_t)prng_below(&prng, 1681) - 840;
        time_t moment = (time_t)(seconds + offset * 60);
        struct tm fields;
        gmtime_r(&moment, &fields);
        unsigned day = ((unsigned)fields.tm_wday + 6) % 7, minute = (unsigned)(fields.tm_hour * 60 + fields.tm_min);
        struct rule_when now = {.hours = {(uint16_t)minute, (uint16_t)(minute + 1)},
                                .days = (uint8_t)(1u << day),
                                .utc_offset_minutes = offset};
        struct rule_when other = now;
        other.days = (uint8_t)(~now.days & rule_all_days);
        if (!at(now, seconds) || at(other, seconds)) fail_msg("seed=%llu", (unsigned long long)seed);
    }
}

static void the_first_enabled_rule_that_holds_wins(void **state) {
    (void)state;
    const struct rule rules[] = {
        {.name = STR("off"), .enabled = false},
        {.name = STR("images"), .enabled = true, .when = {.has_image = rule_yes}},
        {.name = STR("long"), .enabled = true, .when = {.prompt_tokens_over = 500}},
        {.name = STR("longer"), .enabled = true, .when = {.prompt_tokens_over = 800}},
    };
    struct rule_facts facts = usual();
    assert_ptr_equal(rules_match(rules, 4, &facts), &rules[2]);
    facts.has_image = true;
    assert_ptr_equal(rules_match(rules, 4, &facts), &rules[1]);
    facts.has_image = false;
    facts.prompt_tokens = 100;
    assert_null(rules_match(rules, 4, &facts));
    assert_null(rules_match(NULL, 0, &facts));
}

/* A rule of many conditions holds exactly when each of them holds alone. */
static void conditions_are_joined_by_and(void **state) {
    (void)state;
    static const struct rule_tag tag = {STR("env"), STR("prod")};
    struct prng prng;
    for (uint64_t seed = 1; seed <= 20000; seed++) {
        prng_seed(&prng, seed);
        struct rule_when alone[8] = {0}, all;
        struct rule_facts facts = usual();
        facts.has_image = prng_below(&prng, 2);
        facts.streaming = prng_below(&prng, 2);
        facts.prompt_tokens = (int64_t)prng_below(&prng, 20) - 1;
        facts.wall_ns = (monday_s + (int64_t)prng_below(&prng, 604800)) * ns;
        facts.tags = &tag;
        facts.tag_count = prng_below(&prng, 2);
        alone[0].has_image = (enum rule_wish)prng_below(&prng, 3);
        alone[1].streaming = (enum rule_wish)prng_below(&prng, 3);
        alone[2].prompt_tokens_over = (int64_t)prng_below(&prng, 10);
        alone[3].prompt_tokens_under = (int64_t)prng_below(&prng, 30);
        alone[4].model = prng_below(&prng, 2) ? STR("gpt*") : STR_NONE;
        alone[5].client = prng_below(&prng, 4) ? STR_NONE : STR("other");
        alone[6].tags = &tag;
        alone[6].tag_count = prng_below(&prng, 2);
        alone[7].days = (uint8_t)(0x7f & ~(1u << prng_below(&prng, 7)));
        all = alone[0];
        all.streaming = alone[1].streaming;
        all.prompt_tokens_over = alone[2].prompt_tokens_over;
        all.prompt_tokens_under = alone[3].prompt_tokens_under;
        all.model = alone[4].model;
        all.client = alone[5].client;
        all.tags = alone[6].tags;
        all.tag_count = alone[6].tag_count;
        all.days = alone[7].days;
        bool each = true;
        for (int i = 0; i < 8; i++) each = each && rule_holds(&alone[i], &facts);
        if (rule_holds(&all, &facts) != each) fail_msg("seed=%llu", (unsigned long long)seed);
    }
}

static void hours_are_read(void **state) {
    (void)state;
    struct rule_hours hours = {0};
    assert_true(rule_read_hours(STR("22:00-06:00"), &hours));
    assert_int_equal(hours.from, 1320);
    assert_int_equal(hours.to, 360);
    assert_true(rule_read_hours(STR("09:05 - 24:00"), &hours));
    assert_int_equal(hours.from, 545);
    assert_int_equal(hours.to, rule_day_minutes);
    assert_true(rule_read_hours(STR("00:00-24:00"), &hours));
    assert_true(rule_read_hours(STR("00:59-23:59"), &hours));
    assert_true(hours.from == 59 && hours.to == rule_day_minutes - 1);
    static const char *const wrong[] = {"",
                                        "22:00",
                                        "22:00-",
                                        "22-06",
                                        "9:00-10:00",
                                        "24:00-1:00",
                                        "24:00-01:00",
                                        "10:00-10:00",
                                        "10:60-11:00",
                                        "10:00-24:01",
                                        "10:00-25:00",
                                        "1a:00-11:00",
                                        "10:00-11:00-12:00"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        if (rule_read_hours(str_from(wrong[i]), &hours)) fail_msg("\"%s\" was read", wrong[i]);
}

static void days_are_read(void **state) {
    (void)state;
    static const struct {
        const char *text;
        uint8_t days; /* 0: refused */
    } rows[] = {{"mon", 1},        {"Sunday", 64}, {"mon-fri", 0x1f}, {"sat, sun", 0x60},
                {"fri-mon", 0x71}, {"wed-wed", 4}, {"mon-sun", 0x7f}, {"tue,Thursday", 10},
                {"", 0},           {"mon,", 0},    {"monday-", 0},    {"-mon", 0},
                {"m", 0},          {"funday", 0},  {"mon fri", 0}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        uint8_t days = 0;
        if (rule_read_days(str_from(rows[i].text), &days) != (rows[i].days != 0) || days != rows[i].days)
            fail_msg("\"%s\" is %#x", rows[i].text, days);
    }
}

static void offsets_are_read(void **state) {
    (void)state;
    static const struct {
        const char *text;
        int32_t minutes; /* 9999: refused */
    } rows[] = {{"UTC", 0},       {"z", 0},        {"+02:00", 120}, {"-05:30", -330}, {"+14:00", 840}, {"+14:01", 9999},
                {"-24:00", 9999}, {"02:00", 9999}, {"+2:00", 9999}, {"+0200", 9999},  {"", 9999},      {"CET", 9999}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        int32_t minutes = 9999;
        if (rule_read_offset(str_from(rows[i].text), &minutes) != (rows[i].minutes != 9999) ||
            minutes != rows[i].minutes)
            fail_msg("\"%s\" is %d", rows[i].text, minutes);
    }
}

static void tags_are_read(void **state) {
    (void)state;
    struct rule_tag tags[rule_tags_max];
    assert_int_equal(rule_read_tags(STR("team=search, env = prod ,urgent,, =x,a=b=c"), tags), 4);
    assert_true(str_eq(tags[0].key, STR("team")) && str_eq(tags[0].value, STR("search")));
    assert_true(str_eq(tags[1].key, STR("env")) && str_eq(tags[1].value, STR("prod")));
    assert_true(str_eq(tags[2].key, STR("urgent")) && str_empty(tags[2].value));
    assert_true(str_eq(tags[3].key, STR("a")) && str_eq(tags[3].value, STR("b=c")));
    assert_int_equal(rule_read_tags(STR_NONE, tags), 0);
    assert_int_equal(rule_read_tags(STR(""), tags), 0);
    char many[2 * 100];
    for (size_t i = 0; i < 100; i++) {
        many[2 * i] = 't';
        many[2 * i + 1] = ',';
    }
    assert_int_equal(rule_read_tags(str_make(many, sizeof many), tags), rule_tags_max);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_rule_without_conditions_holds_always),
        cmocka_unit_test(a_wish_is_yes_no_or_neither),
        cmocka_unit_test(names_are_globs),
        cmocka_unit_test(lengths_are_more_than_and_less_than),
        cmocka_unit_test(every_tag_must_be_there),
        cmocka_unit_test(hours_begin_at_the_first_and_end_before_the_second),
        cmocka_unit_test(hours_may_go_past_midnight),
        cmocka_unit_test(a_night_belongs_to_the_day_on_which_it_began),
        cmocka_unit_test(days_and_hours_are_the_time_zones),
        cmocka_unit_test(local_time_agrees_with_the_c_librarys),
        cmocka_unit_test(the_first_enabled_rule_that_holds_wins),
        cmocka_unit_test(conditions_are_joined_by_and),
        cmocka_unit_test(hours_are_read),
        cmocka_unit_test(days_are_read),
        cmocka_unit_test(offsets_are_read),
        cmocka_unit_test(tags_are_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
