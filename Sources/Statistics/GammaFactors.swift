import Foundation

/// ln(r) − (r − 1), without cancellation around r = 1.
///
/// - Parameters:
///   - ratio: r, positive.
///   - excess: r − 1, which the caller knows better where r is near 1.
func logarithmLessExcess(_ ratio: Double, _ excess: Double) -> Double {
  guard abs(excess) < 0.5 else { return log(ratio) - excess }
  // ln(r) = 2·artanh(s) = 2·(s + s³/3 + s⁵/5 + …), and 2·s − (r − 1) = −s·(r − 1).
  let s = excess / (2 + excess)
  var (power, sum, k) = (2 * s * s * s, 0.0, 3.0)
  while abs(power) > abs(sum) * 1e-17 {
    sum += power / k
    power *= s * s
    k += 2
  }
  return sum - s * excess
}

/// δ(z) = ln Γ(z) − (z − ½)·ln z + z − ½·ln 2π, for positive z: what Stirling's formula leaves out.
func stirlingRemainder(_ z: Double) -> Double {
  // δ(z) − δ(z + 1) = (z + ½)·ln(1 + 1/z) − 1, up to where the series is exact in Double.
  var (z, sum) = (z, 0.0)
  while z < 16 {
    sum += (z + 0.5) * log1p(1 / z) - 1
    z += 1
  }
  let square = 1 / (z * z)
  let series =
    1 / 12.0 - square * (1 / 360.0 - square * (1 / 1260.0 - square * (1 / 1680.0 - square / 1188)))
  return sum + series / z
}
