/// Numbers with names, of which some may be unknown: one list for JSON and for tables.
package protocol StatisticList: Encodable, Sendable {
  /// In the order in which they are shown.
  var numbers: [(name: String, value: Double?)] { get }
}

private struct StatisticName: CodingKey {
  let stringValue: String
  var intValue: Int? { nil }

  init(stringValue: String) { self.stringValue = stringValue }
  init?(intValue: Int) { nil }
}

extension StatisticList {
  /// An object; what is unknown or not finite is null.
  package func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: StatisticName.self)
    for (name, value) in numbers {
      let finite = value.flatMap { $0.isFinite ? $0 : nil }
      try container.encode(finite, forKey: StatisticName(stringValue: name))
    }
  }
}
