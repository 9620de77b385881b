/* loop_internal.h - what stream.c and the listener need of a loop beyond loop.h. Only net includes it. */
#ifndef WEIR_NET_LOOP_INTERNAL_H
#define WEIR_NET_LOOP_INTERNAL_H

#include <uv.h>

#include "net/loop.h"

struct cork;

uv_loop_t *loop_uv(struct loop *loop);
struct cork *loop_cork(struct loop *loop);
/* The loop's one read buffer, limit_read_buffer bytes: good for one callback. */
char *loop_read_buffer(struct loop *loop);
/* Set before there are any connections. */
void loop_budget_set(struct loop *loop, struct budget *budget);

#endif
