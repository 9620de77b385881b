/* cork_test.c - what a turn writes leaves at its end, in order, and sooner where much is done in the turn. */
#include "net/cork.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>

#include "net/stream_internal.h"
#include "net_bench.h"

enum { pairs_most = cork_entries + 1 };

struct story {
    struct net_bench net;
    struct loop_deferred later;
    struct stream *streams[pairs_most];
    int peers[pairs_most];
    size_t count, failures;
    void (*at_start)(struct story *story);
    void (*at_end)(struct story *story); /* of that turn; then all is closed */
};

static void on_bytes(void *owner, struct str bytes) { (void)owner, (void)bytes; }
static void on_ended(void *owner) { (void)owner; }
static void on_failed(void *owner, enum stream_failure failure) {
    struct story *story = owner;
    story->failures += failure != stream_failure_none;
}
static void on_writable(void *owner) { (void)owner; }
static const struct stream_handler handler = {NULL, on_bytes, on_ended, on_failed, on_writable};

static void end_run(void *context) {
    struct story *story = context;
    if (story->at_end) story->at_end(story);
    for (size_t i = 0; i < story->count; i++)
        if (story->streams[i]) stream_close(story->streams[i], false);
    net_bench_stop(&story->net);
}

static void start_run(void *context) {
    struct story *story = context;
    story->at_start(story);
    story->later.run = end_run;
    loop_defer(story->net.loop, &story->later);
}

/* `count` streams to peers whose sockets do not block. The start comes by letter: in the part of the turn that reads.
 */
static void story_run(struct story *story, size_t count) {
    net_bench_open(&story->net);
    story->count = count;
    story->later.context = story;
    for (size_t i = 0; i < count; i++) {
        int ends[2];
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
        assert_int_equal(fcntl(ends[1], F_SETFL, O_NONBLOCK), 0);
        story->peers[i] = ends[1];
        story->streams[i] = stream_accepted(story->net.loop, NULL, ends[0], true, NULL, &handler, story);
        assert_non_null(story->streams[i]);
    }
    assert_true(loop_post(story->net.loop, start_run, story));
    net_bench_run(&story->net, NULL, NULL);
    loop_free(story->net.loop);
    for (size_t i = 0; i < count; i++) close(story->peers[i]);
}

/* What one read of a peer's brings; "" where nothing has come. */
static const char *heard(const struct story *story, size_t at) {
    static char bytes[cork_len_max * 2 + 1];
    ssize_t got = recv(story->peers[at], bytes, sizeof bytes - 1, 0);
    assert_true(got >= 0 || errno == EAGAIN);
    bytes[got > 0 ? got : 0] = 0;
    return bytes;
}

static void say(const struct story *story, size_t at, const char *words) {
    struct str range = str_from(words);
    stream_write(story->streams[at], &range, 1);
}

static struct cork *cork_of(const struct story *story) { return loop_cork(story->net.loop); }

static void write_thrice(struct story *story) {
    struct str words[] = {STR("one "), STR(""), STR("two ")};
    stream_write(story->streams[0], words, 3);
    say(story, 0, "three");
    say(story, 1, "beside");
    assert_true(stream_unsent(story->streams[0]) == 0 && stream_sent(story->streams[0]) == 0);
    assert_string_equal(heard(story, 0), "");
    assert_true(cork_of(story)->count == 2 && cork_of(story)->used == 19);
}
static void all_has_come(struct story *story) {
    assert_string_equal(heard(story, 0), "one two three");
    assert_string_equal(heard(story, 1), "beside");
    assert_true(stream_sent(story->streams[0]) == 13 && stream_sent(story->streams[1]) == 6);
    assert_true(cork_of(story)->count == 0 && cork_of(story)->used == 0);
}
static void writes_of_a_turn_leave_at_its_end_as_one(void **state) {
    struct story story = {.at_start = write_thrice, .at_end = all_has_come};
    (void)state;
    story_run(&story, 2);
}

static void write_by_turns(struct story *story) {
    say(story, 0, "a");
    say(story, 1, "x");
    say(story, 0, "b"); /* "a" leaves before it */
    assert_string_equal(heard(story, 0), "a");
    say(story, 0, "c");
    assert_string_equal(heard(story, 0), "");
}
static void rest_has_come(struct story *story) {
    assert_string_equal(heard(story, 0), "bc");
    assert_string_equal(heard(story, 1), "x");
}
static void writes_by_turns_keep_their_order(void **state) {
    struct story story = {.at_start = write_by_turns, .at_end = rest_has_come};
    (void)state;
    story_run(&story, 2);
}

static void write_long(struct story *story) {
    static char bytes[cork_len_max + 1];
    memset(bytes, 'l', sizeof bytes);
    struct str fits = str_make(bytes, cork_len_max), exceeds = str_make(bytes, sizeof bytes);
    stream_write(story->streams[0], &fits, 1);
    assert_string_equal(heard(story, 0), "");
    stream_write(story->streams[0], &exceeds, 1);
    assert_int_equal(stream_sent(story->streams[0]), 2 * cork_len_max + 1);
    assert_int_equal(cork_of(story)->count, 1); /* its place is empty */
}
static void what_is_long_leaves_at_once_behind_what_stood_before_it(void **state) {
    struct story story = {.at_start = write_long};
    (void)state;
    story_run(&story, 1);
}

static void write_to_all(struct story *story) {
    for (size_t i = 0; i < cork_entries; i++) say(story, i, "w");
    assert_string_equal(heard(story, 0), "");
    say(story, cork_entries, "w");
    for (size_t i = 0; i < cork_entries; i++) assert_string_equal(heard(story, i), "w");
    assert_string_equal(heard(story, cork_entries), "");
    assert_int_equal(cork_of(story)->count, 1);
}
static void one_stream_too_many_lets_the_others_leave(void **state) {
    struct story story = {.at_start = write_to_all};
    (void)state;
    story_run(&story, cork_entries + 1);
}

static void write_much(struct story *story) {
    static char bytes[cork_len_max];
    struct str range = str_make(bytes, sizeof bytes);
    enum { fit = cork_bytes_max / cork_len_max };
    memset(bytes, 'm', sizeof bytes);
    for (size_t i = 0; i < fit; i++) stream_write(story->streams[0], &range, 1);
    assert_true(cork_of(story)->used == cork_bytes_max && stream_sent(story->streams[0]) == 0);
    say(story, 0, "more");
    assert_int_equal(stream_sent(story->streams[0]) + stream_unsent(story->streams[0]), cork_bytes_max);
    assert_int_equal(cork_of(story)->used, 4);
}
static void more_bytes_than_it_holds_let_all_leave(void **state) {
    struct story story = {.at_start = write_much};
    (void)state;
    story_run(&story, 1);
}

static void read_much(struct story *story) {
    cork_read(story->net.loop, cork_read_max); /* nobody waits: it does not count */
    say(story, 0, "w");
    cork_read(story->net.loop, cork_read_max);
    assert_string_equal(heard(story, 0), "");
    cork_read(story->net.loop, 1);
    assert_string_equal(heard(story, 0), "w");
    say(story, 0, "w");
    cork_read(story->net.loop, cork_read_max);
    assert_string_equal(heard(story, 0), "");
}
static void nobody_waits_for_the_work_on_much(void **state) {
    struct story story = {.at_start = read_much};
    (void)state;
    story_run(&story, 1);
}

static void write_and_close(struct story *story) {
    for (size_t i = 0; i < 4; i++) say(story, i, "last words");
    stream_close(story->streams[0], false);
    stream_close(story->streams[1], true);
    stream_close_when_sent(story->streams[2]);
    for (size_t i = 0; i < 3; i++) story->streams[i] = NULL;
    assert_string_equal(heard(story, 0), "last words");
    assert_string_equal(heard(story, 1), ""); /* given up */
    assert_string_equal(heard(story, 2), "last words");
    assert_string_equal(heard(story, 3), "");
}
static void others_have_come(struct story *story) {
    assert_string_equal(heard(story, 1), "");
    assert_string_equal(heard(story, 3), "last words");
}
static void a_close_lets_go_and_a_reset_gives_up(void **state) {
    struct story story = {.at_start = write_and_close, .at_end = others_have_come};
    (void)state;
    story_run(&story, 4);
}

static void write_to_nobody(struct story *story) {
    close(story->peers[0]);
    story->peers[0] = -1;
    say(story, 0, "hello?");
    say(story, 1, "hello");
    assert_true(stream_is_alive(story->streams[0]));
}
static void only_one_is_broken(struct story *story) {
    assert_false(stream_is_alive(story->streams[0]));
    assert_true(stream_sent(story->streams[0]) == 0 && stream_unsent(story->streams[0]) > 0);
    assert_string_equal(heard(story, 1), "hello");
}
static void a_failure_at_the_end_of_the_turn_is_of_its_stream_alone(void **state) {
    struct story story = {.at_start = write_to_nobody, .at_end = only_one_is_broken};
    (void)state;
    story_run(&story, 2);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writes_of_a_turn_leave_at_its_end_as_one),
        cmocka_unit_test(writes_by_turns_keep_their_order),
        cmocka_unit_test(what_is_long_leaves_at_once_behind_what_stood_before_it),
        cmocka_unit_test(one_stream_too_many_lets_the_others_leave),
        cmocka_unit_test(more_bytes_than_it_holds_let_all_leave),
        cmocka_unit_test(nobody_waits_for_the_work_on_much),
        cmocka_unit_test(a_close_lets_go_and_a_reset_gives_up),
        cmocka_unit_test(a_failure_at_the_end_of_the_turn_is_of_its_stream_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
