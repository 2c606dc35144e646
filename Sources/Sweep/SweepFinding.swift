import Statistics

/// Whether the number of replicas changed a quantity of a group of cells.
///
/// Seeds are blocks: all cells of a seed share images, noise and first weights, so that seeds differ
/// for another reason than the number of replicas.
struct SweepFinding {
  enum Verdict {
    /// p < 0.01.
    case changed
    /// p < 0.05.
    case perhaps
    case noSign
    /// All runs of a seed have the same value.
    case equal
    /// Fewer than two seeds have it for every number of replicas: chance cannot be told from an effect.
    case unknown
  }

  let quantity: String
  /// By the number of replicas, the mean over the seeds that have run with each number; over all,
  /// where there is no such seed. NaN where there is none.
  let means: [Double]
  /// Of the numbers of replicas that have the quantity at all (a noise scale needs two).
  let analysis: BlockAnalysis?
  /// The rows of `means` that `analysis` is of.
  private let rows: [Int]

  /// Nil where no cell has the quantity.
  ///
  /// - Parameter values: [replicas][seeds], NaN where a cell lacks it.
  init?(_ quantity: String, _ values: [[Double]]) {
    let rows = values.indices.filter { values[$0].contains(where: \.isFinite) }
    guard let first = rows.first else { return nil }
    self.quantity = quantity
    self.rows = rows
    let complete = values[first].indices.filter { seed in
      rows.allSatisfy { values[$0][seed].isFinite }
    }
    means = values.map { seeds in
      Moments((complete.isEmpty ? seeds.filter(\.isFinite) : complete.map { seeds[$0] })).mean
    }
    analysis = BlockAnalysis(rows.map { row in complete.map { values[row][$0] } })
  }

  var pValue: Double? { analysis?.pValue }

  var verdict: Verdict {
    switch pValue {
    case nil: analysis == nil ? .unknown : .equal
    case let p? where p < 0.01: .changed
    case let p? where p < 0.05: .perhaps
    default: .noSign
    }
  }

  /// The change from the fewest to the most replicas that have the quantity, with its interval.
  var contrast: BlockAnalysis.Contrast? {
    analysis.map { $0.contrast(rows.count - 1, against: 0) }
  }
}
