import Execution
import Replicas
import RunConfiguration
import Testing
import Training

/// The same images in every step.
private final class ConstantBatches: BatchProvider {
  private let images: AlignedBuffer

  init(_ value: Float, count: Int) {
    images = AlignedBuffer(count: count)
    images.values.update(repeating: value)
  }

  func acquire(step: Int) throws -> UnsafePointer<Float> { UnsafePointer(images.pointer) }

  func release(step: Int) {}
}

@Suite struct TrainingRunTests {
  private static func run(warmUp: Bool, images: Float, steps: Int) throws -> TrainingRun {
    let configuration = try Configuration.decode(
      "batchSize: 8", source: "test",
      overrides: ["replicas=2", "threads=2", "objective.warmUp=\(warmUp)", "reduction=ordered"])
    let run = try TrainingRun(
      configuration, batches: ConstantBatches(images, count: 8 * 28 * 28))
    try run.advance(steps: steps)
    return run
  }

  /// The extra update sees zeros as reals (and as fakes: nothing has been generated yet), and is not counted.
  @Test func theWarmUpIsOneUncountedUpdateOnZeros() throws {
    let warmed = try Self.run(warmUp: true, images: 0.5, steps: 0)
    let onZeros = try Self.run(warmUp: false, images: 0, steps: 1)
    #expect(warmed.completedSteps == 0)
    #expect(onZeros.completedSteps == 1)
    for variable in warmed.store.variables {
      #expect(
        warmed.store.read(variable.name) == onZeros.store.read(variable.name),
        "\(variable.name)")
    }
  }

  @Test func afterTheWarmUpTheStepsSeeTheirImages() throws {
    let warmed = try Self.run(warmUp: true, images: 0.5, steps: 1)
    let onZeros = try Self.run(warmUp: false, images: 0, steps: 2)
    #expect(warmed.completedSteps == 1)
    let name = "discriminator/dense_0/kernel"
    #expect(warmed.store.read(name) != onZeros.store.read(name))
  }

  /// Whatever the objective, a step can be planned and run: a linear loss with equal weights, say, has a
  /// gradient that does not depend on the images.
  @Test(
    arguments: Configuration.Objective.Kind.allCases, Configuration.Objective.Weights.allCases)
  func everyObjectiveRuns(
    _ kind: Configuration.Objective.Kind, _ weights: Configuration.Objective.Weights
  ) throws {
    for loss in Configuration.Objective.Loss.allCases {
      let overrides = [
        "objective.kind=\(kind)", "objective.weights=\(weights)", "objective.loss=\(loss)",
      ]
      try JobOfRuns.alone(overrides, recording: [.gradients]) { run in
        try run.advance(steps: 2)
        let losses = try #require(try run.shards()).compactMap { $0["loss_self"] }
        #expect(losses.count == 4 && losses.allSatisfy(\.isFinite))
      }
    }
  }

  /// Also the step that measures gradient norms, which is another variant of the program.
  @Test func everyStepIsStamped() throws {
    let configuration = try Configuration.decode(
      "batchSize: 8", source: "test", overrides: ["replicas=2", "shards.gradientEvery=3"])
    let run = try TrainingRun(
      configuration, batches: ConstantBatches(0.5, count: 8 * 28 * 28))
    let stamps = UnsafeMutableBufferPointer<UInt64>.allocate(capacity: 3)
    stamps.initialize(repeating: 0)
    defer { stamps.deallocate() }
    try run.advance(steps: 3, stamps: stamps)
    #expect(stamps[0] > 0)
    #expect(zip(stamps, stamps.dropFirst()).allSatisfy(<))
    let shards = try #require(try run.shards())
    #expect(shards.map(\.replica) == [0, 1])
    #expect(shards.allSatisfy { $0["gradient_norm"] != nil })
  }
}
