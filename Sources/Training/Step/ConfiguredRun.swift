import Kernels
import Program
import Replicas
import RunConfiguration

/// The program's reductions; inside of `Configuration` the word means something else.
package typealias GradientReduction = Reduction

/// From the words of a configuration to the things that they name.
extension Configuration {
  /// - Throws: `TrainingError.unavailable` for what the configuration may name, but this version does not have.
  func networks() throws(TrainingError) -> any AdversarialNetworks {
    guard batchNorm.scope == .replica else {
      throw .unavailable(key: "batchNorm.scope", expected: "replica")
    }
    let layout: MultilayerPerceptron.Layout =
      switch model.layout {
      case .keras: .keras
      case .pytorch: .pytorch
      }
    switch model.kind {
    case .gan:
      return MultilayerPerceptron(
        layout: layout, latentSize: model.latentSize,
        imageShape: [model.image.height, model.image.width, model.image.channels],
        movingStatistics: batchNorm.movingStatistics == .sequential
          ? .sequential(replicas: replicas) : .perReplica)
    case .dcgan: throw .unavailable(key: "model.kind", expected: "gan")
    }
  }

  var adversarialLoss: AdversarialLoss {
    switch (objective.loss, model.layout) {
    case (.publishedCrossEntropy, _): .swappedCrossEntropy
    case (.binaryCrossEntropy, .keras): .clippedCrossEntropy
    case (.binaryCrossEntropy, .pytorch): .clampedLogCrossEntropy
    }
  }

  /// The single objective of both networks; nil for the classic GAN, which has two.
  var selfObjective: SelfObjective? {
    let kind: SelfObjective.Kind
    switch objective.kind {
    case .selfTPU: kind = .tpu
    case .selfGPU: kind = .gpu
    case .classic: return nil
    }
    let weights: DynamicWeights =
      switch objective.weights {
      case .loss: .loss
      case .validity: .validity
      case .equal: .equal
      }
    return SelfObjective(
      kind: kind, weights: weights, detachesWeights: objective.detachWeights,
      loss: adversarialLoss)
  }

  var adam: Adam {
    Adam(
      learningRate: optimizer.learningRate, beta1: optimizer.beta1, beta2: optimizer.beta2,
      epsilon: optimizer.epsilon, variant: optimizer.variant == .keras ? .keras : .pytorch)
  }

  var gradientReduction: GradientReduction { gradients == .mean ? .mean : .sum }

  /// Worker threads: as asked for, or one for each available core, but never more than replicas.
  package var workerCount: Int { threads ?? min(Machine.availableCores, replicas) }

  var placement: Placement { Placement(replicas: replicas, threads: workerCount) }

  package var matrixBackend: MatrixBackend {
    switch kernels.matmul {
    case nil: .best
    case .oneDNN: .oneDNN
    case .openBLAS: .openBLAS
    }
  }

  var reductionMode: ReductionMode { reduction == .fast ? .fast : .ordered }
}
