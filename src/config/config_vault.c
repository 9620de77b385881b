/* config_vault.c - what stands in the vault for a provider, opened: last of all that is done to the tree, when it is
 * known where each provider leads. Must never: open an entry for a provider that is switched off, or for another
 * origin than the one that the provider now has. */
#include <stdio.h>

#include "base/limits.h"
#include "config/config_overlay.h"
#include "config/config_overlay_tree.h"
#include "config/config_read.h"
#include "config/config_vault.h"

struct opening {
    struct config_reading *reading;
    struct config_node *provider;
    struct str origin;
};

/* What it holds into *secrets; 0: it is lost, which was reported, and the node goes. */
static size_t secrets_open(const struct opening *opening, const struct config_node *node, struct str origin,
                           struct str secrets[2]) {
    struct config_reading *reading = opening->reading;
    const struct config_input *input = reading->input;
    struct error error = {.code = error_none};
    size_t count = 0;
    enum config_vault_found found = config_vault_refused;
    if (input->vault_open)
        found = input->vault_open(input->context, node->vault, opening->provider->key, origin, &reading->config->arena,
                                  secrets, &count, &error);
    else
        error_set(&error, error_bad_configuration, "there is no vault here: use ${NAME} or file:PATH");
    secrets[0] = count ? secrets[0] : STR("not-known-here"); /* where there is an error, or nobody is asked */
    switch (found) {
    case config_vault_opened: return count;
    case config_vault_known: /* once: it is so for all of them */
        if (!reading->vault_locked) config_report(reading, node, config_warning, "%s", error.message);
        reading->vault_locked = true;
        return 1;
    case config_vault_refused: config_report(reading, node, config_error, "%s", error.message); return 1;
    case config_vault_damaged: config_report(reading, node, config_warning, "%s", error.message); return 0;
    }
    return 0;
}

static void secret_put(struct config_node *node, struct str secret) {
    node->text = secret;
    node->referred = node->quoted = true;
}

/* Those of before stand at the end, for when no other does. */
static void keys_open(const struct opening *opening, struct config_node *keys) {
    struct arena *arena = &opening->reading->config->arena;
    struct config_node list = {.kind = config_list, .key = keys->key}, olds = {.kind = config_list};
    struct str secrets[2];
    if (keys->kind == config_map) return; /* the check has complained */
    struct config_node alone = *keys;
    alone.next = NULL;
    for (struct config_node *key = keys->kind == config_list ? keys->first : &alone, *next; key; key = next) {
        next = key->next;
        size_t count = key->vault.len ? secrets_open(opening, key, opening->origin, secrets) : 1;
        if (count == 2) {
            struct config_node *old = overlay_scalar_new(arena, STR(""), secrets[1], true);
            if (old) old->vault = key->vault, overlay_put(&olds, old);
        }
        if (key->vault.len && count) secret_put(key, secrets[0]);
        if (key == &alone) {
            key = overlay_scalar_new(arena, STR(""), alone.text, true);
            if (key) key->vault = alone.vault;
        }
        if (count && key) overlay_put(&list, key);
    }
    if (!list.count) {
        if (keys->kind == config_list && !keys->count) return;
        overlay_take_out(opening->provider, keys->key);
        opening->provider->way = way_other; /* nor is the environment's key one for it */
        return;
    }
    size_t standby = olds.count;
    for (struct config_node *old = olds.first, *next; old; old = next) {
        next = old->next;
        overlay_put(&list, old);
    }
    keys->kind = config_list;
    keys->first = list.first;
    keys->last = NULL;
    keys->index = NULL;
    keys->count = list.count;
    keys->standby = standby;
}

static bool holds_vaulted(const struct config_node *node) {
    bool any = node && node->vault.len;
    for (const struct config_node *one = node ? node->first : NULL; one && !any; one = one->next) any = one->vault.len;
    return any;
}

static void headers_open(const struct opening *opening, struct config_node *headers) {
    struct str secrets[2];
    for (struct config_node *header = headers->first, *next; header; header = next) {
        next = header->next;
        if (!header->vault.len) continue;
        if (secrets_open(opening, header, opening->origin, secrets))
            secret_put(header, secrets[0]);
        else
            overlay_take_out(headers, header->key);
    }
}

/* Its user and password go in before the host. */
static void proxy_open(const struct opening *opening, struct config_node *proxy) {
    struct arena *arena = &opening->reading->config->arena;
    struct str secrets[2], origin = arena_printf(arena, "proxy %.*s", STR_ARG(config_overlay_proxy(opening->provider)));
    if (!origin.at || !secrets_open(opening, proxy, origin, secrets)) return;
    size_t scheme = str_find(proxy->text, STR("://")), from = scheme == SIZE_MAX ? 0 : scheme + 3;
    struct str before = arena_join(arena, str_slice(proxy->text, 0, from), secrets[0]),
               behind = arena_join(arena, STR("@"), str_slice(proxy->text, from, proxy->text.len));
    secret_put(proxy, arena_join(arena, before, behind));
}

void config_vault_open(struct config_reading *reading, struct config_node *root) {
    static const struct str names[] = {STR("api_key"), STR("api_keys")};
    const struct config_node *providers = config_member(root, STR("providers"));
    if (!providers || providers->kind != config_map || providers->count > limit_providers) return;
    for (struct config_node *provider = providers->first; provider; provider = provider->next) {
        if (provider->kind != config_map) continue;
        const struct config_origin *origin = config_overlay_origin_note(reading, provider);
        if (!origin || !read_bool((struct section){section_provider, provider}, "enabled")) continue;
        struct opening opening = {reading, provider, origin->origin};
        for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
            struct config_node *keys = config_member(provider, names[i]);
            if (holds_vaulted(keys)) keys_open(&opening, keys);
        }
        struct config_node *headers = config_member(provider, STR("headers")),
                           *proxy = config_member(provider, STR("proxy"));
        if (headers && headers->kind == config_map && holds_vaulted(headers)) headers_open(&opening, headers);
        if (holds_vaulted(proxy)) proxy_open(&opening, proxy);
    }
}

void config_vault_keys_note(const struct config_node *node, struct provider *provider, struct arena *arena) {
    const struct config_node *keys = config_member(node, STR("api_keys"));
    if (!keys) keys = config_member(node, STR("api_key"));
    if (!holds_vaulted(keys) || keys->kind != config_list || keys->count != provider->key_count) return;
    provider->key_entries = arena_take_zeroed(arena, (provider->key_count + 1) * sizeof *provider->key_entries);
    provider->key_standby = keys->standby;
    size_t place = 0;
    for (const struct config_node *key = keys->first; key && provider->key_entries; key = key->next)
        provider->key_entries[place++] = arena_copy(arena, key->vault);
}
