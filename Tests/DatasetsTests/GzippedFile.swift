import Foundation
import TestSupport

extension ScratchDirectory {
  /// Writes a file that the `gzip` program compresses, and returns its path.
  func writeGzipped(_ bytes: [UInt8], as name: String) throws -> String {
    let plain = try write(bytes, as: name + ".plain")
    let gzip = Process()
    gzip.executableURL = URL(filePath: "/usr/bin/env")
    gzip.arguments = ["gzip", "-k", "-S", ".gz", plain]
    try gzip.run()
    gzip.waitUntilExit()
    try FileManager.default.moveItem(atPath: plain + ".gz", toPath: file(name))
    return file(name)
  }
}
