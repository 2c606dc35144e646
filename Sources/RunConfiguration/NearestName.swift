/// The candidate that `name` is most likely a misspelling of: the fewest edits, at most a third of
/// its letters; nil where none is so near. Capitals, hyphens and underscores do not count.
func nearest(to name: String, in candidates: [String]) -> String? {
  candidates.compactMap { candidate in
    editsToMisspelling(name, candidate).map { (edits: $0, candidate: candidate) }
  }
  .min { $0.edits < $1.edits }?.candidate
}

/// The same for paths; where no whole path is near, one whose last part is (`learningRate`).
func nearestPath(to path: String, in candidates: [String]) -> String? {
  if let whole = nearest(to: path, in: candidates) { return whole }
  let last = nearest(to: lastPart(path), in: candidates.map(lastPart))
  return candidates.first { lastPart($0) == last }
}

private func lastPart(_ path: String) -> String {
  path.split(separator: ".").last.map(String.init) ?? path
}

private func editsToMisspelling(_ name: String, _ candidate: String) -> Int? {
  let a = letters(name)
  let b = letters(candidate)
  let limit = max(1, b.count / 3)
  // The difference in length is a lower bound, which also keeps a long name from costing time.
  guard abs(a.count - b.count) <= limit, !a.isEmpty, !b.isEmpty else { return nil }
  let edits = editDistance(a, b)
  return edits <= limit && edits < b.count ? edits : nil
}

private func letters(_ name: String) -> [Character] {
  name.lowercased().filter { $0 != "_" && $0 != "-" }
}

/// Insertions, deletions, substitutions and swaps of neighbours that turn `a` into `b`
/// (the restricted Damerau–Levenshtein distance).
///
/// - Complexity: O(`a.count` · `b.count`).
private func editDistance(_ a: [Character], _ b: [Character]) -> Int {
  var beforeLast = [Int]()
  var last = Array(0...b.count)
  for i in 1...a.count {
    var row = [i]
    for j in 1...b.count {
      var edits = min(last[j] + 1, row[j - 1] + 1, last[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1))
      if i > 1, j > 1, a[i - 1] == b[j - 2], a[i - 2] == b[j - 1] {
        edits = min(edits, beforeLast[j - 2] + 1)
      }
      row.append(edits)
    }
    beforeLast = last
    last = row
  }
  return last[b.count]
}
