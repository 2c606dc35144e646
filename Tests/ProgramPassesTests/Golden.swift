import Foundation
import Testing

/// Expects `text` to be what `Tests/Goldens/programs/<name>.txt` holds. With the environment
/// variable `RECORD_GOLDENS=1` the file is written instead, and the test fails, so that a recording
/// run cannot pass for a test.
func expectGolden(
  _ name: String, _ text: String, sourceLocation: SourceLocation = #_sourceLocation
) throws {
  let file = URL(filePath: #filePath)
    .deletingLastPathComponent().appending(path: "../Goldens/programs/\(name).txt")
  if ProcessInfo.processInfo.environment["RECORD_GOLDENS"] == "1" {
    try text.write(to: file, atomically: true, encoding: .utf8)
    Issue.record(
      "recorded \(name).txt: read it, then run without RECORD_GOLDENS",
      sourceLocation: sourceLocation)
    return
  }
  let expected = try String(contentsOf: file, encoding: .utf8)
  #expect(text == expected, "\(name).txt", sourceLocation: sourceLocation)
}
