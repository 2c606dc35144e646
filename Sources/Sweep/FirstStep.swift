import Foundation
import RunConfiguration
import RunFiles
import Training

/// How far the first step's averaged gradient is from that of one replica, which has the same images,
/// noise and weights: the effect of sharding on the gradient alone.
///
/// Two things can make the difference: batch statistics of fewer examples, and dynamic weights of
/// fewer examples. Each is seen by taking away the other: batch norm over all replicas has the one
/// replica's statistics, and equal weights are the same in every shard. Without both, the mean of the
/// shards' gradients is the whole batch's, and only rounding remains.
package struct FirstStep: Codable, Equatable, Sendable {
  /// The distance of a gradient G from the one replica's G₁.
  package struct Distance: Codable, Equatable, Sendable {
    /// ‖G − G₁‖ / ‖G₁‖
    package let difference: Double
    /// G · G₁ / (‖G‖ ‖G₁‖)
    package let cosine: Double
    /// ‖G‖ / ‖G₁‖
    package let norm: Double
    /// ‖G − G₁‖ / ‖G₁‖ over the parameters of one network.
    package let generator: Double
    package let discriminator: Double
  }

  /// As the cell is configured.
  package let configured: Distance
  /// With equal weights in every shard; nil where not both causes are there.
  package let statisticsAlone: Distance?
  /// With batch norm over all replicas; nil where not both causes are there.
  package let weightsAlone: Distance?
  /// Without either: what rounding makes; nil where no cause is there.
  package let neither: Distance?
  /// Mean losses over the replicas, by their columns.
  package let losses: [String: Float]
  /// The same of one replica.
  package let wholeBatchLosses: [String: Float]
}

/// Measures first steps; the one replica's gradients are kept for the cells that share them.
final class FirstSteps {
  private struct Outcome {
    /// Of each parameter, the averaged gradient.
    let gradient: [(name: String, values: [Float])]
    let losses: [String: Float]
  }

  /// By the configuration of the one replica; of one seed, since cells go seed by seed.
  private var references: [String: Outcome] = [:]
  private var seed: UInt64?

  func measure(_ cell: SweepCell) throws(TrainingError) -> FirstStep {
    if cell.seed != seed { references = [:] }
    seed = cell.seed
    var configuration = cell.configuration
    // An update before the first step would be sharded, too: all begin with the same weights.
    configuration.objective.warmUp = false
    let (statistics, weights) = configuration.causes
    func distance(equalWeights: Bool, pooled: Bool) throws(TrainingError) -> FirstStep.Distance {
      var variant = configuration
      if equalWeights { variant.objective.weights = .equal }
      if pooled { variant.batchNorm.scope = .all }
      return FirstStep.Distance(try run(variant).gradient, from: try reference(variant).gradient)
    }
    let (own, whole) = (try run(configuration), try reference(configuration))
    return FirstStep(
      configured: FirstStep.Distance(own.gradient, from: whole.gradient),
      statisticsAlone: statistics && weights
        ? try distance(equalWeights: true, pooled: false) : nil,
      weightsAlone: statistics && weights
        ? try distance(equalWeights: false, pooled: true) : nil,
      neither: statistics || weights
        ? try distance(equalWeights: weights, pooled: statistics) : nil,
      losses: own.losses, wholeBatchLosses: whole.losses)
  }

  private func reference(_ configuration: Configuration) throws(TrainingError) -> Outcome {
    var whole = configuration
    whole.replicas = 1
    whole.threads = nil
    whole.batchNorm.scope = .replica
    let key = whole.yaml
    if let outcome = references[key] { return outcome }
    let outcome = try run(whole)
    references[key] = outcome
    return outcome
  }

  private func run(_ configuration: Configuration) throws(TrainingError) -> Outcome {
    let run = try TrainingRun(
      configuration, data: try RunData(configuration), recording: .tensors)
    try run.advance(steps: 1)
    let prefix = "gradient/"
    let scale = configuration.gradients == .sum ? 1 / Float(configuration.replicas) : 1
    let gradient = run.outputs.compactMap { output -> (String, [Float])? in
      guard output.name.hasPrefix(prefix), let values = run.replicas[0].output(output.name)
      else { return nil }
      return (String(output.name.dropFirst(prefix.count)), values.map { $0 * scale })
    }
    let losses = try run.shards()?.meanLosses ?? [:]
    return Outcome(gradient: gradient, losses: losses)
  }
}

extension Configuration {
  /// What can make the mean of the shards' gradients another one than the whole batch's.
  var causes: (statistics: Bool, weights: Bool) {
    (
      replicasOfBatchNorm < replicas,
      replicas > 1 && objective.kind != .classic && objective.weights != .equal
    )
  }
}

extension FirstStep.Distance {
  fileprivate init(
    _ gradient: [(name: String, values: [Float])], from whole: [(name: String, values: [Float])]
  ) {
    var (generator, discriminator) = (DistanceSums(), DistanceSums())
    for (own, other) in zip(gradient, whole) {
      if own.name.hasPrefix("generator/") {
        generator.add(own.values, other.values)
      } else {
        discriminator.add(own.values, other.values)
      }
    }
    let all = generator + discriminator
    let tiny = Double.leastNormalMagnitude
    self.init(
      difference: all.relative, cosine: all.product / max((all.own * all.whole).squareRoot(), tiny),
      norm: (all.own / max(all.whole, tiny)).squareRoot(), generator: generator.relative,
      discriminator: discriminator.relative)
  }
}
