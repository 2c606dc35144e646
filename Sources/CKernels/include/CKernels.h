#pragma once
// Own loops of the executor. Every kernel takes a prepared argument block and returns 0, so that a step is a list of
// (function, arguments) pairs. All elements are float32; strides are in elements; lengths are counts of elements.
#include <stddef.h>
#include <stdint.h>

// The highest instruction set level that the loops dispatch to here: "x86-64-v4", "x86-64-v3" or "baseline".
const char *ck_instruction_set(void);
// How many cores the calling thread may run on.
int ck_available_cores(void);
// A moment's rest in a loop that waits for another core.
static inline void ck_pause(void) {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#endif
}

enum { CK_MAXIMUM_RANK = 10 };

// out = f(a) or f(a, b), element by element over `dimensions`; a stride of 0 repeats.
enum ck_function {
  CK_IDENTITY, CK_NEGATE, CK_EXP, CK_LOG, CK_SQUARE_ROOT, CK_SQUARE, CK_ABSOLUTE, CK_TANH, CK_SIGMOID,
  CK_LEAKY_RELU,           // x > 0 ? x : p·x
  CK_CLAMP,                // into [p, q]
  CK_ADD, CK_SUBTRACT, CK_MULTIPLY, CK_DIVIDE, CK_MAXIMUM, CK_MINIMUM,
  CK_GREATER,              // a > b ? 1 : 0
  CK_TANH_GRADIENT,        // (dy, y) → dy·(1 − y²)
  CK_SIGMOID_GRADIENT,     // (dy, y) → dy·y·(1 − y)
  CK_LEAKY_RELU_GRADIENT,  // (dy, y) → y > 0 ? dy : p·dy
  CK_CLAMP_GRADIENT,       // (dy, x) → p ≤ x ≤ q ? dy : 0
};
struct ck_elementwise_arguments {
  int32_t function, rank;
  int64_t dimensions[CK_MAXIMUM_RANK];
  float *out;
  int64_t out_strides[CK_MAXIMUM_RANK];
  const float *a, *b;
  int64_t a_strides[CK_MAXIMUM_RANK], b_strides[CK_MAXIMUM_RANK];
  float p, q;
};
int ck_elementwise(const void *arguments);

// out[0 ..< count] = value
struct ck_fill_arguments { float *out; int64_t count; float value; };
int ck_fill(const void *arguments);

// out[kept] = Σ over the reduced axes of a[kept, reduced], each sum in the order of the reduced axes.
struct ck_sum_arguments {
  int32_t kept_rank, reduced_rank;
  int64_t kept[CK_MAXIMUM_RANK], out_strides[CK_MAXIMUM_RANK], kept_strides[CK_MAXIMUM_RANK];
  int64_t reduced[CK_MAXIMUM_RANK], reduced_strides[CK_MAXIMUM_RANK];
  float *out;
  const float *a;
};
int ck_sum(const void *arguments);

enum ck_activation { CK_NO_ACTIVATION, CK_ACTIVATE_TANH, CK_ACTIVATE_SIGMOID, CK_ACTIVATE_LEAKY_RELU };

// y[r][c] = activation(y[r][c] + bias[c]) in place; the bias may be null.
struct ck_bias_activation_arguments {
  float *y;
  const float *bias;
  int64_t rows, columns;
  int32_t activation;
  float slope;
};
int ck_bias_activation(const void *arguments);

// dx = dy·activation'(y), bias[g][c] = Σ over the rows of group g of dx; dx may be dy.
struct ck_activation_gradient_bias_arguments {
  const float *dy, *y;
  float *dx, *bias;
  int64_t groups, rows, columns;
  int32_t activation;
  float slope;
};
int ck_activation_gradient_bias(const void *arguments);

// Per group of `rows` rows: the mean and biased variance of each column, and
// y = activation(gamma·(x − mean)/√(variance + epsilon) + beta).
struct ck_batch_norm_arguments {
  const float *x, *gamma, *beta;
  float *y, *mean, *variance;
  int64_t groups, rows, columns;
  float epsilon;
  int32_t activation;
  float slope;
};
int ck_batch_norm(const void *arguments);

// The gradient of the above with respect to x, gamma and beta; dy is first multiplied by activation'(y) (y null: none).
struct ck_batch_norm_gradient_arguments {
  const float *dy, *x, *gamma, *mean, *variance, *y;
  float *dx, *dgamma, *dbeta;
  int64_t groups, rows, columns;
  float epsilon;
  int32_t activation;
  float slope;
};
int ck_batch_norm_gradient(const void *arguments);

// out[example][element]: Philox4x32-10 draws with counter (element / 4, first_example + example, *step, stream) and key
// seed; words 2i, 2i + 1 of a counter make the normals 2i, 2i + 1 by Box and Muller's method.
struct ck_random_arguments {
  float *out;
  const int64_t *step;
  uint64_t seed;
  uint32_t stream;
  int32_t normal;
  int64_t examples, first_example, elements;
};
int ck_random(const void *arguments);

// A fixed tree of additions over partial sums, as a stack machine: push partial i, then add the two topmost entries
// merges[i] times.
enum { CK_MAXIMUM_DEPTH = 12 };
struct ck_tree { const float *const *partials; const int32_t *merges; int64_t count; };

// out[i] = scale · tree(partials)[i]
struct ck_sum_tree_arguments { struct ck_tree tree; float *out; int64_t count; float scale; };
int ck_sum_tree(const void *arguments);

// Adam over `count` parameters with the gradient scale · tree(partials), which is stored in `stored` unless that is null.
// The step t is *step + 1. keras: p −= lr·√(1−β2ᵗ)/(1−β1ᵗ)·m/(√v+ε); otherwise p −= lr/(1−β1ᵗ)·m/(√v/√(1−β2ᵗ)+ε).
struct ck_adam_arguments {
  struct ck_tree tree;
  float *stored, *parameters, *first_moments, *second_moments;
  const int64_t *step;
  int64_t count;
  double learning_rate, beta1, beta2, epsilon;
  float scale;
  int32_t keras;
};
int ck_adam(const void *arguments);

// out[k][n] = the tree over `replicas` of Σ x[row][k]·y[row][n]. Replica r has, for each of `segments` passes, `rows` rows
// from pass·segment_rows + r·rows on. `scratch` holds ck_weight_gradient_scratch floats.
struct ck_weight_gradient_arguments {
  const float *x, *y;
  float *out, *scratch;
  const int32_t *merges;
  int64_t replicas, segments, segment_rows, rows, k, n;
};
int64_t ck_weight_gradient_scratch(int64_t replicas, int64_t segments, int64_t rows, int64_t k);
int ck_weight_gradient(const void *arguments);

// Products with a single column w [k]: out[row] = Σ x[row][k]·w[k]; out[row][k] = x[row]·w[k]; out[k] = Σ x[row][k]·w[row].
struct ck_column_product_arguments { const float *x, *w; float *out; int64_t rows, k; };
int ck_column_product(const void *arguments);
int ck_column_outer_product(const void *arguments);
int ck_column_weight_gradient(const void *arguments);
