/* journal_fuzz.c - a segment of a journal, whatever stands in it: records within their bounds, which are read again as
 * they were told. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "store/journal_internal.h"
#include "store/metered.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Read, and written as it was read, it is the same. */
static void metered_look(struct str bytes) {
    char put[metered_bytes_max];
    struct metered metered, again;
    if (!metered_read(bytes, &metered)) return;
    struct str written = metered_put(&metered.meter, &metered.others, put);
    if (!metered_read(written, &again) || memcmp(&again.others, &metered.others, sizeof again.others) != 0 ||
        memcmp(again.meter.count, metered.meter.count, sizeof again.meter.count) != 0 ||
        again.meter.tier != metered.meter.tier)
        abort();
}

static bool take(void *context, struct journal_source source, const struct record *record) {
    _Alignas(8) char bytes[record_bytes_max];
    struct record again;
    (void)context, (void)source;
    for (size_t i = 0; i < record_texts; i++)
        if (record->texts[i].len > record_text_most) abort();
    if (record->kind == record_of_word) {
        if (record->words[0].text.len > record_word_most) abort();
        record_word_put(&record->words[0], bytes);
        size_t len = record_word_size(record->words[0].text);
        if (record_read(str_make(bytes, len), &again) != len || again.kind != record_of_word ||
            !str_eq(again.words[0].text, record->words[0].text))
            abort();
        return true;
    }
    metered_look(record->texts[record_metered]);
    const struct record_shape shape = record_shape(record);
    record_put(record, &shape, bytes);
    size_t len = shape.bytes;
    if (record_read(str_make(bytes, len), &again) != len || again.sequence != record->sequence) abort();
    return true;
}

/* The input's words are also taken as a record's members, so that there are some that are whole. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    const size_t head = sizeof(struct journal_head);
    size_t count, room = size + 128 + record_bytes_max;
    char *bytes = aligned_alloc(8, (room + 7) & ~(size_t)7);
    bool ended;
    if (!bytes) return 0;
    memset(bytes, 0, room);
    memcpy(bytes, data, size);
    (void)journal_scan(str_make(bytes, size), take, NULL, &count, &ended);
    memset(bytes, 0, room);
    memcpy(bytes, data, size < head ? size : head); /* a head; behind it: */
    memcpy(bytes, "weirjrnl\1\0\0\0", 12);
    struct record record = {.sequence = size};
    memcpy(record.numbers, data, size < sizeof record.numbers ? size : sizeof record.numbers);
    for (size_t i = 0; i < record_texts && size; i++)
        record.texts[i] = str_make((const char *)data, (size_t)data[i % size] % (size + 1));
    for (size_t i = 0; i < record_words && size >= sizeof(struct hash_tag); i++)
        memcpy(&record.words[i].tag, data, sizeof record.words[i].tag);
    const struct record_shape shape = record_shape(&record);
    record_put(&record, &shape, bytes + head);
    memcpy(bytes + head + shape.bytes, data, size < record_bytes_max / 2 ? size : record_bytes_max / 2);
    (void)journal_scan(str_make(bytes, room), take, NULL, &count, &ended);
    if (count < 1) abort();
    free(bytes);
    return 0;
}
