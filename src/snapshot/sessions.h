/* sessions.h - what each session of a client may have, and has had: caps on its money, its calls and its minutes
 * (`sessions` of clients, templates and owners). Sessions are those that callers name in `x-weir-session` or that
 * agents name in headers of their own; each is its client's alone.
 *
 *   chunks:  16 places | 32 | 64 | ... | 8192, made as they are wanted; a session has `session_reach` places in each
 *
 * A session that is remembered is never put out for another. Where all its places are taken by such, it shares one
 * place with all others that found none: their sum is capped as one session's.
 *
 * Loops look without a lock; whoever begins a session waits for who does the same for the same client. */
#ifndef WEIR_SNAPSHOT_SESSIONS_H
#define WEIR_SNAPSHOT_SESSIONS_H

#include "core/session.h"
#include "snapshot/cells.h"

enum { session_chunks = 10, session_chunk_least = 16, session_reach = 8 };
/* So many are told apart for one client. */
#define session_places_most ((size_t)session_chunk_least * ((1 << session_chunks) - 1))

/* In the cells, by the client's name. */
struct sessions {
    atomic_flag busy; /* somebody begins a session; for less than a microsecond, but where a chunk is made */
    struct session *_Atomic chunks[session_chunks];
    struct session others; /* of those that found no place */
};

/* A cap, and whose it is: "client app"; 0: none. */
struct session_cap {
    int64_t most; /* nano-dollars, calls, seconds */
    struct str of;
};
struct session_caps {
    struct session_cap nano_usd, calls, lasts;
    int64_t idle_s;
    struct session_cap loop_warn, loop_refuse; /* calls of one tool with the same arguments, in a session or none */
};
static inline bool session_caps_any(const struct session_caps *caps) {
    return caps->nano_usd.most > 0 || caps->calls.most > 0 || caps->lasts.most > 0;
}
struct session_rules session_caps_rules(const struct session_caps *caps);

/* How the ledger tells what a session has used: rows among those of budgets, whose windows begin with the session, but
 * 2^33 seconds later than any other. */
enum session_count { session_nano_usd = 1, session_calls, session_seconds, session_counts };
#define session_window_mark ((int64_t)1 << 33)
uint64_t session_identity(struct str client, struct str session);
static inline uint64_t session_row_identity(uint64_t identity, enum session_count count) {
    return identity | (uint64_t)count;
}

/* What was written down before this process, by identity and beginning. Filled by one thread, and sorted once: from
 * then on loops read it, before any request or, where the ledger was away at the start, while they serve. */
struct sessions_kept {
    struct session_row *rows;
    size_t count, room;
    bool lost; /* no memory for one of them */
    atomic_bool sorted;
};
void sessions_kept_add(struct sessions_kept *kept, uint64_t budget, int64_t window_s, int64_t amount);
void sessions_kept_sort(struct sessions_kept *kept);
void sessions_kept_free(struct sessions_kept *kept);

/* The session's place, held by the caller (session_leave); *shared: it has none of its own. NULL: out of memory.
 * `cells`, and the client's name in them, for chunks; kept NULL: nothing. */
struct session *sessions_enter(struct sessions *sessions, struct cells *cells, struct str client, uint64_t identity,
                               const struct session_rules *rules, const struct sessions_kept *kept, int64_t now_s,
                               bool *shared);
/* Not held, and perhaps another's in a moment: to be shown. NULL: it is not remembered, or has not begun since. */
struct session *sessions_find(const struct sessions *sessions, uint64_t identity, const struct session_rules *rules,
                              int64_t now_s);
/* Is none of them remembered? */
bool sessions_rest(const struct sessions *sessions, const struct session_rules *rules, int64_t now_s);

#endif
