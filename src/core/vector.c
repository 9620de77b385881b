/* vector.c - 16 bytes a turn where the processor can: widened to 16 bits, multiplied and added in pairs. A sum
 * stands in 32 bits: 127 * 127 * vector_dimensions_max is an eighth of what they hold. */
#include "core/vector.h"

#include <math.h>

#if defined __x86_64__
#include <immintrin.h>
#endif

enum { vector_step_most = 127 };
_Static_assert((int64_t)vector_step_most *vector_step_most *vector_dimensions_max < INT32_MAX, "a sum fits");

bool vector_pack(const double *numbers, size_t count, int8_t *bytes, float *step) {
    double square = 0, largest = 0;
    if (count == 0 || count > vector_dimensions_max) return false;
    for (size_t i = 0; i < count; i++) {
        square += numbers[i] * numbers[i];
        if (fabs(numbers[i]) > largest) largest = fabs(numbers[i]);
    }
    if (!(square > 0) || !isfinite(square)) return false;
    for (size_t i = 0; i < count; i++) bytes[i] = (int8_t)lrint(numbers[i] / largest * vector_step_most);
    *step = (float)(largest / vector_step_most / sqrt(square));
    return true;
}

int32_t vector_dot_plain(const int8_t *a, const int8_t *b, size_t count) {
    int32_t sum = 0;
    for (size_t i = 0; i < count; i++) sum += a[i] * b[i];
    return sum;
}

#if defined __x86_64__

static int32_t vector_sum_16(__m128i sums) {
    sums = _mm_add_epi32(sums, _mm_shuffle_epi32(sums, 0x4e));
    return _mm_cvtsi128_si32(_mm_add_epi32(sums, _mm_shuffle_epi32(sums, 0xb1)));
}

/* SSE2 widens no bytes with their sign: each goes into the upper half of 16 bits, and is moved down. */
static int32_t vector_dot_sse2(const int8_t *a, const int8_t *b, size_t count) {
    enum { turn = 16, half = 8 };
    const __m128i none = _mm_setzero_si128();
    __m128i sums = none;
    size_t at = 0;
    for (; at + turn <= count; at += turn) {
        __m128i x = _mm_loadu_si128((const __m128i *)(const void *)(a + at));
        __m128i y = _mm_loadu_si128((const __m128i *)(const void *)(b + at));
        __m128i low = _mm_madd_epi16(_mm_srai_epi16(_mm_unpacklo_epi8(none, x), half),
                                     _mm_srai_epi16(_mm_unpacklo_epi8(none, y), half));
        __m128i high = _mm_madd_epi16(_mm_srai_epi16(_mm_unpackhi_epi8(none, x), half),
                                      _mm_srai_epi16(_mm_unpackhi_epi8(none, y), half));
        sums = _mm_add_epi32(sums, _mm_add_epi32(low, high));
    }
    return vector_sum_16(sums) + vector_dot_plain(a + at, b + at, count - at);
}

__attribute__((target("avx2"))) static int32_t vector_dot_avx2(const int8_t *a, const int8_t *b, size_t count) {
    enum { turn = 16 };
    __m256i sums = _mm256_setzero_si256();
    size_t at = 0;
    for (; at + turn <= count; at += turn) {
        __m256i x = _mm256_cvtepi8_epi16(_mm_loadu_si128((const __m128i *)(const void *)(a + at)));
        __m256i y = _mm256_cvtepi8_epi16(_mm_loadu_si128((const __m128i *)(const void *)(b + at)));
        sums = _mm256_add_epi32(sums, _mm256_madd_epi16(x, y));
    }
    __m128i both = _mm_add_epi32(_mm256_castsi256_si128(sums), _mm256_extracti128_si256(sums, 1));
    return vector_sum_16(both) + vector_dot_plain(a + at, b + at, count - at);
}

int32_t vector_dot(const int8_t *a, const int8_t *b, size_t count) {
    return __builtin_cpu_supports("avx2") ? vector_dot_avx2(a, b, count) : vector_dot_sse2(a, b, count);
}

#else

int32_t vector_dot(const int8_t *a, const int8_t *b, size_t count) {
    return vector_dot_plain(a, b, count); /* which compilers make wide by themselves */
}

#endif
