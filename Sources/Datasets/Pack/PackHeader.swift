/// The head of a pack, little-endian:
///
///     0  "SELFPACK"     8  version, 1      12  0
///    16  count         24  height          28  width      32  channels
///    36  CRC-32 of the table of check sums
///    40  CRC-32 of the bytes before
///
/// Zeros follow up to byte 4096, then the images, each height · width · channels levels (HWC); then
/// the table, the CRC-32 of each image.
struct PackHeader: Equatable {
  static let magic = "SELFPACK"
  static let version: UInt32 = 1
  static let byteCount = 44
  /// Where the images begin: on a page of their own.
  static let dataOffset = 4096
  /// More than any disk.
  private static let byteLimit = 1 << 50

  let count: Int
  let shape: ImageShape
  let tableChecksum: UInt32

  init(count: Int, shape: ImageShape, tableChecksum: UInt32) {
    (self.count, self.shape, self.tableChecksum) = (count, shape, tableChecksum)
  }

  /// Reads the head of a file, of which `bytes` are the first, and holds it against the file's size.
  init(_ bytes: [UInt8], fileSize: Int) throws(PackProblem) {
    guard bytes.starts(with: Self.magic.utf8) else {
      throw bytes.starts(with: PackJournal.magic.utf8)
        ? .unfinished : .notAPack(start: Array(bytes.prefix(8)))
    }
    guard bytes.count >= Self.byteCount, fileSize >= Self.dataOffset else {
      throw .truncatedHeader(bytes: fileSize)
    }
    let fields = bytes.withUnsafeBytes { Fields($0) }
    // Before the check sum, which another version may have elsewhere.
    guard fields.version == Self.version else { throw .unknownVersion(fields.version) }
    guard fields.hasRightChecksum else { throw .damagedHeader }
    self = try fields.header()
    guard self.fileSize == fileSize else {
      throw .wrongSize(expected: self.fileSize, found: fileSize)
    }
  }

  private struct Fields {
    let version: UInt32
    let count: UInt64
    let height: UInt32
    let width: UInt32
    let channels: UInt32
    let tableChecksum: UInt32
    let hasRightChecksum: Bool

    init(_ bytes: UnsafeRawBufferPointer) {
      version = bytes.integer(at: 8)
      count = bytes.integer(at: 16)
      height = bytes.integer(at: 24)
      width = bytes.integer(at: 28)
      channels = bytes.integer(at: 32)
      tableChecksum = bytes.integer(at: 36)
      hasRightChecksum =
        bytes.integer(at: 40) == checksum(UnsafeRawBufferPointer(rebasing: bytes[..<40]))
    }

    func header() throws(PackProblem) -> PackHeader {
      let sides: ClosedRange<UInt32> = 1...UInt32(Picture.sideLimit)
      guard sides.contains(height), sides.contains(width), [1, 3].contains(channels),
        count > 0, count <= UInt32.max
      else {
        throw .impossibleShape(count: count, height: height, width: width, channels: channels)
      }
      return PackHeader(
        count: Int(count),
        shape: ImageShape(height: Int(height), width: Int(width), channels: Int(channels)),
        tableChecksum: tableChecksum)
    }
  }

  /// The bytes up to the images.
  var bytes: [UInt8] {
    var bytes = Array(Self.magic.utf8)
    bytes.append(Self.version)
    bytes.append(UInt32(0))
    bytes.append(UInt64(count))
    for field in [shape.height, shape.width, shape.channels] { bytes.append(UInt32(field)) }
    bytes.append(tableChecksum)
    bytes.append(bytes.withUnsafeBytes { checksum($0) })
    return bytes + Array(repeating: 0, count: Self.dataOffset - bytes.count)
  }

  var tableOffset: Int { Self.dataOffset + count * shape.elementCount }
  var fileSize: Int { tableOffset + 4 * count }
}

extension [UInt8] {
  /// Appends the bytes of an integer, the lowest first.
  mutating func append(_ value: some FixedWidthInteger) {
    Swift.withUnsafeBytes(of: value.littleEndian) { append(contentsOf: $0) }
  }
}
