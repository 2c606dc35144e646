import Foundation

/// The regularised upper incomplete gamma function Q(a, x), for positive a and x: Legendre's
/// continued fraction above a + 1, 1 − the power series of P(a, x) below. O(√a) terms near x = a.
func upperIncompleteGamma(_ a: Double, _ x: Double) -> Double {
  // xᵃ·e⁻ˣ / Γ(a)
  let weight =
    (a / (2 * .pi)).squareRoot()
    * exp(a * logarithmLessExcess(x / a, (x - a) / a) - stirlingRemainder(a))
  if x > a + 1 {
    let fraction = continuedFraction(first: x + 1 - a) { m in
      (numerator: m * (a - m), denominator: x + 1 - a + 2 * m)
    }
    return weight / fraction
  }
  var (term, sum, n) = (1 / a, 1 / a, 1.0)
  while term > sum * 1e-17 {
    term *= x / (a + n)
    sum += term
    n += 1
  }
  return 1 - weight * sum
}
