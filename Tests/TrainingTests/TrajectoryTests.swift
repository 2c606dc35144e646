import Execution
import Kernels
import Program
import ProgramPasses
import RandomStreams
import Replicas
import RunConfiguration
import RunFiles
import Testing
import Training

/// The images of the goldens: drawn from the stream `golden/real`, for any number of replicas.
private final class GoldenBatches: BatchProvider {
  private let current: AlignedBuffer

  init(count: Int) { current = AlignedBuffer(count: count) }

  func acquire(step: Int) throws -> UnsafePointer<Float> {
    UnsafePointer(current.pointer)
  }

  func release(step: Int) {}

  func prepare(_ batch: [Double]) {
    for (index, value) in batch.enumerated() { current.pointer[index] = Float(value) }
  }
}

@Suite struct TrajectoryTests {
  private static func goldenBatch(_ run: Configuration, step: Int) -> [Double] {
    let stream = RandomStream(seed: run.seed, name: "golden/real")
    let pixels = run.imageShape.reduce(1, *)
    return (0..<(run.batchSize * pixels)).map { index in
      2 * stream.uniform(element: index % pixels, example: index / pixels, step: step) - 1
    }
  }

  private static func shards(_ batch: [Double], _ run: Configuration) -> [DoubleTensor] {
    let examples = run.batchSize / run.replicas
    let count = examples * run.imageShape.reduce(1, *)
    return (0..<run.replicas).map { replica in
      DoubleTensor(
        shape: [examples] + run.imageShape,
        values: Array(batch[(replica * count)..<((replica + 1) * count)]))
    }
  }

  /// A bias right before a batch norm has no gradient but rounding noise: what is compared is its
  /// size against the whole.
  private static func wholeNorm(_ digests: [String: GoldenTrajectory.Digest]) -> Double {
    digests.values.reduce(0) { $0 + $1.norm * $1.norm }.squareRoot()
  }

  /// The Double reference takes the framework's steps; the float32 kernels take each of them from the
  /// reference's state, so that their differences do not add up.
  @Test(arguments: GoldenTrajectory.names)
  func kernelsFollowTheReferenceAndTheReferenceTheFramework(name: String) throws {
    let (golden, run) = try GoldenTrajectory.load(name)
    let program = try TrainingStep(run).program(recording: [.gradients, .tensors])
    var reference = ReferenceInterpreter(
      try program.expandingGradients(), replicas: run.replicas, seed: run.seed)
    let provider = GoldenBatches(count: run.batchSize * run.imageShape.reduce(1, *))
    let training = try TrainingRun(run, batches: provider, recording: [.gradients, .tensors])
    for (k, expected) in golden.steps.enumerated() {
      let batch = Self.goldenBatch(run, step: k)
      Self.copyState(of: reference, to: training.store)
      let before = reference.variables
      provider.prepare(batch)
      try training.advance(steps: 1)
      let outputs = reference.run([TrainingStep.real: Self.shards(batch, run)])
      try expectFrameworksStep(k, expected, outputs, reference.variables)
      try expectReferencesStep(k, training, outputs, before: before, after: reference.variables)
    }
  }

  private typealias Tensors = [String: [DoubleTensor]]

  private func expectFrameworksStep(
    _ k: Int, _ expected: GoldenTrajectory.Step, _ outputs: Tensors, _ variables: Tensors
  ) throws {
    for (replica, columns) in expected.replicas.enumerated() {
      for (column, value) in columns {
        guard let value else {
          #expect(outputs[column] == nil, "\(column) should not exist")
          continue
        }
        let tensors = try #require(outputs[column], "\(column)")
        let actual = tensors[min(replica, tensors.count - 1)].values[0]
        #expect(abs(actual - value) <= 1e-9 * max(1, abs(value)), "step \(k), \(column)")
      }
    }
    let generated = GoldenTrajectory.Digest(
      outputs["generated"].map { $0.flatMap(\.values) } ?? [])
    #expect(generated.distance(from: expected.generated, scale: expected.generated.norm) <= 1e-9)

    let whole = Self.wholeNorm(expected.gradient)
    for (parameter, digest) in expected.gradient {
      let gradient = try #require(outputs["gradient/\(parameter)"]?[0])
      let distance = GoldenTrajectory.Digest(gradient.values)
        .distance(from: digest, scale: max(digest.norm, 1e-6 * whole))
      #expect(distance <= 1e-9, "step \(k), gradient of \(parameter)")
    }
    for (parameter, digest) in expected.parameter {
      let value = try #require(variables[parameter]?[0])
      // A parameter that starts at zero is as large as its updates; rounding noise in the gradient of
      // a bias before a batch norm moves that by less than 1e-11.
      let isNoise = (expected.gradient[parameter]?.norm ?? whole) < 1e-9 * whole
      let distance = GoldenTrajectory.Digest(value.values).distance(
        from: digest, scale: max(digest.norm, isNoise ? 1 : 1e-6))
      #expect(distance <= 1e-9, "step \(k), \(parameter)")
    }
  }

  private func expectReferencesStep(
    _ k: Int, _ training: TrainingRun, _ outputs: Tensors, before: Tensors, after: Tensors
  ) throws {
    let shards = try #require(try training.shards())
    #expect(shards.count == training.configuration.replicas)
    for shard in shards {
      for column in ShardStatistics.columns where column != "gradient_norm" {
        guard let tensors = outputs[column] else {
          #expect(shard[column] == nil)
          continue
        }
        let expected = tensors[min(shard.replica, tensors.count - 1)].values[0]
        let actual = Double(try #require(shard[column]))
        #expect(abs(actual - expected) <= 2e-4 * max(abs(expected), 1e-3), "step \(k), \(column)")
      }
    }

    var (error, norm) = (0.0, 0.0)
    var (updateError, updateNorm) = (0.0, 0.0)
    let replica = training.replicas[0]
    for variable in training.store.variables where variable.name != TrainingStep.last {
      let expected = try #require(after[variable.name]?[0].values)
      let actual = training.store.read(variable.name)
      if variable.role == .parameter {
        let gradient = try #require(outputs["gradient/\(variable.name)"]?[0].values)
        let own = try #require(replica.output("gradient/\(variable.name)"))
        for (a, b) in zip(own, gradient) {
          error += (Double(a) - b) * (Double(a) - b)
          norm += b * b
        }
        let old = try #require(before[variable.name]?[0].values)
        for (index, value) in expected.enumerated() {
          let update = value - old[index]
          let difference = Double(actual[index]) - value
          updateError += difference * difference
          updateNorm += value * value + update * update
        }
      } else {
        let difference = zip(actual, expected).reduce(0) {
          $0 + ($1.1 - Double($1.0)) * ($1.1 - Double($1.0))
        }
        let size = expected.reduce(0) { $0 + $1 * $1 }
        #expect(
          difference.squareRoot() <= 2e-4 * size.squareRoot(), "step \(k), \(variable.name)")
      }
    }
    // In convolutions, a unit that crosses a kink weighs more.
    let tolerance = training.configuration.model.kind == .dcgan ? 1e-2 : 2e-3
    #expect((error / norm).squareRoot() <= tolerance, "step \(k), whole gradient")
    #expect((updateError / updateNorm).squareRoot() <= 2e-4, "step \(k), updates")
  }

  private static func copyState(of reference: ReferenceInterpreter, to store: VariableStore) {
    for variable in store.variables {
      guard let tensors = reference.variables[variable.name] else { continue }
      for (index, tensor) in tensors.enumerated() {
        let replica = variable.type.distribution == .perReplica ? index : nil
        store.write(tensor.values.map(Float.init), to: variable.name, replica: replica)
      }
      guard let offset = store.layout.offsets[variable.name],
        let (first, second) = reference.moments[variable.name]
      else { continue }
      for index in first.values.indices {
        store.firstMoments.pointer[offset + index] = Float(first.values[index])
        store.secondMoments.pointer[offset + index] = Float(second.values[index])
      }
    }
  }
}

extension Configuration {
  /// [height, width, channels]
  fileprivate var imageShape: [Int] {
    [model.image.height, model.image.width, model.image.channels]
  }
}
