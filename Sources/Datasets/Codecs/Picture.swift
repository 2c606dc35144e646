/// An image of any size in memory: levels 0 … 255 in HWC order.
struct Picture {
  let height: Int
  let width: Int
  /// 1 (grey), 3 (RGB) or 4 (with the alpha of a PNG).
  let channels: Int
  let levels: [UInt8]

  /// No photograph has more; keeps a hostile header from asking for the whole memory.
  static let pixelLimit = 64 << 20
  static let sideLimit = 65_535

  /// The largest compressed image that is read.
  static let byteLimit = 256 << 20

  /// Decodes a compressed image into RGB. Alpha is dropped, as Pillow's `convert("RGB")` does; 16 bits
  /// become 8.
  ///
  /// - Parameter named: the format that the image's name promises.
  init(
    decoding bytes: UnsafeRawBufferPointer, named: ImageFormat?
  ) throws(ImageProblem) {
    guard !bytes.isEmpty else { throw .empty }
    guard bytes.count <= Self.byteLimit else {
      throw .tooManyBytes(bytes.count, limit: Self.byteLimit)
    }
    guard let format = ImageFormat(bytes) else {
      throw .unknownFormat(start: Array(bytes.prefix(8)))
    }
    if let named, named != format { throw .misnamed(format, named: named) }
    switch format {
    case .png: self = try decodePNG(bytes)
    case .jpeg: self = try decodeJPEG(bytes)
    case .webP: self = try decodeWebP(bytes)
    }
  }

  /// - Parameter decode: writes all height · width · channels levels.
  init(
    width: Int, height: Int, channels: Int,
    decode: (UnsafeMutablePointer<UInt8>) throws(ImageProblem) -> Void
  ) throws(ImageProblem) {
    var failure: ImageProblem?
    let count = height * width * channels
    levels = [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
      guard let start = buffer.baseAddress else { return }
      do throws(ImageProblem) {
        try decode(start)
        filled = count
      } catch {
        failure = error
      }
    }
    if let failure { throw failure }
    (self.height, self.width, self.channels) = (height, width, channels)
  }

  /// Throws `tooManyPixels` for a size that is not worth its memory.
  static func requireSize(width: Int, height: Int) throws(ImageProblem) {
    let sides = 1...sideLimit
    guard sides.contains(width), sides.contains(height), width * height <= pixelLimit else {
      throw .tooManyPixels(width: width, height: height)
    }
  }

  /// The luma of an RGB picture by ITU-R 601, (19595·R + 38470·G + 7471·B + 2¹⁵) / 2¹⁶, as Pillow's
  /// `convert("L")`; a grey picture as it is.
  var grey: Picture {
    guard channels == 3 else { return self }
    let count = height * width
    let luma = [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
      levels.withUnsafeBufferPointer { levels in
        for index in 0..<count {
          let red = 19595 * UInt32(levels[3 * index])
          let green = 38470 * UInt32(levels[3 * index + 1])
          let blue = 7471 * UInt32(levels[3 * index + 2])
          buffer.initializeElement(at: index, to: UInt8((red + green + blue + 0x8000) >> 16))
        }
      }
      filled = count
    }
    return Picture(height: height, width: width, channels: 1, levels: luma)
  }

  private init(height: Int, width: Int, channels: Int, levels: [UInt8]) {
    (self.height, self.width, self.channels, self.levels) = (height, width, channels, levels)
  }
}
