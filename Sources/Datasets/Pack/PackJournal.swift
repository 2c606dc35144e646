/// How far an unfinished pack has come; it stands where the header will be. Little-endian:
///
///     0  "SELFPART"     8  version, 1      12  CRC-32 of the check sums of all images so far
///    16  fingerprint of the images and how they are packed
///    24  rows of the source that are done
///    32  images in the file               40  bad images that were left out
///    48  CRC-32 of the bytes before
struct PackJournal: Equatable {
  static let magic = "SELFPART"
  private static let byteCount = 52

  let fingerprint: UInt64
  /// Of the table that belongs to the images so far.
  var tableChecksum: UInt32 = 0
  var rows = 0
  var images = 0
  var skipped = 0

  init(fingerprint: UInt64) { self.fingerprint = fingerprint }

  /// Nil where the bytes, the first of a file, are no journal of this version.
  init?(_ bytes: [UInt8]) {
    guard bytes.count >= Self.byteCount, bytes.starts(with: Self.magic.utf8) else { return nil }
    let whole = bytes.withUnsafeBytes { Self(whole: $0) }
    guard let whole else { return nil }
    self = whole
  }

  private init?(whole bytes: UnsafeRawBufferPointer) {
    func number(at offset: Int) -> Int {
      Int(clamping: bytes.integer(at: offset, as: UInt64.self))
    }
    guard bytes.integer(at: 8) == PackHeader.version,
      bytes.integer(at: 48) == checksum(UnsafeRawBufferPointer(rebasing: bytes[..<48]))
    else { return nil }
    tableChecksum = bytes.integer(at: 12)
    fingerprint = bytes.integer(at: 16)
    (rows, images, skipped) = (number(at: 24), number(at: 32), number(at: 40))
  }

  var bytes: [UInt8] {
    var bytes = Array(Self.magic.utf8)
    bytes.append(PackHeader.version)
    bytes.append(tableChecksum)
    bytes.append(fingerprint)
    for number in [rows, images, skipped] { bytes.append(UInt64(number)) }
    bytes.append(bytes.withUnsafeBytes { checksum($0) })
    return bytes
  }
}
