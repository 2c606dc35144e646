import Foundation
import Glibc

/// A file that is written from its beginning to its end, with errors that name it.
package final class OutputFile {
  package let path: String
  private var descriptor: Int32
  private var buffer: [UInt8] = []

  private static let bufferSize = 1 << 16

  /// Creates the file, or empties the one that is there.
  ///
  /// - Parameter isNew: whether a file that is there already is an error.
  package init(path: String, isNew: Bool = false) throws(RunFileError) {
    self.path = path
    descriptor = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | (isNew ? O_EXCL : O_TRUNC), 0o644)
    if descriptor < 0 { throw .cannotCreate(path: path, reason: RunFileError.lastReason) }
    buffer.reserveCapacity(Self.bufferSize)
  }

  /// A name beside `path` that no other file of a run has.
  static func temporaryPath(beside path: String) -> String {
    path + ".\(getpid()).\(UInt32.random(in: 0 ... .max)).partial"
  }

  /// - Throws: `RunFileError.cannotCreate` where something stands at `path` that is no regular file, and that renaming would
  ///   destroy: a device, a pipe, a directory.
  static func requireReplaceable(_ path: String) throws(RunFileError) {
    var status = stat()
    guard stat(path, &status) == 0 else { return }
    if status.st_mode & S_IFMT != S_IFREG {
      throw .cannotCreate(path: path, reason: "it exists and is no regular file")
    }
  }

  /// - Throws: `RunFileError.cannotCreate` where no file can be put at `path`.
  package static func requireWritable(_ path: String) throws(RunFileError) {
    try requireReplaceable(path)
    do throws(RunFileError) {
      unlink(try OutputFile(path: temporaryPath(beside: path), isNew: true).path)
    } catch { throw error.naming(path) }
  }

  deinit { if descriptor >= 0 { Glibc.close(descriptor) } }

  package func write(_ text: String) throws(RunFileError) {
    buffer.append(contentsOf: text.utf8)
    if buffer.count >= Self.bufferSize { try flush() }
  }

  package func write(_ bytes: UnsafeRawBufferPointer) throws(RunFileError) {
    if buffer.count + bytes.count >= Self.bufferSize { try flush() }
    if bytes.count >= Self.bufferSize {
      try writeThrough(bytes)
    } else {
      buffer.append(contentsOf: bytes)
    }
  }

  /// Hands what is buffered to the system.
  package func flush() throws(RunFileError) {
    let pending = buffer
    buffer.removeAll(keepingCapacity: true)
    try pending.withUnsafeBytes { bytes in
      Result { () throws(RunFileError) in try writeThrough(bytes) }
    }.get()
  }

  /// Flushes, and waits until the data is on the disk.
  package func close() throws(RunFileError) {
    try flush()
    if fsync(descriptor) != 0, errno != EINVAL, errno != EROFS {
      throw .cannotWrite(path: path, reason: RunFileError.lastReason)
    }
    let status = Glibc.close(descriptor)
    descriptor = -1
    if status != 0 { throw .cannotWrite(path: path, reason: RunFileError.lastReason) }
  }

  private func writeThrough(_ bytes: UnsafeRawBufferPointer) throws(RunFileError) {
    var offset = 0
    while offset < bytes.count {
      let count = Glibc.write(
        descriptor, bytes.baseAddress.map { $0 + offset }, bytes.count - offset)
      if count < 0 {
        if errno == EINTR { continue }
        throw .cannotWrite(path: path, reason: RunFileError.lastReason)
      }
      offset += count
    }
  }

  /// Writes a whole file; it appears complete or not at all.
  package static func write(
    _ contents: some Collection<UInt8>, to path: String
  ) throws(RunFileError) {
    let bytes = Array(contents)
    try writeAtomically(to: path) { (file) throws(RunFileError) in
      try bytes.withUnsafeBytes { bytes in
        Result { () throws(RunFileError) in try file.write(bytes) }
      }.get()
    }
  }

  /// Writes a value as indented JSON; the file appears complete or not at all.
  package static func write(
    json value: some Encodable, to path: String
  ) throws(RunFileError) {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
    let json: Data
    do { json = try encoder.encode(value) } catch {
      throw .cannotWrite(path: path, reason: "\(error)")
    }
    try write(json + "\n".utf8, to: path)
  }

  /// Writes a whole file under another name and renames it: nobody ever sees half of it.
  package static func writeAtomically(
    to path: String, _ body: (OutputFile) throws(RunFileError) -> Void
  ) throws(RunFileError) {
    try requireReplaceable(path)
    let temporary = temporaryPath(beside: path)
    do throws(RunFileError) {
      let file = try OutputFile(path: temporary, isNew: true)
      try body(file)
      try file.close()
    } catch {
      unlink(temporary)
      throw error.naming(path)
    }
    if rename(temporary, path) != 0 {
      let reason = RunFileError.lastReason
      unlink(temporary)
      throw .cannotWrite(path: path, reason: reason)
    }
  }
}
