/// How many values lie where: counts in TensorFlow's buckets, and sums in Double.
///
/// Values that are no finite numbers are left out: they are counted nowhere.
package struct ValueHistogram: Sendable, Equatable {
  /// How many values were counted.
  package private(set) var count = 0
  /// The least value counted; ∞ while there is none.
  package private(set) var minimum = Double.infinity
  /// The largest value counted; −∞ while there is none.
  package private(set) var maximum = -Double.infinity
  /// Σv, in the order of the values.
  package private(set) var sum = 0.0
  /// Σv², in the order of the values.
  package private(set) var sumOfSquares = 0.0
  private var counts = [Int](repeating: 0, count: HistogramBuckets.shared.limits.count)

  /// A histogram of nothing yet.
  package init() {}

  /// Counts `values`, in their order; more can be added.
  ///
  /// - Complexity: O(`values.count`)
  package mutating func add(_ values: UnsafeBufferPointer<Float>) {
    let buckets = HistogramBuckets.shared
    var (lowest, highest) = (Float.infinity, -Float.infinity)
    for value in values where value.isFinite {
      counts[buckets.bucket(of: value)] += 1
      count += 1
      lowest = min(lowest, value)
      highest = max(highest, value)
      sum += Double(value)
      sumOfSquares += Double(value) * Double(value)
    }
    minimum = min(minimum, Double(lowest))
    maximum = max(maximum, Double(highest))
  }

  /// A histogram of `values`.
  package init(_ values: [Float]) {
    self.init()
    values.withUnsafeBufferPointer { add($0) }
  }

  /// The buckets in growing order, a run of empty ones as one; each holds what is less than its
  /// limit and not less than the limit before.
  ///
  /// Source: `Histogram::EncodeToProto` of tensorflow/core/lib/histogram/histogram.cc
  package var buckets: [(limit: Double, count: Int)] {
    zip(HistogramBuckets.shared.limits, counts).enumerated().compactMap { index, bucket in
      let nextIsEmpty = index + 1 < counts.count && counts[index + 1] == 0
      return bucket.1 == 0 && nextIsEmpty ? nil : bucket
    }
  }

  /// The message. Of no values it is TensorFlow's: one empty bucket, and a minimum above the
  /// maximum.
  var message: HistogramProto {
    let buckets = buckets
    return HistogramProto.with {
      $0.min = min(minimum, .greatestFiniteMagnitude)
      $0.max = max(maximum, -.greatestFiniteMagnitude)
      $0.num = Double(count)
      $0.sum = sum
      $0.sumSquares = sumOfSquares
      $0.bucketLimit = buckets.map(\.limit)
      $0.bucket = buckets.map { Double($0.count) }
    }
  }
}
