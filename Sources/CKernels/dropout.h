#pragma once
#include "lanes.h"
#include "philox.h"

typedef uint16_t halves __attribute__((ext_vector_type(LANES), aligned(2), may_alias));

// The words that decide about one example's elements.
INLINE int64_t dropout_words(const struct ck_dropout *d, int64_t elements) { return (elements * d->bits + 31) / 32; }

// Words first ..< first + count of an example of a segment's stream; `first` is a multiple of 4.
INLINE void draw_dropout(const struct ck_dropout *d, int64_t segment, int64_t example, int64_t first, int64_t count, uint32_t *words) {
  const struct ck_dropout_segment s = d->segments[segment];
  for (int64_t at = 0; at < count; at += PHILOX_WORDS) {
    uint32_t drawn[PHILOX_LANES][4];
    philox_sequence((uint32_t)((first + at) / 4), (uint32_t)(s.first_example + example), (uint32_t)*d->step, s.stream, d->seed, drawn);
    memcpy(words + at, drawn, (size_t)(count - at < PHILOX_WORDS ? count - at : PHILOX_WORDS) * sizeof(uint32_t));
  }
}

// Which of the LANES elements from `element` on are kept: all bits set. `whole`: `element` is a multiple of LANES.
// Reads up to CK_DROPOUT_SLACK words beyond the last element's.
INLINE void kept_lanes(flags *kept, const uint32_t *words, uint64_t element, int whole, int bits, uint32_t threshold) {
  fields drawn;
  if (bits == 2) {
    const uint32_t *word = words + element / 16;
    const uint32_t all = whole ? *word : (uint32_t)(((uint64_t)word[1] << 32 | word[0]) >> 2 * (element % 16));
    const fields shifts = {0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30};
    drawn = ((fields)all >> shifts) & 3;
  } else {
    // Half-words in the order of a little-endian machine, which is the stream's.
    drawn = __builtin_convertvector(*(const halves *)((const uint16_t *)words + element), fields);
  }
  *kept = (flags)(drawn >= threshold);
}

INLINE void drop_lanes(lanes *v, const flags *kept, float keep) { *v = (lanes)((flags)(*v * keep) & *kept); }
