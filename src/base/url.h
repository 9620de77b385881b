/* url.h - base URLs of providers and the choice of a proxy. Pure; ranges point into what was given. */
#ifndef WEIR_BASE_URL_H
#define WEIR_BASE_URL_H

#include "base/str.h"

struct url {
    bool tls;
    struct str host; /* without brackets */
    uint16_t port;
    struct str path;      /* without a slash at its end */
    struct str unix_path; /* of unix:/path; empty otherwise */
};

/* http://host[:port][/path], https://..., unix:/path. NULL: fine; else what is wrong, as a sentence. */
const char *url_parse(struct str text, struct url *url);

/* Which proxy serves this URL, or an empty range: HTTPS_PROXY or HTTP_PROXY by its scheme, unless NO_PROXY names the
 * host (as curl reads it: names and their subdomains, addresses, `*`, each with or without a port). Loopback is never
 * proxied. */
struct str url_proxy(const struct url *url, struct str https_proxy, struct str http_proxy, struct str no_proxy);

/* The host of HOST, HOST:PORT, [IPV6] or [IPV6]:PORT, without its brackets. false: the text is none of these. */
bool host_split(struct str authority, struct str *host);
bool host_is_loopback(struct str host);

/* Whatever a server may make of this path: neither `.` nor `..` as a segment, however it is escaped, no backslash, no
 * control character, no empty segment but at the end, no escape that is none. */
bool url_path_stays(struct str path);
/* The same of a name that becomes a part of a path, slashes and all: no empty segment anywhere, no `?` or `#`. */
bool url_name_stays(struct str name);

#endif
