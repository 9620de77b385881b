/* serve_test.c - a process that serves, from its start to its end: what it hides of its environment, what its signals
 * do, how it ends where it cannot begin; with all that it logs of these. It is this program once more, with words. */
#include "cli/cli.h"

#include <poll.h>
#include <signal.h>
#ifdef __linux__
#include <sys/prctl.h>
#endif
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>

#include "../net/net_bench.h"
#include "../folder_remove.h"
#include "said.h"

/* The environment lies in memory for secrets to the end of a process that serves (cli/serve.c). */
extern bool gives_all_back;
bool gives_all_back = false;

static char folder[64], config[96];
static const char *program;

/* What is said of itself: both streams in one pipe, which is read until `words` have come. */
struct process {
    pid_t pid;
    int said;
    size_t len;
    char text[64 * 1024];
};

static int begin(void **state) {
    (void)state;
    snprintf(folder, sizeof folder, "/tmp/weir-serve-XXXXXX");
    if (!mkdtemp(folder)) return -1;
    snprintf(config, sizeof config, "%s/weir.yaml", folder);
    return 0;
}

static int end(void **state) {
    (void)state;
    return folder_remove(folder);
}

static void config_write(const char *providers) {
    FILE *file = fopen(config, "w");
    assert_non_null(file);
    fprintf(file, "state_dir: %s/state\nlisten: 127.0.0.1:0\nworkers: 1\ncore_dumps: true\n%s", folder, providers);
    assert_int_equal(fclose(file), 0);
}

static void process_start(struct process *process) {
    const char *argv[] = {"serve", "--config", config, NULL};
    /* An empty one among them, as there may be. */
    const char *environment[] = {"WEIR_TEST_KEY=the-first-of-two-keys", "", "WEIR_TEST_OTHER=the-second-of-two-keys",
                                 NULL};
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    process->len = 0;
    process->text[0] = 0;
    process->said = ends[0];
    process->pid = fork();
    assert_true(process->pid >= 0);
    if (process->pid == 0) {
        close(ends[0]);
        dup2(ends[1], STDOUT_FILENO);
        dup2(ends[1], STDERR_FILENO);
        close(ends[1]);
#ifdef __linux__
        prctl(PR_SET_PDEATHSIG, SIGKILL); /* of a test that fails */
#endif
        execve(program, (char *const *)argv, (char *const *)environment);
        _exit(127);
    }
    close(ends[1]);
}

/* false: it has ended. */
static bool process_hear(struct process *process) {
    struct pollfd in = {.fd = process->said, .events = POLLIN};
    if (poll(&in, 1, 30000) != 1) fail_msg("it is silent: %s", process->text);
    ssize_t got = read(process->said, process->text + process->len, sizeof process->text - 1 - process->len);
    assert_true(got >= 0);
    process->len += (size_t)got;
    process->text[process->len] = 0;
    return got > 0;
}

static void process_says(struct process *process, const char *words) {
    while (!strstr(process->text, words))
        if (!process_hear(process)) fail_msg("no %s: %s", words, process->text);
}

/* How often it has said so by now. */
static size_t process_said(const struct process *process, const char *words) {
    size_t count = 0;
    for (const char *at = process->text; (at = strstr(at, words)); at++) count++;
    return count;
}

static int process_ends(struct process *process) {
    int status;
    while (process_hear(process)) continue;
    close(process->said);
    assert_int_equal(waitpid(process->pid, &status, 0), process->pid);
    if (!WIFEXITED(status)) fail_msg("signal %d: %s", WTERMSIG(status), process->text);
    return WEXITSTATUS(status);
}

static uint16_t process_port(const struct process *process) {
    const char *at = strstr(process->text, "\"port\":");
    assert_non_null(at);
    return (uint16_t)strtoul(at + 7, NULL, 10);
}

#define PROVIDER(key) "  " key ": {type: openai, api_key: env:WEIR_TEST_" key "}\n"
static const char both[] = "providers:\n" PROVIDER("KEY") PROVIDER("OTHER");

#ifdef __linux__
/* As the kernel shows it. */
static bool environment_has(pid_t pid, const char *words) {
    static char bytes[256 * 1024];
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/environ", (int)pid);
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    const size_t len = fread(bytes, 1, sizeof bytes, file);
    fclose(file);
    assert_true(len > 0 && len < sizeof bytes);
    return memmem(bytes, len, words, strlen(words)) != NULL;
}
#endif

/* Its keys are read out of the environment all the same. */
static void keys_do_not_stand_in_the_environment_of_a_process_that_serves(void **state) {
    static struct process process;
    (void)state;
    config_write(both);
    process_start(&process);
    process_says(&process, "\"event\":\"ready\"");
#ifdef __linux__
    assert_false(environment_has(process.pid, "the-first-of-two-keys"));
    assert_false(environment_has(process.pid, "the-second-of-two-keys"));
    assert_false(environment_has(process.pid, "WEIR_TEST"));
#endif
    assert_non_null(strstr(process.text, "\"providers\":2"));
    assert_int_equal(kill(process.pid, SIGTERM), 0);
    assert_int_equal(process_ends(&process), 0);
}

static void each_signal_does_its_own_and_is_logged(void **state) {
    static struct process process;
    (void)state;
    config_write(both);
    process_start(&process);
    process_says(&process, "\"event\":\"ready\"");
    assert_int_equal(kill(process.pid, SIGHUP), 0);
    process_says(&process, "\"event\":\"reloaded\"");
    assert_null(strstr(process.text, "restart_needed"));
    config_write("providers: {KEY: {type: opnai, api_key: k}}\n");
    assert_int_equal(kill(process.pid, SIGHUP), 0);
    process_says(&process, "\"event\":\"reload_failed\"");
    assert_non_null(strstr(process.text, "opnai"));
    config_write("workers: 1\nproviders:\n" PROVIDER("KEY") "responses: {store: false}\n");
    assert_int_equal(kill(process.pid, SIGINT), 0);
    process_says(&process, "\"event\":\"stopped\"");
    assert_int_equal(process_ends(&process), 0);
    assert_int_equal(process_said(&process, "\"event\":\"draining\""), 1);
    assert_int_equal(process_said(&process, "\"event\":\"reloaded\""), 1);
    assert_int_equal(process_said(&process, "\"event\":\"reload_failed\""), 1);
    assert_int_equal(process_said(&process, "drain_timeout"), 0);
}

/* A request whose body never ends holds a drain up; whoever asks twice does not wait for it. */
static void a_second_signal_ends_it_at_once(void **state) {
    static const char half[] = "POST /v1/chat/completions HTTP/1.1\r\nHost: h\r\nContent-Length: 100\r\n\r\n{";
    static struct process process;
    (void)state;
    config_write(both);
    process_start(&process);
    process_says(&process, "\"event\":\"ready\"");
    const int caller = net_bench_connect(process_port(&process));
    net_bench_say(caller, half);
    assert_int_equal(kill(process.pid, SIGTERM), 0);
    process_says(&process, "\"event\":\"draining\"");
    assert_int_equal(kill(process.pid, SIGTERM), 0);
    assert_int_equal(process_ends(&process), 0);
    assert_int_equal(process_said(&process, "drain_timeout"), 0);
    assert_int_equal(process_said(&process, "\"event\":\"stopped\""), 1);
    close(caller);
}

static void what_cannot_begin_ends_with_its_reason(void **state) {
    static struct process process, second;
    char text[512];
    uint16_t port;
    (void)state;
    config_write("providers: {KEY: {type: opnai, api_key: k}}\n");
    process_start(&process);
    assert_int_equal(process_ends(&process), 2);
    if (!strstr(process.text, "weir.yaml:5:25: ")) fail_msg("%s", process.text);
    config_write(both);
    process_start(&process);
    process_says(&process, "\"event\":\"ready\"");
    process_start(&second); /* with the same folder */
    assert_int_equal(process_ends(&second), 1);
    assert_non_null(strstr(second.text, "another weir serves with the state folder"));
    assert_int_equal(kill(process.pid, SIGTERM), 0);
    assert_int_equal(process_ends(&process), 0);
    const int taken = net_bench_listen(&port);
    snprintf(text, sizeof text, "state_dir: %s/state\nlisten: 127.0.0.1:%u\n%s", folder, port, both);
    FILE *file = fopen(config, "w");
    assert_true(file && fputs(text, file) >= 0 && fclose(file) == 0);
    process_start(&process);
    assert_int_equal(process_ends(&process), 1);
    snprintf(text, sizeof text, "127.0.0.1:%u", port);
    assert_true(strstr(process.text, "weir: ") && strstr(process.text, text));
    assert_int_equal(process_said(&process, "\"event\":\"ready\""), 0);
    close(taken);
}

int main(int argc, char **argv) {
    if (argc > 1) return cli_serve(argc, argv);
    program = argv[0];
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(keys_do_not_stand_in_the_environment_of_a_process_that_serves, begin, end),
        cmocka_unit_test_setup_teardown(each_signal_does_its_own_and_is_logged, begin, end),
        cmocka_unit_test_setup_teardown(a_second_signal_ends_it_at_once, begin, end),
        cmocka_unit_test_setup_teardown(what_cannot_begin_ends_with_its_reason, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
