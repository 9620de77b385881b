/* network.c - tables of what is special. Source: IANA IPv4 and IPv6 Special-Purpose Address Registries (RFC 6890 and
 * its updates). */
#include "base/network.h"

#include <arpa/inet.h>
#include <string.h>

#include "base/check.h"

/* What of IPv4 is not public. */
static const struct network special4[] = {
    {{0}, 4, 8},             /* this network */
    {{10}, 4, 8},            /* private */
    {{100, 64}, 4, 10},      /* shared with the carrier */
    {{127}, 4, 8},           /* loopback */
    {{169, 254}, 4, 16},     /* link-local: metadata services of clouds */
    {{172, 16}, 4, 12},      /* private */
    {{192, 0, 0}, 4, 24},    /* protocol assignments */
    {{192, 0, 2}, 4, 24},    /* documentation */
    {{192, 31, 196}, 4, 24}, /* AS112 */
    {{192, 52, 193}, 4, 24}, /* AMT */
    {{192, 88, 99}, 4, 24},  /* 6to4 relays */
    {{192, 168}, 4, 16},     /* private */
    {{192, 175, 48}, 4, 24}, /* AS112 */
    {{198, 18}, 4, 15},      /* benchmarks */
    {{198, 51, 100}, 4, 24}, /* documentation */
    {{203, 0, 113}, 4, 24},  /* documentation */
    {{224}, 4, 4},           /* multicast */
    {{240}, 4, 4},           /* reserved, broadcast */
};
/* What of IPv6's global unicast (2000::/3) is not; nothing outside of that is. */
static const struct network global6 = {{0x20}, 16, 3};
static const struct network special6[] = {
    {{0x20, 0x01}, 16, 23},                /* protocol assignments, Teredo among them */
    {{0x20, 0x01, 0x0d, 0xb8}, 16, 32},    /* documentation */
    {{0x20, 0x02}, 16, 16},                /* 6to4 */
    {{0x26, 0x20, 0, 0x4f, 0x80}, 16, 48}, /* AS112 */
    {{0x3f, 0xff}, 16, 20},                /* documentation */
};
static const unsigned char mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

bool network_holds(const struct network *network, const unsigned char *address, unsigned len) {
    CHECKF((len == 4 || len == 16) && network->bits <= 8 * network->len, "len=%u bits=%u", len, network->bits);
    if (network->len == 4 && len == 16 && !memcmp(address, mapped, sizeof mapped)) {
        address += sizeof mapped;
        len = 4;
    }
    if (network->len != len) return false;
    unsigned whole = network->bits / 8, rest = network->bits % 8;
    if (memcmp(network->bytes, address, whole) != 0) return false;
    return rest == 0 || (network->bytes[whole] ^ address[whole]) >> (8 - rest) == 0;
}

bool network_is_public(const unsigned char *address, unsigned len) {
    if (len == 16 && !memcmp(address, mapped, sizeof mapped)) return network_is_public(address + sizeof mapped, 4);
    if (len == 4) {
        for (size_t i = 0; i < sizeof special4 / sizeof *special4; i++)
            if (network_holds(&special4[i], address, len)) return false;
        return true;
    }
    if (len != 16 || !network_holds(&global6, address, len)) return false;
    for (size_t i = 0; i < sizeof special6 / sizeof *special6; i++)
        if (network_holds(&special6[i], address, len)) return false;
    return true;
}

bool network_parse(struct str text, struct network *network) {
    char address[64];
    size_t slash = str_find_byte(text, '/');
    struct str host = str_slice(text, 0, slash);
    uint64_t bits;
    *network = (struct network){.len = 0};
    if (host.len == 0 || host.len >= sizeof address) return false;
    str_copy(address, sizeof address, host);
    if (inet_pton(AF_INET, address, network->bytes) == 1)
        network->len = 4;
    else if (inet_pton(AF_INET6, address, network->bytes) == 1)
        network->len = 16;
    else
        return false;
    bits = 8 * network->len;
    if (slash != SIZE_MAX && (!str_to_u64(str_slice(text, slash + 1, text.len), &bits) || bits > 8 * network->len))
        return false;
    network->bits = (unsigned)bits;
    return true;
}
