/* spans.c - see spans.h. Invariant: what lies between `taken` and `put` of a ring is whole records, each in one piece.
 */
#include "observe/spans.h"

#include <stdatomic.h>
#include <string.h>

#include "base/check.h"
#include "base/limits.h"
#include "base/memory.h"

enum { ring_bytes = 512 * 1024, request_words = 17, request_texts = request_words + 3, attempt_texts = 5 };

struct spans_ring {
    _Atomic uint64_t put, taken; /* bytes so far; their places are these modulo ring_bytes */
    _Atomic uint64_t dropped;
    char bytes[ring_bytes];
};

struct spans {
    _Atomic(struct spans_ring *) rings[limit_loops];
    _Atomic size_t count;
    size_t turn; /* whose record is taken next */
};

/* Before each record; `attempts` is spans_pad where the rest of the ring's end is left out. */
struct spans_head {
    uint32_t bytes, attempts;
};
#define spans_pad UINT32_MAX

#define X(name) offsetof(struct span_request, name),
static const size_t of_request[] = {SPAN_REQUEST_TEXTS(X) SPAN_REQUEST_CONTENT(X)};
#undef X
#define X(name) offsetof(struct span_attempt, name),
static const size_t of_attempt[] = {SPAN_ATTEMPT_TEXTS(X)};
#undef X
_Static_assert(sizeof of_request / sizeof *of_request == request_texts, "request_texts");
_Static_assert(sizeof of_attempt / sizeof *of_attempt == attempt_texts, "attempt_texts");

static struct str spans_text(const void *of, size_t offset) {
    struct str text;
    memcpy(&text, (const char *)of + offset, sizeof text);
    return text;
}

/* Of the text in this place: those of content come last. */
static size_t spans_most(size_t place) { return place < request_words ? spans_text_most : spans_content_most; }

/* A length that keeps what follows where a number may stand. */
static size_t spans_even(size_t bytes) { return (bytes + 7) & ~(size_t)7; }

static size_t spans_texts_len(const void *of, const size_t *offsets, size_t count) {
    size_t sum = 0;
    for (size_t i = 0; i < count; i++) {
        size_t len = spans_text(of, offsets[i]).len;
        sum += len < spans_most(i) ? len : spans_most(i);
    }
    return spans_even(sum);
}

/* The fixed part, its texts' lengths cut, and the texts behind it. */
static char *spans_part_put(char *at, const void *of, size_t bytes, const size_t *offsets, size_t count) {
    char *texts = at + bytes;
    memcpy(at, of, bytes);
    for (size_t i = 0; i < count; i++) {
        struct str text = spans_text(of, offsets[i]);
        if (text.len > spans_most(i)) text.len = spans_most(i);
        if (text.len) memcpy(texts, text.at, text.len);
        texts += text.len;
        memcpy(at + offsets[i], &text, sizeof text);
    }
    return at + bytes + spans_even((size_t)(texts - at - (ptrdiff_t)bytes));
}

/* The other way: texts point into the ring. */
static const char *spans_part_take(const char *at, void *into, size_t bytes, const size_t *offsets, size_t count) {
    const char *texts = at + bytes;
    memcpy(into, at, bytes);
    for (size_t i = 0; i < count; i++) {
        struct str text = spans_text(into, offsets[i]);
        CHECKF(text.len <= spans_most(i), "len=%zu", text.len);
        text.at = text.len ? texts : NULL;
        texts += text.len;
        memcpy((char *)into + offsets[i], &text, sizeof text);
    }
    return at + bytes + spans_even((size_t)(texts - at - (ptrdiff_t)bytes));
}

struct spans *spans_new(void) {
    return memory_take_zeroed(sizeof(struct spans));
}

void spans_free(struct spans *spans) {
    if (!spans) return;
    for (size_t i = 0; i < atomic_load(&spans->count); i++) memory_give(atomic_load(&spans->rings[i]));
    memory_give(spans);
}

struct spans_ring *spans_ring_open(struct spans *spans) {
    struct spans_ring *ring = memory_take_zeroed(sizeof *ring);
    if (!ring) return NULL;
    size_t at = atomic_fetch_add(&spans->count, 1);
    CHECKF(at < limit_loops, "rings=%zu", at);
    atomic_store_explicit(&spans->rings[at], ring, memory_order_release);
    return ring;
}

bool spans_put(struct spans_ring *ring, const struct span_request *request, const struct span_attempt *attempts,
               size_t count) {
    if (count > spans_attempts_most) count = spans_attempts_most;
    size_t bytes = sizeof(struct spans_head) + sizeof *request + spans_texts_len(request, of_request, request_texts);
    for (size_t i = 0; i < count; i++)
        bytes += sizeof *attempts + spans_texts_len(&attempts[i], of_attempt, attempt_texts);
    uint64_t put = atomic_load_explicit(&ring->put, memory_order_relaxed);
    size_t at = put % ring_bytes, pad = ring_bytes - at < bytes ? ring_bytes - at : 0;
    if (put + pad + bytes - atomic_load_explicit(&ring->taken, memory_order_acquire) > ring_bytes) {
        atomic_fetch_add_explicit(&ring->dropped, 1, memory_order_relaxed);
        return false;
    }
    struct spans_head head = {.bytes = (uint32_t)bytes, .attempts = (uint32_t)count};
    if (pad) memcpy(ring->bytes + at, &(struct spans_head){(uint32_t)pad, spans_pad}, sizeof head);
    char *into = ring->bytes + (pad ? 0 : at);
    memcpy(into, &head, sizeof head);
    into = spans_part_put(into + sizeof head, request, sizeof *request, of_request, request_texts);
    for (size_t i = 0; i < count; i++)
        into = spans_part_put(into, &attempts[i], sizeof *attempts, of_attempt, attempt_texts);
    atomic_store_explicit(&ring->put, put + pad + bytes, memory_order_release);
    return true;
}

static bool ring_take(struct spans_ring *ring, struct spans_record *record) {
    uint64_t taken = atomic_load_explicit(&ring->taken, memory_order_relaxed);
    struct spans_head head;
    if (taken == atomic_load_explicit(&ring->put, memory_order_acquire)) return false;
    memcpy(&head, ring->bytes + taken % ring_bytes, sizeof head);
    if (head.attempts == spans_pad) { /* something stands behind it: both were put at once */
        taken += head.bytes;
        memcpy(&head, ring->bytes, sizeof head);
    }
    const char *from = ring->bytes + taken % ring_bytes + sizeof head;
    CHECKF(head.attempts <= spans_attempts_most, "attempts=%u", head.attempts);
    from = spans_part_take(from, &record->request, sizeof record->request, of_request, request_texts);
    for (size_t i = 0; i < head.attempts; i++)
        from = spans_part_take(from, &record->attempts[i], sizeof record->attempts[i], of_attempt, attempt_texts);
    CHECKF(from == ring->bytes + taken % ring_bytes + head.bytes, "bytes=%u", head.bytes);
    record->count = head.attempts;
    record->ring = ring;
    record->next = taken + head.bytes;
    return true;
}

bool spans_take(struct spans *spans, struct spans_record *record) {
    size_t count = atomic_load_explicit(&spans->count, memory_order_acquire);
    for (size_t i = 0; i < count; i++) {
        struct spans_ring *ring = atomic_load_explicit(&spans->rings[spans->turn++ % count], memory_order_acquire);
        if (ring && ring_take(ring, record)) return true;
    }
    return false;
}

void spans_taken(struct spans_record *record) {
    atomic_store_explicit(&record->ring->taken, record->next, memory_order_release);
}

uint64_t spans_dropped(const struct spans *spans) {
    uint64_t sum = 0;
    for (size_t i = 0; i < atomic_load_explicit(&spans->count, memory_order_acquire); i++) {
        struct spans_ring *ring = atomic_load_explicit(&spans->rings[i], memory_order_acquire);
        if (ring) sum += atomic_load_explicit(&ring->dropped, memory_order_relaxed);
    }
    return sum;
}
