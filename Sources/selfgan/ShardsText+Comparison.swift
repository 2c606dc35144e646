import RunAnalysis
import RunConfiguration

extension ShardsText {
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
    let notFinite = columns.flatMap { column in
      summaries.compactMap { summary in
        summary[column].flatMap { own in
          own.notFiniteText.isEmpty ? nil : "\(summary.run), \(column)\(own.notFiniteText)"
        }
      }
    }
    return "\(table)\n\n" + notFinite.map { printable($0) + "\n" }.joined()
      + "sd: over steps and replicas. between: of the replicas' own levels. spread: mean standard\n"
      + "deviation between the replicas of a step. difference: of the mean to the first run's."
  }
}
