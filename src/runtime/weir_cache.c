/* weir_cache.c - the response cache as an operator sees it: how full it is, and taking answers out of it. */
#include "runtime/weir_internal.h"

#include <stdio.h>

#include "core/false_share.h"
#include "runtime/cache_keeper.h"

static const struct str cache_words[] = {STR("client"), STR("route"), STR("model"), STR("target"),
                                         STR("tag"),    STR("key"),   STR("all")};
static const enum cache_text cache_texts_of[] = {cache_text_client, cache_text_route, cache_text_model,
                                                 cache_text_target, cache_text_tags,  cache_text_key,
                                                 cache_texts};
enum { cache_word_count = sizeof cache_words / sizeof *cache_words };

struct str library_cache_word(size_t place) {
    return place < cache_word_count ? cache_words[place] : STR("");
}

/* How many prompts may be found by other words, and of each route that looks what its comparisons came to. */
static void semantic_put(struct weir *weir, struct text *text) {
    struct deployment *deployment = library_deployment(weir);
    const struct snapshot *snapshot = deployment->snapshot;
    text_json_key(text, STR("semantic"));
    text_put_byte(text, '{');
    text_json_u64(text, STR("prompts"), semantic_count(&weir->cache.semantic));
    text_json_u64(text, STR("max_prompts"), snapshot->semantic_entries);
    text_json_key(text, STR("routes"));
    text_put_byte(text, '[');
    for (size_t i = 0; i < snapshot->route_count; i++) {
        const struct route *route = &snapshot->routes[i];
        if (!route->cache.semantic || !route->cells) continue;
        const struct false_share share = false_share_read(&route->cells->semantic);
        text_json_comma(text);
        text_put_byte(text, '{');
        text_json_str(text, STR("route"), route->model);
        text_json_bool(text, STR("on"), !share.off);
        text_json_u64(text, STR("compared"), share.compared);
        text_json_u64(text, STR("false"), share.wrong);
        text_put_byte(text, '}');
    }
    text_put(text, STR("]}"));
    deployment_release(deployment);
}

/* Of one route, or of all: what was found false counts no more. */
static void semantic_reset(const struct snapshot *snapshot, const struct cache_choice *choice) {
    for (size_t i = 0; i < snapshot->route_count; i++) {
        const struct route *route = &snapshot->routes[i];
        if (route->cells && (choice->by == cache_texts || str_eq(route->model, choice->value)))
            false_share_reset(&route->cells->semantic);
    }
}

void library_semantic_reset(const struct snapshot *snapshot) {
    semantic_reset(snapshot, &(struct cache_choice){.by = cache_texts});
}

void library_cache_write(struct weir *weir, struct text *text) {
    const struct cache_stats stats = cache_look(&weir->cache);
    text_put_byte(text, '{');
    text_json_bool(text, STR("on"), stats.bytes_max > 0);
    text_json_u64(text, STR("answers"), stats.answers);
    text_json_u64(text, STR("bytes"), stats.bytes);
    text_json_u64(text, STR("max_bytes"), stats.bytes_max);
    text_json_u64(text, STR("found"), stats.found);
    text_json_u64(text, STR("missed"), stats.missed);
    text_json_u64(text, STR("stale"), stats.stale);
    text_json_u64(text, STR("kept"), stats.kept);
    text_json_u64(text, STR("evicted"), stats.evicted);
    text_json_u64(text, STR("expired"), stats.expired);
    text_json_u64(text, STR("purged"), stats.purged);
    semantic_put(weir, text);
    text_put_byte(text, '}');
}

bool library_cache_purge(struct weir *weir, struct str word, struct str value, const struct audit_who *who,
                         size_t *count, struct error *error) {
    char subject_said[audit_word_most];
    struct text subject = text_in_buffer(subject_said, sizeof subject_said);
    size_t place = 0;
    while (place < cache_word_count && !str_eq(cache_words[place], word)) place++;
    if (place == cache_word_count)
        return error_set(error, error_invalid_request,
                         "Say what is to go: `client`, `route`, `model`, `target`, `tag`, `key` or `all`.");
    const struct cache_choice choice = {.by = cache_texts_of[place], .value = value};
    text_put(&subject, word);
    if (choice.by != cache_texts) text_printf(&subject, " %.*s", STR_ARG(str_slice(value, 0, 300)));
    const struct audit_entry entry = {.action = audit_cache_purge, .who = *who, .subject = text_str(&subject)};
    pthread_mutex_lock(&weir->control);
    bool good = library_audit(weir, &entry, error);
    bool gone = good;
    if (good) *count = library_cache_forget(weir, &choice, &gone);
    if (good && !gone) library_audit_failed(weir, &entry);
    if (good && (choice.by == cache_text_route || choice.by == cache_texts))
        semantic_reset(weir->deployment->snapshot, &choice);
    pthread_mutex_unlock(&weir->control);
    return good && (gone || error_set(error, error_storage_failed,
                                      "They are gone from memory, and may still stand in STATE_DIR/cache.db."));
}

size_t library_cache_forget(struct weir *weir, const struct cache_choice *choice, bool *good) {
    size_t count = cache_purge(&weir->cache, choice);
    makings_hide(&weir->makings);
    *good = cache_keeper_purge(weir->cache_keeper, choice);
    return count + cache_purge(&weir->cache, choice); /* what was being read from the file meanwhile */
}

void library_cache_follow(struct weir *weir, const struct snapshot *snapshot) {
    const bool keeps = snapshot->cache_bytes_max && snapshot->cache_durable && weir->books;
    char path[1100];
    if (!cache_resize(&weir->cache, snapshot->cache_bytes_max))
        log_error(weir->reports.log ? log_shared(weir->reports.log) : NULL, clock_read(), "cache_has_no_memory",
                  f_u64("max_bytes", snapshot->cache_bytes_max));
    if (!semantic_resize(&weir->cache.semantic, snapshot->semantic_entries))
        log_error(weir->reports.log ? log_shared(weir->reports.log) : NULL, clock_read(), "cache_has_no_memory",
                  f_u64("semantic_entries", snapshot->semantic_entries));
    snprintf(path, sizeof path, "%.*s/cache.db", STR_ARG(weir->config.process.state_dir));
    if (keeps && !weir->cache_keeper) weir->cache_keeper = cache_keeper_open(&weir->cache, path, weir->reports.log);
    for (unsigned i = 0; i < weir->worker_count; i++)
        atomic_store(&weir->workers[i].cache_keeper, keeps ? weir->cache_keeper : NULL);
}
