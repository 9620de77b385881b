/* library_test.c - a program's whole conversation with the library, each result compared whole. It stands in
 * stories/library.txt: `> FUNCTION`, a line `- ARGUMENT` each (NULL: none), and below them what came of it: a text, 0,
 * or -1 with the error. The configuration and the words are those of ../gateway/story.h. */
#include "../gateway/story.h"

#include "weir.h"

enum { arguments_max = 8 };

struct asked {
    struct weir *weir;
    const char *arguments[arguments_max]; /* NULL behind the last */
    struct text *into;
    struct weir_error error;
};

static const char *argument(const struct asked *asked, size_t i) {
    const char *said = asked->arguments[i];
    return said && strcmp(said, "NULL") != 0 ? said : NULL;
}

static unsigned number(const struct asked *asked, size_t i) {
    return argument(asked, i) ? (unsigned)strtoul(argument(asked, i), NULL, 10) : 0;
}

static void text_came(struct asked *asked, char *text) {
    story_note(text, "key", story_place.key, sizeof story_place.key);
    story_body(str_from(text), asked->into);
    weir_free(text);
}

static void error_put(struct asked *asked) {
    char said[2048];
    snprintf(said, sizeof said, "%d %s: %s", asked->error.status, asked->error.code, asked->error.message);
    story_body(str_from(said), asked->into);
}

/* -- what there is to ask, by its shape -- */

typedef char *text_of_none(struct weir *weir);
typedef char *text_of_error(struct weir *weir, struct weir_error *error);
typedef char *text_of_one(struct weir *weir, const char *a, struct weir_error *error);
typedef char *text_of_two(struct weir *weir, const char *a, const char *b, struct weir_error *error);
typedef int done_with_one(struct weir *weir, const char *a, struct weir_error *error);
typedef int done_with_two(struct weir *weir, const char *a, const char *b, struct weir_error *error);
typedef int done_with_three(struct weir *weir, const char *a, const char *b, const char *c, struct weir_error *error);
typedef void asked_of(struct asked *asked);

static void set_key(struct asked *asked) {
    if (weir_key_set(asked->weir, argument(asked, 0), argument(asked, 1), number(asked, 2), &asked->error) == 0)
        text_put(asked->into, STR("0\n"));
    else
        error_put(asked);
}

static void rotate_key(struct asked *asked) {
    if (weir_key_rotate(asked->weir, argument(asked, 0), argument(asked, 1), number(asked, 2), &asked->error) == 0)
        text_put(asked->into, STR("0\n"));
    else
        error_put(asked);
}

static void answered(struct asked *asked, char *text) {
    if (text)
        text_came(asked, text);
    else
        error_put(asked);
}

static void rotate_client(struct asked *asked) {
    answered(asked, weir_client_rotate(asked->weir, argument(asked, 0), number(asked, 1), &asked->error));
}

static void clients(struct asked *asked) {
    answered(asked, weir_clients(asked->weir, argument(asked, 0), number(asked, 1), &asked->error));
}

static void health_history(struct asked *asked) {
    answered(asked, weir_health_history(asked->weir, argument(asked, 0), number(asked, 1), number(asked, 2),
                                        number(asked, 3), &asked->error));
}

static struct weir_request request_of(struct asked *asked, size_t first) {
    const char *body = argument(asked, first + 1) ? argument(asked, first + 1) : "";
    return (struct weir_request){.size = sizeof(struct weir_request),
                                 .path = argument(asked, first),
                                 .body = body,
                                 .body_len = strlen(body),
                                 .request_id = argument(asked, first + 2),
                                 .content_type = argument(asked, first + 2) ? argument(asked, first + 3) : NULL};
}

static void route_request(struct asked *asked) {
    const struct weir_request request = request_of(asked, 1);
    answered(asked, weir_route_request(asked->weir, &request, argument(asked, 0), &asked->error));
}

static void call(struct asked *asked) {
    const struct weir_request request = request_of(asked, 0);
    struct weir_reply reply;
    const int is = weir_call(asked->weir, &request, &reply, &asked->error);
    if (is != 0) error_put(asked);
    text_printf(asked->into, "%d by %s/%s in %u\n", reply.status, reply.provider, reply.model, reply.attempts);
    story_body(str_from(reply.request_id), asked->into);
    story_body(str_make(reply.body, reply.body_len), asked->into);
    weir_reply_free(&reply);
}

static int line_put(void *context, const char *lines, size_t len) {
    struct asked *asked = context;
    story_body(str_make(lines, len), asked->into);
    return 0;
}

static void export_of(struct asked *asked) {
    if (weir_export(asked->weir, argument(asked, 0), argument(asked, 1), line_put, asked, &asked->error) != 0)
        error_put(asked);
}

/* The lines, each an argument, as a file; tries; then the progress and the file that came of it. */
static void batch(struct asked *asked) {
    static unsigned run;
    char in[128], out[128], room[8192];
    snprintf(in, sizeof in, "%s/batch-%u.jsonl", story_place.folder, ++run);
    snprintf(out, sizeof out, "%s/results-%u.jsonl", story_place.folder, run);
    FILE *file = fopen(in, "w");
    assert_non_null(file);
    for (size_t i = 1; i < arguments_max && asked->arguments[i]; i++) fprintf(file, "%s\n", asked->arguments[i]);
    fclose(file);
    const struct weir_batch_options options = {
        .size = sizeof options, .in_path = in, .out_path = out, .tries = number(asked, 0)};
    struct weir_batch_progress progress;
    const int is = weir_batch(asked->weir, &options, &progress, &asked->error);
    text_printf(asked->into, "%d: %llu lines, %llu done, %llu failed, %llu skipped; %lld and %lld tokens, %lld; %u\n",
                is, (unsigned long long)progress.total, (unsigned long long)progress.done,
                (unsigned long long)progress.failed, (unsigned long long)progress.skipped,
                (long long)progress.input_tokens, (long long)progress.output_tokens, (long long)progress.cost_nano_usd,
                progress.parallel);
    if (is != 0) error_put(asked);
    file = fopen(out, "r");
    if (!file) return;
    story_body(str_make(room, fread(room, 1, sizeof room, file)), asked->into);
    fclose(file);
}

static const struct {
    const char *name;
    text_of_none *of_none;
    text_of_error *of_error;
    text_of_one *of_one;
    text_of_two *of_two;
    done_with_one *with_one;
    done_with_two *with_two;
    done_with_three *with_three;
    asked_of *own;
} functions[] = {
    {"weir_status", .of_none = weir_status},
    {"weir_models", .of_none = weir_models},
    {"weir_providers", .of_none = weir_providers},
    {"weir_keys", .of_error = weir_keys},
    {"weir_route", .of_one = weir_route},
    {"weir_explain", .of_one = weir_explain},
    {"weir_provider_probe", .of_one = weir_provider_probe},
    {"weir_key_validate", .of_one = weir_key_validate},
    {"weir_client", .of_one = weir_client},
    {"weir_entries", .of_one = weir_entries},
    {"weir_client_add", .of_two = weir_client_add},
    {"weir_purge", .of_two = weir_purge},
    {"weir_provider_remove", .with_one = weir_provider_remove},
    {"weir_provider_drain", .with_one = weir_provider_drain},
    {"weir_provider_maintenance", .with_one = weir_provider_maintenance},
    {"weir_provider_resume", .with_one = weir_provider_resume},
    {"weir_provider_reset", .with_one = weir_provider_reset},
    {"weir_key_remove", .with_one = weir_key_remove},
    {"weir_key_rekey", .with_one = weir_key_rekey},
    {"weir_client_disable", .with_one = weir_client_disable},
    {"weir_client_enable", .with_one = weir_client_enable},
    {"weir_client_revoke", .with_one = weir_client_revoke},
    {"weir_client_reset", .with_one = weir_client_reset},
    {"weir_provider_add", .with_two = weir_provider_add},
    {"weir_provider_update", .with_two = weir_provider_update},
    {"weir_client_change", .with_two = weir_client_change},
    {"weir_key_next", .with_two = weir_key_next},
    {"weir_entry_remove", .with_two = weir_entry_remove},
    {"weir_entry_reset", .with_two = weir_entry_reset},
    {"weir_entry_add", .with_three = weir_entry_add},
    {"weir_entry_change", .with_three = weir_entry_change},
    {"weir_key_set", .own = set_key},
    {"weir_key_rotate", .own = rotate_key},
    {"weir_client_rotate", .own = rotate_client},
    {"weir_clients", .own = clients},
    {"weir_health_history", .own = health_history},
    {"weir_route_request", .own = route_request},
    {"weir_call", .own = call},
    {"weir_export", .own = export_of},
    {"weir_batch", .own = batch},
};

static void done(struct asked *asked, int is) {
    if (is == 0)
        text_put(asked->into, STR("0\n"));
    else
        error_put(asked);
}

static void ask(struct asked *asked, struct str name) {
    const char *a = argument(asked, 0), *b = argument(asked, 1), *c = argument(asked, 2);
    size_t i = 0;
    while (i < sizeof functions / sizeof *functions && !str_eq(name, str_from(functions[i].name))) i++;
    if (i == sizeof functions / sizeof *functions) fail_msg("no function %.*s", STR_ARG(name));
    asked->weir = story_place.weir;
    if (functions[i].of_none) answered(asked, functions[i].of_none(asked->weir));
    if (functions[i].of_error) answered(asked, functions[i].of_error(asked->weir, &asked->error));
    if (functions[i].of_one) answered(asked, functions[i].of_one(asked->weir, a, &asked->error));
    if (functions[i].of_two) answered(asked, functions[i].of_two(asked->weir, a, b, &asked->error));
    if (functions[i].with_one) done(asked, functions[i].with_one(asked->weir, a, &asked->error));
    if (functions[i].with_two) done(asked, functions[i].with_two(asked->weir, a, b, &asked->error));
    if (functions[i].with_three) done(asked, functions[i].with_three(asked->weir, a, b, c, &asked->error));
    if (functions[i].own) functions[i].own(asked);
}

/* One question; `rest` stands behind its first line, and then behind what came of it. */
static void turn(struct str line, struct str *rest, struct text *into) {
    struct asked asked = {.into = into};
    static char room[16 * 1024];
    struct text arguments = text_in_buffer(room, sizeof room);
    struct str next, left = *rest;
    for (size_t i = 0; str_split_next(&left, '\n', &next) && str_starts(next, STR("- ")); i++) {
        assert_true(i < arguments_max);
        asked.arguments[i] = room + arguments.len;
        text_put(&arguments, str_slice(next, 2, next.len));
        text_put_byte(&arguments, 0);
        text_printf(into, "%.*s\n", STR_ARG(next));
        *rest = left;
    }
    assert_false(arguments.failed);
    while (rest->len && *rest->at != '\n') (void)str_split_next(rest, '\n', &next);
    ask(&asked, str_slice(line, 2, line.len));
}

static void run(const char *wanted, struct text *into) {
    struct str rest = str_from(wanted), line;
    story_open(wanted);
    while (rest.len && str_split_next(&rest, '\n', &line)) {
        if (str_starts(line, STR("log "))) continue; /* told below */
        text_printf(into, "%.*s\n", STR_ARG(line));
        if (str_starts(line, STR("> "))) turn(line, &rest, into);
    }
    story_close();
    story_log_put(into);
    assert_false(into->failed);
    into->at[into->len] = 0;
}

static void what_the_library_answers_is_what_is_written(void **state) {
    static const char name[] = "../../runtime/stories/library";
    static char told[story_text_max];
    char path[4096];
    char *wanted = story_read(name, path, sizeof path);
    struct text into = text_in_buffer(told, sizeof told - 1);
    (void)state;
    story_place.no_turns = true;
    run(wanted, &into);
    if (getenv("WEIR_UPDATE_DOCS")) {
        FILE *out = fopen(path, "w");
        assert_true(out && fputs(told, out) >= 0 && fclose(out) == 0);
    } else if (strcmp(told, wanted) != 0) {
        story_differs(name, told, wanted);
    }
    free(wanted);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_the_library_answers_is_what_is_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
