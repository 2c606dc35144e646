/// The head of an IDX3 file of unsigned bytes: four big-endian words, the magic number, the count of
/// images, their height and their width (http://yann.lecun.com/exdb/mnist, "the IDX file format").
struct IDXHeader {
  static let byteCount = 16
  static let imagesMagic: UInt32 = 0x0000_0803
  static let labelsMagic: UInt32 = 0x0000_0801

  let count: Int
  let shape: ImageShape

  /// Bytes of all images.
  let pixelCount: Int

  /// Throws where `bytes`, the first of the file, are not the header of at least one image, or where
  /// the images exceed `byteLimit` bytes.
  init(_ bytes: [UInt8], path: String, byteLimit: Int) throws(DatasetError) {
    func word(_ index: Int) -> UInt32 {
      bytes[4 * index..<4 * (index + 1)].reduce(0) { $0 << 8 | UInt32($1) }
    }
    guard bytes.count >= 4 else { throw .truncatedHeader(path: path, bytes: bytes.count) }
    // Before the length: a file of few labels is shorter than a header of images.
    guard word(0) != Self.labelsMagic else { throw .labelsFile(path: path) }
    guard word(0) == Self.imagesMagic else { throw .wrongMagic(path: path, found: word(0)) }
    guard bytes.count == Self.byteCount else {
      throw .truncatedHeader(path: path, bytes: bytes.count)
    }
    let (count, height, width) = (Int(word(1)), Int(word(2)), Int(word(3)))
    guard count > 0 else { throw .noImages(path: path) }
    guard height > 0, width > 0 else {
      throw .emptyImages(path: path, height: height, width: width)
    }
    let (pixels, pixelsOverflow) = height.multipliedReportingOverflow(by: width)
    let (total, totalOverflow) = pixels.multipliedReportingOverflow(by: count)
    guard !pixelsOverflow, !totalOverflow, total <= byteLimit else {
      throw .tooLarge(path: path, count: count, height: height, width: width, limit: byteLimit)
    }
    self.count = count
    shape = ImageShape(height: height, width: width, channels: 1)
    pixelCount = total
  }
}
