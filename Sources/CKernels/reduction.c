#include "loops.h"

enum { BLOCK = 512 };  // floats of a block of the sweeps: the stack of one tree stays in the first-level cache

// Whether the tree over `count` partial sums, a power of two, is the balanced one.
INLINE int is_balanced(const struct ck_tree *tree, int64_t count) {
  if (tree->count != count) return 0;
  for (int64_t i = 0; i < count; i++) if (tree->merges[i] != __builtin_ctzll((uint64_t)i + 1)) return 0;
  return 1;
}

// out = scale · tree over [at, at + n); the usual trees stay in registers.
INLINE void tree_block(const struct ck_tree *tree, int64_t at, int64_t n, float scale, float *out) {
  const float *const *p = tree->partials;
  if (is_balanced(tree, 1)) { VECTORIZE for (int64_t i = 0; i < n; i++) out[i] = scale * p[0][at + i]; return; }
  if (is_balanced(tree, 2)) { VECTORIZE for (int64_t i = 0; i < n; i++) out[i] = scale * (p[0][at + i] + p[1][at + i]); return; }
  if (is_balanced(tree, 4)) {
    const float *a = p[0] + at, *b = p[1] + at, *c = p[2] + at, *d = p[3] + at;
    VECTORIZE for (int64_t i = 0; i < n; i++) out[i] = scale * ((a[i] + b[i]) + (c[i] + d[i]));
    return;
  }
  if (is_balanced(tree, 8)) {
    const float *a = p[0] + at, *b = p[1] + at, *c = p[2] + at, *d = p[3] + at, *e = p[4] + at, *f = p[5] + at, *g = p[6] + at, *h = p[7] + at;
    VECTORIZE for (int64_t i = 0; i < n; i++) out[i] = scale * (((a[i] + b[i]) + (c[i] + d[i])) + ((e[i] + f[i]) + (g[i] + h[i])));
    return;
  }
  float stack[CK_MAXIMUM_DEPTH][BLOCK];
  int depth = 0;
  for (int64_t j = 0; j < tree->count; j++) {
    memcpy(stack[depth++], p[j] + at, (size_t)n * sizeof(float));
    for (int32_t merge = 0; merge < tree->merges[j]; merge++) {
      depth--;
      float *restrict left = stack[depth - 1], *restrict right = stack[depth];
      VECTORIZE for (int64_t i = 0; i < n; i++) left[i] += right[i];
    }
  }
  VECTORIZE for (int64_t i = 0; i < n; i++) out[i] = scale * stack[0][i];
}

CLONES static void sum_tree(const struct ck_sum_tree_arguments *c) {
  for (int64_t at = 0; at < c->count; at += BLOCK) {
    int64_t n = c->count - at < BLOCK ? c->count - at : BLOCK;
    tree_block(&c->tree, at, n, c->scale, c->out + at);
  }
}
int ck_sum_tree(const void *arguments) { sum_tree(arguments); return 0; }

CLONES static void adam(const struct ck_adam_arguments *c, float a, float root) {
  const float beta1 = (float)c->beta1, beta2 = (float)c->beta2, rest1 = (float)(1 - c->beta1), rest2 = (float)(1 - c->beta2);
  const float epsilon = (float)c->epsilon;
  float gradient[BLOCK];
  for (int64_t at = 0; at < c->count; at += BLOCK) {
    int64_t n = c->count - at < BLOCK ? c->count - at : BLOCK;
    float *restrict p = c->parameters + at, *restrict m = c->first_moments + at, *restrict v = c->second_moments + at;
    tree_block(&c->tree, at, n, c->scale, gradient);
    if (c->stored) memcpy(c->stored + at, gradient, (size_t)n * sizeof(float));
    VECTORIZE for (int64_t i = 0; i < n; i++) {
      float g = gradient[i], mi = beta1 * m[i] + rest1 * g, vi = beta2 * v[i] + rest2 * (g * g);
      m[i] = mi;
      v[i] = vi;
      p[i] -= a * mi / (root * __builtin_elementwise_sqrt(vi) + epsilon);
    }
  }
}
int ck_adam(const void *arguments) {
  const struct ck_adam_arguments *c = arguments;
  double t = (double)(*c->step + 1), correction1 = 1 - pow(c->beta1, t), correction2 = sqrt(1 - pow(c->beta2, t));
  if (c->keras) adam(c, (float)(c->learning_rate * correction2 / correction1), 1);
  else adam(c, (float)(c->learning_rate / correction1), (float)(1 / correction2));
  return 0;
}
