import RunAnalysis

extension ShardsText {
  /// What is different before the first step.
  var configurations: String {
    let known = summaries.count - unknown.count
    let keys = differences.map { "\($0.key) (\($0.values.joined(separator: ", ")))" }
    return wrapped(
      (known < 2
        ? "The configurations cannot be compared."
        : keys.isEmpty
          ? "The configurations do not differ."
          : "The configurations differ in \(keys.joined(separator: ", ")).")
        + (unknown.isEmpty ? "" : " Not known is that of \(unknown.joined(separator: ", "))."))
  }

  /// A row a column and run.
  var comparison: String {
    var table = TextTable(
      ["column", "run", "mean", "sd", "between", "spread", "ICC", "difference"], hasNames: true)
    for column in columns {
      let first = summaries.first?[column]?.all.mean
      for (index, summary) in summaries.enumerated() {
        let own = summary[column]
        let difference = first.flatMap { first in own?.all.mean.map { $0 - first } }
        table.add(
          [index == 0 ? column : "", summary.run]
            + [
              own?.all.mean, own?.all.standardDeviation, own?.differences.betweenDeviation,
              own?.differences.spreadInStep,
            ].map { significant($0) }
            + [
              significant(own?.differences.variance?.intraclassCorrelation, digits: 2),
              index == 0 ? "–" : significant(difference),
            ])
      }
    }
    return "\(table)\n\n"
      + "sd: over steps and replicas. between: of the replicas' own levels. spread: mean standard\n"
      + "deviation between the replicas of a step. difference: of the mean to the first run's."
  }
}
