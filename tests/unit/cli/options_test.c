/* options_test.c - how a command's arguments are read, what its usage says, and which configuration is taken. */
#include "cli/cli.h"

#include <stdlib.h>
#include <sys/stat.h>

#include "said.h"

struct read {
    const char *file, *name, *rest[2];
    bool json;
    int rest_count, status;
    struct said out, err;
};

/* Words, as in a shell: `status --json`. The first is the command. */
static void read_words(struct read *read, const char *words) {
    static char room[256];
    char *argv[16];
    int argc = 0;
    memset(read, 0, sizeof *read);
    const struct cli_option options[] = {{"--file", "-f", &read->file, NULL, "FILE", "the file"},
                                         {"--name", NULL, &read->name, NULL, "NAME", "the name"},
                                         {"--json", "-j", NULL, &read->json, NULL, "as JSON"}};
    snprintf(room, sizeof room, "%s", words);
    for (char *word = strtok(room, " "); word; word = strtok(NULL, " ")) argv[argc++] = word;
    said_begin(&read->out, stdout);
    said_begin(&read->err, stderr);
    read->status = cli_options(argc, argv, options, 3, read->rest, 2, &read->rest_count);
    said_end(&read->err);
    said_end(&read->out);
}

static void assert_word(const char *is, const char *wanted) {
    if (!wanted) assert_null(is);
    if (wanted) assert_string_equal(is, wanted);
}

static void options_and_words_may_be_mixed(void **state) {
    static const struct {
        const char *words, *file, *name, *first, *second;
        bool json;
    } rows[] = {
        {"status", NULL, NULL, NULL, NULL, false},
        {"status --file a --name b --json", "a", "b", NULL, NULL, true},
        {"status -f a -j", "a", NULL, NULL, NULL, true},
        {"status --file=a --name=", "a", "", NULL, NULL, false},
        {"status --name=a=b", NULL, "a=b", NULL, NULL, false},
        {"status one -j two", NULL, NULL, "one", "two", true},
        {"status --file --json -", "--json", NULL, "-", NULL, false}, /* a value is whatever comes next */
        {"status --file a --file b", "b", NULL, NULL, NULL, false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct read read;
        read_words(&read, rows[i].words);
        assert_int_equal(read.status, -1);
        assert_word(read.file, rows[i].file);
        assert_word(read.name, rows[i].name);
        assert_word(read.rest[0], rows[i].first);
        assert_word(read.rest[1], rows[i].second);
        assert_int_equal(read.rest_count, (rows[i].first != NULL) + (rows[i].second != NULL));
        assert_int_equal(read.json, rows[i].json);
        assert_string_equal(read.err.text, "");
        assert_string_equal(read.out.text, "");
    }
}

static void what_cannot_be_read_is_said(void **state) {
    static const struct {
        const char *words, *said;
    } rows[] = {
        {"status --fil a", "weir status: unknown option `--fil` (weir status --help)\n"},
        {"status --files a", "weir status: unknown option `--files` (weir status --help)\n"},
        {"status -x", "weir status: unknown option `-x` (weir status --help)\n"},
        {"status -f=a", "weir status: unknown option `-f=a` (weir status --help)\n"},
        {"status --file", "weir status: --file needs a value\n"},
        {"status -j -f", "weir status: -f needs a value\n"},
        {"status a b c", "weir status: `c` is one argument too many\n"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct read read;
        read_words(&read, rows[i].words);
        assert_int_equal(read.status, 2);
        assert_string_equal(read.err.text, rows[i].said);
    }
}

static void help_lists_each_option(void **state) {
    static const char *const asks[] = {"status --help", "status -h", "status one -j --help"};
    (void)state;
    for (size_t i = 0; i < sizeof asks / sizeof *asks; i++) {
        struct read read;
        read_words(&read, asks[i]);
        assert_int_equal(read.status, 0);
        assert_string_equal(read.out.text, "usage: weir status [OPTION ...]\n\n"
                                           "providers, locks and counters of a running gateway\n\n"
                                           "  --file, -f FILE          the file\n"
                                           "  --name NAME              the name\n"
                                           "  --json, -j               as JSON\n");
    }
}

static void bad_usage_is_told_on_standard_error(void **state) {
    struct said said;
    (void)state;
    said_begin(&said, stderr);
    assert_int_equal(cli_usage(stderr, "explain", NULL, 0), 2);
    assert_string_equal(said_end(&said), "usage: weir explain REQUEST_ID\n");
    said_begin(&said, stdout);
    assert_int_equal(cli_usage(stdout, "version", NULL, 0), 0);
    assert_string_equal(said_end(&said), "usage: weir version\n\nwhich one this is\n");
}

static void a_command_is_found_by_its_whole_name(void **state) {
    (void)state;
    for (size_t i = 0; i < cli_command_count; i++)
        assert_ptr_equal(cli_command_find(cli_commands[i].name), &cli_commands[i]);
    assert_null(cli_command_find("serv"));
    assert_null(cli_command_find("serves"));
    assert_null(cli_command_find(""));
}

/* -- which configuration -- */

static char folder[64], before[256];

static int begin(void **state) {
    (void)state;
    snprintf(folder, sizeof folder, "/tmp/weir-test-XXXXXX");
    if (!mkdtemp(folder) || !getcwd(before, sizeof before)) return 1;
    unsetenv("WEIR_CONFIG");
    unsetenv("XDG_CONFIG_HOME");
    return chdir(folder);
}

static int end(void **state) {
    (void)state;
    unlink("weir.yaml");
    unlink("weir/weir.yaml");
    rmdir("weir");
    unsetenv("WEIR_CONFIG");
    unsetenv("XDG_CONFIG_HOME");
    return chdir(before) || rmdir(folder);
}

static void make(const char *path) {
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fclose(file);
}

/* The nearest to the caller wins: the option, the environment, the folder, the home. */
static void the_nearest_configuration_is_taken(void **state) {
    char buffer[1024], wanted[128];
    (void)state;
    snprintf(wanted, sizeof wanted, "%s/weir/weir.yaml", folder);
    const char *usual = access("/etc/weir/weir.yaml", R_OK) == 0 ? "/etc/weir/weir.yaml" : NULL;
    assert_word(cli_config_path(NULL, buffer, sizeof buffer), usual);
    setenv("XDG_CONFIG_HOME", "", 1);
    assert_word(cli_config_path(NULL, buffer, sizeof buffer), usual);
    setenv("XDG_CONFIG_HOME", folder, 1);
    assert_word(cli_config_path(NULL, buffer, sizeof buffer), usual); /* it has none */
    assert_int_equal(mkdir("weir", 0700), 0);
    make("weir/weir.yaml");
    assert_word(cli_config_path(NULL, buffer, sizeof buffer), wanted);
    make("weir.yaml");
    assert_word(cli_config_path(NULL, buffer, sizeof buffer), "weir.yaml");
    setenv("WEIR_CONFIG", "", 1);
    assert_word(cli_config_path(NULL, buffer, sizeof buffer), "weir.yaml");
    setenv("WEIR_CONFIG", "elsewhere.yaml", 1); /* there or not: it was asked for */
    assert_word(cli_config_path(NULL, buffer, sizeof buffer), "elsewhere.yaml");
    assert_word(cli_config_path("given.yaml", buffer, sizeof buffer), "given.yaml");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(options_and_words_may_be_mixed),
        cmocka_unit_test(what_cannot_be_read_is_said),
        cmocka_unit_test(help_lists_each_option),
        cmocka_unit_test(bad_usage_is_told_on_standard_error),
        cmocka_unit_test(a_command_is_found_by_its_whole_name),
        cmocka_unit_test_setup_teardown(the_nearest_configuration_is_taken, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
