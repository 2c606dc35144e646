/// What one replica did in one step: a row of `shards.csv`.
package struct ShardStatistics: Sendable, Equatable {
  /// The columns after `step` and `replica`, in their order; also the outputs of the step's
  /// program.
  package static let columns = [
    "loss_self", "loss_generated", "loss_real", "loss_fake", "weight_generated", "weight_real",
    "weight_fake", "validity_generated", "validity_real", "validity_fake", "gradient_norm",
  ]
  /// The losses, which must stay finite.
  package static let losses = Array(columns.prefix(4))

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
