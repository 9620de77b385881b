/* audit_query.h - what is asked of the audit, as it stands in a URL: /admin/v1/audit?since=7d&limit=100, and below it
 * /head and /verify?head=HASH. */
#ifndef WEIR_GATEWAY_AUDIT_QUERY_H
#define WEIR_GATEWAY_AUDIT_QUERY_H

#include "base/error.h"
#include "store/audit.h"

enum audit_wish { audit_wish_list, audit_wish_head, audit_wish_verify };
struct audit_asked {
    enum audit_wish wish;
    struct audit_question question;
    bool has_head;
    struct sha256 head; /* that must stand in the chain */
};

/* `wish`: empty, head or verify. since, until: as of usage (usage_query.h), from the beginning where it is not said;
 * before: a row's number; limit: 1 to 10000, the usual 1000; format: json or csv. Pure. false: *error. */
bool audit_query_read(struct str wish, struct str query, int64_t now_ms, struct audit_asked *asked,
                      struct error *error);
/* Out of a ledger. Blocks. false: ledger_problem() says why. */
bool audit_asked_answer(const struct audit_asked *asked, struct ledger *ledger, struct text *text);

#endif
