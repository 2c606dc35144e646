/// When in a step something happens: the same in all processes, whatever their workers' widths.
package struct StepPosition: Codable, Comparable, Hashable, Sendable {
  /// Segment s is stage 2 · s, and what happens between it and the next one is stage 2 · s + 1.
  private let stage: Int
  private let index: Int

  /// Before anything is computed: variable `index`.
  static func before(variable index: Int) -> StepPosition {
    StepPosition(stage: -1, index: index)
  }

  /// The instruction at a position of a segment.
  static func instruction(_ index: Int, ofSegment segment: Int) -> StepPosition {
    StepPosition(stage: 2 * segment, index: index)
  }

  /// The sum over all replicas that instruction `index` asks for.
  static func sum(_ index: Int, round: Int) -> StepPosition {
    StepPosition(stage: 2 * round + 1, index: index)
  }

  /// What is written behind `count` sums.
  static func update(_ index: Int, after count: Int, round: Int) -> StepPosition {
    StepPosition(stage: 2 * round + 1, index: count + index)
  }

  package static func < (a: StepPosition, b: StepPosition) -> Bool {
    (a.stage, a.index) < (b.stage, b.index)
  }
}

/// What first made an infinity or a NaN in a step, of what one process knows of. All that it was made
/// of was finite.
///
/// The least of several is the first: that of the earliest operation, then of the lowest replica.
package struct NonFiniteOrigin: Codable, Hashable, Sendable {
  /// One of an operation's inputs.
  package struct Input: Codable, Hashable, Sendable {
    /// As the program's text calls it.
    package let value: String
    /// The largest of its elements' magnitudes.
    package let magnitude: Float
  }

  package let position: StepPosition
  /// Whose value it is: one replica's, the sum over some; nil where all replicas have it in common.
  package let replicas: Range<Int>?
  /// `generator/dense_2`; empty where it is no layer's.
  package let layer: String
  /// What made it, as the program's text calls it; nil where a variable or an input had it before the
  /// step.
  package let operation: String?
  /// The value in the program's text (`%57`), or the variable's or the input's name.
  package let value: String
  package let shape: [Int]
  /// The element's position in row-major order.
  package let element: Int
  package let number: Float
  /// The operation's line in the program's text, with all that it does; empty where it has none.
  package let line: String
  /// The one of the operation's inputs that has the largest numbers; nil where it is not known.
  package let largestInput: Input?
}

extension NonFiniteOrigin: Comparable {
  package static func < (a: NonFiniteOrigin, b: NonFiniteOrigin) -> Bool {
    func key(_ origin: NonFiniteOrigin) -> (Int, Int) {
      (origin.replicas?.lowerBound ?? 0, origin.element)
    }
    return (a.position, key(a).0, key(a).1) < (b.position, key(b).0, key(b).1)
  }
}

/// What one worker finds in a step that is examined.
package final class NonFiniteSearch {
  package private(set) var first: NonFiniteOrigin?

  package init() {}

  /// Looks at what has been written at `position`, unless something earlier is known already.
  ///
  /// - Parameter origin: describes what is found.
  func examine(
    _ part: WrittenPart, at position: StepPosition,
    _ origin: (_ element: Int, _ number: Float) -> NonFiniteOrigin
  ) {
    if let first, first.position < position { return }
    guard let (element, number) = part.memory.firstNonFinite else { return }
    let found = origin(part.firstElement + element, number)
    first = first.map { min($0, found) } ?? found
  }
}
