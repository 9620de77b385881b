/* session.h - what one session of a client has used: when it began, when it was used last, its calls and its money.
 *
 *   identity  63..2 a hash | 1..0 nought; 0: nobody's
 *   held      63..32 when it was used last, s since 1970 | 31 it is being given to another | 30..0 who holds it
 *   started   s since 1970
 *   calls     that were let through
 *   told      up to when its use has been written down, s since 1970
 *   restored  1: what was written down of it before this process counts in it
 *   spend     its money, in the window that began with it
 *
 * A session is remembered for as long as somebody holds it, until its minutes are over, and until nobody has used it
 * for its idle time; only then its place may be another's, or it begins anew. Whoever holds it finds it unchanged but
 * for what is counted. Pure but for the words. Any thread; but for session_take, which one thread at a time calls. All
 * zero: nobody's. */
#ifndef WEIR_CORE_SESSION_H
#define WEIR_CORE_SESSION_H

#include <stddef.h>

#include "core/spend.h"

/* What each session may have; 0: no cap. */
struct session_rules {
    int64_t nano_usd, calls;
    int64_t lasts_s; /* from its beginning on */
    int64_t idle_s;  /* it is remembered for so long after its last use */
};

struct session {
    struct cell identity, held, started, calls, told, restored;
    struct spend spend;
};

/* As it was written down. */
struct session_row {
    uint64_t identity;
    int64_t started_s, last_s, calls, nano_usd; /* last_s 0: there is none */
};

/* When it is forgotten, if it is not used again: s since 1970. */
int64_t session_until(int64_t started_s, int64_t last_s, const struct session_rules *rules);

/* It is this one's, and not over: it is held, and the caller owes one session_leave. */
bool session_hold(struct session *session, uint64_t identity, const struct session_rules *rules, int64_t now_s)
    __attribute__((warn_unused_result));
/* Its place goes to this one, which is held, if it is nobody's or over: as `row` says of it. NULL: what was written
 * down is not known yet. */
bool session_take(struct session *session, uint64_t identity, const struct session_row *row,
                  const struct session_rules *rules, int64_t now_s) __attribute__((warn_unused_result));
/* `used`: something came of it, up to now. */
void session_leave(struct session *session, bool used, int64_t now_s);

/* -- by who holds it -- */

static inline bool session_is_restored(const struct session *session) { return cell_load(&session->restored) != 0; }
/* What was written down, which became known only after it had begun: on top of that, unless it was over by then. Once:
 * a second time changes nothing. */
void session_restore(struct session *session, const struct session_row *row, const struct session_rules *rules);

/* One call more; false: it has as many as it may. The caller owes nothing, or one session_call_back. */
bool session_call(struct session *session, int64_t most) __attribute__((warn_unused_result));
/* Nothing came of it. */
void session_call_back(struct session *session);
/* Seconds of its use that have not been written down yet: from now on they have. */
int64_t session_tell(struct session *session, int64_t now_s);

struct session_view {
    int64_t started_s, last_s, calls;
    struct spend_view money;
};
struct session_view session_look(const struct session *session);

#endif
