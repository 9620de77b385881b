/* record.h - what is written of an attempt, once, when it is settled: numbers and names of fixed meaning, from which
 * the ledger, usage and budgets are made. And how it stands in a journal:
 *
 *   checksum 8 | bytes 2, version 1, charges 1, numbers 1, texts 1, words 1, kind 1 | sequence 8
 *   known 4, others than nought 4 | those numbers x 8 | charges x 16 | tags x 16 | texts x 2 (lengths) | texts
 *   up to 7 zeros
 *
 * in this machine's byte order, a multiple of 8 long. `known` and `words` have a bit for each number and word: most are
 * nought or not known, and take no room. A later version only adds numbers, texts and words at the end of the tables:
 * what an older one wrote reads as not known. Version 1 had every number, not known as -1, and no words.
 *
 * What callers choose is of any number and length, and stands there as a hash of 16 bytes; what text it stands for is
 * said by an entry of its own, once in each segment of a journal that has it. Pure. */
#ifndef WEIR_STORE_RECORD_H
#define WEIR_STORE_RECORD_H

#include "base/hash.h"

/* Below 0: not known. The names are columns of the ledger. */
#define RECORD_NUMBERS(X)                                                      \
    X(time_ms)        /* it began, wall clock */                               \
    X(attempt)        /* of its request, from 0 */                             \
    X(status)         /* the provider's; 0: none came */                       \
    X(flags)          /* bits of enum record_flag */                           \
    X(duration_us)    /* up to its end */                                      \
    X(first_token_us) /* 0: none came */                                       \
    X(input_tokens)   /* cached ones and cache writes included */              \
    X(output_tokens)  /* reasoning included */                                 \
    X(cached_tokens)                                                           \
    X(cache_write_tokens)                                                      \
    X(reasoning_tokens)                                                        \
    X(cost_nano_usd)   /* what it is charged: */                               \
    X(input_nano_usd)  /* of that, by what it is for */                        \
    X(output_nano_usd) /* reasoning included */                                \
    X(cached_nano_usd)                                                         \
    X(cache_write_nano_usd)                                                    \
    X(tools_nano_usd)                                                          \
    X(fees_nano_usd)                                                           \
    X(provider_nano_usd) /* what its provider says that it charges */          \
    X(prompt_tokens)     /* by estimate, before it was sent */                 \
    X(output_cap)        /* tokens that it was told to keep to */              \
    X(generation)        /* of the configuration */                            \
    X(cache_miss)        /* enum cache_miss, of the provider's prompt cache */ \
    X(cache_missed_tokens)

#define RECORD_TEXTS(X)                                                                        \
    X(request_id) /* weir's own */                                                             \
    X(endpoint)                                                                                \
    X(outcome) /* ok, or the failure's name */                                                 \
    X(provider)                                                                                \
    X(model)     /* that was asked there */                                                    \
    X(client)    /* empty: none */                                                             \
    X(route)     /* empty: none */                                                             \
    X(owner)     /* of its client, those above it behind it: "search|acme"; empty: nobody's */ \
    X(rule)      /* that it fell under; empty: none */                                         \
    X(caller_id) /* the request's, where its caller chose one */                               \
    X(metered)   /* bytes of metered.h: what else its price depends on; {NULL,0}: not known */

/* Of the caller's own choice. */
#define RECORD_WORDS(X)                                 \
    X(asked) /* the model's name as it was asked for */ \
    X(session)                                          \
    X(tags) /* "env=prod,team=search": the client's, and the caller's where they are trusted */

/* What was given without asking a provider. The names are columns of the ledger, and sums of usage. */
#define RECORD_GIVEN(X)                                                   \
    X(cache_hits)                                                         \
    X(cache_shared)   /* of what another request made at the same time */ \
    X(cache_stale)    /* that had expired: all targets were out */        \
    X(fallbacks)      /* a route's own words */                           \
    X(saved_nano_usd) /* what those answers, or parts of one, had cost when they were made */

enum record_number {
#define X(name) record_##name,
    RECORD_NUMBERS(X)
#undef X
        record_numbers
};
enum record_text {
#define X(name) record_##name,
    RECORD_TEXTS(X)
#undef X
        record_texts
};
enum record_word {
#define X(name) record_##name,
    RECORD_WORDS(X)
#undef X
        record_words
};
enum record_given {
#define X(name) record_given_##name,
    RECORD_GIVEN(X)
#undef X
        record_givens
};

/* Names of configuration and catalogue, of which the ledger keeps a number. */
static inline bool record_text_is_name(enum record_text text) {
    return text != record_request_id && text != record_caller_id && text != record_metered;
}

enum record_flag {
    record_stream = 1,
    record_hedge = 2,      /* begun beside another */
    record_failover = 4,   /* after another target had failed */
    record_estimated = 8,  /* the provider had not counted */
    record_lost = 16,      /* the process died before it ended: charged for what is known of it */
    record_succeeded = 32, /* a failure otherwise, or nobody waited for it any more */
    record_cancelled = 64,
    record_images = 128, /* what it asked for: with pictures, */
    record_tools = 256,
    record_json = 512, /* an answer in JSON */
};

enum { record_text_most = 255, record_word_most = 512, record_charges_max = 64, record_bytes_max = 5120 };
/* What an entry is: an attempt, the text of a word, or what was given of one kind within a minute. */
enum record_kind { record_of_attempt, record_of_word, record_of_given, record_kinds };

/* A window of a budget in which its cost counts; or of a quota, in which it counts for so many units. Of a budget that
 * is split by values it takes two places: the second is the value's tag. */
struct record_charge {
    uint64_t budget;
    int64_t window_s; /* 63: a value follows | 62..34 the units, 0: its cost | 33..0 when it began, s since 1970: up to
                       * the year 2514 */
};
enum { record_window_bits = 34 };
static inline struct record_charge record_charge_of(uint64_t budget, int64_t window_s, uint32_t units) {
    return (struct record_charge){budget, window_s | (int64_t)units << record_window_bits};
}
static inline int64_t record_charge_window(const struct record_charge *charge) {
    return charge->window_s & (((int64_t)1 << record_window_bits) - 1);
}
static inline bool record_charge_has_value(const struct record_charge *charge) { return charge->window_s < 0; }
static inline int64_t record_charge_units(const struct record_charge *charge) {
    return record_charge_has_value(charge) ? 0 : charge->window_s >> record_window_bits;
}
/* Writes it; in how many places. */
static inline size_t record_charge_put(struct record_charge charges[2], uint64_t budget, const struct hash_tag *value,
                                       int64_t window_s, uint32_t units) {
    bool has_value = value->words[0] || value->words[1];
    charges[0] = record_charge_of(budget, window_s, units);
    if (!has_value) return 1;
    charges[0].window_s |= INT64_MIN;
    charges[1] = (struct record_charge){value->words[0], (int64_t)value->words[1]};
    return 2;
}
static inline struct hash_tag record_charge_value(const struct record_charge charges[2]) {
    return (struct hash_tag){{charges[1].budget, (uint64_t)charges[1].window_s}};
}

/* A caller's word: all zeros where there is none. */
struct record_said {
    struct hash_tag tag; /* by the journal's secret, of the text's first record_word_most bytes */
    struct str text;     /* borrowed; not written beside the tag, and not read */
};

struct record {
    enum record_kind kind;
    uint64_t sequence; /* its worker's; with the instance and the worker it names the record; of a word: 0 */
    int64_t numbers[record_numbers];
    struct record_said words[record_words]; /* of a word's text: the first */
    struct str texts[record_texts];         /* borrowed; longer ones are cut at record_text_most */
    const struct record_charge *charges;    /* borrowed */
    size_t charge_count;                    /* at most record_charges_max */
    int64_t given[record_givens];           /* beside it: never written by record_put, nor read */
};

struct str record_number_name(enum record_number number);
struct str record_text_name(enum record_text text);
struct str record_word_name(enum record_word word);
struct str record_given_name(enum record_given given);
static inline bool record_has_word(const struct record_said *said) { return said->tag.words[0] || said->tag.words[1]; }

/* What of it is written, found once. */
struct record_shape {
    uint32_t known, some; /* a bit for each number: is it known, and is it another than nought? */
    uint32_t words;       /* a bit for each that it has */
    uint16_t lengths[record_texts];
    size_t bytes; /* of all that record_put writes */
};
struct record_shape record_shape(const struct record *record);
/* At a place that is aligned to 8 and has room for shape->bytes. */
void record_put(const struct record *record, const struct record_shape *shape, char *at);
/* Of one that record_put wrote. */
uint64_t record_sequence(const char *at);
/* The tags of the words of an attempt that record_put wrote; their texts are left as they are. */
void record_words_again(const char *at, struct record_said words[record_words]);
/* The entry that says what text a tag stands for. The same as above. */
size_t record_word_size(struct str text);
void record_word_put(const struct record_said *said, char *at);
/* What stands first in `bytes`, which is aligned to 8; its texts point into it; of a word's entry the text stands in
 * words[0]. How many bytes it is long; 0: none that is whole stands there. */
size_t record_read(struct str bytes, struct record *record);

#endif
