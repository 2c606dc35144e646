import RunAnalysis

/// A run in a document. The properties are the document's keys.
struct ReportedRun: Encodable, Sendable {
  let name: String
  let path: String
  let replicas: Int
  @OrNull var totalSteps: Int?
  let lastStep: Int
  let finished: Bool
  let problems: [String]
  @OrNull var configuration: String?
  /// [key, value]
  let machine: [[String]]
  /// [label, value]
  let facts: [[String]]
  @OrNull var series: ShardCurves?
  @OrNull var gradients: GradientCurves?
  @OrNull var batchNorm: BatchNormCurves?
  @OrNull var speed: SpeedCurve?
  let samples: [RunImages.Sample]
  @OrNull var reals: String?
  let tables: [ReportTable]

  /// How much of a run is shown.
  struct Limits {
    /// The most buckets of a curve.
    let buckets: Int
    /// The most samples.
    let samples: Int
  }

  init(
    _ archive: RunArchive, name: String, summary: ShardSummary?, problems: [String],
    images kind: ReportDocument.Images, limits: Limits
  ) {
    let numbers = archive.shownReplicas
    let images = RunImages(archive, kind, limit: limits.samples)
    let machineFile = MachineFile(archive)
    self.name = name
    path = archive.path
    replicas = numbers.count
    totalSteps = archive.totalSteps
    lastStep = archive.lastStep
    finished = archive.isFinished
    self.problems = problems + images.problems + machineFile.problems
    configuration = archive.configurationText
    machine = machineFile.entries
    facts = RunFacts.of(archive)
    func filled(_ table: ReplicaTable?) -> ReplicaTable? {
      table.flatMap { $0.count > 0 ? $0 : nil }
    }
    series = filled(archive.shards).map {
      ShardCurves($0, replicas: numbers, limit: limits.buckets)
    }
    gradients = filled(archive.gradients).map {
      GradientCurves($0, replicas: numbers, limit: limits.buckets)
    }
    batchNorm = filled(archive.batchNorm).map {
      BatchNormCurves($0, replicas: numbers, limit: limits.buckets)
    }
    speed = SpeedCurve(archive.metrics, limit: limits.buckets)
    samples = images.samples
    reals = images.reals
    tables = summary.map(SummaryTables.of) ?? []
  }

  /// A run of which nothing can be shown but the reason.
  init(name: String, path: String, problem: String) {
    (self.name, self.path, problems) = (name, path, [problem])
    (replicas, lastStep, finished) = (0, 0, false)
    (totalSteps, configuration, reals) = (nil, nil, nil)
    (series, gradients, batchNorm, speed) = (nil, nil, nil, nil)
    (machine, facts, samples, tables) = ([], [], [], [])
  }

  /// Whether there is more to see than what was configured.
  var hasResults: Bool { series != nil || speed != nil || !samples.isEmpty }
}

extension RunArchive {
  /// The replicas' numbers: those of the configuration, or else those up to the last one that has
  /// rows, so that a replica's place is its number.
  var shownReplicas: [Int] {
    let last = [shards, gradients, batchNorm].compactMap { $0?.replicaNumbers.last }.max() ?? -1
    return Array(0..<(configuration?.replicas ?? last + 1))
  }
}
