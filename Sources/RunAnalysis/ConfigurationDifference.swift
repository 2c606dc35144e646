import Foundation
import RunConfiguration

/// A key in which the configurations of several runs differ.
package struct ConfigurationDifference: Encodable, Sendable, Equatable {
  package let key: String
  /// One a run, as JSON text; nil where the run's configuration is unknown.
  package let values: [String?]

  /// All of them, in the documented order of the keys, among the runs whose configuration is known.
  package static func between(_ archives: [RunArchive]) -> [ConfigurationDifference] {
    let configurations = archives.map { $0.configuration?.values }
    guard let first = configurations.compactMap({ $0 }).first else { return [] }
    return first.indices.compactMap { index in
      let values = configurations.map { $0?[index].value }
      guard Set(values.compactMap { $0 }).count > 1 else { return nil }
      return ConfigurationDifference(key: first[index].key, values: values)
    }
  }

  /// What is different before the first step, in a sentence or two.
  ///
  /// - Parameter names: of the runs.
  package static func sentence(_ archives: [RunArchive], names: [String]) -> String {
    let differences = between(archives)
    let unknown = zip(archives, names).filter { $0.0.configuration == nil }.map(\.1)
    // A text without its quotation marks.
    let keys = differences.map { difference in
      let values = difference.values.map { $0?.trimmingCharacters(in: ["\""]) ?? "unknown" }
      return differences.count <= mostInFull
        ? "\(difference.key) (\(values.joined(separator: ", ")))" : difference.key
    }
    let known =
      archives.count - unknown.count < 2
      ? "The configurations cannot be compared."
      : keys.isEmpty
        ? "The configurations do not differ."
        : "The configurations differ in \(keys.joined(separator: ", "))."
    return known
      + (unknown.isEmpty ? "" : " Not known is that of \(unknown.joined(separator: ", ")).")
  }

  /// Of more keys than this, the values are left out of a sentence.
  private static let mostInFull = 6
}
