/* characters.c - a string is a name where a colon follows, else a value of the name before it. */
#include "dialect/characters.h"

static bool is_text(struct str name) {
    static const struct str texts[] = {
        STR("content"),   STR("text"),           STR("input"),        STR("inputs"),
        STR("prompt"),    STR("system"),         STR("instructions"), STR("query"),
        STR("documents"), STR("response"),       STR("reasoning"),    STR("reasoning_content"),
        STR("thinking"),  STR("arguments"),      STR("partial_json"), STR("refusal"),
        STR("output"),    STR("generated_text"), STR("transcript"),   STR("texts")};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        if (str_eq(texts[i], name)) return true;
    return false;
}

static void string_is_name(struct characters *characters) {
    struct str name = str_make(characters->name, characters->name_len);
    bool whole = characters->name_len < sizeof characters->name;
    characters->under = whole && str_eq(name, STR("delta")) ? characters_of_delta
                        : whole && is_text(name)            ? characters_of_text
                                                            : characters_of_none;
}

static void string_is_value(struct characters *characters) {
    if (characters->under == characters_of_text) characters->texts += characters->string;
    if (characters->under == characters_of_delta) characters->deltas += characters->string;
}

static unsigned characters_digit(char byte) {
    if (byte >= '0' && byte <= '9') return (unsigned)(byte - '0');
    if (byte >= 'a' && byte <= 'f') return (unsigned)(byte - 'a' + 10);
    return byte >= 'A' && byte <= 'F' ? (unsigned)(byte - 'A' + 10) : 0;
}

/* The two halves of a pair are one. */
static void character_add(struct characters *characters, uint16_t unit) {
    bool low = unit >= 0xdc00 && unit <= 0xdfff;
    if (!(low && characters->high)) characters->string++;
    characters->high = unit >= 0xd800 && unit <= 0xdbff;
}

static void characters_escape(struct characters *characters, char byte) {
    enum { last_digit = 2, first_digit = 5 };
    if (characters->escape == 1) {
        characters->digits = 0;
        characters->escape = byte == 'u' ? first_digit : 0;
        if (!characters->escape) character_add(characters, 0);
        return;
    }
    characters->digits = (uint16_t)(characters->digits << 4 | characters_digit(byte));
    characters->escape = characters->escape == last_digit ? 0 : (uint8_t)(characters->escape - 1);
    if (!characters->escape) character_add(characters, characters->digits);
}

static void characters_inside(struct characters *characters, char byte) {
    bool ends = byte == '"' && !characters->escape;
    if (!ends && characters->name_len < sizeof characters->name) characters->name[characters->name_len++] = byte;
    if (characters->escape) {
        characters_escape(characters, byte);
    } else if (byte == '\\') {
        characters->escape = 1;
    } else if (ends) {
        characters->inside = false;
        characters->ended = true;
    } else if (((unsigned char)byte & 0xc0) != 0x80) { /* a character's first byte */
        character_add(characters, 0);
    }
}

static void string_begin(struct characters *characters) {
    characters->inside = true;
    characters->string = 0;
    characters->name_len = 0;
    characters->escape = 0;
    characters->high = false;
}

void characters_feed(struct characters *characters, struct str bytes) {
    for (size_t i = 0; i < bytes.len; i++) {
        char byte = bytes.at[i];
        if (characters->inside) {
            characters_inside(characters, byte);
            continue;
        }
        if (byte == ' ' || byte == '\t' || byte == '\r' || byte == '\n') continue;
        if (characters->ended) {
            if (byte == ':')
                string_is_name(characters);
            else
                string_is_value(characters);
        }
        characters->ended = false;
        if (byte == '"') string_begin(characters);
    }
}

int64_t characters_count(const struct characters *characters) {
    uint64_t count = characters->deltas ? characters->deltas : characters->texts;
    return count > INT64_MAX ? INT64_MAX : (int64_t)count;
}
