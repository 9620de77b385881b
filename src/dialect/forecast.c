/* forecast.c - what forecast.h says. */
#include "dialect/forecast.h"

#include "dialect/fields.h"

bool forecast_read(struct str body, struct arena *arena, struct forecast *forecast, struct error *error,
                   struct str *param) {
    const struct json_value *root;
    *forecast = (struct forecast){.model = STR_NONE};
    *param = STR_NONE;
    if (!codec_parse(body, arena, &root, error)) return false;
    const struct json_value *inputs = json_member(root, "inputs"), *parameters = json_member(root, "parameters");
    forecast->model = json_member_str(root, "model");
    if (json_kind(inputs) <= json_null) {
        *param = STR("inputs");
        return error_set(error, error_invalid_request,
                         "`inputs` must be what the model takes: a list of numbers, or an object or list of them.");
    }
    if (json_kind(parameters) > json_null && json_kind(parameters) != json_object) {
        *param = STR("parameters");
        return error_set(error, error_invalid_request, "`parameters` must be an object.");
    }
    forecast->inputs = json_raw(inputs, arena);
    if (json_kind(parameters) == json_object) forecast->parameters = json_raw(parameters, arena);
    return forecast->inputs.at || error_set(error, error_out_of_memory, "%s", "");
}

void forecast_put(const struct forecast *forecast, struct text *text) {
    text_put_byte(text, '{');
    text_json_raw(text, STR("inputs"), forecast->inputs);
    text_json_raw(text, STR("parameters"), forecast->parameters);
    text_put_byte(text, '}');
}

bool forecast_reply_put(struct str body, struct str model, int64_t now_s, struct arena *arena, struct text *text,
                        bool *error_inside) {
    const char *problem;
    size_t at;
    const struct json_value *root = json_parse_in(arena, body, &problem, &at);
    *error_inside = json_kind(root) == json_object && json_kind(json_member(root, "error")) > json_null;
    if (!root || *error_inside) return root != NULL;
    text_put(text, STR("{\"object\":\"forecast\""));
    text_json_i64(text, STR("created"), now_s);
    text_json_str(text, STR("model"), model);
    text_json_raw(text, STR("output"), str_trim(body));
    text_put_byte(text, '}');
    return true;
}
