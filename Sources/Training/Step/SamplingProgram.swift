import Program
import ProgramPasses
import RunConfiguration

/// Builds the program that draws pictures of fixed noise.
///
/// The Keras layout samples with moving statistics. The PyTorch layout shows a batch as it is
/// trained: normalised by its own statistics.
struct SamplingProgram {
  static let images = "images"

  let program: ReplicaProgram
  /// How many images a replica draws.
  let examples: Int

  /// - Parameter count: how many images each replica draws at least.
  init(_ configuration: Configuration, count: Int) throws(TrainingError) {
    let networks = configuration.networks
    let usesBatch = configuration.model.layout == .pytorch
    let examples = usesBatch ? max(count, configuration.batchSize) : count
    let builder = ProgramBuilder(name: "samples")
    let noise = builder.random(.normal, shape: [examples, networks.latentSize], stream: "samples")
    builder.output(Self.images, networks.generator(noise, mode: usesBatch ? .batch : .moving))
    do throws(ProgramError) {
      program = try builder.finish().lowered(configuration.lowering)
    } catch { throw .program(error) }
    self.examples = examples
  }
}
