import CCRC32C
import TensorBoard
import Testing

struct TFRecordTests {
  /// RFC 3720, B.4. The last one is the iSCSI read command.
  static let published: [(bytes: [UInt8], checksum: UInt32)] = [
    ([UInt8](repeating: 0, count: 32), 0x8A91_36AA),
    ([UInt8](repeating: 0xFF, count: 32), 0x62A8_AB43),
    (Array(0...31), 0x46DD_794E),
    ((0...31).reversed(), 0x113F_DB5C),
    (
      [
        0x01, 0xC0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x14, 0, 0, 0, 0, 0, 0x04, 0, 0, 0,
        0, 0x14, 0, 0, 0, 0x18, 0x28, 0, 0, 0, 0, 0, 0, 0, 0x02, 0, 0, 0, 0, 0, 0, 0,
      ], 0xD996_3A56
    ),
  ]

  @Test(arguments: published)
  func checksumsAreThoseOfTheStandard(bytes: [UInt8], checksum: UInt32) {
    #expect(crc32c(bytes, bytes.count) == checksum)
    #expect(RecordReader.checksum(of: bytes) == checksum)
  }

  @Test(arguments: [0, 1, 7, 255, 4096, 100_003])
  func checksumsOfAnyLengthAreThoseOfABitwiseDivision(length: Int) {
    let bytes = (0..<length).map { UInt8(truncatingIfNeeded: $0 &* $0 &+ $0 >> 3) }
    #expect(crc32c(bytes, bytes.count) == RecordReader.checksum(of: bytes))
    #expect(
      TFRecord.maskedChecksum(bytes) == RecordReader.masked(RecordReader.checksum(of: bytes)))
  }

  /// The 24 bytes that TensorFlow 2.21 wrote of this record.
  @Test func recordIsFramedAsTensorFlowFramesIt() {
    let expected: [UInt8] = [
      0x08, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0x86, 0x24, 0x0F, 0x53, 0x65, 0x6C, 0x66, 0x47, 0x41, 0x4E,
      0x21, 0xF9, 0x48, 0x7E, 0x77,
    ]
    #expect(TFRecord.framed(Array("SelfGAN!".utf8)) == expected)
  }
}
