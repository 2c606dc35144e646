/// Images that are addressed by row, so that each process reads only the rows of its own replicas.
///
/// The description says where the images come from, for the log.
package protocol ImageSource: Sendable, CustomStringConvertible {
  /// How many images there are, at least one.
  var count: Int { get }
  var shape: ImageShape { get }

  /// Whether an image takes so long to read that a batch is read on several threads.
  var isSlow: Bool { get }

  /// Writes image `row` (0 ..< count) as `shape.elementCount` values x/127.5 − 1 in HWC order.
  ///
  /// Called for every example of every step, on any thread: implementations that are not slow neither
  /// allocate nor lock.
  func read(row: Int, into destination: UnsafeMutablePointer<Float>) throws(DatasetError)
}

extension ImageSource {
  package var isSlow: Bool { false }
}

/// Images of 8-bit levels, which can be packed.
package protocol LevelSource: ImageSource {
  /// The files that the images are in, in the order of the rows.
  var files: [String] { get }

  /// Writes image `row` (0 ..< count) as `shape.elementCount` levels in HWC order.
  func readLevels(row: Int, into destination: UnsafeMutablePointer<UInt8>) throws(DatasetError)
}

extension LevelSource {
  package func read(
    row: Int, into destination: UnsafeMutablePointer<Float>
  ) throws(DatasetError) {
    let length = shape.elementCount
    // The levels go into the last quarter of the values' place. Value i, of the bytes 4·i … 4·i + 3,
    // then only overwrites levels up to the i-th, which is byte 3·length + i.
    let bytes = UnsafeMutableRawPointer(destination)
    let levels = (bytes + 3 * length).bindMemory(to: UInt8.self, capacity: length)
    defer { bytes.bindMemory(to: Float.self, capacity: length) }
    try readLevels(row: row, into: levels)
    for index in 0..<length {
      bytes.storeBytes(of: pixelValue(levels[index]), toByteOffset: 4 * index, as: Float.self)
    }
  }
}

/// The value of a pixel of level 0 … 255 in [−1, 1]: x/127.5 − 1.
@inline(__always)
func pixelValue(_ level: UInt8) -> Float { Float(level) / 127.5 - 1 }

/// How many of `count` images are the first `fraction` of them (0 < fraction ≤ 1): ⌊fraction · count⌋,
/// and at least one.
package func leadingCount(of count: Int, fraction: Double) -> Int {
  fraction >= 1 ? count : max(1, Int(fraction * Double(count)))
}
