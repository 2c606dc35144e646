import Glibc
import RunFiles

/// A regular file of a run, whole in memory, as long as it was when it was opened.
package struct FileBytes {
  /// Without its directory, as sentences call it.
  package let name: String
  package let bytes: [UInt8]

  /// More than the tables of any run that fits into memory.
  package static let largestFile = 4 << 30

  /// - Parameter limit: in bytes.
  /// - Throws: `RunAnalysisError.missing`, `.unreadable`, `.tooBig`
  package init(path: String, limit: Int = largestFile) throws(RunAnalysisError) {
    name = path.split(separator: "/").last.map(String.init) ?? path
    // A pipe would block, or never end.
    let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard descriptor >= 0 else {
      throw errno == ENOENT
        ? .missing(file: name) : .unreadable(file: name, reason: RunFileError.lastReason)
    }
    defer { close(descriptor) }
    var status = stat()
    guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
      throw .unreadable(file: name, reason: "it is not a regular file")
    }
    let size = Int(status.st_size)
    guard size <= limit else { throw .tooBig(file: name, limit: limit) }
    var failure: String?
    bytes = [UInt8](unsafeUninitializedCapacity: size) { buffer, filled in
      while filled < size {
        let part = read(descriptor, buffer.baseAddress.map { $0 + filled }, size - filled)
        if part < 0, errno == EINTR { continue }
        if part < 0 { failure = RunFileError.lastReason }
        if part <= 0 { break }
        filled += part
      }
    }
    if let failure { throw .unreadable(file: name, reason: failure) }
  }

  /// Calls `body` with the number, from 1, and the bytes of every line that ends with a line break;
  /// neither that nor a carriage return before it belongs to them.
  ///
  /// - Returns: the number of the last line where it is cut off, having no line break.
  func forEachLine(_ body: (Int, Span<UInt8>) -> Void) -> Int? {
    let all = bytes.span
    var (number, start) = (1, 0)
    while let end = all.firstIndex(of: UInt8(ascii: "\n"), from: start) {
      let hasReturn = end > start && all[end - 1] == UInt8(ascii: "\r")
      body(number, all.extracting(start..<(hasReturn ? end - 1 : end)))
      (number, start) = (number + 1, end + 1)
    }
    return start < all.count ? number : nil
  }
}

extension Span<UInt8> {
  /// Where `byte` is first found at or after `start`.
  func firstIndex(of byte: UInt8, from start: Int = 0) -> Int? {
    var index = start
    while index < count {
      if self[index] == byte { return index }
      index += 1
    }
    return nil
  }

  /// As text; what is not UTF-8 is replaced.
  var text: String { withUnsafeBufferPointer { String(decoding: $0, as: UTF8.self) } }

  /// A copy.
  var bytes: [UInt8] { withUnsafeBufferPointer { Array($0) } }

  func isEqual(to other: [UInt8]) -> Bool {
    count == other.count && indices.allSatisfy { self[$0] == other[$0] }
  }
}
