/* mock_forecast.c - the mean goes on by the mean step; the quantiles lie a tenth of its size apart from it. */
#include "mock/mock_forecast.h"

enum { prediction_usual = 10, prediction_max = 1024 };

static const struct json_value *series_of(const struct json_value *value) {
    return json_kind(value) == json_object ? json_member(value, "target") : value;
}

static bool is_series(const struct json_value *value) {
    size_t place = 0;
    value = series_of(value);
    return json_kind(value) == json_array && json_kind(json_each(value, &place, NULL)) == json_number;
}

static void series_put(struct text *text, const struct json_value *series, int64_t length) {
    static const struct {
        struct str name;
        double factor;
    } lines[] = {{STR("mean"), 1}, {STR("0.1"), 0.9}, {STR("0.9"), 1.1}};
    size_t place = 0, count = json_count(series);
    double first = json_double(json_each(series, &place, NULL), 0), last = first;
    for (const struct json_value *at; (at = json_each(series, &place, NULL));) last = json_double(at, last);
    double step = count > 1 ? (last - first) / (double)(count - 1) : 0;
    text_json_comma(text);
    text_put_byte(text, '{');
    for (size_t line = 0; line < sizeof lines / sizeof *lines; line++) {
        text_json_key_any(text, lines[line].name);
        text_put_byte(text, '[');
        for (int64_t i = 1; i <= length; i++) {
            text_json_comma(text);
            text_printf(text, "%.6g", (last + step * (double)i) * lines[line].factor);
        }
        text_put_byte(text, ']');
    }
    text_put_byte(text, '}');
}

bool mock_forecast_write(struct text *text, const struct json_value *root, struct error *error) {
    const struct json_value *inputs = json_member(root, "inputs");
    int64_t length = json_i64(json_member(json_member(root, "parameters"), "prediction_length"), prediction_usual);
    size_t place = 0;
    if (length < 1 || length > prediction_max)
        return error_set(error, error_invalid_request, "Error in `parameters.prediction_length`: 1 to 1024");
    if (is_series(inputs)) {
        text_put(text, STR("{\"predictions\":["));
        series_put(text, series_of(inputs), length);
        text_put(text, STR("]}"));
        return true;
    }
    text_put(text, STR("{\"predictions\":["));
    if (json_kind(inputs) != json_array || json_count(inputs) == 0)
        return error_set(error, error_invalid_request, "Error in `inputs`: a list of numbers is required");
    for (const struct json_value *at; (at = json_each(inputs, &place, NULL));) {
        if (!is_series(at))
            return error_set(error, error_invalid_request, "Error in `inputs.target`: a list of numbers is required");
        series_put(text, series_of(at), length);
    }
    text_put(text, STR("]}"));
    return true;
}
