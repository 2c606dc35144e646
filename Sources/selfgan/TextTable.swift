import RunConfiguration

/// A table of text for a terminal. Cells are aligned to the right.
struct TextTable: CustomStringConvertible {
  let header: [String]
  private var rows: [[String]] = []
  /// Whether the first column is aligned to the left, since it holds names.
  private let hasNames: Bool

  init(_ header: [String], hasNames: Bool = false) {
    (self.header, self.hasNames) = (header, hasNames)
  }

  /// - Parameter row: as many cells as the header has.
  mutating func add(_ row: [String]) { rows.append(row.map(printable)) }

  var description: String {
    let all = [header] + rows
    let widths = header.indices.map { column in all.map { $0[column].count }.max() ?? 0 }
    return all.map { row in
      row.indices.map { column in
        let padding = String(repeating: " ", count: widths[column] - row[column].count)
        return hasNames && column == 0 ? row[column] + padding : padding + row[column]
      }.joined(separator: "  ")
    }.joined(separator: "\n")
  }
}
