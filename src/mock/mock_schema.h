/* mock_schema.h - a JSON value that fits a JSON schema: tool arguments and structured outputs of the mock provider.
 * Pure. */
#ifndef WEIR_MOCK_MOCK_SCHEMA_H
#define WEIR_MOCK_MOCK_SCHEMA_H

#include "base/text.h"
#include "dialect/json.h"

/* Takes in: type, properties, items, enum, const, minimum, minItems, minLength, format, anyOf, oneOf, allOf (the
 * first), and $ref into the schema's own $defs. `filler` is what a free string says. NULL writes {}. */
void mock_schema_write(struct text *text, const struct json_value *schema, struct str filler);

#endif
