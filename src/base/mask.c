/* mask.c - the table of grams, the comparison, and the bytes between two pieces. Invariant: what has been passed on
 * ends neither in a credential that was not found nor in the beginning of one. */
#include "base/mask.h"

#include <string.h>

#include "base/budget.h"
#include "base/check.h"
#include "base/hash.h"
#include "base/memory.h"
#include "base/text.h"

enum {
    gram_len = 4,
    stride_max = 64,
    escape_longest = 6,
};

struct needle {
    struct str bytes;
    bool exact; /* all there is to it; else each byte may be escaped */
};

/* A gram's place in a needle. */
struct anchor {
    uint32_t gram;
    uint32_t needle, at; /* needle: from 1; 0: no anchor stands here */
};

struct mask {
    struct needle *needles;
    size_t needle_count, needle_size;
    uint64_t *known; /* a bit for each hash of a gram */
    unsigned known_shift;
    struct anchor *anchors; /* by hash, the next free place after it */
    size_t anchor_count, anchor_size;
    size_t stride;
    size_t longest, longest_written; /* needle, in bytes of its own; with all of them escaped */
    uint32_t *by_first;              /* needles, by their first byte; of byte b: from first_at[b] to first_at[b + 1] */
    uint32_t first_at[257];
    bool stands[256]; /* bytes that may stand in what a needle is written as */
};

/* -- making it -- */

/* What no encoder escapes. */
static bool is_plain(char c) { return byte_is_alnum(c); }

/* Where the longest run of plain bytes stands. */
static struct str plain_run(struct str bytes) {
    struct str best = str_slice(bytes, 0, 0);
    for (size_t at = 0; at < bytes.len; at++) {
        size_t end = at;
        while (end < bytes.len && is_plain(bytes.at[end])) end++;
        if (end - at > best.len) best = str_slice(bytes, at, end);
        at = end;
    }
    return best;
}

static bool needle_add(struct mask *mask, struct str bytes, bool exact) {
    if (!bytes.at) return false;
    for (size_t i = 0; i < mask->needle_count; i++)
        if (str_eq(mask->needles[i].bytes, bytes) && mask->needles[i].exact == exact) return true;
    CHECKF(mask->needle_count < mask->needle_size, "count=%zu", mask->needle_count);
    mask->needles[mask->needle_count++] = (struct needle){bytes, exact};
    return true;
}

/* Ways in which encoders write what is not plain, but for the bytes that they keep. A needle with a run of plain bytes
 * is found in any mixture of them; one without is looked for in each way. */
#define UPPER "0123456789ABCDEF"
#define LOWER "0123456789abcdef"
static const struct escape_way {
    const char *before, *digits; /* NULL: the byte itself, and only a quote, a slash, a backslash */
    const char *kept;
} escape_ways[] = {
    {"%", UPPER, ""},
    {"%", LOWER, ""},
    {"%", UPPER, "-._~"}, /* RFC 3986 */
    {"%", LOWER, "-._~"},
    {"%", UPPER, "-._~/"}, /* of a path */
    {"%", LOWER, "-._~/"},
    {"%", UPPER, "-._*"}, /* of a form */
    {"%", LOWER, "-._*"},
    {"%", UPPER, "-_.!~*'()"},            /* encodeURIComponent */
    {"%", UPPER, "-_.!~*'();,/?:@&=+$#"}, /* encodeURI */
    {"\\u00", UPPER, ""},
    {"\\u00", LOWER, ""},
    {"\\u00", LOWER, "!#$%'()*+,-./:;=?@[]^_`{|}~"}, /* JSON within HTML: < > & */
    {"\\u00", UPPER, "!#$%()*,-./:;=?@[]^_{|}~"},    /* and ' + ` " */
    {"\\", NULL, ""},
    {"\\", NULL, "/"}, /* JSON as most write it */
};
enum { escapes = sizeof escape_ways / sizeof *escape_ways };

static struct str escaped(struct str bytes, const struct escape_way *way, struct arena *arena) {
    size_t len = 0, before_len = strlen(way->before);
    char *into = arena_take(arena, bytes.len * escape_longest);
    for (size_t i = 0; into && i < bytes.len; i++) {
        unsigned char c = (unsigned char)bytes.at[i];
        bool kept = is_plain(bytes.at[i]) || (c && strchr(way->kept, c));
        if (!kept && (way->digits || c == '/' || c == '"' || c == '\\')) {
            memcpy(into + len, way->before, before_len);
            len += before_len;
            if (way->digits) {
                into[len++] = way->digits[c >> 4];
                into[len++] = way->digits[c & 15];
                continue;
            }
        }
        into[len++] = bytes.at[i];
    }
    return str_make(into, len);
}

static bool form_add(struct mask *mask, struct str bytes, size_t shortest, struct arena *arena) {
    if (!bytes.at) return false;
    if (bytes.len < shortest) return true;
    if (plain_run(bytes).len >= gram_len) return needle_add(mask, bytes, false);
    bool fine = needle_add(mask, bytes, true);
    for (unsigned way = 0; fine && way < escapes; way++)
        fine = needle_add(mask, escaped(bytes, &escape_ways[way], arena), true);
    return fine;
}

/* The characters that the credential alone decides when it is encoded behind a multiple of three bytes (from_bit 0),
 * one more (4) or two more (2). */
static struct str base64_core(struct str bytes, unsigned from_bit, const char *alphabet, struct arena *arena) {
    char *into = arena_take(arena, bytes.len * 8 / 6 + 1);
    size_t len = 0;
    for (size_t bit = from_bit; into && bit + 6 <= bytes.len * 8; bit += 6) {
        unsigned two = (unsigned)(unsigned char)bytes.at[bit / 8] << 8;
        if (bit / 8 + 1 < bytes.len) two |= (unsigned char)bytes.at[bit / 8 + 1];
        into[len++] = alphabet[two >> (10 - bit % 8) & 63];
    }
    return str_make(into, len);
}

static bool credential_add(struct mask *mask, struct str credential, size_t shortest, struct arena *arena) {
    static const char standard[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/",
                      url[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    static const unsigned from_bits[] = {0, 4, 2};
    if (credential.len < shortest) return true;
    bool fine = form_add(mask, arena_copy(arena, credential), shortest, arena);
    for (size_t i = 0; fine && i < sizeof from_bits / sizeof *from_bits; i++)
        fine = form_add(mask, base64_core(credential, from_bits[i], standard, arena), shortest, arena) &&
               form_add(mask, base64_core(credential, from_bits[i], url, arena), shortest, arena);
    return fine;
}

static uint32_t gram_of(const char *at) {
    uint32_t gram;
    memcpy(&gram, at, sizeof gram);
    return gram;
}

static uint32_t gram_hash(const struct mask *mask, uint32_t gram) { return gram * 0x9e3779b1u >> mask->known_shift; }

static void anchor_add(struct mask *mask, uint32_t gram, size_t needle, size_t at) {
    uint32_t hash = gram_hash(mask, gram);
    size_t place = hash & (mask->anchor_size - 1);
    mask->known[hash / 64] |= 1ull << hash % 64;
    while (mask->anchors[place].needle) place = (place + 1) & (mask->anchor_size - 1);
    mask->anchors[place] = (struct anchor){gram, (uint32_t)needle + 1, (uint32_t)at};
}

/* Where its grams are taken from: they stand in a text as they are. */
static struct str anchored(const struct needle *needle) {
    return needle->exact ? needle->bytes : plain_run(needle->bytes);
}

static void needle_count_in(struct mask *mask, const struct needle *needle) {
    struct str run = anchored(needle);
    CHECKF(run.len >= gram_len, "run=%zu", run.len);
    mask->anchor_count += run.len - gram_len + 1;
    if (run.len - gram_len + 1 < mask->stride) mask->stride = run.len - gram_len + 1;
    size_t written = needle->bytes.len * (needle->exact ? 1 : escape_longest);
    if (needle->bytes.len > mask->longest) mask->longest = needle->bytes.len;
    if (written > mask->longest_written) mask->longest_written = written;
    for (size_t i = 0; i < needle->bytes.len; i++) mask->stands[(unsigned char)needle->bytes.at[i]] = true;
    if (needle->exact) return;
    for (const char *also = "%\\u/0123456789abcdefABCDEF"; *also; also++) mask->stands[(unsigned char)*also] = true;
}

static bool firsts_make(struct mask *mask, struct arena *arena) {
    uint32_t count = 0;
    mask->by_first = arena_take(arena, mask->needle_count * sizeof *mask->by_first);
    for (unsigned byte = 0; mask->by_first && byte < 256; byte++) {
        mask->first_at[byte] = count;
        for (size_t i = 0; i < mask->needle_count; i++)
            if ((unsigned char)mask->needles[i].bytes.at[0] == byte) mask->by_first[count++] = (uint32_t)i;
    }
    mask->first_at[256] = count;
    return mask->by_first;
}

static bool anchors_make(struct mask *mask, struct arena *arena) {
    unsigned bits = 10;
    mask->stride = stride_max;
    for (size_t i = 0; i < mask->needle_count; i++) needle_count_in(mask, &mask->needles[i]);
    while (bits < 24 && (size_t)1 << bits < mask->anchor_count * 32) bits++;
    mask->known_shift = 32 - bits;
    for (mask->anchor_size = 64; mask->anchor_size < mask->anchor_count * 2;) mask->anchor_size *= 2;
    mask->known = arena_take_zeroed(arena, ((size_t)1 << bits) / 8);
    mask->anchors = arena_take_zeroed(arena, mask->anchor_size * sizeof *mask->anchors);
    if (!mask->known || !mask->anchors) return false;
    for (size_t i = 0; i < mask->needle_count; i++) {
        struct str bytes = mask->needles[i].bytes, run = anchored(&mask->needles[i]);
        size_t from = (size_t)(run.at - bytes.at);
        for (size_t at = 0; at + gram_len <= run.len; at++) anchor_add(mask, gram_of(run.at + at), i, from + at);
    }
    return true;
}

bool mask_new(const struct str *credentials, size_t count, size_t shortest, struct arena *arena,
              const struct mask **out) {
    size_t size;
    *out = NULL;
    CHECKF(shortest >= mask_shortest, "shortest=%zu", shortest);
    struct mask *mask = arena_take_zeroed(arena, sizeof *mask);
    if (!mask || !size_mul(count, 7 * (1 + escapes), &mask->needle_size) ||
        !size_mul(mask->needle_size, sizeof *mask->needles, &size))
        return false;
    mask->needles = arena_take(arena, size);
    if (!mask->needles) return false;
    for (size_t i = 0; i < count; i++)
        if (!credential_add(mask, credentials[i], shortest, arena)) return false;
    if (mask->needle_count == 0) return true;
    if (!anchors_make(mask, arena) || !firsts_make(mask, arena)) return false;
    *out = mask;
    return true;
}

/* -- comparing -- */

/* Both at once: "100%" stands in "100%", and of "100%25" it may yet be the beginning. */
enum fit { fit_none, fit_part = 1 /* the text ends first */, fit_whole = 2 };

/* Is `c` written as an escape at the front of these bytes? *len: in so many. */
static enum fit escape_fits(unsigned char c, struct str in, size_t *len) {
    static const char digits[] = "0123456789abcdef";
    char way[6] = {'%', digits[c >> 4], digits[c & 15]};
    *len = 3;
    if (in.at[0] == '\\') {
        if (in.len == 1) return fit_part;
        *len = 2;
        if (in.at[1] == (char)c && (c == '/' || c == '"' || c == '\\')) return fit_whole;
        memcpy(way, "\\u00", 4);
        way[4] = digits[c >> 4];
        way[5] = digits[c & 15];
        *len = 6;
    }
    for (size_t i = 0; i < *len; i++) {
        if (i == in.len) return fit_part;
        bool hex_digit = i + 2 >= *len;
        if (in.at[i] != way[i] && !(hex_digit && way[i] >= 'a' && in.at[i] == way[i] - 'a' + 'A')) return fit_none;
    }
    return fit_whole;
}

static unsigned literal_fits(struct str needle, struct str in) {
    size_t len = needle.len < in.len ? needle.len : in.len;
    if (memcmp(needle.at, in.at, len) != 0) return fit_none;
    return len == needle.len ? fit_whole : fit_part;
}

/* Does the needle stand at the front of these bytes? *end: behind it, when it is whole. */
static unsigned needle_fits(const struct needle *needle, struct str in, size_t *end, uint64_t *compared) {
    size_t at = 0, done = 0, len;
    enum fit fit = fit_whole;
    for (; !needle->exact && done < needle->bytes.len && fit == fit_whole; done++) {
        char c = needle->bytes.at[done];
        if (at == in.len) {
            fit = fit_part;
        } else if (in.at[at] != '%' && in.at[at] != '\\') {
            if (in.at[at++] != c) fit = fit_none;
        } else if ((fit = escape_fits((unsigned char)c, str_slice(in, at, in.len), &len)) == fit_whole) {
            at += len;
        } else if (fit == fit_none && in.at[at++] == c) {
            fit = fit_whole;
        }
    }
    *end = at;
    *compared += done + 1;
    if (!needle->exact && fit == fit_whole) return fit_whole;
    *end = needle->bytes.len;
    return literal_fits(needle->bytes, in) | (needle->exact ? fit_none : fit);
}

/* Where a needle may begin, the last place first. */
enum { begins_max = 32 };
struct begins {
    size_t at[begins_max];
    unsigned count;
};

/* Of more than there is room for the first ones and the last stay: all as it is, and all escaped. */
static void begins_put(struct begins *begins, size_t at) {
    unsigned place = begins->count;
    while (place > 0 && begins->at[place - 1] < at) place--;
    if (place > 0 && begins->at[place - 1] == at) return;
    if (begins->count == begins_max && place < begins_max) return;
    if (begins->count == begins_max) place = begins_max - 1;
    for (unsigned i = begins->count < begins_max ? begins->count++ : place; i > place; i--)
        begins->at[i] = begins->at[i - 1];
    begins->at[place] = at;
}

/* Where the needle may begin of which the bytes from `from` on stand at `at`: each byte before them as it is, or
 * escaped. Bytes that may be both (of `\\\\` the second, where the needle begins with a backslash) are taken in each
 * way. */
static struct begins needle_begins(const struct needle *needle, size_t from, struct str in, size_t at) {
    static const size_t escape_lens[] = {2, 3, 6};
    struct begins begins = {.at = {at}, .count = 1};
    for (; from > 0 && begins.count > 0; from--) {
        char c = needle->bytes.at[from - 1];
        struct begins before;
        before.count = 0;
        for (unsigned i = 0; i < begins.count; i++) {
            size_t end = begins.at[i], len;
            if (end > 0 && in.at[end - 1] == c) begins_put(&before, end - 1);
            for (size_t j = 0; j < sizeof escape_lens / sizeof *escape_lens; j++) {
                size_t most = escape_lens[j];
                if (end < most || (in.at[end - most] != '%' && in.at[end - most] != '\\')) continue;
                if (escape_fits((unsigned char)c, str_slice(in, end - most, end), &len) == fit_whole && len == most)
                    begins_put(&before, end - most);
            }
        }
        memcpy(begins.at, before.at, before.count * sizeof *before.at);
        begins.count = before.count;
    }
    return begins;
}

/* -- looking -- */

struct looking {
    const struct mask *mask;
    struct str in;
    struct arena *scratch;
    char *copy;        /* of it, masked; NULL: nothing was found */
    bool failed;       /* no memory for that */
    size_t keep_from;  /* from here on it is held */
    size_t found_end;  /* of what begins before */
    uint64_t compared; /* bytes, with credentials' */
};

static void range_mask(struct looking *looking, size_t from, size_t to) {
    if (!looking->copy) {
        looking->copy = arena_take(looking->scratch, looking->in.len);
        if (!looking->copy) {
            looking->failed = true;
            return;
        }
        memcpy(looking->copy, looking->in.at, looking->in.len);
    }
    memset(looking->copy + from, '*', to - from);
    if (from < looking->keep_from && to > looking->found_end) looking->found_end = to;
}

static void needle_look(struct looking *looking, const struct needle *needle, size_t begin) {
    size_t end;
    if (needle_fits(needle, str_slice(looking->in, begin, looking->in.len), &end, &looking->compared) & fit_whole)
        range_mask(looking, begin, begin + end);
}

/* The gram that begins at `at`, escaped or not, has a hash that is known: whatever it belongs to is compared. */
static void gram_look(struct looking *looking, uint32_t gram, size_t at) {
    const struct mask *mask = looking->mask;
    for (size_t place = gram_hash(mask, gram) & (mask->anchor_size - 1);
         mask->anchors[place].needle && !looking->failed; place = (place + 1) & (mask->anchor_size - 1)) {
        const struct anchor *anchor = &mask->anchors[place];
        const struct needle *needle = &mask->needles[anchor->needle - 1];
        looking->compared++;
        if (anchor->gram != gram) continue;
        if (needle->exact) {
            if (at >= anchor->at) needle_look(looking, needle, at - anchor->at);
            continue;
        }
        struct begins begins = needle_begins(needle, anchor->at, looking->in, at);
        for (unsigned i = 0; i < begins.count; i++) needle_look(looking, needle, begins.at[i]);
    }
}

static inline bool mask_is_known(const struct mask *mask, uint32_t gram) {
    uint32_t hash = gram_hash(mask, gram);
    return mask->known[hash / 64] >> hash % 64 & 1;
}

static int mask_hex_value(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The plain byte that is escaped at the front; 0: none. *len: in so many bytes. */
static char plain_escaped(struct str in, size_t *len) {
    struct str before = in.at[0] == '%' ? STR("%") : STR("\\u00");
    *len = before.len + 2;
    if (in.len < *len || memcmp(in.at, before.at, before.len) != 0) return 0;
    int high = mask_hex_value(in.at[before.len]), low = mask_hex_value(in.at[before.len + 1]);
    char c = high < 0 || low < 0 ? 0 : (char)(high << 4 | low);
    return is_plain(c) ? c : 0;
}

/* The last bytes, as they are without escapes. */
struct unescaped {
    char bytes[gram_len];
    size_t begins[gram_len], count;
};

static void unescaped_take(struct looking *looking, struct unescaped *last, char c, size_t at) {
    memmove(last->bytes, last->bytes + 1, gram_len - 1);
    memmove(last->begins, last->begins + 1, (gram_len - 1) * sizeof *last->begins);
    last->bytes[gram_len - 1] = c;
    last->begins[gram_len - 1] = at;
    if (++last->count >= gram_len && mask_is_known(looking->mask, gram_of(last->bytes)))
        gram_look(looking, gram_of(last->bytes), last->begins[0]);
}

static size_t next_of(struct str in, char c, size_t from) {
    const char *at = from < in.len ? memchr(in.at + from, c, in.len - from) : NULL;
    return at ? (size_t)(at - in.at) : in.len;
}

/* The grams in which a plain byte is escaped: of such a byte and the three on each side. */
static void escapes_look(struct looking *looking) {
    struct str in = looking->in;
    struct unescaped last = {.count = 0};
    size_t percent = next_of(in, '%', 0), backslash = next_of(in, '\\', 0), done = 0, len;
    while (percent < in.len || backslash < in.len) {
        size_t at = percent < backslash ? percent : backslash, behind = gram_len - 1;
        if (plain_escaped(str_slice(in, at, in.len), &len)) {
            if (at > done + behind) {
                done = at - behind;
                last.count = 0;
            }
            for (; done < in.len && (done <= at || behind > 0); done += len) {
                char c = plain_escaped(str_slice(in, done, in.len), &len);
                if (!c) len = 1;
                behind = c ? gram_len - 1 : done > at ? behind - 1 : behind;
                unescaped_take(looking, &last, c ? c : in.at[done], done);
            }
        }
        size_t from = done > at ? done : at + 1;
        if (percent < from) percent = next_of(in, '%', from);
        if (backslash < from) backslash = next_of(in, '\\', from);
    }
}

/* Every needle that stands in the text covers a gram at a multiple of the stride. */
static void mask_look(struct looking *looking) {
    const struct mask *mask = looking->mask;
    const char *in = looking->in.at;
    size_t at = 0, stride = mask->stride, len = looking->in.len;
    while (at + gram_len <= len) {
        for (; at + 3 * stride + gram_len <= len; at += 4 * stride) /* four at once: they do not wait for each other */
            if (mask_is_known(mask, gram_of(in + at)) + mask_is_known(mask, gram_of(in + at + stride)) +
                mask_is_known(mask, gram_of(in + at + 2 * stride)) + mask_is_known(mask, gram_of(in + at + 3 * stride)))
                break;
        for (unsigned i = 0; i < 4 && at + gram_len <= len; i++, at += stride)
            if (mask_is_known(mask, gram_of(in + at))) gram_look(looking, gram_of(in + at), at);
    }
    escapes_look(looking);
}

/* May these bytes be the beginning of a needle whose first byte is this one? */
static bool begins_with(struct looking *looking, char first, struct str rest) {
    const struct mask *mask = looking->mask;
    size_t end;
    for (uint32_t i = mask->first_at[(unsigned char)first]; i < mask->first_at[(unsigned char)first + 1u]; i++)
        if (needle_fits(&mask->needles[mask->by_first[i]], rest, &end, &looking->compared) & fit_part) return true;
    return false;
}

/* Of bytes that begin with % or \: may they, as an escape, be the beginning of a needle? The text's end may cut it. */
static bool begins_escaped(struct looking *looking, struct str rest) {
    const struct mask *mask = looking->mask;
    struct str before = rest.at[0] == '%' ? STR("%") : STR("\\u00");
    size_t end;
    if (before.len > 1 && rest.len > 1 && rest.at[1] != 'u') return begins_with(looking, rest.at[1], rest);
    if (rest.len >= before.len + 2) {
        int high = mask_hex_value(rest.at[before.len]), low = mask_hex_value(rest.at[before.len + 1]);
        return memcmp(rest.at, before.at, before.len) == 0 && high >= 0 && low >= 0 &&
               begins_with(looking, (char)(high << 4 | low), rest);
    }
    for (size_t i = 0; i < mask->needle_count; i++)
        if (needle_fits(&mask->needles[i], rest, &end, &looking->compared) & fit_part) return true;
    return false;
}

/* Where the last bytes begin, at least so many, that may be a credential's first ones; the length: nowhere. */
static size_t cut_begin(struct looking *looking, size_t shortest) {
    const struct mask *mask = looking->mask;
    struct str in = looking->in;
    size_t from = in.len, least = in.len > mask->longest_written ? in.len - mask->longest_written : 0;
    int64_t bytes = 0; /* that these would be without escapes, and up to five more within one */
    while (from > least && mask->stands[(unsigned char)in.at[from - 1]] &&
           bytes < (int64_t)mask->longest + escape_longest - 1) {
        from--;
        bytes += in.at[from] == '\\' ? -4 : in.at[from] == '%' ? -1 : 1;
    }
    for (; from + shortest <= in.len; from++) {
        struct str rest = str_slice(in, from, in.len);
        bool escape = rest.at[0] == '%' || rest.at[0] == '\\';
        looking->compared++;
        if (begins_with(looking, rest.at[0], rest) || (escape && begins_escaped(looking, rest))) return from;
    }
    return in.len;
}

/* -- texts in pieces -- */

static bool mask_hold(struct mask_stream *stream, struct str rest, size_t masked) {
    if (rest.len > stream->held_size) {
        size_t size = rest.len < 128 ? 128 : rest.len * 2;
        char *held = budget_resize(stream->budget, NULL, 0, size);
        if (!held) return false;
        mask_stream_free(stream);
        stream->held = held;
        stream->held_size = size;
    }
    if (rest.len) memcpy(stream->held, rest.at, rest.len);
    stream->held_len = rest.len;
    stream->masked = masked;
    return true;
}

bool mask_pass(const struct mask *mask, struct mask_stream *stream, struct str piece, struct arena *scratch,
               struct str *out) {
    struct looking looking = {.mask = mask, .in = piece, .scratch = scratch};
    *out = piece;
    if (!mask || !piece.len) return true;
    if (stream->held_len) {
        struct text joined = text_in_arena(scratch, stream->held_len + piece.len);
        text_put(&joined, str_make(stream->held, stream->held_len));
        text_put(&joined, piece);
        if (joined.failed) return false;
        looking.in = text_str(&joined);
    }
    looking.keep_from = cut_begin(&looking, 1);
    mask_look(&looking);
    stream->compared += looking.compared;
    if (stream->masked) range_mask(&looking, 0, stream->masked);
    if (stream->masked > looking.found_end) looking.found_end = stream->masked;
    if (looking.failed) return false;
    *out = looking.copy ? str_make(looking.copy, looking.keep_from) : str_slice(looking.in, 0, looking.keep_from);
    if (looking.keep_from == looking.in.len && !stream->held_len) return true;
    size_t masked = looking.found_end > looking.keep_from ? looking.found_end - looking.keep_from : 0;
    return mask_hold(stream, str_slice(looking.in, looking.keep_from, looking.in.len), masked);
}

/* Of a credential that was cut so much is as good as the whole. */
enum { cut_tells = mask_shortest_anywhere };

void mask_stream_free(struct mask_stream *stream) {
    if (stream->held) memory_wipe(stream->held, stream->held_size);
    budget_free(stream->budget, stream->held, stream->held_size);
    *stream = (struct mask_stream){.budget = stream->budget, .compared = stream->compared};
}

struct str mask_whole(const struct mask *mask, struct str text, struct arena *scratch) {
    if (!mask || !text.len) return text;
    struct looking looking = {.mask = mask, .in = text, .scratch = scratch, .keep_from = text.len};
    size_t cut = cut_begin(&looking, cut_tells);
    mask_look(&looking);
    if (cut < text.len) range_mask(&looking, cut, text.len);
    if (looking.failed) return STR_NONE;
    return looking.copy ? str_make(looking.copy, text.len) : text;
}

bool mask_end(const struct mask *mask, struct mask_stream *stream, struct arena *scratch, struct str *out) {
    *out = STR_NONE;
    if (!stream->held_len) return true;
    struct str held = mask_whole(mask, str_make(stream->held, stream->held_len), scratch);
    char *bytes = held.at ? arena_take(scratch, held.len) : NULL;
    if (!bytes) return false;
    memcpy(bytes, held.at, held.len);
    memset(bytes, '*', stream->masked);
    *out = str_make(bytes, held.len);
    stream->held_len = stream->masked = 0;
    return true;
}
