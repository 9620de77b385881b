/* config_schema_test.c - the table says nothing that its own check would refuse, and its words are those of the code.
 */
#include "config/config_schema.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>

#include "config/config_read.h"
#include "core/pick.h"
#include "observe/log.h"
#include "snapshot/catalog_row.h"
#include "snapshot/snapshot.h"

/* What a message of cmocka cannot say: which row it was. */
#define ROW_IS(fine, section, key)                                                                                    \
    do {                                                                                                              \
        if (!(fine)) fail_msg("%.*s of `%.*s`: " #fine, STR_ARG((key)->name), STR_ARG(config_section_name(section))); \
    } while (0)

static bool is_number(enum config_value value) {
    return value == value_int || value == value_number || value == value_seconds || value == value_milliseconds;
}

static bool default_is_a_value(const struct config_key *key) {
    double number;
    bool truth;
    if (key->fallback.len == 0) return true;
    if (is_number(key->value))
        return str_to_double(key->fallback, &number) && number >= key->least && number <= key->most &&
               (key->value == value_number || key->value == value_seconds || number == (double)(int64_t)number);
    if (key->value == value_bool) return read_bool_word(key->fallback, &truth);
    if (key->value != value_choice)
        return key->value != value_section && key->value != value_named && key->value != value_list;
    for (size_t i = 0; config_key_choice(key, i).len; i++)
        if (str_eq(config_key_choice(key, i), key->fallback)) return true;
    return false;
}

static void every_default_is_a_value_of_its_key(void **state) {
    (void)state;
    for (int section = 0; section < config_sections; section++) {
        size_t count;
        const struct config_key *keys = config_keys_of(section, &count);
        assert_true(count > 0);
        for (size_t i = 0; i < count; i++) {
            const struct config_key *key = &keys[i];
            ROW_IS(default_is_a_value(key), section, key);
            ROW_IS(key->fallback.len == 0 || key->otherwise.len == 0, section, key);
            ROW_IS(!is_number(key->value) || key->most > key->least, section, key);
            ROW_IS(key->value != value_seconds || key->most <= config_days_30, section, key);
            ROW_IS(key->value != value_milliseconds || key->most <= 1e3 * config_days_30, section, key);
            ROW_IS((key->value == value_choice) == (config_key_choice(key, 1).len > 0), section, key);
        }
    }
}

/* But for the price, which has a key of its own, and what is the built-in catalogue's own affair. */
static void the_facts_of_a_model_are_those_of_a_catalogues_row(void **state) {
    (void)state;
    static const char *const others[] = {"model", "price", "listed", "checked"};
    size_t count, told = 0;
    const struct config_key *keys = config_keys_of(section_facts, &count);
    for (size_t i = 0; catalog_model_member(i).len; i++) {
        bool other = false;
        for (size_t o = 0; o < sizeof others / sizeof *others; o++)
            other |= str_eq(catalog_model_member(i), str_from(others[o]));
        if (!other && !config_key_find(section_facts, catalog_model_member(i)))
            fail_msg("facts have no key `%.*s`", STR_ARG(catalog_model_member(i)));
        told += !other;
    }
    assert_int_equal(told, count);
    assert_true(keys[0].name.len > 0);
}

static void every_key_stands_once_and_every_synonym_leads_to_one(void **state) {
    (void)state;
    for (int section = 0; section < config_sections; section++) {
        size_t count;
        const struct config_key *keys = config_keys_of(section, &count);
        for (size_t i = 0; i < count; i++) {
            const struct config_key *own = config_key_find(section, keys[i].synonym_of);
            ROW_IS(config_key_find(section, keys[i].name) == &keys[i], section, &keys[i]);
            ROW_IS(keys[i].synonym_of.len == 0 || (own && own->synonym_of.len == 0), section, &keys[i]);
            ROW_IS(str_ends(keys[i].sentence, STR(".")), section, &keys[i]);
        }
    }
}

/* A section of its own for each map that a key opens, and a key for each section. */
static void every_section_is_opened_by_a_key(void **state) {
    (void)state;
    bool opened[config_sections] = {[section_top] = true, [section_listen] = true /* value_any */};
    for (int section = 0; section < config_sections; section++) {
        size_t count;
        const struct config_key *keys = config_keys_of(section, &count);
        for (size_t i = 0; i < count; i++) opened[keys[i].inner] = true;
    }
    for (int section = 0; section < config_sections; section++) assert_true(opened[section]);
}

static void the_words_of_a_choice_are_those_of_the_code(void **state) {
    (void)state;
    const struct config_key *level = config_key_find(section_log, STR("level"));
    enum log_level read;
    for (int i = 0; i < log_levels; i++) {
        assert_true(str_eq(config_key_choice(level, (size_t)i), log_level_name((enum log_level)i)));
        assert_true(log_level_parse(config_key_choice(level, (size_t)i), &read) && (int)read == i);
    }
    assert_int_equal(config_key_choice(level, log_levels).len, 0);
    assert_true(log_level_parse(level->fallback, &read) && read == log_level_info);
    const struct config_key *strategy = config_key_find(section_top, STR("selection_strategy"));
    for (size_t i = 0; config_key_choice(strategy, i).len; i++) {
        enum strategy named;
        assert_true(strategy_read(config_key_choice(strategy, i), &named));
    }
    for (int i = 0; i <= provider_maintenance; i++)
        assert_true(str_eq(config_key_choice(config_key_find(section_provider, STR("state")), (size_t)i),
                           provider_state_name((enum provider_state)i)));
}

static struct config_node node_of(const char *key, const char *text) {
    return (struct config_node){.kind = config_scalar, .key = str_from(key), .text = str_from(text)};
}

static void a_reader_takes_default_range_and_unit_from_the_table(void **state) {
    (void)state;
    const struct section none = {section_queue, NULL};
    assert_int_equal(read_ns(none, "wait_ms"), 1000 * NS_PER_MS);
    assert_int_equal(read_whole(none, "max"), 0);
    assert_int_equal(read_whole((struct section){section_rule, NULL}, "priority"), 100);
    struct config_node written = node_of("wait_ms", "20"), outside = node_of("wait_ms", "-1");
    struct config_node map = {.kind = config_map, .first = &written, .count = 1};
    assert_int_equal(read_ns((struct section){section_queue, &map}, "wait_ms"), 20 * NS_PER_MS);
    map.first = &outside;
    assert_int_equal(read_ns((struct section){section_queue, &map}, "wait_ms"), 1000 * NS_PER_MS);
}

static void what_a_route_does_not_say_is_said_above_it(void **state) {
    (void)state;
    struct config_node base = node_of("base_ms", "7"), most = node_of("max_ms", "9"), own = node_of("base_ms", "8");
    struct config_node above = {.kind = config_map, .first = &base, .count = 2};
    struct config_node map = {.kind = config_map, .first = &own, .count = 1};
    base.next = &most;
    const struct section retry = {section_retry, &map, &above};
    assert_int_equal(read_whole(retry, "base_ms"), 8);
    assert_int_equal(read_whole(retry, "max_ms"), 9);
    assert_int_equal(read_whole(retry, "max_retries"), 3);
    assert_true(read_is_written(retry, "max_ms"));
    assert_false(read_is_written(retry, "budget"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_default_is_a_value_of_its_key),
        cmocka_unit_test(the_facts_of_a_model_are_those_of_a_catalogues_row),
        cmocka_unit_test(every_key_stands_once_and_every_synonym_leads_to_one),
        cmocka_unit_test(every_section_is_opened_by_a_key),
        cmocka_unit_test(the_words_of_a_choice_are_those_of_the_code),
        cmocka_unit_test(a_reader_takes_default_range_and_unit_from_the_table),
        cmocka_unit_test(what_a_route_does_not_say_is_said_above_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
