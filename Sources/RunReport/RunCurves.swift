import RunAnalysis

/// What `shards.csv` says, by step. The properties are the document's keys.
struct ShardCurves: Encodable, Sendable {
  let steps: [Int]
  let columns: [String: Curve]

  /// - Parameter limit: the most buckets.
  init(_ table: ReplicaTable, replicas: [Int], limit: Int) {
    let buckets = StepBuckets(table.rowsOfSteps.map(\.step), limit: limit)
    let rows = BucketedRows(table, buckets, replicas: replicas)
    steps = buckets.lastSteps
    // Norms have a table of their own, unless the run is older than that.
    columns = Dictionary(
      uniqueKeysWithValues: table.columns.compactMap { name in
        table[name].flatMap { values in
          name != "gradient_norm" && values.contains(where: \.isFinite)
            ? (name, rows.curve(values)) : nil
        }
      })
  }
}

/// What `gradients.csv` says, by step.
struct GradientCurves: Encodable, Sendable {
  let steps: [Int]
  let columns: [String: Curve]
  /// The norm of the averaged gradient.
  let averagedNorm: [Double?]
  /// The mean noise / the mean signal, in examples, each over a twentieth of the run on either side
  /// (a single step's say little); nil where the signal drowns in the noise.
  let noiseScale: [Double?]

  init(_ table: ReplicaTable, replicas: [Int], limit: Int) {
    let buckets = StepBuckets(table.rowsOfSteps.map(\.step), limit: limit)
    let rows = BucketedRows(table, buckets, replicas: replicas)
    steps = buckets.lastSteps
    columns = Dictionary(
      uniqueKeysWithValues: ["gradient_norm", "cosine"].compactMap { name in
        table[name].map { (name, rows.curve($0)) }
      })
    averagedNorm = table["averaged_norm"].map { rows.means($0).map { rounded($0) } } ?? []
    let reach = buckets.count / 20
    let noise = Self.smoothed(table["noise"].map(rows.means) ?? [], reach: reach)
    let signal = Self.smoothed(table["signal"].map(rows.means) ?? [], reach: reach)
    noiseScale = zip(noise, signal).map { $1 > 0 ? rounded($0 / $1) : nil }
  }

  /// Each with the mean of the finite values up to `reach` places away; NaN where there are none.
  private static func smoothed(_ values: [Double], reach: Int) -> [Double] {
    values.indices.map { index in
      let near = values[max(0, index - reach)...min(values.count - 1, index + reach)]
        .filter(\.isFinite)
      return near.reduce(0, +) / Double(near.count)
    }
  }
}

/// What `batch_norm.csv` says, by step.
struct BatchNormCurves: Encodable, Sendable {
  /// A batch norm, or one pass through it.
  struct Layer: Encodable, Sendable {
    let name: String
    /// The distances of a replica's own mean and variance from those of all.
    @OrNull var mean: Curve?
    @OrNull var variance: Curve?
  }

  let steps: [Int]
  let layers: [Layer]

  init(_ table: ReplicaTable, replicas: [Int], limit: Int) {
    let buckets = StepBuckets(table.rowsOfSteps.map(\.step), limit: limit)
    let rows = BucketedRows(table, buckets, replicas: replicas)
    steps = buckets.lastSteps
    var rowsOfPlaces = [[Int]](repeating: [], count: table.places.count)
    for (row, place) in table.placeIndices.enumerated() { rowsOfPlaces[place].append(row) }
    // A run has a few; so many that nobody can look at them come from a damaged file.
    layers = zip(table.places, rowsOfPlaces).prefix(Self.mostPlaces).map { place, rowsOfPlace in
      Layer(
        name: place.pass.isEmpty ? place.layer : "\(place.layer), \(place.pass)",
        mean: table["mean_distance"].map { rows.curve($0, rows: rowsOfPlace) },
        variance: table["variance_distance"].map { rows.curve($0, rows: rowsOfPlace) })
    }
  }

  private static let mostPlaces = 64
}

/// How fast a run was, by step.
struct SpeedCurve: Encodable, Sendable {
  let steps: [Int]
  let millisecondsPerStep: [Double?]

  /// Nil where no speed is known.
  init?(_ metrics: [RunMetrics.Line], limit: Int) {
    let known = metrics.filter { $0.millisecondsPerStep != nil }
    guard !known.isEmpty else { return nil }
    let buckets = StepBuckets(known.map(\.step), limit: limit)
    var speeds = [[Double]](repeating: [], count: buckets.count)
    for (bucket, line) in zip(buckets.indices(of: known.map(\.step)), known) {
      if let speed = line.millisecondsPerStep, speed.isFinite { speeds[bucket].append(speed) }
    }
    steps = buckets.lastSteps
    millisecondsPerStep = speeds.map { rounded($0.reduce(0, +) / Double($0.count)) }
  }
}
