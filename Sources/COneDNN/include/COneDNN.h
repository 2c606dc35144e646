#pragma once
// oneDNN's matrix product and convolution behind prepared argument blocks, so that a step calls it like the project's own kernels.
#include <dnnl.h>
#include <stdint.h>

enum odnn_activation { ODNN_NONE, ODNN_TANH, ODNN_LEAKY_RELU };

// out [m, n] = a [m, k] · b [k, n] (+ bias [n]), then an activation; a and b may lie in either order.
struct odnn_matmul {
  int64_t m, n, k;
  int64_t a_strides[2], b_strides[2];
  int has_bias, activation;
  float slope;
};

// A convolution of images [examples, height, width, channels] with a kernel [kernel height, kernel width, channels,
// filters]: (image, kernel) → result (+ bias, activation), (result, kernel) → image or (image, result) → kernel.
enum odnn_form { ODNN_FORWARD, ODNN_INPUT_GRADIENT, ODNN_KERNEL_GRADIENT };
struct odnn_convolution {
  int64_t examples, height, width, channels, kernel_height, kernel_width, filters;
  int64_t stride_height, stride_width, top, left, bottom, right;
  int form, has_bias, activation;
  float slope;
};

// Engine and stream of one thread.
struct odnn_context { dnnl_engine_t engine; dnnl_stream_t stream; };
int odnn_context_create(struct odnn_context *context);
void odnn_context_destroy(struct odnn_context *context);

enum { ODNN_MAXIMUM_ARGUMENTS = 5 };
struct odnn_call {
  dnnl_primitive_t primitive;
  dnnl_stream_t stream;
  int count;
  dnnl_exec_arg_t arguments[ODNN_MAXIMUM_ARGUMENTS];
  // Of a convolution: the order in which it wants its kernel, which is given by odnn_call_set_kernel.
  dnnl_memory_desc_t kernel;
  int kernel_argument;
};

// Prepares a call; scratch memory is the caller's: `scratch_bytes` says how much, and odnn_call_set_scratch gives it.
// `implementation` receives oneDNN's name of the code that it chose. Returns a dnnl_status_t.
int odnn_matmul_create(const struct odnn_context *context, const struct odnn_matmul *shape, const float *a, const float *b, const float *bias, float *out, struct odnn_call *call, int64_t *scratch_bytes, char implementation[64]);
int odnn_call_set_scratch(const struct odnn_context *context, struct odnn_call *call, void *scratch, int64_t bytes);

// The same for a convolution; its kernel lies in an order of oneDNN's own, of odnn_call_kernel_bytes. The reorder copies
// a kernel from its plain order to that of `convolution`, or back.
int odnn_convolution_create(const struct odnn_context *context, const struct odnn_convolution *shape, const float *image, const float *result, const float *bias, struct odnn_call *call, int64_t *scratch_bytes, char implementation[64]);
int64_t odnn_call_kernel_bytes(const struct odnn_call *call);
// Whether the kernel lies in blocks of ODNN_BLOCK channels by ODNN_BLOCK filters, in which a channel's filters are
// neighbours; then, the distances between neighbours along its height and width, and between blocks of channels and of
// filters.
enum { ODNN_BLOCK = 16 };
int odnn_call_kernel_blocks(const struct odnn_call *call, int64_t strides[4]);
int odnn_call_set_kernel(const struct odnn_context *context, struct odnn_call *call, void *kernel);
int odnn_kernel_reorder_create(const struct odnn_context *context, const struct odnn_convolution *shape, const struct odnn_call *convolution, const void *source, void *target, int unpacks, struct odnn_call *call, int64_t *scratch_bytes, char implementation[64]);

void odnn_call_destroy(struct odnn_call *call);

// A kernel: `arguments` is an odnn_call.
int odnn_execute(const void *arguments);

// libdnnl computes with OpenMP, and every new thread would see as many OpenMP threads as there are cores. From now on,
// what this thread prepares uses so many, and so does what it runs.
void odnn_use_threads(int count);

// The instruction set that oneDNN dispatches to, such as "AVX512_CORE_BF16".
const char *odnn_instruction_set(void);
