/* notices.c - see notices.h. A mutex around a copy of at most a kilobyte: who puts is never a loop that serves
 * requests. */
#include "observe/notices.h"

#include <pthread.h>

#include "base/check.h"
#include "base/hash.h"
#include "base/memory.h"

struct notices {
    pthread_mutex_t mutex;
    uint64_t base, last; /* the ones held are last - notices_held + 1 .. last, none up to base */
    uint64_t forgotten;  /* nor up to this one; at least base */
    struct notice ring[notices_held];
};

static const struct notice_facts facts[notice_types] = {
#define X(name, members, when) [notice_##name] = {STR(#name), STR(members), STR(when)},
    NOTICE_TABLE(X)
#undef X
};

const struct notice_facts *notice_facts(enum notice_type type) {
    CHECKF(type < notice_types, "type=%d", (int)type);
    return &facts[type];
}

struct notices *notices_new(int64_t now_s) {
    enum { a_second = 20 }; /* a million events fit before the number of the next second */
    struct notices *notices = memory_take_zeroed(sizeof *notices);
    if (!notices) return NULL;
    pthread_mutex_init(&notices->mutex, NULL);
    notices->base = notices->last = notices->forgotten = (uint64_t)(now_s > 0 ? now_s : 0) << a_second;
    return notices;
}

void notices_free(struct notices *notices) {
    if (!notices) return;
    pthread_mutex_destroy(&notices->mutex);
    memory_give(notices);
}

/* Of those held; behind the last, where none is. */
static uint64_t notices_oldest(const struct notices *notices) {
    uint64_t before = notices->last - notices->base > notices_held ? notices->last - notices_held : notices->base;
    return (before > notices->forgotten ? before : notices->forgotten) + 1;
}

void notices_put(struct notices *notices, enum notice_type type, int64_t now_ms, struct str members) {
    if (!notices) return;
    pthread_mutex_lock(&notices->mutex);
    struct notice *notice = &notices->ring[(notices->last + 1) % notices_held];
    struct text text = text_in_buffer(notice->json, sizeof notice->json);
    text_put_byte(&text, '{');
    text_json_i64(&text, STR("time_ms"), now_ms);
    if (members.len) text_put_byte(&text, ',');
    text_put(&text, members);
    text_put_byte(&text, '}');
    if (text.failed) { /* it has happened all the same */
        text = text_in_buffer(notice->json, sizeof notice->json);
        text_printf(&text, "{\"time_ms\":%lld,\"too_long\":true}", (long long)now_ms);
    }
    notice->id = ++notices->last;
    notice->type = type;
    notice->len = text.len;
    pthread_mutex_unlock(&notices->mutex);
}

void notices_forget(struct notices *notices) {
    pthread_mutex_lock(&notices->mutex);
    for (uint64_t id = notices_oldest(notices); id <= notices->last; id++) {
        struct notice *notice = &notices->ring[id % notices_held];
        memory_wipe(notice->json, notice->len);
    }
    notices->forgotten = notices->last;
    pthread_mutex_unlock(&notices->mutex);
}

uint64_t notices_last(struct notices *notices) {
    if (!notices) return 0;
    pthread_mutex_lock(&notices->mutex);
    uint64_t last = notices->last;
    pthread_mutex_unlock(&notices->mutex);
    return last;
}

bool notices_next(struct notices *notices, uint64_t after, struct notice *notice, uint64_t *missed) {
    *missed = 0;
    if (!notices) return false;
    pthread_mutex_lock(&notices->mutex);
    uint64_t oldest = notices_oldest(notices);
    bool found = after < notices->last && oldest <= notices->last;
    if (found && after + 1 < oldest) {
        *missed = after < notices->base ? UINT64_MAX : oldest - after - 1;
        after = oldest - 1;
    }
    if (found) {
        const struct notice *next = &notices->ring[(after + 1) % notices_held];
        *notice = (struct notice){.id = next->id, .type = next->type, .len = next->len};
        memcpy(notice->json, next->json, next->len);
    }
    pthread_mutex_unlock(&notices->mutex);
    return found;
}
