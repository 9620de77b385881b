/* usage_query.h - what is asked of the ledger, as it stands in a URL: by=provider,model&since=7d&client=app. Pure. */
#ifndef WEIR_GATEWAY_USAGE_QUERY_H
#define WEIR_GATEWAY_USAGE_QUERY_H

#include "base/error.h"
#include "store/ledger.h"

/* by: of USAGE_KEYS. since, until: a time back from now (90m, 24h, 7d,
 * 4w), or a day (2026-11-01, UTC); since is 24h where it is not said. format: json or csv. limit: rows. compare: true
 * puts `by` aside. recosted: true or false. provider, model, ...: only these. false: *error says what is wrong. */
bool usage_query_read(struct str query, int64_t now_ms, struct usage_question *question, struct error *error);

/* One of these times, called `name`. */
bool usage_time_read(struct str name, struct str text, int64_t now_ms, int64_t *ms, struct error *error);

#endif
