/// What paired measurements differ by: Student's t of their differences, as
/// `scipy.stats.ttest_rel`.
package struct PairedComparison: Sendable, Equatable {
  /// The mean difference.
  package let mean: Double
  /// √(variance / n).
  package let standardError: Double
  /// Two-sided, of a true difference of 0; nil where all differences are 0.
  package let pValue: Double?
  /// Where the true difference lies with 95% confidence; nil where a bound is not finite.
  package let interval: ClosedRange<Double>?
  /// Whether all differences are positive, or all negative.
  package let agreeInSign: Bool

  /// - Returns: nil for fewer than two differences.
  package init?(_ differences: [Double]) {
    let moments = Moments(differences)
    guard let variance = moments.variance else { return nil }
    mean = moments.mean
    standardError = (variance / Double(moments.count)).squareRoot()
    let test = StudentTest(mean, standardError, Double(moments.count - 1))
    (pValue, interval) = (test.pValue, test.interval)
    agreeInSign = moments.minimum > 0 || moments.maximum < 0
  }
}
