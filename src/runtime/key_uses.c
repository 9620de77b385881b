/* key_uses.c - see key_uses.h. */
#include "runtime/key_uses.h"

#include <string.h>

#include "base/memory.h"

static const struct str key_uses_head = STR("weir vault uses 1");

void key_uses_init(struct key_uses *uses) {
    *uses = (struct key_uses){.list = NULL};
    pthread_mutex_init(&uses->mutex, NULL);
}

void key_uses_free(struct key_uses *uses) {
    memory_give(uses->list);
    uses->list = NULL;
    pthread_mutex_destroy(&uses->mutex);
}

/* Under the mutex. NULL: there is none, or no room for one more. */
static struct key_use *use_of(struct key_uses *uses, struct str id, bool adds) {
    for (size_t i = 0; i < uses->count; i++)
        if (str_eq(str_from(uses->list[i].id), id)) return &uses->list[i];
    if (!adds || id.len == 0 || id.len > key_uses_id_max || uses->count == key_uses_max) return NULL;
    if (uses->count == uses->room) {
        size_t room = uses->room * 2 + 8;
        struct key_use *list = memory_resize(uses->list, room * sizeof *list);
        if (!list) return NULL;
        uses->list = list;
        uses->room = room;
    }
    struct key_use *use = &uses->list[uses->count++];
    *use = (struct key_use){.count = 0};
    str_copy(use->id, sizeof use->id, id);
    return use;
}

static bool use_read(struct key_uses *uses, struct str line) {
    struct str rest = line, id, word;
    uint64_t numbers[3];
    if (!str_split_next(&rest, '\t', &id) || str_find_byte(id, 0) != SIZE_MAX) return false;
    for (size_t i = 0; i < 3; i++)
        if (!str_split_next(&rest, '\t', &word) || !str_to_u64(word, &numbers[i]) || numbers[i] > INT64_MAX)
            return false;
    struct key_use *use = rest.len ? NULL : use_of(uses, id, true);
    if (!use) return false;
    use->first_s = (int64_t)numbers[0];
    use->last_s = (int64_t)numbers[1];
    use->count = numbers[2];
    return true;
}

size_t key_uses_read(struct key_uses *uses, struct str text) {
    struct str rest = text, line;
    size_t left_out = 0;
    pthread_mutex_lock(&uses->mutex);
    bool ours = str_split_next(&rest, '\n', &line) && str_eq(line, key_uses_head);
    while (ours && str_split_next(&rest, '\n', &line))
        if (line.len && !use_read(uses, line)) left_out++;
    pthread_mutex_unlock(&uses->mutex);
    return left_out + (!ours && text.len);
}

void key_uses_gather(struct key_uses *uses, const struct snapshot *snapshot) {
    pthread_mutex_lock(&uses->mutex);
    for (size_t i = 0; i < snapshot->provider_count; i++) {
        const struct provider *provider = &snapshot->providers[i];
        for (size_t k = 0; provider->key_entries && k < provider->key_count; k++) {
            struct key_cells *cells = provider->key_cells[k];
            uint64_t counted = cell_load(&cells->uses);
            if (!provider->key_entries[k].len || !counted) continue;
            while (!cell_swap(&cells->uses, &counted, 0)) continue;
            int64_t first_s = (int64_t)cell_load(&cells->first_used_s),
                    last_s = (int64_t)cell_load(&cells->last_used_s);
            struct key_use *use = counted ? use_of(uses, provider->key_entries[k], true) : NULL;
            if (!use) continue;
            if (!use->count) use->first_s = first_s;
            if (last_s > use->last_s) use->last_s = last_s;
            use->count += counted;
            uses->changed = true;
        }
    }
    pthread_mutex_unlock(&uses->mutex);
}

bool key_uses_save(struct key_uses *uses, struct text *text) {
    pthread_mutex_lock(&uses->mutex);
    bool changed = uses->changed;
    uses->changed = false;
    text_put(text, key_uses_head);
    text_put_byte(text, '\n');
    for (size_t i = 0; changed && i < uses->count; i++) {
        const struct key_use *use = &uses->list[i];
        if (use->count)
            text_printf(text, "%s\t%lld\t%lld\t%llu\n", use->id, (long long)use->first_s, (long long)use->last_s,
                        (unsigned long long)use->count);
    }
    pthread_mutex_unlock(&uses->mutex);
    return changed && !text->failed;
}

void key_uses_write(const struct key_uses *uses_, struct str id, struct text *text) {
    struct key_uses *uses = (struct key_uses *)(uintptr_t)uses_;
    pthread_mutex_lock(&uses->mutex);
    const struct key_use *use = use_of(uses, id, false);
    text_json_u64(text, STR("uses"), use ? use->count : 0);
    if (use && use->count) text_json_i64(text, STR("first_used"), use->first_s);
    if (use && use->count) text_json_i64(text, STR("last_used"), use->last_s);
    pthread_mutex_unlock(&uses->mutex);
}

bool key_uses_warn(struct key_uses *uses, struct str id, int64_t now_s) {
    enum { day_s = 86400 };
    pthread_mutex_lock(&uses->mutex);
    struct key_use *use = use_of(uses, id, true);
    bool due = use && (use->warned_s == 0 || now_s - use->warned_s >= day_s || now_s < use->warned_s);
    if (due) use->warned_s = now_s;
    pthread_mutex_unlock(&uses->mutex);
    return due;
}
