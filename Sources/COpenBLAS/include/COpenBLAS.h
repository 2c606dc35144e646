#pragma once
// OpenBLAS' matrix product behind a prepared argument block, so that a step calls it like the project's own kernels.
#include <cblas.h>
#include <stdint.h>

// out [m, n] = op(a) · op(b), or that added to out, all row-major; op transposes where asked.
struct oblas_product {
  int transposes_a, transposes_b;
  int32_t m, n, k, a_stride, b_stride;
  int accumulates;
  const float *a, *b;
  float *out;
};

// A kernel: `arguments` is an oblas_product.
int oblas_multiply(const void *arguments);

void oblas_use_one_thread(void);
// The core that OpenBLAS runs its code for, such as "ZEN" or "SKYLAKEX".
const char *oblas_core(void);
// OpenBLAS' version and build options.
const char *oblas_configuration(void);
