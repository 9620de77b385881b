/* redact.c - finding what looks like a credential, an address or a card's number in words that others wrote: a
 * provider's error text, a header, a target. It is the second line of defence, after not logging such things; it must
 * never let through what it knows, and may hide too much.
 */
#include "base/redact.h"

#include "base/pattern.h"

static bool word_byte(char c) { return byte_is_alnum(c) || c == '_' || c == '-' || c == '*'; }

/* Names of headers, query parameters and members that hold a credential: whole, or as the last word. */
static const struct str secret_names[] = {
    {"key", 3},    {"apikey", 6},         {"token", 5},       {"secret", 6},       {"password", 8},
    {"passwd", 6}, {"authorization", 13}, {"credential", 10}, {"credentials", 11}, {"signature", 9},
    {"sig", 3},    {"cookie", 6},         {"cookie2", 7},     {"auth", 4},         {"session", 7},
    {"jwt", 3},
};

static bool secret_name(struct str name) {
    for (size_t i = 0; i < sizeof secret_names / sizeof secret_names[0]; i++) {
        struct str secret = secret_names[i];
        if (name.len < secret.len || !str_eq_nocase(str_slice(name, name.len - secret.len, name.len), secret)) continue;
        if (name.len == secret.len) return true;
        char before = name.at[name.len - secret.len - 1];
        if (before == '-' || before == '_' || before == '.') return true;
        /* accessToken, apiKey */
        if (name.at[name.len - secret.len] >= 'A' && name.at[name.len - secret.len] <= 'Z') return true;
    }
    return false;
}

bool redact_header_name(struct str name) { return secret_name(name); }

/* How a key of some vendor begins; the rest of the word, if it is long enough to be one, is hidden. */
static const struct str key_beginnings[] = {
    {"sk-", 3},  {"sk_", 3},  {"pk-", 3},  {"pk_", 3},  {"rk_", 3},  {"gsk_", 4},  {"xai-", 4},   {"hf_", 3},
    {"AIza", 4}, {"ya29", 4}, {"eyJ", 3},  {"tgp_", 4}, {"r8_", 3},  {"pplx-", 5}, {"nvapi-", 6}, {"weir_", 5},
    {"AKIA", 4}, {"key-", 4}, {"ghp_", 4}, {"fw_", 3},  {"csk-", 4}, {"v1.0-", 5},
};

static size_t key_beginning(struct str word) {
    enum { shortest_key = 12 };
    if (word.len < shortest_key) return 0;
    for (size_t i = 0; i < sizeof key_beginnings / sizeof key_beginnings[0]; i++)
        if (str_starts(word, key_beginnings[i])) return key_beginnings[i].len;
    return 0;
}

static bool any_of(char c, const char *set) { return c != 0 && str_find_byte(str_from(set), c) != SIZE_MAX; }

static size_t skip(struct str s, size_t at, const char *set) {
    while (at < s.len && any_of(s.at[at], set)) at++;
    return at;
}

static size_t value_end(struct str s, size_t at) {
    while (at < s.len && !any_of(s.at[at], " \t\r\n&\"',;}])>")) at++;
    return at;
}

static bool scheme(struct str word) {
    return str_eq_nocase(word, STR("bearer")) || str_eq_nocase(word, STR("basic")) ||
           str_eq_nocase(word, STR("digest"));
}

/* Where the value stands that the word ending at `end` names ("key": "V", key=V), or 0 when it names none. */
static size_t named_value(struct str said, struct str word, size_t end) {
    if (!secret_name(word)) return 0;
    size_t at = skip(said, end, "\\\"'");
    at = skip(said, at, " \t");
    if (at >= said.len || !any_of(said.at[at], "=:")) return 0;
    return skip(said, at + 1, " \t\\\"'");
}

/* Of "://user:password@host" the end of what stands before the @, or 0. */
static size_t user_info_end(struct str said, size_t at) {
    if (!str_starts(str_slice(said, at, said.len), STR("://"))) return 0;
    size_t found = 0;
    for (size_t i = at + 3; i < said.len && !any_of(said.at[i], "/ \t\r\n\"'"); i++)
        if (said.at[i] == '@') found = i;
    return found;
}

static size_t hide_until(struct text *text, struct str said, size_t put, size_t from, size_t to) {
    text_put(text, str_slice(said, put, from));
    text_put(text, STR("***"));
    return to;
}

/* name@host.example: its end, or 0. */
static size_t address_end(struct str said, size_t at) {
    size_t end = at, dot = 0;
    while (end < said.len && (word_byte(said.at[end]) || any_of(said.at[end], ".%+"))) end++;
    if (end == at || end == said.len || said.at[end] != '@') return 0;
    size_t host = ++end;
    for (; end < said.len && (word_byte(said.at[end]) || said.at[end] == '.'); end++)
        if (said.at[end] == '.' && end > host && end + 1 < said.len && word_byte(said.at[end + 1])) dot = end;
    return dot ? end : 0;
}

/* 4111 1111 1111 1111, with blanks, hyphens or nothing between: its end, or 0. By the Luhn sum (ISO/IEC 7812-1). A
 * time in milliseconds has 13 digits too, and begins otherwise. */
static size_t card_end(struct str said, size_t at) {
    enum { digits_least = 13, digits_most = 19 };
    unsigned digits[digits_most], count = 0, sum = 0;
    size_t end = at;
    for (size_t i = at; i < said.len; i++) {
        if (said.at[i] >= '0' && said.at[i] <= '9') {
            if (count == digits_most) return 0;
            digits[count++] = (unsigned)(said.at[i] - '0');
            end = i + 1;
        } else if (i != end || (said.at[i] != ' ' && said.at[i] != '-')) {
            break;
        }
    }
    if (count < digits_least || digits[0] < 2 || (count == digits_least && digits[0] != 4)) return 0;
    for (unsigned i = 0; i < count; i++) {
        unsigned digit = digits[count - 1 - i] << (i % 2);
        sum += digit > 9 ? digit - 9 : digit;
    }
    return sum % 10 == 0 ? end : 0;
}

static bool digit_byte(char c) { return c >= '0' && c <= '9'; }

/* Exactly so many digits: their end, or 0. */
static size_t digits_end(struct str said, size_t at, size_t count) {
    if (count > said.len || at > said.len - count) return 0;
    for (size_t i = at; i < at + count; i++)
        if (!digit_byte(said.at[i])) return 0;
    return at + count;
}

/* +49 (0)30 901820-12: 8 to 15 digits (ITU-T E.164), with one mark, or a parenthesis and one, between two of them. */
static size_t phone_of_country_end(struct str said, size_t at) {
    enum { digits_least = 8, digits_most = 15, marks_most = 2 };
    size_t end = 0, count = 0, marks = 0;
    if (at + 1 >= said.len || said.at[at] != '+' || !digit_byte(said.at[at + 1]) || said.at[at + 1] == '0') return 0;
    for (size_t i = at + 1; i < said.len && marks <= marks_most; i++) {
        bool digit = digit_byte(said.at[i]);
        if (!digit && !any_of(said.at[i], " -./()")) break;
        marks = digit ? 0 : marks + 1;
        count += digit;
        if (digit) end = i + 1;
    }
    bool ends = end && (end == said.len || !word_byte(said.at[end]) || said.at[end] == '-');
    return ends && count >= digits_least && count <= digits_most ? end : 0;
}

/* (555) 123-4567, 555-123-4567, 555.123.4567 */
static size_t phone_of_america_end(struct str said, size_t at) {
    bool around = said.at[at] == '(';
    size_t end = digits_end(said, at + around, 3);
    if (!end || said.at[at + around] < '2') return 0;
    if (around && (end == said.len || said.at[end++] != ')')) return 0;
    if (end < said.len && any_of(said.at[end], around ? " -." : "-."))
        end++;
    else if (!around)
        return 0;
    end = digits_end(said, end, 3);
    if (!end || end == said.len || !any_of(said.at[end], " -.")) return 0;
    end = digits_end(said, end + 1, 4);
    return end && (end == said.len || !word_byte(said.at[end])) ? end : 0;
}

/* A telephone's number: its end, or 0. Not from within a word. */
static size_t phone_end(struct str said, size_t at) {
    if (at > 0 && (word_byte(said.at[at - 1]) || said.at[at - 1] == '.')) return 0;
    if (said.at[at] == '+') return phone_of_country_end(said, at);
    return said.at[at] == '(' || digit_byte(said.at[at]) ? phone_of_america_end(said, at) : 0;
}

void redact_own(const struct pattern *own, struct text *text, struct str said) {
    size_t work = pattern_work_max, put = 0;
    struct str looked = str_slice(said, 0, redact_looked_most);
    for (size_t at = 0; at < looked.len;) {
        struct pattern_match match = pattern_find(own, looked, at, &work);
        if (match.from == match.to) {
            at = match.to + 1; /* the end, or what matched nothing */
            continue;
        }
        at = put = hide_until(text, looked, put, match.from, match.to);
        if (match.given_up) break;
    }
    text_put(text, str_slice(looked, put, looked.len));
    if (said.len > looked.len) text_put(text, STR("***"));
}

void redact_put_by(const struct pattern *own, struct text *text, struct str said) {
    char bytes[redact_looked_most * 3]; /* each byte may become three stars */
    struct text looked = text_in_buffer(bytes, sizeof bytes);
    if (own) redact_own(own, &looked, said);
    redact_put(text, !own ? said : looked.failed ? STR("***") : text_str(&looked));
}

static bool redact_found(struct redact_finder *finder, enum redact_kind kind, size_t from, size_t to) {
    finder->kind = kind;
    finder->from = from;
    finder->to = finder->at = to;
    return true;
}

/* An address is looked for once in each run of what it is made of: where the run has none, no part of it has. */
static size_t address_next(struct redact_finder *finder, struct str said) {
    if (finder->at < finder->no_address) return 0;
    size_t end = address_end(said, finder->at), run = finder->at;
    if (end) return end;
    while (run < said.len && (word_byte(said.at[run]) || any_of(said.at[run], ".%+"))) run++;
    finder->no_address = run;
    return 0;
}

/* What begins with the word at `at`: a credential's value, or nothing, and the finder is behind it. */
static bool word_next(struct redact_finder *finder, struct str said) {
    size_t at = finder->at, end = at;
    while (end < said.len && word_byte(said.at[end])) end++;
    struct str word = str_slice(said, at, end);
    size_t hide = scheme(word) ? skip(said, end, " \t") : named_value(said, word, end);
    if (scheme(word) && hide == end) hide = 0;
    size_t begin = key_beginning(word);
    if (!hide && begin) hide = at + begin;
    finder->at = end;
    if (!hide) return false;
    size_t value_word_end = hide;
    while (value_word_end < said.len && word_byte(said.at[value_word_end])) value_word_end++;
    /* Authorization: Bearer V: the scheme stays, and hides V itself. */
    if (hide > end && scheme(str_slice(said, hide, value_word_end)) && value_word_end < said.len &&
        said.at[value_word_end] == ' ') {
        finder->at = hide;
        return false;
    }
    finder->at = value_end(said, hide);
    return finder->at > hide && redact_found(finder, redact_key, hide, finder->at);
}

bool redact_next(struct redact_finder *finder, struct str said) {
    while (finder->at < said.len) {
        size_t at = finder->at, end = phone_end(said, at);
        if (end) return redact_found(finder, redact_phone, at, end);
        if (!word_byte(said.at[at])) {
            size_t user_end = said.at[at] == ':' ? user_info_end(said, at) : 0;
            if (user_end) return redact_found(finder, redact_key, at + 3, user_end);
            finder->at++;
            continue;
        }
        if ((end = address_next(finder, said))) return redact_found(finder, redact_email, at, end);
        if ((end = card_end(said, at))) return redact_found(finder, redact_card, at, end);
        if (word_next(finder, said)) return true;
    }
    return false;
}

void redact_put(struct text *text, struct str said) {
    struct redact_finder finder = {.at = 0};
    size_t put = 0;
    while (redact_next(&finder, said)) put = hide_until(text, said, put, finder.from, finder.to);
    text_put(text, str_slice(said, put, said.len));
}
