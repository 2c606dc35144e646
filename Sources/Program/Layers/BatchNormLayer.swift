/// Batch norm over the last axis of x with the statistics of all axes from `firstAxis` on, one group
/// of statistics for each entry of the axes before. A replica's own mean and variance of the batch
/// can be observed.
package struct BatchNormLayer {
  let path: String
  let conventions: BatchNormConventions
  let mode: LayerMode
  let initialScale: InitialValue

  /// What can be observed: [C], or [groups, C].
  package static let batchMean = "batch_mean"
  package static let batchVariance = "batch_variance"
  package static let movingMean = "moving_mean"
  package static let movingVariance = "moving_variance"

  func callAsFunction(_ x: Tensor, firstAxis: Int) -> Tensor {
    let builder = x.builder
    let features = x.shape[x.shape.rank - 1]
    let scale = builder.variable(
      "\(path)/gamma", shape: [features], role: .parameter, initial: initialScale)
    let shift = builder.variable(
      "\(path)/beta", shape: [features], role: .parameter, initial: .constant(0))
    let moving = MovingStatistics(path, features: features, conventions, builder)
    if mode == .moving {
      let deviation = (moving.variance + conventions.epsilon).squareRoot()
      return (x - moving.mean) / deviation * scale + shift
    }
    let axes = Array(firstAxis..<(x.shape.rank - 1))
    let result: (normalized: Tensor, mean: Tensor, variance: Tensor)
    if conventions.replicas.groupSize == 1 {
      result = x.batchNorm(
        scale: scale, shift: shift,
        BatchNormAttributes(axes: axes, epsilon: conventions.epsilon))
      observe(mean: result.mean, variance: result.variance)
    } else {
      result = acrossReplicas(x, axes, scale, shift)
    }
    if mode == .training {
      moving.update(
        mean: result.mean, variance: result.variance,
        count: axes.reduce(1) { $0 * x.shape[$1] } * conventions.replicas.groupSize)
    }
    return result.normalized
  }

  private func observe(mean: Tensor, variance: Tensor) {
    mean.builder.observe(Self.batchMean, mean)
    mean.builder.observe(Self.batchVariance, variance)
  }

  /// The same with statistics pooled over groups of replicas. With m_r and v_r a replica's own mean
  /// and biased variance, M = mean of m_r, and V = mean of v_r + (m_r − M)²: the moments of all
  /// examples together, without the cancellation of E[x²] − M².
  private func acrossReplicas(
    _ x: Tensor, _ axes: [Int], _ scale: Tensor, _ shift: Tensor
  ) -> (normalized: Tensor, mean: Tensor, variance: Tensor) {
    let weight = 1 / Double(axes.reduce(1) { $0 * x.shape[$1] })
    /// Statistics [groups.., C] beside x.
    let kept = Shape(
      x.shape.dimensions.enumerated().map { axes.contains($0.offset) ? 1 : $0.element })
    let own = x.sum(axes: axes) * weight
    let ownVariance = (x - own.reshaped(kept)).square().sum(axes: axes) * weight
    observe(mean: own, variance: ownVariance)
    let mean = groupMean(own)
    let variance = groupMean(ownVariance + (own - mean).square())
    let deviation = (variance + conventions.epsilon).squareRoot()
    let normalized = (x - mean.reshaped(kept)) / deviation.reshaped(kept) * scale + shift
    return (normalized, mean, variance)
  }

  /// The mean over this replica's group. A group's sum takes every replica's value, those of other
  /// groups times 0, and a replica takes the sum of its own group, so that an all-reduce of all
  /// replicas serves groups too, forward and backward.
  private func groupMean(_ x: Tensor) -> Tensor {
    let (count, size) = (conventions.replicas.count, conventions.replicas.groupSize)
    if size == count { return x.allReduce(.mean) }
    let sums = stride(from: 0, to: count, by: size).map { first in
      let isMember = x.builder.replicaConstant(
        (0..<count).map { (first..<(first + size)).contains($0) ? 1 : 0 })
      return (x * isMember).allReduce(.sum) * isMember
    }
    return sums.dropFirst().reduce(sums[0], +) * (1 / Double(size))
  }
}

/// The moving mean and variance of one batch norm, and how they follow the batches.
private struct MovingStatistics {
  let mean: Tensor
  let variance: Tensor
  private let path: String
  private let conventions: BatchNormConventions

  init(
    _ path: String, features: Int, _ conventions: BatchNormConventions, _ builder: ProgramBuilder
  ) {
    let distribution: Distribution =
      conventions.replicas.movingStatistics == .perReplica ? .perReplica : .replicated
    mean = builder.variable(
      "\(path)/\(BatchNormLayer.movingMean)", shape: [features], distribution: distribution,
      role: .state, initial: .constant(0))
    variance = builder.variable(
      "\(path)/\(BatchNormLayer.movingVariance)", shape: [features], distribution: distribution,
      role: .state, initial: .constant(1))
    self.path = path
    self.conventions = conventions
  }

  /// - Parameters:
  ///   - mean: the batch's means, [C] or [groups, C]; groups update one after another, in order.
  ///   - variance: the biased variances, of the same shape.
  ///   - count: how many numbers each mean was taken of.
  func update(mean batchMean: Tensor, variance batchVariance: Tensor, count: Int) {
    let correction =
      conventions.unbiasedMovingVariance && count > 1 ? Double(count) / Double(count - 1) : 1
    let builder = mean.builder
    builder.assign("\(path)/\(BatchNormLayer.movingMean)", followed(mean, by: batchMean))
    builder.assign(
      "\(path)/\(BatchNormLayer.movingVariance)",
      followed(variance, by: correction == 1 ? batchVariance : batchVariance * correction))
  }

  private func followed(_ moving: Tensor, by statistics: Tensor) -> Tensor {
    let momentum = conventions.momentum
    let groups =
      statistics.shape.rank == 1
      ? [statistics] : (0..<statistics.shape[0]).map { statistics.entry($0) }
    switch conventions.replicas.movingStatistics {
    case .perReplica:
      return groups.reduce(moving) { $0 * momentum + $1 * (1 - momentum) }
    case .sequential:
      // n updates in a row: momentumⁿ · moving + Σᵢ (1 − momentum) · momentumⁿ⁻¹⁻ⁱ · batchᵢ, where
      // group g of replica r is update i = r · groups + g.
      let replicas = conventions.replicas.count
      let updates = replicas * groups.count
      var share: Tensor?
      for (group, statistic) in groups.enumerated() {
        let weights = (0..<replicas).map { replica in
          (1 - momentum) * power(momentum, updates - 1 - (replica * groups.count + group))
        }
        let weighted = statistic * moving.builder.replicaConstant(weights)
        share = share.map { $0 + weighted } ?? weighted
      }
      let kept = moving * power(momentum, updates)
      return share.map { kept + $0.allReduce(.sum) } ?? kept
    }
  }

  private func power(_ base: Double, _ exponent: Int) -> Double {
    (0..<exponent).reduce(1) { product, _ in product * base }
  }
}
