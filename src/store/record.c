/* record.c - see record.h. */
#include "store/record.h"

#include <string.h>

#include "base/check.h"

struct record_head {
    uint64_t checksum; /* of all that follows */
    uint16_t bytes;
    uint8_t version, charges, numbers, texts;
    uint8_t words, kind; /* a bit for each; of enum record_kind. Both 0 in version 1 */
    uint64_t sequence;
};
_Static_assert(sizeof(struct record_head) == 24, "a head has no gaps");
_Static_assert(sizeof(struct hash_tag) == 16, "a word takes 16 bytes");
_Static_assert(record_numbers <= 32 && record_words <= 8, "each has its bit");
enum { record_version = 2 };

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

struct str record_word_name(enum record_word word) {
    static const struct str names[] = {
#define X(name) STR(#name),
        RECORD_WORDS(X)
#undef X
    };
    CHECKF(word < record_words, "word=%d", (int)word);
    return names[word];
}

struct str record_given_name(enum record_given given) {
    static const struct str names[] = {
#define X(name) STR(#name),
        RECORD_GIVEN(X)
#undef X
    };
    CHECKF(given < record_givens, "given=%d", (int)given);
    return names[given];
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
/* As they stand behind a head. */
struct record_masks {
    uint32_t known, some;
};

static unsigned bits(uint32_t mask) { return (unsigned)__builtin_popcount(mask); }

/* All but the texts. */
static size_t fixed_size(struct record_masks masks, size_t charges, unsigned words, size_t texts) {
    return sizeof(struct record_head) + sizeof masks + bits(masks.some) * (size_t)8 +
           charges * sizeof(struct record_charge) + bits(words) * sizeof(struct hash_tag) + texts * 2;
}

struct record_shape record_shape(const struct record *record) {
    struct record_shape shape = {.known = 0};
    CHECKF(record->charge_count <= record_charges_max, "charges=%zu", record->charge_count);
    for (unsigned i = record_numbers; i-- > 0;) { /* the last first, whose bit is the highest */
        shape.known = shape.known << 1 | (record->numbers[i] >= 0);
        shape.some = shape.some << 1 | (record->numbers[i] > 0);
    }
    for (unsigned i = record_words; i-- > 0;)
        shape.words = shape.words << 1 | (uint32_t)record_has_word(&record->words[i]);
    size_t bytes =
        fixed_size((struct record_masks){shape.known, shape.some}, record->charge_count, shape.words, record_texts);
    for (size_t i = 0; i < record_texts; i++) bytes += shape.lengths[i] = (uint16_t)text_len(record->texts[i]);
    _Static_assert(sizeof(struct record_head) + sizeof(struct record_masks) + record_numbers * 8 +
                           record_charges_max * sizeof(struct record_charge) + record_words * sizeof(struct hash_tag) +
                           record_texts * (2 + record_text_most) + 8 <=
                       record_bytes_max,
                   "record_bytes_max bounds what is read");
    shape.bytes = whole_words(bytes);
    return shape;
}

static void record_seal(char *at, struct record_head *head) {
    memcpy(at, head, sizeof *head);
    head->checksum = record_checksum(at + 8, head->bytes - 8);
    memcpy(at, &head->checksum, 8);
}

void record_put(const struct record *record, const struct record_shape *shape, char *at) {
    const struct record_masks masks = {shape->known, shape->some};
    struct record_head head = {.bytes = (uint16_t)shape->bytes,
                               .version = record_version,
                               .charges = (uint8_t)record->charge_count,
                               .numbers = record_numbers,
                               .texts = record_texts,
                               .words = (uint8_t)shape->words,
                               .kind = (uint8_t)record->kind,
                               .sequence = record->sequence};
    char *next = at + sizeof head, *end = at + head.bytes;
    CHECK((uintptr_t)at % 8 == 0 && record->kind != record_of_word);
    memset(end - 8, 0, 8); /* what no text fills */
    memcpy(next, &masks, sizeof masks);
    next += sizeof masks;
    for (uint32_t some = masks.some; some; some &= some - 1, next += 8)
        memcpy(next, &record->numbers[__builtin_ctz(some)], 8);
    if (record->charge_count) memcpy(next, record->charges, record->charge_count * sizeof *record->charges);
    next += record->charge_count * sizeof *record->charges;
    for (uint32_t words = shape->words; words; words &= words - 1, next += sizeof(struct hash_tag))
        memcpy(next, &record->words[__builtin_ctz(words)].tag, sizeof(struct hash_tag));
    memcpy(next, shape->lengths, sizeof shape->lengths);
    next += sizeof shape->lengths;
    for (size_t i = 0; i < record_texts; i++) {
        if (shape->lengths[i]) memcpy(next, record->texts[i].at, shape->lengths[i]);
        next += shape->lengths[i];
    }
    CHECK(next <= end && end - next < 8);
    record_seal(at, &head);
}

static size_t word_len(struct str text) { return text.len < record_word_most ? text.len : record_word_most; }
static const struct record_masks no_numbers = {0, 0};
size_t record_word_size(struct str text) { return whole_words(fixed_size(no_numbers, 0, 1, 1) + word_len(text)); }

void record_word_put(const struct record_said *said, char *at) {
    uint16_t len = (uint16_t)word_len(said->text);
    struct record_head head = {.bytes = (uint16_t)record_word_size(said->text),
                               .version = record_version,
                               .texts = 1,
                               .words = 1,
                               .kind = record_of_word};
    char *next = at + sizeof head;
    CHECK((uintptr_t)at % 8 == 0);
    memset(at + head.bytes - 8, 0, 8);
    memcpy(next, &no_numbers, sizeof no_numbers);
    next += sizeof no_numbers;
    memcpy(next, &said->tag, sizeof said->tag);
    next += sizeof said->tag;
    memcpy(next, &len, sizeof len);
    next += sizeof len;
    if (len) memcpy(next, said->text.at, len);
    record_seal(at, &head);
}

/* Where the tags that it has stand; in a record of any version: none in the first. */
static void tags_read(const struct record_head *head, const char *tags, struct record_said words[record_words]) {
    for (uint32_t left = head->words; left; left &= left - 1, tags += sizeof(struct hash_tag))
        if (__builtin_ctz(left) < record_words) memcpy(&words[__builtin_ctz(left)].tag, tags, sizeof(struct hash_tag));
}

void record_words_again(const char *at, struct record_said words[record_words]) {
    struct record_head head;
    struct record_masks masks;
    memcpy(&head, at, sizeof head);
    memcpy(&masks, at + sizeof head, sizeof masks);
    CHECKF(head.version == record_version, "version=%d", (int)head.version);
    for (size_t i = 0; i < record_words; i++) words[i].tag = (struct hash_tag){{0, 0}};
    tags_read(&head, at + fixed_size(masks, head.charges, 0, 0), words);
}

uint64_t record_sequence(const char *at) {
    struct record_head head;
    memcpy(&head, at, sizeof head);
    return head.sequence;
}

/* Its texts, from the lengths on. false: they end behind it. */
static bool record_texts_read(const struct record_head *head, const char *lengths, const char *end,
                              struct record *record) {
    const char *next = lengths + (size_t)head->texts * 2;
    const bool of_word = record->kind == record_of_word;
    for (size_t i = 0; i < head->texts; i++) {
        uint16_t len;
        memcpy(&len, lengths + i * 2, sizeof len);
        if (len > (of_word ? record_word_most : record_text_most) || len > (size_t)(end - next)) return false;
        if (of_word && i == 0)
            record->words[0].text = str_make(next, len);
        else if (!of_word && i < record_texts)
            record->texts[i] = str_make(next, len);
        next += len;
    }
    return true;
}

/* Its numbers. Where the charges begin; NULL: they end behind it. */
static const char *numbers_read(const struct record_head *head, const char *next, const char *end,
                                struct record *record) {
    struct record_masks masks = {UINT32_MAX, UINT32_MAX};
    const bool all = head->version == 1;
    const size_t count = all ? head->numbers : 32;
    if (!all && (size_t)(end - next) < sizeof masks) return NULL;
    if (!all) memcpy(&masks, next, sizeof masks);
    if (!all) next += sizeof masks;
    if (masks.some & ~masks.known || (size_t)(end - next) / 8 < (all ? count : bits(masks.some))) return NULL;
    for (size_t i = 0; i < record_numbers; i++) record->numbers[i] = (int64_t)(masks.known >> i & 1) - 1;
    for (size_t i = 0; all && i < record_numbers; i++)
        if (i < count) memcpy(&record->numbers[i], next + 8 * i, 8);
    for (size_t i = all ? count : 0; all && i < record_numbers; i++) record->numbers[i] = -1;
    if (all) return next + 8 * count;
    for (uint32_t some = masks.some; some; some &= some - 1, next += 8)
        if (__builtin_ctz(some) < record_numbers) memcpy(&record->numbers[__builtin_ctz(some)], next, 8);
    return next;
}

size_t record_read(struct str bytes, struct record *record) {
    struct record_head head;
    if (bytes.len < sizeof head) return 0;
    memcpy(&head, bytes.at, sizeof head);
    if (head.bytes % 8 || head.bytes > bytes.len || head.bytes > record_bytes_max || head.bytes < sizeof head ||
        head.version == 0 || head.kind >= record_kinds || head.charges > record_charges_max ||
        head.checksum != record_checksum(bytes.at + 8, head.bytes - 8))
        return 0;
    const char *end = bytes.at + head.bytes;
    *record = (struct record){.kind = (enum record_kind)head.kind, .sequence = head.sequence};
    const char *charges = numbers_read(&head, bytes.at + sizeof head, end, record);
    const size_t behind = head.charges * sizeof(struct record_charge) + bits(head.words) * sizeof(struct hash_tag) +
                          (size_t)head.texts * 2;
    if (!charges || (size_t)(end - charges) < behind) return 0;
    record->charges = (const struct record_charge *)(const void *)charges;
    record->charge_count = head.charges;
    const char *tags = charges + head.charges * sizeof(struct record_charge);
    tags_read(&head, tags, record->words);
    return record_texts_read(&head, tags + bits(head.words) * sizeof(struct hash_tag), end, record) ? head.bytes : 0;
}
