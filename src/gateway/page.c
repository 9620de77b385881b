/* page.c - the page at /: its files go out as they are compiled in, packed where the browser takes that, and not at all
 * where it has them. The page holds nothing of anybody: what it shows it asks the API for, with the key that is typed
 * into it. Its policy lets it run and load what this server gives, and nothing else. */
#include "gateway/page.h"

#include "base/embedded.h"

/* Trusted Types: a text never becomes a part of the page by way of HTML, whoever has said it. */
static const struct str page_policy =
    STR("default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; "
        "form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'");

static const struct embedded_page *page_of(const struct visit *visit) {
    return embedded_page_named(str_eq(visit->path, STR("/")) ? STR("index.html") : visit_id(visit));
}

/* Is it one of the marks that the browser has? They stand between commas; W/ says nothing here (RFC 9110, 13.1.2). */
static bool page_is_had(struct str marks, struct str mark) {
    struct str one, tag = str_slice(mark, 2, mark.len);
    while (marks.len && str_split_next(&marks, ',', &one)) {
        one = str_trim(one);
        if (str_starts(one, STR("W/"))) one = str_slice(one, 2, one.len);
        if (str_eq(one, tag) || str_eq(one, STR("*"))) return true;
    }
    return false;
}

/* RFC 9110, 12.5.3: gzip, whatever its weight but 0. */
static bool page_takes_gzip(struct str accepted) {
    struct str one;
    while (accepted.len && str_split_next(&accepted, ',', &one)) {
        struct str name = str_trim(str_slice(one, 0, str_find_byte(one, ';')));
        if (!str_eq_nocase(name, STR("gzip"))) continue;
        size_t weight = str_find(one, STR("q="));
        bool refused = weight != SIZE_MAX;
        for (size_t i = weight; refused && i < one.len; i++) refused = one.at[i] < '1' || one.at[i] > '9';
        return !refused;
    }
    return false;
}

void page_asked(struct visit *visit, const struct http_request *request) {
    const struct embedded_page *page = page_of(visit);
    struct str marks = http_header_find(request->headers, request->header_count, STR("if-none-match"));
    struct str accepted = http_header_find(request->headers, request->header_count, STR("accept-encoding"));
    visit->page_had = page && page_is_had(marks, page->mark);
    visit->page_packed = page_takes_gzip(accepted);
}

void answer_page(struct visit *visit) {
    const struct embedded_page *page = page_of(visit);
    if (!page) {
        visit_error(visit, error_unknown_path, STR("The page has no file of this name."));
        return;
    }
    struct str body = visit->page_had      ? STR("")
                      : visit->page_packed ? embedded_packed(page->file)
                                           : embedded_text(page->file);
    if (!body.at) {
        visit_error(visit, error_out_of_memory, STR_NONE);
        return;
    }
    struct http_header headers[] = {{STR("Content-Type"), page->content_type},
                                    {STR("ETag"), page->mark},
                                    {STR("Cache-Control"), STR("no-cache")},
                                    {STR("Vary"), STR("Accept-Encoding")},
                                    {STR("Content-Security-Policy"), page_policy},
                                    {STR("X-Content-Type-Options"), STR("nosniff")},
                                    {STR("X-Frame-Options"), STR("DENY")},
                                    {STR("Referrer-Policy"), STR("no-referrer")},
                                    {STR("Cross-Origin-Opener-Policy"), STR("same-origin")},
                                    {STR("Cross-Origin-Resource-Policy"), STR("same-origin")},
                                    {STR("x-weir-request-id"), str_from(visit->request_id)},
                                    {STR("Content-Encoding"), STR("gzip")}};
    size_t count = sizeof headers / sizeof *headers - !(visit->page_packed && !visit->page_had);
    visit->answered = true;
    exchange_respond(visit->exchange, visit->page_had ? 304 : 200, headers, count, (int64_t)body.len);
    if (body.len) exchange_write(visit->exchange, &body, 1);
    exchange_end(visit->exchange);
}
