import Statistics

/// A replica whose mean stands apart from the others'.
///
/// The rule: the replicas differ at all (`ReplicaDifferences.verdict`); a modified z-score of their
/// means beyond ±3.5 (Iglewicz and Hoaglin 1993); and a distance of more than 0.2 standard deviations
/// within replicas from the median of the means (a small effect, Cohen 1988). So eight nearly equal
/// means raise no alarm.
package struct OutlierReplica: StatisticList, Equatable {
  private static let largestScore = 3.5
  private static let smallestEffect = 0.2

  package let replica: Int
  /// The replica's modified z-score.
  package let score: Double
  /// (its mean − the median of the means) / the standard deviation within replicas; infinite where
  /// that is 0.
  package let effect: Double

  package var numbers: [(name: String, value: Double?)] {
    [("replica", Double(replica)), ("outlierScore", score), ("outlierEffect", effect)]
  }

  /// - Returns: nil where the replicas differ, but half of the means or more are equal: then there is
  ///   no scale to judge by.
  static func among(
    _ column: ColumnValues, _ differences: ReplicaDifferences
  ) -> [OutlierReplica]? {
    guard let variance = differences.variance,
      ![.unknown, .alike].contains(differences.verdict)
    else { return [] }
    let judged = column.replicas.filter { !$0.values.isEmpty }
    let means = judged.map { Moments($0.values).mean }
    guard let scores = modifiedZScores(means) else { return nil }
    let middle = median(means)
    let deviation = variance.withinMeanSquare.squareRoot()
    return judged.indices.compactMap { index in
      let effect = (means[index] - middle) / deviation
      guard abs(scores[index]) > largestScore, abs(effect) > smallestEffect else { return nil }
      return OutlierReplica(
        replica: judged[index].replica, score: scores[index], effect: effect)
    }
  }
}
