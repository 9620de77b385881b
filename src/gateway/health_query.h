/* health_query.h - what is asked of the history of health, as it stands in a URL:
 * /admin/v1/health/history?provider=openai&since=7d&limit=100. */
#ifndef WEIR_GATEWAY_HEALTH_QUERY_H
#define WEIR_GATEWAY_HEALTH_QUERY_H

#include "base/error.h"
#include "base/limits.h"
#include "store/ledger_health.h"

struct health_asked {
    char name[limit_model + 1]; /* the question's subject; empty: all */
    struct health_question question;
};

/* `name`: of the path; empty: what `provider` says, a provider's or, of its lock, a route's. since, until: as of usage
 * (usage_query.h), from the beginning where it is not said; limit: the newest, 1 to ledger_health_most. Pure; the
 * subject borrows from *asked. false: *error. */
bool health_query_read(struct str name, struct str query, int64_t now_ms, struct health_asked *asked,
                       struct error *error);

#endif
