import Program
import ProgramPasses
import RunConfiguration

/// Builds the program that draws the pictures of one batch of noise.
struct SamplingProgram {
  static let noise = "noise"
  static let images = "images"

  let program: ReplicaProgram
  /// How many replicas draw a batch together: all, where each has its own statistics, or one.
  let replicas: Int
  /// How many images a replica draws.
  let examples: Int

  /// A batch has at least `count` images; with its own statistics it is never smaller than one of training.
  init(
    _ configuration: Configuration, statistics: SamplingStatistics, count: Int
  ) throws(TrainingError) {
    let isOfAll =
      statistics == .own && configuration.batchNorm.movingStatistics != .sequential
    replicas = isOfAll ? configuration.replicas : 1
    examples =
      statistics == .batch
      ? max(count, configuration.batchSize) : (count + replicas - 1) / replicas
    // The batch is whole: no statistics are taken over replicas.
    var whole = configuration
    whole.batchNorm.scope = .replica
    let networks = whole.networks
    let builder = ProgramBuilder(name: "samples")
    let noise = builder.input(Self.noise, shape: [examples, networks.latentSize])
    builder.output(
      Self.images, networks.generator(noise, mode: statistics == .batch ? .batch : .moving))
    do throws(ProgramError) {
      program = try builder.finish().lowered(configuration.lowering)
    } catch { throw .program(error) }
  }
}
