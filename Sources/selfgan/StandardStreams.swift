@preconcurrency import Glibc

/// Where results go.
enum StandardOutput {
  struct NotWritten: Error, CustomStringConvertible {
    /// Nil where that was found out before.
    let reason: String?

    var description: String {
      ["standard output could not be written", reason].compactMap { $0 }.joined(separator: ": ")
    }
  }

  /// Makes sure that all that was printed has been written.
  static func finish() throws(NotWritten) {
    if fflush(stdout) != 0 { throw NotWritten(reason: String(cString: strerror(errno))) }
    if ferror(stdout) != 0 { throw NotWritten(reason: nil) }
  }
}

/// Where progress and complaints go. Whoever cannot be told (a full disk, a closed pipe) does not end the command.
enum StandardError {
  static func write(_ text: String) {
    var rest = Array(text.utf8)[...]
    while !rest.isEmpty {
      let count = rest.withUnsafeBytes { Glibc.write(STDERR_FILENO, $0.baseAddress, $0.count) }
      if count < 0, errno == EINTR { continue }
      if count <= 0 { return }
      rest = rest.dropFirst(count)
    }
  }
}
