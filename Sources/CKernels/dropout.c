#include "dropout.h"

// Elements whose words are drawn at a time: whole draws of Philox.
enum { PART = 8192 };

INLINE void drop(const struct ck_dropout_arguments *c, const uint32_t *words, const float *x, float *y, int64_t count, int bits) {
  for (int64_t i = 0; i < count; i += LANES) {
    const int64_t n = count - i < LANES ? count - i : LANES;
    lanes v;
    flags kept;
    load_lanes(&v, x + i, n);
    kept_lanes(&kept, words, (uint64_t)i, 1, bits, c->dropout.threshold);
    drop_lanes(&v, &kept, c->dropout.keep);
    store_lanes(y + i, &v, n);
  }
}

CLONES static void dropout(const struct ck_dropout_arguments *c) {
  const struct ck_dropout *d = &c->dropout;
  const int64_t repeats = d->per_channel ? c->positions : 1;
  const int64_t decided = d->per_channel ? c->channels : c->positions * c->channels;
  uint32_t words[PART / 2 + CK_DROPOUT_SLACK] = {0};
  for (int64_t segment = 0; segment < c->segments; segment++)
    for (int64_t example = 0; example < d->examples; example++) {
      const int64_t at = (segment * d->examples + example) * repeats * decided;
      for (int64_t from = 0; from < decided; from += PART) {
        const int64_t count = decided - from < PART ? decided - from : PART;
        draw_dropout(d, segment, example, from * d->bits / 32, dropout_words(d, count), words);
        for (int64_t i = 0; i < repeats; i++) {
          const float *x = c->x + at + i * decided + from;
          float *y = c->y + at + i * decided + from;
          if (d->bits == 2) drop(c, words, x, y, count, 2);
          else drop(c, words, x, y, count, 16);
        }
      }
    }
}
int ck_dropout(const void *arguments) { dropout(arguments); return 0; }
