#pragma once
#include "CKernels.h"
#include <math.h>
#include <string.h>

// Loops are compiled for several instruction set levels, chosen at run time; but not with ThreadSanitizer, which would watch the
// choice before it is set up.
#if defined(__x86_64__) && defined(__linux__) && !__has_feature(thread_sanitizer)
#define CLONES __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define CLONES
#endif
#define INLINE static inline __attribute__((always_inline))
#define VECTORIZE _Pragma("clang loop vectorize(assume_safety) interleave(enable)")
#pragma clang fp contract(fast)

INLINE float bits_to_float(uint32_t u) { float f; memcpy(&f, &u, 4); return f; }
INLINE uint32_t float_to_bits(float f) { uint32_t u; memcpy(&u, &f, 4); return u; }

// e^x: x = n·ln 2 + r, a polynomial in r (Cephes), scaled by 2^n in two factors so that both ends of the range are right.
INLINE float exp_of(float x) {
  const float low = -104.0f, high = 89.0f;
  float c = x < low ? low : x;
  c = c > high ? high : c;
  const float magic = 12582912.0f;  // 1.5·2^23 rounds to an integer
  float n = (c * 1.44269504088896341f + magic) - magic;
  float r = c - n * 0.693359375f;
  r = r + n * 2.12194440e-4f;
  float p = 1.9875691500e-4f;
  p = p * r + 1.3981999507e-3f;
  p = p * r + 8.3334519073e-3f;
  p = p * r + 4.1665795894e-2f;
  p = p * r + 1.6666665459e-1f;
  p = p * r + 5.0000001201e-1f;
  p = p * (r * r) + r + 1.0f;
  int32_t i = (int32_t)(n == n ? n : 0.0f), half = i >> 1;
  return p * bits_to_float((uint32_t)(half + 127) << 23) * bits_to_float((uint32_t)(i - half + 127) << 23);
}

// log x (Cephes); −∞ at 0, NaN below.
INLINE float log_of(float x) {
  float scaled = x < 1.17549435e-38f ? x * 8388608.0f : x;
  uint32_t u = float_to_bits(scaled);
  int32_t e = (int32_t)(u >> 23) - 126;
  float m = bits_to_float((u & 0x007fffffu) | 0x3f000000u);
  int32_t small = m < 0.70710678118654752f;
  e = e - small;
  m = small ? m + m - 1.0f : m - 1.0f;
  float n = (float)e - (x < 1.17549435e-38f ? 23.0f : 0.0f);
  float z = m * m, p = 7.0376836292e-2f;
  p = p * m - 1.1514610310e-1f;
  p = p * m + 1.1676998740e-1f;
  p = p * m - 1.2420140846e-1f;
  p = p * m + 1.4249322787e-1f;
  p = p * m - 1.6668057665e-1f;
  p = p * m + 2.0000714765e-1f;
  p = p * m - 2.4999993993e-1f;
  p = p * m + 3.3333331174e-1f;
  float y = m * z * p + n * -2.12194440e-4f - 0.5f * z;
  y = m + y + n * 0.693359375f;
  y = x == INFINITY ? INFINITY : y;
  y = x == 0.0f ? -INFINITY : y;
  return x < 0.0f || x != x ? NAN : y;
}

INLINE float tanh_of(float x) {
  float a = __builtin_fabsf(x), z = x * x;
  float p = -5.70498872745e-3f;
  p = p * z + 2.06390887954e-2f;
  p = p * z - 5.37397155531e-2f;
  p = p * z + 1.33314422036e-1f;
  p = p * z - 3.33332819422e-1f;
  float near = p * z * x + x;
  float far = 1.0f - 2.0f / (exp_of(a + a) + 1.0f);
  far = x < 0 ? -far : far;
  return a < 0.625f ? near : far;
}

INLINE float sigmoid_of(float x) { return 1.0f / (1.0f + exp_of(-x)); }

INLINE float activated(float x, int activation, float slope) {
  switch (activation) {
    case CK_ACTIVATE_TANH: return tanh_of(x);
    case CK_ACTIVATE_SIGMOID: return sigmoid_of(x);
    case CK_ACTIVATE_LEAKY_RELU: return x > 0 ? x : slope * x;
    default: return x;
  }
}

INLINE float activation_gradient(float dy, float y, int activation, float slope) {
  switch (activation) {
    case CK_ACTIVATE_TANH: return dy * (1 - y * y);
    case CK_ACTIVATE_SIGMOID: return dy * (y * (1 - y));
    case CK_ACTIVATE_LEAKY_RELU: return y > 0 ? dy : slope * dy;
    default: return dy;
  }
}

// Runs BODY, a loop over a constant `activation`, for each activation, so that the choice is outside of the loop.
#define FOR_ACTIVATION(value, BODY)                                                     \
  switch (value) {                                                                      \
    case CK_ACTIVATE_TANH: { enum { activation = CK_ACTIVATE_TANH }; BODY; break; }     \
    case CK_ACTIVATE_SIGMOID: { enum { activation = CK_ACTIVATE_SIGMOID }; BODY; break; } \
    case CK_ACTIVATE_LEAKY_RELU: { enum { activation = CK_ACTIVATE_LEAKY_RELU }; BODY; break; } \
    default: { enum { activation = CK_NO_ACTIVATION }; BODY; break; }                   \
  }
