/// In what the two published implementations' layers differ.
package struct LayerConventions: Hashable, Sendable {
  package enum InitialValues: Hashable, Sendable {
    /// Glorot-uniform kernels, zero biases, γ = 1 (Keras).
    case glorotUniform
    /// Dense kernels and all biases U(±1/√inputs), γ = 1 (PyTorch).
    case inverseSquareRoot
    /// The same, but convolution kernels N(0, 0.02) and γ from N(1, 0.02) (PyTorch's DCGAN).
    case dcgan
  }

  package var initialValues: InitialValues
  package var batchNorm: BatchNormConventions
  /// Whether a dropout drops whole channels of an example.
  package var dropsChannels: Bool

  package static func keras(_ batchNorm: BatchNormConventions.Replicas) -> LayerConventions {
    LayerConventions(
      initialValues: .glorotUniform,
      batchNorm: BatchNormConventions(
        epsilon: 1e-3, momentum: 0.8, unbiasedMovingVariance: false, replicas: batchNorm),
      dropsChannels: false)
  }

  /// The published notebooks pass 0.8 in the place of ε.
  package static func pytorch(
    _ batchNorm: BatchNormConventions.Replicas,
    initialValues: InitialValues = .inverseSquareRoot
  ) -> LayerConventions {
    LayerConventions(
      initialValues: initialValues,
      batchNorm: BatchNormConventions(
        epsilon: 0.8, momentum: 0.9, unbiasedMovingVariance: true, replicas: batchNorm),
      dropsChannels: true)
  }
}

package struct BatchNormConventions: Hashable, Sendable {
  /// What replicas have to do with each other's batch norm.
  package struct Replicas: Hashable, Sendable {
    /// How many there are.
    package var count: Int
    /// How many consecutive replicas share their batch statistics; 1 on the TPU.
    package var groupSize: Int
    package var movingStatistics: MovingStatistics

    package init(
      count: Int, groupSize: Int = 1, movingStatistics: MovingStatistics = .perReplica
    ) {
      self.count = count
      self.groupSize = groupSize
      self.movingStatistics = movingStatistics
    }
  }

  /// Who keeps the moving averages.
  package enum MovingStatistics: Hashable, Sendable {
    /// Every replica its own (TensorFlow 1.13.1 on a TPU).
    case perReplica
    /// All replicas one, updated by replica 0, then 1, … (a loop over shards in one process).
    case sequential
  }

  package var epsilon: Double
  /// moving ← momentum · moving + (1 − momentum) · batch
  package var momentum: Double
  /// Whether the moving variance takes the unbiased batch variance, n/(n − 1) times the biased one.
  package var unbiasedMovingVariance: Bool
  package var replicas: Replicas
}

/// What batch norm normalises with, and whether dropout drops.
package enum LayerMode: Hashable, Sendable {
  /// The batch's statistics; the moving ones follow. Dropout drops.
  case training
  /// The batch's statistics; the moving ones stay. Dropout does nothing.
  case batch
  /// The moving statistics. Dropout does nothing.
  case moving
}
