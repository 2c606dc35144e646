/// How far one replica's batch statistics are from those of the whole batch, at one batch norm and
/// pass: a row of `batch_norm.csv`.
///
/// With m_r and v_r the replica's mean and biased variance of a channel, M the mean of all m_r, and
/// V = mean of v_r + (m_r − M)², the moments of all examples together, and root mean squares over
/// the channels:
///
///     mean distance = rms (m_r − M) / √(V + ε)       variance distance = rms (v_r − V) / (V + ε)
package struct BatchNormDistance: Sendable, Equatable {
  /// The columns after `step`, `replica`, `layer` and `pass`.
  package static let columns = ["mean_distance", "variance_distance"]

  package let replica: Int
  package let mean: Float
  package let variance: Float

  /// Keeps a channel that is the same in all examples from dividing by 0.
  private static let epsilon = 1e-6

  /// - Parameters:
  ///   - means: [replicas][channels]
  ///   - variances: [replicas][channels], biased.
  package static func ofReplicas(
    means: [ArraySlice<Float>], variances: [ArraySlice<Float>]
  ) -> [BatchNormDistance] {
    let channels = means.first?.count ?? 0
    var squares = [(mean: Double, variance: Double)](repeating: (0, 0), count: means.count)
    for channel in 0..<channels {
      let own = means.map { Double($0[$0.startIndex + channel]) }
      let ownVariance = variances.map { Double($0[$0.startIndex + channel]) }
      let mean = own.reduce(0, +) / Double(own.count)
      let variance =
        zip(own, ownVariance).reduce(0) { $0 + $1.1 + ($1.0 - mean) * ($1.0 - mean) }
        / Double(own.count)
      let scale = 1 / (variance + epsilon)
      for replica in squares.indices {
        let (distance, excess) = (own[replica] - mean, ownVariance[replica] - variance)
        squares[replica].mean += distance * distance * scale
        squares[replica].variance += excess * excess * scale * scale
      }
    }
    return squares.enumerated().map { replica, sums in
      BatchNormDistance(
        replica: replica, mean: Float((sums.mean / Double(max(channels, 1))).squareRoot()),
        variance: Float((sums.variance / Double(max(channels, 1))).squareRoot()))
    }
  }
}
