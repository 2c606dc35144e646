/// The images of an IDX3 file of unsigned bytes, gzipped or plain, held in memory as bytes.
package struct IDXImages: ImageSource {
  package let count: Int
  package let shape: ImageShape
  package let description: String
  private let pixels: [UInt8]

  /// More than any data set that fits the machines this runs on; keeps a hostile header from
  /// asking for the whole memory.
  static let byteLimit = 1 << 32

  /// The most that deflate compresses: 1032 bytes to one (https://zlib.net/zlib_tech.html).
  static let largestCompression = 1032

  /// Reads all images of the file. The header is held against the file's size, and against the shape
  /// that is expected, before memory is taken for the images.
  ///
  /// Throws one `DatasetError` a kind of bad file, each naming the file.
  package init(
    _ location: DatasetLocation, expecting expected: ImageShape? = nil
  ) throws(DatasetError) {
    let path = location.path
    let file = try GzipFile(path: path)
    let header = try IDXHeader(
      file.read(upTo: IDXHeader.byteCount), path: path, byteLimit: Self.byteLimit)
    if let expected, header.shape != expected {
      throw .unexpectedShape(path: path, found: header.shape, expected: expected)
    }
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
    count = header.count
    shape = header.shape
    description = "\(count) images of \(shape) from \(location)"
  }

  package func read(row: Int, into destination: UnsafeMutablePointer<Float>) {
    let length = shape.elementCount
    pixels.withUnsafeBufferPointer { pixels in
      let image = UnsafeBufferPointer(rebasing: pixels[row * length..<(row + 1) * length])
      for (index, level) in image.enumerated() { destination[index] = pixelValue(level) }
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
