import Interchange
import RunConfiguration
import RunFiles
import TestSupport
import Testing
import Training

/// Between checkpoints and one set of weights.
@Suite struct ConvertedCheckpointTests {
  private static let text = """
    model: {latentSize: 5, image: {height: 4, width: 5, channels: 1}}
    data: {kind: synthetic}
    batchSize: 8
    replicas: 2
    threads: 1
    """

  private static func configuration(_ overrides: [String] = []) throws -> Configuration {
    try Configuration.decode(text, source: "test", overrides: overrides)
  }

  /// A checkpoint after three steps, whose replicas have different moving statistics, in a file.
  private static func checkpoint(
    _ overrides: [String] = [], in scratch: ScratchDirectory
  ) throws -> (checkpoint: Checkpoint, path: String) {
    let configuration = try configuration(overrides)
    let run = try TrainingRun(configuration, data: try RunData(configuration))
    try run.advance(steps: 3)
    let checkpoint = try #require(try run.checkpoint(seconds: 1))
    let path = scratch.file("checkpoint")
    try checkpoint.write(to: path)
    return (checkpoint, path)
  }

  private static let moving = "generator/batch_norm_1/moving_variance"

  private static func weights(
    _ path: String, _ statistics: ModelWeights.Statistics? = nil
  ) throws -> ModelWeights {
    try ModelWeights(SavedModel.read(path), statistics: statistics)
  }

  @Test func statisticsAreReplica0sOrTheMean() throws {
    let scratch = try ScratchDirectory()
    let (checkpoint, path) = try Self.checkpoint(in: scratch)
    let all = try #require(checkpoint["replicas/\(Self.moving)"])
    let (first, second) = (all.values.prefix(512), all.values.suffix(512))
    #expect(first != second)
    #expect(try Self.weights(path, .first).tensors[Self.moving]?.values == Array(first))
    #expect(
      try Self.weights(path, .mean).tensors[Self.moving]?.values
        == zip(first, second).map { ($0 + $1) / 2 })
    #expect(try Self.weights(path).step == 3)
  }

  @Test(arguments: [("first", 0), ("own", 0), ("mean", nil)])
  func withoutAWishTheyAreTheConfigurations(_ kept: String, _ replica: Int?) throws {
    let scratch = try ScratchDirectory()
    let (_, path) = try Self.checkpoint(["batchNorm.movingStatistics=\(kept)"], in: scratch)
    let expected = try Self.weights(path, replica == nil ? .mean : .first)
    #expect(try Self.weights(path).tensors == expected.tensors)
  }

  /// One average for all replicas is the first one's and the mean.
  @Test func sharedStatisticsAreTaken() throws {
    let scratch = try ScratchDirectory()
    let (checkpoint, path) = try Self.checkpoint(
      ["batchNorm.movingStatistics=sequential"], in: scratch)
    for statistics in ModelWeights.Statistics.allCases {
      #expect(
        try Self.weights(path, statistics).tensors[Self.moving] == checkpoint[Self.moving])
    }
  }

  @Test func weightsOfARunHaveOneSet() throws {
    let scratch = try ScratchDirectory()
    let configuration = try Self.configuration()
    let (checkpoint, path) = try Self.checkpoint(in: scratch)
    let plain = try SafetensorsWriter(
      path: scratch.file("weights"), metadata: ["config": configuration.json])
    for tensor in try Self.weights(path).tensors.values.sorted(by: { $0.name < $1.name }) {
      try plain.add(tensor.name, shape: tensor.shape, tensor.values)
    }
    try plain.finish()
    let weights = try Self.weights(scratch.file("weights"))
    #expect(weights.tensors == (try Self.weights(path, .first).tensors))
    #expect(weights.step == nil)
    let error = #expect(throws: InterchangeError.self) {
      try Self.weights(scratch.file("weights"), .mean)
    }
    #expect(error?.description.contains("no statistics \"mean\"") == true)
    #expect(checkpoint.facts.step == 3)
  }

  @Test func aFileWithoutAConfigurationIsRefused() throws {
    let scratch = try ScratchDirectory()
    let writer = try SafetensorsWriter(path: scratch.file("tensors"))
    try writer.add("a", shape: [1], [1])
    try writer.finish()
    let error = #expect(throws: TrainingError.self) {
      try Self.weights(scratch.file("tensors"))
    }
    #expect(error?.description.hasPrefix(scratch.file("tensors")) == true)
  }

  @Test func anotherFrameworksFileIsRefusedForWhatItLacks() throws {
    let scratch = try ScratchDirectory()
    let (_, path) = try Self.checkpoint(in: scratch)
    try Self.weights(path).write(as: .pytorch, to: scratch.file("pytorch"))
    let error = #expect(throws: TrainingError.self) {
      try Self.weights(scratch.file("pytorch"))
    }
    let sentence = error?.description ?? ""
    #expect(sentence.contains("pytorch: ") && sentence.contains("num_batches_tracked"))
  }

  /// Parameters, and everything else as before the first step.
  @Test(arguments: [false, true])
  func aNewCheckpointHasTheWeightsAndZeros(_ warmUp: Bool) throws {
    let scratch = try ScratchDirectory()
    let (_, path) = try Self.checkpoint(in: scratch)
    try Self.weights(path).write(as: .pytorch, to: scratch.file("pytorch"))
    let configuration = try Self.configuration(["objective.warmUp=\(warmUp)", "seed=3"])
    let foreign = try ModelWeights(
      path: scratch.file("pytorch"), format: .pytorch, configuration: configuration)
    let new = try foreign.checkpoint(data: try RunData(configuration), from: "pytorch")

    #expect(new.facts.step == 0)
    #expect(new.facts.updates == (warmUp ? 1 : 0))
    var zeros = 0
    for tensor in new.tensors {
      let name = tensor.name.hasPrefix("replicas/") ? String(tensor.name.dropFirst(9)) : tensor.name
      if let weights = foreign.tensors[name] {
        let copies = tensor.name == name ? 1 : 2
        #expect(
          bits(tensor.values) == bits((0..<copies).flatMap { _ in weights.values }),
          "\(tensor.name)")
      } else {
        zeros += 1
        #expect(tensor.values.allSatisfy { $0 == 0 }, "\(tensor.name)")
      }
    }
    // Two moments of 20 parameters, and the previous images.
    #expect(zeros == 41)
    #expect(new.tensors.count == zeros + 20 + 6)
  }

  /// What goes on from it takes a step from those weights.
  @Test func aRunGoesOnFromANewCheckpoint() throws {
    let scratch = try ScratchDirectory()
    let (_, path) = try Self.checkpoint(in: scratch)
    let configuration = try Self.configuration(["seed=3"])
    try Self.weights(path).write(as: .keras, to: scratch.file("keras"))
    let foreign = try ModelWeights(
      path: scratch.file("keras"), format: .keras, configuration: configuration)
    let data = try RunData(configuration)
    let new = try foreign.checkpoint(data: data, from: "keras")
    try new.write(to: scratch.file("new"))

    func step(_ prepare: (TrainingRun) throws -> Void) throws -> [Float] {
      let run = try TrainingRun(configuration, data: data)
      try prepare(run)
      try run.advance(steps: 1)
      return run.store.variables.flatMap { run.store.read($0.name) }
    }
    let restored = try step { try $0.restore(new, from: "new") }
    let started = try step { run in
      try run.setInitialValues(Array(foreign.tensors.values), from: "keras")
    }
    let loaded = try step { try $0.loadInitialValues(path: scratch.file("new")) }
    #expect(bits(restored) == bits(started))
    #expect(bits(loaded) == bits(started))
    #expect(bits(try step { _ in }) != bits(started))
  }

  @Test func initialValuesOfACheckpointAreEachReplicasOwn() throws {
    let scratch = try ScratchDirectory()
    let (checkpoint, path) = try Self.checkpoint(in: scratch)
    let configuration = try Self.configuration()
    let run = try TrainingRun(configuration, data: try RunData(configuration))
    try run.loadInitialValues(path: path)
    for (name, replicas) in checkpoint.ofReplicas {
      for (replica, tensor) in replicas.enumerated() {
        #expect(run.store.read(name, replica: replica) == tensor.values, "\(name)")
      }
    }
    for tensor in checkpoint.shared {
      #expect(run.store.read(tensor.name) == tensor.values, "\(tensor.name)")
    }
  }

  @Test func aCheckpointOfOtherReplicasIsNotTakenForInitialValues() throws {
    let scratch = try ScratchDirectory()
    let (_, path) = try Self.checkpoint(in: scratch)
    let configuration = try Self.configuration(["replicas=4"])
    let run = try TrainingRun(configuration, data: try RunData(configuration))
    let error = #expect(throws: TrainingError.self) { try run.loadInitialValues(path: path) }
    #expect(error?.description.contains("2 replicas") == true)
  }
}
