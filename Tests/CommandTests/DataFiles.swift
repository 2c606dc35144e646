import Foundation
import TestSupport

/// Image files for the commands to read.
enum DataFiles {
  private static let directory = URL(filePath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent()
    .appending(path: "Goldens/images")

  /// One of Tests/Goldens/images.
  static func golden(_ file: String) throws -> Data {
    try Data(contentsOf: directory.appending(path: file))
  }

  /// A folder of `count` good images, "000.png" and on, and of others.
  static func writeFolder(
    _ name: String, count: Int, others: [String: Data] = [:], in scratch: ScratchDirectory
  ) throws {
    try FileManager.default.createDirectory(
      atPath: scratch.file(name), withIntermediateDirectories: true)
    let files = ["colour.png", "grey.png", "alpha.png", "palette.png"]
    for index in 0..<count {
      try scratch.write(
        golden(files[index % files.count]), as: "\(name)/\(number(index)).png")
    }
    for (file, bytes) in others { try scratch.write(bytes, as: "\(name)/\(file)") }
  }

  /// An IDX file of images of 2 × 2 pixels.
  static func idx(count: UInt32) -> Data {
    var file = Data()
    for word in [0x803, count, 2, 2] {
      withUnsafeBytes(of: word.bigEndian) { file.append(contentsOf: $0) }
    }
    return file + Data((0..<4 * count).map { UInt8(truncatingIfNeeded: $0 &* 7) })
  }

  private static func number(_ index: Int) -> String {
    let digits = String(index)
    return String(repeating: "0", count: 3 - digits.count) + digits
  }
}
