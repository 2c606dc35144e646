extension Configuration {
  /// Refuses values that no run can have.
  ///
  /// - Throws: `impossible`, which names the key, its value and the range; `batchNotDivisible`.
  package func validate() throws(ConfigurationError) {
    try require(model.latentSize, in: 1...65_536, "model.latentSize")
    try require(model.image.height, in: 1...4096, "model.image.height")
    try require(model.image.width, in: 1...4096, "model.image.width")
    try require(model.image.channels, in: 1...4, "model.image.channels")
    if model.kind == .dcgan { try validateConvolutionalImage() }
    try validateOptimizer()
    try require(replicas, in: 1...1024, "replicas")
    try require(batchSize, in: 1...65_536, "batchSize")
    guard batchSize % replicas == 0 else {
      throw .batchNotDivisible(batchSize: batchSize, replicas: replicas)
    }
    if case .group(let count) = batchNorm.scope {
      try require(
        count, count >= 1 && replicas % count == 0, "batchNorm.scope",
        "replica, all or a divisor of replicas (\(replicas))")
    }
    try require(steps, in: 1...(1 << 31), "steps")
    try require(logEvery, logEvery >= 1, "logEvery", "1 or more")
    try require(sampleEvery, sampleEvery >= 1, "sampleEvery", "1 or more")
    let gradientEvery = shards.gradientEvery
    try require(gradientEvery, gradientEvery >= 0, "shards.gradientEvery", "0 or more")
    try require(checkpoint.every, checkpoint.every >= 0, "checkpoint.every", "0 or more")
    try require(checkpoint.keep, checkpoint.keep >= 1, "checkpoint.keep", "1 or more")
    if let threads {
      try require(
        threads, (1...replicas).contains(threads), "threads",
        "1 to the number of replicas (\(replicas))")
    }
    try validateTimeout()
    try validatePath()
    try require(
      data.fraction, data.fraction > 0 && data.fraction <= 1, "data.fraction", "above 0, at most 1")
  }

  /// The generator doubles its images twice.
  private func validateConvolutionalImage() throws(ConfigurationError) {
    for (extent, key) in [
      (model.image.height, "model.image.height"), (model.image.width, "model.image.width"),
    ] {
      try require(
        extent, extent >= 8 && extent % 4 == 0, key, "a multiple of 4, 8 or more, for dcgan")
    }
  }

  private func validateOptimizer() throws(ConfigurationError) {
    let rate = optimizer.learningRate
    try require(rate, rate > 0 && rate <= 1, "optimizer.learningRate", "above 0, at most 1")
    for (beta, key) in [
      (optimizer.beta1, "optimizer.beta1"), (optimizer.beta2, "optimizer.beta2"),
    ] {
      try require(beta, beta >= 0 && beta < 1, key, "at least 0, below 1")
    }
    let epsilon = optimizer.epsilon
    try require(epsilon, epsilon > 0 && epsilon <= 1, "optimizer.epsilon", "above 0, at most 1")
  }

  /// A week at most, so that the seconds fit into any clock's integers.
  private func validateTimeout() throws(ConfigurationError) {
    let timeout = communication.timeout
    try require(
      timeout, timeout > 0 && timeout <= 604_800, "communication.timeout",
      "seconds above 0, at most 604800")
  }

  /// The system would cut a path short at a zero character.
  private func validatePath() throws(ConfigurationError) {
    guard let path = data.path else { return }
    try require(
      doubleQuoted(path), !path.isEmpty && !path.utf8.contains(0), "data.path", "a path")
  }

  private func require(
    _ value: Int, in range: ClosedRange<Int>, _ key: String
  ) throws(ConfigurationError) {
    try require(
      value, range.contains(value), key, "\(range.lowerBound) to \(range.upperBound)")
  }

  private func require(
    _ value: some CustomStringConvertible, _ holds: Bool, _ key: String, _ expected: String
  ) throws(ConfigurationError) {
    if !holds {
      throw .impossible(key: key, found: value.description, expected: expected)
    }
  }
}
