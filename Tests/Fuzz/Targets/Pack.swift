import CZlib
import Datasets

extension FuzzTarget {
  /// Images that `selfgan data pack` wrote.
  static let pack = FuzzTarget("pack", repaired: wholePack) { bytes in
    try withTemporaryFolder(["images.pack": bytes]) { folder in
      let images = try PackedImages(path: "\(folder)/images.pack")
      try images.verify()
      try readAllImages(of: images)
      try readAllImages(of: PackedImages(path: "\(folder)/images.pack", fraction: 0.3))
    }
  }

  /// Where the head of a pack has what (`PackHeader`).
  private enum Offset {
    static let (count, height, width, channels) = (16, 24, 28, 32)
    static let (tableChecksum, checksum) = (36, 40)
    static let images = 4096
  }

  /// Of the size that its header says, where that is below a megabyte, and with all check sums right.
  @Sendable private static func wholePack(_ bytes: [UInt8]) -> [UInt8]? {
    guard bytes.count >= Offset.images else { return nil }
    var pack = Array("SELFPACK".utf8) + [1, 0, 0, 0] + bytes[12...]
    let sides = [Offset.height, Offset.width, Offset.channels].map { Int(pack.word(at: $0)) }
    let (count, limit) = (Int(pack.word(at: Offset.count)), 1 << 20)
    guard sides.allSatisfy({ $0 < limit }), sides.reduce(1, *) < limit, count < limit,
      count * (sides.reduce(1, *) + 4) < limit
    else { return nil }
    let length = sides.reduce(1, *)
    let table = Offset.images + count * length
    let size = table + 4 * count
    pack = pack.prefix(size) + [UInt8](repeating: 0, count: max(0, size - pack.count))
    for row in 0..<count {
      let start = Offset.images + row * length
      pack.set(pack[start..<start + length].checksum, at: table + 4 * row)
    }
    pack.set(pack[table...].checksum, at: Offset.tableChecksum)
    pack.set(pack[..<Offset.checksum].checksum, at: Offset.checksum)
    return pack
  }
}

extension Sequence<UInt8> {
  /// CRC-32.
  fileprivate var checksum: UInt32 {
    Array(self).withUnsafeBufferPointer {
      UInt32(truncatingIfNeeded: crc32_z(0, $0.baseAddress, $0.count))
    }
  }
}

extension [UInt8] {
  fileprivate func word(at offset: Int) -> UInt32 {
    (0..<4).reduce(0) { $0 | UInt32(self[offset + $1]) << (8 * $1) }
  }

  fileprivate mutating func set(_ word: UInt32, at offset: Int) {
    for index in 0..<4 { self[offset + index] = UInt8(truncatingIfNeeded: word >> (8 * index)) }
  }
}
