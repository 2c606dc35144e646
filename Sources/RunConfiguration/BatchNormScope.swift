/// A scope is one word or one number in a file, so its coding is written by hand.
extension Configuration.BatchNorm.Scope: Codable {
  package init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    if let group = try? container.decode(Int.self) {
      self = .group(group)
      return
    }
    switch try container.decode(String.self) {
    case "replica": self = .replica
    case "all": self = .all
    case let word:
      throw DecodingError.dataCorruptedError(
        in: container, debugDescription: "\(excerpt(word)) is not \(Self.expected)")
    }
  }

  package func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    switch self {
    case .replica: try container.encode("replica")
    case .all: try container.encode("all")
    case .group(let count): try container.encode(count)
    }
  }
}

extension Configuration.BatchNorm.Scope: ConfigurationValue {
  static let expected = "replica, all or the number of replicas in a group"
  static let words = ["replica", "all"]

  init?(_ scalar: ConfigurationScalar) {
    switch scalar.text {
    case "replica": self = .replica
    case "all": self = .all
    default:
      guard let count = Int(scalar) else { return nil }
      self = .group(count)
    }
  }

  package var text: String {
    switch self {
    case .replica: "replica"
    case .all: "all"
    case .group(let count): count.text
    }
  }

  var json: String {
    if case .group(let count) = self { count.json } else { doubleQuoted(text) }
  }
}

extension Configuration {
  /// Over how many replicas' examples batch statistics are taken.
  package var replicasOfBatchNorm: Int {
    switch batchNorm.scope {
    case .replica: 1
    case .all: replicas
    case .group(let size): size
    }
  }
}
