import Foundation

/// The size in bytes of the regular file at `path`; throws `unreadable` for anything else.
@discardableResult
func requireRegularFile(at path: String) throws(DatasetError) -> Int {
  var status = stat()
  guard stat(path, &status) == 0 else {
    throw .unreadable(path: path, reason: lastReason)
  }
  // A pipe or a device would block, or never end.
  guard status.st_mode & S_IFMT == S_IFREG else {
    throw .unreadable(path: path, reason: "it is not a regular file")
  }
  return Int(status.st_size)
}

func isDirectory(_ path: String) -> Bool {
  var status = stat()
  return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
}

/// A regular file that is open for reading.
struct RegularFile: ~Copyable {
  let path: String
  /// In bytes, when it was opened.
  let size: Int
  private let descriptor: Int32

  /// Throws `unreadable`, also for what is no regular file.
  init(path: String) throws(DatasetError) {
    // A pipe would block, or never end.
    let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard descriptor >= 0 else { throw .unreadable(path: path, reason: lastReason) }
    var status = stat()
    guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
      close(descriptor)
      throw .unreadable(path: path, reason: "it is not a regular file")
    }
    self.path = path
    self.descriptor = descriptor
    size = Int(status.st_size)
  }

  deinit { close(descriptor) }

  /// The first `count` bytes, or fewer where the file ends before.
  func read(upTo count: Int) throws(DatasetError) -> [UInt8] {
    var failure: DatasetError?
    let bytes = [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
      while filled < count {
        let part = pread(descriptor, buffer.baseAddress.map { $0 + filled }, count - filled, filled)
        if part < 0, errno == EINTR { continue }
        if part < 0 { failure = .unreadable(path: path, reason: lastReason) }
        if part <= 0 { break }
        filled += part
      }
    }
    if let failure { throw failure }
    return bytes
  }

  /// Maps the whole file, which must not be empty.
  func mapped() throws(DatasetError) -> MappedFile {
    guard let address = mmap(nil, size, PROT_READ, MAP_SHARED, descriptor, 0),
      address != MAP_FAILED
    else { throw .unreadable(path: path, reason: lastReason) }
    // Rows are drawn at random: reading ahead would only fill the memory.
    madvise(address, size, MADV_RANDOM)
    return MappedFile(bytes: UnsafeRawBufferPointer(start: address, count: size))
  }
}

/// The bytes of a file, which the system reads where they are touched. They stay as long as this.
final class MappedFile: @unchecked Sendable {
  // Unchecked: the bytes are only read.
  let bytes: UnsafeRawBufferPointer

  fileprivate init(bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

  deinit { munmap(UnsafeMutableRawPointer(mutating: bytes.baseAddress), bytes.count) }
}

extension UnsafeRawBufferPointer {
  /// The little-endian integer at a byte offset, which must be within the bytes.
  func integer<Value: FixedWidthInteger>(at offset: Int, as type: Value.Type = Value.self) -> Value
  {
    Value(littleEndian: loadUnaligned(fromByteOffset: offset, as: type))
  }
}
