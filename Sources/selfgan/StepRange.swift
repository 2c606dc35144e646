import ArgumentParser

/// Steps as a user names them: 100-200, or 100..<200.
struct StepRange: ExpressibleByArgument {
  let range: ClosedRange<Int>

  init?(argument: String) {
    let isHalfOpen = argument.contains("..<")
    let bounds = argument.split(
      separator: isHalfOpen ? "..<" : "-", omittingEmptySubsequences: false)
    guard bounds.count == 2, let first = Int(bounds[0]), let end = Int(bounds[1]), first >= 1,
      end < Int.max
    else { return nil }
    let last = isHalfOpen ? end - 1 : end
    guard first <= last else { return nil }
    range = first...last
  }
}
