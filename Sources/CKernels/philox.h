#pragma once
#include "loops.h"

enum { PHILOX_LANES = 16, PHILOX_WORDS = 4 * PHILOX_LANES };

// Philox4x32-10 (Salmon et al. 2011) of PHILOX_LANES counters that differ in their first word.
INLINE void philox(uint32_t first, uint32_t c1, uint32_t c2, uint32_t c3, uint64_t seed, uint32_t words[4][PHILOX_LANES]) {
  for (int lane = 0; lane < PHILOX_LANES; lane++) {
    uint32_t x0 = first + (uint32_t)lane, x1 = c1, x2 = c2, x3 = c3;
    uint32_t k0 = (uint32_t)seed, k1 = (uint32_t)(seed >> 32);
    for (int round = 0; round < 10; round++) {
      uint64_t p0 = (uint64_t)0xD2511F53u * x0, p1 = (uint64_t)0xCD9E8D57u * x2;
      x0 = (uint32_t)(p1 >> 32) ^ x1 ^ k0;
      x1 = (uint32_t)p1;
      x2 = (uint32_t)(p0 >> 32) ^ x3 ^ k1;
      x3 = (uint32_t)p0;
      k0 += 0x9E3779B9u;
      k1 += 0xBB67AE85u;
    }
    words[0][lane] = x0; words[1][lane] = x1; words[2][lane] = x2; words[3][lane] = x3;
  }
}

// PHILOX_WORDS words in the order of a stream: the four of counter `first`, those of the next one, ….
INLINE void philox_sequence(uint32_t first, uint32_t c1, uint32_t c2, uint32_t c3, uint64_t seed, uint32_t sequence[PHILOX_LANES][4]) {
  uint32_t words[4][PHILOX_LANES];
  philox(first, c1, c2, c3, seed, words);
  for (int lane = 0; lane < PHILOX_LANES; lane++) for (int w = 0; w < 4; w++) sequence[lane][w] = words[w][lane];
}
