#include "dropout.h"

CLONES static void bias_activation(const struct ck_bias_activation_arguments *c) {
  for (int64_t r = 0; r < c->rows; r++) {
    float *restrict y = c->y + r * c->columns;
    const float *restrict bias = c->bias;
    float slope = c->slope;
    FOR_ACTIVATION(c->activation, if (bias) { VECTORIZE for (int64_t i = 0; i < c->columns; i++) y[i] = activated(y[i] + bias[i], activation, slope); }
      else { VECTORIZE for (int64_t i = 0; i < c->columns; i++) y[i] = activated(y[i], activation, slope); })
  }
}
int ck_bias_activation(const void *arguments) { bias_activation(arguments); return 0; }

// Rows are walked through in blocks, and a block in strips of columns whose sums stay in registers: four vectors of one row
// (WIDE), or, where there are fewer columns, one vector of each of four rows (TALL), or at most one vector (NARROW).
enum { TILE = 4, WIDE_COLUMNS = TILE * LANES, CHUNK = 256, BLOCK = 4096, AHEAD = 2048 };
enum shape { WIDE, TALL, NARROW };

// Columns from ..< from + count of a block.
struct strip { enum shape shape; int64_t from, count; };

INLINE struct strip next_strip(int64_t from, int64_t columns) {
  const int64_t left = columns - from;
  if (left >= WIDE_COLUMNS) return (struct strip){WIDE, from, WIDE_COLUMNS};
  if (left >= LANES) return (struct strip){TALL, from, LANES};
  return (struct strip){NARROW, from, left};
}

// The rows of a block of `columns` columns: whole tiles, and few enough floats to stay in the first-level cache.
INLINE int64_t block_rows(int64_t columns) { return columns * TILE < BLOCK ? BLOCK / columns / TILE * TILE : TILE; }

#define UNROLL _Pragma("clang loop unroll(full)")

// Runs BODY for each vector of the strip: `row`, `vector` (of the row) and `part`, the partial sum that it belongs to.
#define FOR_VECTORS(shape, rows, ...)                                                              \
  {                                                                                                 \
    const int64_t height = shape == TALL ? TILE : 1;                                                \
    int64_t top = 0;                                                                                \
    for (; top + height <= rows; top += height) {                                                   \
      UNROLL for (int part = 0; part < (shape == NARROW ? 1 : TILE); part++) {                      \
        const int64_t row = shape == TALL ? top + part : top;                                       \
        const int vector = shape == WIDE ? part : 0;                                                \
        __VA_ARGS__                                                                                        \
      }                                                                                             \
    }                                                                                               \
    for (; top < rows; top++) { const int64_t row = top; enum { vector = 0, part = 0 }; __VA_ARGS__ }     \
  }

// Adds a strip's partial sums to the sums of its columns.
INLINE void add_parts(double *sums, const lanes parts[TILE], enum shape shape) {
  for (int part = 0; part < (shape == NARROW ? 1 : TILE); part++)
    for (int i = 0; i < LANES; i++) sums[(shape == WIDE ? part * LANES : 0) + i] += (double)parts[part][i];
}

// Runs BODY with a constant `shape` and `count`.
#define FOR_SHAPE(strip, BODY)                                                             \
  switch (strip.shape) {                                                                   \
    case WIDE: { enum { shape = WIDE, count = LANES }; BODY; break; }                      \
    case TALL: { enum { shape = TALL, count = LANES }; BODY; break; }                      \
    case NARROW: { enum { shape = NARROW }; const int64_t count = strip.count; BODY; break; } \
  }

// Σ (x − shift) and Σ (x − shift)² of a block's columns, added to `sums` and `squares`.
INLINE void shifted_sums(const float *x, int64_t rows, int64_t columns, int64_t count, enum shape shape, const float *shift,
                         double *sums, double *squares) {
  lanes sum[TILE] = {0}, square[TILE] = {0}, s[TILE];
  for (int i = 0; i < (shape == WIDE ? TILE : 1); i++) load_lanes(&s[i], shift + i * LANES, LANES);
  FOR_VECTORS(shape, rows, {
    lanes v;
    load_lanes(&v, x + row * columns + vector * LANES, count);
    v -= s[vector];
    sum[part] += v;
    square[part] += v * v;
  })
  add_parts(sums, sum, shape);
  add_parts(squares, square, shape);
}

INLINE void block_sums(const float *x, int64_t rows, int64_t columns, int64_t width, const float *shift, double *sums, double *squares) {
  struct strip strip;
  for (int64_t from = 0; from < width; from += strip.count) {
    strip = next_strip(from, width);
    FOR_SHAPE(strip, shifted_sums(x + from, rows, columns, count, shape, shift + from, sums + from, squares + from))
  }
}

// The mean and the variance of up to CHUNK columns in one pass over x, as exact as with two: each block's sums are of
// distances from the mean of the rows before it (from its own for the first block), and blocks are joined as
// Chan, Golub and LeVeque (1979) join samples.
INLINE void moments(const float *x, int64_t rows, int64_t columns, int64_t width, float *mean, float *variance) {
  double means[CHUNK] = {0}, squares[CHUNK] = {0};
  for (int64_t i = 0; i < width; i++) mean[i] = 0;
  const int64_t height = block_rows(width);
  for (int64_t top = 0; top < rows; top += height) {
    const int64_t n = rows - top < height ? rows - top : height;
    double sum[CHUNK] = {0}, square[CHUNK] = {0};
    if (top == 0) {
      block_sums(x, n, columns, width, mean, sum, square);
      for (int64_t i = 0; i < width; i++) { mean[i] = (float)(sum[i] / (double)n); sum[i] = square[i] = 0; }
    }
    block_sums(x + top * columns, n, columns, width, mean, sum, square);
    const double part = (double)n / (double)(top + n), inverse = 1 / (double)n, joined = (double)top * part;
    for (int64_t i = 0; i < width; i++) {
      const double distance = sum[i] * inverse, apart = (double)mean[i] - means[i] + distance;
      squares[i] += square[i] - sum[i] * distance + apart * apart * joined;
      means[i] += apart * part;
      mean[i] = (float)means[i];
    }
  }
  for (int64_t i = 0; i < width; i++) variance[i] = (float)(squares[i] / (double)rows);
}

// What the normalisation of up to CHUNK columns of a group needs.
struct norm { float mean[CHUNK], scale[CHUNK], shift[CHUNK]; };
// A strip's part of it, in registers.
struct strip_norm { lanes mean[TILE], scale[TILE], shift[TILE]; };

INLINE void load_norm(struct strip_norm *s, const struct norm *norm, int64_t from, enum shape shape) {
  for (int i = 0; i < (shape == WIDE ? TILE : 1); i++) {
    load_lanes(&s->mean[i], norm->mean + from + i * LANES, LANES);
    load_lanes(&s->scale[i], norm->scale + from + i * LANES, LANES);
    load_lanes(&s->shift[i], norm->shift + from + i * LANES, LANES);
  }
}

// Rows of a group that lie in one example, and the strip of columns that is worked on.
struct place {
  int64_t row, rows;             // of the group
  int64_t at;                    // the first element's index in x
  int64_t from;                  // the first column in the chunk
  const uint32_t *words;         // the example's
  uint64_t element, row_stride;  // the first element's number among the example's draws, and how far apart rows are there
};

// The rows from `row` on, but for the strip.
INLINE struct place next_place(const struct ck_dropout *d, const uint32_t *words, int64_t row, int64_t rows, int64_t columns, int64_t width) {
  struct place place = {.row = row};
  int64_t end = rows;
  if (words) {
    const int64_t positions = rows / d->examples, example = row / positions;
    end = (example + 1) * positions;
    place.row_stride = d->per_channel ? 0 : (uint64_t)columns;
    place.words = words + example * dropout_words(d, d->per_channel ? columns : positions * columns);
    place.element = (uint64_t)(row % positions) * place.row_stride;
  }
  const int64_t height = block_rows(width);
  place.rows = end - row < height ? end - row : height;
  return place;
}

INLINE void draw_group(const struct ck_dropout *d, int64_t group, int64_t rows, int64_t columns, uint32_t *words) {
  const int64_t count = dropout_words(d, d->per_channel ? columns : rows / d->examples * columns);
  for (int64_t example = 0; example < d->examples; example++) draw_dropout(d, group, example, 0, count, words + example * count);
}

INLINE void keep_lanes(lanes *v, const struct ck_dropout *d, const struct place *place, int64_t row, int vector, enum shape shape, int bits) {
  flags kept;
  const uint64_t element = place->element + (uint64_t)row * place->row_stride + (uint64_t)(vector * LANES);
  kept_lanes(&kept, place->words, element, shape != NARROW, bits, d->threshold);
  drop_lanes(v, &kept, d->keep);
}

// A strip of the whole normalisation: NARROW too for activations whose code is long, and slower than memory anyway, and
// where a vector's fields need not begin with a word.
INLINE struct strip next_normal_strip(int64_t from, int64_t width, int64_t columns, int bits, int activation) {
  const struct strip strip = next_strip(from, width);
  const int is_simple = activation == CK_NO_ACTIVATION || activation == CK_ACTIVATE_LEAKY_RELU;
  if ((is_simple && !(bits && columns % LANES)) || strip.shape == NARROW) return strip;
  return (struct strip){NARROW, from, LANES};
}

// Runs BODY for every place of the `width` columns from `left` on of group `group`, with `shape`, `count`, `bits` and
// `activation`, which are constants but for NARROW strips.
#define FOR_PLACES(c, group, left, width, BODY)                                                          \
  {                                                                                                      \
    const int field_bits = c->words ? c->dropout.bits : 0;                                               \
    struct place place;                                                                                  \
    struct strip strip;                                                                                  \
    for (int64_t row = 0; row < c->rows; row += place.rows) {                                            \
      const struct place whole = next_place(&c->dropout, c->words, row, c->rows, c->columns, width);     \
      place = whole;                                                                                     \
      for (int64_t from = 0; from < width; from += strip.count) {                                        \
        strip = next_normal_strip(from, width, c->columns, field_bits, c->activation);                   \
        place.from = from;                                                                               \
        place.at = (group * c->rows + row) * c->columns + left + from;                                   \
        place.element = whole.element + (uint64_t)(left + from);                                         \
        FOR_VARIANT(strip, field_bits, c->activation, BODY)                                              \
      }                                                                                                  \
    }                                                                                                    \
  }
#define FOR_VARIANT(strip, bits_value, activation_value, BODY)                                           \
  switch (strip.shape) {                                                                                 \
    case WIDE: {                                                                                         \
      enum { shape = WIDE, count = LANES };                                                              \
      FOR_BITS(bits_value, FOR_LINEAR(activation_value, BODY))                                           \
      break;                                                                                             \
    }                                                                                                    \
    case TALL: {                                                                                         \
      enum { shape = TALL, count = LANES };                                                              \
      FOR_BITS(bits_value, FOR_LINEAR(activation_value, BODY))                                           \
      break;                                                                                             \
    }                                                                                                    \
    case NARROW: {                                                                                       \
      enum { shape = NARROW };                                                                           \
      const int64_t count = strip.count;                                                                 \
      const int bits = bits_value, activation = activation_value;                                        \
      BODY;                                                                                              \
      break;                                                                                             \
    }                                                                                                    \
  }
#define FOR_BITS(value, BODY)                      \
  switch (value) {                                 \
    case 0: { enum { bits = 0 }; BODY; break; }    \
    case 2: { enum { bits = 2 }; BODY; break; }    \
    default: { enum { bits = 16 }; BODY; break; }  \
  }
#define FOR_LINEAR(value, BODY)                                                     \
  if (value == CK_NO_ACTIVATION) { enum { activation = CK_NO_ACTIVATION }; BODY; }  \
  else { enum { activation = CK_ACTIVATE_LEAKY_RELU }; BODY; }

INLINE void normalize(const struct ck_batch_norm_arguments *c, const struct norm *norm, const struct place *place, int64_t count,
                      enum shape shape, int bits, int activation) {
  struct strip_norm s;
  load_norm(&s, norm, place->from, shape);
  const float *x = c->x + place->at;
  float *y = c->y + place->at;
  FOR_VECTORS(shape, place->rows, {
    const int64_t offset = row * c->columns + vector * LANES;
    lanes v;
    load_lanes(&v, x + offset, count);
    v = (v - s.mean[vector]) * s.scale[vector] + s.shift[vector];
    activate_lanes(&v, activation, c->slope);
    if (bits) keep_lanes(&v, &c->dropout, place, row, vector, shape, bits);
    store_lanes(y + offset, &v, count);
  })
}

CLONES static void batch_norm(const struct ck_batch_norm_arguments *c) {
  struct norm norm = {0};
  for (int64_t g = 0; g < c->groups; g++) {
    if (c->words) draw_group(&c->dropout, g, c->rows, c->columns, c->words);
    for (int64_t left = 0; left < c->columns; left += CHUNK) {
      const int64_t width = c->columns - left < CHUNK ? c->columns - left : CHUNK;
      float variance[CHUNK];
      moments(c->x + g * c->rows * c->columns + left, c->rows, c->columns, width, norm.mean, variance);
      for (int64_t i = 0; i < width; i++) {
        norm.scale[i] = c->gamma[left + i] / __builtin_elementwise_sqrt(variance[i] + c->epsilon);
        norm.shift[i] = c->beta[left + i];
      }
      memcpy(c->mean + g * c->columns + left, norm.mean, (size_t)width * sizeof(float));
      memcpy(c->variance + g * c->columns + left, variance, (size_t)width * sizeof(float));
      FOR_PLACES(c, g, left, width, normalize(c, &norm, &place, count, shape, bits, activation))
    }
  }
}
int ck_batch_norm(const void *arguments) { batch_norm(arguments); return 0; }

// A vector's distance from the mean, and what arrives before the activation: d = dy·multiplier·activation'.
INLINE void incoming(const struct ck_batch_norm_gradient_arguments *c, const struct strip_norm *s, const struct place *place,
                     int64_t row, int vector, int64_t count, enum shape shape, int bits, int activation, lanes *d, lanes *centred) {
  const float *dy = c->dy + place->at + row * c->columns + vector * LANES;
  const float *x = c->x + place->at + row * c->columns + vector * LANES;
  load_lanes(d, dy, count);
  load_lanes(centred, x, count);
  *centred -= s->mean[vector];
  if (bits) {
    // Beyond the caches, the arithmetic of the draws leaves too few loads in flight.
    if (shape != NARROW) { __builtin_prefetch(dy + AHEAD); __builtin_prefetch(x + AHEAD); }
    keep_lanes(d, &c->dropout, place, row, vector, shape, bits);
  }
  if (activation == CK_NO_ACTIVATION) return;
  lanes y = *centred * s->scale[vector] + s->shift[vector];
  // A leaky ReLU's argument and result are on the same side of 0.
  if (activation != CK_ACTIVATE_LEAKY_RELU) activate_lanes(&y, activation, c->slope);
  activation_gradient_lanes(d, &y, activation, c->slope);
}

// Adds a place's Σ d and Σ d·(x − mean).
INLINE void gradient_sums(const struct ck_batch_norm_gradient_arguments *c, const struct norm *norm, const struct place *place,
                          int64_t count, enum shape shape, int bits, int activation, double *sums, double *products) {
  lanes sum[TILE] = {0}, product[TILE] = {0};
  struct strip_norm s;
  load_norm(&s, norm, place->from, shape);
  FOR_VECTORS(shape, place->rows, {
    lanes d, centred;
    incoming(c, &s, place, row, vector, count, shape, bits, activation, &d, &centred);
    sum[part] += d;
    product[part] += d * centred;
  })
  add_parts(sums + place->from, sum, shape);
  add_parts(products + place->from, product, shape);
}

// The means of d and of d·(x − mean)/(variance + epsilon).
struct gradient_means { float d[CHUNK], product[CHUNK]; };

// dx = scale·(d − mean of d − (x − mean)·mean of d·(x − mean)/(variance + epsilon)), and adds its sums.
INLINE void gradient(const struct ck_batch_norm_gradient_arguments *c, const struct norm *norm, const struct gradient_means *means,
                     const struct place *place, int64_t count, enum shape shape, int bits, int activation, double *sums) {
  lanes sum[TILE] = {0}, mean[TILE], product[TILE];
  struct strip_norm s;
  load_norm(&s, norm, place->from, shape);
  for (int i = 0; i < (shape == WIDE ? TILE : 1); i++) {
    load_lanes(&mean[i], means->d + place->from + i * LANES, LANES);
    load_lanes(&product[i], means->product + place->from + i * LANES, LANES);
  }
  float *dx = c->dx + place->at;
  FOR_VECTORS(shape, place->rows, {
    lanes d, centred;
    incoming(c, &s, place, row, vector, count, shape, bits, activation, &d, &centred);
    d = s.scale[vector] * (d - mean[vector] - centred * product[vector]);
    sum[part] += d;
    store_lanes(dx + row * c->columns + vector * LANES, &d, count);
  })
  add_parts(sums + place->from, sum, shape);
}

CLONES static void batch_norm_gradient(const struct ck_batch_norm_gradient_arguments *c) {
  struct norm norm = {0};
  struct gradient_means means = {0};
  if (c->bias) for (int64_t i = 0; i < c->columns; i++) c->bias[i] = 0;
  for (int64_t g = 0; g < c->groups; g++) {
    if (c->words) draw_group(&c->dropout, g, c->rows, c->columns, c->words);
    for (int64_t left = 0; left < c->columns; left += CHUNK) {
      const int64_t width = c->columns - left < CHUNK ? c->columns - left : CHUNK, at = g * c->columns + left;
      double sums[CHUNK] = {0}, products[CHUNK] = {0}, results[CHUNK] = {0};
      float deviation[CHUNK];
      for (int64_t i = 0; i < width; i++) {
        deviation[i] = 1.0f / __builtin_elementwise_sqrt(c->variance[at + i] + c->epsilon);
        norm.mean[i] = c->mean[at + i];
        // As in the forward pass, so that both take the same side of a kink.
        norm.scale[i] = c->gamma[left + i] / __builtin_elementwise_sqrt(c->variance[at + i] + c->epsilon);
        norm.shift[i] = c->beta ? c->beta[left + i] : 0;
      }
      FOR_PLACES(c, g, left, width, gradient_sums(c, &norm, &place, count, shape, bits, activation, sums, products))
      for (int64_t i = 0; i < width; i++) {
        c->dgamma[at + i] = (float)(products[i] * deviation[i]);
        c->dbeta[at + i] = (float)sums[i];
        means.d[i] = (float)(sums[i] / (double)c->rows);
        means.product[i] = (float)(products[i] * deviation[i] * deviation[i] / (double)c->rows);
      }
      FOR_PLACES(c, g, left, width, gradient(c, &norm, &means, &place, count, shape, bits, activation, results))
      if (c->bias) for (int64_t i = 0; i < width; i++) c->bias[left + i] += (float)results[i];
    }
  }
}
int ck_batch_norm_gradient(const void *arguments) { batch_norm_gradient(arguments); return 0; }

// dx = dy·activation'(y) of a block, and adds its sums.
INLINE void activation_gradient_sums(const float *dy, const float *y, float *dx, int64_t rows, int64_t columns, float slope,
                                     int64_t count, enum shape shape, int activation, double *sums) {
  lanes sum[TILE] = {0};
  FOR_VECTORS(shape, rows, {
    const int64_t offset = row * columns + vector * LANES;
    lanes d, v;
    load_lanes(&d, dy + offset, count);
    load_lanes(&v, y + offset, count);
    activation_gradient_lanes(&d, &v, activation, slope);
    sum[part] += d;
    store_lanes(dx + offset, &d, count);
  })
  add_parts(sums, sum, shape);
}

INLINE void activation_gradient_columns(const struct ck_activation_gradient_bias_arguments *c, int64_t start, int64_t rows,
                                        int64_t columns, int64_t width, double *sums) {
  const int64_t height = block_rows(width);
  for (int64_t row = 0; row < rows; row += height) {
    const int64_t n = rows - row < height ? rows - row : height;
    struct strip strip;
    for (int64_t from = 0; from < width; from += strip.count) {
      strip = next_strip(from, width);
      const int64_t at = start + row * columns + from;
      FOR_SHAPE(strip, FOR_ACTIVATION(c->activation,
        activation_gradient_sums(c->dy + at, c->y + at, c->dx + at, n, columns, c->slope, count, shape, activation, sums + from)))
    }
  }
}

CLONES static void activation_gradient_bias(const struct ck_activation_gradient_bias_arguments *c) {
  const int64_t columns = c->columns;
  // Few columns fill no vector, but those of LANES rows together do.
  const int64_t together = columns < LANES ? c->rows / LANES : 0;
  for (int64_t g = 0; g < c->groups; g++) {
    const int64_t start = g * c->rows * columns, joined = columns * LANES;
    for (int64_t left = 0; left < columns; left += CHUNK) {
      const int64_t width = columns - left < CHUNK ? columns - left : CHUNK;
      double sums[CHUNK] = {0};
      if (together) {
        double each[CHUNK] = {0};
        activation_gradient_columns(c, start, together, joined, joined, each);
        for (int64_t i = 0; i < joined; i++) sums[i % columns] += each[i];
      }
      activation_gradient_columns(c, start + together * joined + left, c->rows - together * LANES, columns, width, sums);
      for (int64_t i = 0; i < width; i++) c->bias[g * columns + left + i] = (float)sums[i];
    }
  }
}
int ck_activation_gradient_bias(const void *arguments) { activation_gradient_bias(arguments); return 0; }
