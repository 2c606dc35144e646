import RunAnalysis

extension ShardsText {
  /// A table a column, with all that the tests say.
  func details(_ summary: ShardSummary) -> [String] {
    columns.flatMap { name in
      summary[name].map { details($0) } ?? ["\(name): the run has no such numbers", ""]
    } + (columns.contains(where: WeightShares.columns.contains) ? shares(summary) : [])
  }

  private func details(_ column: ColumnSummary) -> [String] {
    var table = TextTable([
      "replica", "count", "mean", "sd", "min", "5%", "25%", "median", "75%", "95%", "max",
    ])
    for own in column.replicas { table.add(["\(own.replica)"] + cells(own.spread)) }
    table.add(["all"] + cells(column.all))
    let tests = column.differences
    let quarters = column.drift.quarters.map { significant($0) }.joined(separator: ", ")
    var lines = ["\(column.column) (\(column.file))", "\(table)", column.finding]
    if let variance = tests.variance {
      lines.append(
        "variance between replicas \(significant(variance.betweenVariance)), within "
          + "\(significant(variance.withinMeanSquare)); spread in a step "
          + significant(tests.spreadInStep))
      lines.append(
        "ANOVA F = \(significant(variance.statistic)), \(probability(variance.pValue)), "
          + "η² = \(significant(variance.etaSquared)), ω² = \(significant(variance.omegaSquared)); "
          + "with steps as blocks \(probability(tests.blocks?.pValue))")
    }
    if let ranks = tests.ranks {
      lines.append(
        "Kruskal–Wallis H = \(significant(ranks.statistic)), \(probability(ranks.pValue)), "
          + "ε² = \(significant(ranks.epsilonSquared))")
    }
    if let mean = column.drift.mean {
      lines.append(
        "in 1,000 steps the mean changes by \(significant(mean.slope)) (\(probability(mean.pValue)))"
          + (column.drift.spread.map {
            ", the spread by \(significant($0.slope)) (\(probability($0.pValue)))"
          } ?? ""))
    }
    if !quarters.isEmpty { lines.append("means over quarters: \(quarters)") }
    let notes = column.verdict == .unknown ? column.notes.dropFirst() : column.notes[...]
    return lines + (notes + column.cautions).map(wrapped) + [""]
  }

  private func cells(_ spread: Spread) -> [String] {
    ["\(spread.count)"]
      + ([spread.mean, spread.standardDeviation, spread.minimum]
      + [0, 1, 2, 3, 4].map {
        spread.quantiles.indices.contains($0) ? spread.quantiles[$0] : nil
      } + [spread.maximum]).map { significant($0) }
  }

  private func shares(_ summary: ShardSummary) -> [String] {
    guard !summary.weights.isEmpty else { return ["the run has no dynamic weights"] }
    var table = TextTable(
      ["replica", "steps"] + Self.weightNames.map { "own \($0)" }
        + Self.weightNames.map { "all \($0)" })
    for own in summary.weights {
      table.add(
        ["\(own.replica)", "\(own.steps)"]
          + (own.largestOfItsOwn + own.largestAmongReplicas).map { $0.map(percent) ?? "–" })
    }
    return [
      "largest weights (own: share of steps in which a weight was the largest of the replica's three;",
      "all: in which it was the largest of all replicas' ones; ties are split evenly)", "\(table)",
    ]
  }
}
