import Kernels
import Program
import ProgramPasses
import Replicas
import RunConfiguration

/// The program's reductions; inside of `Configuration` the word means something else.
package typealias GradientReduction = Reduction

/// From the words of a configuration to the things that they name.
extension Configuration {
  package var networks: any AdversarialNetworks {
    let layout: NetworkLayout =
      switch model.layout {
      case .keras: .keras
      case .pytorch: .pytorch
      }
    let imageShape: Shape = [model.image.height, model.image.width, model.image.channels]
    switch model.kind {
    case .gan:
      return MultilayerPerceptron(
        layout: layout, latentSize: model.latentSize, imageShape: imageShape,
        batchNorm: batchNormReplicas)
    case .dcgan:
      return DeepConvolutional(
        layout: layout, latentSize: model.latentSize, imageShape: imageShape,
        batchNorm: batchNormReplicas)
    }
  }

  private var batchNormReplicas: BatchNormConventions.Replicas {
    BatchNormConventions.Replicas(
      count: replicas, groupSize: replicasOfBatchNorm,
      movingStatistics: batchNorm.movingStatistics == .sequential ? .sequential : .perReplica)
  }

  /// For which TPU the program is made, and what is fused.
  package var lowering: LoweringOptions {
    let runtime: TPURuntime =
      switch tpu.runtime {
      case .v112: .v112
      case .v113: .v113
      case .v114: .v114
      }
    let chosen: [(Bool, Fusions)] = [
      (fusion.upscaledConvolution, .upscaledConvolution), (fusion.biasActivation, .biasActivation),
      (fusion.normalization, .normalization), (fusion.biasGradient, .biasGradient),
      (fusion.reducedProduct, .reducedProduct),
    ]
    return LoweringOptions(
      runtime: runtime, legalizes: tpu.legalize,
      fusions: chosen.reduce(into: []) { if $1.0 { $0.insert($1.1) } })
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

  /// Which worker runs which replicas. Worker threads are as many as asked for, or one for each core
  /// of the process, but never more than replicas.
  ///
  /// - Throws: `TrainingError.workers`
  package func placement(on processes: any ProcessGroup) throws(TrainingError) -> Placement {
    let most = replicas / processes.count
    let threads = threads ?? min(processes.coresPerProcess, max(most, 1))
    guard threads <= most else {
      throw .workers(processes: processes.count, threads: threads, replicas: replicas)
    }
    return Placement(replicas: replicas, ranks: processes.count, threads: threads)
  }

  package var libraries: KernelLibraries {
    KernelLibraries(
      products: kernels.matmul.library, convolutions: kernels.convolution.library)
  }

  /// The libraries as the workers use them: with the cores that no worker was asked for, where sums
  /// may be taken in any order.
  func libraries(
    of placement: Placement, on processes: any ProcessGroup
  ) -> KernelLibraries {
    var libraries = libraries
    if threads == nil, reduction == .fast {
      libraries.threads = max(1, processes.coresPerProcess / placement.threads)
    }
    return libraries
  }

  var reductionMode: ReductionMode { reduction == .fast ? .fast : .ordered }
}

extension Configuration.Kernels.Backend? {
  fileprivate var library: MatrixBackend {
    switch self {
    case nil: .best
    case .oneDNN: .oneDNN
    case .openBLAS: .openBLAS
    }
  }
}
