/* admin_budgets.c - /admin/v1/budgets, and a client's own: /v1/key. */
#include "gateway/visit.h"

void answer_budgets(struct visit *visit) {
    struct text text = text_in_arena(&visit->gateway_worker->worker->scratch, 16 * 1024);
    library_budgets_write(visit->deployment->snapshot, &text);
    visit_answer_text(visit, &text);
}

void answer_key(struct visit *visit) {
    struct text text = text_in_arena(&visit->gateway_worker->worker->scratch, 4 * 1024);
    library_key_write(visit->client, &text);
    visit_answer_text(visit, &text);
}
