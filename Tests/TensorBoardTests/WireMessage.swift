/// A protobuf message as its wire format has it: the fields by their numbers.
///
/// Source: https://protobuf.dev/programming-guides/encoding/
struct WireMessage {
  enum Field: Equatable {
    /// An integer or an enumeration.
    case number(UInt64)
    /// The bits of a double or a float.
    case bits(UInt64)
    /// Text, bytes or a message.
    case bytes([UInt8])
  }

  enum Failure: Error {
    case truncated
    case unexpectedType(UInt64)
  }

  private var fields: [UInt64: [Field]] = [:]

  init(_ bytes: [UInt8]) throws {
    var rest = bytes[...]
    while !rest.isEmpty {
      let key = try Self.number(&rest)
      let field: Field =
        switch key & 7 {
        case 0: .number(try Self.number(&rest))
        case 1: .bits(try Self.bits(&rest, count: 8))
        case 2: .bytes(try Self.bytes(&rest, count: Int(try Self.number(&rest))))
        case 5: .bits(try Self.bits(&rest, count: 4))
        default: throw Failure.unexpectedType(key & 7)
        }
      fields[key >> 3, default: []].append(field)
    }
  }

  var numbers: [UInt64] { fields.keys.sorted() }

  /// All fields of a number, in their order.
  func all(_ number: UInt64) -> [Field] { fields[number] ?? [] }

  /// The messages in the fields of a number.
  func messages(_ number: UInt64) throws -> [WireMessage] {
    try all(number).compactMap { field in
      guard case .bytes(let bytes) = field else { return nil }
      return try WireMessage(bytes)
    }
  }

  private static func bytes(_ rest: inout ArraySlice<UInt8>, count: Int) throws -> [UInt8] {
    guard rest.count >= count else { throw Failure.truncated }
    defer { rest = rest.dropFirst(count) }
    return Array(rest.prefix(count))
  }

  private static func bits(_ rest: inout ArraySlice<UInt8>, count: Int) throws -> UInt64 {
    try bytes(&rest, count: count).reversed().reduce(0) { $0 << 8 | UInt64($1) }
  }

  private static func number(_ rest: inout ArraySlice<UInt8>) throws -> UInt64 {
    var (number, shift) = (UInt64(0), UInt64(0))
    while let byte = rest.popFirst() {
      number |= UInt64(byte & 0x7F) << shift
      if byte < 0x80 { return number }
      shift += 7
    }
    throw Failure.truncated
  }
}

extension WireMessage.Field {
  static func double(_ value: Double) -> Self { .bits(value.bitPattern) }
  static func float(_ value: Float) -> Self { .bits(UInt64(value.bitPattern)) }
  static func text(_ text: String) -> Self { .bytes(Array(text.utf8)) }
}
