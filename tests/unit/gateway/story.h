/* story.h - a gateway with its ledger, a provider that is simulated, and a conversation with both that stands in a
 * file:
 *
 *     | workers: 1                             the configuration: %U is the provider's base URL, %H that without its
 *                                              path, %D a folder of its own
 *     # what is to be seen
 *     admin GET /admin/v1/status NAME:VALUE   whose key (anyone: none), method, path, headers; its body on lines below
 *     200 {"version":"0.1.0", ...}            what is answered, whole
 *         Content-Type: application/json      and the headers that say something of it
 *
 * Between two questions a line may be what becomes of the process and its folder: `stop`, `start`, `restart`;
 * `delete`, `move` and `write` of a file in it, with its text; `swap WORD WORD` in its next configuration; `backup
 * FILE`, `restore FILE` and `restore! FILE` (by force). Behind the conversation stand the lines of the log, sorted
 * (`log {...}`). A question that begins with `until` is asked until it is answered so. `listen 2 QUESTION` asks it
 * twice, for events, and leaves both open; `hear WORD` closes the newest when it has told that word, with all that it
 * had told. In a question {id} and {key} are those members of the newest answer that had them (of events the first
 * one's id), {a*3} is aaa. Times, ids and what hangs on the machine are written as such (`story_plain`). With
 * WEIR_UPDATE_DOCS=1 the file is written instead of compared; with WEIR_STORY only the story of that name is told. */
#ifndef WEIR_TESTS_UNIT_GATEWAY_STORY_H
#define WEIR_TESTS_UNIT_GATEWAY_STORY_H

#include <arpa/inet.h>
#include <ctype.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/hash.h"
#include "gateway/gateway.h"
#include "mock/mock.h"
#include "runtime/weir_backup.h"

enum { story_text_max = 512 * 1024, story_body_max = 256 * 1024, story_listeners_max = 80 };

struct story_place {
    char folder[64];
    struct loop *control, *upstream;
    struct letter *control_stops, *upstream_stops;
    struct mock *mock;
    struct weir *weir;
    struct gateway *gateway;
    char config[16 * 1024];
    char port[16]; /* the provider's */
    char id[256], key[256];
    pthread_mutex_t log_mutex; /* guards both, while the log's thread writes, and `gateway` */
    char *log;                 /* all lines */
    size_t log_len;
    bool no_turns; /* lines of what depends on the turn of another thread are left out */
    bool drains;   /* whoever asks for a drain has one; else it is only answered */
    int listeners[story_listeners_max];
    size_t listener_count;
};

static struct story_place story_place = {.log_mutex = PTHREAD_MUTEX_INITIALIZER};

/* -- a gateway that serves -- */

static inline void story_upstream_stop(void *context) {
    (void)context;
    mock_free(story_place.mock);
    loop_stop(story_place.upstream);
}

static inline void story_control_stop(void *context) {
    (void)context;
    loop_stop(story_place.control);
}

static inline bool story_enter(void *context, struct str code, char *key, size_t size) {
    (void)context;
    snprintf(key, size, "the-admin-key");
    return str_eq(code, STR("a-code"));
}

static inline bool story_is_of_a_turn(struct str line) {
    return str_find(line, STR("\"event\":\"provider_health\"")) < line.len ||
           str_find(line, STR("\"kind\":\"provider_out\"")) < line.len ||
           str_find(line, STR("\"kind\":\"ledger_failed\"")) < line.len ||
           str_find(line, STR("\"event\":\"alerts_not_kept\"")) < line.len ||
           str_find(line, STR("\"event\":\"journal_replayed\"")) < line.len;
}

static inline void story_log_write(void *owner, struct str line) {
    (void)owner;
    if (story_place.no_turns && story_is_of_a_turn(line)) return;
    pthread_mutex_lock(&story_place.log_mutex);
    assert_true(story_place.log_len + line.len + 2 < story_text_max);
    memcpy(story_place.log + story_place.log_len, line.at, line.len);
    story_place.log_len += line.len;
    story_place.log[story_place.log_len++] = '\n';
    pthread_mutex_unlock(&story_place.log_mutex);
}

/* How often this stands in the log by now. */
static inline size_t story_log_count(const char *part) {
    size_t count = 0;
    pthread_mutex_lock(&story_place.log_mutex);
    for (const char *at = story_place.log; (at = strstr(at, part)); at++) count++;
    pthread_mutex_unlock(&story_place.log_mutex);
    return count;
}

static inline void story_upstream(char *url, size_t size) {
    struct error error;
    struct mock_options options = mock_options_default();
    options.listen = STR("127.0.0.1:0");
    options.control = false;
    options.lenient = true;
    story_place.upstream = loop_new();
    story_place.upstream_stops = loop_letter_new();
    story_place.mock = mock_new(story_place.upstream, &options, &error);
    if (!story_place.mock) fail_msg("%s", error.message);
    assert_true(loop_start_thread(story_place.upstream, "story-upstream"));
    snprintf(story_place.port, sizeof story_place.port, "%u", mock_port(story_place.mock));
    snprintf(url, size, "http://127.0.0.1:%u/v1", mock_port(story_place.mock));
}

static inline void story_reload(void *context, const struct audit_who *who, struct weir_error *error, bool *done) {
    (void)context;
    const bool may = str_find(who->actor, STR("boss")) == SIZE_MAX;
    if (!may) library_error_set(error, error_bad_configuration, STR("line 1 is not read."));
    *done = may && library_reload(story_place.weir, who, error) == 0;
}

static inline void story_drained(void *context) { (void)context; }

static inline void story_drain(void *context, const struct audit_who *who) {
    (void)context;
    (void)who;
    pthread_mutex_lock(&story_place.log_mutex);
    struct gateway *gateway = story_place.gateway;
    pthread_mutex_unlock(&story_place.log_mutex);
    if (story_place.drains) gateway_drain(gateway, story_drained, NULL);
}

/* As the configuration has it. false: *weir_error. */
static inline bool story_weir_open(struct weir_error *weir_error) {
    static const struct log_options log = {
        .level = log_level_info, .format = log_format_json, .fd = -1, .write = story_log_write};
    struct error error;
    struct weir_host host = weir_host_default;
    assert_null(story_place.weir);
    host.log = &log;
    host.serves = host.keeps_marks = true;
    host.admin_key_hash = hash_sha256(STR("the-admin-key"));
    host.who = (struct audit_who){STR("somebody"), STR("process"), STR_NONE};
    const struct weir_options options = {.size = sizeof options, .config_text = story_place.config};
    story_place.weir = library_open_in(&options, &host, weir_error);
    if (!story_place.weir) return false;
    story_place.control = loop_new();
    story_place.control_stops = loop_letter_new();
    assert_true(loop_start_thread(story_place.control, "story-control"));
    const struct gateway_options gateway = {
        .control = story_place.control, .enter = story_enter, .reload = story_reload, .drain = story_drain};
    struct gateway *started = gateway_start(story_place.weir, &gateway, &error);
    if (!started) fail_msg("%s", error.message);
    pthread_mutex_lock(&story_place.log_mutex); /* the control's thread reads it */
    story_place.gateway = started;
    pthread_mutex_unlock(&story_place.log_mutex);
    return true;
}

static inline void story_weir_close(void) {
    if (!story_place.weir) return;
    loop_letter_post(story_place.control, story_place.control_stops, story_control_stop, NULL);
    loop_join(story_place.control);
    gateway_stop(story_place.gateway);
    weir_close(story_place.weir, 1000);
    loop_free(story_place.control);
    story_place.weir = NULL;
}

/* %U is the provider's base URL, %H that without its path, %D a folder of its own. */
static inline void story_open(const char *story) {
    char url[64], origin[64];
    struct text into = text_in_buffer(story_place.config, sizeof story_place.config - 1);
    struct weir_error weir_error;
    assert_true(hash_start());
    str_copy(story_place.folder, sizeof story_place.folder, STR("/tmp/weir-story-XXXXXX"));
    assert_non_null(mkdtemp(story_place.folder));
    story_upstream(url, sizeof url);
    str_copy(origin, sizeof origin, str_make(url, strlen(url) - 3));
    struct str rest = str_from(story), line;
    while (rest.len && str_split_next(&rest, '\n', &line) && str_starts(line, STR("| "))) {
        for (size_t at = 2; at < line.len; at++)
            if (line.at[at] == '%') switch (line.at[++at]) {
                case 'U': text_put(&into, str_from(url)); break;
                case 'H': text_put(&into, str_from(origin)); break;
                default: text_put(&into, str_from(story_place.folder));
                }
            else
                text_put_byte(&into, line.at[at]);
        text_put_byte(&into, '\n');
    }
    assert_false(into.failed);
    story_place.config[into.len] = 0;
    story_place.log = calloc(1, story_text_max);
    story_place.log_len = 0;
    if (!story_weir_open(&weir_error)) fail_msg("%s", weir_error.message);
}

static inline void story_close(void) {
    char command[128];
    story_weir_close();
    loop_letter_post(story_place.upstream, story_place.upstream_stops, story_upstream_stop, NULL);
    loop_join(story_place.upstream);
    loop_free(story_place.upstream);
    snprintf(command, sizeof command, "rm -r '%s'", story_place.folder);
    assert_int_equal(system(command), 0);
    while (story_place.listener_count > 0) close(story_place.listeners[--story_place.listener_count]);
}

/* -- asking -- */

/* What may be said once of them: {id} and {key}. */
static inline void story_fill(struct str said, struct text *into) {
    for (size_t at = 0; at < said.len;) {
        struct str rest = str_slice(said, at, said.len);
        bool id = str_starts(rest, STR("{id}")), key = str_starts(rest, STR("{key}"));
        size_t end = rest.len > 3 && *rest.at == '{' && rest.at[2] == '*' ? str_find_byte(rest, '}') : SIZE_MAX;
        uint64_t times;
        if (end != SIZE_MAX && str_to_u64(str_slice(rest, 3, end), &times)) { /* {a*3}: aaa */
            while (times--) text_put_byte(into, rest.at[1]);
            at += end + 1;
            continue;
        }
        if (id || key)
            text_put(into, str_from(id ? story_place.id : story_place.key));
        else
            text_put_byte(into, *rest.at);
        at += id ? 4 : key ? 5 : 1;
    }
}

/* `line`: who, method, path, headers. The connection that it was asked on, whose answer is to come. */
static inline int story_send(struct str line, struct str body, const char *version) {
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons(gateway_port(story_place.gateway, 0)),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    const struct timeval limit = {.tv_sec = 20};
    static char bytes[128 * 1024];
    struct text text = text_in_buffer(bytes, sizeof bytes);
    struct str who, method, path, header;
    assert_true(str_split_next(&line, ' ', &who) && str_split_next(&line, ' ', &method) &&
                str_split_next(&line, ' ', &path));
    text_printf(&text, "%.*s ", STR_ARG(method));
    story_fill(path, &text);
    text_printf(&text, " HTTP/%s\r\nHost: localhost\r\nConnection: close\r\n", version);
    if (body.len && str_find(line, STR("Content-Type:")) > line.len)
        text_put(&text, STR("Content-Type: application/json\r\n"));
    if (!str_eq(who, STR("anyone"))) {
        text_put(&text, STR("Authorization: Bearer "));
        story_fill(str_eq(who, STR("admin")) ? STR("the-admin-key") : who, &text);
        text_put(&text, STR("\r\n"));
    }
    while (line.len && str_split_next(&line, ' ', &header)) {
        story_fill(header, &text);
        text_put(&text, STR("\r\n"));
    }
    static char filled[32 * 1024];
    struct text said = text_in_buffer(filled, sizeof filled);
    story_fill(body, &said);
    text_printf(&text, "Content-Length: %zu\r\n\r\n", said.len);
    text_put(&text, text_str(&said));
    assert_false(text.failed || said.failed);
    int descriptor = socket(AF_INET, SOCK_STREAM, 0);
    setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    assert_int_equal(connect(descriptor, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(send(descriptor, text.at, text.len, MSG_NOSIGNAL), text.len);
    return descriptor;
}

/* The answer, head and body, ended by NUL. */
static inline void story_ask(struct str line, struct str body, char *answer) {
    int descriptor = story_send(line, body, "1.1");
    size_t len = 0;
    ssize_t got;
    while ((got = recv(descriptor, answer + len, story_body_max - 1 - len, 0)) > 0) len += (size_t)got;
    assert_true(got == 0 && len < story_body_max - 1);
    answer[len] = 0;
    close(descriptor);
}

/* Up to the empty line behind this word, which is to come, and no further. */
static inline void story_hear_until(int descriptor, const char *word, char *answer) {
    size_t len = 0;
    const char *at = NULL;
    while (!(at = strstr(answer, word)) || !strstr(at, "\n\n")) {
        ssize_t got = len < story_body_max - 1 ? recv(descriptor, answer + len, 1, 0) : 0;
        if (got <= 0) fail_msg("%s is not heard in: %s", word, answer);
        answer[len += (size_t)got] = 0;
    }
}

/* `line`: how many, and what each asks. Each has been told that it is heard. */
static inline void story_listen(struct str line) {
    static char answer[story_body_max];
    struct str count;
    uint64_t left = 0;
    assert_true(str_split_next(&line, ' ', &count) && str_to_u64(count, &left));
    for (; left; left--) {
        assert_true(story_place.listener_count < story_listeners_max);
        int *descriptor = &story_place.listeners[story_place.listener_count++];
        *descriptor = story_send(line, STR(""), "1.0");
        answer[0] = 0;
        story_hear_until(*descriptor, ": weir", answer);
    }
}

/* Of the answer's body, as JSON has it. */
static inline void story_note(const char *body, const char *member, char *into, size_t size) {
    char key[32];
    snprintf(key, sizeof key, "\"%s\":\"", member);
    const char *at = strstr(body, key);
    if (at) at += strlen(key), str_copy(into, size, str_make(at, strcspn(at, "\"")));
}

/* -- what is not the same each time -- */

static inline size_t story_digits(struct str rest) {
    size_t len = 0;
    while (len < rest.len && isdigit((unsigned char)rest.at[len])) len++;
    return len;
}

/* 2026-11-22T10:00Z or 2026-11-22T10:00:00.123Z, of that year to the next one: its length; 0: there is none here. */
static inline size_t story_moment(struct str rest) {
    static const char shape[] = "dddd-dd-ddTdd:dd";
    const time_t now = time(NULL);
    struct tm tm;
    gmtime_r(&now, &tm);
    size_t len = sizeof shape - 1;
    if (rest.len < len) return 0;
    for (size_t i = 0; i < len; i++)
        if (shape[i] == 'd' ? !isdigit((unsigned char)rest.at[i]) : rest.at[i] != shape[i]) return 0;
    int year = atoi(rest.at) - 1900;
    if (year < 2026 - 1900 || year > tm.tm_year + 1) return 0; /* a sentence may name a day, too */
    while (len < rest.len && (strchr(":.Z", rest.at[len]) || isdigit((unsigned char)rest.at[len]))) len++;
    return len;
}

/* A word of 16 letters and digits or more: an id, a digest, a key. */
static inline bool story_is_id(struct str word) {
    size_t digits = 0;
    for (size_t i = 0; i < word.len; i++) digits += isdigit((unsigned char)word.at[i]) != 0;
    return word.len >= 16 && digits >= 2;
}

static inline bool story_is_number(struct str word) {
    for (size_t i = 0; i < word.len; i++)
        if (!isdigit((unsigned char)word.at[i]) && word.at[i] != '.') return false;
    return true;
}

/* Does a number of the member, header or metric with this name hang on the clock or on the machine? `nought`: it is
 * one. */
static inline bool story_is_measured(struct str name, bool nought) {
    static const char *const names[] = {"created_s",
                                        "created",
                                        "created_at",
                                        "updated_at",
                                        "completed_at",
                                        "p50",
                                        "p95",
                                        "p99",
                                        "latency",
                                        "score",
                                        "slowness",
                                        "time_s",
                                        "x-weir-overhead-us",
                                        "tokens_per_second",
                                        "rotated",
                                        "previous_until",
                                        "first_used",
                                        "last_used"};
    static const char *const always[] = {"uptime_seconds",     "sent_us",       "x-weir-overhead-us", "overhead_us",
                                         "retry_after_ms",     "Retry-After",   "retry-after-ms",     "memory_held",
                                         "caller_connections", "upstream_idle", "breaker_open_ms"};
    if (str_starts(name, STR("process_"))) return true;
    for (size_t i = 0; i < sizeof always / sizeof *always; i++)
        if (str_eq(name, str_from(always[i]))) return true;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (str_eq(name, str_from(names[i]))) return !nought;
    return str_ends(name, STR("_us")) && !nought;
}

/* A share that averages what lies milliseconds apart: all and none say so, what lies between hangs on the clock. */
static inline bool story_is_average(struct str name, struct str word) {
    return str_eq(name, STR("success")) && str_starts(word, STR("0."));
}

/* How long the answer is that tells how many milliseconds are left of the day: `before` is the line up to there. */
static inline bool story_is_of_the_day(struct str name, struct str before) {
    size_t line = before.len;
    while (line && before.at[line - 1] != '\n') line--;
    before = str_slice(before, line, before.len);
    return str_eq(name, STR("answer_bytes")) && str_find(before, STR("\"quota_exhausted\"")) < before.len;
}

/* Is it a metric of times, or of what a connection that has just ended holds still? */
static inline bool story_is_gauge(struct str name) {
    return str_find(name, STR("_seconds")) < name.len || str_find(name, STR("_connections")) < name.len ||
           str_find(name, STR("_held")) < name.len;
}

/* What a moment, an id, a port or a measured number is, as such; nought stays nought. */
static inline void story_plain(struct str said, struct text *into) {
    const struct str folder = str_from(story_place.folder);
    struct str name = STR_NONE, metric = STR_NONE, word;
    for (size_t at = 0; at < said.len;) {
        struct str rest = str_slice(said, at, said.len);
        size_t len = story_moment(rest);
        if (str_starts(rest, folder)) {
            text_put(into, STR("FOLDER"));
            at += folder.len;
            continue;
        }
        if (len) {
            text_put(into, STR("TIME"));
            at += len;
            continue;
        }
        for (len = 0; len < rest.len && (isalnum((unsigned char)rest.at[len]) || strchr("_-", rest.at[len]) ||
                                         (rest.at[len] == '.' && len && isdigit((unsigned char)rest.at[len - 1])));)
            len++;
        if (!len) {
            if (*rest.at == ',' || *rest.at == '{' || *rest.at == '\n') name = STR_NONE;
            text_put_byte(into, *rest.at);
            at++;
            continue;
        }
        word = str_slice(rest, 0, len);
        bool number = story_is_number(word), nought = len == 1 && *word.at == '0';
        if (at == 0 || said.at[at - 1] == '\n') metric = story_is_gauge(word) ? word : STR_NONE;
        if (number && (len == 16 || len == 32) && str_find_byte(word, '.') == SIZE_MAX)
            text_put(into, STR("ID")); /* one in which no letter happens to be */
        else if (number && len == 13)
            text_put(into, STR("NOW"));
        else if (number &&
                 (story_is_measured(name, nought) || story_is_average(name, word) ||
                  story_is_of_the_day(name, str_slice(said, 0, at)) ||
                  str_ends(str_slice(said, 0, at), STR("\"left\":")) || (metric.at && said.at[at - 1] == ' ')))
            text_put(into, STR("N"));
        else if (number && str_eq(word, str_from(story_place.port)))
            text_put(into, STR("PORT"));
        else if (number)
            text_put(into, word);
        else
            for (struct str left = word, part; left.len;) { /* an id may have a word in front */
                size_t end = 0;
                while (end < left.len && isalnum((unsigned char)left.at[end])) end++;
                part = str_slice(left, 0, end);
                text_put(into, story_is_id(part) ? STR("ID") : part);
                if (end < left.len) text_put_byte(into, left.at[end]);
                left = str_slice(left, end + 1, left.len);
            }
        if (!number && (at == 0 || said.at[at - 1] != ':')) name = word;
        at += len;
    }
}

/* -- the file -- */

static inline char *story_read(const char *name, char *path, size_t size) {
    char *text = calloc(1, story_text_max);
    snprintf(path, size, "%s/tests/unit/gateway/stories/%s.txt", getenv("WEIR_SOURCE_ROOT"), name);
    FILE *in = fopen(path, "r");
    if (!in) fail_msg("cannot read %s", path);
    assert_true(text && fread(text, 1, story_text_max - 1, in) < story_text_max - 1);
    fclose(in);
    return text;
}

static inline bool story_is_answer(struct str line) {
    return line.len > 3 && story_digits(line) == 3 && line.at[3] == ' ';
}

/* A body that came in chunks, as it was; in its place. */
static inline void story_unchunk(char *body) {
    char *to = body, *end;
    for (size_t len; (len = strtoul(body, &end, 16)) > 0; to += len, body = end + 2 + len + 2) {
        if (end == body) return; /* no chunk */
        memmove(to, end + 2, len);
    }
    *to = 0;
}

/* In lines of some 100 columns, none of them empty. */
static inline void story_body(struct str said, struct text *into) {
    static char plain[story_body_max];
    struct text text = text_in_buffer(plain, sizeof plain);
    size_t column = 0;
    story_plain(said, &text);
    for (size_t i = 0; i < text.len; i++) {
        if (plain[i] == '\n' && !column) continue;
        text_put_byte(into, plain[i]);
        column = plain[i] == '\n' ? 0 : column + 1;
        if (plain[i] == ',' && column > 100) text_put(into, STR("\n")), column = 0;
    }
    if (column) text_put_byte(into, '\n');
}

/* The headers that say something of this answer, sorted by nothing: as they come. */
static inline void story_head(struct str head, struct text *into) {
    static const char *const left_out[] = {"date:",    "content-length:", "connection:", "x-weir-request-id:",
                                           "HTTP/1.1", "x-ratelimit-",    "openai-",     "x-request-id"};
    struct str line;
    while (head.len && str_split_next(&head, '\n', &line)) {
        bool out = false;
        line = str_trim(line);
        for (size_t i = 0; i < sizeof left_out / sizeof *left_out; i++)
            out = out || str_starts_nocase(line, str_from(left_out[i]));
        if (out || !line.len) continue;
        text_put(into, STR("    "));
        story_plain(line, into);
        text_put_byte(into, '\n');
    }
}

/* What is answered, and its headers. */
static inline void story_answered(struct str line, struct str body, struct text *into) {
    static char answer[story_body_max];
    story_ask(line, body, answer);
    char *says = strstr(answer, "\r\n\r\n");
    const struct str head = str_make(answer, says ? (size_t)(says - answer) : 0);
    if (!says || head.len < 12) fail_msg("no answer to %.*s", STR_ARG(line));
    if (str_find(head, STR("ransfer-")) < head.len) story_unchunk(says + 4);
    story_note(says, "id", story_place.id, sizeof story_place.id);
    story_note(says, "key", story_place.key, sizeof story_place.key);
    text_put(into, str_make(answer + 9, 4));
    story_body(str_from(says + 4), into);
    story_head(head, into);
}

/* The answer to a question; where it is one that may be asked again, until it is this one, for some seconds. */
static inline void story_told(struct str line, struct str body, struct str wanted, struct text *into) {
    enum { turns = 2000, turn_us = 10000 };
    const size_t begun = into->len;
    const bool again = str_starts(line, STR("until ")), updates = getenv("WEIR_UPDATE_DOCS") != NULL;
    if (again) line = str_slice(line, 6, line.len);
    if (again && updates) usleep(150 * turn_us);
    story_answered(line, body, into);
    for (int turn = 0; again && !updates && turn < turns; turn++) {
        if (str_eq(str_make(into->at + begun, into->len - begun), wanted)) return;
        usleep(turn_us);
        into->len = begun;
        story_answered(line, body, into);
    }
}

/* One question with its answer; `rest` is what stands behind the question's first line, and then behind the answer. */
static inline void story_turn(struct str line, struct str *rest, struct text *into) {
    struct str next, left = *rest, body = str_make(rest->at, 0);
    while (str_split_next(&left, '\n', &next) && next.len && !story_is_answer(next)) {
        body.len = (size_t)(next.at + next.len - body.at);
        *rest = left;
    }
    const char *wanted = rest->at;
    while (rest->len && *rest->at != '\n') (void)str_split_next(rest, '\n', &next); /* up to a line that is empty */
    text_put(into, line);
    text_put_byte(into, '\n');
    text_put(into, body);
    if (body.len) text_put_byte(into, '\n');
    story_told(line, body, str_make(wanted, (size_t)(rest->at - wanted)), into);
}

static inline void story_differs(const char *name, const char *is, const char *wanted) {
    size_t line = 1;
    while (*is && *is == *wanted) line += *is == '\n', is++, wanted++;
    while (line > 1 && is[-1] != '\n' && wanted[-1] != '\n' && strlen(is) < story_text_max) is--, wanted--;
    fail_msg("%s, line %zu:\n%.*s\nwas wanted:\n%.*s", name, line, (int)strcspn(is, "\n"), is,
             (int)strcspn(wanted, "\n"), wanted);
}

static inline int story_by_text(const void *a, const void *b) {
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Sorted, as threads write one beside the other. */
static inline void story_log_put(struct text *into) {
    enum { lines_max = 4096 };
    static char plain[story_text_max];
    const char *lines[lines_max];
    size_t count = 0;
    struct text text = text_in_buffer(plain, sizeof plain - 1);
    story_plain(str_make(story_place.log, story_place.log_len), &text);
    plain[text.len] = 0;
    for (char *line = strtok(plain, "\n"); line; line = strtok(NULL, "\n")) {
        assert_true(count < lines_max);
        lines[count++] = line;
    }
    qsort(lines, count, sizeof *lines, story_by_text);
    for (size_t i = 0; i < count; i++) text_printf(into, "log %s\n", lines[i]);
    free(story_place.log);
}

/* -- what becomes of the process and its folder -- */

static inline void story_backup(struct str command, const char *path, struct text *into) {
    const struct audit_who who = {STR("somebody"), STR("process"), STR_NONE};
    static struct backup_told told;
    char problem[600] = "", said[1600];
    const bool backs = str_eq(command, STR("backup")), forced = str_eq(command, STR("restore!"));
    const bool good = backs ? library_backup(story_place.folder, path, &who, &told, problem, sizeof problem)
                            : library_restore(path, story_place.folder, forced, &who, &told, problem, sizeof problem);
    snprintf(said, sizeof said, "%s: %zu parts%s%s%s\n%.900s", good ? "done" : "not done", (size_t)told.parts,
             told.vault ? ", the vault" : "", good ? "" : ": ", problem, backs ? told.said : "");
    story_body(str_from(said), into);
}

/* In the configuration: the first of these words, each without a blank. */
static inline void story_swap(struct str was, struct str is) {
    static char text[sizeof story_place.config];
    const size_t at = str_find(str_from(story_place.config), was);
    if (at == SIZE_MAX) fail_msg("nothing to swap: %.*s", STR_ARG(was));
    snprintf(text, sizeof text, "%.*s%.*s%s", (int)at, story_place.config, STR_ARG(is),
             story_place.config + at + was.len);
    str_copy(story_place.config, sizeof story_place.config, str_from(text));
}

/* What the newest listener was told, up to this word. */
static inline void story_hear(struct str word, struct text *into) {
    static char told[story_body_max];
    char wanted[64];
    str_copy(wanted, sizeof wanted, word);
    assert_true(story_place.listener_count > 0);
    told[0] = 0;
    int descriptor = story_place.listeners[--story_place.listener_count];
    story_hear_until(descriptor, wanted, told);
    close(descriptor);
    const char *id = strstr(told, "\nid: ");
    if (id) str_copy(story_place.id, sizeof story_place.id, str_make(id + 5, strcspn(id + 5, "\n")));
    story_body(str_from(told), into);
}

/* true: the line is such a one, and what came of it is told. */
static inline bool story_happens(struct str line, struct text *into) {
    struct weir_error error;
    struct str command, name, rest = line;
    char path[512];
    if (!str_split_next(&rest, ' ', &command)) return false;
    const bool stops = str_eq(command, STR("stop")), starts = str_eq(command, STR("start")),
               again = str_eq(command, STR("restart"));
    if (stops || again) story_weir_close();
    if ((starts || again) && !story_weir_open(&error)) {
        char said[1200];
        snprintf(said, sizeof said, "%s: %.1000s", error.code, error.message);
        story_body(str_from(said), into);
    }
    const bool listens = str_eq(command, STR("listen")), hears = str_eq(command, STR("hear"));
    if (listens) story_listen(rest);
    if (hears) story_hear(rest, into);
    if (stops || starts || again || listens || hears) return true;
    if (!str_split_next(&rest, ' ', &name)) return false;
    snprintf(path, sizeof path, "%s/%.*s", story_place.folder, STR_ARG(name));
    if (str_eq(command, STR("swap"))) {
        story_swap(name, rest);
    } else if (str_eq(command, STR("delete"))) {
        text_put(into, unlink(path) == 0 ? STR("") : STR("there is none\n"));
    } else if (str_eq(command, STR("move"))) {
        char to[512];
        snprintf(to, sizeof to, "%s/%.*s", story_place.folder, STR_ARG(rest));
        assert_int_equal(rename(path, to), 0);
    } else if (str_eq(command, STR("write"))) {
        FILE *file = fopen(path, "w");
        assert_true(file && fprintf(file, "%.*s\n", STR_ARG(rest)) >= 0 && fclose(file) == 0);
    } else if (str_eq(command, STR("backup")) || str_starts(command, STR("restore"))) {
        story_backup(command, path, into);
    } else {
        return false;
    }
    return true;
}

/* All of it, as it is told now. */
static inline void story_run(const char *wanted, struct text *into) {
    struct str rest = str_from(wanted), line;
    story_open(wanted);
    while (rest.len && str_split_next(&rest, '\n', &line)) {
        if (str_starts(line, STR("log "))) continue; /* told below */
        struct text happens = *into;
        text_printf(&happens, "%.*s\n", STR_ARG(line));
        if (line.len && *line.at != '#' && *line.at != '|' && story_happens(line, &happens)) {
            *into = happens;
            while (rest.len && *rest.at != '\n') (void)str_split_next(&rest, '\n', &line);
            continue;
        }
        if (line.len && *line.at != '#' && *line.at != '|') {
            story_turn(line, &rest, into);
            continue;
        }
        text_put(into, line);
        text_put_byte(into, '\n');
    }
    story_close();
    story_log_put(into);
    assert_false(into->failed);
    into->at[into->len] = 0;
}

static inline void story_tell(const char *name) {
    enum { hour_s = 3600 };
    static char told[story_text_max];
    char path[4096];
    const char *only = getenv("WEIR_STORY");
    if (only && strcmp(only, name) != 0) skip();
    char *wanted = story_read(name, path, sizeof path);
    for (time_t begun = 0, now = time(NULL); begun / hour_s != now / hour_s && strcmp(told, wanted) != 0;) {
        struct text into = text_in_buffer(told, sizeof told - 1);
        begun = now; /* sums of hours are two where one ends meanwhile: once more */
        story_run(wanted, &into);
        now = time(NULL);
    }
    if (getenv("WEIR_UPDATE_DOCS")) {
        FILE *out = fopen(path, "w");
        assert_true(out && fputs(told, out) >= 0 && fclose(out) == 0);
    } else if (strcmp(told, wanted) != 0) {
        story_differs(name, told, wanted);
    }
    free(wanted);
}

#endif
