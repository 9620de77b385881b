/* sixteen.h - sixteen bytes looked at together: which of them end a run of printable ASCII without quote and backslash.
 * For the inner loops of str.c and skim.c; others ask str_plain_run. */
#ifndef WEIR_BASE_SIXTEEN_H
#define WEIR_BASE_SIXTEEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#if defined(__SSE2__)
#include <emmintrin.h>
#elif defined(__ARM_NEON) && defined(__aarch64__)
#include <arm_neon.h>
#endif

/* Up to eight bytes as one number, the first one lowest, zeros behind. */
static inline uint64_t str_word_of(const char *at, size_t len) {
    uint64_t word = 0;
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    if (len >= 8) {
        memcpy(&word, at, 8);
        return word;
    }
    if (len >= 4) { /* its first and its last four, which may overlap */
        uint32_t first, last;
        memcpy(&first, at, 4);
        memcpy(&last, at + len - 4, 4);
        return first | (uint64_t)last << 8 * (len - 4);
    }
#endif
    for (size_t i = 0; i < len && i < 8; i++) word |= (uint64_t)(unsigned char)at[i] << 8 * i;
    return word;
}

/* Sixteen bytes, and which of them end a plain run: `stop_bits` bits for each, the first byte's lowest. RFC 8259,
 * section 7, names the bytes. Compared as signed, what is below 0x20 is a control character or not ASCII. */
#if defined(__SSE2__)
enum { stop_bits = 1 };
typedef __m128i sixteen;
static inline sixteen sixteen_at(const char *at) { return _mm_loadu_si128((const __m128i *)(const void *)at); }
static inline sixteen sixteen_of(uint64_t low, uint64_t high) { return _mm_set_epi64x((int64_t)high, (int64_t)low); }
static inline sixteen stops_of(sixteen bytes) {
    /* one more of each: what is neither printable nor ASCII is then the lowest, 0x7f and 0xff too */
    __m128i low = _mm_cmplt_epi8(_mm_add_epi8(bytes, _mm_set1_epi8(1)), _mm_set1_epi8(0x21)),
            quote = _mm_cmpeq_epi8(bytes, _mm_set1_epi8('"')), backslash = _mm_cmpeq_epi8(bytes, _mm_set1_epi8('\\'));
    return _mm_or_si128(low, _mm_or_si128(quote, backslash));
}
static inline uint64_t stops_in(sixteen bytes) { return (unsigned)_mm_movemask_epi8(stops_of(bytes)); }
/* Is there none in these sixty-four? */
static inline bool are_plain(const char *at) {
    __m128i first = _mm_or_si128(stops_of(sixteen_at(at)), stops_of(sixteen_at(at + 16))),
            second = _mm_or_si128(stops_of(sixteen_at(at + 32)), stops_of(sixteen_at(at + 48)));
    return _mm_movemask_epi8(_mm_or_si128(first, second)) == 0;
}
/* Is any of them a control character? */
static inline bool has_control(sixteen bytes) {
    __m128i highest = _mm_set1_epi8(0x1f), rubout = _mm_cmpeq_epi8(bytes, _mm_set1_epi8(0x7f));
    return _mm_movemask_epi8(_mm_or_si128(_mm_cmpeq_epi8(_mm_min_epu8(bytes, highest), bytes), rubout));
}
#elif defined(__ARM_NEON) && defined(__aarch64__)
enum { stop_bits = 4 }; /* as NEON has no movemask */
typedef int8x16_t sixteen;
static inline sixteen sixteen_at(const char *at) { return vld1q_s8((const int8_t *)at); }
static inline sixteen sixteen_of(uint64_t low, uint64_t high) {
    return vreinterpretq_s8_u64(vcombine_u64(vcreate_u64(low), vcreate_u64(high)));
}
static inline uint8x16_t stops_of(sixteen bytes) {
    uint8x16_t low = vcltq_s8(bytes, vdupq_n_s8(0x20)), rubout = vceqq_s8(bytes, vdupq_n_s8(0x7f)),
               quote = vceqq_s8(bytes, vdupq_n_s8('"')), backslash = vceqq_s8(bytes, vdupq_n_s8('\\'));
    return vorrq_u8(vorrq_u8(low, rubout), vorrq_u8(quote, backslash));
}
static inline uint64_t stops_in(sixteen bytes) {
    return vget_lane_u64(vreinterpret_u64_u8(vshrn_n_u16(vreinterpretq_u16_u8(stops_of(bytes)), 4)), 0);
}
/* Is there none in these sixty-four? */
static inline bool are_plain(const char *at) {
    uint8x16_t first = vorrq_u8(stops_of(sixteen_at(at)), stops_of(sixteen_at(at + 16))),
               second = vorrq_u8(stops_of(sixteen_at(at + 32)), stops_of(sixteen_at(at + 48)));
    return vmaxvq_u8(vorrq_u8(first, second)) == 0;
}
static inline bool has_control(sixteen bytes) {
    uint8x16_t plain = vreinterpretq_u8_s8(bytes);
    return vmaxvq_u8(vorrq_u8(vcltq_u8(plain, vdupq_n_u8(0x20)), vceqq_u8(plain, vdupq_n_u8(0x7f))));
}
#else
enum { stop_bits = 1 };
typedef struct {
    uint64_t words[2];
} sixteen;
static inline sixteen sixteen_of(uint64_t low, uint64_t high) { return (sixteen){{low, high}}; }
static inline sixteen sixteen_at(const char *at) { return sixteen_of(str_word_of(at, 8), str_word_of(at + 8, 8)); }
static inline uint64_t stops_in(sixteen bytes) {
    for (unsigned i = 0; i < 16; i++) {
        unsigned c = bytes.words[i / 8] >> i % 8 * 8 & 0xff;
        if (c < 0x20 || c >= 0x7f || c == '"' || c == '\\') return 1ull << i;
    }
    return 0;
}
static inline bool are_plain(const char *at) {
    for (unsigned i = 0; i < 64; i += 16)
        if (stops_in(sixteen_at(at + i))) return false;
    return true;
}
static inline bool has_control(sixteen bytes) {
    for (unsigned i = 0; i < 16; i++) {
        unsigned c = bytes.words[i / 8] >> i % 8 * 8 & 0xff;
        if (c < 0x20 || c == 0x7f) return true;
    }
    return false;
}
#endif

/* Where the first of them stands. */
static inline size_t first_stop(uint64_t stops) { return (unsigned)__builtin_ctzll(stops) / stop_bits; }

#endif
