import RunFiles

/// How often a replica's dynamic weights were the largest ones. Ties are split evenly.
package struct WeightShares: StatisticList {
  /// The columns of the three weights.
  package static let columns = ShardStatistics.weights

  package let replica: Int
  /// Steps in which all three of the replica's weights are finite.
  package let steps: Int
  /// By weight: in which share of these steps it was the largest of the replica's own three.
  package let largestOfItsOwn: [Double?]
  /// By weight: in which share of the steps it was the largest one of all replicas; nil for a replica
  /// that was never beside another.
  package let largestAmongReplicas: [Double?]

  package var numbers: [(name: String, value: Double?)] {
    [("replica", Double(replica)), ("steps", Double(steps))]
      + zip(Self.columns, largestOfItsOwn).map { ("largestOfItsOwn.\($0)", $1) }
      + zip(Self.columns, largestAmongReplicas).map { ("largestAmongReplicas.\($0)", $1) }
  }

  /// One a replica that has finite weights, ascending.
  static func ofReplicas(_ table: ReplicaTable, steps: ClosedRange<Int>) -> [WeightShares] {
    let weights = columns.compactMap { table[$0] }
    guard weights.count == columns.count else { return [] }
    var own = [Int: Tally]()
    var among = [Int: [Tally]]()
    for step in table.rowsOfSteps where steps.contains(step.step) {
      let rows = step.rows.filter { row in weights.allSatisfy { $0[row].isFinite } }
      for row in rows {
        let shares = Self.shares(weights.map { $0[row] })
        own[table.replicas[row], default: Tally(count: columns.count)].add(shares)
      }
      guard rows.count > 1 else { continue }
      for (weight, values) in weights.enumerated() {
        for (row, share) in zip(rows, Self.shares(rows.map { values[$0] })) {
          among[
            table.replicas[row], default: columns.map { _ in Tally(count: 1) }
          ][weight].add([share])
        }
      }
    }
    return own.sorted { $0.key < $1.key }.map { replica, tally in
      WeightShares(
        replica: replica, steps: tally.trials, largestOfItsOwn: tally.shares,
        largestAmongReplicas: among[replica]?.map { $0.shares[0] } ?? columns.map { _ in nil })
    }
  }

  /// Wins in so many trials, of each of several.
  private struct Tally {
    private var wins: [Double]
    private(set) var trials = 0

    init(count: Int) { wins = Array(repeating: 0, count: count) }

    mutating func add(_ shares: [Double]) {
      for (index, share) in shares.enumerated() { wins[index] += share }
      trials += 1
    }

    var shares: [Double?] { wins.map { $0 / Double(trials) } }
  }

  /// 1 for the largest value and 0 for the others, or equal parts of 1 for several that are largest.
  private static func shares(_ values: [Double]) -> [Double] {
    let largest = values.max()
    let ties = values.count { $0 == largest }
    return values.map { $0 == largest ? 1 / Double(ties) : 0 }
  }
}
