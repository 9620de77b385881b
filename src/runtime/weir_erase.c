/* weir_erase.c - all that is kept of a client or an owner's, told or taken from the name, for the library's host. */
#include "base/memory.h"
#include "runtime/erasers.h"
#include "runtime/weir_internal.h"

struct export_host {
    int (*line)(void *context, const char *lines, size_t len);
    void *context;
};

static bool export_host_put(void *context, struct str lines) {
    const struct export_host *host = context;
    return host->line(host->context, lines.at, lines.len) == 0;
}

/* One of the two; false: *error. */
static bool erase_whose(struct erasure *erasure, const char *client, const char *owner, struct weir_error *error) {
    erasure->client = str_from(client ? client : "");
    erasure->owner = str_from(owner ? owner : "");
    if ((erasure->client.len == 0) != (erasure->owner.len == 0)) return true;
    library_error_set(error, error_invalid_request, STR("Say whose: a client or an owner, one of the two."));
    return false;
}

char *weir_purge(struct weir *weir, const char *client, const char *owner, struct weir_error *error) {
    struct erasure erasure = {.purges = true};
    struct error why = {.code = error_none};
    char *json = NULL;
    if (!erase_whose(&erasure, client, owner, error)) return NULL;
    if (erasure_alone(weir, &erasure, &library_who, &why)) {
        struct text text = text_in_arena(&erasure.arena, 1024);
        erasure_tell(&erasure, &text);
        json = text.failed ? NULL : memory_take(text.len + 1);
        if (json) str_copy(json, text.len + 1, text_str(&text));
        if (!json) library_error_set(error, error_out_of_memory, STR(""));
    } else {
        library_error_set(error, why.code, str_from(why.message));
    }
    erasure_free(&erasure);
    return json;
}

int weir_export(struct weir *weir, const char *client, const char *owner,
                int (*line)(void *context, const char *lines, size_t len), void *context, struct weir_error *error) {
    struct export_host host = {line, context};
    struct erasure erasure = {.put = export_host_put, .context = &host};
    struct error why = {.code = error_none};
    if (!erase_whose(&erasure, client, owner, error)) return -1;
    bool good = erasure_alone(weir, &erasure, &library_who, &why);
    if (!good) library_error_set(error, why.code, str_from(why.message));
    erasure_free(&erasure);
    return good ? 0 : -1;
}
