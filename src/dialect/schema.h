/* schema.h - JSON Schemas as those want them who take no other: Google's own kind (types in capitals, nullable) as JSON
 * Schema, and JSON Schema with what a vendor insists on and without what it does not know. Pure. */
#ifndef WEIR_DIALECT_SCHEMA_H
#define WEIR_DIALECT_SCHEMA_H

#include "base/text.h"
#include "dialect/json.h"
#include "dialect/model.h"

struct schema_wants {
    bool from_google; /* it is OpenAPI's, as Google's `responseSchema` and `parameters` are */
    uint32_t limits;  /* a bit per enum model_schema */
};

/* Puts it as it is wanted. true: that differs from what it was. Deeper than 64 schemas it stays as it is. */
bool schema_put(struct text *text, const struct json_value *schema, const struct schema_wants *wants);

#endif
