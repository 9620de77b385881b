/* page.h - the page that people look at: files that are compiled in, under / and /page/. */
#ifndef WEIR_GATEWAY_PAGE_H
#define WEIR_GATEWAY_PAGE_H

#include "gateway/visit.h"

/* What the request's head says that decides how a file is answered. */
void page_asked(struct visit *visit, const struct http_request *request);

#endif
