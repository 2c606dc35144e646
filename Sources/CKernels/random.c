#include "philox.h"

INLINE float uniform(uint32_t word) { return ((float)(int32_t)(word >> 8) + 0.5f) * 0x1p-24f; }

// Two normals from two words: √(−2 ln u)·(cos 2πt, sin 2πt). The angle is reduced to ±1/8 of a turn exactly.
INLINE void box_muller(uint32_t first, uint32_t second, float *cosine, float *sine) {
  // u = (k + ½)·2^-24 has 25 bits: its logarithm is that of the rounded number and a correction, which matters near u = 1.
  float k = (float)(int32_t)(first >> 8), rounded = k + 0.5f, lost = 0.5f - (rounded - k);
  float radius = __builtin_elementwise_sqrt(-2.0f * (log_of(rounded * 0x1p-24f) + lost / rounded));
  int32_t turn = (int32_t)(second >> 8);             // in 2^-24 turns
  int32_t quadrant = (turn + (1 << 21)) >> 22;
  float angle = (float)(turn - (quadrant << 22)) * (6.283185307179586f * 0x1p-24f);
  float z = angle * angle;
  float s = -1.9515295891e-4f, c = 2.443315711809948e-5f;
  s = (s * z + 8.3321608736e-3f) * z - 1.6666654611e-1f;
  s = s * z * angle + angle;
  c = (c * z - 1.388731625493765e-3f) * z + 4.166664568298827e-2f;
  c = c * z * z - 0.5f * z + 1.0f;
  float x = quadrant & 1 ? s : c, y = quadrant & 1 ? c : s;
  *cosine = radius * ((quadrant + 1) & 2 ? -x : x);
  *sine = radius * (quadrant & 2 ? -y : y);
}

CLONES static void random_draws(const struct ck_random_arguments *c) {
  const int64_t blocks = (c->elements + 3) / 4;
  for (int64_t example = 0; example < c->examples; example++) {
    float *out = c->out + example * c->elements;
    for (int64_t block = 0; block < blocks; block += PHILOX_LANES) {
      uint32_t words[4][PHILOX_LANES];
      float values[PHILOX_LANES][4];
      philox((uint32_t)block, (uint32_t)(c->first_example + example), (uint32_t)*c->step, c->stream, c->seed, words);
      if (c->normal) {
        float drawn[4][PHILOX_LANES];
        VECTORIZE for (int lane = 0; lane < PHILOX_LANES; lane++) {
          box_muller(words[0][lane], words[1][lane], &drawn[0][lane], &drawn[1][lane]);
          box_muller(words[2][lane], words[3][lane], &drawn[2][lane], &drawn[3][lane]);
        }
        for (int lane = 0; lane < PHILOX_LANES; lane++) for (int w = 0; w < 4; w++) values[lane][w] = drawn[w][lane];
      } else {
        for (int lane = 0; lane < PHILOX_LANES; lane++) for (int w = 0; w < 4; w++) values[lane][w] = uniform(words[w][lane]);
      }
      int64_t left = c->elements - block * 4, count = left < 4 * PHILOX_LANES ? left : 4 * PHILOX_LANES;
      memcpy(out + block * 4, values, (size_t)count * sizeof(float));
    }
  }
}
int ck_random(const void *arguments) { random_draws(arguments); return 0; }
