/// What people call a column of a run's tables: "Self loss", "Real weight".
package func quantityName(_ column: String) -> String {
  let parts = column.split(separator: "_").map(String.init)
  guard let kind = parts.first, parts.count == 2, ["loss", "weight", "validity"].contains(kind)
  else {
    return column.prefix(1).uppercased() + column.dropFirst().replacing("_", with: " ")
  }
  return "\(parts[1].capitalized) \(kind)"
}
