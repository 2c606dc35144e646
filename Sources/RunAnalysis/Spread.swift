import Statistics

/// How the values of a column lie, of one replica or of all together.
package struct Spread: StatisticList {
  /// How many finite values there are. Only they count below.
  package let count: Int
  /// How many fields are empty.
  package let notMeasured: Int
  /// How many values are infinite or no number.
  package let notFinite: Int
  package let mean: Double?
  /// With n − 1 as divisor; nil for fewer than two values.
  package let standardDeviation: Double?
  package let minimum: Double?
  package let maximum: Double?
  /// At 5, 25, 50, 75 and 95%, by linear interpolation; empty where there are no values.
  package let quantiles: [Double]

  private static let fractions = [0.05, 0.25, 0.5, 0.75, 0.95]

  init(_ values: [Double], notMeasured: Int, notFinite: Int) {
    let moments = Moments(values)
    let isEmpty = values.isEmpty
    (count, self.notMeasured, self.notFinite) = (values.count, notMeasured, notFinite)
    mean = isEmpty ? nil : moments.mean
    standardDeviation = moments.standardDeviation
    minimum = isEmpty ? nil : moments.minimum
    maximum = isEmpty ? nil : moments.maximum
    quantiles = isEmpty ? [] : Statistics.quantiles(values, at: Self.fractions)
  }

  /// The middle value.
  package var median: Double? { quantile(2) }

  /// Whether there are no two different values.
  var isConstant: Bool { minimum == maximum }

  package var numbers: [(name: String, value: Double?)] {
    [
      ("count", Double(count)), ("notMeasured", Double(notMeasured)),
      ("notFinite", Double(notFinite)), ("mean", mean), ("standardDeviation", standardDeviation),
      ("minimum", minimum), ("quantile5", quantile(0)), ("quantile25", quantile(1)),
      ("median", median), ("quantile75", quantile(3)), ("quantile95", quantile(4)),
      ("maximum", maximum),
    ]
  }

  private func quantile(_ index: Int) -> Double? {
    quantiles.indices.contains(index) ? quantiles[index] : nil
  }
}

/// The spread of one replica's values over the steps.
package struct ReplicaSpread: Encodable, Sendable {
  package let replica: Int
  package let spread: Spread
}
