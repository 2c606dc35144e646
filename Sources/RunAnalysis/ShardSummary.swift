import RunFiles

/// What each replica of a run did, in numbers: every column's spread, the differences between
/// replicas, and the drift.
package struct ShardSummary: Encodable, Sendable {
  /// The run's name.
  package let run: String
  package let path: String
  /// Those that have rows in `shards.csv`.
  package let replicas: [Int]
  /// The steps of `shards.csv` that are summarised: how many, the first and the last.
  package let loggedSteps: Int
  package let firstStep: Int
  package let lastStep: Int
  package let columns: [ColumnSummary]
  /// Empty where the objective has no weights.
  package let weights: [WeightShares]
  /// What is damaged or missing in the run directory; sentences.
  package let problems: [String]

  /// Every column that can be asked for, and the table that has it: those of `shards.csv`, then what
  /// `gradients.csv` and `batch_norm.csv` add (the latter as means over all batch norms and passes).
  package static let knownColumns: [(name: String, table: RunTable)] =
    ShardStatistics.columns.map { ($0, $0 == ShardStatistics.gradientNorm ? .gradients : .shards) }
    + [("cosine", .gradients)] + BatchNormDistance.columns.map { ($0, .batchNorm) }

  /// - Parameters:
  ///   - steps: the only ones that count; nil for all.
  ///   - columns: of `knownColumns`; nil for all that the run has.
  /// - Throws: `RunAnalysisError.nothingToShow` where `shards.csv` has no rows in the range, or a
  ///   column is unknown.
  package init(
    _ archive: RunArchive, steps: ClosedRange<Int>? = nil, columns: [String]? = nil
  ) throws(RunAnalysisError) {
    let steps = steps ?? 0...Int.max
    if let unknown = columns?.first(where: { name in !Self.knownColumns.contains { $0.name == name }
    }) {
      throw .unknownColumn(unknown, known: Self.knownColumns.map(\.name))
    }
    guard let shards = archive.shards else {
      throw .nothingToShow(
        run: archive.name,
        reason: archive.problems.first { $0.hasPrefix("shards.csv") } ?? "shards.csv is missing")
    }
    let rows = shards.rowsOfSteps.filter { steps.contains($0.step) }
    guard let first = rows.first, let last = rows.last else {
      throw .nothingToShow(
        run: archive.name,
        reason: shards.count == 0 ? "shards.csv has no rows" : "shards.csv has no such steps")
    }
    (run, path, problems) = (archive.name, archive.path, archive.problems)
    replicas = Set(shards.replicas[first.rows.lowerBound..<last.rows.upperBound]).sorted()
    (loggedSteps, firstStep, lastStep) = (rows.count, first.step, last.step)
    let asked = columns ?? Self.knownColumns.map(\.name)
    self.columns = asked.compactMap { name in
      guard let (table, values) = Self.values(name, archive, steps) else { return nil }
      return ColumnSummary(name, file: "\(table.rawValue).csv", values)
    }
    weights = WeightShares.ofReplicas(shards, steps: steps)
  }

  /// The summary of a column, where the run has it and it was asked for.
  package subscript(column: String) -> ColumnSummary? { columns.first { $0.column == column } }

  /// A column from its table; runs without `gradients.csv` have the norms in `shards.csv` alone.
  private static func values(
    _ column: String, _ archive: RunArchive, _ steps: ClosedRange<Int>
  ) -> (RunTable, ColumnValues)? {
    let wanted = knownColumns.first { $0.name == column }?.table
    let tables = [archive.shards, archive.gradients, archive.batchNorm].compactMap { $0 }
    let candidates = tables.filter { $0.kind == wanted } + tables.filter { $0.kind == .shards }
    for table in candidates {
      if let values = ColumnValues(column, of: table, steps: steps) { return (table.kind, values) }
    }
    return nil
  }
}
