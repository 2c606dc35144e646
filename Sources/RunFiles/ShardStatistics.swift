/// What one replica did in one step: a row of `shards.csv`.
package struct ShardStatistics: Sendable, Equatable {
  /// The columns after `step` and `replica`, in their order; also the outputs of the step's
  /// program.
  package static let columns = [
    "loss_self", "loss_generated", "loss_real", "loss_fake", "weight_generated", "weight_real",
    "weight_fake", "validity_generated", "validity_real", "validity_fake", "gradient_norm",
  ]
  /// The losses, which must stay finite.
  package static let losses = Array(columns[..<4])
  /// The normalised dynamic weights.
  package static let weights = Array(columns[4..<7])
  /// What is spoken of first.
  package static let leading = losses + weights
  /// The last column, which has a number where the gradient was measured; the others always have.
  package static let gradientNorm = "gradient_norm"
  package static let always = columns.filter { $0 != gradientNorm }

  package let replica: Int
  /// Nil where the objective has no such number, or where it was not measured.
  package let values: [Float?]

  package init(replica: Int, values: [Float?]) {
    self.replica = replica
    self.values = values
  }

  package subscript(column: String) -> Float? {
    Self.columns.firstIndex(of: column).flatMap { values[$0] }
  }
}

extension [ShardStatistics] {
  /// The mean losses over the replicas, by their columns; without those that no replica has.
  package var meanLosses: [String: Float] {
    var means: [String: Float] = [:]
    for column in ShardStatistics.losses {
      let values = compactMap { $0[column] }
      if !values.isEmpty { means[column] = values.reduce(0, +) / Float(values.count) }
    }
    return means
  }
}
