/// Quantiles by linear interpolation between order statistics, as NumPy's default (Hyndman and
/// Fan 1996, definition 7): that of fraction q lies at position q·(count − 1) of the sorted values.
/// O(n log n), once for all fractions.
///
/// - Parameter fractions: each in 0...1.
/// - Returns: one a fraction; NaNs where there are no values.
package func quantiles(_ values: [Double], at fractions: [Double]) -> [Double] {
  precondition(fractions.allSatisfy((0...1).contains), "a quantile's fraction lies in 0...1")
  guard !values.isEmpty else { return fractions.map { _ in .nan } }
  let sorted = values.sorted()
  return fractions.map { fraction in
    let position = fraction * Double(sorted.count - 1)
    let below = Int(position)
    let (low, high) = (sorted[below], sorted[min(below + 1, sorted.count - 1)])
    let weight = position - Double(below)
    // From the nearer end, as NumPy does, so that neither end is missed by rounding.
    return weight < 0.5 ? low + (high - low) * weight : high - (high - low) * (1 - weight)
  }
}

/// The middle value, or the mean of the two middle ones; NaN where there are none.
package func median(_ values: [Double]) -> Double { quantiles(values, at: [0.5])[0] }

/// How far each value lies from the median, robustly: 0.6745·(x − median) / MAD, with MAD the
/// median of |x − median|. Iglewicz and Hoaglin (1993) call those beyond ±3.5 outliers.
///
/// - Returns: one a value; nil where MAD is 0: more than half of the values are equal (or there are
///   none), which gives no scale to judge the others by.
package func modifiedZScores(_ values: [Double]) -> [Double]? {
  let middle = median(values)
  let scale = median(values.map { abs($0 - middle) })
  guard scale > 0 else { return nil }
  return values.map { 0.6745 * ($0 - middle) / scale }
}
