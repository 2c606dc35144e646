import Glibc

/// A file that is written under another name, and appears under its own when it is complete.
///
/// One that is given up leaves nothing.
package final class PendingFile {
  private let path: String
  private let file: OutputFile
  private var isPending = true

  /// - Throws: `RunFileError.cannotCreate`
  package init(path: String) throws(RunFileError) {
    self.path = path
    try OutputFile.requireReplaceable(path)
    do throws(RunFileError) {
      file = try OutputFile(path: OutputFile.temporaryPath(beside: path), isNew: true)
    } catch { throw error.naming(path) }
  }

  /// Where it is until it is complete.
  var temporaryPath: String { file.path }

  deinit { if isPending { unlink(file.path) } }

  /// Writes what `body` writes.
  ///
  /// - Throws: what `body` throws; failures to write name the file that there shall be.
  package func write(_ body: (OutputFile) throws(RunFileError) -> Void) throws(RunFileError) {
    do throws(RunFileError) { try body(file) } catch { throw error.naming(path) }
  }

  /// Gives the file its name.
  ///
  /// - Parameter synchronizes: whether to wait until all is on the disk before; otherwise it may be lost if
  ///   the machine fails.
  package func commit(synchronizes: Bool = true) throws(RunFileError) {
    try write { (file) throws(RunFileError) in try file.close(synchronizes: synchronizes) }
    if rename(file.path, path) != 0 {
      throw .cannotWrite(path: path, reason: RunFileError.lastReason)
    }
    isPending = false
  }
}
