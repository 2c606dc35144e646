/// Tails and quantiles of the distributions that tests compare with. Degrees of freedom are
/// positive.
///
/// Tails are accurate to about 10⁻¹² of their value down to 10⁻³⁰⁰, and 0 where they (or t²) leave
/// the range of Double.
package enum Tails {
  /// P(F > f) with d1 and d2 degrees of freedom.
  package static func fUpper(_ f: Double, _ d1: Double, _ d2: Double) -> Double {
    fSides(f, d1, d2).above
  }

  /// P(χ² > x) with d degrees of freedom: Q(d/2, x/2).
  package static func chiSquaredUpper(_ x: Double, _ d: Double) -> Double {
    guard x > 0 else { return 1 }
    return upperIncompleteGamma(d / 2, x / 2)
  }

  /// P(|T| > |t|) with d degrees of freedom: t² is F with 1 and d.
  package static func studentTwoSided(_ t: Double, _ d: Double) -> Double {
    fUpper(t * t, 1, d)
  }

  /// The t with P(T < t) = p, with d degrees of freedom; −∞ and ∞ for 0 and 1. For p in 0...1, and
  /// as far as t² is in the range of Double.
  package static func studentQuantile(_ p: Double, _ d: Double) -> Double {
    precondition((0...1).contains(p), "a probability lies in 0...1")
    let tail = min(p, 1 - p)
    guard tail > 0 else { return p == 0 ? -.infinity : .infinity }
    // Bisection of the bit patterns, which are ordered as the positive numbers are.
    var (low, high) = ((0.0).bitPattern, Double.infinity.bitPattern)
    while high - low > 1 {
      let middle = low + (high - low) / 2
      let t = Double(bitPattern: middle)
      let (below, above) = fSides(t * t, 1, d)
      // Of the smaller side, which has the more digits.
      let isTooNear = tail < 0.25 ? above > 2 * tail : below < 1 - 2 * tail
      if isTooNear { low = middle } else { high = middle }
    }
    let magnitude = Double(bitPattern: low)
    return p < 0.5 ? -magnitude : magnitude
  }

  /// P(F < f) and P(F > f), the latter I_x(d2/2, d1/2) at x = d2 / (d2 + d1·f): the one on this
  /// side of the mean by its continued fraction, the other one as the rest.
  private static func fSides(
    _ f: Double, _ d1: Double, _ d2: Double
  ) -> (below: Double, above: Double) {
    guard f > 0 else { return (0, 1) }
    guard f < .infinity else { return (1, 0) }
    let ratio = d1 * f / d2
    let (x, y) = (1 / (1 + ratio), 1 / (1 + 1 / ratio))
    let excess = d1 / 2 * x * (1 - f)
    if excess <= 1 - 2 * x {
      let above = incompleteBeta(d2 / 2, d1 / 2, x, y, excess: excess)
      return (1 - above, above)
    }
    let below = incompleteBeta(d1 / 2, d2 / 2, y, x, excess: -excess)
    return (below, 1 - below)
  }
}
