import RandomStreams
import RunConfiguration
import RunFiles
import TestSupport
import Testing
import Training

/// Images that are drawn with the generator of a checkpoint.
@Suite struct SamplingTests {
  /// A checkpoint after a few steps, and the images of the run's own grid.
  private struct Trained {
    let model: SavedModel
    let grid: [Float]

    init(_ overrides: [String] = []) throws {
      (model, grid) = try JobOfRuns.alone(overrides) { run in
        try run.advance(steps: 3)
        let checkpoint = try #require(try run.checkpoint(seconds: 0))
        let state = try #require(try run.trainedState())
        return (
          try SavedModel(checkpoint, path: "checkpoint"),
          try Sampler(run.configuration).images(of: state)
        )
      }
    }

    /// All images of a selection, one after another.
    func images(
      _ selection: SampleSelection, _ statistics: SamplingStatistics? = nil, seed: UInt64 = 1
    ) throws -> [[Float]] {
      let statistics = statistics ?? model.configuration.samplingStatistics
      let sampler = try Sampler(model.configuration, statistics: statistics, model: model)
      sampler.use(try model.state(statistics))
      let series = try SampleSeries(
        selection, of: SampleNoise(seed: seed, latentSize: sampler.latentSize), sampler: sampler)
      var images: [[Float]] = []
      try series.draw { stretch, _ in
        images += stride(from: 0, to: stretch.count, by: sampler.elementCount).map { start in
          Array(stretch.dropFirst(start).prefix(sampler.elementCount))
        }
        return true
      }
      return images
    }
  }

  private static let all = 0..<90

  /// The checkpoint's variables with the moving statistics of one replica, or the mean of all.
  private func byHand(_ model: SavedModel, replica: Int?) -> GeneratorByHand {
    let replicas = model.configuration.replicas
    return GeneratorByHand(
      model.tensors.compactMap { tensor in
        guard tensor.name.hasPrefix("replicas/") else { return tensor }
        let count = tensor.values.count / replicas
        let values = (0..<count).map { index in
          replica.map { tensor.values[$0 * count + index] }
            ?? (0..<replicas).reduce(0) { $0 + tensor.values[$1 * count + index] }
            / Float(replicas)
        }
        return NamedTensor(
          String(tensor.name.dropFirst("replicas/".count)),
          shape: Array(tensor.shape.dropFirst()), values)
      })
  }

  private func noise(_ numbers: Range<Int>, seed: UInt64 = 1) -> [[Double]] {
    let stream = RandomStream(seed: seed, name: "samples")
    return numbers.map { example in
      (0..<5).map { stream.normal(element: $0, example: example, step: 0) }
    }
  }

  private func expectEqual(
    _ found: [[Float]], _ expected: [[Double]], sourceLocation: SourceLocation = #_sourceLocation
  ) {
    #expect(found.count == expected.count, sourceLocation: sourceLocation)
    let errors = zip(found, expected).map { zip($0, $1).map { abs(Double($0) - $1) }.max() ?? 1 }
    #expect((errors.max() ?? 1) < 2e-5, sourceLocation: sourceLocation)
  }

  @Test(arguments: [1, 7])
  func imagesAreThoseOfTheGeneratorWithTheStatisticsAskedFor(seed: UInt64) throws {
    let trained = try Trained()
    let model = trained.model
    let vectors = noise(Self.all, seed: seed)
    func found(_ statistics: SamplingStatistics) throws -> [[Float]] {
      try trained.images(.numbers([Self.all]), statistics, seed: seed)
    }
    let first = try byHand(model, replica: 0).images(vectors, usesBatch: false)
    expectEqual(try found(.first), first)
    let mean = try byHand(model, replica: nil).images(vectors, usesBatch: false)
    expectEqual(try found(.mean), mean)
    // Seven images of each of four replicas in turn.
    let own = try (0..<4).map { replica in
      try byHand(model, replica: replica).images(vectors, usesBatch: false)
    }
    expectEqual(try found(.own), Self.all.map { own[$0 / 7 % 4][$0] })
    // Batches of 25, the last of which is filled up.
    let batches = try (0..<4).flatMap { batch in
      try byHand(model, replica: 0).images(
        noise((25 * batch)..<(25 * batch + 25), seed: seed), usesBatch: true)
    }
    expectEqual(try found(.batch), Array(batches.prefix(Self.all.count)))
    // Otherwise nothing above tells them apart.
    #expect(zip(first, mean).contains { zip($0, $1).contains { abs($0 - $1) > 1e-3 } })
    #expect(zip(first, own[1]).contains { zip($0, $1).contains { abs($0 - $1) > 1e-3 } })
  }

  @Test(arguments: SamplingStatistics.allCases)
  func anImageDoesNotDependOnWhatIsDrawnBesideIt(_ statistics: SamplingStatistics) throws {
    let trained = try Trained()
    let all = try trained.images(.numbers([0..<64]), statistics)
    for count in [1, 7] {
      #expect(try trained.images(.numbers([0..<count]), statistics) == Array(all.prefix(count)))
    }
    let some = try trained.images(.numbers([60..<62, 3..<4, 24..<30]), statistics)
    #expect(some == [60, 61, 3, 24, 25, 26, 27, 28, 29].map { all[$0] })
  }

  @Test(arguments: [
    ["batchNorm.movingStatistics=first"], ["batchNorm.movingStatistics=mean"],
    ["batchNorm.movingStatistics=own"], ["batchNorm.movingStatistics=sequential"],
    ["model.layout=pytorch"], ["model.layout=pytorch", "batchSize=32"],
    ["kernels.matmul=openBLAS"],
  ])
  func theFirstImagesAreTheRunsOwnGrid(_ overrides: [String]) throws {
    let trained = try Trained(overrides)
    let images = try trained.images(.numbers([0..<25]))
    #expect(images.flatMap { $0 } == trained.grid)
  }

  /// Statistics over replicas are those of the whole batch where one draws it.
  @Test func aGridOfPooledStatisticsIsNormalisedByItsBatch() throws {
    let trained = try Trained(["batchNorm.scope=all", "batchNorm.movingStatistics=first"])
    let images = try trained.images(.numbers([0..<25]), .batch)
    expectEqual(
      images, try byHand(trained.model, replica: 0).images(noise(0..<25), usesBatch: true))
  }

  @Test(arguments: [SamplingStatistics.first, .batch])
  func aWayBeginsAndEndsWithItsImages(_ statistics: SamplingStatistics) throws {
    let trained = try Trained()
    let way = try trained.images(.path(from: 12, to: 3, count: 30), statistics)
    #expect(way.count == 30)
    let vectors = noise(0..<13)
    let path = NoisePath(from: vectors[12].map(Float.init), to: vectors[3].map(Float.init))
    let points = (0..<30).map { path.vector(at: Double($0) / 29).map(Double.init) }
    let generator = byHand(trained.model, replica: 0)
    guard statistics == .batch else {
      expectEqual(way, try generator.images(points, usesBatch: false))
      return
    }
    // What the second batch has beside five points are images 30 to 49.
    let batches = [Array(points.prefix(25)), Array(points.suffix(5)) + noise(30..<50)]
    let images = try batches.flatMap { try generator.images($0, usesBatch: true) }
    expectEqual(way, Array(images.prefix(30)))
  }

  @Test func drawingEndsWhereItIsToldTo() throws {
    let trained = try Trained()
    let sampler = try Sampler(trained.model.configuration, statistics: .first, model: trained.model)
    sampler.use(try trained.model.state(.first))
    let series = try SampleSeries(
      .numbers([10..<1000]), of: SampleNoise(seed: 1, latentSize: 5), sampler: sampler)
    var stretches: [Range<Int>] = []
    try series.draw { images, number in
      stretches.append(number..<(number + images.count / 20))
      return stretches.count < 3
    }
    #expect(stretches == [10..<25, 25..<50, 50..<75])
  }

  // MARK: - Files

  @Test(arguments: [
    ("first", ["first", "batch"]), ("mean", ["mean", "batch"]), ("own", ["first", "batch"]),
    ("sequential", ["first", "mean", "own", "batch"]),
  ])
  func weightsHaveTheStatisticsThatTheirRunKept(_ kept: String, _ names: [String]) throws {
    let scratch = try ScratchDirectory()
    let path = scratch.file("weights.safetensors")
    try JobOfRuns.alone(["batchNorm.movingStatistics=\(kept)"]) { run in
      try run.advance(steps: 1)
      let writer = try SafetensorsWriter(path: path, metadata: ["config": run.configuration.json])
      for entry in try #require(try run.trainedState()).entries {
        try writer.add(entry.name, shape: entry.shape, entry.values)
      }
      try writer.finish()
    }
    let model = try SavedModel.read(path)
    #expect(model.facts == nil)
    #expect(model.statistics.map(\.rawValue) == names)
    try model.verify()
    for statistics in SamplingStatistics.allCases where !names.contains(statistics.rawValue) {
      #expect(throws: TrainingError.self) { try model.state(statistics) }
    }
  }

  @Test func aSoundCheckpointIsVerifiedAndADefectIsNamed() throws {
    let trained = try Trained()
    try trained.model.verify()
    let facts = try #require(trained.model.facts)
    func sentence(_ change: (inout [NamedTensor]) -> Void) throws -> String {
      var tensors = trained.model.tensors
      change(&tensors)
      let model = try SavedModel(Checkpoint(facts, tensors: tensors), path: "c")
      do throws(TrainingError) { try model.verify() } catch { return "\(error)" }
      return "sound"
    }
    let index = try #require(
      trained.model.tensors.firstIndex { $0.name == "replicas/generator/batch_norm_0/moving_mean" })
    let tensor = trained.model.tensors[index]
    #expect(
      try sentence { $0.remove(at: index) } == "c: \(tensor.name): there is no such tensor")
    #expect(
      try sentence { $0.append(NamedTensor("x", shape: [], [0])) }
        == "c: x: the model has no variable of this name")
    #expect(
      try sentence {
        $0[index] = NamedTensor(
          tensor.name, shape: [2] + tensor.shape.dropFirst(),
          [Float](
            repeating: 0, count: tensor.values.count / 2))
      } == "c: \(tensor.name): the shape [2, 256] is not the model's [4, 256]")
    #expect(
      try sentence {
        var values = tensor.values
        (values[3], values[7]) = (.nan, .infinity)
        $0[index] = NamedTensor(tensor.name, shape: tensor.shape, values)
      } == "c: \(tensor.name): 2 of its 1024 numbers are not finite")
  }

  /// Not by a trap in the executor.
  @Test func aCheckpointOfAnotherModelIsRefused() throws {
    let trained = try Trained()
    var facts = try #require(trained.model.facts)
    facts.configuration = try JobOfRuns.configuration(["replicas=2"]).json
    let model = try SavedModel(Checkpoint(facts, tensors: trained.model.tensors), path: "c")
    #expect(throws: TrainingError.self) {
      try Sampler(model.configuration, statistics: .own, model: model)
    }
    facts.configuration = "{"
    #expect(throws: TrainingError.self) {
      try SavedModel(Checkpoint(facts, tensors: trained.model.tensors), path: "c")
    }
  }
}
