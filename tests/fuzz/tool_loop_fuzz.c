/* tool_loop_fuzz.c - bodies with any bytes, in every dialect: what is told lies in the body, and is in it as often as
 * is said at most. */
#include <stdint.h>
#include <stdlib.h>

#include "dialect/tool_loop.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const enum dialect all[] = {dialect_openai, dialect_responses, dialect_anthropic, dialect_gemini};
    struct str body = str_make((const char *)data, size);
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        struct tool_loop loop = tool_loop_find(body, all[i]);
        if (!loop.calls) continue;
        if (loop.tool.at < body.at || loop.tool.at + loop.tool.len > body.at + body.len) abort();
        if (loop.calls > size / 2) abort();
    }
    return 0;
}
