import Statistics

/// How a column changes over the steps, by least-squares lines; p values take steps as independent.
package struct ColumnDrift: StatisticList {
  /// Of the mean over the replicas; x in thousands of steps.
  package let mean: LinearTrend?
  /// Of the standard deviation between the replicas of a step; x in thousands of steps.
  package let spread: LinearTrend?
  /// Means of the steps' means over the first to the last quarter of the steps that have values; empty
  /// for fewer than four.
  package let quarters: [Double]

  init(_ column: ColumnValues) {
    let thousands = column.steps.map { Double($0) / 1000 }
    let means = column.moments.map(\.mean)
    mean = LinearTrend(thousands, means)
    let spread = zip(thousands, column.moments).compactMap { step, moments in
      moments.standardDeviation.map { (step: step, deviation: $0) }
    }
    self.spread = LinearTrend(spread.map(\.step), spread.map(\.deviation))
    quarters =
      means.count < 4
      ? []
      : (0..<4).map { quarter in
        Moments(means[means.count * quarter / 4..<means.count * (quarter + 1) / 4]).mean
      }
  }

  package var numbers: [(name: String, value: Double?)] {
    [
      ("meanSlope", mean?.slope), ("meanSlopeP", mean?.pValue), ("spreadSlope", spread?.slope),
      ("spreadSlopeP", spread?.pValue),
    ]
      + (0..<4).map { quarter in
        ("quarter\(quarter + 1)", quarters.isEmpty ? nil : quarters[quarter])
      }
  }
}
