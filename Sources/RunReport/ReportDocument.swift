import Foundation
import RunAnalysis
import RunConfiguration

/// What a report's page shows: runs, and what they show together. The properties are the keys of the
/// JSON document that the page reads.
package struct ReportDocument: Encodable, Sendable {
  /// How a document has its pictures.
  package enum Images: Sendable {
    /// In itself, as data.
    case embedded
    /// By their places in the run directory, for a page that a server has beside them.
    case linked
  }

  let title: String
  /// When, in ISO 8601.
  let generated: String
  /// The program and its version.
  let program: String
  let runs: [ReportedRun]
  @OrNull var comparison: Comparison?

  /// - Parameters:
  ///   - title: nil takes the names of the runs.
  ///   - comparison: nil compares the runs in their losses and weights, where they are several.
  ///   - isExpected: whether a problem of a run is in the nature of things, and not shown.
  /// - Complexity: O(rows) for curves, O(rows · log rows) for tables.
  package init(
    archives: [RunArchive], title: String? = nil, comparison: Comparison? = nil, samples: Images,
    isExpected: (String) -> Bool = { _ in false }
  ) {
    let names = Self.names(of: archives)
    let summaries = archives.map { try? ShardSummary($0) }
    let allReplicas = archives.reduce(0) { $0 + $1.shownReplicas.count }
    let mostSamples = min(60, max(2, 120 / max(1, archives.count)))
    let runs = archives.indices.map { index in
      let archive = archives[index]
      return ReportedRun(
        archive, name: names[index], summary: summaries[index],
        problems: archive.problems.filter { !isExpected($0) }, images: samples,
        limits: .init(
          buckets: StepBuckets.limit(
            replicas: archive.shownReplicas.count, replicasOfAllRuns: allReplicas),
          samples: mostSamples))
    }
    let compared = archives.indices.compactMap { index in
      summaries[index].map {
        RunComparison.Run(name: names[index], archive: archives[index], summary: $0)
      }
    }
    self.init(
      title: title ?? Self.title(names), runs: runs,
      comparison: comparison ?? (compared.count > 1 ? RunComparison.of(compared) : nil))
  }

  /// A document that says why there is none of a run.
  package init(name: String, path: String, problem: String, title: String? = nil) {
    self.init(
      title: title ?? name, runs: [ReportedRun(name: name, path: path, problem: problem)],
      comparison: nil)
  }

  private init(title: String, runs: [ReportedRun], comparison: Comparison?) {
    self.title = title
    self.runs = runs
    self.comparison = comparison
    generated = Date().formatted(.iso8601)
    program = "selfgan \(programVersion)"
  }

  /// Whether any run has logged or drawn anything.
  package var hasResults: Bool { runs.contains(where: \.hasResults) }

  /// All that is damaged or missing, a sentence each, with the run's name.
  package var problems: [String] {
    runs.flatMap { run in run.problems.map { "\(run.name): \($0)" } }
  }

  /// The document as JSON in UTF-8.
  package func json() throws -> [UInt8] {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.withoutEscapingSlashes, .sortedKeys]
    return Array(try encoder.encode(self))
  }

  /// The directories' names; the paths of those that share one.
  private static func names(of archives: [RunArchive]) -> [String] {
    archives.map { archive in
      archives.count { $0.name == archive.name } > 1 ? archive.path : archive.name
    }
  }

  private static func title(_ names: [String]) -> String {
    names.count <= 3 ? names.joined(separator: ", ") : "\(names.count) runs"
  }
}
