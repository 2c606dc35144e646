/// The images of an IDX3 file of unsigned bytes, gzipped or plain, held in memory as bytes.
package struct IDXImages: LevelSource {
  package let count: Int
  package let shape: ImageShape
  package let description: String
  package let files: [String]
  private let pixels: [UInt8]

  /// More than any data set that fits the machines this runs on; keeps a hostile header from
  /// asking for the whole memory.
  static let byteLimit = 1 << 32

  /// The most that deflate compresses: 1032 bytes to one (https://zlib.net/zlib_tech.html).
  static let largestCompression = 1032

  /// Reads all images of the file. The header is held against the file's size before memory is taken
  /// for them.
  ///
  /// - Parameter fraction: how many of the images are used, from the first on.
  /// - Throws: one `DatasetError` a kind of bad file, each naming the file.
  package init(_ location: DatasetLocation, fraction: Double = 1) throws(DatasetError) {
    let path = location.path
    let file = try GzipFile(path: path)
    let header = try IDXHeader(
      file.read(upTo: IDXHeader.byteCount), path: path, byteLimit: Self.byteLimit)
    try Self.checkSize(of: file, header)
    pixels = try file.read(upTo: header.pixelCount)
    guard pixels.count == header.pixelCount else {
      throw .tooShort(
        path: path, count: header.count, shape: header.shape,
        expected: IDXHeader.byteCount + header.pixelCount,
        found: IDXHeader.byteCount + pixels.count)
    }
    // This also makes zlib compare the check sum, which follows the data.
    guard try file.read(upTo: 1).isEmpty else {
      throw .trailingBytes(
        path: path, count: header.count, shape: header.shape,
        expected: IDXHeader.byteCount + header.pixelCount)
    }
    count = leadingCount(of: header.count, fraction: fraction)
    shape = header.shape
    files = [path]
    description = "\(count) images of \(shape) from \(location)"
  }

  package func read(row: Int, into destination: UnsafeMutablePointer<Float>) {
    withLevels(ofRow: row) { levels in
      for (index, level) in levels.enumerated() { destination[index] = pixelValue(level) }
    }
  }

  package func readLevels(row: Int, into destination: UnsafeMutablePointer<UInt8>) {
    withLevels(ofRow: row) { levels in
      for (index, level) in levels.enumerated() { destination[index] = level }
    }
  }

  private func withLevels(ofRow row: Int, _ body: (UnsafeBufferPointer<UInt8>) -> Void) {
    let length = shape.elementCount
    pixels.withUnsafeBufferPointer { pixels in
      body(UnsafeBufferPointer(rebasing: pixels[row * length..<(row + 1) * length]))
    }
  }

  private static func checkSize(
    of file: borrowing GzipFile, _ header: IDXHeader
  ) throws(DatasetError) {
    let expected = IDXHeader.byteCount + header.pixelCount
    if file.isCompressed {
      guard expected / largestCompression <= file.fileSize else {
        throw .unattainable(
          path: file.path, count: header.count, shape: header.shape, expected: expected,
          compressed: file.fileSize)
      }
    } else if file.fileSize < expected {
      throw .tooShort(
        path: file.path, count: header.count, shape: header.shape, expected: expected,
        found: file.fileSize)
    } else if file.fileSize > expected {
      throw .trailingBytes(
        path: file.path, count: header.count, shape: header.shape, expected: expected)
    }
  }
}
