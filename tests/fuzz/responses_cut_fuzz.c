/* responses_cut_fuzz.c - any events, a line each, and the end that is written behind them: whole frames of JSON. */
#include <stdlib.h>

#include "dialect/json.h"
#include "dialect/responses/responses_cut.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct arena keep, scratch;

static void must_be_frames(struct str frames) {
    const char *problem;
    struct str line;
    size_t at;
    while (str_split_next(&frames, '\n', &line))
        if (str_starts(line, STR("data: ")) &&
            !json_parse_in(&scratch, str_slice(line, STR("data: ").len, line.len), &problem, &at))
            abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct str rest = str_make((const char *)data, size), line;
    const struct usage usage = USAGE_NONE;
    bool good = true;
    arena_init(&keep, 4096, 16 * 1024 * 1024);
    arena_init(&scratch, 4096, 16 * 1024 * 1024);
    struct responses_cut *cut = responses_cut_new(&keep);
    while (good && cut && str_split_next(&rest, '\n', &line)) good = responses_cut_note(cut, line, &scratch);
    struct text text = text_in_arena(&scratch, 256);
    if (good && cut) responses_cut_write(cut, STR("resp_1"), &usage, &scratch, &text);
    if (!text.failed) must_be_frames(text_str(&text));
    arena_free(&keep);
    arena_free(&scratch);
    return 0;
}
