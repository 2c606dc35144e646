import Execution
import Kernels
import Program
import ProgramPasses
import RunConfiguration

/// Draws the pictures that a generator makes of noise, a batch at a time.
///
/// Image i of a series is always row i mod `batchCount` of its batch, so that it has the same bits
/// whatever is drawn beside it. With `own` statistics the rows of a batch are divided evenly among the
/// replicas: image i has those of replica ⌊i / b⌋ mod replicas, b = ⌈25 / replicas⌉.
package final class Sampler {
  package static let gridSide = 5

  /// How many images a batch has: 25, or as many more as `own` and `batch` statistics need.
  package let batchCount: Int
  /// Numbers in one image.
  package let elementCount: Int
  package let latentSize: Int
  private let gridNoise: SampleNoise
  private let store: VariableStore
  private let executor: GroupExecutor
  private let plan: ExecutionPlan
  private let replicas: Int
  private let step: UnsafeMutablePointer<Int64>

  /// - Parameters:
  ///   - statistics: nil for those that the run draws its own grids with.
  ///   - model: whose variables will be used; it is refused before memory is taken.
  /// - Throws: `TrainingError.initialValue`, `.replicas(.execution(.memory))`
  package init(
    _ configuration: Configuration, statistics: SamplingStatistics? = nil, model: SavedModel? = nil
  ) throws(TrainingError) {
    let sampling = try SamplingProgram(
      configuration, statistics: statistics ?? configuration.samplingStatistics,
      count: Self.gridSide * Self.gridSide)
    try model?.requireVariables(sampling.program.variables)
    replicas = sampling.replicas
    batchCount = sampling.replicas * sampling.examples
    let image = configuration.model.image
    elementCount = image.height * image.width * image.channels
    latentSize = configuration.model.latentSize
    gridNoise = SampleNoise(seed: configuration.seed, latentSize: latentSize)
    do throws(ProgramError) { plan = try sampling.program.planned(width: replicas) } catch {
      throw .program(error)
    }
    try Self.requireMemory(plan)
    // As many threads as training has, since bits may depend on that.
    Machine.prepareProcess()
    store = VariableStore(plan.program.variables, replicas: 0..<replicas, seed: configuration.seed)
    step = .allocate(capacity: 1)
    step.initialize(to: 0)
    do throws(ExecutionError) {
      executor = try GroupExecutor(
        plan, replicas: 0..<replicas, partials: [], store: store,
        reduced: AlignedBuffer(count: plan.reductionCount), seed: configuration.seed, step: step,
        libraries: configuration.libraries, separatesReplicas: false)
    } catch { throw .replicas(.execution(error)) }
  }

  deinit { step.deallocate() }

  private static func requireMemory(_ plan: ExecutionPlan) throws(TrainingError) {
    let floats = plan.program.variables.reduce(plan.arenaCount + plan.constantCount) {
      $0 + $1.type.shape.count * ($1.role == .parameter ? 3 : plan.width)
    }
    let needed = floats * MemoryLayout<Float>.stride
    if needed > Machine.memory {
      throw .replicas(.execution(.memory(needed: needed, available: Machine.memory)))
    }
  }

  /// From now on, images are drawn with the variables of `state`.
  package func use(_ state: TrainedState) { state.restore(to: store) }

  /// The images of a batch of noise.
  ///
  /// - Parameter noise: [batchCount, latent]
  /// - Returns: [batchCount, height, width, channels] in [−1, 1].
  package func images(of noise: [Float]) throws(TrainingError) -> [Float] {
    precondition(noise.count == batchCount * latentSize, "a batch has \(batchCount) vectors")
    _ = executor.input(SamplingProgram.noise)?.update(fromContentsOf: noise)
    do throws(ExecutionError) {
      for segment in plan.segments.indices { try executor.run(segment: segment) }
    } catch { throw .replicas(.execution(error)) }
    return (0..<replicas).flatMap { replica in
      executor.output(SamplingProgram.images, replica: replica)?.values ?? []
    }
  }

  /// The images of a run's grid, [25, height, width, channels] in [−1, 1], as the generator of `state`
  /// draws them: of noise that stays the same throughout the run.
  package func images(of state: TrainedState) throws(TrainingError) -> [Float] {
    use(state)
    let images = try images(of: gridNoise.vectors(0..<batchCount))
    return Array(images.prefix(Self.gridSide * Self.gridSide * elementCount))
  }
}
