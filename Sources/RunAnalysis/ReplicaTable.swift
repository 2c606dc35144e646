import RunFiles
import Statistics

/// One of a run's tables, read: a row a step and replica (and, of batch norms, a place), sorted by
/// step, place and replica, in columns.
///
/// A value is what the file says as the nearest Double, infinities and NaN included, or
/// `notMeasured`, a NaN of its own, where the field is empty.
package struct ReplicaTable: Sendable {
  /// A batch norm and the pass through it; both are empty in tables that have no such columns.
  package struct Place: Hashable, Sendable {
    package let layer: String
    package let pass: String
  }

  /// The rows of one step.
  package struct Step: Sendable, Equatable {
    package let step: Int
    package let rows: Range<Int>
  }

  package let kind: RunTable
  /// The step of each row.
  package let steps: [Int]
  /// The replica of each row.
  package let replicas: [Int]
  /// The place of each row, as an index into `places`.
  package let placeIndices: [Int]
  /// In the order in which the file first names them.
  package let places: [Place]
  /// What is damaged or missing in the file, a sentence each; those rows and columns are left out.
  package let problems: [String]
  private let values: [String: [Double]]

  /// What stands for an empty field. Compare by `isMeasured`, since no NaN equals another.
  package static let notMeasured = Double(nan: 1, signaling: false)

  /// Whether a field held something, be it infinite or NaN.
  package static func isMeasured(_ value: Double) -> Bool {
    value.bitPattern != notMeasured.bitPattern
  }

  init(
    kind: RunTable, steps: [Int], replicas: [Int], placeIndices: [Int], places: [Place],
    values: [String: [Double]], problems: [String]
  ) {
    (self.kind, self.steps, self.replicas) = (kind, steps, replicas)
    (self.placeIndices, self.places) = (placeIndices, places)
    (self.values, self.problems) = (values, problems)
  }

  /// How many rows there are.
  package var count: Int { steps.count }

  /// A column's value in each row; nil where the file has no such column.
  package subscript(column: String) -> [Double]? { values[column] }

  /// The columns that the file has, without step, replica and place, in the table's order.
  package var columns: [String] { kind.columns.filter { values[$0] != nil } }

  /// All replicas that have rows, ascending.
  package var replicaNumbers: [Int] { Set(replicas).sorted() }

  /// The rows of each step, ascending. O(rows).
  package var rowsOfSteps: [Step] {
    var (result, start) = ([Step](), 0)
    for row in steps.indices where row + 1 == steps.count || steps[row + 1] != steps[row] {
      result.append(Step(step: steps[row], rows: start..<row + 1))
      start = row + 1
    }
    return result
  }
}

extension ReplicaTable {
  /// The mean of the finite values of a column within a range of steps; nil where there are none.
  package func mean(of column: String, in range: ClosedRange<Int> = 0...Int.max) -> Double? {
    guard let values = self[column] else { return nil }
    var moments = Moments()
    for (step, value) in zip(steps, values) where range.contains(step) && value.isFinite {
      moments.add(value)
    }
    return moments.count > 0 ? moments.mean : nil
  }

  /// The gradient noise scale within a range of steps, in examples: means first, the quotient last
  /// (`GradientStatistics`); nil where the signal drowns in the noise.
  package func noiseScale(in range: ClosedRange<Int> = 0...Int.max) -> Double? {
    guard let noise = mean(of: "noise", in: range), let signal = mean(of: "signal", in: range),
      signal > 0
    else { return nil }
    return noise / signal
  }
}
