/// The records of an LMDB file in the order of their keys, by a walk through its tree in which every
/// page, offset and length is checked before it is followed.
///
/// liblmdb trusts what stands in a page: of 400 files with one bit changed in a page's head, 3 ended the
/// process, and a page number outside the file would do so by SIGBUS.
struct LMDBRecords {
  /// Where a key and its value are in the file.
  struct Record {
    let key: Range<Int>
    let value: Range<Int>
  }

  private(set) var records: [Record] = []
  private let bytes: UnsafeRawBufferPointer
  private let meta: LMDBMeta
  private let path: String
  private let limit: Int
  private var pagesVisited: UInt64 = 0

  /// As many as the tree's depth needs at most (`CURSOR_STACK` in mdb.c).
  private static let depthLimit = 32

  /// - Parameter limit: how many records are wanted, from the first.
  init(
    _ bytes: UnsafeRawBufferPointer, _ meta: LMDBMeta, limit: Int, path: String
  ) throws(DatasetError) {
    (self.bytes, self.meta, self.path, self.limit) = (bytes, meta, path, limit)
    guard (1...Self.depthLimit).contains(meta.depth) else {
      throw refusal(meta.root, "is the root of \(meta.depth) levels")
    }
    try walk(meta.root, levels: meta.depth)
    guard records.count == limit else {
      throw refusal(meta.root, "leads to \(records.count) records, expected \(limit)")
    }
  }

  private mutating func walk(_ number: UInt64, levels: Int) throws(DatasetError) {
    // A tree has no page twice; a ring of pages would have no end.
    pagesVisited += 1
    guard pagesVisited <= meta.lastPage else { throw refusal(number, "is reached too often") }
    let page = try page(number, kind: levels == 1 ? .leaf : .branch)
    let nodeCount = try nodeCount(of: page)
    for index in 0..<nodeCount where records.count < limit {
      let node = try node(index, of: page)
      if levels > 1 {
        try walk(node.child, levels: levels - 1)
      } else {
        records.append(Record(key: node.key, value: try value(of: node, on: page)))
      }
    }
  }

  // MARK: Pages

  private enum PageKind: UInt16 {
    case branch = 0x01
    case leaf = 0x02
    case overflow = 0x04

    /// All that may be set, but for one that says that a page has been changed in memory.
    static let mask: UInt16 = 0x6F
  }

  private struct Page {
    let number: UInt64
    let bytes: Range<Int>
  }

  private func page(_ number: UInt64, kind: PageKind) throws(DatasetError) -> Page {
    guard number > 1, number <= meta.lastPage else {
      throw refusal(number, "is asked for, of \(meta.lastPage + 1)")
    }
    let start = Int(number) * meta.pageSize
    guard bytes.integer(at: start) == number,
      bytes.integer(at: start + 10) & PageKind.mask == kind.rawValue
    else { throw refusal(number, "is not the \(kind) page that it should be") }
    return Page(number: number, bytes: start..<start + meta.pageSize)
  }

  /// A page's head is followed by the offsets of its nodes, of two bytes each.
  private func nodeCount(of page: Page) throws(DatasetError) -> Int {
    let end = Int(bytes.integer(at: page.bytes.lowerBound + 12, as: UInt16.self))
    guard end >= LMDBMeta.pageHeadSize, end <= meta.pageSize else {
      throw refusal(page.number, "has a list of nodes that ends at byte \(end)")
    }
    return (end - LMDBMeta.pageHeadSize) / 2
  }

  // MARK: Nodes

  /// Two words of 16 bits, flags, the key's length and the key; on a leaf, then the value.
  private struct Node {
    static let headSize = 8
    let words: UInt32
    let flags: UInt16
    let key: Range<Int>

    /// On a branch the flags are the upper part of the child's number.
    var child: UInt64 { UInt64(words) | UInt64(flags) << 32 }
    var valueSize: Int { Int(words) }
    /// The value is on pages of its own, whose first one's number stands in its place.
    var isOnOverflowPages: Bool { flags == 0x01 }
  }

  private func node(_ index: Int, of page: Page) throws(DatasetError) -> Node {
    let entry = page.bytes.lowerBound + LMDBMeta.pageHeadSize + 2 * index
    let start = page.bytes.lowerBound + Int(bytes.integer(at: entry, as: UInt16.self))
    let key = start + Node.headSize
    guard key <= page.bytes.upperBound else {
      throw refusal(page.number, "has node \(index) outside of it")
    }
    let keySize = Int(bytes.integer(at: start + 6, as: UInt16.self))
    guard key + keySize <= page.bytes.upperBound else {
      throw refusal(page.number, "has a key of \(keySize) bytes that ends outside of it")
    }
    return Node(
      words: bytes.integer(at: start), flags: bytes.integer(at: start + 4), key: key..<key + keySize
    )
  }

  private func value(of node: Node, on page: Page) throws(DatasetError) -> Range<Int> {
    let start = node.key.upperBound
    if node.isOnOverflowPages {
      guard start + 8 <= page.bytes.upperBound else {
        throw refusal(page.number, "has a page number that ends outside of it")
      }
      return try overflowValue(firstPage: bytes.integer(at: start), size: node.valueSize)
    }
    guard node.flags == 0 else {
      throw refusal(page.number, "holds a database within the database, expected images")
    }
    guard start + node.valueSize <= page.bytes.upperBound else {
      throw refusal(page.number, "has a value of \(node.valueSize) bytes that ends outside of it")
    }
    return start..<start + node.valueSize
  }

  private func overflowValue(firstPage: UInt64, size: Int) throws(DatasetError) -> Range<Int> {
    let page = try page(firstPage, kind: .overflow)
    let count = Int(bytes.integer(at: page.bytes.lowerBound + 12, as: UInt32.self))
    let start = page.bytes.lowerBound + LMDBMeta.pageHeadSize
    let end = page.bytes.lowerBound + count * meta.pageSize
    guard count > 0, firstPage + UInt64(count) - 1 <= meta.lastPage, start + size <= end else {
      throw refusal(firstPage, "and \(count - 1) more cannot hold a value of \(size) bytes")
    }
    return start..<start + size
  }

  private func refusal(_ page: UInt64, _ reason: String) -> DatasetError {
    .badLMDB(path: path, .badPage(page, reason: reason))
  }
}
