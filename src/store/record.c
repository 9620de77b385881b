/* record.c - see record.h. */
#include "store/record.h"

#include <string.h>

#include "base/check.h"

struct record_head {
    uint64_t checksum; /* of all that follows */
    uint16_t bytes;
    uint8_t version, charges, numbers, texts;
    uint16_t zeros;
    uint64_t sequence;
};
_Static_assert(sizeof(struct record_head) == 24, "a head has no gaps");
enum { record_version = 1 };

struct str record_number_name(enum record_number number) {
    static const struct str names[] = {
#define X(name) STR(#name),
        RECORD_NUMBERS(X)
#undef X
    };
    CHECKF(number < record_numbers, "number=%d", (int)number);
    return names[number];
}

struct str record_text_name(enum record_text text) {
    static const struct str names[] = {
#define X(name) STR(#name),
        RECORD_TEXTS(X)
#undef X
    };
    CHECKF(text < record_texts, "text=%d", (int)text);
    return names[text];
}

/* Word by word: it finds torn and flipped bytes, and is no defence against who may write the file. */
static uint64_t record_checksum(const char *at, size_t bytes) {
    uint64_t hash = 0x9e3779b97f4a7c15ull ^ bytes, word;
    CHECKF(bytes % 8 == 0, "bytes=%zu", bytes);
    for (size_t i = 0; i < bytes; i += 8) {
        memcpy(&word, at + i, 8);
        hash = (hash ^ word) * 0xff51afd7ed558ccdull;
        hash ^= hash >> 32;
    }
    return hash;
}

static size_t text_len(struct str text) { return text.len < record_text_most ? text.len : record_text_most; }
static size_t whole_words(size_t bytes) { return (bytes + 7) & ~(size_t)7; }
static size_t fixed_size(size_t numbers, size_t charges, size_t texts) {
    return sizeof(struct record_head) + numbers * 8 + charges * sizeof(struct record_charge) + texts * 2;
}

size_t record_size(const struct record *record) {
    CHECKF(record->charge_count <= record_charges_max, "charges=%zu", record->charge_count);
    size_t bytes = fixed_size(record_numbers, record->charge_count, record_texts);
    for (size_t i = 0; i < record_texts; i++) bytes += text_len(record->texts[i]);
    _Static_assert(sizeof(struct record_head) + record_numbers * 8 + record_charges_max * sizeof(struct record_charge) +
                           record_texts * (2 + record_text_most) + 8 <=
                       record_bytes_max,
                   "record_bytes_max bounds what is read");
    return whole_words(bytes);
}

void record_put(const struct record *record, char *at) {
    uint16_t lengths[record_texts];
    struct record_head head = {.bytes = (uint16_t)record_size(record),
                               .version = record_version,
                               .charges = (uint8_t)record->charge_count,
                               .numbers = record_numbers,
                               .texts = record_texts,
                               .sequence = record->sequence};
    char *next = at + sizeof head, *end = at + head.bytes;
    CHECK((uintptr_t)at % 8 == 0);
    memset(end - 8, 0, 8); /* what no text fills */
    memcpy(next, record->numbers, sizeof record->numbers);
    next += sizeof record->numbers;
    if (record->charge_count) memcpy(next, record->charges, record->charge_count * sizeof *record->charges);
    next += record->charge_count * sizeof *record->charges;
    for (size_t i = 0; i < record_texts; i++) lengths[i] = (uint16_t)text_len(record->texts[i]);
    memcpy(next, lengths, sizeof lengths);
    next += sizeof lengths;
    for (size_t i = 0; i < record_texts; i++) {
        if (lengths[i]) memcpy(next, record->texts[i].at, lengths[i]);
        next += lengths[i];
    }
    CHECK(next <= end && end - next < 8);
    memcpy(at, &head, sizeof head);
    head.checksum = record_checksum(at + 8, head.bytes - 8);
    memcpy(at, &head.checksum, 8);
}

uint64_t record_sequence(const char *at) {
    struct record_head head;
    memcpy(&head, at, sizeof head);
    return head.sequence;
}

size_t record_read(struct str bytes, struct record *record) {
    struct record_head head;
    if (bytes.len < sizeof head) return 0;
    memcpy(&head, bytes.at, sizeof head);
    size_t fixed = fixed_size(head.numbers, head.charges, head.texts);
    if (head.bytes % 8 || head.bytes > bytes.len || head.bytes > record_bytes_max || head.bytes < fixed ||
        head.version == 0 || head.charges > record_charges_max ||
        head.checksum != record_checksum(bytes.at + 8, head.bytes - 8))
        return 0;
    const char *next = bytes.at + sizeof head, *charges = next + (size_t)head.numbers * 8,
               *lengths = charges + head.charges * sizeof(struct record_charge);
    *record = (struct record){.sequence = head.sequence,
                              .charges = (const struct record_charge *)(const void *)charges,
                              .charge_count = head.charges};
    for (size_t i = 0; i < record_numbers; i++) {
        record->numbers[i] = -1;
        if (i < head.numbers) memcpy(&record->numbers[i], next + i * 8, 8);
    }
    next = lengths + (size_t)head.texts * 2;
    for (size_t i = 0; i < head.texts; i++) {
        uint16_t len;
        memcpy(&len, lengths + i * 2, sizeof len);
        if (len > record_text_most || len > (size_t)(bytes.at + head.bytes - next)) return 0;
        if (i < record_texts) record->texts[i] = str_make(next, len);
        next += len;
    }
    return head.bytes;
}
