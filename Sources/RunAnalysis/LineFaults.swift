/// What is wrong with lines of a file: one sentence a kind, however many lines have it.
struct LineFaults {
  enum Kind: Hashable {
    case fieldCount(expected: Int)
    case noStep(ClosedRange<Int>)
    case noReplica(ClosedRange<Int>)
    case noNumber
    case repeated
    case backwards
    case noMetrics
  }

  private let file: String
  private var found: [Kind: (first: Int, count: Int)] = [:]
  private var cutOff: Int?

  init(file: String) { self.file = file }

  /// - Parameter line: lines may come in any order.
  mutating func add(_ kind: Kind, line: Int) {
    let before = found[kind] ?? (line, 0)
    found[kind] = (min(before.first, line), before.count + 1)
  }

  /// Notes that the last line has no end, where `line` is its number.
  mutating func noteCutOff(line: Int?) { cutOff = line }

  /// In the order of their first lines.
  var sentences: [String] {
    let faults = found.sorted { $0.value.first < $1.value.first }.map { kind, lines in
      let isOne = lines.count == 1
      let others = lines.count - 1
      let subject =
        "line \(lines.first)" + (isOne ? "" : " and \(others) other\(others == 1 ? "" : "s")")
      return "\(file): \(subject) \(predicate(of: kind, isOne: isOne))"
    }
    guard let cutOff else { return faults }
    let kept = cutOff == 2 ? "the line before it is" : "the \(cutOff - 1) lines before it are"
    return faults + ["\(file): line \(cutOff) is cut off; \(kept) used"]
  }

  private func predicate(of kind: Kind, isOne: Bool) -> String {
    let has = isOne ? "has" : "have"
    let left = isOne ? "it is left out" : "they are left out"
    return switch kind {
    case .fieldCount(let expected): "\(has) not the header's \(expected) fields; \(left)"
    case .noStep(let range):
      "\(has) no step from \(range.lowerBound) to \(range.upperBound); \(left)"
    case .noReplica(let range):
      "\(has) no replica from \(range.lowerBound) to \(range.upperBound); \(left)"
    case .noNumber: "\(has) something else where a number should be; \(left)"
    case .repeated: "\(isOne ? "repeats" : "repeat") what an earlier line is about; \(left)"
    case .backwards:
      "\(isOne ? "goes" : "go") back to an earlier step; lines are taken in the order of their steps"
    case .noMetrics: "\(isOne ? "is no JSON object" : "are no JSON objects") with a step; \(left)"
    }
  }
}
