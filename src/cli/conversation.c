/* conversation.c - weir conversation: chat turns that are kept of a client (`conversations: store`), to be looked at,
 * taken out and removed. On the state folder, whether a gateway serves with it or not. A row of the audit comes before
 * what shows or removes words. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/past.h"
#include "dialect/fields.h"
#include "store/conversation_db.h"

enum { conversation_path_max = 1100, conversation_page = 1024 * 1024 };

struct conversing {
    const char *config, *given, *client, *words[2];
    int word_count;
    bool json;
    struct arena arena;
    struct response_db *db;
    char state_dir[1000], place[ledger_place_max], problem[700];
};

/* A row of the audit, where there is one. */
static bool conversation_noted(struct conversing *conversing, enum audit_action action) {
    char actor[cli_actor_max];
    struct error error = {.code = error_none};
    const struct audit_entry entry = {.action = action,
                                      .who = {cli_actor(actor), STR("cli"), STR_NONE},
                                      .subject = str_from(conversing->client),
                                      .detail = str_from(conversing->word_count > 1 ? conversing->words[1] : "all")};
    if (!ledger_is_there(conversing->place) || library_audit_alone(conversing->place, &entry, &error)) return true;
    snprintf(conversing->problem, sizeof conversing->problem, "%s", error.message);
    return false;
}

/* What strangers wrote. */
static void words_print(struct str words) { cli_text_tame_put(stdout, words); }

static void message_print(const struct json_value *message, struct arena *arena) {
    const struct json_value *content = json_member(message, "content"), *calls = json_member(message, "tool_calls");
    struct str said = json_str(content, STR_NONE);
    if (json_kind(message) != json_object) return;
    words_print(json_member_str(message, "role"));
    printf(": ");
    if (said.at || json_kind(content) == json_array) words_print(said.at ? said : json_raw(content, arena));
    if (calls) words_print(json_raw(calls, arena));
    putchar('\n');
}

static void turn_print(const struct json_value *turn, struct arena *arena) {
    size_t place = 0;
    printf("-- turn %lld, ", (long long)json_i64(json_member(turn, "turn"), 0));
    words_print(json_member_str(turn, "model"));
    printf(", %.*s%s\n", STR_ARG(json_member_str(turn, "request_id")),
           json_bool(json_member(turn, "cut"), false) ? ", cut" : "");
    for (const struct json_value *message; (message = json_each(json_member(turn, "messages"), &place, NULL));)
        message_print(message, arena);
    message_print(json_member(turn, "answer"), arena);
}

static void conversation_print(const struct json_value *conversation) {
    const int64_t turns = json_i64(json_member(conversation, "turns"), 0);
    printf("%.*s  %lld turn%s  %lld bytes  ", STR_ARG(json_member_str(conversation, "id")), (long long)turns,
           str_plural((uint64_t)turns), (long long)json_i64(json_member(conversation, "bytes"), 0));
    words_print(json_member_str(conversation, "session"));
    putchar('\n');
}

/* A page, as JSON or for people. *next: where the following one begins; false: there is none. */
static bool page_print(struct conversing *conversing, const struct text *text, struct str *next) {
    const char *problem;
    size_t at, place = 0;
    const struct json_value *root = json_parse_in(&conversing->arena, text_str(text), &problem, &at);
    const struct json_value *list = json_member(root, "data");
    bool turns = !str_eq(json_member_str(root, "object"), STR("list"));
    if (conversing->json) printf("%.*s\n", STR_ARG(text_str(text)));
    for (const struct json_value *one; !conversing->json && (one = json_each(list, &place, NULL));)
        if (turns)
            turn_print(one, &conversing->arena);
        else
            conversation_print(one);
    *next = json_raw(json_member(root, "next"), &conversing->arena);
    if (next->len > 1 && next->at[0] == '"') *next = str_slice(*next, 1, next->len - 1);
    return json_bool(json_member(root, "has_more"), false);
}

static bool conversation_list(struct conversing *conversing) {
    char after[conversation_id_max] = "";
    struct str next;
    for (bool more = true; more;) {
        struct text text = text_in_arena(&conversing->arena, 16 * 1024);
        if (conversation_db_list(conversing->db, str_from(conversing->client), str_from(after), 1000, &text,
                                 conversing->problem, sizeof conversing->problem) != stored_found)
            return false;
        more = page_print(conversing, &text, &next);
        str_copy(after, sizeof after, next);
        arena_reset(&conversing->arena);
    }
    return true;
}

static bool conversation_show(struct conversing *conversing) {
    struct str next, id = str_from(conversing->words[1]);
    uint64_t after = 0;
    if (!conversation_noted(conversing, audit_conversation_read)) return false;
    for (bool more = true; more;) {
        struct text text = text_in_arena(&conversing->arena, 16 * 1024);
        enum stored told =
            conversation_db_show(conversing->db, str_from(conversing->client), id, (int64_t)after, conversation_page,
                                 &text, conversing->problem, sizeof conversing->problem);
        if (told == stored_missing)
            snprintf(conversing->problem, sizeof conversing->problem, "There is no conversation `%.*s` of `%.200s`.",
                     STR_ARG(str_slice(id, 0, conversation_id_max)), conversing->client);
        if (told != stored_found) return false;
        more = page_print(conversing, &text, &next) && str_to_u64(next, &after);
        arena_reset(&conversing->arena);
    }
    return true;
}

static bool conversation_export(struct conversing *conversing) {
    struct str id = str_from(conversing->word_count > 1 ? conversing->words[1] : "");
    if (!conversation_noted(conversing, audit_conversation_read)) return false;
    for (int64_t after = 0;;) {
        struct text text = text_in_arena(&conversing->arena, 64 * 1024);
        if (conversation_db_lines(conversing->db, str_from(conversing->client), id, &after, conversation_page, &text,
                                  conversing->problem, sizeof conversing->problem) != stored_found)
            return false;
        if (!text.len) return true;
        if (fwrite(text.at, 1, text.len, stdout) != text.len) return false;
        arena_reset(&conversing->arena);
    }
}

static bool conversation_purge(struct conversing *conversing) {
    struct str id = str_from(conversing->word_count > 1 ? conversing->words[1] : "");
    int64_t turns = 0;
    if (!conversation_noted(conversing, audit_conversation_purge) ||
        conversation_db_remove(conversing->db, str_from(conversing->client), id, &turns, conversing->problem,
                               sizeof conversing->problem) == stored_failed)
        return false;
    if (conversing->json)
        printf("{\"turns\":%lld}\n", (long long)turns);
    else
        printf("%lld turn%s of `%s` removed; backups keep what they have\n", (long long)turns, turns == 1 ? "" : "s",
               conversing->client);
    return true;
}

static const struct {
    const char *word;
    bool (*run)(struct conversing *conversing);
    int words_least, words_most;
} conversation_actions[] = {{"list", conversation_list, 1, 1},
                            {"show", conversation_show, 2, 2},
                            {"export", conversation_export, 1, 2},
                            {"purge", conversation_purge, 1, 2}};
enum { conversation_action_count = sizeof conversation_actions / sizeof *conversation_actions };

static bool conversing_open(struct conversing *conversing) {
    char path[conversation_path_max];
    if (!hash_start() ||
        !cli_folder_find(conversing->config, conversing->given, conversing->state_dir, sizeof conversing->state_dir,
                         conversing->place, conversing->problem, sizeof conversing->problem))
        return false;
    snprintf(path, sizeof path, "%s/responses.db", conversing->state_dir);
    if (access(path, F_OK) == 0)
        conversing->db = response_db_open(path, conversing->problem, sizeof conversing->problem);
    else
        snprintf(conversing->problem, sizeof conversing->problem, "%.600s: nothing is kept there", path);
    return conversing->db != NULL;
}

int cli_conversation(int argc, char **argv) {
    struct conversing conversing = {.db = NULL};
    const struct cli_option options[] = {
        CLI_CONFIG(&conversing.config),
        {"--client", NULL, &conversing.client, NULL, "NAME", "whose"},
        {"--state-dir", NULL, &conversing.given, NULL, "DIR", "this state folder, whatever the configuration says"},
        CLI_JSON(&conversing.json)};
    enum { count = sizeof options / sizeof *options };
    int status = cli_options(argc, argv, options, count, conversing.words, 2, &conversing.word_count);
    if (status >= 0) return status;
    bool done = false, known = false;
    for (int i = 0; i < conversation_action_count && conversing.word_count && conversing.client; i++) {
        if (strcmp(conversation_actions[i].word, conversing.words[0]) != 0) continue;
        known = conversing.word_count >= conversation_actions[i].words_least &&
                conversing.word_count <= conversation_actions[i].words_most;
        if (!known) break;
        arena_init(&conversing.arena, 64 * 1024, 512 * 1024 * 1024);
        done = conversing_open(&conversing) && conversation_actions[i].run(&conversing);
        response_db_close(conversing.db);
        arena_free(&conversing.arena);
        break;
    }
    if (conversing.word_count && !conversing.client) fprintf(stderr, "weir conversation: say whose by --client NAME\n");
    if (!known) return cli_usage(stderr, argv[0], options, count);
    if (!done) fprintf(stderr, "weir %s: %s\n", argv[0], conversing.problem);
    return done ? 0 : 1;
}
