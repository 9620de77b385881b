/* run_clients.c - see run_clients.h: from STATE_DIR to a registry, and what becomes of it at the end. Must never: let
 * in a key whose row is not on the disk. */
#include "runtime/run_clients.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/check.h"
#include "base/file.h"
#include "base/memory.h"
#include "config/config_clients.h"
#include "store/ledger_values.h"

enum { client_key_bytes = 32, zone_bytes_max = 64 * 1024, told_most = 10000 };

static bool client_path(const char *overlay_path, const char *name, char path[overlay_path_max]) {
    struct str folder = overlay_path[0] ? library_folder(overlay_path) : STR("");
    int len = snprintf(path, overlay_path_max, "%.*s/%s", STR_ARG(folder), name);
    return folder.len && len > 0 && len < overlay_path_max - 8;
}

/* -- what one may do -- */

/* Of a time zone that the configuration does not name: the file is read once in a process. */
static bool zone_text_find(void *context, struct str path, struct arena *arena, struct str *content,
                           struct error *error) {
    struct run_clients *clients = context;
    struct zone_text *zone = clients->zones;
    while (zone && !str_eq(zone->path, path)) zone = zone->next;
    if (!zone) {
        char name[256];
        const char *problem = "";
        str_copy(name, sizeof name, path);
        int descriptor = file_open(name, 0, &problem);
        char *bytes = descriptor < 0 ? NULL : memory_take(zone_bytes_max);
        ssize_t got = bytes ? read(descriptor, bytes, zone_bytes_max) : -1;
        if (descriptor >= 0) close(descriptor);
        zone = got > 0 ? arena_take_zeroed(&clients->zones_arena, sizeof *zone) : NULL;
        if (zone) {
            zone->path = arena_copy(&clients->zones_arena, path);
            zone->content = arena_copy(&clients->zones_arena, str_make(bytes, (size_t)got));
        }
        memory_give(bytes);
        if (!zone || !zone->path.at || !zone->content.at)
            return error_set(error, error_bad_configuration, "cannot read %s: %s", name, problem);
        zone->next = clients->zones;
        clients->zones = zone;
    }
    *content = arena_copy(arena, zone->content);
    return content->at || error_set(error, error_out_of_memory, "no memory for a time zone");
}

static int by_budget(const void *a, const void *b) {
    const struct money_row *one = a, *other = b;
    if (one->budget != other->budget) return one->budget < other->budget ? -1 : 1;
    return (one->window_s > other->window_s) - (one->window_s < other->window_s);
}

/* What it had spent before this process; once. */
static void spent_restore(struct run_clients *clients, const struct money_budget *budget) {
    size_t low = 0, high = clients->spent_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (clients->spent[middle].budget < budget->identity)
            low = middle + 1;
        else
            high = middle;
    }
    for (; low < clients->spent_count && clients->spent[low].budget == budget->identity; low++) {
        if (clients->spent[low].nano_usd)
            (clients->late ? money_budget_restore_late : money_budget_restore)(budget, &clients->spent[low],
                                                                               clock_read().wall_ns);
        clients->spent[low].nano_usd = 0;
    }
}

/* One who was there before: what it spent since stays. */
static void spent_meet(void *context, const struct money_budget *budget) {
    struct run_clients *clients = context;
    pthread_mutex_lock(&clients->registry.mutex);
    spent_restore(clients, budget);
    pthread_mutex_unlock(&clients->registry.mutex);
}

static void token_meet(void *context, const struct client *client) {
    for (size_t i = 0; i < client->money.count; i++)
        if (client->money.list[i]->own) spent_meet(context, client->money.list[i]);
}

void library_clients_spent_late(struct weir *weir, const struct ledger_value *rows, size_t count) {
    struct run_clients *clients = weir->clients;
    struct snapshot *snapshot = weir->deployment->snapshot;
    pthread_mutex_lock(&clients->registry.mutex);
    for (size_t i = 0; i < count; i++)
        library_clients_spent(clients, &(struct money_row){.budget = rows[i].of.budget,
                                                           .value = rows[i].value,
                                                           .window_s = rows[i].of.window_s,
                                                           .nano_usd = rows[i].nano_usd});
    if (clients->spent_count) qsort(clients->spent, clients->spent_count, sizeof *clients->spent, by_budget);
    clients->late = true;
    pthread_mutex_unlock(&clients->registry.mutex);
    run_clients_budgets(clients, snapshot, spent_meet, clients);
    (void)identities_each(weir->identities, snapshot, SIZE_MAX, token_meet, clients);
}

void library_clients_meet(struct run_clients *clients, const struct snapshot *snapshot) {
    pthread_mutex_lock(&clients->registry.mutex);
    for (size_t i = 0; i < snapshot->budget_count && clients->spent_count; i++)
        spent_restore(clients, snapshot->budgets[i]);
    pthread_mutex_unlock(&clients->registry.mutex);
}

bool run_clients_extra(struct run_clients *clients, const struct ledger_extra *extra) {
    bool known = false, fine = true;
    pthread_mutex_lock(&clients->registry.mutex);
    for (size_t i = 0; i < clients->extra_count && !known; i++)
        known = clients->extras[i].extra.budget == extra->budget && clients->extras[i].extra.kind == extra->kind;
    if (!known && clients->extra_count == clients->extra_room) {
        size_t room = clients->extra_room ? clients->extra_room * 2 : 16, bytes;
        struct extra_kept *kept = size_mul(room, sizeof *kept, &bytes) ? memory_resize(clients->extras, bytes) : NULL;
        fine = kept != NULL;
        if (kept) clients->extras = kept;
        if (kept) clients->extra_room = room;
    }
    if (!known && fine) clients->extras[clients->extra_count++] = (struct extra_kept){.extra = *extra};
    pthread_mutex_unlock(&clients->registry.mutex);
    return fine;
}

static void extras_restore(struct run_clients *clients, const struct money_budget *budget) {
    for (size_t i = 0; i < clients->extra_count; i++) {
        struct extra_kept *kept = &clients->extras[i];
        if (kept->met || kept->extra.budget != budget->identity) continue;
        kept->met = true;
        if (kept->extra.kind < money_extra_kinds)
            money_extra_set(budget, (enum money_extra_kind)kept->extra.kind, kept->extra.nano_usd, kept->extra.until_s);
    }
}

const struct money_budget *run_clients_budget(struct run_clients *clients, struct snapshot *snapshot, struct str owner,
                                              struct str name) {
    static const struct str of_client = STR("client ");
    if (!str_starts(owner, of_client)) return NULL;
    const struct client *client =
        client_registry_named(&clients->registry, snapshot, str_slice(owner, of_client.len, owner.len));
    for (size_t i = 0; client && i < client->money.count; i++)
        if (str_eq(client->money.list[i]->owner, owner) && str_eq(client->money.list[i]->name, name))
            return client->money.list[i];
    return NULL;
}

void run_clients_budgets(struct run_clients *clients, struct snapshot *snapshot,
                         void (*tell)(void *context, const struct money_budget *budget), void *context) {
    static const struct str has[] = {STR("budget"), STR("template")};
    size_t told = 0;
    for (uint32_t i = 0; i < client_registry_count(&clients->registry) && told < told_most; i++) {
        const struct client *client =
            client_registry_at(&clients->registry, snapshot, i, has, sizeof has / sizeof *has);
        if (!client || map_find(&snapshot->clients_by_name, client->name)) continue; /* the file's is among its own */
        for (size_t k = 0; k < client->money.count; k++)
            if (client->money.list[k]->own && told++ < told_most) tell(context, client->money.list[k]);
    }
}

void run_clients_used(struct run_clients *clients, struct snapshot *snapshot,
                      void (*tell)(void *context, const struct client *client), void *context) {
    size_t told = 0;
    for (uint32_t i = 0; i < client_registry_count(&clients->registry) && told < told_most; i++) {
        const struct client *client = client_registry_used_at(&clients->registry, snapshot, i);
        if (!client || map_find(&snapshot->clients_by_name, client->name)) continue; /* the file's is among its own */
        tell(context, client);
        told++;
    }
}

static bool run_clients_make(struct run_clients *clients, const struct snapshot *snapshot, struct str name,
                             struct str settings, struct config_client_made *made, struct error *error) {
    const struct config_client_asked asked = {.name = name,
                                              .settings = settings,
                                              .cells = &clients->weir->cells,
                                              .read_file = zone_text_find,
                                              .context = clients};
    return config_client_make(snapshot, &asked, made, error);
}

bool run_clients_token(struct run_clients *clients, const struct snapshot *snapshot, struct str name,
                       struct str settings, struct cells *cells, struct config_client_made *made, struct error *error) {
    const struct config_client_asked asked = {
        .name = name, .settings = settings, .cells = cells, .read_file = zone_text_find, .context = clients};
    pthread_mutex_lock(&clients->registry.mutex);
    bool good = config_client_make(snapshot, &asked, made, error);
    for (const struct money_budget *budget = good ? made->budgets : NULL; budget; budget = budget->next)
        if (budget->spend || budget->rolling || budget->values) {
            spent_restore(clients, budget);
            extras_restore(clients, budget);
        }
    pthread_mutex_unlock(&clients->registry.mutex);
    return good;
}

/* One that the file has as well is the file's: what was changed at run time is laid over that when it is loaded. */
static bool run_clients_bind(void *context, const struct snapshot *snapshot, const struct client_record *record,
                             struct client_bound *bound) {
    struct run_clients *clients = context;
    struct error why = {.code = error_none};
    struct config_client_made made;
    if ((bound->client = map_find(&snapshot->clients_by_name, record->name))) return true;
    if (!run_clients_make(clients, snapshot, record->name, record->settings, &made, &why)) {
        str_copy(bound->problem, sizeof bound->problem, str_from(why.message));
        return false;
    }
    for (const struct money_budget *budget = made.budgets; budget; budget = budget->next)
        if (budget->spend || budget->rolling || budget->values) {
            spent_restore(clients, budget);
            extras_restore(clients, budget);
        }
    memcpy(made.client->id, record->id, sizeof made.client->id);
    made.client->metrics_id = metrics_client_register(clients->weir->reports.metrics, record->name);
    bound->arena = made.arena;
    bound->client = made.client;
    return true;
}

bool run_clients_fit(struct run_clients *clients, struct str name, struct str settings, struct error *error) {
    struct config_client_made made;
    pthread_mutex_lock(&clients->registry.mutex);
    bool fits = run_clients_make(clients, clients->weir->deployment->snapshot, name, settings, &made, error);
    pthread_mutex_unlock(&clients->registry.mutex);
    if (fits) arena_free(&made.arena);
    return fits;
}

static bool names_any(struct str settings, const struct str *names, size_t count) {
    for (size_t i = 0; i < count; i++)
        if (str_find(settings, names[i]) != SIZE_MAX) return true;
    return false;
}

bool library_clients_would_fit(struct weir *weir, struct snapshot *snapshot, const struct str *names, size_t count,
                               struct error *error) {
    struct run_clients *clients = weir->clients;
    struct error before = {.code = error_none}, why = {.code = error_none};
    uint32_t clients_count = atomic_load(&clients->registry.count);
    for (uint32_t i = 0; i < clients_count; i++) {
        const struct client_record *record = atomic_load(&client_registry_slot(&clients->registry, i)->record);
        struct config_client_made made;
        if (record->revoked || !names_any(record->settings, names, count)) continue;
        pthread_mutex_lock(&clients->registry.mutex);
        bool fits = run_clients_make(clients, snapshot, record->name, record->settings, &made, &why);
        pthread_mutex_unlock(&clients->registry.mutex);
        if (fits) {
            arena_free(&made.arena);
            continue;
        }
        if (!run_clients_fit(clients, record->name, record->settings, &before)) continue; /* it does not now either */
        return error_set(error, error_invalid_request, "The client `%.*s`, made at run time, would not fit it: %.300s",
                         STR_ARG(record->name), why.message);
    }
    return true;
}

bool run_clients_bar(struct run_clients *clients, struct str name, bool barred) {
    struct client_cells *cells = cells_find(&clients->weir->cells, NULL, "client ", name, sizeof(struct client_cells));
    if (cells) cell_store(&cells->barred, barred);
    return cells != NULL;
}

/* -- the state folder -- */

bool run_clients_store(struct run_clients *clients, struct error *error) {
    char problem[400] = "";
    if (clients->store && client_store_is_gone(clients->store)) {
        client_store_close(clients->store);
        clients->store = NULL;
    }
    if (clients->store) return true;
    if (!clients->weir->books || !clients->weir->ledger_place[0])
        return error_set(error, error_unsupported,
                         "Clients are kept in the ledger, and here is none: there is no state folder of its own.");
    clients->store = client_store_open(clients->weir->ledger_place, problem, sizeof problem);
    return clients->store || error_set(error, error_storage_failed, "Clients cannot be kept: %.200s", problem);
}

/* 64 hexadecimal digits. */
static bool client_key_load(const char *path, struct hash_key *key, struct error *error) {
    struct str text = STR_NONE;
    struct sha256 digits;
    if (!overlay_read(path, &text, error)) return false;
    bool good = hash_from_hex(str_trim(text), &digits);
    overlay_text_free(text);
    if (!good)
        return error_set(error, error_storage_failed,
                         "%s is not as weir wrote it: bring it back from a copy; no client key that was made at run "
                         "time can be known without it",
                         path);
    memcpy(key->bytes, digits.bytes, sizeof key->bytes);
    memory_wipe(&digits, sizeof digits);
    return true;
}

static bool client_key_make(const char *path, struct hash_key *key, struct error *error) {
    char hex[2 * client_key_bytes + 1];
    random_bytes(key->bytes, sizeof key->bytes);
    hash_to_hex(key->bytes, sizeof key->bytes, hex);
    hex[sizeof hex - 1] = '\n';
    bool made = file_replace(path, str_make(hex, sizeof hex), error);
    memory_wipe(hex, sizeof hex);
    return made;
}

bool run_clients_seal(struct run_clients *clients, struct error *error) {
    char path[overlay_path_max];
    struct hash_key key;
    bool same = false;
    if (!run_clients_store(clients, error)) return false;
    if (clients->sealed) return true;
    if (!client_path(clients->weir->overlay_path, "client.key", path))
        return error_set(error, error_storage_failed, "the name of the state folder is too long");
    bool there = access(path, F_OK) == 0;
    if (!(there ? client_key_load(path, &key, error) : client_key_make(path, &key, error))) return false;
    struct sha256 seal = hash_sealed(&key, STR("weir client keys"));
    bool told = client_store_seal(clients->store, &seal, &same);
    if (told && same) {
        clients->registry.key = key;
        clients->sealed = true;
    } else if (told) {
        error_set(error, error_storage_failed,
                  "%s is not the one that the client keys in ledger.db were made with: bring that one back from a "
                  "copy%s",
                  path, there ? "" : " (it was missing)");
        if (!there) unlink(path);
    } else {
        error_set(error, error_storage_failed, "Clients cannot be kept: %.200s", client_store_problem(clients->store));
    }
    memory_wipe(&key, sizeof key);
    return clients->sealed;
}

struct client_record *run_clients_record(const struct stored_client *stored) {
    struct client_record *record = client_record_new(stored->name, stored->settings);
    if (!record) return NULL;
    memcpy(record->id, stored->id, sizeof record->id);
    record->digest = stored->digest;
    if (stored->has_previous) record->previous = stored->previous;
    record->previous_until_s = stored->has_previous ? stored->previous_until_s : 0;
    record->made_s = stored->made_s;
    record->changed_s = stored->changed_s;
    record->rotated_s = stored->rotated_s;
    record->revoked = stored->revoked;
    return record;
}

static void retired_give(struct client_retired *retired) {
    for (size_t i = 0; i < sizeof retired->replaced.memory / sizeof *retired->replaced.memory; i++)
        memory_give(retired->replaced.memory[i]);
    memory_give(retired);
}

/* Loops may still read what is replaced, once they run. */
static bool clients_reserve(struct run_clients *clients) {
    struct client_retired *retired = memory_take_zeroed(sizeof *retired);
    if (!retired) return false;
    bool fine = client_registry_reserve(&clients->registry, &retired->replaced), any = false;
    for (size_t i = 0; i < sizeof retired->replaced.memory / sizeof *retired->replaced.memory; i++)
        any = any || retired->replaced.memory[i];
    if (any && clients->weir->late.running)
        run_clients_retire(clients, retired);
    else
        retired_give(retired);
    return fine;
}

static bool stored_take(void *context, const struct stored_client *stored) {
    struct run_clients *clients = context;
    if (stored->of_file) return true; /* a load lays it over the file */
    if (client_registry_number(&clients->registry, stored->name) != registry_none) return true; /* taken before */
    struct client_record *record = run_clients_record(stored);
    bool fine = record && clients_reserve(clients);
    if (fine)
        client_registry_add(&clients->registry, record);
    else
        memory_give(record);
    return fine;
}

/* -- beginning and end -- */

struct run_clients *library_clients_new(struct weir *weir) {
    struct run_clients *clients = memory_take_zeroed(sizeof *clients);
    if (!clients) return NULL;
    clients->weir = weir;
    arena_init(&clients->zones_arena, 8 * 1024, 8 * 1024 * 1024);
    if (client_registry_init(&clients->registry, run_clients_bind, clients)) return clients;
    library_clients_free(clients);
    return NULL;
}

void library_clients_spent(struct run_clients *clients, const struct money_row *row) {
    if (clients->spent_count == clients->spent_room) {
        size_t room = clients->spent_room ? clients->spent_room * 2 : 256, bytes;
        struct money_row *rows = size_mul(room, sizeof *rows, &bytes) ? memory_resize(clients->spent, bytes) : NULL;
        clients->spent_lost = clients->spent_lost || !rows;
        if (!rows) return;
        clients->spent = rows;
        clients->spent_room = room;
    }
    clients->spent[clients->spent_count++] = *row;
}

bool library_clients_open(struct weir *weir, struct error *error) {
    struct run_clients *clients = weir->clients;
    char path[overlay_path_max];
    if (clients->spent_lost) return error_set(error, error_out_of_memory, "No memory for what was spent.");
    if (clients->spent_count) qsort(clients->spent, clients->spent_count, sizeof *clients->spent, by_budget);
    if (!weir->books || !client_path(weir->overlay_path, "client.key", path)) return true;
    if (access(path, F_OK) != 0) { /* none were ever made, or it was lost */
        bool any = false;
        struct error why = {.code = error_none};
        if (!run_clients_store(clients, &why) || !client_store_any(clients->store, &any) || !any) return true;
        return error_set(error, error_storage_failed,
                         "%s is missing, without which no client key that was made at run time can be known: bring it "
                         "back from a copy",
                         path);
    }
    if (!run_clients_seal(clients, error)) return false;
    return client_store_each(clients->store, stored_take, clients) ||
           error_set(error, error_storage_failed,
                     "The clients made at run time cannot be read from ledger.db: %.120s. Nobody is let in before "
                     "they can.",
                     client_store_problem(clients->store));
}

bool library_clients_begin(struct weir *weir, struct error *error) {
    bool unread = atomic_load(&weir->clients_unread);
    if (!unread && library_clients_open(weir, error)) return true;
    if (!unread && (!books_are_late(weir->books) || weir->config.process.ledger_refuses)) return false;
    atomic_store(&weir->clients_unread, true);
    log_error(weir->reports.log ? log_shared(weir->reports.log) : NULL, clock_read(), "clients_unread",
              f_str("means", STR("nobody is let in but with the admin key, until the ledger tells who may be")));
    return true;
}

void library_clients_free(struct run_clients *clients) {
    if (!clients) return;
    for (struct client_retired *retired = clients->retired, *next; retired; retired = next) {
        next = retired->next;
        retired_give(retired);
    }
    client_registry_free(&clients->registry);
    client_store_close(clients->store);
    arena_free(&clients->zones_arena);
    memory_give(clients->spent);
    memory_give(clients->extras);
    memory_give(clients);
}

void library_clients_register(struct weir *weir, struct snapshot *snapshot) {
    snapshot->registry = &weir->clients->registry;
    for (size_t i = 0; i < snapshot->client_count; i++)
        cell_store(&snapshot->clients[i].cells->barred, snapshot->clients[i].disabled);
}

/* -- what was replaced -- */

static void retired_passed(void *context) {
    struct client_retired *retired = context;
    unsigned before = atomic_fetch_sub_explicit(&retired->loops, 1, memory_order_release);
    CHECK(before > 0);
}

static void retired_sweep(struct run_clients *clients) {
    for (struct client_retired **place = &clients->retired; *place;) {
        struct client_retired *retired = *place;
        if (atomic_load_explicit(&retired->loops, memory_order_acquire)) {
            place = &retired->next;
            continue;
        }
        *place = retired->next;
        pthread_mutex_lock(&clients->registry.mutex); /* whoever asks by name is through */
        pthread_mutex_unlock(&clients->registry.mutex);
        retired_give(retired);
    }
}

void run_clients_retire(struct run_clients *clients, struct client_retired *retired) {
    struct weir *weir = clients->weir;
    retired_sweep(clients);
    retired->next = clients->retired;
    clients->retired = retired;
    atomic_init(&retired->loops, weir->worker_count);
    for (unsigned i = 0; i < weir->worker_count; i++)
        if (!loop_post(weir->workers[i].loop, retired_passed, retired)) {
            /* It has stopped, or there is no memory to ask it: then this stays until the end. */
        }
}

/* -- loads -- */

bool library_clients_loading(struct config_source *source, bool *any, struct error *error) {
    char path[overlay_path_max], problem[400] = "";
    *any = false;
    source->client_store = NULL;
    if (!client_path(source->overlay_path, "client.key", path) || access(path, F_OK) != 0) return true;
    if (!source->ledger_place || !source->ledger_place[0]) return true;
    source->client_store = client_store_open(source->ledger_place, problem, sizeof problem);
    if (source->client_store && client_store_any(source->client_store, any)) return true;
    return error_set(error, error_storage_failed, "What was changed of clients at run time cannot be read: %.160s",
                     source->client_store ? client_store_problem(source->client_store) : problem);
}

void library_clients_loading_end(struct config_source *source) {
    client_store_close(source->client_store);
    source->client_store = NULL;
}

bool library_client_changed(void *context, struct str name, struct arena *arena, struct str *settings,
                            struct error *error) {
    struct config_source *source = context;
    if (source->client.len && str_eq(source->client, name)) {
        *settings = source->client_settings;
        return true;
    }
    *settings = STR_NONE;
    return !source->client_store || client_store_settings(source->client_store, name, arena, settings) ||
           error_set(error, error_storage_failed, "What was changed of clients at run time cannot be read: %.160s",
                     client_store_problem(source->client_store));
}
