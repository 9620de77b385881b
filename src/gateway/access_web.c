/* access_web.c - see access_web.h. */
#include "gateway/access_web.h"

#include "base/url.h"
#include "snapshot/jwt.h"

bool web_is_loopback(struct str authority) {
    struct str host;
    return host_split(authority, &host) && host_is_loopback(host);
}

bool web_origin_is_loopback(struct str origin) {
    size_t scheme = str_starts_nocase(origin, STR("http://"))    ? 7
                    : str_starts_nocase(origin, STR("https://")) ? 8
                                                                 : 0; /* an extension's page is no page of ours */
    return scheme && web_is_loopback(str_slice(origin, scheme, origin.len));
}

bool web_is_made_by_another_page(const struct http_request *request, bool open_to_all) {
    struct str site = http_header_find(request->headers, request->header_count, STR("sec-fetch-site"));
    if (!site.len || str_eq(site, STR("same-origin")) || str_eq(site, STR("none"))) return false;
    bool followed =
        request->method == http_get && open_to_all &&
        str_eq(http_header_find(request->headers, request->header_count, STR("sec-fetch-mode")), STR("navigate")) &&
        str_eq(http_header_find(request->headers, request->header_count, STR("sec-fetch-dest")), STR("document"));
    return !followed;
}

struct str web_query_key(struct str query, char *buffer, size_t size) {
    struct str pair;
    while (str_split_next(&query, '&', &pair)) {
        if (!str_starts(pair, STR("key="))) continue;
        struct str key = str_slice(pair, 4, pair.len);
        return jwt_is_alike(key) ? key : str_percent_decode(key, buffer, size);
    }
    return STR("");
}
