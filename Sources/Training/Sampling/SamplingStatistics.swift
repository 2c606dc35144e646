import RunConfiguration

/// What the generator's batch norm normalises with where images are drawn.
package enum SamplingStatistics: String, CaseIterable, Sendable {
  /// Replica 0's moving statistics, as the TPU's host reads them back.
  case first
  /// The mean of all replicas' moving statistics.
  case mean
  /// Those of one replica after another.
  case own
  /// The statistics of the batch that is drawn, as the published PyTorch code does.
  case batch
}

extension Configuration {
  /// What a run draws its own grids with.
  package var samplingStatistics: SamplingStatistics {
    // The PyTorch notebooks show a batch as it is trained.
    if model.layout == .pytorch { return .batch }
    switch batchNorm.movingStatistics {
    case .first, .sequential: return .first
    case .mean: return .mean
    case .own: return .own
    }
  }
}
