import Foundation

/// A number of the document: five significant digits, more than a chart shows; nil where it is not
/// finite. O(1).
func rounded(_ value: Double) -> Double? {
  guard value.isFinite else { return nil }
  guard value != 0 else { return 0 }
  let exponent = 4 - Int(floor(log10(abs(value))))
  // Only powers of ten up to this one are exact, so that the quotient is the double nearest to the
  // decimal number, which is then written with no more digits.
  guard abs(exponent) <= 22 else { return Double(String(format: "%.4e", value)) }
  let scale = pow(10, Double(abs(exponent)))
  return exponent >= 0 ? (value * scale).rounded() / scale : (value / scale).rounded() * scale
}

/// As `rounded(_:)`; nil stays nil.
func rounded(_ value: Double?) -> Double? { value.flatMap { rounded($0) } }
