/* mock.h - a fake provider on the same net code as the gateway: `weir mock`, and the simulated provider that answers
 * when weir has no key. Everything on its loop's thread, but mock_new, which may come before the loop runs. */
#ifndef WEIR_MOCK_MOCK_H
#define WEIR_MOCK_MOCK_H

#include "base/error.h"
#include "mock/mock_options.h"
#include "net/loop.h"

struct mock;

/* Listens at once on options->listen. The options' texts are copied. NULL: *error. */
struct mock *mock_new(struct loop *loop, const struct mock_options *options, struct error *error);
/* Where it listens; 0 on a unix socket. From any thread. */
uint16_t mock_port(const struct mock *mock);
/* Breaks off every exchange. */
void mock_free(struct mock *mock);

#endif
