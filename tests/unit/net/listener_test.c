/* listener_test.c - addresses: which are taken, which refused and in which words; and who accepts. */
#include "net/listener.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "net_bench.h"

static struct listen_address *taken(const char *text) {
    struct error error = {.code = error_none};
    struct listen_address *address = listen_address_new(str_from(text), &error);
    if (!address) fail_msg("%s: %s", text, error.message);
    return address;
}

static void refused(const char *text, const char *words) {
    struct error error = {.code = error_none};
    assert_null(listen_address_new(str_from(text), &error));
    if (!strstr(error.message, words)) fail_msg("%s: %s", text, error.message);
    assert_int_equal(error.code, error_bad_configuration);
}

static void what_is_no_address_is_refused_in_words(void **state) {
    char longest[200] = "unix:/";
    (void)state;
    for (size_t i = strlen(longest); i < sizeof longest - 1; i++) longest[i] = 'a';
    refused("127.0.0.1", "write ADDRESS:PORT or unix:PATH");
    refused("127.0.0.1:x", "write ADDRESS:PORT or unix:PATH");
    refused("127.0.0.1:65536", "write ADDRESS:PORT or unix:PATH");
    refused("", "write ADDRESS:PORT or unix:PATH");
    refused("unix:", "empty or too long");
    refused(longest, "empty or too long");
    refused("no..such..name:80", "Cannot listen on no..such..name:80");
}

static void a_port_of_nought_becomes_a_real_one_and_loopback_is_told_from_the_world(void **state) {
    static const struct {
        const char *text;
        bool loopback;
    } rows[] = {{"127.0.0.1:0", true}, {"localhost:0", true}, {"0.0.0.0:0", false}, {"*:0", false}, {":0", false}};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct listen_address *address = taken(rows[i].text);
        assert_int_not_equal(listen_address_port(address), 0);
        assert_int_equal(listen_address_loopback(address), rows[i].loopback);
        listen_address_free(address);
    }
}

static void a_port_on_which_another_process_listens_is_refused(void **state) {
    uint16_t port;
    int held = net_bench_listen(&port);
    char text[32];
    (void)state;
    snprintf(text, sizeof text, "127.0.0.1:%u", port);
    refused(text, "another process does");
    close(held);
    listen_address_free(taken(text));
}

static void a_unix_socket_is_its_files_and_goes_with_it(void **state) {
    char folder[] = "/tmp/weir-listener-XXXXXX", path[64], text[80];
    struct stat status;
    (void)state;
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/s", folder);
    snprintf(text, sizeof text, "unix:%s", path);
    struct listen_address *address = taken(text);
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0660);
    assert_true(listen_address_loopback(address) && listen_address_port(address) == 0);
    refused(text, "another process does"); /* it answers */
    listen_address_free(address);
    assert_int_not_equal(stat(path, &status), 0);
    struct sockaddr_un left = {.sun_family = AF_UNIX}; /* of a process that is gone */
    str_copy(left.sun_path, sizeof left.sun_path, str_from(path));
    int descriptor = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_int_equal(bind(descriptor, (struct sockaddr *)&left, sizeof left), 0);
    close(descriptor);
    listen_address_free(taken(text));
    FILE *file = fopen(path, "w"); /* somebody's file is not removed */
    assert_non_null(file);
    fclose(file);
    refused(text, "the file is no socket");
    assert_int_equal(stat(path, &status), 0);
    unlink(path);
    rmdir(folder);
}

/* -- accepting -- */

struct story {
    struct net_bench bench;
    struct listen_address *address;
    struct listener *listener;
    size_t accepted, wanted;
};

static void on_accepted(void *context, struct listener *listener, int descriptor) {
    struct story *story = context;
    assert_ptr_equal(listener, story->listener);
    assert_false(listener_is_unix(listener));
    close(descriptor);
    if (++story->accepted == story->wanted && loop_current()) {
        listener_close(listener);
        net_bench_stop(&story->bench);
    }
}

static void *connects(void *context) {
    struct story *story = context;
    for (size_t i = 0; i < story->wanted; i++) close(net_bench_connect(listen_address_port(story->address)));
    return NULL;
}

static void each_connection_is_accepted_once(void **state) {
    struct story story = {.wanted = 5};
    struct error error;
    (void)state;
    net_bench_open(&story.bench);
    story.address = taken("127.0.0.1:0");
    story.listener = listener_new(story.bench.loop, story.address, on_accepted, &story, &error);
    assert_non_null(story.listener);
    story.wanted = 5;
    net_bench_run(&story.bench, connects, &story);
    assert_int_equal(story.accepted, 5);
    loop_free(story.bench.loop);
    listen_address_free(story.address);
}

static void a_drain_accepts_what_waits_before_the_listener_closes(void **state) {
    struct story story = {.wanted = 100}; /* more than one turn takes */
    struct error error;
    int waiting[100];
    (void)state;
    net_bench_open(&story.bench);
    story.address = taken("127.0.0.1:0");
    story.listener = listener_new(story.bench.loop, story.address, on_accepted, &story, &error);
    for (size_t i = 0; i < story.wanted; i++)
        assert_true((waiting[i] = net_bench_connect(listen_address_port(story.address))) >= 0);
    listener_drain(story.listener);
    assert_int_equal(story.accepted, 100);
    listener_close(story.listener);
    assert_int_equal(net_bench_connect(listen_address_port(story.address)), -1);
    for (size_t i = 0; i < story.wanted; i++) close(waiting[i]);
    net_bench_stop(&story.bench);
    net_bench_run(&story.bench, NULL, NULL);
    loop_free(story.bench.loop);
    listen_address_free(story.address);
}

static void loops_share_an_address(void **state) {
    struct story story = {.wanted = 1}, other = {.wanted = 1};
    struct error error;
    (void)state;
    net_bench_open(&story.bench);
    story.address = taken("127.0.0.1:0");
    story.listener = listener_new(story.bench.loop, story.address, on_accepted, &story, &error);
    other.listener = listener_new(story.bench.loop, story.address, on_accepted, &other, &error);
    assert_true(story.listener && other.listener);
    listener_close(story.listener);
    close(net_bench_connect(listen_address_port(story.address))); /* the other one still listens */
    listener_drain(other.listener);
    assert_int_equal(story.accepted + other.accepted, 1);
    listener_close(other.listener);
    net_bench_stop(&story.bench);
    net_bench_run(&story.bench, NULL, NULL);
    loop_free(story.bench.loop);
    listen_address_free(story.address);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_no_address_is_refused_in_words),
        cmocka_unit_test(a_port_of_nought_becomes_a_real_one_and_loopback_is_told_from_the_world),
        cmocka_unit_test(a_port_on_which_another_process_listens_is_refused),
        cmocka_unit_test(a_unix_socket_is_its_files_and_goes_with_it),
        cmocka_unit_test(each_connection_is_accepted_once),
        cmocka_unit_test(a_drain_accepts_what_waits_before_the_listener_closes),
        cmocka_unit_test(loops_share_an_address),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
