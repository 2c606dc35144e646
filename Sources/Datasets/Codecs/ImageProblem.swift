/// What can be wrong with one image: the facts, and the end of a sentence that begins with its name.
package enum ImageProblem: Error, Equatable, CustomStringConvertible {
  case unreadable(reason: String)
  case empty
  case tooManyBytes(Int, limit: Int)
  case unknownFormat(start: [UInt8])
  case misnamed(ImageFormat, named: ImageFormat)
  case tooManyPixels(width: Int, height: Int)
  case damaged(ImageFormat, reason: String)
  case fourInks
  case animated
  case wrongChecksum

  package var description: String {
    switch self {
    case .unreadable(let reason):
      "cannot be read: \(reason)"
    case .empty:
      "is empty, expected a PNG, JPEG or WebP image"
    case .tooManyBytes(let count, let limit):
      "has \(count) bytes, expected at most \(limit) for an image"
    case .unknownFormat(let start):
      "starts with the bytes \(hexadecimal(start)), expected a PNG, JPEG or WebP image"
    case .misnamed(let format, let named):
      "is a \(format.rawValue) image by its first bytes, expected \(named.rawValue) by its name"
    case .tooManyPixels(let width, let height):
      "says that it is \(width) pixels wide and \(height) high, "
        + "expected at most \(Picture.pixelLimit) in all and \(Picture.sideLimit) a side"
    case .damaged(let format, let reason):
      "is a truncated or damaged \(format.rawValue) image: \(reason)"
    case .fourInks:
      "is a JPEG image of CMYK inks, expected grey or RGB colours"
    case .animated:
      "is an animated WebP image, expected a single picture"
    case .wrongChecksum:
      "does not have the check sum that was written with it: the file is damaged"
    }
  }
}
