/* session.c - see session.h. Invariant: what a session's words say changes its owner only between a swap that finds
 * nobody holding it and a store that lets others in again. */
#include "core/session.h"

#include "base/check.h"

static const uint64_t changing = UINT64_C(1) << 31, holders_mask = (UINT64_C(1) << 31) - 1;

static int64_t last_of(uint64_t held) { return (int64_t)(held >> 32); }

static uint64_t seconds_word(int64_t moment_s) {
    if (moment_s < 0) return 0;
    return moment_s > (int64_t)UINT32_MAX ? UINT32_MAX : (uint64_t)moment_s;
}

int64_t session_until(int64_t started_s, int64_t last_s, const struct session_rules *rules) {
    int64_t idle = last_s + rules->idle_s, lasts = started_s + rules->lasts_s;
    return idle > lasts ? idle : lasts;
}

static bool session_is_over(const struct session *session, uint64_t held, const struct session_rules *rules,
                            int64_t now_s) {
    return !(held & (holders_mask | changing)) &&
           now_s >= session_until((int64_t)cell_load(&session->started), last_of(held), rules);
}

bool session_hold(struct session *session, uint64_t identity, const struct session_rules *rules, int64_t now_s) {
    uint64_t held = cell_load(&session->held);
    do { /* a swap that succeeds finds what was looked at: who takes it makes its last use a later one */
        if (held & changing || (held & holders_mask) == holders_mask) return false;
        if (cell_load(&session->identity) != identity || session_is_over(session, held, rules, now_s)) return false;
    } while (!cell_swap(&session->held, &held, held + 1));
    return true;
}

bool session_take(struct session *session, uint64_t identity, const struct session_row *row,
                  const struct session_rules *rules, int64_t now_s) {
    CHECK(identity != 0);
    uint64_t held = cell_load(&session->held);
    do {
        bool nobodys = cell_load(&session->identity) == 0 && held == 0;
        if (!nobodys && !session_is_over(session, held, rules, now_s)) return false;
    } while (!cell_swap(&session->held, &held, held | changing));
    const struct session_row anew = {.started_s = now_s, .last_s = now_s};
    const struct session_row *from =
        row && row->last_s > 0 && now_s < session_until(row->started_s, row->last_s, rules) ? row : &anew;
    for (size_t i = 0; i < 2; i++) {
        cell_store(&session->spend.windows[i].number, 0);
        cell_store(&session->spend.windows[i].committed, 0);
        cell_store(&session->spend.windows[i].spent, 0);
    }
    cell_store(&session->identity, identity);
    cell_store(&session->started, seconds_word(from->started_s));
    cell_store(&session->calls, (uint64_t)(from->calls > 0 ? from->calls : 0));
    cell_store(&session->told, seconds_word(from->last_s));
    cell_store(&session->restored, row != NULL);
    if (from->nano_usd > 0) spend_restore(&session->spend, seconds_word(from->started_s), from->nano_usd);
    cell_store(&session->held, seconds_word(now_s) << 32 | 1);
    return true;
}

/* Its money stays in the window that it was begun in, which is a later one than its beginning then: the words of money
 * take who asks for an older window to the newest. */
void session_restore(struct session *session, const struct session_row *row, const struct session_rules *rules) {
    const uint64_t started = cell_load(&session->started);
    uint64_t none = 0, calls = cell_load(&session->calls);
    if (!cell_swap(&session->restored, &none, 1)) return;
    if (row->last_s <= 0 || (int64_t)started >= session_until(row->started_s, row->last_s, rules)) return;
    while (row->calls > 0 && !cell_swap(&session->calls, &calls, calls + (uint64_t)row->calls)) {
    }
    if (row->nano_usd > 0) spend_settle(&session->spend, spend_enter(&session->spend, started), 0, row->nano_usd);
    if (row->started_s >= (int64_t)started) return;
    cell_store(&session->told, seconds_word(row->last_s)); /* what is told next is told of the earlier beginning */
    cell_store(&session->started, seconds_word(row->started_s));
}

void session_leave(struct session *session, bool used, int64_t now_s) {
    uint64_t held = cell_load(&session->held), next;
    do {
        CHECKF((held & holders_mask) > 0 && !(held & changing), "held=%llx", (unsigned long long)held);
        bool later = used && now_s > last_of(held);
        next = (later ? seconds_word(now_s) << 32 | (held & holders_mask) : held) - 1;
    } while (!cell_swap(&session->held, &held, next));
}

bool session_call(struct session *session, int64_t most) {
    uint64_t calls = cell_load(&session->calls);
    do {
        if (most && calls >= (uint64_t)most) return false;
    } while (!cell_swap(&session->calls, &calls, calls + 1));
    return true;
}

void session_call_back(struct session *session) {
    uint64_t calls = cell_load(&session->calls);
    do CHECK(calls > 0);
    while (!cell_swap(&session->calls, &calls, calls - 1));
}

int64_t session_tell(struct session *session, int64_t now_s) {
    uint64_t told = cell_load(&session->told), now = seconds_word(now_s);
    do {
        if (now <= told) return 0;
    } while (!cell_swap(&session->told, &told, now));
    return (int64_t)(now - told);
}

struct session_view session_look(const struct session *session) {
    uint64_t started = cell_load(&session->started);
    return (struct session_view){.started_s = (int64_t)started,
                                 .last_s = last_of(cell_load(&session->held)),
                                 .calls = (int64_t)cell_load(&session->calls),
                                 .money = spend_look(&session->spend, started)};
}
