/* inference.h - an exchange that becomes a flight, and the life of visits. */
#ifndef WEIR_GATEWAY_INFERENCE_H
#define WEIR_GATEWAY_INFERENCE_H

#include "gateway/visit.h"

extern const struct server_handler gate_handler;

/* Frees the visit once nothing needs it any more: the exchange is over, the request closed, no answer under way. */
void visit_release(struct visit *visit);

#endif
