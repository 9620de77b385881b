/* record.h - what is written of an attempt, once, when it is settled: numbers and names of fixed meaning, from which
 * the ledger, usage and budgets are made. And how it stands in a journal:
 *
 *   checksum 8 | bytes 2, version 1, charges 1, numbers 1, texts 1, zeros 2 | sequence 8
 *   numbers x 8 | charges x 16 | texts x 2 (lengths) | texts | up to 7 zeros
 *
 * in this machine's byte order, a multiple of 8 long. A later version only adds numbers and texts at the end of the
 * tables: what an older one wrote reads as not known. Pure. */
#ifndef WEIR_STORE_RECORD_H
#define WEIR_STORE_RECORD_H

#include "base/str.h"

/* -1: not known. The names are columns of the ledger. */
#define RECORD_NUMBERS(X)                                         \
    X(time_ms)        /* it began, wall clock */                  \
    X(attempt)        /* of its request, from 0 */                \
    X(status)         /* the provider's; 0: none came */          \
    X(flags)          /* bits of enum record_flag */              \
    X(duration_us)    /* up to its end */                         \
    X(first_token_us) /* 0: none came */                          \
    X(input_tokens)   /* cached ones and cache writes included */ \
    X(output_tokens)  /* reasoning included */                    \
    X(cached_tokens)                                              \
    X(cache_write_tokens)                                         \
    X(reasoning_tokens)                                           \
    X(cost_nano_usd)

#define RECORD_TEXTS(X)                        \
    X(request_id) /* weir's own */             \
    X(endpoint)                                \
    X(outcome) /* ok, or the failure's name */ \
    X(provider)                                \
    X(model)  /* that was asked there */       \
    X(client) /* empty: none */                \
    X(route)  /* empty: none */

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

enum record_flag {
    record_stream = 1,
    record_hedge = 2,      /* begun beside another */
    record_failover = 4,   /* after another target had failed */
    record_estimated = 8,  /* the provider had not counted */
    record_lost = 16,      /* the process died before it ended: charged for what is known of it */
    record_succeeded = 32, /* a failure otherwise, or nobody waited for it any more */
    record_cancelled = 64,
};

enum { record_text_most = 255, record_charges_max = 32, record_bytes_max = 4096 };

/* A window of a budget in which its cost counts; or of a quota, in which it counts for so many units. */
struct record_charge {
    uint64_t budget;
    int64_t window_s; /* 62..34 the units, 0: its cost | 33..0 when it began, s since 1970: up to the year 2514 */
};
enum { record_window_bits = 34 };
static inline struct record_charge record_charge_of(uint64_t budget, int64_t window_s, uint32_t units) {
    return (struct record_charge){budget, window_s | (int64_t)units << record_window_bits};
}
static inline int64_t record_charge_window(const struct record_charge *charge) {
    return charge->window_s & (((int64_t)1 << record_window_bits) - 1);
}
static inline int64_t record_charge_units(const struct record_charge *charge) {
    return (int64_t)((uint64_t)charge->window_s >> record_window_bits);
}

struct record {
    uint64_t sequence; /* its worker's; with the instance and the worker it names the record */
    int64_t numbers[record_numbers];
    struct str texts[record_texts];      /* borrowed; longer ones are cut at record_text_most */
    const struct record_charge *charges; /* borrowed */
    size_t charge_count;                 /* at most record_charges_max */
};

struct str record_number_name(enum record_number number);
struct str record_text_name(enum record_text text);

/* Bytes that record_put writes. */
size_t record_size(const struct record *record);
/* At a place that is aligned to 8 and has room for record_size(). */
void record_put(const struct record *record, char *at);
/* Of one that record_put wrote. */
uint64_t record_sequence(const char *at);
/* What stands first in `bytes`, which is aligned to 8; its texts point into it. How many bytes it is long; 0: none that
 * is whole stands there. */
size_t record_read(struct str bytes, struct record *record);

#endif
