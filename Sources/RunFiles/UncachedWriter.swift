import Glibc

/// Writes large memory into a new file past the system's page cache, where the file system allows that (`O_DIRECT`).
///
/// The cache would cost a second copy of everything, in the kernel, beside threads that compute. Bytes go through a buffer that
/// stays in the processor's own cache.
final class UncachedWriter {
  private static let capacity = 1 << 20
  /// What addresses, positions and lengths must be multiples of.
  private static let block = 4096

  private let file: OutputFile
  private let buffer = UnsafeMutableRawBufferPointer.allocate(
    byteCount: capacity, alignment: block)
  private var count = 0
  /// Sees all bytes while they are near.
  private let checksum: FileChecksum

  /// - Parameter file: at its beginning.
  init(_ file: OutputFile, checksum: FileChecksum) {
    self.file = file
    self.checksum = checksum
    file.bypassesCache(true)
  }

  deinit { buffer.deallocate() }

  func append<Number: BitwiseCopyable>(_ numbers: [Number]) throws(RunFileError) {
    try numbers.withUnsafeBytes { bytes in
      Result { () throws(RunFileError) in try append(bytes) }
    }.get()
  }

  private func append(_ bytes: UnsafeRawBufferPointer) throws(RunFileError) {
    var rest = bytes
    while !rest.isEmpty {
      let part = min(rest.count, Self.capacity - count)
      let place = UnsafeMutableRawBufferPointer(rebasing: buffer[count..<(count + part)])
      place.copyMemory(from: UnsafeRawBufferPointer(rebasing: rest[..<part]))
      checksum.update(UnsafeRawBufferPointer(place))
      count += part
      rest = UnsafeRawBufferPointer(rebasing: rest[part...])
      if count == Self.capacity { try drain() }
    }
  }

  /// Writes the rest, which need not be a whole block.
  func finish() throws(RunFileError) {
    file.bypassesCache(false)
    try drain()
  }

  private func drain() throws(RunFileError) {
    try file.write(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
    try file.flush()
    count = 0
  }
}
