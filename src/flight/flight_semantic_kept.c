/* flight_semantic_kept.c - an answer that a provider gave to words that were embedded: it will be found by them, too;
 * and where it was asked for although another would have been given, the two are compared. */
#include "core/alike.h"
#include "core/false_share.h"
#include "flight/flight_internal.h"

/* An answer in wholly other words counts as another: the share errs to that side. One that cannot be read counts as
 * nothing. */
static void semantic_compare(struct flight *flight, const struct cache_answer *answer) {
    const double said_alike = 0.5;
    const struct cache_answer *other = flight->semantic->other;
    const struct route *route = flight->choice.route;
    if (!other || !route->cells) return;
    const struct str own = cache_form_said(flight, &answer->facts, answer->body),
                     given = cache_form_said(flight, &other->facts, other->body);
    if (!own.at || !given.at) return;
    const bool wrong = alike_share(own, given) < said_alike;
    flight->semantic->compared = wrong ? compared_false : compared_same;
    false_share_note(&route->cells->semantic, wrong, flight->cache.rules.semantic->false_max);
}

void semantic_keep(struct flight *flight, struct cache_answer *answer) {
    const struct flight_semantic *semantic = flight->semantic;
    if (!semantic || !semantic->vector) return;
    struct semantic_entry *entry =
        semantic_entry_new(&semantic->group, &answer->key, flight->client_hash, semantic->words, semantic->vector,
                           semantic->dimensions, semantic->step);
    if (entry) cache_answer_near(answer, entry);
    semantic_compare(flight, answer);
}

void semantic_shed(struct flight *flight) {
    if (!flight->semantic) return;
    cache_release(flight->semantic->other);
    flight->semantic->other = NULL;
}
