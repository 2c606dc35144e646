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

void odnn_use_one_thread(void) {
  void (*set_threads)(int) = (void (*)(int))dlsym(RTLD_DEFAULT, "omp_set_num_threads");
  if (set_threads) set_threads(1);
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
