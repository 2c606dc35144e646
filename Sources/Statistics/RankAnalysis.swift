/// Whether groups come from one distribution, by the ranks of their values: Kruskal and Wallis
/// (1952), with the correction for ties.
///
/// With N values in all, H = (N − 1) · SSB / SST of the ranks, equal values having the mean of
/// theirs. This is 12 / (N·(N + 1)) · Σ Rᵢ²/nᵢ − 3·(N + 1), divided by the correction.
package struct RankAnalysis: Sendable, Equatable {
  /// H.
  package let statistic: Double
  /// The upper tail of χ² at H, an approximation for groups of five values or more.
  package let pValue: Double
  /// The number of groups − 1.
  package let degreesOfFreedom: Int
  /// ε² = H / (N − 1), in 0...1: the share of the ranks' squares that lies between groups (Tomczak
  /// and Tomczak 2014).
  package let epsilonSquared: Double

  /// Of the groups that have values. O(N log N).
  ///
  /// - Returns: nil where these are fewer than two, or all values are equal.
  package init?(groups: [[Double]]) {
    let groups = groups.filter { !$0.isEmpty }
    let ranks = meanRanks(groups.flatMap { $0 })
    let all = Moments(ranks)
    var (means, start) = (Moments(), 0)
    for group in groups {
      means.merge(Moments(ranks[start..<start + group.count]).collapsed)
      start += group.count
    }
    guard groups.count > 1, all.sumOfSquares > 0 else { return nil }
    epsilonSquared = means.sumOfSquares / all.sumOfSquares
    statistic = Double(all.count - 1) * epsilonSquared
    degreesOfFreedom = groups.count - 1
    pValue = Tails.chiSquaredUpper(statistic, Double(degreesOfFreedom))
  }
}

/// The rank of each value, from 1; equal values have the mean of their ranks.
private func meanRanks(_ values: [Double]) -> [Double] {
  let order = values.indices.sorted { values[$0] < values[$1] }
  var ranks = [Double](repeating: 0, count: values.count)
  var start = 0
  while start < order.count {
    let tied = order[start...].prefix { values[$0] == values[order[start]] }
    for index in tied { ranks[index] = Double(tied.startIndex + 1 + tied.endIndex) / 2 }
    start = tied.endIndex
  }
  return ranks
}
