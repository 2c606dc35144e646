import Foundation

/// Reads TFRecords as their format's page describes them, with a checksum of its own.
struct RecordReader {
  enum Failure: Error { case truncated, wrongChecksum }

  /// The data of all records of a file.
  static func records(ofFile path: String) throws -> [[UInt8]] {
    var rest = Array(try Data(contentsOf: URL(filePath: path)))[...]
    var records: [[UInt8]] = []
    while !rest.isEmpty {
      let length = try checked(&rest, count: 8)
      records.append(try checked(&rest, count: number(length)))
    }
    return records
  }

  private static func checked(_ rest: inout ArraySlice<UInt8>, count: Int) throws -> [UInt8] {
    guard rest.count >= count + 4 else { throw Failure.truncated }
    let data = Array(rest.prefix(count))
    guard number(rest.dropFirst(count).prefix(4)) == Int(masked(checksum(of: data))) else {
      throw Failure.wrongChecksum
    }
    rest = rest.dropFirst(count + 4)
    return data
  }

  private static func number(_ bytes: some BidirectionalCollection<UInt8>) -> Int {
    bytes.reversed().reduce(0) { $0 << 8 | Int($1) }
  }

  /// The division by Castagnoli's polynomial, bit by bit.
  static func checksum(of bytes: [UInt8]) -> UInt32 {
    ~bytes.reduce(UInt32.max) { remainder, byte in
      (0..<8).reduce(remainder ^ UInt32(byte)) { bits, _ in
        bits & 1 == 1 ? bits >> 1 ^ 0x82F6_3B78 : bits >> 1
      }
    }
  }

  static func masked(_ checksum: UInt32) -> UInt32 {
    UInt32(truncatingIfNeeded: (UInt64(checksum) << 32 | UInt64(checksum)) >> 15) &+ 0xA282_EAD8
  }
}
