/// first + n₁ / (d₁ + n₂ / (d₂ + …)), by Lentz's method as Thompson and Barnett (1986) modified it.
///
/// - Parameter term: nₘ and dₘ of m = 1, 2, …
func continuedFraction(
  first: Double, term: (_ m: Double) -> (numerator: Double, denominator: Double)
) -> Double {
  /// Instead of a division by zero.
  let tiny = 1e-300
  var value = first == 0 ? tiny : first
  var (forward, backward, m, factor) = (value, 0.0, 0.0, Double.infinity)
  while abs(factor - 1) > 8 * .ulpOfOne {
    m += 1
    let (numerator, denominator) = term(m)
    let next = denominator + numerator * backward
    backward = 1 / (next == 0 ? tiny : next)
    forward = denominator + numerator / forward
    if forward == 0 { forward = tiny }
    factor = forward * backward
    value *= factor
  }
  return value
}
