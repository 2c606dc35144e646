/// `shards.csv`, read.
struct ShardsTable {
  struct Ragged: Error { let line: String }

  static let columns = [
    "step", "replica", "loss_self", "loss_generated", "loss_real", "loss_fake",
    "weight_generated", "weight_real", "weight_fake", "validity_generated", "validity_real",
    "validity_fake", "gradient_norm",
  ]

  let header: [String]
  /// By column; without those that are empty.
  let rows: [[String: Double]]

  /// Throws where a line has not its fields, or is not complete.
  init(_ text: String) throws {
    var lines = text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
    guard let rest = lines.popLast(), rest.isEmpty, let first = lines.first else {
      throw Ragged(line: lines.last ?? "")
    }
    let header = first.split(separator: ",").map(String.init)
    self.header = header
    rows = try lines.dropFirst().map { line in
      let fields = line.split(separator: ",", omittingEmptySubsequences: false)
      guard fields.count == header.count else { throw Ragged(line: line) }
      var row: [String: Double] = [:]
      for (column, field) in zip(header, fields) where !field.isEmpty {
        guard let number = Double(field) else { throw Ragged(line: line) }
        row[column] = number
      }
      return row
    }
  }
}
