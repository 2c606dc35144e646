import Execution
import Kernels
import Program
import ProgramPasses
import Replicas
import TestSupport

/// Seeded images for some steps, all made beforehand.
final class SeededBatches: BatchProvider, @unchecked Sendable {
  private let images: UnsafeMutablePointer<Float>
  private let count: Int

  /// - Parameter count: the numbers of one step's images for all replicas.
  init(steps: Int, count: Int, seed: Int = 5) {
    var numbers = SeededNumbers(seed: seed)
    images = .allocate(capacity: steps * count)
    images.initialize(from: numbers.floats(steps * count, in: -1...1), count: steps * count)
    self.count = count
  }

  deinit { images.deallocate() }

  func acquire(step: Int) -> UnsafePointer<Float> { UnsafePointer(images + step * count) }
  func release(step: Int) {}

  /// Sets one number of the images of one replica in one step.
  func set(_ number: Float, at index: Int, step: Int, replica: Int, of replicas: Int) {
    images[step * count + replica * (count / replicas) + index] = number
  }

  /// Makes all numbers of one replica's images in one step no numbers.
  func spoil(step: Int, replica: Int, of replicas: Int) {
    let share = count / replicas
    let start = step * count + replica * share
    for index in start..<(start + share) { images[index] = .nan }
  }
}

/// A step over some networks, its images, and how they are trained in a test.
struct TrainingCase: Sendable {
  let replicas: Int
  let examples: Int
  let imageCount: Int
  /// Lowered variants: the plain step, and one that records more.
  let variants: [ReplicaProgram]
  let parameters: [String]

  init(
    _ networks: some AdversarialNetworks, adam: Adam.Variant, replicas: Int, examples: Int,
    fusions: Fusions = .all
  ) throws {
    self.replicas = replicas
    self.examples = examples
    imageCount = networks.imageShape.count
    let plain = try SelfGANStep(networks, examples: examples, adam: adam)
    let recording = try SelfGANStep(
      networks, examples: examples, adam: adam, recording: [.gradientNorm, .averagedGradients])
    let options = LoweringOptions(fusions: fusions)
    variants = [try plain.program.lowered(options), try recording.program.lowered(options)]
    parameters = plain.parameters
  }

  static func small(replicas: Int = 8) throws -> TrainingCase {
    try TrainingCase(
      SmallNetworks(.keras(.init(count: replicas))), adam: .keras, replicas: replicas, examples: 3)
  }

  /// Moving statistics that all replicas share: assigned by one worker, read by all.
  static func sharingStatistics(replicas: Int = 8) throws -> TrainingCase {
    try TrainingCase(
      SmallNetworks(.pytorch(.init(count: replicas, movingStatistics: .sequential))),
      adam: .pytorch,
      replicas: replicas, examples: 3)
  }

  /// Images, which a worker takes replica by replica.
  ///
  /// - Parameter groupSize: how many replicas pool their batch statistics.
  static func convolutional(
    _ layout: NetworkLayout = .keras, replicas: Int = 8, groupSize: Int = 1, channels: Int = 1,
    fusions: Fusions = .all
  ) throws -> TrainingCase {
    try TrainingCase(
      SmallConvolutionalNetworks(
        layout, .init(count: replicas, groupSize: groupSize), channels: channels),
      adam: layout == .keras ? .keras : .pytorch, replicas: replicas, examples: 2,
      fusions: fusions)
  }

  /// The paper's network and batch.
  static func paper() throws -> TrainingCase {
    try TrainingCase(
      MultilayerPerceptron(
        layout: .keras, latentSize: 100, imageShape: [28, 28, 1],
        batchNorm: .init(count: 8)),
      adam: .keras, replicas: 8, examples: 8)
  }

  func group(
    threads: Int, reduction: ReductionMode, backend: MatrixBackend = .best, timeout: Double = 60
  ) throws -> ReplicaGroup {
    try ReplicaGroup(
      variants, placement: Placement(replicas: replicas, threads: threads),
      store: VariableStore(variants[0].variables, replicas: 0..<replicas, seed: 9),
      options: options(reduction: reduction, backend: backend, timeout: timeout))
  }

  func options(
    reduction: ReductionMode, backend: MatrixBackend, timeout: Double, sharesUpdates: Bool = true
  ) -> ExecutionOptions {
    ExecutionOptions(
      reduction: reduction, libraries: KernelLibraries(backend), seed: 9, timeout: timeout,
      input: SelfGANStep.real, watched: SelfGANStep.losses, sharesUpdates: sharesUpdates)
  }

  /// The averaged gradient of the first step, as one vector.
  func averagedGradient(
    threads: Int, reduction: ReductionMode, backend: MatrixBackend = .best
  ) throws -> [Float] {
    let group = try group(threads: threads, reduction: reduction, backend: backend)
    try group.run(steps: 1, variant: 1, batches: batches(steps: 1))
    let last = group.replicas(variant: 1).last
    return parameters.flatMap { last?.output("gradient/\($0)") ?? [] }
  }

  func batches(steps: Int) -> SeededBatches {
    SeededBatches(steps: steps, count: replicas * examples * imageCount)
  }

  /// The bits of every replica's losses after each step, and of all variables and moments after the last.
  ///
  /// - Parameter isExamined: whether each step is looked through for infinities and NaNs.
  func train(
    threads: Int, reduction: ReductionMode, backend: MatrixBackend = .best,
    variants: [Int] = [0, 0, 0], isExamined: Bool = false
  ) throws -> TrainingBits {
    let group = try group(threads: threads, reduction: reduction, backend: backend)
    let batches = batches(steps: variants.count)
    var losses: [UInt32] = []
    for variant in variants {
      try group.runStep(variant: variant, batches: batches, isExamined: isExamined)
      losses += group.losses(variant: variant)
    }
    return TrainingBits(
      losses: losses, variables: group.variables.flatMap { $0 }, moments: [group.moments])
  }
}

struct TrainingBits {
  /// How many floats have other bits.
  struct Differences: Equatable {
    static let none = Differences(losses: 0, variables: 0, moments: 0)
    let losses: Int
    let variables: Int
    let moments: Int
  }

  /// Step by step, replica by replica.
  let losses: [UInt32]
  /// Variable by variable, replica by replica.
  let variables: [UInt32]
  /// Of each process that ran.
  let moments: [[UInt32]]

  /// - Parameter other: of one process.
  func differences(from other: TrainingBits) -> Differences {
    func count(_ a: [UInt32], _ b: [UInt32]) -> Int {
      zip(a, b).reduce(abs(a.count - b.count)) { $0 + ($1.0 == $1.1 ? 0 : 1) }
    }
    return Differences(
      losses: count(losses, other.losses), variables: count(variables, other.variables),
      moments: moments.reduce(0) { $0 + count($1, other.moments[0]) })
  }
}

let backends = MatrixBackend.allCases.filter(\.isPresent)
