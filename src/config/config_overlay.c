/* config_overlay.c - the overlay merged over the configuration: both are checked in their own right first, so that
 * synonyms are resolved and references of the file expanded. Never lets a credential of one origin meet another. */
#include "config/config_overlay.h"

#include <stdio.h>
#include <string.h>

#include "base/limits.h"
#include "config/config_overlay_tree.h"
#include "config/config_read.h"

enum { overlay_entries_max = 4096 };

struct merging {
    struct config_reading *reading;
    struct config_node *providers; /* of the configuration */
};

bool config_overlay_removed(const struct config_reading *reading, struct str provider) {
    for (const struct config_node *node = reading->removed; node; node = node->next)
        if (str_eq(node->key, provider)) return true;
    return false;
}

static void shape_report(struct config_reading *reading, const struct config_node *at, const char *sentence) {
    config_report(reading, at, config_error, "%s", sentence);
}

/* The overlay's `providers`, every node marked; NULL: none, or a problem was reported. */
static struct config_node *overlay_parse(struct config_reading *reading) {
    struct config_place place;
    struct config_node *root = config_yaml_parse(reading->input->overlay_text, 0, &reading->config->arena, &place);
    if (!root) {
        struct config_node at = {.line = place.line, .column = place.column, .overlay = true};
        config_report(reading, &at, config_error, "%s", place.message);
        return NULL;
    }
    overlay_mark(root);
    if (root->kind == config_scalar && root->text.len == 0) return NULL; /* an empty file */
    struct config_node *providers = config_member(root, STR("providers"));
    if (root->kind != config_map || root->count != (providers ? 1u : 0u))
        shape_report(reading, root, "the run-time overlay holds `providers` and nothing else");
    else if (providers && (providers->kind == config_list || (providers->kind == config_scalar && providers->text.len)))
        shape_report(reading, providers, "`providers` must be a map of names");
    else
        return root;
    return NULL;
}

/* -- origins -- */

struct origin {
    struct str server; /* https://api.openai.com:443 */
    struct str whole;  /* with the way: who stands between could read what is sent */
};

static struct str server_of(struct merging *merging, const struct config_node *node, struct str name) {
    struct arena *arena = &merging->reading->config->arena;
    const struct section section = {section_provider, node};
    struct str base_url = read_str(section, "base_url"), type = read_type(node, name);
    const struct catalog_provider *row = map_find(&merging->reading->catalog.by_type, type);
    struct url url;
    if (base_url.len == 0 && str_eq(type, STR("simulated"))) return type;
    if (base_url.len == 0 && row) {
        base_url = row->base_url;
        size_t at = str_find(base_url, STR("{account}"));
        if (at != SIZE_MAX)
            base_url = arena_printf(
                arena, "%.*s%.*s%.*s", STR_ARG(str_slice(base_url, 0, at)),
                STR_ARG(read_is_written(section, "account") ? read_str(section, "account") : STR("account")),
                STR_ARG(str_slice(base_url, at + 9, base_url.len)));
    }
    if (url_parse(base_url, &url)) return base_url; /* the build says why it is not valid */
    if (url.unix_path.len) return arena_printf(arena, "unix:%.*s", STR_ARG(url.unix_path));
    return arena_printf(arena, "%s://%.*s:%u", url.tls ? "https" : "http", STR_ARG(url.host), url.port);
}

/* host:port as it will be dialled: without the user and password, which are not for another file. */
static struct str proxy_of(const struct config_node *node) {
    struct str proxy = read_str((struct section){section_provider, node}, "proxy");
    if (proxy.len == 0) return STR("environment");
    if (str_starts_nocase(proxy, STR("http://"))) proxy = str_slice(proxy, 7, proxy.len);
    proxy = str_slice(proxy, 0, str_find_byte(proxy, '/'));
    for (size_t at; (at = str_find_byte(proxy, '@')) != SIZE_MAX;) proxy = str_slice(proxy, at + 1, proxy.len);
    return proxy;
}

/* Where a provider's credentials go. */
static struct origin config_overlay_origin_of(struct merging *merging, const struct config_node *node,
                                              struct str name) {
    const struct section section = {section_provider, node};
    struct origin origin = {.server = server_of(merging, node, name)};
    struct str ca_file = read_is_written(section, "ca_file") ? read_str(section, "ca_file") : STR("system");
    origin.whole = arena_printf(&merging->reading->config->arena, "%.*s proxy=%.*s ca_file=%.*s insecure=%s",
                                STR_ARG(origin.server), STR_ARG(proxy_of(node)), STR_ARG(ca_file),
                                read_bool(section, "insecure") ? "true" : "false");
    return origin;
}

bool config_origin_is(struct str meant, struct str server, struct str origin) {
    if (str_eq(meant, origin)) return true;
    return str_find(meant, STR(" insecure=")) == SIZE_MAX && str_eq(meant, server); /* of an older overlay */
}

static bool same_server(struct str origin, struct str server) {
    return str_starts(origin, server) && (origin.len == server.len || origin.at[server.len] == ' ');
}

const struct config_origin *config_overlay_origin_note(struct config_reading *reading,
                                                       const struct config_node *provider) {
    struct merging merging = {.reading = reading};
    struct config *config = reading->config;
    struct config_origin *remembered = arena_take_zeroed(&config->arena, sizeof *remembered);
    if (!remembered) return NULL;
    struct origin origin = config_overlay_origin_of(&merging, provider, provider->key);
    *remembered = (struct config_origin){
        .next = config->origins, .provider = provider->key, .server = origin.server, .origin = origin.whole};
    return config->origins = remembered;
}

struct str config_overlay_proxy(const struct config_node *provider) {
    return proxy_of(provider);
}

/* Takes out what was given for another origin: `given` of the configuration's credentials, and what each of the
 * overlay's says of itself. */
static void credentials_keep_apart(struct merging *merging, struct config_node *node, struct str given,
                                   struct overlay_marks marks) {
    struct origin origin = config_overlay_origin_of(merging, node, node->key);
    for (size_t i = 0; i < overlay_credential_count; i++) {
        struct config_node *credential = config_member(node, overlay_credentials[i].key);
        if (!credential) continue;
        struct str meant = !credential->overlay ? given : overlay_marks_origin(&marks, i);
        if (meant.len == 0 || config_origin_is(meant, origin.server, origin.whole)) continue;
        config_report(merging->reading, marks.entry, config_warning,
                      "provider `%.*s` is now reached at another server or on another way (base URL, proxy, ca_file, "
                      "insecure): its `%.*s` was given for the one before and is not sent there; give it again",
                      STR_ARG(str_slice(node->key, 0, 64)), STR_ARG(overlay_credentials[i].key));
        overlay_take_out(node, overlay_credentials[i].key);
        if (node->way == way_as_it_was) node->way = same_server(meant, origin.server) ? way_other : way_other_server;
    }
}

/* Where it leads beside where the configuration, or for an added one its type, does. */
static enum config_way way_of(struct merging *merging, const struct config_node *node, struct str given) {
    struct config_node plain = {.kind = config_map};
    struct origin origin = config_overlay_origin_of(merging, node, node->key);
    if (given.len == 0) given = config_overlay_origin_of(merging, &plain, read_type(node, node->key)).whole;
    if (str_eq(given, origin.whole)) return way_as_it_was;
    return same_server(given, origin.server) ? way_other : way_other_server;
}

/* -- merging -- */

static void provider_remove(struct merging *merging, struct config_node *entry) {
    overlay_take_out(merging->providers, entry->key);
    entry->next = merging->reading->removed;
    merging->reading->removed = entry;
}

static void provider_merge(struct merging *merging, struct config_node *entry, const struct overlay_marks *marks) {
    struct config_node *file = config_member(merging->providers, entry->key);
    if (file && file->kind == config_scalar) file->kind = config_map; /* NAME: with nothing behind it */
    struct str given = file ? config_overlay_origin_of(merging, file, file->key).whole : STR("");
    if (marks->added) {
        overlay_take_out(merging->providers, entry->key);
        overlay_put(merging->providers, entry);
        given = STR("");
        file = entry;
    } else if (!file) {
        config_report(merging->reading, entry, config_warning,
                      "provider `%.*s` was changed at run time and is not in the configuration any more: the change is "
                      "left aside (`weir provider reset %.*s` drops it)",
                      STR_ARG(str_slice(entry->key, 0, 64)), STR_ARG(str_slice(entry->key, 0, 64)));
        return;
    } else {
        overlay_put_all(file, entry);
    }
    for (struct config_node *inner = file->first; inner; inner = inner->next)
        config_map_index(inner, &merging->reading->config->arena);
    file->edited = true;
    file->way = way_of(merging, file, given);
    credentials_keep_apart(merging, file, given, *marks);
}

/* The built-in provider stands in where there is no other: not beside one that was added. */
static void simulated_give_way(struct merging *merging, const struct config_node *entries) {
    struct config_node *only = merging->providers->first;
    if (merging->reading->input->text.at || merging->providers->count != 1 || !str_eq(only->key, STR("simulated")))
        return;
    for (const struct config_node *entry = entries->first; entry; entry = entry->next)
        if (overlay_says(entry, "added") && read_bool((struct section){section_provider, entry}, "enabled") &&
            !str_eq(entry->key, only->key)) {
            overlay_take_out(merging->providers, only->key);
            return;
        }
}

void config_overlay_merge(struct config_reading *reading, struct config_node *root) {
    struct merging merging = {.reading = reading, .providers = config_member(root, STR("providers"))};
    struct config_node *overlay = reading->input->overlay_text.at ? overlay_parse(reading) : NULL;
    struct config_node *entries = config_member(overlay, STR("providers"));
    if (!entries || entries->kind != config_map || entries->count == 0) return;
    if (!merging.providers || (merging.providers->kind == config_scalar && merging.providers->text.len == 0)) {
        if (merging.providers) overlay_take_out(root, STR("providers"));
        merging.providers = overlay_map_new(&reading->config->arena, STR("providers"));
        if (!merging.providers) return;
        overlay_put(root, merging.providers);
    }
    if (merging.providers->kind != config_map) return;      /* the check has complained */
    if (merging.providers->count > limit_providers) return; /* and here the build will */
    if (entries->count > overlay_entries_max) {
        config_report(reading, entries, config_error, "more than %d providers in the run-time overlay",
                      overlay_entries_max);
        return;
    }
    simulated_give_way(&merging, entries);
    struct config_node *entry = entries->first, *next;
    size_t count = entries->count;
    struct overlay_marks *marks = arena_take_zeroed(&reading->config->arena, count * sizeof *marks);
    for (size_t i = 0; marks && entry && i < count; i++, entry = entry->next) {
        if (entry->kind == config_scalar && entry->text.len == 0) entry->kind = config_map;
        if (!overlay_vault_put_back(entry, &reading->config->arena))
            config_report(reading, entry, config_error,
                          "the run-time overlay says in a way that cannot be read what of `%.*s` stands in the vault",
                          STR_ARG(str_slice(entry->key, 0, 64)));
        marks[i] = overlay_marks_take(entry);
    }
    if (!marks) return;
    config_check(reading, overlay);
    entry = entries->first;
    for (size_t i = 0; entry && i < count; i++, entry = next) {
        next = entry->next;
        if (entry->kind != config_map) continue; /* the check has complained */
        if (marks[i].removed)
            provider_remove(&merging, entry);
        else
            provider_merge(&merging, entry, &marks[i]);
    }
}
