/* resolver_test.c - literal addresses at once, names off the loop, one lookup for all who wait, answers kept, and
 * nothing heard by who has forgotten or is gone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <netinet/in.h>
#include <string.h>

#include "net/resolver.h"

struct asker {
    struct resolver_wait wait;
    struct bench *bench;
    int answers;
    size_t count;
};

struct bench {
    struct loop *loop;
    struct resolver *resolver;
    struct asker askers[3];
    struct loop_deferred first;
    struct timer guard;
    int expected;
};

static void stop(struct bench *bench) {
    timer_cancel(bench->loop, &bench->guard);
    loop_stop(bench->loop);
}

static void on_found(void *context, const struct addresses *addresses) {
    struct asker *asker = context;
    asker->answers++;
    asker->count = addresses->count;
    if (addresses->count == 0) assert_true(addresses->failure[0] != 0);
    if (--asker->bench->expected == 0) stop(asker->bench);
}

static void on_guard(void *context) { fail_msg("%d answers are missing", ((struct bench *)context)->expected); }

static void run(struct bench *bench, void (*first)(void *context)) {
    memset(bench, 0, sizeof *bench);
    bench->loop = loop_new();
    bench->resolver = resolver_new(bench->loop);
    assert_non_null(bench->resolver);
    for (size_t i = 0; i < 3; i++)
        bench->askers[i] = (struct asker){.wait = {.found = on_found, .context = &bench->askers[i]}, .bench = bench};
    bench->first = (struct loop_deferred){.run = first, .context = bench};
    timer_set(bench->loop, &bench->guard, loop_now(bench->loop).mono_ns + 20 * NS_PER_S, on_guard, bench);
    loop_defer(bench->loop, &bench->first);
    loop_run(bench->loop);
}

static void end(struct bench *bench) {
    resolver_free(bench->resolver);
    loop_free(bench->loop);
}

static void literal(void *context) {
    struct bench *bench = context;
    const struct addresses *v4 = resolver_known(bench->resolver, STR("192.0.2.7"));
    assert_true(v4 && v4->count == 1 && v4->list[0].ss_family == AF_INET);
    const struct addresses *v6 = resolver_known(bench->resolver, STR("2001:db8::1"));
    assert_true(v6 && v6->count == 1 && v6->list[0].ss_family == AF_INET6);
    struct sockaddr_storage address = v6->list[0];
    address_set_port(&address, 443);
    assert_int_equal(ntohs(((struct sockaddr_in6 *)&address)->sin6_port), 443);
    assert_null(resolver_known(bench->resolver, STR("192.0.2.7.example")));
    stop(bench);
}

static void literal_addresses_need_no_thread(void **state) {
    (void)state;
    struct bench bench;
    run(&bench, literal);
    end(&bench);
}

static void three_ask(void *context) {
    struct bench *bench = context;
    bench->expected = 2;
    for (size_t i = 0; i < 3; i++) assert_true(resolver_ask(bench->resolver, STR("localhost"), &bench->askers[i].wait));
    for (size_t i = 0; i < 3; i++) assert_int_equal(bench->askers[i].answers, 0); /* never from inside */
    resolver_forget(&bench->askers[1].wait);
}

static void one_lookup_answers_all_who_still_wait(void **state) {
    (void)state;
    struct bench bench;
    run(&bench, three_ask);
    assert_true(bench.askers[0].answers == 1 && bench.askers[1].answers == 0 && bench.askers[2].answers == 1);
    assert_true(bench.askers[0].count > 0);
    assert_non_null(resolver_known(bench.resolver, STR("localhost"))); /* kept */
    end(&bench);
}

static void ask_for_nobody(void *context) {
    struct bench *bench = context;
    bench->expected = 1;
    assert_true(resolver_ask(bench->resolver, STR("no such name"), &bench->askers[0].wait));
}

static void a_failure_is_kept_too(void **state) {
    (void)state;
    struct bench bench;
    run(&bench, ask_for_nobody);
    assert_true(bench.askers[0].answers == 1 && bench.askers[0].count == 0);
    const struct addresses *known = resolver_known(bench.resolver, STR("no such name"));
    assert_true(known && known->count == 0);
    end(&bench);
}

static void ask_and_leave(void *context) {
    struct bench *bench = context;
    assert_true(resolver_ask(bench->resolver, STR("localhost"), &bench->askers[0].wait));
    assert_true(resolver_ask(bench->resolver, STR("no such name"), &bench->askers[1].wait));
    resolver_forget(&bench->askers[0].wait);
    resolver_forget(&bench->askers[1].wait);
    resolver_free(bench->resolver); /* its answers may be on their way */
    bench->resolver = NULL;
    stop(bench);
}

static void answers_to_a_resolver_that_is_gone_are_lost(void **state) {
    (void)state;
    for (int i = 0; i < 20; i++) {
        struct bench bench;
        run(&bench, ask_and_leave);
        assert_true(bench.askers[0].answers == 0 && bench.askers[1].answers == 0);
        end(&bench);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(literal_addresses_need_no_thread),
        cmocka_unit_test(one_lookup_answers_all_who_still_wait),
        cmocka_unit_test(a_failure_is_kept_too),
        cmocka_unit_test(answers_to_a_resolver_that_is_gone_are_lost),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
