/* batch_show.c - see batch_show.h. */
#include "cli/batch_show.h"

#include <inttypes.h>

void batch_bar_put(const struct weir_batch_progress *at, struct text *text) {
    enum { width = 30 };
    double share = at->total ? (double)at->done / (double)at->total : 0;
    uint64_t now = at->done - at->skipped;
    double rate = at->seconds > 0 ? (double)now / at->seconds : 0;
    text_put_byte(text, '[');
    for (int i = 0; i < width; i++) text_put_byte(text, i < (int)(share * width) ? '#' : '.');
    text_printf(text, "] %" PRIu64 "/%" PRIu64 "  %.1f/s  %u at once  %" PRIu64 " failed  $%.4f", at->done, at->total,
                rate, at->parallel, at->failed, (double)at->cost_nano_usd / 1e9);
    if (rate > 0) text_printf(text, "  %.0f s left", (double)(at->total - at->done) / rate);
}

void batch_summary_put(const struct weir_batch_progress *at, bool json, struct text *text) {
    if (json)
        text_printf(text,
                    "{\"total\":%" PRIu64 ",\"done\":%" PRIu64 ",\"failed\":%" PRIu64 ",\"skipped\":%" PRIu64
                    ",\"input_tokens\":%" PRId64 ",\"output_tokens\":%" PRId64 ",\"cost_usd\":\"%" PRId64 ".%09" PRId64
                    "\",\"seconds\":%.3f}",
                    at->total, at->done, at->failed, at->skipped, at->input_tokens, at->output_tokens,
                    at->cost_nano_usd / 1000000000, at->cost_nano_usd % 1000000000, at->seconds);
    else
        text_printf(text,
                    "%" PRIu64 " lines: %" PRIu64 " succeeded, %" PRIu64 " failed, %" PRIu64
                    " from an earlier run; %" PRId64 " tokens in, %" PRId64 " out, $%.6f, %.1f s",
                    at->total, at->done - at->failed, at->failed, at->skipped, at->input_tokens, at->output_tokens,
                    (double)at->cost_nano_usd / 1e9, at->seconds);
}
