import Foundation

/// Why a small file of a run is not shown; a sentence without its subject.
struct UnusableFile: Error {
  let reason: String
}

/// The bytes of a regular file.
///
/// - Parameter limit: in bytes.
/// - Throws: `UnusableFile` where it is something else (a pipe would block), larger, or unreadable.
func contents(ofSmallFile path: String, limit: Int) throws(UnusableFile) -> [UInt8] {
  let attributes = try? FileManager.default.attributesOfItem(
    atPath: URL(filePath: path).resolvingSymlinksInPath().path)
  guard attributes?[.type] as? FileAttributeType == .typeRegular,
    let file = FileHandle(forReadingAtPath: path)
  else { throw UnusableFile(reason: "cannot be read") }
  defer { try? file.close() }
  let data: Data
  do {
    // Nil stands for the end of the file.
    data = try file.read(upToCount: limit + 1) ?? Data()
  } catch {
    throw UnusableFile(reason: "cannot be read")
  }
  guard data.count <= limit else {
    throw UnusableFile(reason: "is larger than \(limit >> 10) KiB")
  }
  return Array(data)
}
