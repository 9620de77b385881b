/* issuers_test.c - an issuer's keys: how they are asked for, what comes of each answer, how long they serve, and what
 * is kept of them for the next process. */
#include "runtime/issuers.h"

#include "base/hash.h"
#include "receiver.h"
#include "runtime/identities.h"
#include "runtime/weir_internal.h"
#include "tokens.h"

enum { log_max = 32 * 1024 };

static char folder[64];
static struct receiver receiver;
static char config[2048], said[log_max];
static _Atomic size_t said_len;

static int begin(void **state) {
    (void)state;
    memset(&receiver, 0, sizeof receiver);
    receiver.listener = net_bench_listen(&receiver.net.port);
    str_copy(folder, sizeof folder, STR("/tmp/weir-issuers-XXXXXX"));
    return hash_start() && mkdtemp(folder) ? 0 : -1;
}

static int end(void **state) {
    char command[160];
    (void)state;
    close(receiver.listener);
    snprintf(command, sizeof command, "rm -r '%s'", folder);
    return system(command);
}

/* Only what is said of issuers; without the time. */
static void hear(void *owner, struct str line) {
    static const struct str event = STR("\"event\":\"");
    (void)owner;
    const size_t at = str_find(line, event);
    if (at == SIZE_MAX || !str_starts(str_slice(line, at + event.len, line.len), STR("issuer_"))) return;
    const size_t name_len = str_find_byte(str_slice(line, at + event.len, line.len), '"');
    const struct str rest = str_slice(line, str_find(line, STR("\"level\"")), line.len);
    assert_true(said_len + name_len + rest.len + 3 < log_max);
    said_len += (size_t)snprintf(said + said_len, log_max - said_len, "%.*s %.*s\n", (int)name_len,
                                 line.at + at + event.len, STR_ARG(rest));
}

/* jwks: a path on the receiver, or a file's whole path. */
static struct weir *opened(const char *jwks, const char *more) {
    static const struct log_options log = {.level = log_level_info, .format = log_format_json, .fd = -1, .write = hear};
    char url[512] = "";
    struct weir_error error;
    if (jwks[0] != '/' || jwks[1] == 'j') snprintf(url, sizeof url, "http://127.0.0.1:%u", receiver.net.port);
    snprintf(
        config, sizeof config,
        "state_dir: '%s'\nworkers: 1\nresponses: {store: false}\nlisten: 127.0.0.1:0\n"
        "providers: {a: {type: openai, api_key: k, models: [m]}}\n"
        "identity: [{issuer: 'https://issuer.test', jwks: '%s%s', audience: weir-tests, refresh_seconds: 600%s}]\n",
        folder, url, jwks, more);
    struct weir_host host = weir_host_default;
    host.log = &log;
    host.serves = host.keeps_marks = true;
    const struct weir_options options = {.size = sizeof options, .config_text = config};
    memset(said, 0, sizeof said);
    said_len = 0;
    struct weir *weir = library_open_in(&options, &host, &error);
    if (!weir) fail_msg("%s", error.message);
    return weir;
}

static struct issuer *issuer_in(struct weir *weir) { return weir->deployment->snapshot->issuers[0].keys; }

/* Of the answers that the receiver has, each comes to its end. */
static void receive(void) { assert_int_equal(pthread_create(&receiver.net.peer, NULL, receiver_main, &receiver), 0); }

static void come_to(struct weir *weir, enum issuer_state state) {
    const uint64_t begun_ns = clock_read().mono_ns;
    while (issuer_state(issuer_in(weir), clock_read()) != state && clock_read().mono_ns - begun_ns < 20 * NS_PER_S)
        usleep(1000);
    assert_int_equal(issuer_state(issuer_in(weir), clock_read()), state);
}

/* What operators see so many seconds after the keys were read. */
static void is_shown(struct weir *weir, int64_t after_s, const char *wanted) {
    char room[1024] = "";
    struct text text = text_in_buffer(room, sizeof room - 1);
    const struct now now = {.mono_ns = (uint64_t)(issuer_in(weir)->renewal.fetched_s + after_s) * NS_PER_S};
    issuers_put(weir->issuers, now, &text);
    assert_string_equal(room, wanted);
}

static void closed(struct weir *weir, const char *log) {
    weir_close(weir, 0);
    if (strcmp(said, log) != 0) fail_msg("%s", said);
}

#define SET_OF_ONE "{\"keys\":[" TOKEN_KEY_1 "]}"
#define KEYS_READ(usable, passed_over)                                                        \
    "issuer_keys_read \"level\":\"info\",\"issuer\":\"https://issuer.test\",\"keys\":" usable \
    ",\"passed_over\":" passed_over "}\n"

static void keys_are_asked_for_and_serve_for_a_day(void **state) {
    char wanted[512];
    (void)state;
    receiver.answers[0] = "HTTP/1.1 200 OK\r\nCache-Control: max-age=300\r\nAge: 100\r\n\r\n" SET_OF_ONE;
    receive();
    struct weir *weir = opened("/jwks?v=1", "");
    come_to(weir, issuer_good);
    pthread_join(receiver.net.peer, NULL);
    const struct issuer *issuer = issuer_in(weir);
    assert_int_equal(issuer->renewal.next_s - issuer->renewal.fetched_s, 200);
    assert_int_equal(issuer->epoch, 1);
    is_shown(weir, 0,
             "\"identity\":[{\"issuer\":\"https://issuer.test\",\"state\":\"good\",\"keys\":1,"
             "\"read_seconds_ago\":0,\"serves_seconds\":86400}]");
    is_shown(weir, 86399,
             "\"identity\":[{\"issuer\":\"https://issuer.test\",\"state\":\"good\",\"keys\":1,"
             "\"read_seconds_ago\":86399,\"serves_seconds\":1}]");
    is_shown(weir, 86400,
             "\"identity\":[{\"issuer\":\"https://issuer.test\",\"state\":\"closed\",\"keys\":1,"
             "\"read_seconds_ago\":86400}]");
    closed(weir, KEYS_READ("1", "0"));
    snprintf(wanted, sizeof wanted,
             "GET /jwks?v=1 HTTP/1.1\r\nHost: 127.0.0.1:%u\r\nAccept: application/jwk-set+json, "
             "application/json\r\nAccept-Encoding: identity\r\nUser-Agent: weir/" WEIR_VERSION "\r\n\r\n",
             receiver.net.port);
    assert_string_equal(receiver.requests[0], wanted);
}

static void what_is_no_set_of_keys_lets_nobody_in_and_says_why(void **state) {
    static char large[300 * 1024] = "HTTP/1.1 200 OK\r\n\r\n";
    static const struct {
        const char *answer, *why;
    } rows[] = {
        {"HTTP/1.1 404 No\r\nContent-Length: 2\r\n\r\n{}", "its server answered with status 404"},
        {"HTTP/1.1 201 Ok\r\n\r\n" SET_OF_ONE, "its server answered with status 201"},
        {RECEIVER_SHUTS, "reset: the connection was closed without a reply"},
        {"HTTP/1.1 200 OK\r\n\r\n[]", "it has no list `keys`"},
        {large, "it is larger than 256 KB"},
    };
    (void)state;
    memset(large + strlen(large), ' ', 256 * 1024 + 1);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char shown[512], log[1024];
        receiver.answers[0] = rows[i].answer;
        receive();
        struct weir *weir = opened("/jwks", "");
        come_to(weir, issuer_closed);
        pthread_join(receiver.net.peer, NULL);
        snprintf(
            shown, sizeof shown,
            "\"identity\":[{\"issuer\":\"https://issuer.test\",\"state\":\"closed\",\"keys\":0,\"failure\":\"%s\"}]",
            rows[i].why);
        is_shown(weir, 0, shown);
        snprintf(log, sizeof log,
                 "issuer_keys_gone "
                 "\"level\":\"error\",\"issuer\":\"https://issuer.test\",\"jwks\":\"http://127.0.0.1:%u/jwks\","
                 "\"why\":\"%s\",\"means\":\"none of its tokens is let in until they can be read\"}\n",
                 receiver.net.port, rows[i].why);
        closed(weir, log);
    }
}

/* Up to the size that is too much. */
static void a_set_of_the_largest_size_and_one_that_shows_what_it_should_not(void **state) {
    static char large[300 * 1024] = "HTTP/1.1 200 OK\r\n\r\n" SET_OF_ONE;
    (void)state;
    memset(large + strlen(large), ' ', 256 * 1024 - strlen(SET_OF_ONE));
    receiver.answers[0] = large;
    receive();
    struct weir *weir = opened("/jwks", "");
    come_to(weir, issuer_good);
    pthread_join(receiver.net.peer, NULL);
    assert_int_equal(issuer_in(weir)->renewal.next_s - issuer_in(weir)->renewal.fetched_s, 600);
    closed(weir, KEYS_READ("1", "0"));
    receiver.answers[0] = "HTTP/1.1 200 OK\r\n\r\n{\"keys\":[" TOKEN_KEY_1
                          ",{\"kty\":\"oct\",\"k\":\"AAAA\"},{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"kid\":\"bare\","
                          "\"x\":\"gTl3Dqh9F19Wo1Rmw0x-zMuNipG07jeiXfYPW4_Js5Q\",\"d\":\"AAAA\"}]}";
    receive();
    weir = opened("/jwks2", "");
    come_to(weir, issuer_good);
    pthread_join(receiver.net.peer, NULL);
    closed(weir,
           KEYS_READ("1", "2") "issuer_keys_bared \"level\":\"warn\",\"issuer\":\"https://issuer.test\",\"keys\":1,"
                               "\"means\":\"they show their private part, and are not taken\"}\n");
}

static char kept_path[256];

static void kept_find(void) {
    char command[160], line[128] = "";
    snprintf(command, sizeof command, "ls '%s' | grep ^jwks-", folder);
    FILE *listed = popen(command, "r");
    assert_true(listed && fgets(line, sizeof line, listed));
    assert_null(fgets(command, sizeof command, listed)); /* one of them */
    pclose(listed);
    line[strcspn(line, "\n")] = 0;
    assert_int_equal(strlen(line), strlen("jwks-") + 16);
    snprintf(kept_path, sizeof kept_path, "%s/%s", folder, line);
}

static void kept_write(const char *text) {
    FILE *file = fopen(kept_path, "w");
    assert_true(file && fputs(text, file) >= 0 && fclose(file) == 0);
}

/* For a day, whole, and not from the future; also where the server is gone. */
static void the_keys_of_the_process_before_serve_while_they_are_fresh(void **state) {
    static const struct {
        const char *head, *tail;
        int64_t age_s;
        enum issuer_state state;
    } rows[] = {
        {"weir jwks 1\n", "\n" SET_OF_ONE, 86400 - 30, issuer_on_last_keys},
        {"weir jwks 1\n", "\n" SET_OF_ONE, 0, issuer_on_last_keys},
        {"weir jwks 1\n", "\n" SET_OF_ONE, 86400, issuer_closed},
        {"weir jwks 1\n", "\n" SET_OF_ONE, -30, issuer_closed},
        {"weir jwks 2\n", "\n" SET_OF_ONE, 5, issuer_closed},
        {"weir jwks 1\n", "x\n" SET_OF_ONE, 5, issuer_closed},
        {"weir jwks 1\n", "\n{}", 5, issuer_closed},
        {"weir jwks 1\n", "", 5, issuer_closed},
    };
    char text[1024], wanted[512];
    (void)state;
    receiver.answers[0] = "HTTP/1.1 200 OK\r\n\r\n" SET_OF_ONE;
    receive();
    struct weir *weir = opened("/jwks", "");
    come_to(weir, issuer_good);
    pthread_join(receiver.net.peer, NULL);
    weir_close(weir, 0);
    kept_find();
    FILE *file = fopen(kept_path, "r");
    text[fread(text, 1, sizeof text - 1, file)] = 0;
    fclose(file);
    const int64_t at_s = strtoll(text + strlen("weir jwks 1\n"), NULL, 10), now_s = library_now_s();
    assert_in_range(now_s - at_s, 0, 60);
    snprintf(wanted, sizeof wanted, "weir jwks 1\n%lld\n" SET_OF_ONE, (long long)at_s);
    assert_string_equal(text, wanted);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char log[1024] = "";
        snprintf(text, sizeof text, "%s%lld%s", rows[i].head, (long long)(library_now_s() - rows[i].age_s),
                 rows[i].tail);
        kept_write(text);
        receiver.answers[0] = RECEIVER_SHUTS;
        receive();
        weir = opened("/jwks", "");
        come_to(weir, rows[i].state);
        pthread_join(receiver.net.peer, NULL);
        const bool restored = rows[i].state == issuer_on_last_keys;
        weir_close(weir, 0);
        const char *restoring =
            strstr(said, "issuer_keys_restored \"level\":\"info\",\"issuer\":\"https://issuer.test\",\"age_seconds\":");
        assert_int_equal(restoring != NULL, restored);
        assert_int_equal(strstr(said, "issuer_keys_not_read") != NULL, restored);
        assert_int_equal(strstr(said, "issuer_keys_gone") != NULL, !restored);
        if (!restored) continue;
        const char *age = strstr(restoring, "\"age_seconds\":"), *left = strstr(said, "\"last_keys_serve_seconds\":");
        snprintf(log, sizeof log, ",\"keys\":1}\n");
        assert_in_range(strtoll(age + 14, NULL, 10) - rows[i].age_s, 0, 20);
        assert_non_null(strstr(age, log));
        assert_in_range(86400 - rows[i].age_s - strtoll(left + 26, NULL, 10), 0, 20);
    }
}

static void keys_of_a_file_are_read_as_those_of_a_server(void **state) {
    static const struct {
        const char *text, *why;
    } rows[] = {{SET_OF_ONE, NULL}, {"", "it is empty, or cannot be read"}, {"{}", "it has no list `keys`"}};
    char path[128];
    (void)state;
    snprintf(path, sizeof path, "%s/keys.json", folder);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char log[1024];
        str_copy(kept_path, sizeof kept_path, str_from(path));
        kept_write(rows[i].text);
        struct weir *weir = opened(path, "");
        come_to(weir, rows[i].why ? issuer_closed : issuer_good);
        snprintf(
            log, sizeof log,
            "issuer_keys_gone \"level\":\"error\",\"issuer\":\"https://issuer.test\",\"jwks\":\"%s\",\"why\":\"%s\","
            "\"means\":\"none of its tokens is let in until they can be read\"}\n",
            path, rows[i].why ? rows[i].why : "");
        closed(weir, rows[i].why ? log : KEYS_READ("1", "0"));
    }
}

static void epoch_comes(struct issuer *issuer, unsigned epoch) {
    const uint64_t begun_ns = clock_read().mono_ns;
    while (issuer->epoch != epoch && clock_read().mono_ns - begun_ns < 20 * NS_PER_S) usleep(1000);
    assert_int_equal(issuer->epoch, epoch);
}

static int64_t issuer_next_s(struct issuer *issuer) {
    pthread_mutex_lock(&issuer->mutex);
    const int64_t next_s = issuer->renewal.next_s;
    pthread_mutex_unlock(&issuer->mutex);
    return next_s;
}

/* By whoever asks for it, and of an issuer that was away and is named again; else when they are due. */
static void keys_are_read_anew_when_their_issuer_comes_back(void **state) {
    char path[128], told[256] = "";
    struct text text = text_in_buffer(told, sizeof told - 1);
    (void)state;
    snprintf(path, sizeof path, "%s/keys.json", folder);
    str_copy(kept_path, sizeof kept_path, str_from(path));
    kept_write(SET_OF_ONE);
    struct weir *weir = opened(path, "");
    come_to(weir, issuer_good);
    struct snapshot *named = weir->deployment->snapshot, none = *named;
    struct issuer *issuer = issuer_in(weir);
    const int64_t next_s = issuer_next_s(issuer);
    none.issuer_count = 0;
    kept_write("{\"keys\":[" TOKEN_KEY_1 "," TOKEN_KEY_2 "]}");
    issuers_register(weir->issuers, named, false);
    assert_int_equal(issuer_next_s(issuer), next_s);
    issuers_register(weir->issuers, named, true);
    issuers_read(weir->issuers);
    epoch_comes(issuer, 2);
    assert_ptr_equal(issuer_in(weir), issuer);
    kept_write(SET_OF_ONE);
    issuers_register(weir->issuers, &none, false);
    issuers_put(weir->issuers, clock_read(), &text);
    assert_string_equal(told, "\"identity\":[]");
    issuers_register(weir->issuers, named, false);
    issuers_read(weir->issuers);
    epoch_comes(issuer, 3);
    assert_ptr_equal(issuer_in(weir), issuer);
    closed(weir, KEYS_READ("1", "0") KEYS_READ("2", "0") KEYS_READ("1", "0"));
}

static struct jwt jwt_of(const char *token, struct arena *arena) {
    struct jwt jwt;
    assert_int_equal(jwt_read(str_from(token), arena, &jwt), jwt_good);
    return jwt;
}

/* The second key comes when a token asks for it, and again at the earliest a minute later. */
static void a_token_stands_by_its_key_and_an_unknown_key_is_asked_for_once_a_minute(void **state) {
    struct arena arena;
    (void)state;
    receiver.answers[0] = "HTTP/1.1 200 OK\r\n\r\n" SET_OF_ONE;
    receiver.answers[1] = "HTTP/1.1 200 OK\r\n\r\n{\"keys\":[" TOKEN_KEY_1 "," TOKEN_KEY_2 "]}";
    receive();
    struct weir *weir = opened("/jwks", "");
    arena_init(&arena, 4096, 1024 * 1024);
    come_to(weir, issuer_good);
    struct issuer *issuer = issuer_in(weir);
    struct jwt ann = jwt_of(token_ann, &arena), next = jwt_of(token_ann_next, &arena), other = ann, bare = next;
    const struct now now = {.mono_ns = (uint64_t)issuer->renewal.fetched_s * NS_PER_S};
    struct now last = now, late = now;
    last.mono_ns += 86400 * NS_PER_S - 1;
    late.mono_ns += 86400 * NS_PER_S;
    other.signature = jwt_of(token_bob, &arena).signature;
    bare.kid = STR_NONE;
    assert_int_equal(issuer_verify(NULL, &ann, now), jwt_keys_gone);
    assert_int_equal(issuer_verify(issuer, &ann, now), jwt_good);
    assert_int_equal(issuer_verify(issuer, &other, now), jwt_signature);
    assert_int_equal(issuer_verify(issuer, &bare, now), jwt_signature); /* the one key of its kind may be meant */
    assert_int_equal(issuer_verify(issuer, &ann, last), jwt_good);
    assert_int_equal(issuer_verify(issuer, &ann, late), jwt_keys_gone);
    assert_true(issuer_stands(issuer, 1, last) && !issuer_stands(issuer, 2, last) && !issuer_stands(issuer, 1, late));
    assert_int_equal(issuer_verify(issuer, &next, clock_read()), jwt_key_awaited);
    pthread_join(receiver.net.peer, NULL);
    epoch_comes(issuer, 2);
    assert_int_equal(issuer_verify(issuer, &next, clock_read()), jwt_good);
    next.kid = STR("k3");
    struct now soon = clock_read();
    assert_int_equal(issuer_verify(issuer, &next, soon), jwt_key);
    closed(weir, KEYS_READ("1", "0") KEYS_READ("2", "0"));
    arena_free(&arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(keys_are_asked_for_and_serve_for_a_day, begin, end),
        cmocka_unit_test_setup_teardown(what_is_no_set_of_keys_lets_nobody_in_and_says_why, begin, end),
        cmocka_unit_test_setup_teardown(a_set_of_the_largest_size_and_one_that_shows_what_it_should_not, begin, end),
        cmocka_unit_test_setup_teardown(the_keys_of_the_process_before_serve_while_they_are_fresh, begin, end),
        cmocka_unit_test_setup_teardown(keys_of_a_file_are_read_as_those_of_a_server, begin, end),
        cmocka_unit_test_setup_teardown(keys_are_read_anew_when_their_issuer_comes_back, begin, end),
        cmocka_unit_test_setup_teardown(a_token_stands_by_its_key_and_an_unknown_key_is_asked_for_once_a_minute, begin,
                                        end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
