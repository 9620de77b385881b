/* flight_word_test.c - a provider's word on what went wrong: what of it may stand in a log, and what it stands for. */
#include "flight_world.h"

#define KEY "sk-secret-secret-secret"

static const char yaml[] = "state_dir: ./state\n"
                           "providers:\n"
                           "  o: {type: openai, api_key: " KEY ", models: [m]}\n"
                           "  d: {type: deepseek, api_key: " KEY ", models: [k]}\n";

/* What is kept of this code and this type. */
static void assert_code(const char *code, const char *type, const char *kept) {
    struct flight_world world;
    flight_world_begin(&world, yaml);
    struct flight *flight = flight_world_ask(&world, FLIGHT_CHAT("m", "false"));
    attempt_said_code(flight, flight->live, str_from(code), str_from(type));
    assert_string_equal(flight->live->word.code.at, kept);
    flight_world_drop(&world, flight);
    flight_world_end(&world);
}

static void a_code_that_is_a_plain_name_is_kept(void **state) {
    (void)state;
    assert_code("azAZ09_-.", "server_error", "azAZ09_-.");
    assert_code("", "server_error", "server_error"); /* its type in its place */
    assert_code("", "", "");
}

/* It is of the provider's choice, and may quote a caller. */
static void words_are_no_name(void **state) {
    static const char *const words[] = {"two words", "new\nline", "quote\"", "{", "@a", "[z", "`a", "/0", ":9", "\x80"};
    (void)state;
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) assert_code(words[i], "server_error", "");
}

static void a_name_is_kept_whole_or_not_at_all(void **state) {
    char name[] = "fourty_seven_bytes_are_what_a_name_may_have_____x";
    (void)state;
    assert_int_equal(sizeof name - 2, word_code_most + 1);
    assert_code(name, "", "");
    name[sizeof name - 3] = '\0';
    assert_code(name, "", name);
}

static void its_text_is_kept_without_the_credential(void **state) {
    struct flight_world world;
    (void)state;
    flight_world_begin(&world, yaml);
    struct flight *flight = flight_world_ask(&world, FLIGHT_CHAT("m", "false"));
    attempt_said(flight, flight->live, STR("The key " KEY " is wrong."), true);
    assert_string_equal(flight->live->word.text.at, "The key *********************** is wrong.");
    assert_true(flight->live->word.is_providers);
    attempt_said(flight, flight->live, STR("the connection was refused"), false);
    assert_string_equal(flight->live->word.text.at, "the connection was refused");
    assert_false(flight->live->word.is_providers);
    flight_world_drop(&world, flight);
    flight_world_end(&world);
}

/* The same status of two vendors of one dialect. */
static void what_it_stands_for_is_its_vendors_affair(void **state) {
    const struct provider_word word = {.status = 402};
    struct flight_world world;
    (void)state;
    flight_world_begin(&world, yaml);
    struct flight *flight = flight_world_ask(&world, FLIGHT_CHAT("m", "false"));
    assert_int_equal(attempt_refusal(flight->live, &word), failure_payment);
    flight_world_drop(&world, flight);
    flight = flight_world_ask(&world, FLIGHT_CHAT("k", "false"));
    assert_int_equal(attempt_refusal(flight->live, &word), failure_quota_exhausted);
    flight_world_drop(&world, flight);
    flight_world_end(&world);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_code_that_is_a_plain_name_is_kept),
        cmocka_unit_test(words_are_no_name),
        cmocka_unit_test(a_name_is_kept_whole_or_not_at_all),
        cmocka_unit_test(its_text_is_kept_without_the_credential),
        cmocka_unit_test(what_it_stands_for_is_its_vendors_affair),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
