#include "lanes.h"

// Three loops and a transposed one do all six convolutions:
//   spread  thin → wide: a pixel broadcast × kernel vectors. Forward of a thin input, input gradient of a thin output.
//   outer   thin × wide → kernel: sums in registers over an example. Both kernel gradients.
//   reduce  wide → thin: pixel vectors × kernel vectors, lanes added at the end. Forward of a thin output.
//   fold    wide → thin: a pixel broadcast × all taps, added where they fall. Input gradient of a thin input.
enum { HALF = LANES / 2, TAPS = 9 };
typedef float half __attribute__((ext_vector_type(HALF), aligned(4)));
typedef int32_t half_flags __attribute__((ext_vector_type(HALF)));

#define load(p) (*(const loose_lanes *)(p))
#define store(p, v) (*(loose_lanes *)(p) = (v))
#define load_half(p) (*(const half *)(p))
#define UNROLL _Pragma("clang loop unroll(full)")
#define ROLLED _Pragma("clang loop unroll(disable)")

// Runs BODY with the thin side's channels as the constant c, or a stride as the constant s.
#define FOR_CHANNELS(channels, BODY)         \
  switch (channels) {                        \
    case 1: { enum { c = 1 }; BODY; break; } \
    case 2: { enum { c = 2 }; BODY; break; } \
    case 3: { enum { c = 3 }; BODY; break; } \
  }
#define FOR_STRIDE(stride, BODY)             \
  switch (stride) {                          \
    case 1: { enum { s = 1 }; BODY; break; } \
    case 2: { enum { s = 2 }; BODY; break; } \
  }

INLINE int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }
INLINE int64_t rounded_up(int64_t count) { return (count + LANES - 1) / LANES * LANES; }

// Pixels of a row are worked on `tile` at a time, of which the last tile may repeat some: a pixel's bits are the same in
// each. The better of two sizes, or single pixels of a row that is shorter than both.
INLINE int64_t tile_for(int64_t width, int64_t large, int64_t small) {
  if (width < small) return 1;
  if (width < large) return small;
  return (width + large - 1) / large * large <= (width + small - 1) / small * small ? large : small;
}

INLINE void copy(float *restrict to, const float *restrict from, int64_t count) {
  if (count < LANES) {
    ROLLED for (int64_t i = 0; i < count; i++) to[i] = from[i];
    return;
  }
  ROLLED for (int64_t i = 0; i < count - LANES; i += LANES) store(to + i, load(from + i));
  store(to + count - LANES, load(from + count - LANES));
}

// ---- The thin image, as rows with their zeros around them

// An example's image of which a window of three rows is at hand, with zeros around it and, at a step of 2, between its
// rows or columns.
struct image {
  const float *pixels;
  int64_t height, width, channels;
  int64_t top, left, row_step, column_step;
  float *rows;  // three, and one of zeros
  int64_t row_floats, fitting, next;  // fitting: pixels of the image's own in a row
  const float *window[3];
};

// Makes the memory of rows of `columns` pixels, zeros included, ready at `scratch`; returns what follows it.
INLINE float *prepare_rows(struct image *image, int64_t columns, float *scratch) {
  image->rows = scratch;
  image->fitting = least(image->width, (columns - image->left + image->column_step - 1) / image->column_step);
  image->row_floats = rounded_up(columns * image->channels);
  memset(scratch, 0, (size_t)image->row_floats * 4 * sizeof(float));
  return scratch + image->row_floats * 4;
}

INLINE void start_example(struct image *image, const float *pixels) {
  image->pixels = pixels;
  image->next = 0;
}

// Row `row` of the image with its zeros.
INLINE const float *padded_row(const struct image *image, int64_t row) {
  const int64_t at = row - image->top, y = at >> (image->row_step - 1), channels = image->channels;
  if (at < 0 || y >= image->height || y * image->row_step != at) return image->rows + 3 * image->row_floats;
  float *padded = image->rows + row % 3 * image->row_floats, *to = padded + image->left * channels;
  const float *from = image->pixels + y * image->width * channels;
  if (image->column_step == 1) copy(to, from, image->fitting * channels);
  else
    ROLLED for (int64_t x = 0; x < image->fitting; x++, to += image->column_step * channels, from += channels)
      ROLLED for (int64_t i = 0; i < channels; i++) to[i] = from[i];
  return padded;
}

// Rows `first` to `first` + 2; `first` does not fall within an example.
INLINE void read_window(struct image *image, int64_t first, const float *rows[3]) {
  int64_t next = image->next < first ? first : image->next;
  ROLLED for (; next < first + 3; next++) image->window[next % 3] = padded_row(image, next);
  image->next = next;
  UNROLL for (int i = 0; i < 3; i++) rows[i] = image->window[(first + i) % 3];
}

INLINE struct image input_image(const struct ck_thin_convolution_arguments *a) {
  return (struct image){
    .height = a->height, .width = a->width, .channels = a->channels, .top = a->top, .left = a->left, .row_step = 1,
    .column_step = 1,
  };
}

// dy as a thin image: the window at (y, x) is what dx[y][x] depends on, with the kernel turned by 180°.
INLINE struct image gradient_image(const struct ck_thin_convolution_arguments *a) {
  return (struct image){
    .height = a->output_height, .width = a->output_width, .channels = a->filters, .top = 2 - a->top,
    .left = 2 - a->left, .row_step = a->stride_height, .column_step = a->stride_width,
  };
}

// to[tap][column][row] = from[tap][row][column], or of the kernel turned by 180°.
INLINE void transpose_taps(const float *from, float *to, int64_t rows, int64_t columns, int is_turned) {
  for (int64_t tap = 0; tap < TAPS; tap++, from += rows * columns) {
    float *out = to + (is_turned ? TAPS - 1 - tap : tap) * rows * columns;
    for (int64_t column = 0; column < columns; column++)
      for (int64_t row = 0; row < rows; row++) out[column * rows + row] = from[row * columns + column];
  }
}

// ---- Thin to wide

struct spread {
  struct image image;
  const float *weights, *bias;  // [3][3][thin][wide]; [wide]
  int64_t height, width, wide, stride_height, stride_width;
  float slope;  // of a leaky ReLU; 1: none
};

INLINE void spread_tile(int tile, int vectors, int c, const struct spread *p, const float *const rows[3], int64_t column,
                        int64_t channel, float *restrict out) {
  const int64_t wide = p->wide, step = p->stride_width * c;
  const float *weights = p->weights + channel;
  lanes sums[8][2];
  UNROLL for (int t = 0; t < tile; t++)
    UNROLL for (int v = 0; v < vectors; v++) sums[t][v] = load(p->bias + channel + v * LANES);
  ROLLED for (int kh = 0; kh < 3; kh++) {
    const float *row = rows[kh] + column * step;
    UNROLL for (int q = 0; q < 3 * c; q++, weights += wide) {
      lanes w[2];
      UNROLL for (int v = 0; v < vectors; v++) w[v] = load(weights + v * LANES);
      UNROLL for (int t = 0; t < tile; t++)
        UNROLL for (int v = 0; v < vectors; v++) sums[t][v] += row[t * step + q] * w[v];
    }
  }
  UNROLL for (int t = 0; t < tile; t++)
    UNROLL for (int v = 0; v < vectors; v++) {
      const lanes y = sums[t][v];
      store(out + (column + t) * wide + channel + v * LANES, y > 0 ? y : p->slope * y);
    }
}

INLINE void spread_row(int c, const struct spread *p, const float *const rows[3], float *out) {
  const int64_t tile = tile_for(p->width, 8, 7);
  for (int64_t j = 0; j < p->width; j += tile) {
    const int64_t column = least(j, p->width - tile);
    int64_t channel = 0;
    for (; channel + 2 * LANES <= p->wide; channel += 2 * LANES)
      switch (tile) {
        case 8: spread_tile(8, 2, c, p, rows, column, channel, out); break;
        case 7: spread_tile(7, 2, c, p, rows, column, channel, out); break;
        default: spread_tile(1, 2, c, p, rows, column, channel, out);
      }
    if (channel == p->wide) continue;
    if (tile == 1) spread_tile(1, 1, c, p, rows, column, channel, out);
    else
      for (int k = 0; k < 2; k++) spread_tile(4, 1, c, p, rows, column + k * (tile - 4), channel, out);
  }
}

CLONES static void spread_example(struct spread *p, const float *pixels, float *out) {
  start_example(&p->image, pixels);
  FOR_CHANNELS(p->image.channels, {
    for (int64_t i = 0; i < p->height; i++, out += p->width * p->wide) {
      const float *rows[3];
      read_window(&p->image, i * p->stride_height, rows);
      spread_row(c, p, rows, out);
    }
  })
}

CLONES static void activate(float *y, int64_t count, int activation, float slope) {
  for (int64_t i = 0; i < count; i += LANES) {
    lanes v = load(y + i);
    activate_lanes(&v, activation, slope);
    store(y + i, v);
  }
}

int ck_thin_input_forward(const void *arguments) {
  const struct ck_thin_convolution_arguments *a = arguments;
  const int is_leaky = a->activation == CK_ACTIVATE_LEAKY_RELU;
  struct spread p = {
    .image = input_image(a), .weights = a->b, .height = a->output_height, .width = a->output_width, .wide = a->filters,
    .stride_height = a->stride_height, .stride_width = a->stride_width, .slope = is_leaky ? a->slope : 1,
  };
  float *zeros = prepare_rows(&p.image, (a->output_width - 1) * a->stride_width + 3, a->scratch);
  if (!a->bias) memset(zeros, 0, (size_t)a->filters * sizeof(float));
  p.bias = a->bias ? a->bias : zeros;
  const int64_t in = a->height * a->width * a->channels, out = a->output_height * a->output_width * a->filters;
  for (int64_t n = 0; n < a->examples; n++) {
    spread_example(&p, a->a + n * in, a->out + n * out);
    if (!is_leaky && a->activation != CK_NO_ACTIVATION) activate(a->out + n * out, out, a->activation, a->slope);
  }
  return 0;
}

int ck_thin_output_input_gradient(const void *arguments) {
  const struct ck_thin_convolution_arguments *a = arguments;
  const int64_t channels = a->channels, filters = a->filters;
  struct spread p = {
    .image = gradient_image(a), .height = a->height, .width = a->width, .wide = channels, .stride_height = 1,
    .stride_width = 1, .slope = 1,
  };
  float *zeros = prepare_rows(&p.image, a->width + 2, a->scratch), *turned = zeros + channels;
  memset(zeros, 0, (size_t)channels * sizeof(float));
  transpose_taps(a->b, turned, channels, filters, 1);
  p.weights = turned;
  p.bias = zeros;
  const int64_t in = a->output_height * a->output_width * filters, out = a->height * a->width * channels;
  for (int64_t n = 0; n < a->examples; n++) spread_example(&p, a->a + n * in, a->out + n * out);
  return 0;
}

// ---- Thin times wide

struct outer {
  struct image image;
  int64_t height, width, wide, stride_height, stride_width;
  float *sums;  // [3][3][thin][wide]
};

// One example's sums for kernel rows kh ..< kh + kernel_rows and `vectors` vectors of the wide side's channels.
INLINE void outer_block(int kernel_rows, int vectors, int c, struct outer *p, int kh, const float *wide,
                        int64_t channel, int is_first) {
  const int taps = kernel_rows * 3 * c;
  const int64_t step = p->stride_width * c;
  lanes sums[TAPS][2];
  UNROLL for (int q = 0; q < taps; q++) UNROLL for (int v = 0; v < vectors; v++) sums[q][v] = 0;
  const float *vector = wide + channel;
  ROLLED for (int64_t i = 0; i < p->height; i++) {
    const float *rows[3];
    if (kernel_rows == 3) read_window(&p->image, i * p->stride_height, rows);
    else rows[0] = padded_row(&p->image, i * p->stride_height + kh);
    ROLLED for (int64_t j = 0; j < p->width; j++, vector += p->wide) {
      lanes w[2];
      UNROLL for (int v = 0; v < vectors; v++) w[v] = load(vector + v * LANES);
      UNROLL for (int r = 0; r < kernel_rows; r++)
        UNROLL for (int q = 0; q < 3 * c; q++)
          UNROLL for (int v = 0; v < vectors; v++) sums[r * 3 * c + q][v] += rows[r][j * step + q] * w[v];
    }
  }
  float *out = p->sums + kh * 3 * c * p->wide + channel;
  UNROLL for (int q = 0; q < taps; q++)
    UNROLL for (int v = 0; v < vectors; v++) {
      float *to = out + q * p->wide + v * LANES;
      store(to, is_first ? sums[q][v] : load(to) + sums[q][v]);
    }
}

CLONES static void outer_example(struct outer *p, const float *pixels, const float *wide, int is_first) {
  FOR_CHANNELS(p->image.channels, {
    enum { kernel_rows = c == 1 ? 3 : 1 };
    for (int kh = 0; kh < 3; kh += kernel_rows) {
      int64_t channel = 0;
      for (; channel + 2 * LANES <= p->wide; channel += 2 * LANES) {
        start_example(&p->image, pixels);
        outer_block(kernel_rows, 2, c, p, kh, wide, channel, is_first);
      }
      if (channel < p->wide) {
        start_example(&p->image, pixels);
        outer_block(kernel_rows, 1, c, p, kh, wide, channel, is_first);
      }
    }
  })
}

int ck_thin_input_kernel_gradient(const void *arguments) {
  const struct ck_thin_convolution_arguments *a = arguments;
  struct outer p = {
    .image = input_image(a), .height = a->output_height, .width = a->output_width, .wide = a->filters,
    .stride_height = a->stride_height, .stride_width = a->stride_width, .sums = a->out,
  };
  prepare_rows(&p.image, (a->output_width - 1) * a->stride_width + 3, a->scratch);
  const int64_t thin = a->height * a->width * a->channels, wide = a->output_height * a->output_width * a->filters;
  for (int64_t n = 0; n < a->examples; n++) outer_example(&p, a->a + n * thin, a->b + n * wide, n == 0);
  return 0;
}

int ck_thin_output_kernel_gradient(const void *arguments) {
  const struct ck_thin_convolution_arguments *a = arguments;
  const int64_t channels = a->channels, filters = a->filters;
  struct outer p = {
    .image = gradient_image(a), .height = a->height, .width = a->width, .wide = channels, .stride_height = 1,
    .stride_width = 1,
  };
  p.sums = prepare_rows(&p.image, a->width + 2, a->scratch);
  const int64_t thin = a->output_height * a->output_width * filters, wide = a->height * a->width * channels;
  for (int64_t n = 0; n < a->examples; n++) outer_example(&p, a->b + n * thin, a->a + n * wide, n == 0);
  transpose_taps(p.sums, a->out, filters, channels, 1);
  return 0;
}

// ---- Wide to thin

struct reduce {
  const struct ck_thin_convolution_arguments *arguments;
  const float *weights, *zeros;  // [3][3][thin][wide]; [wide]
  lanes bias;                    // lane i: of filter i mod thin
};

#define shuffled(a, b, ...) __builtin_shufflevector(a, b, __VA_ARGS__)
#define PAIRS_LOW 0, 16, 1, 17, 4, 20, 5, 21, 8, 24, 9, 25, 12, 28, 13, 29
#define PAIRS_HIGH 2, 18, 3, 19, 6, 22, 7, 23, 10, 26, 11, 27, 14, 30, 15, 31
#define QUADS_LOW 0, 1, 16, 17, 4, 5, 20, 21, 8, 9, 24, 25, 12, 13, 28, 29
#define QUADS_HIGH 2, 3, 18, 19, 6, 7, 22, 23, 10, 11, 26, 27, 14, 15, 30, 31
#define EVEN_BLOCKS 0, 1, 2, 3, 8, 9, 10, 11, 16, 17, 18, 19, 24, 25, 26, 27
#define ODD_BLOCKS 4, 5, 6, 7, 12, 13, 14, 15, 20, 21, 22, 23, 28, 29, 30, 31

// sums[i] = the sum of the lanes of rows[i], all in the same order.
INLINE void add_lanes(const lanes rows[LANES], lanes *sums) {
  lanes pairs[8], quads[4], blocks[2];
  UNROLL for (int i = 0; i < 8; i++)
    pairs[i] = shuffled(rows[2 * i], rows[2 * i + 1], PAIRS_LOW) + shuffled(rows[2 * i], rows[2 * i + 1], PAIRS_HIGH);
  UNROLL for (int i = 0; i < 4; i++)
    quads[i] = shuffled(pairs[2 * i], pairs[2 * i + 1], QUADS_LOW) + shuffled(pairs[2 * i], pairs[2 * i + 1], QUADS_HIGH);
  UNROLL for (int i = 0; i < 2; i++)
    blocks[i] = shuffled(quads[2 * i], quads[2 * i + 1], EVEN_BLOCKS) + shuffled(quads[2 * i], quads[2 * i + 1], ODD_BLOCKS);
  *sums = shuffled(blocks[0], blocks[1], EVEN_BLOCKS) + shuffled(blocks[0], blocks[1], ODD_BLOCKS);
}

// `tile` pixels of output row i from `column` on, tile · c ≤ 16. Of the columns that they see, only the first and the
// last can lie outside of x.
INLINE void reduce_tile(int tile, int c, int s, const struct reduce *p, const float *x, int64_t i, int64_t column,
                        float *out) {
  const struct ck_thin_convolution_arguments *a = p->arguments;
  const int seen = (tile - 1) * s + 3;
  const int64_t wide = a->channels, first = column * s - a->left, last = first + seen - 1;
  lanes sums[LANES];
  UNROLL for (int t = 0; t < LANES; t++) sums[t] = 0;
  ROLLED for (int64_t kh = 0; kh < 3; kh++) {
    const int64_t y = i * a->stride_height + kh - a->top;
    if (y < 0 || y >= a->height) continue;
    const float *row = x + y * a->width * wide, *weights = p->weights + kh * 3 * c * wide;
    const float *before = first < 0 ? p->zeros : row + first * wide;
    const float *after = last >= a->width ? p->zeros : row + last * wide;
    ROLLED for (int64_t k = 0; k < wide; k += LANES) {
      lanes w[TAPS];
      UNROLL for (int q = 0; q < 3 * c; q++) w[q] = load(weights + q * wide + k);
      const float *pixel = row + first * wide + k;
      UNROLL for (int u = 0; u < seen; u++, pixel += wide) {
        const lanes v = load(u == 0 ? before + k : u == seen - 1 ? after + k : pixel);
        UNROLL for (int kw = 0; kw < 3; kw++) {
          if (u < kw || (u - kw) % s || (u - kw) / s >= tile) continue;
          UNROLL for (int f = 0; f < c; f++) sums[(u - kw) / s * c + f] += v * w[kw * c + f];
        }
      }
    }
  }
  lanes y;
  add_lanes(sums, &y);
  y += p->bias;
  activate_lanes(&y, a->activation, a->slope);
  memcpy(out + column * c, &y, (size_t)(tile * c) * sizeof(float));
}

// A stride of 2, which no network has here, is served by one size of tiles.
INLINE void reduce_row(int c, int s, const struct reduce *p, const float *x, int64_t i, float *out) {
  const int small = c == 1 ? 14 : c == 2 ? 7 : 5, large = s == 2 ? small : c == 1 ? 16 : c == 2 ? 8 : 5;
  const int64_t width = p->arguments->output_width, tile = tile_for(width, large, small);
  for (int64_t j = 0; j < width; j += tile) {
    const int64_t column = least(j, width - tile);
    if (tile == large) reduce_tile(large, c, s, p, x, i, column, out);
    else if (tile == small) reduce_tile(small, c, s, p, x, i, column, out);
    else reduce_tile(1, c, s, p, x, i, column, out);
  }
}

CLONES static void reduce_example(const struct reduce *p, const float *x, float *out) {
  const struct ck_thin_convolution_arguments *a = p->arguments;
  FOR_CHANNELS(a->filters, FOR_STRIDE(a->stride_width, {
    for (int64_t i = 0; i < a->output_height; i++) reduce_row(c, s, p, x, i, out + i * a->output_width * c);
  }))
}

int ck_thin_output_forward(const void *arguments) {
  const struct ck_thin_convolution_arguments *a = arguments;
  const int64_t channels = a->channels, filters = a->filters;
  float *zeros = a->scratch, *weights = zeros + channels;
  memset(zeros, 0, (size_t)channels * sizeof(float));
  transpose_taps(a->b, weights, channels, filters, 0);
  struct reduce p = {.arguments = a, .weights = weights, .zeros = zeros};
  for (int l = 0; l < LANES; l++) p.bias[l] = a->bias ? a->bias[l % filters] : 0;
  const int64_t in = a->height * a->width * channels, out = a->output_height * a->output_width * filters;
  for (int64_t n = 0; n < a->examples; n++) reduce_example(&p, a->a + n * in, a->out + n * out);
  return 0;
}

struct fold {
  const struct ck_thin_convolution_arguments *arguments;
  float *weights;   // [wide][taps of a pixel, filled up with zeros]
  float *products;  // a ring of three rows, each with two pixels of zeros before it and some after; a row of zeros
  float *line;      // a row of dx with its padding
  int64_t taps, row_floats, blocks;
};

// products[t][tap] = Σ over k of pixels[t][k]·weights[k][tap]
INLINE void fold_tile(int tile, int vectors, int64_t wide, const float *pixels, const float *weights, float *products) {
  lanes sums[16][2];
  UNROLL for (int t = 0; t < tile; t++) UNROLL for (int v = 0; v < vectors; v++) sums[t][v] = 0;
  ROLLED for (int64_t k = 0; k < wide; k++, weights += vectors * LANES) {
    lanes w[2];
    UNROLL for (int v = 0; v < vectors; v++) w[v] = load(weights + v * LANES);
    UNROLL for (int t = 0; t < tile; t++)
      UNROLL for (int v = 0; v < vectors; v++) sums[t][v] += pixels[t * wide + k] * w[v];
  }
  UNROLL for (int t = 0; t < tile; t++)
    UNROLL for (int v = 0; v < vectors; v++) store(products + (t * vectors + v) * LANES, sums[t][v]);
}

INLINE void fold_tiles(int vectors, const struct fold *p, const float *dy, float *products) {
  const int large = 16 / vectors, small = 14 / vectors;
  const int64_t wide = p->arguments->filters, width = p->arguments->output_width, tile = tile_for(width, large, small);
  for (int64_t j = 0; j < width; j += tile) {
    const int64_t column = least(j, width - tile);
    const float *pixels = dy + column * wide;
    float *to = products + column * vectors * LANES;
    if (tile == large) fold_tile(large, vectors, wide, pixels, p->weights, to);
    else if (tile == small) fold_tile(small, vectors, wide, pixels, p->weights, to);
    else fold_tile(1, vectors, wide, pixels, p->weights, to);
  }
}

// The products of a row of dy with all taps.
CLONES static void fold_row(const struct fold *p, const float *dy, float *products) {
  if (p->taps == LANES) fold_tiles(1, p, dy, products);
  else fold_tiles(2, p, dy, products);
}

// A row of dx in blocks of s pixels: block j is what pixels j, j − 1 … of `count` rows of products put there. A block is
// written as eight floats, of which the next block overwrites those beyond s·c.
INLINE void add_taps_of(int count, int c, int s, const struct fold *p, const float *const rows[3]) {
  const int taps = (c == 1 ? 1 : 2) * LANES;
  for (int64_t j = 0; j < p->blocks; j++) {
    half sum = 0;
    UNROLL for (int r = 0; r < count; r++) {
      const float *pixel = rows[r] + j * taps;
      UNROLL for (int b = 0; b * s < 3; b++) {
        const int valid = least(s, 3 - b * s) * c;
        half_flags mask;
        UNROLL for (int l = 0; l < HALF; l++) mask[l] = l < valid ? -1 : 0;
        sum += mask ? load_half(pixel - b * taps + b * s * c) : 0;
      }
    }
    *(half *)(p->line + j * s * c) = sum;
  }
}

CLONES static void add_taps(int count, const struct fold *p, const float *const rows[3]) {
  FOR_CHANNELS(p->arguments->channels, FOR_STRIDE(p->arguments->stride_width, {
    switch (count) {
      case 1: add_taps_of(1, c, s, p, rows); break;
      case 2: add_taps_of(2, c, s, p, rows); break;
      default: add_taps_of(3, c, s, p, rows);
    }
  }))
}

static void fold_example(const struct fold *p, const float *dy, float *dx) {
  const struct ck_thin_convolution_arguments *a = p->arguments;
  const int64_t step = a->stride_height, row = a->width * a->channels;
  for (int64_t i = 0; i * step < a->top + a->height; i++) {
    float *first_pixel = p->products + 2 * p->taps;
    if (i < a->output_height) fold_row(p, dy + i * a->output_width * a->filters, first_pixel + i % 3 * p->row_floats);
    for (int64_t phase = 0; phase < step; phase++) {
      const int64_t y = i * step + phase - a->top;
      if (y < 0 || y >= a->height) continue;
      const float *rows[3];
      int count = 0;
      for (int64_t kh = phase, from = i; kh < 3; kh += step, from--) {
        const int64_t slot = from < 0 || from >= a->output_height ? 3 : from % 3;
        rows[count++] = first_pixel + slot * p->row_floats + kh * 3 * a->channels;
      }
      add_taps(count, p, rows);
      memcpy(dx + y * row, p->line + a->left * a->channels, (size_t)row * sizeof(float));
    }
  }
}

int ck_thin_input_input_gradient(const void *arguments) {
  const struct ck_thin_convolution_arguments *a = arguments;
  const int64_t filters = a->filters, used = TAPS * a->channels, taps = rounded_up(used);
  const int64_t blocks = (a->left + a->width + a->stride_width - 1) / a->stride_width;
  const int64_t pixels = 2 + (blocks < a->output_width ? a->output_width : blocks);
  struct fold p = {.arguments = a, .weights = a->scratch, .taps = taps, .row_floats = pixels * taps, .blocks = blocks};
  p.products = p.weights + filters * taps;
  p.line = p.products + 4 * p.row_floats;
  memset(a->scratch, 0, (size_t)(filters * taps + 4 * p.row_floats) * sizeof(float));
  for (int64_t tap = 0; tap < used; tap++)
    for (int64_t f = 0; f < filters; f++) p.weights[f * taps + tap] = a->b[tap * filters + f];
  const int64_t in = a->output_height * a->output_width * filters, out = a->height * a->width * a->channels;
  for (int64_t n = 0; n < a->examples; n++) fold_example(&p, a->a + n * in, a->out + n * out);
  return 0;
}

// Enough for each of the six: kernels in another order with a row of zeros, padded rows, products of three rows.
int64_t ck_thin_convolution_scratch(const struct ck_thin_convolution_arguments *a) {
  const int64_t is_thin_input = a->channels < LANES, thin = is_thin_input ? a->channels : a->filters;
  const int64_t wide = is_thin_input ? a->filters : a->channels, taps = rounded_up(TAPS * thin);
  const int64_t columns = a->width + a->output_width + 4;
  return (taps + 1) * wide + 4 * rounded_up(columns * thin) + 4 * columns * taps + columns * thin + LANES;
}
