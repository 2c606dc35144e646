import Foundation
import RunAnalysis
import RunFiles

/// Compares runs in their losses and weights. Means are over the last quarter of a run.
enum RunComparison {
  struct Run {
    let name: String
    let archive: RunArchive
    let summary: ShardSummary

    /// The mean of a column over replicas and the last quarter of the logged steps (all of fewer than
    /// four).
    func mean(_ column: String) -> Double? {
      summary[column].flatMap { $0.drift.quarters.last ?? $0.all.mean }
    }
  }

  /// - Parameter runs: two or more.
  static func of(_ runs: [Run]) -> Comparison {
    let shown = ShardStatistics.leading.filter { column in
      runs.contains { ($0.summary[column]?.all.count ?? 0) > 0 }
    }
    let differences = ConfigurationDifference.between(runs.map(\.archive))
    return Comparison(
      headline: [ConfigurationDifference.sentence(runs.map(\.archive), names: runs.map(\.name))]
        + findings(runs, shown),
      tables: [means(runs, shown), spreads(runs, shown)]
        + (differences.isEmpty ? [] : [configurationTable(runs, differences)]),
      charts: runs.count <= mostPlaces ? charts(runs, shown) : [])
  }

  /// More places than this overlap on a screen.
  private static let mostPlaces = 12

  // MARK: Sentences

  /// A value of a configuration as a reader wants it: texts without quotation marks.
  private static func valueText(_ json: String?) -> String {
    json?.trimmingCharacters(in: ["\""]) ?? "unknown"
  }

  private static func findings(_ runs: [Run], _ columns: [String]) -> [String] {
    guard let column = columns.first else { return [] }
    let name = quantityName(column)
    return [
      extremes(runs, "\(name), mean of the last quarter") { $0.mean(column) },
      extremes(runs, "\(name) between the replicas of a step, standard deviation") {
        $0.summary[column]?.differences.spreadInStep
      },
    ].compactMap { $0 }
  }

  /// Nil where fewer than two runs have the number.
  private static func extremes(
    _ runs: [Run], _ quantity: String, _ number: (Run) -> Double?
  ) -> String? {
    let known = runs.compactMap { run in number(run).map { (run.name, $0) } }
    guard known.count > 1, let low = known.min(by: { $0.1 < $1.1 }),
      let high = known.max(by: { $0.1 < $1.1 })
    else { return nil }
    guard low.1 < high.1 else { return "\(quantity): \(low.1.text(digits: 4)) in all runs." }
    return "\(quantity): \(low.1.text(digits: 4)) (\(low.0)) to "
      + "\(high.1.text(digits: 4)) (\(high.0))."
  }

  // MARK: Tables

  private static func means(_ runs: [Run], _ columns: [String]) -> ReportTable {
    ReportTable(
      title: "Means of the runs",
      note: "Over all replicas and the last quarter of the logged steps.",
      columns: [.init("Run", numeric: false), .init("Replicas"), .init("Last step")]
        + columns.map { .init(quantityName($0)) },
      rows: runs.map { run in
        [
          .text(run.name), .number(Double(run.summary.replicas.count)),
          .number(Double(run.summary.lastStep)),
        ] + columns.map { .number(run.mean($0)) }
      })
  }

  private static func spreads(_ runs: [Run], _ columns: [String]) -> ReportTable {
    ReportTable(
      title: "Spread between replicas",
      note: "The mean over steps of the standard deviation between the replicas of a step.",
      columns: [.init("Run", numeric: false)] + columns.map { .init(quantityName($0)) },
      rows: runs.map { run in
        [.text(run.name)] + columns.map { .number(run.summary[$0]?.differences.spreadInStep) }
      })
  }

  /// A row a key and a column a run.
  private static func configurationTable(
    _ runs: [Run], _ differences: [ConfigurationDifference]
  ) -> ReportTable {
    ReportTable(
      title: "Where the configurations differ",
      columns: [.init("Key", numeric: false)]
        + runs.map { .init($0.name, numeric: false) },
      rows: differences.map { difference in
        [.text(difference.key)] + difference.values.map { .text(valueText($0)) }
      })
  }

  // MARK: Charts

  private static func charts(_ runs: [Run], _ columns: [String]) -> [Comparison.Chart] {
    ["loss", "weight"].compactMap { kind in
      let shown = columns.filter { $0.hasPrefix(kind) }
      guard !shown.isEmpty else { return nil }
      return Comparison.Chart(
        title: kind == "loss" ? "Losses" : "Dynamic weights", x: runs.map(\.name), xLabel: "run",
        yLabel: kind, series: shown.map { series($0, runs) },
        note: "Mean over replicas and the last quarter of the steps; 5 to 95% of all values.")
    }
  }

  private static func series(_ column: String, _ runs: [Run]) -> Comparison.Chart.Series {
    let quantiles = runs.map { $0.summary[column]?.all.quantiles ?? [] }
    return Comparison.Chart.Series(
      name: String(column.drop { $0 != "_" }.dropFirst()), mean: runs.map { $0.mean(column) },
      low: quantiles.map(\.first), high: quantiles.map(\.last))
  }
}
