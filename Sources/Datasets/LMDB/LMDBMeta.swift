/// What one of LMDB's two meta pages says of the file (`MDB_meta` in mdb.c, 64-bit little-endian).
struct LMDBMeta {
  static let magic: UInt32 = 0xBEEF_C0DE
  static let version: UInt32 = 1
  /// Of a page's head (`PAGEHDRSZ`).
  static let pageHeadSize = 16
  /// Of the page's head and `MDB_meta`.
  private static let byteCount = pageHeadSize + 136
  private static let metaPage: UInt16 = 0x08

  let pageSize: Int
  let flags: UInt16
  /// Levels of the tree of records.
  let depth: Int
  let recordCount: UInt64
  let root: UInt64
  let lastPage: UInt64
  private let transaction: UInt64

  /// The newer of a file's two meta pages, held against the file's size.
  init(ofFile bytes: UnsafeRawBufferPointer, path: String) throws(DatasetError) {
    func refuse(_ problem: LMDBProblem) -> DatasetError { .badLMDB(path: path, problem) }
    let first = try Self(bytes, at: 0, refuse)
    let second = try Self(bytes, at: first.pageSize, refuse)
    guard first.pageSize == second.pageSize else {
      throw refuse(.badPageSize(UInt32(second.pageSize)))
    }
    self = second.transaction > first.transaction ? second : first
    let (pages, overflow) = lastPage.addingReportingOverflow(1)
    let (expected, tooMany) = pages.multipliedReportingOverflow(by: UInt64(pageSize))
    guard !overflow, !tooMany, expected <= bytes.count else {
      throw refuse(.cutOff(expected: tooMany || overflow ? .max : expected, found: bytes.count))
    }
    guard recordCount > 0 else { throw refuse(.noRecords) }
    // Duplicate, integer or reversed keys.
    guard flags == 0 else { throw refuse(.notPlain(flags: flags)) }
  }

  private init(
    _ bytes: UnsafeRawBufferPointer, at offset: Int, _ refuse: (LMDBProblem) -> DatasetError
  ) throws(DatasetError) {
    guard bytes.count >= offset + Self.byteCount else {
      throw refuse(.tooShort(bytes: bytes.count))
    }
    let page = UnsafeRawBufferPointer(rebasing: bytes[offset...])
    guard page.integer(at: 10, as: UInt16.self) & Self.metaPage != 0,
      page.integer(at: 16) == Self.magic
    else { throw refuse(.notLMDB) }
    let version: UInt32 = page.integer(at: 20)
    guard version == Self.version else { throw refuse(.unknownVersion(version)) }
    // mm_address and mm_mapsize follow; then the databases of free pages, whose padding is the page's
    // size, and of records.
    let size: UInt32 = page.integer(at: 40)
    guard (256...65_536).contains(size), size.nonzeroBitCount == 1 else {
      throw refuse(.badPageSize(size))
    }
    pageSize = Int(size)
    flags = page.integer(at: 92)
    depth = Int(page.integer(at: 94, as: UInt16.self))
    recordCount = page.integer(at: 120)
    root = page.integer(at: 128)
    lastPage = page.integer(at: 136)
    transaction = page.integer(at: 144)
  }
}
