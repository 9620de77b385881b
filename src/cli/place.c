/* place.c - where the running gateway is, and its admin key: as given, by variables, else as the configuration says
 * that `serve` would read. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/url.h"
#include "cli/cli.h"
#include "gateway/gateway.h"

static const char *variable(const char *name) {
    const char *value = getenv(name);
    return value && *value ? value : NULL;
}

/* ADDRESS:PORT or unix:PATH as a URL; who listens everywhere is reached over loopback. false: the port is another one
 * at each start. */
static bool place_url(const struct config_where *where, struct cli_place *place) {
    static const struct {
        struct str all, loopback;
    } wildcards[] = {
        {STR("0.0.0.0:"), STR("127.0.0.1:")}, {STR("[::]:"), STR("[::1]:")}, {STR("[::0]:"), STR("[::1]:")}};
    struct text url = TEXT_IN_STRING(place->url);
    struct str address = where->address, host;
    bool unix_path = str_starts(address, STR("unix:"));
    if (!unix_path) text_put(&url, where->tls ? STR("https://") : STR("http://"));
    for (size_t i = 0; i < sizeof wildcards / sizeof *wildcards; i++) {
        if (!str_starts(address, wildcards[i].all)) continue;
        text_put(&url, wildcards[i].loopback);
        address = str_slice(address, wildcards[i].all.len, address.len);
    }
    text_put(&url, address);
    place->url[url.len] = 0;
    size_t scheme = where->tls ? sizeof "https://" - 1 : sizeof "http://" - 1;
    /* As with http:// there, whoever may listen on this machine's port is believed; its certificate names another. */
    place->unverified = where->tls && !unix_path && host_split(str_slice(text_str(&url), scheme, url.len), &host) &&
                        host_is_loopback(host);
    return !url.failed && (unix_path || !str_ends(address, STR(":0")));
}

static void place_key_read(const char *folder, struct cli_place *place) {
    char path[1100];
    const char *problem = "";
    snprintf(path, sizeof path, "%s/admin.key", folder);
    snprintf(place->key_from, sizeof place->key_from, "%s", path);
    int descriptor = file_open(path, 0, &problem);
    ssize_t got = descriptor < 0 ? 0 : read(descriptor, place->key_text, sizeof place->key_text - 1);
    if (descriptor >= 0) close(descriptor);
    struct str key = str_trim(str_make(place->key_text, got > 0 ? (size_t)got : 0));
    memmove(place->key_text, key.at, key.len);
    place->key_text[key.len] = 0;
    if (!key.len)
        snprintf(place->key_from, sizeof place->key_from, "%s: %s", path, got < 0 || !*problem ? "empty" : problem);
}

static bool place_is_near(const char *url) {
    struct url parsed;
    return !url_parse(str_from(url), &parsed) && (parsed.unix_path.len || host_is_loopback(parsed.host));
}

/* What the configuration says. false: it cannot be told, which *problem says. */
static bool place_configured(const struct cli_gateway *gateway, bool wants_url, struct cli_place *place, char *folder,
                             size_t folder_size, char *problem, size_t problem_size) {
    struct arena arena;
    char buffer[1024];
    struct config_where where;
    struct str why = STR("");
    const char *path = cli_config_path(gateway->config, buffer, sizeof buffer);
    arena_init(&arena, 4096, 1024 * 1024);
    bool found = hash_start() && library_config_where(path, &arena, &where, &why);
    if (found) str_copy(folder, folder_size, where.state_dir);
    if (found && wants_url) {
        str_copy(place->from, sizeof place->from,
                 where.said.len ? where.said
                 : path         ? STR("by default")
                                : STR("WEIR_LISTEN, or by default"));
        if (!place_url(&where, place)) {
            found = false;
            why = arena_printf(&arena, "%s: `%.*s` is another port at each start", place->from, STR_ARG(where.address));
        }
    }
    str_copy(problem, problem_size, why);
    arena_free(&arena);
    return found;
}

bool cli_place_find(const struct cli_gateway *gateway, struct cli_place *place) {
    const char *url = gateway->url ? gateway->url : variable("WEIR_URL"), *state = variable("WEIR_STATE_DIR");
    const char *key = gateway->key ? gateway->key : variable("WEIR_ADMIN_KEY");
    char folder[1024] = "", problem[640] = "";
    *place = (struct cli_place){.unverified = false};
    snprintf(place->key_from, sizeof place->key_from, "%s", gateway->key ? "--admin-key" : "WEIR_ADMIN_KEY");
    if (url) {
        snprintf(place->url, sizeof place->url, "%s", url);
        snprintf(place->from, sizeof place->from, "%s", gateway->url ? "--url" : "WEIR_URL");
    }
    bool keyed = key || state, told = url && keyed;
    if (!told) told = place_configured(gateway, !url, place, folder, sizeof folder, problem, sizeof problem);
    if (!told && (!url || gateway->config)) {
        fprintf(stderr, "weir: where the gateway is cannot be told: %s. Give it by --url or WEIR_URL.\n", problem);
        return false;
    }
    if (key)
        snprintf(place->key_text, sizeof place->key_text, "%s", key);
    else if (state && (!url || place_is_near(url)))
        place_key_read(state, place);
    else if (!state && folder[0] &&
             (!url || gateway->config || place_is_near(url))) /* another's gateway is not told this one's key */
        place_key_read(folder, place);
    else
        snprintf(place->key_from, sizeof place->key_from, "none");
    return true;
}
