/* access_web.h - what a request's head says of the page that made it, where there are no keys to tell callers apart.
 * Pure. Called by access.c. */
#ifndef WEIR_GATEWAY_ACCESS_WEB_H
#define WEIR_GATEWAY_ACCESS_WEB_H

#include "base/text.h"
#include "net/http.h"

/* Is it this machine's own name for itself, "localhost:8080"? A page's own name for 127.0.0.1 is not (DNS rebinding).
 */
bool web_is_loopback(struct str authority);

/* Of an Origin: a page that this machine has served, by http or https. */
bool web_origin_is_loopback(struct str origin);

/* A browser says so itself where another page than our own makes it ask, also where it sends no Origin: images,
 * scripts, forms. `same-site` is another port of this machine, whose page is not ours either. Following a link to what
 * is open to all is fine: the page that it stood on learns nothing. */
bool web_is_made_by_another_page(const struct http_request *request, bool open_to_all);

/* ?key=KEY, as callers of Google's API may send it, in `buffer` where it had escapes. A token has nothing that needs
 * one. Empty: there is none. */
struct str web_query_key(struct str query, char *buffer, size_t size);

#endif
