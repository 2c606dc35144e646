import RunReport

/// A comparison for a terminal: its sentences, then its tables.
struct ComparisonText: CustomStringConvertible {
  let description: String

  init(_ comparison: Comparison) {
    let tables = comparison.tables.map { table in
      var text = TextTable(table.columns.map(\.name), hasNames: true)
      for row in table.rows { text.add(row.map(Self.cell)) }
      return "\(table.title)\n\(text)"
    }
    description = (comparison.headline.map(wrapped) + tables).joined(separator: "\n\n")
  }

  private static func cell(_ cell: ReportTable.Cell) -> String {
    switch cell {
    case .text(let text): text
    case .number(let number?) where number == number.rounded() && abs(number) < 1e6:
      "\(Int(number))"
    case .number(let number): significant(number, digits: 3)
    }
  }
}
