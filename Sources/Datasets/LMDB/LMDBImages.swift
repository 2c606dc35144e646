/// The values of an LMDB as LSUN publishes them: one compressed image for each key, in the keys' order.
package struct LMDBImages: EncodedImages {
  package let path: String
  private let file: MappedFile
  private let records: [LMDBRecords.Record]

  /// - Parameters:
  ///   - path: the file, or the directory with its `data.mdb`.
  ///   - fraction: how many of the images are used, from the first on.
  /// - Throws: `unreadable`, `badLMDB`
  package init(path: String, fraction: Double = 1) throws(DatasetError) {
    let path = Self.file(at: path)
    let file = try RegularFile(path: path)
    guard file.size > 0 else { throw .badLMDB(path: path, .tooShort(bytes: 0)) }
    self.path = path
    self.file = try file.mapped()
    let meta = try LMDBMeta(ofFile: self.file.bytes, path: path)
    // Every record takes some bytes, whatever the meta page says.
    let count = Int(clamping: min(meta.recordCount, UInt64(file.size)))
    records = try LMDBRecords(
      self.file.bytes, meta, limit: leadingCount(of: count, fraction: fraction), path: path
    ).records
  }

  static let fileName = "data.mdb"

  /// Whether a file starts as LMDB's do.
  static func isLMDB(_ start: [UInt8]) -> Bool {
    start.count >= 20 && start.withUnsafeBytes { $0.integer(at: 16) == LMDBMeta.magic }
  }

  private static func file(at path: String) -> String {
    isDirectory(path) ? "\(path)/\(fileName)" : path
  }

  package var place: String { "LMDB \(path)" }
  package var files: [String] { [path] }
  package var count: Int { records.count }

  package func name(ofRow row: Int) -> String {
    let key = file.bytes[records[row].key].prefix(64)
    let isText = key.allSatisfy { (0x20..<0x7F).contains($0) }
    let text = isText ? String(decoding: key, as: UTF8.self) : hexadecimal(Array(key))
    return "\(path), key \(text)"
  }

  package func promisedFormat(ofRow row: Int) -> ImageFormat? { nil }

  package func withBytes<Value>(
    ofRow row: Int, _ body: (UnsafeRawBufferPointer) throws(ImageProblem) -> Value
  ) throws(ImageProblem) -> Value {
    // The mapping must outlive the body.
    defer { withExtendedLifetime(file) {} }
    return try body(UnsafeRawBufferPointer(rebasing: file.bytes[records[row].value]))
  }
}
