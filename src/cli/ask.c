/* ask.c - weir ask: one prompt through the library, in-process. Stands on weir.h alone, but for starting the simulated
 * provider. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"
#include "cli/cli.h"
#include "dialect/json.h"
#include "dialect/sse.h"
#include "runtime/latch.h"
#include "runtime/weir_internal.h"

struct asking {
    struct latch latch;
    struct sse sse;
    struct arena scratch;
    struct weir_error error;
    int status;
    bool failed, printed;
    char refusal[4096];
    size_t refusal_len;
};

static void cli_ask_on_head(void *user, int status, const char *content_type, const char *provider, const char *model) {
    (void)content_type, (void)provider, (void)model;
    ((struct asking *)user)->status = status;
}

/* choices[0].delta.content of one event. */
static void print_delta(struct asking *asking, struct str data) {
    const char *problem;
    size_t at, place = 0;
    struct json *json = json_parse(data, &problem, &at);
    const struct json_value *choice = json_each(json_member(json_root(json), "choices"), &place, NULL);
    struct str content = json_str(json_member(json_member(choice, "delta"), "content"), STR(""));
    cli_text_put(stdout, content);
    fflush(stdout);
    if (content.len) asking->printed = true;
    json_free(json);
}

static void cli_ask_on_bytes(void *user, const char *bytes, size_t len) {
    struct asking *asking = user;
    if (asking->status >= 300) {
        size_t room = sizeof asking->refusal - 1 - asking->refusal_len;
        if (len > room) len = room;
        memcpy(asking->refusal + asking->refusal_len, bytes, len);
        asking->refusal_len += len;
        return;
    }
    struct sse_event event;
    sse_feed(&asking->sse, str_make(bytes, len));
    while (sse_next(&asking->sse, &asking->scratch, &event) == sse_got_event)
        if (event.data.len && !str_eq(event.data, STR("[DONE]"))) print_delta(asking, event.data);
    arena_reset(&asking->scratch);
}

static void cli_ask_on_done(void *user, const struct weir_error *error) {
    struct asking *asking = user;
    asking->failed = error != NULL;
    if (error) asking->error = *error;
    latch_down(&asking->latch);
}

/* What an error object says, else the fallback. */
static void print_refusal(const char *body, size_t len, const struct weir_error *error) {
    const char *problem;
    size_t at;
    struct json *json = len ? json_parse(str_make(body, len), &problem, &at) : NULL;
    struct str message =
        json_str(json_member(json_member(json_root(json), "error"), "message"), str_from(error->message));
    fprintf(stderr, "weir: %s: ", error->code);
    cli_text_put(stderr, message);
    putc('\n', stderr);
    json_free(json);
}

static int ask_stream(struct weir *weir, const struct weir_request *request) {
    static const struct weir_callbacks callbacks = {cli_ask_on_head, cli_ask_on_bytes, cli_ask_on_done};
    struct asking asking = {.failed = false};
    struct weir_error error;
    latch_init(&asking.latch, 1);
    sse_init(&asking.sse);
    arena_init(&asking.scratch, 4096, 1 << 22);
    struct weir_call *call = weir_start(weir, request, &callbacks, &asking, &error);
    if (call) latch_wait(&asking.latch);
    weir_call_free(call);
    if (asking.printed) putchar('\n');
    if (!call)
        fprintf(stderr, "weir: %s\n", error.message);
    else if (asking.failed)
        print_refusal(asking.refusal, asking.refusal_len, &asking.error);
    sse_free(&asking.sse);
    arena_free(&asking.scratch);
    latch_free(&asking.latch);
    return call && !asking.failed ? 0 : 1;
}

static int ask_whole(struct weir *weir, const struct weir_request *request) {
    struct weir_reply reply;
    struct weir_error error;
    int result = weir_call(weir, request, &reply, &error);
    if (result == 0) {
        const char *problem;
        size_t at, place = 0;
        struct json *json = json_parse(str_make(reply.body, reply.body_len), &problem, &at);
        const struct json_value *choice = json_each(json_member(json_root(json), "choices"), &place, NULL);
        struct str content =
            json_str(json_member(json_member(choice, "message"), "content"), str_make(reply.body, reply.body_len));
        cli_text_put(stdout, content);
        putchar('\n');
        json_free(json);
    } else {
        print_refusal(reply.body, reply.body_len, &error);
    }
    weir_reply_free(&reply);
    return result == 0 ? 0 : 1;
}

static struct str cli_ask_prompt_read(const char *given, struct arena *arena) {
    if (strcmp(given, "-") != 0) return str_from(given);
    struct text text = text_in_arena(arena, 64 * 1024);
    char buffer[16 * 1024];
    size_t len;
    while ((len = fread(buffer, 1, sizeof buffer, stdin)) > 0) text_put(&text, str_make(buffer, len));
    return text_str(&text);
}

static int cli_ask_run(struct weir *weir, const char *model, const char *prompt, bool stream) {
    struct arena arena;
    arena_init(&arena, 64 * 1024, 1u << 28);
    struct text body = text_in_arena(&arena, 64 * 1024);
    text_put_byte(&body, '{');
    text_json_str(&body, STR("model"), str_from(model ? model : "default"));
    if (stream) text_json_bool(&body, STR("stream"), true);
    text_put(&body, STR(",\"messages\":[{\"role\":\"user\",\"content\":"));
    text_put_json(&body, cli_ask_prompt_read(prompt, &arena));
    text_put(&body, STR("}]}"));
    struct weir_request request = {.size = sizeof request, .body = body.at, .body_len = body.len};
    int status = body.failed ? 1 : stream ? ask_stream(weir, &request) : ask_whole(weir, &request);
    arena_free(&arena);
    return status;
}

int cli_ask(int argc, char **argv) {
    const char *given = NULL, *model = NULL, *prompt = NULL;
    bool stream = false, simulates = false;
    int rest_count, status;
    char buffer[1024], url[128] = "";
    struct weir_error error;
    const struct cli_option options[] = {
        CLI_CONFIG(&given),
        CLI_SIMULATED(&simulates),
        {"--model", "-m", &model, NULL, "MODEL", "a route or a model, in place of the default one"},
        {"--stream", "-s", NULL, &stream, NULL, "print the answer as it comes"},
    };
    enum { option_count = sizeof options / sizeof *options };
    if ((status = cli_options(argc, argv, options, option_count, &prompt, 1, &rest_count)) >= 0) return status;
    if (rest_count != 1) return cli_usage(stderr, argv[0], options, option_count);
    status = 1;
    const char *path = simulated_instead(simulates, cli_config_path(given, buffer, sizeof buffer));
    struct simulated *simulated = simulated_is_wanted(path) ? simulated_start(url, sizeof url) : NULL;
    struct weir_host host = weir_host_default;
    host.ask = cli_passphrase_ask;
    host.simulated_base_url = str_from(url);
    struct weir_options opening = {.size = sizeof opening, .config_path = path, .workers = 1};
    struct weir *weir = library_open_in(&opening, &host, &error);
    if (weir) simulated_say(weir);
    if (weir)
        status = cli_ask_run(weir, model, prompt, stream);
    else
        fprintf(stderr, "%s\n", error.message);
    weir_close(weir, 0);
    simulated_stop(simulated);
    return weir ? status : 2;
}
