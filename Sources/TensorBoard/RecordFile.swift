import Glibc

/// A file of TFRecords that others may read while it grows: each record is written at once, and one
/// that cannot be written whole is taken back.
package final class RecordFile {
  /// What errors name.
  package let path: String
  private var descriptor: Int32
  /// The end of the last complete record.
  private var end: off_t = 0

  /// - Parameters:
  ///   - path: what errors name.
  ///   - descriptor: an empty file, open for writing, that is now this object's.
  package init(path: String, descriptor: Int32) {
    self.path = path
    self.descriptor = descriptor
  }

  /// Creates the file.
  ///
  /// - Returns: nil where a file of this name exists.
  /// - Throws: `EventFileError.cannotCreate`
  package static func create(path: String) throws(EventFileError) -> RecordFile? {
    let descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o644)
    if descriptor >= 0 { return RecordFile(path: path, descriptor: descriptor) }
    if errno == EEXIST { return nil }
    throw .cannotCreate(path: path, reason: EventFileError.lastReason)
  }

  deinit { if descriptor >= 0 { Glibc.close(descriptor) } }

  /// Writes a record through to the system; after a failure the next one finds the file in order.
  ///
  /// - Throws: `EventFileError.cannotWrite`
  package func append(_ data: [UInt8]) throws(EventFileError) {
    let record = TFRecord.framed(data)
    var written = 0
    while written < record.count {
      let count = record.withUnsafeBytes { bytes in
        pwrite(
          descriptor, bytes.baseAddress.map { $0 + written }, bytes.count - written,
          end + off_t(written))
      }
      if count < 0 {
        if errno == EINTR { continue }
        let reason = EventFileError.lastReason
        // If this fails too, the next record is written over the torn one.
        _ = ftruncate(descriptor, end)
        throw .cannotWrite(path: path, reason: reason)
      }
      written += count
    }
    end += off_t(record.count)
  }

  /// Waits until the records are on the disk.
  ///
  /// - Throws: `EventFileError.cannotWrite`
  package func flush() throws(EventFileError) {
    if fsync(descriptor) != 0, errno != EINVAL, errno != EROFS {
      throw .cannotWrite(path: path, reason: EventFileError.lastReason)
    }
  }

  /// Flushes and closes the file. What is appended afterwards is refused by the system.
  ///
  /// - Throws: `EventFileError.cannotWrite`
  package func close() throws(EventFileError) {
    guard descriptor >= 0 else { return }
    defer { descriptor = -1 }
    do throws(EventFileError) { try flush() } catch {
      Glibc.close(descriptor)
      throw error
    }
    if Glibc.close(descriptor) != 0 {
      throw .cannotWrite(path: path, reason: EventFileError.lastReason)
    }
  }
}
