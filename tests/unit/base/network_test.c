/* network_test.c - which addresses are anybody's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/network.h"

static bool is_public(const char *text) {
    struct network network;
    assert_true(network_parse(str_from(text), &network));
    return network_is_public(network.bytes, network.len);
}

static void what_is_special_is_not_public(void **state) {
    static const char *const special[] = {"0.0.0.0",
                                          "10.1.2.3",
                                          "100.64.0.1",
                                          "100.127.255.255",
                                          "127.0.0.1",
                                          "127.255.255.255",
                                          "169.254.169.254",
                                          "172.16.0.1",
                                          "172.31.255.255",
                                          "192.0.0.8",
                                          "192.0.2.1",
                                          "192.88.99.1",
                                          "192.168.255.1",
                                          "198.18.0.1",
                                          "198.19.255.255",
                                          "198.51.100.1",
                                          "203.0.113.9",
                                          "224.0.0.1",
                                          "239.1.1.1",
                                          "240.0.0.1",
                                          "255.255.255.255",
                                          "::",
                                          "::1",
                                          "::ffff:127.0.0.1",
                                          "::ffff:10.0.0.1",
                                          "::7f00:1",
                                          "64:ff9b::7f00:1",
                                          "64:ff9b:1::1",
                                          "100::1",
                                          "2001::1",
                                          "2001:db8::1",
                                          "2002:7f00:1::",
                                          "3fff::1",
                                          "fc00::1",
                                          "fd12::1",
                                          "fe80::1",
                                          "fec0::1",
                                          "ff02::1",
                                          "5f00::1"};
    static const char *const anybodys[] = {"1.1.1.1",        "8.8.8.8",         "100.63.255.255", "100.128.0.0",
                                           "172.15.255.255", "172.32.0.0",      "192.167.1.1",    "198.17.255.255",
                                           "198.20.0.0",     "223.255.255.255", "::ffff:8.8.8.8", "2606:4700::1",
                                           "2a00:1450::1",   "2001:200::1"};
    (void)state;
    for (size_t i = 0; i < sizeof special / sizeof *special; i++)
        if (is_public(special[i])) fail_msg("%s", special[i]);
    for (size_t i = 0; i < sizeof anybodys / sizeof *anybodys; i++)
        if (!is_public(anybodys[i])) fail_msg("%s", anybodys[i]);
}

static void a_network_holds_its_own(void **state) {
    static const struct {
        const char *network, *address;
        bool holds;
    } cases[] = {
        {"10.0.0.0/8", "10.255.0.1", true}, {"10.0.0.0/8", "11.0.0.1", false}, {"10.1.0.0/15", "10.0.0.1", true},
        {"10.2.0.0/15", "10.4.0.0", false}, {"127.0.0.1", "127.0.0.1", true},  {"127.0.0.1", "127.0.0.2", false},
        {"0.0.0.0/0", "8.8.8.8", true},     {"0.0.0.0/0", "::1", false},       {"10.0.0.0/8", "::ffff:10.0.0.1", true},
        {"fd00::/8", "fdff::1", true},      {"fd00::/8", "fc00::1", false},    {"::/0", "fc00::1", true}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct network network, address;
        assert_true(network_parse(str_from(cases[i].network), &network));
        assert_true(network_parse(str_from(cases[i].address), &address));
        if (network_holds(&network, address.bytes, address.len) != cases[i].holds) fail_msg("case %zu", i);
    }
}

static void what_is_no_network_is_refused(void **state) {
    static const char *const bad[] = {"",       "/8",   "10.0.0.0/",   "10.0.0.0/33", "10.0.0/8",
                                      "::/129", "host", "10.0.0.0/-1", "10.0.0.0/8x", "0x7f.0.0.1"};
    struct network network;
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (network_parse(str_from(bad[i]), &network)) fail_msg("%s", bad[i]);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_special_is_not_public),
        cmocka_unit_test(a_network_holds_its_own),
        cmocka_unit_test(what_is_no_network_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
