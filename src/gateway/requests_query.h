/* requests_query.h - what is searched for in the request log, as it stands in a URL:
 * client=app&outcome=failed&since=7d. Pure. */
#ifndef WEIR_GATEWAY_REQUESTS_QUERY_H
#define WEIR_GATEWAY_REQUESTS_QUERY_H

#include "base/error.h"
#include "store/ledger_search.h"

/* client, provider, model, route, asked, session, outcome: a name; outcome: ok, failed, or a failure's name. id: of a
 * request. status: 429, or 4xx. cost: dollars, at least. since (as usual 24h), until: as of usage (usage_query.h).
 * before: the `next` of an answer. limit: 1 to search_rows_max. format: json or csv. false: *error says what is wrong.
 */
bool requests_query_read(struct str query, int64_t now_ms, struct search_question *question, struct error *error);

#endif
