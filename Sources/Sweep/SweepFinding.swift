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
    /// One seed, or a cell is missing: chance cannot be told from an effect.
    case unknown
  }

  let quantity: String
  /// The mean over the seeds, by the number of replicas; NaN where a cell lacks it.
  let means: [Double]
  let analysis: BlockAnalysis?

  /// Nil where no cell has the quantity.
  init?(_ quantity: String, _ values: [[Double]]) {
    guard values.joined().contains(where: { $0.isFinite }) else { return nil }
    self.quantity = quantity
    means = values.map { seeds in
      let finite = Moments(seeds.filter { $0.isFinite })
      return finite.mean
    }
    analysis = values.joined().allSatisfy({ $0.isFinite }) ? BlockAnalysis(values) : nil
  }

  var pValue: Double? { analysis?.pValue }

  var verdict: Verdict {
    switch pValue {
    case nil: .unknown
    case let p? where p < 0.01: .changed
    case let p? where p < 0.05: .perhaps
    default: .noSign
    }
  }

  /// The change from the fewest to the most replicas, with its interval.
  var contrast: BlockAnalysis.Contrast? {
    analysis.map { $0.contrast(means.count - 1, against: 0) }
  }
}
