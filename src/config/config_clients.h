/* config_clients.h - clients that were made at run time: what they may do, as settings in JSON (the keys of `clients[]`
 * but `name` and `key_hash`), read one by one against the configuration in force. Any thread. */
#ifndef WEIR_CONFIG_CONFIG_CLIENTS_H
#define WEIR_CONFIG_CONFIG_CLIENTS_H

#include "config/config.h"

enum { config_client_settings_max = 16 * 1024 };

/* Do these settings want a budget to begin with what was spent before (`start: history`)? */
bool config_client_wants_history(struct str settings, struct arena *arena);
/* `over` laid over `before` (empty: nothing): null takes a key out. In the arena. false: *error. */
bool config_client_settings(struct str before, struct str over, struct arena *arena, struct str *after,
                            struct error *error) __attribute__((warn_unused_result));

struct config_client_asked {
    struct str name, settings;
    struct cells *cells;
    /* As in config_input: of time zones that the configuration does not name. */
    bool (*read_file)(void *context, struct str path, struct arena *arena, struct str *content, struct error *error);
    void *context;
};
struct config_client_made {
    struct arena arena;           /* of all of it; the caller's */
    struct client *client;        /* NULL: none */
    struct money_budget *budgets; /* its own and its template's, linked by `next` */
};
/* Good for this snapshot only, which outlives it. false: *error says what is wrong with the settings, and there is
 * nothing to give back. */
bool config_client_make(const struct snapshot *snapshot, const struct config_client_asked *asked,
                        struct config_client_made *made, struct error *error) __attribute__((warn_unused_result));

#endif
