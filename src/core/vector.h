/* vector.h - embeddings in a byte a dimension, and how alike two are. A vector is brought to length 1, so that its
 * length says nothing, and each of its numbers to the nearest of 255 steps between its largest and the same below 0;
 * what one step is worth stands beside it. Of two unlike vectors of a thousand dimensions the cosine is right to about
 * a thousandth. Pure. */
#ifndef WEIR_CORE_VECTOR_H
#define WEIR_CORE_VECTOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { vector_dimensions_max = 8192 };

/* `count` numbers into as many bytes; *step: what one of them is worth. false: there are none, more than
 * vector_dimensions_max, or no direction in them (all 0, or one that is no number). */
bool vector_pack(const double *numbers, size_t count, int8_t *bytes, float *step);
/* The sum of their products, exact. By the widest means that this processor has, and plainly: the same. */
int32_t vector_dot(const int8_t *a, const int8_t *b, size_t count);
int32_t vector_dot_plain(const int8_t *a, const int8_t *b, size_t count);

#endif
