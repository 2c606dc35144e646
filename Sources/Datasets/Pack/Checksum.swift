import CZlib

/// CRC-32 as in zip and PNG; that of several parts where it is given the one before.
func checksum(_ bytes: UnsafeRawBufferPointer, after previous: UInt32 = 0) -> UInt32 {
  let start = bytes.bindMemory(to: UInt8.self).baseAddress
  return UInt32(truncatingIfNeeded: crc32_z(UInt(previous), start, bytes.count))
}
