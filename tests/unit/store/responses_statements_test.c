/* responses_statements_test.c - stored responses, conversations and kept answers, while SQLite fails at any of their
 * statements: it is told, nothing is half done, and the next one goes well. */
#include "statements.h"

#include <sys/stat.h>
#include <unistd.h>

#include "store/cache_db.h"
#include "store/conversation_db.h"

static char folder[64], path[96], problem[200];
static struct response_db *responses;
static struct cache_db *cache;

static int begin(void **state) {
    (void)state;
    str_copy(folder, sizeof folder, STR("/tmp/weir-test-XXXXXX"));
    if (!hash_start() || !mkdtemp(folder)) return 1;
    snprintf(path, sizeof path, "%s/file.db", folder);
    return 0;
}

/* A file that is made is its owner's. */
static void is_the_owners(void) {
    struct stat is;
    assert_int_equal(stat(path, &is), 0);
    assert_int_equal(is.st_mode & 07777, 0600);
}

static int end(void **state) {
    char command[128];
    (void)state;
    snprintf(command, sizeof command, "rm -r '%s'", folder);
    return system(command);
}

/* -- responses -- */

static void responses_open(void) {
    responses = response_db_open(path, problem, sizeof problem);
    if (!responses) fail_msg("%s", problem);
}
static void responses_close(void) { response_db_close(responses); }

/* One that failed says why. */
static bool responses_said(bool good) {
    if (!good) assert_true(problem[0] != 0);
    problem[0] = 0;
    return good;
}

static bool responses_stored(enum stored stored, struct text *told) {
    static const char *const words[] = {"found", "missing"};
    if (stored != stored_failed) text_printf(told, "\n%s\n", words[stored]);
    return responses_said(stored != stored_failed);
}

static bool response_store(const char *client, const char *id, const char *previous, int64_t now_s) {
    struct stored_response response = {.client = str_from(client),
                                       .id = str_from(id),
                                       .previous = str_from(previous),
                                       .input = STR("[{\"role\":\"user\"}]"),
                                       .output = STR("[ {\"role\":\"assistant\"} ]"),
                                       .response = STR("{\"object\":\"response\"}")};
    return responses_said(
        response_db_put(responses, &response, &(struct response_limits){700, 300}, now_s, problem, sizeof problem));
}

static bool response_opens(struct text *told) {
    (void)told;
    struct response_db *another = response_db_open(path, problem, sizeof problem);
    response_db_close(another);
    return responses_said(another != NULL);
}
static bool response_first(struct text *told) {
    (void)told;
    return response_store("app", "resp_1", "", 10);
}
static bool response_second(struct text *told) {
    (void)told;
    return response_store("app", "resp_2", "resp_1", 11);
}
static bool response_second_again(struct text *told) {
    (void)told;
    return response_store("app", "resp_2", "resp_1", 12);
}
static bool response_of_another(struct text *told) {
    (void)told;
    return response_store("other", "resp_1", "", 13);
}
static bool response_that_needs_room(struct text *told) {
    (void)told;
    return response_store("app", "resp_3", "resp_2", 14) && response_store("app", "resp_4", "resp_3", 15);
}
static bool response_is_read(struct text *told) {
    return responses_stored(
        response_db_get(responses, STR("app"), STR("resp_2"), "response", told, problem, sizeof problem), told);
}
static bool response_input_is_read(struct text *told) {
    return responses_stored(
        response_db_get(responses, STR("app"), STR("resp_2"), "input", told, problem, sizeof problem), told);
}
static bool response_of_nobody_is_read(struct text *told) {
    return responses_stored(
        response_db_get(responses, STR("app"), STR("resp_9"), "input", told, problem, sizeof problem), told);
}
static bool response_history(struct text *told) {
    return responses_stored(
        response_db_history(responses, STR("app"), STR("resp_2"), 4096, told, problem, sizeof problem), told);
}
static bool response_history_of_nobody(struct text *told) {
    return responses_stored(
        response_db_history(responses, STR("app"), STR("resp_9"), 4096, told, problem, sizeof problem), told);
}
static bool response_peek(struct text *told) {
    bool any, of_clients;
    bool good = response_db_peek(path, &any, &of_clients, problem, sizeof problem);
    if (good) text_printf(told, "any %d, of clients %d\n", any, of_clients);
    return responses_said(good);
}
static bool response_line(void *context, struct str line) {
    text_put(context, line);
    return true;
}
static bool response_export(struct text *told) {
    return responses_said(response_db_export(responses, STR("app"), response_line, told, problem, sizeof problem));
}
static bool response_remove(struct text *told) {
    return responses_stored(response_db_remove(responses, STR("app"), STR("resp_1"), problem, sizeof problem), told);
}
static bool response_remove_of_nobody(struct text *told) {
    return responses_stored(response_db_remove(responses, STR("app"), STR("resp_9"), problem, sizeof problem), told);
}
static bool response_purge(struct text *told) {
    (void)told;
    return responses_said(response_db_purge(responses, STR("other"), problem, sizeof problem) >= 0);
}
static bool response_forget(struct text *told) {
    (void)told;
    return responses_said(response_db_forget(responses, 23, problem, sizeof problem) >= 0);
}

/* -- conversations, in the same file -- */

/* `known` of its links stand for as many of its messages. */
struct turn_told {
    const char *client, *session, *answer_id, *previous;
    unsigned char link, links[2];
    bool cut;
};

static bool turn_store(const struct turn_told *told, int64_t now_s) {
    static const struct str messages[] = {STR("{\"n\":0}"), STR("{\"n\":1}"), STR("{\"n\":2}")};
    const struct conversation_link links[] = {{{{told->links[0]}}, 2}, {{{told->links[1]}}, 1}};
    struct conversation_turn turn = {.client = str_from(told->client),
                                     .session = str_from(told->session),
                                     .request_id = STR("req_1"),
                                     .api = STR("chat"),
                                     .model = STR("gpt"),
                                     .answer_id = str_from(told->answer_id),
                                     .previous = str_from(told->previous),
                                     .cut = told->cut,
                                     .messages = messages,
                                     .message_count = 3,
                                     .links = links,
                                     .link_count = 2,
                                     .link = {{told->link}},
                                     .answer = told->cut ? STR("") : STR("{\"role\":\"assistant\"}"),
                                     .alternatives = told->cut ? STR("[{}]") : STR("")};
    return responses_said(
        conversation_db_put(responses, &turn, &(struct response_limits){3000, 2000}, now_s, problem, sizeof problem));
}

#define TURN(name, now_s, ...)                                                       \
    static bool turn_##name(struct text *told) {                                     \
        (void)told;                                                                  \
        return turn_store(&(struct turn_told){.client = "app", __VA_ARGS__}, now_s); \
    }
TURN(begins, 20, .session = "", .answer_id = "a1", .previous = "", .link = 1, .links = {91, 92})
TURN(of_answer, 21, .session = "", .answer_id = "a2", .previous = "a1", .link = 2, .links = {93, 1})
TURN(of_link, 22, .session = "", .answer_id = "", .previous = "", .link = 3, .links = {94, 2}, .cut = true)
TURN(of_session, 23, .session = "s", .answer_id = "a3", .previous = "gone", .link = 4, .links = {3, 2})
TURN(of_session_again, 24, .session = "s", .answer_id = "a4", .previous = "", .link = 5, .links = {4, 2})
#define TURN_OF_ANOTHER (&(struct turn_told){"other", "s", "a5", "", 6, {4, 2}, false})
static bool turn_of_another(struct text *told) {
    (void)told;
    return turn_store(TURN_OF_ANOTHER, 25);
}

static bool conversations_list(struct text *told, struct str after, int64_t limit) {
    return responses_stored(conversation_db_list(responses, STR("app"), after, limit, told, problem, sizeof problem),
                            told);
}
static bool conversations_all(struct text *told) { return conversations_list(told, STR(""), 2); }
static bool conversations_first(struct text *told) { return conversations_list(told, STR(""), 1); }
static bool conversations_of_nobody(struct text *told) { return conversations_list(told, STR("conv_none"), 9); }

static bool conversation_show(struct text *told, const char *request, const char *session, size_t most) {
    char named[64], id[conversation_id_max], hex[24];
    snprintf(named, sizeof named, "\"app\"\"%s\"%c", *session ? session : request, *session ? 's' : 'r');
    const struct sha256 hash = hash_sha256(str_from(named));
    hash_to_hex(hash.bytes, 12, hex);
    snprintf(id, sizeof id, "conv_%.24s", hex);
    return responses_stored(
        conversation_db_show(responses, STR("app"), str_from(id), 0, most, told, problem, sizeof problem), told);
}
static bool conversation_whole(struct text *told) { return conversation_show(told, "req_1", "", 1 << 16); }
static bool conversation_a_turn(struct text *told) { return conversation_show(told, "req_1", "", 1); }
static bool conversation_of_session(struct text *told) { return conversation_show(told, "", "s", 1 << 16); }
static bool conversation_of_nobody(struct text *told) { return conversation_show(told, "", "none", 1 << 16); }

static bool conversation_lines(struct text *told) {
    int64_t after = 1;
    bool good = responses_stored(
        conversation_db_lines(responses, STR("app"), STR(""), &after, 300, told, problem, sizeof problem), told);
    if (good) text_printf(told, "up to %lld\n", (long long)after);
    return good;
}
static bool conversations_remove(struct text *told) {
    int64_t turns;
    bool good =
        responses_stored(conversation_db_remove(responses, STR("app"), STR(""), &turns, problem, sizeof problem), told);
    if (good) text_printf(told, "%lld turns\n", (long long)turns);
    return good;
}

static void responses_and_conversations_are_whole_whatever_fails(void **state) {
    static const struct operation operations[] = {
        {"peek at none", response_peek, of_a_piece},
        {"put", response_first, of_a_piece},
        {"put one behind it", response_second, of_a_piece},
        {"put in its place", response_second_again, of_a_piece},
        {"open", response_opens, of_a_piece},
        {"put of another", response_of_another, of_a_piece},
        {"peek", response_peek, of_a_piece},
        {"response", response_is_read, of_a_piece},
        {"input", response_input_is_read, of_a_piece},
        {"input of none", response_of_nobody_is_read, of_a_piece},
        {"history", response_history, of_a_piece},
        {"history of none", response_history_of_nobody, of_a_piece},
        {"export", response_export, of_a_piece},
        {"put where others must go", response_that_needs_room, in_pieces},
        {"remove", response_remove, of_a_piece},
        {"remove none", response_remove_of_nobody, of_a_piece},
        {"turn", turn_begins, of_a_piece},
        {"turn behind an answer", turn_of_answer, of_a_piece},
        {"turn behind a link", turn_of_link, of_a_piece},
        {"turn of a session", turn_of_session, of_a_piece},
        {"turn of a session again", turn_of_session_again, of_a_piece},
        {"turn of another", turn_of_another, of_a_piece},
        {"list", conversations_all, of_a_piece},
        {"list the first", conversations_first, of_a_piece},
        {"list behind none", conversations_of_nobody, of_a_piece},
        {"show", conversation_whole, of_a_piece},
        {"show one turn", conversation_a_turn, of_a_piece},
        {"show a session", conversation_of_session, of_a_piece},
        {"show none", conversation_of_nobody, of_a_piece},
        {"lines", conversation_lines, of_a_piece},
        {"forget", response_forget, in_pieces},
        {"remove all", conversations_remove, of_a_piece},
        {"purge", response_purge, in_pieces},
    };
    const struct operations_of of = {path, responses_open, responses_close};
    (void)state;
    responses_open();
    is_the_owners();
    operations_each(&of, operations, sizeof operations / sizeof *operations, "store_responses");
    responses_close();
}

/* -- kept answers -- */

static void cache_open(void) {
    cache = cache_db_open(path, problem, sizeof problem);
    if (!cache) fail_msg("%s", problem);
}
static void cache_close(void) { cache_db_close(cache); }

static bool answer_put(unsigned char key, int64_t made_s, size_t bytes) {
    struct cache_row row = {.key = {{key}},
                            .made_s = made_s,
                            .expires_s = made_s + 100,
                            .numbers = {1, -1, INT64_MAX},
                            .texts = {STR("app"), STR("a")},
                            .body = STR("an answer"),
                            .bytes = bytes};
    return cache_db_put(cache, &row, 1000);
}
static bool answer_first(struct text *told) {
    (void)told;
    return answer_put(1, 10, 400);
}
static bool answer_in_its_place(struct text *told) {
    (void)told;
    return answer_put(1, 11, 300);
}
static bool answer_second(struct text *told) {
    (void)told;
    return answer_put(2, 50, 700);
}
static bool answer_that_needs_room(struct text *told) {
    (void)told;
    return answer_put(3, 60, 1);
}
static bool cache_opens(struct text *told) {
    (void)told;
    struct cache_db *another = cache_db_open(path, problem, sizeof problem);
    cache_db_close(another);
    return responses_said(another != NULL);
}

static bool answer_take(void *context, const struct cache_row *row) {
    text_printf(context, "%d made %lld\n", row->key.bytes[0], (long long)row->made_s);
    return true;
}
static bool answers_each(struct text *told) { return cache_db_each(cache, 20, answer_take, told); }
static bool answers_each_later(struct text *told) { return cache_db_each(cache, 150, answer_take, told); }
static bool answer_chosen(void *context, const struct cache_row *row) {
    (void)context;
    return row->key.bytes[0] == 3;
}
static bool answers_purge(struct text *told) {
    (void)told;
    return cache_db_purge(cache, answer_chosen, NULL, 40);
}

static void kept_answers_are_whole_whatever_fails(void **state) {
    static const struct operation operations[] = {
        {"put", answer_first, of_a_piece},           {"put in its place", answer_in_its_place, of_a_piece},
        {"put a second", answer_second, of_a_piece}, {"open", cache_opens, of_a_piece},
        {"each", answers_each, in_pieces},           {"put where others must go", answer_that_needs_room, in_pieces},
        {"put again", answer_second, of_a_piece},    {"put what stays", answer_that_needs_room, in_pieces},
        {"purge", answers_purge, in_pieces},         {"each that is left", answers_each_later, in_pieces},
    };
    const struct operations_of of = {path, cache_open, cache_close};
    (void)state;
    cache_open();
    is_the_owners();
    operations_each(&of, operations, sizeof operations / sizeof *operations, "store_cache");
    cache_close();
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(responses_and_conversations_are_whole_whatever_fails, begin, end),
        cmocka_unit_test_setup_teardown(kept_answers_are_whole_whatever_fails, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
