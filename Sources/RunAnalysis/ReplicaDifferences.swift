import Statistics

/// How much the replicas differ in a column, with the replicas as groups of values over the steps.
///
/// The tests but that with blocks take steps as independent; where they are not, p values are too
/// small. What cannot be said is nil.
package struct ReplicaDifferences: StatisticList {
  /// One-way analysis of variance; `withinMeanSquare` is the variance within replicas.
  package let variance: VarianceAnalysis?
  /// Kruskal and Wallis: the same by ranks.
  package let ranks: RankAnalysis?
  /// Two-way, with each step as a block: what all replicas have in common in a step is no difference.
  /// Of the steps in which all replicas have values.
  package let blocks: BlockAnalysis?
  /// The mean over steps of the standard deviation between the replicas of a step.
  package let spreadInStep: Double?
  /// Of the steps' means: Σ (xₜ − x̄)(xₜ₊₁ − x̄) / Σ (xₜ − x̄)². Nil for fewer than three steps, and
  /// where all are equal.
  package let lagOneAutocorrelation: Double?
  /// n·(1 − r₁)/(1 + r₁), at most n, for n steps with the autocorrelation r₁ (Bayley and Hammersley
  /// 1946, for an autoregressive series).
  package let effectiveSteps: Double?
  /// How many steps have values.
  package let steps: Int

  /// The finding in a word.
  package enum Verdict: String, Encodable, Sendable {
    /// No sign of a difference: p of the test with blocks, or without where there are none, is 5% or
    /// more.
    case alike
    /// Less than 5%, less than 25%, or more of the variance lies between the replicas, by the
    /// intraclass correlation.
    case little, some, much
    /// Nothing can be said; notes say why.
    case unknown
  }

  package var verdict: Verdict {
    guard let p = blocks?.pValue ?? variance?.pValue,
      let share = variance?.intraclassCorrelation
    else { return .unknown }
    return p >= 0.05 ? .alike : share < 0.05 ? .little : share < 0.25 ? .some : .much
  }

  init(_ column: ColumnValues) {
    variance = VarianceAnalysis(groups: column.replicas.map { Moments($0.values) })
    ranks = RankAnalysis(groups: column.replicas.map(\.values))
    blocks = BlockAnalysis(column.completeSteps)
    let deviations = Moments(column.moments.compactMap(\.standardDeviation))
    spreadInStep = deviations.count > 0 ? deviations.mean : nil
    steps = column.steps.count
    let autocorrelation = Self.lagOneAutocorrelation(column.moments.map(\.mean))
    lagOneAutocorrelation = autocorrelation
    let count = Double(column.steps.count)
    effectiveSteps = autocorrelation.map { min(count, count * (1 - $0) / (1 + $0)) }
  }

  /// Whether the autocorrelation is beyond what independent steps would show in 19 cases of 20.
  package var stepsDepend: Bool {
    lagOneAutocorrelation.map { $0 > 1.96 / Double(steps).squareRoot() } ?? false
  }

  /// √ of the variance component between replicas.
  package var betweenDeviation: Double? { variance.map { $0.betweenVariance.squareRoot() } }

  package var numbers: [(name: String, value: Double?)] {
    [
      ("betweenVariance", variance?.betweenVariance),
      ("withinVariance", variance?.withinMeanSquare),
      ("intraclassCorrelation", variance?.intraclassCorrelation),
      ("anovaF", variance?.statistic), ("anovaP", variance?.pValue),
      ("etaSquared", variance?.etaSquared), ("omegaSquared", variance?.omegaSquared),
      ("kruskalWallisH", ranks?.statistic), ("kruskalWallisP", ranks?.pValue),
      ("epsilonSquared", ranks?.epsilonSquared), ("blockF", blocks?.statistic),
      ("blockP", blocks?.pValue), ("spreadInStep", spreadInStep), ("steps", Double(steps)),
      ("lagOneAutocorrelation", lagOneAutocorrelation), ("effectiveSteps", effectiveSteps),
    ]
  }

  private static func lagOneAutocorrelation(_ values: [Double]) -> Double? {
    let moments = Moments(values)
    guard values.count > 2, moments.sumOfSquares > 0 else { return nil }
    let deviations = values.map { $0 - moments.mean }
    let products = zip(deviations, deviations.dropFirst()).reduce(0) { $0 + $1.0 * $1.1 }
    let correlation = products / moments.sumOfSquares
    return correlation.isFinite ? correlation : nil
  }
}
