/* admin_recost.c - POST /admin/v1/usage/recost: what attempts cost by prices that came later, kept beside what they did
 * cost. Who has priced them (`weir usage recost`) hands them over in pieces; the ledger is its owner's alone to write,
 * so they go there by the thread that reads it. */
#include "base/memory.h"
#include "dialect/json.h"
#include "gateway/inference.h"
#include "store/audit.h"
#include "store/ledger_recost.h"

struct recost_giving {
    struct books_asked books; /* the first member: books_asked_free gives all of it back */
    struct visit_who who;
    struct recosted rows[recosted_rows_max];
    size_t count;
    char prices[recosted_rows_max][recosted_price_most + 1];
};

/* On the ledger's reader. A row of the audit first: no cost is written that nobody can find. */
static bool recost_run(struct books_asked *asked, struct ledger *ledger) {
    struct recost_giving *giving = (struct recost_giving *)asked;
    struct audit_head head;
    size_t changed = 0;
    char detail[64], problem[256];
    struct text said = text_in_buffer(detail, sizeof detail);
    text_printf(&said, "%zu attempt%s", giving->count, str_plural(giving->count));
    const struct audit_entry entry = {.action = audit_usage_recost,
                                      .time_ms = clock_read().wall_ns / (int64_t)NS_PER_MS,
                                      .who = visit_who_told(&giving->who),
                                      .subject = giving->count ? giving->rows[0].price : STR(""),
                                      .detail = text_str(&said)};
    if (!audit_add(ledger, &entry, &head, problem, sizeof problem) ||
        !ledger_recost(ledger, giving->rows, giving->count, &changed))
        return false;
    text_put_byte(&asked->text, '{');
    text_json_u64(&asked->text, STR("changed"), changed);
    text_put_byte(&asked->text, '}');
    return true;
}

static void recost_done(struct books_asked *asked) {
    struct visit *visit = asked->context;
    if (asked->good)
        visit_answer(visit, 200, STR("application/json"), text_str(&asked->text));
    else
        visit_error(visit, error_storage_failed, str_from(asked->problem));
    visit->busy = false;
    books_asked_free(asked);
    visit_release(visit);
}

/* [attempt, nano-dollars, place of its price in `prices`] */
static bool recost_row_read(const struct json_value *row, struct recost_giving *giving, size_t prices) {
    const struct json_value *numbers[3] = {NULL, NULL, NULL};
    size_t place = 0;
    for (size_t i = 0; i < 3; i++) numbers[i] = json_each(row, &place, NULL);
    int64_t price = json_i64(numbers[2], -1);
    struct recosted *into = &giving->rows[giving->count];
    for (size_t i = 0; i < 3; i++)
        if (!json_is_whole(numbers[i])) return false;
    *into = (struct recosted){.attempt = json_i64(numbers[0], -1), .nano_usd = json_i64(numbers[1], -1)};
    if (json_count(row) != 3 || into->attempt < 0 || into->nano_usd < 0 || price < 0 || (size_t)price >= prices)
        return false;
    into->price = str_from(giving->prices[price]);
    giving->count++;
    return true;
}

static bool recost_body_read(const struct json_value *root, struct recost_giving *giving, struct error *error) {
    const struct json_value *prices = json_member(root, "prices"), *rows = json_member(root, "rows");
    size_t place = 0, count = 0;
    bool good = json_kind(prices) == json_array && json_kind(rows) == json_array &&
                json_count(prices) <= recosted_rows_max && json_count(rows) <= recosted_rows_max;
    for (const struct json_value *price; good && (price = json_each(prices, &place, NULL)); count++) {
        struct str text = json_str(price, STR(""));
        good = text.len > 0 && text.len <= recosted_price_most;
        str_copy(giving->prices[count], sizeof giving->prices[count], text);
    }
    place = 0;
    for (const struct json_value *row; good && (row = json_each(rows, &place, NULL));)
        good = recost_row_read(row, giving, count);
    return good ||
           error_set(error, error_invalid_request,
                     "The body must be {\"prices\": [\"2026-11-20 1f3a...\"], \"rows\": [[attempt, nano-dollars, "
                     "place in `prices`], ...]}, at most %d of them.",
                     (int)recosted_rows_max);
}

void answer_recost(struct visit *visit) {
    struct worker *worker = visit->gateway_worker->worker;
    struct error error = {.code = error_none};
    struct recost_giving *giving = memory_take_zeroed(sizeof *giving);
    const char *problem = "";
    size_t at = 0;
    if (!giving) {
        visit_error(visit, error_out_of_memory, STR_NONE);
        return;
    }
    giving->who = visit_who(visit);
    giving->books =
        (struct books_asked){.answer = recost_run, .loop = worker->loop, .done = recost_done, .context = visit};
    struct json *json = json_parse(str_make(visit->body, visit->body_len), &problem, &at);
    bool good = recost_body_read(json ? json_root(json) : NULL, giving, &error);
    json_free(json);
    if (good && !worker->books)
        good = error_set(&error, error_unsupported, "This gateway keeps no ledger: it has no state folder of its own.");
    visit->busy = good;
    if (good && books_ask(worker->books, &giving->books)) return;
    visit->busy = false;
    visit_error(visit, good ? error_overloaded : error.code, good ? STR_NONE : str_from(error.message));
    memory_give(giving);
}
