/// The line of least squares, y ≈ intercept + slope·x, as `scipy.stats.linregress`.
///
/// Unlike SciPy, which gives 0, two points have no standard error and no p value.
package struct LinearTrend: Sendable, Equatable {
  /// Sxy / Sxx, with S the sums of products of deviations from the means.
  package let slope: Double
  /// mean(y) − slope · mean(x).
  package let intercept: Double
  /// Pearson's r = Sxy / √(Sxx·Syy), in −1...1; NaN where all y are equal.
  package let correlation: Double
  /// That of the slope, √(Σ (y − line)² / (n − 2) / Sxx); nil for two points.
  package let standardError: Double?
  /// Two-sided, of a slope of 0 with Student's t of n − 2 degrees of freedom; 0 where the line is
  /// exact, nil for two points and where all y are equal.
  package let pValue: Double?

  /// - Parameters:
  ///   - x, y: of equal counts.
  /// - Returns: nil for fewer than two points, or where all x are equal.
  package init?(_ x: [Double], _ y: [Double]) {
    precondition(x.count == y.count, "a point has an x and a y")
    let (xs, ys) = (Moments(x), Moments(y))
    guard xs.sumOfSquares > 0 else { return nil }
    let deviations = zip(x, y).map { (x: xs.deviation(of: $0), y: ys.deviation(of: $1)) }
    let products = deviations.reduce(0) { $0 + $1.x * $1.y }
    let slope = products / xs.sumOfSquares
    self.slope = slope
    intercept = ys.mean - slope * xs.mean
    let scale = xs.sumOfSquares.squareRoot() * ys.sumOfSquares.squareRoot()
    // In this order NaN stays NaN.
    correlation = max(min(products / scale, 1), -1)

    let degreesOfFreedom = Double(x.count - 2)
    guard degreesOfFreedom > 0 else {
      (standardError, pValue) = (nil, nil)
      return
    }
    let residual = deviations.reduce(0) {
      let distance = $1.y - slope * $1.x
      return $0 + distance * distance
    }
    let standardError = (residual / degreesOfFreedom / xs.sumOfSquares).squareRoot()
    self.standardError = standardError
    pValue = StudentTest(slope, standardError, degreesOfFreedom).pValue
  }
}
