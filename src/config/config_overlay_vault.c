/* config_overlay_vault.c - the overlay's credentials leave its text for the vault, and come back as nodes that name its
 * entries. Pure: who calls puts what is handed out into the vault, and syncs that before the text.
 *
 *   a: {api_key: sk-..., headers: {X-Key: ..., anthropic-version: ...}, proxy: "http://user:password@host:3128"}
 *   a: {headers: {anthropic-version: ...}, proxy: "http://host:3128",
 *       vault: {api_key: a/rt-1f.., headers: {X-Key: a/rt-2c..}, proxy: a/rt-77..}}
 */
#include <stdio.h>

#include "base/header_names.h"
#include "config/config_overlay.h"
#include "config/config_overlay_tree.h"

static const struct str vault_word = STR("vault");

void overlay_vault_forget(struct config_node *entry, struct str key) {
    struct config_node *vault = config_member(entry, vault_word);
    if (!vault) return;
    overlay_take_out(vault, key);
    if (str_eq(key, STR("api_key"))) overlay_take_out(vault, STR("api_keys"));
    if (str_eq(key, STR("api_keys"))) overlay_take_out(vault, STR("api_key"));
    if (!vault->count) overlay_take_out(entry, vault_word);
}

/* -- back -- */

static struct config_node *id_node(const struct config_node *said, struct arena *arena) {
    struct config_node *node =
        said->kind == config_scalar && said->text.len ? overlay_scalar_new(arena, said->key, said->text, true) : NULL;
    if (!node) return NULL;
    node->vault = node->text;
    node->overlay = node->referred = true;
    node->line = said->line;
    node->column = said->column;
    node->key_line = said->key_line;
    node->key_column = said->key_column;
    return node;
}

/* A list or a map of them, into one of that kind. */
static bool ids_put(struct config_node *into, const struct config_node *said, struct arena *arena) {
    for (const struct config_node *one = said->first; one; one = one->next) {
        struct config_node *node = id_node(one, arena);
        if (!node) return false;
        overlay_put(into, node);
    }
    return true;
}

static struct config_node *group_of(struct config_node *entry, const struct config_node *said, struct arena *arena) {
    struct config_node *group = config_member(entry, said->key);
    if (group && group->kind == said->kind) return group;
    if (group || !(group = overlay_map_new(arena, said->key))) return NULL;
    group->kind = said->kind;
    group->overlay = true;
    group->line = said->line;
    group->column = said->column;
    overlay_put(entry, group);
    return group;
}

bool overlay_vault_put_back(struct config_node *entry, struct arena *arena) {
    const struct config_node *vault = entry->kind == config_map ? overlay_take_out(entry, vault_word) : NULL;
    if (!vault) return true;
    if (vault->kind != config_map) return false;
    for (const struct config_node *said = vault->first; said; said = said->next) {
        bool listed = str_eq(said->key, STR("api_keys")), mapped = str_eq(said->key, STR("headers"));
        struct config_node *node = NULL;
        if (str_eq(said->key, STR("proxy"))) { /* only the password is there */
            struct config_node *proxy = config_member(entry, said->key);
            if (!proxy || proxy->kind != config_scalar || said->kind != config_scalar) return false;
            proxy->vault = said->text;
        } else if (str_eq(said->key, STR("api_key"))) {
            if (!(node = id_node(said, arena))) return false;
            overlay_put(entry, node);
        } else if (listed ? said->kind == config_list : mapped && said->kind == config_map) {
            struct config_node *group = group_of(entry, said, arena);
            if (!group || !ids_put(group, said, arena)) return false;
        } else {
            return false;
        }
    }
    return true;
}

/* -- out -- */

struct vaulting {
    struct arena *arena;
    struct config_node *entry;
    struct str origin;
    uint64_t seed, count;
    struct config_vaulted *first, **last;
};

static struct config_node *vault_map(const struct vaulting *vaulting) {
    struct config_node *vault = config_member(vaulting->entry, vault_word);
    if (!vault && (vault = overlay_map_new(vaulting->arena, vault_word))) overlay_put(vaulting->entry, vault);
    return vault && vault->kind == config_map ? vault : NULL;
}

static struct config_node *vault_group(const struct vaulting *vaulting, struct str key, enum config_kind kind) {
    struct config_node *vault = vault_map(vaulting), *group = config_member(vault, key);
    if (vault && !group && (group = overlay_map_new(vaulting->arena, key))) {
        group->kind = kind;
        overlay_put(vault, group);
    }
    return group && group->kind == kind ? group : NULL;
}

/* Its id in `into`, under this key. Ids are not told from the secret, and no two are the same by chance. */
static bool hand_out(struct vaulting *vaulting, struct config_node *into, struct str key, struct str origin,
                     struct str secret) {
    char digits[17];
    struct text mark = text_in_buffer(digits, sizeof digits);
    text_printf(&mark, "%llu|%llu", (unsigned long long)vaulting->seed & 0xffff, (unsigned long long)++vaulting->count);
    uint64_t name = (str_hash(text_str(&mark)) ^ vaulting->seed) * 0x9e3779b97f4a7c15u;
    struct config_vaulted *vaulted = arena_take_zeroed(vaulting->arena, sizeof *vaulted);
    if (!vaulted || !into) return false;
    *vaulted =
        (struct config_vaulted){.id = arena_printf(vaulting->arena, "%.*s/rt-%012llx", STR_ARG(vaulting->entry->key),
                                                   (unsigned long long)name >> 16),
                                .origin = arena_copy(vaulting->arena, origin),
                                .secret = secret};
    struct config_node *node = vaulted->id.at ? overlay_scalar_new(vaulting->arena, key, vaulted->id, true) : NULL;
    if (!node) return false;
    overlay_put(into, node);
    *vaulting->last = vaulted;
    vaulting->last = &vaulted->next;
    return true;
}

static bool keys_out(struct vaulting *vaulting) {
    struct config_node *one = config_member(vaulting->entry, STR("api_key")),
                       *many = config_member(vaulting->entry, STR("api_keys"));
    bool fine = true;
    if (one && one->kind == config_scalar && one->text.len) {
        overlay_take_out(vaulting->entry, one->key);
        fine = hand_out(vaulting, vault_map(vaulting), one->key, vaulting->origin, one->text);
    }
    if (many && many->kind == config_scalar && many->text.len) { /* a list of one */
        overlay_take_out(vaulting->entry, many->key);
        return fine &&
               hand_out(vaulting, vault_group(vaulting, many->key, config_list), STR(""), vaulting->origin, many->text);
    }
    if (!many || many->kind != config_list) return fine;
    overlay_take_out(vaulting->entry, many->key);
    for (const struct config_node *key = many->first; key && fine; key = key->next)
        if (key->kind == config_scalar && key->text.len)
            fine =
                hand_out(vaulting, vault_group(vaulting, many->key, config_list), STR(""), vaulting->origin, key->text);
    return fine;
}

/* Those whose names are known to hold no secret stay where they can be read. */
static bool headers_out(struct vaulting *vaulting) {
    struct config_node *headers = config_member(vaulting->entry, STR("headers"));
    bool fine = true;
    if (!headers || headers->kind != config_map) return true;
    for (struct config_node *header = headers->first, *next; header && fine; header = next) {
        next = header->next;
        if (header->kind != config_scalar || !header->text.len || header_uses(header->key) & header_harmless) continue;
        overlay_take_out(headers, header->key);
        fine = hand_out(vaulting, vault_group(vaulting, headers->key, config_map), header->key, vaulting->origin,
                        header->text);
    }
    return fine;
}

/* user:password of it, wherever the provider leads: it is the proxy's. */
static bool proxy_out(struct vaulting *vaulting) {
    struct config_node *proxy = config_member(vaulting->entry, STR("proxy"));
    size_t at = SIZE_MAX, from = 0;
    if (!proxy || proxy->kind != config_scalar) return true;
    size_t scheme = str_find(proxy->text, STR("://"));
    if (scheme != SIZE_MAX) from = scheme + 3;
    for (size_t i = from; i < proxy->text.len && proxy->text.at[i] != '/'; i++)
        if (proxy->text.at[i] == '@') at = i;
    if (at == SIZE_MAX) return true;
    struct str user = str_slice(proxy->text, from, at);
    proxy->text =
        arena_join(vaulting->arena, str_slice(proxy->text, 0, from), str_slice(proxy->text, at + 1, proxy->text.len));
    struct str origin = arena_printf(vaulting->arena, "proxy %.*s", STR_ARG(config_overlay_proxy(vaulting->entry)));
    overlay_vault_forget(vaulting->entry, proxy->key);
    return proxy->text.at && origin.at && hand_out(vaulting, vault_map(vaulting), proxy->key, origin, user);
}

/* Of a provider that is there no more: where its credentials were said to go. */
static struct str origin_said(const struct config_node *entry, const struct config *config) {
    for (const struct config_origin *known = config->origins; known; known = known->next)
        if (str_eq(known->provider, entry->key)) return known->origin;
    for (size_t i = 0; i < overlay_credential_count; i++) {
        const struct config_node *origin = config_member(entry, overlay_credentials[i].origin_key);
        if (origin) return origin->text;
    }
    return STR("");
}

bool config_overlay_vault(struct str text, const struct config *config, uint64_t seed, struct arena *arena,
                          struct config_vaulted **vaulted, struct text *out, struct error *error) {
    struct vaulting vaulting = {.arena = arena, .seed = seed, .last = &vaulting.first};
    struct config_node *entries = overlay_entries_read(text, arena, error);
    bool fine = entries != NULL;
    if (!fine) return false;
    for (struct config_node *entry = entries->first; entry && fine; entry = entry->next) {
        if (entry->kind != config_map) continue;
        vaulting.entry = entry;
        vaulting.origin = origin_said(entry, config);
        fine = keys_out(&vaulting) && headers_out(&vaulting) && proxy_out(&vaulting);
    }
    *vaulted = vaulting.first;
    if (fine) overlay_entries_write(out, entries);
    return (fine && !out->failed) || error_set(error, error_out_of_memory, "No memory for this.");
}

static size_t ids_within(const struct config_node *said, struct str *into) {
    size_t count = 0;
    if (said->kind == config_scalar && into) into[count] = said->text;
    if (said->kind == config_scalar) return 1;
    for (const struct config_node *one = said->first; one; one = one->next, count++)
        if (into) into[count] = one->text;
    return count;
}

bool config_overlay_vaulted(struct str text, struct arena *arena, struct str **ids, size_t *count) {
    struct error error = {.code = error_none};
    const struct config_node *entries = overlay_entries_read(text, arena, &error);
    *ids = NULL;
    for (unsigned turn = 0; entries && turn < 2; turn++) { /* how many, then which */
        *count = 0;
        for (const struct config_node *entry = entries->first; entry; entry = entry->next) {
            const struct config_node *vault = config_member(entry, vault_word);
            for (const struct config_node *said = vault ? vault->first : NULL; said; said = said->next)
                *count += ids_within(said, *ids ? *ids + *count : NULL);
        }
        if (!*ids && !(*ids = arena_take(arena, (*count + 1) * sizeof **ids))) return false;
    }
    return entries != NULL;
}
