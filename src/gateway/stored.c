/* stored.c - stored responses over HTTP, as OpenAI has them: GET and DELETE /v1/responses/{id}, its /input_items, its
 * /cancel. Each client sees its own. */
#include "base/memory.h"
#include "dialect/fields.h"
#include "gateway/inference.h"
#include "runtime/response_store.h"

enum { items_usual = 20, items_max = 100 };

struct wanted {
    bool cancel;
    int64_t limit;
    bool oldest_first;
    char after[128];
    struct visit *visit;
};

/* -- answers -- */

static void not_found(struct visit *visit, const char *id) {
    char message[256];
    struct text text = text_in_buffer(message, sizeof message);
    text_printf(&text, "Response with id '%s' not found.", id);
    visit_error(visit, error_unknown_response, text_str(&text));
}

static struct str item_id(const struct json_value *item, const char *response, size_t index, struct arena *arena) {
    struct str said = json_member_str(item, "id");
    return said.len ? said : arena_printf(arena, "item_%s_%zu", response, index);
}

/* An item with an id, as the list promises. */
static void gateway_stored_item_put(struct text *text, const struct json_value *item, struct str id) {
    size_t place = 0;
    struct str name;
    text_json_comma(text);
    text_put_byte(text, '{');
    text_json_str(text, STR("id"), id);
    for (const struct json_value *value; (value = json_each(item, &place, &name));) {
        if (str_eq(name, STR("id"))) continue;
        text_put_byte(text, ',');
        text_put_json(text, name);
        text_put_byte(text, ':');
        json_put(text, value);
    }
    text_put_byte(text, '}');
}

static void items_answer(const struct wanted *wanted, struct response_question *question) {
    const char *problem;
    size_t at, place = 0;
    struct arena *arena = &question->arena;
    const struct json_value *list = json_parse_in(arena, question->text, &problem, &at);
    size_t count = json_count(list), index = 0, shown = 0;
    const struct json_value **items = arena_take(arena, (count + 1) * sizeof *items);
    struct text text = text_in_arena(arena, question->text.len + 256);
    struct str first = STR_NONE, last = STR_NONE;
    for (const struct json_value *item; items && (item = json_each(list, &place, NULL));) items[index++] = item;
    bool begun = !wanted->after[0], more = false;
    text_put(&text, STR("{\"object\":\"list\",\"data\":["));
    for (size_t i = 0; items && i < index; i++) {
        size_t which = wanted->oldest_first ? i : index - 1 - i;
        struct str id = item_id(items[which], question->id, which, arena);
        if (begun && shown == (size_t)wanted->limit) more = true;
        if (begun && !more) {
            gateway_stored_item_put(&text, items[which], id);
            if (shown++ == 0) first = id;
            last = id;
        }
        begun = begun || str_eq(id, str_from(wanted->after));
    }
    text_put_byte(&text, ']');
    text_json_key(&text, STR("first_id"));
    if (first.at)
        text_put_json(&text, first);
    else
        text_put(&text, STR("null"));
    text_json_key(&text, STR("last_id"));
    if (last.at)
        text_put_json(&text, last);
    else
        text_put(&text, STR("null"));
    text_json_bool(&text, STR("has_more"), more);
    text_put_byte(&text, '}');
    if (text.failed || !items)
        visit_error(wanted->visit, error_out_of_memory, STR_NONE);
    else
        visit_answer(wanted->visit, 200, STR("application/json"), text_str(&text));
}

static void removed_answer(struct visit *visit, struct response_question *question) {
    struct text text = text_in_arena(&question->arena, 256);
    text_put_byte(&text, '{');
    text_json_str(&text, STR("id"), str_from(question->id));
    text_put(&text, STR(",\"object\":\"response\",\"deleted\":true}"));
    visit_answer(visit, 200, STR("application/json"), text_str(&text));
}

static void answered(struct response_question *question) {
    struct wanted *wanted = question->context;
    struct visit *visit = wanted->visit;
    if (question->found == stored_failed)
        visit_error(visit, error_storage_failed, str_from(question->problem));
    else if (question->found == stored_missing)
        not_found(visit, question->id);
    else if (wanted->cancel)
        visit_error(visit, error_invalid_request,
                    STR("Only responses that were made with `background` can be cancelled: hang up on the others."));
    else if (question->wish == response_wish_remove)
        removed_answer(visit, question);
    else if (question->wish == response_wish_input)
        items_answer(wanted, question);
    else
        visit_answer(visit, 200, STR("application/json"), question->text);
    visit->busy = false;
    memory_give(wanted);
    response_store_question_free(question);
    visit_release(visit);
}

/* -- questions -- */

/* ?limit=, ?order=, ?after= of a list; false: one of them is wrong, and that was answered. */
static bool query_read(struct visit *visit, struct wanted *wanted) {
    struct str rest = visit->query, pair;
    uint64_t limit = items_usual;
    while (str_split_next(&rest, '&', &pair)) {
        struct str name = str_slice(pair, 0, str_find_byte(pair, '=')), value = str_slice(pair, name.len + 1, pair.len);
        if (str_eq(name, STR("limit")) && (!str_to_u64(value, &limit) || limit == 0 || limit > items_max)) {
            visit_error(visit, error_invalid_request, STR("`limit` must be 1 to 100."));
            return false;
        }
        if (str_eq(name, STR("order"))) wanted->oldest_first = str_eq(value, STR("asc"));
        if (str_eq(name, STR("after"))) str_copy(wanted->after, sizeof wanted->after, value);
        if (str_eq(name, STR("stream")) && str_eq(value, STR("true"))) {
            visit_error(visit, error_unsupported, STR("A stored response is given whole: leave `stream` out."));
            return false;
        }
    }
    wanted->limit = (int64_t)limit;
    return true;
}

static void gateway_stored_ask(struct visit *visit, enum response_wish wish, struct str id, bool cancel) {
    struct worker *worker = visit->gateway_worker->worker;
    struct wanted *wanted = memory_take_zeroed(sizeof *wanted);
    struct response_question *question = memory_take_zeroed(sizeof *question);
    if (wanted && question && id.len < sizeof question->id) {
        *wanted = (struct wanted){.cancel = cancel, .visit = visit};
        *question = (struct response_question){
            .wish = wish, .budget = visit->budget, .loop = worker->loop, .done = answered, .context = wanted};
        str_copy(question->client, sizeof question->client, visit->client ? visit->client->name : STR(""));
        str_copy(question->id, sizeof question->id, id);
        if (query_read(visit, wanted)) {
            visit->busy = true;
            if (response_store_ask(worker->responses, question)) return;
            visit->busy = false;
            visit_error(visit, error_overloaded, STR_NONE);
        }
    } else if (id.len >= sizeof question->id) {
        visit_error(visit, error_unknown_response, STR_NONE);
    } else {
        visit_error(visit, error_out_of_memory, STR_NONE);
    }
    memory_give(wanted);
    if (question) response_store_question_free(question);
}

void answer_response(struct visit *visit) {
    struct str id = visit_id(visit), items = STR("/input_items"), cancel = STR("/cancel");
    bool is_cancel = str_ends(id, cancel);
    if (visit->method == http_post && !is_cancel) {
        visit_error(visit, error_unknown_path, STR("A stored response can be got, deleted, or cancelled."));
    } else if (visit->method == http_post) {
        gateway_stored_ask(visit, response_wish_get, str_slice(id, 0, id.len - cancel.len), true);
    } else if (visit->method == http_delete) {
        gateway_stored_ask(visit, response_wish_remove, id, false);
    } else if (str_ends(id, items)) {
        gateway_stored_ask(visit, response_wish_input, str_slice(id, 0, id.len - items.len), false);
    } else {
        gateway_stored_ask(visit, response_wish_get, id, false);
    }
}
