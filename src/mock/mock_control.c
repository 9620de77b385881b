/* mock_control.c - the mock provider's own paths: what it has seen, and the fault that it shall show next. */
#include "dialect/json.h"
#include "mock/mock_internal.h"

static void mock_control_refuse(struct mock_exchange *me, int status, const char *message) {
    struct text text = text_in_arena(&me->arena, 256);
    mock_openai_error(&text, status, message, STR(""));
    me->status = status;
    me->body = text_str(&text);
}

static void fault_set(struct mock_exchange *me, struct str body) {
    const char *problem = "";
    size_t at = 0;
    struct error error;
    struct mock_fault fault;
    me->json = json_parse(body, &problem, &at);
    const struct json_value *root = json_root(me->json);
    if (!me->json) {
        mock_control_refuse(me, 400, "Send {\"spec\": \"status=503\", \"count\": 1}.");
        return;
    }
    if (!mock_fault_parse(json_str(json_member(root, "spec"), STR("")), &fault, &error)) {
        mock_control_refuse(me, 400, error.message);
        return;
    }
    me->mock->forced = fault;
    me->mock->forced_count = fault.kind == mock_fault_none ? 0 : json_i64(json_member(root, "count"), -1);
}

void mock_control(struct mock_exchange *me, struct str path, struct str body) {
    enum http_method method = me->request->method;
    bool requests = str_eq(path, STR("/mock/requests")), fault = str_eq(path, STR("/mock/fault"));
    me->status = 200;
    me->content_type = STR("application/json");
    me->body = STR("{}");
    if (requests && method == http_get) {
        struct text text = text_in_arena(&me->arena, 4096);
        mock_records_write(me->mock->records, &text);
        if (text.failed)
            mock_control_refuse(me, 500, "There is too much to show: DELETE /mock/requests.");
        else
            me->body = text_str(&text);
    } else if (requests && method == http_delete) {
        mock_records_reset(me->mock->records);
    } else if (fault && method == http_post) {
        fault_set(me, body);
    } else if (fault && method == http_delete) {
        me->mock->forced_count = 0;
    } else {
        mock_control_refuse(me, requests || fault ? 405 : 404,
                            "GET or DELETE /mock/requests; POST or DELETE /mock/fault.");
    }
}
