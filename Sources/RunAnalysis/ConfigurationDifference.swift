import RunConfiguration

/// A key in which the configurations of several runs differ.
package struct ConfigurationDifference: Encodable, Sendable, Equatable {
  package let key: String
  /// One a run whose configuration is known, as JSON text.
  package let values: [String]

  /// All of them, in the documented order of the keys; runs whose configuration is unknown do not
  /// count.
  package static func between(_ archives: [RunArchive]) -> [ConfigurationDifference] {
    let configurations = archives.compactMap(\.configuration).map(\.values)
    guard let first = configurations.first else { return [] }
    return first.indices.compactMap { index in
      let values = configurations.map { $0[index].value }
      guard Set(values).count > 1 else { return nil }
      return ConfigurationDifference(key: first[index].key, values: values)
    }
  }
}
