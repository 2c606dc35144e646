#include "loops.h"

// One row of n elements, with the usual strides as cases of their own.
#define UNARY(F)                                                                          \
  if (so == 1 && sa == 1) { VECTORIZE for (int64_t i = 0; i < n; i++) { float x = a[i]; out[i] = (F); } } \
  else for (int64_t i = 0; i < n; i++) { float x = a[i * sa]; out[i * so] = (F); }        \
  break
#define BINARY(F)                                                                         \
  if (so == 1 && sa == 1 && sb == 1) { VECTORIZE for (int64_t i = 0; i < n; i++) { float x = a[i], y = b[i]; out[i] = (F); } } \
  else if (so == 1 && sa == 1 && sb == 0) { float y = *b; VECTORIZE for (int64_t i = 0; i < n; i++) { float x = a[i]; out[i] = (F); } } \
  else if (so == 1 && sa == 0 && sb == 1) { float x = *a; VECTORIZE for (int64_t i = 0; i < n; i++) { float y = b[i]; out[i] = (F); } } \
  else for (int64_t i = 0; i < n; i++) { float x = a[i * sa], y = b[i * sb]; out[i * so] = (F); } \
  break

CLONES static void row(int function, int64_t n, float *out, int64_t so, const float *a, int64_t sa, const float *b, int64_t sb, float p, float q) {
  switch (function) {
    case CK_IDENTITY: if (so == 1 && sa == 1) { memcpy(out, a, (size_t)n * sizeof(float)); break; } UNARY(x);
    case CK_NEGATE: UNARY(-x);
    case CK_EXP: UNARY(exp_of(x));
    case CK_LOG: UNARY(log_of(x));
    case CK_SQUARE_ROOT: UNARY(__builtin_elementwise_sqrt(x));
    case CK_SQUARE: UNARY(x * x);
    case CK_ABSOLUTE: UNARY(__builtin_fabsf(x));
    case CK_TANH: UNARY(tanh_of(x));
    case CK_SIGMOID: UNARY(sigmoid_of(x));
    case CK_LEAKY_RELU: UNARY(x > 0 ? x : p * x);
    case CK_CLAMP: UNARY(x < p ? p : x > q ? q : x);
    case CK_ADD: BINARY(x + y);
    case CK_SUBTRACT: BINARY(x - y);
    case CK_MULTIPLY: BINARY(x * y);
    case CK_DIVIDE: BINARY(x / y);
    case CK_MAXIMUM: BINARY(x > y ? x : y);
    case CK_MINIMUM: BINARY(x > y ? y : x);
    case CK_GREATER: BINARY(x > y ? 1.0f : 0.0f);
    case CK_TANH_GRADIENT: BINARY(x * (1 - y * y));
    case CK_SIGMOID_GRADIENT: BINARY(x * (y * (1 - y)));
    case CK_LEAKY_RELU_GRADIENT: BINARY(y > 0 ? x : p * x);
    case CK_CLAMP_GRADIENT: BINARY(p <= y && y <= q ? x : 0.0f);
  }
}

int ck_elementwise(const void *arguments) {
  const struct ck_elementwise_arguments *c = arguments;
  int last = c->rank - 1;
  if (last < 0) {
    row(c->function, 1, c->out, 1, c->a, 1, c->b, 1, c->p, c->q);
    return 0;
  }
  int64_t index[CK_MAXIMUM_RANK] = {0};
  float *out = c->out;
  const float *a = c->a, *b = c->b;
  for (;;) {
    row(c->function, c->dimensions[last], out, c->out_strides[last], a, c->a_strides[last], b, c->b_strides[last], c->p, c->q);
    int axis = last - 1;
    for (; axis >= 0; axis--) {
      out += c->out_strides[axis]; a += c->a_strides[axis]; if (b) b += c->b_strides[axis];
      if (++index[axis] < c->dimensions[axis]) break;
      index[axis] = 0;
      out -= c->dimensions[axis] * c->out_strides[axis]; a -= c->dimensions[axis] * c->a_strides[axis];
      if (b) b -= c->dimensions[axis] * c->b_strides[axis];
    }
    if (axis < 0) return 0;
  }
}

int ck_fill(const void *arguments) {
  const struct ck_fill_arguments *c = arguments;
  for (int64_t i = 0; i < c->count; i++) c->out[i] = c->value;
  return 0;
}

// Sums of a strip of kept entries. Reduced element i, in row-major order, is added to partial sum i mod 16, and those are
// added in order, all in double: accurate however long, and bits that depend on the reduced elements alone, not on what
// lies beside them or on how axes were joined.
enum { PARTIALS = 16, STRIP = 32 };
struct strip { double sums[PARTIALS][STRIP]; int64_t count, element; };

CLONES static void add_entries(struct strip *strip, const float *a, int64_t sa, int64_t n, int64_t step) {
  const int64_t width = strip->count;
  int64_t i = 0;
  if (width == 1 && step == 1 && strip->element % PARTIALS == 0) {
    double lanes[PARTIALS];
    for (int j = 0; j < PARTIALS; j++) lanes[j] = strip->sums[j][0];
    for (; i + PARTIALS <= n; i += PARTIALS) for (int j = 0; j < PARTIALS; j++) lanes[j] += a[i + j];
    for (int j = 0; j < PARTIALS; j++) strip->sums[j][0] = lanes[j];
  }
  for (; i < n; i++) {
    double *sums = strip->sums[(strip->element + i) % PARTIALS];
    const float *entry = a + i * step;
    if (sa == 1) { VECTORIZE for (int64_t j = 0; j < width; j++) sums[j] += entry[j]; }
    else for (int64_t j = 0; j < width; j++) sums[j] += entry[j * sa];
  }
  strip->element += n;
}

static void add_reduced(const struct ck_sum_arguments *c, int axis, struct strip *strip, const float *a, int64_t sa) {
  const int last = c->reduced_rank - 1;
  if (last < 0) { add_entries(strip, a, sa, 1, 0); return; }
  if (axis == last) { add_entries(strip, a, sa, c->reduced[axis], c->reduced_strides[axis]); return; }
  for (int64_t i = 0; i < c->reduced[axis]; i++) add_reduced(c, axis + 1, strip, a + i * c->reduced_strides[axis], sa);
}

static void sum_kept(const struct ck_sum_arguments *c, int axis, float *out, const float *a) {
  if (axis < c->kept_rank - 1) {
    for (int64_t i = 0; i < c->kept[axis]; i++) sum_kept(c, axis + 1, out + i * c->out_strides[axis], a + i * c->kept_strides[axis]);
    return;
  }
  const int scalar = c->kept_rank == 0;
  const int64_t n = scalar ? 1 : c->kept[axis], so = scalar ? 1 : c->out_strides[axis], sa = scalar ? 1 : c->kept_strides[axis];
  // Kept entries that lie apart are summed one by one, each along its own elements.
  const int64_t most = sa == 1 ? STRIP : 1;
  for (int64_t from = 0; from < n; from += most) {
    struct strip strip = {.count = n - from < most ? n - from : most};
    add_reduced(c, 0, &strip, a + from * sa, sa);
    for (int64_t j = 0; j < strip.count; j++) {
      double sum = 0;
      for (int i = 0; i < PARTIALS; i++) sum += strip.sums[i][j];
      out[(from + j) * so] = (float)sum;
    }
  }
}

int ck_sum(const void *arguments) {
  const struct ck_sum_arguments *c = arguments;
  sum_kept(c, 0, c->out, c->a);
  return 0;
}
