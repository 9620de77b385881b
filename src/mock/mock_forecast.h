/* mock_forecast.h - the mock as a model of time series, as those of the Chronos family answer: each series goes on as
 * it went. Pure. */
#ifndef WEIR_MOCK_MOCK_FORECAST_H
#define WEIR_MOCK_MOCK_FORECAST_H

#include "base/error.h"
#include "base/text.h"
#include "dialect/json.h"

/* {"inputs": [1,2,3], or {"target":[...]}, or a list of either; "parameters":{"prediction_length":10}} is answered with
 * {"predictions":[{"mean":[...],"0.1":[...],"0.9":[...]}]}, one for each series. false: *error says what is wrong. */
bool mock_forecast_write(struct text *text, const struct json_value *root, struct error *error);

#endif
