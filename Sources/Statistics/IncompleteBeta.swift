import Foundation

/// The regularised incomplete beta function I_x(a, b), for positive a and b, and x up to
/// (a + 1) / (a + b + 2), near the mean: there the continued fraction of DiDonato and Morris (1992,
/// TOMS 708) converges, within O(√max(a, b)) terms. Beyond, I_x(a, b) = 1 − I_y(b, a).
///
/// - Parameters:
///   - y: 1 − x.
///   - excess: (a + b)·x − a, which vanishes at the mean. The caller knows it better.
func incompleteBeta(
  _ a: Double, _ b: Double, _ x: Double, _ y: Double, excess: Double
) -> Double {
  let fraction = continuedFraction(first: a * (1 - excess) / (a + 1)) { m in
    let odd = a + 2 * m - 1
    return (
      numerator: (a + m - 1) * (a + b + m - 1) * m * (b - m) * x * x / (odd * odd),
      denominator: m + m * (b - m) * x / odd + (a + m) * (1 - excess + m * (1 + y)) / (odd + 2)
    )
  }
  // xᵃ·yᵇ / B(a, b), by the distance from the mean (Loader 2000), so that nothing large cancels.
  let n = a + b
  let exponent =
    a * logarithmLessExcess(n * x / a, excess / a) + b * logarithmLessExcess(n * y / b, -excess / b)
    + stirlingRemainder(n) - stirlingRemainder(a) - stirlingRemainder(b)
  return (a / n * b / (2 * .pi)).squareRoot() * exp(exponent) / fraction
}
