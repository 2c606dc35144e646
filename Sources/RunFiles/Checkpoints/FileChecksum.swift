import CXXHash

/// The XXH3 checksum of a safetensors file, which is in its metadata: of all bytes, with zeros in its own place.
///
/// It stands first in the header, so that its place is the same in every file.
final class FileChecksum {
  static let key = "checksum"
  static let placeholder = String(repeating: "0", count: 16)
  /// Everything in the file before the digits, without the length of the header.
  static let introduction = Array((SafetensorsHeader.beginning + key + #"":""#).utf8)
  /// Where the digits are in the file.
  static let place: Range<Int> = {
    let start = MemoryLayout<UInt64>.size + introduction.count
    return start..<(start + placeholder.utf8.count)
  }()

  private let state = XXH3_createState()

  init() { XXH3_64bits_reset(state) }

  deinit { XXH3_freeState(state) }

  func update(_ bytes: UnsafeRawBufferPointer) {
    XXH3_64bits_update(state, bytes.baseAddress, bytes.count)
  }

  /// Of all bytes so far: 16 hexadecimal digits in lower case.
  var digits: String {
    let hash = String(XXH3_64bits_digest(state), radix: 16)
    return Self.placeholder.dropLast(hash.count) + hash
  }
}

extension SafetensorsReader {
  /// Makes sure that the file is as it was written.
  ///
  /// - Throws: `RunFileError.damaged`
  package func requireChecksum() throws(RunFileError) {
    let place = FileChecksum.place
    let (found, expected) = withBytes { bytes -> (String, String) in
      guard bytes.count >= place.upperBound,
        bytes[MemoryLayout<UInt64>.size..<place.lowerBound].elementsEqual(FileChecksum.introduction)
      else { return ("none", "one in the beginning of its header") }
      let checksum = FileChecksum()
      checksum.update(UnsafeRawBufferPointer(rebasing: bytes[..<place.lowerBound]))
      Array(FileChecksum.placeholder.utf8).withUnsafeBytes { checksum.update($0) }
      checksum.update(UnsafeRawBufferPointer(rebasing: bytes[place.upperBound...]))
      return (String(decoding: bytes[place], as: UTF8.self), checksum.digits)
    }
    if found != expected { throw .damaged(path: path, found: found, expected: expected) }
  }
}
