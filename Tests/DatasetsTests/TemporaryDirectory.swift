import Foundation

/// A directory that lives as long as the value.
final class TemporaryDirectory: Sendable {
  let path: String

  init() throws {
    path = FileManager.default.temporaryDirectory.path + "/selfgan-datasets-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  /// Writes a file and returns its path.
  func write(_ bytes: [UInt8], as name: String) throws -> String {
    let file = "\(path)/\(name)"
    try Data(bytes).write(to: URL(fileURLWithPath: file))
    return file
  }

  /// Writes a file that the `gzip` program compresses, and returns its path.
  func writeGzipped(_ bytes: [UInt8], as name: String) throws -> String {
    let plain = try write(bytes, as: name + ".plain")
    let gzip = Process()
    gzip.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    gzip.arguments = ["gzip", "-k", "-S", ".gz", plain]
    try gzip.run()
    gzip.waitUntilExit()
    let file = "\(path)/\(name)"
    try FileManager.default.moveItem(atPath: plain + ".gz", toPath: file)
    return file
  }
}
