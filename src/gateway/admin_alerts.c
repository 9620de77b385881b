/* admin_alerts.c - GET /admin/v1/alerts: what somebody should know of, and what was. */
#include "gateway/inference.h"
#include "gateway/visit.h"

void answer_alerts(struct visit *visit) {
    struct text text = text_in_arena(&visit->gateway_worker->worker->scratch, 16 * 1024);
    alerts_write(visit->gateway_worker->gateway->weir->alerts, str_eq(visit->query, STR("active=true")), &text);
    visit_answer_text(visit, &text);
}
