/* config_identity.c - issuers of tokens: what of their claims counts, and where their keys are. */
#include "base/limits.h"
#include "base/url.h"
#include "config/config_decisions.h"

enum { subject_room = 128 + 1, issuer_most = limit_caller - subject_room, jwks_most = 2000 };

/* NULL: it is a path, or a good URL. */
static const char *jwks_problem(struct str jwks) {
    struct url url;
    size_t end = str_find(jwks, STR("://"));
    if (!jwks.len) return "it needs `jwks`, the URL of its keys, or the path of a file";
    if (end == SIZE_MAX) return NULL;
    for (size_t i = 0; i < jwks.len; i++)
        if ((unsigned char)jwks.at[i] <= 0x20 || (unsigned char)jwks.at[i] >= 0x7f)
            return "its `jwks` holds a blank or a character that is not ASCII: escape it";
    for (end += 3; end < jwks.len && jwks.at[end] != '/' && jwks.at[end] != '?';) end++;
    const char *problem = url_parse(str_slice(jwks, 0, end), &url);
    if (problem || jwks.len > jwks_most) return problem ? problem : "its `jwks` is longer than 2000 bytes";
    if (str_find_byte(jwks, '#') != SIZE_MAX) return "its `jwks` has a fragment (#): leave it out";
    bool safe = url.tls || host_is_loopback(url.host);
    return safe ? NULL : "its `jwks` must be read by https://: whoever is on the way could put keys of his own in";
}

static void identity_roles_read(struct config_reading *reading, struct arena *arena, const struct config_node *map,
                                struct identity_issuer *issuer) {
    if (!map || map->kind != config_map) return;
    issuer->roles = arena_take_zeroed(arena, (map->count + 1) * sizeof *issuer->roles);
    for (const struct config_node *node = issuer->roles ? map->first : NULL; node; node = node->next) {
        size_t role = 0;
        while (role_word(role).len && !str_eq(role_word(role), node->text)) role++;
        if (!role_word(role).len)
            config_report(reading, node, config_error, "`%.*s` is no role: write user, operator or admin",
                          STR_ARG(config_shown(node)));
        else
            issuer->roles[issuer->role_count++] = (struct identity_role){arena_copy(arena, node->key), (unsigned)role};
    }
}

static void template_look(struct config_reading *reading, const struct snapshot *snapshot,
                          const struct config_node *node, const char *key) {
    const struct config_node *named = config_member(node, str_from(key));
    if (named && named->text.len && !config_member(snapshot->templates, named->text))
        config_report(reading, named, config_error, "there is no template `%.*s`", STR_ARG(config_shown(named)));
}

static void identity_issuer_look(struct config_reading *reading, const struct snapshot *snapshot,
                                 const struct config_node *node, const struct identity_issuer *issuer) {
    const struct config_node *at = config_member(node, STR("jwks"));
    const char *problem = jwks_problem(issuer->jwks);
    if (!issuer->issuer.len || issuer->issuer.len > issuer_most || str_find_byte(issuer->issuer, '#') != SIZE_MAX)
        config_report(reading, node, config_error,
                      "an identity needs its `issuer`, the `iss` of its tokens: at most %d bytes, without `#`",
                      issuer_most);
    for (size_t i = 0; i < issuer->issuer.len; i++)
        if ((unsigned char)issuer->issuer.at[i] <= 0x20 || issuer->issuer.at[i] == 0x7f) {
            config_report(reading, node, config_error, "the `issuer` holds a blank or a control character");
            break;
        }
    if (problem) config_report(reading, at ? at : node, config_error, "%s", problem);
    if (!issuer->audience_count)
        config_report(reading, node, config_error,
                      "an identity needs its `audience`, the `aud` of tokens that are made for this gateway: without "
                      "it those for anybody else would be taken");
    for (size_t i = 0; i < snapshot->issuer_count; i++)
        if (str_eq(snapshot->issuers[i].issuer, issuer->issuer))
            config_report(reading, node, config_error,
                          "the issuer `%.*s` stands twice: give one entry all its `audience`s",
                          STR_ARG(str_slice(issuer->issuer, 0, 80)));
    struct error error = {.code = error_none};
    bool checks = issuer->ca_file.len && reading->input->ca_check;
    if (checks && !reading->input->ca_check(reading->input->context, issuer->ca_file, &error))
        config_report(reading, config_member(node, STR("ca_file")), config_error, "%s", error.message);
    template_look(reading, snapshot, node, "template");
    template_look(reading, snapshot, node, "unknown");
}

static void identity_issuer_read(struct config_reading *reading, struct snapshot *snapshot,
                                 const struct config_node *node) {
    struct section section = {section_identity, node}, claims = read_section(section, "claims");
    struct arena *arena = &snapshot->arena;
    struct identity_issuer issuer = {.issuer = arena_copy(arena, read_str(section, "issuer")),
                                     .jwks = arena_copy(arena, read_str(section, "jwks")),
                                     .ca_file = arena_copy(arena, read_str(section, "ca_file")),
                                     .team_claim = arena_copy(arena, read_str(claims, "team")),
                                     .user_claim = arena_copy(arena, read_str(claims, "user")),
                                     .role_claim = arena_copy(arena, read_str(claims, "role")),
                                     .template = arena_copy(arena, read_str(section, "template")),
                                     .unknown = arena_copy(arena, read_str(section, "unknown")),
                                     .refresh_s = (int64_t)read_whole(section, "refresh_seconds"),
                                     .identities_max = read_whole(section, "max_identities")};
    issuer.audiences = read_strings(section, "audience", arena, &issuer.audience_count);
    identity_roles_read(reading, arena, config_member(node, STR("roles")), &issuer);
    identity_issuer_look(reading, snapshot, node, &issuer);
    snapshot->issuers[snapshot->issuer_count++] = issuer;
}

void identity_read(struct config_reading *reading, struct snapshot *snapshot, const struct config_node *root) {
    const struct config_node *written = config_member(root, STR("identity"));
    if (!written || written->kind == config_scalar || (written->kind == config_list && !written->count)) return;
    size_t count = written->kind == config_list ? written->count : 1;
    snapshot->issuers = arena_take_zeroed(&snapshot->arena, count * sizeof *snapshot->issuers);
    if (!snapshot->issuers)
        config_report(reading, written, config_error, "no memory for the issuers");
    else if (written->kind == config_map)
        identity_issuer_read(reading, snapshot, written);
    else
        for (const struct config_node *node = written->first; node; node = node->next)
            if (node->kind == config_map) identity_issuer_read(reading, snapshot, node);
}
