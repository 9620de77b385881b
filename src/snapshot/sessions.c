/* sessions.c - see sessions.h. Invariant: of one identity at most one place is held or remembered. */
#include "snapshot/sessions.h"

#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/hash.h"
#include "base/memory.h"

struct session_rules session_caps_rules(const struct session_caps *caps) {
    return (struct session_rules){caps->nano_usd.most, caps->calls.most, caps->lasts.most, caps->idle_s};
}

/* A client that another issuer vouches for has a long name. */
uint64_t session_identity(struct str client, struct str session) {
    char bytes[sizeof(struct sha256) + limit_session];
    const struct sha256 whose = hash_sha256(client);
    const struct str named = str_slice(session, 0, limit_session);
    uint64_t identity;
    memcpy(bytes, whose.bytes, sizeof whose);
    if (named.len) memcpy(bytes + sizeof whose, named.at, named.len);
    struct sha256 hash = hash_sha256(str_make(bytes, sizeof whose + named.len));
    memcpy(&identity, hash.bytes, sizeof identity);
    identity &= ~(uint64_t)session_seconds;
    return identity ? identity : session_counts;
}

/* -- what was written down -- */

void sessions_kept_add(struct sessions_kept *kept, uint64_t budget, int64_t window_s, int64_t amount) {
    if (kept->count == kept->room) {
        size_t room = kept->room ? kept->room * 2 : 256, bytes;
        struct session_row *rows = size_mul(room, sizeof *rows, &bytes) ? memory_resize(kept->rows, bytes) : NULL;
        kept->lost = kept->lost || !rows;
        if (!rows) return;
        kept->rows = rows;
        kept->room = room;
    }
    struct session_row row = {.identity = budget & ~(uint64_t)session_seconds,
                              .started_s = window_s - session_window_mark};
    switch (budget & session_seconds) {
    case session_nano_usd: row.nano_usd = amount; break;
    case session_calls: row.calls = amount; break;
    default: row.last_s = amount; break; /* since it began, until they are sorted */
    }
    kept->rows[kept->count++] = row;
}

static int session_by_identity(const void *a, const void *b) {
    const struct session_row *one = a, *other = b;
    if (one->identity != other->identity) return one->identity < other->identity ? -1 : 1;
    return (one->started_s > other->started_s) - (one->started_s < other->started_s);
}

/* The counts of one session become one row. */
void sessions_kept_sort(struct sessions_kept *kept) {
    size_t count = 0;
    if (kept->count) qsort(kept->rows, kept->count, sizeof *kept->rows, session_by_identity);
    for (size_t i = 0; i < kept->count; i++) {
        const struct session_row row = kept->rows[i];
        struct session_row *into = count ? &kept->rows[count - 1] : NULL;
        if (into && into->identity == row.identity && into->started_s == row.started_s) {
            into->nano_usd += row.nano_usd;
            into->calls += row.calls;
            into->last_s += row.last_s;
        } else {
            kept->rows[count++] = row;
        }
    }
    for (size_t i = 0; i < count; i++) kept->rows[i].last_s += kept->rows[i].started_s;
    kept->count = count;
    atomic_store_explicit(&kept->sorted, true, memory_order_release);
}

void sessions_kept_free(struct sessions_kept *kept) {
    memory_give(kept->rows);
    *kept = (struct sessions_kept){.rows = NULL};
}

/* The first row behind all of lesser identities. */
static size_t kept_place(const struct sessions_kept *kept, uint64_t identity) {
    size_t low = 0, high = kept->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (kept->rows[middle].identity < identity)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* NULL: nothing is known yet. A session that went on while the ledger was away stands there twice: the earlier was not
 * over when the later one began. What was over by then counts no more; a row of nothing: of none it is known. */
static const struct session_row *kept_find(const struct sessions_kept *kept, uint64_t identity,
                                           const struct session_rules *rules, struct session_row *row) {
    if (!kept || !atomic_load_explicit(&kept->sorted, memory_order_acquire)) return NULL;
    size_t first = kept_place(kept, identity), at = kept_place(kept, identity + 1);
    *row = (struct session_row){.identity = identity};
    if (at == first) return row;
    *row = kept->rows[--at];
    for (const struct session_row *before; at-- > first; row->started_s = before->started_s) {
        before = &kept->rows[at];
        if (session_until(before->started_s, before->last_s, rules) <= row->started_s) break;
        row->nano_usd += before->nano_usd;
        row->calls += before->calls;
        if (before->last_s > row->last_s) row->last_s = before->last_s;
    }
    return row;
}

/* -- places -- */

static size_t chunk_size(unsigned chunk) { return (size_t)session_chunk_least << chunk; }

static struct session *session_place_of(struct session *chunk, unsigned number, uint64_t identity, size_t n) {
    return &chunk[((size_t)(identity >> 8) + n) % chunk_size(number)];
}

static struct session *chunk_load(const struct sessions *sessions, unsigned number) {
    return atomic_load_explicit(&sessions->chunks[number], memory_order_acquire);
}

static struct session *held_find(struct sessions *sessions, uint64_t identity, const struct session_rules *rules,
                                 int64_t now_s) {
    struct session *chunk;
    for (unsigned number = 0; number < session_chunks && (chunk = chunk_load(sessions, number)); number++)
        for (size_t n = 0; n < session_reach; n++)
            if (session_hold(session_place_of(chunk, number, identity, n), identity, rules, now_s))
                return session_place_of(chunk, number, identity, n);
    return NULL;
}

/* One more; false: there are as many as there may be, or there is no memory. */
static bool chunk_make(struct sessions *sessions, struct cells *cells, struct str client) {
    char kind[] = "sessions 0 ";
    unsigned number = 0;
    while (number < session_chunks && chunk_load(sessions, number)) number++;
    if (number == session_chunks || !cells) return false;
    kind[9] = (char)('0' + number);
    struct session *chunk = cells_find(cells, NULL, kind, client, chunk_size(number) * sizeof *chunk);
    if (chunk) atomic_store_explicit(&sessions->chunks[number], chunk, memory_order_release);
    return chunk != NULL;
}

/* A place that was its own comes first: what is over begins anew there. */
static struct session *place_take(struct sessions *sessions, struct cells *cells, struct str client, uint64_t identity,
                                  const struct session_row *row, const struct session_rules *rules, int64_t now_s) {
    for (unsigned number = 0; number < session_chunks; number++) {
        if (!chunk_load(sessions, number) && !chunk_make(sessions, cells, client)) return NULL;
        struct session *chunk = chunk_load(sessions, number);
        for (size_t n = 0; n < session_reach; n++)
            if (session_take(session_place_of(chunk, number, identity, n), identity, row, rules, now_s))
                return session_place_of(chunk, number, identity, n);
    }
    return NULL;
}

/* One that nobody remembers begins; *shared: it found no place of its own. */
static struct session *session_begin(struct sessions *sessions, struct cells *cells, struct str client,
                                     uint64_t identity, const struct session_rules *rules,
                                     const struct sessions_kept *kept, int64_t now_s, bool *shared) {
    struct session_row row;
    struct session *session =
        place_take(sessions, cells, client, identity, kept_find(kept, identity, rules, &row), rules, now_s);
    if (session) return session;
    const uint64_t others = session_identity(client, STR(""));
    *shared = true;
    session = &sessions->others;
    bool holds = session_hold(session, others, rules, now_s) ||
                 session_take(session, others, kept_find(kept, others, rules, &row), rules, now_s);
    return holds ? session : NULL; /* held by as many as can hold it */
}

struct session *sessions_enter(struct sessions *sessions, struct cells *cells, struct str client, uint64_t identity,
                               const struct session_rules *rules, const struct sessions_kept *kept, int64_t now_s,
                               bool *shared) {
    struct session *session = held_find(sessions, identity, rules, now_s);
    *shared = false;
    if (!session) {
        while (atomic_flag_test_and_set_explicit(&sessions->busy, memory_order_acquire)) sched_yield();
        session = held_find(sessions, identity, rules, now_s);
        if (!session) session = session_begin(sessions, cells, client, identity, rules, kept, now_s, shared);
        atomic_flag_clear_explicit(&sessions->busy, memory_order_release);
    }
    if (!session || session_is_restored(session)) return session;
    struct session_row row;
    const uint64_t whose = *shared ? session_identity(client, STR("")) : identity;
    if (kept_find(kept, whose, rules, &row)) session_restore(session, &row, rules);
    return session;
}

struct session *sessions_find(const struct sessions *sessions, uint64_t identity, const struct session_rules *rules,
                              int64_t now_s) {
    struct session *chunk;
    for (unsigned number = 0; number < session_chunks && (chunk = chunk_load(sessions, number)); number++)
        for (size_t n = 0; n < session_reach; n++) {
            struct session *session = session_place_of(chunk, number, identity, n);
            struct session_view view = session_look(session);
            if (cell_load(&session->identity) == identity && now_s < session_until(view.started_s, view.last_s, rules))
                return session;
        }
    return NULL;
}

static bool session_rests(const struct session *session, const struct session_rules *rules, int64_t now_s) {
    struct session_view view = session_look(session);
    return !cell_load(&session->identity) || now_s >= session_until(view.started_s, view.last_s, rules);
}

bool sessions_rest(const struct sessions *sessions, const struct session_rules *rules, int64_t now_s) {
    const struct session *chunk;
    for (unsigned number = 0; number < session_chunks && (chunk = chunk_load(sessions, number)); number++)
        for (size_t n = 0; n < chunk_size(number); n++)
            if (!session_rests(&chunk[n], rules, now_s)) return false;
    return session_rests(&sessions->others, rules, now_s);
}
