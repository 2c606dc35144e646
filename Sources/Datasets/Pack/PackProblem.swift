/// What can be wrong with a pack: the facts, and the end of a sentence that begins with its path.
package enum PackProblem: Error, Equatable, CustomStringConvertible {
  case truncatedHeader(bytes: Int)
  case notAPack(start: [UInt8])
  case unfinished
  case unknownVersion(UInt32)
  case damagedHeader
  case impossibleShape(count: UInt64, height: UInt32, width: UInt32, channels: UInt32)
  case wrongSize(expected: Int, found: Int)
  case damagedTable

  package var description: String {
    switch self {
    case .truncatedHeader(let bytes):
      "ends after \(bytes) bytes, expected a pack's header of \(PackHeader.dataOffset) bytes"
    case .notAPack(let start):
      "is no pack: it starts with \"\(printable(start))\", "
        + "expected \"\(PackHeader.magic)\""
    case .unfinished:
      "is an unfinished pack: run the same `selfgan data pack` again to go on with it"
    case .unknownVersion(let version):
      "is a pack of version \(version), expected \(PackHeader.version)"
    case .damagedHeader:
      "is a damaged pack: its header does not have its check sum"
    case .impossibleShape(let count, let height, let width, let channels):
      "says that it holds \(count) images of \(height)×\(width)×\(channels), which no pack can"
    case .wrongSize(let expected, let found):
      "is a damaged pack: it has \(found) bytes, expected \(expected)"
    case .damagedTable:
      "is a damaged pack: its table of check sums does not have its own"
    }
  }

  private func printable(_ bytes: [UInt8]) -> String {
    String(
      decoding: bytes.map { (0x20..<0x7F).contains($0) ? $0 : UInt8(ascii: ".") }, as: UTF8.self)
  }
}
