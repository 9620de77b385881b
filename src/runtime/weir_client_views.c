/* weir_client_views.c - clients as operators see them: what they may do, when they were last let in, and what they have
 * left; a key only where it was made a moment ago. */
#include <stdio.h>

#include "base/memory.h"
#include "dialect/date.h"
#include "dialect/json.h"
#include "runtime/run_clients.h"

char *run_clients_given(const struct text *text) {
    char *copy = text->failed ? NULL : memory_take(text->len + 1);
    if (copy) str_copy(copy, text->len + 1, text_str(text));
    return copy;
}

static void client_moment_put(struct text *text, struct str name, int64_t moment_s) {
    char buffer[32];
    struct text moment = text_in_buffer(buffer, sizeof buffer);
    if (moment_s <= 0) return;
    window_moment_put(&moment, moment_s);
    text_json_str(text, name, text_str(&moment));
}

static const char *client_state_of(const struct client *client, int64_t now_s) {
    if (!client) return "unfit";
    if (client->disabled) return "disabled";
    return client->expires_s && now_s >= client->expires_s ? "expired" : "active";
}

/* By the settings alone: nothing is read against a configuration, as there may be a million. */
static void client_state_put(const struct client_record *record, const struct json_value *settings, int64_t now_s,
                             struct text *text) {
    struct client client = {.disabled = !json_bool(json_member(settings, "enabled"), true)};
    struct str expires = json_str(json_member(settings, "expires_at"), STR(""));
    char moment[40];
    int64_t ms = 0;
    snprintf(moment, sizeof moment, "%.*s%s", STR_ARG(str_slice(expires, 0, 32)),
             expires.len == 10 ? "T00:00:00Z" : "");
    if (expires.len && date_read_rfc3339(str_from(moment), &ms)) client.expires_s = ms / 1000;
    text_json_str(text, STR("state"), record->revoked ? STR("revoked") : str_from(client_state_of(&client, now_s)));
}

void run_client_put(struct run_clients *clients, uint32_t number, struct str key, struct text *text) {
    const struct client_slot *slot = client_registry_slot(&clients->registry, number);
    const struct client_record *record = atomic_load(&slot->record);
    int64_t now_s = library_now_s();
    char id[2 * client_id_bytes];
    const char *problem;
    size_t at;
    hash_to_hex(record->id, sizeof record->id, id);
    struct json *json = json_parse(record->settings, &problem, &at);
    const struct json_value *settings = json_root(json);
    text_json_comma(text);
    text_put_byte(text, '{');
    text_json_str(text, STR("name"), record->name);
    if (key.len) text_json_str(text, STR("key"), key);
    text_json_str(text, STR("id"), str_make(id, sizeof id));
    text_json_str(text, STR("from"), STR("runtime"));
    text_json_str(text, STR("role"), json_str(json_member(settings, "role"), role_word(role_user)));
    client_state_put(record, settings, now_s, text);
    text_json_key(text, STR("settings"));
    text_put(text, record->settings);
    client_moment_put(text, STR("created_at"), record->made_s);
    client_moment_put(text, STR("changed_at"), record->changed_s);
    client_moment_put(text, STR("rotated_at"), record->rotated_s);
    if (record->previous_until_s > now_s) client_moment_put(text, STR("previous_key_until"), record->previous_until_s);
    client_moment_put(text, STR("last_used_at"), atomic_load(&slot->used_s));
    text_json_u64(text, STR("uses"), atomic_load(&slot->uses));
    text_put_byte(text, '}');
    json_free(json);
}

void run_client_file_put(const struct client *client, struct text *text) {
    text_json_comma(text);
    text_put_byte(text, '{');
    text_json_str(text, STR("name"), client->name);
    text_json_str(text, STR("from"), STR("file"));
    text_json_str(text, STR("role"), role_word(client->role));
    text_json_str(text, STR("state"), str_from(client_state_of(client, library_now_s())));
    text_json_bool(text, STR("edited"), client->edited);
    client_moment_put(text, STR("expires_at"), client->expires_s);
    text_put_byte(text, '}');
}

/* One that shows tokens, as it is let in now. */
static void identity_put(void *context, const struct client *client) {
    struct text *text = context;
    text_json_comma(text);
    text_put_byte(text, '{');
    text_json_str(text, STR("name"), client->name);
    text_json_str(text, STR("from"), STR("token"));
    text_json_bool(text, STR("identity"), true);
    text_json_str(text, STR("role"), role_word(client->role));
    text_json_str(text, STR("state"), str_from(client_state_of(client, library_now_s())));
    if (client->in) text_json_str(text, STR("in"), client->in->name);
    text_put_byte(text, '}');
}

/* Behind what is shown of all: what it has left, or why it is let in no more. */
static void client_more_put(struct weir *weir, struct str name, uint32_t number, struct text *text) {
    struct client_registry *registry = &weir->clients->registry;
    struct snapshot *snapshot = weir->deployment->snapshot;
    struct error why = {.code = error_none};
    const struct client *client = map_find(&snapshot->clients_by_name, name);
    if (!client && number != registry_none) client = client_registry_named(registry, snapshot, name);
    text->len--; /* the closing brace */
    if (client) {
        text_json_key(text, STR("now"));
        library_key_write(client, text);
    } else if (!run_clients_fit(weir->clients, name,
                                atomic_load(&client_registry_slot(registry, number)->record)->settings, &why)) {
        text_json_str(text, STR("problem"), str_from(why.message));
    }
    text_put_byte(text, '}');
}

/* What is given away of it, before the arena goes; text NULL: nothing, for this reason. */
static char *clients_given(struct arena *arena, const struct text *text, const struct error *why,
                           struct weir_error *error) {
    char *view = text ? run_clients_given(text) : NULL;
    if (!text)
        library_error_set(error, why->code, str_from(why->message));
    else if (!view)
        library_error_set(error, error_out_of_memory, STR_NONE);
    arena_free(arena);
    return view;
}

char *library_client(struct weir *weir, struct str name, struct weir_error *error) {
    struct arena arena;
    struct error why = {.code = error_none};
    arena_init(&arena, 4096, 4 * 1024 * 1024);
    struct text text = text_in_arena(&arena, 4096);
    pthread_mutex_lock(&weir->control);
    const struct client *of_file = map_find(&weir->deployment->snapshot->clients_by_name, name);
    uint32_t number = client_registry_number(&weir->clients->registry, name);
    bool found = number != registry_none || of_file || library_client_unknown(name, &why);
    if (number != registry_none)
        run_client_put(weir->clients, number, STR(""), &text);
    else if (of_file)
        run_client_file_put(of_file, &text);
    if (found) client_more_put(weir, name, number, &text);
    pthread_mutex_unlock(&weir->control);
    return clients_given(&arena, found ? &text : NULL, &why, error);
}

/* The file's first, then the others, as they were made. */
static bool place_behind(struct weir *weir, struct str after, size_t *place, struct error *error) {
    const struct snapshot *snapshot = weir->deployment->snapshot;
    const struct client *of_file = after.len ? map_find(&snapshot->clients_by_name, after) : NULL;
    uint32_t number = after.len ? client_registry_number(&weir->clients->registry, after) : registry_none;
    *place = 0;
    if (!after.len) return true;
    if (number != registry_none)
        *place = snapshot->client_count + number + 1;
    else if (of_file)
        *place = (size_t)(of_file - snapshot->clients) + 1;
    return *place || library_client_unknown(after, error);
}

char *library_clients(struct weir *weir, struct str after, size_t most, struct weir_error *error) {
    struct arena arena;
    struct error why = {.code = error_none};
    size_t place = 0;
    if (most > clients_told_most) most = clients_told_most;
    arena_init(&arena, 64 * 1024, 512u * 1024 * 1024);
    struct text text = text_in_arena(&arena, 32 * 1024);
    pthread_mutex_lock(&weir->control);
    const struct snapshot *snapshot = weir->deployment->snapshot;
    size_t all = snapshot->client_count + atomic_load(&weir->clients->registry.count);
    bool found = place_behind(weir, after, &place, &why);
    size_t end = found && most < all - place ? place + most : all;
    text_put(&text, STR("{\"clients\":["));
    struct str last = STR("");
    for (; found && place < end; place++) {
        bool of_file = place < snapshot->client_count;
        uint32_t number = of_file ? 0 : (uint32_t)(place - snapshot->client_count);
        if (of_file)
            run_client_file_put(&snapshot->clients[place], &text);
        else
            run_client_put(weir->clients, number, STR(""), &text);
        last = of_file ? snapshot->clients[place].name
                       : atomic_load(&client_registry_slot(&weir->clients->registry, number)->record)->name;
    }
    size_t identities = identities_count(weir->identities), told = 0;
    if (found && end == all)
        told = identities_each(weir->identities, snapshot, identities_told_most, identity_put, &text);
    text_put_byte(&text, ']');
    text_json_u64(&text, STR("identities"), identities);
    if (found && end == all && told < identities) text_json_u64(&text, STR("identities_left_out"), identities - told);
    if (found && end < all) text_json_str(&text, STR("next"), last);
    text_json_u64(&text, STR("total"), all);
    text_put_byte(&text, '}');
    pthread_mutex_unlock(&weir->control);
    return clients_given(&arena, found ? &text : NULL, &why, error);
}
