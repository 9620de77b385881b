/* events.c - weir events: what happens at a running gateway, as it happens, until it ends or nobody wants to read it.
 */
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cli/cli.h"
#include "dialect/json.h"
#include "weir.h"

enum { event_line_max = 4096 };

struct event_reading {
    bool json;
    char line[event_line_max], type[32], id[24];
    size_t len;
    bool too_long;
};

static void event_members_print(const struct json_value *root) {
    struct str name;
    size_t place = 0;
    for (const struct json_value *value; (value = json_each(root, &place, &name));) {
        struct arena arena;
        if (str_eq(name, STR("time_ms"))) continue;
        arena_init(&arena, 1024, 1 << 20);
        struct str text = json_kind(value) == json_string ? json_str(value, STR("")) : json_raw(value, &arena);
        if (text.len) printf(" %.*s=%.*s", STR_ARG(name), STR_ARG(text));
        arena_free(&arena);
    }
}

/* One that is whole: a line of its own. */
static void event_print(const struct event_reading *reading, struct str data) {
    const char *problem;
    size_t at;
    if (reading->json) {
        printf("{\"id\":%s,\"event\":\"%s\",\"data\":%.*s}\n", *reading->id ? reading->id : "null", reading->type,
               STR_ARG(data));
    } else {
        char moment[32] = "";
        struct json *json = cli_json_parse(data, &problem, &at);
        time_t when = (time_t)(json_i64(json_member(json_root(json), "time_ms"), 0) / 1000);
        struct tm parts;
        if (when && localtime_r(&when, &parts)) strftime(moment, sizeof moment, "%H:%M:%S", &parts);
        printf("%-8s  %-13s", moment, reading->type);
        event_members_print(json_root(json));
        printf("\n");
        json_free(json);
    }
    fflush(stdout);
}

static void event_line(struct event_reading *reading, struct str line) {
    static const struct str type = STR("event: "), data = STR("data: "), id = STR("id: ");
    uint64_t number;
    if (str_starts(line, id) && str_to_u64(str_slice(line, id.len, line.len), &number))
        str_copy(reading->id, sizeof reading->id, str_slice(line, id.len, line.len));
    if (str_starts(line, type)) str_copy(reading->type, sizeof reading->type, str_slice(line, type.len, line.len));
    if (str_starts(line, data)) event_print(reading, str_slice(line, data.len, line.len));
}

/* A piece of the stream, cut anywhere. */
static void events_take_piece(void *context, struct str piece) {
    struct event_reading *reading = context;
    for (size_t i = 0; i < piece.len; i++) {
        if (piece.at[i] == '\n') {
            if (!reading->too_long) event_line(reading, str_make(reading->line, reading->len));
            reading->len = 0;
            reading->too_long = false;
        } else if (reading->len < sizeof reading->line) {
            reading->line[reading->len++] = piece.at[i];
        } else {
            reading->too_long = true;
        }
    }
}

int cli_events(int argc, char **argv) {
    struct cli_gateway gateway = {NULL, NULL, NULL};
    struct event_reading reading = {.json = false};
    const char *after = NULL;
    bool requests = false;
    char buffer[128];
    int rest_count;
    const struct cli_option options[] = {
        CLI_GATEWAY(gateway),
        CLI_JSON(&reading.json),
        {"--requests", NULL, NULL, &requests, NULL, "and requests and their attempts, as they happen"},
        {"--after", NULL, &after, NULL, "ID", "go on behind this event (its `id` with --json), as far as it is held"}};
    int status = cli_options(argc, argv, options, sizeof options / sizeof *options, NULL, 0, &rest_count);
    if (status >= 0) return status;
    struct text path = TEXT_IN_STRING(buffer);
    text_put(&path, STR("/admin/v1/events"));
    cli_query_put(&path, "after", after);
    cli_query_put(&path, "requests", requests ? "true" : NULL);
    if (path.failed) {
        fprintf(stderr, "weir events: an argument is too long\n");
        return 2;
    }
    buffer[path.len] = 0;
    reading.json = reading.json || !isatty(STDOUT_FILENO);
    char *body = cli_follow(&gateway, buffer, events_take_piece, &reading, &status);
    int result = body ? status == 200 ? 0 : cli_print_failure(&gateway, status, body) : 1;
    weir_free(body);
    return result;
}
