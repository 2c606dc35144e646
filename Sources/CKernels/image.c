#include "loops.h"

INLINE void add(float *restrict out, const float *restrict a, int64_t n) { VECTORIZE for (int64_t i = 0; i < n; i++) out[i] += a[i]; }
INLINE void add_scaled(float *restrict out, const float *restrict a, float scale, int64_t n) { VECTORIZE for (int64_t i = 0; i < n; i++) out[i] += scale * a[i]; }

CLONES static void resize(const struct ck_resize_arguments *c) {
  const int64_t n = c->channels, line = c->in_width * n;
  float *restrict y = c->out;
  for (int64_t image = 0; image < c->images; image++) {
    const float *x = c->a + image * c->in_height * line;
    for (int64_t i = 0; i < c->out_height; i++) {
      const struct ck_tap row = c->rows[i];
      const float *upper = x + row.first * line, *lower = x + row.second * line;
      for (int64_t j = 0; j < c->out_width; j++, y += n) {
        const struct ck_tap column = c->columns[j];
        const int64_t left = column.first * n, right = column.second * n;
        if (c->copies) { memcpy(y, upper + left, (size_t)n * sizeof(float)); continue; }
        VECTORIZE for (int64_t k = 0; k < n; k++) {
          float above = upper[left + k] + (upper[right + k] - upper[left + k]) * column.weight;
          float below = lower[left + k] + (lower[right + k] - lower[left + k]) * column.weight;
          y[k] = above + (below - above) * row.weight;
        }
      }
    }
  }
}
int ck_resize(const void *arguments) { resize(arguments); return 0; }

CLONES static void resize_gradient(const struct ck_resize_arguments *c) {
  const int64_t n = c->channels, line = c->in_width * n;
  const float *dy = c->a;
  memset(c->out, 0, (size_t)(c->images * c->in_height * line) * sizeof(float));
  for (int64_t image = 0; image < c->images; image++) {
    float *dx = c->out + image * c->in_height * line;
    for (int64_t i = 0; i < c->out_height; i++) {
      const struct ck_tap row = c->rows[i];
      float *upper = dx + row.first * line, *lower = dx + row.second * line;
      for (int64_t j = 0; j < c->out_width; j++, dy += n) {
        const struct ck_tap column = c->columns[j];
        const int64_t left = column.first * n, right = column.second * n;
        if (c->copies) { add(upper + left, dy, n); continue; }
        add_scaled(upper + left, dy, (1 - row.weight) * (1 - column.weight), n);
        add_scaled(upper + right, dy, (1 - row.weight) * column.weight, n);
        add_scaled(lower + left, dy, row.weight * (1 - column.weight), n);
        add_scaled(lower + right, dy, row.weight * column.weight, n);
      }
    }
  }
}
int ck_resize_gradient(const void *arguments) { resize_gradient(arguments); return 0; }

CLONES static void average_pool(const struct ck_average_pool_arguments *c) {
  const int64_t n = c->channels;
  const float scale = 1.0f / (float)(c->window_height * c->window_width);
  float *restrict y = c->out;
  for (int64_t image = 0; image < c->images; image++)
    for (int64_t i = 0; i < c->out_height; i++)
      for (int64_t j = 0; j < c->out_width; j++, y += n) {
        const float *window = c->a + ((image * c->in_height + i * c->stride_height) * c->in_width + j * c->stride_width) * n;
        memset(y, 0, (size_t)n * sizeof(float));
        for (int64_t u = 0; u < c->window_height; u++)
          for (int64_t v = 0; v < c->window_width; v++) add(y, window + (u * c->in_width + v) * n, n);
        VECTORIZE for (int64_t k = 0; k < n; k++) y[k] *= scale;
      }
}
int ck_average_pool(const void *arguments) { average_pool(arguments); return 0; }

CLONES static void average_pool_gradient(const struct ck_average_pool_arguments *c) {
  const int64_t n = c->channels;
  const float scale = 1.0f / (float)(c->window_height * c->window_width);
  const float *dy = c->a;
  memset(c->out, 0, (size_t)(c->images * c->in_height * c->in_width * n) * sizeof(float));
  for (int64_t image = 0; image < c->images; image++)
    for (int64_t i = 0; i < c->out_height; i++)
      for (int64_t j = 0; j < c->out_width; j++, dy += n) {
        float *window = c->out + ((image * c->in_height + i * c->stride_height) * c->in_width + j * c->stride_width) * n;
        for (int64_t u = 0; u < c->window_height; u++)
          for (int64_t v = 0; v < c->window_width; v++) add_scaled(window + (u * c->in_width + v) * n, dy, scale, n);
      }
}
int ck_average_pool_gradient(const void *arguments) { average_pool_gradient(arguments); return 0; }

// The taps of three that each of four is the sum of, and the other way round: first ... last.
static const int upscaled[4][2] = {{2, 2}, {1, 2}, {0, 1}, {0, 0}}, upscaled_by[3][2] = {{2, 3}, {1, 2}, {0, 1}};

enum { SIDE = 16 };  // of the blocks that are transposed in the first-level cache

// out [q][p] = the transpose of Σ a[tap] [p][q] over the taps in `rows` × `columns`, first ... last.
INLINE void transposed_sum(const struct ck_upscaled_kernel_arguments *c, float *out, int64_t p, int64_t q, const int rows[2], const int columns[2]) {
  for (int64_t top = 0; top < p; top += SIDE)
    for (int64_t left = 0; left < q; left += SIDE) {
      const int64_t height = p - top < SIDE ? p - top : SIDE, width = q - left < SIDE ? q - left : SIDE;
      float sums[SIDE][SIDE] = {0};
      for (int u = rows[0]; u <= rows[1]; u++)
        for (int v = columns[0]; v <= columns[1]; v++) {
          const float *block = c->a + u * c->strides[0] + v * c->strides[1] + top / SIDE * c->strides[2] + left / SIDE * c->strides[4];
          for (int64_t i = 0; i < height; i++) add(sums[i], block + i * c->strides[3], width);
        }
      for (int64_t j = 0; j < width; j++)
        for (int64_t i = 0; i < height; i++) out[(left + j) * p + top + i] = sums[i][j];
    }
}

CLONES static void upscaled_kernel(const struct ck_upscaled_kernel_arguments *c) {
  for (int u = 0; u < 4; u++) for (int v = 0; v < 4; v++) transposed_sum(c, c->out + (u * 4 + v) * c->i * c->o, c->i, c->o, upscaled[u], upscaled[v]);
}
int ck_upscaled_kernel(const void *arguments) { upscaled_kernel(arguments); return 0; }

CLONES static void upscaled_kernel_gradient(const struct ck_upscaled_kernel_arguments *c) {
  for (int u = 0; u < 3; u++) for (int v = 0; v < 3; v++) transposed_sum(c, c->out + (u * 3 + v) * c->i * c->o, c->o, c->i, upscaled_by[u], upscaled_by[v]);
}
int ck_upscaled_kernel_gradient(const void *arguments) { upscaled_kernel_gradient(arguments); return 0; }

// Runs BODY for each line of a patch: `pixels`, the part of it that lies in the image, `before` and `inside`, how many
// floats lie left of the image and in it. BODY is run with inside = 0 where the line lies above or below.
#define FOR_PATCH_LINES(c, BODY)                                                                                   \
  {                                                                                                                \
    const int64_t n = c->channels, whole = c->kernel_width * n;                                                    \
    float *patch = c->patches;                                                                                     \
    for (int64_t line = c->first_line; line < c->first_line + c->lines; line++)                                    \
      for (int64_t j = 0; j < c->out_width; j++)                                                                   \
        for (int64_t u = 0; u < c->kernel_height; u++, patch += whole) {                                           \
          const int64_t row = line % c->out_height * c->stride_height + u - c->top;                                \
          const int64_t column = j * c->stride_width - c->left;                                                    \
          const int64_t first = column < 0 ? -column : 0;                                                          \
          const int64_t last = c->width - column < c->kernel_width ? c->width - column : c->kernel_width;          \
          const int is_outside = row < 0 || row >= c->height || last <= first;                                     \
          const int64_t before = is_outside ? whole : first * n, inside = is_outside ? 0 : (last - first) * n;     \
          float *pixels = c->image;                                                                                \
          if (inside) pixels += ((line / c->out_height * c->height + row) * c->width + column + first) * n;        \
          BODY                                                                                                     \
        }                                                                                                          \
  }

int ck_gather_patches(const void *arguments) {
  const struct ck_patches_arguments *c = arguments;
  FOR_PATCH_LINES(c, {
    memset(patch, 0, (size_t)before * sizeof(float));
    memcpy(patch + before, pixels, (size_t)inside * sizeof(float));
    memset(patch + before + inside, 0, (size_t)(whole - before - inside) * sizeof(float));
  })
  return 0;
}

CLONES static void scatter_patches(const struct ck_patches_arguments *c) { FOR_PATCH_LINES(c, add(pixels, patch + before, inside);) }
int ck_scatter_patches(const void *arguments) { scatter_patches(arguments); return 0; }
