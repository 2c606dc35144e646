#include "loops.h"

typedef float lanes __attribute__((vector_size(64), aligned(4)));
enum { TILE_K = 8, TILE_N = 32 };

#define load(p) (*(const lanes *)(p))

int64_t ck_weight_gradient_scratch(int64_t replicas, int64_t segments, int64_t rows, int64_t k) {
  int64_t all = replicas * segments * rows, tiles = (k + TILE_K - 1) / TILE_K;
  return all * tiles * TILE_K + all * TILE_N;
}

// x as [tile of 8 columns][replica, segment, row][8], zeros beyond the last column.
INLINE void pack_x(const struct ck_weight_gradient_arguments *c, float *packed) {
  const int64_t tiles = (c->k + TILE_K - 1) / TILE_K, all = c->replicas * c->segments * c->rows;
  int64_t at = 0;
  for (int64_t r = 0; r < c->replicas; r++)
    for (int64_t s = 0; s < c->segments; s++)
      for (int64_t j = 0; j < c->rows; j++, at++) {
        const float *x = c->x + (s * c->segment_rows + r * c->rows + j) * c->k;
        for (int64_t tile = 0; tile < tiles; tile++) {
          float *out = packed + (tile * all + at) * TILE_K;
          int64_t left = c->k - tile * TILE_K;
          if (left >= TILE_K) memcpy(out, x + tile * TILE_K, TILE_K * sizeof(float));
          else for (int i = 0; i < TILE_K; i++) out[i] = i < left ? x[tile * TILE_K + i] : 0;
        }
      }
}

// 32 columns of y from n on as [replica, segment, row][32], zeros beyond the last column.
INLINE void pack_y(const struct ck_weight_gradient_arguments *c, int64_t n, float *panel) {
  const int64_t width = c->n - n < TILE_N ? c->n - n : TILE_N;
  for (int64_t r = 0; r < c->replicas; r++)
    for (int64_t s = 0; s < c->segments; s++)
      for (int64_t j = 0; j < c->rows; j++, panel += TILE_N) {
        const float *y = c->y + (s * c->segment_rows + r * c->rows + j) * c->n + n;
        if (width == TILE_N) memcpy(panel, y, TILE_N * sizeof(float));
        else for (int i = 0; i < TILE_N; i++) panel[i] = i < width ? y[i] : 0;
      }
}

// The tile of one replica: its rows in order, the first one as a plain product.
INLINE void tile_rows(lanes sums[TILE_K][2], const float *x, const float *y, int64_t rows) {
  const lanes first0 = load(y), first1 = load(y + 16);
#pragma clang loop unroll(full)
  for (int i = 0; i < TILE_K; i++) { sums[i][0] = x[i] * first0; sums[i][1] = x[i] * first1; }
  for (int64_t row = 1; row < rows; row++) {
    x += TILE_K; y += TILE_N;
    const lanes y0 = load(y), y1 = load(y + 16);
#pragma clang loop unroll(full)
    for (int i = 0; i < TILE_K; i++) { sums[i][0] += x[i] * y0; sums[i][1] += x[i] * y1; }
  }
}

CLONES static void weight_gradient(const struct ck_weight_gradient_arguments *c) {
  const int64_t each = c->segments * c->rows, all = c->replicas * each;
  float *packed = c->scratch, *panel = c->scratch + all * ((c->k + TILE_K - 1) / TILE_K) * TILE_K;
  float stack[CK_MAXIMUM_DEPTH][TILE_K][TILE_N] __attribute__((aligned(64)));
  pack_x(c, packed);
  for (int64_t n = 0; n < c->n; n += TILE_N) {
    const int64_t width = c->n - n < TILE_N ? c->n - n : TILE_N;
    pack_y(c, n, panel);
    for (int64_t k = 0; k < c->k; k += TILE_K) {
      const float *x = packed + k * all, *y = panel;
      float *out = c->out + k * c->n + n;
      const int64_t height = c->k - k < TILE_K ? c->k - k : TILE_K;
      // The next tile's lines, which are a row apart and so beyond what the processor foresees.
      for (int64_t i = 0; i < TILE_K && k + TILE_K + i < c->k; i++) {
        __builtin_prefetch(out + (TILE_K + i) * c->n, 1);
        __builtin_prefetch(out + (TILE_K + i) * c->n + 16, 1);
      }
      int depth = 0;
      for (int64_t r = 0; r < c->replicas; r++, x += each * TILE_K, y += each * TILE_N) {
        lanes sums[TILE_K][2];
        tile_rows(sums, x, y, each);
        for (int32_t merge = 0; merge < c->merges[r]; merge++) {
          depth--;
#pragma clang loop unroll(full)
          for (int i = 0; i < TILE_K; i++) { sums[i][0] = load(stack[depth][i]) + sums[i][0]; sums[i][1] = load(stack[depth][i] + 16) + sums[i][1]; }
        }
        const int is_whole = r == c->replicas - 1 && height == TILE_K && width == TILE_N;
        float *to = is_whole ? out : stack[depth][0];
        const int64_t stride = is_whole ? c->n : TILE_N;
#pragma clang loop unroll(full)
        for (int i = 0; i < TILE_K; i++) { *(lanes *)(to + i * stride) = sums[i][0]; *(lanes *)(to + i * stride + 16) = sums[i][1]; }
        depth++;
      }
      if (height < TILE_K || width < TILE_N)
        for (int64_t i = 0; i < height; i++) memcpy(out + i * c->n, stack[0][i], (size_t)width * sizeof(float));
    }
  }
}
int ck_weight_gradient(const void *arguments) { weight_gradient(arguments); return 0; }

CLONES static void column_product(const struct ck_column_product_arguments *c) {
  for (int64_t r = 0; r < c->rows; r++) {
    const float *x = c->x + r * c->k;
    lanes sums = {0};
    int64_t i = 0;
    for (; i + 16 <= c->k; i += 16) sums += load(x + i) * load(c->w + i);
    float sum = 0;
    for (int lane = 0; lane < 16; lane++) sum += sums[lane];
    for (; i < c->k; i++) sum += x[i] * c->w[i];
    c->out[r] = sum;
  }
}
int ck_column_product(const void *arguments) { column_product(arguments); return 0; }

CLONES static void column_outer_product(const struct ck_column_product_arguments *c) {
  for (int64_t r = 0; r < c->rows; r++) {
    float x = c->x[r], *restrict out = c->out + r * c->k;
    const float *restrict w = c->w;
    VECTORIZE for (int64_t i = 0; i < c->k; i++) out[i] = x * w[i];
  }
}
int ck_column_outer_product(const void *arguments) { column_outer_product(arguments); return 0; }

CLONES static void column_weight_gradient(const struct ck_column_product_arguments *c) {
  float *restrict out = c->out;
  for (int64_t i = 0; i < c->k; i++) out[i] = 0;
  for (int64_t r = 0; r < c->rows; r++) {
    const float *restrict x = c->x + r * c->k;
    float w = c->w[r];
    VECTORIZE for (int64_t i = 0; i < c->k; i++) out[i] += x[i] * w;
  }
}
int ck_column_weight_gradient(const void *arguments) { column_weight_gradient(arguments); return 0; }
