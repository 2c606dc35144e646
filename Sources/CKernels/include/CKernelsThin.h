#pragma once
// Convolutions with 3×3 kernels between an image of 1 to 3 channels (the thin side) and one of a multiple of 16 channels
// (the wide side): the first and the last layer of an image network, on which libraries waste most of a vector.
#include <stdint.h>

// x [examples, height, width, channels], kernel [3, 3, channels, filters], y [examples, output_height, output_width,
// filters], strides of 1 or 2; `top` and `left` are 0 or 1 rows and columns of zeros before x, and as many follow as y
// needs, at most one. `scratch` holds ck_thin_convolution_scratch floats on a 64-byte boundary.
struct ck_thin_convolution_arguments {
  const float *a, *b;
  const float *bias;  // [filters] or null, and like the activation for the forward forms alone
  float *out, *scratch;
  int64_t examples, height, width, channels, filters;
  int64_t output_height, output_width, stride_height, stride_width, top, left;
  int32_t activation;
  float slope;
};
int64_t ck_thin_convolution_scratch(const struct ck_thin_convolution_arguments *arguments);

// 1 to 3 channels: (x, kernel) → activation(y + bias), (dy, kernel) → dx, (x, dy) → dkernel. An example's y and dx have
// the same bits whatever examples are beside it; dkernel is the sum of the examples' own gradients in their order.
int ck_thin_input_forward(const void *arguments);
int ck_thin_input_input_gradient(const void *arguments);
int ck_thin_input_kernel_gradient(const void *arguments);

// The same with 1 to 3 filters.
int ck_thin_output_forward(const void *arguments);
int ck_thin_output_input_gradient(const void *arguments);
int ck_thin_output_kernel_gradient(const void *arguments);
