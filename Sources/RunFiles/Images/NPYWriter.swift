/// One float32 array [count, height, width, channels] in the NPY format, version 1.0: `numpy.load` reads
/// it. (https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html)
///
/// A magic string, the version, the header's length in two little-endian bytes, the header as a Python
/// dictionary that ends with a line break, and the numbers, the first of which is at a multiple of 64.
final class NPYWriter: ImageWriter {
  private static let magic: [UInt8] = [0x93] + Array("NUMPY".utf8) + [1, 0]
  private static let alignment = 64

  private let file: PendingFile

  /// - Throws: `RunFileError.cannotCreate`
  init(_ images: WrittenImages, path: String) throws(RunFileError) {
    file = try PendingFile(path: path)
    let shape = [images.count, images.height, images.width, images.channels]
    let dictionary =
      "{'descr': '<f4', 'fortran_order': False, 'shape': ("
      + shape.map(String.init).joined(separator: ", ") + "), }"
    // Two bytes for the length, and one for the line break.
    let length = Self.magic.count + 2 + dictionary.utf8.count + 1
    let padding = (Self.alignment - length % Self.alignment) % Self.alignment
    let header = dictionary + String(repeating: " ", count: padding) + "\n"
    let count = UInt16(header.utf8.count)
    try file.write { (file) throws(RunFileError) in
      try file.write(Self.magic + [UInt8(count & 255), UInt8(count >> 8)] + header.utf8)
    }
  }

  func append(_ images: ArraySlice<Float>, number: Int) throws(RunFileError) {
    try file.write { (file) throws(RunFileError) in
      try file.write(images.map { $0.bitPattern.littleEndian })
    }
  }

  func finish() throws(RunFileError) { try file.commit() }
}
