/* forecast.h - forecasts of time series: POST /v1/forecasts {model, inputs, parameters}, weir's own words for what
 * Hugging Face's native inference takes. What `inputs` and `parameters` hold is the model's affair (chronos-t5,
 * lag-llama, ... each have a handler of their own), and so is what comes back: both pass as they are. Pure. */
#ifndef WEIR_DIALECT_FORECAST_H
#define WEIR_DIALECT_FORECAST_H

#include "base/text.h"
#include "dialect/message.h"

struct forecast {
    struct str model, inputs, parameters; /* the last two raw; parameters {NULL,0}: none */
};

/* false: *error says which member and how to mend it, *param names it. */
bool forecast_read(struct str body, struct arena *arena, struct forecast *forecast, struct error *error,
                   struct str *param);
/* {"inputs":...,"parameters":...} */
void forecast_put(const struct forecast *forecast, struct text *text);
/* {"object":"forecast","created":...,"model":"...","output":...}. false: the reply is not JSON; *error_inside: it says
 * what went wrong. */
bool forecast_reply_put(struct str body, struct str model, int64_t now_s, struct arena *arena, struct text *text,
                        bool *error_inside);

#endif
