/// One replica's own gradient in one step beside the combined one: a row of `gradients.csv`.
///
/// The noise scale is the simple one of McCandlish et al. 2018, "An Empirical Model of Large-Batch
/// Training", appendix A.1, with the shards as the small batches: with b examples in a shard, B in
/// the whole batch, |g|² the mean of the replicas' squared norms and |G|² that of the averaged
/// gradient,
///
///     signal = (B·|G|² − b·|g|²) / (B − b)       noise = (|g|² − |G|²) / (1/b − 1/B)
///     noise scale = noise / signal               (in examples)
///
/// Both are unbiased, so that a single step's signal may be negative: means over steps come first,
/// the quotient last.
package struct GradientStatistics: Sendable, Equatable {
  /// The columns after `step` and `replica`: the L2 norm of the replica's own gradient, the cosine
  /// of its angle to the averaged one, and, alike for all replicas of a step, the averaged one's
  /// norm, the signal and the noise.
  package static let columns = ["gradient_norm", "cosine", "averaged_norm", "signal", "noise"]

  package let replica: Int
  package let values: [Float?]

  package subscript(column: String) -> Float? {
    Self.columns.firstIndex(of: column).flatMap { values[$0] }
  }

  /// The statistics of all replicas of a step.
  ///
  /// - Parameters:
  ///   - norms: of each replica's own gradient.
  ///   - products: each one's scalar product with the combined gradient.
  ///   - combinedNorm: of what the optimizer takes.
  ///   - isSum: whether that is the sum over the replicas; otherwise it is the mean.
  ///   - batchSize: examples of all replicas together.
  package static func ofReplicas(
    norms: [Float], products: [Float], combinedNorm: Float, isSum: Bool, batchSize: Int
  ) -> [GradientStatistics] {
    let averagedNorm = Double(combinedNorm) / (isSum ? Double(norms.count) : 1)
    let squared = norms.reduce(0) { $0 + Double($1) * Double($1) } / Double(norms.count)
    let (batch, shard) = (Double(batchSize), Double(batchSize) / Double(norms.count))
    let big = averagedNorm * averagedNorm
    let isSharded = norms.count > 1
    let signal = isSharded ? Float((batch * big - shard * squared) / (batch - shard)) : nil
    let noise = isSharded ? Float((squared - big) / (1 / shard - 1 / batch)) : nil
    return zip(norms, products).enumerated().map { replica, pair in
      let (norm, product) = pair
      let lengths = Double(norm) * Double(combinedNorm)
      return GradientStatistics(
        replica: replica,
        values: [
          norm, lengths > 0 ? Float(Double(product) / lengths) : nil, Float(averagedNorm), signal,
          noise,
        ])
    }
  }
}
