/* told_test.c - the command line, whole: commands at one folder after another, each with all that it shows and tells
 * and how it ends; what each answers to a word that it does not know; and the tables that it makes of a gateway's
 * answers. */
#include "../gateway/story.h"
#include "../told.h"
#include "far.h"

#include "runtime/weir_internal.h"
#include "store/conversation_db.h"

extern bool gives_all_back;
bool gives_all_back = false; /* the environment lies in memory for secrets to the process's end (cli/serve.c) */

static struct arena arena;

static int cli_told_begin(void **state) {
    (void)state;
    arena_init(&arena, 256 * 1024, SIZE_MAX);
    unsetenv("WEIR_CONFIG");
    unsetenv("WEIR_STATE_DIR");
    unsetenv("WEIR_URL");
    unsetenv("WEIR_ADMIN_KEY");
    unsetenv("WEIR_MASTER_KEY");
    return hash_start() ? 0 : -1;
}

static int cli_told_end(void **state) {
    (void)state;
    arena_free(&arena);
    return 0;
}

/* Whoever runs this is WHO, and how large a database is hangs on SQLite's version: six digits of bytes are SIZE. */
static void plain_put(struct text *told, char *text) {
    for (char *at = text; *at; at++) {
        size_t digits = strspn(at, "0123456789"), rest = strlen(at);
        bool size = digits == 6 && strncmp(at + digits, " bytes", 6) == 0;
        if (size) {
            memmove(at + 4, at + digits, rest - digits + 1);
            memcpy(at, "SIZE", 4);
        }
    }
    char actor[cli_actor_max];
    const struct str who = cli_actor(actor);
    for (char *at; (at = strstr(text, who.at)); text = at + who.len) {
        story_plain(str_make(text, (size_t)(at - text)), told);
        text_put(told, STR("WHO"));
    }
    story_plain(str_from(text), told);
}

static void ended_put(struct text *told, struct shown *shown) {
    plain_put(told, shown->out.text);
    if (shown->err.text[0]) text_put(told, STR("err: "));
    plain_put(told, shown->err.text);
    text_printf(told, "ends with %d\n", shown->status);
}

/* -- commands that ask nobody -- */

enum { words_max = 16 };

/* `line`: of words; %D is the folder, %C the older conversation. */
static void command_tell(const char *line, struct text *told) {
    static char words[words_max][512];
    static struct shown shown;
    char *argv[words_max + 1] = {NULL};
    int argc = 0;
    struct str rest = str_from(line), word;
    while (rest.len && str_split_next(&rest, ' ', &word)) {
        struct text into = text_in_buffer(words[argc], sizeof words[argc] - 1);
        if (str_starts(word, STR("%"))) {
            text_put(&into, str_from(word.at[1] == 'C' ? story_place.id : story_place.folder));
            word = str_slice(word, 2, word.len);
        }
        text_put(&into, word);
        words[argc][into.len] = 0;
        argv[argc] = words[argc];
        assert_true(++argc < words_max);
    }
    const struct cli_command *command = cli_command_find(argv[0]);
    assert_non_null(command);
    said_begin(&shown.out, stdout);
    said_begin(&shown.err, stderr);
    shown.status = command->run(argc, argv);
    said_end(&shown.err);
    said_end(&shown.out);
    text_printf(told, "\n$ weir %s\n", line);
    ended_put(told, &shown);
}

static void file_put(const char *name, const char *bytes) {
    char path[256];
    snprintf(path, sizeof path, "%s/%s", story_place.folder, name);
    FILE *file = fopen(path, "w");
    assert_true(file && fputs(bytes, file) >= 0 && fclose(file) == 0);
}

static void turn_keep(struct response_db *db, const char *session, const char *request, bool cut, int64_t now_s) {
    char problem[256];
    const struct str messages[] = {STR("{\"role\":\"system\",\"content\":\"Be\\nshort\\u001b[2J.\"}"),
                                   STR("{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"Hi\"}]}"),
                                   STR("{\"role\":\"assistant\",\"tool_calls\":[{\"id\":\"c1\"}]}")};
    struct conversation_turn turn = {.client = STR("app"),
                                     .session = str_from(session),
                                     .request_id = str_from(request),
                                     .api = STR("chat"),
                                     .model = STR("m\x7f"),
                                     .answer_id = str_from(request),
                                     .previous = STR(""),
                                     .cut = cut,
                                     .messages = messages,
                                     .message_count = 3,
                                     .answer = STR("{\"role\":\"assistant\",\"content\":\"Yes\"}"),
                                     .alternatives = STR("")};
    turn.link.bytes[0] = (unsigned char)request[0];
    assert_true(conversation_db_put(db, &turn, &(struct response_limits){0, 0}, now_s, problem, sizeof problem));
}

static void folder_fill(void) {
    char path[256], problem[256];
    str_copy(story_place.folder, sizeof story_place.folder, STR("/tmp/weir-told-XXXXXX"));
    assert_non_null(mkdtemp(story_place.folder));
    snprintf(path, sizeof path, "state_dir: %s/state\nproviders: {a: {type: openai, api_key: sk-nobodys-own}}\n",
             story_place.folder);
    file_put("w.yaml", path);
    file_put("bad.yaml", "providers: {a: {type: opnai, api_key: k}}\nlisen: here\n");
    file_put("later.yaml", "providers: {a: {type: openai, api_key: k}}\nadmin_listen: 127.0.0.1:1\n");
    file_put("in.jsonl",
             "{\"custom_id\":\"1\",\"method\":\"POST\",\"url\":\"/v1/chat/completions\",\"body\":{\"model\":"
             "\"default\",\"messages\":[{\"role\":\"user\",\"content\":\"Hi\"}]}}\n");
    file_put("bad.jsonl", "{\"kind\":\"nothing\"}\n");
    file_put("empty.jsonl", "");
    size_t most = (size_t)4 * 1024 * 1024;
    char *large = arena_take(&arena, most + 2);
    assert_non_null(large);
    memset(large, 'x', most + 1);
    large[most + 1] = 0;
    file_put("larger.jsonl", large);
    large[most] = 0;
    file_put("large.jsonl", large);
    file_put("own.jsonl", "{\"provider\":\"openai\",\"base_url\":\"https://h/"
                          "v1\",\"dialect\":\"openai\",\"facts\":\"2100-01-01\"}\n{\"model\":\"m\"}\n"
                          "{\"model\":\"n\"}\n{\"model\":\"o\"}\n"
                          "{\"provider\":\"p\",\"base_url\":\"https://h/"
                          "v1\",\"dialect\":\"openai\",\"facts\":\"2100-01-01\",\"models_of\":\"openai\"}\n"
                          "{\"model\":\"of-its-own\"}\n{\"model\":\"m\"}\n");
    file_put("unfit.jsonl",
             "{\"provider\":\"p\",\"base_url\":\"https://h/v1\",\"dialect\":\"openai\",\"facts\":\"2100-01-01\"}\n");
    snprintf(path, sizeof path, "%s/state", story_place.folder);
    assert_int_equal(mkdir(path, 0700), 0);
    snprintf(path, sizeof path, "%s/state/responses.db", story_place.folder);
    struct response_db *db = response_db_open(path, problem, sizeof problem);
    if (!db) fail_msg("%s", problem);
    turn_keep(db, "talk\x1b", "req_a", false, 1700000000);
    turn_keep(db, "talk\x1b", "req_b", true, 1700000001);
    struct text list = text_in_arena(&arena, 1024);
    assert_int_equal(conversation_db_list(db, STR("app"), STR(""), 1, &list, problem, sizeof problem), stored_found);
    text_put_byte(&list, 0);
    story_note(list.at, "id", story_place.id, sizeof story_place.id);
    turn_keep(db, "", "req_c", false, 1700000002);
    response_db_close(db);
    snprintf(path, sizeof path, "%s/state/ledger.db", story_place.folder);
    struct ledger *ledger = ledger_open(path, problem, sizeof problem);
    if (!ledger) fail_msg("%s", problem);
    ledger_close(ledger);
}

static const char *const session[] = {
    "check --config %D/w.yaml",
    "check --config %D/bad.yaml",
    "check --config %D/later.yaml",
    "check --config %D/none.yaml",
    "check more --config %D/w.yaml",
    "catalog reset --config %D/w.yaml",
    "catalog update %D/bad.jsonl --config %D/w.yaml",
    "catalog update %D/none.jsonl --config %D/w.yaml",
    "catalog update %D/state --config %D/w.yaml",
    "catalog update /proc/self/mem --config %D/w.yaml",
    "catalog update %D/empty.jsonl --config %D/w.yaml",
    "catalog update %D/large.jsonl --config %D/w.yaml",
    "catalog update %D/larger.jsonl --config %D/w.yaml",
    "catalog update --config %D/w.yaml",
    "catalog reset more --config %D/w.yaml",
    "catalog none --config %D/w.yaml",
    "catalog --config %D/bad.yaml",
    "conversation list --client app --config %D/w.yaml",
    "conversation list --client app --json --state-dir %D/state",
    "conversation list --client none --state-dir %D/state",
    "conversation list more --client app --state-dir %D/state",
    "conversation list --state-dir %D/state",
    "conversation list --client app --state-dir %D/none",
    "conversation list --client app --config %D/none.yaml",
    "conversation none --client app --state-dir %D/state",
    "conversation show --client app --state-dir %D/state",
    "conversation show %C --client app --state-dir %D/state",
    "conversation show %C --client app --json --state-dir %D/state",
    "conversation show %C --client none --state-dir %D/state",
    "conversation export %C --client app --config %D/w.yaml",
    "conversation show conv_none --client app --state-dir %D/state",
    "conversation export --client app --state-dir %D/state",
    "conversation export conv_none --client app --state-dir %D/state",
    "conversation purge conv_none --client app --state-dir %D/state",
    "conversation purge %C --client app --state-dir %D/state",
    "conversation purge --client app --json --state-dir %D/state",
    "conversation purge --client app --state-dir %D/state",
    "conversation purge a b --client app --state-dir %D/state",
    "key list --config %D/w.yaml",
    "key validate one --config %D/w.yaml",
    "key none --config %D/w.yaml",
    "key remove one --config %D/w.yaml",
    "key set --config %D/w.yaml",
    "audit list --config %D/w.yaml",
    "audit list --limit 0 --config %D/w.yaml",
    "audit verify --config %D/w.yaml",
    "audit head --json --config %D/w.yaml",
    "audit list --csv --config %D/w.yaml",
    "audit list --json --limit 1 --config %D/w.yaml",
    "audit head --config %D/w.yaml",
    "audit verify --json --config %D/w.yaml",
    "audit none --config %D/w.yaml",
    "usage export --client app --config %D/w.yaml",
    "usage purge --client app --config %D/w.yaml",
    "usage purge --config %D/w.yaml",
    "usage purge --client app --owner b --config %D/w.yaml",
    "usage recost --config %D/w.yaml",
    "backup %D/backup --config %D/none.yaml",
    "backup --state-dir %D/state",
    "backup %D/backup --state-dir %D/state",
    "backup a b --state-dir %D/state",
    "backup %D/backup --state-dir %D/none",
    "restore %D/backup",
    "restore --state-dir %D/other",
    "restore %D/none --state-dir %D/other",
    "restore %D/backup --state-dir %D/other",
    "restore %D/backup --state-dir %D/other",
    "restore %D/backup --state-dir %D/other --force",
    "conversation purge --client app --state-dir %D/other",
    "restore %D/w.yaml --state-dir %D/other",
    "ask Hello --simulated",
    "ask Hello --simulated --stream",
    "ask Hello --simulated --model none/such",
    "ask Hello --config %D/none.yaml",
    "ask",
    "batch %D/in.jsonl -o %D/out.jsonl --simulated --quiet",
    "batch %D/in.jsonl -o %D/out.jsonl --simulated --quiet",
    "batch %D/in.jsonl -o %D/more.jsonl --simulated --quiet --parallel 10000 --tries 100",
    "batch %D/in.jsonl -o %D/out.jsonl --simulated --parallel 10001",
    "batch %D/in.jsonl -o %D/out.jsonl --simulated --parallel=-1",
    "batch %D/in.jsonl -o %D/out.jsonl --simulated --tries 101",
    "batch %D/in.jsonl -o %D/out.jsonl --simulated --tries=-1",
    "batch %D/in.jsonl --simulated",
    "batch %D/none.jsonl -o %D/more.jsonl --simulated",
    "batch %D/in.jsonl -o %D/out.jsonl --config %D/none.yaml",
    "mock --port more",
    "mock --listen nowhere",
    "mock --fault none --fault-rate 2",
    "serve more",
    "serve --config %D/bad.yaml",
    "batch show --config %D/w.yaml",
    "batch none",
    "batch",
    "budget none",
    "client none",
    "provider none",
    "provider show",
    "events none",
    "alert none",
    "cache none",
    "cache purge",
    "cache purge --client a --all",
    "cache stats --all",
    "health none",
    "health",
    "version",
    "catalog update %D/own.jsonl --config %D/w.yaml",
    "catalog --config %D/w.yaml",
    "catalog update %D/unfit.jsonl --config %D/w.yaml",
    "catalog reset --config %D/w.yaml",
    "catalog reset --config %D/w.yaml",
    "audit list --state-dir %D/state",
    "audit verify --state-dir %D/state",
    "audit verify --head 00 --state-dir %D/state",
    "audit head --state-dir %D/none",
    "audit list --limit 2 --json --state-dir %D/state",
    "audit list --since 1h --until 2h --state-dir %D/state",
};

static void commands_at_a_folder(void **state) {
    (void)state;
    char command[128];
    struct text told = text_in_arena(&arena, 64 * 1024);
    folder_fill();
    for (size_t i = 0; i < sizeof session / sizeof *session; i++) command_tell(session[i], &told);
    snprintf(command, sizeof command, "rm -r '%s'", story_place.folder);
    assert_int_equal(system(command), 0);
    told_compare("cli_session", &told);
}

static void words_that_no_command_knows(void **state) {
    (void)state;
    struct text told = text_in_arena(&arena, 64 * 1024);
    for (size_t i = 0; i < cli_command_count; i++) {
        char line[64];
        snprintf(line, sizeof line, "%s --nonsense", cli_commands[i].name);
        command_tell(line, &told);
        snprintf(line, sizeof line, "%s --json=maybe a b c d e", cli_commands[i].name);
        command_tell(line, &told);
    }
    told_compare("cli_words", &told);
}

/* -- commands that ask a gateway -- */

static const struct far_question {
    int (*command)(int argc, char **argv);
    const char *argv[12];
    const char *status, *body; /* NULL: 200 OK */
    bool terminal;
} questions[] = {
    {cli_provider, {"provider", "list"}, NULL, "{\"providers\":[{\"name\":\"a\"}]}", false},
    {cli_provider,
     {"provider", "list"},
     NULL,
     "{\"providers\":[{\"name\":\"a\",\"type\":\"openai\",\"state\":\"active\",\"priority\":1,\"models\":[{},{}],"
     "\"api_key\":\"set\",\"edited\":true,\"base_url\":\"https://h/v1\"},{\"name\":\"b\",\"type\":\"openai\","
     "\"state\":\"draining\",\"priority\":100,\"api_keys\":[]},{\"name\":\"c\",\"state\":\"removed\"}]}",
     true},
    {cli_provider,
     {"provider", "list", "a"},
     NULL,
     "{\"name\":\"a\",\"type\":\"openai\",\"state\":\"maintenance\",\"priority\":7,\"models\":[{\"id\":\"m\","
     "\"context_tokens\":128000,\"output_tokens_max\":4096,\"speed\":\"fast\",\"prices\":{\"input\":2.5,\"output\":10},"
     "\"use\":[\"chat\",\"code\"],\"vision\":true,\"tools\":true,\"streaming\":false},{\"id\":\"n\"}]}",
     true},
    {cli_provider, {"provider", "list", "a"}, "404 No", "{\"error\":{\"message\":\"none\"}}", true},
    {cli_provider, {"provider", "list"}, "401 No", "words", true},
    {cli_provider, {"provider", "drain", "a"}, NULL, "{\"name\":\"a\",\"state\":\"draining\"}", false},
    {cli_provider, {"provider", "remove", "a"}, NULL, "{\"name\":\"a\",\"removed\":true}", false},
    {cli_provider,
     {"provider", "probe", "a"},
     NULL,
     "{\"name\":\"a\",\"good\":false,\"status\":401,\"took_us\":1499,\"said\":\"no key\"}",
     false},
    {cli_provider,
     {"provider", "probe", "a"},
     NULL,
     "{\"name\":\"a\",\"good\":true,\"status\":200,\"took_us\":1500}",
     false},
    {cli_status,
     {"status"},
     NULL,
     "{\"version\":\"1.2\",\"uptime_seconds\":61,\"workers\":2,\"generation\":3,\"configuration\":{\"said\":\"an old "
     "one\"},\"providers\":[{\"name\":\"a\",\"type\":\"openai\",\"state\":\"active\",\"health\":\"degraded\",\"score\":"
     "0.756,\"breaker\":\"open\",\"in_flight\":3,\"latency_us\":1999,\"edited\":true,\"base_url\":\"https://h\","
     "\"breaker_client\":\"app\",\"demoted\":true,\"probes_failed\":1,\"targets\":[{\"target\":\"a/m\","
     "\"failures_in_row\":1},{\"target\":\"a/n\",\"failures_in_row\":2},{\"target\":\"a/o\",\"failures_in_row\":0}],"
     "\"quotas\":[{\"quota\":\"requests_per_day\",\"counted\":5,\"reserved\":1,\"limit\":10,\"resets_at\":"
     "\"tomorrow\"},{\"quota\":\"tokens_per_day\",\"counted\":7,\"reserved\":0,\"limit\":20,\"resets_at\":\"\"}]},"
     "{\"name\":\"b\",\"demoted\":true,\"probes_failed\":2,\"quotas\":[]}],\"locks\":[{\"route\":\"r\",\"holder\":"
     "\"a/m\",\"failures\":1,\"failover_after\":3}],\"identity\":[{\"issuer\":\"https://i\",\"state\":\"ready\","
     "\"keys\":2},{\"issuer\":\"https://j\",\"state\":\"failed\",\"keys\":0,\"failure\":\"dns\"}],"
     "\"changed_at_run_time\":[{\"kind\":\"route\",\"name\":\"r\",\"how\":\"changed\",\"changed\":[\"strategy\","
     "\"targets\"]},{\"kind\":\"rule\",\"name\":\"q\",\"how\":\"added\",\"problem\":\"no target\"}],\"totals\":"
     "{\"requests\":5}}",
     true},
    {cli_status, {"status"}, NULL, "{}", true},
    {cli_status, {"status", "--json"}, NULL, "{\"a\":1}", false},
    {cli_status, {"status"}, "401 No", "{\"error\":{\"message\":\"who?\"}}", false},
    {cli_cache, {"cache", "stats"}, NULL, "{\"on\":false}", false},
    {cli_cache,
     {"cache", "stats"},
     NULL,
     "{\"on\":true,\"found\":1,\"missed\":3,\"answers\":1,\"bytes\":100,\"max_bytes\":1000,\"stale\":2,\"evicted\":4,"
     "\"expired\":5,\"purged\":6,\"semantic\":{\"prompts\":7,\"max_prompts\":8,\"routes\":[{\"route\":\"r\","
     "\"compared\":8,\"false\":1,\"on\":false},{\"route\":\"s\",\"compared\":0}]}}",
     false},
    {cli_cache, {"cache", "stats"}, NULL, "{\"on\":true,\"answers\":2}", false},
    {cli_cache, {"cache", "stats", "--json"}, NULL, "{\"on\":true}", false},
    {cli_cache, {"cache", "stats"}, NULL, "words", false},
    {cli_cache, {"cache", "stats"}, "500 No", "words", false},
    {cli_cache, {"cache", "purge", "--all"}, NULL, "{\"purged\":1}", false},
    {cli_cache, {"cache", "purge", "--client", "a\"b"}, NULL, "{\"purged\":1}", false},
    {cli_cache, {"cache", "purge", "--key", "k"}, "400 No", "{\"error\":{\"message\":\"no\"}}", false},
    {cli_health,
     {"health", "history", "a b", "--since", "24h", "--until", "1h", "--limit", "5"},
     NULL,
     "{\"records\":[{\"time_ms\":1700000000999,\"provider\":\"a\",\"event\":\"probe\",\"probe\":true,\"took_us\":1999,"
     "\"said\":\"200\"},{\"time_ms\":1700000001000,\"provider\":\"a\",\"event\":\"probe\",\"probe\":false,\"took_us\":"
     "5000,\"said\":\"dns\"},{\"time_ms\":1700000002000,\"route\":\"r\",\"event\":\"lock\",\"from\":\"a/m\",\"to\":"
     "\"b/m\"},{\"time_ms\":1700000003000,\"provider\":\"b\",\"event\":\"health\",\"state\":\"degraded\"}]}",
     false},
    {cli_health, {"health", "history"}, NULL, "{\"records\":[]}", false},
    {cli_health, {"health", "history"}, NULL, "{}", false},
    {cli_health, {"health", "history", "--json"}, NULL, "{\"records\":[]}", false},
    {cli_health, {"health", "history"}, "404 No", "{\"error\":{\"message\":\"none\"}}", false},
    {cli_budget,
     {"budget", "raise", "pot", "--usd", "5", "--until", "1h"},
     NULL,
     "{\"owner\":\"client app\",\"name\":\"pot\",\"spent_usd\":\"1.500000000\",\"limit_usd\":\"10.000000000\",\"left_"
     "usd\":\"8.500000001\"}",
     false},
    {cli_budget, {"budget", "reset", "pot", "--owner", "client app"}, NULL, "{}", false},
    {cli_budget, {"budget", "credit", "pot", "--usd", "5"}, NULL, "words", false},
    {cli_budget, {"budget", "credit", "pot", "--usd", "5"}, "400 No", "{\"error\":{\"message\":\"no\"}}", false},
    {cli_reload, {"reload"}, NULL, "{\"reloaded\":true}", false},
    {cli_reload, {"reload"}, NULL, "{\"reloaded\":true,\"restart_for\":\"listen\"}", false},
    {cli_reload, {"reload"}, "400 No", "{\"error\":{\"message\":\"line 1\"}}", false},
    {cli_drain, {"drain"}, "202 Fine", "{\"draining\":true}", false},
    {cli_drain, {"drain"}, "500 No", "{\"error\":{\"message\":\"no\"}}", false},
    {cli_route, {"route", "m"}, "404 No", "{\"error\":{\"message\":\"no\"}}", false},
    {cli_explain, {"explain", "req_1"}, "404 No", "{\"error\":{\"message\":\"no\"}}", false},
    {cli_usage_command,
     {"usage", "--by", "client"},
     NULL,
     "{\"rows\":[{\"client\":\"app\",\"requests\":5,\"attempts\":6,\"errors\":1,\"input_tokens\":7,\"output_tokens\":8,"
     "\"cost_usd\":\"0.500000000\",\"cached\":1,\"saved_usd\":\"0.100000000\"}],\"total\":{\"requests\":5,\"attempts\":"
     "6,\"cost_usd\":\"0.500000000\",\"cache_missed_tokens\":9,\"cache_missed_expired\":1,\"cache_missed_moved\":2,"
     "\"cache_missed_changed\":3}}",
     false},
};

static void tables_of_what_a_gateway_answers(void **state) {
    (void)state;
    static struct far far;
    static struct shown shown;
    struct text told = text_in_arena(&arena, 64 * 1024);
    for (size_t i = 0; i < sizeof questions / sizeof *questions; i++) {
        const char *argv[16] = {NULL};
        int argc = 0;
        text_put(&told, STR("\n$ weir"));
        for (; questions[i].argv[argc]; argc++) {
            argv[argc] = questions[i].argv[argc];
            text_printf(&told, " %s", argv[argc]);
        }
        argv[argc++] = "--admin-key";
        argv[argc++] = "a-key";
        far.status = questions[i].status ? questions[i].status : "200 OK";
        far.body = questions[i].body;
        command_run_on(&far, questions[i].command, argv, true, questions[i].terminal, &shown);
        snprintf(story_place.port, sizeof story_place.port, "%u", far.net.port);
        const char *body = strstr(far.net.heard, "\r\n\r\n");
        text_printf(&told, "\nasks: %.*s %s\n", (int)strcspn(far.net.heard, "\r"), far.net.heard, body ? body + 4 : "");
        ended_put(&told, &shown);
    }
    told_compare("cli_tables", &told);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(commands_at_a_folder),
        cmocka_unit_test(words_that_no_command_knows),
        cmocka_unit_test(tables_of_what_a_gateway_answers),
    };
    return cmocka_run_group_tests(tests, cli_told_begin, cli_told_end);
}
