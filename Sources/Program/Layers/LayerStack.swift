/// Applies layers one after another and names them: numbered per kind within a network,
/// `generator/dense_0`.
package struct LayerStack {
  package private(set) var value: Tensor
  private let network: String
  private let conventions: LayerConventions
  private let mode: NormalizationMode
  private var counts: [String: Int] = [:]

  package init(
    _ input: Tensor, network: String, conventions: LayerConventions, mode: NormalizationMode
  ) {
    value = input
    self.network = network
    self.conventions = conventions
    self.mode = mode
  }

  private mutating func path(_ kind: String) -> String {
    defer { counts[kind, default: 0] += 1 }
    return "\(network)/\(kind)_\(counts[kind, default: 0])"
  }

  /// y = x · kernel [in, out] + bias [out]; leading axes of x are rows.
  package mutating func dense(_ outputs: Int) {
    let path = path("dense")
    let (x, builder) = (value, value.builder)
    let inputs = x.shape[x.shape.rank - 1]
    let bound = 1 / Double(inputs).squareRoot()
    let initial: (kernel: InitialValue, bias: InitialValue) =
      switch conventions.dense {
      case .glorotUniform: (.glorotUniform(inputs: inputs, outputs: outputs), .constant(0))
      case .inverseSquareRoot: (.uniform(bound: bound), .uniform(bound: bound))
      }
    value = builder.inLayer(path: path) {
      let kernel = builder.variable(
        "\(path)/kernel", shape: [inputs, outputs], role: .parameter, initial: initial.kernel)
      let bias = builder.variable(
        "\(path)/bias", shape: [outputs], role: .parameter, initial: initial.bias)
      return x.product(kernel) + bias
    }
  }

  package mutating func activation(_ activation: Activation) {
    let x = value
    value = x.builder.inLayer(path: network) { x.activated(activation) }
  }

  package mutating func reshape(_ shape: Shape) {
    let x = value
    value = x.builder.inLayer(path: network) { x.reshaped(shape) }
  }

  /// Batch norm over the last axis with the statistics of all axes from `firstAxis` on, one group
  /// of statistics for each entry of the axes before.
  package mutating func batchNorm(firstAxis: Int = 0) {
    let path = path("batch_norm")
    let (x, builder) = (value, value.builder)
    let features = x.shape[x.shape.rank - 1]
    value = builder.inLayer(path: path) {
      let scale = builder.variable(
        "\(path)/gamma", shape: [features], role: .parameter, initial: .constant(1))
      let shift = builder.variable(
        "\(path)/beta", shape: [features], role: .parameter, initial: .constant(0))
      let moving = MovingStatistics(path, features: features, conventions, builder)
      if mode == .moving {
        let deviation = (moving.variance + conventions.batchNormEpsilon).squareRoot()
        return (x - moving.mean) / deviation * scale + shift
      }
      let axes = Array(firstAxis..<(x.shape.rank - 1))
      let result = x.batchNorm(
        scale: scale, shift: shift,
        BatchNormAttributes(axes: axes, epsilon: conventions.batchNormEpsilon))
      if mode == .training {
        moving.update(
          mean: result.mean, variance: result.variance,
          count: axes.reduce(1) { $0 * x.shape[$1] })
      }
      return result.normalized
    }
  }
}

/// The moving mean and variance of one batch norm, and how they follow the batches.
private struct MovingStatistics {
  let mean: Tensor
  let variance: Tensor
  private let path: String
  private let conventions: LayerConventions

  init(_ path: String, features: Int, _ conventions: LayerConventions, _ builder: ProgramBuilder) {
    let distribution: Distribution =
      conventions.movingStatistics == .perReplica ? .perReplica : .replicated
    mean = builder.variable(
      "\(path)/moving_mean", shape: [features], distribution: distribution, role: .state,
      initial: .constant(0))
    variance = builder.variable(
      "\(path)/moving_variance", shape: [features], distribution: distribution, role: .state,
      initial: .constant(1))
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
    builder.assign("\(path)/moving_mean", followed(mean, by: batchMean))
    builder.assign(
      "\(path)/moving_variance",
      followed(variance, by: correction == 1 ? batchVariance : batchVariance * correction))
  }

  private func followed(_ moving: Tensor, by statistics: Tensor) -> Tensor {
    let momentum = conventions.batchNormMomentum
    let groups =
      statistics.shape.rank == 1
      ? [statistics] : (0..<statistics.shape[0]).map { statistics.entry($0) }
    switch conventions.movingStatistics {
    case .perReplica:
      return groups.reduce(moving) { $0 * momentum + $1 * (1 - momentum) }
    case .sequential(let replicas):
      // n updates in a row: momentumⁿ · moving + Σᵢ (1 − momentum) · momentumⁿ⁻¹⁻ⁱ · batchᵢ, where
      // group g of replica r is update i = r · groups + g.
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
