/// A table of a report. The properties are the document's keys.
package struct ReportTable: Encodable, Sendable {
  /// What a column holds.
  package struct Column: Encodable, Sendable {
    package var name: String
    /// Whether it is aligned to the right.
    package var numeric: Bool
    /// What its values mean, where the name does not say it.
    @OrNull package var help: String?

    package init(_ name: String, numeric: Bool = true, help: String? = nil) {
      (self.name, self.numeric, self.help) = (name, numeric, help)
    }
  }

  package enum Cell: Encodable, Sendable, Equatable {
    case text(String)
    /// Shown with four digits; nil, and what is not finite, as missing.
    case number(Double?)

    package func encode(to encoder: any Encoder) throws {
      var container = encoder.singleValueContainer()
      switch self {
      case .text(let text): try container.encode(text)
      case .number(let number): try container.encode(rounded(number))
      }
    }
  }

  /// Draws the eye to a cell.
  package struct Mark: Encodable, Sendable, Equatable {
    package enum Kind: String, Encodable, Sendable {
      case high, low, note
    }

    package let row: Int
    package let column: Int
    package let kind: Kind

    package init(row: Int, column: Int, _ kind: Kind) {
      (self.row, self.column, self.kind) = (row, column, kind)
    }

    /// [row, column, kind]
    package func encode(to encoder: any Encoder) throws {
      var container = encoder.unkeyedContainer()
      try container.encode(row)
      try container.encode(column)
      try container.encode(kind)
    }
  }

  package var title: String
  @OrNull package var note: String?
  package var columns: [Column]
  /// Each as long as `columns`.
  package var rows: [[Cell]]
  package var marks: [Mark]

  package init(
    title: String, note: String? = nil, columns: [Column], rows: [[Cell]], marks: [Mark] = []
  ) {
    (self.title, self.note, self.columns) = (title, note, columns)
    (self.rows, self.marks) = (rows, marks)
  }
}
