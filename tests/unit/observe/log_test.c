/* log_test.c - what a line looks like, what is kept out of it, and that no line is lost uncounted. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/pattern.h"
#include "base/memory.h"
#include "base/secret.h"
#include "base/limits.h"
#include "observe/log_line.h"

/* What the callback was given, whole lines with a newline each. */
struct sink {
    char bytes[1 << 20];
    size_t len, lines;
    pthread_mutex_t gate;
};

static struct sink sink;

static void sink_write(void *owner, struct str line) {
    struct sink *into = owner;
    pthread_mutex_lock(&into->gate);
    if (into->len + line.len + 2 < sizeof into->bytes) {
        memcpy(into->bytes + into->len, line.at, line.len);
        into->len += line.len;
        into->bytes[into->len++] = '\n';
        into->bytes[into->len] = 0;
    }
    into->lines++;
    pthread_mutex_unlock(&into->gate);
}

static int sink_clean(void **state) {
    (void)state;
    sink.len = sink.lines = 0;
    sink.bytes[0] = 0;
    return 0;
}

static const struct now noon = {.mono_ns = 5 * NS_PER_S,
                                .wall_ns = 1795219200123000000ll}; /* 2026-11-21T00:00:00.123Z */

static struct log *open_log(enum log_level level, enum log_format format) {
    struct log_options options = {.level = level, .format = format, .fd = -1, .write = sink_write, .owner = &sink};
    struct log *log = log_open(&options);
    assert_non_null(log);
    return log;
}

static void a_line_is_one_json_object_with_its_event_first(void **state) {
    (void)state;
    struct log *log = open_log(log_level_info, log_format_json);
    log_info(log_shared(log), noon, "request_done", f_str("request_id", STR("req_1")), f_int("status", -3),
             f_u64("bytes", 12), f_bool("stream", true), f_us("duration_us", 1250), f_money("cost_usd", 1250000),
             f_text("note", NULL), f_money("unknown_usd", -1));
    log_close(log);
    assert_string_equal(
        sink.bytes,
        "{\"event\":\"request_done\",\"time\":\"2026-11-21T00:00:00.123Z\",\"level\":\"info\",\"request_id\":\"req_1\","
        "\"status\":-3,\"bytes\":12,\"stream\":true,\"duration_us\":1250,\"cost_usd\":\"0.001250000\"}\n");
}

static void a_readable_line_quotes_only_what_needs_it(void **state) {
    (void)state;
    struct log *log = open_log(log_level_info, log_format_readable);
    log_warn(log_shared(log), noon, "attempt_failed", f_text("provider", "groq"), f_text("text", "no \"more\" room"),
             f_us("duration_us", 1250), f_text("empty", ""), f_text("equals", "a=b"));
    log_info(log_shared(log), noon, "plain");
    log_close(log);
    assert_string_equal(
        sink.bytes,
        "2026-11-21T00:00:00.123Z warn  attempt_failed provider=groq text=\"no \\\"more\\\" room\" duration=1.250ms "
        "empty=\"\" equals=\"a=b\"\n2026-11-21T00:00:00.123Z info  plain\n");
}

static void a_time_is_told_in_the_unit_that_fits(void **state) {
    static const struct {
        uint64_t us;
        const char *told;
    } rows[] = {{0, " a=0us\n"},          {999, " a=999us\n"},       {1000, " a=1.000ms\n"}, {999999, " a=999.999ms\n"},
                {1000000, " a=1.000s\n"}, {61234567, " a=61.234s\n"}};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct log *log = open_log(log_level_info, log_format_readable);
        log_info(log_shared(log), noon, "event", f_us("a_us", rows[i].us));
        log_close(log);
        assert_non_null(strstr(sink.bytes, rows[i].told));
    }
}

static void colours_are_only_weirs_own(void **state) {
    (void)state;
    struct log_options options = {.level = log_level_info,
                                  .format = log_format_readable,
                                  .colour = true,
                                  .fd = -1,
                                  .write = sink_write,
                                  .owner = &sink};
    struct log *log = log_open(&options);
    log_error(log_shared(log), noon, "broken", f_text("who", "\x1b[31mred"), f_us("took_us", 1250));
    log_warn(log_shared(log), noon, "slow");
    log_info(log_shared(log), noon, "fine", f_int("status", 200));
    log_close(log);
    assert_string_equal(sink.bytes,
                        "2026-11-21T00:00:00.123Z \x1b[31;1merror\x1b[0m \x1b[1mbroken\x1b[0m "
                        "\x1b[2mwho=\x1b[0m\"\\u001b[31mred\" \x1b[2mtook=\x1b[0m1.250ms\n"
                        "2026-11-21T00:00:00.123Z \x1b[33mwarn \x1b[0m \x1b[1mslow\x1b[0m\n"
                        "2026-11-21T00:00:00.123Z \x1b[32minfo \x1b[0m \x1b[1mfine\x1b[0m \x1b[2mstatus=\x1b[0m200\n");
}

static void what_callers_send_cannot_end_a_line_or_steer_a_terminal(void **state) {
    (void)state;
    enum log_format formats[] = {log_format_json, log_format_readable};
    for (int i = 0; i < 2; i++) {
        sink_clean(NULL);
        struct log *log = open_log(log_level_info, formats[i]);
        log_info(
            log_shared(log), noon, "said",
            f_str("text", STR("a\nb\r\x1b[2J\x7f\x9b"
                              "\xc2\x9b\xe2\x80\xae\xe2\x80\xa8\xff\xc3\xa9\xf0\x9f\x98\x80\0z\xc0\xaf\xed\xa0\x80")));
        log_close(log);
        assert_int_equal(sink.lines, 1);
        for (size_t at = 0; at + 1 < sink.len; at++)
            assert_true((unsigned char)sink.bytes[at] >= 0x20 && sink.bytes[at] != 0x7f);
        assert_true(str_is_utf8(str_make(sink.bytes, sink.len)));
        assert_non_null(strstr(
            sink.bytes, "\"a\\nb\\r\\u001b["
                        "2J\\u007f\xef\xbf\xbd\\u009b\\u202e\\u2028\xef\xbf\xbd\xc3\xa9\xf0\x9f\x98\x80\\u0000z"));
        assert_null(strstr(sink.bytes, "\xc2\x9b"));
        assert_null(strstr(sink.bytes, "\xe2\x80\xae"));
    }
}

/* Both sides of each bound of what steers: controls, marks of direction, separators, what is not seen. */
static void each_character_that_steers_is_written_by_its_number(void **state) {
    static const struct {
        unsigned first, last;
    } steering[] = {{0x80, 0x9f},     {0x61c, 0x61c},   {0x200b, 0x200f},
                    {0x2028, 0x202e}, {0x2060, 0x2069}, {0xfeff, 0xfeff}};
    (void)state;
    for (unsigned code = 0x80; code < 0x10000; code++) {
        bool near = false, steers = false;
        for (size_t i = 0; i < sizeof steering / sizeof *steering; i++) {
            near = near || (code + 2 >= steering[i].first && code <= steering[i].last + 2);
            steers = steers || (code >= steering[i].first && code <= steering[i].last);
        }
        if (!near) continue;
        char bytes[3] = {(char)(0xe0 | code >> 12), (char)(0x80 | (code >> 6 & 0x3f)), (char)(0x80 | (code & 0x3f))},
             wanted[32];
        if (code < 0x800) bytes[1] = (char)(0xc0 | code >> 6);
        struct str value = code < 0x800 ? str_make(bytes + 1, 2) : str_make(bytes, 3);
        if (steers)
            snprintf(wanted, sizeof wanted, "\"a\":\"\\u%04x\"", code);
        else
            snprintf(wanted, sizeof wanted, "\"a\":\"%.*s\"", STR_ARG(value));
        sink_clean(NULL);
        struct log *log = open_log(log_level_info, log_format_json);
        log_info(log_shared(log), noon, "said", f_str("a", value));
        log_close(log);
        if (!strstr(sink.bytes, wanted)) fail_msg("%x: %.*s", code, (int)sink.len, sink.bytes);
    }
}

static void a_long_value_is_cut_and_a_long_line_says_so(void **state) {
    (void)state;
    char words[3000];
    memset(words, 'x', sizeof words);
    words[1023] = '\xc3'; /* a character across the cut */
    words[1024] = '\xa9';
    struct str value = str_make(words, sizeof words);
    struct log *log = open_log(log_level_info, log_format_json);
    log_info(log_shared(log), noon, "one", f_str("a", value), f_int("b", 1));
    log_info(log_shared(log), noon, "five", f_str("a", value), f_str("b", value), f_str("c", value), f_str("d", value),
             f_int("e", 1));
    log_close(log);
    assert_int_equal(sink.lines, 2);
    assert_non_null(strstr(sink.bytes, "x...\",\"b\":1}\n"));
    assert_null(strstr(sink.bytes, "\xef\xbf\xbd"));
    assert_non_null(strstr(sink.bytes, "...\",\"cut\":true}\n"));
    assert_null(strstr(sink.bytes, "\"e\":1"));
}

static void levels_below_the_wanted_one_cost_nothing_and_can_change(void **state) {
    (void)state;
    struct log *log = open_log(log_level_warn, log_format_json);
    int computed = 0;
    log_info(log_shared(log), noon, "quiet", f_int("n", ++computed));
    assert_int_equal(computed, 0);
    log_set_level(log, log_level_debug);
    log_debug(log_shared(log), noon, "loud", f_int("n", ++computed));
    assert_int_equal(computed, 1);
    log_set_level(log, log_level_off);
    log_error(log_shared(log), noon, "off");
    log_info((struct log_writer *)NULL, noon, "nobody");
    log_close(log);
    assert_int_equal(sink.lines, 1);
    enum log_level level;
    assert_true(log_level_parse(STR("warning"), &level) && level == log_level_warn);
    assert_false(log_level_parse(STR("chatty"), &level));
}

static void a_storm_of_warnings_is_limited_per_site_and_counted(void **state) {
    (void)state;
    struct log *log = open_log(log_level_info, log_format_json);
    struct log_writer *writer = log_writer_open(log);
    struct now now = noon;
    for (int i = 0; i < 100; i++) log_warn(writer, now, "storm");
    for (int i = 0; i < 3; i++) log_warn(writer, now, "other");
    for (int i = 0; i < 30; i++) log_info(writer, now, "lifecycle");
    log_flush(log);
    assert_int_equal(sink.lines, log_site_rate + 3 + 30);
    now.mono_ns += NS_PER_S;
    now.wall_ns += NS_PER_S;
    log_info(writer, now, "calm");
    log_warn(writer, now, "storm");
    for (int i = 0; i < 21; i++) log_warn(writer, now, "second");
    log_close(log);
    assert_non_null(strstr(sink.bytes,
                           "\"event\":\"log_suppressed\",\"time\":\"2026-11-21T00:00:01.123Z\",\"level\":\"warn\","
                           "\"of\":\"storm\",\"lines\":80}"));
    assert_non_null(strstr(sink.bytes, "\"of\":\"second\",\"lines\":1}")); /* told when the log closes */
    assert_int_equal(sink.lines, log_site_rate + 3 + 30 + 1 + 1 + 1 + 20 + 1);
}

/* Nobody drains while the gate is held: the ring fills up. */
static void a_full_ring_drops_counts_and_tells(void **state) {
    (void)state;
    struct log *log = open_log(log_level_info, log_format_json);
    struct log_writer *writer = log_writer_open(log);
    uint64_t put = 0;
    pthread_mutex_lock(&sink.gate);
    while (log_dropped(log) < 5 && put < 100000) {
        log_info(writer, noon, "filler", f_u64("n", put));
        put++;
    }
    assert_int_equal(log_dropped(log), 5);
    pthread_mutex_unlock(&sink.gate);
    log_flush(log);
    log_info(writer, noon, "after");
    log_close(log);
    assert_int_equal(sink.lines, put - 5 + 2);
    assert_non_null(strstr(sink.bytes, "\"event\":\"log_dropped\""));
    assert_non_null(strstr(sink.bytes, "\"lines\":5}"));
}

/* Entries of every length, so that they end everywhere before the ring's end. */
static void what_goes_round_the_ring_comes_out_as_it_was(void **state) {
    (void)state;
    char words[600], wanted[700];
    memset(words, 'x', sizeof words);
    struct log *log = open_log(log_level_info, log_format_json);
    struct log_writer *writer = log_writer_open(log);
    unsigned rounds = 3 * log_ring_bytes / 400;
    for (unsigned n = 0; n < rounds; n++) {
        size_t len = n * 7 % sizeof words;
        sink_clean(NULL);
        log_info(writer, noon, "round", f_str("words", str_make(words, len)), f_u64("n", n), f_bool("last", true));
        log_flush(log);
        snprintf(wanted, sizeof wanted, ",\"words\":\"%.*s\",\"n\":%u,\"last\":true}\n", (int)len, words, n);
        if (!str_ends(str_from(sink.bytes), str_from(wanted))) fail_msg("%u: %s", n, sink.bytes);
    }
    assert_int_equal(log_dropped(log), 0);
    log_close(log);
}

/* A reader that takes some bytes now and then: a flush gives up in the middle of a line, and the rest follows. */
static void a_line_that_is_half_out_is_ended_before_another_begins(void **state) {
    (void)state;
    enum { all = 4000 };
    int ends[2];
    size_t len = 0, lines = 0;
    assert_int_equal(pipe(ends), 0);
    assert_true(fcntl(ends[1], F_SETPIPE_SZ, 4096) > 0);
    fcntl(ends[0], F_SETFL, O_NONBLOCK);
    struct log_options options = {.level = log_level_info, .format = log_format_json, .fd = ends[1]};
    struct log *log = log_open(&options);
    struct log_writer *first = log_writer_open(log), *second = log_writer_open(log);
    for (int i = 0; i < all / 2; i++) {
        log_info(first, noon, "first", f_int("n", i));
        log_info(second, noon, "second", f_int("n", i));
    }
    log_flush_crash(log);
    for (ssize_t got = 1; lines<all; len += got> 0 ? (size_t)got : 0) {
        got = read(ends[0], sink.bytes + len, len % 777 + 1);
        for (ssize_t i = 0; i < got; i++) lines += sink.bytes[len + (size_t)i] == '\n';
    }
    struct str rest = str_make(sink.bytes, len), line;
    for (int next[2] = {0, 0}; str_split_next(&rest, '\n', &line) && line.len;) {
        char wanted[200];
        bool is_second = str_find(line, STR("\"second\"")) != SIZE_MAX;
        snprintf(wanted, sizeof wanted,
                 "{\"event\":\"%s\",\"time\":\"2026-11-21T00:00:00.123Z\",\"level\":\"info\",\"n\":%d}",
                 is_second ? "second" : "first", next[is_second]++);
        if (!str_eq(line, str_from(wanted))) fail_msg("%.*s", STR_ARG(line));
    }
    log_close(log);
    close(ends[0]);
    close(ends[1]);
}

static void a_descriptor_gets_the_same_lines(void **state) {
    (void)state;
    int ends[2];
    char bytes[4096] = {0};
    assert_int_equal(pipe(ends), 0);
    struct log_options options = {.level = log_level_info, .format = log_format_json, .fd = ends[1]};
    struct log *log = log_open(&options);
    log_info(log_shared(log), noon, "first");
    log_flush(log);
    assert_true(read(ends[0], bytes, sizeof bytes) > 0);
    assert_non_null(strstr(bytes, "first"));
    log_info(log_shared(log), noon, "second");
    log_close(log);
    ssize_t len = read(ends[0], bytes, sizeof bytes);
    assert_true(len > 0 && bytes[len - 1] == '\n');
    close(ends[0]);
    close(ends[1]);
}

static void a_reader_that_stops_does_not_stop_the_writers_or_the_end(void **state) {
    (void)state;
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    struct log_options options = {.level = log_level_info, .format = log_format_json, .fd = ends[1]};
    struct log *log = log_open(&options);
    struct log_writer *writer = log_writer_open(log);
    for (int i = 0; i < 20000; i++) log_info(writer, noon, "unread", f_int("n", i));
    assert_true(log_dropped(log) > 0);
    log_close(log); /* within its patience */
    close(ends[0]);
    close(ends[1]);
}

enum { threads = 8, lines_each = 4000 };

struct hammer {
    struct log *log;
    struct log_writer *own;
    int number;
};

static void *hammer_run(void *argument) {
    struct hammer *hammer = argument;
    for (int i = 0; i < lines_each; i++) {
        log_info(hammer->own, noon, "own", f_int("thread", hammer->number), f_int("n", i));
        if (i % 8 == 0)
            log_info(log_shared(hammer->log), noon, "shared", f_int("thread", hammer->number), f_int("n", i));
        if (i % 500 == 0) log_flush(hammer->log);
    }
    return NULL;
}

static _Atomic uint64_t lines_seen, drops_told;
static int next_number[threads];

static void count_line(void *owner, struct str line) {
    (void)owner;
    char copy[512];
    str_copy(copy, sizeof copy, line);
    assert_true(str_starts(line, STR("{\"event\":\"")) && str_ends(line, STR("}")));
    if (strstr(copy, "\"log_dropped\"")) {
        drops_told += strtoull(strstr(copy, "\"lines\":") + 8, NULL, 10);
        return;
    }
    lines_seen++;
    if (!strstr(copy, "\"own\"")) return;
    long thread = strtol(strstr(copy, "\"thread\":") + 9, NULL, 10), n = strtol(strstr(copy, "\"n\":") + 4, NULL, 10);
    assert_true(n >= next_number[thread]); /* in order */
    next_number[thread] = (int)n + 1;
}

static void eight_threads_lose_no_line_uncounted(void **state) {
    (void)state;
    struct log_options options = {.level = log_level_info, .format = log_format_json, .fd = -1, .write = count_line};
    struct log *log = log_open(&options);
    pthread_t ids[threads];
    struct hammer hammers[threads];
    for (int i = 0; i < threads; i++) {
        hammers[i] = (struct hammer){log, log_writer_open(log), i};
        assert_int_equal(pthread_create(&ids[i], NULL, hammer_run, &hammers[i]), 0);
    }
    for (int i = 0; i < threads; i++) pthread_join(ids[i], NULL);
    uint64_t dropped = log_dropped(log);
    log_close(log);
    assert_int_equal(lines_seen + dropped, threads * (lines_each + lines_each / 8));
    assert_int_equal(drops_told, dropped);
}

static void without_memory_there_is_no_log_and_nothing_leaks(void **state) {
    (void)state;
    struct log_options options = {.level = log_level_info, .fd = -1, .write = sink_write, .owner = &sink};
    for (uint64_t n = 1; n < 20; n++) {
        memory_fail_at(n);
        struct log *log = log_open(&options);
        struct log_writer *writer = log ? log_writer_open(log) : NULL;
        bool whole = memory_calls() < n;
        memory_fail_at(0);
        assert_true(!whole || writer);
        if (log) log_info(log_shared(log), noon, "still");
        log_close(log);
        if (whole) return;
    }
    fail_msg("never opened");
}

static size_t sink_count(void) {
    pthread_mutex_lock(&sink.gate);
    size_t lines = sink.lines;
    pthread_mutex_unlock(&sink.gate);
    return lines;
}

/* Its thread sleeps while it is off, and nobody flushes here. */
static void one_that_was_off_writes_again_by_itself(void **state) {
    (void)state;
    struct log *log = open_log(log_level_off, log_format_json);
    for (size_t turn = 0; turn < 3; turn++) {
        log_info(log_shared(log), noon, "unheard");
        log_set_level(log, log_level_info);
        log_info(log_shared(log), noon, "heard");
        while (sink_count() == turn) sched_yield();
        log_set_level(log, log_level_off);
    }
    log_close(log);
    assert_int_equal(sink.lines, 3);
    assert_null(strstr(sink.bytes, "unheard"));
}

/* The first that does not fit is left out whole, and so is what stands behind it. */
static void headers_fit_to_the_last_byte_or_are_left_out(void **state) {
    enum { most = 2048, beside = 9 /* "a: b; " and ": v" */ };
    static char name[most];
    (void)state;
    memset(name, 'n', sizeof name);
    for (size_t len = most - beside; len <= most - beside + 1; len++) {
        const struct http_header headers[] = {
            {STR("a"), STR("b")}, {str_make(name, len), STR("v")}, {STR("c"), STR("d")}};
        char wanted[1200];
        const bool fits = len == most - beside;
        snprintf(wanted, sizeof wanted,
                 "\"request_id\":\"req_1\",\"direction\":\"caller\",\"count\":3,\"headers\":\"a: b%s%.*s%s\"}\n",
                 fits ? "; " : "", fits ? 1024 - 6 : 0, name, fits ? "..." : "");
        sink_clean(NULL);
        struct log *log = open_log(log_level_debug, log_format_json);
        log_headers(log_shared(log), noon, STR("req_1"), STR("caller"), headers, 3);
        log_close(log);
        assert_int_equal(sink.lines, 1);
        if (!str_ends(str_make(sink.bytes, sink.len), str_from(wanted))) fail_msg("%s", sink.bytes);
    }
}

static void header_lines_hide_credentials(void **state) {
    (void)state;
    const struct http_header headers[] = {
        {STR("Host"), STR("api.example.com")},
        {STR("Authorization"), STR("Bearer sk-verysecretvalue1")},
        {STR("X-Api-Key"), STR("verysecretvalue2")},
        {STR("api-key"), STR("verysecretvalue3")},
        {STR("x-goog-api-key"), STR("verysecretvalue4")},
        {STR("Cookie"), STR("a=verysecretvalue5")},
        {STR("Set-Cookie"), STR("a=verysecretvalue6")},
        {STR("Referer"), STR("http://h/p?key=verysecretvalue7&x=1")},
        {STR("Proxy-Authorization"), STR("Basic verysecretvalue8")},
        {STR("x-ratelimit-remaining-tokens"), STR("17")},
    };
    struct log *log = open_log(log_level_debug, log_format_json);
    log_headers(log_shared(log), noon, STR("req_1"), STR("caller"), headers, sizeof headers / sizeof headers[0]);
    log_close(log);
    assert_int_equal(sink.lines, 1);
    assert_null(strstr(sink.bytes, "verysecret"));
    assert_non_null(strstr(sink.bytes, "Host: api.example.com; Authorization: ***;"));
    assert_non_null(strstr(sink.bytes, "x-ratelimit-remaining-tokens: 17"));
    assert_non_null(strstr(sink.bytes, "key=***&x=1"));
}

static void what_a_provider_said_is_logged_without_the_key_it_quotes(void **state) {
    (void)state;
    struct log *log = open_log(log_level_info, log_format_json);
    log_warn(log_shared(log), noon, "attempt_failed",
             f_said("text", STR("Incorrect API key provided: sk-abcdefghijkl1234.")));
    log_close(log);
    assert_null(strstr(sink.bytes, "abcdefghijkl"));
    assert_non_null(strstr(sink.bytes, "Incorrect API key provided"));
}

/* Whatever lies across it. */
static void what_is_hidden_is_hidden_before_a_value_is_cut(void **state) {
    (void)state;
    static const char secret[] = "jane.doe@mail.example.org";
    char words[1100];
    for (size_t at = 1024 - sizeof secret; at < 1030; at++) {
        sink_clean(NULL);
        memset(words, ' ', sizeof words);
        memcpy(words + at, secret, sizeof secret - 1);
        struct log *log = open_log(log_level_info, log_format_json);
        log_info(log_shared(log), noon, "one", f_said("a", str_make(words, sizeof words)));
        log_close(log);
        if (strstr(sink.bytes, "jan")) fail_msg("at %zu", at);
    }
}

static void an_operators_own_patterns_hold_for_every_string(void **state) {
    (void)state;
    static const struct str own = STR("KD-\\d+");
    size_t bad;
    const char *problem;
    struct pattern *pattern = pattern_new(&own, 1, &bad, &problem);
    struct log *log = log_open(&(struct log_options){.level = log_level_info,
                                                     .format = log_format_json,
                                                     .own = pattern,
                                                     .fd = -1,
                                                     .write = sink_write,
                                                     .owner = &sink});
    log_info(log_shared(log), noon, "one", f_str("model", STR("KD-1234 model")),
             f_said("said", STR("of KD-99, a@b.org")));
    log_close(log);
    assert_non_null(strstr(sink.bytes, "\"model\":\"*** model\",\"said\":\"of ***, ***\""));
    pattern_free(pattern);
}

/* All of a text is looked at, wherever what is hidden of it ends; and what is too much for one line is left out. */
static void own_patterns_look_at_the_whole_of_a_long_string(void **state) {
    (void)state;
    static const struct str own = STR("KD-[^!]*!");
    static char words[redact_looked_most];
    size_t bad;
    const char *problem;
    struct pattern *pattern = pattern_new(&own, 1, &bad, &problem);
    struct log *log = log_open(&(struct log_options){.level = log_level_info,
                                                     .format = log_format_json,
                                                     .own = pattern,
                                                     .fd = -1,
                                                     .write = sink_write,
                                                     .owner = &sink});
    memset(words, 'k', sizeof words);
    memcpy(words, "a KD-", 5);
    words[8000] = '!';
    words[8001] = 'z';
    struct str value = str_make(words, 8002), longest = str_make(words, sizeof words);
    log_info(log_shared(log), noon, "one", f_str("model", value), f_int("n", 1));
    log_info(log_shared(log), noon, "all", f_str("a", longest), f_str("b", longest), f_str("c", longest), f_int("m", 1),
             f_str("d", longest), f_int("n", 1));
    log_close(log);
    assert_non_null(strstr(sink.bytes, "\"model\":\"a ***z\",\"n\":1}"));
    assert_non_null(strstr(sink.bytes, "\"m\":1,\"cut\":true}"));
    assert_null(strstr(sink.bytes, "KD-"));
    pattern_free(pattern);
}

/* Wherever a line's room ends: the fields that fit are whole, the rest is left out, and the line says so. */
static void fields_fit_to_the_last_byte_or_are_left_out(void **state) {
    const struct log_field fields[] = {
        f_str("plain", STR("abc")), f_str("quoted", STR("a \"b\"")), f_str("none", STR("")), f_int("number", -12),
        f_bool("good", true),       f_us("took_us", 1250),           f_money("usd", 1250000)};
    enum { count = sizeof fields / sizeof *fields, room_to_end = 48 };
    static const struct log_entry entry = {.event = "event", .level = log_level_error, .wall_ns = 1000000};
    (void)state;
    for (int format = log_format_json; format <= log_format_readable; format++) {
        const struct log_style style = {.format = (enum log_format)format};
        const struct str end = format == log_format_json ? STR("}\n") : STR("\n"),
                         cut = format == log_format_json ? STR(",\"cut\":true}\n") : STR(" cut=true\n");
        char bytes[log_line_bytes];
        size_t ends[count + 1];
        struct log_second second = {.len = 0};
        struct text whole;
        for (size_t n = 0; n <= count; n++) {
            whole = text_in_buffer(bytes, sizeof bytes);
            log_line(&whole, style, &second, &entry, fields, n);
            ends[n] = whole.len - end.len;
        }
        for (size_t size = ends[0] + room_to_end; size <= ends[count] + room_to_end; size++) {
            char *room = malloc(size); /* of its own, so that a byte past it is seen */
            struct text line = text_in_buffer(room, size);
            size_t fit = 0;
            while (fit < count && ends[fit + 1] + room_to_end <= size) fit++;
            log_line(&line, style, &second, &entry, fields, count);
            struct str put = text_str(&line), its_end = fit == count ? end : cut;
            if (line.failed || put.len != ends[fit] + its_end.len || memcmp(put.at, bytes, ends[fit]) != 0 ||
                !str_ends(put, its_end))
                fail_msg("%zu bytes: %.*s", size, STR_ARG(put));
            free(room);
        }
    }
}

/* Up to its bound; one byte more, and characters of each width across it, are cut in front of the character. */
static void a_value_is_cut_at_its_bound_and_never_through_a_character(void **state) {
    static const char *const characters[] = {"", "x", "\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x98\x80"};
    enum { most = 1024 };
    (void)state;
    for (size_t width = 1; width <= 4; width++)
        for (size_t off = 0; off <= width; off++) {
            char words[most + 8], wanted[most + 64];
            size_t len = most - off + width;
            const size_t kept = len <= most ? len : most - off;
            memset(words, 'x', sizeof words);
            memcpy(words + most - off, characters[width], width);
            snprintf(wanted, sizeof wanted, ",\"a\":\"%.*s%s\",\"b\":1}\n", (int)kept, words, len <= most ? "" : "...");
            sink_clean(NULL);
            struct log *log = open_log(log_level_info, log_format_json);
            log_info(log_shared(log), noon, "one", f_str("a", str_make(words, len)), f_int("b", 1));
            log_close(log);
            if (!str_ends(str_make(sink.bytes, sink.len), str_from(wanted)))
                fail_msg("%zu %zu: %s", width, off, sink.bytes);
        }
}

static void each_level_has_its_name_and_only_that(void **state) {
    static const char *const names[log_levels] = {"debug", "info", "warn", "error", "off"};
    enum log_level level;
    (void)state;
    for (int i = 0; i < log_levels; i++) {
        assert_true(str_eq(log_level_name((enum log_level)i), str_from(names[i])));
        assert_true(log_level_parse(str_from(names[i]), &level) && (int)level == i);
    }
    assert_true(log_level_parse(STR("warning"), &level) && level == log_level_warn);
    assert_false(log_level_parse(STR(""), &level) || log_level_parse(STR("INFO"), &level));
    int ends[2];
    struct log_options options = {.level = log_level_info, .colour = true, .format = log_format_readable};
    assert_int_equal(pipe(ends), 0);
    log_options_for(&options, ends[1], false); /* no terminal */
    assert_true(options.fd == ends[1] && options.format == log_format_json && !options.colour);
    close(ends[0]);
    close(ends[1]);
}

static void a_log_has_so_many_writers_and_no_more(void **state) {
    (void)state;
    struct log *log = open_log(log_level_info, log_format_json);
    size_t count = 0;
    for (struct log_writer *writer; (writer = log_writer_open(log)); count++)
        log_info(writer, noon, "one", f_u64("n", count));
    assert_int_equal(count, limit_loops + 7); /* and the shared one */
    log_close(log);
    assert_int_equal(sink.lines, count);
}

/* Those past it are not limited. */
static void so_many_sites_are_counted_each_on_its_own(void **state) {
    enum { counted = 128, all = counted + 10, each = log_site_rate + 5 };
    static struct log_site sites[all];
    (void)state;
    struct log *log = open_log(log_level_info, log_format_json);
    struct log_writer *writer = log_writer_open(log);
    for (size_t i = 0; i < all; i++) {
        sites[i] = (struct log_site){"storm", log_level_error};
        for (size_t n = 0; n < each; n++) log_put(writer, &sites[i], noon, NULL, 0);
    }
    log_flush(log);
    assert_int_equal(sink.lines, counted * log_site_rate + (all - counted) * each);
    log_close(log);
    assert_int_equal(sink.lines, counted * log_site_rate + (all - counted) * each + counted);
    assert_non_null(strstr(sink.bytes, "\"level\":\"error\",\"of\":\"storm\",\"lines\":5}\n"));
}

int main(void) {
    pthread_mutex_init(&sink.gate, NULL);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_line_is_one_json_object_with_its_event_first, sink_clean),
        cmocka_unit_test_setup(a_readable_line_quotes_only_what_needs_it, sink_clean),
        cmocka_unit_test_setup(a_time_is_told_in_the_unit_that_fits, sink_clean),
        cmocka_unit_test_setup(colours_are_only_weirs_own, sink_clean),
        cmocka_unit_test_setup(each_character_that_steers_is_written_by_its_number, sink_clean),
        cmocka_unit_test_setup(what_callers_send_cannot_end_a_line_or_steer_a_terminal, sink_clean),
        cmocka_unit_test_setup(a_long_value_is_cut_and_a_long_line_says_so, sink_clean),
        cmocka_unit_test_setup(levels_below_the_wanted_one_cost_nothing_and_can_change, sink_clean),
        cmocka_unit_test_setup(a_storm_of_warnings_is_limited_per_site_and_counted, sink_clean),
        cmocka_unit_test_setup(a_full_ring_drops_counts_and_tells, sink_clean),
        cmocka_unit_test_setup(what_goes_round_the_ring_comes_out_as_it_was, sink_clean),
        cmocka_unit_test_setup(a_line_that_is_half_out_is_ended_before_another_begins, sink_clean),
        cmocka_unit_test_setup(a_descriptor_gets_the_same_lines, sink_clean),
        cmocka_unit_test_setup(a_reader_that_stops_does_not_stop_the_writers_or_the_end, sink_clean),
        cmocka_unit_test_setup(eight_threads_lose_no_line_uncounted, sink_clean),
        cmocka_unit_test_setup(without_memory_there_is_no_log_and_nothing_leaks, sink_clean),
        cmocka_unit_test_setup(one_that_was_off_writes_again_by_itself, sink_clean),
        cmocka_unit_test_setup(header_lines_hide_credentials, sink_clean),
        cmocka_unit_test_setup(what_a_provider_said_is_logged_without_the_key_it_quotes, sink_clean),
        cmocka_unit_test_setup(what_is_hidden_is_hidden_before_a_value_is_cut, sink_clean),
        cmocka_unit_test_setup(an_operators_own_patterns_hold_for_every_string, sink_clean),
        cmocka_unit_test_setup(own_patterns_look_at_the_whole_of_a_long_string, sink_clean),
        cmocka_unit_test_setup(headers_fit_to_the_last_byte_or_are_left_out, sink_clean),
        cmocka_unit_test_setup(fields_fit_to_the_last_byte_or_are_left_out, sink_clean),
        cmocka_unit_test_setup(a_value_is_cut_at_its_bound_and_never_through_a_character, sink_clean),
        cmocka_unit_test_setup(each_level_has_its_name_and_only_that, sink_clean),
        cmocka_unit_test_setup(a_log_has_so_many_writers_and_no_more, sink_clean),
        cmocka_unit_test_setup(so_many_sites_are_counted_each_on_its_own, sink_clean),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
