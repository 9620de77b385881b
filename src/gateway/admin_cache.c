/* admin_cache.c - /admin/v1/cache: how full the response cache is; and taking answers out of it, which waits for the
 * audit and so runs on the control loop. */
#include <string.h>

#include "dialect/json.h"
#include "gateway/errand.h"

enum { cache_value_max = 512 };

void answer_cache(struct visit *visit) {
    struct text text = text_in_arena(&visit->gateway_worker->worker->scratch, 512);
    library_cache_write(visit->gateway_worker->gateway->weir, &text);
    visit_answer_text(visit, &text);
}

struct purging {
    struct errand errand;
    struct str word; /* a literal */
    char value[cache_value_max];
    size_t count;
    struct error error;
    bool good;
};

static void purging_run(void *own) {
    struct purging *purging = own;
    struct audit_who who = visit_who_told(&purging->errand.who);
    purging->good = library_cache_purge(purging->errand.gateway->weir, purging->word, str_from(purging->value), &who,
                                        &purging->count, &purging->error);
    errand_done(purging);
}

static void purging_answer(void *own) {
    struct purging *purging = own;
    char told[64];
    struct text text = text_in_buffer(told, sizeof told);
    text_printf(&text, "{\"purged\":%zu}", purging->count);
    if (purging->good)
        visit_answer(purging->errand.visit, 200, STR("application/json"), text_str(&text));
    else
        visit_error(purging->errand.visit, purging->error.code, str_from(purging->error.message));
}

static const struct errand_kind purging_kind = {sizeof(struct purging), purging_run, purging_answer, NULL};

/* {"route": "chat"}, or {"all": true}: one member. */
static bool purging_read(struct purging *purging, const struct json_value *root) {
    struct str name = STR_NONE, value;
    size_t place = 0;
    const struct json_value *member = json_each(root, &place, &name);
    bool one = json_kind(root) == json_object && json_count(root) == 1;
    for (size_t i = 0; one && library_cache_word(i).len; i++)
        if (str_eq(library_cache_word(i), name)) purging->word = library_cache_word(i);
    bool all = purging->word.at && str_eq(purging->word, STR("all"));
    value = json_str(member, STR(""));
    if (one && purging->word.at && str_eq(purging->word, STR("tag")) && value.len && !memchr(value.at, '=', value.len))
        return error_set(&purging->error, error_invalid_request,
                         "`tag` is a name and a value: {\"tag\": \"team=search\"}.");
    if (one && purging->word.at && (all ? json_bool(member, false) : value.len > 0 && value.len < cache_value_max)) {
        str_copy(purging->value, sizeof purging->value, value);
        return true;
    }
    return error_set(&purging->error, error_invalid_request,
                     "The body must be a JSON object that says what is to go, by one of `client`, `route`, `model`, "
                     "`target`, `tag` and `key`, such as {\"route\": \"chat\"}; or {\"all\": true}.");
}

void answer_cache_purge(struct visit *visit) {
    const char *problem = "";
    size_t at = 0;
    struct purging *purging = errand_new(visit, &purging_kind);
    if (!purging) return;
    struct json *json = json_parse(str_make(visit->body, visit->body_len), &problem, &at);
    bool good = purging_read(purging, json ? json_root(json) : NULL);
    json_free(json);
    if (good) {
        errand_start(purging, purging->errand.gateway->options.control);
        return;
    }
    struct error error = purging->error;
    errand_drop(purging);
    visit_error(visit, error.code, str_from(error.message));
}
