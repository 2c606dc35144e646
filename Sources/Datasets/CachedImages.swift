/// Images that are slow to read, kept in memory as bytes once they have been.
final class CachedImages: LevelSource, @unchecked Sendable {
  // Unchecked: a row of `levels` is written by the thread that claimed it, and read by others once it
  // is marked as kept.
  private let images: any LevelSource
  private let levels: UnsafeMutablePointer<UInt8>
  private let states: RowFlags

  private static let empty: UInt8 = 0
  private static let claimed: UInt8 = 1
  private static let kept: UInt8 = 2

  /// What the cache may take. Of a larger set, the first rows that fit are kept.
  static let byteLimit = 1 << 30

  init(_ images: any LevelSource, byteLimit: Int = CachedImages.byteLimit) {
    self.images = images
    let length = images.shape.elementCount
    states = RowFlags(count: min(images.count, byteLimit / length))
    // The system gives the memory as it is written to.
    levels = .allocate(capacity: max(states.count * length, 1))
  }

  deinit { levels.deallocate() }

  var count: Int { images.count }
  var shape: ImageShape { images.shape }
  var files: [String] { images.files }
  var isSlow: Bool { images.isSlow }
  var description: String { images.description }

  func readLevels(
    row: Int, into destination: UnsafeMutablePointer<UInt8>
  ) throws(DatasetError) {
    let length = shape.elementCount
    guard row < states.count else { return try images.readLevels(row: row, into: destination) }
    let place = levels + row * length
    if states[row] == Self.kept {
      return destination.update(from: place, count: length)
    }
    try images.readLevels(row: row, into: destination)
    if states.change(row, from: Self.empty, to: Self.claimed) {
      place.initialize(from: destination, count: length)
      states[row] = Self.kept
    }
  }
}
