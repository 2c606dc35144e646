import Foundation
import RunAnalysis
import RunFiles

/// The tables of a run's report, from its summary.
enum SummaryTables {
  static func of(_ summary: ShardSummary) -> [ReportTable] {
    let measured = summary.columns.filter { $0.all.count > 0 }
    return [replicas(summary), differences(measured), drift(measured)].filter {
      $0.columns.count > 1 && !$0.rows.isEmpty
    }
  }

  // MARK: A row a replica

  private static func replicas(_ summary: ShardSummary) -> ReportTable {
    let shown = ShardStatistics.leading.compactMap { summary[$0] }.filter { $0.all.count > 0 }
    var table = ReportTable(
      title: "What each replica did",
      note: "Mean ± standard deviation over the logged steps"
        + (summary.weights.isEmpty
          ? "." : "; then in how many of them a weight was the largest of the replica's three.")
        + (shown.contains { !$0.outliers.isEmpty }
          ? " ▲ and ▼: a replica stands apart from the others." : ""),
      columns: [.init("Replica")], rows: summary.replicas.map { [.number(Double($0))] })
    for column in shown {
      let place = table.columns.count
      table.columns.append(.init(quantityName(column.column)))
      for (row, replica) in summary.replicas.enumerated() {
        let spread = column.replicas.first { $0.replica == replica }?.spread
        table.rows[row].append(cell(spread, decimals: decimals(of: column.all)))
        if let outlier = column.outliers.first(where: { $0.replica == replica }) {
          table.marks.append(.init(row: row, column: place, outlier.score > 0 ? .high : .low))
        }
      }
    }
    addShares(of: summary, to: &table)
    return table
  }

  /// "0.6821 ± 0.031"; sorting relies on it that a column has one number of decimals.
  private static func cell(_ spread: Spread?, decimals: Int) -> ReportTable.Cell {
    guard let mean = spread?.mean, mean.isFinite, abs(mean) < largest else {
      return .number(spread?.mean)
    }
    let text = { String(format: "%.\(decimals)f", $0) }
    let deviation = spread?.standardDeviation.flatMap { $0.isFinite && $0 < largest ? $0 : nil }
    return .text(text(mean) + (deviation.map { " ± " + text($0) } ?? ""))
  }

  /// Beyond this no number is written out.
  private static let largest = 1e15

  /// So many that the standard deviation has two significant digits.
  private static func decimals(of spread: Spread) -> Int {
    guard let scale = spread.standardDeviation ?? spread.mean, scale != 0, scale.isFinite else {
      return 4
    }
    return min(6, max(0, 1 - Int(floor(log10(abs(scale))))))
  }

  private static func addShares(of summary: ShardSummary, to table: inout ReportTable) {
    guard !summary.weights.isEmpty else { return }
    for (weight, column) in WeightShares.columns.enumerated() {
      let name = column.dropFirst("weight_".count)
      table.columns.append(
        .init(
          "\(name.capitalized) largest, %",
          help: "In how many of the steps the \(name) weight was the largest of the replica's "
            + "three; ties are split evenly."))
      for (row, replica) in summary.replicas.enumerated() {
        let share = summary.weights.first { $0.replica == replica }?.largestOfItsOwn[weight]
        table.rows[row].append(.number(share.map { ($0 * 1000).rounded() / 10 }))
      }
    }
  }

  // MARK: A row a quantity

  private static func differences(_ columns: [ColumnSummary]) -> ReportTable {
    ReportTable(
      title: "Do the replicas differ?",
      note: "By the test with steps as blocks, and by how much of the variance lies between the "
        + "replicas (ICC below 0.05: little, above 0.25: much). p values take steps as independent: "
        + "they are too small where the effective steps are far fewer than the logged ones.",
      columns: [
        .init("Quantity", numeric: false), .init("Differ", numeric: false),
        .init("ICC", help: "ICC(1): the share of the variance that lies between the replicas."),
        .init("Block p", help: "Of no difference, with each step as a block."),
        .init("F", help: "One-way analysis of variance."), .init("p", help: "Of F."),
        .init("H", help: "Kruskal and Wallis: the same by ranks."), .init("Rank p", help: "Of H."),
        .init("ω²", help: "The effect's size, from the variances."),
        .init("ε²", help: "The effect's size, from the ranks."),
        .init("Variance between", help: "The variance component between replicas."),
        .init("Variance within", help: "The variance component within replicas."),
        .init(
          "Spread in a step",
          help: "The mean over steps of the standard deviation between the replicas of a step."),
        .init("Effective steps", help: "As many independent steps would tell as much."),
      ],
      rows: columns.map { column in
        let tests = column.differences
        let numbers = [
          tests.variance?.intraclassCorrelation, tests.blocks?.pValue, tests.variance?.statistic,
          tests.variance?.pValue, tests.ranks?.statistic, tests.ranks?.pValue,
          tests.variance?.omegaSquared, tests.ranks?.epsilonSquared,
          tests.variance?.betweenVariance, tests.variance?.withinMeanSquare, tests.spreadInStep,
          tests.effectiveSteps?.rounded(),
        ]
        return [.text(quantityName(column.column)), .text(answer(column))]
          + numbers.map { .number($0) }
      },
      marks: columns.enumerated().filter { !$1.outliers.isEmpty }.map { row, _ in
        .init(row: row, column: 1, .note)
      })
  }

  /// Whether the replicas differ in a column, in words.
  private static func answer(_ column: ColumnSummary) -> String {
    let words =
      switch column.verdict {
      case .alike: "no sign"
      case .little: "little"
      case .some: "yes"
      case .much: "much"
      case .unknown: column.notes.first ?? "unknown"
      }
    guard !column.outliers.isEmpty else { return words }
    let numbers = column.outliers.map { "\($0.replica)" }.joined(separator: ", ")
    return column.outliers.count == 1
      ? "\(words); replica \(numbers) stands apart" : "\(words); replicas \(numbers) stand apart"
  }

  private static func drift(_ columns: [ColumnSummary]) -> ReportTable {
    let drifting = columns.filter { $0.drift.mean != nil }
    return ReportTable(
      title: "Drift",
      note: "Lines of least squares through the steps, and means over the quarters of the run.",
      columns: [
        .init("Quantity", numeric: false),
        .init("In 1,000 steps", help: "How the mean over the replicas changes."),
        .init("p", help: "Of no change, with independent steps."),
        .init(
          "Spread in 1,000 steps", help: "How the standard deviation between replicas changes."),
        .init("Spread p"),
      ] + (1...4).map { .init("Quarter \($0)") },
      rows: drifting.map { column in
        let drift = column.drift
        let trends = [
          drift.mean?.slope, drift.mean?.pValue, drift.spread?.slope, drift.spread?.pValue,
        ]
        let quarters = (0..<4).map { drift.quarters.isEmpty ? nil : drift.quarters[$0] }
        return [.text(quantityName(column.column))] + (trends + quarters).map { .number($0) }
      })
  }
}
