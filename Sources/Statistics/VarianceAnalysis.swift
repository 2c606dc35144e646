/// One-way analysis of variance of groups, with fixed effects (F, η², ω²) and with random ones
/// (variance components, intraclass correlation).
///
/// With k groups of nᵢ values, N in all: MSB = Σ nᵢ·(meanᵢ − mean)² / (k − 1), MSW = the sum of the
/// groups' sums of squares / (N − k), F = MSB / MSW, n₀ = (N − Σ nᵢ²/N) / (k − 1). Searle, Casella
/// and McCulloch, *Variance Components* (1992), chapter 3.
package struct VarianceAnalysis: Sendable, Equatable {
  /// Those of the F statistic.
  package struct DegreesOfFreedom: Sendable, Equatable {
    /// k − 1.
    package let between: Int
    /// N − k.
    package let within: Int
  }

  /// MSB.
  package let betweenMeanSquare: Double
  /// MSW, which is also the variance component within groups.
  package let withinMeanSquare: Double
  /// The variance component between groups: (MSB − MSW) / n₀, or 0 where that is negative.
  package let betweenVariance: Double
  /// k − 1 and N − k.
  package let degreesOfFreedom: DegreesOfFreedom
  /// F = MSB / MSW; nil where all values are equal, infinity where only the groups differ.
  package let statistic: Double?
  /// The upper tail of F; nil where F is.
  package let pValue: Double?
  /// SSB / SST, the share of the squares that lies between groups; nil where all values are equal.
  package let etaSquared: Double?
  /// (SSB − (k − 1)·MSW) / (SST + MSW), η² with less bias, possibly negative (Hays 1963); nil where
  /// all values are equal.
  package let omegaSquared: Double?
  /// ICC(1) = (MSB − MSW) / (MSB + (n₀ − 1)·MSW), possibly negative (Shrout and Fleiss 1979); nil
  /// where all values are equal.
  package let intraclassCorrelation: Double?

  /// Of the groups that have values.
  ///
  /// - Returns: nil where these are fewer than two, or of one value each.
  package init?(groups: [Moments]) {
    let groups = groups.filter { $0.count > 0 }
    var means = Moments()
    for group in groups { means.merge(group.collapsed) }
    degreesOfFreedom = DegreesOfFreedom(
      between: groups.count - 1, within: means.count - groups.count)
    guard degreesOfFreedom.between > 0, degreesOfFreedom.within > 0 else { return nil }

    let (between, within) = (Double(degreesOfFreedom.between), Double(degreesOfFreedom.within))
    let betweenSquares = means.sumOfSquares
    let withinSquares = groups.reduce(0) { $0 + $1.sumOfSquares }
    betweenMeanSquare = betweenSquares / between
    withinMeanSquare = withinSquares / within
    statistic = quotient(betweenMeanSquare, withinMeanSquare)
    pValue = statistic.map { Tails.fUpper($0, between, within) }
    etaSquared = quotient(betweenSquares, betweenSquares + withinSquares)
    omegaSquared = quotient(
      betweenSquares - between * withinMeanSquare,
      betweenSquares + withinSquares + withinMeanSquare)

    let total = Double(means.count)
    let squaredCounts = groups.reduce(0) { $0 + Double($1.count) * Double($1.count) }
    let groupSize = (total - squaredCounts / total) / between
    let difference = betweenMeanSquare - withinMeanSquare
    betweenVariance = max(0, difference / groupSize)
    intraclassCorrelation = quotient(
      difference, betweenMeanSquare + (groupSize - 1) * withinMeanSquare)
  }
}
