/// What there is to say of one column of a run's tables.
package struct ColumnSummary: Encodable, Sendable {
  package let column: String
  /// The table's file.
  package let file: String
  /// All replicas together.
  package let all: Spread
  /// One a replica that has rows, ascending.
  package let replicas: [ReplicaSpread]
  package let differences: ReplicaDifferences
  package let outliers: [OutlierReplica]
  package let drift: ColumnDrift
  /// What `differences` come to.
  package let verdict: ReplicaDifferences.Verdict
  /// Why something above is unknown; sentences.
  package let notes: [String]
  /// What to keep in mind of the p values; sentences.
  package let cautions: [String]

  init(_ column: String, file: String, _ values: ColumnValues) {
    (self.column, self.file) = (column, file)
    all = values.spread
    replicas = values.spreads
    let differences = ReplicaDifferences(values)
    let outliers = OutlierReplica.among(values, differences)
    self.differences = differences
    self.outliers = outliers ?? []
    drift = ColumnDrift(values)
    verdict = differences.verdict
    notes =
      Self.gaps(all)
      + (all.count == 0 ? [] : Self.limits(values, differences, isConstant: all.isConstant))
      + (outliers == nil
        ? ["at least half of the replicas' means are equal: no outliers are looked for"] : [])
    cautions = Self.cautions(differences)
  }

  private static func gaps(_ all: Spread) -> [String] {
    if all.count + all.notMeasured + all.notFinite == 0 { return ["there are no rows"] }
    if all.count + all.notFinite == 0 { return ["not measured"] }
    var notes: [String] = []
    if all.notFinite > 0 {
      notes.append(
        all.notFinite == 1
          ? "1 value is not finite and left out"
          : "\(all.notFinite) values are not finite and left out")
    }
    if all.count == 0 { notes.append("there is no finite value") }
    return notes
  }

  private static func limits(
    _ values: ColumnValues, _ differences: ReplicaDifferences, isConstant: Bool
  ) -> [String] {
    var notes: [String] = []
    if isConstant {
      notes.append("all values are equal: nothing to compare")
    } else if values.replicas.count(where: { !$0.values.isEmpty }) < 2 {
      notes.append("one replica: nothing to compare it with")
    } else if differences.variance == nil {
      notes.append("one value a replica: differences cannot be told from chance")
    } else if differences.variance?.withinMeanSquare == 0 {
      notes.append("each replica keeps one value: F is infinite")
    }
    if values.steps.count < 2 {
      notes.append("one step: there is no drift")
    } else if values.steps.count < 4 {
      notes.append("fewer than four steps: there are no quarters")
    }
    return notes
  }

  private static func cautions(_ differences: ReplicaDifferences) -> [String] {
    guard differences.stepsDepend, let correlation = differences.lagOneAutocorrelation,
      let effective = differences.effectiveSteps
    else { return [] }
    return [
      "steps depend on each other (lag-1 autocorrelation \((correlation * 100).rounded() / 100); "
        + "\(differences.steps) count as about \(Int(max(1, effective.rounded())))): p values take them as "
        + "independent, and are too small"
    ]
  }
}
