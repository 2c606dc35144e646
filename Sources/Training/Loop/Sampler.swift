import Execution
import Kernels
import Program
import ProgramPasses
import RunConfiguration

/// Draws pictures of noise that stays the same throughout a run.
package final class Sampler {
  package static let gridSide = 5

  private let store: VariableStore
  private let executor: GroupExecutor
  private let plan: ExecutionPlan
  private let replicas: Int
  private let step: UnsafeMutablePointer<Int64>
  private let imageCount: Int

  package init(_ configuration: Configuration) throws(TrainingError) {
    // Each replica draws with its own statistics, or one draws for all.
    replicas = configuration.batchNorm.movingStatistics == .own ? configuration.replicas : 1
    let count = Self.gridSide * Self.gridSide
    let sampling = try SamplingProgram(configuration, count: (count + replicas - 1) / replicas)
    imageCount =
      configuration.model.image.height * configuration.model.image.width
      * configuration.model.image.channels
    store = VariableStore(
      sampling.program.variables, replicas: 0..<replicas, seed: configuration.seed)
    step = .allocate(capacity: 1)
    step.initialize(to: 0)
    do throws(ProgramError) { plan = try sampling.program.planned(width: replicas) } catch {
      throw .program(error)
    }
    do throws(ExecutionError) {
      executor = try GroupExecutor(
        plan, replicas: 0..<replicas, partials: [], store: store,
        reduced: AlignedBuffer(count: plan.reductionCount), seed: configuration.seed, step: step,
        libraries: configuration.libraries, separatesReplicas: false)
    } catch { throw .replicas(.execution(error)) }
  }

  deinit { step.deallocate() }

  /// The images of the grid, [25, height, width, channels] in [−1, 1], as the generator of `state`
  /// draws them.
  package func images(of state: TrainedState) throws(TrainingError) -> [Float] {
    state.restore(to: store)
    do throws(ExecutionError) {
      for segment in plan.segments.indices { try executor.run(segment: segment) }
    } catch { throw .replicas(.execution(error)) }
    let images = (0..<replicas).flatMap { replica in
      executor.output(SamplingProgram.images, replica: replica)?.values ?? []
    }
    return Array(images.prefix(Self.gridSide * Self.gridSide * imageCount))
  }
}
