/* restored.c - see restored.h. */
#include "runtime/restored.h"

#include "base/budget.h"

struct restored {
    struct put_back_stream stream;
    struct budget *budget;
};

struct restored *restored_begin(const struct flight *flight, const struct http_header *headers, size_t count,
                                bool *failed) {
    const struct placeholders *placeholders = flight_put_back(flight);
    struct str type = http_header_find(headers, count, STR("content-type"));
    *failed = false;
    if (!placeholders) return NULL;
    struct budget *budget = flight_holds_within(flight);
    struct restored *restored = budget_resize(budget, NULL, 0, sizeof *restored);
    *failed = !restored;
    if (!restored) return NULL;
    restored->budget = budget;
    const enum put_back_form form = str_starts_nocase(type, STR("text/event-stream")) ? put_back_events
                                    : flight_streams_a_list(flight)                   ? put_back_list
                                                                                      : put_back_json;
    put_back_begin(&restored->stream, placeholders, form, budget);
    return restored;
}

bool restored_write(struct restored *restored, const struct str *ranges, size_t count, struct arena *scratch,
                    struct str *out) {
    struct text text = text_in_arena(scratch, 4096);
    bool good = true;
    for (size_t i = 0; i < count && good; i++) good = put_back_take(&restored->stream, ranges[i], &text);
    *out = text_str(&text);
    return good && !text.failed;
}

bool restored_end(struct restored *restored, struct arena *scratch, struct str *out) {
    struct text text = text_in_arena(scratch, 1024);
    bool good = put_back_finish(&restored->stream, &text);
    *out = text_str(&text);
    return good && !text.failed;
}

void restored_free(struct restored *restored) {
    if (!restored) return;
    put_back_free(&restored->stream);
    budget_free(restored->budget, restored, sizeof *restored);
}

struct str restored_whole(const struct flight *flight, struct str json, struct arena *scratch) {
    struct putting_back putting = {.placeholders = flight_put_back(flight)};
    struct text text = text_in_arena(scratch, json.len + 256);
    if (!putting.placeholders) return json;
    put_back(&putting, json, &text);
    put_back_end(&putting, &text);
    return text.failed ? STR_NONE : text_str(&text);
}
