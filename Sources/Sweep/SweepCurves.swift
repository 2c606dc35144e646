import RunAnalysis
import RunFiles
import RunReport
import Statistics

/// How the losses and weights of a group's cells go over training: a line for each number of
/// replicas, the mean over its seeds.
struct SweepCurves {
  private let results: SweepResults
  private let group: SweepCell.Group

  init(_ results: SweepResults, _ group: SweepCell.Group) {
    (self.results, self.group) = (results, group)
  }

  /// Points of a line.
  private static let largestCount = 40

  var charts: [Comparison.Chart] {
    ShardStatistics.leading.compactMap(chart)
  }

  /// Lines are means over replicas and seeds, bands the seeds' smallest and largest; nil where no cell
  /// has the column.
  private func chart(_ column: String) -> Comparison.Chart? {
    guard let first = results.cells.first(where: { $0.cell.group == group }) else { return nil }
    let last = first.cell.configuration.steps
    let logEvery = first.cell.configuration.logEvery
    let count = max(1, min(Self.largestCount, last / logEvery))
    // The last step of each stretch.
    let ends = (1...count).map { $0 * last / count }
    let series = results.plan.replicas.map { replicas -> Comparison.Chart.Series in
      let curves = results.cells
        .filter { $0.cell.group == group && $0.cell.replicas == replicas }
        .compactMap { $0.archive.shards.map { means(column, $0, ends) } }
      let seeds = ends.indices.map { end in Moments(curves.compactMap { $0[end] }) }
      return Comparison.Chart.Series(
        name: "\(replicas) replica\(replicas == 1 ? "" : "s")", mean: seeds.map(\.mean),
        low: seeds.map(\.minimum), high: seeds.map(\.maximum))
    }
    guard series.contains(where: { $0.mean.contains { $0 != nil } }) else { return nil }
    return Comparison.Chart(
      title: results.title(SweepSentences.name(column), group), x: ends.map(String.init),
      xLabel: "step", yLabel: SweepSentences.name(column), series: series)
  }

  /// The means of a column's finite values in each stretch of steps; nil where it has none.
  private func means(_ column: String, _ table: ReplicaTable, _ ends: [Int]) -> [Double?] {
    var moments = [Moments](repeating: Moments(), count: ends.count)
    guard let values = table[column] else { return moments.map { _ in nil } }
    var stretch = 0
    for (step, value) in zip(table.steps, values) {
      while stretch < ends.count - 1, step > ends[stretch] { stretch += 1 }
      if step <= ends[stretch], value.isFinite { moments[stretch].add(value) }
    }
    return moments.map { $0.count > 0 ? $0.mean : nil }
  }
}
