/* price.h - what was counted to money, in integers. Pure.
 *
 * A model has base prices and rows. A row holds under conditions, and replaces some prices or multiplies them; rows
 * apply in order. Conditions on the modality and on the lifetime of a cache pick out a part of what was counted:
 *
 *   input  = plain + cached + written        each of text, audio, image, video; written for minutes, 1 h or 12 h
 *   output = text (of it: reasoning) + audio + image + video
 *
 * Each part has the prices that its rows leave; the sum of all is exact, and rounded once, up. */
#ifndef WEIR_CORE_PRICE_H
#define WEIR_CORE_PRICE_H

#include <stddef.h>
#include <stdint.h>

#include "base/meter.h"

/* What a price is part of in a bill. X(name) */
#define PRICE_SHARE_TABLE(X) \
    X(input)                 \
    X(output)                \
    X(cached)                \
    X(cache_writes)          \
    X(tools)                 \
    X(fees)
enum price_share {
#define X(name) price_share_##name,
    PRICE_SHARE_TABLE(X)
#undef X
        price_shares
};

/* X(name, share, most, help): what has a price, and how many USD that may be. The first are per million tokens; the
 * others each, `hour` of what has a length in time. */
#define PRICE_TABLE(X)                                                                                          \
    X(input, input, 1e6, "USD per million input tokens.")                                                       \
    X(output, output, 1e6, "USD per million output tokens.")                                                    \
    X(cached_input, cached, 1e6, "USD per million cached input tokens.")                                        \
    X(cache_write, cache_writes, 1e6, "USD per million input tokens that are written to the provider's cache.") \
    X(reasoning, output, 1e6, "USD per million output tokens of reasoning; not written: as `output`.")          \
    X(citation, fees, 1e6, "USD per million tokens of citations.")                                              \
    X(search, tools, 1e3, "USD a web search.")                                                                  \
    X(maps, tools, 1e3, "USD a query of maps.")                                                                 \
    X(code_session, tools, 1e3, "USD a session of code execution.")                                             \
    X(computer_use, tools, 1e3, "USD a call of computer use.")                                                  \
    X(file_search, tools, 1e3, "USD a search of files.")                                                        \
    X(page, fees, 1e3, "USD a page.")                                                                           \
    X(hour, fees, 1e6, "USD an hour of sound or film.")                                                         \
    X(image, fees, 1e3, "USD an image.")                                                                        \
    X(character, fees, 1e3, "USD a character.")                                                                 \
    X(query, fees, 1e3, "USD a query of a reranking.")                                                          \
    X(request, fees, 1e3, "USD a request.")
enum price_kind {
#define X(name, ...) price_##name,
    PRICE_TABLE(X)
#undef X
        price_kinds
};
enum { price_tokens_kinds = price_citation + 1 }; /* those per million tokens come first */

/* Part of what was counted, as a row's conditions name it. */
enum price_modality { modality_any, modality_text, modality_audio, modality_image, modality_video, price_modalities };
enum price_lifetime { kept_any, kept_5m, kept_30m, kept_1h, kept_12h, price_lifetimes };
enum price_batch { batch_any, batch_no, batch_yes };
struct str price_modality_name(enum price_modality modality); /* empty: any, and behind the last */
struct str price_lifetime_name(enum price_lifetime lifetime);

/* Nano-dollars per million of what is counted; of an hour, per hour. 1,000 USD each at most. */
#define price_most INT64_C(1000000000000000000)
enum {
    price_rows_max = 64,         /* of a model */
    price_factor_decimals = 3,   /* of a number that multiplies */
    price_decimals_max = 8,      /* of all that may come together in a model's rows */
    price_discount_decimals = 3, /* and of a discount: 11 in all, which keeps sums below 2^127 or above all money */
};
#define price_factor_most INT64_C(1000000000) /* 1,000,000 x 10^3 */

struct price_row {
    int64_t since_s, until_s; /* UTC: from, and before; INT64_MIN, INT64_MAX: always */
    int64_t factor;           /* of one that multiplies, x 10^decimals */
    const int64_t *values;    /* of one that replaces: a price for each bit of `names`, from the lowest; else NULL */
    uint32_t names;           /* a bit per enum price_kind */
    uint32_t above;           /* input tokens, all of them: more than that; 0: any */
    uint16_t from_minute, to_minute; /* of the UTC day; equal: all day; from > to: over midnight */
    uint8_t tier, speed, region;     /* as in struct meter; 0: any */
    uint8_t modality, lifetime, batch;
    uint8_t decimals; /* of the factor */
};
#define PRICE_ROW_ALWAYS ((struct price_row){.since_s = INT64_MIN, .until_s = INT64_MAX})

struct price_rows {
    const struct price_row *at;
    size_t count;
};

/* -1: not known. Rows are borrowed from whoever made them, who lives as long. */
struct price_list {
    int64_t input, output, cached_input, cache_write;
    int64_t request;                    /* the operator's own: nano-dollars added to every request, never discounted */
    struct price_rows rows;             /* in order */
    const struct price_rows *discounts; /* the provider's, behind all of them; NULL: none */
    bool goes_on;                       /* rows alone, for the rows of another list to stand in front of */
};
#define PRICES_UNKNOWN ((struct price_list){-1, -1, -1, -1, -1, {NULL, 0}, NULL, false})

/* What is counted; below 0 counts as 0. Cached and cache_write are parts of the input, reasoning of the output. */
struct price_tokens {
    int64_t input, output, cached_input, cache_write, reasoning;
};

struct price_use {
    struct price_tokens tokens;
    const struct meter *meter; /* what else was counted, and how it was served; NULL: nothing is known */
    int64_t started_s;         /* UTC */
    bool part;                 /* of a request whose fee is paid already */
};

/* Nano-dollars: the shares add up to the whole. */
struct price_bill {
    int64_t total; /* -1: not known, and the shares are 0 */
    int64_t share[price_shares];
};
#define PRICE_BILL_UNKNOWN ((struct price_bill){.total = -1})

/* Does the list price anything at all? */
bool price_is_known(const struct price_list *prices);
/* What it costs, rounded up once. Cached input and what is written to the cache cost the input's price where theirs is
 * not known, reasoning the output's. Unknown when no price is. Saturates at INT64_MAX. */
struct price_bill price_bill(const struct price_list *prices, const struct price_use *use);
/* What a million tokens of output more would add to its bill, of which `total` is the total. -1: that is not known. */
int64_t price_of_more_output(const struct price_list *prices, const struct price_use *use, int64_t total);
/* The total of plain tokens at the base's tier, now. */
int64_t price_cost(const struct price_list *prices, struct price_tokens tokens, int64_t now_s);
/* The most that so many tokens at most can come to, whatever the reply says: of whatever modality, cached or written to
 * a cache, below whatever step, served in whatever tier, speed and region, begun within an hour. Tools and units are
 * not in it. A bound, not the dearest bill. Unknown (-1) when no price is known. */
int64_t price_bound(const struct price_list *prices, int64_t input, int64_t output, int64_t now_s);
/* Adds a bill that is known to another, saturating. */
void price_bill_add(struct price_bill *sum, const struct price_bill *more);

/* Does what a provider says that it charges differ from ours by more than a hundredth of it? Not where one of them is
 * not known (below 0). */
bool price_differs(int64_t ours, int64_t said);
/* Of a price in USD as it is written the whole number that stands for it is that, x 10^this. */
unsigned price_digits(enum price_kind kind);
/* A base price as one that a row may replace: NULL where it stands in rows alone. */
int64_t *price_base(struct price_list *prices, enum price_kind kind);
/* The decimals that rows which may hold together can bring; more than price_decimals_max are not exact. */
unsigned price_rows_decimals(const struct price_rows *rows);

struct str price_name(enum price_kind kind); /* empty behind the last */
struct str price_share_name(enum price_share share);

#endif
