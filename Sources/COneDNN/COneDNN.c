#define _GNU_SOURCE
#include "COneDNN.h"
#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

#define TRY(call) do { dnnl_status_t status_ = (call); if (status_ != dnnl_success) { status = status_; goto end; } } while (0)

int odnn_context_create(struct odnn_context *context) {
  dnnl_status_t status = dnnl_engine_create(&context->engine, dnnl_cpu, 0);
  if (status != dnnl_success) return status;
  return dnnl_stream_create(&context->stream, context->engine, dnnl_stream_default_flags);
}

void odnn_context_destroy(struct odnn_context *context) {
  dnnl_stream_destroy(context->stream);
  dnnl_engine_destroy(context->engine);
}

static dnnl_status_t add(const struct odnn_context *context, struct odnn_call *call, int argument, const dnnl_memory_desc_t *shape, const void *data) {
  dnnl_memory_t memory;
  dnnl_status_t status = dnnl_memory_create(&memory, shape, context->engine, (void *)data);
  if (status == dnnl_success) call->arguments[call->count++] = (dnnl_exec_arg_t){argument, memory};
  return status;
}

static dnnl_status_t matrix(dnnl_memory_desc_t *shape, int64_t rows, int64_t columns, int64_t row_stride, int64_t column_stride) {
  dnnl_dims_t dimensions = {rows, columns}, strides = {row_stride, column_stride};
  return dnnl_memory_desc_init_by_strides(shape, 2, dimensions, dnnl_f32, strides);
}

int odnn_matmul_create(const struct odnn_context *context, const struct odnn_matmul *shape, const float *a, const float *b, const float *bias, float *out, struct odnn_call *call, int64_t *scratch_bytes, char implementation[64]) {
  dnnl_status_t status = dnnl_success;
  dnnl_memory_desc_t as, bs, outs, biases;
  dnnl_matmul_desc_t product;
  dnnl_primitive_attr_t attributes = NULL;
  dnnl_post_ops_t after = NULL;
  dnnl_primitive_desc_t description = NULL;
  memset(call, 0, sizeof *call);
  call->stream = context->stream;
  TRY(matrix(&as, shape->m, shape->k, shape->a_strides[0], shape->a_strides[1]));
  TRY(matrix(&bs, shape->k, shape->n, shape->b_strides[0], shape->b_strides[1]));
  TRY(matrix(&outs, shape->m, shape->n, shape->n, 1));
  TRY(matrix(&biases, 1, shape->n, shape->n, 1));
  TRY(dnnl_matmul_desc_init(&product, &as, &bs, shape->has_bias ? &biases : NULL, &outs));
  TRY(dnnl_primitive_attr_create(&attributes));
  TRY(dnnl_primitive_attr_set_scratchpad_mode(attributes, dnnl_scratchpad_mode_user));
  TRY(dnnl_post_ops_create(&after));
  if (shape->activation == ODNN_TANH) TRY(dnnl_post_ops_append_eltwise(after, 1, dnnl_eltwise_tanh, 0, 0));
  if (shape->activation == ODNN_LEAKY_RELU) TRY(dnnl_post_ops_append_eltwise(after, 1, dnnl_eltwise_relu, shape->slope, 0));
  TRY(dnnl_primitive_attr_set_post_ops(attributes, after));
  TRY(dnnl_primitive_desc_create(&description, &product, attributes, context->engine, NULL));
  const char *name = "";
  TRY(dnnl_primitive_desc_query(description, dnnl_query_impl_info_str, 0, &name));
  snprintf(implementation, 64, "%s", name);
  TRY(dnnl_primitive_create(&call->primitive, description));
  TRY(add(context, call, DNNL_ARG_SRC, &as, a));
  TRY(add(context, call, DNNL_ARG_WEIGHTS, &bs, b));
  TRY(add(context, call, DNNL_ARG_DST, &outs, out));
  if (shape->has_bias) TRY(add(context, call, DNNL_ARG_BIAS, &biases, bias));
  const dnnl_memory_desc_t *scratch = dnnl_primitive_desc_query_md(description, dnnl_query_scratchpad_md, 0);
  *scratch_bytes = scratch ? (int64_t)dnnl_memory_desc_get_size(scratch) : 0;
end:
  if (description) dnnl_primitive_desc_destroy(description);
  if (after) dnnl_post_ops_destroy(after);
  if (attributes) dnnl_primitive_attr_destroy(attributes);
  return status;
}

// An image tensor [examples, height, width, channels] as oneDNN names it: NCHW dimensions, in NHWC order.
static dnnl_status_t images(dnnl_memory_desc_t *shape, int64_t examples, int64_t height, int64_t width, int64_t channels) {
  dnnl_dims_t dimensions = {examples, channels, height, width};
  return dnnl_memory_desc_init_by_tag(shape, 4, dimensions, dnnl_f32, dnnl_nhwc);
}

// A kernel [height, width, channels, filters] in plain order, or in any.
static dnnl_status_t kernel(dnnl_memory_desc_t *shape, const struct odnn_convolution *c, int plain) {
  dnnl_dims_t dimensions = {c->filters, c->channels, c->kernel_height, c->kernel_width};
  return dnnl_memory_desc_init_by_tag(shape, 4, dimensions, dnnl_f32, plain ? dnnl_hwio : dnnl_format_tag_any);
}

int odnn_convolution_create(const struct odnn_context *context, const struct odnn_convolution *c, const float *image, const float *result, const float *bias, struct odnn_call *call, int64_t *scratch_bytes, char implementation[64]) {
  dnnl_status_t status = dnnl_success;
  dnnl_memory_desc_t source, weights, biases, destination;
  dnnl_convolution_desc_t forward, backward;
  dnnl_primitive_attr_t attributes = NULL;
  dnnl_post_ops_t after = NULL;
  dnnl_primitive_desc_t hint = NULL, description = NULL;
  const dnnl_dims_t strides = {c->stride_height, c->stride_width}, low = {c->top, c->left}, high = {c->bottom, c->right};
  const int64_t out_height = (c->height + c->top + c->bottom - c->kernel_height) / c->stride_height + 1;
  const int64_t out_width = (c->width + c->left + c->right - c->kernel_width) / c->stride_width + 1;
  memset(call, 0, sizeof *call);
  call->stream = context->stream;
  TRY(images(&source, c->examples, c->height, c->width, c->channels));
  TRY(images(&destination, c->examples, out_height, out_width, c->filters));
  TRY(kernel(&weights, c, 0));
  dnnl_dims_t filters = {c->filters};
  TRY(dnnl_memory_desc_init_by_tag(&biases, 1, filters, dnnl_f32, dnnl_a));
  TRY(dnnl_primitive_attr_create(&attributes));
  TRY(dnnl_primitive_attr_set_scratchpad_mode(attributes, dnnl_scratchpad_mode_user));
  if (c->form == ODNN_FORWARD) {
    TRY(dnnl_post_ops_create(&after));
    if (c->activation == ODNN_TANH) TRY(dnnl_post_ops_append_eltwise(after, 1, dnnl_eltwise_tanh, 0, 0));
    if (c->activation == ODNN_LEAKY_RELU) TRY(dnnl_post_ops_append_eltwise(after, 1, dnnl_eltwise_relu, c->slope, 0));
    TRY(dnnl_primitive_attr_set_post_ops(attributes, after));
  }
  TRY(dnnl_convolution_forward_desc_init(&forward, dnnl_forward_training, dnnl_convolution_direct, &source, &weights, c->has_bias ? &biases : NULL, &destination, strides, low, high));
  if (c->form == ODNN_FORWARD) {
    TRY(dnnl_primitive_desc_create(&description, &forward, attributes, context->engine, NULL));
  } else {
    TRY(dnnl_primitive_desc_create(&hint, &forward, NULL, context->engine, NULL));
    if (c->form == ODNN_INPUT_GRADIENT) TRY(dnnl_convolution_backward_data_desc_init(&backward, dnnl_convolution_direct, &source, &weights, &destination, strides, low, high));
    else TRY(dnnl_convolution_backward_weights_desc_init(&backward, dnnl_convolution_direct, &source, &weights, NULL, &destination, strides, low, high));
    TRY(dnnl_primitive_desc_create(&description, &backward, attributes, context->engine, hint));
  }
  const char *name = "";
  TRY(dnnl_primitive_desc_query(description, dnnl_query_impl_info_str, 0, &name));
  snprintf(implementation, 64, "%s", name);
  TRY(dnnl_primitive_create(&call->primitive, description));
  call->kernel = *dnnl_primitive_desc_query_md(description, c->form == ODNN_KERNEL_GRADIENT ? dnnl_query_diff_weights_md : dnnl_query_weights_md, 0);
  call->kernel_argument = c->form == ODNN_KERNEL_GRADIENT ? DNNL_ARG_DIFF_WEIGHTS : DNNL_ARG_WEIGHTS;
  TRY(add(context, call, c->form == ODNN_INPUT_GRADIENT ? DNNL_ARG_DIFF_SRC : DNNL_ARG_SRC, &source, image));
  TRY(add(context, call, c->form == ODNN_FORWARD ? DNNL_ARG_DST : DNNL_ARG_DIFF_DST, &destination, result));
  if (c->has_bias) TRY(add(context, call, DNNL_ARG_BIAS, &biases, bias));
  const dnnl_memory_desc_t *scratch = dnnl_primitive_desc_query_md(description, dnnl_query_scratchpad_md, 0);
  *scratch_bytes = scratch ? (int64_t)dnnl_memory_desc_get_size(scratch) : 0;
end:
  if (description) dnnl_primitive_desc_destroy(description);
  if (hint) dnnl_primitive_desc_destroy(hint);
  if (after) dnnl_post_ops_destroy(after);
  if (attributes) dnnl_primitive_attr_destroy(attributes);
  return status;
}

int64_t odnn_call_kernel_bytes(const struct odnn_call *call) { return (int64_t)dnnl_memory_desc_get_size(&call->kernel); }

int odnn_call_kernel_blocks(const struct odnn_call *call, int64_t strides[4]) {
  const dnnl_memory_desc_t *kernel = &call->kernel;
  const dnnl_blocking_desc_t *blocks = &kernel->format_desc.blocking;
  const int blocked = kernel->format_kind == dnnl_blocked && blocks->inner_nblks == 2
    && blocks->inner_blks[0] == ODNN_BLOCK && blocks->inner_blks[1] == ODNN_BLOCK
    && blocks->inner_idxs[0] == 1 && blocks->inner_idxs[1] == 0
    && kernel->dims[0] == kernel->padded_dims[0] && kernel->dims[1] == kernel->padded_dims[1];
  if (!blocked) return 0;
  const int axes[4] = {2, 3, 1, 0};  // height, width, channels, filters, of oneDNN's OIHW
  for (int i = 0; i < 4; i++) strides[i] = blocks->strides[axes[i]];
  return 1;
}

int odnn_call_set_kernel(const struct odnn_context *context, struct odnn_call *call, void *kernel) {
  return add(context, call, call->kernel_argument, &call->kernel, kernel);
}

int odnn_kernel_reorder_create(const struct odnn_context *context, const struct odnn_convolution *c, const struct odnn_call *convolution, const void *source, void *target, int unpacks, struct odnn_call *call, int64_t *scratch_bytes, char implementation[64]) {
  dnnl_status_t status = dnnl_success;
  dnnl_memory_desc_t plain;
  dnnl_primitive_attr_t attributes = NULL;
  dnnl_primitive_desc_t description = NULL;
  memset(call, 0, sizeof *call);
  call->stream = context->stream;
  TRY(kernel(&plain, c, 1));
  const dnnl_memory_desc_t *from = unpacks ? &convolution->kernel : &plain, *to = unpacks ? &plain : &convolution->kernel;
  TRY(dnnl_primitive_attr_create(&attributes));
  TRY(dnnl_primitive_attr_set_scratchpad_mode(attributes, dnnl_scratchpad_mode_user));
  TRY(dnnl_reorder_primitive_desc_create(&description, from, context->engine, to, context->engine, attributes));
  const char *name = "";
  TRY(dnnl_primitive_desc_query(description, dnnl_query_impl_info_str, 0, &name));
  snprintf(implementation, 64, "%s", name);
  TRY(dnnl_primitive_create(&call->primitive, description));
  TRY(add(context, call, DNNL_ARG_FROM, from, source));
  TRY(add(context, call, DNNL_ARG_TO, to, target));
  const dnnl_memory_desc_t *scratch = dnnl_primitive_desc_query_md(description, dnnl_query_scratchpad_md, 0);
  *scratch_bytes = scratch ? (int64_t)dnnl_memory_desc_get_size(scratch) : 0;
end:
  if (description) dnnl_primitive_desc_destroy(description);
  if (attributes) dnnl_primitive_attr_destroy(attributes);
  return status;
}

int odnn_call_set_scratch(const struct odnn_context *context, struct odnn_call *call, void *scratch, int64_t bytes) {
  dnnl_memory_desc_t shape;
  dnnl_dims_t dimensions = {bytes};
  dnnl_status_t status = dnnl_memory_desc_init_by_tag(&shape, 1, dimensions, dnnl_u8, dnnl_a);
  return status == dnnl_success ? add(context, call, DNNL_ARG_SCRATCHPAD, &shape, scratch) : status;
}

void odnn_call_destroy(struct odnn_call *call) {
  for (int i = 0; i < call->count; i++) dnnl_memory_destroy(call->arguments[i].memory);
  if (call->primitive) dnnl_primitive_destroy(call->primitive);
}

int odnn_execute(const void *arguments) {
  const struct odnn_call *call = arguments;
  return dnnl_primitive_execute(call->primitive, call->stream, call->count, call->arguments);
}

void odnn_use_threads(int count) {
  void (*set_threads)(int) = (void (*)(int))dlsym(RTLD_DEFAULT, "omp_set_num_threads");
  if (set_threads) set_threads(count);
}

const char *odnn_instruction_set(void) {
  switch (dnnl_get_effective_cpu_isa()) {
    case dnnl_cpu_isa_sse41: return "SSE4.1";
    case dnnl_cpu_isa_avx: return "AVX";
    case dnnl_cpu_isa_avx2: return "AVX2";
    case dnnl_cpu_isa_avx2_vnni: return "AVX2_VNNI";
    case dnnl_cpu_isa_avx512_core: return "AVX512_CORE";
    case dnnl_cpu_isa_avx512_core_vnni: return "AVX512_CORE_VNNI";
    case dnnl_cpu_isa_avx512_core_bf16: return "AVX512_CORE_BF16";
    case dnnl_cpu_isa_avx512_core_amx: return "AVX512_CORE_AMX";
    default: return "unknown";
  }
}
