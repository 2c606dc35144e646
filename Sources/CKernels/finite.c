#include "loops.h"

enum { BLOCK = 2048 };  // floats of a block that is looked through as a whole

static const int32_t INFINITE = 0x7f800000;  // the magnitudes from here on are infinities and NaNs

INLINE int32_t magnitude_bits(float x) { return (int32_t)(float_to_bits(x) & 0x7fffffffu); }

CLONES static int64_t first_non_finite(const float *a, int64_t count) {
  for (int64_t at = 0; at < count; at += BLOCK) {
    int64_t n = count - at < BLOCK ? count - at : BLOCK;
    int32_t largest = 0;
    VECTORIZE for (int64_t i = 0; i < n; i++) {
      int32_t m = magnitude_bits(a[at + i]);
      largest = m > largest ? m : largest;
    }
    if (largest < INFINITE) continue;
    for (int64_t i = at; i < at + n; i++) if (magnitude_bits(a[i]) >= INFINITE) return i;
  }
  return count;
}
int64_t ck_first_non_finite(const float *a, int64_t count) { return first_non_finite(a, count); }
