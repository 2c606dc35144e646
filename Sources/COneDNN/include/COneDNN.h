#pragma once
// oneDNN's matrix product behind prepared argument blocks, so that a step calls it like the project's own kernels.
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
};

// Prepares a call; scratch memory is the caller's: `scratch_bytes` says how much, and odnn_call_set_scratch gives it.
// `implementation` receives oneDNN's name of the code that it chose. Returns a dnnl_status_t.
int odnn_matmul_create(const struct odnn_context *context, const struct odnn_matmul *shape, const float *a, const float *b, const float *bias, float *out, struct odnn_call *call, int64_t *scratch_bytes, char implementation[64]);
int odnn_call_set_scratch(const struct odnn_context *context, struct odnn_call *call, void *scratch, int64_t bytes);
void odnn_call_destroy(struct odnn_call *call);

// A kernel: `arguments` is an odnn_call.
int odnn_execute(const void *arguments);

// libdnnl computes with OpenMP, and every new thread would see as many OpenMP threads as there are cores: one for this one.
void odnn_use_one_thread(void);

// The instruction set that oneDNN dispatches to, such as "AVX512_CORE_BF16".
const char *odnn_instruction_set(void);
