#include "COpenBLAS.h"

int oblas_multiply(const void *arguments) {
  const struct oblas_product *c = arguments;
  cblas_sgemm(CblasRowMajor, c->transposes_a ? CblasTrans : CblasNoTrans, c->transposes_b ? CblasTrans : CblasNoTrans, c->m, c->n, c->k, 1, c->a, c->a_stride, c->b, c->b_stride, c->accumulates ? 1 : 0, c->out, c->n);
  return 0;
}

void oblas_use_one_thread(void) { openblas_set_num_threads(1); }
const char *oblas_core(void) { return openblas_get_corename(); }
const char *oblas_configuration(void) { return openblas_get_config(); }
