import RunAnalysis

/// Summaries of runs as a long table: a row a run, column, replica (or all) and statistic.
struct ShardsCSV {
  let summaries: [ShardSummary]

  var text: String {
    var lines = ["run,column,replica,statistic,value"]
    for summary in summaries {
      for column in summary.columns {
        let place = [summary.run, column.column]
        for own in column.replicas { append(own.spread, place + ["\(own.replica)"], to: &lines) }
        for statistics in [column.all, column.differences, column.drift] as [any StatisticList] {
          append(statistics, place + ["all"], to: &lines)
        }
        for outlier in column.outliers {
          append(outlier, place + ["\(outlier.replica)"], to: &lines)
        }
      }
      for shares in summary.weights {
        append(shares, [summary.run, "weights", "\(shares.replica)"], to: &lines)
      }
    }
    return lines.joined(separator: "\n")
  }

  private func append(_ statistics: any StatisticList, _ place: [String], to lines: inout [String])
  {
    for (name, value) in statistics.numbers where name != "replica" {
      let text = value.map { $0.isFinite ? "\($0)" : "" } ?? ""
      lines.append(line(place + [name, text]))
    }
  }

  /// Fields as RFC 4180 quotes them.
  private func line(_ fields: [String]) -> String {
    fields.map { field in
      let isPlain = !field.unicodeScalars.contains { "\",\r\n".unicodeScalars.contains($0) }
      return isPlain ? field : "\"" + field.replacing("\"", with: "\"\"") + "\""
    }.joined(separator: ",")
  }
}
