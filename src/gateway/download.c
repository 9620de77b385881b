/* download.c - see download.h. The visit is busy while a page is made, and else holds the download. */
#include "gateway/download.h"

#include "gateway/inference.h"

static void download_go_on(struct download *download) {
    download->visit->busy = true;
    download->next(download);
}

void download_begin(struct download *download, struct visit *visit) {
    download->visit = visit;
    visit->download = download;
    download_go_on(download);
}

static void head_send(struct download *download) {
    struct visit *visit = download->visit;
    const struct http_header headers[] = {{STR("Content-Type"), STR("application/x-ndjson")},
                                          {STR("Cache-Control"), STR("no-store")},
                                          {STR("x-weir-request-id"), str_from(visit->request_id)}};
    if (download->begun) return;
    download->begun = visit->answered = true;
    exchange_respond(visit->exchange, 200, headers, sizeof headers / sizeof *headers, -1);
}

void download_page(struct download *download, struct str page, bool last) {
    struct visit *visit = download->visit;
    visit->busy = false;
    if (!visit->exchange) {
        visit_release(visit);
        return;
    }
    head_send(download);
    if (page.len) exchange_write(visit->exchange, &page, 1);
    if (last)
        exchange_end(visit->exchange);
    else if (exchange_unsent(visit->exchange) > limit_write_high)
        download->waits = true;
    else
        download_go_on(download);
}

void download_failed(struct download *download, enum error_code code, struct str problem) {
    struct visit *visit = download->visit;
    visit->busy = false;
    if (visit->exchange && !download->begun) {
        visit_error(visit, code, problem);
        return;
    }
    if (visit->exchange) exchange_abort(visit->exchange);
    visit->exchange = NULL; /* no call of it comes any more */
    visit_release(visit);
}

void download_writable(struct download *download) {
    if (!download || !download->waits) return;
    download->waits = false;
    download_go_on(download);
}
