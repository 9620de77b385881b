/* forms_test.c - forms of commands that there are not: each is answered with how the command is written, and asks
 * nobody; and numbers of options at their bounds. */
#include "cli/cli.h"

#include <stdlib.h>

#include "said.h"

static struct said out, err;

static int forms_begin(void **state) {
    static const char *const names[] = {"WEIR_CONFIG", "WEIR_STATE_DIR", "WEIR_URL", "WEIR_ADMIN_KEY"};
    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) unsetenv(names[i]);
    return hash_start() ? 0 : -1;
}

enum { form_words = 10 };

static int form_run(int (*command)(int argc, char **argv), const char *const words[form_words]) {
    char *argv[form_words + 1] = {NULL};
    int argc = 0;
    for (; argc < form_words && words[argc]; argc++) argv[argc] = (char *)(uintptr_t)words[argc];
    said_begin(&out, stdout);
    said_begin(&err, stderr);
    int status = command(argc, argv);
    said_end(&err);
    said_end(&out);
    return status;
}

#define PURGE "weir cache purge: say what is to go by one of --client, --route, --model, --target, --tag and --key, or "
#define WHOSE "weir conversation: say whose by --client NAME\n"
#define NOWHERE "--config", "/nowhere/weir.yaml"

static void a_form_that_there_is_not_is_answered_with_how_the_command_is_written(void **state) {
    static const struct {
        int (*command)(int argc, char **argv);
        const char *words[form_words];
        const char *first; /* what is told in front of it */
    } rows[] = {
        {cli_budget, {"budget", "list", "--owner", "a"}, ""},
        {cli_budget, {"budget", "list", "--usd", "1"}, ""},
        {cli_budget, {"budget", "list", "--until", "1h"}, ""},
        {cli_budget, {"budget", "raise", "--usd", "1"}, ""},
        {cli_budget, {"budget", "raise", "pot"}, ""},
        {cli_budget, {"budget", "credit", "pot"}, ""},
        {cli_budget, {"budget", "credit", "pot", "--usd", "1", "--until", "1h"}, ""},
        {cli_budget, {"budget", "reset", "pot", "--usd", "1"}, ""},
        {cli_budget, {"budget", "reset", "pot", "--until", "1h"}, ""},
        {cli_budget, {"budget", "lower", "pot", "--usd", "1"}, ""},
        {cli_cache, {"cache"}, ""},
        {cli_cache, {"cache", "look"}, ""},
        {cli_cache, {"cache", "look", "--all"}, ""},
        {cli_cache, {"cache", "stats", "--all"}, ""},
        {cli_cache, {"cache", "stats", "--client", "a"}, ""},
        {cli_cache, {"cache", "purge"}, PURGE "--all\n"},
        {cli_cache, {"cache", "purge", "--client", "a", "--tag", "b"}, PURGE "--all\n"},
        {cli_cache, {"cache", "purge", "--all", "--key", "k"}, PURGE "--all\n"},
        {cli_health, {"health"}, ""},
        {cli_health, {"health", "look"}, ""},
        {cli_alert, {"alert"}, ""},
        {cli_alert, {"alert", "look"}, ""},
        {cli_audit, {"audit"}, ""},
        {cli_audit, {"audit", "look"}, ""},
        {cli_audit, {"audit", "list", "--head", "a"}, ""},
        {cli_audit, {"audit", "head", "--head", "a"}, ""},
        {cli_audit, {"audit", "head", "--since", "1h"}, ""},
        {cli_audit, {"audit", "head", "--until", "1h"}, ""},
        {cli_audit, {"audit", "verify", "--limit", "1"}, ""},
        {cli_audit, {"audit", "verify", "--csv"}, ""},
        {cli_conversation, {"conversation"}, ""},
        {cli_conversation, {"conversation", "list"}, WHOSE},
        {cli_conversation, {"conversation", "--client", "a"}, ""},
        {cli_conversation, {"conversation", "look", "--client", "a"}, ""},
        {cli_conversation, {"conversation", "list", "b", "--client", "a"}, ""},
        {cli_conversation, {"conversation", "show", "--client", "a"}, ""},
        {cli_erase, {"usage export"}, ""},
        {cli_erase, {"usage export", "--owner", ""}, ""},
        {cli_erase, {"usage purge", "--client", ""}, ""},
        {cli_erase, {"usage purge", "--client", "a", "--owner", "b"}, ""},
        {cli_backup, {"backup"}, ""},
        {cli_restore, {"restore"}, ""},
        {cli_restore, {"restore", "/nowhere/file"}, ""},
        {cli_restore, {"restore", "--state-dir", "/nowhere"}, ""},
        {cli_catalog, {"catalog", "look"}, ""},
        {cli_catalog, {"catalog", "update"}, ""},
        {cli_catalog, {"catalog", "reset", "file"}, ""},
        {cli_explain, {"explain"}, ""},
        {cli_ask, {"ask"}, ""},
        {cli_batch, {"batch"}, ""},
        {cli_batch, {"batch", "in"}, ""},
        {cli_batch, {"batch", "--output", "o"}, ""},
        {cli_batch, {"batch", "in", "--output", "o", "--parallel", "-1"}, ""},
        {cli_batch, {"batch", "in", "--output", "o", "--parallel", "10001"}, ""},
        {cli_batch, {"batch", "in", "--output", "o", "--tries", "-1"}, ""},
        {cli_batch, {"batch", "in", "--output", "o", "--tries", "101"}, ""},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char usage[256];
        snprintf(usage, sizeof usage, "%susage: weir %s ", rows[i].first, rows[i].words[0]);
        int status = form_run(rows[i].command, rows[i].words);
        if (status != 2 || out.text[0] || strncmp(err.text, usage, strlen(usage)) != 0)
            fail_msg("row %zu ends with %d: %s%s", i, status, out.text, err.text);
    }
}

/* They go as far as the configuration, which is not there. */
static void numbers_of_a_batch_fit_up_to_their_bounds(void **state) {
    static const char *const rows[][form_words] = {
        {"batch", "in", "--output", "o", NOWHERE},
        {"batch", "in", "--output", "o", NOWHERE, "--parallel", "0"},
        {"batch", "in", "--output", "o", NOWHERE, "--parallel", "10000"},
        {"batch", "in", "--output", "o", NOWHERE, "--tries", "0"},
        {"batch", "in", "--output", "o", NOWHERE, "--tries", "100"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        int status = form_run(cli_batch, rows[i]);
        if (status != 2 || out.text[0] || strncmp(err.text, "weir: /nowhere/weir.yaml: ", 26) != 0)
            fail_msg("row %zu ends with %d: %s%s", i, status, out.text, err.text);
    }
}

/* An argument that the path has no room for is said, and not left out of what is asked. */
static void an_argument_that_is_too_long_is_said_and_nobody_is_asked(void **state) {
    static char word[5000];
    static const struct {
        int (*command)(int argc, char **argv);
        const char *words[form_words], *told;
    } rows[] = {
        {cli_usage_command, {"usage", "--client", word}, "weir: a name is too long\n"},
        {cli_audit, {"audit", "list", "--since", word}, "weir audit: an argument is too long\n"},
        {cli_health, {"health", "history", word}, "weir health: an argument is too long\n"},
        {cli_health, {"health", "history", "--limit", word}, "weir health: an argument is too long\n"},
        {cli_client, {"client", "list", "--after", word}, "weir client: an argument is too long\n"},
        {cli_events, {"events", "--after", word}, "weir events: an argument is too long\n"},
    };
    (void)state;
    memset(word, 'a', sizeof word - 1);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        int status = form_run(rows[i].command, rows[i].words);
        if (status != 2 || out.text[0] || strcmp(err.text, rows[i].told) != 0)
            fail_msg("row %zu ends with %d: %s%s", i, status, out.text, err.text);
    }
}

/* Each byte: letters, digits and what a URL takes stand for themselves, and the rest is written by its number. */
static void a_query_says_each_byte_as_it_is_or_by_its_number(void **state) {
    char buffer[16], wanted[16];
    (void)state;
    for (int byte = 1; byte < 256; byte++) {
        const char value[] = {(char)byte, 0};
        const bool plain = (byte >= '0' && byte <= '9') || (byte >= 'A' && byte <= 'Z') ||
                           (byte >= 'a' && byte <= 'z') || (byte < 128 && strchr("-._~/:", byte));
        struct text path = text_in_buffer(buffer, sizeof buffer);
        cli_query_put(&path, "a", value);
        snprintf(wanted, sizeof wanted, plain ? "?a=%c" : "?a=%%%02X", byte);
        if (!str_eq(text_str(&path), str_from(wanted))) fail_msg("%02x: %.*s", byte, STR_ARG(text_str(&path)));
    }
    struct text path = text_in_buffer(buffer, sizeof buffer);
    cli_query_put(&path, "a", NULL);
    cli_query_put(&path, "b", "1");
    cli_query_put(&path, "c", NULL);
    cli_query_put(&path, "d", "");
    assert_true(str_eq(text_str(&path), STR("?b=1&d=")));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_form_that_there_is_not_is_answered_with_how_the_command_is_written, forms_begin),
        cmocka_unit_test_setup(numbers_of_a_batch_fit_up_to_their_bounds, forms_begin),
        cmocka_unit_test_setup(an_argument_that_is_too_long_is_said_and_nobody_is_asked, forms_begin),
        cmocka_unit_test(a_query_says_each_byte_as_it_is_or_by_its_number),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
