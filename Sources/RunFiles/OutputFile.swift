import Foundation
import Glibc

/// A file that is written from its beginning to its end, with errors that name it.
package final class OutputFile {
  package let path: String
  private var descriptor: Int32
  private var buffer: [UInt8] = []
  /// Whether the file began with nothing.
  let isEmpty: Bool

  private static let bufferSize = 1 << 16

  /// Creates the file, or empties the one that is there.
  ///
  /// - Parameter isNew: whether a file that is there already is an error.
  package init(path: String, isNew: Bool = false) throws(RunFileError) {
    self.path = path
    isEmpty = true
    descriptor = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | (isNew ? O_EXCL : O_TRUNC), 0o644)
    if descriptor < 0 { throw .cannotCreate(path: path, reason: RunFileError.lastReason) }
    buffer.reserveCapacity(Self.bufferSize)
  }

  /// How the names of files end that are not complete yet.
  static let partialSuffix = ".partial"

  /// Goes on with a file of lines, of which those at the end are dropped that are not to be kept; a
  /// last line that is cut off goes with them. Where there is no such file, it is created.
  ///
  /// - Parameter keeps: asked of lines, the last one first, until it says yes.
  package init(
    resuming path: String, keeps: (Substring) -> Bool
  ) throws(RunFileError) {
    self.path = path
    try Self.requireReplaceable(path)
    descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o644)
    if descriptor < 0 { throw .cannotCreate(path: path, reason: RunFileError.lastReason) }
    let data: Data
    do { data = try Data(contentsOf: URL(filePath: path)) } catch {
      throw .cannotRead(path: path, reason: error.localizedDescription)
    }
    let lineBreak = UInt8(ascii: "\n")
    var end = data.lastIndex(of: lineBreak).map { $0 + 1 } ?? 0
    while end > 0 {
      let start = data[..<(end - 1)].lastIndex(of: lineBreak).map { $0 + 1 } ?? 0
      if keeps(String(decoding: data[start..<(end - 1)], as: UTF8.self)[...]) { break }
      end = start
    }
    guard ftruncate(descriptor, off_t(end)) == 0, lseek(descriptor, off_t(end), SEEK_SET) >= 0
    else {
      throw .cannotWrite(path: path, reason: RunFileError.lastReason)
    }
    isEmpty = end == 0
    buffer.reserveCapacity(Self.bufferSize)
  }

  /// A name beside `path` that no other file of a run has.
  static func temporaryPath(beside path: String) -> String {
    path + ".\(getpid()).\(UInt32.random(in: 0 ... .max))" + partialSuffix
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

  /// Writes the memory of numbers as it is.
  package func write<Number: BitwiseCopyable>(_ numbers: [Number]) throws(RunFileError) {
    try numbers.withUnsafeBytes { bytes in
      Result { () throws(RunFileError) in try write(bytes) }
    }.get()
  }

  /// Hands what is buffered to the system.
  package func flush() throws(RunFileError) {
    let pending = buffer
    buffer.removeAll(keepingCapacity: true)
    try pending.withUnsafeBytes { bytes in
      Result { () throws(RunFileError) in try writeThrough(bytes) }
    }.get()
  }

  /// Waits until what was handed to the system is on the disk. Another thread may go on writing.
  package func synchronize() throws(RunFileError) {
    if fsync(descriptor) != 0, errno != EINVAL, errno != EROFS {
      throw .cannotWrite(path: path, reason: RunFileError.lastReason)
    }
  }

  /// Flushes, and waits until the data is on the disk unless it is told not to.
  package func close(synchronizes: Bool = true) throws(RunFileError) {
    try flush()
    if synchronizes { try synchronize() }
    let status = Glibc.close(descriptor)
    descriptor = -1
    if status != 0 { throw .cannotWrite(path: path, reason: RunFileError.lastReason) }
  }

  /// Whether writes go past the system's cache, if the file system can do that: of memory, positions and lengths that
  /// are multiples of its blocks. Others end it.
  ///
  /// - Returns: whether that is a change.
  @discardableResult
  func bypassesCache(_ bypasses: Bool) -> Bool {
    let flags = fcntl(descriptor, F_GETFL)
    let wanted = bypasses ? flags | __O_DIRECT : flags & ~__O_DIRECT
    return flags >= 0 && wanted != flags && fcntl(descriptor, F_SETFL, wanted) == 0
  }

  /// Writes over what was written at a position.
  func overwrite(_ bytes: [UInt8], at position: Int) throws(RunFileError) {
    if pwrite(descriptor, bytes, bytes.count, off_t(position)) != bytes.count {
      throw .cannotWrite(path: path, reason: RunFileError.lastReason)
    }
  }

  private func writeThrough(_ bytes: UnsafeRawBufferPointer) throws(RunFileError) {
    var offset = 0
    while offset < bytes.count {
      let count = Glibc.write(
        descriptor, bytes.baseAddress.map { $0 + offset }, bytes.count - offset)
      if count < 0 {
        if errno == EINTR { continue }
        if errno == EINVAL, bypassesCache(false) { continue }
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
    try writeAtomically(to: path) { (file) throws(RunFileError) in try file.write(bytes) }
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
    let file = try PendingFile(path: path)
    try file.write(body)
    try file.commit()
  }

  /// Waits until the names of a directory are on the disk: a file that was renamed into it stays there.
  static func synchronizeDirectory(_ path: String) throws(RunFileError) {
    let descriptor = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard descriptor >= 0 else { throw .cannotWrite(path: path, reason: RunFileError.lastReason) }
    defer { Glibc.close(descriptor) }
    if fsync(descriptor) != 0, errno != EINVAL, errno != EROFS {
      throw .cannotWrite(path: path, reason: RunFileError.lastReason)
    }
  }
}
