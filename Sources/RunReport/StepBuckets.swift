import RunAnalysis

/// The steps of a run in so few consecutive buckets that a chart can show them all, with almost
/// equally many steps in each.
struct StepBuckets: Sendable {
  /// The last step in each bucket, ascending.
  let lastSteps: [Int]

  /// - Parameters:
  ///   - steps: ascending, without doubles.
  ///   - limit: the most buckets, at least 1.
  init(_ steps: [Int], limit: Int) {
    let count = min(steps.count, limit)
    lastSteps = (0..<count).map { steps[($0 + 1) * steps.count / count - 1] }
  }

  var count: Int { lastSteps.count }

  /// The bucket of each of ascending steps; all lie in one. O(count of the steps).
  func indices(of steps: some Sequence<Int>) -> [Int] {
    var bucket = 0
    return steps.map { step in
      while lastSteps[bucket] < step { bucket += 1 }
      return bucket
    }
  }

  /// How many buckets a run gets: 800, fewer where it has many replicas or stands beside many runs,
  /// so that a document stays below 8 MB.
  static func limit(replicas: Int, replicasOfAllRuns: Int) -> Int {
    let load = max(replicas, replicasOfAllRuns / 4, 1)
    return min(800, max(6400 / load, min(200, 12_800 / load), 10))
  }
}

/// The rows of a table, each with its bucket and the place of its replica.
struct BucketedRows {
  private let buckets: StepBuckets
  private let bucketOfRow: [Int]
  private let replicaOfRow: [Int]
  private let replicas: Int

  /// - Parameter replicas: the numbers of the replicas to show, ascending.
  init(_ table: ReplicaTable, _ buckets: StepBuckets, replicas: [Int]) {
    self.buckets = buckets
    self.replicas = replicas.count
    bucketOfRow = buckets.indices(of: table.steps)
    let places = Dictionary(uniqueKeysWithValues: replicas.enumerated().map { ($1, $0) })
    replicaOfRow = table.replicas.map { places[$0] ?? -1 }
  }

  /// The curve of a column's finite values, one value a row. O(rows).
  ///
  /// - Parameter rows: those that count; nil for all.
  func curve(_ values: [Double], rows: [Int]? = nil) -> Curve {
    var tallies = [Tally](repeating: Tally(), count: buckets.count * replicas)
    func add(_ row: Int) {
      let (value, replica) = (values[row], replicaOfRow[row])
      if value.isFinite && replica >= 0 {
        tallies[bucketOfRow[row] * replicas + replica].add(value)
      }
    }
    if let rows { rows.forEach(add) } else { values.indices.forEach(add) }
    let ofBuckets = (0..<buckets.count).map { bucket in
      tallies[bucket * replicas..<(bucket + 1) * replicas].reduce(into: Tally()) { $0.merge($1) }
    }
    return Curve(
      mean: ofBuckets.map { rounded($0.mean) }, low: ofBuckets.map { rounded($0.low) },
      high: ofBuckets.map { rounded($0.high) },
      replicas: (0..<replicas).map { replica in
        (0..<buckets.count).map { rounded(tallies[$0 * replicas + replica].mean) }
      })
  }

  /// The mean of a column's finite values in each bucket; NaN where there are none.
  func means(_ values: [Double]) -> [Double] {
    var tallies = [Tally](repeating: Tally(), count: buckets.count)
    for (row, value) in values.enumerated() where value.isFinite {
      tallies[bucketOfRow[row]].add(value)
    }
    return tallies.map(\.mean)
  }
}

/// Sum and extremes of finite values; NaN or infinite where there are none.
private struct Tally {
  private var sum = 0.0
  private var count = 0
  private(set) var low = Double.infinity
  private(set) var high = -Double.infinity

  var mean: Double { sum / Double(count) }

  mutating func add(_ value: Double) {
    sum += value
    count += 1
    low = min(low, value)
    high = max(high, value)
  }

  mutating func merge(_ other: Tally) {
    sum += other.sum
    count += other.count
    low = min(low, other.low)
    high = max(high, other.high)
  }
}
