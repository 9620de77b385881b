/* flight_fetch_test.c - files that a request names by URL: got before a provider is asked that takes only bytes, once
 * each, within bounds that count wherever they stand. */
#include "flight_world.h"

#include <stdio.h>

static const char yaml[] = "state_dir: ./state\n"
                           "retry: {max_retries: 0}\n"
                           "providers:\n"
                           "  g: {type: gemini, api_key: sk-secret-secret-secret, models: [k]}\n"
                           "  o: {type: openai, api_key: sk-secret-secret-secret, models: [m]}\n";

#define PNG "\x89PNG\r\n\x1a\n"
#define IMAGE(url) "{\"type\":\"image_url\",\"image_url\":{\"url\":\"" url "\"}}"
#define ASK(model, parts) "{\"model\":\"" model "\",\"messages\":[{\"role\":\"user\",\"content\":[" parts "]}]}"

static struct flight *ask(struct flight_world *world, const char *body) {
    flight_world_begin(world, yaml);
    return flight_world_ask(world, body);
}

static void fetched(struct flight_world *world, struct flight *flight, struct str bytes, const char *type) {
    flight_world_tell(world, flight,
                      (struct event){.kind = event_fetched, .bytes = bytes, .content_type = str_from(type)});
}

static void end(struct flight_world *world, struct flight *flight) {
    flight_world_drop(world, flight);
    flight_world_end(world);
}

static bool sends(const struct flight_world *world, const char *words) {
    const struct action *action = flight_world_action(world, action_call);
    for (size_t i = 0; i < action->call.body_count; i++)
        if (str_find(action->call.body[i], str_from(words)) != SIZE_MAX) return true;
    return false;
}

static void a_file_is_fetched_before_a_provider_is_asked_that_takes_only_bytes(void **state) {
    struct flight_world world;
    (void)state;
    struct flight *flight = ask(&world, ASK("k", IMAGE("https://example.com/cat")));
    assert_int_equal(flight->waiting.why, waiting_fetch);
    assert_int_equal(flight->attempt_count, 0);
    assert_str_equal(flight_world_action(&world, action_fetch)->url, "https://example.com/cat");
    fetched(&world, flight, STR(PNG), "text/plain"); /* it is what it is, whatever the server says */
    assert_true(sends(&world, "\"data\":\"iVBORw0KGgo=\""));
    assert_true(sends(&world, "image/png"));
    assert_false(sends(&world, "example.com"));
    assert_int_equal(flight->attempt_count, 1);
    end(&world, flight);
}

static void whoever_takes_urls_gets_them(void **state) {
    struct flight_world world;
    (void)state;
    struct flight *flight = ask(&world, ASK("m", IMAGE("https://example.com/cat")));
    assert_int_equal(flight_world_asked(&world, action_fetch), 0);
    assert_int_equal(flight_world_asked(&world, action_call), 1);
    end(&world, flight);
    flight = ask(&world, ASK("k", IMAGE("gs://bucket/cat.png"))); /* Google's own storage */
    assert_int_equal(flight_world_asked(&world, action_fetch), 0);
    end(&world, flight);
}

static void a_url_that_stands_twice_is_fetched_once(void **state) {
    struct flight_world world;
    (void)state;
    struct flight *flight =
        ask(&world, ASK("k", IMAGE("https://e.com/a") "," IMAGE("https://e.com/b") "," IMAGE("https://e.com/a")));
    fetched(&world, flight, STR(PNG), "image/png");
    assert_str_equal(flight_world_action(&world, action_fetch)->url, "https://e.com/b");
    fetched(&world, flight, STR(PNG), "image/png");
    assert_int_equal(flight_world_asked(&world, action_call), 1);
    assert_int_equal(flight->files.count, 2);
    assert_int_equal(flight->files.bytes, 3 * (8 / 3 * 4 + 8)); /* each place counts */
    end(&world, flight);
}

static void a_refusal_says_why_and_shows_no_query(void **state) {
    struct flight_world world;
    (void)state;
    struct flight *flight = ask(&world, ASK("k", IMAGE("https://e.com/a?token=abc")));
    flight_world_tell(&world, flight, (struct event){.kind = event_fetched, .text = STR("it took too long")});
    assert_int_equal(flight->answer.status, 400);
    assert_true(flight_world_wrote(&world, "`https://e.com/a` could not be fetched"));
    assert_true(flight_world_wrote(&world, "it took too long"));
    assert_false(flight_world_wrote(&world, "token"));
    assert_int_equal(flight->attempt_count, 0);
    end(&world, flight);
}

static void an_image_must_be_one(void **state) {
    static const struct {
        const char *bytes, *type;
        bool taken;
    } rows[] = {{"<html>", "text/html", false},
                {"<svg/>", "image/svg+xml", false}, /* a document, to whoever draws it */
                {"%PDF-1", "image/png", false},
                {"anything", "image/x-new", true},
                {"", "", false}};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct flight_world world;
        struct flight *flight = ask(&world, ASK("k", IMAGE("https://e.com/a")));
        fetched(&world, flight, str_from(rows[i].bytes), rows[i].type);
        assert_int_equal(flight->attempt_count, rows[i].taken);
        if (!rows[i].taken) assert_true(flight_world_wrote(&world, "it is no image"));
        end(&world, flight);
    }
}

static void a_document_is_a_pdf_or_a_text(void **state) {
    static const char body[] =
        "{\"model\":\"k\",\"max_tokens\":9,\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"document\","
        "\"source\":{\"type\":\"url\",\"url\":\"https://e.com/a\"}}]}]}";
    static const struct {
        const char *bytes, *type;
        bool taken;
    } rows[] = {{"%PDF-1.4", "application/octet-stream", true},
                {"words", "text/plain; charset=utf-8", true},
                {PNG, "application/pdf", false},
                {"words", "application/x", false}};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct flight_world world;
        flight_world_begin(&world, yaml);
        struct flight *flight =
            flight_world_ask_of(&world, (struct flight_request){.endpoint = endpoint_messages}, body);
        assert_int_equal(flight->waiting.why, waiting_fetch);
        fetched(&world, flight, str_from(rows[i].bytes), rows[i].type);
        assert_int_equal(flight->attempt_count, rows[i].taken);
        if (!rows[i].taken) assert_true(flight_world_wrote(&world, "it is no document"));
        end(&world, flight);
    }
}

/* -- bounds -- */

static void of_one_request_twenty_are_fetched(void **state) {
    struct flight_world world;
    char body[4096];
    int len = snprintf(body, sizeof body, "{\"model\":\"k\",\"messages\":[{\"role\":\"user\",\"content\":[");
    (void)state;
    for (int i = 0; i < 21; i++)
        len += snprintf(body + len, sizeof body - (size_t)len, "%s" IMAGE("https://e.com/%d"), i ? "," : "", i);
    snprintf(body + len, sizeof body - (size_t)len, "]}]}");
    struct flight *flight = ask(&world, body);
    for (int i = 0; i < 20; i++) {
        assert_int_equal(flight->waiting.why, waiting_fetch);
        fetched(&world, flight, STR(PNG), "image/png");
    }
    assert_int_equal(flight->answer.status, 400);
    assert_true(flight_world_wrote(&world, "`https://e.com/20` could not be fetched"));
    assert_true(flight_world_wrote(&world, "one of more than 20"));
    end(&world, flight);
}

/* 32 MB as base64: what fits to the byte is taken, with one more it is refused; in two places it counts twice. */
static void together_they_have_a_bound_wherever_they_stand(void **state) {
    enum { most = (32 * 1024 * 1024 - 8) / 4 * 3 };
    static char bytes[most + 3];
    static const struct {
        const char *body;
        size_t len;
        bool taken;
    } rows[] = {{ASK("k", IMAGE("https://e.com/a")), most, true},
                {ASK("k", IMAGE("https://e.com/a")), most + 3, false},
                {ASK("k", IMAGE("https://e.com/a") "," IMAGE("https://e.com/a")), most / 2 + 3, false}};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct flight_world world;
        struct flight *flight = ask(&world, rows[i].body);
        world.memory.limit = 256 << 20;
        fetched(&world, flight, str_make(bytes, rows[i].len), "image/png");
        assert_true((flight->answer.status == 400) == !rows[i].taken);
        if (rows[i].taken) assert_int_equal(flight->files.bytes, 32 * 1024 * 1024);
        end(&world, flight);
    }
}

static void a_file_that_comes_when_nobody_waits_for_it_changes_nothing(void **state) {
    struct flight_world world;
    (void)state;
    struct flight *flight = ask(&world, FLIGHT_CHAT("m", "false"));
    fetched(&world, flight, STR(PNG), "image/png");
    assert_int_equal(world.out.count, 0);
    assert_int_equal(flight->attempt_count, 1);
    end(&world, flight);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_is_fetched_before_a_provider_is_asked_that_takes_only_bytes),
        cmocka_unit_test(whoever_takes_urls_gets_them),
        cmocka_unit_test(a_url_that_stands_twice_is_fetched_once),
        cmocka_unit_test(a_refusal_says_why_and_shows_no_query),
        cmocka_unit_test(an_image_must_be_one),
        cmocka_unit_test(a_document_is_a_pdf_or_a_text),
        cmocka_unit_test(of_one_request_twenty_are_fetched),
        cmocka_unit_test(together_they_have_a_bound_wherever_they_stand),
        cmocka_unit_test(a_file_that_comes_when_nobody_waits_for_it_changes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
