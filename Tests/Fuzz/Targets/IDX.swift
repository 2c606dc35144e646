import CZlib
import Datasets
import Foundation

extension FuzzTarget {
  /// MNIST's format, gzipped or plain; as repaired, the bytes gzipped.
  static let idx = FuzzTarget("idx", repaired: gzipped) { bytes in
    try withTemporaryFolder(["images": bytes]) { folder in
      let location = try DatasetLocation.idx(path: "\(folder)/images")
      try readAllImages(of: IDXImages(location))
      try readAllImages(of: IDXImages(location, fraction: 0.5))
    }
  }

  /// Reads every image as levels and as values.
  static func readAllImages(of images: some LevelSource) throws {
    let length = images.shape.elementCount
    var levels = [UInt8](repeating: 0, count: length)
    var values = [Float](repeating: 0, count: length)
    for row in 0..<images.count {
      try levels.withUnsafeMutableBufferPointer { buffer in
        if let start = buffer.baseAddress { try images.readLevels(row: row, into: start) }
      }
      try values.withUnsafeMutableBufferPointer { buffer in
        if let start = buffer.baseAddress { try images.read(row: row, into: start) }
      }
      precondition(
        zip(levels, values).allSatisfy { Float($0) / 127.5 - 1 == $1 },
        "levels and values of image \(row) differ")
    }
    precondition(!images.description.isEmpty)
  }
}

/// What gzip makes of the bytes; nil where they are gzipped already.
@Sendable private func gzipped(_ bytes: [UInt8]) -> [UInt8]? {
  guard !bytes.starts(with: [0x1F, 0x8B]) else { return nil }
  return try? withTemporaryFolder([:]) { folder in
    let path = "\(folder)/images.gz"
    // The lowest level: the fuzzer's time is better spent elsewhere.
    let stream = gzopen(path, "wb1")
    gzwrite(stream, bytes, UInt32(bytes.count))
    gzclose(stream)
    return try Array(Data(contentsOf: URL(filePath: path)))
  }
}
