/// Randomised complete blocks: every treatment once in every block (every shard count with every
/// seed), and value = treatment + block + residual.
///
/// With a treatments and b blocks: MST = b · Σ (meanᵢ − mean)² / (a − 1), F = MST / MSR, where MSR
/// is the residuals' sum of squares / ((a − 1)·(b − 1)). Montgomery, *Design and Analysis of
/// Experiments*, section 4.1.
package struct BlockAnalysis: Sendable, Equatable {
  /// Two treatments compared.
  package struct Contrast: Sendable, Equatable {
    /// The first one's mean − the second one's.
    package let difference: Double
    /// √(2·MSR / b).
    package let standardError: Double
    /// Two-sided, of a true difference of 0, by Student's t with the residual's degrees of freedom;
    /// not corrected for several contrasts. nil where difference and standard error are 0.
    package let pValue: Double?
    /// Where the true difference lies with 95% confidence; nil where a bound is not finite.
    package let interval: ClosedRange<Double>?
  }

  /// One a treatment.
  package var treatmentMeans: [Double] { treatments.map(\.mean) }
  /// MSR.
  package let residualMeanSquare: Double
  /// (a − 1)·(b − 1).
  package let residualDegreesOfFreedom: Int
  /// F of the treatments; nil where these are equal in every block, infinity where they differ by
  /// the same in every block.
  package let statistic: Double?
  /// The upper tail of F; nil where F is.
  package let pValue: Double?

  private let treatments: [Moments]

  /// - Parameter values: treatments (rows) × blocks (columns).
  /// - Returns: nil for fewer than two treatments or two blocks, or where a value is missing.
  package init?(_ values: [[Double]]) {
    guard values.count > 1, let blocks = values.first?.count, blocks > 1,
      values.allSatisfy({ $0.count == blocks })
    else { return nil }
    let treatments = values.map { Moments($0) }
    self.treatments = treatments

    // A residual is a deviation from the treatment's mean, less the block's mean of these.
    let residualSquares = (0..<blocks).reduce(0) { sum, block in
      let deviations = zip(treatments, values).map { $0.deviation(of: $1[block]) }
      return sum + Moments(deviations).sumOfSquares
    }
    residualDegreesOfFreedom = (treatments.count - 1) * (blocks - 1)
    residualMeanSquare = residualSquares / Double(residualDegreesOfFreedom)

    var means = Moments()
    for treatment in treatments { means.merge(treatment.collapsed) }
    let degreesOfFreedom = Double(treatments.count - 1)
    statistic = quotient(means.sumOfSquares / degreesOfFreedom, residualMeanSquare)
    let residual = Double(residualDegreesOfFreedom)
    pValue = statistic.map { Tails.fUpper($0, degreesOfFreedom, residual) }
  }

  /// The difference of two treatments' means.
  ///
  /// - Parameters:
  ///   - treatment: a row of the values.
  ///   - reference: the row that it is compared with.
  package func contrast(_ treatment: Int, against reference: Int) -> Contrast {
    let difference = treatments[treatment].distance(to: treatments[reference])
    let blocks = Double(treatments[treatment].count)
    let standardError = (2 * residualMeanSquare / blocks).squareRoot()
    let test = StudentTest(difference, standardError, Double(residualDegreesOfFreedom))
    return Contrast(
      difference: difference, standardError: standardError, pValue: test.pValue,
      interval: test.interval)
  }
}
