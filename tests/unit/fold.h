/* fold.h - what a test has seen, folded into one number: FNV-1a over it, 64 bits. */
#ifndef WEIR_TESTS_UNIT_FOLD_H
#define WEIR_TESTS_UNIT_FOLD_H

#include "base/str.h"

static inline void fold_number(uint64_t *fold, uint64_t value) { *fold = (*fold ^ value) * 0x100000001b3ull; }

/* Byte by byte: the same however they are cut. */
static inline void fold_bytes(uint64_t *fold, struct str bytes) {
    for (size_t i = 0; i < bytes.len; i++) fold_number(fold, (unsigned char)bytes.at[i]);
}

#endif
