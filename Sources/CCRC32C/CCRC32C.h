#pragma once

#include <isa-l/crc.h>
#include <limits.h>
#include <stddef.h>
#include <stdint.h>

/// The CRC-32C of RFC 3720 (iSCSI), by Intel's ISA-L, whose function has an int for the length and
/// leaves the two inversions to its caller.
static inline uint32_t crc32c(const uint8_t *bytes, size_t count) {
  uint32_t remainder = UINT32_MAX;
  while (count > 0) {
    int length = count < INT_MAX ? (int)count : INT_MAX;
    remainder = crc32_iscsi((unsigned char *)bytes, length, remainder);
    bytes += length;
    count -= (size_t)length;
  }
  return ~remainder;
}
