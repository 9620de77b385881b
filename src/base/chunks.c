/* chunks.c - growing by doubling blocks up to 256 KB, so that a small body is one block. Bytes move only into one
 * block, when the whole is asked for. */
#include "base/chunks.h"

#include <string.h>

#include "base/check.h"
#include "base/memory.h"

enum { block_first = 2048, block_most = 256 * 1024 };

void chunks_init(struct chunks *chunks, struct budget *budget) { *chunks = (struct chunks){.budget = budget}; }

void chunks_init_spared(struct chunks *chunks, struct budget *budget, struct spares *spares) {
    *chunks = (struct chunks){.budget = budget, .spares = spares};
}

/* Only the smallest are kept. */
static struct spares *chunk_spares(const struct chunks *chunks, size_t size) {
    return size == block_first ? chunks->spares : NULL;
}

void chunks_expect(struct chunks *chunks, size_t len) { chunks->expected = len < block_most ? len : block_most; }

static struct chunk *chunk_new(struct chunks *chunks, size_t need) {
    size_t size = chunks->last ? chunks->last->size * 2 : chunks->expected ? chunks->expected : block_first;
    if (size > block_most) size = block_most;
    if (size < need) size = need;
    if (chunks->spares && size < block_first) size = block_first;
    size_t whole;
    if (!size_add(size, sizeof(struct chunk), &whole) || !budget_take(chunks->budget, whole)) return NULL;
    struct chunk *chunk = spares_take(chunk_spares(chunks, size), whole);
    if (!chunk) {
        budget_give(chunks->budget, whole);
        return NULL;
    }
    CHECKF(size >= need, "size=%zu need=%zu", size, need);
    *chunk = (struct chunk){.next = NULL, .len = 0, .size = size};
    chunks->taken += whole;
    return chunk;
}

bool chunks_add(struct chunks *chunks, struct str bytes) {
    struct chunk *last = chunks->last;
    size_t fits = last ? last->size - last->len : 0;
    if (fits > bytes.len) fits = bytes.len;
    if (fits < bytes.len) {
        struct chunk *more = chunk_new(chunks, bytes.len - fits);
        if (!more) return false;
        memcpy(more->bytes, bytes.at + fits, bytes.len - fits);
        more->len = bytes.len - fits;
        if (last)
            last->next = more;
        else
            chunks->first = more;
        chunks->last = more;
    }
    if (fits) {
        memcpy(last->bytes + last->len, bytes.at, fits);
        last->len += fits;
    }
    chunks->len += bytes.len;
    return true;
}

static void chunks_blocks_give(struct chunks *chunks) {
    for (struct chunk *chunk = chunks->first, *next; chunk; chunk = next) {
        next = chunk->next;
        spares_give(chunk_spares(chunks, chunk->size), chunk);
    }
}

void chunks_free(struct chunks *chunks) {
    chunks_blocks_give(chunks);
    budget_give(chunks->budget, chunks->taken);
    chunks_init_spared(chunks, chunks->budget, chunks->spares);
}

struct str chunks_whole(struct chunks *chunks) {
    if (!chunks->first) return STR("");
    if (!chunks->first->next) return str_make(chunks->first->bytes, chunks->first->len);
    size_t taken = chunks->taken;
    struct chunk *whole = chunk_new(chunks, chunks->len);
    if (!whole) return STR_NONE;
    for (struct chunk *chunk = chunks->first; chunk; chunk = chunk->next) {
        memcpy(whole->bytes + whole->len, chunk->bytes, chunk->len);
        whole->len += chunk->len;
    }
    CHECKF(whole->len == chunks->len && chunks->taken > taken, "len=%zu of %zu", whole->len, chunks->len);
    chunks_blocks_give(chunks);
    budget_give(chunks->budget, taken);
    chunks->taken -= taken;
    chunks->first = chunks->last = whole;
    return str_make(whole->bytes, whole->len);
}

size_t chunks_ranges(const struct chunks *chunks, size_t from, size_t to, struct str *ranges, size_t most) {
    size_t start = 0, count = 0;
    CHECKF(from <= to, "from=%zu to=%zu", from, to);
    for (struct chunk *chunk = chunks->first; chunk && count < most && start < to;
         start += chunk->len, chunk = chunk->next) {
        size_t first = from > start ? from - start : 0;
        size_t end = to - start < chunk->len ? to - start : chunk->len;
        if (first < end) ranges[count++] = str_make(chunk->bytes + first, end - first);
    }
    return count;
}
