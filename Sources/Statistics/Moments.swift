/// Count, mean, sum of squares around the mean and extremes of numbers, in one pass and O(1)
/// memory.
///
/// Welford (1962) for a number, Chan, Golub and LeVeque (1979) for a merge. The mean is kept in two
/// words, so that a large offset (10⁸ plus noise) costs the variance nothing.
package struct Moments: Sendable {
  /// How many numbers were added.
  package private(set) var count = 0
  /// Their arithmetic mean; NaN when empty.
  package private(set) var mean = Double.nan
  /// The least of them; NaN when empty.
  package private(set) var minimum = Double.nan
  /// The greatest of them; NaN when empty.
  package private(set) var maximum = Double.nan
  /// Σ (x − mean)²; 0 when empty.
  package private(set) var sumOfSquares = 0.0

  /// What rounding took from `mean`.
  private var meanRemainder = 0.0

  /// Of no number.
  package init() {}

  /// Of all numbers of a sequence. O(count).
  package init(_ values: some Sequence<Double>) {
    for value in values { add(value) }
  }

  /// Takes in one finite number.
  package mutating func add(_ value: Double) {
    if count == 0 { (mean, minimum, maximum) = (value, value, value) }
    count += 1
    let deviation = deviation(of: value)
    let step = deviation / Double(count)
    moveMean(by: step)
    sumOfSquares += deviation * (deviation - step)
    minimum = min(minimum, value)
    maximum = max(maximum, value)
  }

  /// Takes in all numbers of another one. O(1).
  package mutating func merge(_ other: Moments) {
    guard other.count > 0 else { return }
    guard count > 0 else {
      self = other
      return
    }
    let distance = other.distance(to: self)
    let share = Double(other.count) / Double(count + other.count)
    moveMean(by: distance * share)
    sumOfSquares += other.sumOfSquares + distance * distance * share * Double(count)
    count += other.count
    minimum = min(minimum, other.minimum)
    maximum = max(maximum, other.maximum)
  }

  /// Σ (x − mean)² / (count − 1), which is unbiased; nil for fewer than two numbers.
  package var variance: Double? {
    count < 2 ? nil : sumOfSquares / Double(count - 1)
  }

  /// √variance; nil for fewer than two numbers.
  package var standardDeviation: Double? { variance?.squareRoot() }

  /// As many numbers, all of them at the mean: what analyses of variance know of a group's place.
  var collapsed: Moments {
    var collapsed = self
    (collapsed.sumOfSquares, collapsed.minimum, collapsed.maximum) = (0, mean, mean)
    return collapsed
  }

  /// value − mean, with both words of the mean.
  func deviation(of value: Double) -> Double { (value - mean) - meanRemainder }

  /// This mean − the other's, with both words of each.
  func distance(to other: Moments) -> Double {
    (mean - other.mean) + (meanRemainder - other.meanRemainder)
  }

  private mutating func moveMean(by step: Double) {
    let correction = meanRemainder + step
    let moved = mean + correction
    meanRemainder = correction - (moved - mean)
    mean = moved
  }
}

extension Moments: Equatable {
  /// Equal numbers in every field; two empty ones are equal.
  package static func == (left: Moments, right: Moments) -> Bool {
    left.count == right.count
      && (left.count == 0
        || (left.mean, left.meanRemainder, left.sumOfSquares, left.minimum, left.maximum)
          == (right.mean, right.meanRemainder, right.sumOfSquares, right.minimum, right.maximum))
  }
}
