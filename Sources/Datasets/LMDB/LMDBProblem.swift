/// What can be wrong with an LMDB file: the facts, and the end of a sentence that begins with its path.
package enum LMDBProblem: Equatable, Sendable, CustomStringConvertible {
  case tooShort(bytes: Int)
  case notLMDB
  case unknownVersion(UInt32)
  case badPageSize(UInt32)
  case cutOff(expected: UInt64, found: Int)
  case notPlain(flags: UInt16)
  case noRecords
  case badPage(UInt64, reason: String)

  package var description: String {
    switch self {
    case .tooShort(let bytes):
      "ends after \(bytes) bytes, expected an LMDB file, which has two pages at least"
    case .notLMDB:
      "is no LMDB file: its pages 0 and 1 are not LMDB's meta pages"
    case .unknownVersion(let version):
      "is of version \(version) of LMDB's format, expected \(LMDBMeta.version)"
    case .badPageSize(let size):
      "says that its pages have \(size) bytes, expected a power of two from 256 to 65536"
    case .cutOff(let expected, let found):
      "is cut off: it ends after \(found) bytes, expected \(expected)"
    case .notPlain(let flags):
      "is an LMDB of another kind (flags \(flags)), expected one value for each key, as LSUN's"
    case .noRecords:
      "holds no records, expected images"
    case .badPage(let number, let reason):
      "is damaged: page \(number) \(reason)"
    }
  }
}
