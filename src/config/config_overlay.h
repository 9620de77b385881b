/* config_overlay.h - what was changed at run time: a second text (STATE_DIR/runtime.yaml) that is merged over the
 * configuration's own tree. Pure: text in, text out. References (${NAME}, file:, vault:) are never expanded in it: its
 * values came from outside. A credential goes only to the origin that it was given for.
 *
 *   providers:
 *     groq:                        keys as in the configuration; each wins over the file's
 *       state: draining
 *     old: {removed: true}         there is no such provider, whatever the file says
 *     new:
 *       added: true                this entry is the whole provider; the file's of that name does not count
 *       api_key: ...
 *       credential_origin: ...     where api_key may go, and on what way; headers_origin is the same for `headers`
 *       vault: {api_key: new/...}  the vault's entries that hold what is a secret of it: the text itself holds none
 *
 * An origin is written `https://host:443 proxy=environment ca_file=system insecure=false`. Older overlays name the
 * server alone: then the way is the one of now.
 */
#ifndef WEIR_CONFIG_CONFIG_OVERLAY_H
#define WEIR_CONFIG_CONFIG_OVERLAY_H

#include "config/config.h"
#include "config/config_yaml.h"

/* Parses, checks and merges the input's overlay into the checked tree. Problems are reported with the overlay's place.
 */
void config_overlay_merge(struct config_reading *reading, struct config_node *root);
/* Did the overlay take this provider out? */
bool config_overlay_removed(const struct config_reading *reading, struct str provider);

enum config_edit_kind { edit_add, edit_replace, edit_update, edit_remove, edit_reset, edit_state };

struct config_edit {
    enum config_edit_kind kind;
    struct str provider;
    struct str settings; /* add, replace, update: a JSON object with the configuration's own keys; null takes one out */
    enum provider_state state; /* of edit_state */
    bool spelt_out;            /* remove: leave `removed: true` and not nothing; state: write `active` too */
};

/* Where this provider's credentials go, as it now is: noted in the configuration. NULL: no memory. */
const struct config_origin *config_overlay_origin_note(struct config_reading *reading,
                                                       const struct config_node *provider);
/* host:port of the proxy that is written for it, without its password; "environment" where none is. */
struct str config_overlay_proxy(const struct config_node *provider);
/* Is `meant`, as it stands beside a credential, where the provider leads now? */
bool config_origin_is(struct str meant, struct str server, struct str origin);

/* The overlay's text after the edit into *out, and the keys that were given into *keys ("priority, api_key"). Shape and
 * names only: values are checked by loading the result. false: *error says what is wrong. */
bool config_overlay_edit(struct str text, const struct config_edit *edit, struct arena *arena, struct text *out,
                         struct text *keys, struct error *error);
/* Does it hold one that is not the built-in simulated provider's? What cannot be read does. */
bool config_overlay_names_providers(struct str text, struct arena *arena);
/* The same text once it has been loaded into *config: every credential has the origin that it is for written beside it,
 * and one whose origin has changed is gone for good. */
bool config_overlay_seal(struct str text, const struct config *config, struct arena *arena, struct text *out,
                         struct error *error);

/* -- config_overlay_vault.c: credentials leave the text for the vault -- */

struct config_vaulted {
    struct config_vaulted *next;
    struct str id, origin, secret;
};
/* The same text, sealed, with the ids of entries in place of its credentials; those are in *vaulted, in the order of
 * the text. Ids are new ones, made of the seed. *config is what came of loading the text. */
bool config_overlay_vault(struct str text, const struct config *config, uint64_t seed, struct arena *arena,
                          struct config_vaulted **vaulted, struct text *out, struct error *error);
/* The ids that the text names, in the arena. false: it cannot be read, or there is no memory: then any may be. */
bool config_overlay_vaulted(struct str text, struct arena *arena, struct str **ids, size_t *count);

#endif
