import RunConfiguration

/// By what a checkpoint is the best: the mean of a loss over the logged steps since the checkpoint before.
struct CheckpointScore {
  /// Nil where none is the best.
  private let column: String?
  private var sum = 0.0
  private var count = 0

  init(_ best: Configuration.Checkpoint.Best) {
    column =
      switch best {
      case .own: "loss_self"
      case .generated: "loss_generated"
      case .real: "loss_real"
      case .fake: "loss_fake"
      case .none: nil
      }
  }

  /// - Parameter losses: of a logged step, means over the replicas.
  mutating func add(_ losses: [String: Float]) {
    guard let loss = column.flatMap({ losses[$0] }) else { return }
    sum += Double(loss)
    count += 1
  }

  /// The score, and begins anew; nil where no step was logged, or a loss was not finite.
  mutating func take() -> Double? {
    defer { (sum, count) = (0, 0) }
    return count > 0 && sum.isFinite ? sum / Double(count) : nil
  }
}
