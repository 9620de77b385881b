/* url.c - RFC 3986 cut down to what a base URL may be: no user, no query, no fragment. */
#include "base/url.h"

static const char *authority_parse(struct str authority, struct url *url) {
    size_t colon = SIZE_MAX;
    if (authority.len && authority.at[0] == '[') {
        size_t close = str_find_byte(authority, ']');
        if (close == SIZE_MAX) return "the address has no closing bracket";
        url->host = str_slice(authority, 1, close);
        if (close + 1 < authority.len) {
            if (authority.at[close + 1] != ':') return "something stands behind the address";
            colon = close + 1;
        }
    } else {
        colon = str_find_byte(authority, ':');
        url->host = str_slice(authority, 0, colon);
    }
    if (url->host.len == 0 || url->host.len > 253) return "there is no host";
    if (!str_is_alnum(url->host, ".-_:")) return "the host holds a forbidden character";
    if (colon == SIZE_MAX) return NULL;
    uint64_t port;
    if (!str_to_u64(str_slice(authority, colon + 1, authority.len), &port) || port == 0 || port > 65535)
        return "the port is not 1 to 65535";
    url->port = (uint16_t)port;
    return NULL;
}

const char *url_parse(struct str text, struct url *url) {
    *url = (struct url){.tls = false};
    if (str_starts(text, STR("unix:"))) {
        url->unix_path = str_slice(text, 5, text.len);
        return url->unix_path.len && url->unix_path.at[0] == '/' ? NULL : "unix: needs an absolute path";
    }
    if (str_starts_nocase(text, STR("https://")))
        url->tls = true;
    else if (!str_starts_nocase(text, STR("http://")))
        return "it must begin with http:// or https://";
    url->port = url->tls ? 443 : 80;
    struct str rest = str_slice(text, url->tls ? 8 : 7, text.len);
    size_t slash = str_find_byte(rest, '/');
    struct str authority = str_slice(rest, 0, slash);
    url->path = slash == SIZE_MAX ? STR("") : str_slice(rest, slash, rest.len);
    while (url->path.len && url->path.at[url->path.len - 1] == '/') url->path.len--;
    for (size_t i = 0; i < text.len; i++)
        if ((unsigned char)text.at[i] <= 0x20 || (unsigned char)text.at[i] >= 0x7f)
            return "it holds a blank or a character that is not ASCII";
    if (str_find_byte(rest, '?') != SIZE_MAX || str_find_byte(rest, '#') != SIZE_MAX)
        return "it must have no query and no fragment";
    if (str_find_byte(authority, '@') != SIZE_MAX) return "it must hold no user name: a credential goes into api_key";
    return authority_parse(authority, url);
}

bool host_split(struct str authority, struct str *host) {
    size_t end = str_find_byte(authority, ':');
    bool bracketed = authority.len && authority.at[0] == '[';
    if (bracketed) {
        end = str_find_byte(authority, ']');
        if (end == SIZE_MAX) return false;
        *host = str_slice(authority, 1, end++);
    } else {
        *host = str_slice(authority, 0, end);
    }
    if (!str_is_alnum(*host, bracketed ? ".:%" : ".-_")) return false;
    if (host->len == 0 || host->len > 253) return false;
    struct str rest = str_slice(authority, end, authority.len);
    uint64_t port;
    return rest.len == 0 ||
           (rest.at[0] == ':' && (rest.len == 1 || (str_to_u64(str_slice(rest, 1, rest.len), &port) && port <= 65535)));
}

/* Digits and dots only: a name such as 127.example.com may resolve to anything. */
static bool ipv4_loopback(struct str host) {
    for (size_t i = 0; i < host.len; i++)
        if (host.at[i] != '.' && (host.at[i] < '0' || host.at[i] > '9')) return false;
    return str_starts(host, STR("127."));
}

bool host_is_loopback(struct str host) {
    return str_eq_nocase(host, STR("localhost")) || str_eq(host, STR("::1")) || ipv4_loopback(host);
}

static bool no_proxy_names(struct str list, const struct url *url) {
    struct str entry;
    while (str_split_next(&list, ',', &entry)) {
        entry = str_trim(entry);
        if (str_eq(entry, STR("*"))) return true;
        size_t colon = str_find_byte(entry, ':');
        uint64_t port;
        if (colon != SIZE_MAX && str_to_u64(str_slice(entry, colon + 1, entry.len), &port)) {
            if (port != url->port) continue;
            entry = str_slice(entry, 0, colon);
        }
        while (entry.len && entry.at[0] == '.') entry = str_slice(entry, 1, entry.len);
        if (entry.len == 0 || url->host.len < entry.len) continue;
        struct str tail = str_slice(url->host, url->host.len - entry.len, url->host.len);
        bool whole = url->host.len == entry.len || url->host.at[url->host.len - entry.len - 1] == '.';
        if (whole && str_eq_nocase(tail, entry)) return true;
    }
    return false;
}

struct str url_proxy(const struct url *url, struct str https_proxy, struct str http_proxy, struct str no_proxy) {
    struct str proxy = url->tls ? https_proxy : http_proxy;
    if (proxy.len == 0 || url->unix_path.len || host_is_loopback(url->host) || no_proxy_names(no_proxy, url))
        return STR("");
    return proxy;
}

/* -- paths -- */

/* What a second decoding would make a dot, a slash or a backslash, or would have to be decoded once more. */
static bool is_escape_of_separator(struct str path, size_t at) {
    static const struct str digits[] = {STR("2e"), STR("2f"), STR("5c"), STR("25")};
    for (size_t i = 0; i < sizeof digits / sizeof *digits; i++)
        if (str_eq_nocase(str_slice(path, at, at + 2), digits[i])) return true;
    return false;
}

/* open_ends: it may begin and end with a slash. */
static bool stays(struct str path, bool open_ends) {
    size_t dots = 0, others = 0;
    for (size_t i = 0; i <= path.len; i++) {
        int c = i < path.len ? (unsigned char)path.at[i] : '/';
        if (c == '%' && i < path.len) {
            int high = i + 2 < path.len ? str_hex_digit(path.at[i + 1]) : -1,
                low = high < 0 ? -1 : str_hex_digit(path.at[i + 2]);
            if (low < 0) return false;
            c = high * 16 + low;
            i += 2;
        }
        if (c <= 0x20 || c == 0x7f || c == '\\' || c == 0xc0 || c == 0xc1) return false; /* no UTF-8: overlong */
        if (c == ';' && others == 0 && (dots == 1 || dots == 2)) return false;           /* Java's servers: ..;x/ */
        if (c == '%' && is_escape_of_separator(path, i + 1)) return false;               /* decoded twice */
        if (c == '.') {
            dots++;
        } else if (c != '/') {
            others++;
        } else {
            if (others == 0 && (dots == 1 || dots == 2)) return false;
            bool end = i == 0 || i >= path.len;
            if (others + dots == 0 && !(open_ends && end)) return false;
            dots = others = 0;
        }
    }
    return true;
}

bool url_path_stays(struct str path) { return stays(path, true); }

bool url_name_stays(struct str name) {
    return str_find_byte(name, '?') == SIZE_MAX && str_find_byte(name, '#') == SIZE_MAX && stays(name, false);
}
