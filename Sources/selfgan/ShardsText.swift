import RunAnalysis
import RunConfiguration

/// Summaries of runs as text for a terminal of 100 columns.
struct ShardsText {
  let summaries: [ShardSummary]
  /// What is different before the first step, in a sentence.
  let configurations: String
  /// The columns to show.
  let columns: [String]
  /// Whether each column has a table of its own.
  let isDetailed: Bool

  var text: String {
    let headers = summaries.map(header)
    guard summaries.count == 1, let summary = summaries.first else {
      return (headers + [wrapped(configurations), "", comparison]).joined(separator: "\n")
    }
    return (headers + [""] + (isDetailed ? details(summary) : overview(summary)))
      .joined(separator: "\n")
  }

  private func header(_ summary: ShardSummary) -> String {
    let count = summary.replicas.count
    return
      "\(printable(summary.run)): \(count) replica\(count == 1 ? "" : "s"), \(summary.loggedSteps) logged "
      + "step\(summary.loggedSteps == 1 ? "" : "s") from \(summary.firstStep) to \(summary.lastStep)"
  }

  private func overview(_ summary: ShardSummary) -> [String] {
    let shown = columns.compactMap { summary[$0] }
    var table = TextTable(["replica"] + shown.map(\.column))
    for replica in summary.replicas {
      table.add(
        ["\(replica)"]
          + shown.map { column in
            significant(column.replicas.first { $0.replica == replica }?.spread.mean)
          })
    }
    table.add(["all"] + shown.map { significant($0.all.mean) })
    var footnotes: [String] = []
    for row in Self.rows {
      let numbers = shown.map(row.number)
      guard numbers.contains(where: { $0 != nil }) else { continue }
      table.add([row.name] + numbers.map { significant($0, digits: row.digits) })
      if !footnotes.contains(row.footnote) { footnotes.append(row.footnote) }
    }
    return [
      "\(table)", "", wrapped("Means over the steps. " + footnotes.joined(separator: " ")), "",
    ]
      + findings(shown) + largestWeights(summary) + caution(shown)
  }

  /// A row of an overview below those of the replicas, and what it means.
  private struct Row {
    let name: String
    let digits: Int
    let footnote: String
    let number: (ColumnSummary) -> Double?
  }

  private static var rows: [Row] {
    let p =
      "p: of no difference, by analysis of variance, by ranks (Kruskal–Wallis), with steps as blocks."
    return [
      Row(
        name: "spread", digits: 4,
        footnote: "spread: mean standard deviation between the replicas of a step."
      ) { $0.differences.spreadInStep },
      Row(name: "ICC", digits: 2, footnote: "ICC: share of variance that lies between replicas.") {
        $0.differences.variance?.intraclassCorrelation
      },
      Row(name: "ANOVA p", digits: 2, footnote: p) { $0.differences.variance?.pValue },
      Row(name: "rank p", digits: 2, footnote: p) { $0.differences.ranks?.pValue },
      Row(name: "block p", digits: 2, footnote: p) { $0.differences.blocks?.pValue },
      Row(name: "drift", digits: 2, footnote: "drift: change of the mean in 1,000 steps.") {
        $0.drift.mean?.slope
      },
    ]
  }

  /// What the tests say of each column; columns that have the same sentence share a line.
  private func findings(_ shown: [ColumnSummary]) -> [String] {
    var sentences: [String] = []
    for column in shown where !sentences.contains(column.finding) {
      sentences.append(column.finding)
    }
    return sentences.map { sentence in
      let names = shown.filter { $0.finding == sentence }.map(\.column)
      return wrapped(
        (names.count == shown.count ? "all columns" : names.joined(separator: ", "))
          + ": \(sentence)")
    }
  }

  private func largestWeights(_ summary: ShardSummary) -> [String] {
    let replicas = Double(summary.weights.count)
    guard replicas > 0 else { return [] }
    let shares = WeightShares.columns.indices.map { weight in
      summary.weights.reduce(0) { $0 + ($1.largestOfItsOwn[weight] ?? 0) } / replicas
    }
    return [
      "largest weight of a replica: "
        + zip(Self.weightNames, shares).map { "\($0) in \(percent($1))" }
        .joined(separator: ", ") + " of its steps"
    ]
  }

  private func caution(_ shown: [ColumnSummary]) -> [String] {
    let dependent = shown.filter { !$0.cautions.isEmpty }
    let counts = dependent.compactMap { $0.differences.effectiveSteps }.map { max(1, $0.rounded()) }
    guard let least = counts.min(), let most = counts.max() else { return [] }
    let range = least == most ? "\(Int(least))" : "\(Int(least)) to \(Int(most))"
    return [
      wrapped(
        "caution: p values take steps as independent and are too small. By their autocorrelation the "
          + "steps count as about \(range) (\(dependent.count) of \(shown.count) columns).")
    ]
  }

  static let weightNames = WeightShares.columns.map {
    String($0.dropFirst("weight_".count))
  }
}
