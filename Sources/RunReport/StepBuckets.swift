import RunAnalysis
import Statistics

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
  private let stepOfRow: [Int]
  private let bucketOfRow: [Int]
  private let replicaOfRow: [Int]
  private let replicas: Int

  /// - Parameter replicas: the numbers of the replicas to show, ascending.
  init(_ table: ReplicaTable, _ buckets: StepBuckets, replicas: [Int]) {
    self.buckets = buckets
    self.replicas = replicas.count
    stepOfRow = table.steps
    bucketOfRow = buckets.indices(of: table.steps)
    let places = Dictionary(uniqueKeysWithValues: replicas.enumerated().map { ($1, $0) })
    replicaOfRow = table.replicas.map { places[$0] ?? -1 }
  }

  /// The curve of a column's finite values, one value a row. O(rows).
  ///
  /// - Parameter rows: those that count; nil for all.
  func curve(_ values: [Double], rows: [Int]? = nil) -> Curve {
    var cells = [Moments](repeating: Moments(), count: buckets.count * replicas)
    var (ofStep, step) = (Moments(), -1)
    var spreads = Moments()
    func endStep() {
      if let deviation = ofStep.standardDeviation { spreads.add(deviation) }
      ofStep = Moments()
    }
    func add(_ row: Int) {
      let (value, replica) = (values[row], replicaOfRow[row])
      guard value.isFinite && replica >= 0 else { return }
      cells[bucketOfRow[row] * replicas + replica].add(value)
      if stepOfRow[row] != step { endStep() }
      step = stepOfRow[row]
      ofStep.add(value)
    }
    // Rows come in the order of their steps.
    if let rows { rows.forEach(add) } else { values.indices.forEach(add) }
    endStep()
    let ofBuckets = (0..<buckets.count).map { bucket in
      cells[bucket * replicas..<(bucket + 1) * replicas].reduce(into: Moments()) { $0.merge($1) }
    }
    return Curve(
      mean: ofBuckets.map { rounded($0.mean) }, low: ofBuckets.map { rounded($0.minimum) },
      high: ofBuckets.map { rounded($0.maximum) },
      replicas: (0..<replicas).map { replica in
        (0..<buckets.count).map { rounded(cells[$0 * replicas + replica].mean) }
      },
      spread: spreads.count > 0 ? rounded(spreads.mean) : nil)
  }

  /// The mean of a column's finite values in each bucket; NaN where there are none.
  func means(_ values: [Double]) -> [Double] {
    var moments = [Moments](repeating: Moments(), count: buckets.count)
    for (row, value) in values.enumerated() where value.isFinite {
      moments[bucketOfRow[row]].add(value)
    }
    return moments.map(\.mean)
  }
}
