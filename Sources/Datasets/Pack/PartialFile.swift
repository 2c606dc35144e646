import Foundation

/// A file that grows beside the one that it is to become.
struct PartialFile: ~Copyable {
  /// What the file is to become, which errors name.
  private let output: String
  private let path: String
  private let descriptor: Int32

  static func path(for output: String) -> String { output + ".partial" }

  /// Opens the file, or creates it, and keeps other processes from doing so.
  ///
  /// Throws `cannotCreate`, also where `output` is there and is no regular file.
  init(for output: String) throws(DatasetError) {
    self.output = output
    path = Self.path(for: output)
    var status = stat()
    if stat(output, &status) == 0, status.st_mode & S_IFMT != S_IFREG {
      throw .cannotCreate(path: output, reason: "it is not a regular file")
    }
    let descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0o666)
    guard descriptor >= 0 else { throw .cannotCreate(path: output, reason: lastReason) }
    guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
      close(descriptor)
      throw .cannotCreate(path: path, reason: "it is not a regular file")
    }
    guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
      close(descriptor)
      throw .cannotCreate(path: output, reason: "another process is packing into it")
    }
    self.descriptor = descriptor
  }

  deinit { close(descriptor) }

  /// Fills `buffer` from a place in the file, and returns whether the file has so many bytes.
  func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int) -> Bool {
    var done = 0
    while done < buffer.count {
      let part = pread(
        descriptor, buffer.baseAddress.map { $0 + done }, buffer.count - done, offset + done)
      if part < 0, errno == EINTR { continue }
      if part <= 0 { return false }
      done += part
    }
    return true
  }

  /// Throws `cannotWrite`.
  func write(_ bytes: UnsafeRawBufferPointer, at offset: Int) throws(DatasetError) {
    var done = 0
    while done < bytes.count {
      let part = pwrite(
        descriptor, bytes.baseAddress.map { $0 + done }, bytes.count - done, offset + done)
      if part < 0, errno == EINTR { continue }
      guard part > 0 else { throw .cannotWrite(path: output, reason: lastReason) }
      done += part
    }
  }

  func write(_ bytes: [UInt8], at offset: Int) throws(DatasetError) {
    try bytes.withUnsafeBufferPointer { (bytes) throws(DatasetError) in
      try write(UnsafeRawBufferPointer(bytes), at: offset)
    }
  }

  /// Ends the file after so many bytes. Throws `cannotWrite`.
  func truncate(to size: Int) throws(DatasetError) { try require(ftruncate(descriptor, size)) }

  /// Waits until what was written is on the disk. Throws `cannotWrite`.
  func synchronize() throws(DatasetError) { try require(fdatasync(descriptor)) }

  /// Puts the file in the place of the output, at once and for good. Throws `cannotWrite`.
  func publish() throws(DatasetError) {
    try require(fsync(descriptor))
    try require(rename(path, output))
    // The directory remembers the new name only when it is written as well.
    let place = URL(filePath: output).deletingLastPathComponent().path
    let directory = open(place, O_RDONLY | O_CLOEXEC)
    if directory >= 0 {
      fsync(directory)
      close(directory)
    }
  }

  func remove() { unlink(path) }

  private func require(_ result: Int32) throws(DatasetError) {
    guard result == 0 else { throw .cannotWrite(path: output, reason: lastReason) }
  }
}
