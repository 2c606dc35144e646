/// The largest difference between two arrays over the largest magnitude in `expected`.
///
/// - Returns: infinity where the counts differ, or where a number is not finite on one side only.
package func relativeError(_ actual: [Float], _ expected: [Double]) -> Double {
  guard actual.count == expected.count else { return .infinity }
  var difference = 0.0
  var magnitude = 0.0
  for (a, b) in zip(actual, expected) {
    if Double(a) == b || (a.isNaN && b.isNaN) { continue }
    guard a.isFinite, b.isFinite else { return .infinity }
    difference = max(difference, abs(Double(a) - b))
    magnitude = max(magnitude, abs(b))
  }
  for b in expected where b.isFinite { magnitude = max(magnitude, abs(b)) }
  return difference == 0 ? 0 : difference / magnitude
}

/// ‖actual − expected‖ / ‖expected‖, in the Euclidean norm.
package func normError(_ actual: [Float], _ expected: [Double]) -> Double {
  guard actual.count == expected.count else { return .infinity }
  var difference = 0.0
  var magnitude = 0.0
  for (a, b) in zip(actual, expected) {
    difference += (Double(a) - b) * (Double(a) - b)
    magnitude += b * b
  }
  if difference.isNaN { return .infinity }
  return difference == 0 ? 0 : (difference / magnitude).squareRoot()
}

/// The floats' bits, so that equality is of bits: NaNs compare, and zeros keep their sign.
package func bits(_ values: [Float]) -> [UInt32] { values.map(\.bitPattern) }
