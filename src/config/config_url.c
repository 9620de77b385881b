/* config_url.c - base URLs that are valid and hardly meant: a path that weir adds itself, keys in clear on their way.
 */
#include "base/network.h"
#include "config/config.h"
#include "config/config_decisions.h"

/* Loopback, a private network, a name without a dot: nobody else listens there. */
static bool is_near(struct str host) {
    static const char *const near[] = {"127.0.0.0/8",    "10.0.0.0/8",     "172.16.0.0/12",
                                       "192.168.0.0/16", "169.254.0.0/16", "100.64.0.0/10",
                                       "::1/128",        "fc00::/7",       "fe80::/10"};
    struct network address, range;
    if (!network_parse(host, &address))
        return str_find_byte(host, '.') == SIZE_MAX || str_ends(host, STR(".local")) ||
               str_ends(host, STR(".internal")) || str_ends(host, STR(".localhost"));
    for (size_t i = 0; i < sizeof near / sizeof *near; i++)
        if (network_parse(str_from(near[i]), &range) && network_holds(&range, address.bytes, address.len)) return true;
    return false;
}

/* What is valid and hardly meant. */
void base_url_look(struct config_reading *reading, const struct config_node *at, const struct provider *provider) {
    static const struct str calls[] = {STR("/chat/completions"), STR("/completions"), STR("/embeddings"),
                                       STR("/responses"),        STR("/messages"),    STR("/generateContent")};
    struct str path = provider->base.path;
    while (path.len && path.at[path.len - 1] == '/') path.len--;
    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++)
        if (str_ends(path, calls[i])) {
            config_report(reading, at, config_error,
                          "base_url of `%.*s` ends in `%.*s`, which weir adds itself: leave it off",
                          STR_ARG(provider->name), STR_ARG(calls[i]));
            return;
        }
    if (provider->base.host.len && !provider->base.tls && !provider->base.unix_path.len &&
        !is_near(provider->base.host))
        config_report(reading, at, config_warning,
                      "base_url of `%.*s` is http:// to another network: key and prompts go there in clear, write "
                      "https://",
                      STR_ARG(provider->name));
}
