/// The images of a pack, which the system reads from its file where they are touched.
///
/// Each has a check sum of its own, which is verified when it is first read.
package struct PackedImages: LevelSource {
  package let count: Int
  package let shape: ImageShape
  private let path: String
  private let file: MappedFile
  private let header: PackHeader
  /// 1 for the images whose check sum is known to be right.
  private let verified: RowFlags

  /// Throws `unreadable`, and `badPack` where the file is not a whole pack.
  package init(path: String, fraction: Double = 1) throws(DatasetError) {
    self.path = path
    let file = try RegularFile(path: path)
    let start = try file.read(upTo: PackHeader.byteCount)
    do throws(PackProblem) {
      header = try PackHeader(start, fileSize: file.size)
    } catch { throw .badPack(path: path, error) }
    self.file = try file.mapped()
    shape = header.shape
    count = leadingCount(of: header.count, fraction: fraction)
    verified = RowFlags(count: count)
    let table = UnsafeRawBufferPointer(rebasing: self.file.bytes[header.tableOffset...])
    guard checksum(table) == header.tableChecksum else {
      throw .badPack(path: path, .damagedTable)
    }
  }

  package var files: [String] { [path] }

  /// Bytes of the images.
  package var byteCount: Int { count * shape.elementCount }

  package var description: String { "\(count) images of \(shape) from pack \(path)" }

  package func readLevels(
    row: Int, into destination: UnsafeMutablePointer<UInt8>
  ) throws(DatasetError) {
    let bytes = levels(row)
    if verified[row] == 0 { try verify(row) }
    UnsafeMutableRawBufferPointer(start: destination, count: bytes.count).copyMemory(from: bytes)
  }

  /// Verifies the check sum of every image.
  ///
  /// Throws `badImage` for the first damaged one.
  package func verify() throws(DatasetError) {
    let part = (count + Self.parts - 1) / Self.parts
    let errors = concurrently(Self.parts) { (index) throws(DatasetError) in
      for row in index * part..<max(index * part, min((index + 1) * part, count)) {
        try verify(row)
      }
    }
    if let first = errors.min(by: { $0.key < $1.key }) { throw first.value }
  }

  /// What the work of `verify` is divided into.
  private static let parts = 64

  private func verify(_ row: Int) throws(DatasetError) {
    let expected: UInt32 = file.bytes.integer(at: header.tableOffset + 4 * row)
    guard checksum(levels(row)) == expected else {
      throw .badImage(image: "\(path), image \(row)", .wrongChecksum)
    }
    verified[row] = 1
  }

  private func levels(_ row: Int) -> UnsafeRawBufferPointer {
    let length = shape.elementCount
    let start = PackHeader.dataOffset + row * length
    return UnsafeRawBufferPointer(rebasing: file.bytes[start..<start + length])
  }
}
