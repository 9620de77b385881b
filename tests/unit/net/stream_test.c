/* stream_test.c - bytes over a socket, against a peer with plain blocking ones: what waits, what is told, how it ends.
 */
#include "net/stream.h"

#include <stdlib.h>
#include <sys/un.h>

#include "base/budget.h"
#include "base/limits.h"
#include "net_bench.h"

enum { much = 16 * 1024 * 1024 }; /* more than the kernel takes while nobody reads */

struct story {
    struct net_bench net;
    struct stream *stream;
    int listener;
    int connects, ends, failures, writables;
    enum stream_failure failure;
    char text[128], heard[256];
    size_t heard_len, heard_calls;
    void (*at_connected)(struct story *story);
    void (*at_bytes)(struct story *story);
    void (*at_ended)(struct story *story);
    void (*at_writable)(struct story *story);
    bool inside;
    const char *peer_says;
    bool peer_reads, peer_resets;
    _Atomic bool peer_waits;       /* with its reading */
    size_t peer_heard, peer_wrong; /* bytes; of block, others than stand there */
};

static char block[much];

static void over(struct story *story) {
    stream_close(story->stream, false);
    net_bench_stop(&story->net);
}

static void on_connected(void *owner) {
    struct story *story = owner;
    story->connects++;
    story->inside = true;
    if (story->at_connected) story->at_connected(story);
    story->inside = false;
}
static void on_bytes(void *owner, struct str bytes) {
    struct story *story = owner;
    assert_true(bytes.len > 0);
    story->heard_calls++;
    if (story->heard_len + bytes.len < sizeof story->heard)
        memcpy(story->heard + story->heard_len, bytes.at, bytes.len);
    story->heard_len += bytes.len;
    if (story->at_bytes) story->at_bytes(story);
}
static void on_ended(void *owner) {
    struct story *story = owner;
    story->ends++;
    if (story->at_ended)
        story->at_ended(story);
    else
        over(story);
}
static void on_failed(void *owner, enum stream_failure failure) {
    struct story *story = owner;
    assert_false(story->inside); /* told at the end of the turn */
    story->failures++;
    story->failure = failure;
    str_copy(story->text, sizeof story->text, stream_failure_text(story->stream));
    over(story);
}
static void on_writable(void *owner) {
    struct story *story = owner;
    story->writables++;
    if (story->at_writable) story->at_writable(story);
}
static const struct stream_handler handler = {on_connected, on_bytes, on_ended, on_failed, on_writable};

/* Accepts one, says its words, reads to the end where it reads, and closes. */
static void *peer(void *context) {
    struct story *story = context;
    int descriptor = accept(story->listener, NULL, NULL);
    struct timeval limit = {.tv_sec = 10};
    setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    if (story->peer_says) net_bench_say(descriptor, story->peer_says);
    char bytes[65536];
    ssize_t got;
    while (atomic_load(&story->peer_waits)) usleep(1000);
    while (story->peer_reads && (got = recv(descriptor, bytes, sizeof bytes, 0)) > 0) {
        for (size_t i = 0; i < (size_t)got; i++) story->peer_wrong += bytes[i] != block[(story->peer_heard + i) % much];
        story->peer_heard += (size_t)got;
    }
    if (story->peer_resets)
        setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &(struct linger){1, 0}, sizeof(struct linger));
    close(descriptor);
    return NULL;
}

static void story_open(struct story *story) {
    memset(story, 0, sizeof *story);
    net_bench_open(&story->net);
    story->listener = net_bench_listen(&story->net.port);
}

static void story_run(struct story *story) {
    struct sockaddr_in address = net_bench_address(story->net.port);
    story->stream = stream_connect(story->net.loop, (struct sockaddr *)&address, NULL, STR("a"), &handler, story);
    assert_non_null(story->stream);
    net_bench_run(&story->net, peer, story);
    loop_free(story->net.loop);
    close(story->listener);
}

static void what_the_peer_says_comes_in_order_and_then_its_end(void **state) {
    struct story story;
    (void)state;
    story_open(&story);
    story.peer_says = "one two three";
    story_run(&story);
    assert_true(story.connects == 1 && story.ends == 1 && story.failures == 0);
    assert_true(str_eq(str_make(story.heard, story.heard_len), STR("one two three")));
}

static void say_and_end(struct story *story) {
    struct str words[] = {STR("good "), STR(""), STR("bye")};
    stream_write(story->stream, words, 3);
    assert_int_equal(stream_unsent(story->stream), 0);
    assert_int_equal(stream_sent(story->stream), 0); /* it leaves with all that this turn writes, */
    stream_shutdown(story->stream);
    stream_shutdown(story->stream);
    assert_int_equal(stream_sent(story->stream), 8); /* before its end */
}

static void our_end_leaves_the_other_way_open(void **state) {
    struct story story;
    (void)state;
    story_open(&story);
    story.at_connected = say_and_end;
    story.peer_says = "hello";
    story.peer_reads = true;
    story_run(&story);
    assert_int_equal(story.peer_heard, 8);
    assert_true(story.ends == 1 && story.heard_len == 5);
}

static void nobody_listens(void **state) {
    struct story story;
    (void)state;
    story_open(&story);
    close(story.listener);
    struct sockaddr_in address = net_bench_address(story.net.port);
    story.stream = stream_connect(story.net.loop, (struct sockaddr *)&address, NULL, STR("a"), &handler, &story);
    net_bench_run(&story.net, NULL, NULL);
    loop_free(story.net.loop);
    assert_true(story.failures == 1 && story.connects == 0 && story.failure == stream_failure_refused);
    assert_string_equal(story.text, "connection refused");
}

static void let_the_peer_go_on(struct story *story) { atomic_store(&story->peer_waits, false); }

static void a_reset_is_a_failure_and_no_end(void **state) {
    struct story story;
    (void)state;
    story_open(&story);
    story.at_connected = let_the_peer_go_on; /* before that it would be a connection that was refused */
    atomic_store(&story.peer_waits, true);
    story.peer_resets = true;
    story_run(&story);
    assert_true(story.failures == 1 && story.ends == 0 && story.failure == stream_failure_reset);
}

static void write_and_read_nothing(struct story *story) {
    static const char bytes[much];
    struct str range = str_make(bytes, sizeof bytes);
    stream_read_stop(story->stream);
    stream_write(story->stream, &range, 1);
    let_the_peer_go_on(story);
}

/* Who reads would come upon it there. */
static void a_reset_is_told_to_one_that_only_writes(void **state) {
    struct story story;
    (void)state;
    story_open(&story);
    story.at_connected = write_and_read_nothing;
    atomic_store(&story.peer_waits, true);
    story.peer_resets = true;
    story_run(&story);
    assert_true(story.failures == 1 && story.ends == 0 && story.failure == stream_failure_reset);
}

/* -- what waits -- */

static void write_much(struct story *story) {
    struct str range = str_make(block, sizeof block);
    stream_write(story->stream, &range, 1);
    assert_true(stream_unsent(story->stream) > limit_write_high);
    assert_true(stream_sent(story->stream) + stream_unsent(story->stream) >= much);
    atomic_store(&story->peer_waits, false);
}
static void wait_for_the_rest(struct story *story) {
    assert_true(stream_unsent(story->stream) <= limit_write_low);
    story->at_writable = NULL;
    stream_shutdown(story->stream);
}

static void what_the_kernel_does_not_take_waits_and_we_hear_when_it_is_little_again(void **state) {
    struct story story;
    (void)state;
    story_open(&story);
    story.at_connected = write_much;
    story.peer_waits = true;
    story.at_writable = wait_for_the_rest;
    story.peer_reads = true;
    story_run(&story);
    assert_int_equal(story.peer_heard, much);
    assert_int_equal(story.writables, 1);
}

/* Pieces of many lengths, none of some, and more than one call to the kernel takes: what it has taken ends in one. */
static void write_much_in_pieces(struct story *story) {
    static struct str ranges[1000];
    size_t count = 0, at = 0;
    for (size_t i = 0; i < much; i++) block[i] = (char)(i * 31 + i / 256 * 7 + i / 65536);
    for (; at < much && count < 999; at += ranges[count++].len)
        ranges[count] = str_slice(str_make(block, much), at, at + (count % 5) * 8191 + count % 3);
    ranges[count++] = str_make(block + at, much - at);
    stream_write(story->stream, ranges, 70);
    stream_write(story->stream, ranges + 70, count - 70);
    assert_true(stream_sent(story->stream) + stream_unsent(story->stream) >= much);
    atomic_store(&story->peer_waits, false);
}

static void pieces_come_as_one_wherever_the_kernel_stops(void **state) {
    struct story story;
    (void)state;
    story_open(&story);
    story.at_connected = write_much_in_pieces;
    story.peer_waits = true;
    story.at_writable = wait_for_the_rest;
    story.peer_reads = true;
    story_run(&story);
    assert_int_equal(story.peer_heard, much);
    assert_int_equal(story.peer_wrong, 0);
    memset(block, 0, sizeof block);
}

static void close_behind_it(struct story *story) {
    write_much(story);
    stream_close_when_sent(story->stream);
}

static void stop_later(void *context) { net_bench_stop(context); }

static void *peer_who_ends_the_story(void *context) {
    struct story *story = context;
    peer(story);
    loop_post(story->net.loop, stop_later, &story->net);
    return NULL;
}

static void a_close_behind_what_waits_sends_all_of_it_and_calls_nobody(void **state) {
    struct story story;
    (void)state;
    story_open(&story);
    story.at_connected = close_behind_it;
    story.peer_waits = true;
    story.peer_reads = true;
    struct sockaddr_in address = net_bench_address(story.net.port);
    story.stream = stream_connect(story.net.loop, (struct sockaddr *)&address, NULL, STR("a"), &handler, &story);
    net_bench_run(&story.net, peer_who_ends_the_story, &story);
    loop_free(story.net.loop);
    close(story.listener);
    assert_int_equal(story.peer_heard, much);
    assert_true(story.writables == 0 && story.ends == 0 && story.failures == 0);
}

static struct budget tiny = {.limit = 64 * 1024};

static void write_more_than_fits(struct story *story) {
    struct str range = str_make(block, sizeof block);
    stream_hold_within(story->stream, &tiny);
    stream_write(story->stream, &range, 1);
    atomic_store(&story->peer_waits, false);
}

static void what_waits_is_counted_and_where_there_is_no_room_the_stream_breaks(void **state) {
    struct story story;
    (void)state;
    story_open(&story);
    story.at_connected = write_more_than_fits;
    story.peer_waits = true;
    story.peer_reads = true;
    story_run(&story);
    assert_true(story.failures == 1 && story.failure == stream_failure_system);
    assert_int_equal(tiny.taken, 0); /* all of it is given back */
}

/* -- reading -- */

static struct timer look;

static void look_until_it_is_there(void *context) {
    struct story *story = context;
    assert_int_equal(story->heard_len, 0);
    assert_true(stream_is_alive(story->stream));
    if (stream_is_quiet(story->stream)) /* nothing lies in the kernel yet */
        timer_set(story->net.loop, &look, loop_now(story->net.loop).mono_ns + NS_PER_MS, look_until_it_is_there, story);
    else
        stream_read_start(story->stream);
}

static void stop_reading(struct story *story) {
    stream_read_stop(story->stream);
    look_until_it_is_there(story);
}

static void who_does_not_read_loses_nothing(void **state) {
    struct story story;
    (void)state;
    story_open(&story);
    story.at_connected = stop_reading;
    story.peer_says = "patience";
    story.peer_reads = false;
    story_run(&story);
    assert_true(str_eq(str_make(story.heard, story.heard_len), STR("patience")));
    assert_int_equal(story.ends, 1);
}

static void look_and_close(struct story *story) {
    assert_false(stream_is_alive(story->stream));
    assert_false(stream_is_cut(story->stream)); /* a plain one cannot tell */
    assert_false(stream_has_part(story->stream));
    over(story);
}

static void one_that_has_ended_is_not_alive(void **state) {
    struct story story;
    (void)state;
    story_open(&story);
    story.at_ended = look_and_close;
    story_run(&story);
    assert_int_equal(story.ends, 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_the_peer_says_comes_in_order_and_then_its_end),
        cmocka_unit_test(our_end_leaves_the_other_way_open),
        cmocka_unit_test(nobody_listens),
        cmocka_unit_test(a_reset_is_a_failure_and_no_end),
        cmocka_unit_test(a_reset_is_told_to_one_that_only_writes),
        cmocka_unit_test(what_the_kernel_does_not_take_waits_and_we_hear_when_it_is_little_again),
        cmocka_unit_test(pieces_come_as_one_wherever_the_kernel_stops),
        cmocka_unit_test(a_close_behind_what_waits_sends_all_of_it_and_calls_nobody),
        cmocka_unit_test(what_waits_is_counted_and_where_there_is_no_room_the_stream_breaks),
        cmocka_unit_test(who_does_not_read_loses_nothing),
        cmocka_unit_test(one_that_has_ended_is_not_alive),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
