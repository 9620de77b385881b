/* resolver_test.c - literal addresses at once, names off the loop, one lookup for all who wait, answers kept, and
 * nothing heard by who has forgotten or is gone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "net/resolver.h"

enum { askers_max = 12 };

struct asker {
    struct resolver_wait wait;
    struct bench *bench;
    int answers;
    size_t count;
};

struct bench {
    struct loop *loop;
    struct resolver *resolver;
    struct asker askers[askers_max];
    struct loop_deferred first;
    struct timer guard, again;
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

static void run_with(struct bench *bench, resolver_lookup *lookup, const struct resolver_times *times,
                     void (*first)(void *context)) {
    memset(bench, 0, sizeof *bench);
    bench->loop = loop_new();
    bench->resolver = lookup ? resolver_new_with(bench->loop, lookup, times) : resolver_new(bench->loop);
    assert_non_null(bench->resolver);
    for (size_t i = 0; i < askers_max; i++)
        bench->askers[i] = (struct asker){.wait = {.found = on_found, .context = &bench->askers[i]}, .bench = bench};
    bench->first = (struct loop_deferred){.run = first, .context = bench};
    timer_set(bench->loop, &bench->guard, loop_now(bench->loop).mono_ns + 20 * NS_PER_S, on_guard, bench);
    loop_defer(bench->loop, &bench->first);
    loop_run(bench->loop);
}

static void run(struct bench *bench, void (*first)(void *context)) { run_with(bench, NULL, NULL, first); }

static void end(struct bench *bench) {
    resolver_free(bench->resolver);
    loop_free(bench->loop);
}

static void literal(void *context) {
    struct bench *bench = context;
    const struct addresses *v4 = resolver_known(bench->resolver, 0, STR("192.0.2.7"));
    assert_true(v4 && v4->count == 1 && v4->list[0].ss_family == AF_INET);
    const struct addresses *v6 = resolver_known(bench->resolver, 0, STR("2001:db8::1"));
    assert_true(v6 && v6->count == 1 && v6->list[0].ss_family == AF_INET6);
    struct sockaddr_storage address = v6->list[0];
    address_set_port(&address, 443);
    assert_int_equal(ntohs(((struct sockaddr_in6 *)&address)->sin6_port), 443);
    assert_null(resolver_known(bench->resolver, 0, STR("192.0.2.7.example")));
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
    for (size_t i = 0; i < 3; i++)
        assert_true(resolver_ask(bench->resolver, 0, STR("localhost"), &bench->askers[i].wait));
    for (size_t i = 0; i < 3; i++) assert_int_equal(bench->askers[i].answers, 0); /* never from inside */
    resolver_forget(&bench->askers[1].wait);
}

static void one_lookup_answers_all_who_still_wait(void **state) {
    (void)state;
    struct bench bench;
    run(&bench, three_ask);
    assert_true(bench.askers[0].answers == 1 && bench.askers[1].answers == 0 && bench.askers[2].answers == 1);
    assert_true(bench.askers[0].count > 0);
    assert_non_null(resolver_known(bench.resolver, 0, STR("localhost"))); /* kept */
    end(&bench);
}

static void ask_for_nobody(void *context) {
    struct bench *bench = context;
    bench->expected = 1;
    assert_true(resolver_ask(bench->resolver, 0, STR("no such name"), &bench->askers[0].wait));
}

static void a_failure_is_kept_too(void **state) {
    (void)state;
    struct bench bench;
    run(&bench, ask_for_nobody);
    assert_true(bench.askers[0].answers == 1 && bench.askers[0].count == 0);
    const struct addresses *known = resolver_known(bench.resolver, 0, STR("no such name"));
    assert_true(known && known->count == 0);
    end(&bench);
}

static void ask_and_leave(void *context) {
    struct bench *bench = context;
    assert_true(resolver_ask(bench->resolver, 0, STR("localhost"), &bench->askers[0].wait));
    assert_true(resolver_ask(bench->resolver, 0, STR("no such name"), &bench->askers[1].wait));
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

/* -- a system whose names are slow until it is let go -- */

static struct {
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    bool let_go;
    unsigned slow, quick; /* lookups begun */
    enum { moves, fails_for_a_moment, is_gone } api;
} names = {.mutex = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

/* "slow..." waits; the others' addresses are 192.0.2.N at their N-th lookup. */
static void lookup(const char *host, struct addresses *addresses) {
    struct sockaddr_in *in = (struct sockaddr_in *)&addresses->list[0];
    pthread_mutex_lock(&names.mutex);
    bool slow = strncmp(host, "slow", 4) == 0;
    ++*(slow ? &names.slow : &names.quick);
    while (slow && !names.let_go) pthread_cond_wait(&names.changed, &names.mutex);
    *in = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(0xc0000200 + (names.quick & 0xff))};
    addresses->count = names.api == moves || slow;
    addresses->passing = names.api == fails_for_a_moment;
    snprintf(addresses->failure, sizeof addresses->failure, "not now");
    pthread_mutex_unlock(&names.mutex);
}

static void let_go(void) {
    pthread_mutex_lock(&names.mutex);
    names.let_go = true;
    pthread_cond_broadcast(&names.changed);
    pthread_mutex_unlock(&names.mutex);
}

static void run_slowly(struct bench *bench, const struct resolver_times *times, void (*first)(void *context)) {
    names.let_go = false;
    names.slow = names.quick = 0;
    names.api = moves;
    run_with(bench, lookup, times, first);
}

static const struct resolver_times usual = {30 * NS_PER_S, 2 * NS_PER_S, 300 * NS_PER_S, 86400 * NS_PER_S};

static bool ask(struct bench *bench, size_t asker, uint64_t caller, const char *host) {
    return resolver_ask(bench->resolver, caller, str_from(host), &bench->askers[asker].wait);
}

static void forget_all(struct bench *bench) {
    for (size_t i = 0; i < askers_max; i++) resolver_forget(&bench->askers[i].wait);
}

static void callers_then_a_provider(void *context) {
    struct bench *bench = context;
    for (size_t i = 0; i < 10; i++) {
        char host[16];
        snprintf(host, sizeof host, "slow%zu", i);
        assert_true(ask(bench, i, 1 + i, host)); /* ten callers */
    }
    bench->expected = 1;
    assert_true(ask(bench, 10, 0, "api"));
}

static void slow_names_of_callers_hold_up_no_provider(void **state) {
    (void)state;
    struct bench bench;
    run_slowly(&bench, &usual, callers_then_a_provider); /* ends with the provider's answer, the others still waiting */
    assert_true(bench.askers[10].answers == 1 && bench.askers[10].count == 1);
    assert_true(names.slow <= 2);
    forget_all(&bench);
    let_go();
    end(&bench);
}

static void one_caller_then_another(void *context) {
    struct bench *bench = context;
    static const char *const hosts[] = {"slow0", "slow1", "slow2", "slow3", "slow4", "slow5", "slow6", "slow7"};
    for (size_t i = 0; i < 8; i++) assert_true(ask(bench, i, 1, hosts[i]));
    assert_false(ask(bench, 8, 1, "slow8")); /* it has enough under way */
    bench->expected = 1;
    assert_true(ask(bench, 9, 2, "quick"));
}

static void a_callers_names_take_one_thread_and_eight_places(void **state) {
    (void)state;
    struct bench bench;
    run_slowly(&bench, &usual, one_caller_then_another);
    assert_true(bench.askers[9].answers == 1 && names.slow <= 1);
    assert_null(resolver_known(bench.resolver, 1, STR("quick"))); /* what one asked is not told to another */
    assert_null(resolver_known(bench.resolver, 0, STR("quick")));
    assert_non_null(resolver_known(bench.resolver, 2, STR("quick")));
    forget_all(&bench);
    let_go();
    end(&bench);
}

static void ask_leave_and_ask(void *context) {
    struct bench *bench = context;
    char host[16];
    for (int round = 0; round < 50; round++) { /* a caller that hangs up and comes again */
        for (size_t i = 0; i < 7; i++) {
            snprintf(host, sizeof host, "slow%d-%zu", round, i);
            assert_true(ask(bench, i, 1, host));
        }
        forget_all(bench);
    }
    bench->expected = 1;
    assert_true(ask(bench, 11, 1, "quick"));
    let_go();
}

static void a_lookup_that_nobody_waits_for_gives_its_place_back(void **state) {
    (void)state;
    struct bench bench;
    run_slowly(&bench, &usual, ask_leave_and_ask);
    assert_int_equal(bench.askers[11].answers, 1);
    assert_true(names.slow <= 1 && names.quick == 1); /* but for one that a thread had already */
    end(&bench);
}

/* Asked again and again; each time something is answered at once. */
static void ask_until(void *context) {
    struct bench *bench = context;
    const struct addresses *known = resolver_known(bench->resolver, 0, STR("api"));
    if (!known) { /* a failure is good for no time here */
        stop(bench);
        return;
    }
    pthread_mutex_lock(&names.mutex);
    if (names.quick >= 3 && names.api == moves) names.api = fails_for_a_moment;
    if (names.quick >= 6) names.api = is_gone;
    pthread_mutex_unlock(&names.mutex);
    assert_int_equal(known->count, 1); /* an outage leaves the last good one */
    timer_set(bench->loop, &bench->again, loop_now(bench->loop).mono_ns + NS_PER_MS, ask_until, bench);
}

static void on_first_answer(void *context, const struct addresses *addresses) {
    struct asker *asker = context;
    assert_int_equal(addresses->count, 1);
    ask_until(asker->bench);
}

static void begin_with_an_answer(void *context) {
    struct bench *bench = context;
    bench->askers[0].wait.found = on_first_answer;
    assert_true(ask(bench, 0, 0, "api"));
}

static void a_providers_address_is_served_while_it_is_refreshed_and_in_an_outage(void **state) {
    (void)state;
    static const struct resolver_times stale_at_once = {0, 0, 300 * NS_PER_S, 300 * NS_PER_S};
    struct bench bench;
    run_slowly(&bench, &stale_at_once, begin_with_an_answer);
    assert_true(names.quick > 6); /* asked for anew all the time, though nobody waited */
    end(&bench);
}

static void on_callers_answer(void *context, const struct addresses *addresses) {
    struct asker *asker = context;
    assert_int_equal(addresses->count, 1);
    pthread_mutex_lock(&names.mutex);
    names.api = fails_for_a_moment;
    pthread_mutex_unlock(&names.mutex);
    assert_true(ask(asker->bench, 1, 7, "api"));
}

static void begin_with_a_callers_answer(void *context) {
    struct bench *bench = context;
    bench->askers[0].wait.found = on_callers_answer;
    bench->expected = 1;
    assert_true(ask(bench, 0, 7, "api"));
}

/* It would be for callers to keep an old address in use. */
static void no_caller_is_served_an_old_address_in_an_outage(void **state) {
    (void)state;
    static const struct resolver_times never_fresh = {0, 0, 300 * NS_PER_S, 300 * NS_PER_S};
    struct bench bench;
    run_slowly(&bench, &never_fresh, begin_with_a_callers_answer);
    assert_true(bench.askers[1].answers == 1 && bench.askers[1].count == 0);
    assert_null(resolver_known(bench.resolver, 7, STR("api")));
    end(&bench);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(literal_addresses_need_no_thread),
        cmocka_unit_test(one_lookup_answers_all_who_still_wait),
        cmocka_unit_test(a_failure_is_kept_too),
        cmocka_unit_test(answers_to_a_resolver_that_is_gone_are_lost),
        cmocka_unit_test(slow_names_of_callers_hold_up_no_provider),
        cmocka_unit_test(a_callers_names_take_one_thread_and_eight_places),
        cmocka_unit_test(a_lookup_that_nobody_waits_for_gives_its_place_back),
        cmocka_unit_test(a_providers_address_is_served_while_it_is_refreshed_and_in_an_outage),
        cmocka_unit_test(no_caller_is_served_an_old_address_in_an_outage),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
