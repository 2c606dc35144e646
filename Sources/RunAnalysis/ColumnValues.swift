import Statistics

/// The values of a column within a range of steps, by replica and by step. Where a table has several
/// rows for a step and replica, one for each batch norm and pass, the value is their mean.
struct ColumnValues {
  /// One replica's.
  struct OfReplica {
    let replica: Int
    /// The finite ones, in the order of their steps.
    var values: [Double] = []
    var notMeasured = 0
    var notFinite = 0
  }

  /// All replicas that have rows in the range, ascending.
  private(set) var replicas: [OfReplica]
  /// The steps that have a finite value.
  private(set) var steps: [Int] = []
  /// The finite values of all replicas in each of `steps`.
  private(set) var moments: [Moments] = []
  /// [replicas][steps], of those steps in which all replicas have finite values.
  private(set) var completeSteps: [[Double]]

  /// What the rows of one replica in one step come to.
  private struct Cell {
    var (sum, count, isMeasured) = (0.0, 0, true)
  }

  /// Nil where the table has no such column.
  init?(_ column: String, of table: ReplicaTable, steps range: ClosedRange<Int>) {
    guard let values = table[column] else { return nil }
    let rowsOfSteps = table.rowsOfSteps.filter { range.contains($0.step) }
    let numbers = Set(rowsOfSteps.flatMap { table.replicas[$0.rows] }).sorted()
    replicas = numbers.map { OfReplica(replica: $0) }
    completeSteps = Array(repeating: [], count: numbers.count)
    var indices = [Int](repeating: 0, count: ReplicaTable.largestReplica + 1)
    for (index, number) in numbers.enumerated() { indices[number] = index }

    for step in rowsOfSteps {
      var cells = [Cell](repeating: Cell(), count: numbers.count)
      for row in step.rows {
        let index = indices[table.replicas[row]]
        cells[index].sum += values[row]
        cells[index].count += 1
        if !ReplicaTable.isMeasured(values[row]) { cells[index].isMeasured = false }
      }
      add(cells, step: step.step)
    }
  }

  private mutating func add(_ cells: [Cell], step: Int) {
    var (ofStep, finite) = (Moments(), [Double]())
    for (index, cell) in cells.enumerated() where cell.count > 0 {
      let value = cell.sum / Double(cell.count)
      if !cell.isMeasured {
        replicas[index].notMeasured += 1
      } else if !value.isFinite {
        replicas[index].notFinite += 1
      } else {
        replicas[index].values.append(value)
        ofStep.add(value)
        finite.append(value)
      }
    }
    guard ofStep.count > 0 else { return }
    steps.append(step)
    moments.append(ofStep)
    guard finite.count == cells.count else { return }
    for (index, value) in finite.enumerated() { completeSteps[index].append(value) }
  }

  /// Of all replicas together.
  var spread: Spread {
    Spread(
      replicas.flatMap(\.values), notMeasured: replicas.reduce(0) { $0 + $1.notMeasured },
      notFinite: replicas.reduce(0) { $0 + $1.notFinite })
  }

  /// Of each replica.
  var spreads: [ReplicaSpread] {
    replicas.map { own in
      ReplicaSpread(
        replica: own.replica,
        spread: Spread(own.values, notMeasured: own.notMeasured, notFinite: own.notFinite))
    }
  }
}
