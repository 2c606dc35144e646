#pragma once
// Own loops of the executor. Every kernel takes a prepared argument block and returns 0, so that a step is a list of
// (function, arguments) pairs. All elements are float32; strides are in elements; lengths are counts of elements.
#include <stddef.h>
#include <stdint.h>

// The highest instruction set level that the loops dispatch to here: "x86-64-v4", "x86-64-v3" or "baseline".
const char *ck_instruction_set(void);
// How many cores the calling thread may run on.
int ck_available_cores(void);
// Which they are: bit i of the mask is core i. Cores beyond the mask's length are left out.
enum { CK_CORE_MASK_LENGTH = 32 };
void ck_core_mask(int32_t mask[CK_CORE_MASK_LENGTH]);
// A moment's rest in a loop that waits for another core.
static inline void ck_pause(void) {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#endif
}

// The bytes that processes could still share, as far as /dev/shm says.
int64_t ck_available_shared_memory(void);
// Takes all pages of some memory now: 0 where there are not enough, which would otherwise end the program at first use.
int ck_reserve(void *memory, int64_t bytes);

// Sleeps while *word == value, until it is woken, or for `nanoseconds`. The word may lie in memory that processes share.
void ck_sleep_while(const uint32_t *word, uint32_t value, int64_t nanoseconds);
void ck_wake_all(const uint32_t *word);

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

// Who decides what is dropped in a segment of `examples` examples: each draws from the stream as example first_example + i.
struct ck_dropout_segment { uint32_t stream, first_example; };

// Element e of an example has the field of `bits` bits (2 or 16) from bit e·bits on of the example's words: word j is
// word j mod 4 of Philox4x32-10 with counter (j / 4, example, *step, stream) and key seed. The element is 0 where its field
// is less than `threshold`, and multiplied by `keep` elsewhere. e is flat over positions and channels, or the channel.
struct ck_dropout {
  const struct ck_dropout_segment *segments;
  const int64_t *step;
  uint64_t seed;
  int64_t examples;
  uint32_t threshold;
  float keep;
  int32_t bits, per_channel;
};
// Words that a buffer of drawn words has beyond those that are drawn.
enum { CK_DROPOUT_SLACK = 16 };

// y[segment][example][position][channel] = dropout(x); y may be x.
struct ck_dropout_arguments {
  const float *x;
  float *y;
  struct ck_dropout dropout;
  int64_t segments, positions, channels;
};
int ck_dropout(const void *arguments);

// Per group of `rows` rows: the mean and biased variance of each column, and
// y = dropout(activation(gamma·(x − mean)/√(variance + epsilon) + beta)); y may be x.
//
// Group g is segment g of the dropout, a row is a position of an example. `words` holds the words of a group, in whole
// words an example; it is null where nothing is dropped.
struct ck_batch_norm_arguments {
  const float *x, *gamma, *beta;
  float *y, *mean, *variance;
  int64_t groups, rows, columns;
  float epsilon;
  int32_t activation;
  float slope;
  struct ck_dropout dropout;
  uint32_t *words;
};
int ck_batch_norm(const void *arguments);

// The gradient of the above with respect to x, gamma and beta, from what it was given: the activation's argument and the
// draws are computed again. bias[c] = Σ over all groups and rows of dx; bias may be null, beta where there is no activation,
// and dx may be dy or x.
struct ck_batch_norm_gradient_arguments {
  const float *dy, *x, *gamma, *beta, *mean, *variance;
  float *dx, *dgamma, *dbeta, *bias;
  int64_t groups, rows, columns;
  float epsilon;
  int32_t activation;
  float slope;
  struct ck_dropout dropout;
  uint32_t *words;
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

// out[i] = scale · tree(partials)[i]; out may be one of the partials.
struct ck_sum_tree_arguments { struct ck_tree tree; float *out; int64_t count; float scale; };
int ck_sum_tree(const void *arguments);

// *counter += amount, once what was written before can be seen: what a step says of how far it has come.
struct ck_count_up_arguments { int64_t *counter, amount; };
int ck_count_up(const void *arguments);

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

// Where an output row or column of a resize comes from: (1 − weight)·first + weight·second.
struct ck_tap { int32_t first, second; float weight; };

// y[image][i][j][c] of `images` images of out_height × out_width from x of in_height × in_width, by the taps of each output
// row and column; the gradient is the transpose, from y to x. Where `copies`, every second tap has the weight 0.
struct ck_resize_arguments {
  const float *a;
  float *out;
  const struct ck_tap *rows, *columns;
  int64_t images, in_height, in_width, out_height, out_width, channels;
  int32_t copies;
};
int ck_resize(const void *arguments);
int ck_resize_gradient(const void *arguments);

// The means of the windows of an image [in_height, in_width, channels], and the transpose of that.
struct ck_average_pool_arguments {
  const float *a;
  float *out;
  int64_t images, in_height, in_width, out_height, out_width, channels;
  int64_t window_height, window_width, stride_height, stride_width;
};
int ck_average_pool(const void *arguments);
int ck_average_pool_gradient(const void *arguments);

// out [4][4][o][i] from a [3][3][i][o]: along each axis, taps (a2, a1 + a2, a0 + a1, a0); the gradient is the transpose.
// a may lie in blocks of 16: `strides` are its distances between taps along the height and the width, between blocks of
// rows, rows, and blocks of columns.
struct ck_upscaled_kernel_arguments { const float *a; float *out; int64_t i, o, strides[5]; };
int ck_upscaled_kernel(const void *arguments);
int ck_upscaled_kernel_gradient(const void *arguments);

// The patches of `lines` output lines from `first_line` on (of all examples', one after another):
// patches[line][j][u][v][c] = image[example][i·stride_height + u − top][j·stride_width + v − left][c], 0 outside.
struct ck_patches_arguments {
  float *image, *patches;
  int64_t height, width, channels, kernel_height, kernel_width, stride_height, stride_width, top, left;
  int64_t out_height, out_width, first_line, lines;
};
int ck_gather_patches(const void *arguments);
// image += patches, where they come from.
int ck_scatter_patches(const void *arguments);

// The position of the first of `count` floats that is infinite or no number; `count` where all are finite.
int64_t ck_first_non_finite(const float *a, int64_t count);

#include "CKernelsThin.h"
