/// The buckets of TensorFlow's histograms: …, −1.1·10⁻¹², −10⁻¹², 0, 10⁻¹², 1.1·10⁻¹², …, each 10%
/// larger than the one before, up to 10²⁰, and one more on either side for what is beyond.
///
/// Source: `InitDefaultBucketsInner` of tensorflow/core/lib/histogram/histogram.cc
struct HistogramBuckets {
  /// Bucket i holds the values v with limits[i − 1] ≤ v < limits[i].
  let limits: [Double]
  /// The bucket of the lowest value of each cell.
  private let firstBuckets: [UInt16]

  /// A float's sign, exponent and first four bits of its mantissa name its **cell**. Cells are at
  /// most 6.25% wide, so none holds more than one limit: a value's bucket is its cell's first one
  /// or the next.
  private static let cellShift: UInt32 = 19

  /// The only one: its tables are made once.
  static let shared = HistogramBuckets()

  private init() {
    var positive: [Double] = []
    var limit = 1e-12
    while limit < 1e20 {
      positive.append(limit)
      limit *= 1.1
    }
    positive.append(.greatestFiniteMagnitude)
    let limits = positive.reversed().map { -$0 } + [0] + positive

    var bucket = 0
    firstBuckets = (UInt32(0)..<1 << (32 - Self.cellShift)).map { cell in
      let lowest = Double(Self.float(orderedAs: cell << Self.cellShift))
      while bucket < limits.count - 1, limits[bucket] <= lowest { bucket += 1 }
      return UInt16(bucket)
    }
    self.limits = limits
  }

  /// The bucket of a finite value.
  ///
  /// - Complexity: O(1)
  func bucket(of value: Float) -> Int {
    let first = Int(firstBuckets[Int(Self.order(of: value) >> Self.cellShift)])
    return limits[first] <= Double(value) ? first + 1 : first
  }

  /// A number that grows with the value: all bits of negative ones are turned round, of others the
  /// sign.
  private static func order(of value: Float) -> UInt32 {
    let bits = value.bitPattern
    return bits >> 31 == 1 ? ~bits : bits | 1 << 31
  }

  private static func float(orderedAs order: UInt32) -> Float {
    Float(bitPattern: order >> 31 == 1 ? order & ~(1 << 31) : ~order)
  }
}
