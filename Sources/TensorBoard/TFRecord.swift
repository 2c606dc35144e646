import CCRC32C

/// One record of TensorFlow's TFRecord format, all numbers with the lowest byte first:
///
///     UInt64   length of the data
///     UInt32   masked CRC-32C of these eight bytes
///     byte     data[length]
///     UInt32   masked CRC-32C of the data
///
/// Source: https://www.tensorflow.org/tutorials/load_data/tfrecord
package enum TFRecord {
  /// The record that holds `data`.
  package static func framed(_ data: [UInt8]) -> [UInt8] {
    var record: [UInt8] = []
    record.reserveCapacity(data.count + 16)
    append(UInt64(data.count), to: &record)
    append(maskedChecksum(record), to: &record)
    record += data
    append(maskedChecksum(data), to: &record)
    return record
  }

  /// The CRC-32C, rotated right by 15 bits, plus 0xA282EAD8: data that holds checksums itself does
  /// not disturb its own.
  package static func maskedChecksum(_ bytes: [UInt8]) -> UInt32 {
    let checksum = crc32c(bytes, bytes.count)
    return (checksum >> 15 | checksum << 17) &+ 0xA282_EAD8
  }

  private static func append(_ number: some FixedWidthInteger, to record: inout [UInt8]) {
    withUnsafeBytes(of: number.littleEndian) { record.append(contentsOf: $0) }
  }
}
