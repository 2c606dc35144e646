#pragma once
#include "loops.h"

// Sixteen floats and the integers that select among them; narrower machines take several registers for each.
enum { LANES = 16 };
typedef float lanes __attribute__((ext_vector_type(LANES)));
typedef int32_t flags __attribute__((ext_vector_type(LANES)));
typedef uint32_t fields __attribute__((ext_vector_type(LANES)));
typedef float loose_lanes __attribute__((ext_vector_type(LANES), aligned(4)));

// `count` floats, at most LANES, and zeros beyond them.
INLINE void load_lanes(lanes *v, const float *p, int64_t count) {
  if (count == LANES) { *v = *(const loose_lanes *)p; return; }
  *v = 0;
  memcpy(v, p, (size_t)count * sizeof(float));
}

INLINE void store_lanes(float *p, const lanes *v, int64_t count) {
  if (count == LANES) *(loose_lanes *)p = *v;
  else memcpy(p, v, (size_t)count * sizeof(float));
}

INLINE void activate_lanes(lanes *v, int activation, float slope) {
  if (activation == CK_NO_ACTIVATION) return;
  if (activation == CK_ACTIVATE_LEAKY_RELU) { *v = *v > 0 ? *v : slope * *v; return; }
  float each[LANES];
  memcpy(each, v, sizeof each);
  VECTORIZE for (int i = 0; i < LANES; i++) each[i] = activated(each[i], activation, slope);
  memcpy(v, each, sizeof each);
}

// d = d·activation', told from the activation's output y.
INLINE void activation_gradient_lanes(lanes *d, const lanes *y, int activation, float slope) {
  switch (activation) {
    case CK_ACTIVATE_TANH: *d *= 1 - *y * *y; break;
    case CK_ACTIVATE_SIGMOID: *d *= *y * (1 - *y); break;
    case CK_ACTIVATE_LEAKY_RELU: *d = *y > 0 ? *d : slope * *d; break;
    default: break;
  }
}
