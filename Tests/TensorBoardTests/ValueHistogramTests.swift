import TensorBoard
import TestSupport
import Testing

struct ValueHistogramTests {
  /// The limits as TensorFlow makes them: 10⁻¹²·1.1ᵏ by repeated products, below 10²⁰.
  static let positiveLimits = Array(sequence(first: 1e-12) { $0 * 1.1 }.prefix { $0 < 1e20 })

  /// Where TensorFlow counts a value: before the first limit that is larger.
  static func limit(of value: Float) -> Double {
    let limits =
      positiveLimits.reversed().map { -$0 } + [0] + positiveLimits + [.greatestFiniteMagnitude]
    return limits.first { $0 > Double(value) }!
  }

  static func limitOfItsBucket(_ value: Float) -> Double? {
    ValueHistogram([value]).buckets.first { $0.count == 1 }?.limit
  }

  @Test func floatsBesideEveryLimitAreCountedOnTheirSideOfIt() {
    for limit in Self.positiveLimits {
      let nearest = Float(limit)
      for magnitude in [nearest.nextDown, nearest, nearest.nextUp] {
        for value in [magnitude, -magnitude] {
          #expect(Self.limitOfItsBucket(value) == Self.limit(of: value), "\(value)")
        }
      }
    }
  }

  @Test(
    arguments: [
      0, -0.0, .leastNonzeroMagnitude, -.leastNonzeroMagnitude, .leastNormalMagnitude, 1e-12, 1, -1,
      1e20, -1e20, .greatestFiniteMagnitude, -.greatestFiniteMagnitude,
    ] as [Float])
  func extremesAreCounted(value: Float) {
    #expect(Self.limitOfItsBucket(value) == Self.limit(of: value))
  }

  @Test func floatsOfAnyBitsAreCounted() {
    var numbers = SeededNumbers(seed: 3)
    for _ in 0..<2000 {
      let value = Float(bitPattern: .random(in: 0 ... .max, using: &numbers))
      guard value.isFinite else { continue }
      #expect(Self.limitOfItsBucket(value) == Self.limit(of: value), "\(value)")
    }
  }

  @Test func whatIsNoFiniteNumberIsLeftOut() {
    let histogram = ValueHistogram([1, .nan, .infinity, -2, -.infinity, -.nan])
    #expect(histogram == ValueHistogram([1, -2]))
    #expect(histogram.count == 2)
    #expect((histogram.minimum, histogram.maximum) == (-2, 1))
    #expect((histogram.sum, histogram.sumOfSquares) == (-1, 5))
    #expect(ValueHistogram([.nan]) == ValueHistogram())
  }

  @Test func valuesCanBeAddedInPieces() {
    var numbers = SeededNumbers(seed: 4)
    let values = numbers.floats(1000)
    var histogram = ValueHistogram()
    values.withUnsafeBufferPointer {
      histogram.add(UnsafeBufferPointer(rebasing: $0[..<300]))
      histogram.add(UnsafeBufferPointer(rebasing: $0[300..<300]))
      histogram.add(UnsafeBufferPointer(rebasing: $0[300...]))
    }
    #expect(histogram == ValueHistogram(values))
  }

  @Test func bucketsCountEveryValueBelowGrowingLimits() {
    let histogram = ValueHistogram(GoldenEventsTests.spread)
    let limits = histogram.buckets.map(\.limit)
    #expect(histogram.count == 500)
    #expect(histogram.buckets.map(\.count).reduce(0, +) == 500)
    #expect(zip(limits, limits.dropFirst()).allSatisfy { $0 < $1 })
  }
}
