/// In what the two published implementations' layers differ.
package struct LayerConventions: Hashable, Sendable {
  /// Who keeps the moving averages of batch norm.
  package enum MovingStatistics: Hashable, Sendable {
    /// Every replica its own (TensorFlow 1.13.1 on a TPU).
    case perReplica
    /// All replicas one, updated by replica 0, then 1, … (a loop over shards in one process).
    case sequential(replicas: Int)
  }

  package enum DenseInitialValue: Hashable, Sendable {
    /// Glorot-uniform kernels and zero biases (Keras).
    case glorotUniform
    /// Kernels and biases U(±1/√in) (PyTorch).
    case inverseSquareRoot
  }

  package var dense: DenseInitialValue
  package var batchNormEpsilon: Double
  /// moving ← momentum · moving + (1 − momentum) · batch
  package var batchNormMomentum: Double
  /// Whether the moving variance takes the unbiased batch variance, n/(n − 1) times the biased one.
  package var unbiasedMovingVariance: Bool
  package var movingStatistics: MovingStatistics

  package static func keras(_ movingStatistics: MovingStatistics) -> LayerConventions {
    LayerConventions(
      dense: .glorotUniform, batchNormEpsilon: 1e-3, batchNormMomentum: 0.8,
      unbiasedMovingVariance: false, movingStatistics: movingStatistics)
  }

  /// The published notebooks pass 0.8 in the place of ε.
  package static func pytorch(_ movingStatistics: MovingStatistics) -> LayerConventions {
    LayerConventions(
      dense: .inverseSquareRoot, batchNormEpsilon: 0.8, batchNormMomentum: 0.9,
      unbiasedMovingVariance: true, movingStatistics: movingStatistics)
  }
}

/// What batch norm normalises with.
package enum NormalizationMode: Hashable, Sendable {
  /// The batch's statistics; the moving ones follow.
  case training
  /// The batch's statistics; the moving ones stay.
  case batch
  /// The moving statistics.
  case moving
}
