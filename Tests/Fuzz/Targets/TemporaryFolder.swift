import Foundation

/// Calls `body` with the path of a folder that holds `files`, by their names, and removes it.
func withTemporaryFolder<Result>(
  _ files: [String: [UInt8]], _ body: (String) throws -> Result
) throws -> Result {
  let path = FileManager.default.temporaryDirectory.path + "/fuzz-\(UUID().uuidString)"
  try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  defer { try? FileManager.default.removeItem(atPath: path) }
  for (name, bytes) in files {
    try Data(bytes).write(to: URL(filePath: "\(path)/\(name)"))
  }
  return try body(path)
}
