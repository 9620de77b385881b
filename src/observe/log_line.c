/* log_line.c - formatting of log lines, JSON (RFC 8259) and readable. Never lets a byte through that could end the
 * line, steer a terminal or turn the direction of the text; stricter in this than text_put_json, hence an escape of its
 * own. */
#include "observe/log_line.h"

#include <time.h>

enum {
    value_bytes = 1024,  /* of a string; the rest is cut and marked */
    looked_bytes = 2048, /* of one that something is hidden in: longer than what could begin in front of the cut */
    end_room = 48,       /* kept free for what ends a line */
};

static void put_time(struct text *text, struct log_second *cache, int64_t wall_ns) {
    int64_t second = wall_ns / (int64_t)NS_PER_S, ms = wall_ns / (int64_t)NS_PER_MS % 1000;
    if (second != cache->second || cache->len == 0) {
        struct tm tm = {0};
        time_t at = (time_t)second;
        gmtime_r(&at, &tm);
        cache->len = strftime(cache->text, sizeof cache->text, "%Y-%m-%dT%H:%M:%S", &tm);
        cache->second = second;
    }
    char tail[5] = {'.', (char)('0' + ms / 100), (char)('0' + ms / 10 % 10), (char)('0' + ms % 10), 'Z'};
    text_put(text, str_make(cache->text, cache->len));
    text_put(text, str_make(tail, sizeof tail));
}

/* The well-formed character at the front: its bytes, or 0. */
static size_t character(struct str s, unsigned *code) {
    unsigned char first = (unsigned char)s.at[0];
    size_t len = first < 0x80 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
    if (s.len < len || !str_is_utf8(str_slice(s, 0, len))) return 0;
    *code = len == 1 ? first : first & (0xffu >> (len + 1));
    for (size_t i = 1; i < len; i++) *code = *code << 6 | ((unsigned char)s.at[i] & 0x3fu);
    return len;
}

/* C1 controls, line and paragraph separators, marks that turn or hide text. */
static bool steers(unsigned code) {
    return code < 0xa0 || code == 0x61c || (code >= 0x200b && code <= 0x200f) || (code >= 0x2028 && code <= 0x202e) ||
           (code >= 0x2060 && code <= 0x2069) || code == 0xfeff;
}

/* A JSON string with its quotes. */
static void put_quoted(struct text *text, struct str s) {
    text_put_byte(text, '"');
    size_t run = 0;
    for (size_t i = 0; i < s.len && (i = str_plain_run(s, i)) < s.len;) {
        unsigned char c = (unsigned char)s.at[i];
        unsigned code = 0;
        size_t len = c < 0x80 ? 0 : character(str_slice(s, i, s.len), &code);
        if (len && !steers(code)) {
            i += len;
            continue;
        }
        text_put(text, str_slice(s, run, i));
        if (c < 0x80)
            text_put_escape(text, c);
        else if (len)
            text_printf(text, "\\u%04x", code);
        else
            text_put(text, STR("\xef\xbf\xbd"));
        i += len ? len : 1;
        run = i;
    }
    text_put(text, str_slice(s, run, s.len));
    text_put_byte(text, '"');
}

/* Needs no quotes in a readable line. */
static bool bare(struct str s) {
    return s.len > 0 && str_plain_run(s, 0) == s.len && str_find_byte(s, ' ') == SIZE_MAX &&
           str_find_byte(s, '=') == SIZE_MAX;
}

static void put_string(struct text *text, struct log_style style, struct str s) {
    if (style.format == log_format_readable && bare(s))
        text_put(text, s);
    else
        put_quoted(text, s);
}

/* At most so many bytes, never through the middle of a character. */
static struct str log_line_cut(struct str s, size_t most) {
    if (s.len <= most) return s;
    size_t len = most;
    while (len > most - 3 && ((unsigned char)s.at[len] & 0xc0) == 0x80) len--;
    return str_slice(s, 0, len);
}

static size_t value_most(struct log_style style) { return style.value_most ? style.value_most : value_bytes; }

static void put_cut(struct text *text, struct log_style style, struct str value, bool was_cut) {
    char bytes[value_bytes + 8];
    struct text shown = text_in_buffer(bytes, sizeof bytes);
    if (!was_cut && value.len <= value_most(style)) {
        put_string(text, style, value);
        return;
    }
    struct str cut = log_line_cut(value, value_most(style));
    text_put(&shown, cut);
    text_put(&shown, STR("..."));
    put_string(text, style, text_str(&shown));
}

/* What is hidden is hidden first, and then cut: the half of an address is none any more. */
static void put_value_hidden(struct text *text, struct log_style style, const struct log_field *field) {
    char own_bytes[redact_looked_most * 3], shown_bytes[3 * looked_bytes];
    struct text own = text_in_buffer(own_bytes, sizeof own_bytes),
                shown = text_in_buffer(shown_bytes, sizeof shown_bytes);
    struct str value = field->str;
    if (style.own) {
        redact_own(style.own, &own, value);
        value = own.failed ? STR("***") : text_str(&own);
    }
    struct str looked = log_line_cut(value, looked_bytes);
    bool was_cut = looked.len < value.len;
    if (field->kind == log_kind_said)
        redact_put(&shown, looked);
    else
        text_put(&shown, looked);
    put_cut(text, style, shown.failed ? STR("***") : text_str(&shown), was_cut);
}

/* What most strings are: short, with nothing to hide or to escape. false: it is another, and nothing is put. */
static bool put_plain(struct text *text, struct log_style style, const struct log_field *field) {
    struct str s = field->str;
    if (style.format != log_format_json || style.own || field->kind == log_kind_said || s.len > value_most(style) ||
        text->failed || s.len + 2 > text->size - text->len || (s.len && str_plain_run(s, 0) < s.len))
        return false;
    char *to = text->at + text->len;
    *to = to[s.len + 1] = '"';
    memcpy(to + 1, s.at, s.len);
    text->len += s.len + 2;
    return true;
}

static void put_value_string(struct text *text, struct log_style style, const struct log_field *field) {
    if (put_plain(text, style, field)) return;
    if (field->kind == log_kind_said || style.own)
        put_value_hidden(text, style, field);
    else
        put_cut(text, style, field->str, false);
}

static void put_readable_us(struct text *text, uint64_t us) {
    if (us < 1000)
        text_printf(text, "%lluus", (unsigned long long)us);
    else if (us < 1000000)
        text_printf(text, "%llu.%03llums", (unsigned long long)(us / 1000), (unsigned long long)(us % 1000));
    else
        text_printf(text, "%llu.%03llus", (unsigned long long)(us / 1000000), (unsigned long long)(us / 1000 % 1000));
}

static void put_money(struct text *text, struct log_style style, int64_t nano_usd) {
    struct str quote = style.format == log_format_json ? STR("\"") : STR("");
    text_put(text, quote);
    text_put_money(text, nano_usd);
    text_put(text, quote);
}

static void put_value(struct text *text, struct log_style style, const struct log_field *field) {
    switch (field->kind) {
    case log_kind_none: break;
    case log_kind_str:
    case log_kind_said: put_value_string(text, style, field); break;
    case log_kind_int: text_put_i64(text, field->number); break;
    case log_kind_u64: text_put_u64(text, field->count); break;
    case log_kind_bool: text_put(text, field->count ? STR("true") : STR("false")); break;
    case log_kind_us:
        if (style.format == log_format_readable)
            put_readable_us(text, field->count);
        else
            text_put_u64(text, field->count);
        break;
    case log_kind_money: put_money(text, style, field->number); break;
    }
}

/* ,"name": with one look whether there is room. */
static void put_json_name(struct text *text, struct str name) {
    size_t len = name.len + 4;
    if (text->failed || len > text->size - text->len) {
        text->failed = true;
        return;
    }
    char *to = text->at + text->len;
    memcpy(to, ",\"", 2);
    memcpy(to + 2, name.at, name.len);
    memcpy(to + 2 + name.len, "\":", 2);
    text->len += len;
}

static void put_field(struct text *text, struct log_style style, const struct log_field *field) {
    struct str name = field->name;
    if (style.format == log_format_json) {
        put_json_name(text, name);
    } else {
        if (field->kind == log_kind_us && str_ends(name, STR("_us"))) name.len -= 3;
        text_put(text, style.colour ? STR(" \x1b[2m") : STR(" "));
        text_put(text, name);
        text_put(text, style.colour ? STR("=\x1b[0m") : STR("="));
    }
    put_value(text, style, field);
}

static void put_begin(struct text *text, struct log_style style, struct log_second *cache,
                      const struct log_entry *entry) {
    static const char *const colours[log_levels] = {"\x1b[2m", "\x1b[32m", "\x1b[33m", "\x1b[31;1m", ""};
    static const char *const padding[log_levels] = {"", " ", " ", "", ""};
    struct str level = log_level_name((enum log_level)entry->level);
    if (style.format == log_format_json) {
        text_put(text, STR("{\"event\":\""));
        text_put(text, str_from(entry->event));
        text_put(text, STR("\",\"time\":\""));
        put_time(text, cache, entry->wall_ns);
        text_put(text, STR("\",\"level\":\""));
        text_put(text, level);
        text_put_byte(text, '"');
        return;
    }
    put_time(text, cache, entry->wall_ns);
    text_put_byte(text, ' ');
    if (style.colour) text_put(text, str_from(colours[entry->level]));
    text_put(text, level);
    text_put(text, str_from(padding[entry->level]));
    text_put(text, style.colour ? STR("\x1b[0m \x1b[1m") : STR(" "));
    text_put(text, str_from(entry->event));
    if (style.colour) text_put(text, STR("\x1b[0m"));
}

/* With room left for what ends it. false: some are left out. */
static bool put_fields(struct text *text, struct log_style style, const struct log_entry *entry,
                       const struct log_field *fields, size_t count) {
    bool all = true;
    text->size -= end_room;
    for (size_t i = 0; i < count && all; i++) {
        size_t whole = text->len;
        put_field(text, style, &fields[i]);
        all = !text->failed;
        if (!all) text->len = whole;
    }
    text->failed = false;
    text->size += end_room;
    return all && !entry->cut;
}

void log_members(struct text *text, struct log_style style, const struct log_entry *entry,
                 const struct log_field *fields, size_t count) {
    if (!put_fields(text, style, entry, fields, count)) text_put(text, STR(",\"cut\":true"));
    if (!text->len) return;
    text->len--; /* the comma in front of the first */
    memmove(text->at, text->at + 1, text->len);
}

void log_line(struct text *text, struct log_style style, struct log_second *cache, const struct log_entry *entry,
              const struct log_field *fields, size_t count) {
    put_begin(text, style, cache, entry);
    bool all = put_fields(text, style, entry, fields, count);
    if (style.format == log_format_json)
        text_put(text, all ? STR("}\n") : STR(",\"cut\":true}\n"));
    else
        text_put(text, all ? STR("\n") : STR(" cut=true\n"));
}
