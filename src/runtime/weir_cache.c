/* weir_cache.c - the response cache as an operator sees it: how full it is, and taking answers out of it. */
#include "runtime/weir_internal.h"

static const struct str cache_words[] = {STR("client"), STR("route"), STR("model"), STR("target"),
                                         STR("tag"),    STR("key"),   STR("all")};
static const enum cache_text cache_texts_of[] = {cache_text_client, cache_text_route, cache_text_model,
                                                 cache_text_target, cache_text_tags,  cache_text_key,
                                                 cache_texts};
enum { cache_word_count = sizeof cache_words / sizeof *cache_words };

struct str library_cache_word(size_t place) {
    return place < cache_word_count ? cache_words[place] : STR("");
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
    text_json_u64(text, STR("kept"), stats.kept);
    text_json_u64(text, STR("evicted"), stats.evicted);
    text_json_u64(text, STR("expired"), stats.expired);
    text_json_u64(text, STR("purged"), stats.purged);
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
    if (good) *count = library_cache_forget(weir, &choice);
    pthread_mutex_unlock(&weir->control);
    return good;
}

size_t library_cache_forget(struct weir *weir, const struct cache_choice *choice) {
    return cache_purge(&weir->cache, choice);
}
