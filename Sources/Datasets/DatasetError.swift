import Foundation

/// What can be wrong with a data set: the facts, and one sentence about them.
package enum DatasetError: Error, Equatable, CustomStringConvertible {
  case notFound(searched: [String])
  case unreadable(path: String, reason: String)
  case truncatedHeader(path: String, bytes: Int)
  case labelsFile(path: String)
  case wrongMagic(path: String, found: UInt32)
  case noImages(path: String)
  case emptyImages(path: String, height: Int, width: Int)
  case tooLarge(path: String, count: Int, height: Int, width: Int, limit: Int)
  case tooShort(path: String, count: Int, shape: ImageShape, expected: Int, found: Int)
  case unattainable(path: String, count: Int, shape: ImageShape, expected: Int, compressed: Int)
  case trailingBytes(path: String, count: Int, shape: ImageShape, expected: Int)
  case unexpectedChannels(path: String, found: Int, expected: Int)
  case truncatedGzip(path: String)
  case corruptGzip(path: String, reason: String)
  case unsupportedChannels(Int)
  case unknownKind(path: String, start: [UInt8])
  case noImageFiles(path: String)
  /// `image` is a file, or a file and what stands for the image in it.
  case badImage(image: String, ImageProblem)
  case allImagesBad(source: String, count: Int, example: String)
  case badLMDB(path: String, LMDBProblem)
  case badPack(path: String, PackProblem)
  /// A file cannot be begun: nothing has been done in vain yet.
  case cannotCreate(path: String, reason: String)
  case cannotWrite(path: String, reason: String)
  case batchExceedsImages(batchSize: Int, count: Int)
  case loaderStopped(step: Int)

  package var description: String {
    switch self {
    case .notFound(let searched):
      "no MNIST training images found, searched \(searched.joined(separator: ", ")); "
        + "Fashion-MNIST is installed by: apt-get install dataset-fashion-mnist"
    case .unreadable(let path, let reason):
      "\(path) cannot be read: \(reason)"
    case .truncatedHeader(let path, let bytes):
      "\(path) ends after \(bytes) bytes, expected an IDX3 header of \(IDXHeader.byteCount) bytes"
    case .labelsFile(let path):
      "\(path) is a labels file (IDX1), expected images (IDX3)"
    case .wrongMagic(let path, let found):
      "\(path) starts with \(word(found)), "
        + "expected \(word(IDXHeader.imagesMagic)) (IDX3 of unsigned bytes)"
    case .noImages(let path):
      "\(path) holds 0 images, expected at least one"
    case .emptyImages(let path, let height, let width):
      "\(path) says that its images are \(height)×\(width), expected at least 1×1"
    case .tooLarge(let path, let count, let height, let width, let limit):
      "\(path) says that it holds \(count) images of \(height)×\(width), "
        + "expected at most \(limit) bytes in all"
    case .tooShort(let path, let count, let shape, let expected, let found):
      "\(path) ends after \(found) bytes, "
        + "expected \(expected) for the \(count) images of \(shape) in its header"
    case .unattainable(let path, let count, let shape, let expected, let compressed):
      "\(path) has only \(compressed) bytes of gzip, which cannot hold the \(expected) bytes "
        + "expected for the \(count) images of \(shape) in its header"
    case .trailingBytes(let path, let count, let shape, let expected):
      "\(path) goes on after the \(expected) bytes "
        + "expected for the \(count) images of \(shape) in its header"
    case .unexpectedChannels(let path, let found, let expected):
      "\(path) holds images of \(found == 1 ? "1 channel" : "\(found) channels"), "
        + "expected \(expected)"
    case .unsupportedChannels(let count):
      "images are read as grey (1 channel) or RGB (3 channels), not with \(count)"
    case .unknownKind(let path, let start):
      "\(path) starts with the bytes \(hexadecimal(start)), "
        + "expected a pack, an LMDB, an IDX file (gzipped or not) or a directory"
    case .noImageFiles(let path):
      "\(path) holds no image, expected files named .png, .jpg, .jpeg or .webp"
    case .badImage(let image, let problem):
      "\(image) \(problem)"
    case .allImagesBad(let source, let count, let example):
      "\(source) holds no good image among its \(count); one bad one: \(example)"
    case .badLMDB(let path, let problem):
      "\(path) \(problem)"
    case .badPack(let path, let problem):
      "\(path) \(problem)"
    case .cannotCreate(let path, let reason), .cannotWrite(let path, let reason):
      "\(path) cannot be written: \(reason)"
    case .truncatedGzip(let path):
      "\(path) is a truncated gzip file: it ends before its compressed data does"
    case .corruptGzip(let path, let reason):
      "\(path) is a corrupt gzip file: \(reason)"
    case .batchExceedsImages(let batchSize, let count):
      "a shuffled epoch of \(count) images has no whole batch of \(batchSize), "
        + "expected a batch size of at most \(count)"
    case .loaderStopped(let step):
      "the batch of step \(step) was asked of a loader that has been stopped"
    }
  }

  private func word(_ word: UInt32) -> String {
    let digits = String(word, radix: 16)
    return "0x" + String(repeating: "0", count: 8 - digits.count) + digits
  }

  /// Whether the images or the paths are refused, rather than that a disk fails on the way.
  package var isRefusal: Bool {
    if case .cannotWrite = self { false } else { true }
  }

  /// Whether one image is to blame, so that others can be used.
  var isOfOneImage: Bool {
    if case .badImage = self { true } else { false }
  }
}

/// Bytes as people read them: `89 50 4e`.
func hexadecimal(_ bytes: [UInt8]) -> String {
  bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined(separator: " ")
}

/// The reason that the C library gives for its last failure.
var lastReason: String { String(cString: strerror(errno)) }
