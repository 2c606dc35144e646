import RunAnalysis

/// Why a small file of a run is not shown; a sentence without its subject.
struct UnusableFile: Error {
  let reason: String
}

/// The bytes of a regular file.
///
/// - Parameter limit: in bytes.
/// - Throws: `UnusableFile` where it is something else (a pipe would block), larger, or unreadable.
func contents(ofSmallFile path: String, limit: Int) throws(UnusableFile) -> [UInt8] {
  do throws(RunAnalysisError) { return try FileBytes(path: path, limit: limit).bytes } catch {
    if case .tooBig = error { throw UnusableFile(reason: "is larger than \(limit >> 10) KiB") }
    throw UnusableFile(reason: "cannot be read")
  }
}
